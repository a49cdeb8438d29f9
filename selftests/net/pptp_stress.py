# SPDX-License-Identifier: GPL-2.0-only
"""
PPTP at random; pptp_stress.sh has the network. Inside clients dial servers outside, s1 and s2 dial servers inside, by DNAT. GRE
says whose it is: it gets there and nowhere else, and only while its call lives.
"""
import collections
import json
import random
import socket
import struct
import sys
import time

import netbed
from netbed import check, eventually, must, must_equal
from pptp_peer import (CLEAR, DISCONNECT, ECHO_REQUEST, IN_CONNECTED, IN_REPLY, IN_REQUEST, LINK_INFO, OUT_REPLY, OUT_REQUEST,
                       STOP_REQUEST, WAN_ERROR, Gre, Line, ids, message, read_message, same_but_ids)

HOSTS = {"c1": "192.168.1.11", "c2": "192.168.1.12", "c3": "192.168.1.13", "c4": "192.168.1.14",
         "s1": "203.0.113.2", "s2": "203.0.113.3"}
PUBLIC, SECOND = "203.0.113.1", "203.0.113.10"
INSIDE, BLUE = ("c1", "c2", "c3", "c4"), ("c1", "c2")
WAYS = [(c, s, HOSTS[s]) for c in ("c1", "c2", "c3") for s in ("s1", "s2")]
WAYS += [(s, host, address) for s in ("s1", "s2") for host, address in (("c4", PUBLIC), ("c3", SECOND))]
LINES, CALLS = 10, 30
ALIVE, MAYBE, DEAD = "alive", "maybe", "dead"	# MAYBE: the operator was at work; what comes, comes to the right one

rand = random.Random(int(sys.argv[1]))
done = collections.Counter()


class Stalled(Exception):
    """The other end does not get what was sent."""


class Way(Line):
    """A control connection. @served: an ALG reads it."""

    def __init__(self, client, server, address):
        super().__init__(LISTENERS[server], client, HOSTS[client], address)
        self.hosts = client, server
        self.seen = PUBLIC if client in INSIDE else HOSTS[client], address	# how each is seen by the other
        self.ends = self.client, self.server
        self.tenant = "blue" if client in BLUE and "blue" in world.tenants else "default"
        self.served = world.mode[self.tenant] in ("on", "observe")	# later no connection gets a helper

    def write(self, end, *messages):
        """In one segment, or in two."""
        data = b"".join(messages)
        cut = rand.randrange(len(data)) if rand.random() < 0.3 else 0
        for part in (data[:cut], data[cut:]) if cut else (data,):
            self.ends[end].sendall(part)

    def read(self, end):
        try:
            return read_message(self.ends[end])
        except OSError as error:
            raise Stalled("%s to %s: %s" % (self.hosts[1 - end], self.hosts[end], error)) from error

    def reads(self):
        """Messages are read and rewritten."""
        return self.served and world.mode[self.tenant] == "on"

    def calls(self):
        return [call for call in world.calls.values() if call.line is self and not call.over]


