# SPDX-License-Identifier: GPL-2.0-only
"""
Subscribers of two tenants with the same addresses, and what they do: calls, registrations, FTP sessions, TFTP transfers, both ends
of each in one thread. Used by alg_stress.py.

    a 192.168.1.11 to .13 -- lanA (zone 1) --+
                                             [r] wan0 203.0.113.1 -- s 203.0.113.2, all of 198.18.0.0/15
    b 192.168.1.11 to .13 -- lanB (zone 2) --+

A subscriber has 32 public ports. Everything that is sent names who may get it, as <@namespace address:port>, or <@- why> for
nobody, or <@!a address:port why> for others of that subscriber; SIP messages do so by their Call-ID. Whoever looks at the wires
(Watch) needs to know no more.
"""
import itertools
import mmap
import os
import random
import re
import socket
import struct
import threading
import time

import netbed
import sip_ua
from netbed import must, new_socket
from sip_reader import uri_endpoint
from sip_ua import Call, Media, Phone, hostport

PUBLIC, SHARED = "203.0.113.1", "203.0.113.2"
SUBSCRIBERS = 3		# of a tenant
BLOCK = 64
FIRST_PORT = {"a": 10000, "b": 20000}
ADDRESSES = ["192.168.1.%d" % (11 + n) for n in range(SUBSCRIBERS)]
SOON = 4 if netbed.SLOW else 0.7	# seconds for what the operator may have cut

sip_ua.PATIENCE = SOON
NAMES = {}		# of the namespaces, by letter
PAYLOAD = re.compile(rb"<@(!?)([abs-]) ([\d.:*]*) ?([\w ,]*)>")
CALL_ID = re.compile(rb"(?im)^Call-ID: ?([ab])_([\d.]+)_([\d.]+)_\d+@")
numbers = itertools.count(1)


def tag(ns, addr, port="*"):
    return b"<@%s %s:%s>" % (ns.encode(), addr.encode(), str(port).encode())


def nobody(why):
    return b"<@-  %s>" % why.encode()


