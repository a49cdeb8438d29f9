# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store, the same on every engine. Each test has a store and a kernel of its own."""

import json
import os
import pty
import re
import subprocess
import time
import traceback

import crashes
import definitions
import engines
import fleet
import rights
import scale
import sight


class Box:
    """A new store, a new kernel, and who works with them."""

    def __init__(self, runner, engine, before=()):
        """@before: changes of the kernel alone, before there is a store."""
        self.runner, self.engine, self.results = runner, engine, runner.results
        Box.made = getattr(Box, "made", 0) + 1
        self.kernel = runner.state(f"box{Box.made}")
        self.address = engine.new()
        for words in before:
            runner.run(words, ALGCTL_FAKE=self.kernel)
        self.good("store", "init")

    def title(self, text):
        return f"{self.engine.name}: {text}"

    def env(self, user=None, **more):
        address = self.engine.login(self.address, user) if user else self.address
        return {"ALGCTL_FAKE": self.kernel, "ALGCTL_STORE": address, **(self.engine.user(user) if user else {}), **more}

    def run(self, *words, user=None, stdin=None, **more):
        return self.runner.run(list(words), stdin=stdin, **self.env(user, **more))

    def good(self, *words, has=None, lacks=None, **more):
        """It must succeed; returns the output."""
        code, out, err = self.run(*words, **more)
        good = code == 0 and (has is None or has in out) and (lacks is None or lacks not in out)
        self.results.check(good, self.title(" ".join(words)), f"status {code}\n{out}{err}\nwanted: {has!r}, not {lacks!r}")
        return out

    def bad(self, *words, says="", code=2, **more):
        """It must be refused, with these words; store and kernel stay as they were."""
        before = self.snapshot()
        got, out, err = self.run(*words, **more)
        self.results.check(got == code and says in out + err, self.title(" ".join(words) + " is refused"),
                           f"status {got}\n{out}{err}\nwanted {code}: {says!r}")
        self.results.check(self.snapshot() == before, self.title(" ".join(words) + " changes nothing"))

    def json(self, *words, **more):
        code, out, err = self.run("-j", *words, **more)
        self.results.check(code == 0, self.title("-j " + " ".join(words)), out + err)
        try:
            return json.loads(out)
        except ValueError:
            self.results.check(False, self.title("JSON of " + " ".join(words)), out + err)
            return {}

    def check(self, good, text, detail=""):
        self.results.check(good, self.title(text), detail)

    def same(self, got, wanted, text):
        self.results.same(got, wanted, self.title(text))

    def snapshot(self):
        return self.engine.rows(self.address, ("objects", "versions", "refs", "tags", "permissions")), self.in_kernel()

    def in_kernel(self):
        return self.runner.run(["export"], ALGCTL_FAKE=self.kernel, ALGCTL_STORE="none")[1]

    def versions(self, kind, name):
        return [v["version"] for v in self.json(kind, "versions", name)["versions"]]

    def show(self, kind, name):
        return [*self.json(kind, "show", name).values()][0][0]

    def log(self, *words):
        return self.json("log", "show", *words)["log"]

    def in_step(self, text):
        """Store and kernel agree, and the log is whole."""
        self.good("store", "status", has="the kernel has what the store has")
        self.good("log", "verify", has="complete and unchanged")
        self.check(not self.json("store", "status")["drift"]["changed"], text)


def objects(box):
    """set, edit, clone, delete; tags and descriptions."""
    box.good("policy", "add", "gold", "ftp", "off", "description", "for \"gold\" customers", "tags", "vip,Gold2")
    box.good("service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121")
    box.bad("policy", "add", "gold", says="policy 'gold': exists already")
    box.bad("policy", "add", "x", "ftp", "services", "nosuch", says="no service nosuch")
    box.bad("policy", "set", "nosuch", "ftp", "off", says="policy 'nosuch': does not exist")
    box.bad("policy", "set", "gold", "tags", "two words", says="a tag has letters and digits only", code=1)
    box.bad("policy", "set", "gold", "version", "7", says="the store counts versions", code=1)
    box.bad("service", "set", "ftp", "tcp", "22", says="predefined services can't be changed")
    box.bad("service", "del", "ftp", says="predefined services can't be deleted")
    box.bad("policy", "del", "default", says="can't be deleted")
    box.good("policy", "set", "gold", "ftp", "services", "ftp,ftp-alt")
    box.same(box.versions("policy", "gold"), [1, 2], "every change makes a version")
    box.good("policy", "set", "gold", "ftp", "services", "ftp,ftp-alt")
    box.good("policy", "set", "gold", "description", "other")
    box.same(box.versions("policy", "gold"), [1, 2], "no change and a new description make none")
    box.good("policy", "show", "gold@1", has="ftp   off")
    box.good("policy", "show", "gold@2", has="ftp-alt")
    box.bad("policy", "show", "gold@3", says="there is no version 3")
    box.good("policy", "list", "--tag", "vip", has="gold")
    box.good("policy", "list", "--tag", "v", lacks="gold")
    box.good("policy", "list", "--search", "OTHER", has="gold")
    box.good("policy", "list", "--search", "nothing", lacks="gold")
    entry = [p for p in box.json("policy", "list")["policies"] if p["name"] == "gold"][0]
    box.check(entry["tags"] == ["Gold2", "vip"] and entry["version"] == 2 and entry["created-by"] == entry["changed-by"] and
              abs(entry["changed"] - time.time()) < 600, "list knows tags, version, who and when", entry)
    box.good("policy", "clone", "gold@1", "silver")
    box.same(box.show("policy", "silver")["ftp"]["mode"], "off", "a clone of a version")
    box.bad("policy", "clone", "gold", "silver", says="exists already")
    box.good("tenant", "add", "acme", "policy", "gold", "zone", "7")
    box.good("tenant", "clone", "acme", "acme2")
    box.same(box.show("tenant", "acme2").get("zone"), [], "selectors are not cloned")
    box.good("policy", "del", "silver")
    box.bad("policy", "show", "silver", says="does not exist")
    box.good("policy", "add", "silver", "sip", "off")
    box.good("tenant", "del", "acme2")
    box.in_step("after changes")


