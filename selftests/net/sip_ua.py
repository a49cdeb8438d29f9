# SPDX-License-Identifier: GPL-2.0-only
"""
User agents that do one step at a time, in any namespace, over UDP or TCP, and sockets for their media. What one side sends is
received and taken apart by the other before the next step: so a test knows what either side wrote and saw, needs no sleep,
and can stop between any two messages.
"""
import itertools
import os
import re
import select
import socket

import netbed
from netbed import PATIENCE, must, must_equal, new_socket
from sip_reader import Message, next_message, uri, uri_endpoint


def hostport(addr, port):
    return ("[%s]:%d" if ":" in addr else "%s:%d") % (addr, port)


def family(addr):
    return "IP6" if ":" in addr else "IP4"


class Phone:
    """A user agent's place. @forbidden: what no message that arrives may have outside Call-ID."""

    def __init__(self, ns, addr, transport="udp", port=5060, forbidden=None):
        self.ns, self.addr, self.port, self.transport = ns, addr, port, transport
        self.forbidden = forbidden
        self.mail = []
        self.streams = {}		# TCP connection -> bytes that came
        self.out = {}			# target -> TCP connection
        self.sock = new_socket(ns, addr, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr, port))
        if transport == "tcp":
            self.sock.listen(16)
        self.sock.setblocking(False)

    def close(self):
        for sock in [self.sock, *self.streams]:
            sock.close()

    def connection(self, target, fresh=False, source=0):
        """TCP: the connection to @target, made if need be."""
        if fresh or target not in self.out:
            sock = new_socket(self.ns, self.addr)
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((self.addr, source))
            sock.connect(target)
            sock.setblocking(False)
            self.out[target], self.streams[sock] = sock, b""
        return self.out[target]

    def forget(self, target):
        """TCP: the connection to @target ends."""
        sock = self.out.pop(target, None)
        if sock:
            self.streams.pop(sock, None)
            sock.close()

    def knock(self, target, settle):
        """Can requests be sent there? TCP: is a new connection let in?"""
        if self.transport == "udp":
            return True
        self.forget(target)
        sock = new_socket(self.ns, self.addr)
        sock.setblocking(False)
        sock.bind((self.addr, 0))
        sock.connect_ex(target)
        settle()
        if not select.select([], [sock], [], 0)[1] or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            sock.close()
            return False
        self.out[target], self.streams[sock] = sock, b""
        return True

    def send(self, data, to, over=None):
        """@over: UDP or TCP socket, None: the one that leads there."""
        if self.transport == "udp":
            (over or self.sock).sendto(data, to)
            return
        over = over or self.connection(to)
        over.setblocking(True)
        over.sendall(data)
        over.setblocking(False)

    def collect(self, timeout):
        """Puts what comes within @timeout into the mail. False: nothing came."""
        ready, _, _ = select.select([self.sock, *self.streams], [], [], timeout)
        for sock in ready:
            if sock is self.sock and self.transport == "tcp":
                new, _ = sock.accept()
                new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                new.setblocking(False)
                self.streams[new] = b""
            elif self.transport == "udp":
                data, source = sock.recvfrom(65536)
                if data.strip(b"\r\n\0"):
                    self.deliver(Message(data), sock, source[:2])
            else:
                self.read(sock)
        return bool(ready)

    def read(self, sock):
        try:
            data = sock.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            del self.streams[sock]
            self.out = {k: v for k, v in self.out.items() if v is not sock}
            sock.close()
            return
        peer = sock.getpeername()[:2]
        self.streams[sock] += data
        while True:
            message, self.streams[sock] = next_message(self.streams[sock])
            if message is None:
                return
            self.deliver(message, sock, peer)

    def deliver(self, message, sock, source):
        message.over, message.source = sock, source
        self.mail.append(message)

    def receive(self, call_id, timeout=None, want=lambda message: True):
        """The next message of a call; checked."""
        deadline = netbed.time.monotonic() + (PATIENCE if timeout is None else timeout)
        while True:
            for message in self.mail:
                if message.call_id == call_id and want(message):
                    self.mail.remove(message)
                    return self.checked(message)
            left = deadline - netbed.time.monotonic()
            if not self.collect(max(left, 0)) and left <= 0:
                raise TimeoutError("%s hears nothing of %s%s" % (
                    self.ns, call_id, "; but " + self.mail[-1].start if self.mail else ""))

    def checked(self, message):
        message.verify()
        if self.forbidden:
            bare = re.sub(rb"(?im)^(call-id|i)[ \t]*:.*$", b"", message.raw)
            must(self.forbidden not in bare, "%r arrives in\n%s" % (self.forbidden, message.raw.decode("latin-1")))
        return message

    def drain(self):
        while self.collect(0):
            pass
        mail, self.mail = self.mail, []
        return mail


