#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# TFTP with real clients and servers through NAT and a firewall: tftpd-hpa in s1 and c1, atftpd in s2 and c2; and many
# transfers at a time, which share ports.

. "$(dirname "$0")/ftp_lib.sh"
need nft in.tftpd atftpd tftp atftp curl python3
topo_lan
tftp_daemons hpa:s1 hpa:c1 atftpd:s2 atftpd:c2
alg_start tftp
# Inside: tftpd-hpa is 203.0.113.1, atftpd is 203.0.113.10.
RULES[r]="add rule ip nat predst ip daddr 203.0.113.10 udp dport 69 dnat to 192.168.1.12:69
add rule inet fw more iifname wan0 ip6 daddr { 2001:db8:1::11, 2001:db8:1::12 } udp dport 69 ct state new accept"
alg_box r filter masquerade dnat=udp:69:192.168.1.11:69 hairpin
points python tftp_modes.py works
alg_switch tftp off
points python tftp_modes.py fails
finish
