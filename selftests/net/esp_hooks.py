#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the hooks make of ESP: slots and zones, whose packets are whose, ICMP errors, the end of tunnels."""
import socket
import struct
import threading
import time

from raw_lib import ICMP, ROUTER4, SERVER4, SERVER6, UDP, Tap, Wire, checksum, expect, expect_is, forget, ip, no_offload, run, udp
from esp_lib import AH, AUTH, CHILD, ESP, INFO, OTHER4, SA_INIT, ZONE, esp, ike, nothing, run_tests

tap = Tap()
GATEWAY2 = socket.inet_aton("203.0.113.3")


def one(r):
    a = r.client(1)
    a.begin()
    expect_is(r.tunnels()[0]["slot"], 0, "slot")
    a.child()
    a.exchange()
    expect_is(r.flows(), {("192.168.1.11", "203.0.113.2"): 0}, "connections")
    expect_is(r.grown("tunnels", "spi-bound"), [1, 2], "counters")
    expect("ASSURED" in run("conntrack", "-L", "-s", "192.168.1.11", "-d", "203.0.113.2", ns=r.r).split("50 ")[1], "not assured")


def two(r):
    a, b = r.client(1).up(), r.client(2).up()
    for _ in range(3):
        a.exchange(1)
        b.exchange(1)
    expect_is(r.flows(), {("192.168.1.11", "203.0.113.2"): 0, ("192.168.1.12", "203.0.113.2"): ZONE}, "connections")
    # nobody expects a new one
    a.gets(spi=77, seq=1)
    nothing(r)
    expect_is(r.grown("no-window"), [1], "no-window")
    a.rekey()
    a.exchange()
    b.exchange()


def ten(r):
    clients = [r.client(n) for n in range(1, 11)]
    for c in clients:
        c.begin()
    for c in clients:
        c.child()
        c.exchange()
    for _ in range(2):
        for c in clients:
            c.exchange(1)
    expect_is(sorted(r.flows().values()), [0] + [ZONE + n for n in range(9)], "zones")
    # all at once
    for c in clients:
        c.seq_in += 1
        c.gets(seq=c.seq_in)
    inside, _ = r.settle()
    expect_is([(p.dst, p.body[:4]) for p in inside], [(c.addr, struct.pack("!I", c.spi_in)) for c in clients], "packets inside")


def gateway_first(r):
    a, b = r.client(1).up(), r.client(2)
    b.begin()
    b.child()
    b.gets()
    b.in_arrives()
    b.gets()
    b.in_arrives()
    b.sends()
    b.out_arrives()
    b.exchange()
    a.exchange()
    expect_is(r.flows()["203.0.113.2", "203.0.113.1"], ZONE, "zone")


def gate(r):
    a, b = r.client(1), r.client(2)
    a.begin()
    b.begin()
    a.child()
    b.ident += 1
    b.say(AUTH, ident=1)
    _, got = r.settle()
    expect_is([p for p in got if p.proto == UDP], [], "IKE_AUTH while another's SAs are in the making")
    a.exchange()
    b.say(AUTH, ident=1)
    b.heard(r.settle()[1])
    b.told(AUTH, ident=1)
    r.settle()
    b.exchange()
    a.exchange()
    expect_is(r.grown("gate"), [1], "gate")


def stray(r):
    a = r.client(1)
    # The box takes it for itself: a connection that began outside.
    r.outside.send(ip(SERVER4, ROUTER4, ESP, esp(99, 1)))
    r.settle()
    expect_is(r.flows(), {("203.0.113.2", "203.0.113.1"): 0}, "connections")
    a.up()
    expect_is(r.flows(), {("192.168.1.11", "203.0.113.2"): 0}, "connections")


def no_ike(r):
    a = r.client(1)
    # Nothing is known: the rules decide.
    a.sends()
    nothing(r)
    a.gets()
    nothing(r)
    a.begin()
    # IKE that sets nothing up yet is an IKE session: the only client's packet.
    r.fresh_start()
    a, b = r.client(1), r.client(2)
    a.begin()
    b.begin()
    a.gets(spi=5, seq=1)
    nothing(r)
    expect_is(r.grown("no-window"), [1], "no-window")


