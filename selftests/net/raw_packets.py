#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Packets around control connections that no kernel sends: fragments, options, extension headers, missing checksums,
truncated and senseless headers, ICMP errors, connections picked up in mid-stream, noise. See raw_lib.py for the router
and the ends.
"""
import os
import random
import struct
import sys
import time

from raw_lib import (ACK, CLIENT4, CLIENT6, FIN, ICMP, PSH, ROUTER4, RST, SERVER4, SERVER6, SYN, TCP, UDP, URG, Flow,
                     Router, Tap, check_stream, checksum, endpoint, eprt, expect, expect_is, forget, ip, port, tcp, udp)

NOISE = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.getrandbits(32)
tap = Tap()


def works(flow):
    """The connection is alive: a command is rewritten, its pinhole leads to the client."""
    n = flow.router.fresh()
    c, s = flow.client, flow.server
    c.say(port(n))
    flow.insist(c)
    got = endpoint(bytes(s.got).rsplit(b"\n", 2)[-2])
    expect(got and got[1] == ROUTER4, "not rewritten: %r" % bytes(s.got[-60:]))
    syn_arrives(flow.router, got[2], n)


def syn_arrives(router, public, private, count=1):
    router.outside.send(ip(SERVER4, ROUTER4, TCP, tcp(SERVER4, ROUTER4, 20, public, 1, 0, SYN)))
    to_inside, _ = router.settle()
    came = [p for p in to_inside if (p.dst, p.dport, p.sport) == (CLIENT4, private, 20)]
    expect_is(len(came), count, "SYNs that arrived")


def next_segment(end, data, flags=PSH | ACK, **more):
    """The segment, as bytes, that would come next from an end whose stream it does not become part of."""
    (src, sport), (dst, dport) = end.local, end.remote
    return tcp(src, dst, sport, dport, end.isn + 1 + len(end.sent), end.irs + 1 + end.contiguous(), flags, data, **more)


def ip_options(router):
    """Options of IPv4 (RFC 791): no operation, router alert, record route."""
    for options in (b"\1\1\1\0", b"\x94\4\0\0", b"\7\x0b\4" + b"\0" * 9):
        flow = Flow(router, options={"options": options}).greet()
        works(flow)
        flow.finish()


def fragments(router):
    """A command in two IP fragments, in both orders."""
    for order in (0, 1), (1, 0):
        flow = Flow(router).greet()
        c = flow.client
        n = router.fresh()
        text = b"NOOP\r\n" * 4 + port(n)
        body = next_segment(c, text)
        c.sent += text
        parts = [ip(CLIENT4, SERVER4, TCP, body[:24], frag=0x2000, ident=n),
                 ip(CLIENT4, SERVER4, TCP, body[24:], frag=3, ident=n)]
        for i in order:
            router.inside.send(parts[i])
        flow.run()
        flow.insist(c)
        ports = check_stream(c.sent, flow.server.got)
        syn_arrives(router, ports[0], n)
        works(flow)
        flow.finish()


def overlapping_fragments(router):
    """Fragments that overlap are refused as a whole (RFC 5722 for IPv6; Linux does so for IPv4): nothing is opened."""
    flow = Flow(router).greet()
    c = flow.client
    before = router.counters().get("opened", 0)
    body = next_segment(c, port(router.fresh()))
    for off, piece, more in ((0, body[:24], 0x2000), (2, body[16:32], 0x2000), (3, body[24:], 0)):
        router.inside.send(ip(c.local[0], c.remote[0], TCP, piece, frag=more | off, ident=77))
    flow.run()
    expect_is(router.counters().get("opened", 0), before, "pinholes opened")
    works(flow)
    flow.finish()


def extension_headers(router):
    """IPv6 with hop-by-hop and destination options before TCP: the pinhole opens, a SYN with such headers uses it."""
    router.nat(False)
    ext = ((0, b"\5\2\0\0"), (60, b"\1\4\0\0\0\0"))
    flow = Flow(router, v6=True, options={"ext": ext}).greet()
    c, n = flow.client, router.fresh(2)
    c.say(eprt(n, "2001:db8:1::11"))
    c.say(eprt(n + 1, "2001:db8:1::11")[:9])
    c.say(eprt(n + 1, "2001:db8:1::11")[9:])
    flow.insist(c)
    expect_is(bytes(flow.server.got), bytes(c.sent), "stream")
    for private, count in ((n, 1), (n + 1, 1), (n + 2, 0)):
        router.outside.send(ip(SERVER6, CLIENT6, TCP, tcp(SERVER6, CLIENT6, 20, private, 1, 0, SYN), ext=ext[1:]))
        to_inside, _ = router.settle()
        came = [p for p in to_inside if p.dport == private and p.proto == TCP]
        expect_is(len(came), count, "SYNs for port %d" % private)
    flow.finish()
    router.nat(True)


def no_udp_checksum(router):
    """TFTP without UDP checksums (RFC 768) stays so, and opens its pinhole."""
    for with_sum in True, False:
        sport = next(router.ports)
        request = b"\0\1file\0octet\0"
        router.inside.send(ip(CLIENT4, SERVER4, UDP, udp(CLIENT4, SERVER4, sport, 69, request, with_sum)))
        _, to_outside = router.settle()
        came = [p for p in to_outside if p.dport == 69]
        expect_is(len(came), 1, "requests that arrived")
        came[0].verify()
        expect_is(came[0].body[8:], request, "request")
        expect_is(came[0].body[6:8] == b"\0\0", not with_sum, "no checksum")
        for server_port, count in ((50000, 1), (50001, 0)):
            data = udp(SERVER4, ROUTER4, server_port, came[0].sport, b"\0\3\0\1data", with_sum)
            router.outside.send(ip(SERVER4, ROUTER4, UDP, data))
            to_inside, _ = router.settle()
            expect_is(len([p for p in to_inside if p.dport == sport]), count, "answers from port %d" % server_port)


def udp_lengths(router):
    """UDP lengths that lie, requests cut short: nothing opens, nothing breaks."""
    before = tftp_opened(router)
    request = b"\0\1file\0octet\0"
    for size in range(0, len(request)):
        sport = next(router.ports)
        router.inside.send(ip(CLIENT4, SERVER4, UDP, udp(CLIENT4, SERVER4, sport, 69, request[:size])))
    for lie in 0, 7, 8, 12, 400, 65535:
        body = bytearray(udp(CLIENT4, SERVER4, next(router.ports), 69, request, False))
        struct.pack_into("!H", body, 4, lie)
        router.inside.send(ip(CLIENT4, SERVER4, UDP, bytes(body)))
    for size in 0, 4, 7:
        router.inside.send(ip(CLIENT4, SERVER4, UDP, udp(CLIENT4, SERVER4, 5, 69, request)[:size]))
    router.settle()
    expect_is(tftp_opened(router) - before, 0, "pinholes opened")


def tftp_opened(router):
    for line in router.alg("stats", "show", "protocol", "tftp").split("\n"):
        word = line.split()
        if word[:1] == ["opened"]:
            return int(word[1])
    return 0


def truncated(router):
    """TCP headers cut short, data offsets that lie, lengths that lie."""
    flow = Flow(router).greet()
    c = flow.client
    before = router.counters().get("opened", 0)
    whole = next_segment(c, port(router.fresh()))
    for size in 0, 1, 4, 8, 13, 16, 19:
        router.inside.send(ip(CLIENT4, SERVER4, TCP, whole[:size]))
    for doff in 0, 1, 4, 12, 15:
        router.inside.send(ip(CLIENT4, SERVER4, TCP, next_segment(c, port(router.fresh())[:20], doff=doff)))
    for cut in range(20, 20 + 30, 3):	# IP says more than there is
        router.inside.send(ip(CLIENT4, SERVER4, TCP, whole)[:cut])
    for option in (b"\5\x0a" + b"\xff" * 8, b"\5\1", b"\5\0", b"\5\xff", b"\2\4\0", b"\5\x12" + os.urandom(16),
                   b"\1\1\1\5\x0a" + b"\0" * 8, b"\x1e" * 40):
        router.inside.send(ip(CLIENT4, SERVER4, TCP, next_segment(c, b"", ACK, options=option)))
        router.outside.send(ip(SERVER4, ROUTER4, TCP, next_segment(flow.server, b"", ACK, options=option)))
    router.settle()
    expect_is(router.counters().get("opened", 0), before, "pinholes opened")
    works(flow)
    flow.finish()


def bad_checksum(router):
    """A command with a wrong checksum opens nothing; repeated rightly it does."""
    flow = Flow(router).greet()
    c, n = flow.client, router.fresh()
    before = router.counters().get("opened", 0)
    segment = bytearray(next_segment(c, port(n)))
    segment[16] ^= 0x40
    router.inside.send(ip(CLIENT4, SERVER4, TCP, bytes(segment)))
    router.settle()
    expect_is(router.counters().get("opened", 0), before, "pinholes opened")
    works(flow)
    flow.finish()


def icmp_errors(router):
    """ICMP errors about the control connection reach the client, quote what he sent, and disturb nothing."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    works(flow)
    text = b"PORT 203,0,113,1,9,9\r\n"
    quote = ip(s.remote[0], SERVER4, TCP, tcp(s.remote[0], SERVER4, s.remote[1], 21, s.irs + 1, 0, ACK, text))
    for kind, code, rest in ((3, 4, 1400), (3, 1, 0), (11, 0, 0), (3, 13, 0)):
        for size in 28, 28 + 26, len(quote):
            body = struct.pack("!BBHI", kind, code, 0, rest) + quote[:size]
            body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
            router.outside.send(ip(SERVER4, ROUTER4, ICMP, body))
            to_inside, _ = router.settle()
            came = [p for p in to_inside if p.proto == ICMP]
            expect_is(len(came), 1, "errors (%d, %d) with %d bytes that arrived" % (kind, code, size))
            expect_is(came[0].body[8 + 12:8 + 16], CLIENT4, "address in the quote")
            expect_is(checksum(came[0].body), 0, "ICMP checksum")
    text = b"227 (192,168,1,11,9,9)\r\n"
    quote = ip(SERVER4, CLIENT4, TCP, tcp(SERVER4, CLIENT4, 21, c.local[1], c.irs + 1, 0, ACK, text))
    body = struct.pack("!BBHI", 3, 3, 0, 0) + quote
    router.inside.send(ip(CLIENT4, SERVER4, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:]))
    router.settle()
    works(flow)
    flow.finish()


