# SPDX-License-Identifier: GPL-2.0-only
"""
Calls while the configuration changes, and what algctl shows of them. Called by sip_live.sh: "show", "policy", "observe"; "churn"
makes calls without end, one a line with what became of it, until its standard input ends.
"""
import itertools
import json
import select
import sys

import netbed
import sip_ua
from netbed import Counted, algctl, check, eventually, finish, must, must_equal, pinholes
from sip_ua import Bed, Call, Established, Media, Phone, sdp

PRIVATE = b"192.168."
SERVER = "203.0.113.2", 5060
# Below those that sockets get who don't name one: markers (Bed) have such ports.
ports = itertools.cycle(range({"show": 10000, "policy": 12000, "observe": 14000, "churn": 16000}[sys.argv[1]], 32768, 2))


def new_bed():
    return Bed({"c1": "192.168.1.11", "c2": "192.168.1.12", "s1": "203.0.113.2", "s2": "203.0.113.3"}, ["s1", "s2"], ["c1", "c2"])


def calls():
    return json.loads(algctl("r", "-j", "call", "show"))["calls"]


def phones(transport):
    return Phone("c1", "192.168.1.11", transport), Phone("s1", "203.0.113.2", transport, forbidden=PRIVATE)


def show():
    bed = new_bed()
    for transport in "udp", "tcp":
        client, server = phones(transport)

        def life():
            """A call from ringing to its end, as algctl shows it."""
            call = Call(client, server, SERVER)
            a, b = Media("c1", "192.168.1.11", next(ports)), Media("s1", "203.0.113.2", next(ports))
            at_a = call.invite(a.port).sdp().media[0]
            one, = calls()
            must_equal((one["state"], one["tenant"], one["protocol"]), ("setup", "default", "sip"), "call that rings")
            must(one["name"] == call.call_id, "name: %r" % one)
            must("alice@192.168.1.11" in one["from"] and "bob@203.0.113.2" in one["to"], "parties: %r" % one)
            at_b = call.answer(b.port, status="183 Session Progress").sdp().media[0]
            must_equal(calls()[0]["state"], "early", "state with early media")
            call.answer(b.port)
            call.ack()
            must_equal(calls()[0]["state"], "established", "state of a call that is answered")
            for _ in range(3):
                bed.open("media", (a.rtp, at_b.rtp, b.rtp), (b.rtp, at_a.rtp, a.rtp))
            bed.open("RTCP", (b.rtcp, at_a.rtcp, a.rtcp))
            one, = calls()
            text = json.dumps(one)
            for what in a.port, b.port, at_a.port, "203.0.113.2", "192.168.1.11", "203.0.113.1":
                must(str(what) in text, "%s is not shown: %s" % (what, text))
            packets = [flow.get("packets") for flow in one["flows"]]
            must(any(n and n >= 3 for n in packets), "packets: %s" % text)
            must({flow["type"] for flow in one["flows"]} >= {"audio", "audio rtcp"}, "types of flows: %s" % text)
            must_equal({one["call"] for one in pinholes()} - {calls()[0]["id"]}, set(), "pinholes that are no call's")
            call.bye()
            must(eventually(lambda: not [c for c in calls() if c["state"] != "closing"]), "calls after BYE: %s" % calls())
            a.close()
            b.close()

        check("a call from ringing to its end, over %s" % transport, life)

        def delete():
            """An operator ends a call."""
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            call.talk()
            one, = [c for c in calls() if c["state"] == "established"]
            algctl("r", "call", "del", "id", str(one["id"]))
            call.mute("media of a call that was deleted")
            must(one["id"] not in [c["id"] for c in calls() if c["state"] != "closing"], "it is still there")
            call.close()

        check("a call is deleted, over %s" % transport, delete)
        client.close()
        server.close()

    def nothing_left():
        must(eventually(lambda: not pinholes() and not calls()), "left: %s %s" % (pinholes(), calls()))

    check("nothing is left of them", nothing_left)


