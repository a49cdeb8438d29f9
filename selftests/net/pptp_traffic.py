# SPDX-License-Identifier: GPL-2.0-only
"""PPTP without end: pptp_traffic.py CLIENT SERVER ADDRESS. Calls of a client with one server, three on each control connection,
GRE in both directions. What is told on its standard input:

    good	how many calls carried GRE both ways since this was asked last, and how many did not
    one		the same for one call, now; no other is begun meanwhile
    hold N	N calls stay, with GRE in both directions each
    held	how many of the last ones that were to stay carry GRE both ways
    end

Each is answered by a line.
"""
import random
import select
import sys

import netbed
from pptp_peer import CLEAR, DISCONNECT, Call, Gre, Line, message

CLIENTS = {"c1": "192.168.1.11", "c2": "192.168.1.12"}
PUBLIC = "203.0.113.1"
CLIENT, SERVER, ADDRESS = sys.argv[1:]
NUMBERS = random.Random(CLIENT)
far = 0


class Traffic:
    def __init__(self):
        self.good = self.bad = 0
        self.listener = netbed.listen(SERVER, ADDRESS, 1723)
        self.client, self.server = Gre(CLIENT, CLIENTS[CLIENT]), Gre(SERVER, ADDRESS)

    def line(self):
        return Line(self.listener, CLIENT, CLIENTS[CLIENT], ADDRESS)

    def call(self, line):
        global far
        far = far % 60000 + 1
        return Call(line, NUMBERS.randrange(1, 65536), far)

    def carries(self, call):
        self.client.send(ADDRESS, call.far, b"up")
        self.server.send(PUBLIC, call.told, b"down")
        return self.server.receive_of(call.far, 0.6) == b"up" and self.client.receive_of(call.own, 0.6) == b"down"

    def round(self):
        """Three calls, each ended in another way."""
        good = bad = 0
        line = None
        try:
            line = self.line()
            for end in (lambda call: line.up(message(DISCONNECT, call.own)), lambda call: line.down(message(CLEAR, call.far)),
                        lambda call: None):
                call = self.call(line)
                if self.carries(call):
                    good += 1
                else:
                    bad += 1
                end(call)
        except (OSError, AssertionError, ValueError):
            bad += 1
        if line:
            line.close()
        return good, bad

    def more(self):
        good, bad = self.round()
        self.good += good
        self.bad += bad


def main():
    netbed.PATIENCE = 8 if netbed.SLOW else 3
    traffic = Traffic()
    held, kept = [], []
    while True:
        # One thread, which looks for what is asked between rounds: for a lock it would wait as long as the other likes to have it.
        if not select.select([sys.stdin], [], [], 0)[0]:
            traffic.more()
            continue
        words = sys.stdin.readline().split()
        if not words or words[0] == "end":
            break
        if words[0] == "good":
            print(traffic.good, traffic.bad, flush=True)
            traffic.good = traffic.bad = 0
        elif words[0] == "one":
            print(*traffic.round(), flush=True)
        elif words[0] == "hold":
            line = traffic.line()
            calls = [traffic.call(line) for _ in range(int(words[1]))]
            held = [(line, call) for call in calls]
            kept.append(held)
            print(sum(traffic.carries(call) for call in calls), flush=True)
        elif words[0] == "held":
            print(sum(traffic.carries(call) for _, call in held), flush=True)
    netbed.os._exit(0)


main()
