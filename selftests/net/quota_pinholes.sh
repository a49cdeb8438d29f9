#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Quotas of pinholes: per tenant, per session, per second. Who asks for too much is refused and counted; nobody else
# loses anything.
# shellcheck disable=SC2317	# functions are called by name
. "$(dirname "$0")/lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack

topo_lan
sysctls r netfilter.nf_conntrack_tcp_timeout_time_wait=1
fw r filter masquerade
alg_load ftp
lab_start
alg r tenant add default max-pinholes 2
for s in a1 a2; do lab open $s c1 s1 203.0.113.2; done
lab open b c2 s2 203.0.113.3

refused() # refused SESSION TITLE REASON: its next PORT arrives as it was, and is counted
{
	remember r default "$3"
	lab announce "$1" PORT
	check_is "$2" "${L[saw]}" "${L[said]}"
	check_grew "... and counted" r default "$3" 1
}

# ---- the tenant's ----

lab announce a1 PORT
check_is "first pinhole of two" "${L[changed]}" 1
lab announce a2 EPRT
check_is "second pinhole of two" "${L[changed]}" 1
refused b "max-pinholes: the third is refused" quota-pinholes
check_fails "... and nobody gets in" lab come b $SHORT
check_pinholes "the others' pinholes stand" r 2
check "the first is used" lab come a1 keep=1
refused b "an active pinhole counts, too" quota-pinholes
check "the second is used" lab come a2 keep=1
lab drop a1
lab drop a2
check_pinholes "when the data connections are gone so are the pinholes" r 0
lab announce b PORT
check_is "the quota is given back after use" "${L[changed]}" 1
check "... and the pinhole works" lab come b

alg r policy set default ftp option pinhole-timeout=5
check_pinholes "nothing pending" r 0
remember r default expired
lab announce a1 PORT
lab announce a2 PORT
refused b "full again" quota-pinholes
check_pinholes "unused pinholes go" r 0
check_grew "... and are counted" r default expired 2
expectations r
check_is "... from conntrack, too" "$N" 0
lab announce b PORT
check_is "the quota is given back after expiry" "${L[changed]}" 1
check_fails "an expired endpoint is closed" lab knock s1 203.0.113.1 "${L[port]}"
alg r tenant set default max-pinholes unlimited
alg r policy set default ftp option pinhole-timeout=default
check_pinholes "nothing pending" r 0

# ---- the session's ----

alg r policy set default ftp option max-pinholes=2
lab announce a2 PORT
lab announce a1 PORT
first=${L[port]}
lab announce a1 PORT
second=${L[port]}
check_is "second pinhole of a session" "${L[changed]}" 1
pinholes r
check_is "... and one of another's" "$N" 3
# Who announces a third gives up his own oldest: a client has one data connection at a time.
remember r default session-pinholes
lab announce a1 PORT
check_is "the session's max-pinholes: a third takes a place" "${L[changed]}" 1
check_grew "... counted" r default session-pinholes 1
pinholes r
check_is "... of his own" "$N" 3
check "the newest works" lab come a1
check "another session's pinhole works" lab come a2
waits()
{
	local line
	while read -r line; do
		[[ $line != *dport=$1\ * ]] || return 0
	done < <(on r conntrack -L expect 2>/dev/null)
	return 1
}
check_fails "the oldest is closed" waits "$first"
check "the second stands" waits "$second"
alg r policy set default ftp option max-pinholes=default
for _ in 1 2 3 4; do lab announce a1 PORT; done
counter r default session-pinholes
check_is "the option's change counts at once" "$N" $((OLD[session-pinholes] + 1))
check "... and the last pinhole works" lab come a1
lab close a1
on r "$(dirname "$0")/forget" -p tcp --dport 21 -s 192.168.1.11 >/dev/null 2>&1
check_pinholes "pending pinholes end with their session" r 0

# ---- per second ----

lab open a1 c1 s1 203.0.113.2
alg r policy set default ftp option max-pinholes=100
alg r tenant set default pinhole-rate 4
changed=0
for _ in {1..24}; do
	lab announce a1 PORT
	changed=$((changed + L[changed]))
done
counter r default rate
check_is "pinhole-rate: refusals are counted" "$N" $((24 - changed))
check "... some were refused, some not" [ $changed -ge 4 -a $changed -lt 20 ]
next() { lab announce b PORT && [ "${L[changed]}" = 1 ]; }
check "a second later it goes on" wait_for 5 next
check "... with a pinhole that works" lab come b
alg r tenant set default pinhole-rate unlimited
changed=0
for _ in {1..10}; do
	lab announce a1 PORT
	changed=$((changed + L[changed]))
done
check_is "without a rate nothing is refused" $changed 10
finish
