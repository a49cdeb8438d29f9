#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Control connections as no kernel sends them: cut, lost, repeated, reordered and overlapping segments. Whatever happens
to the packets, the receiver gets one consistent stream that is what was sent but for the endpoints, with true
checksums, and both sides' acknowledgements are true. See raw_lib.py for the router and the ends.

raw_stream.py [ROUNDS [SEED]]: that many random walks; one with a seed is nothing but that walk.
"""
import random
import socket
import sys

from raw_lib import (ACK, CLIENT4, FIN, PSH, ROUTER4, SERVER4, SYN, TCP, URG, Flow, Router, Tap, check_stream, endpoint,
                     eprt, expect, expect_is, ip, port, run, tcp)

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.getrandbits(32)
tap = Tap()


def received(flow, sender):
    """Everything arrived, as it should. The public ports of endpoints."""
    flow.insist(sender)
    receiver = flow.outside if sender is flow.inside else flow.inside
    expect_is(receiver.contiguous() - (receiver.fin_at is not None), len(receiver.got), "bytes without a hole")
    return check_stream(sender.sent, receiver.got, public=flow.router.public)


def pinhole_leads(flow, public, private):
    """A SYN of the server to the public endpoint reaches the client's."""
    addr = flow.router.public
    flow.router.outside.send(ip(SERVER4, addr, TCP, tcp(SERVER4, addr, 20, public, 1, 0, SYN)))
    to_inside, _ = flow.router.settle()
    came = [p for p in to_inside if (p.dst, p.dport, p.sport) == (CLIENT4, private, 20)]
    expect(came, "no SYN for", public, "reached port", private)


def split_everywhere(router):
    flow = Flow(router).greet()
    c = flow.client
    for number, text in enumerate((port(30001), eprt(30101))):
        for cut in range(1, len(text)):
            start = len(c.sent)
            c.say(text[:cut])
            flow.run()
            c.say(text[cut:])
            flow.insist(c)
            expect_is(c.una, start + len(text), "acknowledged")
        c.say(b"NOOP\r\n")
        ports = received(flow, c)
        pinhole_leads(flow, ports[-1], 30001 + 100 * number)
    flow.finish()


def byte_by_byte(router):
    flow = Flow(router).greet()
    for byte in b"noop\r\n" + port(30200) + b"NOOP\r\n" + eprt(30201):
        flow.client.say(bytes([byte]))
        flow.run()
    for public, private in zip(received(flow, flow.client), (30200, 30201)):
        pinhole_leads(flow, public, private)
    flow.finish()


def stalled(router):
    """
    A sender that waits for an acknowledgement before it sends the rest of a command (Nagle) gets it, and the command is rewritten
    all the same: wherever it stops, and if it waits after every byte.
    """
    before = router.counters()
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    text = port(30300)
    for cut in range(1, len(text)):
        c.say(b"NOOP\r\n" + text[:cut])
        flow.run()
        flow.insist(c, tries=6)
        expect(b"PORT ".startswith(bytes(s.got).rsplit(b"\n", 1)[1]), "arrived too early: %r" % bytes(s.got[-30:]))
        c.say(text[cut:] + port(30301))
        for public, private in zip(received(flow, c)[-2:], (30300, 30301)):
            pinhole_leads(flow, public, private)
    for byte in eprt(30302) + b"NOOP\r\n":
        c.say(bytes([byte]))
        flow.insist(c, tries=6)
    pinhole_leads(flow, received(flow, c)[-1], 30302)
    after = router.counters()
    expect(after["vouched"] >= before.get("vouched", 0) + len(text) - 1, "counted", after)
    expect_is(after.get("stalled", 0), before.get("stalled", 0), "stalled")
    flow.finish()


