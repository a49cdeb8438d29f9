# SPDX-License-Identifier: GPL-2.0-only
"""PPTP calls as time passes, and those of tenants. pptp_live.sh has the networks.

What takes long goes side by side: every call has numbers of its own, by which it is found.
"""
import json
import sys
import time

import netbed
from netbed import check, eventually, must, must_equal
from pptp_peer import (CLEAR, DISCONNECT, IN_REPLY, IN_REQUEST, OUT_REQUEST, WAN_ERROR, Call, Gre, Line, carries, ids, message,
                       same_but_ids)

C1, C2, S1, PUBLIC = "192.168.1.11", "192.168.1.12", "203.0.113.2", "203.0.113.1"
IDLE = 10	# gre-timeout
UNREPLIED = 4	# net.netfilter.nf_conntrack_gre_timeout
SLACK = 6 if netbed.SLOW else 4	# what collectors take
ANSWER = 60	# seconds that a request waits for its answer, and a call for its first GRE


def calls():
    return json.loads(netbed.algctl("r", "-j", "call", "show", "protocol", "pptp"))["calls"]


def call_of(own):
    """The call of a client's number, None if there is none."""
    return next((one for one in calls() if ("%s call %d" % (C1, own)) in (one["from"], one["to"])), None)


def ends_after(own, least, most, since):
    must(eventually(lambda: not call_of(own), most + SLACK), "the call is there after %d s" % (most + SLACK))
    took = time.monotonic() - since
    must(took >= least - 1, "the call ended after %.1f s" % took)


class Ends:
    """Sockets of one test: packets of other tests come to them, too."""

    def __init__(self, call):
        self.call, self.client, self.server = call, Gre("c1", C1), Gre("s1", S1)

    def up(self, timeout=None):
        self.client.send(S1, self.call.far, b"up")
        return self.server.receive_of(self.call.far, timeout) == b"up"

    def down(self, timeout=None):
        self.server.send(PUBLIC, self.call.told, b"down")
        return self.client.receive_of(self.call.own, timeout) == b"down"


def fresh(number):
    """A call with both ends of its control connection and of its GRE."""
    one = Line(LISTENER, "c1", C1, S1, lock=ACCEPTING)
    return one, Ends(Call(one, number, number + 5000))


def idle():
    """Answered GRE: gre-timeout counts from the last packet, not conntrack's shorter one."""
    _, ends = fresh(1000)
    must(ends.up() and ends.down(), "GRE both ways")
    time.sleep(IDLE - 3)
    must(ends.up() and ends.down(), "GRE after %d s" % (IDLE - 3))
    since = time.monotonic()
    ends_after(1000, IDLE, IDLE, since)
    must(not ends.down(), "GRE gets in afterwards")


def unreplied():
    """GRE that is not answered: conntrack's time for what has no reply."""
    _, ends = fresh(1001)
    must(ends.down(), "GRE to the client")
    must(eventually(lambda: [flow["state"] for flow in call_of(1001)["flows"]] == ["pending"], UNREPLIED + SLACK), "the flow stays")
    must(not ends.down(), "GRE gets in afterwards")


def answered_late():
    """... and with the answer the time is that of answered GRE."""
    _, ends = fresh(1002)
    must(ends.down(), "GRE to the client")
    time.sleep(UNREPLIED / 2)
    must(ends.up(), "GRE to the server")
    time.sleep(UNREPLIED + SLACK - 1)
    must(ends.down(), "GRE after the time for what has no reply")


def one_way():
    """Once answered, what goes one way keeps the other, too."""
    _, ends = fresh(1003)
    must(ends.up() and ends.down(), "GRE both ways")
    until = time.monotonic() + IDLE + SLACK + 4
    while time.monotonic() < until:
        must(ends.up(), "GRE one way")
        time.sleep(1)
    must(ends.down(), "GRE the other way after a long time")


def never_answered():
    one = Line(LISTENER, "c1", C1, S1, lock=ACCEPTING)
    since = time.monotonic()
    one.up(message(OUT_REQUEST, 1004))
    must_equal(call_of(1004)["state"], "setup", "state")
    ends_after(1004, ANSWER, ANSWER, since)


def never_used():
    since = time.monotonic()
    _, ends = fresh(1005)
    ends_after(1005, ANSWER, ANSWER, since)
    must(not ends.down(), "GRE gets in afterwards")


