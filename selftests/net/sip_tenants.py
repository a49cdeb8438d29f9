# SPDX-License-Identifier: GPL-2.0-only
"""
Subscribers who must not notice each other. Called by sip_tenants.sh: "zones": two tenants with the same addresses and ports in
two zones; "blocks": the same behind one public address, told apart by port blocks; "lan": two phones of one network.
"""
import json
import sys

from netbed import OURS, algctl, check, eventually, finish, must, must_equal, new_socket, pinholes, socket
from sip_lan import PRIVATE, lan_bed
from sip_reader import uri, uri_endpoint
from sip_ua import Bed, Call, Established, Media, Phone, packet, sdp


def shown(tenant):
    return json.loads(algctl("r", "-j", "call", "show", "tenant", tenant))["calls"]


def counter(tenant, name):
    for one in json.loads(algctl("r", "-j", "stats", "show", "protocol", "sip"))["stats"]:
        if one["tenant"] == tenant:
            return one["counters"].get(name, 0)
    return 0


def no_media(bed, call, caller_port, callee_port):
    """The descriptions travel as they were written, and nothing is opened."""
    call.caller.phone.forbidden = call.callee.phone.forbidden = None
    seen = call.invite(caller_port)
    must_equal(seen.body, sdp(call.caller.phone.addr, [caller_port]), "description")
    call.answer(callee_port)
    call.ack()
    a, b = (Media(side.phone.ns, side.phone.addr, port) for side, port in ((call.caller, caller_port), (call.callee, callee_port)))
    public = seen.source[0]
    bed.closed("no media", (a.rtp, b.rtp.getsockname(), b.rtp), (b.rtp, (public, caller_port), a.rtp))
    a.close()
    b.close()
    call.callee.phone.forbidden = PRIVATE


class Two:
    """a1 and b1, at the same address and port, each with a server of its own choice."""

    def __init__(self):
        self.bed = Bed({"a1": "192.168.1.11", "b1": "192.168.1.11", "s1": "203.0.113.2", "s2": "203.0.113.3"},
                       ["s1", "s2"], ["a1", "b1"])
        self.a, self.b = Phone("a1", "192.168.1.11"), Phone("b1", "192.168.1.11")
        self.s1, self.s2 = Phone("s1", "203.0.113.2", forbidden=PRIVATE), Phone("s2", "203.0.113.3", forbidden=PRIVATE)
        self.at1, self.at2 = ("203.0.113.2", 5060), ("203.0.113.3", 5060)

    def both(self):
        """The same Call-ID, the same media port, the same server: two calls."""
        one = Established(self.bed, self.a, self.s1, self.at1, 4000, 7000, call_id="same@192.168.1.11")
        two = Established(self.bed, self.b, self.s1, self.at1, 4000, 7002, call_id="same@192.168.1.11")
        must(one.at_a.rtp != two.at_a.rtp, "one public endpoint for two calls")
        one.talk()
        two.talk()
        if OURS:
            must_equal([len(shown(t)) for t in ("blue", "green")], [1, 1], "calls of the two tenants")
        return one, two

    def apart(self, one, two):
        """What one call opened is nothing to the other."""
        stranger = Media("s2", "203.0.113.3", 7000)
        self.bed.closed("pinholes of another tenant's call", (stranger.rtp, two.at_a.rtcp, two.a.rtcp),
                        (stranger.rtp, one.at_a.rtp, one.a.rtp), (stranger.rtp, two.at_a.rtp, two.a.rtp))
        # From inside: the other tenant's way out, to what the other's callee announced.
        thief = Media("b1", "192.168.1.11", 4100)
        self.bed.closed("ways out of another tenant's call", (thief.rtp, one.at_b.rtp, one.b.rtp),
                        (thief.rtcp, one.at_b.rtcp, one.b.rtcp))
        stranger.close()
        thief.close()

    def ends(self, one, two):
        """The end of one call, by its Call-ID, is not the end of the other."""
        one.call.bye()
        one.mute("media after BYE")
        two.talk()
        two.call.bye()
        two.mute("media after BYE")
        one.close()
        two.close()