def references(box):
    box.good("service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121")
    box.good("policy", "add", "gold", "ftp", "services", "ftp-alt")
    box.good("template", "add", "business", "policy", "gold", "max-sessions", "100", "ports", "1024-2047", "block", "64")
    box.good("tenant", "add", "acme", "template", "business", "zone", "7", "max-sessions", "5")
    box.good("tenant", "add", "bob", "policy", "gold", "zone", "8")
    found = box.json("service", "references", "ftp-alt")["references"]
    box.same([(r["level"], r["object"], r["name"], r["version"], r["to"]["name"]) for r in found],
             [(1, "policy", "gold", 1, "ftp-alt"), (2, "tenant", "bob", 1, "gold"), (2, "template", "business", 1, "gold"),
              (3, "tenant", "acme", 1, "business")], "references, direct and by way of others")
    box.bad("service", "del", "ftp-alt", says="is referred to by policy gold@1")
    box.bad("policy", "del", "gold", says="is referred to by template business@1, tenant bob@1")
    box.bad("template", "del", "business", says="is referred to by tenant acme@1")
    box.good("policy", "set", "gold", "sip", "off")
    box.bad("policy", "del", "gold@1", says="is referred to by")
    box.bad("policy", "del", "gold@2", says="version 2 is the latest")
    box.check("sip: off" not in box.in_kernel(), "an edit touches nothing that is applied")
    show = box.show("tenant", "acme")
    box.check(show["policy"] == "gold@1" and show["max-sessions"] == 5 and show["block"] == 64 and show["ports"] == "1024-2047",
              "a template's settings, and the tenant's own", show)
    box.check("max-sessions: 5" in box.in_kernel() and "block: 64" in box.in_kernel(), "and in the kernel", box.in_kernel())
    box.good("tenant", "set", "acme", "template", "none")
    show = box.show("tenant", "acme")
    box.check("template" not in show and show["block"] == 64 and show["policy"] == "gold@1", "a tenant leaves its template", show)
    box.good("template", "del", "business")
    box.bad("tenant", "add", "carl", "template", "business", says="no such template")
    box.in_step("after references")


def propagate(box):
    box.good("service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121")
    box.good("policy", "add", "gold", "ftp", "services", "ftp-alt")
    box.good("template", "add", "business", "policy", "gold")
    for i in range(3):
        box.good("tenant", "add", f"t{i}", "template", "business", "zone", str(i + 1))
    box.good("tenant", "add", "direct", "policy", "gold", "zone", "9")
    box.good("service", "set", "ftp-alt", "tcp", "2122")
    before = box.snapshot()
    dry = box.json("service", "propagate", "ftp-alt", "--dry-run")
    box.check(box.snapshot() == before, "a dry run changes nothing")
    box.same(sorted((m["object"], m["name"], m["version"], m["new"]) for m in dry["moves"]),
             [("policy", "gold", 1, 2), ("template", "business", 1, 2), ("tenant", "direct", 1, 2), ("tenant", "t0", 1, 2),
              ("tenant", "t1", 1, 2), ("tenant", "t2", 1, 2)], "a dry run shows the chain")
    box.check(not dry["done"] and [c["name"] for c in dry["kernel"]["changed"]] == ["ftp-alt", "gold"],
              "and what changes in the kernel", dry["kernel"])
    box.good("service", "propagate", "ftp-alt", "only", "tenant:t1")
    box.same([box.versions("tenant", t)[-1] for t in ("t0", "t1", "t2", "direct")], [1, 2, 1, 1], "only those named")
    text = box.in_kernel()
    box.check(all(word in text for word in ("ftp-alt.v1:", "gold.v1:", "2121", "2122")), "two versions in the kernel", text)
    box.good("policy", "set", "gold", "sip", "off")
    box.bad("policy", "propagate", "gold", says="several versions are referred to")
    box.bad("policy", "propagate", "gold", "only", "tenant:nosuch", "from", "all", says="not all that were named", code=1)
    out = box.json("policy", "propagate", "gold", "from", "1")
    moved = {(m["object"], m["name"]): m.get("new") for m in out["moves"]}
    box.same((moved.get(("tenant", "direct")), moved.get(("template", "business"))), (2, None), "from a version: others stay")
    out = box.json("policy", "propagate", "gold", "from", "all")
    box.check(out["done"] and box.versions("template", "business")[-1] == 3, "from all", out)
    box.good("template", "propagate", "business", "from", "all")
    box.check("gold.v" not in box.in_kernel() and box.in_kernel().count("sip: off") == 1, "one version again", box.in_kernel())
    box.good("template", "propagate", "business", has="nothing refers to another version of it")
    box.good("policy", "propagate", "gold@1", "from", "all", "only", "tenant:direct")
    box.same(box.show("tenant", "direct")["policy"], "gold@1", "back to an old version")
    box.in_step("after propagate")


