#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PPTP with real software: pptpd, pptp-linux and pppd with MPPE. One client, then three behind one address to one server at once,
# redial, a server behind DNAT; without the ALG none comes up.

# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/ftp_lib.sh"
. "$HERE/pptp_lib.sh"
need nft pptpd pptp pppd ping
vpn_possible || skip_all "this kernel has no PPP with MPPE"

declare -A WORKS=()
topo_lan
topo_more_clients c3
alg_start pptp
alg_box r filter masquerade dnat=tcp:1723:192.168.1.12:1723 accept='tcp dport 1723 iifname lan0'
alg_switch pptp off
head -c 200000 /dev/urandom >"$TMP/big"
vpn_server s1 203.0.113.2 10.9.0
daemon web s1 python3 -m http.server -d "$TMP" 8080
daemon_ready web tcp 8080

vpn_dial c1 203.0.113.2
check_fails "without the ALG no tunnel comes up" vpn_up c1 10.9.0.1 15
vpn_hang_up c1

alg_switch pptp on
vpn_dial c1 203.0.113.2
check "one client: the tunnel comes up" vpn_up c1 10.9.0.1 40
check "one client: ping and a transfer" vpn_works c1 10.9.0.1

vpn_dial c2 203.0.113.2
vpn_dial c3 203.0.113.2
check "a second client behind the same address" vpn_up c2 10.9.0.1 40
check "a third one" vpn_up c3 10.9.0.1 40
for ns in c1 c2 c3; do
	vpn_works "$ns" 10.9.0.1 >"$TMP/works-$ns" 2>&1 &
	WORKS[${ns#c}]=$!
done
for ns in c1 c2 c3; do
	check "three at once: ping and a transfer of $ns" wait "${WORKS[${ns#c}]}" && continue
	cp "$TMP/works-$ns" "$TMP/out"
	output_of_last
done
alg r call show protocol pptp >"$TMP/calls"
check_is "three calls are shown" "$(grep -c established "$TMP/calls")" 3

vpn_hang_up c1
one_less() { [ "$(alg r call show protocol pptp | grep -c established)" = 2 ]; }
check "a client that hangs up ends its call alone" wait_for 20 one_less
check "... and the others go on" vpn_works c2 10.9.0.1
vpn_dial c1 203.0.113.2
check "redial" vpn_up c1 10.9.0.1 40
check "redial: ping and a transfer" vpn_works c1 10.9.0.1
for ns in c1 c2 c3; do
	vpn_hang_up "$ns"
done
none_left() { [ "$(alg r call show protocol pptp | grep -c established)" = 0 ]; }
check "no call is left" wait_for 20 none_left

vpn_server c2 192.168.1.12 10.8.0
daemon web2 c2 python3 -m http.server -d "$TMP" 8080
daemon_ready web2 tcp 8080
vpn_dial s1 203.0.113.1
check "a server behind DNAT" vpn_up s1 10.8.0.1 40
check "a server behind DNAT: ping and a transfer" vpn_works s1 10.8.0.1
vpn_hang_up s1
check "no call is left" wait_for 20 none_left

alg_switch pptp off
vpn_dial c1 203.0.113.2
check_fails "without the ALG no tunnel comes up, again" vpn_up c1 10.9.0.1 15
vpn_hang_up c1
finish
