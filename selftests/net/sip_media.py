# SPDX-License-Identifier: GPL-2.0-only
"""
Descriptions other than audio at a pair of ports, step by step. Called by sip_media.sh, with "fails" when there is no ALG: then
no media pass.
"""
import json
import select
import sys

from netbed import OURS, Counted, algctl, check, eventually, finish, must, must_equal, new_socket, pinholes
from sip_lan import PRIVATE, Kind, lan_bed
from sip_ua import Established, Media, Phone, family, sdp

works = sys.argv[1] == "works"
bed = lan_bed()
ports = iter(range(10000, 32768, 10))	# below those of sockets that name none
versions = iter(range(2, 10000))


def desc(side, *lines):
    """A description of one @side: lines from the first m-line on."""
    addr = side.phone.addr
    head = ["v=0", "o=- 1 %d IN %s %s" % (next(versions), family(addr), addr), "s=-",
            "c=IN %s %s" % (family(addr), addr), "t=0 0"]
    return ("\r\n".join([*head, *lines]) + "\r\n").encode()


def exchange(call, offer, answer, by_callee=False):
    """
    A (re-)INVITE of caller or callee with lines of an offer, answered, acknowledged. Returns the media that the offer and the
    answer have for the other side.
    """
    asker, other = (call.callee, call.caller) if by_callee else (call.caller, call.callee)
    offered = call.request(asker, "INVITE", desc(asker, *offer)).sdp().media
    answered = call.response(other, "200 OK", desc(other, *answer)).sdp().media
    call.ack(asker)
    return offered, answered


def audio(port, *more):
    return ["m=audio %d RTP/AVP 8" % port, *more]


def image(port):
    return ["m=image %d udptl t38" % port, "a=T38FaxVersion:0", "a=T38FaxUdpEC:t38UDPRedundancy"]


def both(what, a, at_a, b, at_b):
    """RTP's sockets: packets go both ways, and come from where they were announced."""
    sources = bed.open(what, (a.rtp, at_b.rtp, b.rtp), (b.rtp, at_a.rtp, a.rtp))
    must_equal(sources, [at_a.rtp, at_b.rtp], what + ", sources")


# ---- fax (ITU-T T.38, annex D) ----

def fax(kind, same, by_callee):
    """An audio call becomes a fax, at the same ports or at others, and audio again."""
    one = kind.audio()
    one.talk()
    a, b = (one.a, one.b) if same else kind.media()
    lines = image(a.rtp.getsockname()[1]), image(b.rtp.getsockname()[1])
    offered, answered = exchange(one.call, *(reversed(lines) if by_callee else lines), by_callee)
    at_a, at_b = (answered if by_callee else offered)[0], (offered if by_callee else answered)[0]
    must_equal((at_a.kind, at_a.transport, at_b.kind), ("image", "udptl", "image"), "m-lines")
    must_equal(at_a.rtp == one.at_a.rtp, same, "the same public endpoint")
    both("UDPTL", a, at_a, b, at_b)
    kind.strangers(*kind.inward(at_a, a, b, at_b)[:2])
    bed.closed("RTCP of a fax", *one.ways()[1::2])
    if not same:
        bed.closed("audio of a fax", *one.ways()[::2])
    offered, answered = exchange(one.call, audio(one.a.port), audio(one.b.port))
    must_equal((offered[0].rtp, answered[0].rtp), (one.at_a.rtp, one.at_b.rtp), "endpoints of audio again")
    one.talk()
    one.call.bye()
    one.mute("media after BYE")
    bed.closed("UDPTL after BYE", (b.rtp, at_a.rtp, a.rtp), (a.rtp, at_b.rtp, b.rtp))
    for media in one, a, b:
        media.close()


def fax_beside(kind):
    """Audio at port 0 beside the fax, and the other way round."""
    one = kind.audio()
    one.talk()
    a, b = kind.media()
    offered, answered = exchange(one.call, audio(0) + image(a.port), audio(0) + image(b.port))
    must_equal((offered[0].port, answered[0].port), (0, 0), "ports of audio")
    both("UDPTL", a, offered[1], b, answered[1])
    one.mute("audio at port 0")
    exchange(one.call, audio(one.a.port) + image(0), audio(one.b.port) + image(0))
    one.talk()
    bed.closed("UDPTL at port 0", (b.rtp, offered[1].rtp, a.rtp), (a.rtp, answered[1].rtp, b.rtp))
    one.call.bye()
    for media in one, a, b:
        media.close()


