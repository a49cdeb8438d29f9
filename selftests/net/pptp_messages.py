# SPDX-License-Identifier: GPL-2.0-only
"""Every PPTP message in both directions, and which GRE packets get through for it. pptp_messages.sh has the network."""
import json
import socket
import struct
import sys

import netbed
from netbed import check, eventually, must, must_equal
from pptp_peer import (CLEAR, DISCONNECT, ECHO_REQUEST, GRANTED, IN_CONNECTED, IN_REPLY, IN_REQUEST, LENGTH, LINK_INFO, OUT_REPLY,
                       OUT_REQUEST, START_REPLY, START_REQUEST, STOP_REQUEST, WAN_ERROR, Gre, Line, ids, message)

C1, C2, S1, S2, PUBLIC = "192.168.1.11", "192.168.1.12", "203.0.113.2", "203.0.113.3", "203.0.113.1"
C1_6, S1_6, S2_6 = "2001:db8:1::11", "2001:db8:2::2", "2001:db8:2::3"


def policy(*words):
    """on, off, observe, or options."""
    for word in words:
        netbed.algctl("r", "policy", "set", "default", "pptp", *(["option", word] if "=" in word else [word]))


def calls():
    return json.loads(netbed.algctl("r", "-j", "call", "show", "protocol", "pptp"))["calls"]


def no_calls():
    must(eventually(lambda: not calls()), "calls are left: %r" % calls())


def same_but_ids(got, sent, first, second=None):
    """@got is @sent with these IDs in it."""
    wanted = bytearray(sent)
    struct.pack_into("!H", wanted, 12, first)
    if second is not None:
        struct.pack_into("!H", wanted, 14, second)
    must_equal(got, bytes(wanted), "message")


class Call:
    """A call that the client asks for: own is its number, told what the server was told, far the server's."""

    def __init__(self, line, own=5000, far=900):
        self.line, self.own, self.far = line, own, far
        request = message(OUT_REQUEST, own, 0x1111)
        got = line.up(request)
        self.told = ids(got)[0]
        same_but_ids(got, request, self.told)
        reply = message(OUT_REPLY, far, self.told)
        same_but_ids(line.down(reply), reply, far, own)


def carries(call, client, server, from_client, from_server):
    """GRE of the call in both directions; from_*: addresses as the other side sees them."""
    client.send(from_server, call.far, b"up")
    must_equal(server.receive(netbed.PATIENCE), (from_client, call.far, b"up"), "GRE to the server")
    server.send(from_client, call.told, b"down")
    must_equal(client.receive(netbed.PATIENCE), (from_server, call.own, b"down"), "GRE to the client")


def silent(call, client, server, to=PUBLIC):
    """Nothing of the call gets in any more."""
    client.drain()
    server.send(to, call.told, b"late")
    must(not client.receive(), "GRE still gets in")


def line(host=C1, ns="c1", source=0):
    return Line(LISTENER, ns, host, S1, source=source)


def outgoing():
    one = line()
    GRE["s1"].send(PUBLIC, 5000)
    must(not GRE["c1"].receive(), "GRE gets in before there is a call")
    call = Call(one)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    shown, = calls()
    must_equal((shown["state"], shown["protocol"], len(shown["flows"])), ("established", "pptp", 2), "call show")
    one.close()
    no_calls()
    silent(call, GRE["c1"], GRE["s1"])


def refused_calls():
    one = line()
    told = ids(one.up(message(OUT_REQUEST, 5100)))[0]
    reply = message(OUT_REPLY, 77, told, result=4)
    same_but_ids(one.down(reply), reply, 77, 5100)
    no_calls()
    GRE["s1"].send(PUBLIC, told)
    must(not GRE["c1"].receive(), "a refused call opens GRE")
    one.close()


def unsolicited():
    """A reply to nothing opens nothing and passes as it is."""
    one = line()
    reply = message(OUT_REPLY, 88, 5200)
    must_equal(one.down(reply), reply, "reply")
    no_calls()
    GRE["s1"].send(PUBLIC, 5200)
    must(not GRE["c1"].receive(), "an unsolicited reply opens GRE")
    one.close()