def pickup(router):
    """Conntrack meets the connection in mid-stream (nf_conntrack_tcp_loose): complete lines are read from then on."""
    flow = Flow(router).greet()
    c = flow.client
    works(flow)
    c.say(b"NOOP\r\n")
    flow.insist(c)
    forget("-p", "tcp", "--orig-port-src", str(c.local[1]), ns=router.r, check=False)
    # Another connection from the same port, of which conntrack sees no SYN.
    flow = Flow(router, syn=False, sport=c.local[1])
    flow.inside.isn, flow.inside.irs, flow.outside.isn, flow.outside.irs = 7000, 9000, 9000, 7000
    c = flow.client
    for text in b"NOOP\r\n", b"PWD\r\n":
        c.say(text)
        flow.run()
    works(flow)
    expect(router.counters().get("pickup", 0) >= 1, "pickup was not counted")
    # Taken up inside a line: what looks like a command there is none.
    flow = Flow(router, syn=False)
    flow.inside.isn, flow.inside.irs, flow.outside.isn, flow.outside.irs = 7000, 9000, 9000, 7000
    c, opened = flow.client, router.counters().get("opened", 0)
    c.say(b"STOR PORT 192,168")
    flow.run()
    c.say(b",1,11,9,9\r\n")
    flow.insist(c)
    expect_is(bytes(flow.server.got), bytes(c.sent), "stream")
    expect_is(router.counters().get("opened", 0), opened, "pinholes opened")
    works(flow)


