#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""SAs whose packets went both ways know their connection: it is found, refreshed and counted as if conntrack had looked for it."""
import re
import socket
import time

from raw_lib import Tap, expect, expect_is, forget, run
from esp_lib import ZONE, nothing, run_tests

tap = Tap()


def connection(r, client):
    """A client's line of conntrack's, as a dictionary of its last values."""
    listed = run("conntrack", "-L", "-p", "50", "-s", socket.inet_ntoa(client.addr), ns=r.r)
    (line,) = (line for line in listed.split("\n") if "src=" in line)
    found = dict(re.findall(r"(\S+)=(\S+)", line), left=int(line.split()[2]))
    found["packets"], found["bytes"] = ([int(n) for n in re.findall(name + r"=(\d+)", line)] for name in ("packets", "bytes"))
    return found


def known(r, *clients):
    """Their connections are known: of both SAs."""
    for c in clients:
        c.exchange(3)
        expect_is(connection(r, c)["use"], "3", "references of a connection that both SAs know")


def deleted(r):
    """Others delete connections while SAs know them: the next packet begins a new one."""
    a, b = r.client(1).up(), r.client(2).up()
    before = r.flows()
    for first_in in (False, True):
        known(r, a, b)
        forget("-p", "50", ns=r.r)
        expect_is(r.flows(), {}, "connections")
        for c in (a, b):
            if first_in:
                c.gets()
                c.in_arrives()
            c.exchange(3)
        if not first_in:
            expect_is(r.flows(), before, "connections")
    # and without another packet nothing of them stays for long
    forget("-p", "50", ns=r.r)
    end = time.monotonic() + 20
    while int(run("conntrack", "-C", ns=r.r)) != run("conntrack", "-L", ns=r.r).count(" use="):
        expect(time.monotonic() < end, "connections that are deleted, but still count")
        time.sleep(0.1)
    a.exchange()
    b.exchange()


def lives(r):
    """Packets of known SAs keep their connection, and count, as conntrack has it."""
    wanted = {"nf_conntrack_acct": "1", "nf_conntrack_generic_timeout": "600"}
    before = {name: run("sysctl", "-n", "net.netfilter." + name, ns=r.r).strip() for name in wanted}
    try:
        for name, value in wanted.items():
            run("sysctl", "-qw", "net.netfilter.%s=%s" % (name, value), ns=r.r)
        a, b = r.client(1).up(), r.client(2).up()
        known(r, a, b)
        run("sysctl", "-qw", "net.netfilter.nf_conntrack_generic_timeout=50000", ns=r.r)
        for n, c in enumerate((a, b)):
            for _ in range(10 + n):
                c.sends()
            c.out_arrives(count=10 + n)
            c.gets()
            c.in_arrives()
            line = connection(r, c)
            expect_is(line["packets"], [15 + n, 6], "packets")
            expect_is(line["bytes"], [68 * (15 + n), 68 * 6], "bytes")
            expect(line["left"] > 49900, "not kept:", line)
    finally:
        for name, value in before.items():
            run("sysctl", "-qw", "net.netfilter.%s=%s" % (name, value), ns=r.r)


def zone_by_rule(r):
    """A rule says the zone of packets whose SAs know their connection: one that is theirs, then another one."""
    a, b = r.client(1).up(), r.client(2).up()
    known(r, a, b)
    try:
        run("nft", "-f", "-", ns=r.r, text="table inet zones { chain pre { type filter hook prerouting priority raw; "
            "meta l4proto esp ct zone set 0; }; }")
        for c in (a, b):
            c.exchange(3)
        expect_is(sorted(r.flows().values()), [0, ZONE], "zones")
        run("nft", "-f", "-", ns=r.r, text="flush table inet zones\n"
            "add rule inet zones pre iifname lan0 meta l4proto esp ct original zone set 5\n")
        # in that zone it would be a second connection in the place of the first
        a.sends()
        nothing(r)
        # a slot's is the same whatever the rules say
        b.exchange(3)
    finally:
        run("nft", "delete table inet zones", ns=r.r, check=False)
    a.exchange(3)
    b.exchange(3)


TESTS = (
    ("connections are deleted", deleted),
    ("connections live and count", lives),
    ("zones by rules", zone_by_rule),
)

if __name__ == "__main__":
    run_tests(tap, TESTS)
