# SPDX-License-Identifier: GPL-2.0-only
"""What must stay closed, and what a policy refuses. tftp_security.sh has the network."""
import struct

import netbed
from netbed import check, must, must_equal, pinholes
from tftpcli import ACK, DATA, ERROR, OACK, RRQ, WRQ, arrives, request, udp

CLIENT, SERVER, BYSTANDER = "192.168.1.11", "203.0.113.2", "203.0.113.3"
OVER_IPV6 = "2001:db8:1::11", "2001:db8:2::2", "2001:db8:2::3"
PORT = [20000]


def policy(*words):
    netbed.algctl("r", "policy", "set", "default", "tftp", *words)


def client(host=CLIENT, ns="c1"):
    """A port of its own for each check: conntrack remembers."""
    PORT[0] += 1
    return udp(ns, host, PORT[0])


def ask(sock, datagram, host=SERVER):
    """Sends it; returns who the server saw, None if it did not arrive."""
    sock.sendto(datagram, (host, 69))
    at_server = arrives(LISTENER[host], netbed.PATIENCE)
    must(at_server and at_server[0] == datagram, "the request did not arrive as it was")
    return at_server[1]


def settle():
    """Datagrams pass through softirqs; one that must have been dropped is dropped once a later one has arrived."""
    probe = client()
    ask(probe, struct.pack("!HH", ACK, 0))
    probe.close()


def answered(family):
    """By the asked server from any port of its own, to the client's port, by one port only."""
    own, server, bystander = (CLIENT, SERVER, BYSTANDER) if family == 4 else OVER_IPV6
    sock = client(own)
    seen = ask(sock, request(RRQ, "x"), server)
    hole, = pinholes()
    must_equal((hole["target"]["address"], hole["target"]["port"]), sock.getsockname()[:2], "target")
    must_equal((hole["public"]["address"], hole["public"]["port"]), seen, "public")
    must_equal(hole["peer"]["address"], server, "peer")
    stranger = udp("s2", bystander)
    stranger.sendto(b"\0\3\0\1from a stranger", seen)
    must(not arrives(sock), "a bystander's datagram arrived")
    first, second = udp("s1", server), udp("s1", server)
    first.sendto(b"\0\3\0\1data", seen)
    got = arrives(sock, netbed.PATIENCE)
    must_equal(got, (b"\0\3\0\1data", first.getsockname()[:2]), "what the client got")
    second.sendto(b"\0\3\0\1more", seen)
    must(not arrives(sock), "a second port of the server got in")
    sock.sendto(b"\0\4\0\1", got[1])
    must_equal(arrives(first, netbed.PATIENCE), (b"\0\4\0\1", seen), "the acknowledgement")
    must_equal(pinholes(), [], "pinholes that are left")
    COUNTED.grown()


def repeated():
    sock = client()
    for _ in range(5):
        ask(sock, request(RRQ, "x", tsize=0))
    must_equal(len(pinholes()), 1, "pinholes")
    must_equal(COUNTED.grown("opened", "messages"), (1, 5), "opened, messages")


def sequence():
    """The next request of the same port opens anew once the first is answered."""
    wait_for_none()
    sock = client()
    for _ in range(3):
        seen = ask(sock, request(RRQ, "x"))
        answer = udp("s1", SERVER)
        answer.sendto(b"\0\3\0\1data", seen)
        must(arrives(sock, netbed.PATIENCE), "no answer")
        must_equal(pinholes(), [], "pending pinholes")
    must_equal(COUNTED.grown("opened", "used"), (3, 3), "opened, used")


def wait_for_none():
    policy("off")
    must(netbed.eventually(lambda: not pinholes()), "pinholes are still open")
    policy("on")
    COUNTED.grown()


def write_refused():
    wait_for_none()
    policy("option", "write=refuse")
    try:
        sock = client()
        sock.sendto(request(WRQ, "x"), (SERVER, 69))
        sock.sendto(request(WRQ, "x", blksize=1428), (SERVER, 69))
        settle()
        must_equal(COUNTED.grown("command-refused", "opened"), (2, 0), "command-refused, opened")
        must_equal(pinholes(), [], "pinholes")
        ask(client(), request(RRQ, "x"))
        must_equal(COUNTED.grown("command-refused", "opened"), (0, 1), "of RRQ: command-refused, opened")
    finally:
        policy("option", "write=default")
    ask(client(), request(WRQ, "x"))
    must_equal(COUNTED.grown("opened"), 1, "opened by WRQ")