def zones():
    two = Two()
    pair = []
    check("the same address, port and Call-ID in two zones: two calls", lambda: pair.extend(two.both()))
    if pair:
        check("... one's pinholes are not the other's", two.apart, *pair)
        check("... one's BYE does not end the other", two.ends, *pair)
    if OURS:
        algctl("r", "policy", "set", "quiet", "sip", "off")
        check("a tenant with SIP off", no_media, two.bed, Call(two.b, two.s1, two.at1), 4200, 7200)
        check("... does not stop the other", lambda: talk_once(two, two.a, 4202, 7202))
        algctl("r", "policy", "set", "quiet", "sip", "on", "option", "max-calls=1")
        check("max-calls: the second call passes without ALG", quota, two)
        algctl("r", "policy", "set", "quiet", "sip", "on", "option", "max-calls=100")


def talk_once(two, phone, port, callee_port):
    call = Established(two.bed, phone, two.s1, two.at1, port, callee_port)
    call.talk()
    call.call.bye()
    call.close()


def quota(two):
    before = counter("green", "quota-calls")
    first = Established(two.bed, two.b, two.s1, two.at1, 4300, 7300)
    second = Call(two.b, two.s1, two.at1)
    no_media(two.bed, second, 4302, 7302)
    must(counter("green", "quota-calls") > before, "it is not counted")
    first.talk()
    talk_once(two, two.a, 4304, 7304)
    second.callee.phone.forbidden = None
    second.bye()
    first.call.bye()
    first.close()
    two.s1.forbidden = PRIVATE
    talk_once(two, two.b, 4306, 7306)


def register(two, cseq, expires):
    """b1 at s1. Where it is reached, as s1 was told."""
    lines = ["REGISTER sip:203.0.113.2 SIP/2.0", "Via: SIP/2.0/UDP 192.168.1.11:5060;branch=z9hG4bKsame%d" % cseq,
             "Max-Forwards: 70", "From: <sip:b@203.0.113.2>;tag=same", "To: <sip:b@203.0.113.2>",
             "Call-ID: register@192.168.1.11", "CSeq: %d REGISTER" % cseq, "Contact: <sip:b@192.168.1.11:5060>",
             "Expires: %d" % expires]
    two.b.send(Call.text(lines, b""), two.at1)
    seen = two.s1.receive("register@192.168.1.11")
    place = uri(seen["contact"])
    answer = ["SIP/2.0 200 OK"] + ["Via: " + v for v in seen.all("via")]
    answer += ["From: " + seen["from"], "To: %s;tag=s" % seen["to"], "Call-ID: " + seen.call_id, "CSeq: " + seen["cseq"]]
    if expires:
        answer.append("Contact: <%s>;expires=%d" % (place, expires))
    two.s1.send(Call.text(answer, b""), seen.source)
    two.b.receive(seen.call_id)
    return place


def blocks():
    """Media ports are in the block of their tenant, RTP even, RTCP next to it; on both sides of a call."""
    two = Two()

    def one(phone, low):
        call = Established(two.bed, phone, two.s1, two.at1, 4000, 7400)
        for port in call.at_a.port, call.at_a.rtcp[1]:
            must(low <= port <= low + 63, "port %d is not in the block from %d on" % (port, low))
        must(call.at_a.port % 2 == 0 and call.at_a.rtcp[1] == call.at_a.port + 1,
             "RTP %s, RTCP %s" % (call.at_a.rtp, call.at_a.rtcp))
        call.talk()
        call.call.bye()
        call.close()

    check("port block of zone 1", one, two.a, 10000)
    check("port block of zone 2", one, two.b, 20000)

    def one_connection():
        """
        Call after call over TCP makes the stream shorter, while a description's last edit makes it longer: conntrack must not take
        acknowledgements of the end of a message for some of what was never sent.
        """
        phones = Phone("a1", "192.168.1.11", "tcp"), Phone("s1", "203.0.113.2", "tcp", forbidden=PRIVATE)
        for _ in range(6):
            call = Established(two.bed, *phones, two.at1, 4000, 7400)
            call.talk()
            call.call.bye()
            call.close()
        for phone in phones:
            phone.close()

    check("call after call over one TCP connection", one_connection)

    def same_address():
        """
        b1 is registered. What the server tells a1 of that place is not its own, though the address there is: it arrives as written,
        and a1's answers name it again.
        """
        place = register(two, 1, 600)
        must(20000 <= uri_endpoint(place)[1] <= 20063, "b1 is registered at %s" % place)
        call = Call(two.a, two.s1, two.at1)
        call.invite(4000)
        call.callee.tag = "relayed"
        call.callee.local = uri_endpoint(place)
        must_equal(call.answer(7400)["contact"], "<sip:bob@%s:%d;transport=udp>" % uri_endpoint(place), "b1's place, told to a1")
        must_equal(call.ack().uri, call.callee.contact, "Request-URI of a1's answer")
        call.bye()
        register(two, 2, 0)

    check("another subscriber's place at one's own address", same_address)

    def full():
        """There is room for 31 pairs beside the signalling port; what does not fit passes without media, and all comes back."""
        calls, opened = [], set()
        for n in range(40):
            call = Call(two.b, two.s1, two.at1)
            two.s1.forbidden = None
            media = call.invite(4400 + 2 * n).sdp().media[0]
            calls.append(call)
            if media.address != "203.0.113.1":
                break
            must(20000 <= media.port <= 20063, "port %d is not in the block" % media.port)
            must(media.rtp not in opened, "%s is given to two calls" % (media.rtp,))
            opened.add(media.rtp)
        must(25 <= len(opened) <= 32, "%d calls fit into a block of 64" % len(opened))
        must(counter("green", "no-port"), "that no port is left is not counted")
        for call in calls:
            call.response(call.callee, "486 Busy Here")
            call.ack()
        two.s1.forbidden = PRIVATE
        one(two.b, 20000)

    check("a full block", full)


