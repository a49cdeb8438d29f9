#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
SIP over TCP: INVITEs in pieces, losses, senders that wait, messages that are long, garbage. As in sip_messages.py, what comes out
is compared with what must come out, byte for byte.
"""
import random
import struct

from raw_lib import ACK, FIN, PSH, RST, TCP, Router, Tap, Wrong, expect, expect_is, parse_options
from sip_messages import SDP, SEED, SLOW, leads, numbers, reply, simple, tcp_flow, tcp_invite
from sip_reader import Message


def tcp_check(flow, t, start):
    """What the server got from @start on is the template."""
    got = bytes(flow.server.got[start:])
    return t.check(got, ("203.0.113.1", flow.outside.remote[1]))


def busy(flow, data):
    """The server refuses the call that it got, the client acknowledges: nothing is left of it."""
    flow.server.say(reply(data, "486 Busy Here"))
    flow.insist(flow.server)


def boundaries(size, data):
    if not SLOW:
        return range(1, size)
    near = {1, 2, 7, size - 1, size - 2}
    for what in (b"\r\n\r\n", b"Content-Length", b"c=IN", b"m=audio", b"192.168.1.11", b"Call-ID"):
        at = data.find(what)
        near |= {at - 1, at, at + 1, at + 2, at + len(what) - 1, at + len(what), at + len(what) + 1, at + len(what) + 3}
    return sorted(n for n in near | set(range(1, size, 61)) if 0 < n < size)


def split_everywhere(router):
    """An INVITE in two segments, cut at every byte."""
    flow = tcp_flow(router)
    size = len(tcp_invite(flow)[1])
    for n, cut in enumerate(boundaries(size, tcp_invite(flow)[1])):
        if n % 60 == 59:
            flow.finish()
            router.flush()
            flow = tcp_flow(router)
        t, data = tcp_invite(flow)
        start = len(flow.server.got)
        cut = min(cut, len(data) - 1)
        flow.client.say(data[:cut])
        flow.run()
        flow.client.say(data[cut:])
        try:
            flow.insist(flow.client)
            media = tcp_check(flow, t, start)
        except Wrong as e:
            raise Wrong("cut at %d: %s" % (cut, e)) from None
        if n % 20 == 0:
            leads(router, media[b"1"], 4010)
        busy(flow, bytes(flow.server.got[start:]))
    flow.finish()


def byte_by_byte(router):
    flow = tcp_flow(router)
    t, data = tcp_invite(flow)
    step = 17 if SLOW else 1
    for i in range(0, len(data), step):
        flow.client.say(data[i:i + step])
        flow.run()
    flow.insist(flow.client)
    media = tcp_check(flow, t, 0)
    leads(router, media[b"1"], 4010)
    flow.finish()


def stalled(router):
    """
    The client waits for an acknowledgement of the INVITE's beginning before it sends the rest, and gets it; nothing of the private
    address arrives for that. Once the rest is lost behind the router: it alone is repeated, and all of the INVITE arrives.
    """
    before = router.counters()
    flow = tcp_flow(router)
    c, s = flow.client, flow.server
    data = tcp_invite(flow)[1]
    cuts = boundaries(len(data), data)
    cuts = cuts if SLOW else cuts[::7]
    for n, cut in enumerate(cuts):
        t, data = tcp_invite(flow)
        cut, start = min(cut, len(data) - 1), len(s.got)
        c.say(data[:cut])
        try:
            flow.insist(c, tries=5)
            expect(b"192.168" not in s.got[start:], "arrived: %r" % bytes(s.got[start:]))
            s.deaf = n % 3 == 1
            c.say(data[cut:])
            flow.run()
            s.deaf = False
            flow.insist(c)
            media = tcp_check(flow, t, start)
        except Wrong as e:
            raise Wrong("cut at %d: %s" % (cut, e)) from None
        if n % 20 == 0:
            leads(router, media[b"1"], 4010)
        busy(flow, bytes(s.got[start:]))
    t, data = tcp_invite(flow)
    start = len(s.got)
    for i in range(0, len(data), 17):
        c.say(data[i:i + 17])
        flow.insist(c)
    leads(router, tcp_check(flow, t, start)[b"1"], 4010)
    after = router.counters()
    expect(after.get("vouched", 0) - before.get("vouched", 0) >= len(cuts) - 20, "counted: %r" % after)
    expect_is(after.get("stalled", 0), before.get("stalled", 0), "stalled")
    flow.finish()


def times(own, echoed):
    """The Timestamps option (RFC 7323, 3.2)."""
    return b"\1\1\10\12" + struct.pack("!II", own, echoed)


def arrived(router, side):
    """Segments that came out, 0: inside, 1: outside: (sequence number, acknowledgement, flags, options, data) each."""
    segments = []
    for p in router.settle()[side]:
        if p.proto == TCP:
            seq, ack, off, flags = struct.unpack_from("!IIBB", p.body, 4)
            end = (off >> 4) * 4
            segments.append((seq, ack, flags, parse_options(p.body[20:end]), p.body[end:]))
    return segments


def vouched_for(router):
    """
    The sender takes bytes for delivered that are held back. The acknowledgement has the time of what it repeated; keep-alives and
    resets arrive where the receiver is; a FIN does not arrive before what stands before it.
    """
    flow = tcp_flow(router)
    c, s = flow.client, flow.server
    base = s.irs + 1
    c.say(tcp_invite(flow)[1][:100], options=times(1000, 1))
    expect_is(arrived(router, 1), [], "of the first piece")
    c.piece(0, 100, options=times(5000, 1))
    expect_is([one[0] for one in arrived(router, 1)], [base - 1 & 0xffffffff], "the probe's number")
    s.raw(s.isn + 1, base, ACK, options=times(7, 3))
    (_, ack, _, options, _), = arrived(router, 0)
    expect_is((ack - c.isn - 1 & 0xffffffff, struct.unpack("!II", options[8])), (100, (7, 5000)), "acknowledged; its time")
    for off in 99, 0:
        c.raw(c.isn + 1 + off, c.irs + 1, ACK)
        expect_is([one[0] for one in arrived(router, 1)], [base - 1 & 0xffffffff], "a keep-alive's number")
    c.raw(c.isn + 1 + 100, c.irs + 1, RST | ACK)
    expect_is([(one[0], one[2] & RST) for one in arrived(router, 1)], [(base & 0xffffffff, RST)], "the reset's number")

    flow = tcp_flow(router)
    c, s = flow.client, flow.server
    base = s.irs + 1
    t, data = tcp_invite(flow)
    c.say(data)
    whole = arrived(router, 1)[0][4]
    t.check(whole, ("203.0.113.1", flow.outside.remote[1]))
    c.say(tcp_invite(flow)[1][:100])
    c.piece(len(data), 100)
    expect_is([one[0] for one in arrived(router, 1)], [base + len(whole) - 1 & 0xffffffff], "the second probe's number")
    c.piece(0, len(data) + 100, FIN | PSH | ACK)
    expect_is([(one[0], one[2] & FIN, one[4]) for one in arrived(router, 1)], [(base & 0xffffffff, 0, whole)],
              "of a FIN with all before it")


def many_in_one(router):
    """Keep-alives and several messages in one segment, the last of them not whole."""
    flow = tcp_flow(router)
    parts = [tcp_invite(flow) for _ in range(3)]
    data = b"\r\n\r\n" + b"".join(one[1] for one in parts)
    flow.client.say(data[:1300])
    flow.client.say(data[1300:])
    flow.insist(flow.client)
    got = bytes(flow.server.got)
    expect(got.startswith(b"\r\n\r\n"), "the keep-alive: %r" % got[:20])
    got = got[4:]
    for t, _ in parts:
        size = got.find(b"\r\n\r\n") + 4
        size += Message(got[:size]).fields and int(Message(got[:size])["content-length"])
        t.check(got[:size], ("203.0.113.1", flow.outside.remote[1]))
        got = got[size:]
    expect_is(got, b"", "rest")
    flow.finish()


def first_lost(router):
    """The segment that begins the message comes after the one that ends it; and one is lost behind the router."""
    flow = tcp_flow(router)
    t, data = tcp_invite(flow)
    c = flow.client
    c.sent += data
    c.piece(200, len(data) - 200)
    flow.run()
    c.piece(0, 200)
    flow.insist(c)
    media = tcp_check(flow, t, 0)
    leads(router, media[b"1"], 4010)
    start = len(flow.server.got)
    t, data = tcp_invite(flow)
    flow.server.deaf = True
    c.say(data[:100])
    c.say(data[100:])
    flow.run()
    flow.server.deaf = False
    flow.insist(c)
    media = tcp_check(flow, t, start)
    leads(router, media[b"1"], 4010)
    flow.finish()


def long_ones(router):
    """INVITEs of 28 and nearly 60 KiB, a text of 60 KiB, and an INVITE behind it: what is in between is counted right."""
    flow = tcp_flow(router)
    for size, method in ((28 << 10, "INVITE"), (54 << 10, "INVITE"), (60 << 10, "MESSAGE"), (500, "INVITE")):
        t = simple(method)
        at = ("192.168.1.11", flow.inside.local[1])
        t.text = t.text.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
        if method == "MESSAGE":
            t.text = t.text.replace(b"application/sdp", b"text/plain").replace(b"@m1", b"4010").replace(
                b"IP4 @me", b"IP4 192.168.1.11")
        t.text += (b"a=x-filling:192.168.1.11 INVITE sip:x SIP/2.0\r\n" * (size // 46))
        data, start = t.render(at), len(flow.server.got)
        for i in range(0, len(data), 1400):
            flow.client.say(data[i:i + 1400])
            if i % 7000 == 0:
                flow.run()
        flow.insist(flow.client, tries=100)
        media = tcp_check(flow, t, start)
        if media:
            leads(router, media[b"1"], 4010)
            busy(flow, bytes(flow.server.got[start:]))
    flow.finish()


def answer_split(router):
    """The answer of a server behind destination NAT, in pieces."""
    router.flush()
    flow = tcp_flow(router, dnat=True)
    ident = "d%d" % next(numbers)
    port = flow.outside.local[1]
    request = ("INVITE sip:bob@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/TCP 203.0.113.2:%d;branch=z9hG4bK%s\r\n"
               "From: <sip:a@203.0.113.2>;tag=1\r\n"
               "To: <sip:bob@203.0.113.1>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:a@203.0.113.2:%d>\r\n"
               "Content-Length: 0\r\n\r\n" % (port, ident, ident, port)).encode()
    flow.client.say(request)
    flow.insist(flow.client)
    got = bytes(flow.server.got)
    expect(got.startswith(b"INVITE sip:bob@192.168.1.11"), "Request-URI: %r" % got[:60])
    body = SDP.replace("\n", "\r\n").replace("@me", "192.168.1.11").replace("@m1", "4010").encode()
    tagged = got.replace(b"To: <sip:bob@192.168.1.11>", b"To: <sip:bob@192.168.1.11>;tag=9")
    answer = reply(tagged, more=b"Contact: <sip:bob@192.168.1.11:5060>\r\nContent-Type: application/sdp\r\n").replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body
    for i in range(0, len(answer), 37):
        flow.server.say(answer[i:i + 37])
        flow.run()
    flow.insist(flow.server)
    seen = Message(bytes(flow.client.got)).verify()
    expect(b"192.168." not in seen.raw, seen.raw)
    expect_is(seen.sdp().media[0].address, "203.0.113.1", "address")
    leads(router, seen.sdp().media[0].port, 4010)
    flow.finish()


def garbage(router):
    """What is no SIP passes; the connection lives."""
    flow = tcp_flow(router)
    rng = random.Random(SEED)
    for data in (b"GET / HTTP/1.0\r\n\r\n", bytes(rng.randrange(256) for _ in range(3000)), b"INVITE " * 600):
        flow.client.say(data[:1400])
        for i in range(1400, len(data), 1400):
            flow.client.say(data[i:i + 1400])
        flow.insist(flow.client)
    expect_is(bytes(flow.server.got), bytes(flow.client.sent), "stream")
    flow.finish()


def nothing_invalid(router):
    expect_is(router.invalid(), 0, "packets that conntrack took for invalid")


def main():
    tap = Tap()
    print("# seed %d" % SEED)
    with Router(tap, "sip") as router:
        for title, function in (
                ("an INVITE cut at every byte", split_everywhere), ("in small pieces", byte_by_byte),
                ("a client that waits for an acknowledgement inside an INVITE", stalled),
                ("what else goes on behind held bytes", vouched_for),
                ("many in one segment", many_in_one), ("losses", first_lost), ("long messages", long_ones),
                ("an answer in pieces, destination NAT", answer_split),
                ("garbage", garbage), ("nothing was invalid", nothing_invalid)):
            tap.point(title, function, router)
            router.flush()
    tap.finish()


if __name__ == "__main__":
    main()