def equal_numbers():
    """Two clients, one number, one server: the server tells them apart."""
    first, second = line(C1, "c1"), line(C2, "c2")
    a, b = Call(first, 6000, 901), Call(second, 6000, 902)
    must(a.told != b.told, "both calls have the number %d" % a.told)
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    carries(b, GRE["c2"], GRE["s1"], PUBLIC, S1)
    must(not GRE["c1"].receive(0.2), "the first client got the second's GRE")
    first.close()
    must(eventually(lambda: len(calls()) == 1), "the first call ends with its connection")
    silent(a, GRE["c1"], GRE["s1"])
    carries(b, GRE["c2"], GRE["s1"], PUBLIC, S1)
    second.close()
    no_calls()


def two_calls():
    """Two calls of one connection end one by one."""
    one = line()
    a, b = Call(one, 6100, 911), Call(one, 6101, 912)
    for call in (a, b):
        carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    clear = message(CLEAR, a.own)
    same_but_ids(one.up(clear), clear, a.told)
    silent(a, GRE["c1"], GRE["s1"])
    carries(b, GRE["c1"], GRE["s1"], PUBLIC, S1)
    gone = message(DISCONNECT, a.far)
    must_equal(one.down(gone), gone, "disconnect")
    must(eventually(lambda: len(calls()) == 1), "one call is left")
    gone = message(DISCONNECT, b.far)
    must_equal(one.down(gone), gone, "disconnect")
    no_calls()
    silent(b, GRE["c1"], GRE["s1"])
    one.close()


def later_messages():
    """Whose number each message has (RFC 2637, 2.11 to 2.15), the client being PNS."""
    one = line()
    call = Call(one, 6200, 921)
    error = message(WAN_ERROR, call.told)
    same_but_ids(one.down(error), error, call.own)
    info = message(LINK_INFO, call.far)
    must_equal(one.up(info), info, "set link info")
    for kind in (ECHO_REQUEST, START_REQUEST, START_REPLY):
        other = message(kind, call.own, call.told)
        must_equal(one.up(other), other, "message %d up" % kind)
        must_equal(one.down(other), other, "message %d down" % kind)
    stop = message(STOP_REQUEST)
    must_equal(one.up(stop), stop, "stop")
    no_calls()
    silent(call, GRE["c1"], GRE["s1"])
    one.close()


def incoming():
    """The server is PAC and calls (RFC 2637, 2.9 to 2.11)."""
    one = line()
    request = message(IN_REQUEST, 931, 0x2222)
    must_equal(one.down(request), request, "incoming call request")
    reply = message(IN_REPLY, 6300, 931)
    got = one.up(reply)
    told = ids(got)[0]
    same_but_ids(got, reply, told, 931)
    connected = message(IN_CONNECTED, told)
    same_but_ids(one.down(connected), connected, 6300)
    call = Call.__new__(Call)
    call.own, call.told, call.far = 6300, told, 931
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    one.close()
    no_calls()


def client_is_pac():
    """The client is PAC: it calls in, the server's clear and the client's disconnect end it."""
    one = line()
    request = message(IN_REQUEST, 6400)
    got = one.up(request)
    told = ids(got)[0]
    same_but_ids(got, request, told)
    reply = message(IN_REPLY, 941, told)
    same_but_ids(one.down(reply), reply, 941, 6400)
    info = message(LINK_INFO, told)
    same_but_ids(one.down(info), info, 6400)
    clear = message(CLEAR, 941)
    must_equal(one.down(clear), clear, "clear")
    gone = message(DISCONNECT, 6400)
    same_but_ids(one.up(gone), gone, told)
    no_calls()
    one.close()


def strangers():
    one = line()
    call = Call(one, 6500, 951)
    GRE["s2"].send(PUBLIC, call.told)
    must(not GRE["c1"].receive(), "GRE of a third party gets in")
    GRE["s1"].send(PUBLIC, call.told ^ 1)
    must(not GRE["c1"].receive(), "GRE with a foreign call ID gets in")
    GRE["s1"].send(PUBLIC, call.own ^ 2)
    must(not GRE["c1"].receive(), "GRE with a foreign call ID gets in")
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    one.close()
    no_calls()


