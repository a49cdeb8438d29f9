#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The modules are unloaded in any order that their dependencies allow and loaded again, under traffic. Live control
# connections go on without ALG.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
fw r filter masquerade
alg_load ftp tftp
lab_start
alg r tenant add default

lab open live c1 s1 203.0.113.2
lab open idle c2 s1 203.0.113.2
check "served before" lab get live PORT
lab get live EPRT
lab announce live PORT
lab announce idle PORT port=5001

traffic one c1 s1 203.0.113.4
traffic two c2 s2 203.0.113.5

moved() { counter r default opened; [ "$N" -ge "$1" ]; }
check "traffic flows" wait_for 20 moved 10

orders=("ftp nat tftp" "nat tftp ftp" "tftp ftp nat" "nat ftp tftp")
for order in "${orders[@]}"; do
	names=()
	for name in $order; do
		names+=("nf_alg_$name")
	done
	failed=
	for name in "${names[@]}" nf_alg; do
		rmmod "$name" >"$TMP/out" 2>&1 || { failed="$name: $(<"$TMP/out")"; break; }
	done
	check_is "unloaded under traffic: ${names[*]} nf_alg" "$failed" ""
	expectations r
	check_is "... no expectation is left" "$N" 0
	check "... the control connections live" lab noop live idle
	check "... loaded again" modprobe -a nf_alg nf_alg_ftp nf_alg_tftp nf_alg_nat
	alg r tenant add default
	check "... serves again" wait_for 20 moved 3
	check "... the old connections live" lab noop live idle
done

# One by one, each loaded again at once; the others stay.
for name in nf_alg_ftp nf_alg_nat nf_alg_tftp; do
	remember r default opened
	check "unloaded alone: $name" rmmod $name
	check "... loaded again" modprobe $name
	check "... serves again" wait_for 20 moved $((OLD[opened] + 3))
done
check_fails "nf_alg is in use" rmmod nf_alg

# Without NAT nothing that needs it is opened.
rmmod nf_alg_nat
lab open plain c1 s2 203.0.113.3
remember r default nat-missing
lab announce plain PORT
check_is "without nf_alg_nat PORT arrives as it was sent" "${L[changed]}" 0
counter r default nat-missing
check "... counted" [ "$N" -gt "${OLD[nat-missing]}" ]
modprobe nf_alg_nat
check "with nf_alg_nat the same connection is served" lab get plain PORT

check "the control connections live to the end" lab noop live idle plain
stop one
stop two
read -r good _ <"$TMP/one.log"
check "transfers succeeded in between" [ "${good:-0}" -ge 10 ]
diag "$(<"$TMP/one.log") and $(<"$TMP/two.log") transfers good and bad"
finish
