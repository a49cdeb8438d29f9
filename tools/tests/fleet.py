# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of a fleet: agents, each with a kernel of its own, that follow one PostgreSQL."""

import contextlib
import json
import os
import signal
import subprocess
import time

import engines

MOST = 12	# seconds for anything to happen


class Agent:
    """A box with an agent."""

    def __init__(self, box, name, every="1s", address=None):
        self.box, self.name, self.every = box, name, every
        self.address = address or box.address
        self.kernel = box.runner.state(f"{box.kernel}.{name}")
        self.file = box.runner.state(f"{box.kernel}.{name}.json")
        self.said = box.runner.state(f"{box.kernel}.{name}.said")
        self.child = None

    def env(self, **more):
        return {"ALGCTL_FAKE": self.kernel, "ALGCTL_STORE": self.address, "ALGCTL_BOX": self.name, "ALGCTL_KEPT": self.file, **more}

    def start(self, **more):
        with open(self.said, "a", encoding="utf-8") as said:
            self.child = subprocess.Popen([self.box.runner.args.fake, "agent", "every", self.every], stderr=said,
                                          env={**os.environ, "LC_ALL": "C.UTF-8", **self.env(**more)})
        return self

    def stop(self, how=signal.SIGTERM):
        if self.child:
            self.child.send_signal(how)
            self.child.wait(timeout=MOST)
        return self.child.returncode

    def words(self):
        with open(self.said, encoding="utf-8") as said:
            return said.read()

    def in_kernel(self):
        return self.box.runner.run(["export"], ALGCTL_FAKE=self.kernel, ALGCTL_STORE="none")[1]

    def run(self, *words, **more):
        return self.box.runner.run(list(words), **self.env(**more))

    def has(self, *parts):
        text = self.in_kernel()
        return all(part in text for part in parts)


def until(box, title, condition):
    """Waits for it."""
    end = time.monotonic() + MOST
    while True:
        found = condition()
        if found or time.monotonic() > end:
            box.check(found, title)
            return found
        time.sleep(0.05)


def states(box):
    code, out, err = box.run("-j", "fleet", "status")
    if code:
        return {"": out + err}
    return {b["box"]: b for b in json.loads(out)["boxes"]}


def applied(box, *agents):
    def good():
        found = states(box)
        return all(found.get(a.name, {}).get("state") == "applied" for a in agents)
    until(box, f"applied: {' '.join(a.name for a in agents)}", good)


@contextlib.contextmanager
def running(box, *names, **more):
    """Boxes of the fleet, with agents."""
    agents = [Agent(box, name, **more) for name in names]
    for name in names:
        box.good("fleet", "add", name)
    try:
        yield [a.start() for a in agents]
    finally:
        for a in agents:
            if a.child and a.child.poll() is None:
                a.child.kill()
                a.child.wait()


