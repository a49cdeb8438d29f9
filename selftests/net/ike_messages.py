# SPDX-License-Identifier: GPL-2.0-only
"""IKE messages in all orders and directions. ike_messages.sh has the network; c1 is reached from outside, too."""
import errno
import re
import socket
import struct
import sys

import netbed
from ike_peer import (AGGRESSIVE, AUTH, CREATE_CHILD, INFORMATIONAL, INFO_V1, INITIATOR, MARKER, QUICK, RESPONSE, SA_INIT,
                      SO_NO_CHECK, Esp, Port, arrived, connections, crosses, message, message_v1, never_crosses, sessions, spi32,
                      spi64, tunnels)
from netbed import check, eventually, must, must_equal

C1, C2, S1, S2, PUBLIC = "192.168.1.11", "192.168.1.12", "203.0.113.2", "203.0.113.3", "203.0.113.1"
C1_6, C2_6, S1_6 = "2001:db8:1::11", "2001:db8:1::12", "2001:db8:2::2"


DEFAULTS = {"gate-timeout": "5", "malformed": "pass", "max-tunnels": "10000", "preserve-port": "off"}
CHANGED = set()


def policy(*words):
    """on, off, observe, or options. For the rest of the point."""
    for word in words:
        option = word.partition("=")[0]
        CHANGED.add("%s=%s" % (option, DEFAULTS[option]) if "=" in word else "on")
        netbed.algctl("r", "policy", "set", "default", "ike", *(["option", word] if "=" in word else [word]))


def clean():
    """No tunnel, no connection, empty sockets."""
    for one in tunnels():
        try:
            netbed.algctl("r", "tunnel", "del", "id", str(one["id"]))
        except RuntimeError:
            must(one["id"] not in [other["id"] for other in tunnels()], "tunnel %r stays" % one)
    netbed.run("r", "conntrack", "-F")
    for port in PORTS.values():
        port.drain()


def only():
    found = tunnels()
    must_equal(len(found), 1, "tunnels")
    return found[0]


def told(client, server, data, port=500):
    """Up; returns the client's port as the server sees it."""
    seen = crosses(client, server, data, server.host, port)
    must_equal(seen[0], PUBLIC, "address")
    return seen[1]


class Sa:
    """An IKEv2 SA between a client and a server; begun by the client with SA_INIT."""

    def __init__(self, client, server, begin=True):
        self.client, self.server = client, server
        self.ispi, self.rspi = spi64(), spi64()
        self.number = 1
        if begin:
            self.port = told(client, server, message(self.ispi))
            self.answer(SA_INIT, 0, self.rspi)

    def answer(self, exchange, number, rspi=None):
        crosses(self.server, self.client, message(self.ispi, rspi or self.rspi, exchange, RESPONSE, number), PUBLIC, self.port)

    def request(self, exchange):
        self.number += 1
        return message(self.ispi, self.rspi, exchange, INITIATOR, self.number - 1)

    def asked(self, exchange, number):
        """A request of the server, whose requests are the responder's."""
        return message(self.ispi, self.rspi, exchange, 0, number)

    def exchange(self, exchange=INFORMATIONAL):
        must_equal(told(self.client, self.server, self.request(exchange)), self.port, "port")
        self.answer(exchange, self.number - 1)


def seen():
    must_equal(tunnels(), [], "tunnels before")
    sa = Sa(PORTS["c1"], PORTS["s1"])
    one = only()
    must_equal((one["client"], one["gateway"], one["public"], one["ikes"], one["slot"]), (C1, S1, PUBLIC, 1, 0), "tunnel")
    session, = one["ike"]
    must_equal((int(session["ispi"], 16), int(session["rspi"], 16), session["version"]), (sa.ispi, sa.rspi, 2), "session")
    sa.exchange()
    must_equal(sessions(only()), [sa.ispi], "sessions")
    must_equal(COUNTED.grown("sessions", "tunnels", "messages"), (1, 1, 4), "sessions, tunnels, messages")
    line, = connections("r", "-p", "udp")
    must(int(line.split()[2]) > 10000, "the connection is kept: " + line)
    must(int(connections("r", "-p", "udp")[0].split()[2]) > 10000, line)


