# SPDX-License-Identifier: GPL-2.0-only
"""One process in many network namespaces: sockets, algctl and test points for the Python parts of net tests.

A socket stays in the namespace in which it was made, and setns() moves one thread only: so clients, servers and
bystanders of all namespaces fit into one process, which is what makes these tests quick and free of sleeps. ftp_lib.sh's
python() tells us the names.
"""
import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import traceback

NAMESPACES = dict(pair.split("=") for pair in os.environ.get("NF_ALG_NS", "").split())
TMP = os.environ.get("NF_ALG_TMP", "/tmp")
OURS = os.environ.get("NF_ALG_BY", "ours") == "ours"
ALGCTL = os.environ.get("ALGCTL", "algctl")
FORGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forget")
SLOW = os.environ.get("NF_ALG_KERNEL", "").startswith("stock")	# software emulation
PATIENCE = 40	# seconds for what must happen
NEVER = 3 if SLOW else 1.2	# seconds for what must not happen

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
here = threading.local()


def enter(ns):
    """Moves the calling thread, and processes that it starts, into a namespace."""
    if getattr(here, "ns", None) == ns:
        return
    with open("/run/netns/" + NAMESPACES.get(ns, ns), "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + ns)
    here.ns = ns


def is_ipv6(host):
    return ":" in host


def new_socket(ns, host="", kind=socket.SOCK_STREAM, protocol=0):
    enter(ns)
    return socket.socket(socket.AF_INET6 if is_ipv6(host) else socket.AF_INET, kind, protocol)


def connect(ns, host, port, source=None, timeout=None):
    sock = new_socket(ns, host)
    sock.settimeout(timeout or PATIENCE)
    try:
        if source:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(source)
        sock.connect((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def listen(ns, host, port=0):
    sock = new_socket(ns, host)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(16)
    return sock


def accept(listener, timeout=None):
    listener.settimeout(timeout or PATIENCE)
    sock, peer = listener.accept()
    sock.settimeout(PATIENCE)
    return sock, (peer[0], peer[1])


def reachable(ns, host, port, timeout=None):
    """Does a connection come about? With Markers at once, or never."""
    if markers and not timeout:
        return markers.reachable(ns, host, port)
    try:
        connect(ns, host, port, timeout=timeout or NEVER).close()
        return True
    except OSError:
        return False


class Inbox:
    """A host's socket that datagrams come to."""

    def __init__(self, ns, host, port, kind=socket.SOCK_DGRAM, protocol=0):
        self.ns, self.host, self.port = ns, host, port
        self.sock = new_socket(ns, host, kind, protocol)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host, port))

    def datagram(self, timeout=None):
        """(data, (address, port)) or None when nothing comes."""
        self.sock.settimeout(PATIENCE if timeout is None else timeout)
        try:
            data, sender = self.sock.recvfrom(65536)
        except OSError:
            return None
        return data, sender[:2]

    def drain(self, pause=0):
        """What has come, or comes before a pause that long, is forgotten."""
        while select.select([self.sock], [], [], pause)[0]:
            self.datagram()

    def close(self):
        self.sock.close()


class RawInbox(Inbox):
    """Packets of one IP protocol."""

    def __init__(self, ns, host, protocol):
        super().__init__(ns, host, 0, socket.SOCK_RAW, protocol)

    def packet(self, timeout=None):
        """(sender, what is behind the IP header) or None."""
        got = self.datagram(timeout)
        if not got:
            return None
        data, sender = got
        return sender[0], data if is_ipv6(self.host) else data[(data[0] & 15) * 4:]


def eventually(condition, timeout=None):
    """Looks ever less often: every look may be a process, and other guests want the processor, too."""
    start = time.monotonic()
    while not condition():
        waited = time.monotonic() - start
        if waited > (timeout or PATIENCE):
            return False
        time.sleep(min(max(waited / 8, 0.05), 0.5))
    return True


class Markers:
    """Instead of waiting for what must not arrive: a datagram that may is sent behind it. The process stays on one processor, so
    what is sent first arrives first. The firewall lets udp dport 9000-9099 out (MARKERS in ftp_lib.sh). For one thread."""

    def __init__(self, addresses, outside, inside):
        """@addresses: {ns: IPv4 address}; @outside, @inside: every namespace of one can be reached from each of the other"""
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        self.flows = {}
        self.marks = 0
        for i in inside:
            for o in outside:
                a, b = new_socket(i, "", socket.SOCK_DGRAM), new_socket(o, "", socket.SOCK_DGRAM)
                b.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                b.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                self.flows[o, i] = a, b
                a.bind((addresses[i], 0))
                b.bind((addresses[o], 9000 + len(self.flows)))
                a.settimeout(PATIENCE)
                b.settimeout(PATIENCE)
                a.sendto(b"first", b.getsockname())
                _, public = b.recvfrom(100)
                b.connect(public)
                a.connect(b.getsockname())

    def settle(self):
        """Everything that was sent has arrived, if it was to."""
        self.marks += 1
        mark = b"mark%d" % self.marks
        for sockets in self.flows.values():
            for src, dst in (sockets, sockets[::-1]):
                src.send(mark)
                while dst.recv(100) != mark:
                    pass

    def reachable(self, ns, host, port):
        with new_socket(ns, host) as sock:
            sock.setblocking(False)
            sock.connect_ex((host, port))
            self.settle()
            return bool(select.select([], [sock], [], 0)[1]) and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


markers = None	# a test's own


# ---- algctl ----

def run(ns, *command):
    enter(ns)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stderr.strip() or done.returncode))
    return done.stdout


