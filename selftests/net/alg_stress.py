#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Subscribers of two tenants with the same addresses make calls, register, and use FTP and TFTP without a pause (alg_life.py), while
an operator changes everything that can be changed. What is for one gets to no other, nothing comes through what is closed, and
nothing is left in the end.

alg_stress.py [SEED [SECONDS]]: what the operator does follows from the seed, what comes between does not.
"""
import json
import os
import random
import sys
import tempfile
import time

import netbed
from alg_life import ADDRESSES, BLOCK, FIRST_PORT, NAMES, PUBLIC, SHARED, SUBSCRIBERS, Watch, attempt, crowd, start, state, together
from raw_lib import ALGCTL, Tap, expect, expect_is, fork, run

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1000000)
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 20 if netbed.SLOW else 8
MODULES = ["nf_alg_" + p for p in ("ftp", "sip", "tftp", "nat")]
DISTURBED, UNLOADS = 0, 1
TENANTS = {"acme": "a", "bravo": "b"}

tap = Tap()
dice = random.Random(SEED)	# the operator's own

RULES = """
flush ruleset
table inet zones {
	chain pre {
		type filter hook prerouting priority raw
		iifname lanA ct zone set 1 meta mark set 1
		iifname lanB ct zone set 2 meta mark set 2
		iifname wan0 meta l4proto { tcp, udp } th dport 10000-%d ct zone set 1 meta mark set 1
		iifname wan0 meta l4proto { tcp, udp } th dport 20000-%d ct zone set 2 meta mark set 2
	}
}
table inet fw {
	chain inp { type filter hook input priority 0; iifname wan0 ct state new drop; }
	chain forw {
		type filter hook forward priority 0; policy drop;
		ct state invalid drop
		ct state established,related accept
		iifname { lanA, lanB } tcp dport { 21, 2100-2199, 5060, 5100-5199 } ct state new accept
		iifname { lanA, lanB } udp dport { 69, 6900-6999, 5060, 5100-5199 } ct state new accept
	}
}
table ip nat {
	chain post {
		type nat hook postrouting priority srcnat
%s	}
}
"""

CONFIG = """
services:
  ftp-x: { protocol: ftp, tcp: 2100-2199 }
  sip-u: { protocol: sip, udp: 5100-5199 }
  sip-t: { protocol: sip, tcp: 5100-5199 }
  tftp-x: { protocol: tftp, udp: 6900-6999 }
policies:
  pa:
    ftp: { services: [ftp, ftp-x], option: { pinhole-timeout: 5, max-pinholes: 3 } }
    sip: { mode: %s, services: [sip-udp, sip-tcp, sip-u, sip-t], option: { media-timeout: 5, call-timeout: 5 } }
    tftp: { services: [tftp, tftp-x], option: { pinhole-timeout: 5 } }
  pb:
    ftp: { mode: %s, services: [ftp, ftp-x], option: { pinhole-timeout: 5 } }
    sip:
      services: [sip-udp, sip-tcp, sip-u, sip-t]
      option: { media-timeout: 30, call-timeout: 5, direct-media: any, direct-signalling: on }
    tftp: { services: [tftp, tftp-x], option: { pinhole-timeout: 5 } }
tenants:
  acme: { policy: pa, zone: 1, ports: 10000-19999, block: %d, max-pinholes: 500 }
  bravo: { policy: pb, zone: 2, ports: 20000-29999, block: %d }
"""


def rules():
    last = SUBSCRIBERS * BLOCK - 1
    snat = ""
    for mark, low in (1, FIRST_PORT["a"]), (2, FIRST_PORT["b"]):
        for n, addr in enumerate(ADDRESSES):
            snat += "\t\toifname wan0 meta mark %d ip saddr %s meta l4proto { tcp, udp } snat to %s:%d-%d\n" % (
                mark, addr, PUBLIC, low + n * BLOCK, low + (n + 1) * BLOCK - 1)
    return RULES % (FIRST_PORT["a"] + last, FIRST_PORT["b"] + last, snat)


class Box:
    """The namespaces, and the operator."""

    def __init__(self):
        suffix = "%04x" % random.getrandbits(16)
        for ns in "abrs":
            NAMES[ns] = "alg%s-%s" % (ns, suffix)
        self.r = NAMES["r"]
        handle, self.file = tempfile.mkstemp(suffix=".yaml")
        os.close(handle)
        self.question, self.answer = os.pipe(), os.pipe()

    def __enter__(self):
        n = NAMES
        run("ip", "-batch", "-", text="".join("netns add %s\n" % n[x] for x in "abrs"))
        run("ip", "-batch", "-", text="".join("link add eth0 netns %s type veth peer name %s netns %s\n" % (n[x], name, n["r"])
                                             for x, name in (("a", "lanA"), ("b", "lanB"), ("s", "wan0"))))
        run("ip", "-n", n["r"], "-batch", "-", text="""
