# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store: rights as the database enforces them, for somebody who has psql and no algctl."""

import engines


class Client:
    """Somebody with psql."""

    def __init__(self, box, name):
        self.box, self.name = box, name
        box.engine.login(box.address, name)

    def sql(self, text):
        return self.box.engine.sql(self.box.address, text, self.name)

    def sees(self, text, wanted, title):
        self.box.same(self.sql(text), wanted, f"{self.name}: {title}")

    def refused(self, text, says):
        before = self.box.snapshot(), len(self.box.log())
        try:
            got = self.sql(text)
            self.box.check(False, f"{self.name} is refused: {text}", got)
        except RuntimeError as error:
            self.box.check(says in str(error), f"{self.name} is refused: {text}", error)
        self.box.check((self.box.snapshot(), len(self.box.log())) == before, f"{self.name} changes nothing: {text}")

    def nothing(self, text):
        """No error, and no row is his."""
        before = self.box.snapshot()
        self.sql(text)
        self.box.check(self.box.snapshot() == before, f"{self.name} changes nothing: {text}")


NAMES = "SELECT name FROM objects WHERE kind = 'policy' ORDER BY 1"
ENTRY = "INSERT INTO log (number, at, who, origin, command, kind, name, old, new, result, hash) VALUES " \
        "(1, 1, 'otto', 'here', 'policy set gold', 'policy', 'gold', '', '', '{}', 'x')"


def version(kind, name, number, definition="{}", refs=()):
    """What makes a version."""
    text = f"BEGIN; UPDATE objects SET latest = {number} WHERE kind = '{kind}' AND name = '{name}'; " \
           f"INSERT INTO versions VALUES ('{kind}', '{name}', {number}, '{definition}', 0, 'otto'); "
    for to_kind, to_name, to_version in refs:
        text += f"INSERT INTO refs VALUES ('{kind}', '{name}', {number}, '{to_kind}', '{to_name}', {to_version}); "
    return text + "COMMIT"


def setup(box):
    box.good("role", "set", "viewer", "members", "user:vera")
    box.good("role", "set", "operator", "members", "user:otto")
    box.good("role", "set", "administrator", "members", "user:ada")
    box.good("role", "add", "mover", "policy", "edit", "tenant", "edit", "members", "group:movers")
    box.good("policy", "add", "gold", "ftp", "off", "tags", "vip")
    box.good("policy", "set", "gold", "ftp", "observe")
    box.good("policy", "add", "secret", "sip", "off")
    box.good("policy", "add", "spare")
    box.good("tenant", "add", "acme", "policy", "gold@1", "zone", "7")
    box.good("policy", "permit", "secret", "viewer", "none")


