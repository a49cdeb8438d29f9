#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# Real FTP clients: curl, lftp and Python's ftplib, in every mode that they have, with vsftpd and pure-ftpd.

. "$(dirname "$0")/ftp_lib.sh"
need nft vsftpd pure-ftpd curl lftp python3 unshare
topo_lan
# Inside, vsftpd is in c1 (outside: 203.0.113.1) and pure-ftpd in c2 (203.0.113.10).
RULES[r]="add rule ip nat predst ip daddr 203.0.113.10 tcp dport 21 dnat to 192.168.1.12:21
add rule inet fw more iifname wan0 ip6 daddr { 2001:db8:1::11, 2001:db8:1::12 } tcp dport 21 ct state new accept"
ftp_daemons vsftpd:s1:21 pure-ftpd:s2:21 vsftpd:c1:21 pure-ftpd:c2:21
alg_start ftp
alg_box r filter masquerade dnat=tcp:21:192.168.1.11:21 hairpin
points python ftp_clients.py works
alg_switch ftp off
points python ftp_clients.py fails
finish
