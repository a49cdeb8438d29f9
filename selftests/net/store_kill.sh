#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317	# setup_ns sets variables; change and the like are called by name
#
# algctl's store in front of the real kernel, killed at steps of a change: calls of the database and of the kernel. Store and
# kernel have all of a change or nothing of it; where they differ that is seen, and the next command brings them together.

. "$(dirname "$0")/lib.sh"
ALGCTL=${ALGCTL:-algctl}
KILL=${ALGCTL%/*}/tests/kill_at.so
need "$ALGCTL" ip
[ -e "$KILL" ] || skip_all "the library that kills algctl is not built"
alg_load ftp tftp sip
setup_ns box
export ALGCTL_STORE=$TMP/store.db

run() { on box "$ALGCTL" "$@" >"$TMP/said" 2>&1 </dev/null; }

# good ARGUMENTS...: nothing is said of it unless it fails
good() { run "$@" || fail "algctl $*" "$(<"$TMP/said")"; }

# has NAME: the configuration that the kernel has, as a variable
kernel_has()
{
	ALGCTL_STORE=none run export
	printf -v "$1" %s "$(grep -vE 'version:' "$TMP/said")"
}

store_has()
{
	run export
	printf -v "$1" %s "$(<"$TMP/said")"
}

# steps TITLE BEFORE CHANGE: functions. Kills @CHANGE at its last steps, where the kernel is changed, and some of those before.
steps()
{
	local title=$1 before=$2 change=$3 total at old new now kernel_old kernel_new cut=0 seen=0 differ=0 bad=0

	$before
	store_has old; kernel_has kernel_old
	LD_PRELOAD=$KILL KILL_STEPS=$TMP/steps $change || fail "$title: the change itself" "$(<"$TMP/said")"
	store_has new; kernel_has kernel_new
	total=$(<"$TMP/steps")
	for at in 1 $((total / 3)) $((total * 2 / 3)) $(seq $((total - 6)) "$total"); do
		$before
		LD_PRELOAD=$KILL KILL_AT=$at $change 2>/dev/null
		[ $? = 137 ] || { fail "$title: killed at step $at of $total"; bad=1; }
		seen=$((seen + 1))
		store_has now
		case $now in
		"$old") cut=$((cut + 1));;
		"$new") ;;
		*) fail "$title: the store has all or nothing, step $at of $total" "$now"; bad=1;;
		esac
		kernel_has now
		[ "$now" = "$kernel_old" ] || [ "$now" = "$kernel_new" ] ||
			{ fail "$title: the kernel has all or nothing, step $at of $total" "$now"; bad=1; }
		run store status
		[[ $(<"$TMP/said") = *"the kernel has what the store has"* ]] || differ=$((differ + 1))
		if ((at % 2)); then good restore; else good tenant set other max-sessions $((at + 1)); fi
		run store status
		[[ $(<"$TMP/said") = *"the kernel has what the store has"* ]] ||
			{ fail "$title: store and kernel agree after step $at of $total" "$(<"$TMP/said")"; bad=1; }
	done
	diag "$title: $seen of $total steps, $cut without the change, $differ with a difference that was seen"
	[ $bad = 1 ] || ok "$title: killed at steps of the change"
	((cut > 0)) || fail "$title: was cut off"
}

set_1() { good tenant set acme max-sessions 1; good tenant set other max-sessions 1; }
set_2() { run tenant set acme max-sessions 2; }
file_1() { good apply "$TMP/one.yaml"; }
file_2() { run apply "$TMP/two.yaml"; }

good store init
good policy add gold
good tenant add other zone 9
good tenant add acme policy gold zone 7
steps "one tenant" set_1 set_2

printf 'policies:\n  gold: {}\ntenants:\n  acme: {policy: gold, zone: 7}\n  other: {zone: 9}\n' >"$TMP/one.yaml"
printf 'policies:\n  gold: {ftp: off, sip: observe}\ntenants:\n  acme: {policy: gold, zone: 8}\n  other: {zone: 9}\n' \
	>"$TMP/two.yaml"
steps "a file" file_1 file_2

# A kill, and the box begins again before anybody repairs anything.
file_1
run store status
LD_PRELOAD=$KILL KILL_AT=$(($(<"$TMP/steps") - 1)) file_2 2>/dev/null
alg_unload || fail "the modules unload"
alg_load ftp tftp sip
good restore
run store status
if [[ $(<"$TMP/said") = *"the kernel has what the store has"* ]]; then
	ok "killed, and a restart: store and kernel agree"
else
	fail "killed, and a restart: store and kernel agree" "$(<"$TMP/said")"
fi
if run log verify; then
	ok "the log is whole"
else
	fail "the log is whole" "$(<"$TMP/said")"
fi
finish
