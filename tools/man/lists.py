#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Brings the lists of policy/options.def and policy/reasons.def into the manual pages; with --check only compares."""

import collections
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
POLICY = os.path.join(HERE, "..", "..", "policy")
PROTOCOLS = ("ftp", "sip", "tftp", "pptp", "ike")

Option = collections.namedtuple("Option", "name protocols kind min max standard values sentence")


def entries(name, macro):
    with open(os.path.join(POLICY, name), encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    return re.findall(rf"^{macro}\(\w+,\s*(.*?)\)$", text, re.M | re.S)


def options():
    found = []
    for entry in entries("options.def", "NF_ALG_OPTION"):
        name, values, sentence = re.findall(r'"((?:[^"\\]|\\.)*)"', entry)
        rest = re.sub(r'"(?:[^"\\]|\\.)*"', "", entry)
        kind, *numbers = re.search(r"(FLAG|CHOICE|NUMBER),\s*(\d+),\s*(\d+),\s*(\d+)", rest).groups()
        protocols = [p for p in PROTOCOLS if re.search(rf"\bNF_ALG_P_(?:{p.upper()}|ALL)\b", rest)]
        found.append(Option(name, protocols, kind, *map(int, numbers), values, sentence))
    return found


def reasons():
    return [re.findall(r'"((?:[^"\\]|\\.)*)"', entry) for entry in entries("reasons.def", "NF_ALG_REASON")]


def sentences(text):
    """mdoc wants each on its own line."""
    return re.sub(r"(?<=[.:]) (?=[A-Z])", "\n", text)


def option_list():
    for o in options():
        where = "every protocol" if len(o.protocols) == len(PROTOCOLS) else " and ".join(o.protocols)
        if o.kind == "NUMBER":
            yield f".It Cm {o.name} Ar number\n({where}; {o.min} to {o.max} {o.values}, default {o.standard})\n"
        else:
            words = o.values.split(",")
            yield f".It Cm {o.name} {' | '.join(words)}\n({where}; default {words[o.standard]})\n"
        yield sentences(o.sentence) + "\n"


def reason_list():
    for name, sentence in reasons():
        yield f".It Cm {name}\n{sentences(sentence)}\n"


def update(page, source, lines, check):
    path = os.path.join(HERE, page)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    begin, end = f'.\\" from policy/{source}, by "make man"\n', f'.\\" end of policy/{source}\n'
    head, tail = text.index(begin) + len(begin), text.index(end)
    new = text[:head] + "".join(lines) + text[tail:]
    if new == text:
        return True
    if check:
        print(f"{page} differs from policy/{source}")
        return False
    with open(path, "w", encoding="utf-8") as f:
        f.write(new)
    return True


def main():
    check = sys.argv[1:] == ["--check"]
    good = update("algctl-policy.8", "options.def", option_list(), check)
    good &= update("algctl-stats.8", "reasons.def", reason_list(), check)
    return not good


if __name__ == "__main__":
    sys.exit(main())