link set lo up
link set lanA up
link set lanB up
link set wan0 up
addr add 203.0.113.1/24 dev wan0
addr add 192.168.1.1/24 dev lanA noprefixroute
addr add 192.168.1.1/24 dev lanB noprefixroute
route add 192.168.1.0/24 dev lanA table 101
route add 192.168.1.0/24 dev lanB table 102
route add 198.18.0.0/15 via 203.0.113.2
rule add fwmark 1 lookup 101
rule add fwmark 2 lookup 102
""")
        run("sh", "-c", "cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >netfilter/nf_conntrack_tcp_timeout_time_wait; "
            "echo 1 >netfilter/nf_conntrack_tcp_timeout_close; echo 2 >netfilter/nf_conntrack_tcp_timeout_last_ack", ns=self.r)
        for ns in "ab":
            run("ip", "-n", n[ns], "-batch", "-", text="link set lo up\nlink set eth0 up\n" + "".join(
                "addr add %s/24 dev eth0\n" % addr for addr in ADDRESSES) + "route add default via 192.168.1.1\n")
        run("ip", "-n", n["s"], "-batch", "-", text="""
link set lo up
link set eth0 up
addr add 203.0.113.2/24 dev eth0
route add local 198.18.0.0/15 dev lo
""")
        run("nft", "-f", "-", ns=self.r, text=rules())
        for module in ["nf_alg"] + MODULES:
            out = run("modprobe", module, check=False)
            if "not found in directory" in out:
                tap.skip_all("the modules are not installed: " + out.strip())
        self.apply("on", "on")
        return self

    def __exit__(self, *_):
        os.unlink(self.file)
        for ns in "abrs":
            run("ip", "netns", "del", NAMES[ns], check=False)
        with open("/proc/modules", encoding="ascii") as f:
            ours = [l.split()[0] for l in f if l.startswith("nf_alg")]
        if ours:
            tap.point("the modules unload", lambda: run("rmmod", *ours))

    # ---- algctl ----

    def alg(self, *words, check=True):
        return run(ALGCTL, *words, ns=self.r, check=check)

    def shown(self, what, *words):
        return json.loads(self.alg("-j", what, "show", *words))[what + "s"]

    def apply(self, sip, ftp):
        with open(self.file, "w", encoding="ascii") as f:
            f.write(CONFIG % (sip, ftp, BLOCK, BLOCK))
        self.alg("apply", self.file)

    def status(self):
        return json.loads(self.alg("-j", "status"))

    # ---- what he does ----

    def ask(self, what):
        """He is a process of his own; who talks is another one's business."""
        os.write(self.question[1], what.encode() + b"\n")
        os.read(self.answer[0], 1)

    def serve(self):
        """Answers until he is done."""
        calls = []
        with os.fdopen(self.question[0]) as questions:
            for question in questions:
                if question == "up\n":
                    with state.lock:
                        calls = [call for call in state.calls if call.ready]
                for call in calls:
                    if call.subscriber.ns == question[0] and state.knows(call):
                        call.nothing("the policy")
                os.write(self.answer[1], b".")

    def mode(self):
        tenant, protocol = dice.choice(list(TENANTS)), dice.choice(("sip", "sip", "ftp", "tftp"))
        policy = "p" + TENANTS[tenant]
        self.ask("up")
        self.alg("policy", "set", policy, protocol, dice.choice(("off", "observe")))
        if protocol == "sip":
            self.ask(TENANTS[tenant])	# nothing of his calls gets through
        left = [h for h in self.shown("pinhole", "tenant", tenant, "protocol", protocol) if h["state"] == "pending"]
        expect_is(left, [], "pinholes of %s and %s, which is off" % (tenant, protocol))
        time.sleep(dice.random() * 0.3)
        self.alg("policy", "set", policy, protocol, "on")

    def tenant(self):
        name = dice.choice(list(TENANTS))
        self.ask("up")
        self.alg("tenant", "del", name)
        self.ask(TENANTS[name])
        left = [h for h in self.shown("pinhole") if h["state"] == "pending" and h["zone"] == "-ab".index(TENANTS[name])]
        expect_is(left, [], "pinholes of %s, who is deleted" % name)
        time.sleep(dice.random() * 0.3)
        self.apply("on", "on")

    def service(self):
        name = dice.choice(("ftp-x", "sip-u", "sip-t", "tftp-x"))
        self.alg("service", "set", name, "except", SHARED + "/32")
        time.sleep(dice.random() * 0.2)
        self.alg("service", "set", name, "except", "none")

    def options(self):
        self.alg("policy", "set", "pa", "sip", "option", "media-timeout=%d" % dice.choice((5, 60)),
                 "max-calls=%d" % dice.choice((1, 5, 10000)), "max-registrations=%d" % dice.choice((1, 10000)),
                 "hold=" + dice.choice(("keep", "close")))

    def quotas(self):
        self.alg("tenant", "set", dice.choice(list(TENANTS)), "max-pinholes", dice.choice(("2", "20", "unlimited")),
                 "max-sessions", dice.choice(("2", "unlimited")))

    def configuration(self):
        self.apply(dice.choice(("on", "off", "observe")), dice.choice(("on", "off")))
        time.sleep(dice.random() * 0.2)
        self.apply("on", "on")

    def flush(self):
        run("conntrack", "-F", ns=self.r)

    def flush_expectations(self):
        run("conntrack", "-F", "expect", ns=self.r)

    def expectations_are_few(self):
        name = "/proc/sys/net/netfilter/nf_conntrack_expect_max"
        with open(name, "r+", encoding="ascii") as f:
            usual = f.read()
            f.write("10")
            f.flush()
            time.sleep(dice.random() * 0.3)
            f.write(usual)

    def delete(self):
        what = dice.choice(("pinhole", "call", "registration"))
        for one in self.shown(what)[:3]:
            self.alg(what, "del", "id", str(one["id"]), check=False)

    def look(self):
        """
        No public endpoint is of two, and all are in their owner's block. Dumps are no snapshots, and a pinhole whose connection is
        gone is shown until the collector comes round: what is so twice is so.
        """
        first = self.clashes()
        if first:
            time.sleep(2.5)
            expect_is(self.clashes() & first, set(), "pinholes with one public endpoint")
        self.alg(*dice.choice((("export",), ("stats", "show"), ("call", "show", "flows"), ("tenant", "show"))))

    def clashes(self):
        owner, found = {}, set()
        for one in self.shown("pinhole"):
            public, target = (tuple(one[k].values()) for k in ("public", "target"))
            if public[0] != PUBLIC:
                continue
            low = FIRST_PORT["-ab"[one["zone"]]] + ADDRESSES.index(target[0]) * BLOCK
            expect(low <= public[1] < low + BLOCK, "outside the block:", one)
            key, mine = (one["transport"], public), (one["zone"], target)
            other = owner.setdefault(key, (mine, one["id"]))
            if other[0] != mine:
                found.add((key, other[1], one["id"]))
        return found

    def reload(self):
        module = dice.choice(MODULES)
        state.step(UNLOADS)
        run("rmmod", module)
        time.sleep(dice.random() * 0.2)
        run("modprobe", module)
        state.step(UNLOADS)

    def reload_all(self):
        state.step(UNLOADS)
        run("rmmod", *MODULES, "nf_alg")
        run("modprobe", "-a", "nf_alg", *MODULES)
        self.apply("on", "on")
        state.step(UNLOADS)

    def operate(self):
        deeds = [self.mode] * 4 + [self.delete, self.look, self.reload] * 2 + [
            self.tenant, self.service, self.options, self.quotas, self.configuration, self.flush, self.flush_expectations,
            self.expectations_are_few, self.reload_all]
        done = []
        while time.monotonic() < state.end:
            time.sleep(dice.random() * 0.3)
            deed = dice.choice(deeds)
            state.step(DISTURBED)
            deed()
            state.step(DISTURBED)
            done.append(deed.__name__)
        print("# operator: " + ", ".join(done), flush=True)

    # ---- the end ----

    def calm(self):
        """
        Everything as it was: everything works, for everybody. Perhaps not at once: a translated TFTP request may leave from a port
        where media of a call are still expected, which nobody ended.
        """
        state.end = 0
        self.apply("on", "on")
        failed = []

        def works(subscriber):
            for deed in subscriber.call, subscriber.registration, subscriber.ftp, subscriber.tftp:
                reasons = []
                while len(reasons) < 10 and reasons[-1:] != [None]:
                    reasons.append(attempt(deed))
                if reasons[-1]:
                    failed.append("%s: %s does not work any more:\n%s" % (subscriber, deed.__name__, "\n".join(reasons)))

        together([lambda s=s: works(s) for s in crowd])
        expect(not failed, "\n".join(failed))

    def nothing_left(self):
        for policy in "pa", "pb":
            self.alg("policy", "set", policy, "sip", "off", "ftp", "off", "tftp", "off")
        status = self.status()
        expect_is((status["calls"], status["registrations"]), (0, 0), "calls, registrations with SIP off")
        expect_is([h for h in self.shown("pinhole") if h["state"] == "pending"], [], "pinholes with everything off")
        self.flush()
        expect(netbed.eventually(self.idle), "left: %s %s %s" % (self.use(), self.shown("pinhole")[:5], self.expectations()))

    def quotas_are_back(self):
        """Where a tenant may have one call and one registration he can have them."""
        self.apply("on", "on")
        for policy in "pa", "pb":
            self.alg("policy", "set", policy, "sip", "option", "max-calls=1", "max-registrations=1")
        reasons = []

        def works():
            for subscriber in crowd:
                reasons.extend((attempt(subscriber.call), attempt(subscriber.registration)))

        together([works])
        expect(not any(reasons), reasons)
        self.apply("on", "on")

    def use(self):
        """What is in use, of all and of each tenant."""
        status = self.status()
        return [status[k] for k in ("sessions", "pinholes", "calls", "registrations")] + [
            (t["sessions"], t["pinholes"]) for t in self.shown("tenant")]

    def expectations(self):
        return [l for l in run("conntrack", "-L", "expect", ns=self.r).split("\n") if "proto=" in l]

    def idle(self):
        return self.use() == [0] * 4 + [(0, 0)] * 2 and not self.expectations()


