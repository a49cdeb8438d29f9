# SPDX-License-Identifier: GPL-2.0-only
"""PPTP as the tests speak it: control messages (RFC 2637, 2) over a socket, GRE packets (4.1) over raw ones."""
import socket
import struct

import netbed

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


class Gre:
    """GRE packets of one host."""

    def __init__(self, ns, host):
        self.host = host
        self.ipv6 = netbed.is_ipv6(host)
        netbed.enter(ns)
        self.sock = socket.socket(socket.AF_INET6 if self.ipv6 else socket.AF_INET, socket.SOCK_RAW, 47)
        self.sock.bind((host, 0))

    def send(self, to, call, payload=b"ppp"):
        self.sock.sendto(struct.pack("!HHHHI", 0x3001, 0x880B, len(payload), call, 0) + payload, (to, 0))

    def receive(self, timeout=None):
        """(sender, call ID, payload), None when nothing comes."""
        self.sock.settimeout(timeout or netbed.NEVER)
        try:
            data, sender = self.sock.recvfrom(2000)
        except OSError:
            return None
        if not self.ipv6:
            data = data[(data[0] & 15) * 4:]
        return sender[0], struct.unpack_from("!H", data, 6)[0], data[12:]

    def drain(self):
        while self.receive(0.05):
            pass

    def close(self):
        self.sock.close()


class Line:
    """A control connection: self.client and self.server are its ends."""

    def __init__(self, listener, ns, host, to, port=1723, source=0):
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
