#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Ten IPsec clients behind one address to one gateway, with IKEv1: simultaneous start, all tunnels full of traffic at once, new SAs
# of all while it runs. Nobody ever gets another one's ESP.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs
ten_clients || finish

check "IKEv1: ten clients at the same time" ike_up v1 "${ALL[@]}" || what_is_wrong
check "IKEv1: datagrams and TCP pass through ten tunnels at once" tunnels_work "${ALL[@]}" || what_is_wrong
check_tunnels "IKEv1: ten tunnels" 10
check "IKEv1: each has a slot of its own" slots_differ

bed flow "${ALL[@]}"
check "IKEv1: new SAs of all while traffic runs" ike_rekey v1 "${ALL[@]}" || what_is_wrong
check "IKEv1: ... and all goes on" tunnels_work "${ALL[@]}" || what_is_wrong
flow_ends "IKEv1: traffic ran meanwhile"
finish
