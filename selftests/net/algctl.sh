#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154,SC2317	# setup_ns sets variables; does and waits call functions
#
# algctl against the kernel: every object and command, exit codes, JSON, the kernel's words beside the argument that caused them,
# whole configurations there and back, all or nothing. Namespace box is the one worked on, other stays as it is.

. "$(dirname "$0")/algctl_lib.sh"
need "$ALGCTL" python3 ip nsenter setpriv
alg_load ftp tftp sip
setup_ns box other

same_as_before()	# same_as_before TITLE
{
	run export
	check_is "$1" "$OUT" "$(<"$TMP/before.yaml")"
}

# ---- nothing configured ----

does "status of a fresh namespace" 0 '*generation 0*nothing is configured*' status
field "status as JSON" 'd["generation"] == 0 and d["modules"]["nf_alg_ftp"] == "loaded" and d["hints"]' status
does "nothing to show" 0 '*nothing is configured*' service show
does "export of nothing" 0 'tenants: {}' export

# ---- services ----

does "service add" 0 '' service add ftp-alt protocol ftp tcp 2100-2121 to 198.51.100.0/24,2001:db8::/32 except 198.51.100.9
field "service show" \
	'd["services"] == [{"name": "ftp-alt", "protocol": "ftp", "tcp": "2100-2121", "to": ["198.51.100.0/24", "2001:db8::/32"],
	"except": ["198.51.100.9"], "predefined": False, "users": 0}]' service show ftp-alt
field "predefined services" \
	'{s["name"] for s in d["services"] if s["predefined"]} == {"ftp", "sip-udp", "sip-tcp", "tftp", "pptp", "ike"}' service
refuses "a service twice" "exists already" ftp-alt service add ftp-alt protocol ftp tcp 2121
refuses "a predefined service" "predefined" ftp service set ftp tcp 22
refuses "no such service" "does not exist" nosuch service set nosuch tcp 22
refuses "no such service to delete" "does not exist" nosuch service del nosuch
does "service set keeps the rest" 0 '' service set ftp-alt tcp 2100
field "what it kept" '(lambda s: s["tcp"] == "2100" and len(s["to"]) == 2)(d["services"][0])' service show ftp-alt
does "service set to any" 0 '' service set ftp-alt to any
field "exceptions stay then" '(lambda s: s["to"] == [] and s["except"] == ["198.51.100.9"])(d["services"][0])' service show ftp-alt
does "service set except none" 0 '' service set ftp-alt except none
field "all of it gone" 'd["services"][0]["except"] == []' service show ftp-alt

# ---- policies ----

does "policy add" 0 '' policy add gold version 3 ftp services ftp,ftp-alt option ftps=refuse pinhole-timeout=30 sip off tftp observe
field "policy show" '(lambda p: p["version"] == 3 and p["ftp"]["mode"] == "on" and p["ftp"]["services"] == ["ftp", "ftp-alt"] and
	p["ftp"]["option"]["ftps"] == "refuse" and p["ftp"]["option"]["pinhole-timeout"] == 30 and
	p["ftp"]["option"]["max-pinholes"] == 8 and p["sip"]["mode"] == "off" and
	p["tftp"]["mode"] == "observe")(d["policies"][0])' \
	policy show gold
does "options that are not the default are marked" 0 '*pinhole-timeout=30\* max-pinholes=8 *' policy show gold
does "policy set keeps the rest" 0 '' policy set gold ftp option pinhole-timeout=default
does "what it kept" 0 '*pinhole-timeout=60 *ftps=refuse\**' policy show gold
refuses "a policy with an unknown service" "nosuch" "ftp services ftp,nosuch" policy set gold ftp services ftp,nosuch
refuses "a policy twice" "exists already" gold policy add gold
refuses "services that collide" "" "ike services ftp-alt" policy set gold ike services ftp-alt
refuses "a service in use" "" ftp-alt service del ftp-alt

# ---- tenants ----

does "tenant add" 0 '' tenant add acme policy gold zone 7,8 interface lan0 mark 0x10/0xff max-sessions 50 max-pinholes 100 \
	pinhole-rate 20 ports 1024-65535 block 64
field "tenant show" '(lambda t: t["policy"] == "gold" and t["zone"] == [7, 8] and t["interface"] == ["lan0"] and
	t["mark"] == ["0x10/0xff"] and t["max-sessions"] == 50 and t["max-pinholes"] == 100 and t["pinhole-rate"] == 20 and
	t["ports"] == "1024-65535" and t["block"] == 64 and t["sessions"] == 0 and t["pinholes"] == 0)(d["tenants"][0])' \
	tenant show acme