def full(size):
    """A request of so many bytes."""
    return request(RRQ, "x" * (size - len(request(RRQ, ""))))


MALFORMED = {
    "no opcode": b"\0",
    "nothing but an opcode": b"\0\1",
    "opcode 0": b"\0\0x\0octet\0",
    "opcode 7": b"\0\7x\0octet\0",
    "opcode 257": b"\1\1x\0octet\0",
    "no mode": b"\0\1x\0",
    "mode without an end": b"\0\1x\0octet",
    "no name": b"\0\1\0octet\0",
    "empty mode": b"\0\1x\0\0",
    "option without a value": b"\0\1x\0octet\0tsize\0",
    "value without an end": b"\0\1x\0octet\0tsize\0000",
    "empty option": b"\0\1x\0octet\0\0001\0",
    "513 bytes": full(513),
    "2000 bytes": full(2000),
}


def malformed():
    wait_for_none()
    for name, datagram in MALFORMED.items():
        ask(client(), datagram)
        must_equal(COUNTED.grown("malformed", "opened"), (1, 0), "%s: malformed, opened" % name)
    must_equal(pinholes(), [], "pinholes")


def malformed_dropped():
    policy("option", "malformed=drop")
    try:
        sock = client()
        for datagram in MALFORMED.values():
            sock.sendto(datagram, (SERVER, 69))
        settle()
        must_equal(COUNTED.grown("malformed", "opened"), (len(MALFORMED), 0), "malformed, opened")
        ask(client(), request(RRQ, "x"))
    finally:
        policy("option", "malformed=default")
        COUNTED.grown()


def proper():
    """Unusual, but requests."""
    for datagram in (full(512), request(RRQ, "x", "NETASCII"), request(RRQ, "x", "any word"),
                     request(WRQ, "x", tsize=1), request(RRQ, "x", a="", b=""), request(RRQ, "\xff\x01/ x"),
                     request(RRQ, "x", blksize=65464, windowsize=65535, timeout=255, tsize=0)):
        ask(client(), datagram)
        must_equal(COUNTED.grown("opened", "malformed"), (1, 0), "%r: opened, malformed" % datagram[:40])


def not_requests():
    wait_for_none()
    for opcode in (DATA, ACK, ERROR, OACK):
        ask(client(), struct.pack("!HH", opcode, 1) + b"x\0octet\0")
    must_equal(COUNTED.grown("opened", "malformed"), (0, 0), "opened, malformed")
    sock = client()
    seen = ask(sock, request(RRQ, "x"))
    must_equal(COUNTED.grown("opened"), 1, "opened")
    LISTENER[SERVER].sendto(request(RRQ, "x"), seen)
    must(arrives(sock, netbed.PATIENCE), "what the server sends from its port did not arrive")
    must_equal(COUNTED.grown("opened"), 0, "opened by the server's request")


def timeout():
    wait_for_none()
    policy("option", "pinhole-timeout=1")
    try:
        sock = client()
        seen = ask(sock, request(RRQ, "x"))
        must(netbed.eventually(lambda: not pinholes()), "it stays open")
        must_equal(COUNTED.grown("expired", "used"), (1, 0), "expired, used")
        udp("s1", SERVER).sendto(b"\0\3\0\1late", seen)
        must(not arrives(sock), "it is open")
    finally:
        policy("option", "pinhole-timeout=default")


def off():
    wait_for_none()
    policy("off")
    sock = client()
    seen = ask(sock, request(RRQ, "x"))
    must_equal(pinholes(), [], "pinholes")
    udp("s1", SERVER).sendto(b"\0\3\0\1data", seen)
    must(not arrives(sock), "it is open")


LISTENER = {host: udp("s1", host, 69) for host in (SERVER, "2001:db8:2::2")}
COUNTED = netbed.Counted(protocol="tftp")
check("the answer comes from the asked server only, once", answered, 4)
check("IPv6: the answer comes from the asked server only, once", answered, 6)
check("a repeated request opens no second pinhole", repeated)
check("one request after the other from one port", sequence)
check("write=refuse: WRQ does not arrive, RRQ does", write_refused)
check("malformed requests pass and open nothing, in %d ways" % len(MALFORMED), malformed)
check("malformed=drop: they do not arrive", malformed_dropped)
check("unusual requests open", proper)
check("other opcodes and requests of the server open nothing", not_requests)
check("a pinhole closes after pinhole-timeout", timeout)
check("without ALG the answer does not arrive", off)
netbed.finish()