def versions(box):
    box.good("policy", "add", "gold", "ftp", "off")
    box.good("policy", "set", "gold", "sip", "option", "max-calls=5")
    box.good("policy", "set", "gold", "ftp", "on")
    box.same(box.run("policy", "diff", "gold@1", "gold@2")[1],
             "--- policy gold@1\n+++ policy gold@2\n-sip option max-calls 10000\n+sip option max-calls 5\n", "unified")
    side = box.good("policy", "diff", "gold@1", "gold", "side-by-side", has="gold@3")
    box.check(re.search(r"ftp mode +off +on", side), "side by side", side)
    found = box.json("policy", "diff", "gold@1")
    box.same(found["fields"], {"ftp mode": {"old": "off", "new": "on"}, "sip option max-calls": {"old": 10000, "new": 5}},
             "a difference as JSON")
    box.good("policy", "add", "other", "tftp", "off")
    box.good("policy", "diff", "gold@2", "other", has="+tftp mode off")
    box.good("policy", "rollback", "gold@1")
    found = box.json("policy", "versions", "gold")["versions"]
    box.check(len(found) == 4 and found[0]["definition"] == found[3]["definition"], "rollback is a new version", found)
    box.bad("policy", "rollback", "gold@1", says="the latest version 4 is equal to version 1")
    box.bad("policy", "rollback", "gold", says="which version?", code=1)
    box.bad("policy", "rollback", "gold@9", says="there is no version 9")
    box.good("policy", "rollback", "gold@2", "--dry-run")
    box.same(box.versions("policy", "gold"), [1, 2, 3, 4], "a dry run makes none")
    for text in ("UPDATE versions SET definition = '{}' WHERE name = 'gold'", "UPDATE refs SET to_version = 1",
                 "DELETE FROM log", "UPDATE log SET who = 'nobody'"):
        box.good("tenant", "add", f"t{len(text)}", "policy", "gold")
        try:
            box.engine.sql(box.address, text)
            box.check(False, f"the database refuses {text}")
        except RuntimeError:
            box.check(True, f"the database refuses {text}")


def auto_delete(box):
    box.good("policy", "add", "gold", "ftp", "off")
    box.good("tenant", "add", "acme", "policy", "gold")
    for mode in ("on", "observe", "off", "on"):
        box.good("policy", "set", "gold", "ftp", mode)
    box.good("store", "auto-delete", "policy", "30d")
    box.same(box.versions("policy", "gold"), [1, 2, 3, 4, 5], "younger than the retention")
    box.same(box.json("store", "status")["auto-delete"], {"policy": 30 * 86400}, "store status shows retention")
    box.good("store", "auto-delete", "policy", "0s", "--dry-run", has="would delete policy gold@2")
    box.same(box.versions("policy", "gold"), [1, 2, 3, 4, 5], "a dry run deletes none")
    box.good("store", "auto-delete", "policy", "0s", has="deleted policy gold@2")
    box.same(box.versions("policy", "gold"), [1, 5], "what is referred to and the latest stay")
    box.good("policy", "set", "gold", "ftp", "off")
    box.same(box.versions("policy", "gold"), [1, 6], "with every change")
    box.good("policy", "propagate", "gold")
    box.same(box.versions("policy", "gold"), [1, 6], "an old version of the tenant still refers to it")
    box.good("store", "auto-delete", "tenant", "0")
    box.same((box.versions("tenant", "acme"), box.versions("policy", "gold")), ([2], [6]), "until that is gone as well")
    box.good("store", "auto-delete", "policy", "off")
    box.good("policy", "set", "gold", "ftp", "on")
    box.same(box.versions("policy", "gold"), [6, 7], "off")
    box.check([e for e in box.log("object", "policy") if e["new"] == "deleted automatically"], "the log has it")
    box.in_step("after auto-delete")


def reusable(box):
    box.good("policy", "add", "own", "reusable", "no")
    box.good("template", "add", "a", "policy", "own")
    box.bad("template", "add", "b", "policy", "own", says="policy 'own' is not reusable, it belongs to template a@1")
    box.good("template", "set", "a", "max-sessions", "7")
    box.good("policy", "set", "own", "ftp", "off")
    box.good("policy", "propagate", "own")
    box.same(box.show("template", "a")["policy"], "own@2", "its one template follows")
    box.good("policy", "add", "shared")
    box.good("template", "add", "c", "policy", "shared")
    box.good("template", "add", "d", "policy", "shared")
    box.bad("policy", "set", "shared", "reusable", "no", says="must stay reusable, it belongs to template c@1, template d@1")
    box.good("policy", "set", "own", "reusable", "yes")
    box.good("template", "add", "b", "policy", "own")