does "tenant show for people" 0 '*acme*gold*zone 7,8 interface lan0 mark 0x10/0xff*0/50*0/100*20/s*1024-65535 block 64*' tenant
refuses "another's selector" "acme" "zone 8" tenant add bob zone 8
refuses "a tenant without policy" "nosuch" "policy nosuch" tenant add bob policy nosuch
refuses "selectors of the default tenant" "" "zone 9" tenant add default zone 9
refuses "a policy in use" "" gold policy del gold
does "tenant set keeps the rest" 0 '' tenant set acme zone 9
field "selectors were replaced" '(lambda t: t["zone"] == [9] and t["interface"] == [] and
	t["max-sessions"] == 50)(d["tenants"][0])' \
	tenant show acme
does "no-selectors" 0 '' tenant set acme no-selectors
field "no selectors" 'not d["tenants"][0]["zone"]' tenant show acme
does "tenant default" 0 '' tenant add default

# ---- calls, registrations: none without control connections ----

for kind in call registration; do
	does "$kind show, none" 0 '' $kind
	field "$kind show, none, as JSON" "d == {\"${kind}s\": []}" $kind show tenant acme protocol sip
	refuses "${kind}s of nobody" "nosuch" "tenant nosuch" $kind show tenant nosuch protocol sip
	refuses "$kind del of what is not there" "sip has no such $kind" "id 7" $kind del id 7 protocol sip
	refuses "$kind del of what no protocol has" "there is no $kind 7" "id 7" $kind del id 7
	does "usage: no id of a $kind" 1 "*is no id of a $kind*argument: id 4294967296*" $kind show id 4294967296
	does "completion of live ids, $kind" 0 '' complete -- $kind del id ''
done
does "call del of a tenant" 0 '' call del tenant acme
refuses "call del of nobody" "nosuch" "tenant nosuch" call del tenant nosuch protocol sip
does "status counts them" 0 '*0 calls, 0 registrations*' status
field "status counts them, as JSON" 'd["calls"] == 0 and d["registrations"] == 0' status

# ---- tunnels: none without IKE ----

does "tunnel show, none" 0 '' tunnel
field "tunnel show, none, as JSON" 'd == {"tunnels": []}' tunnel show tenant acme client 10.0.0.0/8 gateway 192.0.2.1
refuses "tunnels of nobody" "nosuch" "tenant nosuch" tunnel show tenant nosuch
refuses "tunnel del of what is not there" "no such tunnel" "id 7" tunnel del id 7
does "usage: no id of a tunnel" 1 "*is no id of a tunnel*argument: id 4294967296*" tunnel show id 4294967296
does "usage: no address" 1 "*is no IPv4 or IPv6 address*argument: client nosuch*" tunnel show client nosuch
does "completion of live tunnels" 0 '' complete -- tunnel del id ''
does "tunnel del of a tenant" 0 '' tunnel del tenant acme
refuses "tunnel del of nobody" "nosuch" "tenant nosuch" tunnel del tenant nosuch
does "status counts tunnels" 0 '*0 tunnels*' status
field "status counts tunnels, as JSON" 'd["tunnels"] == 0' status
does "options of IKE" 0 '' policy set gold ike on option gate-timeout=10 require-ike=no preserve-port=on max-tunnels=5
field "policy show has those of IKE" '(lambda o: o["gate-timeout"] == 10 and o["require-ike"] == "no" and
	o["preserve-port"] == "on" and o["max-tunnels"] == 5 and o["state-timeout"] == 14400)(d["policies"][0]["ike"]["option"])' \
	policy show gold

# ---- options of SIP ----

does "options of SIP" 0 '' policy set gold sip on option direct-media=any media-timeout=30 max-calls=300 hold=close
field "policy show has them" '(lambda o: o["direct-media"] == "any" and o["media-timeout"] == 30 and o["max-calls"] == 300 and
	o["hold"] == "close" and o["call-timeout"] == 43200)(d["policies"][0]["sip"]["option"])' policy show gold
does "usage: an option of SIP for FTP" 1 "*ftp has no option 'hold'*" policy set gold ftp option hold=close
does "SIP off again" 0 '' policy set gold sip off

# ---- usage ----