def kept():
    """What is not a message does not shorten the connection's life."""
    sa = Sa(PORTS["c1"], PORTS["s1"])
    sa.exchange()
    for data in b"\xff", b"nonsense":
        crosses(PORTS["c1"], PORTS["s1"], data, S1)
        line, = connections("r", "-p", "udp")
        must(int(line.split()[2]) > 10000, "the connection is not kept: " + line)
    must_equal(sessions(only()), [sa.ispi], "sessions")


def not_kept():
    """What begins only, or nobody answers, is no burden for conntrack: a client could fill its table, or use up all ports."""
    def left(port):
        line, = connections("r", "-p", "udp", "--orig-port-src", str(port.port))
        return int(line.split()[2])

    first = Sa(PORTS["c1"], PORTS["s1"])
    second = Port("c1", C1, 5555)
    must(left(first.client) < 1000, "an SA that only begins is kept")
    first.exchange()
    must(left(first.client) > 10000, "an SA that stands is not kept")
    for data in first.request(INFORMATIONAL), message(spi64(), spi64(), AUTH):
        crosses(second, first.server, data, S1, 500)
        must(left(second) < 1000, "what was not answered is kept")
    second.close()


def version_1():
    cookie, responder = spi64(), spi64()
    client, server = PORTS["c1"], PORTS["s1"]
    port = told(client, server, message_v1(cookie))
    crosses(server, client, message_v1(cookie, responder), PUBLIC, port)
    told(client, server, message_v1(cookie, responder, QUICK, 77))
    session, = only()["ike"]
    must_equal((int(session["ispi"], 16), int(session["rspi"], 16), session["version"]), (cookie, responder, 1), "session")
    must(only()["gate"], "quick mode opens the gate")
    told(client, server, message_v1(cookie, responder, INFO_V1, 78))
    told(client, server, message_v1(spi64(), 0, AGGRESSIVE))
    must_equal(only()["ikes"], 2, "sessions")


def nothing_from_outside():
    """A gateway makes no session: neither with a new SPI, nor through a connection that a client left."""
    client, server = PORTS["c1"], PORTS["s1"]
    sa = Sa(client, server)
    new = spi64()
    for data in (message(new), message(new, spi64(), INFORMATIONAL, 0, 5), message_v1(new), message_v1(new, spi64(), QUICK, 9),
                 message(new, spi64(), CREATE_CHILD, 0, 6)):
        crosses(server, client, data, PUBLIC, sa.port)
    must_equal(sessions(only()), [sa.ispi], "sessions")
    must(not only()["gate"], "the gate is open")
    netbed.algctl("r", "tunnel", "del", "id", str(only()["id"]))
    crosses(server, client, sa.asked(INFORMATIONAL, 0), PUBLIC, sa.port)
    must_equal(tunnels(), [], "tunnels")


def comes_back():
    """A tunnel that was forgotten is there again with its client's next message, whatever that is."""
    sa = Sa(PORTS["c1"], PORTS["s1"])
    before = only()["id"]
    netbed.algctl("r", "tunnel", "del", "id", str(before))
    must_equal(tunnels(), [], "tunnels")
    must_equal(len(connections("r", "-p", "udp")), 1, "IKE connections")
    sa.exchange()
    must_equal(sessions(only()), [sa.ispi], "sessions")
    must(only()["id"] > before, "its number")


def rekeyed(by_server):
    """The IKE SA's successor has SPIs that were told under encryption."""
    sa = Sa(PORTS["c1"], PORTS["s1"])
    new = Sa(sa.client, sa.server, begin=False)
    new.port = sa.port
    if by_server:
        crosses(sa.server, sa.client, sa.asked(CREATE_CHILD, 0), PUBLIC, sa.port)
        told(sa.client, sa.server, message(sa.ispi, sa.rspi, CREATE_CHILD, INITIATOR | RESPONSE, 0))
        # its initiator is the server now
        request = message(new.ispi, new.rspi, INFORMATIONAL, INITIATOR, 0)
        crosses(sa.server, sa.client, request, PUBLIC, sa.port)
        must_equal(sessions(only()), [sa.ispi], "sessions")
        told(sa.client, sa.server, message(new.ispi, new.rspi, INFORMATIONAL, RESPONSE, 0))
    else:
        sa.exchange(CREATE_CHILD)
        new.exchange()
    must_equal(sorted(sessions(only())), sorted([sa.ispi, new.ispi]), "sessions")
    must_equal(COUNTED.grown("tunnels"), 1, "tunnels")


