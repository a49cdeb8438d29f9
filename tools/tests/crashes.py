# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store: killed at every step of a change, and power cuts."""

import os
import re
import shutil
import signal
import sqlite3

import engines

MOST = 36	# steps of one change at which it is killed


def state(box):
    """What versions say, without the numbers of those they refer to."""
    rows = box.engine.sql(box.address, "SELECT o.kind, o.name, v.definition FROM objects o JOIN versions v ON v.kind = o.kind AND "
                          "v.name = o.name AND v.version = o.latest WHERE o.name IN ('acme', 'gold') ORDER BY 1, 2")
    return [tuple(re.sub(r"@\d+", "", value) for value in row) for row in rows]


def numbers(box):
    """Versions and log entries."""
    return [int(box.engine.sql(box.address, f"SELECT count(*) FROM {table}")[0][0]) for table in ("versions", "log")]


def steps_of(box, change):
    path = box.runner.state("steps")
    box.good(*change, ALGCTL_STEPS=path)
    with open(path, encoding="utf-8") as f:
        return int(f.read())


def chosen(n):
    """All, or the first, the last and some between."""
    if n <= MOST:
        return range(1, n + 1)
    third = MOST // 3
    return [*range(1, third), *range(third, n - third, max(1, (n - 2 * third) // third)), *range(n - third, n + 1)]


def steps(box, change, before):
    """Kills @change at its steps. Then there is all of it or nothing, and what comes next brings the kernel to it."""
    box.good(*before)
    first = state(box)
    total = steps_of(box, change)
    last = state(box)
    ends = set()
    for at in chosen(total):
        box.good(*before)
        counts = numbers(box)
        code, out, err = box.run(*change, ALGCTL_KILL_AT=str(at))
        now = state(box)
        ends.add(now == last)
        box.check(code == -signal.SIGKILL and now in (first, last), f"killed at step {at} of {total} of {change}: all or nothing",
                  f"{code} {out}{err}\n{now}")
        box.check([now == last] * 2 == [new > old for new, old in zip(numbers(box), counts)],
                  f"killed at step {at} of {total} of {change}: versions and log agree", (counts, numbers(box)))
        if at % 2:
            box.good("restore")
        else:
            box.good("tenant", "set", "other", "max-sessions", str(at))
        box.good("store", "status", has="the kernel has what the store has")
    box.check(False in ends, f"{change} was cut off", (total, ends))
    box.good("log", "verify", has="complete and unchanged")


def killed(box):
    box.good("policy", "add", "gold")
    box.good("tenant", "add", "other", "zone", "9")
    box.good("tenant", "add", "acme", "policy", "gold", "zone", "7")
    steps(box, ["tenant", "set", "acme", "max-sessions", "2"], ["tenant", "set", "acme", "max-sessions", "1"])
    small = "policies:\n  gold: {}\ntenants:\n  acme: {policy: gold, zone: 7}\n  other: {zone: 9}\n"
    one = box.runner.file("one.yaml", small)
    two = box.runner.file("two.yaml", small.replace("gold: {}", "gold: {ftp: off, sip: observe}").replace("zone: 7", "zone: 8"))
    steps(box, ["apply", two], ["apply", one])


def power(box):
    """What reached the disk of the write-ahead log is any part of it, and behind it may be anything."""
    keep = sqlite3.connect(box.address)
    keep.execute("SELECT count(*) FROM log").fetchone()	# while it is open nobody empties the log
    entries = [len(box.log())]
    for i in range(8):
        box.good("policy", "add", f"p{i}")
        entries.append(len(box.log()))
    wal = box.address + "-wal"
    size = os.path.getsize(wal)
    box.check(size > 0, "there is a write-ahead log")
    copy, seen = box.address + ".cut", set()
    for cut in [*range(0, size, max(1, size // 60)), size]:
        for garbage in (b"", b"\xa5" * 5000):
            for end in ("", "-wal", "-shm"):
                if os.path.exists(copy + end):
                    os.unlink(copy + end)
            shutil.copy(box.address, copy)
            with open(wal, "rb") as f, open(copy + "-wal", "wb") as out:
                out.write(f.read(cut) + garbage)
            code, out, err = box.run("-j", "log", "verify", ALGCTL_STORE=copy)
            found = re.search(r'"entries": (\d+)', out)
            if code and "no store yet" in out + err and not seen:
                continue	# cut off in front of the first commit
            n = int(found[1]) if found else -1
            seen.add(n)
            box.check(code == 0 and (n in entries), f"cut at byte {cut} of {size}, {len(garbage)} behind it", out + err)
            names = box.run("policy", "list", ALGCTL_STORE=copy)[1]
            box.check(n not in entries or names.count("\n") == 2 + entries.index(n),
                      f"cut at byte {cut}: objects and log agree", names)
    box.check(len(seen) > 5, "cuts between changes were among them", seen)
    keep.close()


power.engine = engines.Sqlite

TESTS = (killed, power)