def fax_refused(kind, by_callee):
    """Not acceptable here: audio goes on, the fax's port is closed."""
    one = kind.audio()
    a, b = kind.media()
    asker, other = (one.call.callee, one.call.caller) if by_callee else (one.call.caller, one.call.callee)
    mine, theirs = (b, a) if by_callee else (a, b)
    at = one.call.request(asker, "INVITE", desc(asker, *image(mine.port))).sdp().media[0]
    one.talk()
    one.call.response(other, "488 Not Acceptable Here")
    one.call.ack(asker)
    bed.closed("UDPTL that was refused", (theirs.rtp, at.rtp, mine.rtp))
    one.talk()
    one.call.bye()
    one.mute("media after BYE")
    for media in one, a, b:
        media.close()


# ---- where RTCP is ----

def waiting(call):
    """Pinholes for media of a call that nobody has come through yet."""
    number, = [one["id"] for one in json.loads(algctl("r", "-j", "call", "show"))["calls"] if one["name"] == call.call_id]
    return len([one for one in pinholes() if one["call"] == number and one["transport"] == "udp"])


def mux(kind, agreed):
    """a=rtcp-mux (RFC 5761): one pinhole each way; two where the other side does not agree."""
    call = kind.call()
    a, b = kind.media()
    offered, answered = exchange(call, audio(a.port, "a=rtcp-mux"), audio(b.port, *(["a=rtcp-mux"] if agreed else [])))
    at_a, at_b = offered[0], answered[0]
    must(at_a.mux, "a=rtcp-mux is lost")
    if OURS:
        must_equal(waiting(call), 2 if agreed else 4, "pinholes")
    after = (at_a.address, at_a.port + 1), (at_b.address, at_b.port + 1)
    both("RTP and RTCP", a, at_a, b, at_b)
    ways = (b.rtcp, after[0], a.rtcp), (a.rtcp, after[1], b.rtcp)
    if agreed:
        bed.closed("the port behind RTP's", *ways)
    else:
        bed.open("RTCP", *ways)
    call.bye()
    bed.closed("media after BYE", (b.rtp, at_a.rtp, a.rtp), *ways)
    a.close()
    b.close()


def elsewhere(kind):
    """a=rtcp (RFC 3605), with and without an address."""
    for address in "", " IN %s %s":
        call = kind.call()
        (a, b), (c, d) = kind.media(), kind.media()
        lines = [audio(x.port, "a=rtcp:%d" % y.port + (address % (family(x.addr), x.addr) if address else ""))
                 for x, y in ((a, c), (b, d))]
        offered, answered = exchange(call, *lines)
        at_a, at_b = offered[0], answered[0]
        both("RTP", a, at_a, b, at_b)
        sources = bed.open("RTCP", (c.rtp, at_b.rtcp, d.rtp), (d.rtp, at_a.rtcp, c.rtp))
        must_equal(sources, [at_a.rtcp, at_b.rtcp], "sources of RTCP")
        bed.closed("the port behind RTP's", (b.rtcp, (at_a.address, at_a.port + 1), a.rtcp),
                   (a.rtcp, (at_b.address, at_b.port + 1), b.rtcp))
        call.bye()
        bed.closed("media after BYE", (b.rtp, at_a.rtp, a.rtp), (d.rtp, at_a.rtcp, c.rtp), (c.rtp, at_b.rtcp, d.rtp))
        for media in a, b, c, d:
            media.close()


def beside(kind, port):
    """A call of another subscriber, whose media are at that port, and at that port outside, too."""
    phones = Phone("c2", "192.168.1.12", kind.transport), Phone("s2", "203.0.113.3", kind.transport, 5060, PRIVATE)
    one = Established(bed, *phones, ("203.0.113.3", 5060), port, next(ports))
    must_equal(one.at_a.port, port, "the other subscriber's port")
    return one, phones


