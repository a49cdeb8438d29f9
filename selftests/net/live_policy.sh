#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The policy is edited under live control connections: it takes effect at once, for pinholes that wait and for the rest.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
fw r filter masquerade
alg_load ftp tftp
lab_start
alg r service add ftp-other protocol ftp tcp 2121
alg r policy add mine ftp on
alg r policy add theirs ftp on
alg r tenant add default policy mine

# served TITLE SESSION: the next commands are
served()
{
	check "$1: active" lab get "$2" PORT
	check "$1: passive" lab get "$2" PASV
}
# left_alone TITLE SESSION
left_alone()
{
	lab announce "$2" PORT
	check_is "$1: PORT arrives as it was sent" "${L[saw]}" "${L[said]}"
	check_fails "$1: nobody gets in" lab come "$2" $SHORT
	check "$1: the control connection lives" lab noop "$2"
}
# gone_at_once TITLE SESSION COMMAND...: its pending pinhole is there before the command and not when that returns
gone_at_once()
{
	local title=$1 session=$2
	shift 2
	check "$title: a pinhole waits" lab announce "$session" PORT
	remember r "${TENANT-default}" closed
	pending r
	check_is "$title: a pinhole waits" "$N ${L[changed]}" "1 1"
	check "$title: edit" "$@"
	pending r
	check_is "$title: it is gone when the edit returns" "$N" 0
	expectations r
	check_is "$title: from conntrack, too" "$N" 0
	check_fails "$title: it is closed on the wire" lab come "$session" $SHORT
	check_grew "$title: counted" r "${TENANT-default}" closed 1
}

lab open a c1 s1 203.0.113.2
served "policy on" a
gone_at_once "off" a alg r policy set mine ftp off
left_alone "off" a
counter r default policy-off
check "off: what passed unread is counted" [ "$N" -ge 1 ]
check "on again" alg r policy set mine ftp on
served "on again, the same connection" a

gone_at_once "service taken away" a alg r policy set mine ftp services ftp-other
left_alone "service taken away" a
alg r policy set mine ftp services ftp-other,ftp
served "service given back, the same connection" a
alg r policy set mine ftp services ftp

alg r service add local protocol ftp tcp 21 to 203.0.113.2/32
alg r policy set mine ftp services local
served "service for this server only" a
lab open other c2 s2 203.0.113.3
left_alone "another server" other
lab close other
gone_at_once "service excepts the server" a alg r service set local except 203.0.113.2/32
left_alone "service excepts the server" a
alg r service set local except none
served "exception removed" a
alg r policy set mine ftp services ftp

other_policy() { alg r policy set theirs ftp off && alg r tenant set default policy theirs; }
gone_at_once "another policy" a other_policy
left_alone "another policy" a
alg r tenant set default policy mine
served "the first policy again" a

check "observe: a pinhole waits" lab announce a PORT
alg r policy set mine ftp observe
pending r
check_is "observe closes what waits" "$N" 0
left_alone "observe" a
alg r policy set mine ftp on

# A change that allows the pinhole leaves it alone.
check "a pinhole waits" lab announce a PORT
alg r policy set mine tftp off sip off ftp option pinhole-timeout=20
pending r
check_is "an edit that doesn't concern it leaves it alone" "$N" 1
check "... and it works" lab come a

# An active pinhole's connection goes on.
check "a data connection is open" lab announce a PORT
check "a data connection is open" lab come a keep=1
alg r policy set mine ftp off
check "the control connection lives" lab noop a
lab drop a
check_pinholes "the active pinhole ends with its connection" r 0
finish