def follow(box):
    """An agent applies what is its own, reports, keeps it, ends at SIGTERM."""
    box.good("policy", "add", "gold", "ftp", "off")
    box.good("tenant", "add", "acme", "zone", "7", "policy", "gold")
    local = box.in_kernel()
    box.check("acme" in local, "without boxes the local kernel is changed")
    with running(box, "paris", "rome") as (paris, rome):
        box.good("fleet", "set", "rome", "tags", "edge", "description", "in the south")
        applied(box, paris, rome)
        box.check(paris.has("acme:", "zone: 7", "gold") and rome.has("acme:"), "all tenants on all boxes", paris.in_kernel())
        box.good("tenant", "add", "bob", "zone", "8", "boxes", "rome")
        box.good("service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121")
        box.good("policy", "add", "edge", "ftp", "services", "ftp-alt")
        box.good("tenant", "add", "eve", "zone", "9", "policy", "edge", "boxes", "tag:edge")
        applied(box, paris, rome)
        box.check(rome.has("bob:", "eve:", "2121") and not paris.has("bob:") and not paris.has("2121"), "tenants by box and tag",
                  paris.in_kernel())
        box.same(box.in_kernel(), local, "the local kernel is left alone")
        box.good("tenant", "set", "eve", "zone", "19", "--dry-run", has="~ tenant eve zone 9 -> 19")
        box.good("policy", "set", "gold", "sip", "off")
        box.good("policy", "propagate", "gold")
        applied(box, paris, rome)
        box.check(paris.has("sip: off"), "propagate reaches the boxes")
        file = box.good("export", has="boxes: \"tag:edge\"")
        box.good("apply", "-", stdin=file, has="0 added, 0 changed, 0 removed")
        box.good("apply", "-", stdin=file.replace("zone: 8", "zone: 18"), has="the boxes follow")
        until(box, "an applied file reaches the boxes", lambda: rome.has("zone: 18"))
        box.good("tenant", "set", "bob", "boxes", "all")
        until(box, "a tenant moves to all boxes", lambda: paris.has("bob:"))
        applied(box, paris)
        with open(paris.file, encoding="utf-8") as f:
            kept = json.load(f)
        found = states(box)["paris"]
        box.check(kept["box"] == "paris" and kept["hash"] == found["hash"] and "bob" in kept["configuration"]["tenants"],
                  "what is applied is kept", kept)
        box.check(not os.path.exists(paris.file + ".new") and os.stat(paris.file).st_mode & 0o777 == 0o600, "in one file for root")
        box.runner.run(["tenant", "del", "acme"], ALGCTL_FAKE=paris.kernel, ALGCTL_STORE="none")
        until(box, "what is changed in the kernel is repaired", lambda: paris.has("acme:"))
        box.bad("tenant", "set", "bob", "boxes", "nowhere", says="the fleet has no box 'nowhere'")
        box.good("tenant", "set", "bob", "boxes", "rome")
        box.bad("fleet", "del", "rome", says="tenants run on it by name: bob")
        box.bad("fleet", "add", "rome", says="exists already")
        box.bad("fleet", "status", "nowhere", says="the fleet has no box")
        shown = {b["box"]: b for b in box.json("fleet", "show")["boxes"]}
        box.same((shown["rome"]["tags"], shown["rome"]["tenants"], shown["paris"]["tenants"]),
                 (["edge"], ["acme", "bob", "eve"], ["acme"]), "show")
        box.same(rome.stop(), 0, "SIGTERM ends an agent cleanly")
        box.good("fleet", "del", "paris")
        until(box, "a deleted box's agent says so", lambda: "the fleet has no box 'paris'" in paris.words())
        box.check(paris.has("acme:") and paris.child.poll() is None, "and leaves the kernel alone")
        box.check([e for e in box.log("object", "box") if e["name"] == "rome"], "the log has boxes")
    box.good("log", "verify")


def exported(box):
    """Boxes are part of a configuration: export has them, apply makes, changes and deletes them."""
    text = box.runner.file("boxes.yaml", """policies:
  gold:
    ftp: off
tenants:
  acme:
    policy: gold
    boxes: [paris, "tag:edge"]
    zone: 7
boxes:
  oslo: {}
  paris:
    login: agent1
    description: "on the \\"left\\" bank"
    tags: [edge, north]
""")
    local = box.in_kernel()
    box.good("apply", text, "--dry-run", has="+ box paris login agent1")
    box.same(box.json("fleet", "show")["boxes"], [], "a dry run makes none")
    box.good("apply", text, has="2 boxes: ")
    box.same(box.in_kernel(), local, "the local kernel is left alone by what makes a fleet")
    shown = {b["box"]: b for b in box.json("fleet", "show")["boxes"]}
    box.same((shown["paris"]["login"], shown["paris"]["tags"], shown["paris"]["description"], shown["paris"]["tenants"],
              shown["oslo"]["login"]), ("agent1", ["edge", "north"], 'on the "left" bank', ["acme"], ""), "boxes of a file")
    first = box.good("export", has="boxes:\n  oslo: {}\n")
    box.good("apply", "-", stdin=first, has="0 added, 0 changed, 0 removed")
    box.same(box.good("export"), first, "export, apply, export: the same bytes")
    js = box.good("export", "--format", "json")
    box.same(json.loads(js)["boxes"]["paris"]["login"], "agent1", "JSON has them")
    box.good("apply", "-", stdin=js, has="0 added, 0 changed, 0 removed")
    other = first.replace("    login: agent1\n", "").replace("north", "south")
    box.good("apply", "-", stdin=other, has="0 added, 1 changed, 0 removed")
    paris = {b["box"]: b for b in box.json("fleet", "show")["boxes"]}["paris"]
    box.same((paris["login"], paris["tags"]), ("", ["edge", "south"]), "what a file does not say is not said")
    entry = box.log("object", "box")[-1]
    box.check("login agent1" in entry["old"] and "login any" in entry["new"] and entry["name"] == "paris", "it is logged", entry)
    without = first[:first.index("boxes:\n  oslo")]
    box.good("apply", "-", stdin=without, has="0 added, 0 changed, 0 removed")
    box.same(len(box.json("fleet", "show")["boxes"]), 2, "boxes stay when a file says nothing of any")
    box.bad("apply", "-", stdin=first.replace("  paris:\n    login", "  rome:\n    login"), says="tenants run on it by name: acme")
    box.bad("apply", "-", stdin=first.replace("boxes: [paris,", "boxes: [rome,"), says="the fleet has no box 'rome'")
    box.bad("apply", "-", stdin=first.replace("login: agent1", "logins: agent1"), says="has no key 'logins'", code=1)
    box.good("apply", "-", stdin=first.replace("  oslo: {}\n", ""), has="1 removed")
    box.same([b["box"] for b in box.json("fleet", "show")["boxes"]], ["paris"], "a box that the file does not have is deleted")
    box.good("role", "set", "operator", "members", "user:otto")
    now = box.good("export")
    box.bad("apply", "-", user="otto", stdin=now.replace("agent1", "agent9"), says="fleet: not permitted")
    box.good("apply", "-", user="otto", stdin=now.replace("zone: 7", "zone: 17"), has="1 changed")
    box.good("log", "verify")


