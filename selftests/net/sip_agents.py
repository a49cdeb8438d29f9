# SPDX-License-Identifier: GPL-2.0-only
"""
Tells the agents of sip_agents.sh to call each other, and counts on the wire what they send: AGENT=NS=ADDRESS..., the
transport, "works" or "fails".
"""
import json
import re
import sys
import time

from netbed import OURS, PATIENCE, algctl, check, eventually, finish, must, must_equal, new_socket, pinholes, run

PACKETS = 25	# that must be heard: half a second of audio
transport, mode = sys.argv[1:3]
works = mode == "works"


class Agent:
    def __init__(self, spec):
        self.name, self.ns, self.addr = spec.split("=")
        self.buffer, self.events, self.answers = b"", [], []
        self.sock = None
        must(eventually(self.connect), "%s can't be commanded" % self.name)

    def connect(self):
        self.sock = new_socket(self.ns)
        self.sock.settimeout(PATIENCE)
        try:
            self.sock.connect(("127.0.0.1", 4444))
            return True
        except OSError:
            self.sock.close()
            return False

    def command(self, command, params=""):
        data = json.dumps({"command": command, "params": params}).encode()
        self.sock.sendall(b"%d:%s," % (len(data), data))

    def read(self, timeout):
        """Events and answers that come within @timeout; netstrings."""
        self.sock.settimeout(timeout)
        try:
            self.buffer += self.sock.recv(65536)
        except OSError:
            return
        while True:
            size, colon, rest = self.buffer.partition(b":")
            if not colon or len(rest) <= int(size):
                return
            one, self.buffer = json.loads(rest[:int(size)].decode("utf-8", "replace")), rest[int(size) + 1:]
            (self.events if one.get("event") else self.answers).append(one)

    def wait(self, *kinds, timeout=PATIENCE):
        """The next event of a kind."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for event in self.events:
                if event["type"] in kinds:
                    self.events.remove(event)
                    return event["type"]
            self.read(0.2)
        raise TimeoutError("%s: no %s; %s" % (self.name, kinds, [e["type"] for e in self.events]))

    def registered(self):
        self.answers.clear()
        self.command("reginfo")
        deadline = time.monotonic() + 5
        while not self.answers and time.monotonic() < deadline:
            self.read(0.2)
        return any("OK " in str(answer.get("data")) for answer in self.answers)

    def heard(self):
        """{source address: packets} of audio so far"""
        text = run(self.ns, "nft", "list", "set", "inet", "arrivals", "four")
        found = {}
        for address, own, packets in re.findall(r"([\d.]+) \. \d+ \. (\d+) counter packets (\d+)", text):
            if 7000 <= int(own) <= 7100:
                found[address] = found.get(address, 0) + int(packets)
        return found


agents = {}


def grown(agent, before, source):
    return agent.heard().get(source, 0) - before.get(source, 0)


def call(caller, callee, caller_hears, callee_hears):
    """@caller_hears: address that the callee's audio comes from, as the caller sees it"""
    before = caller.heard(), callee.heard()
    caller.events.clear()
    callee.events.clear()
    caller.command("dial", "sip:%s@203.0.113.2;transport=%s" % (callee.name, transport))
    try:
        caller.wait("CALL_ESTABLISHED")
        callee.wait("CALL_ESTABLISHED")
        if not eventually(lambda: grown(caller, before[0], caller_hears) >= PACKETS and
                          grown(callee, before[1], callee_hears) >= PACKETS):
            raise AssertionError("audio: %s hears %s (before: %s), %s hears %s (before: %s)\n%s" % (
                caller.name, caller.heard(), before[0], callee.name, callee.heard(), before[1],
                algctl("r", "call", "show", "flows") if OURS else ""))
        other = {key: grown(a, b, key) for a, b, own in ((caller, before[0], caller_hears), (callee, before[1], callee_hears))
                 for key in a.heard() if key != own and grown(a, b, key)}
        must_equal(other, {}, "audio from elsewhere")
    finally:
        caller.command("hangup")
        callee.command("hangup")
    callee.wait("CALL_CLOSED")
    if OURS:
        must(eventually(lambda: not [p for p in pinholes() if 7000 <= p["target"]["port"] <= 7100]), "pinholes are left")


def mute(caller, callee):
    """Without ALG there is no call, or one without audio."""
    before = caller.heard(), callee.heard()
    caller.command("dial", "sip:%s@203.0.113.2;transport=%s" % (callee.name, transport))
    try:
        caller.wait("CALL_ESTABLISHED", "CALL_CLOSED", timeout=6)
    except TimeoutError:
        pass
    time.sleep(1)	# audio would come now
    caller.command("hangup")
    must_equal((caller.heard(), callee.heard()), before, "audio heard")


def main():
    for spec in sys.argv[3:]:
        agent = Agent(spec)
        agents[agent.name] = agent
    alice, bob, carol = agents["alice"], agents["bob"], agents["carol"]
    title = " over " + transport
    if not works:
        check("no ALG: no audio from outside to inside" + title, mute, carol, alice)
        check("no ALG: no audio from inside to outside" + title, mute, alice, carol)
        return
    for agent in agents.values():
        check("%s registers%s" % (agent.name, title), lambda: must(eventually(agent.registered), "not registered"))
    check("inside to outside" + title, call, alice, carol, carol.addr, "203.0.113.1")
    check("outside to inside" + title, call, carol, bob, "203.0.113.1", carol.addr)
    if OURS:
        check("inside to inside: audio stays there" + title, call, alice, bob, bob.addr, alice.addr)
        algctl("r", "policy", "set", "default", "sip", "option", "same-nat=hairpin")
        check("inside to inside, hairpin" + title, call, bob, alice, "203.0.113.1", "203.0.113.1")
        algctl("r", "policy", "set", "default", "sip", "option", "same-nat=direct")
        shown = json.loads(algctl("r", "-j", "registration", "show"))["registrations"]
        check("two registrations are shown" + title, lambda: must_equal(
            sorted(re.search(r"sip:(\w+)", one["aor"]).group(1) for one in shown), ["alice", "bob"], "registrations"))


main()
finish()
