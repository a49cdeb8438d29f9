# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store: what gateways keep, and who may see and end it; what others have written, on a terminal and on disk."""

import glob
import json
import os
import subprocess

import engines

SHOWN = {"call": "alice@example.org", "pinhole": "203.0.113.1:50001", "registration": "203.0.113.2", "tunnel": "203.0.113.1",
         "stats": "low-port"}
ENDINGS = (["call", "del", "protocol", "sip", "id", "13"], ["pinhole", "del", "id", "77"],
           ["registration", "del", "protocol", "sip", "id", "3"], ["tunnel", "del", "id", "7"], ["stats", "reset"],
           ["pinhole", "del", "tenant", "default"])


def endings(box):
    """Through sudo one ends what is a tenant's that one may edit, and that is logged."""
    box.good("role", "set", "viewer", "members", "user:vera")
    box.good("role", "set", "operator", "members", "user:otto")
    box.good("tenant", "add", "default")
    for kind, text in SHOWN.items():
        box.good(kind, user="vera", has=text)
        box.good(kind, user="stranger", lacks=text)
    for words in ENDINGS:
        for user in ("vera", "stranger"):
            box.bad(*words, user=user, says="not permitted to edit")
            last = box.log()[-1]
            box.check(last["who"] == user and last["command"] == " ".join(words) and last["result"].startswith("refused"),
                      f"which is logged: {user}: {' '.join(words)}", last)
    for kind, text in SHOWN.items():
        box.good(kind, has=text)
    for user in ("otto", None):
        box.good("stats", "reset", user=user)
        last = box.log()[-1]
        box.same((last["who"] == (user or "root"), last["new"], last["result"]), (True, "counters set to zero", "done"), "so is it")
    for words in ENDINGS[:4]:
        box.good(*words, user="otto")
        last = box.log()[-1]
        box.same((last["who"], last["object"], last["name"], last["result"]), ("otto", "tenant", "default", "done"),
                 f"{' '.join(words)} is logged")
    box.bad("pinhole", "del", "id", "4711", user="otto", says="no such")
    box.good("tenant", "permit", "default", "viewer", "none")
    box.good("call", user="vera", lacks=SHOWN["call"])
    box.good("pinhole", user="vera", lacks="203.0.113")
    box.good("call", user="otto", has="alice@example.org")
    box.runner.run(["tenant", "set", "default", "max-sessions", "9"], ALGCTL_FAKE=box.kernel, ALGCTL_STORE="none")
    for words in (["store", "status"], ["status"]):
        box.good(*words, user="otto", has="tenant default max-sessions 9 -> 0")
        for user in ("vera", "stranger"):
            box.good(*words, user=user, lacks="tenant default")
    box.good("restore")
    box.bad("restore", user="vera", says="not permitted to edit tenants")
    box.good("log", "verify", has="complete and unchanged")


endings.engine = engines.Sqlite


def without_database(box):
    """What only the kernel knows is shown and ended while the database is away."""
    address = "postgresql:///nowhere?host=/nonexistent"
    for words in ([kind] for kind in SHOWN):
        box.good(*words, ALGCTL_STORE=address)
        box.good(*words, ALGCTL_STORE=box.runner.file("nonsense", "no database " * 99))
    box.good("pinhole", "del", "id", "77", ALGCTL_STORE=address)
    box.good("stats", "reset", ALGCTL_STORE=address)
    for words in (["pinhole"], ["stats", "reset"]):
        code, out, err = box.run(*words, ALGCTL_STORE=address, **engines.Sqlite.user(None, "vera"))
        box.check(code == 2 and "store:" in err, f"through sudo nobody goes past it: {words}", out + err)


without_database.engine = engines.Postgres


def older_schema(box):
    """Who may not upgrade a store is told who may."""
    box.good("role", "set", "operator", "members", "user:otto")
    latest = box.json("store", "status")["schema"]
    box.engine.sql(box.address, f"UPDATE store_meta SET value = '{latest - 1}' WHERE key = 'schema'")
    for _ in range(2):
        code, out, err = box.run("policy", "list", user="otto")
        box.check(code == 2 and f"the store's schema is {latest - 1}" in err and "owner upgrades it" in err, "not the owner",
                  out + err)
    box.good("policy", "list")
    box.good("policy", "list", user="otto", has="default")


older_schema.engine = engines.Postgres


