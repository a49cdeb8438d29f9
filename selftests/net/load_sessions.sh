#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 200 FTP sessions at once, active and passive mixed; the books balance and nothing is left.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
# What is under way when connections are removed does not begin them anew.
sysctls r netfilter.nf_conntrack_tcp_timeout_time_wait=1 netfilter.nf_conntrack_tcp_loose=0
fw r filter masquerade
alg_load ftp
most=$(</proc/sys/net/netfilter/nf_conntrack_expect_max)
echo 4096 >/proc/sys/net/netfilter/nf_conntrack_expect_max
lab_start
alg r tenant add default

check "200 sessions, 2 transfers each: PORT, EPRT, PASV, EPSV" lab many 200 c1,c2 s1 203.0.113.2
check_is "all of them" "${L[sessions]-} ${L[transfers]-}" "200 400"
check_counter "sessions" r default sessions 200
check_counter "a pinhole for each transfer" r default opened 400
check_counter "... each was used" r default used 400
for reason in expired closed no-port expect-full no-memory quota-pinholes session-pinholes malformed late; do
	counter r default $reason
	[ "$N" = 0 ] || fail "nothing counted as $reason" "$N"
done
check_status "200 live sessions" r sessions 200
check_pinholes "no pinhole is left" r 0
expectations r
check_is "no expectation is left" "$N" 0
lab unmany
on r conntrack -F >/dev/null 2>&1
check_status "no session is left" r sessions 0
check "sessions beyond that" lab many 20 c1 s1 203.0.113.2 rounds=1
check_is "... all of them" "${L[transfers]-}" 20

# The negative: without ALG none gets through.
alg r policy set default ftp off
check_fails "FTP off: no active transfer" lab many 4 c1 s1 203.0.113.2 rounds=1 kinds=PORT patience=1
check_fails "FTP off: no passive transfer" lab many 4 c1 s1 203.0.113.2 rounds=1 kinds=EPSV patience=1
echo "$most" >/proc/sys/net/netfilter/nf_conntrack_expect_max
finish
