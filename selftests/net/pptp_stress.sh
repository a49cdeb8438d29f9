#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034	# RULES is read by alg_box
#
# PPTP at random: clients and servers on both sides of the box, calls with equal numbers, and an operator's changes. Two tenants:
# blue has c1 and c2, by mark. pptp_stress.sh SEED SECONDS does again what went wrong, nearly.

SEED=${1-$RANDOM} SECONDS_OF_IT=${2-12}
set --
. "$(dirname "$0")/ftp_lib.sh"
need nft python3 conntrack
topo_lan
topo_more_clients c3 c4
alg_start pptp
RULES[r]="$MARKERS
add chain inet fw marks { type filter hook prerouting priority -300; }
add rule inet fw marks ip saddr { 192.168.1.11, 192.168.1.12 } meta mark set 1
add rule ip nat predst ip daddr 203.0.113.10 tcp dport 1723 dnat to 192.168.1.13:1723"
alg_box r filter masquerade dnat=tcp:1723:192.168.1.14:1723 accept='tcp dport 1723 iifname lan0'
sysctls r netfilter.nf_conntrack_tcp_timeout_time_wait=1
diag "seed $SEED, $SECONDS_OF_IT seconds"
points python pptp_stress.py "$SEED" "$SECONDS_OF_IT"
check "the modules unload" rmmod nf_alg_pptp nf_alg_nat nf_alg
finish