def roles(box):
    box.good("role", "set", "viewer", "members", "user:vera")
    box.good("role", "set", "operator", "members", "user:otto,user:olga")
    box.good("policy", "add", "gold")
    box.good("policy", "show", "gold", user="vera", has="gold")
    box.bad("policy", "set", "gold", "ftp", "off", user="vera", says="policy 'gold': not permitted to edit it")
    box.bad("policy", "add", "x", user="vera", says="not permitted to add a policy")
    box.bad("policy", "del", "gold", user="vera", says="not permitted to delete it")
    box.bad("policy", "propagate", "gold", user="vera", says="not permitted to propagate it")
    box.bad("policy", "rollback", "gold@1", user="vera", says="not permitted")
    box.bad("role", "set", "viewer", "policy", "edit", user="vera", says="not permitted")
    box.bad("policy", "permit", "gold", "viewer", "edit", user="vera", says="not permitted")
    box.bad("store", "auto-delete", "policy", "1s", user="vera", says="not permitted")
    box.bad("apply", "-", user="vera", stdin="tenants: {}\n", says="not permitted")
    box.good("policy", "set", "gold", "ftp", "off", user="otto")
    box.bad("role", "set", "viewer", "policy", "edit", user="otto", says="not permitted")
    box.good("policy", "permit", "gold", "operator", "view")
    box.bad("policy", "set", "gold", "ftp", "on", user="otto", says="has the roles: operator")
    box.good("policy", "permit", "gold", "viewer", "edit")
    box.good("policy", "set", "gold", "ftp", "on", user="vera")
    box.bad("policy", "del", "gold", user="vera", says="not permitted to delete it")
    box.good("policy", "permissions", "gold", has="operator       view")
    box.good("policy", "permit", "gold", "viewer", "none")
    box.good("policy", "list", user="vera", lacks="gold")
    box.bad("policy", "show", "gold", user="vera", says="not permitted to view it")
    box.check("gold" not in box.run("policy", "show", user="vera")[1], "what may not be seen is not listed")
    box.good("policy", "permit", "gold", "operator", "default")
    box.good("policy", "set", "gold", "sip", "off", user="otto")
    box.bad("tenant", "add", "x", user="stranger", says="user 'stranger' has no role")
    refused = box.log("refused")
    box.check(any(e["who"] == "vera" and e["name"] == "gold" and "not permitted to edit it" in e["result"] for e in refused),
              "refused attempts are in the log", refused)
    box.same({e["who"] for e in box.log("who", "otto")}, {"otto"}, "the log by user")
    reads(box)
    mover(box)
    box.bad("role", "del", "administrator", says="can't be deleted")
    box.good("role", "add", "noc", "tenant", "edit", "members", "user:nick", "tags", "night")
    box.bad("role", "clone", "noc", "noc2", user="otto", says="not permitted to add a role")
    box.good("role", "clone", "noc", "noc2")
    noc, clone = box.show("role", "noc"), box.show("role", "noc2")
    box.same((clone["members"], clone["tenant"], clone["policy"]), (noc["members"], "edit", "none"), "a role's clone")
    box.same([r["name"] for r in box.json("role", "list", "--tag", "night")["roles"]], ["noc", "noc2"], "roles by tag")
    box.good("role", "list", "--search", "noc2", has="noc2", lacks="operator")
    box.good("role", "del", "noc2")
    box.bad("tenant", "add", "acme", user="nick", says="policy 'default': not permitted to view it")
    box.good("role", "set", "noc", "policy", "view")
    box.good("tenant", "add", "acme", user="nick")
    box.good("role", "del", "noc")
    box.bad("tenant", "set", "acme", "zone", "3", user="nick", says="has no role")
    box.good("store", "status", user="otto", has="you are otto, roles: operator")
    box.in_step("after refusals")


def reads(box):
    """Refused reads are in the log as well."""
    for words in (["log", "show"], ["log", "verify"]):
        box.bad(*words, user="stranger", says="not permitted to read the log")
    for words in (["policy", "show", "gold@1"], ["policy", "versions", "gold"], ["policy", "diff", "gold@1"],
                  ["policy", "references", "gold"], ["policy", "permissions", "gold"]):
        box.bad("-j", *words, user="stranger", says="policy 'gold': not permitted to view it")
    box.bad("policy", "show", "nosuch", user="stranger", says="not permitted to view it")
    commands = [(e["command"], e["object"]) for e in box.log("refused", "who", "stranger")]
    box.same(commands, [("tenant add x", "tenant"), ("log show", "object"), ("log verify", "object"),
                        ("-j policy show gold@1", "policy"), ("-j policy versions gold", "policy"),
                        ("-j policy diff gold@1", "policy"), ("-j policy references gold", "policy"),
                        ("-j policy permissions gold", "policy"), ("policy show nosuch", "policy")], "refused reads are in the log")


def mover(box):
    """Whoever may not propagate a policy moves nothing to another version of it, with whatever command."""
    box.good("role", "add", "mover", "tenant", "edit", "policy", "edit", "members", "user:mona")
    box.good("policy", "add", "bronze", "ftp", "off")
    box.good("tenant", "add", "moved", "policy", "bronze", "zone", "77", user="mona")
    box.good("policy", "set", "bronze", "ftp", "observe", user="mona")
    box.good("tenant", "set", "moved", "max-sessions", "7", user="mona")
    for words in (["policy", "propagate", "bronze"], ["tenant", "set", "moved", "policy", "bronze"]):
        box.bad(*words, user="mona", says="policy 'bronze': not permitted to propagate it")
    box.good("role", "set", "mover", "policy", "propagate")
    box.good("tenant", "set", "moved", "policy", "bronze", user="mona")
    box.good("tenant", "del", "moved")
    box.good("role", "del", "mover")