def another_way(r):
    """The rules let ESP out before there was IKE, as another address: from IKE on it goes the same way as that."""
    a = r.client(1)
    run("nft", "-f", "-", ns=r.r, text="insert rule ip nat post meta l4proto esp snat to 203.0.113.10\n"
        "insert rule inet fw forw iifname lan0 meta l4proto esp accept\n")
    try:
        a.sends()
        _, got = r.settle()
        expect_is([p.src for p in got if p.proto == ESP], [socket.inet_aton("203.0.113.10")], "ESP before IKE")
        a.up()
    finally:
        r.nat(True)


def collision(r):
    a, b = r.client(1).up(), r.client(2)
    for n in range(60):
        a.sends()
        a.gets()
    a.gets(seq=5000)
    a.seq_in = 5000
    r.settle()
    b.begin()
    b.child()
    b.spi_in = a.spi_in
    b.gets(seq=1)
    nothing(r)
    expect_is(r.grown("spi-collision"), [1], "spi-collision")
    a.exchange(1)


def refused(r):
    """Each reason for which a new SPI is not bound is counted by itself."""
    reasons = "esp-waits", "ambiguous", "sequence-high", "spis-full"

    def counted(*numbers):
        nothing(r)
        expect_is(r.grown(*reasons), list(numbers), "refused")

    a, b = r.client(1), r.client(2)
    for c in a, b:
        c.begin()
    a.sends()
    a.out_arrives()
    b.sends()
    counted(1, 0, 0, 0)
    a.gets()
    a.in_arrives()
    a.gets()
    a.in_arrives()
    b.child()
    b.gets(spi=77, seq=1000)
    counted(1, 0, 1, 0)
    a.child()	# when b's time is over, whose SAs are unseen then
    b.gets(spi=78, seq=1)
    counted(1, 1, 1, 0)
    for n in range(31):
        a.sends(spi=a.spi_out + 10 + n, seq=1)
        a.out_arrives(spi=a.spi_out + 10 + n)
    a.sends(spi=a.spi_out + 41, seq=1)
    counted(1, 1, 1, 1)


def client_gone(r):
    a, b = r.client(1).up(), r.client(2).up()
    b.exchange()
    number = next(t["id"] for t in r.tunnels() if t["client"]["address"] == "192.168.1.12")
    r.alg("tunnel", "del", "id", str(number))
    expect_is(r.flows(), {("192.168.1.11", "203.0.113.2"): 0}, "connections")
    c = r.client(3).up()
    expect_is(r.flows()["192.168.1.13", "203.0.113.2"], ZONE, "zone of the next one")
    # What comes for the one that is gone is nobody's.
    b.gets()
    nothing(r)
    a.exchange()
    c.exchange()


def icmp4(kind, code, src, dst, quoted, mtu=1300):
    body = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quoted
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return ip(src, dst, ICMP, body)


def icmp_outside(r):
    """A router on the way to the gateway finds a client's packet too large."""
    clients = [r.client(n).up() for n in (1, 2, 3)]
    for c in clients:
        quoted = ip(ROUTER4, SERVER4, ESP, esp(c.spi_out, 1))[:28]
        r.outside.send(icmp4(3, 4, OTHER4, ROUTER4, quoted))
        inside, _ = r.settle()
        expect_is([(p.proto, p.dst) for p in inside], [(ICMP, c.addr)], "error inside")
        inner = inside[0].body[8:]
        expect_is((inner[12:16], inner[16:20], inner[20:24]), (c.addr, SERVER4, struct.pack("!I", c.spi_out)), "quoted")
    r.outside.send(icmp4(3, 4, OTHER4, ROUTER4, ip(ROUTER4, SERVER4, ESP, esp(4711, 1))[:28]))
    inside, _ = r.settle()
    expect_is([p.dst for p in inside], [], "error about an unknown SPI")


