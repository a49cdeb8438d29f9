# SPDX-License-Identifier: GPL-2.0-only
"""
What the raw-packet tests share: KTAP, a router between two packet sockets, packets as bytes, a TCP that does as told.

    c 192.168.1.11, 2001:db8:1::11 -- lan0 [r] wan0 203.0.113.1, 2001:db8:2::1 -- s 203.0.113.2, 2001:db8:2::2

c and s are packet sockets in namespaces without addresses: their kernels answer nothing. What goes through the router
arrives before a marker that is sent behind it, so nothing here waits for time to pass. Streams are counted from the
first byte behind the SYN.
"""
import ctypes
import fcntl
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import traceback

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
ALGCTL = os.environ.get("ALGCTL", "algctl")

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58

CLIENT4, SERVER4 = socket.inet_aton("192.168.1.11"), socket.inet_aton("203.0.113.2")
ROUTER4 = socket.inet_aton("203.0.113.1")
CLIENT6 = socket.inet_pton(socket.AF_INET6, "2001:db8:1::11")
SERVER6 = socket.inet_pton(socket.AF_INET6, "2001:db8:2::2")


class Wrong(Exception):
    """A test's expectation that did not hold."""


def expect(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(w) for w in what))


def expect_is(got, wanted, what):
    if got != wanted:
        raise Wrong("%s: got %r, wanted %r" % (what, got, wanted))


# ---- namespaces and commands ----

def setns(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if LIBC.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + path)
    finally:
        os.close(fd)


HOME = os.open("/proc/self/ns/net", os.O_RDONLY)


def run(*words, ns=None, text=None, check=True):
    """A command's standard output. This thread goes there and comes back: a preexec_fn would have all of its memory copied."""
    more = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
    if ns:
        setns("/run/netns/%s" % ns)
    try:
        p = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    finally:
        if ns:
            LIBC.setns(HOME, CLONE_NEWNET)
    if check and p.returncode:
        raise Wrong("%s: status %d: %s" % (" ".join(words), p.returncode, p.stdout.strip()))
    return p.stdout


def forget(*which, ns, check=True):
    """Connections are deleted."""
    return run(os.path.join(os.path.dirname(os.path.abspath(__file__)), "forget"), *which, ns=ns, check=check)