def many_sessions():
    """The ninth takes the place of the one that was idle longest."""
    client, server = PORTS["c1"], PORTS["s1"]
    spis = [spi64() for _ in range(9)]
    for spi in spis:
        told(client, server, message(spi))
    one = only()
    must_equal(one["ikes"], 8, "sessions")
    must(spis[-1] in sessions(one), "the last one is missing")


def two_clients():
    a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
    must(a.port != b.port, "both have port %d" % a.port)
    must_equal(sorted((one["client"], one["public"]) for one in tunnels()), [(C1, PUBLIC), (C2, PUBLIC)], "tunnels")
    must_equal(sorted(one["slot"] for one in tunnels()), [0, 1], "slots")
    Sa(PORTS["c1"], PORTS["s2"])
    must_equal(sorted((one["client"], one["gateway"]) for one in tunnels()), [(C1, S1), (C1, S2), (C2, S1)], "tunnels")


def gate():
    """While one client's SAs are in the making those of another client of the gateway wait; nothing else does."""
    policy("gate-timeout=%d" % (6 if netbed.SLOW else 4))
    a, b, other = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s2"])
    told(a.client, a.server, a.request(AUTH))  # its response would shorten the gate
    must_equal([one["gate"] for one in tunnels() if one["gateway"] == S1 and one["client"] == C1], [True], "gate")
    held = b.request(AUTH)
    never_crosses(b.client, b.server, held, S1)
    must(COUNTED.grown("gate") >= 1, "gate is counted")
    b.exchange(INFORMATIONAL)
    other.exchange(AUTH)
    # The gateway's request to the other client waits, too.
    asked = b.asked(CREATE_CHILD, 0)
    never_crosses(b.server, b.client, asked, PUBLIC, b.port)
    # Both are sent when the gate has run out, without being repeated; once.
    for receiver, data in (b.server, held), (b.client, asked):
        got = receiver.receive(40)
        must(got and got[0] == data, "what waited is not sent")
        must(not receiver.receive(0.5), "it is sent twice")


def gate_ends():
    """It closes when what was to come has come."""
    policy("gate-timeout=30")
    a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
    esp, gateway = Esp("c1", C1), Esp("s1", S1)
    a.exchange(AUTH)
    out, back = spi32(), spi32()
    esp.send(S1, out)
    must_equal(gateway.receive(), (PUBLIC, out, 1), "ESP to the gateway")
    for seq in 1, 2:
        gateway.send(PUBLIC, back, seq)
        must_equal(esp.receive(), (S1, back, seq), "ESP to the client")
    b.exchange(AUTH)
    must_equal(COUNTED.grown("gate"), 0, "gate")
    esp.close()
    gateway.close()


def natt():
    """The first message to udp/4500 ends the tunnel and its way for ESP; what else goes there says nothing."""
    sa = Sa(PORTS["c1"], PORTS["s1"])
    esp, gateway = Esp("c1", C1), Esp("s1", S1)
    client, server = PORTS["c1n"], PORTS["s1n"]
    spi = spi32()
    sa.exchange(AUTH)
    gateway.send(PUBLIC, spi)
    must_equal(esp.receive(), (S1, spi, 1), "ESP to the client")
    for data in b"\xff", struct.pack("!II", spi32(), 1) + bytes(40), MARKER + message(spi64(), spi64(), AUTH, INITIATOR, 1), b"\0":
        netbed.forget("r", "-p", "udp", "--orig-port-dst", "4500") if connections(
            "r", "-p", "udp", "--orig-port-dst", "4500") else None
        crosses(client, server, data, S1)
        must_equal(sessions(only()), [sa.ispi], "sessions after %r" % data[:4])
    netbed.forget("r", "-p", "udp", "--orig-port-dst", "4500")
    moved = MARKER + sa.request(AUTH)
    must_equal(crosses(client, server, moved, S1)[0], PUBLIC, "address")
    must_equal(tunnels(), [], "tunnels")
    must_equal(COUNTED.grown("natt", "tunnels-ended"), (1, 1), "natt")
    must_equal(connections("r", "-p", "esp"), [], "ESP connections")
    for number in spi, spi32():
        gateway.send(PUBLIC, number, 2)
    must(not arrived(esp), "ESP gets in")
    crosses(server, client, moved, PUBLIC, 4500)
    esp.close()
    gateway.close()


