#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317	# r and s1 are set by setup_ns; check calls functions
#
# IPsec with real IKE daemons in other surroundings: source port 500 for all, the box's own IKE beside, several public
# addresses, a responder behind destination NAT, path MTU, IPv6 through a firewall, peers that move to NAT traversal.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs

# conn_to GATEWAY NAME NS NUMBER ADDRESS [WORD...]: of a client
declare -A PUBLIC=([s1]=203.0.113.2 [s2]=203.0.113.3) INNER=([s1]=10.20.1 [s2]=10.20.2)
conn_to()
{
	ike_conn "$2" "left=$5" "leftid=@$3" "leftsubnet=10.1.$4.0/24" "right=${PUBLIC[$1]}" "rightid=@$1" \
		"rightsubnet=${INNER[$1]}.0/24" "${@:6}"
}
conn_from()	# conn_from CLIENT NAME GATEWAY NUMBER ADDRESS [WORD...]: of a gateway
{
	ike_conn "$2" "left=${PUBLIC[$3]}" "leftid=@$3" "leftsubnet=${INNER[$3]}.0/24" "right=$5" "rightid=@$1" \
		"rightsubnet=10.1.$4.0/24" "${@:6}"
}

gateway_rekeys()
{
	ike_mark s1
	whack s1 --name six-c1 --rekey-ipsec --asynchronous
	whack s1 --name six-c2 --rekey-ipsec --asynchronous
	wait_for 60 ike_said s1 "$IKE_REKEYED" 2
}

topo_ipsec 3
inner_address r 10.1.99.1
ip -n "$r" route add 10.20.1.0/24 via 203.0.113.2 src 10.1.99.1
inner_address s2 10.20.2.1 203.0.113.1
ip -n "$r" addr add 203.0.113.11/24 dev wan0
alg_start ike
alg_box r filter masquerade "$IKE_FILTER"
bed server s2 10.20.2.1
bed watch s2

ike_peer s1 < <(
	for n in 1 2 3; do
		conn_from c$n v2-c$n s1 $n %any
	done
	conn_from r v2-r s1 99 203.0.113.1
	conn_from inside out s1 3 203.0.113.1
	for n in 1 2; do
		PUBLIC[s1]=2001:db8:2::2
		conn_from c$n six-c$n s1 $n 2001:db8:1::1$n
	done)
ike_peer s2 < <(
	for n in 1 2; do
		conn_from c$n natt-c$n s2 $n %any encapsulation=auto
	done)
for n in 1 2 3; do
	ike_peer c$n < <(
		conn_to s1 v2 c$n $n 192.168.1.1$n
		# A responder takes the first that fits, with its way of encapsulation: c3 and s1 are to have one way only.
		if [ $n = 3 ]; then
			conn_to s1 in inside 3 192.168.1.13
		else
			conn_to s2 natt c$n $n 192.168.1.1$n encapsulation=auto
			PUBLIC[s1]=2001:db8:2::2
			conn_to s1 six c$n $n 2001:db8:1::1$n
		fi)
done
ike_peer r < <(conn_to s1 v2 r 99 203.0.113.1)
ike_ready s1 s2 c1 c2 c3 r || finish

# ---- the gateway sees port 500 of all; the box has a tunnel of its own ----

alg r policy set default ike on option preserve-port=on
check "port 500 of all: the box's own tunnel" ike_up v2 r
bed client r 10.1.99.1 10.20.1.1
check "port 500 of all: ... works" tunnels_work r
check "port 500 of all: three clients" ike_up v2 c1 c2 c3
check "port 500 of all: they and the box have tunnels that work" tunnels_work c1 c2 c3 r || what_is_wrong
check "port 500 of all: new SAs of all" ike_rekey v2 c1 c2 c3 r
check "port 500 of all: ... work" tunnels_work c1 c2 c3 r || what_is_wrong
bed ike s1 in 500
check_is "port 500 of all: that is what the gateway sees" "${B[ports]}" 500
check_is "port 500 of all: of one address" "${B[from]}" 203.0.113.1
ike_down v2 c1 c2 c3 r
alg r policy set default ike on option preserve-port=off
alg r tunnel del tenant default

# ---- transport mode, as for L2TP; SAs by hand, for IKE would want NAT traversal ----

# transport NS SOURCE DESTINATION SPI-OUT SPI-IN NUMBER PORT: both ways between the addresses, for UDP from PORT to the echo's
transport()
{
	local ports=("sport $7 dport 7" "sport 7 dport $7") key
	printf -v key '0x%040d' "$6"
	[ "$1" != s1 ] || ports=("${ports[1]}" "${ports[0]}")
	ip -n "${NETNS[$1]}" -batch - <<-END
		xfrm state add src $2 dst $3 proto esp spi $4 reqid $6 mode transport aead rfc4106(gcm(aes)) $key 128
		xfrm state add src $3 dst $2 proto esp spi $5 reqid $6 mode transport aead rfc4106(gcm(aes)) $key 128
		xfrm policy add src $2 dst $3 proto udp ${ports[0]} dir out priority 1 tmpl proto esp reqid $6 mode transport
		xfrm policy add src $3 dst $2 proto udp ${ports[1]} dir in priority 1 tmpl proto esp reqid $6 mode transport
	END
}

