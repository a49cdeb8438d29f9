#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034	# r, c1 and so on are set by setup_ns; RULES is read by alg_box
#
# FTP's ways to announce a data connection, in every shape that commands take on the wire, through every kind of box.
# The servers are vsftpd and pure-ftpd; the client is ours (ftpcli.py), because no real one can be told how to write.
#
#   c1, c2 -- [r] -- s1                outside: 203.0.113.0/24
#                 -- [r2] -- d1        inside r2: 10.1.0.0/16

. "$(dirname "$0")/ftp_lib.sh"
need nft vsftpd pure-ftpd python3 unshare
topo_lan
topo_second_box
# One byte per segment: a whole command fits the first window, and nothing is repeated while slow machines write it.
ip -n "$c1" route change default via 192.168.1.1 initcwnd 40 rto_min 3s
ip -n "$c1" -6 route change default via 2001:db8:1::1 initcwnd 40 rto_min 3s
ip -n "$c2" route change default via 192.168.1.1 initcwnd 40 rto_min 3s
ip -n "$s1" route change 203.0.113.0/24 dev eth0 src 203.0.113.2 initcwnd 40 rto_min 3s
ip -n "$s1" -6 route change default via 2001:db8:2::1 initcwnd 40 rto_min 3s
alg_start ftp
# Inside, vsftpd is in c1 (outside: 203.0.113.1) and pure-ftpd in c2 (203.0.113.10); both are in d1 (203.0.113.20, .21).
RULES[r]="add rule ip nat predst ip daddr 203.0.113.10 tcp dport 21 dnat to 192.168.1.12:21
add rule inet fw more iifname wan0 ip6 daddr { 2001:db8:1::11, 2001:db8:1::12 } tcp dport 21 ct state new accept"
RULES[r2]="table ip nat {
	chain predst { type nat hook prerouting priority dstnat; }
}
add rule ip nat predst ip daddr 203.0.113.20 tcp dport 21 dnat to 10.1.0.2:21
add rule ip nat predst ip daddr 203.0.113.21 tcp dport 21 dnat to 10.1.0.2:2121"
ftp_daemons vsftpd:s1:21 pure-ftpd:s2:21 vsftpd:c1:21 pure-ftpd:c2:21 vsftpd:d1:21 pure-ftpd:d1:2121
alg_box r filter masquerade dnat=tcp:21:192.168.1.11:21 hairpin
alg_box r2 filter
points python ftp_modes.py works
alg_switch ftp off
points python ftp_modes.py fails
finish