def audit(box):
    box.good("policy", "add", "gold", "ftp", "off")
    box.good("policy", "set", "gold", "ftp", "on")
    last = box.log("name", "gold")[-1]
    box.check(last["old"] == '{"ftp":{"mode":"off"}}' and last["new"] == "{}" and last["command"] == "policy set gold ftp on" and
              last["result"] == "done" and last["name"] == "gold@2" and last["from"], "who, what, from where, old and new", last)
    box.same(len(box.log("last", "2")), 2, "the newest")
    box.same(box.log("since", "1d"), box.log(), "since")
    box.same(box.log("until", "1d"), [], "until")
    box.same(box.log("object", "tenant"), [], "by object")
    box.good("log", "show", "since", "2020-01-01", "until", "2100-01-01T00:00:00", has="policy add gold")
    box.bad("log", "show", "since", "2020-13-77", says="since wants", code=1)
    box.good("log", "verify")
    lines(box)
    follow(box)
    number = box.log()[-2]["number"]
    for text in (f"UPDATE log SET who = 'mallory' WHERE number = {number}", f"DELETE FROM log WHERE number = {number}"):
        triggers(box, False)
        box.engine.sql(box.address, text)
        triggers(box, True)
        code, out, err = box.run("log", "verify")
        box.check(code == 2 and f"entry {number} does not follow" in out + err, f"verify notices: {text}", out + err)


def lines(box):
    """The command with all its options, but for addresses; restore."""
    box.good("restore")
    last = box.log()[-1]
    box.check(last["command"] == "restore" and last["new"] == "restored" and last["result"] == "done", "restore is logged", last)
    count = len(box.log())
    box.good("restore", "--dry-run")
    box.same(len(box.log()), count, "a dry run is not")
    for n, words in enumerate((["--store", box.address], [f"--store={box.address}"])):
        box.good("-j", *words, "policy", "add", f"line{n}", "description", "two words \"quoted\" \\u001b ä")
    box.same([e["command"] for e in box.log("last", "2")],
             ["-j --store ... policy add line0 description two words \"quoted\" \\u001b ä",
              "-j --store=... policy add line1 description two words \"quoted\" \\u001b ä"], "options are logged")
    box.good("log", "verify")


def triggers(box, on):
    if box.engine.name == "PostgreSQL":
        box.engine.sql(box.address, f"ALTER TABLE log {'ENABLE' if on else 'DISABLE'} TRIGGER ALL")
    elif not on:
        box.kept = [row[0] for row in box.engine.sql(box.address, "SELECT sql FROM sqlite_master WHERE type = 'trigger' "
                                                                  "AND tbl_name = 'log'")]
        for row in box.engine.sql(box.address, "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'log'"):
            box.engine.sql(box.address, f"DROP TRIGGER {row[0]}")
    else:
        for text in box.kept:
            box.engine.sql(box.address, text)