def stalled_lost(router):
    """What the sender need not repeat is repeated for it: the packet that completes the command is lost behind the router."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    for times in 1, 3:
        c.say(port(30310)[:14])
        flow.insist(c)
        at = len(c.sent)
        s.deaf = True
        c.say(port(30310)[14:] + b"NOOP\r\n" + port(30311))
        flow.run()
        for _ in range(times - 1):
            c.piece(c.una, 5)
            flow.run()
        expect_is(c.una, at, "acknowledged")
        s.deaf = False
        for size in 1, 9:
            c.piece(c.una, size)
            flow.run()
        for public, private in zip(received(flow, c)[-2:], (30310, 30311)):
            pinhole_leads(flow, public, private)
    flow.finish()


def stalled_end(router):
    """It closes instead of sending the rest, which it has no reason to repeat: that goes out with the FIN, as often as it comes."""
    for lost in 0, 2:
        flow = Flow(router).greet()
        c, s = flow.client, flow.server
        c.say(port(30320))
        c.say(b"PORT 192,168")
        flow.insist(c)
        s.deaf = True
        for _ in range(lost):
            c.send(len(c.sent), b"", FIN | ACK)
            flow.run()
        s.deaf = False
        c.send(len(c.sent), b"", FIN | ACK)
        flow.run()
        expect_is((s.fin_at, bytes(s.got[-12:])), (len(s.got), b"PORT 192,168"), "end")
        expect(c.fin_acked, "the FIN is not acknowledged")


def stalled_off(router):
    """The policy switches FTP off meanwhile. Nothing is missing."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    c.say(port(30330)[:14])
    flow.insist(c)
    router.alg("policy", "set", "raw", "ftp", "off")
    c.say(port(30330)[14:] + port(30331))
    flow.insist(c)
    router.alg("policy", "set", "raw", "ftp", "on")
    expect_is(bytes(s.got), bytes(c.sent), "stream")
    flow.finish()


def first_lost_before(router):
    """The first of three commands in flight is lost before the router, which sees the others first."""
    flow = Flow(router).greet()
    c = flow.client
    texts = [port(30400), b"NOOP\r\n", port(30401)]
    c.sent += b"".join(texts)
    c.piece(len(texts[0]), len(texts[1]))
    c.piece(len(texts[0] + texts[1]), len(texts[2]))
    flow.run()
    c.piece(0, len(texts[0]))
    for public, private in zip(received(flow, c), (30400, 30401)):
        pinhole_leads(flow, public, private)
    flow.finish()


def first_lost_behind(router):
    """It is lost behind the router and repeated after the others were rewritten; SACK is true for the sender."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    texts = [port(30500), port(30501), b"NOOP\r\n", port(30502)]
    offs = [sum(map(len, texts[:i])) for i in range(5)]
    s.deaf = True
    c.say(texts[0])
    flow.run()
    s.deaf = False
    c.say(texts[1])
    c.say(texts[2])
    flow.run()
    expect_is(c.una, 0, "acknowledged")
    expect_is(c.sacks, [(offs[1], offs[3])], "SACK at the sender")
    c.say(texts[3])
    flow.run()
    expect_is(c.sacks, [(offs[1], offs[4])], "SACK at the sender")
    c.piece(0, len(texts[0]))
    flow.run()
    expect_is(c.una, offs[4], "acknowledged")
    for public, private in zip(received(flow, c), (30500, 30501, 30502)):
        pinhole_leads(flow, public, private)
    flow.finish()


def two_holes(router):
    """Two SACK blocks at once, between rewritten commands."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    texts = [port(30600), port(30601), port(30602), port(30603), b"NOOP\r\n"]
    offs = [sum(map(len, texts[:i])) for i in range(6)]
    for i, text in enumerate(texts):
        s.deaf = i in (0, 2)
        c.say(text)
        flow.run()
    expect_is(sorted(c.sacks), [(offs[1], offs[2]), (offs[3], offs[5])], "SACK at the sender")
    c.piece(offs[2], len(texts[2]))
    flow.run()
    expect_is(c.sacks, [(offs[1], offs[5])], "SACK at the sender")
    c.piece(0, len(texts[0]))
    received(flow, c)
    flow.finish()