def icmp_inside(r):
    """A router on the way to the client finds the gateway's packet too large."""
    for c in [r.client(n).up() for n in (1, 2, 3)]:
        quoted = ip(SERVER4, c.addr, ESP, esp(c.spi_in, 1))[:28]
        r.inside.send(icmp4(3, 4, c.addr, SERVER4, quoted))
        _, outside = r.settle()
        expect_is([(p.proto, p.src, p.dst) for p in outside], [(ICMP, ROUTER4, SERVER4)], "error outside")
        inner = outside[0].body[8:]
        expect_is((inner[12:16], inner[16:20], inner[20:24]), (SERVER4, ROUTER4, struct.pack("!I", c.spi_in)), "quoted")


def icmp_box(r):
    """The box itself finds a client's packet too large."""
    clients = [r.client(n).up() for n in (1, 2)]
    run("ip", "-n", r.r, "link", "set", "wan0", "mtu", "1300")
    try:
        for c in clients:
            packet = bytearray(ip(c.addr, SERVER4, ESP, esp(c.spi_out, 9, b"y" * 1400)))
            packet[6] |= 0x40
            packet[10:12] = b"\0\0"
            packet[10:12] = struct.pack("!H", checksum(bytes(packet[:20])))
            r.inside.send(bytes(packet))
            inside, _ = r.settle()
            expect_is([(p.proto, p.dst, p.body[:2]) for p in inside], [(ICMP, c.addr, b"\3\4")], "error inside")
            inner = inside[0].body[8:]
            expect_is((inner[12:16], inner[16:20], inner[20:24]), (c.addr, SERVER4, struct.pack("!I", c.spi_out)), "quoted")
    finally:
        run("ip", "-n", r.r, "link", "set", "wan0", "mtu", "1500")


def authentication_header(r):
    a = r.client(1).up()
    run("nft", "insert rule inet fw forw meta l4proto ah accept", ns=r.r)
    r.inside.send(ip(a.addr, SERVER4, AH, b"\x32\4\0\0" + struct.pack("!II", 1, 1) + b"z" * 12))
    r.outside.send(ip(SERVER4, ROUTER4, AH, b"\x32\4\0\0" + struct.pack("!II", 1, 1) + b"z" * 12))
    inside, outside = r.settle()
    expect_is([p for p in inside + outside if p.proto == AH], [], "AH that arrived")
    expect_is(r.grown("ah"), [2], "ah")
    r.nat(True)


def runts(r):
    a = r.client(1).up()
    for n in range(8):
        r.inside.send(ip(a.addr, SERVER4, ESP, b"\1" * n))
        r.outside.send(ip(SERVER4, ROUTER4, ESP, b"\1" * n))
    nothing(r)
    a.sends(spi=0)
    a.gets(spi=0)
    nothing(r)
    expect_is(r.grown("spi-zero"), [18], "spi-zero")
    a.exchange()


def policy_off(r):
    a, b = r.client(1).up(), r.client(2).up()
    r.ike("off")
    # who had a slot first: the other's connection stands where his packets would be looked for
    for c in (b, a):
        c.gets()
    nothing(r)
    expect_is(r.flows(), {k: v for k, v in r.flows().items() if v < ZONE}, "connections in slots")
    r.wait_tunnels(0)
    r.ike("on")
    a.child(INFO)
    b.child(INFO)
    a.child(CHILD)
    a.exchange()
    b.child(CHILD)
    b.exchange()
    a.exchange()


def observe(r):
    r.ike("observe")
    a = r.client(1)
    a.begin()
    a.child()
    expect_is(r.tunnels(), [], "tunnels")
    expect_is(r.grown("observed", "tunnels"), [4, 0], "counters")


