#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# Calls of subscribers who must not notice each other: the same private addresses in two zones, port blocks of one public
# address, quotas, SIP off for one of them; and two phones of a network that use one media port of a server.

. "$(dirname "$0")/sip_lib.sh"
need nft conntrack python3
topo_tenants
alg_start sip
RULES[r]=$MARKERS
if [ "$ALG_BY" = kernel ]; then
	alg_box r filter tenants=addresses
else
	box_fw r filter tenants=addresses
	alg r policy add quiet
	alg r tenant add blue zone 1
	alg r tenant add green zone 2 policy quiet
fi
points python sip_tenants.py zones
if [ "$ALG_BY" != kernel ]; then
	on r conntrack -F >"$TMP/out" 2>&1
	box_fw r filter tenants=blocks
	alg r tenant set blue ports 10000-10063
	alg r tenant set green ports 20000-20063
	points python sip_tenants.py blocks
fi
printf "netns del %s\n" "${NETNS[@]}" | ip -batch -
NETNS=()
topo_lan
alg_box r filter masquerade
points python sip_tenants.py lan
finish
