#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Allocations fail at random under traffic (debug kernels with CONFIG_FAILSLAB): transfers may fail, nothing may break,
# leak or stay. Only atomic allocations of our own caches, of expectations and of the small general caches fail.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack
has_failslab || skip_all "no failslab in this kernel"

topo_lan
# What is under way when connections are removed does not begin them anew.
sysctls r netfilter.nf_conntrack_tcp_timeout_time_wait=1 netfilter.nf_conntrack_tcp_loose=0
fw r filter masquerade
alg_load ftp tftp
lab_start
alg r tenant add default
check "caches can be made to fail" memory_may_fail
diag "caches: ${CACHES[*]}"

lab open before c1 s1 203.0.113.2
check "served before" lab get before PORT
traffic one c1 s1 203.0.113.4
traffic two c2 s2 203.0.113.5
announced() { counter r default messages; [ "$N" -ge "$1" ]; }
for percent in 2 10 30; do
	remember r default messages
	memory_fails $percent
	check "$percent % of allocations fail, traffic goes on" wait_for 20 announced $((OLD[messages] + 60))
	# Policy edits meanwhile: they sleep for memory, but take down pinholes.
	alg r policy set default ftp off
	alg r policy set default ftp on
	alg r tenant add t1 zone 1
	alg r tenant del t1
	memory_fails 0
done
memory_fails 100
lab open none c1 s1 203.0.113.2 patience=2
lab announce before PORT patience=2
memory_fails 0
counter r default no-memory
diag "no-memory was counted $N times"
stop one
stop two
diag "$(<"$TMP/one.log") and $(<"$TMP/two.log") transfers good and bad"

on r conntrack -F >/dev/null 2>&1
lab open after c1 s1 203.0.113.2
for kind in PORT EPRT PASV EPSV; do
	check "everything works again: $kind" lab get after $kind
done
check_pinholes "no pinhole is left" r 0
lab close after
on r conntrack -F >/dev/null 2>&1
check_status "no session is left" r sessions 0
expectations r
check_is "no expectation is left" "$N" 0
finish
