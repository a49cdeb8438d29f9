# SPDX-License-Identifier: GPL-2.0-only
"""Every PPTP message in both directions, and which GRE packets get through for it. pptp_messages.sh has the network."""
import json
import socket
import struct
import sys

import netbed
from netbed import check, eventually, must, must_equal
from pptp_peer import (CLEAR, DISCONNECT, ECHO_REPLY, ECHO_REQUEST, IN_CONNECTED, IN_REPLY, IN_REQUEST, LENGTH, LINK_INFO,
                       OUT_REPLY, OUT_REQUEST, START_REPLY, START_REQUEST, STOP_REPLY, STOP_REQUEST, WAN_ERROR, Call, Gre, Line,
                       carries, ids, message, read_exactly, read_message, same_but_ids)

C1, C2, S1, S2 = "192.168.1.11", "192.168.1.12", "203.0.113.2", "203.0.113.3"
PUBLIC, SECOND = "203.0.113.1", "203.0.113.10"
C1_6, S1_6, S2_6 = "2001:db8:1::11", "2001:db8:2::2", "2001:db8:2::3"


def policy(*words):
    """on, off, observe, or options."""
    for word in words:
        policy_words(*(["option", word] if "=" in word else [word]))


def policy_words(*words):
    netbed.algctl("r", "policy", "set", "default", "pptp", *words)


def calls():
    return json.loads(netbed.algctl("r", "-j", "call", "show", "protocol", "pptp"))["calls"]


def no_calls():
    must(eventually(lambda: not calls()), "calls are left: %r" % calls())


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


def one_after_other(a, b):
    """Two clients' calls end; the second goes on without the first."""
    must(not GRE["c1"].receive(), "the first client got the second's GRE")
    a.line.close()
    must(eventually(lambda: len(calls()) == 1), "the first call ends with its connection")
    silent(a, GRE["c1"], GRE["s1"])
    carries(b, GRE["c2"], GRE["s1"], PUBLIC, S1)
    b.line.close()
    no_calls()


def equal_numbers():
    """Two clients, one number, one server: the server tells them apart."""
    first, second = line(C1, "c1"), line(C2, "c2")
    a, b = Call(first, 6000, 901), Call(second, 6000, 902)
    must(a.told != b.told, "both calls have the number %d" % a.told)
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    carries(b, GRE["c2"], GRE["s1"], PUBLIC, S1)
    one_after_other(a, b)


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
    carries(known(6300, told, 931), GRE["c1"], GRE["s1"], PUBLIC, S1)
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
    carries(known(6400, told, 941), GRE["c1"], GRE["s1"], PUBLIC, S1)
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
    carries(known(6600, told, 961), GRE["c1"], GRE["s1"], PUBLIC, S1)
    one.close()
    no_calls()


def known(own, told, far):
    """A call that was set up by hand."""
    call = Call.__new__(Call)
    call.own, call.told, call.far = own, told, far
    return call


def every_byte():
    """A request and its reply in two segments, cut at each byte."""
    one = line()
    for at in range(1, LENGTH[OUT_REQUEST]):
        own = 20000 + at
        request = message(OUT_REQUEST, own)
        one.client.sendall(request[:at])
        one.client.sendall(request[at:])
        got = read_message(one.server)
        told = ids(got)[0]
        must(told != own, "the number %d goes as it is" % own)
        same_but_ids(got, request, told)
        reply = message(OUT_REPLY, 2000 + at, told)
        one.server.sendall(reply[:at])
        one.server.sendall(reply[at:])
        same_but_ids(read_message(one.client), reply, 2000 + at, own)
        gone = message(DISCONNECT, 2000 + at)
        must_equal(one.down(gone), gone, "disconnect")
    one.close()
    no_calls()


