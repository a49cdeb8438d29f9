# SPDX-License-Identifier: GPL-2.0-only
"""An FTP client on plain sockets, which says what it is told to say, in the segments it is told to use."""
import re
import socket

import netbed

MODES = ("PORT", "EPRT", "PASV", "EPSV")
WRITINGS = {
    "single": "single write",
    "bytes": "one byte per segment",
    "pipelined": "pipelined commands",
}


class Refused(Exception):
    """The server's answer is not what was hoped for."""

    def __init__(self, command, code, text):
        super().__init__("%s: %s" % (command, text.strip()))
        self.code = code


class Control:
    """One side's view of a control connection: sends in a given way, reads lines and replies."""

    def __init__(self, sock, writing="single"):
        self.sock = sock
        self.writing = writing
        self.buffer = b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0 if writing == "nagle" else 1)

    def send(self, data, writing=None):
        """@data: bytes, or a list of them, one a command. @writing: one of WRITINGS, "nagle" or a number of bytes."""
        writing = writing or self.writing
        if isinstance(data, bytes):
            data = [data]
        if writing == "pipelined":
            data = [b"".join(data)]
        size = 1 if writing in ("bytes", "nagle") else writing if isinstance(writing, int) else 0
        for piece in data:
            for start in range(0, len(piece), size or len(piece)):
                self.sock.sendall(piece[start:start + size] if size else piece)

    def line(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("end of the control connection after %r" % self.buffer)
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("latin-1") + "\n"

    def reply(self):
        """(code, text), multi-line replies as one text (RFC 959, 4.2)."""
        text = line = self.line()
        if line[3:4] == "-":
            while not line.startswith(text[:3] + " "):
                line = self.line()
                text += line
        return int(text[:3]), text

    def close(self):
        self.sock.close()


class Ftp(Control):
    """A client in namespace @ns. @stage tells how far it came: negatives must fail at "data", not before."""

    def __init__(self, ns, host, port=21, writing="single", source=None, patience=None, login=True):
        self.ns = ns
        self.patience = patience or netbed.PATIENCE
        self.stage = "connect"
        super().__init__(netbed.connect(ns, host, port, (source, 0) if source else None), writing)
        self.sock.settimeout(netbed.PATIENCE)
        self.local = self.sock.getsockname()[0]
        self.host = self.sock.getpeername()[0]
        self.stage = "login"
        if login:
            self.expect(220)
            if self.cmd("USER anonymous")[0] == 331:
                self.cmd("PASS x@y", ok=(230,))
            self.stage = "data"

    def expect(self, *codes):
        code, text = self.reply()
        if code not in codes:
            raise Refused("reply", code, text)
        return text

    def cmds(self, *commands, end="\r\n"):
        """Sends all, then reads their replies."""
        self.send([(command + end).encode("latin-1") for command in commands])
        return [self.reply() for _ in commands]

    def cmd(self, command, ok=None, end="\r\n"):
        (code, text), = self.cmds(command, end=end)
        if ok and code not in ok:
            raise Refused(command, code, text)
        return code, text

    # -- data connections --

    def announce(self, mode, address, port):
        """The text of an active mode's command."""
        if mode == "EPRT":
            return "EPRT |%d|%s|%d|" % (2 if netbed.is_ipv6(address) else 1, address, port)
        return "PORT %s,%d,%d" % (address.replace(".", ","), port >> 8, port & 255)

    def passive_endpoint(self, text):
        text = text.splitlines()[-1]
        found = re.search(r"\((.)\1\1(\d+)\1\)", text)
        if found:
            return self.host, int(found.group(2))
        found = re.search(r"(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", text)
        if not found:
            raise Refused("passive", 227, text)
        number = found.groups()
        return ".".join(number[:4]), int(number[4]) << 8 | int(number[5])

    def data_active(self, mode, verb, port=0, text=None, end="\r\n"):
        listener = netbed.listen(self.ns, self.local, port)
        try:
            command = text or self.announce(mode, self.local, listener.getsockname()[1])
            if self.writing == "pipelined":
                replies = self.cmds("NOOP", "TYPE I", command, verb, end=end)[2:]
            else:
                replies = [self.cmd(command, end=end), self.cmd(verb, end=end) if verb else (150, "")]
            if replies[0][0] != 200:
                raise Refused(command, *replies[0])
            if verb and replies[1][0] not in (125, 150):
                raise Refused(verb, *replies[1])
            sock, self.data_peer = netbed.accept(listener, self.patience)
            return sock
        finally:
            listener.close()

    def data_passive(self, mode, verb, end="\r\n"):
        before = ("NOOP", "TYPE I") if self.writing == "pipelined" else ()
        code, text = self.cmds(*before, mode, end=end)[-1]
        if code not in (227, 229):
            raise Refused(mode, code, text)
        sock = netbed.connect(self.ns, *self.passive_endpoint(text), source=(self.local, 0), timeout=self.patience)
        sock.settimeout(netbed.PATIENCE)
        if verb:
            try:
                self.cmd(verb, ok=(125, 150), end=end)
            except Exception:
                sock.close()
                raise
        return sock

    def data(self, mode, verb, **how):
        if mode in ("PORT", "EPRT"):
            return self.data_active(mode, verb, **how)
        return self.data_passive(mode, verb, **how)

    def get(self, mode, path, **how):
        sock = self.data(mode, "RETR " + path, **how)
        content = receive_all(sock)
        self.expect(226, 250)
        return content

    def put(self, mode, path, content, **how):
        sock = self.data(mode, "STOR " + path, **how)
        sock.sendall(content)
        sock.close()
        self.expect(226, 250)

    def quit(self):
        try:
            self.cmd("QUIT")
        finally:
            self.close()


def receive_all(sock):
    content = b""
    with sock:
        while True:
            data = sock.recv(65536)
            if not data:
                return content
            content += data


def file_on_server(path):
    with open(netbed.TMP + "/ftp/" + path, "rb") as file:
        return file.read()


def transfers(ns, host, port=21, mode="PASV", writing="single", path="pub/small", **how):
    """A session that fetches a file and must get the right one."""
    ftp = Ftp(ns, host, port, writing, **how)
    with ftp.sock:
        got = ftp.get(mode, path)
        netbed.must(got == file_on_server(path), "%d bytes came, not those of the file" % len(got))
        ftp.quit()


def no_transfer(ns, host, port=21, mode="PASV", writing="single", path="pub/small", **how):
    """The control connection works, the data connection must not come about."""
    ftp = Ftp(ns, host, port, writing, patience=netbed.NEVER, **how)
    ftp.sock.settimeout(netbed.NEVER)
    with ftp.sock:
        try:
            ftp.get(mode, path)
        except (OSError, Refused) as problem:
            netbed.must(ftp.stage == "data", "failed too early: %s" % problem)
            return
    raise AssertionError("the file came all the same")
