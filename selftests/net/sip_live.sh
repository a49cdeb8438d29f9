#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2034,SC2317	# r, c1 come from setup_ns; RULES is for alg_box; functions called by name
#
# Calls while policies change, modules go and come back, and the router's namespace is deleted; what algctl shows of a call.

. "$(dirname "$0")/sip_lib.sh"
need nft conntrack python3
topo_lan
sysctls r netfilter.nf_conntrack_acct=1
alg_start sip
RULES[r]=$MARKERS
alg_box r filter masquerade
points python sip_live.py show
points python sip_live.py policy
points python sip_live.py observe

# ---- modules go and come back under traffic ----

mkfifo "$TMP/end"
exec {END}<>"$TMP/end"
python sip_live.py churn <&$END >"$TMP/churn.log" 2>&1 &
PIDS[churn]=$!
said() { [ "$(grep -c "^$1" "$TMP/churn.log")" -ge "$2" ]; }
count() { N=$(grep -c "^$1" "$TMP/churn.log"); }
check "calls are made" wait_for 60 said served 2
unloaded() { rmmod nf_alg_sip 2>"$TMP/out"; }
rounds=3 failed=
for ((i = 0; i < rounds; i++)); do
	wait_for 20 unloaded || failed+=" $(<"$TMP/out")"
	count passed; passed=$N
	wait_for 30 said passed $((passed + 1)) || failed+=" not seen without"
	modprobe nf_alg_sip || failed+=" modprobe"
	count served; served=$N
	wait_for 30 said served $((served + 1)) || failed+=" not seen with"
done
check_is "$rounds rounds of unloading and loading under calls" "$failed" ""
wait_for 30 unloaded
check_is "it goes with calls up" "$(<"$TMP/out")" ""
check "... and comes back" modprobe nf_alg_sip

# ---- the router's namespace goes, with calls up ----

count served
check "calls are served again" wait_for 30 said served $((N + 1))
while IFS= read -r line; do
	[[ $line == served || $line == passed || $line == cut ]] || diag "$line"
done <"$TMP/churn.log"
ip netns del "$r"
unset "NETNS[r]"
modules_gone() { alg_unload 2>"$TMP/out"; }
check "with the namespace gone, the modules unload" wait_for 30 modules_gone
echo >&$END
stop churn
finish
