#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of algctl that need no kernel. Prints what fails; the last line is "N passed, N failed, N skipped"."""

import argparse
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import documented
import store


class Results:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, good, title, detail=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"not ok: {title}")
            for line in str(detail).splitlines()[:30]:
                print(f"    {line}")

    def same(self, got, wanted, title):
        self.check(got == wanted, title, f"got:    {got!r}\nwanted: {wanted!r}")

    def done(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return self.failed > 0

    def skip(self, title, reason):
        self.skipped += 1
        print(f"skipped: {title}: {reason}")


class Runner:
    def __init__(self, args, results):
        self.args = args
        self.timeout = 60
        self.results = results
        self.tmp = tempfile.mkdtemp(prefix="algctl-test.")

    def run(self, words, program=None, stdin=None, **env):
        env = {**os.environ, "LC_ALL": "C.UTF-8", "ALGCTL_STORE": "none", **env}
        done = subprocess.run([program or self.args.fake, *words], input=stdin, capture_output=True, text=True, env=env,
                              timeout=self.timeout)
        return done.returncode, done.stdout, done.stderr

    def state(self, name):
        path = os.path.join(self.tmp, name)
        if os.path.exists(path):
            os.unlink(path)
        return path

    def file(self, name, text):
        path = os.path.join(self.tmp, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


def table(runner, name, program, env):
    """command ; exit status ; output"""
    path = os.path.join(runner.args.source, "tests", name)
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                continue
            command, code, wanted = (part.strip() for part in line.split(" ;", 2))
            got, out, err = runner.run(shlex.split(command), program, **env)
            good = got == int(code)
            if wanted.startswith("="):
                good = good and out.strip() == wanted[1:].strip() and not err
            else:
                good = good and wanted in out + err
            if "-j" in command.split() and "json" not in command:
                good = good and is_json(out)
            runner.results.check(good, f"{name}:{number}: algctl {command}", f"status {got}\n{out}{err}\nwanted {code}: {wanted}")


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


# A file, and every error that must be reported for it: line, column, part of the message.
BAD_FILES = [
    ("yaml", "", [(1, 1, "the file is empty")]),
    ("yaml", "# nothing\n", [(1, 1, "the file is empty")]),
    ("yaml", "tenants:\n  a: {description: \"ä\x01\"}\n", [(2, 22, "control characters")]),
    ("yaml", "tenants:\n  a: {}\n\0", [(3, 1, "control characters")]),
    ("yaml", "[]\n", [(1, 1, "has the sections services, policies, tenants")]),
    ("yaml", "services: [a]\n", [(1, 11, "services wants names with keys")]),
    ("yaml", "tenants:\n  a: {zone: 1\n", [(3, 1, "")]),
    ("yaml", "tenants:\n\ta: 1\n", [(2, 1, "")]),
    ("yaml", "tenants: &x {}\npolicies: *x\n", [(2, 11, "aliases")]),
    ("yaml", "tenants: {}\n---\ntenants: {}\n", [(2, 1, "second document")]),
    ("yaml", "tenants: {? [a] : 1}\n", [(1, 13, "a key must be a word")]),
    ("yaml", "tenants: {a: " + "[" * 20 + "]" * 20 + "}\n", [(1, 28, "nested too deeply")]),
    ("yaml", "tenants: {}\ntenants: {}\n", [(2, 1, "'tenants' is given twice, first in line 1")]),
    ("yaml", "tenants:\n  a: {}\n  b: {}\n  a: {}\n", [(4, 3, "'a' is given twice, first in line 2")]),
    ("yaml", "tenant: {}\n", [(1, 1, "unknown section 'tenant'")]),
    ("yaml", "tenants:\n  a/b: {}\n  c: 5\n", [(2, 3, "'a/b' is no name"), (3, 6, "tenant 'c' wants keys")]),
    ("yaml", "tenants:\n  a: {zone: }\n", [(2, 13, "zone has no value")]),
    ("yaml", "tenants:\n  a: {policy: [x]}\n", [(2, 15, "policy wants a single value")]),
    ("yaml", "tenants:\n  a: {no-selectors: true}\n", [(2, 7, "tenant has no key 'no-selectors'")]),
    ("yaml", "tenants:\n  a: {name: b}\n", [(2, 7, "tenant has no key 'name'")]),
    ("yaml", "services:\n  a: {protocol: ftp}\n  b: {tcp: 1}\n  c: {protocol: ftp, tcp: 1, udp: 1}\n",
     [(2, 3, "service 'a' has no tcp or udp"), (3, 3, "service 'b' has no protocol"), (4, 3, "both tcp and udp")]),
    ("yaml", "services:\n  a:\n    protocol: ftp\n    tcp: 21\n    to: [10.0.0.0/8, 10.0.0.1/8]\n",
     [(5, 22, "has bits behind its prefix")]),
    ("yaml", "policies:\n  a:\n    ftp: {mode: no}\n    sip: {option: {ftps: pass}}\n    "
     "tftp: {option: {write: no, malformed: x}}\n"
             "    http: off\n",
     [(3, 17, "'no' is no mode"), (4, 26, "sip has no option 'ftps'"), (5, 28, "write is allow or refuse"),
      (5, 43, "malformed is pass or drop"), (6, 5, "policy has no key 'http'")]),
    ("yaml", "policies:\n  a: {ftp: {services: [x, x]}}\ntenants:\n  b: {policy: c, zone: [1, 70000], ports: 2-1}\n",
     [(2, 27, "named twice"), (4, 15, "the file has no policy 'c'"), (4, 28, "a zone is a number"), (4, 43, "ends before")]),
    ("json", '{"tenants": {"a": {"zone": 1,}}}', [(1, 30, "")]),
    ("json", '{"tenants": {"a": {"zone": [1, 70000]}},\n "x": 1}', [(1, 32, "a zone is a number"), (2, 2, "unknown section 'x'")]),
    ("json", "{\n\t'tenants': {}}", [(2, 2, "")]),
    ("json", "tenants: {}\n", [(1, 7, "")]),
]

# What the kernel refuses, all of it, at the place in the file.
REFUSED_FILES = [
    ("policies:\n  gold:\n    ftp:\n      services: [ftp, nosuch]\ntenants:\n  a: {policy: gold, zone: 1}\n"
     "  b: {zone: 1}\n  c: {zone: 2}\n"
     "  d: {zone: 2}\n",
     [(4, 23, "policy 'gold': no service nosuch"), (9, 13, "tenant 'd': tenant c has it")]),
    ("services:\n  ftp: {protocol: ftp, tcp: 22}\n", [(2, 3, "predefined services can't be changed")]),
]

FULL = """services:
  ftp-alt:
    protocol: ftp
    tcp: 2000-2100
    to: [198.51.100.0/24, "2001:db8::/32"]
    except: 198.51.100.9
  "on":
    protocol: tftp
    udp: 6969
policies:
  default:
    tftp: off
  gold:
    version: 12
    ftp:
      mode: observe
      services: [ftp, ftp-alt]
      option:
        pinhole-timeout: 30
        ftps: refuse
    sip:
      option:
        max-calls: 300
        media-timeout: 60
        direct-media: signalling-peer
        direct-signalling: on
        rewrite: signalling
    tftp:
      services: "on"
      option:
        write: refuse
  "7up":
    pptp: off
tenants:
  acme:
    policy: gold
    zone: [7, 8]
    interface: [eth0.5, lan0]
    mark: [0x10/0xff, 0x20]
    max-sessions: 50
    max-pinholes: 100
    pinhole-rate: 20
    ports: 1024-65535
    block: 64
  b:
    policy: "7up"
    mark: 0x1
  default: {}
"""


def positions(err, path):
    found = []
    for line in err.splitlines():
        m = re.match(re.escape(path) + r":(\d+):(\d+): (.*)", line)
        if m:
            found.append((int(m[1]), int(m[2]), m[3]))
    return found


def same_positions(found, wanted):
    return len(found) == len(wanted) and all(f[:2] == w[:2] and w[2] in f[2] for f, w in zip(found, wanted))


def bad_files(runner):
    for i, (kind, text, wanted) in enumerate(BAD_FILES):
        path = runner.file(f"bad{i}.{kind}", text)
        code, out, err = runner.run(["apply", path])
        found = positions(err, path)
        runner.results.check(code == 1 and not out and same_positions(found, wanted), f"bad file {i}: {text!r}",
                             f"status {code}\n{out}{err}\nwanted {wanted}")
        code, out, err = runner.run(["-j", "apply", path])
        runner.results.check(code == 1 and not err and is_json(out), f"bad file {i} with --json", out + err)
    for i, (text, wanted) in enumerate(REFUSED_FILES):
        path = runner.file(f"refused{i}.yaml", text)
        state = runner.state("refused")
        runner.run(["tenant", "add", "before"], ALGCTL_FAKE=state)
        with open(state, "rb") as f:
            before = f.read()
        for extra in ([], ["--dry-run"]):
            code, out, err = runner.run(["apply", path, *extra], ALGCTL_FAKE=state)
            found = positions(err, path)
            runner.results.check(code == 2 and not out and same_positions(found, wanted), f"refused file {i} {extra}",
                                 f"status {code}\n{out}{err}\nwanted {wanted}")
        with open(state, "rb") as f:
            runner.results.check(before == f.read(), f"refused file {i} leaves everything as it was")


def round_trip(runner):
    r, state = runner.results, runner.state("round")

    def run(*words, **keys):
        return runner.run(list(words), ALGCTL_FAKE=state, **keys)

    path = runner.file("full.yaml", FULL)
    code, out, err = run("apply", path, "--dry-run")
    r.check(code == 0 and "+ tenant acme policy gold" in out and "~ policy default tftp mode on -> off" in out and
            "nothing was applied" in out, "a dry run shows what would change", out + err)
    r.check("acme" not in run("tenant")[1], "a dry run changes nothing")
    code, out, err = run("apply", path)
    r.check(code == 0 and "2 services, 3 policies, 3 tenants" in out and "note" not in out, "a full file is applied", out + err)
    code, first, err = run("export")
    r.check(code == 0, "export", err)
    canonical = FULL.replace('  "7up":\n    pptp: off\n', "").replace("policies:\n", 'policies:\n  "7up":\n    pptp: off\n', 1)
    r.same(first, canonical, "export prints what was applied, sorted")
    again = runner.file("again.yaml", first)
    code, out, err = run("apply", again)
    r.check(code == 0 and "0 added, 0 changed, 0 removed" in out, "applying the export changes nothing", out + err)
    r.same(run("export")[1], first, "export, apply, export: the same bytes")
    first_json = run("export", "--format", "json")[1]
    r.check(is_json(first_json), "export as JSON is JSON")
    r.same(run("-j", "export")[1], first_json, "export -j is export --format json")
    again = runner.file("again.json", first_json)
    code, out, err = run("apply", again)
    r.check(code == 0 and "0 added, 0 changed, 0 removed" in out, "the JSON export is the same configuration", out + err)
    r.same(run("export", "--format", "json")[1], first_json, "JSON export, apply, export: the same bytes")
    code, out, err = runner.run(["apply", "-"], stdin=first, ALGCTL_FAKE=state)
    r.check(code == 0 and "0 added, 0 changed" in out, "apply - reads YAML from standard input", out + err)
    code, out, err = runner.run(["apply", "-"], stdin=first_json, ALGCTL_FAKE=state)
    r.check(code == 0 and "0 added, 0 changed" in out, "apply - reads JSON from standard input", out + err)
    code, out, err = run("apply", runner.file("small.yaml", "tenants:\n  acme: {policy: default, zone: 7}\n"), "--dry-run")
    for line in ("- service ftp-alt", "- policy gold", "~ policy default tftp mode off -> on", "- tenant default",
                 "zone 7,8 -> 7", "policy gold -> default", "max-sessions 50 -> 0", "note: there is no tenant 'default'"):
        r.check(line in out, f"the difference says: {line}", out + err)
    code, out, err = run("-j", "apply", os.path.join(runner.tmp, "small.yaml"), "--dry-run")
    change = [c for c in json.loads(out)["changed"] if c["name"] == "acme"]
    r.same(change[0]["fields"]["zone"], {"old": [7, 8], "new": [7]}, "the difference as JSON")
    r.same(run("export")[1], first, "dry runs change nothing")
    code, out, err = run("apply", runner.file("none.yaml", "{}\n"))
    r.check(code == 0, "{} is an empty configuration", err)
    r.same(run("export")[1], "tenants: {}\n", "export of nothing")
    r.check(run("apply", runner.file("n.yaml", run("export")[1]))[0] == 0, "which apply takes")
    code, out, err = runner.run(["apply", path], ALGCTL_FAKE=state, ALGCTL_FAKE_FAIL="config-commit=116")
    r.check(code == 2 and "somebody else changed" in err, "ESTALE is explained", out + err)
    r.same(run("export")[1], "tenants: {}\n", "and nothing was applied")


def modes_of_others(runner):
    """Truth values that YAML 1.1 programs write for on and off."""
    state = runner.state("modes")
    text = "policies:\n  a: {ftp: false, sip: True, tftp: {mode: 'off'}}\n"
    code, _, err = runner.run(["apply", runner.file("modes.yaml", text)], ALGCTL_FAKE=state)
    runner.results.check(code == 0, "true and false are on and off", err)
    runner.results.same(runner.run(["export"], ALGCTL_FAKE=state)[1], "policies:\n  a:\n    ftp: off\n    tftp: off\n",
                        "true and false are on and off in the export")


def many(runner):
    """More than one batch."""
    state, n = runner.state("many"), 5000
    text = "tenants:\n" + "".join(f"  t{i}: {{zone: {i}, max-sessions: 5}}\n" for i in range(n))
    original = text
    code, out, err = runner.run(["apply", runner.file("many.yaml", text)], ALGCTL_FAKE=state)
    runner.results.check(code == 0 and f"{n} tenants" in out, "a file of many batches", out + err)
    text = text.replace("zone: 4999,", "zone: 17,").replace("zone: 3,", "zone: 2,")
    path = runner.file("many.yaml", text)
    code, out, err = runner.run(["apply", path], ALGCTL_FAKE=state)
    found = sorted(positions(err, path))
    runner.results.check(code == 2 and [f[:2] for f in found] == [(5, 14), (5001, 17)], "refusals in several batches", out + err)
    first = runner.file("first.yaml", original.replace("t1: {zone: 1,", "t1: {zone: 0,"))
    code, out, err = runner.run(["apply", first], ALGCTL_FAKE=state)
    runner.results.check(code == 2 and [f[:2] for f in positions(err, first)] == [(3, 14)],
                         "a refusal in the first batch", out + err)
    code, out, err = runner.run(["export"], ALGCTL_FAKE=state)
    runner.results.check(out.count("zone:") == n and "zone: 4999" in out, "after which everything is as it was")


def failures(runner):
    r = runner.results
    code, out, err = runner.run(["status"], ALGCTL_FAKE_FAIL="family=2")
    r.check(code == 2 and "kernel module nf_alg is not loaded: run 'modprobe nf_alg'" in err, "no module", out + err)
    code, out, err = runner.run(["-j", "status"], ALGCTL_FAKE_FAIL="family=2")
    r.check(code == 2 and not err and "modprobe" in json.loads(out)["error"], "no module, as JSON", out + err)
    code, out, err = runner.run(["tenant", "add", "a"], ALGCTL_FAKE_FAIL="tenant-set=1")
    r.check(code == 2 and "CAP_NET_ADMIN" in err and "sudo" in err, "no permission", out + err)
    code, out, err = runner.run(["tenant", "add", "a"], ALGCTL_FAKE_FAIL="tenant-set=17")
    r.check(code == 2 and "tenant 'a' exists already" in err, "an error without words", out + err)
    code, out, err = runner.run(["stats"], ALGCTL_FAKE_FAIL="stats-get=95")
    r.check(code == 2 and "does not know this command" in err, "an older kernel part", out + err)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([runner.args.algctl, "help"], stdout=full, stderr=subprocess.PIPE, check=False)
    r.check(done.returncode == 2 and b"writing the output" in done.stderr, "a full disk is noticed", done)


def complete(runner, *words, **env):
    code, out, _ = runner.run(["complete", "--", *words], **env)
    assert code == 0, words
    return out.split("\n")[:-1]


def completion(runner):
    r, state = runner.results, runner.state("completion")

    def words(*line):
        return complete(runner, *line, ALGCTL_FAKE=state)

    runner.run(["service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121"], ALGCTL_FAKE=state)
    runner.run(["policy", "add", "gold"], ALGCTL_FAKE=state)
    runner.run(["tenant", "add", "acme"], ALGCTL_FAKE=state)
    r.same(words("ser"), ["service"], "an object")
    r.same(words("service", ""), ["show", "add", "set", "del", "list", "edit", "versions", "diff", "rollback", "clone",
                               "references", "propagate", "permissions", "permit", "help"], "commands")
    r.same(words("tenant", "set", ""), ["acme"], "live tenants")
    r.same(words("tenant", "add", ""), [], "no names for what is to be new")
    r.same(words("tenant", "set", "acme", "policy", ""), ["default", "gold"], "live policies")
    r.same(words("policy", "set", "gold", "ftp", "services", ""), ["ftp", "ftp-alt"], "services of the protocol")
    r.same(words("policy", "set", "gold", "ftp", "services", "ftp,"), ["ftp,ftp-alt"], "the rest of a list")
    r.same(words("policy", "set", "gold", "ftp", "o"), ["on", "off", "observe", "option"], "modes and keywords")
    r.same(words("policy", "set", "gold", "ftp", "option", "ftps", "=", ""), ["pass", "refuse"], "values behind =")
    r.same(words("policy", "set", "gold", "ftp", "option", "ftps", "=", "r"), ["refuse"], "a value begun behind =")
    r.same(words("policy", "set", "gold", "ftp", "option", "ftps=r"), ["ftps=refuse"], "the same in one word")
    r.same(words("policy", "set", "gold", "tftp", "option", "wr"), ["write=allow", "write=refuse"], "an option")
    r.check("sip" in words("policy", "set", "gold", "ftp", "on", ""), "the next protocol")
    r.check("tcp" not in words("service", "add", "x", "udp", "1", ""), "no second transport")
    r.check("policy" not in words("tenant", "set", "acme", "policy", "gold", ""), "no keyword twice")
    r.same(words("pinhole", "del", "id", ""), ["77", "78"], "live pinholes")
    r.same(words("call", "del", "id", ""), ["12", "13", "12"], "live calls")
    r.same(words("call", "del", "protocol", "sip", "id", ""), ["12", "13"], "live calls of a protocol")
    r.same(words("call", "show", "fl"), ["flows"], "a flag")
    r.same(words("registration", "del", "id", ""), ["3"], "live registrations")
    r.same(words("tunnel", "del", "id", ""), ["7", "8"], "live tunnels")
    r.same(words("tunnel", "show", "client", ""), ["192.168.1.11", "2001:db8::11"], "clients of tunnels")
    r.same(words("tunnel", "show", "gateway", "2"), ["203.0.113.2", "2001:db8:1::2"], "gateways of tunnels")
    r.same(words("policy", "set", "gold", "sip", "option", "direct-media", "=", "s"), ["sdp-peer", "signalling-peer"],
           "values of a SIP option")
    r.same(words("-j", "sta"), ["stats", "status"], "behind an option")
    r.same(words("apply", "--d"), ["--dry-run"], "options of a command")
    r.same(words("export", "--format", ""), ["yaml", "json"], "values of an option")
    r.same(words("help", "tenant", "a"), ["add"], "help")
    r.same(words("nonsense", ""), [], "nothing for nonsense")
    if shutil.which("bash"):
        script = os.path.join(runner.args.source, "completion", "algctl.bash")
        line = f'. {shlex.quote(script)}; algctl() {{ {shlex.quote(runner.args.fake)} "$@"; }}; ' \
               'COMP_WORDS=(algctl service a) COMP_CWORD=2; _algctl; printf "%s\\n" "${COMPREPLY[@]}"'
        out = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False).stdout
        r.same(out, "add\n", "bash completion")


def page_words(path):
    """Words that the page has as command or keyword macros."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return set(re.findall(r"[\w-]+", " ".join(re.findall(r"^\..*?\bCm (.*)$", text, re.M)))), text


OWN_COMMANDS = ("show", "add", "set", "del", "reset", "status", "init", "auto-delete", "verify", "release", "join", None)
POSITION = re.compile(r"\[?(NAME(@VERSION)?|NEW|BOX|ROLE|PERMISSION|KIND|AGE)\]?")


def has_commands(runner, name):
    return "COMMAND explains one" in runner.run(["help", name])[1]


def agreement(runner):
    """Completion, help and man pages say the same words."""
    r = runner.results
    man = os.path.join(runner.args.source, "man")
    objects = [o for o in complete(runner, "") if o not in ("help", "version")]
    top = page_words(os.path.join(man, "algctl.8"))
    store = page_words(os.path.join(man, "algctl-store.8"))
    for name in objects:
        path = os.path.join(man, f"algctl-{name}.8")
        r.check(os.path.exists(path), f"{name} has a man page")
        r.check(name in top[0] and f".Xr algctl-{name} 8" in top[1], f"algctl.8 names {name}")
        if not os.path.exists(path):
            continue
        words, text = page_words(path)
        commands = [c for c in complete(runner, name, "") if c != "help"] if has_commands(runner, name) else [None]
        for command in commands:
            line = [name] + ([command] if command else [])
            help_text = runner.run(["help", *line])[1]
            if command:
                r.check(command in words, f"algctl-{name}.8 has {command}")
            shared = "" if command in OWN_COMMANDS else store[1]
            first = ["x" for word in re.split(r" (?=\[|[A-Z])", help_text.split("\n")[3]) if POSITION.fullmatch(word)]
            for word in complete(runner, *line, *first, ""):
                r.check(re.search(rf"\b{word}\b", help_text), f"help of {line} has {word}")
                r.check(word in words or word in shared or not command and word in text, f"algctl-{name}.8 has {word}")
            for option in complete(runner, *line, "--"):
                if option not in ("--json", "--netns", "--store", "--help", "--version"):
                    r.check(option in help_text, f"help of {line} has {option}")
                    r.check(f"Fl -{option[2:]}" in text + shared, f"algctl-{name}.8 has {option}")
    for word in complete(runner, "policy", "set", "x", "ftp", ""):
        r.check(word in page_words(os.path.join(man, "algctl-policy.8"))[0], f"algctl-policy.8 has {word}")


def lists(runner):
    """Options and reasons of the kernel's lists are in help and man pages, word for word."""
    r = runner.results
    done = subprocess.run([sys.executable, os.path.join(runner.args.source, "man", "lists.py"), "--check"],
                          capture_output=True, text=True, check=False)
    r.check(done.returncode == 0, "man pages have the kernel's lists (make man brings them)", done.stdout + done.stderr)
    help_text = runner.run(["help", "policy", "set"])[1]
    found = load_lists(runner).options()
    r.check(found, "options.def is read")
    for option in found:
        r.check(f"  {option.name}=" in help_text and option.sentence in help_text, f"help has option {option.name}")


def load_lists(runner):
    spec = importlib.util.spec_from_file_location("lists", os.path.join(runner.args.source, "man", "lists.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(runner):
    man = os.path.join(runner.args.source, "man")
    if not shutil.which("mandoc"):
        runner.results.skip("man pages", "mandoc is not installed")
        return
    for page in sorted(p for p in os.listdir(man) if p.endswith(".8")):
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], cwd=man, capture_output=True, text=True, check=False)
        lines = [x for x in (done.stdout + done.stderr).splitlines() if "referenced manual not found" not in x]
        runner.results.check(not lines, f"mandoc takes {page}", "\n".join(lines))


def units(runner):
    """What is installed is complete, and systemd takes the units."""
    r, source = runner.results, runner.args.source
    if not shutil.which("make"):
        r.skip("installation", "make is not installed")
        return
    prefix = os.path.join(runner.tmp, "prefix")
    done = subprocess.run(["make", "-s", "-C", source, "install", f"PREFIX={prefix}", f"O={os.path.dirname(runner.args.algctl)}"],
                          capture_output=True, text=True, check=False, env={**os.environ, "MAKEFLAGS": ""})
    r.check(done.returncode == 0, "make install", done.stdout + done.stderr)
    directory = os.path.join(prefix, "lib/systemd/system")
    found = sorted(os.listdir(directory))
    r.same(found, ["nf-alg-agent.service", "nf-alg-restore.service"], "units are installed")
    algctl = os.path.join(prefix, "sbin/algctl")
    for name in found:
        with open(os.path.join(directory, name), encoding="utf-8") as f:
            text = f.read()
        left = "@" in text.replace("@system-service", "")
        r.check(f"\nExecStart={algctl} " in text and not left, f"{name} names the program", text)
        if not shutil.which("systemd-analyze"):
            r.skip(f"systemd takes {name}", "systemd-analyze is not installed")
            continue
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", os.path.join(directory, name)],
                              capture_output=True, text=True, check=False)
        r.check(done.returncode == 0 and name not in done.stderr, f"systemd takes {name}", done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--algctl", required=True)
    parser.add_argument("--fake", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--store", nargs="*", help="these tests of the store only, or all of them only")
    results = Results()
    runner = Runner(parser.parse_args(), results)
    os.chmod(runner.tmp, 0o711)
    try:
        if runner.args.store is not None:
            store.run(runner, runner.args.store)
            return results.done()
        table(runner, "grammar.t", runner.args.algctl, {"ALGCTL_DRY": "1"})
        table(runner, "kernel.t", runner.args.fake, {"ALGCTL_FAKE": runner.state("table")})
        for test in (bad_files, round_trip, modes_of_others, many, failures, completion, agreement, documented.run, lists, pages,
                     units):
            test(runner)
        store.run(runner)
    finally:
        shutil.rmtree(runner.tmp)
    return results.done()


if __name__ == "__main__":
    sys.exit(main())
