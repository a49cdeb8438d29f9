# SPDX-License-Identifier: GPL-2.0-only
"""
Calls of every kind step by step: who gets in, when, and who does not. Called by sip_access.sh, with "fails" when there is no
ALG: then no media pass.
"""
import sys

from netbed import OURS, check, eventually, finish, must, must_equal, pinholes
from sip_lan import Kind, lan_bed
from sip_reader import uri_endpoint
from sip_ua import Media, sdp

works = sys.argv[1] == "works"
bed = lan_bed()
ports = iter(range(30000, 40000, 2))


def whole(kind):
    """RTP and RTCP both ways; a third party does not get in; after BYE nobody does."""
    call = kind.audio()
    call.talk()
    at, inner, outer = kind.inward(call.at_a, call.a, call.b, call.at_b)
    stranger = Media(*kind.third, next(ports))
    same_port = Media(*kind.third, outer.port)
    bed.closed("third party", (stranger.rtp, at.rtp, inner.rtp), (same_port.rtp, at.rtp, inner.rtp),
               (stranger.rtcp, at.rtcp, inner.rtcp))
    call.talk()
    call.call.bye(call.call.caller if kind.inside_calls else call.call.callee)
    call.mute("media after BYE")
    bed.closed("third party after BYE", (stranger.rtp, at.rtp, inner.rtp))
    for one in call, stranger, same_port:
        one.close()


def unused(kind):
    """Nobody sent anything: after BYE, by the other side, the ports are closed."""
    call = kind.audio()
    call.call.bye(call.call.callee if kind.inside_calls else call.call.caller)
    call.mute("media after BYE")
    call.close()


def headers(kind):
    """Via and Contact name the endpoint that the messages come from."""
    call = kind.call()
    seen = call.invite(next(ports))
    if kind.caller.transport == "udp":
        must_equal(seen.via_endpoint(), seen.source, "Via")
        must_equal(uri_endpoint(seen["contact"]), seen.source, "Contact")
    if kind.to[0] != kind.callee.addr:
        must_equal(uri_endpoint(seen.uri)[0], kind.callee.addr, "Request-URI")
    seen = call.response(call.callee, "486 Busy Here")
    must_equal(seen.via_endpoint(), (kind.caller.addr, kind.caller.port), "Via of the response")
    call.ack()


def refused(kind):
    """An INVITE that is refused leaves nothing open; nor does one that is cancelled."""
    for how in "486 Busy Here", "CANCEL":
        call = kind.call()
        a, b = kind.media()
        at_a = call.invite(a.port).sdp().media[0]
        at_b = call.answer(b.port, status="183 Session Progress").sdp().media[0]
        bed.open("early media", (b.rtp, at_a.rtp, a.rtp), (a.rtp, at_b.rtp, b.rtp))
        if how == "CANCEL":
            invite = call.callee.request
            call.response(call.callee, "200 OK", request=call.request(
                call.caller, "CANCEL", cseq=1, branch=call.invite_branch, uri="sip:bob@%s:5060" % kind.to[0]
                if ":" not in kind.to[0] else "sip:bob@[%s]:5060" % kind.to[0]))
            call.response(call.callee, "487 Request Terminated", request=invite)
        else:
            call.response(call.callee, how)
        call.ack()
        bed.closed(how, (b.rtp, at_a.rtp, a.rtp), (a.rtp, at_b.rtp, b.rtp))
        a.close()
        b.close()


def late(kind):
    """The answer is the offer, and ACK has the answer to it (RFC 3261, 13.2.1); UPDATE moves the callee's media (RFC 3311)."""
    call = kind.call()
    a, b = kind.media()
    call.request(call.caller, "INVITE")
    at_b = call.answer(b.port).sdp().media[0]
    at_a = call.request(call.caller, "ACK", sdp(kind.caller.addr, [a.port]), cseq=1).sdp().media[0]
    ways = [(a.rtp, at_b.rtp, b.rtp), (b.rtp, at_a.rtp, a.rtp), (a.rtcp, at_b.rtcp, b.rtcp), (b.rtcp, at_a.rtcp, a.rtcp)]
    bed.open("media", *ways)
    c = Media(kind.callee.ns, kind.callee.addr, next(ports))
    at_c = call.request(call.callee, "UPDATE", sdp(kind.callee.addr, [c.port], version=2)).sdp().media[0]
    call.response(call.caller, "200 OK", sdp(kind.caller.addr, [a.port], version=2))
    bed.open("media after UPDATE", (a.rtp, at_c.rtp, c.rtp), (c.rtp, at_a.rtp, a.rtp))
    call.bye()
    bed.closed("media after BYE", (a.rtp, at_c.rtp, c.rtp), (c.rtp, at_a.rtp, a.rtp), *ways)
    for media in a, b, c:
        media.close()


def one_kind(name, transport):
    kind = Kind(bed, ports, name, transport)
    if works:
        check("%s: media, third parties, BYE" % kind.title, whole, kind)
        check("%s: BYE before any media" % kind.title, unused, kind)
        check("%s: addresses in headers" % kind.title, headers, kind)
        check("%s: the offer comes late, UPDATE" % kind.title, late, kind)
        check("%s: refused and cancelled with early media" % kind.title, refused, kind)
    else:
        kind.without_alg()
        check("%s, no ALG: no media" % kind.title, lambda: kind.audio().mute())
    kind.close()


for name in "SNAT", "DNAT", "IPv6":
    for transport in "udp", "tcp":
        one_kind(name, transport)
if works and OURS:
    check("no pinhole is left", lambda: must(eventually(lambda: not pinholes()), "pinholes: %s" % pinholes()))
finish()