class State:
    """
    What is known in this moment. @shared with the operator's process: numbers that grow when he begins something and when he is
    done, and when modules go away and are back, for with them goes what they knew of calls.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.shared = mmap.mmap(-1, 4096)
        self.wrong = []
        self.done = {}
        self.calls = set()	# that are up, to a server of their own
        self.public = {}	# endpoint that a call was told: the call
        self.end = 0

    @property
    def disturbed(self):
        return self.shared[0]

    @property
    def unloads(self):
        return self.shared[1]

    def step(self, which):
        self.shared[which] = (self.shared[which] + 1) % 256

    def violated(self, what):
        with self.lock:
            self.wrong.append(what)

    def knows(self, one):
        """The box still knows of @one what it was told."""
        return one.unloads == self.unloads and not one.unloads & 1

    def undisturbed(self, one):
        return one.disturbed == self.disturbed and not one.disturbed & 1

    def count(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1


state = State()


class Watch(threading.Thread):
    """All that arrives in a namespace is meant for whom it arrives at."""

    def __init__(self, ns):
        super().__init__(daemon=True)
        self.ns, self.seen, self.stop = ns, 0, False

    def run(self):
        netbed.enter(NAMES[self.ns])
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
        sock.bind(("eth0", 0x0800))
        sock.settimeout(0.2)
        while not self.stop:
            try:
                raw, where = sock.recvfrom(70000)
            except (socket.timeout, OSError):
                continue
            if where[2] == 4 or raw[9] not in (6, 17):	# sent from here; an ICMP error quotes what its receiver sent
                continue
            addr, data = socket.inet_ntoa(raw[16:20]), raw[(raw[0] & 15) * 4:]
            self.look(addr, struct.unpack_from("!H", data, 2)[0], data, raw)

    def look(self, addr, port, data, raw):
        for no, ns, place, why in PAYLOAD.findall(data):
            self.seen += 1
            host, _, number = place.decode().partition(":")
            if ns.decode() != self.ns or host != addr or (number == str(port) if no else number not in ("*", str(port))):
                self.wrong("<@%s>" % b" ".join((no + ns, place, why)).decode(), addr, port, raw)
        for ns, inside, outside in CALL_ID.findall(data):
            self.seen += 1
            if (self.ns, addr) not in ((ns.decode(), inside.decode()), ("s", outside.decode())):
                self.wrong("a message of %s %s with %s" % (ns.decode(), inside.decode(), outside.decode()), addr, port, raw)

    def wrong(self, what, addr, port, raw):
        sport, = struct.unpack_from("!H", raw, (raw[0] & 15) * 4)
        state.violated("%s arrived at %s %s:%d from %s:%d, protocol %d" % (
            what, self.ns, addr, port, socket.inet_ntoa(raw[12:16]), sport, raw[9]))


class Given(Exception):
    """The other end does not hear: the operator has cut something."""


class Server:
    """Where a subscriber goes. @own: nobody else ever goes there, so that whatever comes from there is his."""

    def __init__(self, usual, others):
        self.own = random.random() < 0.7
        self.addr = own_address() if self.own else SHARED
        self.port = usual if self.own else random.choice(others)


FTP_PORTS, SIP_PORTS, TFTP_PORTS = range(2100, 2200), range(5100, 5200), range(6900, 7000)


def own_address():
    n = next(numbers)
    return "198.18.%d.%d" % (n >> 8 & 255, n & 255)


def udp_socket(ns, addr, port=0):
    sock = new_socket(NAMES[ns], addr, socket.SOCK_DGRAM)
    sock.bind((addr, port))
    sock.settimeout(SOON)
    return sock


def tell(sock, data, to):
    try:
        sock.sendto(data, to)
    except OSError:	# closed, or an ICMP error's turn
        pass


def heard(sock, mine):
    """A datagram with @mine; others may be older."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        data, source = sock.recvfrom(3000)
        if mine in data:
            return data, source[:2]
    raise Given("nothing comes")