def odd_ones():
    """Reserved fields, more than the RFC's fields, types and messages that it does not know: all pass, calls are served."""
    COUNTED.grown()
    one = line()
    request = bytearray(message(OUT_REQUEST, 7500))
    struct.pack_into("!H", request, 10, 0xFFFF)
    got = one.up(bytes(request))
    told = ids(got)[0]
    same_but_ids(got, request, told)
    for strange in (message(ECHO_REQUEST)[:8] + b"\0\x10" + message(ECHO_REQUEST)[10:],
                    message(OUT_REQUEST, 7501)[:2] + b"\0\2" + message(OUT_REQUEST, 7501)[4:]):
        must_equal(one.up(strange), strange, "a message of another kind")
    reply = bytearray(message(OUT_REPLY, 1001, told) + b"more")
    struct.pack_into("!H", reply, 0, len(reply))
    same_but_ids(one.down(bytes(reply)), reply, 1001, 7500)
    carries(known(7500, told, 1001), GRE["c1"], GRE["s1"], PUBLIC, S1)
    must_equal(COUNTED.grown("other-type", "malformed", "out-call-request", "out-call-reply"), (2, 0, 1, 1), "counters")
    one.close()
    no_calls()


def truncated():
    """What the end of the connection cuts off passes as it is, and opens nothing."""
    for length in (1, 11, 13, 100, 167):
        one = line()
        part = message(OUT_REQUEST, 7510)[:length]
        one.client.sendall(part)
        one.client.shutdown(socket.SHUT_WR)
        must_equal(read_exactly(one.server, length), part, "%d bytes" % length)
        must_equal(one.server.recv(1), b"", "end")
        must_equal(calls(), [], "calls")
        one.close()


def not_theirs():
    """Nobody can end, answer or connect what is not his."""
    one, other = line(), line(C2, "c2")
    a = Call(one, 7520, 1011)
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    for kind, number in ((CLEAR, a.own), (CLEAR, a.told), (DISCONNECT, a.own), (DISCONNECT, a.told)):
        must_equal(other.up(message(kind, number)), message(kind, number), "message %d up" % kind)
    for kind, number in ((CLEAR, a.far), (DISCONNECT, a.far), (WAN_ERROR, a.told), (LINK_INFO, a.told)):
        must_equal(other.down(message(kind, number)), message(kind, number), "message %d down" % kind)
    must_equal(one.down(message(DISCONNECT, a.told)), message(DISCONNECT, a.told), "disconnect with the other end's number")
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)

    COUNTED.grown()
    told = ids(other.up(message(OUT_REQUEST, 7521)))[0]
    for say, reply in ((other.up, message(OUT_REPLY, 1012, told)), (other.up, message(OUT_REPLY, 1012, 7521)),
                       (other.down, message(IN_REPLY, 1012, told)), (other.down, message(OUT_REPLY, 1012, told ^ 1)),
                       (other.down, message(OUT_REPLY, 1012, a.told)), (one.down, message(OUT_REPLY, 1012, told))):
        must_equal(say(reply), reply, "a reply to nothing")
    must_equal(COUNTED.grown("unsolicited"), 6, "unsolicited")
    GRE["s1"].send(PUBLIC, told)
    must(not GRE["c2"].receive(), "GRE gets in")
    reply = message(OUT_REPLY, 1013, told)
    same_but_ids(other.down(reply), reply, 1013, 7521)
    carries(known(7521, told, 1013), GRE["c2"], GRE["s1"], PUBLIC, S1)
    for end in (one, other):
        end.close()
    no_calls()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


ENDS = {
    "the client's disconnect": lambda one, call: one.up(message(DISCONNECT, call.own)),
    "the server's clear": lambda one, call: one.down(message(CLEAR, call.far)),
    "the server's stop": lambda one, call: one.down(message(STOP_REQUEST)),
    "the client's answer to a stop": lambda one, call: one.up(message(STOP_REPLY)),
    "the client's FIN": lambda one, call: one.client.shutdown(socket.SHUT_WR),
    "the server's FIN": lambda one, call: one.server.shutdown(socket.SHUT_WR),
    "the client's RST": lambda one, call: reset(one.client),
    "the server's RST": lambda one, call: reset(one.server),
}


def ended_by(end):
    """GRE that came through before does not any more, in either direction."""
    one = line()
    call = Call(one, 7530, 1021)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    end(one, call)
    must(eventually(lambda: not any(one["flows"] for one in calls())), "flows are left")
    silent(call, GRE["c1"], GRE["s1"])
    GRE["s1"].drain()
    GRE["c1"].send(S1, call.far)
    must(not GRE["s1"].receive(), "GRE still gets out")
    one.close()
    must(eventually(lambda: not calls()), "calls are left")


