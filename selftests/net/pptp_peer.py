# SPDX-License-Identifier: GPL-2.0-only
"""PPTP as the tests speak it: control messages (RFC 2637, 2) over a socket, GRE packets (4.1) over raw ones."""
import socket
import struct
import threading
import time

import netbed
from netbed import must, must_equal

COOKIE = 0x1A2B3C4D
(START_REQUEST, START_REPLY, STOP_REQUEST, STOP_REPLY, ECHO_REQUEST, ECHO_REPLY, OUT_REQUEST, OUT_REPLY, IN_REQUEST, IN_REPLY,
 IN_CONNECTED, CLEAR, DISCONNECT, WAN_ERROR, LINK_INFO) = range(1, 16)
LENGTH = {START_REQUEST: 156, START_REPLY: 156, STOP_REQUEST: 16, STOP_REPLY: 16, ECHO_REQUEST: 16, ECHO_REPLY: 20,
          OUT_REQUEST: 168, OUT_REPLY: 32, IN_REQUEST: 220, IN_REPLY: 24, IN_CONNECTED: 28, CLEAR: 16, DISCONNECT: 148,
          WAN_ERROR: 40, LINK_INFO: 24}
GRANTED = 1


def message(kind, first=0, second=0, result=None, fill=0x5A):
    """The fields that tests don't care for have a pattern, so that a byte rewritten by mistake is seen."""
    body = bytearray([fill]) * LENGTH[kind]
    struct.pack_into("!HHIHH", body, 0, len(body), 1, COOKIE, kind, 0)
    struct.pack_into("!HH", body, 12, first, second)
    if kind in (OUT_REPLY, IN_REPLY):
        body[16] = GRANTED if result is None else result
    return bytes(body)


def ids(data):
    return struct.unpack_from("!HH", data, 12)


def read_message(sock):
    """Exactly one; b"" when the connection ended."""
    data = b""
    while len(data) < 2 or len(data) < struct.unpack_from("!H", data)[0]:
        wanted = 2 if len(data) < 2 else struct.unpack_from("!H", data)[0]
        more = sock.recv(wanted - len(data))
        if not more:
            return b""
        data += more
    return data


def read_exactly(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        must(more, "the connection ended after %d bytes of %d" % (len(data), length))
        data += more
    return data


class Gre(netbed.RawInbox):
    """GRE packets of one host."""

    def __init__(self, ns, host):
        super().__init__(ns, host, socket.IPPROTO_GRE)

    def send(self, to, call, payload=b"ppp"):
        self.sock.sendto(struct.pack("!HHHHI", 0x3001, 0x880B, len(payload), call, 0) + payload, (to, 0))

    def receive(self, timeout=None):
        """(sender, call ID, payload), None when nothing comes."""
        if not timeout and netbed.markers:
            netbed.markers.settle()
            timeout = 0
        got = self.packet(netbed.NEVER if timeout is None else timeout)
        return (got[0], struct.unpack_from("!H", got[1], 6)[0], got[1][12:]) if got else None

    def receive_of(self, call, timeout=None):
        """The payload of the next packet with this call ID, None when none comes."""
        deadline = time.monotonic() + (timeout or netbed.NEVER)
        for _ in range(5000):
            got = self.receive(max(deadline - time.monotonic(), 0.01))
            if not got:
                break
            if got[1] == call:
                return got[2]
        return None

    def drain(self):
        if netbed.markers:
            netbed.markers.settle()
        super().drain(0 if netbed.markers else 0.05)


class Line:
    """A control connection: self.client and self.server are its ends."""

    def __init__(self, listener, ns, host, to, port=1723, source=0, lock=None):
        """@lock: held from connection to acceptance, where others use the listener, too."""
        with lock or threading.Lock():
            self.client = netbed.connect(ns, to, port, source=(host, source))
            self.server, self.seen = netbed.accept(listener)
        for sock in (self.client, self.server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def up(self, data):
        """From client to server; returns what arrived."""
        self.client.sendall(data)
        return read_message(self.server)

    def down(self, data):
        self.server.sendall(data)
        return read_message(self.client)

    def close(self):
        self.client.close()
        self.server.close()


def same_but_ids(got, sent, first, second=None):
    """@got is @sent with these IDs in it."""
    wanted = bytearray(sent)
    struct.pack_into("!H", wanted, 12, first)
    if second is not None:
        struct.pack_into("!H", wanted, 14, second)
    must_equal(got, bytes(wanted), "message")


class Call:
    """A call that the client asks for: own is its number, told what the server was told, far the server's."""

    def __init__(self, line, own=5000, far=900):
        self.line, self.own, self.far = line, own, far
        request = message(OUT_REQUEST, own, 0x1111)
        got = line.up(request)
        self.told = ids(got)[0]
        same_but_ids(got, request, self.told)
        reply = message(OUT_REPLY, far, self.told)
        same_but_ids(line.down(reply), reply, far, own)


def carries(call, client, server, from_client, from_server):
    """GRE of the call in both directions; from_*: addresses as the other side sees them."""
    client.send(from_server, call.far, b"up")
    must_equal(server.receive(netbed.PATIENCE), (from_client, call.far, b"up"), "GRE to the server")
    server.send(from_client, call.told, b"down")
    must_equal(client.receive(netbed.PATIENCE), (from_server, call.own, b"down"), "GRE to the client")
