# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines in README.md and the manual pages are ones that algctl takes."""

import os
import re
import shlex

# What algctl may have against them here: they name another machine's things.
ELSEWHERE = ("a fleet needs a store in PostgreSQL", "several protocols have a call")


def in_readme(text):
    found = re.findall(r"`(algctl [^`]+)`", text)
    return found + re.findall(r"^ +(?:router# |\$ )?(algctl [^|\n]+)$", text, re.M)


def in_page(text):
    text = re.sub(r"\\e\n", " ", text)
    found = re.findall(r"^(?:\.Dl )?(algctl .+)$", text, re.M)
    return [re.sub(r"\\-", "-", line) for line in found]


def lines(source):
    """(where, command line) each"""
    pages = os.path.join(source, "man")
    files = [(os.path.join(source, "../README.md"), in_readme)]
    files += [(os.path.join(pages, page), in_page) for page in sorted(os.listdir(pages)) if page.endswith(".8")]
    for path, find in files:
        with open(path, encoding="utf-8") as f:
            for line in find(f.read()):
                for part in re.split(r" && ", line):
                    yield os.path.basename(path), re.split(r" [>|] ?", part)[0]


def run(runner):
    r = runner.results
    file = runner.file("documented.yaml", "policies: {}\n")
    env = {"ALGCTL_STORE": runner.state("documented.db"), "ALGCTL_FAKE": runner.state("documented")}
    runner.run(["store", "init"], **env)
    stands_for = {"FILE": file, "now.yaml": file, "N": "1"}
    seen = 0
    for where, line in lines(runner.args.source):
        words = [stands_for.get(word, word) for word in shlex.split(line)[1:]]
        for option in "-n", "--store":
            if option in words:
                at = words.index(option)
                del words[at:at + 2]
        words = [word for word in words if word != "--follow"] if words != ["monitor"] else ["help", "monitor"]	# endless
        status, out, err = runner.run(words, **env)
        named_only = len(words) == 2 and " is missing" in err
        good = status != 1 or named_only or any(text in out + err for text in ELSEWHERE)
        r.check(good, f"{where}: algctl takes '{line}'", out + err)
        seen += 1
    r.check(seen > 60, f"{seen} command lines are documented")
