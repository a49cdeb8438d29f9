#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# Calls with RTP and RTCP through NAT and a firewall, over UDP and TCP: SIPp at both ends, and what arrives there is counted.
#
#   c1 calls s1 (IPv4: source NAT; IPv6: firewall), s2 calls c2 by way of 203.0.113.1 (destination NAT)

. "$(dirname "$0")/sip_lib.sh"
need nft sipp python3 awk grep
topo_lan
for n in 4 5 6 7; do
	echo "addr add 203.0.113.$n/24 dev eth0"
done | ip -n "$s1" -batch -
count_arrivals c1 c2 s1 s2
sip_files
alg_start sip
RULES[r]="add rule ip nat predst ip daddr 203.0.113.1 meta l4proto { tcp, udp } th dport 5060 dnat to 192.168.1.12:5060"
alg_box r filter masquerade

# kind: caller's namespace, its address, the one that it calls, the callee's namespace and address
declare -A KIND=(
	[SNAT]="c1 192.168.1.11 203.0.113.2:5060 s1 203.0.113.2"
	[DNAT]="s2 203.0.113.3 203.0.113.1:5060 c2 192.168.1.12"
	[IPv6]="c1 2001:db8:1::11 [2001:db8:2::2]:5060 s1 2001:db8:2::2"
)

# matrix NAME UAC UAS PORT: six calls at once; media ports from PORT on, one hundred for each call, those of the callee 50 higher
matrix()
{
	local kind transport a port=$4
	CALLS=()
	for kind in SNAT DNAT IPv6; do
		read -ra a <<<"${KIND[$kind]}"
		for transport in udp tcp; do
			sipp_start "$1-$kind-$transport-uas" "${a[3]}" "$3" $transport "${a[4]}" 5060 $((port + 50))
			CALLS+=("$kind $transport $port")
			port=$((port + 100))
		done
	done
	for call in "${CALLS[@]}"; do
		read -r kind transport port <<<"$call"
		read -ra a <<<"${KIND[$kind]}"
		daemon_ready "$1-$kind-$transport-uas" "$transport" 5060
		sipp_start "$1-$kind-$transport-uac" "${a[0]}" "$2" "$transport" "${a[1]}" 5060 "$port" -s bob "${a[2]}"
	done
	for call in "${CALLS[@]}"; do
		read -r kind transport port <<<"$call"
		sipp_calls "$kind over $transport: $2 and $3" "$1-$kind-$transport-uac" "$1-$kind-$transport-uas"
	done
}

# media_came TITLE PORT FROM FACTOR: in HEARD, all of RTP and RTCP that SIPp played FACTOR times
media_came()
{
	heard_is "$1: RTP" "$2" "$3" $((RTP_PLAYED * $4)) "$4"
	heard_is "$1: RTCP" $(($2 + 1)) "$3" $((RTCP_PLAYED * $4)) "$4"
}

# heard_is TITLE PORT FROM COUNT FLOWS: all of it, but for the first packet of a flow: where both parties' first ones cross on two
# processors, conntrack keeps the connection of one and drops the other packet.
heard_is()
{
	heard "$2" "$3"
	if [ "$N" -le "$4" ] && [ "$N" -ge $(($4 - $5)) ]; then
		ok "$1"
	else
		fail "$1" "got:    $N" "wanted: $4" "heard there, of all:$FROM"
	fi
}

# matrix_media FACTOR: for the calls of the last matrix
matrix_media()
{
	local call kind transport port
	for ns in c1 c2 s1 s2; do
		arrivals $ns
		for call in "${CALLS[@]}"; do
			read -r kind transport port <<<"$call"
			case $kind-$ns in
			SNAT-c1) media_came "$kind over $transport, to the caller" "$port" 203.0.113.2 "$1";;
			SNAT-s1) media_came "$kind over $transport, to the callee" $((port + 50)) 203.0.113.1 "$1";;
			DNAT-s2) media_came "$kind over $transport, to the caller" "$port" 203.0.113.1 "$1";;
			DNAT-c2) media_came "$kind over $transport, to the callee" $((port + 50)) 203.0.113.3 "$1";;
			IPv6-c1) media_came "$kind over $transport, to the caller" "$port" 2001:db8:2::2 "$1";;
			IPv6-s1) media_came "$kind over $transport, to the callee" $((port + 50)) 2001:db8:1::11 "$1";;
			esac
		done
	done
}

