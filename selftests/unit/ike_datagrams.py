#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ike_datagrams.py DIR: datagrams of IKE's ports in the captures of DIR, for test_ike_corpora.c.

Per datagram "datagram NATT TITLE", "bytes HEX", "expect ISPI RSPI MAJOR EXCHANGE ID LENGTH" if the facts beside the capture call it
IKE, "odd" if they call it broken, "end". Per capture "total ESP KEEPALIVES TITLE": how many of these the facts count on udp/4500.
What is not in the facts comes without expectation.
"""
import json
import pathlib
import re
import struct
import sys


def frames(path):
    """(number, link type, frame) of a pcap or pcapng file."""
    data = path.read_bytes()
    number, at = 0, 24
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at, link = 0, 1
        while at + 12 <= len(data):
            kind, size = struct.unpack_from("<II", data, at)
            if kind == 1:
                link = struct.unpack_from("<H", data, at + 8)[0]
            elif kind == 6:
                number += 1
                yield number, link, data[at + 28:at + 28 + struct.unpack_from("<I", data, at + 20)[0]]
            at += max(size, 12)
        return
    link = struct.unpack_from("<H", data, 20)[0]
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        number += 1
        yield number, link, data[at + 16:at + 16 + size]
        at += 16 + size


def datagram(link, frame):
    """(ports, payload) of UDP, as far as it was captured."""
    ip = frame[4:] if link == 0 else frame[14:]
    if not ip:
        return None
    if ip[0] >> 4 == 4 and len(ip) > 20 and ip[9] == 17:
        body = ip[(ip[0] & 15) * 4:]
    elif ip[0] >> 4 == 6 and len(ip) > 40 and ip[6] == 17:
        body = ip[40:]
    else:
        return None
    if len(body) < 8:
        return None
    source, destination, size = struct.unpack_from(">HHH", body)
    return {source, destination}, body[8:max(size, 8)]


def show(natt, title, data, facts, odd):
    print("datagram", int(natt), title)
    print("bytes", data.hex())
    if facts and "length" in facts:
        exchange = re.search(r"\((\d+)\)", facts["exch"])[1]
        print("expect", facts["ispi"], facts["rspi"], facts["ver"].split(".")[0], exchange, int(facts["msgid"], 16),
              facts["length"])
    if odd:
        print("odd")
    print("end")


def capture(path):
    facts = json.loads(path.with_name(path.name + ".facts.json").read_text())
    wanted = {f["frame"]: f for f in facts.get("ike", [])}
    broken = facts.get("frames_tshark_calls_malformed", [])
    for number, link, frame in frames(path):
        packet = datagram(link, frame)
        if packet and packet[0] & {500, 4500}:
            show(4500 in packet[0], f"{path.name} {number}", packet[1], wanted.get(number), number in broken)
    esp = sum(f["packets"] for f in facts.get("esp", []) if "4500" in f["carried"])
    print("total", esp, sum(facts.get("nat_keepalives", {}).values()), path.name)


def main():
    base = pathlib.Path(sys.argv[1])
    for path in sorted(base.glob("*.pcap*")):
        if path.suffix in (".pcap", ".pcapng"):
            capture(path)
    folder = base / "ike-scan"
    if folder.is_dir():
        for f in json.loads((folder / "facts.json").read_text())["files"]:
            messages = f["messages"]
            show(False, f["file"], (folder / f["file"]).read_bytes(), messages[0] if messages else None, not messages)


main()