def words_of_others(box):
    """A terminal gets no control characters that somebody else has chosen, and the log no lines."""
    forged = "x\n99  2026-11-23 08:00:00  root@box  policy del gold  [policy gold]  done\x1b[31m\u009b2J"
    box.good("policy", "add", "gold")
    before = len(box.log())
    text = "policies:\n  gold: {}\ntenants:\n  acme: {policy: nosuch}\n"
    path = os.path.join(box.runner.tmp, forged.replace("/", ""))
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o644)
    code, out, err = box.run("apply", path)
    box.check(code == 2 and len(box.log()) == before + 1, "it is in the log", out + err)
    lines = box.good("log", "show", "last", "1")
    box.check(lines.count("\n") == 1 and "\\x0a99" in lines and "\\x1b" in lines and "\\x9b" in lines and
              all(c >= " " and not "\x7f" <= c <= "\x9f" for c in lines.replace("\n", "")), "one line of text", lines)
    box.check(forged in box.log()[-1]["command"], "JSON has it as it was", box.log()[-1])
    for bad in ("a\u0085b", "a\u009bb", "a\u2028b", "a\u2029b", "a\ufffeb", "a\nb", "a\x7fb"):
        box.bad("policy", "set", "gold", "description", bad, says="a description is one line", code=1)
    box.good("policy", "set", "gold", "description", " ä\u00a0\u2027 ☃\ufeff\U0001f600 \"\\ #: ")
    first = box.good("export")
    box.good("apply", "-", stdin=first, has="0 added, 0 changed, 0 removed")
    box.same(box.good("export"), first, "text comes back as it was")


def dry(box):
    """What a dry run of a single change says, as JSON as well."""
    box.good("tenant", "add", "acme", "zone", "7")
    before = box.snapshot(), len(box.log())
    found = box.json("tenant", "set", "acme", "zone", "8", "--dry-run")
    box.same((found.get("done"), [c["fields"]["zone"] for c in found.get("changed", [])]), (False, [{"old": [7], "new": [8]}]),
             "what would change")
    found = box.json("tenant", "clone", "acme", "twin", "--dry-run")
    box.same([c["name"] for c in found.get("added", [])], ["twin"], "what would be added")
    found = box.json("tenant", "del", "acme", "--dry-run")
    box.same([c["name"] for c in found.get("removed", [])], ["acme"], "what would be removed")
    box.check((box.snapshot(), len(box.log())) == before, "it changes nothing")
    box.good("policy", "add", "gold")
    box.good("policy", "set", "gold", "ftp", "off")
    box.good("store", "auto-delete", "policy", "0", "--dry-run", has="would delete policy gold@1")
    box.same(box.versions("policy", "gold"), [1, 2], "nothing was deleted")
    box.bad("service", "versions", "ftp", says="it is predefined")


def nothing_written(box):
    """A file is left only when there is something in it that may be missed."""
    box.good("policy", "add", "gold")
    tmp = os.path.join(box.runner.tmp, f"edit.{box.engine.name}")
    os.mkdir(tmp)
    for editor, code, says in (("false", 2, "the editor failed"), ("no-such-editor", 2, "the editor failed"),
                               ("rm", 1, "No such file")):
        got, out, err = box.run("policy", "edit", "gold", EDITOR=editor, VISUAL="", TMPDIR=tmp, stdin="")
        box.check(got == code and says in err and "what was written" not in err, f"EDITOR={editor}", f"{got} {out}{err}")
        box.same(os.listdir(tmp), [], f"EDITOR={editor} leaves nothing")
    got, out, err = box.run("policy", "edit", "gold", EDITOR="sed -i s/gold:/nonsense/", VISUAL="", TMPDIR=tmp, stdin="")
    left = glob.glob(tmp + "/*")
    box.check(got == 1 and len(left) == 1 and f"what was written is in {left[0]}" in err, "what was written is left", out + err)


def full_disk(box):
    """The system's reason is told."""
    place = os.path.join(box.runner.tmp, "full")
    os.mkdir(place)
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", place]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        box.results.skip("a full disk", "a file system of its own can't be mounted")
        return
    try:
        store = os.path.join(place, "store.db")
        box.good("store", "init", ALGCTL_STORE=store)
        with open(os.path.join(place, "rest"), "wb", buffering=0) as rest:
            try:
                while True:
                    rest.write(bytes(4096))
            except OSError:
                pass
        before = box.in_kernel()
        for words in (["policy", "list"], ["tenant", "add", "acme", "zone", "7"]):
            code, out, err = box.run(*words, ALGCTL_STORE=store)
            box.check(code == 2 and "No space left on device" in err, f"a full disk: {words}", out + err)
        box.same(box.in_kernel(), before, "the kernel is as it was")
        os.unlink(os.path.join(place, "rest"))
        box.good("tenant", "add", "acme", "zone", "7", ALGCTL_STORE=store)
        code, out, err = box.run("-j", "log", "verify", ALGCTL_STORE=store)
        box.check(code == 0 and json.loads(out)["ok"], "with room again all is well", out + err)
    finally:
        subprocess.run(["umount", place], check=True)


full_disk.engine = engines.Sqlite
TESTS = (endings, without_database, older_schema, words_of_others, dry, nothing_written, full_disk)