def duplicates(box):
    """News without a change are no work: the agent looks at the store's state only."""
    with running(box, "paris", every="1h") as (paris,):
        box.good("tenant", "add", "acme", "zone", "7")
        applied(box, paris)
        box.runner.run(["tenant", "set", "acme", "zone", "17"], ALGCTL_FAKE=paris.kernel, ALGCTL_STORE="none")
        for _ in range(50):
            box.engine.sql(box.address, "NOTIFY nf_alg")
        box.check(paris.has("zone: 17"), "repeated news are ignored")
        box.good("tenant", "set", "acme", "max-sessions", "5")
        until(box, "a change is not", lambda: paris.has("zone: 7", "max-sessions: 5"))
        before = states(box)["paris"]["entry"]
        box.bad("tenant", "add", "acme", says="exists already")
        box.same(box.json("fleet", "status")["entry"], before, "a refusal is no change")


def refused(box):
    """What a kernel refuses is reported, all of the former configuration stays; it is tried again."""
    with running(box, "paris", "rome") as (paris, rome):
        box.good("tenant", "add", "acme", "zone", "7")
        box.good("tenant", "add", "bob", "zone", "8")
        applied(box, paris, rome)
        before, kept = paris.in_kernel(), states(box)["paris"]["hash"]
        file = box.good("export").replace("zone: 8", "zone: 7\n  eve:\n    zone: 9")
        box.good("apply", "-", stdin=file)
        until(box, "both refuse it", lambda: all(b["state"] == "refused" for b in states(box).values()))
        found = states(box)["paris"]
        box.check("acme has it" in found["error"] and found["entry"] < found["wanted"] and found["tried"] == found["wanted"] and
                  found["hash"] == kept and found["error-at"], "the kernel's words are reported", found)
        box.same(paris.in_kernel(), before, "nothing of it is applied")
        box.good("fleet", "status", has="tenant acme has it")
        box.good("tenant", "set", "bob", "zone", "8")
        applied(box, paris, rome)
        box.check(paris.has("eve:"), "and then all of it")
        box.same(states(box)["paris"]["error"], "", "the error is gone")
        paris.stop()
        paris.start(ALGCTL_FAKE_FAIL="family=2")
        until(box, "a kernel without the module", lambda: "nf_alg" in states(box)["paris"]["error"])
        box.same(states(box)["paris"]["hash"], states(box)["rome"]["hash"], "it still has what was applied before")


