#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Eight clients of one gateway and their ESP from both sides without a pause, while the operator ends tunnels, deletes connections and
changes the policy. What gets to a client is its own.
"""
import os
import random
import socket
import struct
import time

from esp_lib import CHILD, ESP, INFO, EspRouter, esp, ike
from raw_lib import ROUTER4, SERVER4, UDP, Tap, Wire, expect, expect_is, forget, fork, ip, udp

CLIENTS = 8
SECONDS = 15

tap = Tap()


def flood(wire, packets, end):
    n = 2000	# sequence numbers of SAs that are old
    while time.monotonic() < end:
        n += 1
        for data in packets(n):
            try:
                wire.send(data)
            except OSError:		# the queue is full
                time.sleep(0.001)
        if n % 20 == 0:
            time.sleep(0.001)


def from_clients(clients, n):
    for c in clients:
        yield ip(c.addr, SERVER4, ESP, esp(c.spi_out, n))
    c = random.choice(clients)
    if n % 7 == 0:
        data = ike(c.ispi, c.rspi, CHILD if n % 3 else INFO, ident=n)
        yield ip(c.addr, SERVER4, UDP, udp(c.addr, SERVER4, 500, 500, data))
    if n % 50 == 0:
        yield ip(c.addr, SERVER4, ESP, esp(c.spi_out + 1 + n % 5, 1))


def from_gateway(clients, n):
    for c in clients:
        yield ip(SERVER4, ROUTER4, ESP, esp(c.spi_in, n))
    c = random.choice(clients)
    if n % 9 == 0:
        data = ike(c.ispi, c.rspi, CHILD, ident=n, response=n % 2 == 0, initiator=False)
        yield ip(SERVER4, ROUTER4, UDP, udp(SERVER4, ROUTER4, 500, c.port, data))


def watch(wire, clients, end, report):
    own = {c.spi_in: c.addr for c in clients}
    seen, wrong = 0, set()
    while time.monotonic() < end + 1:
        raw = wire.receive(0.5)
        if raw is None or raw[0] >> 4 != 4 or raw[9] != ESP or raw[12:16] != SERVER4:
            continue
        seen += 1
        spi, = struct.unpack_from("!I", raw, 20)
        if own.get(spi) != raw[16:20]:
            wrong.add("%#x to %s" % (spi, socket.inet_ntoa(raw[16:20])))
    os.write(report, ("%d\n%s" % (seen, ", ".join(sorted(wrong)))).encode()[:2000])


def one_ends(r):
    for tunnel in r.tunnels()[:3]:
        r.alg("tunnel", "del", "id", str(tunnel["id"]), check=False)


def off_and_on(r):
    r.ike("off")
    time.sleep(random.random() * 0.3)
    r.ike("on")


def options(r):
    r.ike("on", "gate-timeout=%d" % random.choice((2, 5, 30)), "require-ike=" + random.choice(("yes", "no")),
          "preserve-port=" + random.choice(("on", "off")))


def connections(r):
    forget("-p", "50", ns=r.r, check=False)


def stress(r):
    clients = [r.client(n + 1).up() for n in range(CLIENTS)]
    second = Wire(r.c, bytes.fromhex("020000000011"), bytes.fromhex("020000000001"))
    result, report = os.pipe()
    end = time.monotonic() + SECONDS
    pids = [fork(lambda: watch(second, clients, end, report)),
            fork(lambda: flood(r.inside, lambda n: from_clients(clients, n), end)),
            fork(lambda: flood(r.outside, lambda n: from_gateway(clients, n), end))]
    while time.monotonic() < end:
        time.sleep(random.random() * 0.4)
        random.choice((one_ends, off_and_on, options, connections))(r)
    expect_is([os.waitpid(pid, 0)[1] for pid in pids], [0, 0, 0], "exit status")
    seen, wrong = os.read(result, 4000).decode().split("\n")
    print("# %s packets arrived" % seen)
    expect(int(seen) > 100, "packets arrived:", seen)
    expect_is(wrong, "", "delivered to others")
    second.sock.close()


with EspRouter(tap) as router:
    tap.point("ESP of eight clients while the policy changes", lambda: (router.fresh_start(), stress(router)))
tap.finish()