class Subscriber:
    def __init__(self, ns, number):
        self.ns, self.addr = ns, ADDRESSES[number]
        self.low = FIRST_PORT[ns] + number * BLOCK
        self.left = set()	# media ports of calls that nobody ended

    def __str__(self):
        return "%s %s" % (self.ns, self.addr)

    def port(self):
        """One that others have, too, in their own network, or that is in somebody's block outside; but no endless call's."""
        while True:
            port = random.choice((4000, 10000, 20000)) + 2 * random.randrange(50)
            if port not in self.left:
                return port

    # b's policy lets strangers in: what was for one call may come to another one of the same subscriber that has the public
    # endpoint by now. So it is with servers that others go to.

    def target(self, server, port):
        return port if server.own and self.ns == "a" else "*"

    def of_a_stranger(self):
        return nobody("of a stranger") if self.ns == "a" else tag(self.ns, self.addr)

    def too_late(self, port, why):
        return nobody(why) if self.ns == "a" else b"<@!%s %s:%d %s>" % (self.ns.encode(), self.addr.encode(), port, why.encode())

    @staticmethod
    def polite():
        """Does he end what he began? Always when the operator is done, which is when @state.end is 0."""
        return not state.end or random.random() < 0.8

    def in_block(self, what, addr, port):
        if addr == PUBLIC and not self.low <= port < self.low + BLOCK:
            state.violated("%s of %s is %s:%d, outside %d to %d" % (what, self, addr, port, self.low, self.low + BLOCK - 1))

    # ---- SIP ----

    @staticmethod
    def phone_port():
        """What comes late for somebody's media is not for the telephone that is there now."""
        return random.choice((random.randrange(1500, 1600), random.randrange(10192, 10300), random.randrange(20192, 20300)))

    def phones(self, server, transport):
        outside = Phone(NAMES["s"], server.addr, transport, server.port)
        try:
            return Phone(NAMES[self.ns], self.addr, transport, self.phone_port()), outside
        except OSError:
            outside.close()
            raise

    def call(self):
        server = Server(5060, SIP_PORTS)
        inside, outside = self.phones(server, random.choice(("udp", "udp", "tcp")))
        try:
            for _ in range(random.randrange(1, 3)):
                Talk(self, server, inside, outside).live()
        finally:
            inside.close()
            outside.close()

    def registration(self):
        server = Server(5060, SIP_PORTS)
        inside, outside = self.phones(server, "udp")
        try:
            Registration(self, server, inside, outside).live()
        finally:
            inside.close()
            outside.close()

    # ---- FTP ----

    def ftp(self):
        server = Server(21, FTP_PORTS)
        listener = netbed.listen(NAMES["s"], server.addr, server.port)
        client = control = None
        try:
            client = netbed.connect(NAMES[self.ns], server.addr, server.port, (self.addr, 0), SOON)
            control, _ = netbed.accept(listener, SOON)
            control.settimeout(SOON)
            control.sendall(b"220 ready " + tag(self.ns, self.addr) + b"\r\n")
            line(client)
            for _ in range(random.randrange(1, 5)):
                random.choice((self.active, self.active, self.passive))(server, client, control)
            if self.polite():
                client.sendall(b"QUIT " + tag("s", server.addr) + b"\r\n")
                line(control)
        finally:
            for sock in listener, client, control:
                if sock:
                    sock.close()

    def active(self, server, client, control):
        with netbed.listen(NAMES[self.ns], self.addr, self.port()) as listener:
            port = listener.getsockname()[1]
            client.sendall(b"PORT %s,%d,%d\r\n" % (self.addr.replace(".", ",").encode(), port >> 8, port & 255))
            n = [int(x) for x in line(control).split()[1].split(b",")]
            public = ".".join(map(str, n[:4])), n[4] * 256 + n[5]
            self.in_block("PORT", *public)
            if public[0] != PUBLIC:
                raise Given("without ALG")
            control.sendall(b"200 well\r\n")
            line(client)
            time.sleep(random.random() * 0.1)
            if not self.polite():
                return		# nobody comes
            with netbed.connect(NAMES["s"], *public, source=(server.addr, random.choice((20, 0))), timeout=SOON) as data:
                data.sendall(tag(self.ns, self.addr, self.target(server, port)) + b"x" * 2000)
                there, peer = netbed.accept(listener, SOON)
                with there:
                    must(peer[0] == server.addr, "%s comes as %s" % (server.addr, peer[0]))
                    there.settimeout(SOON)
                    there.recv(100)
                    there.sendall(tag("s", server.addr, data.getsockname()[1]))
                    data.recv(100)
        state.count("FTP, active")

    def passive(self, server, client, control):
        with netbed.listen(NAMES["s"], server.addr) as listener:
            port = listener.getsockname()[1]
            client.sendall(b"PASV\r\n")
            line(control)
            control.sendall(b"227 here (%s,%d,%d)\r\n" % (server.addr.replace(".", ",").encode(), port >> 8, port & 255))
            line(client)
            time.sleep(random.random() * 0.1)
            with netbed.connect(NAMES[self.ns], server.addr, port, (self.addr, 0), SOON) as data:
                data.sendall(tag("s", server.addr, port) + b"x" * 2000)
                there, _ = netbed.accept(listener, SOON)
                with there:
                    there.settimeout(SOON)
                    there.recv(100)
                    there.sendall(tag(self.ns, self.addr, data.getsockname()[1]))
                    data.recv(100)
        state.count("FTP, passive")

    # ---- TFTP ----

    def tftp(self):
        server = Server(69, TFTP_PORTS)
        with udp_socket("s", server.addr, server.port) as asked, udp_socket("s", server.addr) as answers, \
                udp_socket(self.ns, self.addr, self.port()) as client:
            port = client.getsockname()[1]
            name = tag("s", server.addr, server.port)
            client.sendto(b"\0\1" + name + b"\0octet\0", (server.addr, server.port))
            _, public = heard(asked, name)
            self.in_block("TFTP", *public)
            with udp_socket("s", own_address()) as stranger:
                tell(stranger, self.of_a_stranger(), public)
            time.sleep(random.random() * 0.1)
            mine = tag(self.ns, self.addr, self.target(server, port))
            for n in range(1, 4):
                answers.sendto(b"\0\3\0%c" % n + mine, public)
                _, source = heard(client, mine)
                client.sendto(b"\0\4\0%c" % n + tag("s", *answers.getsockname()), source)
                heard(answers, b"<@s")
        state.count("TFTP")

    # ---- all ----

    def live(self):
        deeds = [self.call] * 4 + [self.registration, self.ftp, self.ftp, self.tftp, self.tftp]
        os.nice(10)	# this thread: the operator's commands come first
        while time.monotonic() < state.end:
            attempt(random.choice(deeds))
            time.sleep(random.random() * 0.1)