def natt_of_one():
    """The other sessions of the pair stay."""
    sa, stays = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c1"], PORTS["s1"])
    crosses(PORTS["c1n"], PORTS["s1n"], MARKER + sa.request(AUTH), S1)
    must_equal(sessions(only()), [stays.ispi], "sessions")


def goes_nowhere():
    """
    A session that stays in its first phase is forgotten soon: its peers may have moved where they had been before. So is one that
    is not answered, but not one of which nothing was heard since the module was loaded anew.
    """
    Sa(PORTS["c2"], PORTS["s2"]).exchange()
    netbed.run("r", "rmmod", "nf_alg_ike")
    netbed.run("r", "modprobe", "nf_alg_ike")
    must_equal(sessions(only()), [0], "sessions")
    Sa(PORTS["c1"], PORTS["s1"])
    told(PORTS["c1"], PORTS["s2"], message(spi64(), spi64(), INFORMATIONAL))	# nobody answers
    used = Sa(PORTS["c2"], PORTS["s1"])
    used.exchange()
    must(eventually(lambda: len(tunnels()) <= 2, 60), "it stays")
    must_equal(sorted(sum((sessions(one) for one in tunnels()), [])), [0, used.ispi], "sessions")


def responder():
    """c1 answers what comes from outside: its answer makes the tunnel."""
    ispi, rspi = spi64(), spi64()
    crosses(PORTS["s1"], PORTS["c1"], message(ispi), PUBLIC)
    must_equal(tunnels(), [], "tunnels")
    crosses(PORTS["c1"], PORTS["s1"], message(ispi, rspi, SA_INIT, RESPONSE), S1)
    one = only()
    must_equal((one["client"], one["gateway"], one["public"], sessions(one)), (C1, S1, PUBLIC, [ispi]), "tunnel")
    # A message to udp/4500 that does not know the responder's SPI is not the peer's.
    crosses(PORTS["s1n"], PORTS["c1n"], MARKER + message(ispi, rspi ^ 1, AUTH, INITIATOR, 1), PUBLIC)
    must_equal(len(tunnels()), 1, "tunnels")
    netbed.forget("r", "-p", "udp", "--orig-port-dst", "4500")
    crosses(PORTS["s1n"], PORTS["c1n"], MARKER + message(ispi, rspi, AUTH, INITIATOR, 1), PUBLIC)
    must_equal(tunnels(), [], "tunnels")
    must_equal(COUNTED.grown("natt"), 1, "natt")


def malformed_messages():
    good = message(spi64())
    return {
        "short": good[:27],
        "no SPI": bytes(8) + good[8:],
        "version": good[:17] + b"\x30" + good[18:],
        "length too large": good[:24] + struct.pack("!I", len(good) + 1) + good[28:],
        "length too short": good[:24] + struct.pack("!I", 27) + good[28:],
        "truncated": good[:-1],
        "payload too large": good[:28] + b"\0\0\xff\xff" + good[32:],
        "payload too short": good[:28] + b"\0\0\0\3" + good[32:],
    }


def malformed():
    """It passes as it is and makes nothing."""
    bad = malformed_messages()
    for what, data in bad.items():
        crosses(PORTS["c1"], PORTS["s1"], data, S1)
        must_equal(tunnels(), [], "tunnels, " + what)
    must_equal(COUNTED.grown("malformed", "sessions"), (len(bad), 0), "malformed")


def malformed_dropped():
    sa = Sa(PORTS["c1"], PORTS["s1"])
    policy("malformed=drop")
    for data in malformed_messages().values():
        PORTS["c1"].send(data, S1)
        PORTS["s1"].send(data, PUBLIC, sa.port)
    sa.exchange()
    must(not PORTS["s1"].receive(0.1) and not PORTS["c1"].receive(0.1), "a malformed message passed")
    policy("malformed=pass")
    must(COUNTED.grown("malformed") >= 2 * len(malformed_messages()), "malformed")


def large():
    """Fragments on the way, as certificates bring them."""
    client, server = PORTS["c1"], PORTS["s1"]
    spi = spi64()
    told(client, server, message(spi, size=9000))
    must_equal(sessions(only()), [spi], "sessions")
    data = message(spi64(), size=9000)
    told(client, server, data + b"more")	# what is behind its length is nobody's business
    must_equal(only()["ikes"], 2, "sessions")


