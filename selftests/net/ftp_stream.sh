#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# FTP control connections as byte streams: many transfers on one, lines that grow and shrink, cut anywhere, repeated after
# loss; what servers say besides. vsftpd is in s1, scripted servers (ftpsrv.py) are in s2 and, behind DNAT, in c2.

. "$(dirname "$0")/ftp_lib.sh"
need nft vsftpd python3
topo_lan
# Addresses of c1 and the public ones differ in length, in both directions.
ip -n "$c1" -batch - <<-END
	addr add 192.168.1.2/24 dev eth0
	addr add 192.168.1.200/24 dev eth0
END
ip -n "$r" addr add 203.0.113.100/24 dev wan0
RULES[r]="insert rule ip nat post oifname wan0 ip saddr 192.168.1.2 snat to 203.0.113.100
insert rule ip nat post oifname wan0 ip saddr 192.168.1.200 snat to 203.0.113.1"
ftp_files "$TMP/ftp"
vsftpd_conf "$TMP/vsftpd.conf" listen_port=21
daemon vsftpd s1 vsftpd "$TMP/vsftpd.conf"
alg_start ftp
alg_box r filter masquerade dnat=tcp:21:192.168.1.12:21
daemon_ready vsftpd tcp 21
points python ftp_stream.py works
alg_switch ftp off
points python ftp_stream.py fails
finish
