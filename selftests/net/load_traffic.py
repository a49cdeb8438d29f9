#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
load_traffic.py CLIENT=NS,SERVER=NS,... CLIENT SERVER ADDRESS: transfers without end, whether they succeed or not, until
SIGTERM or until the namespaces are gone; then one line "GOOD BAD". Background for tests that load, unload, delete.
"""
import signal
import sys

from lab import Lab, Wrong

SHORT = "0.25"


def main():
    stop = []
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: stop.append(1))
    lab = Lab()
    lab.cmd_ns(*sys.argv[1].split(","))
    client, server, addr = sys.argv[2:5]
    good = bad = count = 0
    while not stop:
        name = "s%d" % (count % 3)
        count += 1
        try:
            if name in lab.sessions and count % 10 < 3:
                lab.cmd_close(name)
            if name not in lab.sessions:
                lab.cmd_open(name, client, server, addr, patience="1")
            lab.cmd_announce(name, "PORT", patience="1")	# one that nobody uses
            lab.cmd_get(name, ("PORT", "EPSV", "EPRT", "PASV")[count % 4], size="3000", patience=SHORT)
            good += 1
        except (Wrong, OSError, KeyError, ValueError, IndexError):
            bad += 1
            session = lab.sessions.pop(name, None)
            if session:
                session.close()
        try:
            lab.cmd_tftp(client, server, addr, patience="0.1")
        except (Wrong, OSError):
            pass
        if bad > 5000:
            break
    print(good, bad, flush=True)


if __name__ == "__main__":
    main()