def attempt(deed):
    """Return: why it did not come to its end, or None. That is nobody's fault where the operator cut it."""
    try:
        deed()
        return None
    except (OSError, Given):
        return netbed.where()
    except Exception as e:
        if "method" not in str(e):
            state.violated(netbed.where())
        return netbed.where()


def line(sock):
    data = b""
    while not data.endswith(b"\n"):
        more = sock.recv(1000)
        if not more:
            raise Given("closed")
        data += more
    return data


def call_id(subscriber, server):
    return "%s_%s_%s_%d@x" % (subscriber.ns, subscriber.addr, server.addr, next(numbers))


class Pair(Media):
    """Sockets for RTP and RTCP that nobody else has."""

    def __init__(self, ns, addr, port):
        self.ns, self.addr, self.port, self.socks = ns, addr, port, []
        try:
            self.socks = [udp_socket(ns, addr, port)]
            self.socks.append(udp_socket(ns, addr, port + 1))
        except OSError:
            self.close()
            raise


class Talk:
    """A call from inside."""

    def __init__(self, subscriber, server, inside, outside):
        self.subscriber, self.server = subscriber, server
        self.inside, self.outside = inside, outside
        self.ready = self.over = False
        self.unloads, self.disturbed = state.unloads, state.disturbed
        self.at_a = self.at_b = self.a = self.b = None

    def live(self, depth=0):
        s = self.subscriber
        self.a = Pair(s.ns, s.addr, s.port())
        self.ports = {self.a.port}
        try:
            self.b = Pair("s", self.server.addr, 30000 + 2 * random.randrange(5000))
            self.talk(depth)
        finally:
            with state.lock:
                state.calls.discard(self)
                if self.at_a and state.public.get(self.at_a.rtp) is self:
                    del state.public[self.at_a.rtp]
            if not self.over:
                s.left.update(self.ports)
            for media in self.a, self.b:
                if media:
                    media.close()

    def talk(self, depth):
        s = self.subscriber
        call = Call(self.inside, self.outside, (self.server.addr, self.server.port), call_id(s, self.server))
        self.at_a = call.invite(self.a.port).sdp().media[0]
        self.told()
        if not s.polite():
            call.response(call.callee, random.choice(("486 Busy Here", "183 Session Progress")))
            if random.random() < 0.5:
                call.ack()
            return
        self.at_b = call.answer(self.b.port).sdp().media[0]
        call.ack()
        if self.at_a.address != PUBLIC:
            raise Given("without ALG")
        self.ready = True
        if self.server.own:
            with state.lock:
                state.calls.add(self)
        for _ in range(random.randrange(1, 6)):
            self.media()
            time.sleep(random.random() * 0.15)
        if random.random() < 0.2:
            self.move(call)
        if random.random() < 0.2 and not depth and state.end:
            Talk(s, self.server, self.inside, self.outside).live(1)
        if not s.polite():
            return		# nobody hangs up
        with state.lock:
            state.calls.discard(self)
            self.ready = False
        call.bye(random.choice((call.caller, call.callee)))
        self.over = True
        if self.server.own and state.knows(self):
            self.nothing("BYE")
        state.count("calls over " + self.inside.transport)

    def move(self, call):
        """Media go to another port, or on hold; the old ones are closed."""
        old = self.a, self.at_a
        hold = random.choice(((), ["a=inactive"]))
        self.a = Pair(self.subscriber.ns, self.subscriber.addr, self.subscriber.port())
        self.ports.add(self.a.port)
        with state.lock:
            state.calls.discard(self)
            self.ready = False
            if state.public.get(self.at_a.rtp) is self:
                del state.public[self.at_a.rtp]
        try:
            self.at_a = call.invite(self.a.port, more=hold, version=2).sdp().media[0]
            self.told()
            self.at_b = call.answer(self.b.port, more=hold, version=2).sdp().media[0]
            call.ack()
            if self.at_a.address != PUBLIC:
                raise Given("without ALG")
            if self.server.own and state.knows(self) and self.at_a.rtp != old[1].rtp:
                tell(self.b.rtp, self.subscriber.too_late(old[0].port, "where media were before"), old[1].rtp)
            self.media()
        finally:
            old[0].close()

    def told(self):
        """The public endpoint is in the block, and no other call's that is up, as long as the operator does nothing."""
        for port in self.at_a.port, self.at_a.rtcp[1]:
            self.subscriber.in_block("media", self.at_a.address, port)
        if self.at_a.address != PUBLIC:
            return
        with state.lock:
            other = state.public.get(self.at_a.rtp)
            if other and other.ready and state.undisturbed(other):
                state.wrong.append("%s:%d is given to %s and %s" % (*self.at_a.rtp, other.subscriber, self.subscriber))
            state.public[self.at_a.rtp] = self

    def media(self):
        """Both ways; a stranger outside, and somebody inside the other tenant's network, as the same address and port."""
        s = self.subscriber
        tell(self.b.rtp, b"\x80\x08" + tag(s.ns, s.addr, s.target(self.server, self.a.port)), self.at_a.rtp)
        tell(self.b.rtcp, b"\x80\xc8" + tag(s.ns, s.addr, s.target(self.server, self.a.port + 1)), self.at_a.rtcp)
        tell(self.a.rtp, b"\x80\x08" + tag("s", self.server.addr, self.b.port), self.at_b.rtp)
        tell(self.a.rtcp, b"\x80\xc8" + tag("s", self.server.addr, self.b.port + 1), self.at_b.rtcp)
        with udp_socket("s", own_address()) as stranger:
            tell(stranger, s.of_a_stranger(), self.at_a.rtp)
        if not self.server.own:
            return
        try:
            with udp_socket("ab"[s.ns == "a"], s.addr, self.a.port) as thief:
                tell(thief, nobody("of the other tenant"), self.at_b.rtp)
        except OSError:
            pass	# it has a call of its own there

    def nothing(self, why):
        """What comes now is too late."""
        for n in 0, 1:
            tell(self.b.socks[n], self.subscriber.too_late(self.a.port + n, "after " + why), (self.at_a.rtp, self.at_a.rtcp)[n])
            tell(self.a.socks[n], nobody("after " + why), (self.at_b.rtp, self.at_b.rtcp)[n])
        state.count("too late after " + why)


