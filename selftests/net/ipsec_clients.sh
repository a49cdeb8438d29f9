#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# IPsec with real IKE daemons, without NAT traversal: several clients behind one address to one gateway. Without the ALG no ESP
# passes a firewall, and where the firewall lets it out the second client's is lost. Restarts, crashes, ends; strays from outside.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs
topo_ipsec 3
alg_start ike
alg_box r filter masquerade "$IKE_FILTER"
alg_switch ike off
ike_gateway s1 3
for n in 1 2 3; do
	ike_client c$n $n
done
ike_ready s1 c1 c2 c3 || finish

# ---- without the ALG ----

check "without the ALG: IKE works" ike_up v2 c1
check "without the ALG: no ESP passes a firewall that wants it related" bed closed c1
ike_down v2 c1
fw r filter masquerade "$IKE_FILTER" accept='iifname lan0 ip protocol esp'
check "ESP let out, without the ALG: IKE of two clients works" ike_up v2 c1 c2
check "ESP let out, without the ALG: the first client has a tunnel" tunnels_work c1
check "ESP let out, without the ALG: the second has none" bed closed c2
ike_down v2 c1 c2
on r conntrack -F >/dev/null 2>&1

# ---- with it ----

fw r filter masquerade "$IKE_FILTER"
alg_switch ike on
bed forget
check "without IKE nothing passes" bed closed c1
bed stray s1 203.0.113.2 203.0.113.1 0badcafe 1
check "one client" ike_up v2 c1
check "one client: datagrams and TCP pass" tunnels_work c1
check_tunnels "one tunnel" 1

check "two more, at the same time" ike_up v2 c2 c3
check "three at once: datagrams and TCP pass" tunnels_work c1 c2 c3 || what_is_wrong
check "three at once: large datagrams" bed echo 3 4000 c1 c2 c3
check_tunnels "three tunnels" 3
alg r tunnel show >"$TMP/tunnels"
for n in 1 2 3; do
	check "client $n is shown" grep -q "192.168.1.1$n.*203.0.113.2.*203.0.113.1" "$TMP/tunnels"
done
bed ike s1 in 500
check_is "all of them came from the public address" "${B[from]}" 203.0.113.1
bed esp s1 in
check_is "so did ESP" "${B[from]}" 203.0.113.1
counted no-window
before=$N
bed stray s1 203.0.113.2 203.0.113.1 0badcab1 1000000
bed stray s1 203.0.113.2 203.0.113.1 0badcab2 1
check "strays reach nobody" bed spis c1 c2 c3
counted no-window
check_is "... and are counted" $((N - before)) 2

# ---- the gateway speaks first ----

for ns in c1 c2 c3; do
	check "new SAs, begun by $ns" ike_rekey v2 $ns
	check "what the gateway says first arrives there" bed first s1 $ns || what_is_wrong
	check "... and all goes on" bed up $ns	# its SAs have been seen, and are nobody else's
done
check "all have tunnels that work" tunnels_work c1 c2 c3
check "new SAs of all clients at once" ike_rekey v2 c1 c2 c3
# Nobody but the gateway knows who this is for.
bed first s1 c1 c2 c3 >"$TMP/out"
check "what the gateway says first, to all of them, reaches nobody else" bed spis c1 c2 c3 || what_is_wrong
check "... and all goes on" tunnels_work c1 c2 c3 || what_is_wrong

# ---- a client ends ----

ike_down v2 c1
check "one ends, the others go on" tunnels_work c2 c3
check "it comes back" ike_up v2 c1
check "... and all goes on" tunnels_work c1 c2 c3 || what_is_wrong
ike_down v2 c1 c2 c3
alg r tunnel del tenant default
check_tunnels "tunnels that are deleted" 0

# ---- IKEv1 ----

for mode in v1 aggressive; do
	bed forget
	check "IKEv1, $mode: three at the same time" ike_up $mode c1 c2 c3
	check "IKEv1, $mode: datagrams and TCP pass" tunnels_work c1 c2 c3 || what_is_wrong
	bed flow c1 c2 c3
	check "IKEv1, $mode: new SAs of all while traffic runs" ike_rekey $mode c1 c2 c3
	check "IKEv1, $mode: datagrams and TCP pass after that" tunnels_work c1 c2 c3 || what_is_wrong
	bed flow_end
	check "IKEv1, $mode: traffic ran (lost ${B[lost]} of ${B[sent]}, ${B[gap]} ms)" [ "${B[least]}" -gt 3 ]
	ike_down $mode c1 c2 c3
done

# ---- a crash ----

check "three again" ike_up v2 c1 c2 c3
ike_crash c2
check "one crashes, the others have tunnels that work" tunnels_work c1 c3
ike_start c2
ike_ready c2
check "it is started again" ike_up v2 c2
check "... and all goes on" tunnels_work c1 c2 c3 || what_is_wrong
finish