class Call:
    """
    By end of the line, 0 being who dialled: @own its number, @told what the other was told. @opened: it was answered. @over: its
    parties know that it ended. @known: the box knows it.
    """

    def __init__(self, line, asker):
        world.last += 1
        self.uid, self.line, self.asker = world.last, line, asker
        self.hosts, self.seen = line.hosts, line.seen
        self.incoming = rand.random() < 0.4
        self.own, self.told = [None, None], [None, None]
        self.state, self.over = DEAD, False
        self.opened = self.cleared = False
        self.known = True
        world.calls[self.uid] = self

    def number(self, end):
        """
        One that this host has not with that peer, whichever address that has; others have it. 0 is for one side only: where
        both have it conntrack takes one direction for the answers of the other.
        """
        taken = {call.own[e] for call in world.calls.values() for e in (0, 1) if not call.over and call.hosts[e] == self.hosts[end]
                 and (call.seen[1 - e] == self.seen[1 - end] or call.hosts[1 - e] == self.hosts[1 - end])}
        pool = [0, 1, *range(5000, 5006)] if self.hosts[end] in INSIDE else range(5000, 5064)
        self.own[end] = rand.choice([n for n in pool if n not in taken] or [6000 + self.uid % 50000])
        return self.own[end]

    def pns(self):
        return 1 - self.asker if self.incoming else self.asker

    def request(self):
        return message(IN_REQUEST if self.incoming else OUT_REQUEST, self.number(self.asker), 0x1111)

    def reply(self, result=None):
        return message(IN_REPLY if self.incoming else OUT_REPLY, self.number(1 - self.asker), self.told[self.asker], result=result)

    def numbered(self, got, end):
        """The other party is told the number of @end."""
        self.told[end] = ids(got)[0]
        if not self.line.reads() or self.hosts[end] not in INSIDE:
            must_equal(self.told[end], self.own[end], "a number that is not translated")

    def translated(self):
        return self.known and self.line.reads()

    def outward(self, end):
        """Its number as the other party gets it in a message."""
        return self.told[end] if self.translated() else self.own[end]

    def inward(self, end):
        """The number that the other party names, as this one gets it."""
        return self.own[end] if self.translated() else self.told[end]

    def key(self, end):
        """By which GRE to this end is told from all other."""
        return self.hosts[1 - end], self.seen[end], self.told[end]

    def tells(self, end, used):
        """GRE to this end is no other call's to this host. Another host may have the number, but not the one that both chose."""
        return self.told[end] is not None and (self.key(end) not in used or (used[self.key(end)] != self.hosts[end] and
                                                                          self.told[end] == self.own[end]))


class World:
    def __init__(self):
        self.lines, self.calls, self.last = [], {}, 0
        self.mode = {"default": "on", "blue": "on"}	# of each tenant's policy: on, observe, off; None: the module is not there
        self.tenants = {"default", "blue"}
        self.dead = collections.deque(maxlen=40)
        self.wrong = []
        self.got = set()

    def live(self, state=ALIVE):
        return [call for call in self.calls.values() if call.state == state and call.opened]

    def bury(self, call):
        """Its parties know that it is over; the box does, too, if it reads what they say."""
        call.over = True
        if call.line.served or call.state != MAYBE:
            call.state = DEAD
        self.dead.append(call)
        while len(self.calls) > 400:
            for uid in [uid for uid, one in self.calls.items() if one.over and one.state == DEAD][:100]:
                del self.calls[uid]

    def drop(self, line):
        """The line has ended for both."""
        for call in line.calls():
            self.bury(call)
        line.close()
        self.lines.remove(line)


# ---- GRE ----

def packet(call, end, kind="call"):
    GRE[call.hosts[1 - end]].send(call.seen[end], call.told[end], b"%s %d %d" % (kind.encode(), call.uid, end))


def judge(host, sender, number, payload):
    """What is wrong with a packet that a host got."""
    kind, uid, end = payload.split()
    call, end = world.calls.get(int(uid)), int(end)
    if kind == b"third":
        return "GRE of a third party"
    if not call:
        return "GRE of a call that is long over"
    if call.hosts[end] != host:
        return "GRE for %s" % call.hosts[end]
    if (call.seen[1 - end], call.own[end]) != (sender, number):
        return "GRE from %s with number %d, not %d" % (sender, number, call.own[end])
    if kind == b"late" and call.state != MAYBE:
        return "GRE of a call that is over"
    world.got.add((int(uid), end))
    return "GRE of a call that is %s" % call.state if call.state == DEAD else None


def collect():
    """All that has come."""
    netbed.markers.settle()
    world.got.clear()
    for host, gre in GRE.items():
        while True:
            got = gre.packet(0)
            if not got:
                break
            sender, data = got
            number = struct.unpack_from("!H", data, 6)[0]
            problem = judge(host, sender, number, data[12:])
            done["packets"] += 1
            if problem:
                world.wrong.append("%s got %s: %r from %s, number %d; after %s" % (host, problem, data[12:], sender, number,
                                                                                 list(log)[-6:]))


def answered():
    """Nothing else has gone wrong so far."""
    must(not world.wrong, "\n".join(world.wrong[:4]))