# ---- media ----

payloads = itertools.count(1)


class Media:
    """RTP and RTCP sockets of a party."""

    def __init__(self, ns, addr, port):
        self.ns, self.addr, self.port = ns, addr, port
        self.socks = []
        for n in port, port + 1:
            sock = new_socket(ns, addr, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((addr, n))
            sock.setblocking(False)
            self.socks.append(sock)

    @property
    def rtp(self):
        return self.socks[0]

    @property
    def rtcp(self):
        return self.socks[1]

    def close(self):
        for sock in self.socks:
            sock.close()


def packet():
    return b"\x80\x08" + b"%010d" % next(payloads)


def came(sock):
    """{payload: source} of what has arrived"""
    found = {}
    while True:
        try:
            data, source = sock.recvfrom(2048)
        except BlockingIOError:
            return found
        except ConnectionError:
            continue
        found[data] = source[:2]


def push(sock, data, to):
    """Sends; False: this end has no way there."""
    for _ in range(3):
        try:
            sock.sendto(data, to)
            return True
        except ConnectionError:		# the answer to an earlier one
            continue
        except OSError:
            return False
    return False


class Bed(netbed.Markers):
    def try_all(self, ways):
        """@ways: (socket, target, socket where it should arrive). Sources that were seen, None for what did not arrive."""
        sent = []
        for src, to, dst in ways:
            came(dst)
        for src, to, dst in ways:
            data = packet()
            sent.append((dst, data if push(src, data, to) else None))
        self.settle()
        got = {}
        for dst, _ in sent:
            got.setdefault(dst, {}).update(came(dst))
        return [got[dst].get(data) for dst, data in sent]

    def open(self, what, *ways):
        """All arrive; the sources that were seen."""
        sources = self.try_all(ways)
        for way, source in zip(ways, sources):
            must(source, "%s: nothing arrives from %s at %s" % (what, way[0].getsockname()[:2], way[1]))
        return sources

    def closed(self, what, *ways):
        for way, source in zip(ways, self.try_all(ways)):
            must(source is None, "%s: %s gets through to %s by way of %s" % (
                what, way[0].getsockname()[:2], way[2].getsockname()[:2], way[1]))


# ---- calls ----

def sdp(addr, ports, more=(), version=1, session=(), who="-"):
    """@ports: of audio, video...; @more: lines for each"""
    lines = ["v=0", "o=%s 1 %d IN %s %s" % (who, version, family(addr), addr), "s=-", "c=IN %s %s" % (family(addr), addr),
             "t=0 0", *session]
    for kind, port in zip(("audio", "video", "application"), ports):
        lines += ["m=%s %d RTP/AVP 8" % (kind, port), *more]
    return ("\r\n".join(lines) + "\r\n").encode()


class Side:
    """A party of a call. @contact: where it said to be reached, as the other side saw it."""

    def __init__(self, phone, name):
        self.phone, self.name = phone, name
        self.tag = self.contact = self.request = self.seen = None
        self.cseq = 0
        self.local = phone.addr, phone.port


class Call:
    """@to: where the caller sends its requests; @name: whom it asks for"""

    numbers = itertools.count(1)

    def __init__(self, caller, callee, to, call_id=None, name="bob", who="alice"):
        self.caller, self.callee, self.to = Side(caller, who), Side(callee, name), to
        self.call_id = call_id or "call%d-%d@%s" % (next(self.numbers), os.getpid(), caller.addr)
        self.caller.tag = "a%d" % next(self.numbers)
        self.branches = itertools.count(1)
        self.caller.contact = None

    def other(self, side):
        return self.callee if side is self.caller else self.caller

    def head(self, side, method, cseq, branch=None, uri=None):
        other = self.other(side)
        host = hostport(*side.local)
        uri = uri or (other.contact if other.contact else "sip:%s@%s" % (other.name, hostport(*self.to)))
        me = "<sip:%s@%s>" % (side.name, host) + (";tag=%s" % side.tag if side.tag else "")
        you = "<sip:%s@%s>" % (other.name, hostport(*self.to) if side is self.caller else hostport(*self.seen_caller))
        you += ";tag=%s" % other.tag if other.tag else ""
        return ["%s %s SIP/2.0" % (method, uri),
                "Via: SIP/2.0/%s %s;branch=%s" % (side.phone.transport.upper(), host, branch or self.branch()),
                "Max-Forwards: 70", "From: " + me, "To: " + you, "Call-ID: " + self.call_id, "CSeq: %d %s" % (cseq, method),
                "Contact: <sip:%s@%s;transport=%s>" % (side.name, host, side.phone.transport)]

    def branch(self):
        return "z9hG4bK%s%d" % (self.call_id.split("@")[0], next(self.branches))

    @property
    def seen_caller(self):
        return uri_endpoint(self.callee.seen["from"]) if self.callee.seen else self.to

    @staticmethod
    def text(lines, body):
        lines = list(lines)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append("Content-Length: %d" % len(body))
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def send(self, side, method, body=b"", more=(), cseq=None, branch=None, uri=None):
        """A request goes out; nobody has received it yet."""
        if cseq is None:
            side.cseq += 1
            cseq = side.cseq
        lines = self.head(side, method, cseq, branch, uri) + list(more)
        data = self.text(lines, body)
        if method == "INVITE":
            self.invite_branch = re.search(rb"branch=([^\r;]+)", data).group(1).decode()
        if side is self.caller:
            side.phone.send(data, self.to)
        else:
            to = uri_endpoint(self.caller.contact)
            side.phone.send(data, (to[0], to[1] or 5060), None if side.phone.transport == "udp" else side.request.over)
        return data

    def receive(self, side, method=None):
        """What @side receives, a request or a response."""
        message = side.phone.receive(self.call_id)
        if method:
            must_equal(message.method, method, "method")
        if message.status is None:
            if message.method not in ("ACK", "CANCEL"):
                side.request = message
            side.seen = side.seen or message
        if message.get("contact") and message.get("contact") != "*":
            self.other(side).contact = uri(message["contact"])
        if message.status and message.tag:
            self.other(side).tag = message.tag
        return message

    def request(self, side, method, body=b"", **named):
        self.send(side, method, body, **named)
        return self.receive(self.other(side), method)

    def response(self, side, status, body=b"", tag=None, request=None, more=()):
        """@side answers the last request that it received."""
        request = request or side.request
        if side is self.callee and not side.tag:
            side.tag = tag or "b%d" % next(self.numbers)
        to = request["to"]
        if "tag=" not in to:
            to += ";tag=" + (tag or side.tag)
        lines = ["SIP/2.0 " + status] + ["Via: " + v for v in request.all("via")]
        lines += ["Record-Route: " + v for v in request.all("record-route")]
        lines += ["From: " + request["from"], "To: " + to, "Call-ID: " + request.call_id, "CSeq: " + request["cseq"]]
        if status[0] != "4" and request.method != "CANCEL":
            lines.append("Contact: <sip:%s@%s;transport=%s>" % (side.name, hostport(*side.local), side.phone.transport))
        side.phone.send(self.text(lines + list(more), body), request.source, request.over)
        return self.receive(self.other(side), request.method)

    # The usual steps. Descriptions as the other side saw them are returned.

    def invite(self, *ports, side=None, **named):
        side = side or self.caller
        return self.request(side, "INVITE", sdp(side.phone.addr, ports, **named))

    def answer(self, *ports, side=None, status="200 OK", tag=None, **named):
        side = side or self.callee
        return self.response(side, status, sdp(side.phone.addr, ports, **named), tag)

    def ack(self, side=None):
        side = side or self.caller
        return self.request(side, "ACK", cseq=side.cseq)

    def bye(self, side=None):
        side = side or self.caller
        self.request(side, "BYE")
        return self.response(self.other(side), "200 OK")

    def establish(self, port, callee_port, **named):
        """Returns the descriptions' first media: of the caller as the callee saw it, and the other way."""
        offer = self.invite(port, **named).sdp().media[0]
        answer = self.answer(callee_port).sdp().media[0]
        self.ack()
        return offer, answer


class Established:
    """A call with media sockets on both sides; the endpoints that each side was told."""

    def __init__(self, bed, caller, callee, to, port, callee_port, **named):
        self.bed = bed
        self.call = Call(caller, callee, to, **named)
        self.a = Media(caller.ns, caller.addr, port)
        self.b = Media(callee.ns, callee.addr, callee_port)
        self.at_a, self.at_b = self.call.establish(port, callee_port)	# where a, b are reached

    def ways(self):
        return ((self.a.rtp, self.at_b.rtp, self.b.rtp), (self.a.rtcp, self.at_b.rtcp, self.b.rtcp),
                (self.b.rtp, self.at_a.rtp, self.a.rtp), (self.b.rtcp, self.at_a.rtcp, self.a.rtcp))

    def talk(self):
        """RTP and RTCP arrive both ways, and from where they were announced."""
        sources = self.bed.open("media", *self.ways())
        must_equal(sources, [self.at_a.rtp, self.at_a.rtcp, self.at_b.rtp, self.at_b.rtcp], "sources of media")

    def mute(self, what="media"):
        self.bed.closed(what, *self.ways())

    def close(self):
        self.a.close()
        self.b.close()
