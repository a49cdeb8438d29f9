# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store: 10,000 tenants and 1,000 policies. The limits are those of the requirement, in processor time of algctl and
of the database's server together: what else the machine has to do counts for nothing. Time by the clock is shown, here and in
front of the real kernel (net/store_scale.sh)."""

import resource
import time

import engines

TENANTS, POLICIES = 10000, 1000
FULL, LINE = 10, 1


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
    timed(box, FULL, f"apply of {TENANTS} tenants and {POLICIES} policies", "apply", path, has="applied")
    box.check(box.in_kernel().count("zone:") == TENANTS, "all of them are in the kernel")
    path = box.runner.file("scale.yaml", configuration(7))
    timed(box, LINE, "apply of one changed line", "apply", path, has="0 added, 1 changed, 0 removed")
    timed(box, LINE, "apply without a change", "apply", path, has="0 added, 0 changed, 0 removed")
    timed(box, LINE, "a change of one tenant", "tenant", "set", "t17", "max-sessions", "9")
    box.check(box.show("tenant", "t4711")["max-sessions"] == 7 and box.show("tenant", "t17")["max-sessions"] == 9, "are there")
    box.in_step("after thousands")
    box.runner.timeout = before


def operators(box):
    """Somebody who is bound by rights, with some objects that have their own."""
    before = box.runner.timeout
    box.runner.timeout = 600
    box.good("role", "set", "operator", "members", "user:otto")
    box.good("role", "set", "administrator", "members", "user:ada")
    path = box.runner.file("scale.yaml", configuration())
    timed(box, FULL, "apply of all of it by an operator", "apply", path, user="otto", has="applied")
    for i in range(0, 100, 5):
        box.good("tenant", "permit", f"t{i}", "operator", "edit")
        box.good("policy", "permit", f"p{i}", "viewer", "none")
    path = box.runner.file("scale.yaml", configuration(7))
    timed(box, LINE, "apply of one changed line by an operator", "apply", path, user="otto", has="0 added, 1 changed, 0 removed")
    timed(box, LINE, "a change of one tenant by an operator", "tenant", "set", "t17", "max-sessions", "9", user="otto")
    timed(box, LINE, "a list by an operator", "tenant", "list", user="otto", has="t4711")
    text = configuration(7).replace("ftp: off", "ftp: on, sip: off")
    path = box.runner.file("scale.yaml", text)
    timed(box, FULL, "a third of it changed by an operator", "apply", path, user="otto", has="changed")
    box.in_step("after an operator's thousands")
    box.runner.timeout = before


def grown(box):
    """A server that knows how small the tables are does not read all of them for each row that comes."""
    box.good("role", "set", "operator", "members", "user:otto")
    box.engine.sql(box.address, "ANALYZE")
    lines = "".join(f"  t{i}: {{policy: p{i % 7}, zone: {i + 1}}}\n" for i in range(400))
    file = "policies:\n" + "".join(f"  p{i}: {{ftp: off, tags: [a]}}\n" for i in range(7)) + "tenants:\n" + lines
    box.good("apply", box.runner.file("scale.yaml", file), user="otto", has="applied")
    box.engine.worked()	# the sessions have ended
    rows = box.engine.sql(box.address, "SELECT sum(seq_tup_read) FROM pg_stat_user_tables")
    box.check(int(rows[0][0]) < 20 * 400, "rows that were read by reading all of a table", rows)


grown.engine = engines.Postgres
TESTS = (grown, scale, operators)
