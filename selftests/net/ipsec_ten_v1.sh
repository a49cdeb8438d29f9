#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Ten IPsec clients behind one address to one gateway, with IKEv1: simultaneous start, all tunnels full of traffic at once, new SAs
# of all while it runs. Nobody ever gets another one's ESP.

. "$(dirname "$0")/ipsec_lib.sh"
ipsec_needs
ten_clients || finish

check_ten 1
flow_ends "IKEv1: traffic ran meanwhile"
finish