def lan():
    """Two phones use the same media port, and so does the server for both: each hears only its own."""
    bed = lan_bed()
    server = Phone("s1", "203.0.113.2", forbidden=PRIVATE)

    def one_port():
        common = Media("s1", "203.0.113.2", 7000)
        parties = []
        for ns, addr in ("c1", "192.168.1.11"), ("c2", "192.168.1.12"):
            call = Call(Phone(ns, addr), server, ("203.0.113.2", 5060))
            at_client, at_server = call.establish(4000, 7000)
            media = Media(ns, addr, 4000)
            parties.append((call, media, at_client))
            bed.open("media of %s" % ns, (media.rtp, at_server.rtp, common.rtp), (common.rtp, at_client.rtp, media.rtp))
        (call1, media1, at1), (call2, media2, at2) = parties
        must(at1.rtp != at2.rtp, "both have %s" % (at1.rtp,))
        for _ in range(2):
            bed.open("media of both", (common.rtp, at1.rtp, media1.rtp), (common.rtp, at2.rtp, media2.rtp),
                     (common.rtcp, at1.rtcp, media1.rtcp), (common.rtcp, at2.rtcp, media2.rtcp))
        call1.bye()
        bed.open("media of the other after BYE", (common.rtp, at2.rtp, media2.rtp), (media2.rtp, ("203.0.113.2", 7000), common.rtp))
        bed.closed("media after BYE", (common.rtp, at1.rtp, media1.rtp))
        call2.bye()
        for thing in common, media1, media2, call1.caller.phone, call2.caller.phone:
            thing.close()

    check("two phones, one media port of the server", one_port)

    def kept():
        """The public port of a live flow that is no call's: neither hears the other."""
        phones = Phone("c1", "192.168.1.11"), Phone("c2", "192.168.1.12")
        flow, far = new_socket("c2", "", socket.SOCK_DGRAM), new_socket("s1", "", socket.SOCK_DGRAM)
        flow.bind(("192.168.1.12", 4500))
        far.bind(("203.0.113.2", 9099))		# the firewall lets this out
        far.settimeout(5)
        flow.sendto(packet(), ("203.0.113.2", 9099))
        _, taken = far.recvfrom(100)
        must_equal(taken, ("203.0.113.1", 4500), "endpoint of a flow")
        flow.setblocking(False)
        far.setblocking(False)
        call = Established(bed, phones[0], server, ("203.0.113.2", 5060), 4500, 7500)
        call.talk()
        bed.open("the flow", (far, taken, flow), (flow, ("203.0.113.2", 9099), far))
        call.call.bye()
        bed.open("the flow after BYE", (far, taken, flow), (flow, ("203.0.113.2", 9099), far))
        call.close()
        for thing in *phones, flow, far:
            thing.close()

    check("a call and a flow with the same public port", kept)
    server.close()


globals()[sys.argv[1]]()
if OURS:
    check("no pinhole is left", lambda: must(eventually(lambda: not pinholes()), "pinholes: %s" % pinholes()))
finish()
