#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Two clients speak IKE and ESP with a gateway, one step for each line of standard input; says when a step is done."""
import socket
import struct
import sys

import netbed

GATEWAY = "203.0.113.2"
CLIENTS = {"c1": ("192.168.1.11", 0xa1), "c2": ("192.168.1.12", 0xb2)}
SA_INIT, AUTH = 34, 35
INITIATOR, RESPONSE = 0x08, 0x20


def message(ispi, rspi, exchange, flags):
    """IKEv2 with one payload: a nonce, or what is encrypted."""
    return struct.pack("!QQBBBBIIBBH", ispi, rspi, 40 if exchange == SA_INIT else 46, 0x20, exchange, flags, exchange == AUTH, 64,
                       0, 0, 36) + bytes(32)


def ask(client, server, ispi, exchange):
    """A request, and the gateway's answer."""
    client.sendto(message(ispi, 0 if exchange == SA_INIT else ~ispi & 0xffff, exchange, INITIATOR), (GATEWAY, 500))
    _, sender = server.recvfrom(2000)
    server.sendto(message(ispi, ~ispi & 0xffff, exchange, RESPONSE), sender)
    client.recv(2000)


def bound(ns, kind, protocol, address):
    sock = netbed.new_socket(ns, address[0], kind) if not protocol else raw(ns, protocol)
    sock.settimeout(netbed.PATIENCE)
    sock.bind(address)
    return sock


def raw(ns, protocol):
    netbed.enter(ns)
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)


def esp(sock, to, spi, seq, peer):
    sock.sendto(struct.pack("!II", spi, seq) + bytes(40), (to, 0))
    peer.recv(2000)


def main():
    server = bound("s1", socket.SOCK_DGRAM, 0, (GATEWAY, 500))
    gateway = bound("s1", 0, 50, (GATEWAY, 0))
    clients = {name: bound(name, socket.SOCK_DGRAM, 0, (address, 500)) for name, (address, _) in CLIENTS.items()}
    ends = {name: bound(name, 0, 50, (address, 0)) for name, (address, _) in CLIENTS.items()}
    for line in sys.stdin:
        for name, (_, ispi) in CLIENTS.items():
            if line == "ike\n":
                ask(clients[name], server, ispi, SA_INIT)
            elif line == "esp\n":
                ask(clients[name], server, ispi, AUTH)
                for seq in (1, 2, 3):
                    esp(ends[name], GATEWAY, ispi << 24 | 0xfeed, seq, gateway)
                    esp(gateway, "203.0.113.1", ispi << 24 | 0xcafe, seq, ends[name])
                esp(ends[name], GATEWAY, ispi << 24 | 0xfeed, 4, gateway)
            elif line == f"again {name}\n":
                ask(clients[name], server, ispi, AUTH)
        print("done", line, end="", flush=True)


main()