def viewer(box):
    """He reads what he may, and nothing else."""
    setup(box)
    vera = Client(box, "vera")
    vera.sees(NAMES, [("default",), ("gold",), ("spare",)], "what may be seen")
    vera.sees("SELECT count(*) FROM versions WHERE name = 'secret'", [("0",)], "no version of what is hidden")
    vera.sees("SELECT name, tag FROM tags", [("gold", "vip")], "tags")
    vera.sees("SELECT n FROM hidden", [], "all that tenants have is seen")
    box.check(len(vera.sql("SELECT number FROM log")) == len(box.log()), "the log is for who may see roles")
    for text in ("UPDATE objects SET description = 'x'", "UPDATE objects SET retired = 1 WHERE name = 'spare'",
                 "DELETE FROM versions WHERE name = 'gold' AND version = 1", "DELETE FROM objects", "DELETE FROM tags",
                 "UPDATE permissions SET level = 4", "DELETE FROM permissions", "UPDATE store_meta SET value = '9'"):
        vera.nothing(text)
    policy = "row-level security policy"
    vera.refused(version("policy", "gold", 3), "not the next version")
    vera.refused("INSERT INTO objects VALUES ('policy', 'x', 1, '', 1, 0, 0, 'vera', 0, 'vera')", policy)
    vera.refused("INSERT INTO refs VALUES ('tenant', 'acme', 1, 'policy', 'spare', 1)", "versions never change")
    vera.refused("INSERT INTO tags VALUES ('policy', 'gold', 'x')", policy)
    vera.refused("INSERT INTO permissions VALUES ('policy', 'secret', 'viewer', 4)", policy)
    vera.refused("INSERT INTO retention VALUES ('policy', 0)", policy)
    vera.refused("INSERT INTO store_meta VALUES ('x', 'y')", "permission denied")
    vera.refused("INSERT INTO boxes VALUES ('b', '', '', 0, '')", policy)
    for text in ("TRUNCATE log", "ALTER TABLE log DISABLE TRIGGER ALL", "ALTER TABLE objects DISABLE ROW LEVEL SECURITY",
                 "DROP POLICY may_select ON objects", "CREATE OR REPLACE FUNCTION store_owner() RETURNS boolean LANGUAGE sql AS "
                 "'SELECT true'", "UPDATE versions SET definition = '{}'", "UPDATE refs SET to_version = 2"):
        vera.refused(text, "must be owner" if text.split()[0] in ("ALTER", "DROP") else "permission denied")
    vera.refused("CREATE FUNCTION store_quote(t varchar) RETURNS text LANGUAGE sql AS 'SELECT t'", "permission denied for schema")
    stranger = Client(box, "stranger")
    stranger.sees("SELECT (SELECT count(*) FROM objects), (SELECT count(*) FROM versions), (SELECT count(*) FROM log), "
                  "(SELECT count(*) FROM refs), (SELECT count(*) FROM permissions)", [("0", "0", "0", "0", "0")], "nothing")
    box.in_step("after a viewer")


def tampering(box):
    """The log is for adding only, and who it was is not the client's to say."""
    setup(box)
    for name in ("vera", "otto", "ada"):
        who = Client(box, name)
        who.refused("DELETE FROM log", "permission denied")
        who.refused("UPDATE log SET who = 'mallory'", "permission denied")
        who.refused("SET SESSION AUTHORIZATION owner; " + ENTRY.format("done"), "permission denied")
        who.refused("SET ROLE owner; " + ENTRY.format("done"), "permission denied")
    for text in ("DELETE FROM log", "UPDATE log SET who = 'mallory'", "TRUNCATE log"):
        Client(box, "owner").refused(text, "not allowed")
    vera = Client(box, "vera")
    vera.refused(ENTRY.format("done"), "row-level security policy")
    entries = box.log()
    vera.sql("SET standard_conforming_strings = off; SET search_path = pg_temp; SET search_path = public; " +
             ENTRY.format("refused: '|| chr(27) || chr(9) || chr(10) || chr(1) || chr(127) || '\\\"ä/"))
    last = box.log()[-1]
    box.same((len(box.log()), last["number"], last["who"]), (len(entries) + 1, entries[-1]["number"] + 1, "vera"),
             "who, number and hash are the database's")
    box.check(abs(last["at"] - entries[-1]["at"]) < 600, "so is the time", last)
    box.in_step("after tampering")


