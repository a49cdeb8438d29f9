# SPDX-License-Identifier: GPL-2.0-only
"""What must stay closed. ftp_security.sh has the network."""
import socket

import netbed
from ftpcli import Ftp, file_on_server, no_transfer, transfers
from ftpsrv import Server
from netbed import must, must_equal, pinholes, reachable

OUTSIDE = "203.0.113.1"	# c1 and c2, seen from the servers
HOSTS = {4: "203.0.113.2", 6: "2001:db8:2::2"}	# s1


def say_it(session, argument):
    session.say(argument.replace("\\n", "\n"))


def policy(*words):
    netbed.algctl("r", "policy", "set", "default", "ftp", "option", *words)


def numbers(host, port):
    return "%s,%d,%d" % (host.replace(".", ","), port >> 8, port & 255)


def nothing_opens(reason, commands, family=4):
    """Each command passes as it is, is counted under @reason and opens nothing."""
    ftp = Ftp("c1", HOSTS[family])
    seen = len(SERVERS[family].seen)
    for command in commands:
        ftp.cmd(command)
    must_equal(SERVERS[family].seen[seen:], commands, "what the server saw")
    must_equal(COUNTED.grown("opened", "rewritten", reason), (0, 0, len(commands)), "opened, rewritten, " + reason)
    must_equal(pinholes(), [], "pinholes")
    transfers_on(ftp)
    ftp.quit()


def transfers_on(ftp):
    """The session is none the worse for it."""
    must_equal(ftp.get("EPRT", "pub/small"), file_on_server("pub/small"), "the file")
    COUNTED.grown()


THIRD_PARTIES = ("192.168.1.12", "192.168.1.1", "203.0.113.1", "203.0.113.2", "203.0.113.3", "127.0.0.1", "0.0.0.0",
                 "255.255.255.255")

MALFORMED = {
    "PORT": ("", "1", "192,168,1,11,200", "192,168,1,11,200,1,1", "192,168,1,256,200,1", "192,168,1,11,256,1",
             "192,168,1,11,200,1000", "192,168,1,11,0,0", "192, 168,1,11,200,1", "192.168.1.11,200,1",
             "192,168,1,11,200,-1", "192,168,1,11,200,0x10", "(192,168,1,11,200,1)", "192,168,1,11,,1",
             ",192,168,1,11,200,1", "192,168,1,11,200,1 x", "192,168,1,11,200,1\x01", "192,168,1,11,200,\x00"),
    "EPRT": ("", "|", "|||", "|1|192.168.1.11|", "|1|192.168.1.11|51200", "|3|192.168.1.11|51200|",
             "|1|192.168.1|51200|", "|1|192.168.1.256|51200|", "|1|192.168.1.11|65536|", "|1|192.168.1.11|0|",
             "|1|192.168.1.11||", "|2|192.168.1.11|51200|", "|1|2001:db8:1::11|51200|", "|1!192.168.1.11!51200|",
             "|1|192.168.1.11|51200|x", "| 1|192.168.1.11|51200|",
             "|1|192.168.1.11|-1|", "|1|192.168.1.11|5120000000000|"),
    "LPRT": ("", "4,4,192,168,1,11,2,200", "6,4,192,168,1,11,2,200,1", "4,5,192,168,1,11,2,200,1",
             "4,4,192,168,1,11,3,200,1", "4,4,192,168,1,300,2,200,1", "4,4,192,168,1,11,2,0,0"),
}

MALFORMED_REPLIES = (
    ("PASV", "227 Entering Passive Mode (203,0,113,2,200)"),
    ("PASV", "227 Entering Passive Mode (203,0,113,256,200,1)"),
    ("PASV", "227 Entering Passive Mode (203,0,113,2,0,0)"),
    ("PASV", "227 Entering Passive Mode (203,0,113,2,999,1)"),
    ("PASV", "227 Entering Passive Mode"),
    ("EPSV", "229 Entering Extended Passive Mode (|||65536|)"),
    ("EPSV", "229 Entering Extended Passive Mode (|||0|)"),
    ("EPSV", "229 Entering Extended Passive Mode (||51200|)"),
    ("EPSV", "229 Entering Extended Passive Mode (|||51200"),
    ("EPSV", "229 Entering Extended Passive Mode"),
)


