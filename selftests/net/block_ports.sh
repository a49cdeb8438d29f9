#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Port blocks of 64: what a subscriber's control connection announces, and the source port of what it leads to, stay in
# the block that the control connection was translated to. On the wire and in conntrack.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
fw r filter "accept=ct status dnat"
on r nft -f - <<-END
	table ip nat {
		chain predst {
			type nat hook prerouting priority dstnat
			iifname wan0 ip daddr 203.0.113.1 tcp dport 21 dnat to 192.168.1.12:21
		}
		chain post {
			type nat hook postrouting priority srcnat
			oifname wan0 ip saddr 192.168.1.11 meta l4proto { tcp, udp } snat to 203.0.113.1:10000-10063
			oifname wan0 ip saddr 192.168.1.12 meta l4proto { tcp, udp } snat to 203.0.113.1:10064-10127
		}
	}
END
alg_load ftp tftp
lab_start
alg r policy add wide ftp on option max-pinholes=128
alg r tenant add default policy wide ports 10000-10127 block 64

in_block() { (($1 >= $2 && $1 <= $2 + 63)); }

# conntrack_outside LOW: sets N to ports of 203.0.113.1 in conntrack that are outside a block, ALL to how many there are
conntrack_outside()
{
	local line port
	N=0 ALL=0
	while read -r line; do
		[[ $line =~ dst=203.0.113.1\ sport=[0-9]+\ dport=([0-9]+) ]] || continue
		port=${BASH_REMATCH[1]} ALL=$((ALL + 1))
		in_block "$port" "$1" || N=$((N + 1))
	done < <(on r conntrack -L 2>/dev/null)
}

# ---- one subscriber ----

lab sniff wan r wan0
lab open a c1 s1 203.0.113.2
check "control connection in the block" in_block "${L[port]}" 10000
for kind in PORT EPRT; do
	for _ in 1 2 3 4; do
		lab announce a $kind port=5001
		check "$kind from port 5001: the pinhole is in the block" in_block "${L[port]}" 10000
		check "... and works" lab come a
	done
done
for kind in PASV EPSV; do
	for _ in 1 2 3 4; do
		check "$kind" lab get a $kind
		check "... its source port is in the block" in_block "${L[peerport]}" 10000
	done
done
check "TFTP" lab tftp c1 s1 203.0.113.2 sport=6000
check "... its port is in the block" in_block "${L[port]}" 10000
# One of them may be taken by a data connection that lingers.
for port in 10040 10041 10042 10043 10044 10045; do
	lab announce a PORT "port=$port"
	[ "${L[port]}" != "$port" ] || break
done
check_is "a port of the block is kept" "${L[port]}" "$port"
lab ports wan 203.0.113.1
check "on the wire nothing left the block (${L[lowest]} to ${L[highest]})" \
	[ "${L[lowest]}" -ge 10000 -a "${L[highest]}" -le 10063 ]
check "... and there was something" [ "${L[n]}" -ge 6 ]
conntrack_outside 10000
check_is "in conntrack nothing left the block" "$N of $ALL" "0 of $ALL"
check "... and there was something" [ $ALL -ge 10 ]

# ---- another subscriber with the same local ports ----

lab open b c2 s1 203.0.113.2
check "the other subscriber's control connection in his block" in_block "${L[port]}" 10064
lab announce a PORT port=5001
mine=${L[port]}
lab announce b PORT port=5001
check "his pinhole for the same port is in his block" in_block "${L[port]}" 10064
check "... mine in mine" in_block "$mine" 10000
check "his works" lab come b
check "mine works" lab come a
lab announce b PORT port=10040
check "he can't have a port of my block" in_block "${L[port]}" 10064
check "... nor can a data connection of his" lab get b PASV
check "... its source port is in his block" in_block "${L[peerport]}" 10064

# ---- a server inside that is forwarded statically has none of the subscribers' ports ----

lab open server s2 c2 203.0.113.1 listen=192.168.1.12:21
check "a forwarded server: PASV" lab announce server PASV port=10005
check "... takes no port of a block" [ "${L[port]}" -gt 10127 -o "${L[port]}" -lt 10000 ]
check "... and works" lab come server

# ---- exhaustion ----

remember r default no-port
last=1 opened=0 stray=0
for port in {5100..5180}; do
	lab announce a PORT port="$port"
	[ "${L[changed]}" = 1 ] || { last=0; break; }
	opened=$((opened + 1))
	in_block "${L[port]}" 10000 || stray=$((stray + 1))
done
check_is "a full block refuses" $last 0
check_grew "... with reason no-port" r default no-port 1
check "... after most of its ports were used ($opened)" [ $opened -ge 20 -a $opened -le 63 ]
check_is "... none of them outside" $stray 0
check "the neighbour is not concerned" lab get b PORT
# To another destination a port can be used once more.
if lab get a PASV $SHORT; then
	check "a passive data connection doesn't leave a full block" in_block "${L[peerport]}" 10000
else
	ok "a passive data connection doesn't leave a full block: refused"
fi
lab ports wan 203.0.113.1
low=${L[lowest]} high=${L[highest]}
check "on the wire nothing of the subscribers overflowed" [ "$low" -ge 21 -a "$high" -ge 10000 ]
lab close a b server
on r conntrack -F >/dev/null 2>&1
check_pinholes "pinholes end with their sessions" r 0
lab open a c1 s1 203.0.113.2
check "the block is free again" lab get a PORT

# ---- the negative: no block configured ----

alg r tenant set default ports any
lab announce a PORT port=5001
check_fails "without a block the pinhole keeps its own port" in_block "${L[port]}" 10000
finish
