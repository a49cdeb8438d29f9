#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034	# RULES is read by alg_box
#
# What an FTP session must not be able to do: open a way to somebody else, to a system port, for somebody else, for longer
# or more often than announced. Scripted server in s1; c2 and s2 are bystanders.

. "$(dirname "$0")/ftp_lib.sh"
need nft python3 conntrack
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_lan
ftp_files "$TMP/ftp"
alg_start ftp
RULES[r]=$MARKERS
alg_box r filter masquerade
points python ftp_security.py
finish
