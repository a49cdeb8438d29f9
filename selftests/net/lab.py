#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Both ends of FTP and TFTP in one process, in as many network namespaces as there are, one step at a time.

lab.sh starts it once per test and sends it commands, one a line, words separated by tabs: NAME WORD... KEY=VALUE...
The answer is one line: 0 or 1, a tab, KEY=VALUE words or what went wrong. So a test costs one start of Python, can stop
between any two messages, and knows exactly what either side sent and saw. The commands are the methods cmd_*.
"""
import ctypes
import errno
import os
import select
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
PATIENCE = 15.0		# seconds in which what must happen happens
LIBC = ctypes.CDLL(None, use_errno=True)


class Wrong(Exception):
    """What was expected did not happen; the text goes to the test's log."""


class Namespaces:
    """Sockets in any namespace: a socket stays in the one that its maker was in."""

    def __init__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.names = {}

    def _enter(self, fd):
        if LIBC.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def socket(self, name, *args):
        fd = os.open("/run/netns/" + self.names.get(name, name), os.O_RDONLY)
        try:
            self._enter(fd)
            return socket.socket(*args)
        finally:
            self._enter(self.home)
            os.close(fd)


def family_of(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def show(addr):
    """An address of getsockname() and the like as text."""
    return ("[%s]:%d" if ":" in addr[0] else "%s:%d") % addr[:2]


def content(size, seed):
    """Bytes that tell transfers apart."""
    block = b"".join(struct.pack("!II", seed, i) for i in range(0, min(size, 8192), 8))
    return (block * (size // len(block) + 1))[:size] if size else b""


def port_text(kind, addr, port):
    """The command or the reply that announces an endpoint."""
    comma = "%s,%d,%d" % (addr.replace(".", ","), port >> 8, port & 255)
    return {
        "PORT": "PORT %s" % comma,
        "port": "port %s" % comma,
        "LPRT": "LPRT 4,4,%s,2,%d,%d" % (addr.replace(".", ","), port >> 8, port & 255),
        "EPRT": "EPRT |%d|%s|%d|" % (2 if ":" in addr else 1, addr, port),
        "PASV": "227 Entering Passive Mode (%s)." % comma,
        "EPSV": "229 Entering Extended Passive Mode (|||%d|)" % port,
    }[kind]


def parse_endpoint(text, sender):
    """The endpoint in a command or reply; @sender is whom a 229 means."""
    if text[:4].upper() == "EPRT":
        part = text[5:].split(text[5])
        return part[2], int(part[3])
    if text.startswith("229"):
        inner = text[text.index("(") + 1:text.index(")")]
        return sender, int(inner.split(inner[0])[3])
    numbers = [int(n) for n in "".join(c if c.isdigit() else " " for c in text[4:]).split()]
    if text[:4].upper() == "LPRT":
        numbers = numbers[2:6] + numbers[7:9]
    return ".".join(str(n) for n in numbers[:4]), numbers[4] * 256 + numbers[5]


class Session:
    """One control connection, both ends, and the data connection that it is about."""

    def __init__(self, client_ns, server_ns, client, server):
        self.client_ns, self.server_ns = client_ns, server_ns
        self.client, self.server = client, server
        self.heard = {client: b"", server: b""}
        self.listener = None	# who announced an endpoint listens here
        self.public = None	# what the other side was told
        self.data = []		# open data connections
        self.passive = False
        self.reset_data()

    def reset_data(self):
        if self.listener:
            self.listener.close()
        self.listener = None

    def close(self):
        self.reset_data()
        for s in self.data + [self.client, self.server]:
            s.close()
        self.data = []

    def line(self, sock, patience):
        """The next line that @sock gets."""
        end = time.monotonic() + patience
        while b"\n" not in self.heard[sock]:
            left = end - time.monotonic()
            if left <= 0 or not select.select([sock], [], [], left)[0]:
                raise Wrong("no line came, only %r" % self.heard[sock])
            more = sock.recv(65536)
            if not more:
                raise Wrong("the control connection ended after %r" % self.heard[sock])
            self.heard[sock] += more
        line, self.heard[sock] = self.heard[sock].split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")


def finish_connect(sock, patience):
    if not select.select([], [sock], [], patience)[1]:
        raise Wrong("connecting timed out")
    err = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if err:
        raise Wrong("connecting: " + os.strerror(err))


def accept(listener, patience):
    if not select.select([listener], [], [], patience)[0]:
        raise Wrong("nobody came")
    return listener.accept()


class Sniffer:
    """Packets of an interface, kept until somebody asks."""

    def __init__(self, sock):
        self.sock = sock
        self.packets = []

    def read(self):
        while True:
            try:
                frame, where = self.sock.recvfrom(65536)
            except BlockingIOError:
                return self.packets
            if len(frame) >= 34 and frame[12:14] == b"\x08\x00":
                self.packets.append((where[2], frame[14:]))


def ipv4_parts(packet):
    """(source, destination, protocol, transport header and data) without the link's padding."""
    return packet[12:16], packet[16:20], packet[9], packet[(packet[0] & 15) * 4:struct.unpack_from("!H", packet, 2)[0]]


class Lab:
    def __init__(self):
        self.ns = Namespaces()
        self.sessions = {}
        self.listeners = {}
        self.sniffers = {}
        self.udp = {}
        self.seed = 0

    # ---- plumbing ----

    def cmd_ns(self, *pairs):
        """SHORT=NAME...: what namespaces are called"""
        self.ns.names.update(p.split("=", 1) for p in pairs)

    def listener(self, ns, addr, port, backlog=512):
        key = ns, addr, port
        if key not in self.listeners:
            sock = self.ns.socket(ns, family_of(addr), socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((addr, port))
            sock.listen(backlog)
            self.listeners[key] = sock
        return self.listeners[key]

    def connect(self, ns, addr, port, source=("", 0), reuse=True):
        """A socket whose connecting has begun."""
        sock = self.ns.socket(ns, family_of(addr), socket.SOCK_STREAM)
        if reuse:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source != ("", 0):
            sock.bind((source[0] or ("::" if ":" in addr else "0.0.0.0"), source[1]))
        sock.setblocking(False)
        try:
            sock.connect((addr, port))
        except BlockingIOError:
            pass
        except OSError as e:
            sock.close()
            raise Wrong("connecting to %s port %d: %s" % (addr, port, e.strerror))
        return sock

    # ---- control connections ----

    def cmd_open(self, name, client, server, addr, port="21", sport="0", listen="", patience=PATIENCE):
        """NAME CLIENT-NS SERVER-NS ADDRESS [port=] [sport=CLIENT-PORT] [listen=ADDR:PORT if translated]"""
        at = listen.rsplit(":", 1) if listen else (addr, port)
        listener = self.listener(server, at[0], int(at[1]))
        c = self.connect(client, addr, int(port), ("", int(sport)))
        try:
            finish_connect(c, float(patience))
            s, peer = accept(listener, float(patience))
        except Wrong:
            c.close()
            raise
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = self.sessions[name] = Session(client, server, c, s)
        self.exchange(session, s, "220 ready", float(patience))
        return {"client": show(c.getsockname()), "peer": show(peer), "port": peer[1]}

    def exchange(self, session, sender, text, patience):
        """One line from one side to the other; what arrives."""
        sender.sendall((text + "\r\n").encode("latin-1"))
        return session.line(session.server if sender is session.client else session.client, patience)

    def cmd_close(self, *names):
        """NAME...: the control connections end, and what belongs to them"""
        for name in names:
            self.sessions.pop(name).close()

    def cmd_noop(self, *names, patience=PATIENCE):
        """NAME...: do the control connections work?"""
        for name in names:
            session = self.sessions[name]
            for sender, text in (session.client, "NOOP"), (session.server, "200 fine"):
                saw = self.exchange(session, sender, text, float(patience))
                if saw != text:
                    raise Wrong("%s: %r arrived as %r" % (name, text, saw))

    # ---- data connections ----

    def announce(self, session, kind, port, addr, patience):
        passive = kind in ("PASV", "EPSV")
        owner, other = (session.server, session.client) if passive else (session.client, session.server)
        session.reset_data()
        session.passive = passive
        own = owner.getsockname()[0]
        listener = self.ns.socket(session.server_ns if passive else session.client_ns, owner.family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((own, port))
        listener.listen(8)
        session.listener = listener
        text = port_text(kind, addr or own, listener.getsockname()[1])
        if passive:
            self.exchange(session, session.client, kind, patience)
        saw = self.exchange(session, owner, text, patience)
        session.public = parse_endpoint(saw, other.getpeername()[0])
        if not passive:
            self.exchange(session, session.server, "200 done", patience)
        return {"said": text.replace(" ", "_"), "saw": saw.replace(" ", "_"), "public": show(session.public),
                "addr": session.public[0], "port": session.public[1], "changed": int(saw != text)}

    def cmd_announce(self, name, kind="PORT", port="0", addr="", patience=PATIENCE):
        """NAME [PORT|EPRT|LPRT|PASV|EPSV] [port=] [addr=]: an endpoint is announced, nobody comes yet"""
        return self.announce(self.sessions[name], kind, int(port), addr, float(patience))

    def come(self, session, patience, ns="", source=("", 0)):
        """The other side connects to what it was told. Returns both ends."""
        if session.passive:
            ns = ns or session.client_ns
            source = source if source != ("", 0) else (session.client.getsockname()[0], 0)
        else:
            ns = ns or session.server_ns
            source = source if source != ("", 0) else (session.server.getsockname()[0], 20)
        guest = self.connect(ns, session.public[0], session.public[1], source)
        try:
            finish_connect(guest, patience)
            host, peer = accept(session.listener, patience)
        except Wrong:
            guest.close()
            raise
        return guest, host, peer

    def transfer(self, session, guest, host, size, patience):
        """The server sends, both ends close."""
        sender, receiver = (host, guest) if session.passive else (guest, host)
        self.seed += 1
        data, sent, got = content(size, self.seed), 0, []
        sender.setblocking(False)
        receiver.setblocking(False)
        while True:
            r, w, _ = select.select([receiver], [sender] if sent < size else [], [], patience)
            if not r and not w:
                raise Wrong("the data connection hangs after %d of %d bytes" % (sum(map(len, got)), size))
            if w:
                sent += sender.send(data[sent:sent + 262144])
                if sent == size:
                    sender.shutdown(socket.SHUT_WR)
            if r:
                more = receiver.recv(1 << 20)
                if not more:
                    break
                got.append(more)
        if not size:
            sender.shutdown(socket.SHUT_WR)
        if b"".join(got) != data:
            raise Wrong("what arrived is not what was sent")

    def cmd_come(self, name, keep="", ns="", source="", size="1000", patience=PATIENCE):
        """NAME [keep=1] [ns=] [source=ADDR:PORT]: connect to what was announced; a transfer, or the connection stays"""
        session = self.sessions[name]
        src = source.rsplit(":", 1) if source else ("", 0)
        guest, host, peer = self.come(session, float(patience), ns, (src[0], int(src[1])))
        if keep:
            session.data += [guest, host]
        else:
            try:
                self.transfer(session, guest, host, int(size), float(patience))
            finally:
                guest.close()
                host.close()
        return {"peer": show(peer), "peerport": peer[1], "peeraddr": peer[0]}

    def cmd_drop(self, name):
        """NAME: data connections left open end"""
        session = self.sessions[name]
        for s in session.data:
            s.close()
        session.data = []

    def cmd_get(self, name, kind="PORT", port="0", size="1000", patience=PATIENCE):
        """NAME [PORT|EPRT|PASV|EPSV] [port=] [size=]: a whole transfer"""
        session = self.sessions[name]
        answer = self.announce(session, kind, int(port), "", float(patience))
        answer.update(self.cmd_come(name, size=size, patience=patience))
        return answer

    def cmd_knock(self, ns, addr, port, source="", patience="0.7"):
        """NS ADDR PORT [source=ADDR:PORT]: does anybody let us in? (TCP)"""
        src = source.rsplit(":", 1) if source else ("", 0)
        sock = self.connect(ns, addr, int(port), (src[0], int(src[1])))
        try:
            finish_connect(sock, float(patience))
        finally:
            sock.close()

    # ---- TFTP: a request, an answer from a new port ----

    def cmd_tftp(self, client, server, addr, port="69", sport="0", op="1", patience=PATIENCE):
        """CLIENT-NS SERVER-NS ADDRESS [sport=] [op=1|2]: request, DATA from another port, ACK"""
        key = server, addr, int(port)
        if key not in self.udp:
            self.udp[key] = self.ns.socket(server, family_of(addr), socket.SOCK_DGRAM)
            self.udp[key].bind((addr, int(port)))
        s69 = self.udp[key]
        c = self.ns.socket(client, family_of(addr), socket.SOCK_DGRAM)
        new = self.ns.socket(server, family_of(addr), socket.SOCK_DGRAM)
        try:
            c.bind(("", int(sport)))
            c.sendto(struct.pack("!H", int(op)) + b"file\0octet\0", (addr, int(port)))
            if not select.select([s69], [], [], float(patience))[0]:
                raise Wrong("the request did not arrive")
            _, public = s69.recvfrom(2048)
            new.bind((addr, 0))
            new.sendto(b"\0\3\0\1data", public)
            if not select.select([c], [], [], float(patience))[0]:
                raise Wrong("the answer did not arrive")
            _, peer = c.recvfrom(2048)
            c.sendto(b"\0\4\0\1", peer)
            if not select.select([new], [], [], float(patience))[0]:
                raise Wrong("the acknowledgement did not arrive")
            _, again = new.recvfrom(2048)
            if again != public:
                raise Wrong("the request came from %s, the acknowledgement from %s" % (show(public), show(again)))
            return {"public": show(public), "port": public[1], "peer": show(peer)}
        finally:
            c.close()
            new.close()

    # ---- the wire ----

    def cmd_sniff(self, name, ns, interface):
        """NAME NS INTERFACE: keep IPv4 packets from now on"""
        sock = self.ns.socket(ns, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        sock.bind((interface, ETH_P_ALL))
        sock.setblocking(False)
        self.sniffers[name] = Sniffer(sock)

    def cmd_ports(self, name, addr):
        """NAME ADDRESS: TCP and UDP ports of that address that were seen, as source or destination"""
        own, ports = socket.inet_aton(addr), set()
        for _, packet in self.sniffers[name].read():
            src, dst, proto, body = ipv4_parts(packet)
            if proto in (6, 17) and len(body) >= 4:
                sport, dport = struct.unpack_from("!HH", body)
                ports.update([sport] if src == own else [], [dport] if dst == own else [])
        return {"n": len(ports), "lowest": min(ports, default=0), "highest": max(ports, default=0),
                "list": ",".join(map(str, sorted(ports)))}

    def streams(self, name, port):
        """Payload of TCP segments from or to a port in the order seen, with flags and relative numbers."""
        seen, start = [], {}
        for kind, packet in self.sniffers[name].read():
            _, _, proto, body = ipv4_parts(packet)
            if proto != 6 or len(body) < 20:
                continue
            sport, dport, seq, ack, off, flags = struct.unpack_from("!HHIIBB", body)
            if port not in (sport, dport):
                continue
            way = dport == port
            start.setdefault(way, seq)
            start.setdefault(not way, ack) if flags & 16 else None
            data = body[(off >> 4) * 4:]
            seen.append((way, flags, seq - start[way] & 0xffffffff, ack - start.get(not way, ack) & 0xffffffff, data))
        return seen

    def cmd_same(self, one, other, port):
        """SNIFFER SNIFFER PORT: the TCP segments of that port are the same on both, but for addresses"""
        # One may be read before, the other after the last acknowledgement.
        for _ in range(10):
            a, b = self.streams(one, int(port)), self.streams(other, int(port))
            if len(a) == len(b):
                break
            time.sleep(0.3)
        if not a:
            raise Wrong("nothing was seen")
        if a != b:
            raise Wrong("%d and %d segments, first difference: %r" % (
                len(a), len(b), next(((x, y) for x, y in zip(a, b) if x != y), "length")))
        return {"n": len(a)}

    # ---- many at once ----

    def cmd_many(self, count, clients, server, addr, rounds="2", kinds="PORT,EPRT,PASV,EPSV", patience="60"):
        """COUNT CLIENT-NS,... SERVER-NS ADDRESS: that many sessions side by side, each step on all before the next"""
        from load_many import many
        return many(self, int(count), clients.split(","), server, addr, int(rounds), kinds.split(","), float(patience))

    def cmd_unmany(self):
        for name in [n for n in self.sessions if n.startswith("many")]:
            self.sessions.pop(name).close()


def split_words(words):
    plain, named = [], {}
    for word in words:
        key, eq, value = word.partition("=")
        if eq and key.isalpha() and key.islower() and words[0] != "ns":
            named[key] = value
        else:
            plain.append(word)
    return plain, named


def main():
    lab = Lab()
    for line in sys.stdin:
        plain, named = split_words(line.rstrip("\n").split("\t"))
        try:
            answer = getattr(lab, "cmd_" + plain[0])(*plain[1:], **named) or {}
            text = "\t".join("%s=%s" % item for item in answer.items())
            status = 0
        except (Wrong, OSError, KeyError, ValueError, TypeError, AttributeError, IndexError) as e:
            text, status = ("%s: %s" % (type(e).__name__, e)).replace("\n", " ").replace("\t", " "), 1
        sys.stdout.write("%d\t%s\n" % (status, text))
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(errno.EINTR)