def away(box):
    """The database restarts, is away when an agent starts, and is away when a box starts."""
    box.good("tenant", "add", "acme", "zone", "7")
    with running(box, "paris") as (paris,):
        applied(box, paris)
        box.engine.stop("immediate")
        until(box, "an agent notices", lambda: "no database, everything stays as it is" in paris.words())
        paris.stop()
        os.unlink(paris.kernel)
        code, out, err = paris.run("restore")
        box.check(code == 0 and "box paris as it was" in out and "+ tenant acme zone 7" in out, "restore without a database",
                  out + err)
        os.unlink(paris.kernel)
        code, out, err = paris.run("restore", "kept")
        box.check(code == 0 and paris.has("acme:"), "restore at boot asks none", out + err)
        os.unlink(paris.kernel)
        paris.start()
        until(box, "an agent without a database begins with what was kept", lambda: paris.has("zone: 7"))
        box.engine.start()
        box.good("tenant", "set", "acme", "zone", "9")
        until(box, "and goes on when it comes", lambda: paris.has("zone: 9"))
        applied(box, paris)
        paris.stop()
        damaged(box, paris)
        code, out, err = paris.run("restore")
        box.check(code == 0 and paris.has("zone: 9"), "restore from the database", out + err)
        code, out, err = paris.run("restore", ALGCTL_BOX="nowhere")
        box.check(code == 2 and "the fleet has no box 'nowhere'" in out + err, "restore on a strange host", out + err)
        code, out, err = paris.run("store", "status")
        box.check(code == 0 and "the kernel has what the store has" in out, "a box knows its drift", out + err)
        box.good("store", "status", has="fleet status", ALGCTL_BOX="nowhere")
        box.engine.stop()
        never = Agent(box, "rome").start()
        until(box, "an agent that knows nothing", lambda: "nothing is known yet" in never.words())
        box.same(never.stop(), 0, "ends cleanly without a database")
        box.engine.start()