def no_violation():
    expect_is(state.wrong[:10], [], "%d violations" % len(state.wrong))


def stress(box, seconds):
    state.end = time.monotonic() + seconds
    operator = fork(box.operate)
    threads = start([s.live for s in crowd for _ in range(2)])
    os.close(box.question[1])
    box.serve()
    for thread in threads:
        thread.join()
    expect_is(os.waitpid(operator, 0)[1], 0, "exit status")
    print("# subscribers: " + ", ".join("%d %s" % (n, what) for what, n in sorted(state.done.items())))


def last_day(box):
    """The box's namespace is deleted under traffic."""
    state.end = time.monotonic() + 2
    threads = start([s.live for s in crowd])
    time.sleep(1)
    run("ip", "netns", "del", box.r)
    state.end = 0
    for thread in threads:
        thread.join()


print("# seed %d" % SEED)
with Box() as the_box:
    watches = [Watch(ns) for ns in "abs"]
    for watch in watches:
        watch.start()
    tap.point("all at once, seed %d" % SEED, stress, the_box, SECONDS)
    tap.point("afterwards everything works", the_box.calm)
    tap.point("with everything off nothing is left", the_box.nothing_left)
    tap.point("calls and registrations were given back", the_box.quotas_are_back)
    for watch in watches:
        watch.stop = True
        watch.join()
    tap.point("what was for one came to no other, nor through what was closed", no_violation)
    tap.point("the namespace is deleted", last_day, the_box)	# the firewall goes before the links
    print("# %d payloads arrived" % sum(w.seen for w in watches))
tap.finish()
