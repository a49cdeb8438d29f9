# SPDX-License-Identifier: GPL-2.0-only
"""
A trunk: 300 calls at a time on one connection, and what each of them opened. Called by sip_trunk.sh: udp or tcp.
"""
import json
import sys

from netbed import OURS, algctl, check, eventually, finish, must, must_equal, pinholes
from sip_ua import Bed, Call, Media, Phone

CALLS = 300
transport = sys.argv[1]
bed = Bed({"c1": "192.168.1.11", "s1": "203.0.113.2"}, ["s1"], ["c1"])
client, server = Phone("c1", "192.168.1.11", transport), Phone("s1", "203.0.113.2", transport, forbidden=b"192.168.")
calls = []


def set_up():
    """All INVITEs first, then all answers: nothing of a call is next to the rest of it."""
    for n in range(CALLS):
        call = Call(client, server, ("203.0.113.2", 5060))
        calls.append(call)
        call.at_a = call.invite(10000 + 2 * n).sdp().media[0]
    must_equal(len({call.at_a.rtp for call in calls}), CALLS, "public endpoints")
    must(all(call.at_a.port % 2 == 0 for call in calls), "odd ports for RTP")
    for n, call in enumerate(calls):
        call.at_b = call.answer(20000 + 2 * n).sdp().media[0]
    for call in calls:
        call.ack()


def each():
    """RTP of each call arrives at its own port, both ways."""
    for first in range(0, CALLS, 50):
        some = calls[first:first + 50]
        a = [Media("c1", "192.168.1.11", 10000 + 2 * (first + n)) for n in range(len(some))]
        b = [Media("s1", "203.0.113.2", 20000 + 2 * (first + n)) for n in range(len(some))]
        ways = []
        for call, x, y in zip(some, a, b):
            ways += [(y.rtp, call.at_a.rtp, x.rtp), (x.rtp, call.at_b.rtp, y.rtp)]
        got = bed.open("media of calls from %d on" % first, *ways)
        for call, seen in zip(some, got[1::2]):
            must_equal(seen, call.at_a.rtp, "source of media")
        for media in a + b:
            media.close()


def end_half():
    """Every other call ends: its port is closed, the others' stay open."""
    for call in calls[::2]:
        call.bye()
    a = [Media("c1", "192.168.1.11", 10000 + 2 * n) for n in range(40)]
    b = [Media("s1", "203.0.113.2", 20000 + 2 * n) for n in range(40)]
    bed.open("media of the calls that go on", *[(b[n].rtp, calls[n].at_a.rtp, a[n].rtp) for n in range(1, 40, 2)])
    bed.closed("media of the calls that ended", *[(b[n].rtp, calls[n].at_a.rtp, a[n].rtp) for n in range(0, 40, 2)])
    for media in a + b:
        media.close()
    if OURS:
        up = [one for one in json.loads(algctl("r", "-j", "call", "show"))["calls"] if one["state"] == "established"]
        must_equal(len(up), CALLS // 2, "calls that are shown")


def end():
    for call in calls[1::2]:
        call.bye()
    if OURS:
        must(eventually(lambda: not pinholes()), "pinholes are left")


check("%d calls at once on one connection, over %s" % (CALLS, transport), set_up)
if OURS:
    check("... all shown", lambda: must_equal(len(json.loads(algctl("r", "-j", "call", "show"))["calls"]), CALLS, "calls"))
check("... each has its own media", each)
check("... ending half of them disturbs no other", end_half)
check("... nothing is left", end)
finish()