def damaged(box, agent):
    """A kept file that is not whole is not applied."""
    with open(agent.file, encoding="utf-8") as f:
        text = f.read()
    os.unlink(agent.kernel)
    for bad in (text.replace("9", "8"), text[:len(text) // 2], "", "{}", text.replace('"hash"', '"hush"')):
        with open(agent.file, "w", encoding="utf-8") as f:
            f.write(bad)
        code, out, err = agent.run("restore", "kept")
        box.check(code and "acme" not in agent.in_kernel(), "a damaged file", f"{code} {out}{err}")
    with open(agent.file, "w", encoding="utf-8") as f:
        f.write(text)


def staged(box):
    box.good("policy", "add", "gold", "ftp", "off")
    box.good("tenant", "add", "acme", "zone", "7", "policy", "gold")
    box.bad("policy", "propagate", "gold", "--staged", says="there is no fleet", code=1)
    with running(box, "a", "b", "c") as (a, b, c):
        applied(box, a, b, c)
        box.good("policy", "set", "gold", "sip", "off")
        box.bad("policy", "propagate", "gold", "first", "b", says="belong to --staged", code=1)
        box.bad("policy", "propagate", "gold", "--staged", "first", "nowhere", says="the fleet has no box 'nowhere'")
        box.good("policy", "propagate", "gold", "--staged", "--dry-run", has="first box a, then b, c")
        out = box.good("policy", "propagate", "gold", "--staged", "first", "b")
        box.same([line for line in out.splitlines() if line.startswith("box ")],
                 ["box b: applied", "box a: applied", "box c: applied"], "the first, then the rest")
        box.check(a.has("sip: off") and c.has("sip: off"), "all have it")
        box.good("policy", "propagate", "gold", "--staged", "first", "b", has="no box is concerned", lacks="box b")
        box.bad("policy", "propagate", "gold", "--staged", "first", "nowhere", says="the fleet has no box 'nowhere'")
        box.same([s["holds"] for s in states(box).values()], [0, 0, 0], "nothing is held")
        b.stop()
        b.start(ALGCTL_FAKE_FAIL="config-commit=16,tenant-set=16,policy-set=16")
        box.good("policy", "set", "gold", "tftp", "off")
        before = a.in_kernel()
        code, out, err = box.run("-j", "policy", "propagate", "gold", "--staged", "first", "b")
        found = json.loads(out).get("boxes", [])
        box.check(code == 2 and [(x["box"], x["state"]) for x in found] == [("b", "refused"), ("a", "held"), ("c", "held")] and
                  found[0]["error"], "a refusal of the first stops it", out + err)
        box.good("tenant", "set", "acme", "max-sessions", "5")
        until(box, "those that hold look at other changes", lambda: states(box)["a"]["state"] == "applied")
        box.same(a.in_kernel(), before, "the rest stays as it is")
        box.good("fleet", "status", has="2 hold a staged change")
        box.bad("tenant", "del", "acme@2", says="is referred to by box a, box c")
        box.good("store", "auto-delete", "tenant", "0s")
        until(box, "held versions are not swept", lambda: states(box)["a"]["state"] == "applied" and a.in_kernel() == before)
        box.good("store", "auto-delete", "tenant", "off")
        b.stop()
        b.start()
        applied(box, b)
        box.good("fleet", "release", "a")
        until(box, "one is released", lambda: a.has("tftp: off") and not c.has("tftp: off"))
        box.good("fleet", "release")
        applied(box, a, b, c)
        box.check(c.has("tftp: off", "max-sessions: 5"), "then all")
        a.stop(signal.SIGKILL)
        box.good("policy", "set", "gold", "ftp", "on")
        code, out, err = box.run("policy", "propagate", "gold", "--staged", "wait", "1s")
        box.check(code == 2 and "box a: silent" in out and "box c: held" in out and "fleet release" in out + err,
                  "a silent first stops it", out + err)
        box.good("policy", "propagate", "gold@3", "from", "all")
        box.good("fleet", "release")
        applied(box, b, c)
        box.check(c.has("ftp: off"), "back again")


def logins(box):
    """Reports of others than the box's own are not taken."""
    box.good("fleet", "add", "paris", "login", "agent1")
    box.good("role", "set", "viewer", "members", "user:agent2")
    for user in ("agent1", "agent2"):
        box.engine.login(box.address, user)
    one, two = (Agent(box, "paris", address=box.engine.login(box.address, user)) for user in ("agent1", "agent2"))
    two.start()
    until(box, "another's report is refused", lambda: "does not report for box paris" in two.words())
    box.same(states(box)["paris"]["state"], "never seen", "and not taken")
    two.stop()
    one.start()
    applied(box, one)
    one.stop()


def killed_agent(box):
    """An agent killed at steps of an application: the kernel has all of it or nothing, what is kept is whole."""
    box.good("tenant", "add", "acme", "zone", "100")
    box.good("tenant", "add", "bob", "zone", "200")
    box.good("fleet", "add", "paris")
    agent, ends = Agent(box, "paris").start(), set()
    applied(box, agent)
    agent.stop()
    file = box.good("export")
    for at in range(1, 60, 2):
        old = agent.in_kernel()
        box.good("apply", "-", stdin=file.replace("zone: 100", f"zone: {100 + at}").replace("zone: 200", f"zone: {200 + at}"))
        agent.start(ALGCTL_KILL_AT=str(at))
        end = time.monotonic() + MOST
        while agent.child.poll() is None and time.monotonic() < end and states(box)["paris"]["state"] != "applied":
            time.sleep(0.02)
        alive = agent.child.poll() is None
        agent.stop(signal.SIGKILL)
        now = agent.in_kernel()
        ends.add(now != old)
        box.check(now == old or (f"zone: {100 + at}" in now and f"zone: {200 + at}" in now),
                  f"killed at step {at}: all or nothing", now)
        code, out, err = agent.run("restore", "kept", "--dry-run")
        box.check(code == 0, f"killed at step {at}: what is kept is whole", out + err)
        if alive:
            break
    box.same(ends, {False, True}, "kills before and behind the change were among them")
    agent.start()
    applied(box, agent)
    agent.stop()


def many(box):
    """Twenty boxes follow one PostgreSQL through its restart."""
    box.good("policy", "add", "gold", "ftp", "off")
    for i in range(5):
        box.good("tenant", "add", f"t{i}", "zone", str(i + 1), "policy", "gold")
    with running(box, *[f"box{i:02}" for i in range(20)], every="5s") as agents:
        applied(box, *agents)
        box.same(len({s["hash"] for s in states(box).values()}), 1, "all twenty have the same")
        box.engine.stop("immediate")
        until(box, "all notice", lambda: all("no database" in a.words() for a in agents))
        box.engine.start()
        box.good("tenant", "set", "t3", "zone", "33")
        applied(box, *agents)
        box.check(all(a.has("zone: 33") for a in agents), "all have the change behind the restart")
        children = [a.child.poll() for a in agents]
        box.same(set(children), {None}, "nobody has ended")
        for a in agents:
            a.child.terminate()
        box.same({a.child.wait(timeout=MOST) for a in agents}, {0}, "all end cleanly")


TESTS = (follow, exported, duplicates, refused, away, staged, logins, killed_agent, many)
for _test in TESTS:
    _test.engine = engines.Postgres