def exchange():
    """Every call's both ways, with what must not come among it."""
    certain = [(call, end) for call in world.live() for end in (0, 1)]
    packets = [(call, end, "call") for call, end in certain]
    used = {call.key(end): call.hosts[end] for call, end in certain}
    latest = {call.key(end): (call, end) for call in world.live(MAYBE) for end in (0, 1)}
    packets += [(call, end, "call") for call, end in latest.values() if call.tells(end, used)]
    used.update((call.key(end), call.hosts[end]) for call, end in latest.values())
    for call in list(world.dead) + [call for call in world.calls.values() if not call.over and call.state == DEAD]:
        packets += [(call, end, "late") for end in (0, 1) if call.tells(end, used) and rand.random() < 0.5]
    rand.shuffle(packets)
    for one in packets:
        packet(*one)
    if certain:
        third(used, *rand.choice(certain))
    collect()
    done["exchanged"] += len(certain)
    missing = ["%d from %s (%d) to %s (%d, told %d)" % (c.uid, c.hosts[1 - e], c.own[1 - e], c.hosts[e], c.own[e], c.told[e])
               for c, e in certain if (c.uid, e) not in world.got]
    answered()
    must(not missing, "GRE of calls %s did not arrive; after %s" % (missing[:4], list(log)[-6:]))


def third(used, call, end):
    """Somebody else knows the number."""
    for host in HOSTS:
        routed = host in INSIDE or call.hosts[end] in INSIDE
        if routed and host not in call.hosts and (host, call.seen[end], call.told[end]) not in used:
            GRE[host].send(call.seen[end], call.told[end], b"third %d %d" % (call.uid, end))
    for near in (1, 2, 256):
        if (call.hosts[1 - end], call.seen[end], call.told[end] ^ near) not in used:
            GRE[call.hosts[1 - end]].send(call.seen[end], call.told[end] ^ near, b"third %d %d" % (call.uid, end))


# ---- what the parties do ----

def dial():
    if len(world.lines) < LINES:
        world.lines.append(Way(*rand.choice(WAYS)))


def passes(line, end, sent, first, second=None):
    """A message from @end arrives at the other with these numbers."""
    line.write(end, sent)
    same_but_ids(line.read(1 - end), sent, first, second)


def answer(call, result=None):
    line, other = call.line, 1 - call.asker
    reply = call.reply(result)
    line.write(other, reply)
    got = line.read(call.asker)
    call.numbered(got, other)
    same_but_ids(got, reply, call.told[other], call.own[call.asker] if line.reads() else None)


def connect(call):
    """The call is answered; or it is not, or cleared at the same time."""
    what = rand.random()
    if what < 0.1:
        answer(call, result=4)
        world.bury(call)
    elif what < 0.2 and call.pns() == call.asker:
        clear_early(call)
    else:
        answer(call)
        call.opened = True
        call.state = ALIVE if call.line.reads() else DEAD
        if call.incoming and rand.random() < 0.7:
            passes(call.line, call.asker, message(IN_CONNECTED, call.told[1 - call.asker]),
                   call.inward(1 - call.asker))


def clear_early(call):
    """The clear passes before the answer, which is on its way."""
    line = call.line
    clear = message(CLEAR, call.own[call.asker])
    line.write(call.asker, clear)
    netbed.markers.settle()
    answer(call)
    call.opened = call.cleared = True
    same_but_ids(line.read(1 - call.asker), clear, call.told[call.asker])
    world.dead.append(call)


def ask(line):
    """Some calls, asked for by one party, in one write."""
    asker = rand.randrange(2)
    fresh = [Call(line, asker) for _ in range(rand.choice((1, 1, 2, 3)))]
    requests = [call.request() for call in fresh]
    line.write(asker, *requests)
    for call, request in zip(fresh, requests):
        got = line.read(1 - asker)
        call.numbered(got, asker)
        same_but_ids(got, request, call.told[asker])
    done["calls"] += len(fresh)
    for call in fresh:
        if rand.random() < 0.95:
            connect(call)


def some_line():
    return rand.choice(world.lines) if world.lines else None


def some_call():
    calls = [call for call in world.calls.values() if not call.over and call.opened]
    return rand.choice(calls) if calls else None


def more_calls():
    line = some_line()
    if line and len(world.live()) < CALLS:
        ask(line)


def disconnect():
    """The PAC ends it."""
    call = some_call()
    if call:
        pac = 1 - call.pns()
        passes(call.line, pac, message(DISCONNECT, call.own[pac]), call.outward(pac))
        world.bury(call)