def redial():
    """The client forgot a call, and uses its number for a new one on another connection; then the old connection ends."""
    old, new = line(), line()
    a = Call(old, 7540, 1031)
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    b = Call(new, 7540, 1032)
    carries(b, GRE["c1"], GRE["s1"], PUBLIC, S1)
    reset(old.client)
    must(eventually(lambda: len(calls()) == 1), "one call is left")
    carries(b, GRE["c1"], GRE["s1"], PUBLIC, S1)
    for end in (old, new):
        end.close()
    no_calls()


def again():
    """A number is used again on the same connection without a word about the old call."""
    one = line()
    a = Call(one, 7550, 1041)
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    b = Call(one, 7550, 1042)
    must_equal(len(calls()), 1, "calls")
    carries(b, GRE["c1"], GRE["s1"], PUBLIC, S1)
    one.close()
    no_calls()


def number_zero():
    """Both ends have number 0, as some do with their first call; and another client has, with another server, too."""
    first, second = line(C1, "c1"), line(C2, "c2")
    a = Call(first, 0, 0)
    for _ in range(3):
        carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    b = Call(second, 0, 1)
    must(a.told != b.told, "both calls have the number %d" % a.told)
    third = Line(LISTENER_S2, "c2", C2, S2)
    c = Call(third, 0, 0)
    for _ in range(3):
        carries(b, GRE["c2"], GRE["s1"], PUBLIC, S1)
        carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
        carries(c, GRE["c2"], GRE["s2"], PUBLIC, S2)
    third.close()
    one_after_other(a, b)


def counters():
    """Each message, and what became of the call."""
    one = line()
    COUNTED.grown()
    for kind in (START_REQUEST, ECHO_REQUEST):
        one.up(message(kind))
    for kind in (START_REPLY, ECHO_REPLY):
        one.down(message(kind))
    call = Call(one, 7560, 1051)
    other = line(C2, "c2")
    hidden = Call(other, 7560, 1052)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    one.down(message(WAN_ERROR, call.told))
    one.up(message(LINK_INFO, call.far))
    other.down(message(IN_REQUEST, 1053))
    other.up(message(IN_REPLY, 7561, 1053))
    other.down(message(IN_CONNECTED, 7561))
    one.up(message(CLEAR, call.own))
    one.down(message(DISCONNECT, call.far))
    one.up(message(STOP_REQUEST))
    one.down(message(STOP_REPLY))
    names = ("start-request", "start-reply", "echo-request", "echo-reply", "out-call-request", "out-call-reply", "wan-error",
             "set-link-info", "in-call-request", "in-call-reply", "in-call-connected", "call-clear", "call-disconnect",
             "stop-request", "stop-reply", "other-type", "calls", "answered", "opened", "used", "ended", "sessions")
    must_equal(dict(zip(names, COUNTED.grown(*names))), dict(zip(names, (1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 3, 3, 6, 2,
                                                                         1, 1))), "counters")
    must(len({call.told, hidden.told, 7560}) == 3, "equal numbers")
    for end in (one, other):
        end.close()
    no_calls()


def shown():
    """What call show says of a call, in both forms."""
    one = line()
    call = Call(one, 7570, 1061)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    entry, = calls()
    must_equal((entry["protocol"], entry["state"], entry["from"], entry["to"]),
               ("pptp", "established", "192.168.1.11 call 7570", "203.0.113.2 call 1061"), "call show")
    flows = sorted((flow["type"], flow["transport"], flow["state"], flow["peer"]["address"], flow["target"]["address"],
                    flow["target"]["port"], flow["party"], flow["packets"], flow["bytes"]) for flow in entry["flows"])
    must_equal(flows, [("gre", "gre", "active", C1, S1, 1061, 1, 1, 34), ("gre", "gre", "active", S1, C1, 7570, 0, 1, 36)],
               "flows")
    text = netbed.algctl("r", "call", "show", "protocol", "pptp", "flows")
    must("192.168.1.11 call 7570" in text, "call show says %r" % text)
    one.close()
    no_calls()