def wrong_senders(router):
    """PORT from the server, 227 from the client, a 227 nobody asked for, the same from a stranger's forged segment."""
    flow = Flow(router).greet()
    c, s = flow.client, flow.server
    before = router.counters().get("opened", 0)
    s.say(b"PORT 203,0,113,2,9,9\r\n")
    s.say(b"227 Entering Passive Mode (203,0,113,2,9,9)\r\n")
    c.say(b"227 Entering Passive Mode (192,168,1,11,9,9)\r\n")
    flow.insist(c)
    flow.insist(s)
    expect_is((bytes(s.got), bytes(c.got)), (bytes(c.sent), bytes(s.sent)), "streams")
    expect_is(router.counters().get("opened", 0), before, "pinholes opened")
    works(flow)
    flow.finish()


def reset(router):
    """A forged RST out of the window changes nothing; a real one ends the connection."""
    flow = Flow(router).greet()
    c = flow.client
    works(flow)
    c.raw(c.isn + 1 + 500000000, 0, RST)
    flow.run()
    works(flow)
    c.raw(c.isn + 1 + len(c.sent), c.irs + 1 + c.contiguous(), RST | ACK)
    flow.run()
    expect(flow.server.reset, "no RST arrived")


def syn_with_data(router):
    """Data on the SYN (RFC 9293, 3.10.7.4): the command behind it is read all the same."""
    flow = Flow(router, syn=False)
    c, s = flow.client, flow.server
    c.raw(c.isn, 0, SYN, b"NOOP\r\n", options=flow.mss)
    flow.run(ack=False)
    s.irs += 0
    s.raw(s.isn, s.irs + 1, SYN | ACK, options=flow.mss)
    flow.run(ack=False)
    c.sent += b"NOOP\r\n"
    c.piece(0, 6)
    flow.run()
    flow.greet()
    works(flow)
    flow.finish()


