# SPDX-License-Identifier: GPL-2.0-only
"""An FTP server that answers as it is told: for replies that real servers don't give, or don't cut so."""
import re
import threading

import netbed
from ftpcli import Control, file_on_server, receive_all


class Server:
    """Serves sessions of namespace @ns in threads.

    @writing: how replies are written, see Control.send()
    @eol: their line end
    @texts: replies by number, instead of the usual ones: 220, and 227, 228, 229 with one %s
    @hooks: by command: function(session, argument), instead of what would be done
    @tls: an ssl.SSLContext, for AUTH
    """

    def __init__(self, ns, host, port=21, writing="single", eol="\r\n", texts=None, hooks=None, tls=None):
        self.ns = ns
        self.host = host
        self.writing = writing
        self.eol = eol
        self.texts = {220: "220 ready", 227: "227 Entering Passive Mode (%s).",
                      228: "228 Entering Long Passive Mode (%s)", 229: "229 Entering Extended Passive Mode (|||%s|)"}
        self.texts.update(texts or {})
        self.hooks = hooks or {}
        self.tls = tls
        self.seen = []	# commands of all sessions
        self.stored = {}
        self.listener = netbed.listen(ns, host, port)
        self.listener.settimeout(None)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(2 * netbed.PATIENCE)
            threading.Thread(target=Session(self, sock).run, daemon=True).start()

    def close(self):
        self.listener.shutdown(2)
        self.listener.close()


class Session(Control):
    def __init__(self, server, sock):
        super().__init__(sock, server.writing)
        self.server = server
        self.passive = None	# listener
        self.active = None	# endpoint
        self.plain = None	# the socket below TLS

    def say(self, text):
        """Lines end as the server's do, @text brings those inside."""
        self.send((text.replace("\n", self.server.eol) + self.server.eol).encode("latin-1"))

    def run(self):
        try:
            self.say(self.server.texts[220])
            while True:
                line = self.line().rstrip("\r\n")
                self.server.seen.append(line)
                verb, _, argument = line.lstrip().partition(" ")
                verb = re.sub("[^A-Z]", "", verb.upper())
                self.obey(verb, argument)
        except OSError:
            self.close()

    def obey(self, verb, argument):
        if self.server.hooks.get(verb):
            self.server.hooks[verb](self, argument)
            return
        try:
            getattr(self, "do_" + verb, self.unknown)(argument)
        except (ValueError, IndexError):
            self.say("501 what is that?")

    def unknown(self, _):
        self.say("500 what?")

    def do_USER(self, _):
        self.say("331 go on")

    def do_PASS(self, _):
        self.say("230 hello")

    def do_NOOP(self, _):
        self.say("200 ok")

    do_TYPE = do_PBSZ = do_PROT = do_SITE = do_NOOP

    def do_PWD(self, _):
        self.say('257 "/"')

    def do_QUIT(self, _):
        self.say("221 bye")
        self.close()

    def do_ABOR(self, _):
        self.say("226 done")

    # -- data connections --

    def set_active(self, host, port):
        self.passive = None
        self.active = (host, int(port))
        self.say("200 I will come")

    def do_PORT(self, argument):
        number = argument.split(",")
        self.set_active(".".join(number[:4]), int(number[4]) << 8 | int(number[5]))

    def do_LPRT(self, argument):
        number = argument.split(",")
        self.set_active(".".join(number[2:6]), int(number[7]) << 8 | int(number[8]))

    def do_EPRT(self, argument):
        part = argument.split(argument[0])
        self.set_active(part[2], part[3])

    def open_passive(self):
        self.active = None
        host = self.sock.getsockname()[0]
        self.passive = netbed.listen(self.server.ns, host)
        port = self.passive.getsockname()[1]
        return host.replace(".", ","), port

    def do_PASV(self, _):
        host, port = self.open_passive()
        self.say(self.server.texts[227] % ("%s,%d,%d" % (host, port >> 8, port & 255)))

    def do_LPSV(self, _):
        host, port = self.open_passive()
        self.say(self.server.texts[228] % ("4,4,%s,2,%d,%d" % (host, port >> 8, port & 255)))

    def do_EPSV(self, argument):
        if argument.upper() == "ALL":
            self.say("200 nothing else then")
            return
        self.say(self.server.texts[229] % self.open_passive()[1])

    def data(self):
        try:
            if self.passive:
                sock, _ = netbed.accept(self.passive)
                self.passive.close()
                self.passive = None
            else:
                own = self.sock.getsockname()[0]
                sock = netbed.connect(self.server.ns, *self.active, source=(own, 0), timeout=netbed.NEVER * 3)
        except (OSError, TypeError):
            self.say("425 no data connection")
            return None
        return sock

    def do_RETR(self, path):
        try:
            content = file_on_server(path)
        except OSError:
            self.say("550 no such file")
            return
        self.say("150 here it comes")
        sock = self.data()
        if sock:
            sock.sendall(content)
            sock.close()
            self.say("226 done")

    def do_STOR(self, path):
        self.say("150 go on")
        sock = self.data()
        if sock:
            self.server.stored[path] = receive_all(sock)
            self.say("226 done")

    # -- TLS (RFC 4217) --

    def do_AUTH(self, argument):
        if not self.server.tls:
            self.say("502 no")
            return
        self.say("234 go on")
        self.plain = self.sock
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)

    def do_CCC(self, _):
        self.say("200 plain again")
        self.sock = self.sock.unwrap()
