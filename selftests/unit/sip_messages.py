#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sip_messages.py DIR: SIP messages of the corpora in DIR, for test_sip_corpora.c.

Per datagram "datagram TITLE", "bytes HEX", "expect KIND TEXT" for what the facts say, "odd" where the facts call it
broken, "end". Per direction of a TCP connection "stream TITLE", "bytes HEX", "expect message START" for each message,
"end". A description alone is "sdp TITLE". What has no facts beside it comes as "any TITLE".
"""
import ipaddress
import json
import pathlib
import struct
import sys


def frames(path):
    """(number, frame) of a pcap or pcapng file."""
    data = path.read_bytes()
    number, at = 0, 24
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at = 0
        while at + 12 <= len(data):
            kind, size = struct.unpack_from("<II", data, at)
            if kind in (3, 6):
                number += 1
                start, length = at + 12, size - 16
                if kind == 6:
                    start, length = at + 28, struct.unpack_from("<I", data, at + 20)[0]
                yield number, data[start:start + length]
            at += max(size, 12)
        return
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        number += 1
        yield number, data[at + 16:at + 16 + size]
        at += 16 + size


def transport(frame):
    """(protocol, source, destination, segment) of an Ethernet frame; nothing for fragments."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    ip = frame[at + 2:]
    while ip:
        if ip[0] >> 4 == 4:
            size, proto = struct.unpack_from(">H", ip, 2)[0], ip[9]
            if struct.unpack_from(">H", ip, 6)[0] & 0x3fff:
                return None
            body, hosts = ip[(ip[0] & 15) * 4:size or len(ip)], (ip[12:16], ip[16:20])
        elif ip[0] >> 4 == 6:
            proto, body, hosts = ip[6], ip[40:40 + struct.unpack_from(">H", ip, 4)[0]], (ip[8:24], ip[24:40])
        else:
            return None
        if proto not in (4, 41):
            break
        ip = body
    if not ip or proto not in (6, 17) or len(body) < 8:
        return None
    source, destination = zip((str(ipaddress.ip_address(h)) for h in hosts), struct.unpack_from(">HH", body))
    return proto, source, destination, body


def endpoint(text):
    """"ADDRESS PORT" as the test prints it, None for a name."""
    words = text.split()
    try:
        address = str(ipaddress.ip_address(words[0].strip("[]")))
    except (ValueError, IndexError):
        return None
    return " ".join([address] + [str(int(w)) for w in words[1:] if int(w)])


def show(kind, title, data, facts):
    print(kind, title)
    print("bytes", data.hex())
    if any(facts.get(k) for k in ("content_length_mismatch", "tshark_calls_malformed", "odd")) or \
            not all(facts.get(k) for k in ("start", "call_id", "cseq", "via")):
        print("odd")
    if facts.get("call_id"):
        print("expect call-id", facts["call_id"])
    if facts.get("cseq"):
        number, *method = facts["cseq"].split()
        print("expect cseq", int(number) if number.isdigit() else number, *method)
    for name in ("via", "contact"):
        for e in filter(None, map(endpoint, facts.get(name, []))):
            print("expect", name, e)
    for description in facts.get("sdp", []):
        for media in description.get("media", []):
            e = endpoint(media.get("endpoint", ""))
            if e:
                print("expect media", e)
    print("end")


def capture(path):
    facts = json.loads(path.with_name(path.name + ".facts.json").read_text())
    broken = set(facts.get("frames_tshark_calls_malformed", []))
    wanted = {}
    for f in facts.get("sip", []):
        wanted.setdefault(f["frame"], []).append(f)
    sides = {}
    for number, frame in frames(path):
        packet = transport(frame)
        if not packet:
            continue
        proto, source, destination, body = packet
        if proto == 17 and number in wanted and len(wanted[number]) == 1:
            f = dict(wanted[number][0], odd=number in broken)
            show("datagram", f"{path.name} {number}", body[8:], f)
        elif proto == 6:
            sides.setdefault((source, destination), []).append((number, body))
    streams(path, facts, sides)


def streams(path, facts, sides):
    for (source, destination), segments in sides.items():
        starts = [f["start"] for f in facts.get("sip", []) if f["l4"] == "tcp" and f.get("start") and
                  (f["sport"], f["dport"]) == (source[1], destination[1])]
        first, pieces = None, {}
        for _, tcp in segments:
            seq = struct.unpack_from(">I", tcp, 4)[0]
            payload = tcp[(tcp[12] >> 4) * 4:]
            if tcp[13] & 2:
                first = seq + 1
            elif payload and first is None:
                first = seq
            if payload:
                pieces[seq] = max(pieces.get(seq, b""), payload, key=len)
        data = b""
        for seq in sorted(pieces):
            at = seq - first
            if at <= len(data):
                data = data[:at] + pieces[seq] if at + len(pieces[seq]) > len(data) else data
        if starts and data:
            print("stream", path.name, *source)
            print("bytes", data.hex())
            for start in starts:
                print("expect message", start)
            print("end")


def folder(path):
    for f in json.loads((path / "facts.json").read_text())["files"]:
        data = (path / f["file"]).read_bytes()
        messages = f.get("messages", [])
        if path.name == "sdp-bodies":
            print("sdp", f["file"])
            print("bytes", data.hex())
            print("end")
        elif len(messages) == 1:
            show("datagram", f"{path.name}/{f['file']}", data, dict(messages[0], odd=f.get("tshark_calls_malformed")))
        else:
            show("any", f"{path.name}/{f['file']}", data[:65535], {})


def main():
    top = pathlib.Path(sys.argv[1])
    for path in sorted(top.iterdir()):
        if path.is_dir() and (path / "facts.json").exists():
            folder(path)
        elif path.suffix in (".pcap", ".pcapng"):
            capture(path)


main()