does "usage: an unknown word" 1 "*unknown word 'zon'*did you mean 'zone'*" tenant set acme zon 7
does "usage: an unknown object" 1 "*unknown object 'tennant'*" tennant show
does "usage: a number out of range" 1 '*argument: zone 65536*' tenant set acme zone 65536
does "help" 0 '*algctl tenant add NAME*' tenant help

# ---- completion of live names ----

does "completion of services" 0 'ftp*ftp-alt' complete -- policy set gold ftp services ''
does "completion of policies" 0 $'default\ngold' complete -- tenant set acme policy ''
does "completion of tenants" 0 acme complete -- tenant set ac

# ---- another namespace ----

run export
printf '%s\n' "$OUT" >"$TMP/before.yaml"
check_like "-n names a namespace" "$("$ALGCTL" -n "$box" tenant show acme 2>&1)" '*acme*'
check_like "which is not another" "$("$ALGCTL" -n "$other" tenant show acme 2>&1)" '*nothing is configured*'
check_like "nor the first one" "$("$ALGCTL" tenant show acme 2>&1)" '*does not exist*'
"$ALGCTL" -n "no-$box" status >"$TMP/out" 2>&1
check_is "a namespace that is none" "$? $(head -n 1 "$TMP/out")" "1 Error: there is no network namespace 'no-$box'"
on box setpriv --reuid 65534 --regid 65534 --clear-groups "$ALGCTL" tenant add eve >"$TMP/out" 2>&1
check_like "without CAP_NET_ADMIN" "$? $(<"$TMP/out")" '2 *not permitted*CAP_NET_ADMIN*'
same_as_before "nothing has changed"

# ---- whole configurations ----

does "apply what was exported" 0 '*0 added, 0 changed, 0 removed*' apply "$TMP/before.yaml"
same_as_before "YAML there and back, the same bytes"
run export --format json
printf '%s\n' "$OUT" >"$TMP/before.json"
does "apply the JSON" 0 '*0 added, 0 changed, 0 removed*' apply "$TMP/before.json"
same_as_before "JSON there, YAML back, the same bytes"
run -j export
check_is "JSON there and back, the same bytes" "$OUT" "$(<"$TMP/before.json")"

cat >"$TMP/new.yaml" <<-END
	policies:
	  gold: {ftp: off}
	tenants:
	  acme: {policy: gold, zone: 3}
	  bob: {zone: 4}
END
does "dry run: the difference" 0 '*- service ftp-alt*~ policy gold*ftp mode on -> off*~ tenant acme*zone none -> 3*+ tenant bob*' \
	apply "$TMP/new.yaml" --dry-run
run -j apply "$TMP/new.yaml" --dry-run
json "dry run as JSON" 'd["applied"] is False and d["summary"] == {"added": 1, "changed": 2, "removed": 2} and
	d["added"][0]["name"] == "bob" and d["notes"]'
same_as_before "a dry run changes nothing"

cat >"$TMP/bad.yaml" <<-END
	policies:
	  gold: {ftp: {services: [ftp, nosuch]}}
	tenants:
	  new: {zone: 1}
	  twin: {zone: [5, 1]}
END
for how in '' --dry-run; do
	# shellcheck disable=SC2086	# maybe nothing
	does "a file that the kernel refuses $how" 2 "*bad.yaml:2:32: *nosuch*bad.yaml:5:20: *" apply "$TMP/bad.yaml" $how
	same_as_before "it leaves all as it was $how"
done
printf 'tenants:\n  a: {zone: x}\n  b: {zoone: 1}\n' >"$TMP/bad.yaml"
does "a file with errors" 1 "*bad.yaml:2:13: *bad.yaml:3:7: *did you mean 'zone'*" apply "$TMP/bad.yaml"
same_as_before "it leaves all as it was"

check "somebody begins a transaction" hold_transaction box
does "apply while somebody else has a transaction" 2 '*transaction*' apply "$TMP/new.yaml"
does "status tells of it" 0 '*transaction open*' status
stop transaction KILL
no_transaction() { run status; [[ $OUT != *'transaction open'* ]]; }
check "the transaction ends with its socket" wait_for 10 no_transaction
same_as_before "it leaves all as it was"

python3 - >"$TMP/many.yaml" <<'END'
print("policies:")
for i in range(100):
    print(f"  p{i}: {{sip: off, ftp: {{option: {{pinhole-timeout: {i + 1}}}}}}}")
