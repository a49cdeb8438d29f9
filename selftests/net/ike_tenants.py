# SPDX-License-Identifier: GPL-2.0-only
"""Two tenants whose clients have the same address. ike_tenants.sh has the network."""
import json
import time

import netbed
from ike_peer import (AUTH, INITIATOR, RESPONSE, SA_INIT, Esp, Port, connections, crosses, message, sessions, spi32,
                      spi64, tunnels)
from netbed import check, eventually, must, must_equal

CLIENT, GATEWAY = "192.168.1.11", "203.0.113.2"
TENANTS = {"a1": ("blue", "203.0.113.1"), "b1": ("green", "203.0.113.10")}


def counter(tenant, name):
    for one in json.loads(netbed.algctl("r", "-j", "stats", "show", "protocol", "ike"))["stats"]:
        if one["tenant"] == tenant:
            return one["counters"].get(name, 0)
    return 0


def begin(ns):
    """An IKE SA; returns its SPIs."""
    sa = spi64(), spi64()
    seen = crosses(CLIENTS[ns], SERVER, message(sa[0]), GATEWAY)
    must_equal(seen[0], TENANTS[ns][1], "address")
    crosses(SERVER, CLIENTS[ns], message(*sa, SA_INIT, RESPONSE), seen[0], seen[1])
    return sa


def shown():
    return sorted((one["tenant"], one["client"], one["public"], one["zone"]) for one in tunnels())


BOTH = [("blue", CLIENT, "203.0.113.1", 1), ("green", CLIENT, "203.0.113.10", 2)]


def apart():
    """Also the same initiator's SPI is another session."""
    spi = spi64()
    for ns, (_, public) in TENANTS.items():
        must_equal(crosses(CLIENTS[ns], SERVER, message(spi), GATEWAY)[0], public, "address")
    must_equal(shown(), BOTH, "tunnels")
    must_equal([sessions(one) for one in tunnels()], [[spi], [spi]], "sessions")
    for tenant, _ in TENANTS.values():
        must_equal(counter(tenant, "tunnels"), 1, "tunnels of " + tenant)
    must_equal(counter("default", "messages"), 0, "messages of nobody")


def gates():
    """They have different public addresses, so their SPIs are not mistaken for each other: none waits."""
    sa = {ns: begin(ns) for ns in TENANTS}
    for ns in TENANTS:
        crosses(CLIENTS[ns], SERVER, message(*sa[ns], AUTH, INITIATOR, 1), GATEWAY)
    must_equal([one["gate"] for one in tunnels()], [True, True], "gates")
    client = {ns: Esp(ns, CLIENT) for ns in TENANTS}
    gateway = Esp("s1", GATEWAY)
    out, back = spi32(), spi32()	# the same for both
    for ns, (_, public) in TENANTS.items():
        client[ns].send(GATEWAY, out)
        must_equal(gateway.receive(), (public, out, 1), "ESP to the gateway")
        gateway.send(public, back)
        must_equal(client[ns].receive(), (GATEWAY, back, 1), "ESP to the client")
    for ns in TENANTS:
        must(not client[ns].receive(0.3), "ESP of the other tenant")


def both_ways(ns, client, gateway):
    """ESP of a new SA pair, bound for good."""
    public, out, back = TENANTS[ns][1], spi32(), spi32()
    client.send(GATEWAY, out)
    must_equal(gateway.receive(), (public, out, 1), "ESP to the gateway")
    for seq in 1, 2:
        gateway.send(public, back, seq)
        must_equal(client.receive(), (GATEWAY, back, seq), "ESP to the client")


def stay(protocol):
    """Seconds that conntrack gives the tenants' connections, in order."""
    return sorted(int(line.split()[2]) for line in connections("r", "-p", protocol))


def times():
    """esp-timeout and state-timeout are a tenant's own: what is idle for so long ends."""
    netbed.algctl("r", "policy", "set", "second", "ike", "option", "esp-timeout=60", "state-timeout=60")
    for tenant, _ in TENANTS.values():
        netbed.algctl("r", "tunnel", "del", "tenant", tenant)
    netbed.run("r", "conntrack", "-F")
    gateway = Esp("s1", GATEWAY)
    for ns in TENANTS:
        crosses(CLIENTS[ns], SERVER, message(*begin(ns), AUTH, INITIATOR, 1), GATEWAY)
        both_ways(ns, Esp(ns, CLIENT), gateway)
    since = time.monotonic()
    must(stay("udp")[0] <= 120 and stay("udp")[1] > 14000, "IKE's connections stay for %r s" % stay("udp"))
    # As long as there are SAs; conntrack's own time is 600 s.
    must(eventually(lambda: stay("esp")[1] > 1700), "ESP's connections stay for %r s" % stay("esp"))
    must_equal([one["sas"] for one in tunnels()], [2, 2], "SAs")
    must(eventually(lambda: shown() == BOTH[:1], 80), "tunnels are %r" % shown())
    must(time.monotonic() - since > 58, "it ended after %.1f s" % (time.monotonic() - since))
    must_equal([(one["sas"], one["ikes"]) for one in tunnels()], [(2, 1)], "of the other tenant")
    must_equal(len(stay("esp")), 1, "ESP connections")
    netbed.algctl("r", "policy", "set", "second", "ike", "option", "esp-timeout=1800", "state-timeout=14400")


def policies():
    """One tenant's policy is switched off: its tunnels go, the other's stay."""
    sa = {ns: begin(ns) for ns in TENANTS}
    netbed.algctl("r", "policy", "set", "second", "ike", "off")
    must(eventually(lambda: shown() == BOTH[:1]), "tunnels are %r" % shown())
    crosses(CLIENTS["b1"], SERVER, message(*sa["b1"], AUTH, INITIATOR, 1), GATEWAY)
    must_equal(shown(), BOTH[:1], "tunnels")
    netbed.algctl("r", "policy", "set", "second", "ike", "on", "option", "max-tunnels=1")
    begin("b1")
    must_equal(shown(), BOTH, "tunnels")


def quotas():
    """max-tunnels is a tenant's own."""
    begin("a1")
    begin("b1")
    sock = Port("s2", "203.0.113.3")
    for ns in TENANTS:
        crosses(CLIENTS[ns], sock, message(spi64()), sock.host)
    must_equal([tenant for tenant, _, _, _ in shown()], ["blue", "blue", "green"], "tunnels")
    must_equal((counter("green", "quota-tunnels"), counter("blue", "quota-tunnels")), (1, 0), "quota-tunnels")
    sock.close()


def removed():
    """By tenant, and with the tenant."""
    begin("a1")
    begin("b1")
    netbed.algctl("r", "tunnel", "del", "tenant", "blue")
    must_equal([tenant for tenant, _, _, _ in shown()], ["green"], "tunnels")
    netbed.algctl("r", "tenant", "del", "green")
    must(eventually(lambda: not tunnels()), "the tenant is gone, its tunnel is not")


netbed.enter("r")
CLIENTS = {ns: Port(ns, CLIENT) for ns in TENANTS}
SERVER = Port("s1", GATEWAY)
check("tunnels of two tenants with the same addresses", apart)
check("neither waits for the other, nor gets its ESP", gates)
check("esp-timeout and state-timeout of each", times)
check("one tenant's policy is switched off", policies)
check("max-tunnels of each", quotas)
check("tunnels are removed by tenant, and with the tenant", removed)
netbed.finish()
