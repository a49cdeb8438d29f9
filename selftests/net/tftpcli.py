# SPDX-License-Identifier: GPL-2.0-only
"""A TFTP client on plain sockets (RFC 1350); several transfers may share one socket."""
import socket
import struct

import netbed

RRQ, WRQ, DATA, ACK, ERROR, OACK = range(1, 7)


def request(opcode, name, mode="octet", **options):
    words = [name, mode]
    for option, value in options.items():
        words += [option, str(value)]
    return struct.pack("!H", opcode) + b"".join(word.encode() + b"\0" for word in words)


def udp(ns, host, port=0, timeout=None):
    """A socket of @ns, bound to @host and @port."""
    sock = netbed.new_socket(ns, host, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.settimeout(timeout or netbed.PATIENCE)
    return sock


def arrives(sock, timeout=None):
    """The next datagram and who sent it, or None."""
    sock.settimeout(timeout or netbed.NEVER)
    try:
        data, peer = sock.recvfrom(65536)
        return data, (peer[0], peer[1])
    except OSError:
        return None


class Transfers:
    """Reads files by one socket, all at a time. @files: {server: name}; afterwards self.content is {server: bytes}."""

    def __init__(self, sock, files, port=69):
        self.sock = sock
        self.files = files
        self.content = {host: b"" for host in files}
        self.blocks = {host: 1 for host in files}
        self.left = set(files)
        for host, name in files.items():
            sock.sendto(request(RRQ, name), (host, port))

    def step(self):
        data, peer = self.sock.recvfrom(65536)
        host = peer[0]
        opcode, block = struct.unpack("!HH", data[:4])
        if opcode != DATA:
            raise RuntimeError("%s: %r" % (host, data))
        if host not in self.left:
            return
        if block == self.blocks[host] & 0xffff:
            self.content[host] += data[4:]
            self.blocks[host] += 1
            if len(data) < 516:
                self.left.discard(host)
        self.sock.sendto(struct.pack("!HH", ACK, block), peer[:2])

    def run(self):
        while self.left:
            self.step()
        return self.content
