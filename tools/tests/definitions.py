# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the store: what versions say is JSON, however it was written, and nothing else; what is written many at a time."""

import engines

GOOD = (
    '{"max-sessions":7,"policy":"default@1","zone":[70]}',
    ' {\n "zone" : [ 71, "72" ] ,\t"max-sessions" : "\\u0037", "p\\u006flicy" : "d\\u0065fault@1" } ',
    '{"policy":"default@1","interface":["lan\\u002d\\u00311"],"max-sessions":7}',
    '{"policy":"default@1","mark":[],"max-sessions":7,"pinhole-rate":1}',
)

BAD = (
    "", " ", "5", "[]", '"a"', "{", "}", "{}}", '{"zone":1', '{"zone":[1}', '{"zone":[1', '{"zone":1,}', '{"zone" 1}', "{zone:1}",
    '{"zone":}', '{"zone":[1,]}', '{"zone":[,1]}', '{,"zone":1}', '{"zone":1}{"zone":2}', '{"zone":1} x', '{"zone":tru}',
    '{"zone":nul', '{"policy":"', '{"policy":"a', '{"policy":"a\\', '{"policy":"\\x"}', '{"policy":"\\u00"}',
    '{"policy":"\\u0000"}', '{"policy":"\\ud800"}', '{"policy":"\\udc00"}', '{"policy":"\\ud800\\u0041"}', '{"policy":"a\nb"}',
    '{"zone":' + "[" * 20 + "1" + "]" * 20 + "}",
)

DESCRIPTIONS = ('"', "\\", "{a,b}", "NULL", '"{\\"a\\"}"', "'; DROP TABLE log", "ä, €, 𝄞", "?1 $1 %s", "\\u0041\\n")


def put(box, name, text):
    text = text.replace("'", "''")
    box.engine.sql(box.address, f"INSERT INTO objects VALUES ('tenant', '{name}', 1, '', 1, 0, 0, 'x', 0, 'x')")
    box.engine.sql(box.address, f"INSERT INTO versions VALUES ('tenant', '{name}', 1, '{text}', 0, 'x')")


def definitions(box):
    for n, text in enumerate(GOOD):
        put(box, f"good{n}", text)
        box.same(box.show("tenant", f"good{n}")["max-sessions"], 7, f"{text!r} is read")
    box.same((box.show("tenant", "good1")["zone"], box.show("tenant", "good2")["interface"]), ([71, 72], ["lan-11"]), "as it says")
    if box.engine.name == "PostgreSQL":
        return
    for n, text in enumerate(BAD):
        put(box, f"bad{n}", text)
        box.bad("tenant", "show", f"bad{n}", says=f"version 1 of 'bad{n}' can't be read")


def many(box):
    """Texts that mean something to a database."""
    first, second = ("policies:\n" + "".join(f"  p{n}: {{description: {quoted(text)}, tags: [{tag}, b{n}]}}\n" for n, text in
                                             enumerate(DESCRIPTIONS)) + "tenants:\n" +
                     "".join(f"  t{n}: {{policy: p{n}, zone: {n}}}\n" for n in range(len(DESCRIPTIONS))) for tag in ("one", "two"))
    box.good("apply", "-", stdin=first, has="applied")
    for n, text in enumerate(DESCRIPTIONS):
        box.same(box.show("policy", f"p{n}")["description"], text, "a description")
    box.good("apply", "-", stdin=first, has="0 added, 0 changed, 0 removed")
    box.good("apply", "-", stdin=second, has=f"0 added, {len(DESCRIPTIONS)} changed, 0 removed")
    box.same([box.show("policy", f"p{n}")["tags"] for n in (0, 1)], [["b0", "two"], ["b1", "two"]], "tags")
    box.good("apply", "-", stdin=second.replace("zone: ", "zone: 1"), has=f"0 added, {len(DESCRIPTIONS)} changed, 0 removed")
    box.same(box.show("tenant", "t3")["zone"], [13], "zones")
    box.good("log", "verify")
    box.in_step("after many at once")


def refused(box):
    """By the database, in the middle of many; and by algctl, when the database would have refused something in front of it."""
    box.engine.sql(box.address, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = 'p7' THEN "
                   "RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; "
                   "CREATE TRIGGER refuse BEFORE INSERT ON objects FOR EACH ROW EXECUTE FUNCTION refuse()")
    text = "policies:\n" + "".join(f"  p{n}: {{ftp: off}}\n" for n in range(300))
    box.bad("apply", "-", stdin=text, says="not this one")
    box.bad("apply", "-", stdin=text + "tenants: {t: {zone: 1, template: none-such}}\n", says="no such template")
    box.check(box.log()[-1]["result"].startswith("refused: tenant 't': no such template"), "is logged", box.log()[-1])
    box.good("apply", "-", stdin=text.replace("p7:", "p8000:"), has="applied")


refused.engine = engines.Postgres


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


TESTS = (definitions, many, refused)
