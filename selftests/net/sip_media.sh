#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# Media other than a pair of RTP and RTCP at adjacent ports: fax, TCP, one port for both, several pairs, RTCP elsewhere; offers in
# reliable provisional responses; session timers. Message by message (sip_ua.py), through source and destination NAT and an IPv6
# firewall.

. "$(dirname "$0")/sip_lib.sh"
need nft python3
topo_lan
alg_start sip
RULES[r]="add rule ip nat predst ip daddr 203.0.113.1 meta l4proto { tcp, udp } th dport 5060 dnat to 192.168.1.12:5060
$MARKERS"
alg_box r filter masquerade
points python sip_media.py works
alg_switch sip off
[ "$ALG_BY" != kernel ] || on r conntrack -F 2>"$TMP/out"	# its connections keep their helper
points python sip_media.py fails
finish