def clear():
    """The PNS does; the PAC answers, sometimes late."""
    call = some_call()
    if not call or call.cleared:
        return
    pns = call.pns()
    passes(call.line, pns, message(CLEAR, call.own[pns]), call.outward(pns))
    call.cleared = True
    if call.translated():
        call.state = DEAD
    if rand.random() < 0.7:
        passes(call.line, 1 - pns, message(DISCONNECT, call.own[1 - pns]), call.outward(1 - pns))
        world.bury(call)


def again():
    """The asker uses the number anew, without a word or with the old call's end in the same segment."""
    old = some_call()
    if not old:
        return
    line, asker = old.line, old.asker
    new = Call(line, asker)
    new.incoming, new.own[asker] = old.incoming, old.own[asker]
    messages = [message(IN_REQUEST if new.incoming else OUT_REQUEST, new.own[asker], 0x1111)]
    if old.pns() == asker and rand.random() < 0.5:
        messages.insert(0, message(CLEAR, old.own[asker]))
    line.write(asker, *messages)
    for sent in messages:
        got = line.read(1 - asker)
        if ids(sent)[1] == 0x1111:
            new.numbered(got, asker)
        same_but_ids(got, sent, ids(got)[0])
    world.bury(old)
    connect(new)


def talk():
    """Messages that change nothing."""
    call = some_call()
    if not call or not call.line.reads():
        return
    end = rand.randrange(2)
    passes(call.line, end, message(rand.choice((WAN_ERROR, LINK_INFO)), call.told[1 - end]), call.inward(1 - end))
    echo = message(ECHO_REQUEST)
    call.line.write(end, echo)
    must_equal(call.line.read(1 - end), echo, "echo")


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def hang_up(line=None):
    line = line or some_line()
    if not line:
        return
    how = rand.randrange(4)
    if how == 0 and line.reads():
        stop = message(STOP_REQUEST)
        line.write(0, stop)
        must_equal(line.read(1), stop, "stop")
        for call in line.calls():
            world.bury(call)
    elif how == 1:
        line.ends[rand.randrange(2)].shutdown(socket.SHUT_WR)
        world.drop(line)
    elif how == 2:
        abort(line.ends[rand.randrange(2)])
        world.drop(line)
    else:
        world.drop(line)
    netbed.markers.settle()


STEPS = [dial] * 5 + [more_calls] * 8 + [exchange] * 5 + [disconnect] * 3 + [clear] * 3 + [again] * 2 + [talk] * 2 + [hang_up]
log = collections.deque(maxlen=40)


def step():
    act = rand.choice(STEPS)
    log.append(act.__name__)
    act()
    done[act.__name__] += 1


# ---- what the operator does ----

def algctl(*words):
    netbed.algctl("r", *words)


def kill(calls):
    """They are over, and their parties do not know."""
    for call in calls:
        call.state, call.known = DEAD, False


def of(tenant):
    return [call for call in world.calls.values() if call.line.tenant == tenant and call.line.served]


def chaos(steps):
    for _ in range(steps):
        step()
    exchange()


def off_and_on():
    tenant = rand.choice(sorted(world.tenants))
    mode = rand.choice(("off", "observe"))
    algctl("policy", "set", tenant, "pptp", mode)
    kill(of(tenant))
    world.mode[tenant] = mode
    chaos(rand.randrange(12))
    algctl("policy", "set", tenant, "pptp", "on")
    kill(of(tenant))
    world.mode[tenant] = "on"


def lose_blue(how):
    how()
    kill(of("blue"))
    for line in world.lines:
        line.served = line.served and line.tenant != "blue"
    world.tenants.discard("blue")
    chaos(rand.randrange(12))


def gain_blue():
    algctl("tenant", "add", "blue", "mark", "1", "policy", "blue")
    world.tenants.add("blue")


def tenant():
    lose_blue(lambda: algctl("tenant", "del", "blue"))
    gain_blue()


def config(name, blue=True, mode="on"):
    path = "%s/%s.json" % (netbed.TMP, name)
    tenants = {"default": {"policy": "default"}}
    if blue:
        tenants["blue"] = {"mark": "1", "policy": "blue"}
    with open(path, "w", encoding="ascii") as file:
        json.dump({"policies": {"default": {"pptp": {"mode": "on"}}, "blue": {"pptp": {"mode": mode}}}, "tenants": tenants}, file)
    return path