def responder(r):
    """IKE from outside to a server inside."""
    a = r.client(1)
    run("nft", "-f", "-", ns=r.r, text="add rule ip nat predst iifname wan0 udp dport 500 dnat to 192.168.1.11\n")
    try:
        def outside(exchange, ident, response):
            data = ike(a.ispi, a.rspi if response or ident else 0, exchange, ident=ident, response=response,
                       initiator=True, encrypted=exchange != SA_INIT)
            r.outside.send(ip(SERVER4, ROUTER4, UDP, udp(SERVER4, ROUTER4, 500, 500, data)))
            inside, _ = r.settle()
            expect_is([(p.proto, p.dst) for p in inside], [(UDP, a.addr)], "IKE inside")

        for exchange, ident in (SA_INIT, 0), (AUTH, 1):
            outside(exchange, ident, False)
            data = ike(a.ispi, a.rspi, exchange, ident=ident, response=True, initiator=False, encrypted=exchange != SA_INIT)
            r.inside.send(ip(a.addr, SERVER4, UDP, udp(a.addr, SERVER4, 500, 500, data)))
            r.settle()
        expect_is([(t["client"]["address"], t["public"]["address"]) for t in r.tunnels()],
                  [("192.168.1.11", "203.0.113.1")], "tunnels")
        a.gets()
        a.in_arrives()
        a.exchange()
    finally:
        r.nat(True)


def hairpin(r):
    """Clients and their gateway behind the same box: it has the public address for all of them."""
    gateway = socket.inet_aton("192.168.1.30")
    clients = [r.client(n, gateway=ROUTER4) for n in (1, 2)]

    def crosses(packet, proto, src, dst):
        r.inside.send(packet)
        found = [p for p in r.settle()[0] if p.proto == proto]
        expect_is([(p.src, p.dst) for p in found], [(src, dst)], "packet of protocol %d" % proto)
        return found[0]

    def up(c):
        for exchange, ident in (SA_INIT, 0), (AUTH, 1):
            data = ike(c.ispi, c.rspi if ident else 0, exchange, ident, encrypted=exchange != SA_INIT)
            seen = crosses(ip(c.addr, ROUTER4, UDP, udp(c.addr, ROUTER4, 500, 500, data)), UDP, ROUTER4, gateway)
            data = ike(c.ispi, c.rspi, exchange, ident, True, False, exchange != SA_INIT)
            crosses(ip(gateway, ROUTER4, UDP, udp(gateway, ROUTER4, 500, seen.sport, data)), UDP, ROUTER4, c.addr)

    def traffic(c):
        c.seq_out, c.seq_in = c.seq_out + 1, c.seq_in + 1
        crosses(ip(c.addr, ROUTER4, ESP, esp(c.spi_out, c.seq_out)), ESP, ROUTER4, gateway)
        crosses(ip(gateway, ROUTER4, ESP, esp(c.spi_in, c.seq_in)), ESP, ROUTER4, c.addr)

    run("nft", "-f", "-", ns=r.r, text="""
add rule ip nat predst ip daddr 203.0.113.1 udp dport 500 dnat to 192.168.1.30
add rule ip nat post ip saddr 192.168.1.0/24 ip daddr 192.168.1.30 snat to 203.0.113.1
add rule inet fw forw iifname lan0 oifname lan0 udp dport 500 ct state new accept
""")
    try:
        r.inside.send(ip(clients[0].addr, ROUTER4, ESP, esp(clients[0].spi_out, 1)))
        nothing(r)
        for c in clients:
            up(c)
            for _ in range(2):
                traffic(c)
        for c in clients:
            traffic(c)
        expect_is(sorted((t["client"]["address"], t["gateway"]["address"], t["public"]["address"]) for t in r.tunnels()),
                  [(socket.inet_ntoa(c.addr), "203.0.113.1", "203.0.113.1") for c in clients], "tunnels")
    finally:
        r.nat(True)


def ipv6(r):
    a, b = r.client6(1), r.client6(2)
    a.gets()
    nothing(r)
    a.begin()
    a.child()
    # server first: IKE opens ESP
    a.gets()
    a.in_arrives()
    a.exchange()
    b.up()
    a.exchange()
    # others are not concerned
    r.outside.send(ip(SERVER6, r.client6(3).addr, ESP, esp(5, 1)))
    nothing(r)
    expect_is(sorted(set(r.flows().values())), [0], "zones")