def quota():
    policy("max-tunnels=1")
    Sa(PORTS["c1"], PORTS["s1"])
    Sa(PORTS["c2"], PORTS["s1"])
    must_equal(only()["client"], C1, "tunnel")
    must(COUNTED.grown("quota-tunnels") >= 1, "quota-tunnels")
    netbed.algctl("r", "tunnel", "del", "id", str(only()["id"]))
    Sa(PORTS["c2"], PORTS["s1"])
    must_equal(only()["client"], C2, "tunnel")


def events():
    """Who listens is told of tunnels and of what the gate holds up."""
    def act():
        clean()
        a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
        a.exchange(AUTH)
        b.client.send(b.request(AUTH), S1)

    netbed.told("r", act, lambda lines: all(any(all(word in line for word in words) for line in lines) for words in (
        ("tunnel-started", C1, S1), ("tunnel-started", C2, S1), ("tunnel-ended", C1, PUBLIC), ("refused", "gate"))))


def observe():
    policy("observe")
    a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
    a.exchange(AUTH)
    b.exchange(AUTH)
    must_equal(tunnels(), [], "tunnels")
    must(COUNTED.grown("observed") >= 8, "observed")
    policy("on")


def off():
    policy("off")
    Sa(PORTS["c1"], PORTS["s1"]).exchange(AUTH)
    must_equal(tunnels(), [], "tunnels")
    must_equal(COUNTED.grown("messages", "sessions"), (0, 0), "messages")
    policy("on")


def switched_on():
    """IKE connections that began when the policy had no ALG for them are seen once it has."""
    policy("off")
    a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
    a.exchange(AUTH)
    must_equal(tunnels(), [], "tunnels")
    policy("on")
    # Nothing that comes from outside makes a tunnel.
    crosses(a.server, a.client, a.asked(INFORMATIONAL, 7), PUBLIC, a.port)
    must_equal(tunnels(), [], "tunnels")
    a.exchange()
    must_equal(sessions(only()), [a.ispi], "sessions")
    b.exchange()
    must_equal(sorted(sum((sessions(one) for one in tunnels()), [])), sorted([a.ispi, b.ispi]), "sessions")
    esp, gateway = Esp("c1", C1), Esp("s1", S1)
    a.exchange(AUTH)
    out, back = spi32(), spi32()
    esp.send(S1, out)
    must_equal(gateway.receive(), (PUBLIC, out, 1), "ESP to the gateway")
    gateway.send(PUBLIC, back)
    must_equal(esp.receive(), (S1, back, 1), "ESP to the client")
    # A service that is added reaches them, too; one that is taken away ends them.
    service = "default", "ike", "on", "services"
    netbed.algctl("r", "service", "add", "elsewhere", "protocol", "ike", "udp", "500", "to", "198.51.100.0/24")
    netbed.algctl("r", "policy", "set", *service, "elsewhere")
    a.exchange()
    must(eventually(lambda: not tunnels()), "the tunnel stays")
    gateway.send(PUBLIC, back, 2)
    must(not esp.receive(netbed.NEVER), "ESP gets in")
    netbed.run("r", "conntrack", "-F")
    fresh = Sa(PORTS["c1"], PORTS["s1"])
    must_equal(tunnels(), [], "tunnels")
    netbed.algctl("r", "policy", "set", *service, "ike")
    fresh.exchange()
    must_equal(sessions(only()), [fresh.ispi], "sessions")
    esp.close()
    gateway.close()


def switched_off():
    """A tunnel ends when the policy is changed, and begins again."""
    sa = Sa(PORTS["c1"], PORTS["s1"])
    must_equal(len(tunnels()), 1, "tunnels")
    policy("off")
    sa.exchange()
    must(eventually(lambda: not tunnels()), "the tunnel stays")
    policy("on")
    sa.exchange()
    must_equal(sessions(only()), [sa.ispi], "sessions")


