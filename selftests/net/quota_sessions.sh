#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# max-sessions: control connections beyond it pass without ALG; the place is given back.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
# What is under way when connections are removed does not begin them anew.
sysctls r netfilter.nf_conntrack_tcp_loose=0
fw r filter masquerade
alg_load ftp
lab_start
alg r tenant add default max-sessions 2

lab open a c1 s1 203.0.113.2
lab open b c2 s1 203.0.113.2
check "first session" lab get a PORT
check "second session" lab get b PORT
remember r default quota-sessions
check "a third control connection passes" lab open c c1 s2 203.0.113.3
check_grew "... counted" r default quota-sessions 1
lab announce c PORT
check_is "... without ALG" "${L[saw]}" "${L[said]}"
check_fails "... so that nobody gets in" lab come c $SHORT
check_status "two sessions" r sessions 2
check "the first two go on" lab get a PASV
check "the first two go on" lab get b EPRT
counter r default quota-sessions
check_is "one connection is counted once" "$N" 1

lab close a
on r "$(dirname "$0")/forget" -p tcp --dport 21 -s 192.168.1.11 -d 203.0.113.2 >/dev/null 2>&1
check_status "a session ends with its connection" r sessions 1
lab announce c PORT
check_is "who was refused stays without ALG" "${L[changed]}" 0
lab open d c1 s1 203.0.113.2
check "its place is another's" lab get d PORT
alg r tenant set default max-sessions unlimited
lab open e c2 s2 203.0.113.3
check "no limit any more" lab get e PASV
lab close b c d e
on r conntrack -F >/dev/null 2>&1
check_status "no session is left" r sessions 0
finish