def malformed_commands(verb):
    nothing_opens("malformed", [(verb + " " + argument).rstrip(" ") if not argument else verb + " " + argument
                                for argument in MALFORMED[verb]])


def malformed_replies():
    ftp = Ftp("c1", HOSTS[4])
    for command, reply in MALFORMED_REPLIES:
        SERVERS[4].hooks[command] = lambda session, _, text=reply: session.say(text)
        ftp.cmd(command)
    SERVERS[4].hooks.clear()
    SERVERS[4].hooks["SITE"] = say_it
    must_equal(COUNTED.grown("opened", "malformed"), (0, len(MALFORMED_REPLIES)), "opened, malformed")
    must_equal(pinholes(), [], "pinholes")
    transfers_on(ftp)
    ftp.quit()


def malformed_dropped():
    policy("malformed=drop")
    try:
        ftp = Ftp("c1", HOSTS[4])
        seen = len(SERVERS[4].seen)
        ftp.sock.settimeout(netbed.NEVER)
        try:
            ftp.cmd("PORT 1,2,3")
            raise AssertionError("it was answered")
        except socket.timeout:
            pass
        must_equal(len(SERVERS[4].seen), seen, "commands that the server saw")
        ftp.close()
    finally:
        policy("malformed=default")
    COUNTED.grown()


def from_the_wrong_side():
    """PORT as a reply, 227 and 229 as commands."""
    ftp = Ftp("c1", HOSTS[4])
    for text in ("PORT " + numbers(HOSTS[4], 51200), "EPRT |1|%s|51200|" % HOSTS[4]):
        ftp.send(("SITE %s\\n200 ok\r\n" % text).encode())
        must_equal(ftp.line().strip(), text, "what the client saw")
        ftp.expect(200)
    for text in ("227 Entering Passive Mode (%s)" % numbers("192.168.1.11", 51200), "229 Extended (|||51200|)"):
        ftp.cmd(text)
        must_equal(SERVERS[4].seen[-1], text, "what the server saw")
    must_equal(COUNTED.grown("opened", "rewritten"), (0, 0), "opened, rewritten")
    transfers_on(ftp)
    ftp.quit()


def unsolicited(before):
    """The server announces what nobody asked for, after @before."""
    ftp = Ftp("c1", HOSTS[4])
    listener = netbed.listen("s1", HOSTS[4])
    port = listener.getsockname()[1]
    if before:
        SERVERS[4].hooks[before] = lambda session, _: session.say("500 no")
        ftp.cmd(before)
        SERVERS[4].hooks.pop(before)
    ftp.cmd("SITE 227 Entering Passive Mode (%s)" % numbers(HOSTS[4], port))
    ftp.cmd("SITE 229 Entering Extended Passive Mode (|||%d|)" % port)
    must_equal(COUNTED.grown("opened", "unsolicited"), (0, 2), "opened, unsolicited")
    must(not reachable("c1", HOSTS[4], port), "the port is open")
    transfers_on(ftp)
    ftp.quit()


def third_party_reply():
    """A 227 that names another server: refused, or opened where the policy says so."""
    ftp = Ftp("c1", HOSTS[4])
    listener = netbed.listen("s2", "203.0.113.3")
    port = listener.getsockname()[1]
    SERVERS[4].hooks["PASV"] = lambda session, _: session.say("227 (%s)" % numbers("203.0.113.3", port))
    try:
        ftp.cmd("PASV", ok=(227,))
        must_equal(COUNTED.grown("opened", "mismatch-address"), (0, 1), "opened, mismatch-address")
        must(not reachable("c1", "203.0.113.3", port), "the port is open")
        policy("mismatch-address=on")
        ftp.cmd("PASV", ok=(227,))
        must_equal(COUNTED.grown("opened", "mismatch-address"), (1, 0), "with the option: opened, mismatch-address")
        must(reachable("c1", "203.0.113.3", port, netbed.PATIENCE), "with the option: the port is closed")
    finally:
        policy("mismatch-address=default")
        SERVERS[4].hooks.pop("PASV")
    ftp.quit()


