# SPDX-License-Identifier: GPL-2.0-only
"""
Registrations from behind NAT and an IPv6 firewall: who can call a registered phone, and for how long. Called by
sip_registration.sh, with "fails" when there is no ALG.
"""
import itertools
import json
import sys

from netbed import OURS, Counted, algctl, check, eventually, finish, forget, must, must_equal, run
from sip_lan import lan_bed
from sip_reader import uri_endpoint
from sip_ua import Call, Established, Phone, hostport

works = sys.argv[1] == "works"
bed = lan_bed()
ports = iter(range(30000, 40000, 2))
numbers = itertools.count(1)


class Registrar:
    """@calling: where its calls come from, another port; @stranger: a phone of somebody else."""

    def __init__(self, addr, third, transport):
        self.phone = Phone("s1", addr, transport, 5060, b"192.168.")
        self.calling = Phone("s1", addr, transport, 5070, b"192.168.")
        self.stranger = Phone("s2", third, transport, 5060)

    def close(self):
        for phone in self.phone, self.calling, self.stranger:
            phone.close()


class Line:
    """An address of record at a phone."""

    def __init__(self, phone, registrar, name):
        self.phone, self.registrar, self.name = phone, registrar, name
        self.to = registrar.phone.addr, registrar.phone.port
        self.call_id = "reg%d@%s" % (next(numbers), phone.addr)
        self.cseq = 0
        self.public = None

    def ask(self, expires=600, contact=None, param=False):
        """REGISTER as the registrar receives it."""
        self.cseq += 1
        aor = "<sip:%s@%s>" % (self.name, hostport(*self.to))
        own = hostport(self.phone.addr, self.phone.port)
        contact = contact or "<sip:%s@%s;transport=%s>" % (self.name, own, self.phone.transport)
        lines = ["REGISTER sip:%s SIP/2.0" % hostport(*self.to),
                 "Via: SIP/2.0/%s %s;branch=z9hG4bKreg%d" % (
                     self.phone.transport.upper(), own, next(numbers)),
                 "Max-Forwards: 70", "From: %s;tag=%s1" % (aor, self.name), "To: " + aor, "Call-ID: " + self.call_id,
                 "CSeq: %d REGISTER" % self.cseq, "Contact: " + contact + (";expires=%d" % expires if param else "")]
        if not param:
            lines.append("Expires: %d" % expires)
        self.phone.send(Call.text(lines, b""), self.to)
        self.seen = self.registrar.phone.receive(self.call_id)
        return self.seen

    def answer(self, status="200 OK", expires=None, header=None, old=None):
        """What the phone is answered. @expires: Contact's parameter, @header: Expires, @old: what an older URI has left"""
        seen = self.seen
        lines = ["SIP/2.0 " + status] + ["Via: " + v for v in seen.all("via")]
        lines += ["From: " + seen["from"], "To: %s;tag=r%d" % (seen["to"], next(numbers)), "Call-ID: " + seen.call_id,
                  "CSeq: " + seen["cseq"]]
        if status.startswith("2") and seen["contact"] != "*":
            contact = seen["contact"].split(",")[0].split(";expires")[0]
            if old is not None:
                lines.append("Contact: %s;expires=%d" % (contact.replace(">", ";line=old>"), old))
            lines.append("Contact: " + contact + (";expires=%d" % expires if expires is not None else ""))
            self.public = uri_endpoint(contact)
        if header is not None:
            lines.append("Expires: %d" % header)
        self.registrar.phone.send(Call.text(lines, b""), seen.source, seen.over)
        return self.phone.receive(self.call_id)

    def register(self, expires=600, **named):
        self.ask(expires, **named)
        answer = self.answer(expires=expires)
        if self.seen["contact"] != "*":
            must_equal(uri_endpoint(answer["contact"]), (self.phone.addr, self.phone.port), "Contact that the phone gets back")
        return answer

    def gets_in(self, phone):
        """Does an OPTIONS to where the registrar was told to send requests arrive?"""
        if not phone.knock(self.public, bed.settle):
            return False
        call = Call(phone, self.phone, self.public, name=self.name, who="carol")
        call.send(call.caller, "OPTIONS")
        bed.settle()
        try:
            seen = call.callee.phone.receive(call.call_id, 0 if phone.transport == "udp" else None)
        except TimeoutError:
            return False
        must_equal(uri_endpoint(seen.uri), (self.phone.addr, self.phone.port), "Request-URI")
        call.callee.request = seen
        call.response(call.callee, "200 OK", request=seen)
        return True


