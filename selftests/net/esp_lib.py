# SPDX-License-Identifier: GPL-2.0-only
"""
ESP and IKE by hand: clients behind a router and a gateway in front of it, without a daemon. Clients are addresses on one wire.

    192.168.1.11 to .40, 2001:db8:1::11 to ::40 -- lan0 [r] wan0 203.0.113.1 -- 203.0.113.2, 2001:db8:2::2
"""
import json
import os
import re
import socket
import struct
import time

import raw_lib
from raw_lib import SERVER4, SERVER6, UDP, Packet, Router, Wrong, expect, expect_is, ip, run, udp

ESP, AH = 50, 51
SA_INIT, AUTH, CHILD, INFO = 34, 35, 36, 37
ZONE = 61440
OTHER4 = socket.inet_aton("203.0.113.9")	# somebody else outside

raw_lib.RULES = raw_lib.RULES.replace("iifname lan0 udp dport { 9,", "iifname lan0 udp dport { 500, 4500, 9,").replace(
    "input priority 0;", "input priority 0; meta l4proto esp accept;") + """
table inet fw {
	chain strict { type filter hook forward priority -1; }
	chain forw { iifname lan0 ip6 nexthdr udp udp dport 500 ct state new accept; }
}
"""


def ike(ispi, rspi, exchange, ident=0, response=False, initiator=True, encrypted=True):
    """IKEv2 (RFC 7296, 3.1), with nothing in it but an encrypted payload."""
    body = struct.pack("!BBH", 0, 0, 24) + os.urandom(20) if encrypted else b""
    flags = (0x08 if initiator else 0) | (0x20 if response else 0)
    return struct.pack("!QQBBBBII", ispi, rspi, 46 if encrypted else 0, 0x20, exchange, flags, ident, 28 + len(body)) + body


def esp(spi, seq, data=b""):
    return struct.pack("!II", spi, seq) + (data or b"x" * 40)


class Client:
    """A client of the gateway. @spi_in: of packets to it, which it chose; @spi_out: of its own."""

    number = 0

    def __init__(self, router, addr, gateway=SERVER4, public=None, wire=None):
        Client.number += 1
        self.r = router
        self.wire = wire or router.inside
        self.addr, self.gateway = addr, gateway
        self.public = public or (router.public if len(addr) == 4 else addr)
        self.ispi = 0x1000000000000 + Client.number
        self.rspi = 0x2000000000000 + Client.number
        self.spi_in, self.spi_out = 0xa0000000 + Client.number * 256, 0xb0000000 + Client.number * 256
        self.seq_in = self.seq_out = 0
        self.port = 500			# as the gateway sees it
        self.ident = 0

    # messages and packets

    def say(self, exchange, **more):
        rspi = 0 if exchange == SA_INIT else self.rspi
        data = ike(self.ispi, rspi, exchange, **dict({"encrypted": exchange != SA_INIT}, **more))
        self.wire.send(ip(self.addr, self.gateway, UDP, udp(self.addr, self.gateway, 500, 500, data)))

    def told(self, exchange, **more):
        data = ike(self.ispi, self.rspi, exchange, **dict({"response": True, "initiator": False,
                                                          "encrypted": exchange != SA_INIT}, **more))
        self.r.outside.send(ip(self.gateway, self.public, UDP, udp(self.gateway, self.public, 500, self.port, data)))

    def heard(self, got):
        """Where the gateway saw the last message come from."""
        for p in got:
            if p.proto == UDP and p.dport == 500:
                self.port = p.sport

    def sends(self, seq=None, spi=None, data=b""):
        if seq is None:
            self.seq_out += 1
            seq = self.seq_out
        self.wire.send(ip(self.addr, self.gateway, ESP, esp(self.spi_out if spi is None else spi, seq, data)))

    def gets(self, seq=None, spi=None, data=b""):
        if seq is None:
            self.seq_in += 1
            seq = self.seq_in
        self.r.outside.send(ip(self.gateway, self.public, ESP, esp(self.spi_in if spi is None else spi, seq, data)))

    # several at once

    def begin(self):
        """IKE_SA_INIT both ways."""
        self.say(SA_INIT)
        self.heard(self.r.settle()[1])
        self.told(SA_INIT)
        self.r.settle()

    def child(self, exchange=AUTH):
        """An exchange that makes SAs; repeated (RFC 7296, 2.1) if another client's hold it up."""
        self.ident += 1
        end = time.monotonic() + 30
        for say, side in (self.say, 1), (self.told, 0):
            while True:
                say(exchange, ident=self.ident)
                got = [p for p in self.r.settle()[side] if p.proto == UDP]
                if side == 0 and self.wire is not self.r.inside:
                    got += self.arrived()
                if got:
                    break
                expect(time.monotonic() < end, "the message did not pass")
                time.sleep(0.3)
            if side:
                self.heard(got)

    def rekey(self):
        self.spi_in, self.spi_out = self.spi_in + 1, self.spi_out + 1
        self.seq_in = self.seq_out = 0
        self.child(CHILD)

    def up(self):
        self.begin()
        self.child()
        self.exchange()
        return self

    def end(self):
        """The operator ends its tunnel."""
        mine, = (t for t in self.r.tunnels() if t["client"]["address"] == socket.inet_ntoa(self.addr))
        self.r.alg("tunnel", "del", "id", str(mine["id"]))

    def exchange(self, rounds=2):
        """Packets both ways, which arrive where they should."""
        for _ in range(rounds):
            self.sends()
            self.out_arrives()
            self.gets()
            self.in_arrives()

    def out_arrives(self, spi=None, count=1):
        _, got = self.r.settle()
        found = [p for p in got if p.proto == ESP]
        expect_is([(p.src, p.dst, p.body[:4]) for p in found],
                  [(self.public, self.gateway, struct.pack("!I", spi or self.spi_out))] * count, "ESP at the gateway")

    def in_arrives(self, spi=None):
        got, _ = self.r.settle()
        if self.wire is not self.r.inside:
            got += self.arrived()
        found = [p for p in got if p.proto == ESP]
        expect_is([(p.src, p.dst, p.body[:4]) for p in found],
                  [(self.gateway, self.addr, struct.pack("!I", spi or self.spi_in))], "ESP inside")

    def arrived(self):
        """On a wire that has no marker."""
        found = []
        while True:
            raw = self.wire.receive(0.3)
            if raw is None:
                return found
            if raw[0] >> 4 == 4:
                found.append(Packet(raw))