def events():
    """Who listens is told of a call's beginning, its answer and its end."""
    def act():
        one = line()
        Call(one, 7575, 1065)
        one.close()
        no_calls()

    netbed.told("r", act, lambda lines: all(
        any(kind in line and far in line and "call 7575" in line for line in lines)
        for kind, far in (("call-started", ""), ("call-answered", "call 1065"), ("call-ended", "call 1065"))))


def early():
    """GRE of both parties before the reply, where the firewall lets it make connections: it is not in the way of the call's."""
    netbed.run("r", "nft", "add rule inet fw more meta l4proto gre accept")
    one = line()
    GRE["c1"].send(S1, 1071, b"early")
    must_equal(GRE["s1"].receive(netbed.PATIENCE), (PUBLIC, 1071, b"early"), "GRE before the call")
    GRE["s1"].send(PUBLIC, 7580, b"early")
    must(not GRE["c1"].receive(), "GRE gets in before the call")
    call = Call(one, 7580, 1071)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    entry, = calls()
    must_equal([flow["state"] for flow in entry["flows"]], ["active", "active"], "flows")
    one.close()
    no_calls()
    netbed.run("r", "nft", "flush chain inet fw more; add rule inet fw more tcp dport 1723 iifname lan0 accept")


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
    must_equal(len(calls()), 2, "calls when one had ended")
    policy("max-calls=10000")
    one.close()
    no_calls()
    silent(a, GRE["c1"], GRE["s1"])


def cleared_early():
    """The clear passes while the answer is on its way: that opens nothing, and the disconnect is understood."""
    one = Line(LISTENER_C1, "s1", S1, PUBLIC)
    other = line(C2, "c2")
    Call(other, 977, 976)
    must_equal(ids(one.up(message(OUT_REQUEST, 6820)))[0], 6820, "number")
    one.up(message(CLEAR, 6820))
    told = ids(one.down(message(OUT_REPLY, 977, 6820)))[0]
    must_equal([flow for call in calls() if call["state"] != "established" for flow in call["flows"]], [], "flows")
    GRE["s1"].send(PUBLIC, told)
    must(not GRE["c1"].receive(), "GRE of a call that was cleared gets in")
    GRE["c1"].send(S1, 6820)
    must(not GRE["s1"].receive(), "GRE of a call that was cleared gets out")
    gone = message(DISCONNECT, 977)
    same_but_ids(one.down(gone), gone, told)
    must_equal(len(calls()), 1, "calls")
    for end in (one, other):
        end.close()
    no_calls()


def many():
    """A control connection has 256 calls at most."""
    one = line()
    COUNTED.grown()
    for number in range(257):
        one.up(message(OUT_REQUEST, 8000 + number))
    must_equal(COUNTED.grown("calls", "quota-calls"), (256, 1), "calls and those that were refused")
    one.close()
    no_calls()


def one_pinhole():
    """GRE is let through in both directions or not at all."""
    netbed.algctl("r", "tenant", "set", "default", "max-pinholes", "1")
    one = line()
    call = Call(one, 6810, 975)
    netbed.algctl("r", "tenant", "set", "default", "max-pinholes", "unlimited")
    must_equal(netbed.pinholes(), [], "pinholes")
    must_equal(COUNTED.grown("quota-pinholes", "answered"), (1, 0), "what is refused")
    silent(call, GRE["c1"], GRE["s1"])
    one.close()
    no_calls()


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


def switched_off(*words):
    """A live call ends when its messages are not seen any more: its GRE, and what waits for GRE. Afterwards the next one works."""
    one = line()
    call, unused = Call(one, 7000, 992), Call(one, 7001, 1992)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    policy_words(*words)
    must_equal((netbed.pinholes(), calls()), ([], []), "pinholes, calls")
    for one_call in (call, unused):
        silent(one_call, GRE["c1"], GRE["s1"])
        GRE["s1"].drain()
        GRE["c1"].send(S1, one_call.far)
        must(not GRE["s1"].receive(), "GRE still gets out")
    gone = message(DISCONNECT, call.far)
    must_equal(one.down(gone), gone, "disconnect")
    policy_words("on", "services", "pptp")
    must_equal(calls(), [], "calls")
    call = Call(one, 7000, 992)
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
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


