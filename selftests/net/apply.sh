#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Packet edits inside the kernel: the module nf_alg_apply_test makes packets of every kind and says what became of them.

. "$(dirname "$0")/lib.sh"
need modprobe dmesg
modinfo nf_alg_apply_test >/dev/null 2>&1 || skip_all "module nf_alg_apply_test is not built"

modprobe nf_alg || fail "module nf_alg loads"
mark="nf-alg-apply-test $$-$RANDOM"
echo "$mark" >/dev/kmsg
modprobe nf_alg_apply_test 2>/dev/null	# never stays
dmesg | sed "1,/$mark/d" >"$TMP/log"

done=
while read -r line; do
	case $line in
	*"apply: ok "*) ok "${line#*apply: ok }";;
	*"apply: not ok "*) fail "${line#*apply: not ok }";;
	*"apply: done"*) done=1;;
	esac
done <"$TMP/log"
[ -n "$done" ] || fail "the test came to its end"
rmmod nf_alg || fail "module nf_alg unloads"
finish
