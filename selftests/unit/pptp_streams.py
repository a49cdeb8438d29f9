#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pptp_streams.py DIR: PPTP control connections of the captures in DIR, for test_pptp_corpora.c.

Per direction of a connection: "stream TITLE", "bytes HEX" with all of its bytes, "expect TYPE LENGTH ACCEPTED ID..." for what the
facts beside the capture list, in order, and "end".
"""
import json
import pathlib
import re
import sys

from ftp_streams import Side, segments


def streams(path):
    """{(source, destination): bytes}, bytes once and in order."""
    found = {}
    for source, destination, seq, syn, data in segments(path):
        side = found.setdefault((source, destination), [Side(), b""])
        side[1] += b"".join(side[0].add(seq, syn, data))
    return {ends: data for ends, (_, data) in found.items()}


def expected(facts):
    """{(source, destination): lines}"""
    lines = {}
    for fact in facts.get("pptp", ()):
        ends = (fact["src"], fact["sport"]), (fact["dst"], fact["dport"])
        numbers = [fact[name] for name in ("call_id", "peer_call_id") if name in fact]
        granted = int(fact.get("out_result", fact.get("in_result", "0")) == "1")
        kind = re.search(r"\((\d+)\)", fact["type"])[1]
        lines.setdefault(ends, []).append(" ".join(["expect", kind, str(fact["length"]), str(granted)] + numbers))
    return lines


def main():
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.pcap")):
        facts = json.loads(path.with_name(path.name + ".facts.json").read_text(encoding="utf-8"))
        lines = expected(facts)
        for ends, data in streams(path).items():
            if 1723 not in (ends[0][1], ends[1][1]):
                continue
            print("stream", path.name, "%s:%d" % ends[0])
            print("bytes", data.hex())
            for line in lines.pop(ends, ()):
                print(line)
            print("end")
        if lines:
            sys.exit("%s: streams of the facts are not in the capture: %r" % (path.name, list(lines)))


main()
