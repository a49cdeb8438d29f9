#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317	# check calls removed
#
# A session ends with its connection, at once, whatever else still refers to the connection: deleting is synchronous, so nothing is
# waited for here. Connections in all states, removed one by one, all together, while somebody listens.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

ROUNDS=8
topo_lan
sysctls r netfilter.nf_conntrack_tcp_timeout_time_wait=60	# what has ended is still there to be looked at
# What is left of a connection that was removed, such as a delayed acknowledgement, does not begin it anew.
sysctls r netfilter.nf_conntrack_tcp_loose=0
fw r filter masquerade
alg_load ftp
lab_start
alg r tenant add default

# Four control connections: idle, with a pending pinhole, with a data connection that stays open, closed (TIME_WAIT).
four()
{
	lab open idle c1 s1 203.0.113.2 && lab noop idle && lab open waits c1 s1 203.0.113.2 && lab announce waits PORT &&
		lab open busy c2 s1 203.0.113.2 && lab announce busy PASV && lab come busy keep=1 &&
		lab open closed c2 s1 203.0.113.2 && lab get closed EPRT && lab close closed
}

# removed ACTION...: rounds in which four sessions stand, and none behind ACTION
removed()
{
	local round
	for ((round = 1; round <= ROUNDS; round++)); do
		four || return
		status_of r sessions
		[ "$N" = 4 ] || { echo "round $round: $N sessions of 4"; return 1; }
		on r "$@" || { echo "round $round: $* failed"; return 1; }
		status_of r sessions
		[ "$N" = 0 ] || { echo "round $round: $N sessions are left"; on r conntrack -L; return 1; }
		lab close idle waits busy
	done
}

check "all at once" removed conntrack -F
check "one by one" removed "$(dirname "$0")/forget" -p tcp --dport 21
daemon events r conntrack -E -o id
check "all at once, while events are listened to" removed conntrack -F
stop events

counter r default sessions
check_is "none was missed" "$N" $((3 * ROUNDS * 4))
finish
