#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Modules come and go while algctl edits and shows, and while traffic flows.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
fw r filter masquerade
alg_load ftp
lab_start
alg r tenant add default
traffic traffic c1 s1 203.0.113.4
cat >"$TMP/some.yaml" <<-END
	policies:
	  p: { ftp: { option: { pinhole-timeout: 5 } } }
	tenants:
	  default: { policy: p }
	  t1: { zone: 1 }
	  t2: { zone: 2, ports: 10000-20000, block: 64 }
END
# Each fails as often as it likes: the family is not always there.
daemon editor r bash -c "until [ -e '$TMP/enough' ]; do
	$ALGCTL tenant add default; $ALGCTL policy set default ftp off; $ALGCTL policy set default ftp on
	$ALGCTL apply '$TMP/some.yaml'; $ALGCTL tenant del t1; done"
daemon viewer r bash -c "until [ -e '$TMP/enough' ]; do
	$ALGCTL status; $ALGCTL pinhole show; $ALGCTL stats show; $ALGCTL export; timeout 0.2 $ALGCTL monitor; done"

rounds=8 failed=
for ((i = 0; i < rounds; i++)); do
	for name in nf_alg_ftp nf_alg_nat nf_alg; do
		unloaded() { rmmod "$name" 2>"$TMP/out"; }
		wait_for 20 unloaded || failed+=" $name $(<"$TMP/out")"
	done
	modprobe -a nf_alg nf_alg_nat nf_alg_ftp 2>"$TMP/out" || failed+=" modprobe $(<"$TMP/out")"
done
check_is "$rounds rounds of unloading and loading against algctl and traffic" "$failed" ""
: >"$TMP/enough"
for name in viewer editor; do
	wait_for 20 gone "${PIDS[$name]}"
done
alg r tenant add default 2>/dev/null
alg r policy set default ftp on
alg r tenant set default policy default
moved() { counter r default used; [ "$N" -ge 3 ]; }
check "it serves afterwards" wait_for 20 moved
stop traffic
check "a new connection" lab open a c1 s1 203.0.113.2
check "... is served" lab get a PORT

# The table of policies survives two writers at once: whole configurations and single objects.
daemon one r bash -c "for i in 1 2 3 4 5 6; do $ALGCTL apply '$TMP/some.yaml'; done"
for i in 1 2 3 4 5 6; do
	alg r tenant add "x$i" zone "$((100 + i))" >/dev/null 2>&1
	alg r tenant del "x$i" >/dev/null 2>&1
done
wait_for 20 gone "${PIDS[one]}"
check "writers at once leave a configuration that can be shown" alg r export
check "... and applied" alg r apply "$TMP/some.yaml"
finish