# ---- the caller ends the call; what was written ----

matrix first uac uas 20000
matrix_media 1
arrivals s1
for transport in udp tcp; do
	check_fails "SNAT over $transport: no private address outside Call-ID arrives" \
		sipp_leaks first-SNAT-$transport-uas '*192.168.*'
	check_fails "DNAT over $transport: no private address arrives" sipp_leaks first-DNAT-$transport-uac '*192.168.*'
	sipp_media first-SNAT-$transport-uas
	port=${MEDIA[0]-none}
	own=20050
	[ $transport = udp ] || own=20150
	heard $own 203.0.113.1 "$port"
	check "SNAT over $transport: RTP comes from the port $port that was announced" [ "$N" -ge $((RTP_PLAYED - 1)) ]
done

# ---- the callee ends it ----

matrix second uac_waits uas_bye 21000
matrix_media 1

# ---- CANCEL, digest, forks, media that move and rest: on addresses of their own ----

declare -A SERVER=([cancel]=203.0.113.4 [auth]=203.0.113.5 [fork]=203.0.113.6 [move]=203.0.113.7)
port=22000
declare -A PORT=()
for name in cancel auth fork move; do
	for transport in udp tcp; do
		PORT[$name-$transport]=$port
		sipp_start $name-$transport-uas s1 uas_$name $transport "${SERVER[$name]}" 5060 $((port + 50))
		port=$((port + 100))
	done
done
for name in cancel auth fork move; do
	uac=uac_$name
	[ $name != fork ] || uac=uac
	for transport in udp tcp; do
		port=${PORT[$name-$transport]}
		daemon_ready $name-$transport-uas $transport 5060
		sipp_start $name-$transport-uac c1 $uac $transport 192.168.1.11 $((port - 10000)) "$port" -s bob \
			"${SERVER[$name]}:5060"
	done
done
for name in cancel auth fork move; do
	for transport in udp tcp; do
		sipp_calls "$name over $transport" $name-$transport-uac $name-$transport-uas
	done
done
arrivals c1
for transport in udp tcp; do
	media_came "digest over $transport, to the caller" "${PORT[auth-$transport]}" 203.0.113.5 1
	media_came "fork over $transport, early media and those of the answer, to the caller" \
		"${PORT[fork-$transport]}" 203.0.113.6 2
	media_came "moved media over $transport, before, to the caller" "${PORT[move-$transport]}" 203.0.113.7 1
	media_came "moved media over $transport, twice after, to the caller" $((PORT[move-$transport] + 10)) 203.0.113.7 2
done
arrivals s1
for transport in udp tcp; do
	media_came "digest over $transport, to the callee" $((PORT[auth-$transport] + 50)) 203.0.113.1 1
	media_came "fork over $transport, to the callee" $((PORT[fork-$transport] + 50)) 203.0.113.1 1
	media_came "moved media over $transport, to the callee" $((PORT[move-$transport] + 50)) 203.0.113.1 3
	# The digest covers the URI as the caller wrote it.
	sent=$(grep -a ^Proxy-Authorization "$TMP/sipp/auth-$transport-uac.msg")
	check_is "digest over $transport: arrives as it was written" \
		"$(grep -a ^Proxy-Authorization "$TMP/sipp/auth-$transport-uas.msg")" "$sent"
	check_like "... and was written" "$sent" "*uri=*"
	for name in cancel auth fork move; do
		check_fails "$name over $transport: no private address outside Call-ID arrives" \
			sipp_leaks $name-$transport-uas '*192.168.*'
	done
done

# ---- without ALG ----

alg_switch sip off
[ "$ALG_BY" != kernel ] || on r conntrack -F 2>"$TMP/out"	# its connections keep their helper
matrix off uac uas 23000
matrix_media 0
finish