def requires(r):
    a, b = r.client(1).up(), r.client(2).up()
    # IKE's connections go, sessions are known still
    forget("-p", "udp", ns=r.r, check=False)
    run("conntrack", "-F", ns=r.r)
    a.gets()
    nothing(r)
    expect_is(r.grown("no-ike"), [1], "no-ike")
    r.ike("on", "require-ike=no")
    # the rules decide: it is new
    run("nft", "add rule inet fw strict meta l4proto esp ct state new drop", ns=r.r)
    b.gets()
    nothing(r)
    run("nft", "flush chain inet fw strict", ns=r.r)
    b.gets()
    b.in_arrives()
    expect_is(r.grown("no-ike"), [1], "no-ike")


def public_changes(r):
    """The client's connection gets another public address: so do its ESP packets."""
    a, b = r.client(1).up(), r.client(2).up()
    run("ip", "-n", r.r, "addr", "add", "203.0.113.10/24", "dev", "wan0")
    try:
        r.nat(True, socket.inet_aton("203.0.113.10"))
        for c in (a, b):
            c.public = r.public
            c.spi_in, c.seq_in = c.spi_in + 7, 0
            c.spi_out, c.seq_out = c.spi_out + 7, 0
            c.up()
        a.exchange()
        b.exchange()
        expect_is(len(r.tunnels()), 2, "tunnels")
        # what comes to the old address is nobody's
        a.public = ROUTER4
        a.gets()
        nothing(r)
    finally:
        r.nat(True)
        run("ip", "-n", r.r, "addr", "del", "203.0.113.10/24", "dev", "wan0")


def quota(r):
    r.ike("on", "max-tunnels=1")
    a, b = r.client(1).up(), r.client(2)
    b.begin()
    expect_is(len(r.tunnels()), 1, "tunnels")
    expect(r.grown("quota-tunnels")[0] > 0, "not counted")
    a.exchange()


def reload(r):
    """IKE's connections stay; tunnels are there again before the first message."""
    a, b = r.client(1).up(), r.client(2, gateway=GATEWAY2).up()
    run("rmmod", "nf_alg_ike")
    expect_is(r.flows(), {}, "ESP connections")
    a.sends()
    r.settle()
    run("modprobe", "nf_alg_ike")
    expect_is(sorted(t["client"]["address"] for t in r.tunnels()), ["192.168.1.11", "192.168.1.12"], "tunnels")
    expect_is(run("conntrack", "-L", "-p", "udp", "--dport", "500", ns=r.r).count("helper=alg-ike"), 2, "helpers")
    for c in (a, b):
        c.seq_out = c.seq_in = 1000
        c.exchange()
    b.child(INFO)
    b.rekey()
    b.exchange()
    a.exchange()
    expect_is([t["ikes"] for t in r.tunnels()], [1, 1], "sessions")


def reload_shared(r):
    """Several of one gateway: what each had goes on at once, whoever sends first; nobody gets what is another's."""
    clients = a, b, c = [r.client(n).up() for n in (1, 2, 3)]
    b.rekey()	# an SA of which the module has not seen anything
    run("rmmod", "nf_alg_ike")
    for one in clients:
        one.seq_out = one.seq_in = 1000
        one.sends()
        one.gets()
    r.settle()
    run("modprobe", "nf_alg_ike")
    expect_is(sorted(len(t["ike"]) for t in r.tunnels()), [1, 1, 1], "sessions")
    c.gets()
    c.in_arrives()
    for one in (a, c):
        one.sends()
    expect_is([p.body[:4] for p in r.settle()[1] if p.proto == ESP], [struct.pack("!I", one.spi_out) for one in (a, c)], "ESP")
    for one in (a, c):
        one.gets()
        one.in_arrives()
        one.exchange()
    # nobody knows whose that is
    b.gets()
    nothing(r)
    for one in clients:
        one.rekey()
        one.exchange()
    a.exchange()
    b.exchange()


def reload_twice(r):
    """SPIs that nobody used since the last time are kept; those of a tunnel that ended are not."""
    a, b, c = [r.client(n).up() for n in (1, 2, 3)]
    r.alg("tunnel", "del", "id", str(next(t["id"] for t in r.tunnels() if t["client"]["address"] == "192.168.1.13")))
    run("rmmod", "nf_alg_ike")
    run("modprobe", "nf_alg_ike")
    for one in (a, b, c):
        one.seq_in = one.seq_out = 2000
    a.gets()
    a.in_arrives()
    run("rmmod", "nf_alg_ike")
    run("modprobe", "nf_alg_ike")
    b.gets()
    b.in_arrives()
    c.gets()
    nothing(r)
    a.exchange()
    b.exchange()


