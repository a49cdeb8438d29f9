#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2119,SC2154,SC2317	# setup_ns sets variables; functions are called by others
#
# A store of 10,000 tenants and 1,000 policies (a tenth of that on an emulated processor) in front of the real kernel, in SQLite
# and in PostgreSQL, there by its owner and by an operator: all of it, one line of it, nothing. How long that takes is shown, by
# the clock of a guest, whose system calls and page faults are dear; tools/tests/scale.py has limits in processor time.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg_lib.sh"
need "$ALGCTL" ip grep
alg_load ftp tftp sip
setup_ns box

TENANTS=10000 POLICIES=1000
[[ ${NF_ALG_KERNEL-} != stock-* ]] || TENANTS=1000 POLICIES=100

# configuration SESSIONS: of one of the tenants
configuration()
{
	local -i i
	local mode=(on off observe) sessions

	echo policies:
	for ((i = 0; i < POLICIES; i++)); do
		printf '  p%d: {ftp: %s, tags: [t%d]}\n' $i "${mode[i % 3]}" $((i % 7))
	done
	echo tenants:
	for ((i = 0; i < TENANTS; i++)); do
		sessions=5
		[ $i != 471 ] || sessions=$1
		printf '  t%d: {policy: p%d, zone: %d, max-sessions: %d}\n' $i $((i % POLICIES)) $((i + 1)) "$sessions"
	done
}

# timed TITLE PATTERN WORD...: algctl succeeds and says so
timed()
{
	local title=$1 pattern=$2 took=$EPOCHREALTIME said
	shift 2
	if ! on box "$ALGCTL" "$@" >"$TMP/out" 2>&1 </dev/null; then
		fail "$title" "$(<"$TMP/out")"
		return
	fi
	took=$(((${EPOCHREALTIME/[.,]} - ${took/[.,]}) / 1000)) said=$(<"$TMP/out")
	check_like "$title" "$said" "$pattern"
	diag "$((took / 1000)).$(printf %03d $((took % 1000))) s"
}

in_kernel() { ALGCTL_STORE=none on box "$ALGCTL" export >"$TMP/kernel" && [ "$(grep -c 'zone:' "$TMP/kernel")" = "$TENANTS" ]; }

scale()	# scale TITLE STORE [STORE]: made by its owner; used by its owner, or as the second says
{
	export ALGCTL_STORE=$2
	check "$1: a store" on box "$ALGCTL" store init
	check "$1: an operator" on box "$ALGCTL" role set operator members user:otto
	export ALGCTL_STORE=${3-$2}
	timed "$1: $TENANTS tenants and $POLICIES policies" '*applied*' apply "$TMP/five.yaml"
	check "$1: the kernel has all of them" in_kernel
	timed "$1: one changed line" '*0 added, 1 changed, 0 removed*' apply "$TMP/seven.yaml"
	check "$1: the kernel has it" grep_kernel 't471:' 'max-sessions: 7'
	timed "$1: nothing changed" '*0 added, 0 changed, 0 removed*' apply "$TMP/seven.yaml"
	timed "$1: one changed tenant" '*' tenant set t17 max-sessions 8
	timed "$1: store and kernel agree" '*the kernel has what the store has*' store status
	check "$1: a difference is made" env ALGCTL_STORE=none nsenter "--net=/run/netns/${NETNS[box]}" "$ALGCTL" tenant del t99
	check_fails "$1: ... is seen" agrees
	timed "$1: ... and repaired" '*' restore
	check "$1: they agree again" agrees
	ALGCTL_STORE=none check "$1: the kernel starts anew" on box "$ALGCTL" apply "$TMP/none.yaml"
}

agrees() { on box "$ALGCTL" store status >"$TMP/out" 2>&1 && grep -q 'the kernel has what the store has' "$TMP/out"; }
grep_kernel() { in_kernel && grep -A8 "^  $1" "$TMP/kernel" | grep -q "$2"; }

configuration 5 >"$TMP/five.yaml"
configuration 7 >"$TMP/seven.yaml"
echo '{}' >"$TMP/none.yaml"
scale SQLite "$TMP/store.db"
pg_make
pg_start
scale PostgreSQL "$PG_OWNER"
pg_sql "CREATE ROLE otto LOGIN" && pg_sql "CREATE DATABASE second"
scale 'PostgreSQL, an operator' "postgresql:///second?host=$PG&user=owner" \
	"postgresql:///second?host=$PG&user=otto"
finish
