#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2119,SC2154,SC2317	# setup_ns sets variables; functions are called by others
#
# A fleet in front of real kernels: two boxes with agents follow one PostgreSQL, apply what is theirs, say what their kernel
# refuses, live through the database's restart, and begin without it.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/pg_lib.sh"
need "$ALGCTL" ip
alg_load ftp tftp sip
setup_ns paris rome
pg_make
pg_start
export ALGCTL_STORE=$PG_OWNER

# store WORD...: as an operator, on no box
store() { "$ALGCTL" "$@"; }

agent() { ALGCTL_BOX=$1 ALGCTL_KEPT=$TMP/$1.json daemon "$1" "$1" "$ALGCTL" agent every 2s; }

# has BOX PATTERN: what its kernel has
has()
{
	local text
	text=$(ALGCTL_STORE=none on "$1" "$ALGCTL" export 2>&1)
	# shellcheck disable=SC2053	# a pattern
	[[ $text == $2 ]]
}

# state BOX PATTERN: its line of the fleet's
state()
{
	local text
	text=$(store fleet status "$1" 2>&1)
	# shellcheck disable=SC2053	# a pattern
	[[ $text == $2 ]]
}

becomes() { check "$1" wait_for 60 "${@:2}"; }

check "a store in PostgreSQL" store store init
check "a box" store fleet add paris
check "another" store fleet add rome tags edge
agent paris
agent rome
check "a policy" store policy add gold ftp off
check "a tenant of all boxes" store tenant add acme zone 7 policy gold
check "a tenant of one" store tenant add bob zone 8 boxes tag:edge
becomes "the first has what is its own" has paris '*gold:*ftp: off*acme:*policy: gold*zone: 7*'
becomes "the second has both" has rome '*acme:*zone: 7*bob:*zone: 8*'
check_fails "the first has no more" has paris '*bob:*'
becomes "and has reported" state paris '*applied*'
check "a change" store policy set gold sip off
check "in stages" store policy propagate gold --staged first rome wait 60s
check_like "names the boxes" "$(<"$TMP/out")" '*box rome: applied*box paris: applied*'
check "and is in the first's kernel" has paris '*sip: off*'
check "and in the second's" has rome '*sip: off*'

check "what a kernel refuses" store tenant add eve zone 7 boxes rome
becomes "is told" state rome '*refused*eve*'
check_fails "and not applied" has rome '*eve:*'
check "the others know nothing of it" wait_for 60 state paris '*applied*'
check "it is taken back" store tenant del eve
becomes "and all is well" state rome '*applied*'

ALGCTL_STORE=none on paris "$ALGCTL" tenant del acme
becomes "what was changed behind the store's back is repaired" has paris '*acme:*zone: 7*'

check "the database ends" pg_end
becomes "an agent notices" file_has "$TMP/rome.log" '*no database, everything stays as it is*'
check "the kernel stays as it was" has rome '*acme:*bob:*'
stop paris
ALGCTL_STORE=none on paris "$ALGCTL" tenant del acme
ALGCTL_BOX=paris ALGCTL_KEPT=$TMP/paris.json check "a box restores what was kept" on paris "$ALGCTL" restore kept
check "without a database" has paris '*acme:*zone: 7*'
ALGCTL_STORE=none on paris "$ALGCTL" tenant del acme
agent paris
becomes "and so does an agent" has paris '*acme:*zone: 7*'
check "the database comes again" pg_begin
check "a change" store tenant set acme zone 9
becomes "reaches the one" has paris '*zone: 9*'
becomes "and the other" has rome '*zone: 9*'
becomes "which report" state rome '*applied*'
kill -TERM "${PIDS[rome]}"
wait "${PIDS[rome]}"
check_is "an agent ends cleanly" $? 0
unset 'PIDS[rome]'
check "the log is whole" store log verify
finish