WORDS = (b"PORT ", b"EPRT |1|", b"192,168,1,11,", b"203,0,113,1", b",4,1", b"\r\n", b"227 (", b"229 (|||", b"PASV\r\n",
         b"|", b"EPSV ALL\r\n", b"\xff\xf4", b"\0", b"LPRT 4,4,", b"9999999999", b"AUTH TLS\r\n", b"234 ok\r\n",
         b"AUTH", b"port 1,2,3,4,5,6\n")


def senseless(rng, flow, other):
    """One packet, and the wire for it."""
    data = rng.randbytes(rng.randrange(300))
    if rng.random() < 0.8:
        data = b"".join(rng.choice(WORDS) for _ in range(rng.randrange(12)))
    kind = rng.random()
    end = flow.server if kind < 0.25 else other.server if kind < 0.35 else other.client if kind < 0.4 else flow.client
    (src, sport), (dst, dport) = end.local, end.remote
    if rng.random() < 0.1:
        sport = rng.randrange(1024, 65536)
    if rng.random() < 0.05:
        request = bytes([0, rng.randrange(1, 7)]) + data
        return end.wire, ip(src, dst, UDP, udp(src, dst, rng.randrange(1, 65536), 69, request))
    seq = end.isn + rng.randrange(-50, 3000) if rng.random() < 0.9 else rng.getrandbits(32)
    ack = (end.irs or 0) + rng.randrange(-50, 3000)
    flags = rng.choice((ACK, PSH | ACK, PSH | ACK, PSH | ACK, ACK | URG, rng.randrange(64) & ~RST & ~FIN, SYN))
    options = rng.randbytes(rng.randrange(0, 12)) if rng.random() < 0.1 else b""
    segment = tcp(src, dst, sport, dport, seq, ack, flags, data, options=options, urgent=rng.randrange(65536))
    return end.wire, ip(src, dst, TCP, segment)


def noise(router):
    """As much senseless traffic as goes in, on live connections and beside them; then everything still works."""
    rng = random.Random(SEED)
    flow = Flow(router).greet()
    other = Flow(router, dnat=True).greet()
    end = time.monotonic() + NOISE
    count = 0
    while time.monotonic() < end:
        for _ in range(200):
            count += 1
            wire, packet = senseless(rng, flow, other)
            wire.send(packet)
        drain(router)
    print("# %d senseless packets, seed %d" % (count, SEED))
    router.flush()
    works(Flow(router).greet())


def drain(router):
    """Throws away what came; the packets that nobody expects may be as broken as they like."""
    for wire in router.inside, router.outside:
        while wire.receive(0) is not None:
            pass


def ends_clean(router):
    """No connection, no session, no pinhole."""
    router.flush()
    end = time.monotonic() + 15
    while True:
        text = router.alg("-j", "status").replace(" ", "").replace("\n", "")
        if '"sessions":0' in text and '"pinholes":0' in text:
            return
        expect(time.monotonic() < end, text)
        time.sleep(0.2)


TESTS = (
    ("IPv4 options", ip_options),
    ("a command in two fragments", fragments),
    ("overlapping fragments open nothing", overlapping_fragments),
    ("IPv6 extension headers", extension_headers),
    ("TFTP without UDP checksum", no_udp_checksum),
    ("TFTP requests cut short, UDP lengths that lie", udp_lengths),
    ("truncated and lying TCP headers and options", truncated),
    ("a wrong checksum opens nothing", bad_checksum),
    ("ICMP errors", icmp_errors),
    ("pickup in mid-stream", pickup),
    ("commands from the server, replies from the client", wrong_senders),
    ("resets, forged and real", reset),
    ("data on the SYN", syn_with_data),
    ("noise", noise),
    ("nothing is left", ends_clean),
)


def main():
    with Router(tap) as router:
        for title, function in TESTS:
            tap.point(title, function, router)
    tap.finish()


if __name__ == "__main__":
    main()
