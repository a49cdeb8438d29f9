#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The router's namespace is deleted under traffic, with pinholes pending and active and with a transaction open.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

alg_load ftp tftp

for round in 1 2 3; do
	topo_lan
	fw r filter masquerade
	lab_start
	alg r tenant add default
	alg r tenant add zone1 zone 1
	lab open a c1 s1 203.0.113.2
	lab open b c2 s1 203.0.113.2
	check "round $round: served" lab get a PORT
	lab announce a PORT
	lab announce b PORT
	lab come b keep=1
	lab announce b EPRT
	traffic traffic c1 s2 203.0.113.4
	moved() { counter r default used; [ "$N" -ge 5 ]; }
	wait_for 20 moved
	if [ $round -ge 2 ]; then
		check "round $round: a transaction is open" hold_transaction r
	fi
	daemon monitor r "$ALGCTL" monitor
	check "round $round: the namespace is deleted" ip netns del "$r"
	unset "NETNS[r]"
	stop transaction KILL
	stop monitor KILL
	lost() { ! ip -n "$c1" link show eth0 >/dev/null 2>&1; }
	check "round $round: it is gone with its links" wait_for 30 lost
	stop traffic KILL
	stop lab KILL
	for ns in "${!NETNS[@]}"; do
		ip netns del "${NETNS[$ns]}"
		unset "NETNS[$ns]"
	done
done
check "the modules unload" rmmod nf_alg_ftp nf_alg_tftp nf_alg_nat nf_alg

# A namespace that was never configured, and one that is configured and deleted at once.
modprobe -a nf_alg nf_alg_ftp
for round in 1 2 3 4 5; do
	ip netns add "x$SUFFIX"
	[ $((round % 2)) = 0 ] || ip netns exec "x$SUFFIX" "$ALGCTL" tenant add default
	ip netns del "x$SUFFIX"
done
check "namespaces without traffic come and go; the modules unload" rmmod nf_alg_ftp nf_alg
modprobe nf_alg
check "... while one is there" ip netns add "x$SUFFIX"
ip netns exec "x$SUFFIX" "$ALGCTL" tenant add default
check "... and configured" rmmod nf_alg
ip netns del "x$SUFFIX"
finish
