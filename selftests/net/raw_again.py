#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
One endpoint that is announced again and again, while the connections live that came to it: what it costs, and who has it. By TFTP,
where that takes a datagram each way. See raw_lib.py for the router and the ends.
"""
import json
import socket
import time

from raw_lib import CLIENT4, ROUTER4, SERVER4, UDP, Router, Tap, expect, expect_is, forget, ip, run, udp

REQUEST = b"\0\1file\0octet\0"
ANSWER = b"\0\3\0\1data"
NEIGHBOUR, ELSEWHERE = socket.inet_aton("192.168.1.12"), socket.inet_aton("203.0.113.3")

TIMES = 6000
BATCH = 50
ROUNDS = 12
GRACE = 2.2	# seconds: a younger connection is taken for alive (CHILD_GRACE in alg/pinhole_child.c)
DEARER = 1.4	# so much may one of these cost more than others

tap = Tap()


def ask(router, sport, client=CLIENT4, server=SERVER4):
    router.inside.send(ip(client, server, UDP, udp(client, server, sport, 69, REQUEST)))


def answer(router, sport, server_port, server=SERVER4):
    router.outside.send(ip(server, ROUTER4, UDP, udp(server, ROUTER4, server_port, sport, ANSWER)))


def transfer(router, sport, server_port, client=CLIENT4, server=SERVER4):
    """A request and its answer. Return: did it arrive?"""
    ask(router, sport, client, server)
    _, to_outside = router.settle()
    came = [p for p in to_outside if p.dport == 69]
    expect_is([(p.src, p.sport) for p in came], [(ROUTER4, sport)], "where the request came from")
    answer(router, sport, server_port, server)
    to_inside, _ = router.settle()
    return [p.dst for p in to_inside if (p.dport, p.sport) == (sport, server_port)] == [client]


def counted(router, reason):
    for line in router.alg("stats", "show", "protocol", "tftp").split("\n"):
        word = line.split()
        if word[:1] == [reason]:
            return int(word[1])
    return 0


def pinholes(router):
    return json.loads(router.alg("-j", "pinhole", "show"))["pinholes"]


def pinholes_become(router, number):
    end = time.monotonic() + 30
    while len(pinholes(router)) != number:
        expect(time.monotonic() < end, "%d pinholes, not %d" % (len(pinholes(router)), number))
        time.sleep(0.2)


def transfers(router, sport, first, count):
    """Seconds for each of so many, answered from ports in sequence."""
    start = time.perf_counter()
    for server_port in range(first, first + count):
        ask(router, sport)
        answer(router, sport, server_port)
    return (time.perf_counter() - start) / count


def cost(router):
    """A port whose connections all live against others that have few, in turns. The best of each counts: nobody interfered."""
    router.flush()
    crowded = next(router.ports)
    for first in range(0, TIMES, BATCH):
        transfers(router, crowded, 10000 + first, BATCH)
        router.settle()
    expect_is(len(pinholes(router)), TIMES, "connections that live")
    took = {"crowded": [], "fresh": []}
    for n in range(ROUNDS):
        for what, sport in ("crowded", crowded), ("fresh", next(router.ports)):
            took[what].append(transfers(router, sport, 30000 + n * BATCH, BATCH))
        router.settle()
    crowded, fresh = min(took["crowded"]), min(took["fresh"])
    print("# behind %d: %.0f us, behind few: %.0f us" % (TIMES, crowded * 1e6, fresh * 1e6))
    expect(crowded < DEARER * fresh, "%.1f times as dear" % (crowded / fresh))


def is_refused(router, sport, server_port):
    refused = counted(router, "no-port")
    expect(not transfer(router, sport, server_port, NEIGHBOUR, ELSEWHERE), "another one got the endpoint")
    expect_is(counted(router, "no-port") - refused, 1, "refused")


def owner(router, order):
    """The endpoint is its owner's as long as one of the connections lives, in whatever order they end."""
    router.flush()
    pinholes_become(router, 0)
    sport = next(router.ports)
    server_ports = 50000, 50001, 50002
    for server_port in server_ports:
        expect(transfer(router, sport, server_port), "no answer from %d" % server_port)
    pinholes_become(router, 3)
    time.sleep(GRACE)
    for left in 2, 1, 0:
        is_refused(router, sport, 51010 + left)
        forget("-p", "udp", "--orig-port-src", str(server_ports[order[2 - left]]), ns=router.r)
        if left:
            is_refused(router, sport, 51020 + left)	# before its pinhole is collected
        pinholes_become(router, left)
    expect(transfer(router, sport, 51000, NEIGHBOUR, ELSEWHERE), "the endpoint did not become free")


def main():
    with Router(tap, "tftp") as router:
        run("ip", "-n", router.r, "-batch", "-", text="""
neigh add 192.168.1.12 lladdr 02:00:00:00:00:11 dev lan0 nud permanent
neigh add 203.0.113.3 lladdr 02:00:00:00:00:22 dev wan0 nud permanent
""")
        tap.point("thousands of connections of one port make the next no dearer", cost, router)
        tap.point("it is held by the last that lives, the oldest ends first", owner, router, (0, 1, 2))
        tap.point("... the youngest ends first", owner, router, (2, 1, 0))
        tap.point("... one from the middle ends first", owner, router, (1, 2, 0))
    tap.finish()


if __name__ == "__main__":
    main()