def pieces(size):
    """Request and reply in segments of @size bytes, several messages before them."""
    one = line()
    before = message(START_REQUEST, fill=0x11)
    data = before + message(OUT_REQUEST, 6600)
    for at in range(0, len(data), size):
        one.client.sendall(data[at:at + size])
    got = read_exactly(one.server, len(data))
    told = ids(got[len(before):])[0]
    must_equal(got[:len(before)], before, "what went before")
    same_but_ids(got[len(before):], data[len(before):], told)
    data = message(START_REPLY, fill=0x22) + message(OUT_REPLY, 961, told) + message(WAN_ERROR, told)
    for at in range(0, len(data), size):
        one.server.sendall(data[at:at + size])
    got = read_exactly(one.client, len(data))
    must_equal(ids(got[156:]), (961, 6600), "IDs of the reply")
    must_equal(ids(got[188:])[0], 6600, "ID of the error")
    call = Call.__new__(Call)
    call.own, call.told, call.far = 6600, told, 961
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    one.close()
    no_calls()


def read_exactly(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        must(more, "the connection ended after %d bytes of %d" % (len(data), length))
        data += more
    return data


def malformed():
    """They pass as they are, and nothing is opened by what follows."""
    good = message(OUT_REQUEST, 6700)
    bad = {
        "cookie": good[:4] + b"\0\0\0\0" + good[8:],
        "message type": good[:2] + b"\0\3" + good[4:],
        "length too short for a header": b"\0\4" + good[2:],
        "length too short for its type": b"\0\x20" + good[2:],
        "length too large": b"\xff\xff" + good[2:],
    }
    for what, data in bad.items():
        one = line()
        one.client.sendall(data + good)
        must_equal(read_exactly(one.server, len(data + good)), data + good, what)
        must_equal(calls(), [], "calls, " + what)
        one.close()
    must(COUNTED.grown("malformed") >= len(bad), "malformed messages are counted")


def malformed_dropped():
    policy("malformed=drop")
    one = line()
    good = message(ECHO_REQUEST)
    must_equal(one.up(good), good, "a good message")
    one.client.sendall(b"\0\4" + good[2:])
    one.server.settimeout(netbed.NEVER)
    try:
        must(not one.server.recv(100), "a malformed message passed")
    except socket.timeout:
        pass
    policy("malformed=pass")
    one.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def quota():
    policy("max-calls=2")
    one = line()
    a, b = Call(one, 6800, 971), Call(one, 6801, 972)
    request = message(OUT_REQUEST, 6802)
    must_equal(one.up(request), request, "the request over the quota")
    must_equal(len(calls()), 2, "calls")
    must_equal(COUNTED.grown("quota-calls"), 1, "quota-calls")
    gone = message(DISCONNECT, b.far)
    one.down(gone)
    Call(one, 6803, 973)
    policy("max-calls=10000")
    one.close()
    no_calls()
    silent(a, GRE["c1"], GRE["s1"])


def observe():
    policy("observe")
    one = line()
    request = message(OUT_REQUEST, 900)
    must_equal(one.up(request), request, "request")
    reply = message(OUT_REPLY, 981, 900)
    must_equal(one.down(reply), reply, "reply")
    must_equal(calls(), [], "calls")
    must(COUNTED.grown("observed") >= 2, "messages are counted as observed")
    GRE["s1"].send(PUBLIC, 900)
    must(not GRE["c1"].receive(), "observe opens GRE")
    policy("on")
    one.close()


def off():
    policy("off")
    one = line()
    request = message(OUT_REQUEST, 6900)
    must_equal(one.up(request), request, "request")
    reply = message(OUT_REPLY, 991, 6900)
    must_equal(one.down(reply), reply, "reply")
    GRE["s1"].send(PUBLIC, 6900)
    must(not GRE["c1"].receive(), "GRE gets in without ALG")
    GRE["c1"].send(S1, 991)
    must(not GRE["s1"].receive(), "GRE gets out without ALG")
    policy("on")
    one.close()


def switched_off():
    """A live call ends when the policy is changed: what is pending at once, what runs with the tenant's calls."""
    one = line()
    call = Call(one, 7000, 992)
    policy("off")
    must_equal(netbed.pinholes(), [], "pinholes")
    silent(call, GRE["c1"], GRE["s1"])
    policy("on")
    one.close()
    no_calls()


def idle():
    """gre-timeout counts from the last packet, and closes for good."""
    policy("gre-timeout=10")
    one = line()
    call = Call(one, 7100, 993)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    must(eventually(lambda: not calls(), 40), "the call stays")
    silent(call, GRE["c1"], GRE["s1"])
    policy("gre-timeout=600")
    one.close()


def deleted():
    one = line()
    call = Call(one, 7200, 994)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    shown, = calls()
    netbed.algctl("r", "call", "del", "id", str(shown["id"]), "protocol", "pptp")
    must_equal(calls(), [], "calls")
    silent(call, GRE["c1"], GRE["s1"])
    one.close()


def dnat():
    """Server inside, client outside: the server's numbers are translated."""
    one = Line(LISTENER_C1, "s1", S1, PUBLIC)
    request = message(OUT_REQUEST, 7300)
    must_equal(one.up(request), request, "request")
    reply = message(OUT_REPLY, 7300, 7300)
    got = one.down(reply)
    told = ids(got)[0]
    same_but_ids(got, reply, told, 7300)
    info = message(LINK_INFO, told)
    same_but_ids(one.up(info), info, 7300)
    GRE["s1"].send(PUBLIC, told, b"in")
    must_equal(GRE["c1"].receive(netbed.PATIENCE), (S1, 7300, b"in"), "GRE to the server")
    GRE["c1"].send(S1, 7300, b"out")
    must_equal(GRE["s1"].receive(netbed.PATIENCE), (PUBLIC, 7300, b"out"), "GRE to the client")
    one.close()
    no_calls()


def ipv6():
    """A firewall without translation: numbers stay, GRE opens both ways, for the parties only."""
    client, server, stranger = Gre("c1", C1_6), Gre("s1", S1_6), Gre("s2", S2_6)
    listener = netbed.listen("s1", S1_6, 1723)
    one = Line(listener, "c1", C1_6, S1_6)
    server.send(C1_6, 7400)
    must(not client.receive(), "GRE gets in before there is a call")
    call = Call(one, 7400, 995)
    must_equal(call.told, 7400, "number")
    stranger.send(C1_6, 7400)
    must(not client.receive(), "GRE of a third party gets in")
    carries(call, client, server, C1_6, S1_6)
    one.close()
    no_calls()
    silent(call, client, server, C1_6)


netbed.enter("r")
COUNTED = netbed.Counted("r", "pptp")
LISTENER = netbed.listen("s1", S1, 1723)
LISTENER_C1 = netbed.listen("c1", C1, 1723)
GRE = {"c1": Gre("c1", C1), "c2": Gre("c2", C2), "s1": Gre("s1", S1), "s2": Gre("s2", S2)}

check("a call from behind NAT: GRE both ways, closed before and after", outgoing)
check("a refused call opens nothing", refused_calls)
check("a reply that nobody asked for opens nothing", unsolicited)
check("equal call IDs of two clients behind one address", equal_numbers)
check("two calls of one control connection end one by one", two_calls)
check("later messages name the right party's number", later_messages)
check("an incoming call: the server is PAC", incoming)
check("an incoming call: the client is PAC", client_is_pac)
check("GRE of third parties and with other call IDs stays out", strangers)
for size in (1, 2, 7, 13, 155, 157):
    check("in segments of %d bytes" % size, pieces, size)
check("malformed messages pass, open nothing, are counted", malformed)
check("malformed messages are dropped by policy", malformed_dropped)
check("max-calls", quota)
check("observe changes nothing", observe)
check("without the ALG neither direction's GRE passes", off)
check("a policy that is switched off closes a live call", switched_off)
check("an administrator ends a call", deleted)
check("server behind DNAT", dnat)
check("IPv6 without NAT", ipv6)
if "--quick" not in sys.argv:
    check("gre-timeout", idle)
netbed.finish()