print("tenants:")
for i in range(3000):
    print(f"  t{i}: {{policy: p{i % 100}, zone: {i}, max-sessions: 10, ports: 1024-65535, block: 64}}")
END
does "apply 3000 tenants" 0 '*3000 tenants: 3100 added*applied*' apply "$TMP/many.yaml"
field "all are there" 'len(d["tenants"]) == 3000 and d["tenants"][0]["max-sessions"] == 10' tenant show
run export
printf '%s\n' "$OUT" >"$TMP/before.yaml"
does "apply them again" 0 '*0 added, 0 changed, 0 removed*' apply "$TMP/before.yaml"
same_as_before "3000 tenants there and back, the same bytes"
does "a small configuration instead" 0 '*applied*note: there is no tenant*' apply "$TMP/new.yaml"

# ---- a session, a pinhole ----

printf 'tenants:\n  default: {}\n' >"$TMP/default.yaml"
run apply "$TMP/default.yaml"
on box ip link set lo up
daemon events box "$ALGCTL" -j monitor --count 3
check "monitor listens" wait_for 10 subscribed "${PIDS[events]}"
cat >"$TMP/ftp.py" <<'END'
import socket, sys
server = socket.create_server(("127.0.0.1", 21))
client = socket.create_connection(("127.0.0.1", 21))
peer, _ = server.accept()
client.sendall(b"PORT 127,0,0,1,200,1\r\n")
peer.recv(100)
print("ready", flush=True)
sys.stdin.read()
END
mkfifo "$TMP/session"
on box python3 "$TMP/ftp.py" <"$TMP/session" >"$TMP/ftp.log" 2>&1 &
PIDS[session]=$!
exec {session}>"$TMP/session"
check "a client announces a data connection" wait_for 10 file_has "$TMP/ftp.log" ready
field "pinhole show joins conntrack's expectation" '(lambda p: p["tenant"] == "default" and p["protocol"] == "ftp" and
	p["state"] == "pending" and p["target"] == {"address": "127.0.0.1", "port": 51201} and p["age"] < 60 and d["ctnetlink"] and
	p["expectation"]["helper"] == "alg-ftp" and 0 < p["expectation"]["timeout"] <= 60)(d["pinholes"][0])' \
	pinhole show tenant default protocol ftp
does "pinhole show for people" 0 '*default*ftp*pending*tcp*127.0.0.1:51201*alg-ftp*' pinhole
does "tenant show has the use" 0 '*default*all others  1 *1 *' tenant show
does "stats" 0 '*opened*1*' stats show tenant default protocol ftp
does "stats with sentences" 0 '*opened*Pinholes opened.*' stats --explain
id=$(on box "$ALGCTL" complete -- pinhole del id '')
does "pinhole del" 0 '' pinhole del id "$id"
refuses "no such pinhole" "" "id $id" pinhole del id "$id"
field "no pinhole is left" 'd["pinholes"] == []' pinhole
does "stats reset" 0 '' stats reset tenant default
does "nothing counted" 0 '*nothing was counted*' stats
refuses "counters of nobody" "nosuch" "tenant nosuch" stats show tenant nosuch
refuses "pinholes of nobody" "nosuch" "tenant nosuch" pinhole show tenant nosuch protocol ftp
does "a change" 0 '' tenant set default max-sessions 9
check "monitor ends after three events" wait_for 10 gone "${PIDS[events]}"
check "monitor tells them" python3 - "$TMP/events.log" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
kinds = [e["event"] for e in events]
assert kinds == ["pinhole-opened", "pinhole-closed", "tenant-set"], events
assert events[0]["pinhole"]["target"]["port"] == 51201 and events[2]["name"] == "default", events
END
exec {session}>&-
stop session

# ---- a call, a registration ----

cat >"$TMP/sip.py" <<'END'
import socket, sys
PHONE, PROXY, ALICE = ("127.0.0.1", 5070), ("127.0.0.1", 5060), "<sip:alice@example.org>"
socks = {}
for end in (PHONE, PROXY):
    socks[end] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    socks[end].bind(end)
    socks[end].settimeout(20)
def sdp(port):
    return f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