def nothing(router):
    inside, outside = router.settle()
    expect_is([(p.src, p.dst) for p in inside + outside if p.proto == ESP], [], "ESP that arrived")


class EspRouter(Router):
    def __init__(self, tap):
        super().__init__(tap, "ike")

    def __enter__(self):
        super().__enter__()
        lines = []
        for n in range(11, 41):
            lines.append("neigh replace 192.168.1.%d lladdr 02:00:00:00:00:11 dev lan0 nud permanent" % n)
            lines.append("neigh replace 2001:db8:1::%d lladdr 02:00:00:00:00:11 dev lan0 nud permanent" % n)
        lines.append("neigh replace 203.0.113.9 lladdr 02:00:00:00:00:22 dev wan0 nud permanent")
        lines.append("neigh replace 203.0.113.3 lladdr 02:00:00:00:00:22 dev wan0 nud permanent")
        run("ip", "-n", self.r, "-batch", "-", text="\n".join(lines) + "\n")
        self.ike("on")
        return self

    def ike(self, mode, *options):
        self.alg("policy", "set", "raw", "ike", mode, *(("option",) + options if options else ()))

    def fresh_start(self, *options):
        """No tunnel, none that is remembered, no connection, default options."""
        self.ike("off")
        self.wait_tunnels(0)
        self.flush()
        run("rmmod", "nf_alg_ike")
        run("modprobe", "nf_alg_ike")
        self.ike("on", "require-ike=yes", "gate-timeout=5", "max-tunnels=0", *options)
        self.before = self.counters()

    def run_alone(self, function):
        self.fresh_start()
        try:
            function(self)
        except (LookupError, StopIteration) as e:
            raise Wrong(repr(e)) from e

    def grown(self, *names):
        now = self.counters()
        return [now.get(n, 0) - self.before.get(n, 0) for n in names]

    def client(self, n, **more):
        return Client(self, socket.inet_aton("192.168.1.%d" % (10 + n)), **more)

    def client6(self, n):
        return Client(self, socket.inet_pton(socket.AF_INET6, "2001:db8:1::%d" % (10 + n)), gateway=SERVER6)

    def tunnels(self):
        return json.loads(self.alg("-j", "tunnel", "show"))["tunnels"]

    def wait_tunnels(self, count):
        end = time.monotonic() + 20
        while len(self.tunnels()) != count:
            expect(time.monotonic() < end, "tunnels:", self.tunnels())
            time.sleep(0.1)

    def flows(self):
        """Connections of ESP as {(source, destination): zone}"""
        found = {}
        for line in run("conntrack", "-L", ns=self.r).split("\n"):
            if re.match(r"\w+ +50 ", line):
                src, dst = re.search(r"src=(\S+) dst=(\S+)", line).groups()
                zone = re.search(r"zone=(\d+)", line)
                found[src, dst] = int(zone.group(1)) if zone else 0
        return found


def run_tests(tap, tests):
    """Functions of the router with their titles, each with nothing left over from the one before."""
    with EspRouter(tap) as router:
        for title, function in tests:
            tap.point(title, router.run_alone, function)
    tap.finish()
