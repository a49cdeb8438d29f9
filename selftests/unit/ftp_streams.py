#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ftp_streams.py DIR: FTP control connections of the captures in DIR, for test_ftp_corpora.c.

Per connection: "connection TITLE", then "client HEX" and "server HEX" with one segment's new bytes each, in the order of
the capture, "expect SIDE KIND ADDRESS PORT" for what the facts beside the capture list, and "end".
"""
import ipaddress
import json
import pathlib
import struct
import sys


def packets(path):
    """IP packets of a pcap file."""
    data = path.read_bytes()
    word = ">I" if data[:4] == b"\xa1\xb2\xc3\xd4" else "<I"
    link = struct.unpack_from(word, data, 20)[0]
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(word, data, at + 8)[0]
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if link == 1:
            kind = 12
            while frame[kind:kind + 2] == b"\x81\x00":
                kind += 4
            frame = frame[kind + 2:] if frame[kind:kind + 2] in (b"\x08\x00", b"\x86\xdd") else b""
        elif link == 0:
            frame = frame[4:]
        if frame:
            yield frame


def segments(path):
    """(source, destination, sequence number, SYN, payload) of TCP."""
    for ip in packets(path):
        if ip[0] >> 4 == 4 and ip[9] == 6:
            start, end, hosts = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0], (ip[12:16], ip[16:20])
        elif ip[0] >> 4 == 6 and ip[6] == 6:
            start, end, hosts = 40, 40 + struct.unpack_from(">H", ip, 4)[0], (ip[8:24], ip[24:40])
        else:
            continue
        tcp = ip[start:end or len(ip)]
        if len(tcp) < 20:
            continue
        sport, dport, seq = struct.unpack_from(">HHI", tcp)
        source, destination = ((str(ipaddress.ip_address(h)), p) for h, p in zip(hosts, (sport, dport)))
        yield source, destination, seq, bool(tcp[13] & 2), tcp[(tcp[12] >> 4) * 4:]


class Side:
    """One direction: hands out bytes once and in order."""

    def __init__(self):
        self.next = None
        self.early = {}

    def add(self, seq, syn, data):
        if syn:
            self.next = (seq + 1) % 2**32
            return
        if self.next is None:
            self.next = seq
        if data:
            self.early[seq] = max(self.early.get(seq, b""), data, key=len)
        progress = True
        while progress:
            progress = False
            for at, piece in list(self.early.items()):
                old = (self.next - at) % 2**32
                if old >= 2**31:
                    continue
                del self.early[at]
                if old < len(piece):
                    self.next = (at + len(piece)) % 2**32
                    progress = True
                    yield piece[old:]


def connections(path, facts):
    """Control connections by (client, server), each a list of (side, bytes)."""
    known = {frozenset(((e["src"], e["sport"]), (e["dst"], e["dport"]))) for e in facts}
    found, sides = {}, {}
    for source, destination, seq, syn, data in segments(path):
        pair = frozenset((source, destination))
        if pair not in known and 21 not in (source[1], destination[1]):
            continue
        if pair not in found:
            client = source if syn or destination[1] == 21 else destination
            found[pair] = (client, [])
        client, pieces = found[pair]
        for piece in sides.setdefault((pair, source), Side()).add(seq, syn, data):
            pieces.append(("client" if source == client else "server", piece))
    return found


def main():
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.pcap")):
        facts = json.loads(path.with_name(path.name + ".facts.json").read_text()).get("ftp_endpoints", [])
        for pair, (client, pieces) in connections(path, facts).items():
            print("connection", path.name, *client)
            for side, piece in pieces:
                print(side, piece.hex())
            for e in facts:
                source = (e["src"], e["sport"])
                if frozenset((source, (e["dst"], e["dport"]))) == pair and not e.get("wrong_direction"):
                    side = "client" if source == client else "server"
                    print("expect", side, e["kind"], e.get("addr", "-"), e.get("port", 0), repr(e["line"]))
            print("end")


if __name__ == "__main__":
    main()