def number_of_another():
    """The box has ended a call, whose server knows nothing of it; another client's equal number is not that one's."""
    one, other = line(), line(C2, "c2")
    a = Call(one, 7250, 998)
    carries(a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    shown, = calls()
    netbed.algctl("r", "call", "del", "id", str(shown["id"]), "protocol", "pptp")
    b = Call(other, 7250, 999)
    carries(b, GRE["c2"], GRE["s1"], PUBLIC, S1)
    GRE["s1"].send(PUBLIC, a.told, b"for the first")
    must(not GRE["c2"].receive(), "the second client got the first one's GRE")
    again_a = Call(line(), 7250, 997)
    must_equal(again_a.told, a.told, "the first client's number, used again")
    carries(again_a, GRE["c1"], GRE["s1"], PUBLIC, S1)
    for end in (one, other, again_a.line):
        end.close()
    no_calls()


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


def two_addresses():
    """A host is seen at one address where it calls, at another where it is called, with one number: GRE comes to each."""
    netbed.run("r", "nft", "add rule ip nat predst ip daddr %s tcp dport 1723 dnat to %s:1723" % (SECOND, C1))
    one, other = line(), Line(LISTENER_C1, "s2", S2, SECOND)
    call = Call(one, 7350, 996)
    other.up(message(OUT_REQUEST, 7351))
    told = ids(other.down(message(OUT_REPLY, 7350, 7351)))[0]
    GRE["s2"].send(SECOND, told, b"in")
    must_equal(GRE["c1"].receive(netbed.PATIENCE), (S2, 7350, b"in"), "GRE to the server")
    GRE["c1"].send(S2, 7351, b"out")
    must_equal(GRE["s2"].receive(netbed.PATIENCE), (SECOND, 7351, b"out"), "GRE to the client")
    carries(call, GRE["c1"], GRE["s1"], PUBLIC, S1)
    for end in (one, other):
        end.close()
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
LISTENER_S2 = netbed.listen("s2", S2, 1723)
LISTENER_C1 = netbed.listen("c1", C1, 1723)
GRE = {"c1": Gre("c1", C1), "c2": Gre("c2", C2), "s1": Gre("s1", S1), "s2": Gre("s2", S2)}
netbed.markers = netbed.Markers({"c1": C1, "c2": C2, "s1": S1, "s2": S2}, ["s1", "s2"], ["c1", "c2"])

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
check("in two segments, cut at each byte", every_byte)
check("unknown types, reserved fields and longer messages pass, calls are served", odd_ones)
check("a message that the connection's end cuts off", truncated)
check("calls of other connections and wrong replies", not_theirs)
for what, end in ENDS.items():
    check("GRE ends with " + what, ended_by, end)
check("a number used again on a new connection", redial)
check("a number used again on the same connection", again)
check("number 0 at both ends", number_zero)
check("counters of messages and calls", counters)
check("call show", shown)
check("events", events)
check("GRE before the reply", early)
check("malformed messages pass, open nothing, are counted", malformed)
check("malformed messages are dropped by policy", malformed_dropped)
check("max-calls", quota)
check("a call that is cleared before it is answered", cleared_early)
check("256 calls of one control connection, no more", many)
check("a call whose second pinhole is refused", one_pinhole)
check("observe changes nothing", observe)
check("without the ALG neither direction's GRE passes", off)
netbed.algctl("r", "service", "add", "pptp-other", "protocol", "pptp", "tcp", "1999")
for words in (("off",), ("observe",), ("services", "pptp-other")):
    check("a live call ends with policy %s" % " ".join(words), switched_off, *words)
check("an administrator ends a call", deleted)
check("a number that another client had is not given to the next", number_of_another)
check("server behind DNAT", dnat)
check("one host at two public addresses", two_addresses)
check("IPv6 without NAT", ipv6)
if "--quick" not in sys.argv:
    check("gre-timeout", idle)
netbed.finish()
