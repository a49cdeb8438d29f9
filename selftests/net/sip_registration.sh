#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# Phones inside register with s1, over UDP and TCP, through NAT and an IPv6 firewall: who can call them from outside, how
# long, and what algctl shows.

. "$(dirname "$0")/sip_lib.sh"
need nft conntrack python3
topo_lan
alg_start sip
RULES[r]=$MARKERS
alg_box r filter masquerade
points python sip_registration.py works
alg_switch sip off
on r conntrack -F >"$TMP/out" 2>&1	# of UDP and of the kernel's helper: all may come back whom a connection knows
points python sip_registration.py fails
finish
