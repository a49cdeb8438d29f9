# SPDX-License-Identifier: GPL-2.0-only
"""Begins a transaction, says "open", and keeps it until it is killed: see hold_transaction in lib.sh."""
import signal
import socket
import struct

NETLINK_GENERIC, REQUEST_ACK = 16, 5
CTRL, GETFAMILY, FAMILY_ID, FAMILY_NAME = 16, 3, 1, 2
CONFIG_BEGIN = 15

sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
sock.bind((0, 0))


def ask(family, command, attributes=b""):
    sock.send(struct.pack("=IHHIIBBH", 20 + len(attributes), family, REQUEST_ACK, 1, 0, command, 1, 0) + attributes)
    return sock.recv(65536)


reply = ask(CTRL, GETFAMILY, struct.pack("=HH", 11, FAMILY_NAME) + b"nf_alg\0\0")
ask(struct.unpack_from("=H", reply, reply.index(struct.pack("=HH", 6, FAMILY_ID)) + 4)[0], CONFIG_BEGIN)
print("open", flush=True)
signal.pause()
