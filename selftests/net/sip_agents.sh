#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# Real agents and a real proxy, which know nothing of address translation: baresip is alice in c1, bob in c2 and carol in s2
# (outside); kamailio in s1 is registrar and proxy, and media do not pass it.

. "$(dirname "$0")/sip_lib.sh"
need nft kamailio baresip python3
topo_lan
count_arrivals c1 c2 s2
alg_start sip
[ "$ALG_BY" != kernel ] || echo 0 >/sys/module/nf_conntrack_sip/parameters/sip_direct_media
alg_box r filter masquerade
kamailio_start s1 203.0.113.2

agents()	# agents TRANSPORT works|fails
{
	baresip_start alice c1 192.168.1.11 "$1" 203.0.113.2
	baresip_start bob c2 192.168.1.12 "$1" 203.0.113.2
	baresip_start carol s2 203.0.113.3 "$1" 203.0.113.2
	points python sip_agents.py "$1" "$2" alice=c1=192.168.1.11 bob=c2=192.168.1.12 carol=s2=203.0.113.3
	for name in alice bob carol; do
		stop baresip-$name
	done
}

agents udp works
agents tcp works
alg_switch sip off
agents udp fails
finish