def say(source, to, first, call, method, *more, body="", tag=""):
    kind = ["Content-Type: application/sdp"] if body else []
    callee = ALICE if method == "REGISTER" else "<sip:bob@example.net>"
    lines = [first, "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK" + call, "From: " + ALICE + ";tag=a", "To: " + callee + tag,
             "Call-ID: " + call, "CSeq: 1 " + method, *more, *kind, f"Content-Length: {len(body)}", "", body]
    socks[source].sendto("\r\n".join(lines).encode(), to)
    socks[to].recv(4000)
contact, ok = "Contact: <sip:alice@127.0.0.1:5070>", "SIP/2.0 200 OK"
say(PHONE, PROXY, "REGISTER sip:example.org SIP/2.0", "r1@box", "REGISTER", contact, "Expires: 600")
say(PROXY, PHONE, ok, "r1@box", "REGISTER", contact + ";expires=600", tag=";tag=r")
say(PHONE, PROXY, "INVITE sip:bob@example.net SIP/2.0", "c1@box", "INVITE", contact, body=sdp(40000))
say(PROXY, PHONE, ok, "c1@box", "INVITE", "Contact: <sip:bob@127.0.0.1:5060>", body=sdp(42000), tag=";tag=b")
print("ready", flush=True)
sys.stdin.read()
END
does "the tenant's counters begin anew" 0 '' stats reset
daemon signals box "$ALGCTL" -j monitor tenant default protocol sip
check "monitor listens for SIP" wait_for 10 subscribed "${PIDS[signals]}"
mkfifo "$TMP/phone"
on box python3 "$TMP/sip.py" <"$TMP/phone" >"$TMP/sip.log" 2>&1 &
PIDS[phone]=$!
exec {phone}>"$TMP/phone"
check "a user agent registers and calls" wait_for 20 file_has "$TMP/sip.log" ready
field "call show" '(lambda c: c["state"] == "established" and c["name"] == "c1@box" and "alice" in c["from"] and
	"bob" in c["to"] and c["tenant"] == "default" and
	c["source"] == {"address": "127.0.0.1", "port": 5070} and c["destination"]["port"] == 5060 and
	c["age"] < 60 and any(f["type"] == "audio" and f["target"] == {"address": "127.0.0.1", "port": 40000}
	for f in c["flows"]))(d["calls"][0])' call show tenant default protocol sip
run -j call
id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["calls"][0]["id"])' <<<"$OUT")
does "call show for people" 0 '*sip*established*alice*->*bob*default*' call
does "call show with flows" 0 $'*\n    audio *127.0.0.1:40000*' call show id "$id"
field "its pinholes name it" "any(p.get('call') == $id for p in d['pinholes'])" pinhole show protocol sip
field "registration show" '(lambda r: "alice" in r["aor"] and r["contact"] == {"address": "127.0.0.1", "port": 5070} and
	r["registrar"] == {"address": "127.0.0.1"} and 0 < r["timeout"] <= 600)(d["registrations"][0])' registration show
does "registration show for people" 0 '*alice*udp*127.0.0.1:5070*' registration
does "status counts both" 0 '*1 call, 1 registration*' status
field "counters of methods" '(lambda c: c["invite"] == 1 and c["register"] == 1 and c["calls"] == 1 and c["answered"] == 1 and
	c["registrations"] == 1)(d["stats"][0]["counters"])' stats show tenant default protocol sip
check_is "completion of live calls" "$(on box "$ALGCTL" complete -- call del id '')" "$id"
does "call del" 0 '' call del id "$id"
field "no call is left" 'd["calls"] == []' call
field "no pinhole of it is left" "not any(p.get('call') == $id and p['target']['port'] == 40000 for p in d['pinholes'])" \
	pinhole
field "the registration stays" 'len(d["registrations"]) == 1' registration
id=$(on box "$ALGCTL" complete -- registration del id '')
does "registration del" 0 '' registration del id "$id"
field "no registration is left" 'd["registrations"] == []' registration
refuses "the same again" "there is no registration $id" "id $id" registration del id "$id"
exec {phone}>&-
stop phone
check "monitor tells of the end" wait_for 10 file_has "$TMP/signals.log" '*unregistered*'
stop signals
check "and of everything before it" python3 - "$TMP/signals.log" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
kinds = [e["event"] for e in events if not e["event"].startswith("pinhole")]
assert kinds == ["registered", "call-started", "call-answered", "call-ended", "unregistered"], events
assert all(e["protocol"] == "sip" and e["tenant"] == "default" for e in events), events
END

does "tenant del" 0 '' tenant del default
does "no tenant is left" 0 '*no tenants*' tenant
finish
