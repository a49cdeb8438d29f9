#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034	# RULES is read by alg_box
#
# PPTP: scripted parties on both sides of the box, GRE packets by hand.

. "$(dirname "$0")/ftp_lib.sh"
need nft python3
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_lan
alg_start pptp
RULES[r]=$MARKERS
alg_box r filter masquerade dnat=tcp:1723:192.168.1.11:1723 accept='tcp dport 1723 iifname lan0'
sysctls r netfilter.nf_conntrack_acct=1
points python pptp_messages.py
finish
