#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317	# check calls functions
#
# Ten IPsec clients behind one address to one gateway, with IKEv2: simultaneous start, all tunnels full of traffic at once, new SAs
# of all while it runs, begun by the clients and by the gateway; the module is unloaded and loaded again under it. Nobody ever gets
# another one's ESP. (IKEv1: ipsec_ten_v1.sh)

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs

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

reload()
{
	rmmod nf_alg_ike && modprobe nf_alg_ike
}

ten_clients || finish

check_ten 2
check "IKEv2: new SAs of all, begun by the gateway" gateway_rekeys || what_is_wrong
check "IKEv2: ... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
flow_ends "IKEv2: traffic ran meanwhile"

bed flow "${ALL[@]}"
check "the module is unloaded and loaded again" reload
check_tunnels "... ten tunnels" 10
bed forget	# what conntrack alone did meanwhile
check "... and all go on with the SAs that they had" tunnels_work "${ALL[@]}" || what_is_wrong
flow_ends "... traffic ran meanwhile"

check "new SAs of all, without traffic" ike_rekey v2 "${ALL[@]}" || what_is_wrong
bed first s1 "${ALL[@]}" >"$TMP/out"
check "what the gateway says first reaches nobody else" bed spis "${ALL[@]}"
check "... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
finish
