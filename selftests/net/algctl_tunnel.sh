#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317	# setup_ns sets variables; does and waits call functions
#
# algctl tunnel: what is shown of two clients with IKE and ESP to one gateway, and what del does.

. "$(dirname "$0")/algctl_lib.sh"
BOX=r
need "$ALGCTL" python3 nft conntrack
topo_lan
alg_load ike
fw r filter masquerade 'accept=iifname lan0 udp dport { 500, 4500 }'
alg r tenant add default
sysctls r netfilter.nf_conntrack_acct=1

daemon monitor r "$ALGCTL" -j monitor protocol ike
check "monitor listens" wait_for 10 subscribed "${PIDS[monitor]}"
known=
for name in "${!NETNS[@]}"; do
	known+="$name=${NETNS[$name]} "
done
mkfifo "$TMP/steps"
NF_ALG_NS=$known python3 -B -E -S "$HERE/algctl_tunnel.py" <"$TMP/steps" >"$TMP/peers.log" 2>&1 &
PIDS[peers]=$!
exec {steps}>"$TMP/steps"
step()	# step WORDS
{
	echo "$1" >&"$steps"
	wait_for 60 step_done "$1" && file_has "$TMP/peers.log" "done $1"
}
step_done() { file_has "$TMP/peers.log" "done $1" || gone "${PIDS[peers]}"; }

does "no tunnel yet" 0 '' tunnel
check "two clients begin IKE with a gateway" step ike
check_like "the predefined service gives it the helper" \
	"$(on r conntrack -L -p udp --orig-src 192.168.1.11 --orig-port-dst 500 2>/dev/null)" '*helper=alg-ike*'
field "tunnel show" '[(t["client"]["address"], t["gateway"]["address"], t["public"]["address"], t["tenant"], t["zone"], t["ikes"],
	t["sas"]) for t in d["tunnels"]] ==
	[(c, "203.0.113.2", "203.0.113.1", "default", 0, 1, 0) for c in ("192.168.1.11", "192.168.1.12")]' tunnel
field "each has a zone" '[(t["slot"], t["slot-zone"]) for t in d["tunnels"]] == [(0, 0), (1, 61440)]' tunnel
field "its IKE session" '(lambda i: i["ispi"] == "0x00000000000000a1" and i["rspi"] == "0x000000000000ff5e" and
	i["version"] == 2 and i["age"] < 60)(d["tunnels"][0]["ike"][0])' tunnel show client 192.168.1.11
does "tunnel show for people" 0 '*default*192.168.1.12*203.0.113.2*203.0.113.1*' tunnel show client 192.168.1.12
does "... with IKE sessions" 0 $'*\n    ike v2   0x00000000000000b2 0x000000000000ff4d  age *' tunnel show sas
does "clients in a prefix" 0 '*192.168.1.11*' tunnel show client 192.168.1.8/30
run tunnel show client 192.168.1.8/30
check_fails "... and no other" [ "$OUT" != "${OUT/192.168.1.12}" ]
does "no such gateway" 0 '' tunnel show gateway 203.0.113.3
does "of the tenant" 0 '*192.168.1.11*192.168.1.12*' tunnel show tenant default
does "status counts them" 0 '*modules loaded*nf_alg_ike*2 tunnels*' status
check_is "completion of clients" "$(on r "$ALGCTL" complete -- tunnel show client '')" $'192.168.1.11\n192.168.1.12'
does "stats" 0 '*tunnels*2*' stats show protocol ike

if check "both send and receive ESP" step esp; then
	field "SAs of the first" '{(a["direction"], a["spi"], a.get("peer")) for a in d["tunnels"][0]["sa"]} ==
		{("out", "0xa100feed", "0xa100cafe"), ("in", "0xa100cafe", "0xa100feed")}' tunnel show client 192.168.1.11
	field "SAs of the second" '{(a["direction"], a["spi"], a.get("peer")) for a in d["tunnels"][0]["sa"]} ==
		{("out", "0xb200feed", "0xb200cafe"), ("in", "0xb200cafe", "0xb200feed")}' tunnel show client 192.168.1.12
	field "traffic" 'all((t["packets-out"], t["bytes-out"], t["packets-in"], t["bytes-in"], t["sas"]) == (4, 272, 3, 204, 2)
		for t in d["tunnels"])' tunnel
	does "SAs for people" 0 $'*\n    esp out  0xa100feed  peer 0xa100cafe  age *' tunnel show sas
fi

run -j tunnel show client 192.168.1.11
id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["tunnels"][0]["id"])' <<<"$OUT")
check_like "completion of ids" "$(on r "$ALGCTL" complete -- tunnel del id '')" "*$id*"
does "tunnel del" 0 '' tunnel del id "$id"
field "one is left" '[t["client"]["address"] for t in d["tunnels"]] == ["192.168.1.12"]' tunnel
refuses "the same again" "no such tunnel" "id $id" tunnel del id "$id"
does "status counts one" 0 '*1 tunnel,*' status
check "IKE goes on" step "again c1"
field "... and makes a new one" 'len(d["tunnels"]) == 2 and all(t["id"] != '"$id"' for t in d["tunnels"])' tunnel
does "calls are not tunnels" 0 '' call del tenant default
field "... which stay" 'len(d["tunnels"]) == 2' tunnel
does "tunnel del of a tenant" 0 '' tunnel del tenant default
field "none is left" 'd["tunnels"] == []' tunnel
exec {steps}>&-

told() { file_has "$TMP/monitor.log" '*tunnel-ended*' && events_are; }
events_are()
{
	python3 - "$TMP/monitor.log" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
kinds = [e["event"] for e in events if e["event"].startswith("tunnel")]
assert kinds == ["tunnel-started"] * 2 + ["tunnel-ended", "tunnel-started"] + ["tunnel-ended"] * 2, kinds
assert events[0]["tunnel"]["client"] == {"address": "192.168.1.11"} and events[0]["tenant"] == "default", events[0]
END
}
check "monitor tells all of it" wait_for 10 told
stop peers
finish
