#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# IKE of two tenants with the same private addresses, told apart by conntrack zones and public addresses.

. "$(dirname "$0")/ftp_lib.sh"
need nft python3 conntrack
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_tenants
alg_start ike
RULES[r]='add rule inet zones pre iifname wan0 meta l4proto esp ip daddr 203.0.113.1 ct zone set 1 meta mark set 1
add rule inet zones pre iifname wan0 meta l4proto esp ip daddr 203.0.113.10 ct zone set 2 meta mark set 2'
alg_box r filter tenants=addresses accept='udp dport { 500, 4500 } iifname { lanA, lanB }'
alg r policy add second
alg r tenant add blue zone 1
alg r tenant add green zone 2 policy second
points python ike_tenants.py
finish