def fork(function):
    """Calls it in another process, whose status tells whether it returned. Return: its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        function()
        status = 0
    except Exception:
        print("# " + traceback.format_exc().strip().replace("\n", "\n# "), flush=True)
    finally:
        os._exit(status)


class Tap:
    """Points in KTAP; a test is a function that returns or raises."""

    def __init__(self):
        self.points = self.failed = 0
        print("TAP version 13", flush=True)

    def point(self, title, function, *args):
        self.points += 1
        try:
            function(*args)
        except (Wrong, OSError) as e:
            self.failed += 1
            print("not ok %d %s" % (self.points, title))
            for line in str(e).split("\n")[:20]:
                print("# " + line)
            where = traceback.extract_tb(e.__traceback__)[1:4]
            print("# at " + " < ".join("%s:%d" % (f.name, f.lineno) for f in reversed(where)))
        else:
            print("ok %d %s" % (self.points, title))
        sys.stdout.flush()

    def skip_all(self, reason):
        print("1..0 # SKIP " + reason)
        sys.exit(4)

    def finish(self):
        print("1..%d" % self.points)
        sys.stdout.flush()
        sys.exit(1 if self.failed else 0)


# ---- packets ----

def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def pseudo(src, dst, proto, length):
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, proto, length)
    return src + dst + struct.pack("!II", length, proto)


def ip(src, dst, proto, body, options=b"", ext=(), ident=1, frag=0, ttl=64):
    """@options: of IPv4, padded; @ext: IPv6 extension headers, (type, body without next header and length)"""
    if len(src) == 4:
        options += b"\0" * (-len(options) % 4)
        hlen = 20 + len(options)
        head = struct.pack("!BBHHHBBH4s4s", 0x40 | hlen // 4, 0, hlen + len(body), ident, frag, ttl, proto, 0, src, dst)
        head += options
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
    for kind, content in reversed(ext):
        content += b"\1" + bytes([(-len(content) - 4) % 8]) + b"\0" * ((-len(content) - 4) % 8)
        body = bytes([proto, (len(content) + 2) // 8 - 1]) + content + body
        proto = kind
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), proto, ttl, src, dst) + body


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", options=b"", window=65535, urgent=0, doff=None):
    options += b"\1" * (-len(options) % 4)
    off = (20 + len(options)) // 4 if doff is None else doff
    seq, ack = seq & 0xffffffff, ack & 0xffffffff
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, off << 4, flags, window, 0, urgent) + options
    total = checksum(pseudo(src, dst, TCP, len(head) + len(data)) + head + data)
    return head[:16] + struct.pack("!H", total) + head[18:] + data


def udp(src, dst, sport, dport, data, with_sum=True):
    head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0)
    total = checksum(pseudo(src, dst, UDP, len(head) + len(data)) + head + data) or 0xffff
    return head[:6] + struct.pack("!H", total if with_sum else 0) + data


class Packet:
    """A received packet; raises Wrong when a length or a checksum is."""

    def __init__(self, raw):
        self.raw = raw
        if raw[0] >> 4 == 4:
            hlen = (raw[0] & 15) * 4
            self.src, self.dst, self.proto = raw[12:16], raw[16:20], raw[9]
            self.frag = struct.unpack_from("!H", raw, 6)[0] & 0x3fff
            self.options = raw[20:hlen]
            expect_is(checksum(raw[:hlen]), 0, "IP checksum")
            expect_is(struct.unpack_from("!H", raw, 2)[0], len(raw), "IP length")
            self.body = raw[hlen:]
        else:
            self.src, self.dst, self.proto, self.frag, self.options = raw[8:24], raw[24:40], raw[6], 0, b""
            expect_is(struct.unpack_from("!H", raw, 4)[0] + 40, len(raw), "IPv6 length")
            self.body = raw[40:]
            while self.proto in (0, 60, 43):
                self.options += bytes([self.proto])
                self.proto, size = self.body[0], self.body[1] * 8 + 8
                self.body = self.body[size:]
        self.sport = self.dport = 0
        if self.frag & 0x1fff == 0 and self.proto in (TCP, UDP) and len(self.body) >= 8:
            self.sport, self.dport = struct.unpack_from("!HH", self.body)

    def verify(self):
        """The transport's checksum."""
        if self.proto == UDP and self.body[6:8] == b"\0\0":
            return
        if self.proto == TCP:
            expect(len(self.body) >= 20, "short TCP segment")
        expect_is(checksum(pseudo(self.src, self.dst, self.proto, len(self.body)) + self.body), 0, "transport checksum")


def parse_options(raw):
    """TCP options as {kind: body}"""
    found, i = {}, 0
    while i < len(raw) and raw[i]:
        if raw[i] == 1:
            i += 1
            continue
        size = raw[i + 1]
        found[raw[i]] = raw[i + 2:i + size]
        i += size
    return found


def reassemble(packets):
    """IPv4 fragments become the packet that they were; the router sends on in fragments what came in fragments."""
    whole, parts = [], {}
    for p in packets:
        if not p.frag:
            whole.append(p)
            continue
        mine = parts.setdefault((p.src, p.dst, p.proto, p.raw[4:6]), {})
        mine[(p.frag & 0x1fff) * 8] = p
        body = b""
        while len(body) in mine:
            last = mine[len(body)]
            body += last.body
            if not last.frag & 0x2000:
                whole.append(Packet(ip(p.src, p.dst, p.proto, body)))
                break
    return whole


# ---- the router ----

class Wire:
    """A packet socket of a host and the packets that came."""

    def __init__(self, ns, own_mac, router_mac):
        setns("/run/netns/" + ns)
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        LIBC.setns(HOME, CLONE_NEWNET)
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
        self.sock.bind(("eth0", 3))
        self.head = {4: router_mac + own_mac + b"\x08\x00", 6: router_mac + own_mac + b"\x86\xdd"}

    def send(self, packet):
        self.sock.send(self.head.get(packet[0] >> 4, self.head[4]) + packet)

    def receive(self, patience):
        """One packet or None."""
        while select.select([self.sock], [], [], patience)[0]:
            frame, where = self.sock.recvfrom(70000)
            if where[2] != 4 and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):	# not what we sent
                return frame[14:]
        return None


def no_offload(ns, interface):
    """Checksums are in the packets, no segments are bundled."""
    setns("/run/netns/" + ns)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        LIBC.setns(HOME, CLONE_NEWNET)
        for command in 0x1f, 0x24, 0x2c, 0x17:		# TSO, GSO, GRO, transmit checksums
            value = (ctypes.c_uint * 2)(command, 0)
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(s, 0x8946, request)
            except OSError:
                pass