def several(kind, taken=False):
    """port/count (RFC 8866, 5.14): two pairs each, and no third; also where the second pair's ports are somebody else's."""
    call = kind.call()
    low = next(ports), next(ports)
    one, phones = beside(kind, low[0] + 2) if taken else (None, ())
    a, b = ([Media(phone.ns, phone.addr, port + n) for n in (0, 2, 4)] for phone, port in zip((kind.caller, kind.callee), low))
    offered, answered = exchange(call, *(["m=video %d/2 RTP/AVP 31" % port] for port in low))
    at_a, at_b = offered[0], answered[0]
    must_equal((at_a.count, at_b.count), (2, 2), "counts")
    must_equal(at_a.port in range(low[0] - 1, low[0] + 4), not taken, "the announced port")
    ways = []
    for n in range(3):
        for x, y in ((a[n].rtp, b[n].rtp), (a[n].rtcp, b[n].rtcp)):
            off = 2 * n + (x is a[n].rtcp)
            ways += [(x, (at_b.address, at_b.port + off), y), (y, (at_a.address, at_a.port + off), x)]
    bed.open("both pairs", *ways[:8])
    bed.closed("the port behind them", *ways[8:])
    call.bye()
    bed.closed("media after BYE", *ways)
    if one:
        one.talk()
        one.call.bye()
        one.close()
    for media in (*a, *b, *phones):
        media.close()


# ---- TCP (RFC 4145, RFC 4571, RFC 4975) ----

class Listener:
    def __init__(self, phone):
        self.sock = new_socket(phone.ns, phone.addr)
        self.sock.bind((phone.addr, 0))
        self.sock.listen(4)
        self.port = self.sock.getsockname()[1]


def dial(ns, addr, target, listener):
    """A new connection, both of its ends; None if it does not come."""
    sock = new_socket(ns, addr)
    sock.setblocking(False)
    sock.bind((addr, 0))
    sock.connect_ex(target)
    bed.settle()
    if not select.select([listener.sock], [], [], 0)[0]:
        sock.close()
        return None
    far = listener.sock.accept()[0]
    far.setblocking(False)
    return sock, far


def passes(ends):
    """Bytes that come by a connection, each way."""
    came = []
    for x, y in ends, ends[::-1]:
        x.send(b"hello")
        bed.settle()
        try:
            came.append(y.recv(100))
        except BlockingIOError:
            came.append(b"")
    return came


def tcp_media(kind, passive_calls, words, proto):
    """The passive side listens, the active one connects and names port 9; a re-INVITE keeps the connection."""
    call = kind.call()
    listens, connects = (kind.caller, kind.callee) if passive_calls else (kind.callee, kind.caller)
    listener = Listener(listens)
    lines = {listens: ["m=message %d %s" % (listener.port, proto), "a=setup:" + words[0], "a=connection:new"],
             connects: ["m=message 9 " + proto, "a=setup:" + words[1], "a=connection:new"]}
    offered, answered = exchange(call, lines[kind.caller], lines[kind.callee])
    at, silent = (offered[0], answered[0]) if passive_calls else (answered[0], offered[0])
    must_equal(silent.port, 9, "port of who connects")
    inside_listens = passive_calls == kind.inside_calls
    if inside_listens:
        must(not dial(*kind.third, at.rtp, listener), "a third party gets in")
    ends = dial(connects.ns, connects.addr, at.rtp, listener)
    must(ends, "%s does not get to %s" % (connects.ns, at.rtp))
    must_equal(ends[1].getpeername()[0], silent.address, "source of the connection")
    must_equal(passes(ends), [b"hello"] * 2, "bytes by the connection")
    for lines_of in lines.values():
        lines_of[-1] = "a=connection:existing"
    again = exchange(call, lines[kind.caller], lines[kind.callee])
    must_equal(again[0 if passive_calls else 1][0].rtp, at.rtp, "endpoint once more")
    must_equal(passes(ends), [b"hello"] * 2, "bytes by the connection after a re-INVITE")
    call.bye()
    must_equal(passes(ends), [b""] * 2, "bytes by the connection after BYE")
    must(not dial(connects.ns, connects.addr, at.rtp, listener), "a new connection after BYE")
    for sock in *ends, listener.sock:
        sock.close()


# ---- reliable provisional responses (RFC 3262) ----