def reload_first(r):
    """While others from before may not be known yet the one that is known gets nothing that may be theirs."""
    a, b = r.client(1).up(), r.client(2).up()
    run("rmmod", "nf_alg_ike", "nf_alg_nat")
    run("rmmod", "nf_alg")
    run("modprobe", "-a", "nf_alg_ike", "nf_alg_nat")
    r.alg("policy", "add", "raw", "ike", "on")
    r.alg("tenant", "add", "default", "policy", "raw")
    expect_is(r.tunnels(), [], "tunnels")
    a.seq_in = a.seq_out = b.seq_in = b.seq_out = 2000
    a.say(INFO, ident=9)
    r.settle()
    expect_is(len(r.tunnels()), 1, "tunnels")
    b.gets()
    nothing(r)
    a.exchange()
    b.say(INFO, ident=9)
    r.settle()
    b.exchange()
    a.exchange()
    # Nobody is missing any more: who is the only one is the only one.
    c = r.client(3, gateway=GATEWAY2)
    c.begin()
    c.gets(spi=4712, seq=700)
    c.in_arrives(spi=4712)


def others_left(r):
    """Gateways go on sending to who is known no more: it does not get to who is left, nor to who is back first."""
    a, b = r.client(1).up(), r.client(2).up()
    b.end()
    b.gets(seq=700)
    nothing(r)
    b.seq_in = 701
    a.exchange()
    b.say(INFO, ident=9)
    r.settle()
    r.ike("off")
    r.wait_tunnels(0)
    forget("-p", "17", ns=r.r)	# which remember SPIs
    r.ike("on")
    a.say(INFO, ident=10)
    r.settle()
    b.gets(seq=5000)
    a.gets(spi=4712, seq=5000)
    nothing(r)


def only_one_back(r):
    """Who was the only client is so again when it is back."""
    a = r.client(1).up()
    a.end()
    a.say(INFO, ident=9)
    r.settle()
    a.gets(spi=4712, seq=700)
    a.in_arrives(spi=4712)


def off_and_on(r):
    """What is known is known again when the policy is switched on again, of several clients, too."""
    a, b = r.client(1).up(), r.client(2).up()
    r.ike("off")
    r.wait_tunnels(0)
    r.ike("on")
    for c in a, b:
        c.seq_in = c.seq_out = 1000
        c.say(INFO, ident=9)
    r.settle()
    for c in a, b, a, b:
        c.exchange()


TENANTS = """
table inet zones {
	chain pre {
		type filter hook prerouting priority raw;
		iifname lan0 %(zone)s 1 meta mark set 1
		iifname lan1 %(zone)s 2 meta mark set 2
		iifname wan0 udp dport 9 %(zone)s 1 meta mark set 1
		%(outside)s
	}
	chain marks {
		type filter hook prerouting priority mangle;
		meta mark != 0 ct state new ct mark set meta mark
		meta mark 0 meta mark set ct mark
	}
}
insert rule inet fw forw iifname lan1 udp dport 500 accept
insert rule ip nat post oifname wan0 meta mark 1 udp dport 500 snat to 203.0.113.1:10000-10063
insert rule ip nat post oifname wan0 meta mark 2 udp dport 500 snat to 203.0.113.1:20000-20063
"""


