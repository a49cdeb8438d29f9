#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034,SC2317	# r, c1 come from setup_ns; RULES is for alg_box; functions called by name
#
# A trunk: 300 calls at once on one connection, over UDP and TCP. Step by step with media of all of them, and with SIPp, which
# sends faster than it reads.

. "$(dirname "$0")/sip_lib.sh"
need nft sipp python3 awk
topo_lan
sip_files
# The machine's: four expectations for each call; room for all of it at a SIPp that does not read for a while.
most=$(</proc/sys/net/netfilter/nf_conntrack_expect_max) room=$(</proc/sys/net/core/rmem_max)
echo 8192 >/proc/sys/net/netfilter/nf_conntrack_expect_max
echo 4194304 >/proc/sys/net/core/rmem_max
alg_start sip
RULES[r]=$MARKERS
alg_box r filter masquerade
points python sip_trunk.py udp
points python sip_trunk.py tcp
for transport in udp tcp; do
	sipp_uas $transport-uas s2 uas_trunk $transport 203.0.113.3 5060 20000 -m 300 -buff_size 4194304
	sipp_start $transport-uac c2 uac_trunk $transport 192.168.1.12 5060 10000 -m 300 -l 300 -r 150 \
		-buff_size 4194304 -s bob 203.0.113.3:5060
	sipp_calls "SIPp, 300 calls over $transport" $transport-uac $transport-uas
	sipp_media $transport-uas
	mapfile -t ports < <(printf '%s\n' "${MEDIA[@]}" | sort -nu)
	check_is "... each with a public port of its own" "${#ports[@]}" 300
	check_fails "... and no private address outside Call-ID" sipp_leaks $transport-uas '*192.168.*'
done
if [ "$ALG_BY" != kernel ]; then
	no_holes() { [[ $(alg r -j pinhole show) != *'"pending"'* ]]; }
	check "no pinhole is left" wait_for 20 no_holes
fi
echo "$most" >/proc/sys/net/netfilter/nf_conntrack_expect_max
echo "$room" >/proc/sys/net/core/rmem_max
finish