def apply_same():
    algctl("apply", config("same"))


def apply_without():
    lose_blue(lambda: algctl("apply", config("without", False)))
    algctl("apply", config("same"))
    world.tenants.add("blue")


def delete_calls():
    if rand.random() < 0.5:
        tenant = rand.choice(sorted(world.tenants))
        algctl("call", "del", "tenant", tenant, "protocol", "pptp")
        kill(of(tenant))
        return
    shown = shown_calls()
    if not shown:
        return
    one = rand.choice(shown)
    algctl("call", "del", "id", str(one["id"]), "protocol", "pptp")
    kill(call for call in world.calls.values() if not call.over and texts(call) == (one["from"], one["to"]))


def texts(call):
    """As call show has its parties."""
    line = call.line
    seen = HOSTS[line.hosts[0]], line.seen[1]
    text = ["%s call %s" % (seen[end], call.own[end]) if call.opened else seen[end] for end in (0, 1)]
    return text[call.asker], text[1 - call.asker]


def flush():
    netbed.run("r", "conntrack", "-F")
    kill(call for call in world.calls.values() if call.state == ALIVE)
    for line in list(world.lines):
        world.drop(line)
    for call in world.calls.values():
        call.state = DEAD


def reload():
    """GRE of live calls goes on."""
    names = rand.choice((["nf_alg_pptp"], ["nf_alg_nat"], ["nf_alg_pptp", "nf_alg_nat"]))
    netbed.run("r", "rmmod", *names)
    for call in world.live():
        call.state = MAYBE
    if "nf_alg_pptp" in names:
        for line in world.lines:
            line.served = False
        modes, world.mode = world.mode, dict.fromkeys(world.mode)
        chaos(rand.randrange(6))
        world.mode = modes
    netbed.run("r", "modprobe", "-a", *names)


OPERATOR = [off_and_on, tenant, apply_same, apply_without, delete_calls, flush, reload]


def operate(act=None):
    act = act or rand.choice(OPERATOR)
    log.append("operator: " + act.__name__)
    act()
    log.append("operator: %s ended" % act.__name__)
    done[act.__name__] += 1
    exchange()


# ---- all of it ----

def shown_calls():
    return json.loads(netbed.algctl("r", "-j", "call", "show", "protocol", "pptp"))["calls"]


def stress(seconds):
    end = time.monotonic() + seconds
    last = time.monotonic()
    while time.monotonic() < end:
        step()
        if time.monotonic() - last > 0.7 or rand.random() < 0.005:
            operate()
            last = time.monotonic()


def ended():
    for line in list(world.lines):
        world.drop(line)
    exchange()
    must(eventually(lambda: not shown_calls()), "calls are left: %r" % shown_calls())
    must(eventually(lambda: not json.loads(netbed.algctl("r", "-j", "pinhole", "show"))["pinholes"]), "pinholes are left")
    must_equal(netbed.run("r", "conntrack", "-L", "expect"), "", "expectations")


def one_more():
    """With quotas of one: nothing has kept its part."""
    algctl("policy", "set", "default", "pptp", "option", "max-calls=1")
    algctl("tenant", "set", "default", "max-pinholes", "2")
    line = Way("c3", "s1", HOSTS["s1"])
    world.lines.append(line)
    call = Call(line, 0)
    line.write(0, call.request())
    call.numbered(line.read(1), 0)
    answer(call)
    call.opened, call.state = True, ALIVE
    exchange()
    world.drop(line)


netbed.enter("r")
algctl("apply", config("same"))
LISTENERS = {host: netbed.listen(host, HOSTS[host], 1723) for host in ("s1", "s2", "c3", "c4")}
GRE = {host: Gre(host, address) for host, address in HOSTS.items()}
netbed.PATIENCE = 5
netbed.markers = netbed.Markers(HOSTS, ["s1", "s2"], INSIDE)
world = World()
if check("calls at random, and an operator", stress, float(sys.argv[2])):
    check("they end with their control connections", ended)
    check("nothing of them is counted any more", one_more)
print("#", ", ".join("%d %s" % (done[what], what) for what in sorted(done)), flush=True)
netbed.finish()