def only_the_peer(family):
    """A bystander does not come in by the pinhole, the server does, and only once."""
    ftp = Ftp("c1", HOSTS[family])
    listener = netbed.listen("c1", ftp.local)
    port = listener.getsockname()[1]
    ftp.cmd(ftp.announce("EPRT", ftp.local, port), ok=(200,))
    hole, = pinholes()
    must_equal((hole["target"]["address"], hole["target"]["port"]), (ftp.local, port), "target")
    must_equal(hole["peer"]["address"], HOSTS[family], "peer")
    public = OUTSIDE if family == 4 else ftp.local
    must_equal(hole["public"]["address"], public, "public address")
    must(not reachable("s2", public, hole["public"]["port"]), "a bystander came in")
    must(not reachable("s1", public, hole["public"]["port"] ^ 1), "the next port is open, too")
    must(pinholes(), "the bystander used the pinhole up")
    server = netbed.connect("s1", public, hole["public"]["port"])
    client, _ = netbed.accept(listener)
    must(not reachable("s1", public, hole["public"]["port"]), "the server came in twice")
    must(not pinholes(), "the pinhole is open")
    server.close()
    client.close()
    ftp.quit()
    COUNTED.grown()


def only_the_client():
    """Passive mode: to that server and port only, and not from the neighbour."""
    ftp = Ftp("c1", HOSTS[4])
    endpoint = ftp.passive_endpoint(ftp.cmd("PASV", ok=(227,))[1])
    same_port = netbed.listen("s2", "203.0.113.3", endpoint[1])
    must(not reachable("c1", "203.0.113.3", endpoint[1]), "another server is open")
    must(not reachable("c2", *endpoint), "the neighbour came out")
    ftp.cmds("NOOP")
    netbed.connect("c1", *endpoint).close()
    same_port.close()
    ftp.quit()
    COUNTED.grown()


def timeout():
    policy("pinhole-timeout=1")
    try:
        ftp = Ftp("c1", HOSTS[4])
        listener = netbed.listen("c1", ftp.local)
        port = listener.getsockname()[1]
        ftp.cmd(ftp.announce("PORT", ftp.local, port), ok=(200,))
        must_equal(COUNTED.grown("opened"), 1, "opened")
        must(netbed.eventually(lambda: not pinholes()), "it stays open")
        must_equal(COUNTED.grown("expired", "used"), (1, 0), "expired, used")
        must(not reachable("s1", OUTSIDE, port), "the port is open")
        ftp.quit()
    finally:
        policy("pinhole-timeout=default")


def at_most():
    policy("max-pinholes=2")
    try:
        ftp = Ftp("c1", HOSTS[4])
        for port in (40001, 40002, 40003, 40004):
            ftp.cmd(ftp.announce("PORT", ftp.local, port))
            must(len(pinholes()) <= 2, "more than two are open")
        must_equal(COUNTED.grown("session-pinholes"), 2, "session-pinholes")
        close_control()
        ftp.close()
    finally:
        policy("max-pinholes=default")


def close_control():
    netbed.forget("r", "-p", "tcp", "--dport", "21")
    must(netbed.eventually(lambda: not pinholes()), "pinholes are still open")


def with_the_session():
    """Its pinholes end with the control connection."""
    COUNTED.grown()
    ftp = Ftp("c1", HOSTS[4])
    ftp.cmd(ftp.announce("PORT", ftp.local, 40001), ok=(200,))
    must_equal(len(pinholes()), 1, "pinholes")
    close_control()
    must(not reachable("s1", OUTSIDE, 40001), "the port is open")
    must_equal(COUNTED.grown("closed"), 1, "closed")
    ftp.close()


def long_line(verb):
    ftp = Ftp("c1", HOSTS[4])
    line = verb + " " + "1," * 3000
    ftp.cmd(line)
    must_equal(SERVERS[4].seen[-1], line, "what the server saw")
    must_equal(COUNTED.grown("opened"), 0, "opened")
    transfers_on(ftp)
    ftp.quit()


def other_port():
    """Only the ports of its services are an ALG's business."""
    Server("s1", HOSTS[4], 2121)
    no_transfer("c1", HOSTS[4], 2121, "PORT")
    netbed.algctl("r", "service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121")
    netbed.algctl("r", "policy", "set", "default", "ftp", "services", "ftp,ftp-alt")
    transfers("c1", HOSTS[4], 2121, "PORT")
    transfers("c1", HOSTS[4], 2121, "PASV")
    transfers("c1", HOSTS[4], 21, "PORT")
    netbed.algctl("r", "policy", "set", "default", "ftp", "services", "ftp")
    no_transfer("c1", HOSTS[4], 2121, "PORT")