def cleared():
    """An old call that was cleared: the PAC's disconnect (RFC 2637, 2.13) names it rightly even some time later."""
    one = Line(LISTENER, "c1", C1, S1, lock=ACCEPTING)
    told = ids(one.up(message(IN_REQUEST, 1006)))[0]
    must(told != 1006, "the number goes as it is")
    one.down(message(IN_REPLY, 6006, told))
    call = Call.__new__(Call)
    call.own, call.told, call.far = 1006, told, 6006
    ends = Ends(call)
    until = time.monotonic() + ANSWER + 2
    while time.monotonic() < until:
        must(ends.up() and ends.down(), "GRE")
        time.sleep(2)
    one.down(message(CLEAR, 6006))
    time.sleep(SLACK + 1)
    gone = message(DISCONNECT, 1006)
    same_but_ids(one.up(gone), gone, told)


def redialled():
    """A forgotten call's connection ends long after its number was used for another one; before it was used, and after."""
    unused, _ = fresh(1008)
    newer = Line(LISTENER, "c1", C1, S1, lock=ACCEPTING)
    others = Ends(Call(newer, 1008, 6108))
    old, forgotten = fresh(1007)
    must(forgotten.down(), "GRE to the client")
    new = Line(LISTENER, "c1", C1, S1, lock=ACCEPTING)
    ends = Ends(Call(new, 1007, 6107))
    until = time.monotonic() + ANSWER + 2
    while time.monotonic() < until:
        must(ends.up() and ends.down() and others.up() and others.down(), "GRE")
        time.sleep(1)
    for one in (old, unused):
        one.close()
    time.sleep(1)
    must(ends.up() and ends.down() and others.up() and others.down(), "GRE after the old connections")


def times():
    netbed.algctl("r", "policy", "set", "default", "pptp", "option", "gre-timeout=%d" % IDLE)
    counted = netbed.Counted("r", "pptp")
    points = netbed.Points(9)
    for title, function in (
            ("gre-timeout", idle),
            ("GRE without answer ends sooner", unreplied),
            ("GRE that is answered late stays", answered_late),
            ("GRE that goes one way keeps the other way", one_way),
            ("a call that is never answered ends", never_answered),
            ("a call without GRE ends", never_used),
            ("a call that was cleared is known until it is disconnected", cleared),
            ("a number used again outlives the old connection", redialled)):
        points.add(title, function)
    points.run()
    check("what ended so is counted", lambda: must(min(counted.grown("call-timeout", "media-idle")) >= 1, "counters"))


def tracked(one):
    """Does conntrack know the control connection?"""
    return "sport=%d " % one.client.getsockname()[1] in netbed.run("r", "conntrack", "-L", "-p", "tcp")


def kept_by_gre():
    """Nothing is said on the control connection for much longer than conntrack's patience."""
    one, ends = fresh(1010)
    until = time.monotonic() + 16
    while time.monotonic() < until:
        must(ends.up() and ends.down(), "GRE")
        time.sleep(1)
    must(tracked(one), "conntrack forgot the control connection")
    error = message(WAN_ERROR, ends.call.told)
    same_but_ids(one.down(error), error, 1010)


def not_kept():
    """The same without GRE: this is what it would come to."""
    one, _ = fresh(1011)
    must(eventually(lambda: not tracked(one)), "conntrack still has the control connection")
    must(eventually(lambda: not call_of(1011)), "the call stays")


def control():
    points = netbed.Points(2)
    points.add("GRE keeps the control connection", kept_by_gre)
    points.add("without GRE it is forgotten, and its call ends", not_kept)
    points.run()


# ---- tenants ----

A1 = B1 = "192.168.1.11"
BLUE, GREEN = PUBLIC, "203.0.113.10"


def mark():
    netbed.markers = netbed.Markers({"a1": A1, "b1": B1, "s1": S1}, ["s1"], ["a1", "b1"])


def policy(name, *words):
    netbed.algctl("r", "policy", "set", name, "pptp", *words)


def equal_addresses(blue, green):
    """Two subscribers with one private address, the same number, one server. They go out as these addresses. Return: the calls."""
    counted = {}
    for tenant in ("blue", "green"):
        counted[tenant] = tenant_counters(tenant).get("calls", 0)
    lines = Line(LISTENER, "a1", A1, S1), Line(LISTENER, "b1", B1, S1)
    a, b = Call(lines[0], 3000, 301), Call(lines[1], 3000, 302)
    gre = {"a1": Gre("a1", A1), "b1": Gre("b1", B1), "s1": Gre("s1", S1)}
    carries(a, gre["a1"], gre["s1"], blue, S1)
    carries(b, gre["b1"], gre["s1"], green, S1)
    must(not gre["a1"].receive() and not gre["b1"].receive(), "GRE got to both")
    for number in (0x7001, 10063, 20063):
        gre["s1"].send(blue, number)
        gre["s1"].send(green, number)
    must(not gre["a1"].receive() and not gre["b1"].receive(), "GRE with another number gets in")
    for tenant in counted:
        must_equal(tenant_counters(tenant)["calls"] - counted[tenant], 1, "calls of " + tenant)
    lines[0].close()
    must(eventually(lambda: len(calls()) == 1), "one call is left")
    carries(b, gre["b1"], gre["s1"], green, S1)
    lines[1].close()
    must(eventually(lambda: not calls()), "calls are left")
    return a, b