def reloaded():
    """Its connections go on: a new module takes them up, and knows their sessions with the client's next message."""
    a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
    netbed.run("r", "rmmod", "nf_alg_ike")
    a.exchange()
    netbed.run("r", "modprobe", "nf_alg_ike")
    unknown = [(C1, [0]), (C2, [0])]
    must_equal(sorted((one["client"], sessions(one)) for one in tunnels()), unknown, "tunnels")
    crosses(b.server, b.client, b.asked(INFORMATIONAL, 0), PUBLIC, b.port)
    must_equal(sorted((one["client"], sessions(one)) for one in tunnels()), unknown, "tunnels after the gateway's message")
    a.exchange()
    b.exchange()
    must_equal(sorted((one["tenant"], one["client"], sessions(one)) for one in tunnels()),
               [("default", C1, [a.ispi]), ("default", C2, [b.ispi])], "tunnels")
    for line in connections("r", "-p", "udp"):
        must(int(line.split()[2]) > 10000, "the connection is kept: " + line)
    a.exchange(AUTH)
    never_crosses(b.client, b.server, b.request(AUTH), S1)


def own_daemon(option):
    """IKE of the box itself is none of ours."""
    policy("preserve-port=" + option)
    box, server = Port("r", PUBLIC), PORTS["s1"]
    ispi, rspi = spi64(), spi64()
    must_equal(crosses(box, server, message(ispi), S1), (PUBLIC, 500), "the box")
    crosses(server, box, message(ispi, rspi, SA_INIT, RESPONSE), PUBLIC)
    must_equal(tunnels(), [], "tunnels")
    sa = Sa(PORTS["c2"], server) if option == "off" else preserved("c2")
    must_equal(only()["client"], C2, "tunnel")
    # Beside a client's, its messages still come, known SPIs, and new ones of a rekeyed SA, though the client is making SAs.
    sa.exchange(CREATE_CHILD)
    must(only()["gate"], "the gate is closed")
    crosses(server, box, message(ispi, rspi, INFORMATIONAL, 0, 1), PUBLIC)
    crosses(server, box, message(spi64(), spi64(), INFORMATIONAL, 0, 1), PUBLIC)
    crosses(server, box, message(spi64()), PUBLIC)
    crosses(box, server, message(ispi, rspi, AUTH, INITIATOR, 2), S1)
    sa.exchange()
    must_equal(sessions(only()), [sa.ispi], "sessions")
    box.close()


def to_everybody():
    """A message that the box itself gets, as all hosts do, makes no tunnel."""
    client = PORTS["c1"]
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.send(message(spi64()), "192.168.1.255")
    sa = Sa(client, PORTS["s1"])
    must_equal(only()["gateway"], S1, "tunnel")
    sa.exchange()
    must_equal(COUNTED.grown("sessions"), 1, "sessions")


# ---- preserve-port ----

def preserved(ns, server="s1"):
    """An SA of a client whose port is not 500 for conntrack, but for the gateway."""
    sa = Sa(PORTS[ns], PORTS[server])
    must_equal(sa.port, 500, "source port")
    return sa


def both_500():
    policy("preserve-port=on")
    a, b = preserved("c1"), preserved("c2")
    ports = sorted(int(re.findall(r"dport=(\d+)", line)[-1]) for line in connections("r", "-p", "udp"))
    must_equal(len(set(ports)), 2, "ports of conntrack")
    must(500 in ports, "one has the port itself")
    for sa in a, b, a, b:
        sa.exchange()
    crosses(b.server, b.client, b.asked(INFORMATIONAL, 0), PUBLIC)
    crosses(a.server, a.client, a.asked(INFORMATIONAL, 0), PUBLIC)
    # It is another gateway's SPI: to who has the port.
    never_crosses(PORTS["s2"], b.client, b.asked(INFORMATIONAL, 1), PUBLIC)
    policy("preserve-port=off")
    seen_as = crosses(b.client, b.server, b.request(INFORMATIONAL), S1)
    must(seen_as[1] != 500, "still preserved when the option is off")
    crosses(b.server, b.client, b.asked(INFORMATIONAL, 1), PUBLIC, seen_as[1])


def not_preserved():
    """Without the option the second has another port."""
    a, b = Sa(PORTS["c1"], PORTS["s1"]), Sa(PORTS["c2"], PORTS["s1"])
    must_equal(a.port, 500, "the first")
    must(b.port != 500, "the second has port 500, too")


