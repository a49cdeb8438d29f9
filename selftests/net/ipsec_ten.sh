#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317	# check calls functions
#
# Ten IPsec clients behind one address to one gateway: simultaneous start, all tunnels full of traffic at once, new SAs of all
# while it runs, begun by the clients and by the gateway. Nobody ever gets another one's ESP.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs
ALL=(c1 c2 c3 c4 c5 c6 c7 c8 c9 c10)
# slots_differ: of ten tunnels
slots_differ()
{
	local slots
	mapfile -t slots < <(alg r -j tunnel show | grep -o '"slot": *[0-9]*' | sort -u)
	[ ${#slots[@]} = ${#ALL[@]} ]
}

# gateway_rekeys: the ESP SAs of all clients
gateway_rekeys()
{
	local ns
	ike_mark s1
	for ns in "${ALL[@]}"; do
		whack s1 --name "v2-$ns" --rekey-ipsec --asynchronous
	done
	wait_for 60 ike_said s1 "$IKE_REKEYED" ${#ALL[@]} && return
	tail -n 5 "$TMP/pluto-s1.log"
	return 1
}

topo_ipsec ${#ALL[@]}
alg_start ike
alg_box r filter masquerade "$IKE_FILTER"
ike_gateway s1 ${#ALL[@]}
for ns in "${ALL[@]}"; do
	ike_client "$ns" "${ns#c}"
done
ike_ready s1 "${ALL[@]}" || finish

bed flow "${ALL[@]}"
check "ten clients at the same time" ike_up v2 "${ALL[@]}" || what_is_wrong
check "datagrams and TCP pass through ten tunnels at once" tunnels_work "${ALL[@]}" || what_is_wrong
check_tunnels "ten tunnels" 10
check "each has a slot of its own" slots_differ

check "new SAs of all while traffic runs" ike_rekey v2 "${ALL[@]}" || what_is_wrong
check "... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
bed flow_end
check "traffic ran meanwhile (lost ${B[lost]} of ${B[sent]}, longest gap ${B[gap]} ms)" [ "${B[least]}" -gt 3 ]

bed flow "${ALL[@]}"
check "new SAs of all, begun by the gateway, while traffic runs" gateway_rekeys || what_is_wrong
check "... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
bed flow_end
check "traffic ran meanwhile (lost ${B[lost]} of ${B[sent]}, longest gap ${B[gap]} ms)" [ "${B[least]}" -gt 3 ]

check "new SAs of all, without traffic" ike_rekey v2 "${ALL[@]}"
bed first s1 "${ALL[@]}" >"$TMP/out"
check "what the gateway says first reaches nobody else" bed spis "${ALL[@]}"
check "... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
finish