def shown():
    return json.loads(algctl("r", "-j", "registration", "show"))["registrations"]


def listed(line):
    return [one for one in shown() if one["aor"].startswith("sip:%s@" % line.name)]


def reachable(line, registrar):
    """The registrar calls, media pass; nobody else gets in."""
    line.register()
    call = Established(bed, registrar.calling, line.phone, line.public, next(ports), next(ports), name=line.name)
    call.talk()
    must(not line.gets_in(registrar.stranger), "a stranger gets in")
    call.call.bye(call.call.callee)
    call.close()


def challenge(line, registrar):
    """An answer that is no success opens nothing."""
    line.ask()
    public = uri_endpoint(line.seen["contact"])
    line.answer("401 Unauthorized")
    line.public = public
    must(not line.gets_in(registrar.calling), "the registrar gets in before it has agreed")
    line.register()
    must(line.gets_in(registrar.calling), "the registrar does not get in")


def show(line):
    one, = listed(line)
    must_equal(one["tenant"], "default", "tenant")
    must(one["timeout"] in range(500, 601), "timeout: %r" % one)
    text = json.dumps(one)
    for part in line.phone.addr, line.public[0], str(line.public[1]), line.registrar.phone.addr, line.phone.transport:
        must(part in text, "%s is not shown: %s" % (part, text))


def refresh(line, registrar):
    public = line.public
    line.register()
    must_equal(line.public, public, "public endpoint after a refresh")
    must_equal(len(listed(line)), 1, "registrations after a refresh")
    must(line.gets_in(registrar.calling), "the registrar does not get in")


def expires(line, registrar, how):
    """The response says how long: in Contact, else in Expires, else what was asked for."""
    if how == "Contact":
        line.ask(600)
        line.answer(expires=6, header=600)
    elif how == "Expires":
        line.ask(600)
        line.answer(header=6)
    else:
        line.ask(6, param=how == "request's parameter")
        line.answer()
    must(listed(line), "not registered")
    must(eventually(lambda: not listed(line)), "it does not expire: %s" % listed(line))
    must(not line.gets_in(registrar.calling), "the registrar still gets in")


def begun_anew(line, registrar):
    """A phone with a new URI at its old endpoint: the old one is listed with it, and then removed as the new one is refreshed."""
    own = "<sip:%s@%s;transport=%s;line=%%s>" % (line.name, hostport(line.phone.addr, line.phone.port), line.phone.transport)
    line.ask(600, contact=own % "new")
    line.answer(expires=600, old=20)
    one, = listed(line)
    must(one["timeout"] > 500, "timeout: %r" % one)
    line.ask(600, contact="%s, %s;expires=0" % (own % "new", own % "old"))
    line.answer(expires=600)
    must_equal([one["timeout"] > 500 for one in listed(line)], [True], "registrations")
    must(line.gets_in(registrar.calling), "the registrar does not get in")


def ends(line, registrar, how):
    line.register()
    must(line.gets_in(registrar.calling), "the registrar does not get in")
    if how == "*":
        line.ask(0, contact="*")
        line.answer()
    else:
        line.ask(0, param=True)
        line.answer(expires=0)
    must_equal(listed(line), [], "registrations")
    must(not line.gets_in(registrar.calling), "the registrar still gets in")