def one_address():
    """Behind one public address: call IDs from the tenants' port ranges tell their GRE apart."""
    a, b = equal_addresses(PUBLIC, PUBLIC)
    must(10000 <= a.told <= 10063 and 20000 <= b.told <= 20063, "call IDs %d and %d" % (a.told, b.told))


def blocks():
    mark()
    check("two tenants behind one address, told apart by call IDs", one_address)


def tenant_counters(tenant):
    return next((one["counters"] for one in json.loads(netbed.algctl("r", "-j", "stats", "show", "protocol", "pptp"))["stats"]
                 if one["tenant"] == tenant), {})


def quota_of_one():
    """max-calls is counted for each tenant by itself."""
    policy("quiet", "option", "max-calls=1")
    lines = Line(LISTENER, "a1", A1, S1), Line(LISTENER, "b1", B1, S1)
    for number, line in enumerate(lines):
        Call(line, 3100, 310 + number)
        line.up(message(OUT_REQUEST, 3101))
    shown = sorted((one["tenant"], one["state"]) for one in calls())
    must_equal(shown, [("blue", "established"), ("blue", "setup"), ("green", "established")], "calls")
    must_equal(tenant_counters("green").get("quota-calls"), 1, "quota-calls of green")
    must(not tenant_counters("blue").get("quota-calls"), "quota-calls of blue")
    for line in lines:
        line.close()
    must(eventually(lambda: not calls()), "calls are left")
    policy("quiet", "option", "max-calls=10000")


def deleted_for_one():
    """An administrator ends a tenant's calls."""
    lines = Line(LISTENER, "a1", A1, S1), Line(LISTENER, "b1", B1, S1)
    for number, line in enumerate(lines):
        Call(line, 3150, 315 + number)
    netbed.algctl("r", "call", "del", "tenant", "blue", "protocol", "pptp")
    must_equal([one["tenant"] for one in calls()], ["green"], "calls")
    for line in lines:
        line.close()
    must(eventually(lambda: not calls()), "calls are left")


def without_one():
    """A tenant that is taken away takes its calls with it; the next one of its name has none of them."""
    lines = Line(LISTENER, "a1", A1, S1), Line(LISTENER, "b1", B1, S1)
    gre = {"a1": Gre("a1", A1), "b1": Gre("b1", B1), "s1": Gre("s1", S1)}
    a, b = Call(lines[0], 3170, 317), Call(lines[1], 3170, 318)
    carries(a, gre["a1"], gre["s1"], BLUE, S1)
    netbed.algctl("r", "tenant", "del", "blue")
    for turn in range(2):
        must_equal([one["tenant"] for one in calls()], ["green"], "calls")
        gre["s1"].send(BLUE, a.told)
        must(not gre["a1"].receive(), "GRE gets in to the tenant that is gone")
        gre["a1"].send(S1, 317)
        must(not gre["s1"].receive(), "GRE gets out of the tenant that is gone")
        carries(b, gre["b1"], gre["s1"], GREEN, S1)
        if not turn:
            netbed.algctl("r", "tenant", "add", "blue", "zone", "1")
    for line in lines:
        line.close()
    must(eventually(lambda: not calls()), "calls are left")


def off_for_one():
    policy("quiet", "off")
    lines = Line(LISTENER, "a1", A1, S1), Line(LISTENER, "b1", B1, S1)
    gre = {"a1": Gre("a1", A1), "b1": Gre("b1", B1), "s1": Gre("s1", S1)}
    a = Call(lines[0], 3200, 320)
    Call(lines[1], 3200, 321)
    carries(a, gre["a1"], gre["s1"], BLUE, S1)
    gre["s1"].send(GREEN, 3200)
    must(not gre["b1"].receive(), "GRE gets in to the tenant without ALG")
    gre["b1"].send(S1, 321)
    must(not gre["s1"].receive(), "GRE gets out of the tenant without ALG")
    for line in lines:
        line.close()
    must(eventually(lambda: not calls()), "calls are left")
    policy("quiet", "on")


def tenants():
    mark()
    check("two tenants with equal addresses and numbers", equal_addresses, BLUE, GREEN)
    check("max-calls of one tenant", quota_of_one)
    check("calls of one tenant are deleted", deleted_for_one)
    check("a tenant is taken away during its call", without_one)
    check("PPTP is off for one tenant", off_for_one)


netbed.enter("r")
LISTENER = netbed.listen("s1", S1, 1723)
ACCEPTING = netbed.threading.Lock()
{"times": times, "control": control, "tenants": tenants, "blocks": blocks}[sys.argv[1]]()
netbed.finish()