bed server s1 203.0.113.2
for n in 1 2; do
	transport c$n 192.168.1.1$n 203.0.113.2 0xa000000$n 0xb000000$n $n 170$n
	transport s1 203.0.113.2 203.0.113.1 0xb000000$n 0xa000000$n $n 170$n
	bed client c$n 192.168.1.1$n 203.0.113.2 203.0.113.1 170$n
done
check "transport mode: IKE" ike_up v2 c1 c2
check "transport mode: two clients" bed up c1 c2 || what_is_wrong
check "transport mode: datagrams" bed echo 5 500 c1 c2
check "transport mode: nobody got anybody else's ESP" bed spis c1 c2
for n in 1 2; do
	bed client c$n 10.1.$n.1 10.20.1.1
done
ike_down v2 c1 c2

# ---- several public addresses ----

fw r filter snat=203.0.113.10-203.0.113.11 "$IKE_FILTER"
on r conntrack -F >/dev/null 2>&1
bed forget
# One after the other: pluto takes half-open sessions from several addresses for one peer that has moved.
for ns in c1 c2 c3; do
	check "a pool of addresses: $ns" ike_up v2 $ns
done
check "a pool of addresses: they have tunnels that work" tunnels_work c1 c2 c3 || what_is_wrong
bed ike s1 in 500
from=${B[from]}
bed esp s1 in
check_is "a pool of addresses: ESP comes from IKE's" "${B[from]}" "$from"

# ---- path MTU ----

ip -n "$r" link set wan0 mtu 1300
check "a narrow link outside: TCP passes" bed tcp 50000 c1 c2 c3 || what_is_wrong
check "a narrow link outside: large datagrams" bed echo 3 1400 c1 c2 c3
ip -n "$r" link set wan0 mtu 1500
ip -n "$r" link set lan0 mtu 1280
ip -n "$s1" route flush cache
check "a narrow link inside: TCP passes" bed tcp 50000 c1 c2 c3 || what_is_wrong
ip -n "$r" link set lan0 mtu 1500
check "nobody got anybody else's ESP" bed spis c1 c2 c3
ike_down v2 c1 c2 c3

# ---- a responder inside ----

fw r filter masquerade dnat=udp:500:192.168.1.13:500
on r conntrack -F >/dev/null 2>&1
bed forget
bed server c3 10.1.3.1
bed client s1 10.20.1.1 10.1.3.1
alg_switch ike off
check "a responder behind destination NAT, without the ALG: IKE works" ike_up out s1
check "a responder behind destination NAT, without the ALG: no ESP passes" bed closed s1
ike_down out s1
on r conntrack -F >/dev/null 2>&1
alg_switch ike on
check "a responder behind destination NAT" ike_up out s1
check "a responder behind destination NAT: datagrams and TCP pass" tunnels_work s1 || what_is_wrong
check "a responder behind destination NAT: new SAs" ike_rekey out s1
check "a responder behind destination NAT: ... work" tunnels_work s1 || what_is_wrong
ike_down out s1

# ---- a firewall without NAT ----

fw r filter "$IKE_FILTER"
on r conntrack -F >/dev/null 2>&1
alg_switch ike off
check "IPv6, without the ALG: IKE works" ike_up six c1
check "IPv6, without the ALG: no ESP passes" bed closed c1
ike_down six c1
on r conntrack -F >/dev/null 2>&1
alg_switch ike on
bed forget
check "IPv6: two clients" ike_up six c1 c2
check "IPv6: datagrams and TCP pass" tunnels_work c1 c2 || what_is_wrong
bed stray s2 2001:db8:2::3 2001:db8:1::11 0badcab1 1
check "IPv6: nobody else's ESP comes in" bed spis c1 c2
check "IPv6: new SAs, begun by the gateway" gateway_rekeys
check "IPv6: ... work" tunnels_work c1 c2 || what_is_wrong
ike_down six c1 c2

# ---- NAT traversal ----

fw r filter masquerade "$IKE_FILTER"
on r conntrack -F >/dev/null 2>&1
alg r tunnel del tenant default
bed forget
bed client c1 10.1.1.1 10.20.2.1
bed client c2 10.1.2.1 10.20.2.1
check "NAT traversal: two clients" ike_up natt c1 c2
check "NAT traversal: datagrams and TCP pass" tunnels_work c1 c2 || what_is_wrong
bed ike s2 in 4500
check "NAT traversal: on port 4500" [ "${B[n]}" -gt 0 ]
bed esp s2 in
check_is "NAT traversal: there is no ESP" "${B[n]}" 0
check_tunnels "NAT traversal: no tunnel is left" 0
counted natt
check "NAT traversal: is counted" [ "$N" -ge 2 ]
bed stray s2 203.0.113.3 203.0.113.1 0badcab1 1
check "NAT traversal: nothing is open for ESP" bed spis c1 c2
finish