RULES = """
flush ruleset
table inet fw {
	counter invalid { }
	chain inp { type filter hook input priority 0; iifname wan0 ct state new drop; }
	chain forw {
		type filter hook forward priority 0; policy drop;
		ct state invalid counter name invalid drop
		ct state established accept
		ct state related accept
		ct status dnat accept
		iifname lan0 tcp dport { 21, 5060 } ct state new accept
		iifname lan0 udp dport { 9, 69, 5060 } ct state new accept
	}
}
"""
NAT = """
table ip nat {
	chain predst {
		type nat hook prerouting priority dstnat;
		iifname wan0 tcp dport { 21, 5060 } dnat to 192.168.1.11;
		iifname wan0 udp dport 5061 dnat to 192.168.1.11:5060;
	}
	chain post { type nat hook postrouting priority srcnat; oifname wan0 ip saddr 192.168.1.0/24 masquerade; }
}
"""


class Router:
    """The namespaces, the modules, and both wires. Taken down at exit. @protocols: the first one's counters are looked at."""

    def __init__(self, tap, *protocols):
        self.tap = tap
        self.protocols = protocols or ("ftp", "tftp")
        if os.geteuid():
            tap.skip_all("needs root")
        for tool in "ip", "nft", "conntrack":
            if not shutil.which(tool):
                tap.skip_all("no " + tool)
        os.sched_setaffinity(0, {0})	# what is sent first arrives first
        self.suffix = "%04x" % random.getrandbits(16)
        self.c, self.r, self.s = ("raw%s-%s" % (n, self.suffix) for n in "crs")
        self.ports = iter(range(40000, 65000))	# of control connections
        self.free = 2048			# endpoints that were not announced yet
        self.marks = 0
        self.public = ROUTER4
        for number in signal.SIGTERM, signal.SIGHUP:
            signal.signal(number, lambda *_: sys.exit(143))

    def __enter__(self):
        c, r, s = self.c, self.r, self.s
        run("ip", "-batch", "-", text="netns add %s\nnetns add %s\nnetns add %s\n" % (c, r, s))
        run("ip", "-batch", "-", text="""
link add eth0 netns {c} address 02:00:00:00:00:11 type veth peer name lan0 netns {r} address 02:00:00:00:00:01
link add eth0 netns {s} address 02:00:00:00:00:22 type veth peer name wan0 netns {r} address 02:00:00:00:00:02
""".format(c=c, r=r, s=s))
        run("ip", "-n", r, "-batch", "-", text="""
link set lo up
link set lan0 up
link set wan0 up
addr add 192.168.1.1/24 dev lan0
addr add 203.0.113.1/24 dev wan0
addr add 2001:db8:1::1/64 dev lan0 nodad
addr add 2001:db8:2::1/64 dev wan0 nodad
neigh add 192.168.1.11 lladdr 02:00:00:00:00:11 dev lan0 nud permanent
neigh add 203.0.113.2 lladdr 02:00:00:00:00:22 dev wan0 nud permanent
neigh add 2001:db8:1::11 lladdr 02:00:00:00:00:11 dev lan0 nud permanent
neigh add 2001:db8:2::2 lladdr 02:00:00:00:00:22 dev wan0 nud permanent
""")
        for host in c, s:
            run("ip", "-n", host, "link", "set", "eth0", "up")
        script = "".join("echo %s >/proc/sys/net/%s\n" % (value, name) for name, value in (
            ("ipv4/ip_forward", 1), ("ipv6/conf/all/forwarding", 1),
            ("netfilter/nf_conntrack_tcp_timeout_time_wait", 1),
            ("netfilter/nf_conntrack_checksum", 1), ("ipv4/icmp_ratelimit", 0)))
        run("sh", "-c", script, ns=r)
        no_offload(r, "lan0")
        no_offload(r, "wan0")
        out = run("modprobe", "-a", "nf_alg", "nf_alg_nat", *("nf_alg_" + p for p in self.protocols), check=False)
        if "not found in directory" in out:
            self.__exit__()
            self.tap.skip_all("the modules are not installed: " + out.strip())
        expect(not out, out)
        self.nat(True)
        self.alg("policy", "add", "raw", "ftp", "on", "option", "max-pinholes=128", "pinhole-timeout=600")
        self.alg("tenant", "add", "default", "policy", "raw")
        self.inside = Wire(c, bytes.fromhex("020000000011"), bytes.fromhex("020000000001"))
        self.outside = Wire(s, bytes.fromhex("020000000022"), bytes.fromhex("020000000002"))
        self.settle()
        return self

    def __exit__(self, *_):
        for ns in self.c, self.r, self.s:
            run("ip", "netns", "del", ns, check=False)
        with open("/proc/modules") as f:
            ours = [line.split()[0] for line in f if line.startswith("nf_alg")]
        if ours:
            out = run("rmmod", *ours, check=False)
            if out:
                print("# " + out.strip())
                self.tap.failed += 1

    def nat(self, on, public=ROUTER4):
        """The client's address is translated into @public, or not at all."""
        self.public = public if on else CLIENT4
        rules = NAT.replace("masquerade", "snat to " + socket.inet_ntoa(public)) if on else ""
        run("nft", "-f", "-", ns=self.r, text=RULES + rules)
        self.flush()

    def flush(self):
        """No connections, and with them no pinholes: the kernel's table of expectations is small."""
        run("conntrack", "-F", ns=self.r)

    def fresh(self, count=1):
        """The first of some ports that nobody announced before."""
        self.free += count
        return self.free - count

    def alg(self, *words, check=True):
        return run(ALGCTL, *words, ns=self.r, check=check)

    def counters(self):
        """{reason: value} of the default tenant"""
        found = {}
        for line in self.alg("stats", "show", "protocol", self.protocols[0]).split("\n"):
            word = line.split()
            if len(word) == 2 and word[1].isdigit():
                found[word[0]] = int(word[1])
        return found

    def invalid(self):
        text = run("nft", "list", "counter", "inet", "fw", "invalid", ns=self.r)
        return int(re.search(r"packets (\d+)", text).group(1))

    def settle(self):
        """Everything that was sent has arrived. Returns (what c got, what s got) as Packets."""
        got = []
        self.marks += 1
        mark = b"mark%08d" % self.marks
        for here, there, src, dst in ((self.inside, self.outside, CLIENT4, SERVER4),
                                      (self.outside, self.inside, SERVER4, self.public)):
            here.send(ip(src, dst, UDP, udp(src, dst, 9, 9, mark)))
            arrived = []
            while True:
                raw = there.receive(10)
                expect(raw is not None, "the marker got lost")
                if raw.endswith(mark) and raw[9] == UDP:
                    break
                if raw[0] >> 4 == 6 and raw[6] in (0, ICMP6) and b"\xff\x02" == raw[24:26]:
                    continue	# multicast: the kernel's own business
                arrived.append(Packet(raw))
            got.insert(0, reassemble(arrived))
        return got