def operator(box):
    """What he may he does, and it is in the log whether he says so or not."""
    setup(box)
    otto = Client(box, "otto")
    otto.sql(version("policy", "gold", 3, '{"ftp":{"mode":"on"}}'))
    found = box.json("policy", "versions", "gold")["versions"]
    box.check(len(found) == 3 and found[2]["made-by"] == "otto" and found[2]["made"] > 1000, "an operator's version is his", found)
    last = box.log()[-1]
    box.check(last["who"] == "otto" and last["name"] == "gold@3" and last["from"] == "database" and last["result"] == "done",
              "what he does not log, the database does", last)
    otto.refused(version("policy", "gold", 3), "duplicate key")
    otto.refused(version("policy", "gold", 9), "versions are counted")
    otto.refused(version("policy", "gold", 4, "no json"), "invalid input syntax for type json")
    otto.refused("INSERT INTO refs VALUES ('tenant', 'acme', 1, 'policy', 'spare', 1)", "versions never change")
    otto.refused("UPDATE objects SET name = 'x' WHERE name = 'gold'", "names stay")
    otto.refused("DELETE FROM versions WHERE name = 'gold' AND version = 3", "is the latest")
    otto.refused("DELETE FROM versions WHERE name = 'gold' AND version = 1", "violates foreign key")
    otto.refused("UPDATE objects SET retired = 1 WHERE name = 'default'", "not permitted to delete it")
    otto.nothing("DELETE FROM objects WHERE name = 'spare'")
    otto.nothing("UPDATE objects SET description = 'x' WHERE kind = 'role'")
    otto.refused("INSERT INTO versions VALUES ('role', 'operator', 2, '{\"role\":\"edit\"}', 0, 'ada')", "security policy")
    otto.refused("INSERT INTO permissions VALUES ('policy', 'gold', 'operator', 4)", "row-level security policy")
    otto.sql("UPDATE objects SET created_by = 'ada', changed_by = 'ada', created_at = 0, description = 'mine' "
             "WHERE name = 'spare'")
    entry = [p for p in box.json("policy", "list")["policies"] if p["name"] == "spare"][0]
    box.check(entry["description"] == "mine" and entry["changed-by"] == "otto" and entry["created-by"] == "owner" and
              entry["created"] > 1000, "who made and changed it is the database's", entry)
    box.good("policy", "permit", "spare", "operator", "edit")
    otto.refused("UPDATE objects SET retired = 1 WHERE name = 'spare'", "not permitted to delete it")
    otto.nothing("DELETE FROM versions WHERE name = 'spare'")
    box.good("policy", "permit", "spare", "operator", "view")
    otto.nothing("UPDATE objects SET description = 'x' WHERE name = 'spare'")
    otto.refused(version("policy", "spare", 2), "not the next version")
    box.in_step("after an operator")
    unseen(box)


def unseen(box):
    """What a kernel gets must be seen by who brings it there."""
    box.good("policy", "permit", "gold", "operator", "none")
    Client(box, "otto").sees("SELECT n FROM hidden", [("1",)], "something in use is hidden")
    box.bad("tenant", "set", "acme", "max-sessions", "5", user="otto", says="policy 'gold': not permitted to view it")
    box.bad("tenant", "add", "bob", "zone", "8", user="otto", says="not permitted to view all that tenants have")
    box.bad("restore", user="otto", says="not permitted to view all that tenants have")
    box.check(any(e["who"] == "otto" and "all that tenants have" in e["result"] for e in box.log("refused")), "which is logged")
    box.good("policy", "permit", "gold", "operator", "default")
    box.good("tenant", "set", "acme", "max-sessions", "5", user="otto")
    box.in_step("when it is seen again")


def no_propagate(box):
    """A role of the database is a group. Without propagate no referrer moves to another version."""
    setup(box)
    mona = Client(box, "mona")
    box.engine.psql("postgres", "DROP ROLE IF EXISTS movers; CREATE ROLE movers; GRANT movers TO mona")
    mona.sql(version("policy", "gold", 3, '{"ftp":{"mode":"on"}}'))
    definition = '{"policy":"gold@%d","zone":[7]}'
    mona.refused(version("tenant", "acme", 2, definition % 3, [("policy", "gold", 3)]), "not permitted to propagate it")
    mona.sql(version("tenant", "acme", 2, definition % 1, [("policy", "gold", 1)]))
    box.same(box.versions("tenant", "acme"), [1, 2], "an edit that leaves the reference is one")
    box.good("policy", "permit", "spare", "mover", "none")
    mona.refused(version("tenant", "acme", 3, definition % 1, [("policy", "gold", 1), ("policy", "spare", 1)]),
                 "not permitted to view it")
    mona.nothing("UPDATE objects SET retired = 1 WHERE name = 'spare'")
    mona.refused("UPDATE objects SET retired = 1 WHERE name = 'gold'", "not permitted to delete it")
    box.good("policy", "permit", "gold", "mover", "propagate")
    mona.sql(version("tenant", "acme", 3, definition % 3, [("policy", "gold", 3)]))
    box.same(box.show("tenant", "acme")["policy"], "gold@3", "with it, it does")
    box.engine.psql("postgres", "REVOKE movers FROM mona")
    mona.sees(NAMES, [], "no member, no rights")
    box.good("restore")
    box.in_step("after propagate")


