#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034	# RULES is read by alg_box
#
# IKE messages by hand, on both sides of the box: which tunnels and sessions they make, what is held up, what steps aside.

. "$(dirname "$0")/ftp_lib.sh"
need nft python3 conntrack ethtool
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_lan
alg_start ike
RULES[r]=$MARKERS
alg_box r filter masquerade dnat=udp:500:192.168.1.11:500 dnat=udp:4500:192.168.1.11:4500 \
	accept='udp dport { 500, 4500 } iifname { lan0, wan0 }'
points python ike_messages.py "${@:2}"
finish
