# SPDX-License-Identifier: GPL-2.0-only
"""IKE as the tests speak it: messages (RFC 7296, 3; RFC 2408, 3) over sockets of udp/500 and udp/4500, ESP over raw ones."""
import json
import random
import select
import socket
import struct

import netbed

# exchanges
MAIN, AGGRESSIVE, INFO_V1, QUICK = 2, 4, 5, 32
SA_INIT, AUTH, CREATE_CHILD, INFORMATIONAL = 34, 35, 36, 37
# flags
V1_ENCRYPTED, INITIATOR, RESPONSE = 0x01, 0x08, 0x20
SK, NONCE, VENDOR_V1, NOTIFY = 46, 40, 13, 41

MARKER = b"\0\0\0\0"
SO_NO_CHECK = 11


def spi64():
    return random.getrandbits(63) | 1


def spi32():
    return random.getrandbits(31) | 0x1000


def payload(body, following=0):
    return struct.pack("!BBH", following, 0, 4 + len(body)) + body


def header(ispi, rspi, first, version, exchange, flags, number, length):
    return struct.pack("!QQBBBBII", ispi, rspi, first, version << 4, exchange, flags, number, length)


def message(ispi, rspi=0, exchange=SA_INIT, flags=INITIATOR, number=0, size=64):
    """IKEv2. Those behind SA_INIT are encrypted."""
    body = payload(bytes(size))
    return header(ispi, rspi, NONCE if exchange == SA_INIT else SK, 2, exchange, flags, number, 28 + len(body)) + body


def message_v1(cookie, responder=0, exchange=MAIN, number=0, size=64):
    if exchange in (QUICK, INFO_V1):
        return header(cookie, responder, 8, 1, exchange, V1_ENCRYPTED, number, 28 + size) + bytes(size)
    body = payload(bytes(size))
    return header(cookie, responder, VENDOR_V1, 1, exchange, 0, number, 28 + len(body)) + body


class Port(netbed.Inbox):
    """A host's UDP socket."""

    def __init__(self, ns, host, port=500):
        super().__init__(ns, host, port)

    def send(self, data, to, port=None):
        self.sock.sendto(data, (to, port or self.port))

    receive = netbed.Inbox.datagram


def crosses(sender, receiver, data, to, port=None):
    """Sends and returns who the receiver sees, None when it does not arrive. What else came before is forgotten."""
    sender.send(data, to, port)
    while True:
        got = receiver.receive()
        netbed.must(got, "nothing arrives")
        if got[0] == data:
            return got[1]


def never_crosses(sender, receiver, data, to, port=None):
    receiver.drain()
    sender.send(data, to, port)
    got = arrived(receiver)
    netbed.must(not got or got[0] != data, "it arrives")


def arrived(receiver):
    """What has come of all that was sent, None if nothing has."""
    if not netbed.markers:
        return receiver.receive(netbed.NEVER)
    netbed.markers.settle()
    return receiver.receive() if select.select([receiver.sock], [], [], 0)[0] else None


class Esp(netbed.RawInbox):
    """ESP packets of one host."""

    def __init__(self, ns, host):
        super().__init__(ns, host, socket.IPPROTO_ESP)

    def send(self, to, spi, seq=1, size=40):
        self.sock.sendto(struct.pack("!II", spi, seq) + bytes(size), (to, 0))

    def receive(self, timeout=None):
        """(sender, SPI, sequence number), None when nothing comes."""
        got = self.packet(timeout)
        return (got[0],) + struct.unpack_from("!II", got[1]) if got else None


def tunnels(ns="r", *words):
    """What algctl shows, addresses as texts."""
    found = json.loads(netbed.algctl(ns, "-j", "tunnel", "show", "sas", *words))["tunnels"]
    for one in found:
        for party in "client", "gateway", "public":
            one[party] = one[party]["address"]
    return found


def sessions(tunnel):
    """Initiator's SPIs of a tunnel."""
    return [int(one["ispi"], 16) for one in tunnel["ike"]]


def connections(ns, *filters):
    """Lines of conntrack."""
    return [line for line in netbed.run(ns, "conntrack", "-L", *filters).splitlines() if "src=" in line]
