#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034	# RULES is read by box_fw
#
# PPTP calls as time passes: GRE that has no answer, that stops, that goes one way; control connections that nothing but their GRE
# keeps; calls that are never answered, used or disconnected. Then tenants in zones with the same addresses.

. "$(dirname "$0")/ftp_lib.sh"
need nft python3 conntrack
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_lan
alg_start pptp
alg_box r filter masquerade accept='tcp dport 1723 iifname lan0'
sysctls r netfilter.nf_conntrack_gre_timeout=4 netfilter.nf_conntrack_tcp_loose=0
points python pptp_live.py times
sysctls r netfilter.nf_conntrack_tcp_timeout_established=5
points python pptp_live.py control
printf "netns del %s\n" "${NETNS[@]}" | ip -batch -
NETNS=()
topo_tenants
RULES[r]=$MARKERS
box_fw r filter tenants=addresses accept='tcp dport 1723 iifname { lanA, lanB }'
alg r policy add quiet
alg r tenant add blue zone 1
alg r tenant add green zone 2 policy quiet
points python pptp_live.py tenants
on r conntrack -F >"$TMP/out" 2>&1
box_fw r filter tenants=blocks accept='tcp dport 1723 iifname { lanA, lanB }'
alg r tenant set blue ports 10000-10063
alg r tenant set green ports 20000-20063
points python pptp_live.py blocks
finish
