#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317	# check calls functions
#
# IPsec tunnels that last, with real IKE daemons: what the gateway says or begins after a long silence reaches its client, each
# asks whether the other lives, a client leaves and another comes, the modules are unloaded and loaded again.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs
topo_ipsec 3
# Without somebody who keeps them up connections would not last for long.
sysctls r netfilter.nf_conntrack_udp_timeout=3 netfilter.nf_conntrack_udp_timeout_stream=3 \
	netfilter.nf_conntrack_generic_timeout=3
alg_start ike
alg_box r filter masquerade "$IKE_FILTER"
ike_gateway s1 3
for n in 1 2 3; do
	ike_client c$n $n dpddelay=2 dpdtimeout=60 dpdaction=hold
done
ike_ready s1 c1 c2 c3 || finish

# gateway_rekeys KIND CLIENT...
gateway_rekeys()
{
	local ns kind=$1 how=--rekey-ipsec
	shift
	[ "$kind" = v2 ] || how=--initiate
	ike_mark s1
	for ns; do
		whack s1 --name "$kind-$ns" "$how" --asynchronous
	done
	wait_for 60 ike_said s1 "$IKE_REKEYED|$IKE_CHILD" $# && return
	tail -n 5 "$TMP/pluto-s1.log"
	return 1
}

# asked_since COUNT: has c1 sent that many IKE messages, and got as many?
asked_since()
{
	bed ike c1 out 500
	[ "${B[n]}" -ge "$1" ] || return
	bed ike c1 in 500
	[ "${B[n]}" -ge "$1" ]
}

check "two clients" ike_up v2 c1 c2
check "they have tunnels that work" tunnels_work c1 c2 || what_is_wrong

# ---- silence ----

bed forget
nap 8
check "after a silence: what the gateway says arrives" bed first s1 c1 c2 || what_is_wrong
check "after a silence: new SAs, begun by the gateway" gateway_rekeys v2 c1 c2 || what_is_wrong
check "... work" tunnels_work c1 c2 || what_is_wrong
nap 4
check "after another: new SAs, begun by the clients" ike_rekey v2 c1 c2 || what_is_wrong
check "... work" tunnels_work c1 c2 || what_is_wrong
bed forget
check "a client asks whether the gateway lives, and is answered" wait_for 20 asked_since 2
check_like "IKE's connection outlives its messages" "$(on r conntrack -L -p udp --orig-port-dst 500 -s 192.168.1.11 2>/dev/null)" \
	'udp * 14[0-9][0-9][0-9] *'

# ---- one leaves, another comes ----

ike_down v2 c1
check "one leaves, another comes" ike_up v2 c3
check "... it and who stayed have tunnels that work" tunnels_work c2 c3 || what_is_wrong
check "the first comes back" ike_up v2 c1
check "... all have tunnels that work" tunnels_work c1 c2 c3 || what_is_wrong

# ---- the modules go and come ----

sysctls r netfilter.nf_conntrack_udp_timeout=30 netfilter.nf_conntrack_udp_timeout_stream=120 \
	netfilter.nf_conntrack_generic_timeout=600
wait_for 10 asked_since 4

bed flow c1 c2 c3
check "the modules are unloaded while tunnels run" alg_unload
alg_load ike
alg r tenant add default
check_tunnels "... and loaded again: they are known again" 3
bed forget	# what conntrack alone did meanwhile
check "... and nobody gets anybody else's ESP" bed spis c1 c2 c3 || what_is_wrong
check "... the tunnels go on with the SAs that they had" tunnels_work c1 c2 c3 || what_is_wrong
check "... new SAs of all" ike_rekey v2 c1 c2 c3 || what_is_wrong
check "... the tunnels go on" tunnels_work c1 c2 c3 || what_is_wrong
bed flow_end
check "... and nobody got anybody else's ESP" bed spis c1 c2 c3 || what_is_wrong
check "the modules are unloaded and loaded while nobody sends" alg_unload
alg_load ike
alg r tenant add default
bed forget
check "... new SAs of all, begun by the gateway" gateway_rekeys v2 c1 c2 c3 || what_is_wrong
check "... work" tunnels_work c1 c2 c3 || what_is_wrong
finish