def reliable(kind):
    """The offer is in 183, its answer in PRACK; UPDATE moves the caller before anybody has answered."""
    call = kind.call()
    a, b = kind.media()
    call.request(call.caller, "INVITE")
    invite = call.callee.request
    at_b = call.response(call.callee, "183 Session Progress", desc(call.callee, *audio(b.port)),
                         more=["Require: 100rel", "RSeq: 1"]).sdp().media[0]
    at_a = call.request(call.caller, "PRACK", desc(call.caller, *audio(a.port)), more=["RAck: 1 1 INVITE"]).sdp().media[0]
    call.response(call.callee, "200 OK")
    both("early media", a, at_a, b, at_b)
    c, _ = kind.media()
    at_c = call.request(call.caller, "UPDATE", desc(call.caller, *audio(c.port))).sdp().media[0]
    call.response(call.callee, "200 OK", desc(call.callee, *audio(b.port)))
    both("early media after UPDATE", c, at_c, b, at_b)
    bed.closed("what was left", (b.rtp, at_a.rtp, a.rtp))
    call.response(call.callee, "200 OK", request=invite)
    call.request(call.caller, "ACK", cseq=1)
    both("media", c, at_c, b, at_b)
    call.bye()
    bed.closed("media after BYE", (c.rtp, at_b.rtp, b.rtp), (b.rtp, at_c.rtp, c.rtp))
    for media in a, b, c, _:
        media.close()


def in_prack(kind):
    """INVITE and 183 agree; PRACK and its 200 agree on something else."""
    call = kind.call()
    (a, b), (c, d) = kind.media(), kind.media()
    at_a = call.request(call.caller, "INVITE", desc(call.caller, *audio(a.port))).sdp().media[0]
    invite = call.callee.request
    at_b = call.response(call.callee, "183 Session Progress", desc(call.callee, *audio(b.port)),
                         more=["Require: 100rel", "RSeq: 1"]).sdp().media[0]
    both("early media", a, at_a, b, at_b)
    at_c = call.request(call.caller, "PRACK", desc(call.caller, *audio(c.port)), more=["RAck: 1 1 INVITE"]).sdp().media[0]
    at_d = call.response(call.callee, "200 OK", desc(call.callee, *audio(d.port))).sdp().media[0]
    both("early media after PRACK", c, at_c, d, at_d)
    bed.closed("what was left", (b.rtp, at_a.rtp, a.rtp), (a.rtp, at_b.rtp, b.rtp))
    call.response(call.callee, "487 Request Terminated", request=invite)
    call.request(call.caller, "ACK", cseq=1)
    bed.closed("media of a call that was refused", (c.rtp, at_d.rtp, d.rtp), (d.rtp, at_c.rtp, c.rtp))
    for media in a, b, c, d:
        media.close()


# ---- how long a call lasts ----

def left(call):
    """Seconds until a call is given up."""
    one, = [one for one in json.loads(algctl("r", "-j", "call", "show"))["calls"] if one["name"] == call.call_id]
    return one["timeout"]


def between(what, value, low, high):
    must(low <= value <= high, "%s: %s, not from %d to %d" % (what, value, low, high))


LINGER = 32	# seconds more than Session-Expires (RFC 3261: 64 * T1)


def session_timer(kind):
    """Session-Expires (RFC 4028) of the 2xx says how long; re-INVITE and UPDATE begin anew, from both sides."""
    call = kind.call()
    call.request(call.caller, "INVITE", sdp(kind.caller.addr, [next(ports)]), more=["Supported: timer", "Session-Expires: 7200"])
    call.response(call.callee, "200 OK", sdp(kind.callee.addr, [next(ports)]), more=["Session-Expires: 100;refresher=uac"])
    call.ack()
    between("after 2xx", left(call), 90, 100 + LINGER)
    for side, method, seconds in ((call.caller, "UPDATE", 300), (call.callee, "UPDATE", 200), (call.caller, "INVITE", 1800)):
        call.request(side, method, more=["Session-Expires: %d" % seconds])
        body = sdp(call.other(side).phone.addr, [next(ports)]) if method == "INVITE" else b""
        call.response(call.other(side), "200 OK", body, more=["x: %d" % seconds])
        if method == "INVITE":
            call.request(side, "ACK", sdp(side.phone.addr, [next(ports)]), cseq=side.cseq)
        between("after %s" % method, left(call), seconds - 10, seconds + LINGER)
    call.request(call.caller, "UPDATE", more=["Session-Expires: 90"])
    call.response(call.callee, "422 Session Interval Too Small", more=["Min-SE: 120"])
    between("after a refusal", left(call), 1800 - 20, 1800 + LINGER)
    call.request(call.caller, "UPDATE")
    call.response(call.callee, "200 OK")
    between("without a timer", left(call), 43200 - 20, 43200)
    call.bye()