def follow(box):
    """Entries as they come."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", **box.env()}
    with subprocess.Popen([box.runner.args.fake, "-j", "log", "show", "name", "later", "--follow"], env=env,
                          stdout=subprocess.PIPE, text=True) as child:
        box.good("policy", "add", "later")
        line = child.stdout.readline()
        child.kill()
    box.check(json.loads(line)["name"] == "later@1", "log --follow", line)


def editors(box):
    """edit in an editor; two editors at once."""
    box.good("policy", "add", "gold", "ftp", "off", "tags", "vip")
    script = box.runner.file("editor", "#!/bin/sh\n"
                             "{ [ -z \"$COPY\" ] || cp \"$1\" \"$COPY\"; [ -z \"$SED\" ] || sed -i \"$SED\" \"$1\"; "
                             "[ -z \"$RUN\" ] || sh -c \"$RUN\"; } || exit 1\n")
    os.chmod(script, 0o755)
    copy = box.runner.file("copy", "")
    os.chmod(copy, 0o666)
    tools = {"EDITOR": script, "VISUAL": ""}
    box.good("policy", "edit", "gold", **tools, SED="s/off/observe/", COPY=copy)
    with open(copy, encoding="utf-8") as f:
        text = f.read()
    box.check(text.startswith("# policy gold@1.") and "  gold:\n    ftp: off\n" in text and "tags: vip" in text, "the file", text)
    box.same(box.versions("policy", "gold"), [1, 2], "edit makes a version")
    box.good("policy", "edit", "gold", **tools)
    box.same(box.versions("policy", "gold"), [1, 2], "no edit makes none")
    for sed, says in (("s/observe/nonsense/", "'nonsense' is no mode"), ("s/gold:/glod:/", "the file must have policy 'gold'"),
                      ("s/ftp/ftpp/", "did you mean 'ftp'?")):
        box.bad("policy", "edit", "gold", **tools, SED=sed, says=says, code=1, TMPDIR=box.runner.tmp)
    box.bad("policy", "edit", "gold", **tools, RUN="exit 3", says="the editor failed")
    box.bad("policy", "edit", "nosuch", **tools, says="does not exist")
    box.good("policy", "edit", "gold@1", **tools, SED="s/off/observe/")
    box.same(box.versions("policy", "gold"), [1, 2], "an old version, changed into what is there")
    if not os.getuid():
        box.good("role", "set", "operator", "members", "user:otto")
        box.good("policy", "edit", "gold", **tools, RUN=f"id -u >{copy}", user="otto")
        with open(copy, encoding="utf-8") as f:
            text = f.read().strip()
        box.same(text, box.engine.user("otto").get("SUDO_UID", "0"), "the editor is the caller's")
    inner = f"{box.runner.args.fake} policy set gold sip off"
    code, out, err = box.run("policy", "edit", "gold", **tools, SED="s/observe/on/", RUN=inner, TMPDIR=box.runner.tmp)
    box.check(code == 2 and "version 2 is not the latest any more" in out + err and "made version 3" in out + err and
              "what was written is in" in out + err, "the second of two editors has a conflict", out + err)
    box.same(box.show("policy", "gold")["ftp"]["mode"], "observe", "and loses nobody's change")
    box.bad("policy", "set", "gold@2", "ftp", "on", says="version 2 is not the latest any more")
    box.good("policy", "set", "gold@3", "ftp", "on")
    second_chance(box)
    box.in_step("after edits")


def second_chance(box):
    """On a terminal what is wrong is told, and the editor comes again."""
    flag = os.path.join(box.runner.tmp, f"second.{box.engine.name}")
    env = {**os.environ, "LC_ALL": "C.UTF-8", **box.env(), "VISUAL": ""}
    body = f"#!/bin/sh\nif test -e {flag}; then sed -i s/nonsense/off/ \"$1\"\n" \
           f"else touch {flag}; sed -i 's/gold:/gold:\\n    tftp: nonsense/' \"$1\"; fi\n"
    env["EDITOR"] = box.runner.file("editor2", body)
    os.chmod(env["EDITOR"], 0o755)
    master, slave = pty.openpty()
    with subprocess.Popen([box.runner.args.fake, "policy", "edit", "gold"], env=env, stdin=slave, stdout=slave,
                          stderr=slave) as child:
        os.close(slave)
        os.write(master, b"y\n")
        said = b""
        while True:
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            if not data:
                break
            said += data
    os.close(master)
    box.check(child.returncode == 0 and b"is no mode" in said and b"Edit it again?" in said, "a second chance", said.decode())
    box.same(box.show("policy", "gold")["tftp"]["mode"], "off", "which is taken")


def kernel(box):
    """The kernel comes last: what it refuses does not stay in the store, and differences are seen."""
    box.good("tenant", "add", "acme", "zone", "7")
    old = Box(box.runner, box.engine, [["tenant", "add", "old"], ["policy", "add", "gold", "version", "7", "ftp", "off"]])
    old.in_step("what runs is version 1")
    old.same(old.versions("policy", "gold"), [1], "a version of one's own counts for nothing")
    before = box.snapshot()
    box.good("tenant", "set", "acme", "zone", "8", "--dry-run", has="~ tenant acme zone 7 -> 8")
    box.good("tenant", "del", "acme", "--dry-run", has="- tenant acme")
    box.good("tenant", "add", "bob", "zone", "8", "--dry-run", has="+ tenant bob")
    box.check(box.snapshot() == before, "dry runs of single changes")
    box.bad("tenant", "add", "bob", "zone", "7", "--dry-run", says="tenant acme has it")
    box.bad("tenant", "add", "bob", "zone", "7", says="tenant acme has it")
    box.bad("tenant", "add", "bob", "zone", "7", says="argument: zone 7")
    box.check(any("tenant acme has it" in e["result"] for e in box.log("refused")), "the log has the kernel's refusal")
    box.bad("tenant", "add", "bob", "zone", "8", says="CAP_NET_ADMIN", ALGCTL_FAKE_FAIL="tenant-set=1")
    box.good("policy", "add", "gold", "ftp", "off", ALGCTL_FAKE_FAIL="family=2")
    box.bad("tenant", "add", "bob", "zone", "8", says="modprobe nf_alg", ALGCTL_FAKE_FAIL="family=2")
    box.good("tenant", "add", "bob", "zone", "8", "policy", "gold")
    for words in (["tenant", "set", "acme", "zone", "9"], ["tenant", "del", "bob"], ["policy", "set", "gold", "sip", "off"],
                  ["tenant", "add", "eve", "zone", "10"]):
        box.runner.run(words, ALGCTL_FAKE=box.kernel, ALGCTL_STORE="none")
    box.good("store", "status", has="~ tenant acme zone 9 -> 7")
    drift = box.json("store", "status")["drift"]
    box.same([[c["name"] for c in drift[k]] for k in ("added", "changed", "removed")], [["bob"], ["gold", "acme"], ["eve"]],
             "drift, object by object")
    box.good("status", has="the kernel differs from the store")
    before = box.in_kernel()
    box.good("restore", "--dry-run", has="+ tenant bob")
    box.same(box.in_kernel(), before, "a dry run restores nothing")
    box.good("restore", has="1 added, 2 changed, 1 removed")
    box.in_step("after restore")
    os.unlink(box.kernel)
    box.good("restore", has="3 added, 1 changed")
    box.in_step("after a boot")


FILE = """services:
  ftp-alt:
    protocol: ftp
    tcp: 2121
    description: "FTP, elsewhere"