def other_cuts(router):
    """Repeated with other segmentation, and overlapping what is new."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    stream = port(30700) + b"NOOP\r\n" + port(30701) + b"PWD\r\n"
    s.deaf = True
    c.say(stream)
    flow.run()
    s.deaf = False
    for size in (7, 30, 13):
        for off in range(0, len(stream), size):
            c.piece(off, size)
        flow.run()
    flow.insist(c, size=11)
    start = len(c.sent)
    c.sent += port(30702) + b"NOOP\r\n" + port(30703)
    for off in range(start - 20, len(c.sent), 9):
        c.piece(off, 23)
        flow.run()
    c.piece(0, 1400)
    flow.run()
    received(flow, c)
    flow.finish()


def keep_alive(router):
    """A keep-alive probe behind rewritten bytes is answered, and the answer is true."""
    flow = Flow(router).greet()
    c = flow.client
    c.say(port(30750))
    flow.insist(c)
    before = c.dups
    c.send(len(c.sent) - 1, b"", ACK)
    flow.run(ack=False)
    flow.server.ack()
    flow.run()
    expect_is((c.una, c.dups > before), (len(c.sent), True), "acknowledged")
    c.send(len(c.sent) - 1, c.sent[-1:], ACK)
    flow.run()
    received(flow, c)
    flow.finish()


def wrap(router):
    """Sequence numbers wrap, or change their sign, inside commands."""
    for base in (0, 1 << 31):
        for before in (3, 12, 24, 27, 60):
            flow = Flow(router, isn=((base - before) & 0xffffffff, (base - before - 9) & 0xffffffff)).greet()
            c, s = flow.client, flow.server
            base_port = router.fresh(4)
            for n in range(4):
                s.deaf = n == 1
                c.say(port(base_port + n))
                flow.run()
                s.deaf = False
            ports = received(flow, c)
            pinhole_leads(flow, ports[3], base_port + 3)
            flow.finish()


def urgent(router):
    """ABOR as RFC 959 has it: IAC IP, IAC DM as urgent data, in the segment of a rewritten command and behind it."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    c.say(port(30900))
    flow.insist(c)
    c.say(b"\xff\xf4\xff", PSH | ACK | URG, urgent=3)
    c.say(b"\xf2ABOR\r\n")
    received(flow, c)
    at = len(s.got) - 7
    expect_is(s.urgent, [at], "urgent data ends")
    c.say(b"\xff\xf4\xff\xf2ABOR\r\n", PSH | ACK | URG, urgent=4)
    received(flow, c)
    text = port(30901)
    c.say(text + b"\xff\xf4\xff\xf2", PSH | ACK | URG, urgent=len(text) + 4)
    c.say(b"ABOR\r\n")
    received(flow, c)
    expect_is(s.urgent[-1], len(s.got) - 6, "urgent data behind a rewritten command ends")
    c.say(port(30902))
    pinhole_leads(flow, received(flow, c)[-1], 30902)
    flow.finish()


def fin_with_partial(router):
    """The connection ends inside a command: all of it arrives, the FIN behind it."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    c.say(port(31000))
    flow.insist(c)
    c.sent += b"PORT 192,168"
    c.send(len(c.sent) - 12, b"PORT 192,168", FIN | PSH | ACK)
    flow.run()
    if s.fin_at is None:
        c.send(len(c.sent) - 12, b"PORT 192,168", FIN | PSH | ACK)
        flow.run()
    expect_is((s.fin_at, bytes(s.got[-12:])), (len(s.got), b"PORT 192,168"), "end")
    expect(c.fin_acked, "the FIN is not acknowledged")


def fin_behind_held(router):
    """A FIN behind bytes that are held back does not overtake them."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    c.say(port(31010))
    c.say(b"PORT 192,168")
    flow.run()
    c.send(len(c.sent), b"", FIN | ACK)
    flow.run()
    for _ in range(8):
        if c.fin_acked:
            break
        if c.una < len(c.sent):
            c.send(c.una, bytes(c.sent[c.una:]), FIN | PSH | ACK)
        else:
            c.send(len(c.sent), b"", FIN | ACK)
        flow.run()
    expect(c.fin_acked, "the FIN is not acknowledged")
    expect_is((s.fin_at, bytes(s.got[-12:])), (len(s.got), b"PORT 192,168"), "end")


