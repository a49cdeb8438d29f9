# SPDX-License-Identifier: GPL-2.0-only
"""Many FTP sessions side by side for lab.py: all of them take a step before any takes the next."""
import resource
import select
import time

SIZE = 3000	# bytes of a transfer


class Crowd:
    def __init__(self, lab, patience):
        self.lab = lab
        self.patience = patience

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


def many(lab, count, clients, server, addr, rounds, kinds, patience):
    from lab import Session, Wrong, finish_connect, content, show, parse_endpoint, port_text
    import socket

    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    crowd = Crowd(lab, patience)
    listener = lab.listener(server, addr, 21)

    # Control connections, all at once.
    pending = [lab.connect(clients[i % len(clients)], addr, 21) for i in range(count)]
    accepted = {}
    for _ in range(count):
        if not select.select([listener], [], [], patience)[0]:
            raise Wrong("only %d of %d connected" % (len(accepted), count))
        s, peer = listener.accept()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(b"220 %s\r\n" % show(peer).encode())
        accepted[show(peer)] = s
    sessions = []
    for c in crowd.gather(pending, "read"):
        finish_connect(c, patience)
        greeting = c.recv(200).decode()
        i = pending.index(c)
        session = Session(clients[i % len(clients)], server, c, accepted[greeting[4:].strip()])
        lab.sessions["many%d" % i] = session
        sessions.append(session)

    done = 0
    for number in range(rounds):
        kind_of = {id(s): kinds[(i + number) % len(kinds)] for i, s in enumerate(sessions)}
        data_of = {id(s): content(SIZE, number * count + i) for i, s in enumerate(sessions)}
        owner, other, texts = {}, {}, {}
        # Everybody announces.
        for s in sessions:
            kind = kind_of[id(s)]
            s.passive = kind in ("PASV", "EPSV")
            owner[id(s)], other[id(s)] = (s.server, s.client) if s.passive else (s.client, s.server)
            s.reset_data()
            at = s.server_ns if s.passive else s.client_ns
            s.listener = lab.ns.socket(at, owner[id(s)].family, socket.SOCK_STREAM)
            s.listener.bind((owner[id(s)].getsockname()[0], 0))
            s.listener.listen(2)
            if s.passive:
                s.client.sendall(kind.encode() + b"\r\n")
            else:
                texts[id(s)] = port_text(kind, s.client.getsockname()[0], s.listener.getsockname()[1])
                s.client.sendall(texts[id(s)].encode() + b"\r\n")
        by_socket = {s.server: s for s in sessions}
        for sock in crowd.gather(list(by_socket), "read"):
            s = by_socket[sock]
            line = s.line(sock, patience)
            if s.passive:
                text = port_text(kind_of[id(s)], *s.listener.getsockname()[:2])
                s.server.sendall(text.encode() + b"\r\n")
            else:
                s.public = parse_endpoint(line, s.server.getpeername()[0])
                s.server.sendall(b"200 done\r\n")
        by_socket = {s.client: s for s in sessions}
        for sock in crowd.gather(list(by_socket), "read"):
            s = by_socket[sock]
            line = s.line(sock, patience)
            if s.passive:
                s.public = parse_endpoint(line, s.client.getpeername()[0])
        # Everybody connects.
        guests = {}
        for s in sessions:
            guests[id(s)] = lab.connect(s.client_ns if s.passive else s.server_ns, *s.public)
        hosts = {}
        by_socket = {s.listener: s for s in sessions}
        for sock in crowd.gather(list(by_socket), "read"):
            hosts[id(by_socket[sock])] = sock.accept()[0]
        # The server's ends send.
        got = {}
        for s in sessions:
            host, guest = hosts[id(s)], guests[id(s)]
            finish_connect(guest, patience)
            sender, receiver = (host, guest) if s.passive else (guest, host)
            sender.setblocking(True)
            receiver.setblocking(True)
            sender.sendall(data_of[id(s)])
            sender.shutdown(socket.SHUT_WR)
            got[receiver] = s
        for receiver in crowd.gather(list(got), "read"):
            s, data = got[receiver], b""
            while True:
                more = receiver.recv(1 << 16)
                if not more:
                    break
                data += more
            if data != data_of[id(s)]:
                raise Wrong("content of a transfer (%s)" % kind_of[id(s)])
            done += 1
        for s in sessions:
            hosts[id(s)].close()
            guests[id(s)].close()
    return {"sessions": len(sessions), "transfers": done}