# ---- TCP ----

class End:
    """
    One end of a TCP connection that does nothing by itself.

    @sent is its own stream; @una how much of it the other side acknowledged, @sacks the last acknowledgement's blocks.
    @got is the other side's stream as it arrived, @have which bytes of it are there, @acked how many were acknowledged.
    Bytes that come twice before that must be the same.
    """

    def __init__(self, wire, local, remote, isn):
        self.wire, self.local, self.remote, self.isn = wire, local, remote, isn
        self.irs = None
        self.sent = bytearray()
        self.una = 0
        self.sacks = []
        self.dups = 0
        self.got, self.have = bytearray(), bytearray()
        self.acked = 0
        self.fin_at = None		# offset of the other side's FIN
        self.reset = False
        self.urgent = []
        self.fin_acked = False
        self.deaf = False		# what arrives is lost
        self.segments = self.largest = 0
        self.options = {}		# for ip(): options, ext
        self.ip = lambda body: ip(self.local[0], self.remote[0], TCP, body, **self.options)

    def raw(self, seq, ack, flags, data=b"", **more):
        (src, sport), (dst, dport) = self.local, self.remote
        self.wire.send(self.ip(tcp(src, dst, sport, dport, seq, ack, flags, data, **more)))

    def send(self, off, data, flags=PSH | ACK, **more):
        """Bytes at an offset of the own stream."""
        self.acked = min(self.contiguous(), len(self.have))
        self.raw(self.isn + 1 + off, self.irs + 1 + self.contiguous(), flags, data, **more)

    def piece(self, off, size, flags=PSH | ACK, **more):
        self.send(off, bytes(self.sent[off:off + size]), flags, **more)

    def say(self, data, flags=PSH | ACK, **more):
        """The stream goes on by @data, in one segment."""
        off = len(self.sent)
        self.sent += data
        self.send(off, data, flags, **more)

    def contiguous(self):
        n = self.have.find(b"\0")
        n = len(self.have) if n < 0 else n
        return n + (self.fin_at is not None and n >= self.fin_at)

    def sack_blocks(self):
        blocks, i = [], self.contiguous()
        while i < len(self.have):
            left = self.have.find(b"\1", i)
            if left < 0:
                break
            right = self.have.find(b"\0", left)
            right = len(self.have) if right < 0 else right
            blocks.append((left, right))
            i = right
        return blocks[:3]

    def ack(self):
        blocks = self.sack_blocks()
        base = self.irs + 1
        option = b""
        if blocks:
            option = b"\1\1" + bytes([5, 2 + 8 * len(blocks)]) + b"".join(
                struct.pack("!II", base + a & 0xffffffff, base + b & 0xffffffff) for a, b in blocks)
        self.send(len(self.sent), b"", ACK, options=option)

    def take(self, p):
        """A packet for this end. Returns whether it had data."""
        p.verify()
        seq, ack, off, flags, _, _, urgent = struct.unpack_from("!IIBBHHH", p.body, 4)
        data = p.body[(off >> 4) * 4:]
        if flags & RST:
            self.reset = True
            return False
        if flags & SYN:
            self.irs = seq
            self.syn_options = parse_options(p.body[20:(off >> 4) * 4])
            return False
        if flags & ACK:
            options = parse_options(p.body[20:(off >> 4) * 4])
            n = ack - self.isn - 1 & 0xffffffff
            if n < 1 << 31:
                expect(n <= len(self.sent) + 1, "%d bytes are acknowledged of %d sent" % (n, len(self.sent)))
                self.fin_acked |= n == len(self.sent) + 1
                n = min(n, len(self.sent))
                self.dups = self.dups + 1 if n == self.una and not data else 0
                self.una = max(self.una, n)
            edges = struct.unpack("!%dI" % (len(options.get(5, b"")) // 4), options.get(5, b""))
            places = [edge - self.isn - 1 & 0xffffffff for edge in edges]
            self.sacks = list(zip(places[::2], places[1::2]))
        start = seq - self.irs - 1 & 0xffffffff
        start -= (start >> 31) << 32
        if start < self.acked and start + len(data) <= self.acked and not flags & FIN:
            return True			# old bytes, which nobody reads again: answered, whatever they are
        expect(-70000 < start < 1 << 24, "segment at offset", start, data)
        if start < 0:
            data, start = data[-start:], 0
        if flags & URG:
            self.urgent.append(start + urgent)
        if flags & FIN:
            at = start + len(data)
            expect(self.fin_at in (None, at), "FIN at %d and at %d" % (self.fin_at or 0, at))
            self.fin_at = at
        if not data:
            return bool(flags & FIN)
        self.segments += 1
        self.largest = max(self.largest, len(data))
        end = start + len(data)
        if end > len(self.got):
            self.got += b"\0" * (end - len(self.got))
            self.have += b"\0" * (end - len(self.have))
        for i, byte in enumerate(data, start):
            if i < self.acked:
                continue
            if self.have[i] and self.got[i] != byte:
                raise Wrong("byte %d arrived as %r and as %r: ...%r / ...%r" % (
                    i, chr(self.got[i]), chr(byte), bytes(self.got[max(0, start - 20):end + 20]), data))
            self.got[i], self.have[i] = byte, 1
        return True


class Flow:
    """A control connection through the router: its ends are @inside and @outside, also known as @client and @server."""

    def __init__(self, router, isn=None, syn=True, dnat=False, v6=False, mss=1460, sport=None, options=None, service=21,
                 client_mss=None):
        self.router = router
        random_isn = [random.getrandbits(32), random.getrandbits(32)] if isn is None else isn
        sport = sport or next(router.ports)
        if v6:
            addrs = (CLIENT6, sport), (SERVER6, service)
        elif dnat:
            addrs = (CLIENT4, service), (SERVER4, sport)
        else:
            addrs = (CLIENT4, sport), (SERVER4, service)
        self.inside = End(router.inside, addrs[0], addrs[1], random_isn[0])
        self.outside = End(router.outside, addrs[1], (ROUTER4, service) if dnat else addrs[0], random_isn[1])
        self.client, self.server = (self.outside, self.inside) if dnat else (self.inside, self.outside)
        if options:
            self.inside.options = options
        self.client_mss, self.mss = (b"\2\4" + struct.pack("!H", n) + b"\4\2" for n in (client_mss or mss, mss))
        self.stray = []
        if syn:
            self.handshake()

    def handshake(self):
        c, s = self.client, self.server
        c.raw(c.isn, 0, SYN, options=self.client_mss)
        self.run()
        expect(s.irs is not None, "no SYN arrived")
        s.raw(s.isn, s.irs + 1, SYN | ACK, options=self.mss)
        self.run()
        expect(c.irs is not None, "no SYN arrived in return")
        c.send(0, b"", ACK)
        self.run()

    def route(self, packets, end):
        """Gives an end its packets; what is nobody's goes to self.stray."""
        got = False
        for p in packets:
            mine = p.proto == TCP and (p.dst, p.dport) == end.local
            if mine and (p.src, p.sport) == end.remote:
                got |= not end.deaf and end.take(p)
            elif mine and end is self.outside and end is self.server and p.sport == self.inside.local[1]:
                end.remote = (p.src, p.sport)		# translated
                got |= not end.deaf and end.take(p)
            else:
                self.stray.append((end, p))
        return got

    def run(self, ack=True):
        """Until nothing is under way; both ends acknowledge what they get."""
        for _ in range(200):
            to_inside, to_outside = self.router.settle()
            a, b = self.route(to_inside, self.inside), self.route(to_outside, self.outside)
            if ack and a and self.inside.irs is not None:
                self.inside.ack()
            if ack and b and self.outside.irs is not None:
                self.outside.ack()
            if not (ack and (a or b)):
                return
        raise Wrong("packets without end")

    def insist(self, sender, size=1400, tries=30):
        """Repeats what is not acknowledged until it is, as a sender whose timer runs out."""
        for _ in range(tries):
            self.run()
            if sender.una >= len(sender.sent):
                return
            sender.piece(sender.una, size)
        raise Wrong("the sender gets no further than %d of %d: %r; the receiver has %r" % (
            sender.una, len(sender.sent), bytes(sender.sent[sender.una:sender.una + 60]),
            bytes((self.inside if sender is self.outside else self.outside).got[-60:])))

    def greet(self):
        self.server.say(b"220 ready\r\n")
        self.insist(self.server)
        return self

    def finish(self):
        """Both ends close; the streams were whole."""
        for end in self.client, self.server:
            end.send(len(end.sent), b"", FIN | ACK)
            self.run()
        for end in self.client, self.server:
            expect(end.fin_at is not None, "no FIN arrived")
            expect_is(end.fin_at, len(end.got), "place of the FIN")


# ---- what must arrive ----

PORT = re.compile(rb"^(PORT |227 [^\d]*)((?:\d+,){5}\d+)(.*)$", re.I | re.S)
EPRT = re.compile(rb"^(EPRT )\|1\|([\d.]+)\|(\d+)\|(.*)$", re.I | re.S)


def port(n, addr="192.168.1.11"):
    return b"PORT %s,%d,%d\r\n" % (addr.replace(".", ",").encode(), n >> 8, n & 255)


def eprt(n, addr="192.168.1.11"):
    return b"EPRT |%d|%s|%d|\r\n" % (2 if ":" in addr else 1, addr.encode(), n)


def endpoint(line):
    """(text before, address, port, text behind) or None"""
    m = PORT.match(line)
    if m:
        n = [int(x) for x in m.group(2).split(b",")]
        if max(n) > 255:
            return None			# malformed: stays as it is
        return m.group(1), bytes(n[:4]), n[4] * 256 + n[5], m.group(3)
    m = EPRT.match(line)
    if m:
        return m.group(1), socket.inet_aton(m.group(2).decode()), int(m.group(3)), m.group(4)
    return None


def check_stream(sent, got, public=ROUTER4, private=CLIENT4):
    """@got is @sent but for the endpoints, which are public. Returns the public ports in order."""
    a, b = bytes(sent).split(b"\n"), bytes(got).split(b"\n")
    expect_is(len(b), len(a), "lines (%r)" % bytes(got[:200]))
    ports = []
    for x, y in zip(a, b):
        own = endpoint(x)
        if own is None or own[1] != private:
            expect_is(y, x, "line")
            continue
        there = endpoint(y)
        expect(there, "%r arrived as %r" % (x, y))
        expect_is((there[0], there[1], there[3]), (own[0], public, own[3]), "line")
        expect(there[2] >= 1024, "port", there[2])
        ports.append(there[2])
    return ports