def growth(router):
    """The public address is longer. A full segment of commands leaves in two, none of them too long."""
    router.nat(True, socket.inet_aton("203.0.113.100"))
    flow = Flow(router, mss=536).greet()
    c, s = flow.client, flow.server
    text = b"".join(b"PORT 192,168,1,11,121,%d\r\n" % n for n in range(21))
    expect_is(len(text), 536, "length")
    c.say(text)
    ports = received(flow, c)
    expect_is((len(ports), s.segments, s.largest), (21, 2, 536), "commands rewritten, segments, bytes of the longer")
    pinhole_leads(flow, ports[-1], 121 * 256 + 20)
    s.deaf = True
    c.say(port(31050))
    c.say(port(31051)[:11])
    c.say(port(31051)[11:])
    flow.run()
    s.deaf = False
    ports = received(flow, c)
    pinhole_leads(flow, ports[-1], 31051)
    flow.finish()
    router.nat(True)


def growth_to_client(router):
    """The same towards the client, who takes less at a time than the server."""
    public = socket.inet_aton("203.0.113.100")
    text = b"".join(b"227 =192,168,1,11,121,%d\r\n" % n for n in range(100, 108)) + b"200 " + b"x" * 500 + b"\r\n"
    flow = Flow(router, dnat=True, mss=1460, client_mss=len(text), syn=False)
    c, s = flow.client, flow.server
    c.remote = public, 21
    flow.handshake()
    flow.greet()
    c.say(8 * b"PASV\r\n" + b"NOOP\r\n")
    flow.insist(c)
    c.segments = c.largest = 0
    s.say(text)
    flow.insist(s)
    ports = check_stream(s.sent, c.got, public=public)
    expect_is((len(ports), c.segments, c.largest), (8, 2, len(text)), "replies rewritten, segments, bytes of the longer")
    flow.finish()


def growth_on_path(router):
    """The way out takes less than both ends do. The sender has found out, and sends segments that fit; so do ours."""
    router.nat(True, socket.inet_aton("203.0.113.100"))
    run("ip", "link", "set", "wan0", "mtu", "1400", ns=router.r)
    flow = Flow(router, options={"frag": 0x4000}).greet()		# DF
    c, s = flow.client, flow.server
    first = router.fresh(10)
    text = b"".join(port(first + n) for n in range(10))
    c.say(text + b"NOOP " + b"x" * (1360 - len(text) - 7) + b"\r\n")
    flow.run()
    expect_is([p for _, p in flow.stray], [], "errors")
    ports = received(flow, c)
    expect_is((len(ports), s.segments, s.largest), (10, 2, 1360), "commands rewritten, segments, bytes of the longer")
    pinhole_leads(flow, ports[-1], first + 9)
    flow.finish()
    run("ip", "link", "set", "wan0", "mtu", "1500", ns=router.r)
    router.nat(True)


def tiny_mss(router):
    """Who says that he takes one byte at a time does not make the router send as many packets."""
    flow = Flow(router, mss=1).greet()
    c, s = flow.client, flow.server
    first = router.fresh(2)
    c.say(port(first) + port(first + 1))
    received(flow, c)
    expect_is(s.segments, 1, "segments")
    flow.finish()


def long_lines(router):
    """Lines of 70,000 bytes, NUL bytes, bare CR and LF: all of it arrives, and the next command is read."""
    flow = Flow(router).greet()
    c = flow.client
    rng = random.Random(1)
    junk = bytes(rng.choice(b"\0\rPORT 1,9\xff\xf4abc") for _ in range(70000))
    for off in range(0, len(junk), 1400):
        c.say(junk[off:off + 1400])
        if off % 14000 == 0:
            flow.run()
    flow.insist(c)
    c.say(b"\r\nPORT 192,168,1,11,4,\0\r\n\0PORT 192,168,1,11,1,2\r\n\n\r\n")
    c.say(port(31100))
    ports = received(flow, c)
    pinhole_leads(flow, ports[-1], 31100)
    flow.finish()