def policy():
    bed = new_bed()
    algctl("r", "service", "add", "sip-other", "protocol", "sip", "udp", "5999")
    for transport in "udp", "tcp":
        client, server = phones(transport)

        def off_and_on(*words):
            """SIP is switched off during a call: what waits is closed, messages pass as they are; on again: the next call works."""
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            bed.open("RTP", (call.a.rtp, call.at_b.rtp, call.b.rtp))
            algctl("r", "policy", "set", "default", "sip", *words)
            must_equal((pinholes(), calls()), ([], []), "pinholes, calls")
            call.mute("media")
            bed.closed("RTCP, which nobody had used", (call.b.rtcp, call.at_a.rtcp, call.a.rtcp),
                       (call.a.rtcp, call.at_b.rtcp, call.b.rtcp))
            server.forbidden = None
            seen = call.call.invite(call.a.port, version=2)
            must_equal(seen.body, sdp("192.168.1.11", [call.a.port], version=2), "description")
            call.call.answer(call.b.port)
            call.call.ack()
            call.call.bye()
            algctl("r", "policy", "set", "default", "sip", "on", "services", "sip-udp,sip-tcp")
            call.close()
            server.forbidden = PRIVATE
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            call.talk()
            call.call.bye()
            call.mute("media after BYE")
            call.close()

        check("SIP off during a call and on again, over %s" % transport, off_and_on, "off")
        check("its service is taken away and given back, over %s" % transport, off_and_on, "services", "sip-other")

        def options():
            """hold=close: the media of a call on hold are closed, resumed at the same ports; with keep they stay open."""
            for hold in "keep", "close":
                algctl("r", "policy", "set", "default", "sip", "option", "hold=" + hold)
                call = Established(bed, client, server, SERVER, next(ports), next(ports))
                call.talk()
                call.call.invite(call.a.port, more=["a=inactive"], version=2)
                call.call.answer(call.b.port, more=["a=inactive"], version=2)
                call.call.ack()
                if hold == "keep":
                    call.talk()
                else:
                    call.mute("media on hold")
                again = call.call.invite(call.a.port, version=3).sdp().media[0]
                call.call.answer(call.b.port, version=3)
                call.call.ack()
                must_equal(again.rtp, call.at_a.rtp, "public endpoint after hold")
                call.talk()
                call.call.bye()
                call.close()
            algctl("r", "policy", "set", "default", "sip", "option", "hold=keep")

        check("hold: keep and close, over %s" % transport, options)

        def moved():
            """A re-INVITE moves the caller's media: the old port is closed, the new one open; so for the callee's."""
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            call.talk()
            old, new = call.a, Media("c1", "192.168.1.11", next(ports))
            at_old = call.at_a
            call.at_a = call.call.invite(new.port, version=2).sdp().media[0]
            call.call.answer(call.b.port, version=2)
            call.call.ack()
            must(call.at_a.rtp != at_old.rtp, "another port inside has the same public endpoint")
            call.a = new
            call.talk()
            bed.closed("media to the port that was left", (call.b.rtp, at_old.rtp, old.rtp))
            newer = Media("s2", "203.0.113.3", next(ports))
            body = sdp("203.0.113.3", [newer.port], version=3)
            call.call.request(call.call.callee, "INVITE", body)
            call.call.answer(call.a.port, side=call.call.caller, version=3)
            call.call.ack(call.call.callee)
            bed.closed("media from the place that was left", (call.b.rtp, call.at_a.rtp, call.a.rtp))
            bed.open("media from another server", (newer.rtp, call.at_a.rtp, call.a.rtp),
                     (call.a.rtp, ("203.0.113.3", newer.port), newer.rtp))
            call.call.bye()
            bed.closed("media after BYE", (newer.rtp, call.at_a.rtp, call.a.rtp))
            for one in call, old, newer:
                one.close()

        check("media move, on both sides, over %s" % transport, moved)

        def everybody():
            """With direct-media=any: all who came through are out after BYE."""
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            others = [Media("s2", "203.0.113.3", next(ports)) for _ in range(4)]
            ways = [(one.rtp, call.at_a.rtp, call.a.rtp) for one in (call.b, *others)]
            bed.open("media from everybody", *ways)
            back = [(call.a.rtp, one.rtp.getsockname(), one.rtp) for one in others]
            bed.open("media back to everybody", *back)
            call.call.bye()
            bed.closed("media after BYE", *ways, *back)
            for one in call, *others:
                one.close()

        def everybody_after(what):
            """With direct-media=any, the pinhole is gone before the call ends: all who came through are out even so."""
            algctl("r", "policy", "set", "default", "sip", "option", "direct-media=any")
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            other = Media("s2", "203.0.113.3", next(ports))
            ways = [(one.rtp, call.at_a.rtp, call.a.rtp) for one in (call.b, other)]
            bed.open("media from everybody", *ways)
            if what == "switched off":
                algctl("r", "policy", "set", "default", "sip", "off")
                try:
                    bed.closed("media with SIP off", *ways)
                finally:
                    algctl("r", "policy", "set", "default", "sip", "on")
            else:
                algctl("r", "pinhole", "del", "tenant", "default")
                for _ in range(10 if "long" in what else 1):	# the call's collector looks once in 8 s
                    bed.open("media of who came before", *ways)
                    netbed.time.sleep("long" in what)
                call.call.bye()
                bed.closed("media after BYE", *ways)
            call.close()
            other.close()

        def peers():
            """direct-media: sdp-peer lets in the address in the answer only, signalling-peer only the server's, any everybody."""
            gateway = Media("s2", "203.0.113.3", next(ports))
            for which, lets_in in (("sdp-peer", (False, True)), ("signalling-peer", (True, False)), ("any", (True, True))):
                algctl("r", "policy", "set", "default", "sip", "option", "direct-media=" + which)
                for who, gets_in in zip(("server", "announced"), lets_in):
                    call = Call(client, server, SERVER)
                    a, b = Media("c1", "192.168.1.11", next(ports)), Media("s1", "203.0.113.2", next(ports))
                    at_a = call.invite(a.port).sdp().media[0]
                    call.response(call.callee, "200 OK", sdp("203.0.113.3", [gateway.port]))
                    call.ack()
                    source, = bed.try_all([((b if who == "server" else gateway).rtp, at_a.rtp, a.rtp)])
                    must_equal(source is not None, gets_in, "direct-media=%s: %s gets in" % (which, who))
                    call.bye()
                    a.close()
                    b.close()
            everybody()
            gateway.close()

        def idle():
            """media-timeout: what nobody uses is closed, and opened again by a re-INVITE."""
            algctl("r", "policy", "set", "default", "sip", "option", "media-timeout=5")
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            must(pinholes(), "no pinholes")
            must(eventually(lambda: not pinholes()), "pinholes after media-timeout: %s" % pinholes())
            call.mute("media after media-timeout")
            call.call.invite(call.a.port, version=2)
            call.call.answer(call.b.port, version=2)
            call.call.ack()
            call.talk()
            call.call.bye()
            call.close()

        if transport == "udp":
            check("media-timeout", idle)
            algctl("r", "policy", "set", "default", "sip", "option", "media-timeout=120")

        def rewrites():
            """rewrite=signalling leaves descriptions alone, rewrite=none everything."""
            server.forbidden = None
            for how in "signalling", "none":
                algctl("r", "policy", "set", "default", "sip", "option", "rewrite=" + how)
                call = Call(client, server, SERVER)
                sent = call.send(call.caller, "INVITE", sdp("192.168.1.11", [next(ports)]))
                seen = call.receive(call.callee, "INVITE")
                must_equal(seen.body, sent.partition(b"\r\n\r\n")[2], "description with rewrite=" + how)
                must_equal("192.168." in seen["contact"], how == "none", "Contact is left alone with rewrite=" + how)
                if how == "none":
                    must_equal(seen.raw, sent, "INVITE with rewrite=none")
                call.response(call.callee, "486 Busy Here")
                call.ack()
            server.forbidden = PRIVATE

        check("rewrite: signalling and none, over %s" % transport, rewrites)
        algctl("r", "policy", "set", "default", "sip", "option", "rewrite=all")
        check("direct-media, over %s" % transport, peers)
        for what in "switched off", "without its pinhole", "without its pinhole for long":
            if transport == "udp" or "long" not in what:
                check("direct-media=any, %s, over %s" % (what, transport), everybody_after, what)
        algctl("r", "policy", "set", "default", "sip", "option", "direct-media=sdp-peer")

        def forks():
            """Two callees answer, from different places: both get in until the call ends."""
            call = Call(client, server, SERVER)
            a = Media("c1", "192.168.1.11", next(ports))
            one, two = Media("s1", "203.0.113.2", next(ports)), Media("s2", "203.0.113.3", next(ports))
            stranger = Media("s2", "203.0.113.3", next(ports))
            at_a = call.invite(a.port).sdp().media[0]
            call.response(call.callee, "183 Session Progress", sdp("203.0.113.2", [one.port]), tag="fork1")
            call.response(call.callee, "183 Session Progress", sdp("203.0.113.3", [two.port]), tag="fork2")
            bed.open("early media of both", (one.rtp, at_a.rtp, a.rtp), (two.rtp, at_a.rtp, a.rtp),
                     (a.rtp, ("203.0.113.2", one.port), one.rtp), (a.rtp, ("203.0.113.3", two.port), two.rtp))
            call.callee.tag = "fork2"
            call.response(call.callee, "200 OK", sdp("203.0.113.3", [two.port]), tag="fork2")
            call.ack()
            bed.open("media of the one that answered", (two.rtp, at_a.rtp, a.rtp), (a.rtp, ("203.0.113.3", two.port), two.rtp))
            call.bye()
            bed.closed("media after BYE", (one.rtp, at_a.rtp, a.rtp), (two.rtp, at_a.rtp, a.rtp))
            for media in a, one, two, stranger:
                media.close()

        check("forked answers, over %s" % transport, forks)

        def same_server():
            """One address, another port: of the branch that answers, and after a re-INVITE. It may speak first, and alone."""
            call = Call(client, server, SERVER)
            a = Media("c1", "192.168.1.11", next(ports))
            early, late, moved = (Media("s1", "203.0.113.2", next(ports)) for _ in range(3))
            at_a = call.invite(a.port).sdp().media[0]
            call.response(call.callee, "183 Session Progress", sdp("203.0.113.2", [early.port]), tag="early")
            bed.open("early media", (early.rtp, at_a.rtp, a.rtp), (early.rtcp, at_a.rtcp, a.rtcp))
            call.callee.tag = "late"
            call.response(call.callee, "200 OK", sdp("203.0.113.2", [late.port]), tag="late")
            call.ack()
            bed.open("media of the answer", (late.rtp, at_a.rtp, a.rtp), (late.rtcp, at_a.rtcp, a.rtcp))
            call.request(call.callee, "INVITE", sdp("203.0.113.2", [moved.port], version=2))
            call.answer(a.port, side=call.caller, version=2)
            call.ack(call.callee)
            bed.open("media that moved", (moved.rtp, at_a.rtp, a.rtp), (moved.rtcp, at_a.rtcp, a.rtcp),
                     (a.rtp, ("203.0.113.2", moved.port), moved.rtp))
            call.bye()
            bed.closed("media after BYE", *[(media.rtp, at_a.rtp, a.rtp) for media in (early, late, moved)])
            for media in a, early, late, moved:
                media.close()

        check("other ports of one server, over %s" % transport, same_server)
        client.close()
        server.close()