policies:
  gold:
    ftp:
      services: [ftp, ftp-alt]
    tags: [a, b]
    reusable: no
tenants:
  acme:
    zone: 7
    template: business
  bob:
    policy: gold
    zone: 8
templates:
  business:
    policy: silver
    max-sessions: 10
roles:
  administrator:
    service: propagate
    policy: propagate
    template: propagate
    tenant: propagate
    role: propagate
  noc:
    members: ["group:noc", "user:ann"]
    tenant: edit
"""


def whole(box):
    """apply and export of everything."""
    file = FILE.replace("tags: [a, b]\n    reusable: no\n", "tags: [a, b]\n    reusable: no\n  silver:\n    sip: off\n")
    path = box.runner.file("whole.yaml", file)
    os.chmod(path, 0o644)
    before = box.snapshot()
    box.good("apply", path, "--dry-run", has="+ tenant acme")
    box.check(box.snapshot() == before, "a dry run applies nothing")
    box.good("apply", path, has="applied")
    first = box.good("export")
    box.same(first, file, "export prints what was applied")
    box.same(box.good("export", ALGCTL_FAKE_FAIL="family=2"), file, "also without a kernel")
    box.good("diff", box.runner.file("other.yaml", first.replace("zone: 8", "zone: 9")), has="~ tenant bob zone 8 -> 9")
    again = box.snapshot()
    box.good("apply", "-", stdin=first, has="0 added, 0 changed, 0 removed")
    box.check(box.snapshot() == again, "which applied again changes nothing")
    as_json = box.good("export", "--format", "json")
    box.good("apply", "-", stdin=as_json, has="0 added, 0 changed, 0 removed")
    box.same(box.good("export", "--format", "json"), as_json, "the same as JSON")
    box.good("apply", "-", stdin=first.replace("tcp: 2121", "tcp: 2122"), has="0 added, 1 changed, 0 removed")
    box.same([box.versions(*o.split()) for o in ("service ftp-alt", "policy gold", "policy silver", "tenant bob", "tenant acme")],
             [[1, 2], [1, 2], [1], [1, 2], [1]], "what refers to it without a version follows")
    box.check("2122" in box.in_kernel(), "also in the kernel")
    before = box.snapshot()
    for text, code, says in ((first.replace("zone: 8", "zone: 7"), 2, "tenant acme has it"),
                             (first.replace("policy: silver", "policy: nosuch"), 2, "no such policy"),
                             (first.replace("template: business", "template: nosuch"), 2, "no such template"),
                             (first.replace("tags: [a, b]", "tags: [a, a]"), 1, "named twice"),
                             (first.replace("max-sessions: 10", "max-sessions: x"), 1, ":"),
                             (first.replace("policy: silver", "policy: gold"), 2, "not reusable")):
        got, out, err = box.run("apply", "-", stdin=text)
        box.check(got == code and says in out + err, f"apply is refused: {says}", f"{got} {out}{err}")
        box.check(box.snapshot() == before, f"and changes nothing: {says}")
    box.good("apply", "-", stdin="tenants:\n  acme: {zone: 7, policy: gold@1}\npolicies:\n  gold: {}\n", has="removed")
    box.good("tenant", "show", "acme", has="gold@1")
    box.check("noc" in [r["name"] for r in box.json("role", "show")["roles"]], "roles stay where the file has none")
    box.in_step("after apply")


def writers(box):
    """Many at once: each change is there, and the log is whole."""
    box.good("policy", "add", "gold")
    env = {**os.environ, "LC_ALL": "C.UTF-8", **box.env()}
    children = [subprocess.Popen([box.runner.args.fake, "tenant", "add", f"t{i}", "zone", str(i + 1), "policy", "gold"], env=env,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for i in range(12)]
    out = [child.communicate(timeout=120)[0].decode() for child in children]
    box.check(all(child.returncode == 0 for child in children), "twelve writers", "".join(out))
    box.same(len(box.json("tenant", "show")["tenants"]), 12, "every change is there")
    children = [subprocess.Popen([box.runner.args.fake, "policy", "set", "gold@1", "ftp", "option", f"max-pinholes={i + 1}"],
                                 env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for i in range(6)]
    out = [child.communicate(timeout=120)[0].decode() for child in children]
    box.same(sorted(child.returncode for child in children), [0, 2, 2, 2, 2, 2], "one of six who change the same version wins")
    box.in_step("after many writers")


def upgrade(box):
    """A store of the schema before."""
    box.good("policy", "add", "gold")
    if box.engine.name == "PostgreSQL":
        box.engine.sql(box.address, "DROP FUNCTION store_notify CASCADE; DROP FUNCTION box_report CASCADE; DROP VIEW hidden")
    for text in ("DROP TABLE box_holds", "DROP TABLE box_reports", "DROP TABLE box_tags", "DROP TABLE boxes",
                 "DROP TABLE permissions", "DROP TABLE retention", "UPDATE store_meta SET value = '1' WHERE key = 'schema'"):
        box.engine.sql(box.address, text)
    box.good("policy", "show", "gold")
    box.same(box.json("store", "status")["schema"], 6, "the schema is brought up to date")
    box.good("policy", "permit", "gold", "viewer", "none")
    box.good("store", "auto-delete", "policy", "1d")
    box.engine.sql(box.address, "UPDATE store_meta SET value = '99' WHERE key = 'schema'")
    code, out, err = box.run("policy", "show")
    box.check(code == 2 and "the store's schema is 99" in out + err, "a newer store is left alone", out + err)


def places(box):
    """Without a store, and with strange ones."""
    box.bad("store", "init", says="is a store or another database already")
    runner = box.runner
    code, out, err = runner.run(["policy", "versions", "default"], ALGCTL_FAKE=runner.state("none"))
    box.check(code == 1 and "this needs a store" in err and "store init" in err, "no store", out + err)
    code, out, err = runner.run(["template", "show"], ALGCTL_FAKE=runner.state("none"))
    box.check(code == 1 and "this needs a store" in err, "no templates without a store", out + err)
    code, out, err = runner.run(["policy", "add", "x", "tags", "a"], ALGCTL_FAKE=runner.state("none"))
    box.check(code == 1 and "tags needs a store" in err, "no tags without a store", out + err)
    text = runner.file("text", "no database " * 99)
    for address in ("/nonexistent/store", "postgresql:///x?host=/nonexistent", "/dev/null", text):
        code, out, err = runner.run(["policy", "show"], ALGCTL_FAKE=runner.state("none"), ALGCTL_STORE=address)
        box.check(code == 2 and "Error:" in err, f"a store at {address}", out + err)
    code, out, err = runner.run(["status"], ALGCTL_FAKE=runner.state("none"), ALGCTL_STORE="/nonexistent/store")
    box.check(code == 0 and "the store can't be opened" in out, "status needs no store", out + err)
    code, out, err = runner.run(["--store", box.address, "policy", "list"], ALGCTL_FAKE=box.kernel)
    box.check(code == 0 and "default" in out, "--store", out + err)
    code, out, err = runner.run(["--store", "none", "policy", "show"], ALGCTL_FAKE=box.kernel, ALGCTL_STORE=box.address)
    box.check(code == 0 and "default  version" in out, "--store none", out + err)


def cut_off(box):
    """Entries at the end of the log are missed by who has kept a hash."""
    box.good("policy", "add", "gold")
    before = box.json("log", "verify")
    box.good("policy", "add", "silver")
    after = box.json("log", "verify")
    box.check(after["entries"] > before["entries"] and after["hash"] != before["hash"], "verify prints the last hash", after)
    for known in (before["hash"], after["hash"], after["hash"].upper()):
        box.good("log", "verify", known, has="complete and unchanged")
    box.bad("log", "verify", "0" * 64, says="no entry has the hash")
    sqlite = isinstance(box.engine, engines.Sqlite)
    box.engine.sql(box.address, "DROP TRIGGER log_delete" if sqlite else "ALTER TABLE log DISABLE TRIGGER log_fixed")
    box.engine.sql(box.address, f"DELETE FROM log WHERE number > {before['entries']}")
    box.good("log", "verify", has="complete and unchanged")
    box.good("log", "verify", before["hash"], has="complete and unchanged")
    box.bad("log", "verify", after["hash"], says="entries were cut off")


def past_the_store(box):
    """An operator gives the kernel nothing that did not come from the store."""
    box.good("tenant", "add", "acme", "zone", "7")
    box.good("role", "set", "operator", "members", "user:otto")
    kept = box.runner.file("kept.json", "{}")
    for words in (("restore", "kept"), ("restore", "kept", "file", kept), ("agent", "file", kept)):
        box.bad(*words, user="otto", says="is for root itself", ALGCTL_KEPT=kept)
    box.good("restore", user="otto")


past_the_store.engine = engines.Sqlite


def no_fleet(box):
    box.bad("apply", "-", stdin="boxes: {paris: {}}\n", says="a fleet needs a store in PostgreSQL", code=1)
    box.bad("fleet", "add", "paris", says="a fleet needs a store in PostgreSQL", code=1)
    box.good("export", lacks="boxes")


no_fleet.engine = engines.Sqlite
TESTS = (no_fleet, cut_off, past_the_store, objects, references, propagate, versions, auto_delete, reusable, roles, audit, editors,
         kernel, whole, writers, upgrade, places, *definitions.TESTS, *crashes.TESTS, *fleet.TESTS, *rights.TESTS, *sight.TESTS,
         *scale.TESTS)


def attempt(test, runner, engine):
    try:
        test(Box(runner, engine))
    except (LookupError, TypeError, ValueError, OSError, RuntimeError, subprocess.SubprocessError):
        runner.results.check(False, f"{engine.name}: {test.__name__} ends early", traceback.format_exc())


def fits(test, engine):
    return not (test is roles and engine is engines.Sqlite and os.getuid()) and getattr(test, "engine", engine) is engine


def run(runner, only=None):
    for make in (engines.Sqlite, engines.Postgres):
        if make is engines.Sqlite and os.getuid():
            runner.results.skip("roles of SQLite", "only root can be another user")
        try:
            engine = make()
        except (FileNotFoundError, KeyError) as error:
            runner.results.skip(f"{make.name} stores", str(error))
            continue
        try:
            for test in TESTS:
                if (not only or test.__name__ in only) and fits(test, make):
                    attempt(test, runner, engine)
        finally:
            engine.close()