def checksums():
    """None, whole and to be completed; the receiving socket verifies what is there."""
    policy("preserve-port=on")
    preserved("c1")
    sa = preserved("c2")
    for client in False, True:
        for server in False, True:
            sa.client.sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, int(client))
            sa.server.sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, int(server))
            sa.exchange()
    for offload in "off", "on":
        for ns in "c2", "s1":
            netbed.run(ns, "ethtool", "-K", "eth0", "tx-checksumming", offload)
        sa.exchange()
    told(sa.client, sa.server, message(sa.ispi, sa.rspi, INFORMATIONAL, INITIATOR, 50, size=5000))
    crosses(sa.server, sa.client, message(sa.ispi, sa.rspi, INFORMATIONAL, RESPONSE, 50, size=5000), PUBLIC)
    errors = [line.split() for line in netbed.run("s1", "cat", "/proc/self/net/snmp").splitlines() if line.startswith("Udp:")]
    must_equal(dict(zip(*errors))["InCsumErrors"], "0", "wrong checksums at the server")
    errors = [line.split() for line in netbed.run("c2", "cat", "/proc/self/net/snmp").splitlines() if line.startswith("Udp:")]
    must_equal(dict(zip(*errors))["InCsumErrors"], "0", "wrong checksums at the client")


def preserved_rekey():
    """The gateway uses a rekeyed IKE SA before its client does: it can only be the one that is making SAs."""
    policy("preserve-port=on")
    preserved("c1")
    sa = preserved("c2")
    new = message(spi64(), spi64(), INFORMATIONAL, INITIATOR, 0)
    never_crosses(sa.server, sa.client, new, PUBLIC)
    crosses(sa.server, sa.client, sa.asked(CREATE_CHILD, 0), PUBLIC)
    told(sa.client, sa.server, message(sa.ispi, sa.rspi, CREATE_CHILD, INITIATOR | RESPONSE, 0))
    crosses(sa.server, sa.client, new, PUBLIC)
    # An SA that begins in clear is for who has the port.
    never_crosses(sa.server, sa.client, message(spi64()), PUBLIC)
    # Once the client has used it, its SPI is enough.
    spi = struct.unpack_from("!Q", new)[0]
    told(sa.client, sa.server, message(spi, spi64(), INFORMATIONAL, RESPONSE, 0))
    must(eventually(lambda: not any(one["gate"] for one in tunnels()), 20), "the gate stays open")
    crosses(sa.server, sa.client, message(spi, spi64(), INFORMATIONAL, INITIATOR, 1), PUBLIC)


def icmp_error(quoted, length):
    """Port unreachable from the gateway, with the first bytes of what it complains about."""
    data = struct.pack("!BBHI", 3, 3, 0, 0) + quoted[:length]
    netbed.enter("s1")
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    data = data[:2] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + data[4:]
    raw.sendto(data, (PUBLIC, 0))
    raw.close()


def hears_error(sock):
    """Does a connected socket learn of an error?"""
    def refused():
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    return refused


def icmp_errors():
    """An error reaches the client that it is about: by the quoted SPI, else if there is only one."""
    policy("preserve-port=on")
    a, b = preserved("c1"), preserved("c2")
    owner, other = a, b	# the first one has port 500
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + 92, 1, 0, 63, 17, 0, socket.inet_aton(PUBLIC), socket.inet_aton(S1))
    quoted += struct.pack("!HHHH", 500, 500, 100, 0)
    for sa in a, b:
        sa.client.sock.connect((S1, 500))
    try:
        for sa, not_his in (a, b), (b, a):
            icmp_error(quoted + message(sa.ispi)[:32], 60)
            must(eventually(hears_error(sa.client.sock)), "the error does not arrive")
            must(not hears_error(not_his.client.sock)(), "the error arrives at the other client")
        # Without SPI it is for who has the port itself, else for the only one.
        icmp_error(quoted, 28)
        must(eventually(hears_error(owner.client.sock)), "an error without SPI does not arrive")
        must(not hears_error(other.client.sock)(), "an error without SPI arrives at the other client")
        netbed.forget("r", "-p", "udp", "--orig-src", owner.client.host)
        icmp_error(quoted, 28)
        must(eventually(hears_error(other.client.sock)), "an error without SPI does not arrive at the only client")
    finally:
        for sa in a, b:
            netbed.libc.connect(sa.client.sock.fileno(), struct.pack("H14x", socket.AF_UNSPEC), 16)


# ---- IPv6 ----