def tenants(r):
    """Two networks with the same private addresses behind one public one, told apart by zones; what is from outside by ports."""
    d = r.r + "d"
    run("ip", "netns", "add", d)
    try:
        run("ip", "-batch", "-", text="link add eth0 netns %s address 02:00:00:00:00:33 type veth peer name lan1 netns %s address "
            "02:00:00:00:00:03\n" % (d, r.r))
        run("ip", "-n", d, "link", "set", "eth0", "up")
        run("ip", "-n", r.r, "-batch", "-", text="""
link set lan1 up
addr add 192.168.1.1/24 dev lan1 noprefixroute
route add 192.168.1.0/24 dev lan0 table 101
route add 192.168.1.0/24 dev lan1 table 102
rule add fwmark 1 lookup 101
rule add fwmark 2 lookup 102
neigh add 192.168.1.11 lladdr 02:00:00:00:00:33 dev lan1 nud permanent
""")
        no_offload(r.r, "lan1")
        wire = Wire(d, bytes.fromhex("020000000033"), bytes.fromhex("020000000003"))
        ports = "iifname wan0 udp dport %s ct zone set %d meta mark set %d\n"
        for zone, outside in (("ct zone set", ports % ("10000-10063", 1, 1) + ports % ("20000-20063", 2, 2)),
                              ("ct original zone set", "")):
            r.fresh_start()
            run("nft", "-f", "-", ns=r.r, text=TENANTS % {"zone": zone, "outside": outside})
            a, b = r.client(1), r.client(1, wire=wire)
            a.up()
            b.up()
            for _ in range(2):
                a.exchange(1)
                b.exchange(1)
            expect_is(sorted(t["slot"] for t in r.tunnels()), [1, 2], "slots (%s)" % zone)
            b.rekey()
            b.gets()
            b.in_arrives()
            b.exchange()
            a.exchange()
            r.nat(True)
            run("nft", "delete table inet zones", ns=r.r, check=False)
    finally:
        r.nat(True)
        run("ip", "-n", r.r, "-batch", "-", text="rule del fwmark 1 lookup 101\nrule del fwmark 2 lookup 102\n", check=False)
        run("ip", "netns", "del", d)


def box_own(r):
    """The box has a tunnel of its own with the gateway."""
    def sa(src, dst, spi):
        run("ip", "xfrm", "state", "add", "src", src, "dst", dst, "proto", "esp", "spi", str(spi), "mode", "tunnel", "enc",
            "cipher_null", "", "auth", "digest_null", "", ns=r.r)

    def own(seq):
        r.outside.send(ip(SERVER4, ROUTER4, ESP, esp(0xcafe, seq)))
        nothing(r)

    a, b = r.client(1).up(), r.client(2).up()
    sa("203.0.113.2", "203.0.113.1", 0xcafe)
    try:
        for seq in (1, 2, 100000):
            own(seq)
        expect_is(r.grown("no-window", "sequence-high"), [0, 0], "refused")
        a.exchange()
        b.exchange()
    finally:
        run("ip", "xfrm", "state", "flush", ns=r.r)


def box_carries(r):
    """What the box forwards leaves through its own tunnel, to the gateway that its clients have; ICMP errors come back to it."""
    behind = socket.inet_aton("10.99.0.1")
    out = ["src", "203.0.113.1", "dst", "203.0.113.2", "proto", "esp"]

    def errors(*clients):
        r.inside.send(ip(clients[0].addr, behind, UDP, udp(clients[0].addr, behind, 9, 9, b"carried")))
        _, outside = r.settle()
        expect_is([(p.src, p.dst, p.body[:4]) for p in outside if p.proto == ESP],
                  [(ROUTER4, SERVER4, struct.pack("!I", 0xbeef))], "the box's ESP")
        r.outside.send(icmp4(3, 4, OTHER4, ROUTER4, ip(ROUTER4, SERVER4, ESP, esp(0xbeef, 1))[:28]))
        inside, _ = r.settle()
        expect_is([p.dst for p in inside], [], "error inside")
        expect("mtu 1300" in run("ip", "route", "get", "203.0.113.2", ns=r.r), "the box did not get the error")
        run("ip", "route", "flush", "cache", ns=r.r)
        for c in clients:
            c.exchange()

    a = r.client(1).up()
    run("nft", "insert rule inet fw forw ip daddr 10.99.0.0/16 accept", ns=r.r)
    run("ip", "route", "add", "10.99.0.0/16", "via", "203.0.113.2", ns=r.r)
    run("ip", "xfrm", "state", "add", *out, "spi", "0xbeef", "mode", "tunnel", "enc", "cipher_null", "", "auth", "digest_null", "",
        ns=r.r)
    run("ip", "xfrm", "policy", "add", "src", "0.0.0.0/0", "dst", "10.99.0.0/16", "dir", "out", "tmpl", *out, "mode", "tunnel",
        ns=r.r)
    try:
        errors(a)
        errors(a, r.client(2).up())
    finally:
        run("ip", "xfrm", "policy", "flush", ns=r.r)
        run("ip", "xfrm", "state", "flush", ns=r.r)
        run("ip", "route", "del", "10.99.0.0/16", ns=r.r)
        run("ip", "route", "flush", "cache", ns=r.r)
        r.nat(True)


