# SPDX-License-Identifier: GPL-2.0-only
"""Many FTP sessions side by side for lab.py: all of them take a step before any takes the next."""
import resource
import select
import socket
import time

from lab import Session, Wrong, content, finish_connect, parse_endpoint, port_text, show

SIZE = 3000	# bytes of a transfer


class Crowd:
    """Each session also has .kind and .text of its next transfer, .host and .guest, the ends of its data connection."""

    def __init__(self, lab, patience):
        self.lab = lab
        self.patience = patience
        self.sessions = []

    def gather(self, sockets, what):
        """Each of the sockets becomes ready: yields them as they do."""
        end = time.monotonic() + self.patience
        waiting = {s.fileno(): s for s in sockets}
        poll = select.poll()
        for fd in waiting:
            poll.register(fd, select.POLLIN if what == "read" else select.POLLOUT)
        while waiting:
            ready = poll.poll(max(0, (end - time.monotonic()) * 1000))
            if not ready:
                raise TimeoutError("%d of %d did not get ready to %s" % (len(waiting), len(sockets), what))
            for fd, _ in ready:
                poll.unregister(fd)
                yield waiting.pop(fd)

    def gather_lines(self, by_socket):
        """(session, the line that came) each"""
        for sock in self.gather(list(by_socket), "read"):
            yield by_socket[sock], by_socket[sock].line(sock, self.patience)

    def connect(self, count, clients, server, addr):
        """Control connections, all at once."""
        listener = self.lab.listener(server, addr, 21)
        pending = [self.lab.connect(clients[i % len(clients)], addr, 21) for i in range(count)]
        accepted = {}
        for _ in range(count):
            if not select.select([listener], [], [], self.patience)[0]:
                raise Wrong("only %d of %d connected" % (len(accepted), count))
            s, peer = listener.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(b"220 %s\r\n" % show(peer).encode())
            accepted[show(peer)] = s
        for c in self.gather(pending, "read"):
            finish_connect(c, self.patience)
            greeting = c.recv(200).decode()
            i = pending.index(c)
            session = Session(clients[i % len(clients)], server, c, accepted[greeting[4:].strip()])
            self.lab.sessions["many%d" % i] = session
            self.sessions.append(session)

    def listen(self, s):
        """Whoever is to be connected to listens, and says so: the server when it is asked."""
        s.passive = s.kind in ("PASV", "EPSV")
        owner = s.server if s.passive else s.client
        s.reset_data()
        s.listener = self.lab.ns.socket(s.server_ns if s.passive else s.client_ns, owner.family, socket.SOCK_STREAM)
        s.listener.bind((owner.getsockname()[0], 0))
        s.listener.listen(2)
        text = s.kind if s.passive else port_text(s.kind, s.client.getsockname()[0], s.listener.getsockname()[1])
        s.client.sendall(text.encode() + b"\r\n")

    def announce(self):
        """All do; the others learn .public."""
        for s in self.sessions:
            self.listen(s)
        for s, line in self.gather_lines({s.server: s for s in self.sessions}):
            if s.passive:
                s.server.sendall(port_text(s.kind, *s.listener.getsockname()[:2]).encode() + b"\r\n")
            else:
                s.public = parse_endpoint(line, s.server.getpeername()[0])
                s.server.sendall(b"200 done\r\n")
        for s, line in self.gather_lines({s.client: s for s in self.sessions}):
            if s.passive:
                s.public = parse_endpoint(line, s.client.getpeername()[0])

    def come(self):
        """Data connections."""
        for s in self.sessions:
            s.guest = self.lab.connect(s.client_ns if s.passive else s.server_ns, *s.public)
        by_socket = {s.listener: s for s in self.sessions}
        for sock in self.gather(list(by_socket), "read"):
            by_socket[sock].host = sock.accept()[0]

    def transfer(self):
        """The server's ends send."""
        got = {}
        for s in self.sessions:
            finish_connect(s.guest, self.patience)
            sender, receiver = (s.host, s.guest) if s.passive else (s.guest, s.host)
            sender.setblocking(True)
            receiver.setblocking(True)
            sender.sendall(s.text)
            sender.shutdown(socket.SHUT_WR)
            got[receiver] = s
        for receiver in self.gather(list(got), "read"):
            if everything(receiver) != got[receiver].text:
                raise Wrong("content of a transfer (%s)" % got[receiver].kind)
        for s in self.sessions:
            s.host.close()
            s.guest.close()


def everything(sock):
    data = b""
    while True:
        more = sock.recv(1 << 16)
        if not more:
            return data
        data += more


def many(lab, count, clients, server, addr, rounds, kinds, patience):
    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    crowd = Crowd(lab, patience)
    crowd.connect(count, clients, server, addr)
    for number in range(rounds):
        for i, s in enumerate(crowd.sessions):
            s.kind, s.text = kinds[(i + number) % len(kinds)], content(SIZE, number * count + i)
        crowd.announce()
        crowd.come()
        crowd.transfer()
    return {"sessions": len(crowd.sessions), "transfers": rounds * len(crowd.sessions)}
