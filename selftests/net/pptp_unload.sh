#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# PPTP under traffic, with live calls: modules unloaded in any order that their dependencies allow, memory that runs out (debug
# kernels with CONFIG_FAILSLAB), namespaces that are deleted.

# shellcheck disable=SC2317,SC2154	# functions are called by name; r is set by setup_ns
. "$(dirname "$0")/ftp_lib.sh"
. "$HERE/lab.sh"
need nft python3 conntrack
[ "$ALG_BY" = ours ] || skip_all "the kernel's helper is not unloaded"

declare -A TO=() FROM=()

# pptp_traffic CLIENT SERVER ADDRESS: in the background, see pptp_traffic.py; an address of its own
pptp_traffic()
{
	local name=$1 to from
	[[ $3 == *.2 || $3 == *.3 ]] || ip -n "${NETNS[$2]}" addr add "$3/24" dev eth0
	mkfifo "$TMP/to-$name" "$TMP/from-$name"
	(python pptp_traffic.py "$@" <"$TMP/to-$name" >"$TMP/from-$name" 2>"$TMP/traffic-$name.log") &
	PIDS[traffic-$name]=$!
	exec {to}>"$TMP/to-$name" {from}<"$TMP/from-$name"
	TO[$name]=$to FROM[$name]=$from
}

# ask CLIENT WORD...: the array ANSWER
ask()
{
	printf '%s\n' "${*:2}" >&"${TO[$1]}"
	read -r -t 60 -u "${FROM[$1]}" -a ANSWER && return
	ANSWER=(-1 -1)
	diag "no answer: $(<"$TMP/traffic-$1.log")"
}

pptp_traffic_end()
{
	local name to from
	for name in "${!TO[@]}"; do
		stop "traffic-$name" KILL
		to=${TO[$name]} from=${FROM[$name]}
		exec {to}>&- {from}<&-
		rm -f "$TMP/to-$name" "$TMP/from-$name"
	done
	TO=() FROM=()
}

good_round() { ask "$1" one; [ "${ANSWER[0]}" = 3 ]; }

box()
{
	alg_box r filter masquerade accept='tcp dport 1723 iifname lan0'
	sysctls r netfilter.nf_conntrack_tcp_loose=0 netfilter.nf_conntrack_tcp_timeout_time_wait=1
}

topo_lan
alg_start pptp
box
pptp_traffic c1 s1 203.0.113.2
pptp_traffic c2 s2 203.0.113.3
check "traffic flows" wait_for 40 good_round c1
check "... of both" wait_for 40 good_round c2

# ---- unloaded ----

for order in "pptp nat" "nat pptp" "pptp nat" "nat pptp"; do
	ask c1 hold 5
	check_is "calls stand" "${ANSWER[0]}" 5
	failed=
	for name in $order ''; do
		rmmod "nf_alg${name:+_$name}" >"$TMP/out" 2>&1 || { failed="$name: $(<"$TMP/out")"; break; }
	done
	check_is "unloaded under traffic: ${order// /, }, nf_alg" "$failed" ""
	expectations r
	check_is "... no expectation is left" "$N" 0
	ask c1 one
	check_is "... without it no call works" "${ANSWER[0]}" 0
	alg_load pptp
	alg r tenant add default
	check "... loaded again it works" wait_for 40 good_round c1
	check "... for both" wait_for 40 good_round c2
done

ask c1 hold 4
check_is "calls stand" "${ANSWER[0]}" 4
check "unloaded alone" rmmod nf_alg_pptp
ask c1 held
check_is "... their GRE goes on" "${ANSWER[0]}" 4
check "... loaded again" modprobe nf_alg_pptp
check "... it works" wait_for 40 good_round c1

# Without NAT what needs it is not opened.
rmmod nf_alg_nat
ask c1 one
check_is "without nf_alg_nat no call works" "${ANSWER[0]}" 0
counter r default nat-missing pptp
check "... counted" [ "$N" -gt 0 ]
modprobe nf_alg_nat
check "... loaded again it works" wait_for 40 good_round c1

# ---- memory runs out ----

if has_failslab; then
	check "caches can be made to fail" memory_may_fail
	for percent in 2 10 30; do
		memory_fails $percent
		for _ in 1 2 3 4 5; do
			ask c1 one
			ask c2 one
		done
		memory_fails 0
		check "$percent % of allocations failed; it works again" wait_for 40 good_round c1
	done
	counter r default no-memory pptp
	check "no-memory is counted" [ "$N" -gt 0 ]
	diag "no-memory was counted $N times"
else
	skip "allocations that fail" "no failslab in this kernel"
fi

# ---- the end ----

pptp_traffic_end
on r conntrack -F >/dev/null 2>&1
check_pinholes "no pinhole is left" r 0
check_status "no session is left" r sessions 0
alg r call show protocol pptp >"$TMP/calls" 2>&1
check_is "no call is left" "$(grep -c pptp- "$TMP/calls")" 0

for round in 1 2 3; do
	pptp_traffic c1 s1 203.0.113.2
	pptp_traffic c2 s2 203.0.113.3
	wait_for 40 good_round c2
	ask c1 hold 5
	check_is "round $round: calls stand" "${ANSWER[0]}" 5
	daemon monitor r "$ALGCTL" monitor
	check "round $round: the namespace is deleted under traffic" ip netns del "$r"
	unset "NETNS[r]"
	stop monitor KILL
	lost() { ! ip -n "$c1" link show eth0 >/dev/null 2>&1; }
	check "round $round: it is gone with its links" wait_for 30 lost
	pptp_traffic_end
	for ns in "${!NETNS[@]}"; do
		ip netns del "${NETNS[$ns]}"
		unset "NETNS[$ns]"
	done
	[ $round = 3 ] && break
	topo_lan
	box
done
check "the modules unload" rmmod nf_alg_pptp nf_alg_nat nf_alg
finish