def administrator(box):
    """She sets permissions and retention and makes roles, and is bound by the log as everybody."""
    setup(box)
    ada = Client(box, "ada")
    ada.sees(NAMES, [("default",), ("gold",), ("secret",), ("spare",)], "everything")
    ada.sql("INSERT INTO permissions VALUES ('policy', 'gold', 'viewer', 0)")
    Client(box, "vera").sees(NAMES, [("default",), ("spare",)], "what she hid is hidden")
    last = box.log()[-1]
    box.check(last["who"] == "ada" and last["name"] == "gold" and '"level": 0' in last["new"], "and it is logged", last)
    ada.sql("DELETE FROM permissions WHERE name = 'gold'")
    ada.sql("INSERT INTO retention VALUES ('policy', 0)")
    box.good("store", "status", has="auto-delete of policy versions after 0 s")
    otto = Client(box, "otto")
    otto.sql(version("policy", "gold", 3))
    otto.sql("DELETE FROM versions WHERE name = 'gold' AND version = 2")
    box.same(box.versions("policy", "gold"), [1, 3], "what is to be deleted anyway may be")
    ada.sql(version("role", "viewer", 3, '{"members":["user:vera"],"policy":"edit"}'))
    Client(box, "vera").sql("UPDATE objects SET description = 'hers' WHERE name = 'gold'")
    box.good("policy", "list", has="hers")
    box.good("role", "set", "viewer", "policy", "view", "tenant", "view", user="ada")
    ada.refused("UPDATE objects SET retired = 1 WHERE name = 'administrator'", "not permitted to delete it")
    box.in_step("after an administrator")


def loose(box):
    """Who works for a box reads what boxes are to have, and neither roles nor more."""
    setup(box)
    box.engine.sql(box.address, "INSERT INTO boxes VALUES ('edge', '', 'agent', 0, 'owner')")
    agent = Client(box, "agent")
    agent.sees(NAMES, [("default",), ("gold",), ("secret",), ("spare",)], "all policies")
    agent.sees("SELECT name FROM objects WHERE kind = 'role'", [], "no roles")
    agent.sees("SELECT name FROM boxes", [("edge",)], "its box")
    agent.sql("INSERT INTO box_reports VALUES ('edge', 0, 5, '1', 0, 0, '', 0, '', 0)")
    agent.nothing("UPDATE objects SET description = 'x'")
    agent.refused(ENTRY.format("done"), "row-level security policy")
    agent.refused(version("policy", "gold", 3), "not the next version")


def logged(box, who, text, name, word):
    """What @who does with psql has an entry that says so."""
    before = len(box.log())
    who.sql(text)
    entries = box.log()[before:]
    box.check(entries and all(e["who"] == who.name for e in entries) and
              any(e["from"] == "database" and e["name"] == name and word in e["old"] + e["new"] for e in entries),
              f"it is logged: {text}", entries)