def algctl(ns, *words):
    return run(ns, ALGCTL, *words)


def forget(ns, *which):
    """Connections are deleted."""
    return run(ns, FORGET, *which)


def told(ns, act, wanted):
    """Who listens there is told of what act() does, which is done again until wanted(lines) holds."""
    enter(ns)
    with open(TMP + "/events", "w", encoding="ascii") as out:
        monitor = subprocess.Popen([ALGCTL, "-j", "monitor"], stdin=subprocess.DEVNULL, stdout=out)

    def reported():
        act()
        with open(TMP + "/events", encoding="ascii") as file:
            return wanted(file.read().splitlines())

    try:
        must(eventually(reported), "events are missing")
    finally:
        monitor.terminate()
        monitor.wait()


def pinholes(ns="r"):
    """Those that are open; an active one stands for a connection."""
    return [one for one in json.loads(algctl(ns, "-j", "pinhole", "show"))["pinholes"] if one["state"] == "pending"]


def counters(ns="r", protocol="ftp"):
    for one in json.loads(algctl(ns, "-j", "stats", "show", "protocol", protocol))["stats"]:
        if one["tenant"] == "default":
            return one["counters"]
    return {}


class Counted:
    """What the counters of a namespace grew by since this was asked last."""

    def __init__(self, ns="r", protocol="ftp"):
        self.where = (ns, protocol)
        self.before = counters(*self.where)

    def grown(self, *names):
        before, self.before = self.before, counters(*self.where)
        grown = tuple(self.before.get(name, 0) - before.get(name, 0) for name in names)
        return grown[0] if len(grown) == 1 else grown


# ---- points ----

lock = threading.Lock()


def say(line):
    with lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def report(title, problem=None):
    """@problem: None or empty: passed."""
    lines = ["%s %s" % ("not ok" if problem else "ok", title)]
    if problem:
        lines += ["# " + line for line in str(problem).splitlines()[-12:]]
    say("\n".join(lines))


def where():
    """The failing exception, briefly."""
    kind, value, trace = sys.exc_info()
    steps = ["%s:%d" % (f.name, f.lineno) for f in traceback.extract_tb(trace)]
    return "%s: %s\nin %s" % (kind.__name__, value, " > ".join(steps))


def must(condition, what):
    if not condition:
        raise AssertionError(what)


def must_equal(got, wanted, what):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (what, got, wanted))


def check(title, function, *arguments, **named):
    """One point: the function must not raise anything."""
    try:
        function(*arguments, **named)
    except Exception:
        report(title, where())
        return False
    report(title)
    return True


class Points:
    """Points that run side by side and are reported in the order in which they were added."""

    def __init__(self, workers):
        self.workers = workers
        self.jobs = []

    def add(self, title, function, *arguments, **named):
        self.jobs.append((title, function, arguments, named))

    def run(self):
        jobs, self.jobs = self.jobs, []
        results = [None] * len(jobs)
        ready = [threading.Event() for _ in jobs]
        numbers = iter(range(len(jobs)))

        def work():
            for number in numbers_locked():
                _, function, arguments, named = jobs[number]
                try:
                    function(*arguments, **named)
                except Exception:
                    results[number] = where()
                ready[number].set()

        def numbers_locked():
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                yield number

        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.workers, len(jobs)))]
        for thread in threads:
            thread.start()
        for number, job in enumerate(jobs):
            ready[number].wait()
            report(job[0], results[number])


def finish():
    say("end")
    sys.stdout.flush()
    os._exit(0)	# not to wait for threads that serve