def observe():
    bed = new_bed()
    algctl("r", "policy", "set", "default", "sip", "observe")
    count = Counted("r", "sip")
    for transport in "udp", "tcp":
        client, server = phones(transport)
        server.forbidden = None

        def same_bytes():
            call = Call(client, server, SERVER)
            a, b = Media("c1", "192.168.1.11", next(ports)), Media("s1", "203.0.113.2", next(ports))
            sent = call.send(call.caller, "INVITE", sdp("192.168.1.11", [a.port]))
            seen = call.receive(call.callee, "INVITE")
            must_equal(seen.raw, sent, "INVITE")
            call.response(call.callee, "200 OK", sdp("203.0.113.2", [b.port]))
            call.ack()
            must_equal(pinholes(), [], "pinholes")
            bed.closed("media", (b.rtp, ("203.0.113.1", a.port), a.rtp), (a.rtp, ("203.0.113.2", b.port), b.rtp))
            call.bye()
            observed, opened, rewritten, invites = count.grown("observed", "opened", "rewritten", "invite")
            must(observed >= 2 and invites == 1, "counted: observed %d, invite %d" % (observed, invites))
            must_equal((opened, rewritten), (0, 0), "opened, rewritten")
            a.close()
            b.close()

        check("observe, over %s: the same bytes, nothing opened, all counted" % transport, same_bytes)
        client.close()
        server.close()
    algctl("r", "policy", "set", "default", "sip", "on")


def churn():
    """
    Calls one after the other, with and without ALG, each by a connection of its own. No datagram is repeated here, and conntrack of
    Linux 6.1 drops packets that begin a connection while a helper is unregistered: such a call is given up soon.
    """
    sip_ua.PATIENCE = 5
    bed = new_bed()
    servers = [phones(transport)[1] for transport in ("udp", "tcp")]
    for server in itertools.cycle(servers):
        if select.select([sys.stdin], [], [], 0)[0]:
            break
        server.forbidden = None
        try:
            client = Phone("c1", "192.168.1.11", server.transport, next(ports))
            call = Established(bed, client, server, SERVER, next(ports), next(ports))
            if PRIVATE in call.call.callee.request.body:
                what = "passed"
            else:
                got = bed.try_all(call.ways())
                what = "served" if all(got) else "cut"
            call.call.bye()
            call.close()
            client.close()
        except Exception:
            what = "broken: " + " ".join(netbed.where().split())
        netbed.say(what)


globals()[sys.argv[1]]()
finish()