def unlogged(box):
    """Nothing that counts changes without an entry, and no entry that tells something else hides it."""
    setup(box)
    otto, ada = Client(box, "otto"), Client(box, "ada")
    logged(box, otto, "INSERT INTO tags VALUES ('policy', 'gold', 'sneaky')", "gold@2", "sneaky")
    logged(box, otto, "DELETE FROM tags WHERE tag = 'sneaky'", "gold@2", "sneaky")
    logged(box, ada, "INSERT INTO boxes VALUES ('paris', '', 'mallory', 0, 'owner')", "paris", "mallory")
    logged(box, ada, "UPDATE boxes SET login = 'agent'", "paris", "agent")
    logged(box, ada, "INSERT INTO box_tags VALUES ('paris', 'edge')", "paris", "edge")
    logged(box, otto, "INSERT INTO box_holds VALUES ('paris', 'tenant', 'acme', 1)", "paris", "acme")
    logged(box, otto, "DELETE FROM box_holds", "paris", "acme")
    logged(box, ada, "DELETE FROM boxes", "paris", "agent")
    entry = "INSERT INTO log (number, at, who, origin, command, kind, name, old, new, result, hash) VALUES " \
            "(1, 1, '', 'here', 'policy set', 'policy', '%s', '', '%s', 'done', ''); COMMIT"
    change = version("policy", "gold", 3, '{"ftp":{"mode":"off"}}').replace("COMMIT", "")
    logged(box, otto, change + entry % ("gold@3", "{}"), "gold@3", "off")
    text = "BEGIN; UPDATE objects SET description = 'hidden' WHERE name = 'gold'; "
    logged(box, otto, text + entry % ("gold@3", "something else"), "gold@3", "hidden")
    text = "BEGIN; UPDATE objects SET retired = 1 WHERE name = 'spare'; "
    logged(box, otto, text + entry % ("spare", "description nice"), "spare@1", "spare")
    text = "BEGIN; INSERT INTO permissions VALUES ('policy', 'gold', 'operator', 4); "
    logged(box, ada, text + entry % ("gold", "role operator view"), "gold", "operator")
    text = "BEGIN; INSERT INTO retention VALUES ('policy', 0); "
    logged(box, ada, text + entry % ("", "auto-delete after 999 s"), "", "policy")
    stranger = Client(box, "stranger")
    stranger.sql(ENTRY.format("refused").replace("policy set gold", "x' || repeat('y', 1000000) || '"))
    last = box.log()[-1]
    box.check((last["who"], len(last["command"])) == ("stranger", 4096), "nobody fills the disk with refusals",
              len(last["command"]))
    box.in_step("after what was not told")


def once(box):
    """What algctl does has an entry of its own, and no second one."""
    setup(box)
    for words in (["policy", "set", "gold", "description", "a \"b\" \\ ä", "tags", "x,y"],
                  ["policy", "set", "gold", "tags", "none"],
                  ["policy", "set", "gold", "sip", "off", "tags", "z"], ["policy", "rollback", "gold@1"],
                  ["policy", "clone", "gold", "copper"], ["policy", "propagate", "gold"],
                  ["policy", "permit", "gold", "viewer", "edit"], ["policy", "permit", "gold", "viewer", "default"],
                  ["policy", "del", "copper"], ["policy", "add", "copper", "tags", "t"],
                  ["store", "auto-delete", "policy", "0"], ["policy", "set", "copper", "ftp", "off"], ["policy", "del", "copper"],
                  ["store", "auto-delete", "policy", "off"], ["fleet", "add", "paris", "tags", "edge", "login", "agent"],
                  ["fleet", "add", "rome"], ["fleet", "set", "paris", "tags", "core", "description", "x"],
                  ["policy", "set", "gold", "tftp", "off"], ["fleet", "release"], ["role", "del", "mover"],
                  ["policy", "permit", "gold", "operator", "view"], ["role", "del", "operator"], ["fleet", "del", "rome"],
                  ["tenant", "set", "acme", "tags", "q"], ["tenant", "del", "acme"], ["policy", "set", "gold", "reusable", "no"]):
        box.good(*words)
    code, out, err = box.run("policy", "propagate", "gold", "--staged", "wait", "1s")
    box.check(code in (0, 2), "a staged change", out + err)
    box.good("tenant", "add", "bob", "policy", "gold", "zone", "9")
    box.good("policy", "set", "gold", "pptp", "off")
    code, out, err = box.run("policy", "propagate", "gold", "--staged", "wait", "1s")
    box.check(code == 2 and "silent" in out, "held for a box that is silent", out + err)
    box.good("fleet", "add", "oslo")
    box.good("policy", "set", "gold", "ike", "off")
    box.run("policy", "propagate", "gold", "--staged", "wait", "1s")
    box.good("fleet", "release")
    box.good("apply", "-", stdin=box.good("export").replace("core", "edge"))
    box.same([e for e in box.log() if e["from"] == "database"], [], "the database adds nothing")
    box.good("log", "verify", has="complete and unchanged")


TESTS = (viewer, tampering, operator, no_propagate, administrator, loose, unlogged, once)
for test in TESTS:
    test.engine = engines.Postgres