def several(phone, registrar):
    """Two at one contact, a third at another port, all by one connection: each ends on its own."""
    lines = [Line(phone, registrar, name) for name in ("dora", "emil")]
    other = Phone(phone.ns, phone.addr, phone.transport, 5090)
    for line in lines:
        line.register()
    far = Line(phone, registrar, "frida")
    far.ask(contact="<sip:frida@%s;transport=%s>" % (hostport(phone.addr, 5090), phone.transport))
    far.answer(expires=600)
    must(far.public != lines[0].public, "another port of the phone has the same public endpoint")
    must_equal(len(shown()), 3, "registrations")
    far.phone = other
    for line in [*lines, far]:
        must(line.gets_in(registrar.calling), "%s can't be reached" % line.name)
    far.phone = phone
    lines[0].ask(0, param=True)
    lines[0].answer(expires=0)
    must_equal(len(shown()), 2, "registrations")
    must(lines[1].gets_in(registrar.calling), "the other one at the same contact can't be reached any more")
    lines[1].ask(0, param=True)
    lines[1].answer(expires=0)
    must(not lines[1].gets_in(registrar.calling), "the last one at a contact is gone, and it is reached")
    far.phone = other
    must(far.gets_in(registrar.calling), "that at the other port can't be reached any more")
    far.phone = phone
    far.ask(0, contact="*")
    far.answer()
    must_equal(shown(), [], "registrations")
    other.close()


def kept(line):
    """The connection lives as long as the registration."""
    line.register(1200)
    text = run("r", "conntrack", "-L", "-p", "udp", "--dport", "5060", "--dst", line.to[0])
    timeouts = [int(one.split()[2]) for one in text.splitlines() if "src=%s " % line.phone.addr in one]
    must(timeouts and max(timeouts) > 900, "timeouts of the connection: %s" % timeouts)


def renumbered(line, registrar):
    """
    The box loses a phone's connection, another phone's gets the public port: both are registered, and with the next
    refresh of each both are where their packets come from.
    """
    line.register()
    must(line.gets_in(registrar.calling), "the registrar does not get in")
    for flow in ("--orig-src", line.phone.addr, "--orig-port-src", "5060"), ("--orig-port-src", "5070"):
        forget("r", "-p", "udp", *flow)
    other = Phone("c2", "192.168.1.12")
    second = Line(other, registrar, "ida")
    second.register()
    must_equal(second.public, line.public, "public endpoint of the second phone")
    for one in line, second:
        one.register()
        must_equal(one.public, one.seen.source, "Contact and where the request comes from")
        shown_one, = listed(one)
        must(str(one.public[1]) in json.dumps(shown_one["public"]), "%s is shown as %s" % (one.public, shown_one))
        must(one.gets_in(registrar.calling), "the registrar does not get in to %s" % one.name)
    for one in line, second:
        one.ask(0, param=True)
        one.answer(expires=0)
    must_equal(shown(), [], "registrations")
    other.close()


def anybody(line, registrar):
    algctl("r", "policy", "set", "default", "sip", "option", "direct-signalling=on")
    line.register()
    must(line.gets_in(registrar.stranger), "with direct-signalling a stranger does not get in")
    must(line.gets_in(registrar.calling), "the registrar does not get in")
    algctl("r", "policy", "set", "default", "sip", "option", "direct-signalling=off")
    line.register()
    must(not line.gets_in(registrar.stranger), "without direct-signalling a stranger gets in")


def unserved(line, registrar):
    """The policy no longer has the service that the phone's connection stands on: nobody sees any more when it ends."""
    line.register()
    algctl("r", "policy", "set", "default", "sip", "services", "sip-other")
    must_equal(listed(line), [], "registrations")
    algctl("r", "policy", "set", "default", "sip", "services", "sip-udp,sip-tcp")
    line.register()
    must(line.gets_in(registrar.calling), "the registrar does not get in")


def quota(phone, registrar):
    """max-registrations: one more is not served, and counted."""
    algctl("r", "policy", "set", "default", "sip", "option", "max-registrations=1")
    count = Counted("r", "sip")
    one, two = Line(phone, registrar, "gerd"), Line(phone, registrar, "hans")
    one.register()
    forbidden, registrar.phone.forbidden = registrar.phone.forbidden, None
    two.ask()
    two.answer(expires=600)
    registrar.phone.forbidden = forbidden
    must_equal(len(shown()), 1, "registrations")
    must(count.grown("quota-registrations") > 0, "it is not counted")
    algctl("r", "policy", "set", "default", "sip", "option", "max-registrations=100")
    two.register()
    must_equal(len(shown()), 2, "registrations")
    for line in one, two:
        line.ask(0, param=True)
        line.answer(expires=0)
    must_equal(shown(), [], "registrations")