def off():
    netbed.algctl("r", "policy", "set", "default", "ftp", "off")
    ftp = Ftp("c1", HOSTS[4])
    listener = netbed.listen("c1", ftp.local)
    port = listener.getsockname()[1]
    ftp.cmd(ftp.announce("PORT", ftp.local, port))
    must_equal(SERVERS[4].seen[-1], ftp.announce("PORT", ftp.local, port), "what the server saw")
    must_equal(pinholes(), [], "pinholes")
    must(not reachable("s1", OUTSIDE, port), "the port is open")
    ftp.quit()
    no_transfer("c1", HOSTS[6], mode="EPRT")


def check(title, function, *arguments, **named):
    """A point; what a failed one left behind must not make others fail."""
    if not netbed.check(title, function, *arguments, **named):
        netbed.algctl("r", "policy", "set", "default", "ftp", "off")
        netbed.algctl("r", "policy", "set", "default", "ftp", "on")
        COUNTED.grown()


SERVERS = {family: Server("s1", host) for family, host in HOSTS.items()}
for one in SERVERS.values():
    one.hooks["SITE"] = say_it
COUNTED = netbed.Counted()
netbed.markers = netbed.Markers({"c1": "192.168.1.11", "c2": "192.168.1.12", "s1": HOSTS[4], "s2": "203.0.113.3"},
                                ["s1", "s2"], ["c1", "c2"])

check("a session works: PORT", transfers, "c1", HOSTS[4], mode="PORT")
check("a session works: IPv6, EPRT", transfers, "c1", HOSTS[6], mode="EPRT")
COUNTED.grown()
check("PORT with a third party's address opens nothing", nothing_opens, "mismatch-address",
      ["PORT " + numbers(host, 51200) for host in THIRD_PARTIES])
check("EPRT with a third party's address opens nothing", nothing_opens, "mismatch-address",
      ["EPRT |1|%s|51200|" % host for host in THIRD_PARTIES] + ["EPRT |2|2001:db8:1::11|51200|"])
check("IPv6: EPRT with a third party's address opens nothing", nothing_opens, "mismatch-address",
      ["EPRT |2|%s|51200|" % host for host in ("2001:db8:1::12", "2001:db8:2::3", "::1", "::ffff:192.168.1.11", "::")] +
      ["EPRT |1|192.168.1.11|51200|"], 6)
check("a port below 1024 is refused: PORT, EPRT, LPRT", nothing_opens, "low-port",
      ["PORT 192,168,1,11,%d,%d" % (port >> 8, port & 255) for port in (1, 21, 22, 80, 1023)] +
      ["EPRT |1|192.168.1.11|1023|", "LPRT 4,4,192,168,1,11,2,3,255"])
check("IPv6: a port below 1024 is refused", nothing_opens, "low-port", ["EPRT |2|2001:db8:1::11|1023|"], 6)
for name, arguments in MALFORMED.items():
    check("malformed %s opens nothing, in %d ways" % (name, len(arguments)), malformed_commands, name)
check("malformed 227 and 229 open nothing", malformed_replies)
check("malformed=drop: the command does not arrive", malformed_dropped)
check("PORT from the server and 227 from the client are ignored", from_the_wrong_side)
check("227 and 229 that nobody asked for open nothing", unsolicited, None)
check("227 and 229 after a refused PASV open nothing", unsolicited, "PASV")
check("227 with a third party's address: only with mismatch-address=on", third_party_reply)
check("a pinhole is the peer's alone, once", only_the_peer, 4)
check("IPv6: a pinhole is the peer's alone, once", only_the_peer, 6)
check("a passive pinhole is the client's alone", only_the_client)
check("a pinhole closes after pinhole-timeout", timeout)
check("at most max-pinholes are open", at_most)
check("pinholes end with the session", with_the_session)
for name in ("PORT", "NOOP", "EPRT"):
    check("a line of 6000 bytes passes: " + name, long_line, name)
check("another port is an FTP service only when the policy says so", other_port)
check("without ALG nothing opens", off)
netbed.finish()
