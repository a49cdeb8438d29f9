#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What travels through IPsec tunnels, and what the tunnels' ends see on the wire: one process for all namespaces.

ipsec_lib.sh starts it once per test and sends it commands, one a line, words separated by tabs; the answer is one line: 0 or 1, a
tab, KEY=VALUE words or what went wrong. The commands are the methods cmd_*.

Of every namespace that "watch" names it keeps which ESP SPIs arrive and leave on eth0, the UDP endpoints of IKE, and, from the
kernel's own messages, the SPIs of the SAs that this end has ever had for what it receives. So "spis" can tell whether anybody
ever got a packet of somebody else.
"""
import collections
import ctypes
import os
import select
import socket
import struct
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_NO_CHECK = 11
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
NETLINK_XFRM = 6
XFRMNLGRP_SA = 3
XFRM_MSG_NEWSA, XFRM_MSG_UPDSA = 0x10, 0x1a
PACKET_OUTGOING = 4
IPPROTO_ESP = 50
LIBC = ctypes.CDLL(None, use_errno=True)
SLOW = os.environ.get("NF_ALG_KERNEL", "").startswith("stock")	# software emulation
PATIENCE = 40.0 if SLOW else 20.0	# seconds in which what must happen happens
NEVER = 3.0 if SLOW else 1.5	# seconds for what must not happen
ECHO = 7	# the port of both services


class Wrong(Exception):
    """What was expected did not happen; the text goes to the test's log."""