def dialogs(phone, registrar):
    """Dialogs outside calls, at another endpoint than the messages come from: no more than 16 for each registration allowed."""
    algctl("r", "policy", "set", "default", "sip", "option", "max-registrations=1")
    own, to = hostport(phone.addr, phone.port), hostport(registrar.phone.addr, registrar.phone.port)

    def send(method, call_id):
        lines = ["%s sip:inge@%s SIP/2.0" % (method, to),
                 "Via: SIP/2.0/%s %s;branch=z9hG4bKsub%d" % (phone.transport.upper(), own, next(numbers)), "Max-Forwards: 70",
                 "From: <sip:jan@%s>;tag=s" % to, "To: <sip:inge@%s>" % to, "Call-ID: " + call_id, "CSeq: 1 " + method]
        if method != "BYE":
            lines.append("Contact: <sip:jan@%s;transport=%s>" % (hostport(phone.addr, 5091), phone.transport))
        phone.send(Call.text(lines, b""), (registrar.phone.addr, registrar.phone.port))
        registrar.phone.receive(call_id)

    for refused in 4, 0:
        count = Counted("r", "sip")
        ids = ["sub%d@%s" % (next(numbers), phone.addr) for _ in range(16 + refused)]
        for one in ids:
            send("SUBSCRIBE", one)
        must_equal(count.grown("quota-registrations"), refused, "refused of %d" % len(ids))
        for one in ids:
            send("BYE", one)
    algctl("r", "policy", "set", "default", "sip", "option", "max-registrations=100")


def one_kind(title, addr, registrar_addr, third, transport):
    phone, registrar = Phone("c1", addr, transport), Registrar(registrar_addr, third, transport)
    title += " over " + transport
    line = Line(phone, registrar, "anna")
    if not works:
        registrar.phone.forbidden = registrar.calling.forbidden = None
        line.ask()
        seen = line.seen.source if transport == "udp" else (line.seen.source[0], 5060)
        line.answer(expires=600)
        line.public = seen
        check("%s, no ALG: the registrar does not get in" % title, lambda: must(not line.gets_in(registrar.calling), "it gets in"))
        phone.close()
        registrar.close()
        return
    check("%s: challenged, then registered" % title, challenge, line, registrar)
    check("%s: the registrar calls from another port; nobody else does" % title, reachable, line, registrar)
    if OURS:
        check("%s: shown" % title, show, line)
        check("%s: refreshed" % title, refresh, line, registrar)
        if transport == "udp":
            check("%s: the connection is kept" % title, kept, line)
        if title == "NAT over udp":
            check("%s: connections get each other's ports" % title, renumbered, line, registrar)
        check("%s: direct-signalling" % title, anybody, line, registrar)
        check("%s: its service is taken away and given back" % title, unserved, line, registrar)
        check("%s: begun anew" % title, begun_anew, line, registrar)
        check("%s: ended by expires=0" % title, ends, line, registrar, "0")
        check("%s: ended by *" % title, ends, line, registrar, "*")
        for how in ("Contact", "Expires", "request", "request's parameter") if title == "NAT over udp" else ("Contact",):
            check("%s: expires (%s)" % (title, how), expires, line, registrar, how)
        check("%s: several" % title, several, phone, registrar)
        check("%s: max-registrations" % title, quota, phone, registrar)
        check("%s: many dialogs" % title, dialogs, phone, registrar)
    phone.close()
    registrar.close()


if works and OURS:
    algctl("r", "service", "add", "sip-other", "protocol", "sip", "udp", "5999")
for transport in "udp", "tcp":
    one_kind("NAT", "192.168.1.11", "203.0.113.2", "203.0.113.3", transport)
    one_kind("IPv6", "2001:db8:1::11", "2001:db8:2::2", "2001:db8:2::3", transport)
finish()