class Registration:
    """A subscriber can be called, and is."""

    def __init__(self, subscriber, server, inside, outside):
        self.subscriber, self.server = subscriber, server
        self.inside, self.outside = inside, outside
        self.call_id = call_id(subscriber, server)
        self.unloads = state.unloads
        self.cseq = 0

    def register(self, expires):
        self.cseq += 1
        host = hostport(self.subscriber.addr, self.inside.port)
        lines = ["REGISTER sip:%s SIP/2.0" % self.server.addr, "Via: SIP/2.0/UDP %s;branch=z9hG4bK%d" % (host, next(numbers)),
                 "Max-Forwards: 70", "From: <sip:a@x>;tag=1", "To: <sip:a@x>", "Call-ID: " + self.call_id,
                 "CSeq: %d REGISTER" % self.cseq, "Contact: <sip:a@%s>" % host, "Expires: %d" % expires]
        self.inside.send(Call.text(lines, b""), (self.server.addr, self.server.port))
        seen = self.outside.receive(self.call_id)
        place = uri_endpoint(seen["contact"])
        self.subscriber.in_block("a contact", place[0], place[1] or 5060)
        answer = ["SIP/2.0 200 OK"] + ["Via: " + v for v in seen.all("via")]
        answer += ["From: " + seen["from"], "To: " + seen["to"] + ";tag=2", "Call-ID: " + self.call_id, "CSeq: " + seen["cseq"]]
        if expires:
            answer.append("Contact: <sip:a@%s>;expires=%d" % (hostport(*place), expires))
        self.outside.send(Call.text(answer, b""), seen.source)
        self.inside.receive(self.call_id)
        if place[0] != PUBLIC:
            raise Given("without ALG")
        return place

    def called(self, place):
        """Somebody rings."""
        s = self.subscriber
        call = Call(self.outside, self.inside, place, call_id(s, self.server), name="a", who="s")
        with udp_socket(s.ns, s.addr) as a, udp_socket("s", self.server.addr) as b:
            at_b = call.invite(b.getsockname()[1]).sdp().media[0]
            at_a = call.answer(a.getsockname()[1]).sdp().media[0]
            call.ack()
            s.in_block("media", *at_a.rtp)
            if at_a.address != PUBLIC:
                raise Given("without ALG")
            tell(b, tag(s.ns, s.addr, s.target(self.server, a.getsockname()[1])), at_a.rtp)
            tell(a, tag("s", *b.getsockname()), at_b.rtp)
            if not s.polite():
                return
            call.bye(random.choice((call.caller, call.callee)))
            if self.server.own and state.knows(self):
                tell(b, s.too_late(a.getsockname()[1], "after BYE of who called"), at_a.rtp)
                tell(a, nobody("after BYE of who called"), at_b.rtp)
        state.count("calls from outside")

    def live(self):
        s = self.subscriber
        place = self.register(random.choice((60, 600)))
        for _ in range(random.randrange(3)):
            with udp_socket("s", self.server.addr) as other, udp_socket("s", own_address()) as stranger:
                tell(other, options(other, tag(s.ns, s.addr, s.target(self.server, self.inside.port))), place)
                tell(stranger, options(stranger, s.of_a_stranger()), place)
            time.sleep(random.random() * 0.2)
        if random.random() < 0.5:
            self.called(place)
        if not s.polite():
            return
        self.register(0)
        if self.server.own and state.knows(self):
            with udp_socket("s", self.server.addr) as other:
                tell(other, options(other, s.too_late(self.inside.port, "when it is not registered")), place)
        state.count("registrations")


def options(sock, whom):
    """A request outside any dialog."""
    lines = ["OPTIONS sip:a@x SIP/2.0", "Via: SIP/2.0/UDP %s;branch=z9hG4bK%d" % (hostport(*sock.getsockname()), next(numbers)),
             "Max-Forwards: 70", "From: <sip:s@x>;tag=1", "To: <sip:a@x>", "Call-ID: %d" % next(numbers), "CSeq: 1 OPTIONS",
             "Subject: " + whom.decode()]
    return Call.text(lines, b"")


crowd = [Subscriber(ns, n) for ns in "ab" for n in range(SUBSCRIBERS)]


def start(lives):
    threads = [threading.Thread(target=live, daemon=True) for live in lives]
    for thread in threads:
        thread.start()
    return threads


def together(lives):
    for thread in start(lives):
        thread.join()