class Namespaces:
    """Sockets in any namespace: a socket stays in the one that its maker was in."""

    def __init__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.names = {}
        self.lock = threading.Lock()

    def socket(self, name, *args):
        fd = os.open("/run/netns/" + self.names.get(name, name), os.O_RDONLY)
        try:
            with self.lock:
                if LIBC.setns(fd, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                try:
                    return socket.socket(*args)
                finally:
                    LIBC.setns(self.home, CLONE_NEWNET)
        finally:
            os.close(fd)


def packet_filter():
    """ESP and UDP over IPv4 and IPv6, 128 bytes of them."""
    code = [(0x28, 0, 0, 12), (0x15, 0, 3, 0x0800), (0x30, 0, 0, 23), (0x15, 5, 0, 50), (0x15, 4, 5, 17), (0x15, 0, 4, 0x86dd),
            (0x30, 0, 0, 20), (0x15, 1, 0, 50), (0x15, 0, 1, 17), (0x06, 0, 0, 128), (0x06, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *one) for one in code)


class Watch:
    """One namespace's wire."""

    def __init__(self, spaces, name):
        self.name = name
        self.own = set()	# SPIs of SAs made for what it receives
        self.wire = spaces.socket(name, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        code = packet_filter()
        buffer = ctypes.create_string_buffer(code)
        self.wire.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(code) // 8, ctypes.addressof(buffer)))
        self.wire.bind(("eth0", ETH_P_ALL))
        self.xfrm = spaces.socket(name, socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self.xfrm.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
        self.xfrm.bind((0, 1 << (XFRMNLGRP_SA - 1)))
        for sock in (self.wire, self.xfrm):
            sock.setblocking(False)
        self.forget()

    def forget(self):
        self.esp = {"in": collections.Counter(), "out": collections.Counter()}	# (source, destination, SPI)
        self.udp = {"in": collections.Counter(), "out": collections.Counter()}	# (source, port, destination, port)

    def read_wire(self):
        while True:
            try:
                frame, where = self.wire.recvfrom(256)
            except BlockingIOError:
                return
            if frame[12:14] == b"\x08\x00":
                if frame[20] & 0x1f or frame[21]:	# not the first fragment
                    continue
                proto, rest = frame[23], 14 + (frame[14] & 15) * 4
                ends = socket.inet_ntop(socket.AF_INET, frame[26:30]), socket.inet_ntop(socket.AF_INET, frame[30:34])
            else:
                proto, rest = frame[20], 54
                ends = socket.inet_ntop(socket.AF_INET6, frame[22:38]), socket.inet_ntop(socket.AF_INET6, frame[38:54])
            direction = "out" if where[2] == PACKET_OUTGOING else "in"
            if len(frame) < rest + 8:
                continue
            if proto == IPPROTO_ESP:
                self.esp[direction][ends + struct.unpack_from("!I", frame, rest)] += 1
            else:
                sport, dport = struct.unpack_from("!HH", frame, rest)
                if {sport, dport} & {500, 4500}:
                    self.udp[direction][ends[0], sport, ends[1], dport] += 1

    def read_xfrm(self):
        while True:
            try:
                data = self.xfrm.recv(65536)
            except BlockingIOError:
                return
            while len(data) >= 96:
                size, kind = struct.unpack_from("IH", data)
                if kind in (XFRM_MSG_NEWSA, XFRM_MSG_UPDSA):
                    self.own.add(struct.unpack_from("!I", data, 16 + 72)[0])
                data = data[(size + 3) & ~3:]


class Watcher(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.poll = select.epoll()
        self.lock = threading.Lock()
        self.by_fd = {}
        self.watches = {}

    def add(self, watch):
        with self.lock:
            self.watches[watch.name] = watch
            self.by_fd[watch.wire.fileno()] = watch.read_wire
            self.by_fd[watch.xfrm.fileno()] = watch.read_xfrm
        self.poll.register(watch.wire, select.EPOLLIN)
        self.poll.register(watch.xfrm, select.EPOLLIN)

    def run(self):
        while True:
            for fd, _ in self.poll.poll():
                with self.lock:
                    self.by_fd[fd]()

    def settled(self, name):
        """The namespace's records, complete up to now. Under the lock."""
        watch = self.watches[name]
        watch.read_wire()
        watch.read_xfrm()
        return watch


class Server:
    """Echoes UDP and TCP at an address inside the tunnels."""

    def __init__(self, spaces, ns, addr):
        self.udp = spaces.socket(ns, socket.AF_INET, socket.SOCK_DGRAM)
        # In transport mode the checksum would have the addresses of the other side of a translation.
        self.udp.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        self.udp.bind((addr, ECHO))
        self.tcp = spaces.socket(ns, socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((addr, ECHO))
        self.tcp.listen(64)
        for work in (self.echo, self.accept):
            threading.Thread(target=work, daemon=True).start()

    def echo(self):
        while True:
            try:
                data, who = self.udp.recvfrom(65536)
                self.udp.sendto(who[0].encode() + b" " + data, who)
            except OSError:
                pass

    def accept(self):
        while True:
            sock, _ = self.tcp.accept()
            threading.Thread(target=self.stream, args=(sock,), daemon=True).start()

    def stream(self, sock):
        try:
            while True:
                data = sock.recv(65536)
                if not data:
                    break
                sock.sendall(data)
        except OSError:
            pass
        sock.close()


class Client:
    def __init__(self, spaces, ns, addr, server, public=None, port=0):
        self.spaces, self.ns, self.addr, self.server = spaces, ns, addr, server
        self.known, self.port = (public or addr).encode(), int(port)

    def socket(self, kind):
        sock = self.spaces.socket(self.ns, socket.AF_INET, kind)
        if self.port:
            sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        sock.bind((self.addr, self.port))
        return sock

    def answers(self, sock, text, patience):
        """Is that datagram echoed, by somebody who knows us by that address?"""
        want = self.known + b" " + text
        end = time.monotonic() + patience
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([sock], [], [], left)[0]:
                return False
            try:
                if sock.recv(65536) == want:
                    return True
            except OSError:
                pass

    def answered(self, sock, word, patience):
        """The number of the datagram that was answered first of those that have not been heard of, however late, or 0."""
        want = self.known + b" " + word + b" "
        if select.select([sock], [], [], patience)[0]:
            try:
                data = sock.recv(65536)
                if data.startswith(want):
                    return int(data[len(want):])
            except OSError:
                pass
        return 0

    def comes_up(self, patience):
        """Sends until three answers have come."""
        end = time.monotonic() + patience
        number = 0
        good = set()
        with self.socket(socket.SOCK_DGRAM) as sock:
            while time.monotonic() < end:
                number += 1
                try:
                    sock.sendto(b"first %d" % number, (self.server, ECHO))
                except OSError:	# no SA yet
                    time.sleep(0.1)
                    continue
                good.add(self.answered(sock, b"first", 0.3))
                if len(good - {0}) == 3:
                    return number
        raise Wrong("%s: nothing comes through (%d sent)" % (self.ns, number))

    def echo(self, count, size):
        with self.socket(socket.SOCK_DGRAM) as sock:
            for number in range(count):
                text = (b"echo %d " % number).ljust(size, b".")
                sock.sendto(text, (self.server, ECHO))
                if not self.answers(sock, text, PATIENCE / 4):
                    raise Wrong("%s: packet %d of %d is lost" % (self.ns, number, count))

    def tcp(self, size):
        block = (self.addr.encode() + b" ").ljust(1000, b"%")
        data = (block * (size // 1000 + 1))[:size]
        got, sent = bytearray(), 0
        with self.socket(socket.SOCK_STREAM) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.connect((self.server, ECHO))
            except OSError as e:
                raise Wrong("%s: TCP: %s" % (self.ns, e))
            sock.setblocking(False)
            end = time.monotonic() + PATIENCE
            while len(got) < size:
                reads, writes, _ = select.select([sock], [sock] if sent < size else [], [], end - time.monotonic())
                if not reads and not writes:
                    raise Wrong("%s: TCP hangs after %d bytes out, %d in" % (self.ns, sent, len(got)))
                if writes:
                    sent += sock.send(data[sent:sent + 65536])
                if reads:
                    more = sock.recv(65536)
                    if not more:
                        break
                    got += more
                    end = time.monotonic() + PATIENCE
        if got != data:
            raise Wrong("%s: TCP: %d bytes came back, not those that were sent" % (self.ns, len(got)))

    def server_first(self, server_ns):
        """The server speaks; nobody here has said anything yet."""
        with self.socket(socket.SOCK_DGRAM) as sock, \
                self.spaces.socket(server_ns, socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((self.server, 0))
            end = time.monotonic() + NEVER
            number = 0
            while time.monotonic() < end:
                number += 1
                try:
                    other.sendto(b"server %d" % number, sock.getsockname())
                except OSError:
                    pass
                if select.select([sock], [], [], 0.3)[0]:
                    return number
        raise Wrong("%s: what the server says first does not come through" % self.ns)


class Flow(threading.Thread):
    """Datagrams back and forth, until it is stopped."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.sock = client.socket(socket.SOCK_DGRAM)
        self.sent = self.got = self.gap = 0
        self.ends = False

    def run(self):
        last = time.monotonic()
        while not self.ends:
            try:
                self.sock.sendto(b"flow %d" % (self.sent + 1), (self.client.server, ECHO))
                self.sent += 1
            except OSError:
                pass
            if self.client.answered(self.sock, b"flow", 0.5):
                self.got += 1
                last = time.monotonic()
                time.sleep(0.05)
            self.gap = max(self.gap, time.monotonic() - last)
        self.sock.close()


class Bed:
    def __init__(self):
        self.spaces = Namespaces()
        self.watcher = Watcher()
        self.watcher.start()
        self.clients = {}
        self.servers = []
        self.flows = {}

    def cmd_ns(self, *pairs):
        """SHORT=NAME...: what namespaces are called"""
        self.spaces.names.update(p.split("=", 1) for p in pairs)

    def cmd_watch(self, *names):
        for name in names:
            self.watcher.add(Watch(self.spaces, name))

    def cmd_server(self, ns, *addrs):
        for addr in addrs:
            self.servers.append(Server(self.spaces, ns, addr))

    def cmd_client(self, ns, addr, server, *more):
        """NS ADDRESS SERVER [PUBLIC-ADDRESS PORT]: addresses inside the tunnel; the others for transport mode"""
        self.clients[ns] = Client(self.spaces, ns, addr, server, *more)

    def every(self, names, work):
        """work(client) for all at once; what it returned, by name. What went wrong with any is raised."""
        result, wrong = {}, []

        def one(name):
            try:
                result[name] = work(self.clients[name])
            except (Wrong, OSError) as e:
                wrong.append(str(e) if isinstance(e, Wrong) else "%s: %s" % (name, e))
        threads = [threading.Thread(target=one, args=(name,), daemon=True) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise Wrong("; ".join(sorted(wrong)))
        return result

    def cmd_up(self, *names):
        """NS...: an answer comes through each one's tunnel; how many datagrams that took"""
        return self.every(names, lambda client: client.comes_up(PATIENCE))

    def cmd_closed(self, *names):
        """NS...: no answer comes through anybody's"""
        passed = []
        for name in names:
            try:
                self.clients[name].comes_up(NEVER)
                passed.append(name)
            except (Wrong, OSError):
                pass
        if passed:
            raise Wrong("got an answer: " + " ".join(passed))

    def cmd_echo(self, count, size, *names):
        """COUNT SIZE NS...: datagrams, one after another; none may be lost"""
        self.every(names, lambda client: client.echo(int(count), int(size)))

    def cmd_tcp(self, size, *names):
        """SIZE NS...: that many bytes there and back, all clients at once"""
        self.every(names, lambda client: client.tcp(int(size)))

    def cmd_first(self, server_ns, *names):
        return self.every(names, lambda client: client.server_first(server_ns))

    def cmd_flow(self, *names):
        for name in names:
            self.flows[name] = Flow(self.clients[name])
            self.flows[name].start()

    def cmd_flow_end(self, *names):
        """Answers lost=N of all, gap=MS the longest"""
        flows = [self.flows.pop(name) for name in names or list(self.flows)]
        for flow in flows:
            flow.ends = True
        for flow in flows:
            flow.join()
        return {"sent": sum(f.sent for f in flows), "lost": sum(f.sent - f.got for f in flows), "least": min(f.got for f in flows),
                "gap": int(1000 * max(f.gap for f in flows))}

    def cmd_stray(self, ns, source, target, spi, seq):
        """An ESP packet that belongs to nothing"""
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with self.spaces.socket(ns, family, socket.SOCK_RAW, IPPROTO_ESP) as sock:
            sock.bind((source, 0))
            sock.sendto(struct.pack("!II", int(spi, 16), int(seq)) + bytes(64), (target, 0))

    def cmd_spis(self, *names):
        """NS...: whoever received ESP received its own; SPIs and packets of each"""
        wrong, answer = [], {}
        with self.watcher.lock:
            everybody = {name: self.watcher.settled(name) for name in self.watcher.watches}
            for name in names:
                if name not in everybody:
                    continue
                watch = everybody[name]
                got = collections.Counter()
                for (_, _, spi), count in watch.esp["in"].items():
                    got[spi] += count
                for spi in got:
                    if spi not in watch.own:
                        owners = [other for other in everybody if spi in everybody[other].own]
                        wrong.append("%s got %d packets of SPI %08x, which is %s's" %
                                     (name, got[spi], spi, owners or "nobody"))
                answer[name] = len(got)
                answer[name + "-packets"] = sum(got.values())
        if wrong:
            raise Wrong("; ".join(wrong))
        return answer

    def cmd_esp(self, ns, direction):
        """n=packets spis=COUNT from=ADDRESS,... to=ADDRESS,..."""
        with self.watcher.lock:
            seen = self.watcher.settled(ns).esp[direction]
            return {"n": sum(seen.values()), "spis": len({key[2] for key in seen}),
                    "from": ",".join(sorted({key[0] for key in seen})), "to": ",".join(sorted({key[1] for key in seen}))}

    def cmd_ike(self, ns, direction, port):
        """To that port: n=packets ports=SOURCE-PORT,... from=ADDRESS,..."""
        with self.watcher.lock:
            seen = {k: n for k, n in self.watcher.settled(ns).udp[direction].items() if k[3] == int(port)}
        return {"n": sum(seen.values()), "ports": ",".join(sorted({str(key[1]) for key in seen})),
                "from": ",".join(sorted({key[0] for key in seen}))}

    def cmd_forget(self, *names):
        """What was on the wires so far does not count"""
        with self.watcher.lock:
            for name in names or self.watcher.watches:
                self.watcher.settled(name).forget()


def main():
    bed = Bed()
    for line in sys.stdin:
        name, *words = line.rstrip("\n").split("\t")
        try:
            answer = getattr(bed, "cmd_" + name)(*words) or {}
            print("0\t" + "\t".join("%s=%s" % one for one in answer.items()), flush=True)
        except (Wrong, OSError) as e:
            print("1\t%s" % e, flush=True)


main()