def both_directions(router):
    """Replies while commands are being rewritten: acknowledgements ride on data."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    for n in range(12):
        c.say(port(31200 + n))
        flow.run(ack=False)
        s.say(b"200 fine, %d\r\n" % n)
        flow.run(ack=False)
        c.say(b"NOOP\r\n")
        flow.run(ack=n % 3 == 0)
    received(flow, c)
    flow.insist(s)
    expect_is(flow.inside.got, s.sent, "replies")
    flow.finish()


def replies(router):
    """Server behind DNAT: 227 split, lost, repeated; more than one reply in a segment."""
    flow = Flow(router, dnat=True).greet()
    c, s = flow.client, flow.server
    texts = [b"227 Entering Passive Mode (192,168,1,11,122,%d).\r\n" % n for n in range(8)]
    for _ in texts:
        c.say(b"PASV\r\n")
    flow.insist(c)
    s.say(texts[0][:30])
    flow.run()
    s.say(texts[0][30:])
    flow.insist(s)
    c.deaf = True
    s.say(texts[1])
    flow.run()
    c.deaf = False
    s.say(texts[2] + b"200 ok\r\n" + texts[3])
    flow.run()
    s.say(b"200-multi\r\n 227 (1,2,3,4,5,6)\r\n200 end\r\n")
    flow.insist(s)
    for text in texts[4:]:
        s.say(text)
    flow.insist(s)
    ports = check_stream(s.sent, c.got)
    expect(len(ports) >= 7, len(ports), "of 8 replies rewritten")
    pub = (SERVER4, 50001)
    router.outside.send(ip(pub[0], ROUTER4, TCP, tcp(pub[0], ROUTER4, pub[1], ports[1], 1, 0, SYN)))
    to_inside, _ = router.settle()
    expect([p for p in to_inside if p.dport == 122 * 256 + 1], "no SYN reached the server")
    flow.finish()


def random_walk(router, rng):
    """Any segmentation, order, loss on either side of the router, repetition."""
    dnat = rng.random() < 0.3
    flow = Flow(router, dnat=dnat, isn=(rng.choice((0xffffff80, 0x7fffff80, rng.getrandbits(32))), rng.getrandbits(32)),
                mss=rng.choice((300, 536, 1460))).greet()
    base = router.fresh(16)
    if dnat:
        sender, receiver = flow.server, flow.client
        lines = rng.randrange(2, 8)
        for _ in range(lines):
            flow.client.say(b"PASV\r\n")
        flow.insist(flow.client)
        texts = [rng.choice((b"227 Entering (192,168,1,11,%d,%d)\r\n" % divmod(base + n, 256),
                             b"227 =192,168,1,11,%d,%d\r\n" % divmod(base + n, 256),
                             b"150-a\r\n 227 (192,168,9,9,1,2)\r\n150 b\r\n")) for n in range(lines)]
    else:
        sender, receiver = flow.client, flow.server
        texts = [rng.choice((port(base + n), eprt(base + n), b"port 192,168,1,11,%d,%d\r\n" % divmod(base + n, 256),
                             b"NOOP\r\n", b"STOR %s\r\n" % (b"x" * rng.randrange(90)), b"USER a\n", b"\r\n",
                             b"PORT 10,0,0,1,9,9\r\n", b"PORT 192,168,1,11,999,1\r\n"))
                 for n in range(rng.randrange(2, 14))]
    stream = b"".join(texts)
    sender.sent += b""
    start, at, stale = len(sender.sent), 0, []
    sender.sent += stream
    while at < len(stream):
        size = rng.choice((1, 2, 5, 9, 20, 31, 60, 200))
        stale.append((start + at, min(size, len(stream) - at)))
        at += size
    window = []
    while stale or window:
        while stale and len(window) < 5:
            window.append(stale.pop(0))
        i = rng.randrange(min(len(window), 1 + 2 * (rng.random() < 0.3)))
        off, size = window.pop(i)
        luck = rng.random()
        if luck < 0.12:
            continue				# lost before the router
        receiver.deaf = luck < 0.24		# lost behind it
        sender.piece(off, size)
        if luck > 0.9:
            back = rng.randrange(0, min(40, off - start) + 1)
            sender.piece(off - back, size + rng.randrange(0, back + 1))
        if rng.random() < 0.7:
            flow.run()
        receiver.deaf = False
    flow.insist(sender, size=rng.choice((5, 40, 300)), tries=400)
    check_stream(sender.sent, receiver.got)
    # Both still talk, and a command that is sent whole is rewritten.
    if not dnat:
        before = router.counters()
        sender.say(b"\r\n" + port(base + 15))
        received(flow, sender)
        last = endpoint(bytes(receiver.got).split(b"\n")[-2])
        counted = {k: v - before.get(k, 0) for k, v in router.counters().items() if v != before.get(k, 0)}
        expect_is(last[1], ROUTER4, "the last address (%r, %r)" % (bytes(receiver.got[-300:]), counted))
        pinhole_leads(flow, last[2], base + 15)
    flow.finish()


def random_walks(router):
    for n in range(ROUNDS):
        if n % 10 == 0:
            router.flush()
        try:
            random_walk(router, random.Random(SEED + n))
        except Exception as e:
            raise type(e)("round %d of seed %d (raw_stream.py 1 %d): %s" % (n, SEED, SEED + n, e)) from None


def off(router):
    """The negative: with FTP off everything arrives as it was sent."""
    router.alg("policy", "set", "raw", "ftp", "off")
    flow = Flow(router).greet()
    for text in port(31900), eprt(31901):
        flow.client.say(text)
    flow.insist(flow.client)
    expect_is(flow.server.got, flow.client.sent, "stream")
    router.alg("policy", "set", "raw", "ftp", "on")


def nothing_invalid(router):
    expect_is(router.invalid(), 0, "packets that conntrack took for invalid")


def main():
    with Router(tap) as router:
        if ROUNDS != 1 or len(sys.argv) < 3:
            tap.point("PORT and EPRT cut at every byte", split_everywhere, router)
            tap.point("a conversation one byte per segment", byte_by_byte, router)
            tap.point("a sender that waits for an acknowledgement inside a command", stalled, router)
            tap.point("... and the command's end is lost behind the router", stalled_lost, router)
            tap.point("... and closes instead", stalled_end, router)
            tap.point("... and FTP is switched off", stalled_off, router)
            tap.point("pipelined PORTs, the first lost before the router", first_lost_before, router)
            tap.point("pipelined PORTs, the first lost behind the router; SACK", first_lost_behind, router)
            tap.point("two SACK blocks between rewritten commands", two_holes, router)
            tap.point("repetition with other cuts and overlaps", other_cuts, router)
            tap.point("keep-alive probes", keep_alive, router)
            tap.point("sequence numbers wrap", wrap, router)
            tap.point("a connection that ends inside a command", fin_with_partial, router)
            tap.point("a FIN behind bytes held back", fin_behind_held, router)
            tap.point("acknowledgements on data, both directions", both_directions, router)
            tap.point("long lines, NUL and control bytes", long_lines, router)
            tap.point("a longer public address; a segment that grows beyond the MSS", growth, router)
            tap.point("replies that grow beyond the client's MSS", growth_to_client, router)
            tap.point("commands that grow beyond the MTU of the way out", growth_on_path, router)
            tap.point("a receiver that asks for one byte at a time", tiny_mss, router)
            tap.point("227 of a server behind DNAT: split, lost, repeated", replies, router)
            tap.point("nothing so far was invalid to conntrack", nothing_invalid, router)
            tap.point("ABOR as urgent data", urgent, router)
            tap.point("FTP off: everything passes unchanged", off, router)
        tap.point("%d random walks" % ROUNDS, random_walks, router)
    tap.finish()


if __name__ == "__main__":
    main()
