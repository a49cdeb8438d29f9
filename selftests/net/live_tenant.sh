#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tenants are deleted, made again and replaced with the whole configuration under live control connections.
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_tenants
fw r filter tenants=addresses
alg_load ftp tftp
lab_start
cat >"$TMP/both.yaml" <<-END
	policies:
	  short: { ftp: { option: { pinhole-timeout: 30 } } }
	tenants:
	  blue: { zone: 1, policy: short, max-sessions: 5 }
	  green: { zone: 2 }
END
check "apply" alg r apply "$TMP/both.yaml"
lab open blue a1 s1 203.0.113.2
lab open green b1 s1 203.0.113.2
for s in blue green; do
	check "$s: active" lab get $s PORT
	lab announce $s PORT
	check_is "$s: a pinhole waits" "${L[changed]}" 1
done

# ---- delete ----

pinholes r
check_is "two wait, two are active" "$N" 4
check "tenant green is deleted" alg r tenant del green
pinholes r tenant blue
check_is "blue's pinholes stand" "$N" 2
expectations r
check_is "green's is closed at once" "$N" 1
check_fails "... on the wire" lab come green $SHORT
check "blue's works" lab come blue
lab announce green PORT
check_is "the deleted tenant's session passes unread" "${L[changed]}" 0
check "... and lives" lab noop green
check_fails "no counters of green" alg r stats show tenant green
alg r tenant add green zone 2
lab announce green PORT
check_is "a new tenant of that name doesn't take the old session" "${L[changed]}" 0
lab open fresh b1 s1 203.0.113.2
check "... but new ones" lab get fresh PASV
lab close green
lab open green b1 s1 203.0.113.2

# ---- replacement of everything ----

remember r blue opened
remember r blue sessions
before=${OLD[opened]} sessions=${OLD[sessions]}
for s in blue green; do
	lab announce $s EPRT
done
check "apply the same again" alg r apply "$TMP/both.yaml"
expectations r
check_is "pinholes of tenants that stay stand" "$N" 2
counter r blue opened
check_is "counters are kept" "$N" $((before + 1))
check "blue's pinhole works" lab come blue
check "green's pinhole works" lab come green
check "blue's session goes on" lab get blue PASV
counter r blue sessions
check_is "... as the same session" "$N" "$sessions"

# A change of all that gives another configuration: green is gone, blue has another policy and quota.
cat >"$TMP/blue.yaml" <<-END
	policies:
	  other: { ftp: { option: { max-pinholes: 1 } } }
	tenants:
	  blue: { zone: 1, policy: other }
END
for s in blue green; do
	lab announce $s PORT
done
counter r blue opened
before=$N
check "apply a configuration without green" alg r apply "$TMP/blue.yaml"
expectations r
check_is "green's pinhole is closed at once" "$N" 1
check_fails "... on the wire" lab come green $SHORT
check "blue's works" lab come blue
counter r blue opened
check_is "blue's counters are kept" "$N" "$before"
lab announce green PORT
check_is "green's session passes unread" "${L[changed]}" 0
lab announce blue PORT
check_is "blue's session has the new policy: first pinhole" "${L[changed]}" 1
lab announce blue PORT
check_counter "... the second takes its place" r blue session-pinholes 1

# A configuration that is refused changes nothing.
printf 'tenants:\n  red: { zone: 9, policy: nosuch }\n' >"$TMP/bad.yaml"
check_fails "a configuration with a mistake is refused" alg r apply "$TMP/bad.yaml"
expectations r
check_is "... and nothing changed" "$N" 1
check_fails "red does not exist" alg r tenant show red

# Nothing at all.
printf 'tenants: {}\n' >"$TMP/none.yaml"
check "apply nothing" alg r apply "$TMP/none.yaml"
expectations r
check_is "no pinhole waits" "$N" 0
lab announce blue PORT
check_is "nobody is served" "${L[changed]}" 0
check "the control connections live" lab noop blue green fresh
finish