def given_up(kind):
    """A call that nobody refreshes ends, with its media; one that is refreshed does not."""
    count = Counted("r", "sip")
    algctl("r", "policy", "set", "default", "sip", "option", "call-timeout=15")
    one, two = kind.audio(), kind.audio()
    one.talk()
    two.talk()

    def over():
        two.call.request(two.call.caller, "UPDATE")
        two.call.response(two.call.callee, "200 OK")
        names = [shown["name"] for shown in json.loads(algctl("r", "-j", "call", "show"))["calls"]]
        must(two.call.call_id in names, "the call that is refreshed is gone")
        return one.call.call_id not in names

    must(eventually(over), "the call is not given up")
    one.mute("media of a call that was given up")
    two.talk()
    must_equal(count.grown("call-timeout"), 1, "call-timeout")
    algctl("r", "policy", "set", "default", "sip", "option", "call-timeout=43200")
    two.call.bye()
    one.close()
    two.close()


# ---- all of it ----

def one_kind(name, transport):
    kind = Kind(bed, ports, name, transport)
    for same, by_callee in (False, False), (False, True), (True, False), (True, True):
        check("%s: fax at %s, asked for by the %s" % (
            kind.title, "the same ports" if same else "others", "callee" if by_callee else "caller"), fax, kind, same, by_callee)
    check("%s: fax beside audio" % kind.title, fax_beside, kind)
    for by_callee in False, True:
        check("%s: fax refused by the %s" % (kind.title, "caller" if by_callee else "callee"), fax_refused, kind, by_callee)
    check("%s: RTP and RTCP at one port" % kind.title, mux, kind, True)
    check("%s: ... which the other side does not want" % kind.title, mux, kind, False)
    check("%s: RTCP elsewhere" % kind.title, elsewhere, kind)
    check("%s: two pairs" % kind.title, several, kind)
    if OURS and name == "SNAT":
        check("%s: two pairs where another's port is in between" % kind.title, several, kind, True)
    for passive_calls in True, False:
        check("%s: TCP, the %s waits" % (kind.title, "caller" if passive_calls else "callee"),
              tcp_media, kind, passive_calls, ("passive", "active"), "TCP/MSRP *")
    check("%s: TCP, actpass" % kind.title, tcp_media, kind, True, ("actpass", "active"), "TCP/RTP/AVP 8")
    check("%s: offer in 183, PRACK, UPDATE" % kind.title, reliable, kind)
    check("%s: offer in PRACK, refused" % kind.title, in_prack, kind)
    if OURS:
        check("%s: session timer" % kind.title, session_timer, kind)
    kind.close()


def without(name, transport):
    """The negative: without ALG neither fax nor TCP pass."""
    kind = Kind(bed, ports, name, transport)
    kind.without_alg()
    call = kind.call()
    a, b = kind.media()
    listener = Listener(kind.caller)
    offered, answered = exchange(call, image(a.port) + ["m=message %d TCP/MSRP *" % listener.port, "a=setup:passive"],
                                 image(b.port) + ["m=message 9 TCP/MSRP *", "a=setup:active"])
    bed.closed("UDPTL", (a.rtp, answered[0].rtp, b.rtp), (b.rtp, ("203.0.113.1", a.port), a.rtp), (b.rtp, offered[0].rtp, a.rtp))
    for address in "203.0.113.1", offered[1].address:
        must(not dial(kind.callee.ns, kind.callee.addr, (address, listener.port), listener), "TCP")
    kind.close()


if works:
    for kind_of in ("SNAT", "udp"), ("SNAT", "tcp"), ("DNAT", "udp"), ("IPv6", "udp"):
        one_kind(*kind_of)
    if OURS:
        check("a call that nobody refreshes", given_up, Kind(bed, ports, "SNAT", "udp"))
        check("no pinhole is left", lambda: must(eventually(lambda: not pinholes()), "pinholes: %s" % pinholes()))
else:
    check("no ALG: no media", without, "SNAT", "udp")
finish()