def ipv6():
    """A firewall without translation; whoever begins."""
    client, server, other = Port("c1", C1_6), Port("s1", S1_6), Port("c2", C2_6)
    esp, gateway = Esp("c1", C1_6), Esp("s1", S1_6)
    gateway.send(C1_6, spi32())
    must(not arrived(esp), "ESP gets in without IKE")
    sa = spi64(), spi64()
    must_equal(crosses(client, server, message(sa[0]), S1_6)[0], C1_6, "address")
    crosses(server, client, message(*sa, SA_INIT, RESPONSE), C1_6)
    one = only()
    must_equal((one["client"], one["gateway"], one["public"], sessions(one)), (C1_6, S1_6, C1_6, [sa[0]]), "tunnel")
    number = spi32()
    gateway.send(C1_6, number)
    must_equal(esp.receive(), (S1_6, number, 1), "ESP to the client")
    esp.send(S1_6, number + 1)
    must_equal(gateway.receive(), (C1_6, number + 1, 1), "ESP to the gateway")
    # The connection is lost, and the gateway is the next one to speak: it is the same tunnel.
    netbed.forget("r", "-f", "ipv6", "-p", "udp")
    crosses(server, client, message(*sa, INFORMATIONAL, 0, 0), C1_6)
    crosses(client, server, message(*sa, INFORMATIONAL, INITIATOR | RESPONSE, 0), S1_6)
    must_equal((only()["client"], sessions(only())), (C1_6, [sa[0]]), "tunnel")
    crosses(other, server, message(spi64()), S1_6)
    must_equal(sorted(one["client"] for one in tunnels()), [C1_6, C2_6], "tunnels")
    for port in client, server, other, esp, gateway:
        port.close()


netbed.enter("r")
PORTS = {name: Port(name, host) for name, host in (("c1", C1), ("c2", C2), ("s1", S1), ("s2", S2))}
PORTS.update({name + "n": Port(name, host, 4500) for name, host in (("c1", C1), ("s1", S1))})
netbed.markers = netbed.Markers({"c1": C1, "c2": C2, "s1": S1, "s2": S2}, ["s1", "s2"], ["c1", "c2"])
COUNTED = netbed.Counted("r", "ike")


def point(title, function, *arguments):
    if len(sys.argv) > 1 and sys.argv[1] not in title:
        return
    clean()
    COUNTED.grown()
    check(title, function, *arguments)
    policy(*CHANGED)
    CHANGED.clear()


point("IKEv2: the first message makes a tunnel, its connection is kept", seen)
point("what is no message leaves the connection's time alone", kept)
point("what only begins, or is not answered, is not kept", not_kept)
point("IKEv1: main, quick, aggressive mode", version_1)
point("a gateway's messages make no session", nothing_from_outside)
point("a forgotten tunnel comes back with the client's next message", comes_back)
point("IKE SA rekeyed by the client", rekeyed, False)
point("IKE SA rekeyed by the gateway", rekeyed, True)
point("eight sessions of a pair, the ninth takes a place", many_sessions)
point("two clients of a gateway, two gateways of a client", two_clients)
point("the gate: one client's SAs in the making at a time", gate)
point("the gate closes with the SAs", gate_ends)
point("NAT traversal: a message to udp/4500 ends the tunnel, ESP is shut out", natt)
point("NAT traversal of one session of two", natt_of_one)
point("NAT traversal: a session that gets nowhere is forgotten", goes_nowhere)
point("a responder behind DNAT, and it moves to udp/4500", responder)
point("malformed messages pass and make nothing", malformed)
point("malformed messages are dropped by policy", malformed_dropped)
point("messages in fragments", large)
point("max-tunnels", quota)
point("events", events)
point("observe", observe)
point("off", off)
point("the policy is switched on, a service is added", switched_on)
point("switched off and on", switched_off)
point("the module is reloaded", reloaded)
point("the box's own daemon", own_daemon, "off")
point("a message to everybody", to_everybody)
point("port 500: without the option the second client has another", not_preserved)
point("port 500: both clients, replies find their client", both_500)
point("port 500: checksums", checksums)
point("port 500: the gateway rekeys", preserved_rekey)
point("port 500: ICMP errors", icmp_errors)
point("port 500: the box's own daemon", own_daemon, "on")
point("IPv6 without translation", ipv6)
netbed.finish()
