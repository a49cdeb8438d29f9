#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a TFTP request opens and what it does not. Scripted server in s1; c2 and s2 are bystanders.

. "$(dirname "$0")/ftp_lib.sh"
need nft python3
[ "$ALG_BY" = ours ] || skip_all "counters and policies are ours"
topo_lan
alg_start tftp
alg_box r filter masquerade
points python tftp_security.py
finish