def reload_traffic(r):
    """The module comes and goes while packets do, of both kinds and both ways."""
    clients = [r.client(1).up(), r.client(2).up()]
    stop = threading.Event()

    def flood():
        number = 1000
        while not stop.is_set():
            number += 1
            for c in clients:
                c.sends(seq=number)
                c.gets(seq=number)
                c.say(INFO, ident=number)
            time.sleep(0.002)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(5):
            run("rmmod", "nf_alg_ike")
            run("modprobe", "nf_alg_ike")
    finally:
        stop.set()
        thread.join()
    inside, _ = r.settle()
    expect(len(inside) > 10, "nothing came through")
    for c in clients:
        c.rekey()
        c.exchange()


def waits(a, b):
    """@a's SAs are in the making, and messages of @b's wait for the gate, from both sides."""
    a.say(CHILD, ident=1001)
    b.say(CHILD, ident=1001)
    b.told(CHILD, ident=1002, response=False)
    inside, outside = a.r.settle()
    expect_is([p.dst for p in inside + outside if p.proto == UDP], [SERVER4], "messages")


def waits_in_vain(r):
    """Messages wait for the gate when their connections, their tunnels, their module go: nothing is left of them."""
    def unload():
        run("rmmod", "nf_alg_ike")

    for ends in (lambda: r.ike("off")), unload, lambda: run("conntrack", "-F", ns=r.r):
        a, b = r.client(1).up(), r.client(2).up()
        waits(a, b)
        ends()
        run("modprobe", "nf_alg_ike")
        r.fresh_start()
        expect_is(int(run("conntrack", "-C", ns=r.r)), 0, "connections")


def namespace_ends(r):
    """A router goes with live tunnels, and with messages that wait."""
    a, b = r.client(1).up(), r.client(2).up()
    a.sends()
    b.gets()
    r.settle()
    waits(a, b)
    run("ip", "netns", "del", r.r)


TESTS = (
    ("one client", one),
    ("two clients", two),
    ("ten clients", ten),
    ("the gateway sends first", gateway_first),
    ("one at a time makes SAs", gate),
    ("a stray from outside holds no one up", stray),
    ("no ESP without IKE", no_ike),
    ("ESP that was there before IKE", another_way),
    ("an SPI of two clients", collision),
    ("what is refused is counted", refused),
    ("who is gone makes room", client_gone),
    ("ICMP errors from outside", icmp_outside),
    ("ICMP errors from inside", icmp_inside),
    ("ICMP errors of the box", icmp_box),
    ("AH", authentication_header),
    ("packets without SPI", runts),
    ("a responder behind DNAT", responder),
    ("a gateway behind the same box", hairpin),
    ("IPv6 without translation", ipv6),
    ("no IKE connection", requires),
    ("another public address", public_changes),
    ("max-tunnels", quota),
    ("the policy is switched off", policy_off),
    ("observe", observe),
    ("two tenants with the same addresses", tenants),
    ("the box's own tunnel", box_own),
    ("the box's own tunnel carries what it forwards", box_carries),
    ("the module is loaded anew", reload),
    ("the module is loaded anew, two clients of a gateway", reload_shared),
    ("the module is loaded anew, and again", reload_twice),
    ("all modules are loaded anew", reload_first),
    ("others have left", others_left),
    ("the only client is back", only_one_back),
    ("the policy is switched off and on", off_and_on),
    ("the module is loaded anew under traffic", reload_traffic),
    ("messages that wait in vain", waits_in_vain),
    ("the namespace is deleted", namespace_ends),
)

if __name__ == "__main__":
    run_tests(tap, TESTS)
