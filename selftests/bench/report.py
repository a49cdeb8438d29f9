#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py RAW TABLE [NAME]: figures of measure.sh as a table with ratios and verdicts, also written to TABLE; or only of what was
measured of NAME (see run), which leaves TABLE as it is.

Every series has one value a round, and what is compared was measured in turns within a round. A figure is the median over rounds;
a ratio or difference is the median of the rounds' own ones. Noise is twice the standard error of that median, estimated from
the median absolute deviation, and never less than what two equal namespaces differ by.

Status 0: every target is met, or missed by no more than the noise.
"""
import sys
from math import sqrt
from statistics import median

HELPER_ROWS = (
    # series, title, target
    ("ftp-port", "FTP PORT, ->help", 0.7),
    ("ftp-eprt", "FTP EPRT, ->help", 0.7),
    ("ftp-command", "FTP command of no interest, ->help", 1.0),
    ("ftp-reply", "FTP reply of no interest, ->help", 1.0),
    ("tftp-rrq", "TFTP RRQ, ->help", 1.0),
    ("ftp-port-whole", "FTP PORT, with sequence numbers and checksum", None),
    ("ftp-eprt-whole", "FTP EPRT, with sequence numbers and checksum", None),
    ("ftp-command-whole", "FTP command of no interest, with the same", None),
    ("sip-invite", "SIP INVITE, SDP with two media, ->help", 0.25),
    ("sip-ok", "SIP 200 OK, SDP with two media, in reply", 0.25),
    ("sip-register", "SIP REGISTER", 0.3),
    ("sip-register-ok", "SIP 200 OK to REGISTER", None),
    ("sip-options", "SIP OPTIONS", 0.3),
    ("sip-invite-plain", "SIP INVITE, no address translation", 0.6),
    ("pptp-request", "PPTP Outgoing-Call-Request", 1.0),
    ("pptp-reply", "PPTP Outgoing-Call-Reply, opens GRE both ways", 1.0),
    ("esp-out-one", "ESP to the gateway, hooks with and without module, 1 tunnel", 1.1),
    ("esp-in-one", "ESP from the gateway, 1 tunnel", 1.1),
    ("esp-out-many", "ESP to the gateway, 16,000 tunnels", 1.1),
    ("esp-in-many", "ESP from the gateway, 16,000 tunnels", 1.1),
)

# INVITE number 10,000 of one connection, all calls alive, against the first.
TRUNK_RATIO = 1.2

HOOK_ROWS = (
    # series, title, largest share of conntrack's own cost; None: for information
    ("new-tcp", "new TCP connection, port not served", 0.03),
    ("new-udp", "new UDP connection, port not served", 0.03),
    ("established", "established packet", None),
    ("served", "new connection to port 21, one tenant's", None),
    ("served-zones", "new connection to port 21, each another tenant's", None),
)

# An established packet must pay nothing measurable: in ns, what the hook may cost more than one in its place that only returns.
EMPTY_NS = 2.0

LOAD_MS = 1000


def spread(values):
    """The median and its noise."""
    middle = median(values)
    deviation = 1.4826 * median(abs(v - middle) for v in values)
    return middle, 2 * 1.2533 * deviation / sqrt(len(values))


class Table:
    HEAD = ("measurement", "kernel", "ours", "ratio", "target", "verdict")

    def __init__(self):
        self.rows = [self.HEAD]
        self.missed = 0

    def add(self, title, kernel, ours, ratio, target="", met=None):
        verdict = "" if met is None else "met" if met else "MISSED"
        self.missed += met is False
        self.rows.append((title, kernel, ours, ratio, target, verdict))

    def __str__(self):
        width = [max(len(row[i]) for row in self.rows) for i in range(len(self.HEAD))]
        lines = []
        for row in self.rows:
            cells = [row[0].ljust(width[0])] + [c.rjust(w) for c, w in zip(row[1:5], width[1:5])] + [row[5]]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)


def read(name):
    series, figures, complaints = {}, {}, []
    with open(name, encoding="utf-8") as raw:
        for line in raw:
            fields = line.rstrip("\n").split("\t")
            if fields[0] != "# bench":
                continue
            if fields[1] == "series":
                series[fields[2], fields[3]] = [int(v) / 10 for v in fields[4].split()]
            elif fields[1] == "complaint":
                complaints.append(fields[2])
            else:
                figures[fields[1]] = fields[2:]
    return series, figures, complaints


def wanted(name, only):
    return name == only[:-1] if only.endswith("$") else name.startswith(only)


def helper_rows(table, series, only):
    for name, title, target in HELPER_ROWS:
        if not wanted(name, only):
            continue
        kernel, ours = series[name, "kernel"], series.get((name, "ours"))
        goal = "" if target is None else f"≤ {target:g}"
        if not ours:
            table.add(title, f"{median(kernel):.0f} ns", "not there", "", goal, False)
            continue
        ratio, noise = spread([o / k for k, o in zip(kernel, ours)])
        table.add(title, f"{median(kernel):.0f} ns", f"{median(ours):.0f} ns", f"{ratio:.2f} ± {noise:.2f}", goal,
                  None if target is None else ratio - noise <= target)


def trunk_row(table, series):
    first, last = series.get(("sip-trunk", "first")), series.get(("sip-trunk", "last"))
    if first and last:
        ratio, noise = spread([b / a for a, b in zip(first, last)])
        table.add("SIP INVITE number 10,000 of a trunk against number 1", f"{median(first):.0f} ns", f"{median(last):.0f} ns",
                  f"{ratio:.2f} ± {noise:.2f}", f"≤ {TRUNK_RATIO:g}", ratio - noise <= TRUNK_RATIO)


def added_row(table, title, base, lane, reference, floor, limit, target):
    """What @lane costs more than @reference, in share of @base."""
    added, noise = spread([v - r for r, v in zip(reference, lane)])
    noise = max(noise, floor)
    met = None if limit is None else added - noise <= limit
    table.add(title, f"{base:.1f} ns", f"{added:+.1f} ns", f"{added / base:+.1%} ± {noise / base:.1%}", target, met)


def hook_rows(table, series, only):
    for name, title, share in HOOK_ROWS:
        if not wanted(name, only):
            continue
        lane = {who: series[name, who] for who in ("plain", "twin", "empty", "one", "many")}
        base = median(lane["plain"])
        twin, noise = spread([t - p for p, t in zip(lane["plain"], lane["twin"])])
        floor = abs(twin) + noise
        limit = None if share is None else share * base
        target = "" if share is None else f"≤ +{share:.0%}"
        for who, tenants in (("one", "1 tenant"), ("many", "65,536 tenants")):
            added_row(table, f"{title}, {tenants}", base, lane[who], lane["plain"], floor, limit, target)
        if share is not None or name == "established":
            added_row(table, "  65,536 tenants against 1", base, lane["many"], lane["one"], floor, 0, "flat")
        if name == "established":
            added_row(table, "  1 tenant against a hook that only returns", base, lane["one"], lane["empty"], floor, EMPTY_NS,
                      f"≤ {EMPTY_NS:.0f} ns")


def load_rows(table, figures):
    for key, title in (("load", "load 65,536 tenants, 1,000 policies"), ("reload", "replace them by the same again")):
        ms = median(float(v) for v in figures[key])
        table.add(title, "", f"{ms:.0f} ms", "", f"< {LOAD_MS} ms", ms < LOAD_MS)
    tenants, used, slabs = (int(v) for v in figures["memory"])
    table.add("memory of a tenant (of it in slabs)", "", f"{used / tenants:.0f} B", f"({slabs / tenants:.0f} B)")


def main():
    series, figures, complaints = read(sys.argv[1])
    for complaint in complaints:
        print("not measured: " + complaint)
    if complaints:
        return 1
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    table = Table()
    helper_rows(table, series, only)
    trunk_row(table, series)
    hook_rows(table, series, only)
    if not only:
        load_rows(table, figures)
        with open(sys.argv[2], "w", encoding="utf-8") as out:
            print(table, file=out)
    print(table)
    print(f"{table.missed} targets missed" if table.missed else "every target is met")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
