#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
SIP messages as no phone writes them, in packets as no kernel sends them: torture messages (after RFC 4475, in words of our
own), messages of other people's tests where they are at hand (NF_ALG_CORPORA), fragments, garbage; sip_stream.py has TCP. What
comes out on the other side is read by a reader of our own (sip_reader.py) and compared with what must come out, byte for
byte. See raw_lib.py for the router.
"""
import glob
import os
import random
import re
import socket
import struct
import sys

from raw_lib import CLIENT4, CLIENT6, SERVER4, SERVER6, UDP, Flow, Router, Tap, Wrong, expect, expect_is, ip, udp
from sip_reader import Message, Unreadable, uri_endpoint

SLOW = os.environ.get("NF_ALG_KERNEL", "").startswith("stock")	# software emulation
CORPORA = os.environ.get("NF_ALG_CORPORA") or os.path.join(os.environ.get("NF_ALG_TOP", "."), "../shared/corpora")
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else random.getrandbits(32)

# ---- templates: what goes in and what must come out are two renderings of one text ----
#
# @me: our side's address; @at: with its SIP port; @m1, @m2 ...: media ports, any other inside the box, the same everywhere;
# @n1 ...: the port behind @m1; @len: Content-Length; @part: length of a part, which is between the lines "--cut".


class Template:
    def __init__(self, text):
        if isinstance(text, str):
            text = text.encode()
        self.text = text.replace(b"\n", b"\r\n").replace(b"\\r\r\n", b"\r").replace(b"\\\\n", b"\n")

    def render(self, at=("192.168.1.11", 5060), media=None):
        """@media: {name: port}"""
        media = media or {}
        text = self.text.replace(b"@me", at[0].encode()).replace(b"@at", b"%s:%d" % (at[0].encode(), at[1]))
        text = re.sub(rb"@m(\d)", lambda m: b"%d" % media.get(m.group(1), 4000 + 10 * int(m.group(1))), text)
        text = re.sub(rb"@n(\d)", lambda m: b"%d" % (media.get(m.group(1), 4000 + 10 * int(m.group(1))) + 1), text)
        part = re.search(rb"--cut\r\n.*?\r\n\r\n(.*?)\r\n--cut", text, re.S)
        if part:
            text = text.replace(b"@part", b"%d" % len(part.group(1)))
        return text.replace(b"@len", b"%d" % len(text.partition(b"\r\n\r\n")[2]))

    def media(self, got):
        """Media ports in a message that must be a rendering of this: {name: port}"""
        found = {}
        for line in self.text.split(b"\r\n"):
            m = re.match(rb"(m=\w+ )@m(\d)", line)
            if m:
                ports = re.findall(rb"(?m)^" + m.group(1) + rb"(\d+)", got)
                nth = sum(1 for name in found.values() if name[1] == m.group(1))
                expect(nth < len(ports), "no m-line for @m%s in %r" % (m.group(2).decode(), got))
                found[m.group(2)] = (int(ports[nth]), m.group(1))
        return {name: port for name, (port, _) in found.items()}

    def check(self, got, at):
        """@got is this, as seen from outside. Returns the media ports."""
        media = self.media(got)
        expect_is(got, self.render(at, media), "message")
        return media


HEAD = """Via: SIP/2.0/UDP @at;branch=z9hG4bK%(id)s
Max-Forwards: 70
From: <sip:alice@@at>;tag=%(id)s
To: <sip:bob@203.0.113.2>
Call-ID: %(id)s@192.168.1.11
CSeq: 1 %(method)s
"""
SDP = """v=0
o=alice 1 1 IN IP4 @me
s=-
c=IN IP4 @me
t=0 0
m=audio @m1 RTP/AVP 8
"""
numbers = iter(range(1, 1 << 30))


def text(template, method="INVITE"):
    """%(head)s, %(id)s, %(sdp)s are filled in; @ directly before an address token stays: user@@me."""
    ident = "t%d" % next(numbers)
    return Template(template % {"head": HEAD % {"id": ident, "method": method}, "id": ident, "sdp": SDP})


def simple(method="INVITE", body=True, more=""):
    return text(method + " sip:bob@203.0.113.2 SIP/2.0\n%(head)sContact: <sip:alice@@at>\n" + more +
                ("Content-Type: application/sdp\nContent-Length: @len\n\n%(sdp)s" if body else "Content-Length: @len\n\n"), method)


# ---- packets ----

def pass_on(router, data, sport=5060, dport=5060, outward=True, fragments=0, order=1):
    """What arrives of a datagram: [(payload, source port, destination port)]. @fragments: how many to cut it into"""
    if outward:
        src, dst, wire = CLIENT4, SERVER4, router.inside
    else:
        src, dst, wire = SERVER4, router.public, router.outside
    body = udp(src, dst, sport, dport, data)
    if fragments:
        step = (len(body) // fragments + 8) & ~7
        parts = [(off, body[off:off + step]) for off in range(0, len(body), step)]
        ident = next(numbers) & 0xffff
        for off, part in parts[::order]:
            wire.send(ip(src, dst, UDP, part, frag=(0x2000 if off + step < len(body) else 0) | off // 8, ident=ident))
    else:
        wire.send(ip(src, dst, UDP, body))
    to_inside, to_outside = router.settle()
    got = []
    for p in to_outside if outward else to_inside:
        if p.proto == UDP and p.dst == (SERVER4 if outward else CLIENT4) and p.body[8:]:
            p.verify()
            got.append((p.body[8:], p.sport, p.dport))
    return got


def comes_out(router, template, **more):
    """The one message that arrives is the template from outside. Returns (media ports, its source port)."""
    got = pass_on(router, template.render(), **more)
    expect_is(len(got), 1, "datagrams that arrive of %r" % template.render())
    data, sport, _ = got[0]
    media = template.check(data, ("203.0.113.1", sport))
    return media, sport


def unchanged(router, data, **more):
    got = pass_on(router, data, **more)
    expect_is([one[0] for one in got], [data], "what arrives")


def leads(router, port, private, count=1, sport=30000):
    """UDP from the server to a public port arrives at a private one."""
    got = pass_on(router, b"\x80\x08RTP", sport, port, outward=False)
    expect_is([(one[0], one[2]) for one in got], [(b"\x80\x08RTP", private)] * count, "RTP")


# ---- valid messages ----

VALID = {
    "compact names, odd white space, folding, any case": """INVITE sip:bob@203.0.113.2;unknownparam SIP/2.0
TO :
 sip:bob@203.0.113.2 ;   tag    = 17
f   : "A \\"quoted\\" <name> with \\\\ and 192.168.1.11"       <sip:alice@@at>
  ;
  tag = %(id)s
MaX-fOrWaRdS: 0068
i: %(id)s@192.168.1.11
l   : @len
cseq: 0009
  INVITE
v  : SIP  /   2.0
 /UDP
    @at;branch=z9hG4bK%(id)s
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
c: application/sdp
m:
 "Quoted string \\"\\"" <sip:alice@@at> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

%(sdp)s""",
    "several Contacts and Routes in one header and in many": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>;q=0.5, "A, B" <sip:alice2@@at;transport=udp>;q=0.4 ,<sip:c@198.51.100.7:5060>
Contact: sip:alice3@@at
Record-Route: <sip:@at;lr>, <sip:198.51.100.9;lr>
Route: <sip:203.0.113.2;lr>,<sip:198.51.100.9:5070;lr>
Content-Type: application/sdp
Content-Length: @len

%(sdp)s""",
    "identities": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
P-Asserted-Identity: "Alice" <sip:alice@@me>, <tel:+15551234>
P-Preferred-Identity: <sip:alice@@me>
Remote-Party-ID: <sip:alice@@me>;party=calling
Reply-To: <sip:alice@@at>
Referred-By: <sip:alice@@at>
Content-Type: application/sdp
Content-Length: @len

%(sdp)s""",
    "a call that was forwarded": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
Diversion: "Carol" <sip:carol@@me>;reason=unconditional;counter=1, <sip:dave@198.51.100.7>;reason=no-answer
History-Info: <sip:carol@@at?Reason=SIP%%3Bcause%%3D302>;index=1, <sip:bob@203.0.113.2;cause=302>;index=1.1
Content-Type: application/sdp
Content-Length: @len

%(sdp)s""",
    "a call that is handed over": """REFER sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
Refer-To: <sip:alice@@at?Replaces=1%%40192.168.1.11%%3Bto-tag%%3D2>
Referred-By: "Alice" <sip:alice@@me>
Content-Length: 0

""",
    "a registration by way of a proxy": """REGISTER sip:203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>;expires=60
Path: <sip:edge@@at;lr>
Content-Length: 0

""",
    "digest, Call-ID, tags and branch stay": """INVITE sip:bob@203.0.113.2 SIP/2.0
Via: SIP/2.0/UDP @at;branch=z9hG4bK192.168.1.11%(id)s
Max-Forwards: 70
From: <sip:alice@@at>;tag=192.168.1.11%(id)s
To: <sip:bob@203.0.113.2>
Call-ID: %(id)s@192.168.1.11:5060
CSeq: 1 INVITE
Contact: <sip:alice@@at>
Proxy-Authorization: Digest username="a@192.168.1.11", realm="192.168.1.11", nonce="192.168.1.11:5060",
 uri="sip:192.168.1.11:5060", response="d1"
X-Unknown: sip:192.168.1.11:5060
Subject: 192.168.1.11:5060
Content-Type: application/sdp
Content-Length: @len

%(sdp)s""",
    "no Content-Length, CR and LF alone in the description": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
Content-Type: APPLICATION/SDP;charset=utf-8

%(sdp)s""",
    "multipart with a description": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
Content-Type: multipart/mixed;boundary="cut"
Content-Length: @len

in front: 192.168.1.11
--cut
Content-Type: application/sdp
Content-Length: @part

%(sdp)s
--cut
Content-Type: text/plain

c=IN IP4 192.168.1.11
--cut--
behind
""",
    "many media, a=rtcp, candidates, attributes": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
Content-Type: application/sdp
Content-Length: @len

v=0
o=alice 1 1 IN IP4 @me
s=192.168.1.11
i=call me at 192.168.1.11
t=0 0
m=audio @m1 RTP/AVP 8 0
c=IN IP4 @me
a=candidate:1 1 UDP 2130706431 @me @m1 typ host
a=candidate:1 2 UDP 2130706430 @me @n1 typ host
a=candidate:2 1 UDP 1694498815 198.51.100.7 4000 typ srflx raddr @me rport @m1
a=rtcp:@n1 IN IP4 @me
a=x-unknown:192.168.1.11 4010
m=video @m2 RTP/SAVPF 31
c=IN IP4 @me
a=sendrecv
m=image 0 udptl t38
c=IN IP4 @me
m=application 9 TCP/MSRP *
c=IN IP4 198.51.100.7
""",
    "bytes behind the body": """INVITE sip:bob@203.0.113.2 SIP/2.0
%(head)sContact: <sip:alice@@at>
Content-Length: 0

INVITE sip:nobody@192.168.1.11 SIP/2.0
""",
    "a body of another type": """MESSAGE sip:bob@203.0.113.2 SIP/2.0
%(head)sContent-Type: text/plain
Content-Length: @len

c=IN IP4 192.168.1.11
m=audio 4010 RTP/AVP 8
""",
    "escapes, strange tokens, long values": """OPTIONS sip:sips%%3Auser%%40example.com@203.0.113.2;p%%77=%%31 SIP/2.0
Via: SIP/2.0/UDP @at;branch=z9hG4bK-.!%%%%66*_+`'~%(id)s;%(id)s="192.168.1.11 ,<;"
Via: SIP/2.0/TCP 198.51.100.7;branch=z9hG4bK1;received=198.51.100.8 ,SIP / 2.0 / UDP 198.51.100.9 : 5066 ;branch=z9hG4bK2
Max-Forwards: 255
From: "\\"\\\\<>,;" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@@at>;tag=%(id)s
To: "B%%0" <sip:bob%%00@203.0.113.2;method=INVITE?Subject=%%20>
Call-ID: intmeth.word%%ZK-!.*_+'@word`~)(><:\\/"][?}{
CSeq: 139122385 OPTIONS
extensionHeader-!.%%*+_`'~: and what it says
Unknown-%(long)s: %(long)s
Content-Length: 0

""",
    "IPv6 and names elsewhere": """INVITE sip:bob@[2001:db8::9]:5062;maddr=203.0.113.2 SIP/2.0
%(head)sVia: SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK3;received=2001:db8::a
Contact: <sip:alice@@at;maddr=@me>
Record-Route: <sip:[2001:db8::9];lr>,<sip:proxy.example.com;lr>
Content-Type: application/sdp
Content-Length: @len

%(sdp)s""",
}


def valid(router, template):
    if "%(long)s" in template:
        template = template.replace("%(long)s", "x" * 200)
    method = template.split(" ", 1)[0]
    t = text(template, method)
    try:
        Message(t.render())
    except Unreadable as e:
        raise Wrong("the test's own message can't be read: %s" % e) from None
    media, _ = comes_out(router, t)
    for name, port in media.items():
        leads(router, port, 4000 + 10 * int(name))
        if name == b"1":
            leads(router, port + 1, 4000 + 10 * int(name) + 1)


# ---- invalid ones ----

def broken():
    """{title: message}: none of them opens anything or is changed."""
    good = simple().render()
    line = good.split(b"\r\n")
    found = {}

    def change(title, old, new):
        expect(old in good, old)
        found[title] = good.replace(old, new, 1)

    length = b"Content-Length: %d" % len(good.partition(b"\r\n\r\n")[2])
    change("Content-Length beyond the datagram", length, b"Content-Length: 9999")
    change("negative Content-Length", length, b"Content-Length: -999")
    change("two different Content-Lengths", length, length + b"\r\nl: 5")
    change("a CSeq beyond its range", b"CSeq: 1", b"CSeq: 36893488147419103232")
    change("another method in CSeq", b"CSeq: 1 INVITE", b"CSeq: 1 OPTIONS")
    change("no CSeq", b"CSeq: 1 INVITE\r\n", b"")
    change("no Call-ID", next(one for one in line if one.startswith(b"Call-ID")) + b"\r\n", b"")
    change("no From", next(one for one in line if one.startswith(b"From")) + b"\r\n", b"")
    change("no To", next(one for one in line if one.startswith(b"To")) + b"\r\n", b"")
    change("To twice", b"To: ", b"To: <sip:carol@203.0.113.2>\r\nTo: ")
    change("Call-ID twice", b"Call-ID: ", b"Call-ID: other\r\nCall-ID: ")
    change("no Via", line[1] + b"\r\n", b"")
    change("version 7.0", b"sip:bob@203.0.113.2 SIP/2.0", b"sip:bob@203.0.113.2 SIP/7.0")
    change("a bracketed Request-URI", b"INVITE sip:bob@203.0.113.2 ", b"INVITE <sip:bob@203.0.113.2> ")
    change("no blank line", b"\r\n\r\n", b"\r\n")
    return found


def invalid(router):
    before = router.counters().get("malformed", 0)
    all_of_them = broken()
    for title, data in all_of_them.items():
        try:
            unchanged(router, data)
            leads(router, 4010, 4010, 0)
        except Wrong as e:
            raise Wrong("%s: %s" % (title, e)) from None
    expect_is(router.counters().get("malformed", 0) - before, len(all_of_them), "malformed messages counted")


def malformed_drop(router):
    router.alg("policy", "set", "raw", "sip", "on", "option", "malformed=drop")
    for title, data in broken().items():
        expect_is(pass_on(router, data), [], title)
    comes_out(router, simple())
    router.alg("policy", "set", "raw", "sip", "on", "option", "malformed=pass")


def not_sip(router):
    """Keep-alives, STUN, TLS, RTP, other protocols on SIP's port: all pass as they are."""
    for data in (b"\r\n\r\n", b"\r\n", b"\0", b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12), b"\x16\3\1\0\x05hello",
                 b"\x80\x08" + bytes(40), b"GET / HTTP/1.1\r\nHost: 192.168.1.11\r\n\r\n", b"jaK\0", b"SIP", b"INVITE ",
                 b"x" * 1400, b"\r\n" * 700):
        unchanged(router, data)


def prefixes(router):
    """A message cut off anywhere: no more than one datagram comes, with at most what was there."""
    data = simple().render()
    for size in range(1, len(data), 23 if SLOW else 5):
        got = pass_on(router, data[:size])
        expect_is(len(got), 1, "datagrams of a message cut off at %d" % size)
        if b"\r\n\r\n" not in data[:size]:
            expect_is(got[0][0], data[:size], "cut off at %d" % size)


def mutations(router):
    """Bytes are changed at random: what comes out has as many lines as what went in, and its lengths are right if they were."""
    rng = random.Random(SEED)
    for n in range(150 if SLOW else 1500):
        good = bytearray(simple().render())
        for _ in range(rng.randrange(1, 5)):
            where = rng.randrange(len(good))
            how = rng.random()
            if how < 0.4:
                good[where] = rng.randrange(256)
            elif how < 0.7:
                good[where:where] = rng.choice((b"\r\n", b" ", b",", b"<", b">", b'"', b":", b";", b"@", b"\0", b"\r\n "))
            else:
                del good[where:where + rng.randrange(1, 30)]
        data = bytes(good)
        got = pass_on(router, data)
        expect(len(got) == 1, "seed %d, %r: %d datagrams" % (SEED, data, len(got)))
        out = got[0][0]
        if out == data:
            continue
        expect(out.count(b"\n") == data.count(b"\n"), "seed %d: %r became %r" % (SEED, data, out))
        try:
            sent = Message(data).verify()
        except (Unreadable, ValueError, IndexError):
            continue
        try:
            seen = Message(out).verify()
        except (Unreadable, ValueError, IndexError) as e:
            raise Wrong("seed %d: %r became %r: %s" % (SEED, data, out, e)) from None
        expect_is([f[0] for f in seen.fields], [f[0] for f in sent.fields], "headers")


# ---- messages of other people ----

# RFC 4475, 3.1.1
VALID_4475 = {name + ".dat" for name in ("wsinv", "intmeth", "esc01", "escnull", "esc02", "lwsdisp", "longreq", "dblreq", "semiuri",
                                         "transports", "mpart01", "unreason", "noreason")}


def corpora():
    return sorted(glob.glob(os.path.join(CORPORA, "sip/*/*.sip")) + glob.glob(os.path.join(CORPORA, "sip/*/*.dat")))


def others_unchanged(router):
    """They speak of addresses that are not ours: none is changed."""
    for name in corpora():
        with open(name, "rb") as f:
            data = f.read(65000)
        if not 0 < len(data) < 1400:
            continue
        got = pass_on(router, data)
        expect(len(got) == 1, "%s: %d datagrams" % (os.path.basename(name), len(got)))
        expect_is(got[0][0], data, os.path.basename(name))


def others_ours(router):
    """The sender's address in them is ours: as many headers come out, lengths are right, nothing private is left in a Via."""
    tried, malformed = 0, router.counters().get("malformed", 0)
    for name in corpora():
        with open(name, "rb") as f:
            data = f.read(65000)
        via = re.search(rb"(?im)^(?:via|v)\s*:\s*SIP/2.0/\w+\s+(\d+\.\d+\.\d+\.\d+)(:\d+)?", data)
        if not 0 < len(data) < 1300 or not via or data.startswith(b"SIP/2.0"):
            continue
        data = data.replace(via.group(1), b"192.168.1.11")
        try:
            sent = Message(data).verify()
        except (Unreadable, ValueError, IndexError):
            continue
        tried += 1
        router.flush()
        got = pass_on(router, data, sport=int((via.group(2) or b":5060")[1:]) or 5060)
        expect(len(got) == 1, "%s: %d datagrams" % (os.path.basename(name), len(got)))
        try:
            seen = Message(got[0][0]).verify()
        except (Unreadable, ValueError, IndexError) as e:
            raise Wrong("%s: %s\n%s" % (os.path.basename(name), e, got[0][0].decode("latin-1"))) from None
        expect_is([f[0] for f in seen.fields], [f[0] for f in sent.fields], os.path.basename(name))
        if got[0][0] == data:
            expect(os.path.basename(name) not in VALID_4475, os.path.basename(name) + " is not rewritten")
            expect(router.counters().get("malformed", 0) > malformed, os.path.basename(name) + " passes and is not counted")
            malformed = router.counters().get("malformed", 0)
        else:
            expect(seen.all("via")[0].find("192.168.1.11") < 0, "%s: %s" % (os.path.basename(name), seen.all("via")[0]))
        expect_is(seen.call_id, sent.call_id, "Call-ID")
    expect(tried > 5, "only %d of them were tried" % tried)


# ---- datagrams ----

def in_fragments(router):
    for fragments in 2, 3, 5:
        for order in 1, -1:
            t = simple(more="X-Long: %s\n" % ("y" * 900))
            media, _ = comes_out(router, t, fragments=fragments, order=order)
            leads(router, media[b"1"], 4010)


def version_6(data):
    """The same for IPv6."""
    data = re.sub(rb"192\.168\.1\.11(?=[:>])", b"[2001:db8:1::11]", data).replace(b"203.0.113.2", b"[2001:db8:2::2]")
    data = data.replace(b"IN IP4 192.168.1.11", b"IN IP6 2001:db8:1::11")
    head, _, body = data.partition(b"\r\n\r\n")
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body


def fragments_6(data, parts, order):
    """A datagram with a fragment header in each of its parts (RFC 8200, 4.5)."""
    body = udp(CLIENT6, SERVER6, 5060, 5060, data)
    step = (len(body) // parts + 8) & ~7
    ident = next(numbers)
    return [ip(CLIENT6, SERVER6, 44, struct.pack("!BBHI", UDP, 0, off | (off + step < len(body)), ident) + body[off:off + step])
            for off in range(0, len(body), step)][::order]


def joined_6(packets):
    """The datagrams that fragments, all of one, were."""
    parts = {struct.unpack_from("!H", p.body, 2)[0] & 0xfff8: p.body[8:] for p in packets if p.proto == 44}
    body = b"".join(parts[off] for off in sorted(parts))
    return [p.body[8:] for p in packets if p.proto == UDP] + ([body[8:]] if body else [])


def in_fragments_6(router):
    """Nothing is translated: the same bytes arrive, and what they announce is open, not what is next to it."""
    for n, (parts, order) in enumerate(((2, 1), (2, -1), (5, -1))):
        data = version_6(simple(more="X-Long: %s\n" % ("y" * 900)).render(media={b"1": 4200 + 10 * n}))
        ports = [4200 + 10 * n, 4201 + 10 * n, 4202 + 10 * n]

        def rtp():
            for port in ports:
                router.outside.send(ip(SERVER6, CLIENT6, UDP, udp(SERVER6, CLIENT6, 30000, port, b"\x80\x08RTP")))
            return [p.dport for p in router.settle()[0] if p.proto == UDP and p.dst == CLIENT6]

        expect_is(rtp(), [], "ports before the INVITE")
        for part in fragments_6(data, parts, order):
            router.inside.send(part)
        expect_is(joined_6([p for p in router.settle()[1] if p.dst == SERVER6]), [data], "what arrives")
        expect_is(rtp(), ports[:2], "ports after it")


def grows(router):
    """A message whose rewriting makes it larger than the way out: it comes in fragments."""
    router.nat(True, socket.inet_aton("203.0.113.1"))
    t = simple(more="X-Long: %s\n" % ("y" * 1000))
    comes_out(router, t)


def reply(request, status="200 OK", more=b""):
    """A server's answer to what it received, without a description."""
    lines = [b"SIP/2.0 " + status.encode()]
    for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        if re.match(rb"(?i)(via|from|to|call-id|cseq)[ \t]*:", line):
            lines.append(line)
    return b"\r\n".join(lines) + b"\r\n" + more + b"Content-Length: 0\r\n\r\n"


def other_via_port(router):
    """A phone sends from 6000 and listens at 5060 (Via without rport): the answer comes there, and says what the phone wrote."""
    t = simple("OPTIONS", body=False)
    sent = t.render()
    got = pass_on(router, sent, sport=6000)
    expect_is(len(got), 1, "requests")
    data, public, _ = got[0]
    seen = Message(data).verify()
    expect_is(seen.via_endpoint(), ("203.0.113.1", public), "Via, by which the answer comes back")
    back = pass_on(router, reply(data), 5060, public, outward=False)
    expect_is([one[2] for one in back], [5060], "port at which the answer arrives")
    expect_is(Message(back[0][0]).verify().via_endpoint(), ("192.168.1.11", 5060), "Via of the answer")
    # It registers: the challenge, before anything is open at its port, and the answer.
    for status in "401 Unauthorized", "200 OK":
        t = simple("REGISTER", body=False)
        got = pass_on(router, t.render(), sport=6000)
        data, public, _ = got[0]
        seen = Message(data).verify()
        expect_is(seen.via_endpoint(), ("203.0.113.1", public), "Via of REGISTER")
        back = pass_on(router, reply(data, status, b"Contact: " + seen["contact"].encode() + b"\r\n"), 5060, public, outward=False)
        expect_is([one[2] for one in back], [5060], "port at which %s arrives" % status)
    reached = uri_endpoint(seen["contact"])[1]
    ring = b"OPTIONS sip:alice@203.0.113.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.2:5070;branch=z9hG4bKr\r\n" % reached
    ring += b"From: <sip:bob@203.0.113.2>;tag=7\r\nTo: <sip:alice@203.0.113.1>\r\nCall-ID: ring\r\nCSeq: 1 OPTIONS\r\n\r\n"
    expect_is([one[2] for one in pass_on(router, ring, 5070, reached, outward=False)], [5060], "port at which it is called")
    # The next request of the same phone, and its answer.
    got = pass_on(router, simple("OPTIONS", body=False).render(), sport=6000)
    back = pass_on(router, reply(got[0][0]), 5060, got[0][1], outward=False)
    expect_is([one[2] for one in back], [5060], "port at which the second answer arrives")


def with_rport(router):
    """The same with rport (RFC 3581): the answer goes to where the request came from."""
    t = simple("OPTIONS", body=False)
    sent = t.render().replace(b";branch", b";rport;branch")
    got = pass_on(router, sent, sport=6002)
    data, public, _ = got[0]
    answer = reply(data).replace(b";rport;", b";received=203.0.113.1;rport=%d;" % public)
    back = pass_on(router, answer, 5060, public, outward=False)
    expect_is([one[2] for one in back], [6002], "port at which the answer arrives")
    via = Message(back[0][0]).verify().all("via")[0]
    expect("received=192.168.1.11" in via and "rport=6002" in via, "Via of the answer: " + via)


def unknown_methods(router):
    t = text("FETCH sip:bob@203.0.113.2 SIP/2.0\n%(head)sContact: <sip:alice@@at>\nContent-Length: 0\n\n", "FETCH")
    comes_out(router, t)
    router.alg("policy", "set", "raw", "sip", "on", "option", "unknown-methods=pass")
    unchanged(router, t.render())
    router.alg("policy", "set", "raw", "sip", "on", "option", "unknown-methods=drop")
    expect_is(pass_on(router, t.render()), [], "what arrives")
    comes_out(router, simple())
    router.alg("policy", "set", "raw", "sip", "on", "option", "unknown-methods=rewrite")


def long_limits(router):
    """max-message, max-header: what is longer is malformed and passes as it is."""
    t = simple(more="X-Long: %s\n" % ("y" * 700))
    router.alg("policy", "set", "raw", "sip", "on", "option", "max-header=512")
    unchanged(router, t.render())
    router.alg("policy", "set", "raw", "sip", "on", "option", "max-header=16384", "max-message=1024")
    unchanged(router, t.render())
    router.alg("policy", "set", "raw", "sip", "on", "option", "max-message=65535")
    comes_out(router, t)


def request_rate(router):
    """request-rate: what is too much is dropped and counted."""
    router.alg("policy", "set", "raw", "sip", "on", "option", "request-rate=5")
    before = router.counters().get("request-rate", 0)
    came = sum(len(pass_on(router, simple("OPTIONS", body=False).render())) for _ in range(40))
    dropped = router.counters().get("request-rate", 0) - before
    expect_is(came + dropped, 40, "requests that arrive and that are counted")
    expect(dropped > 5, "only %d of 40 are dropped" % dropped)
    router.alg("policy", "set", "raw", "sip", "on", "option", "request-rate=0")
    comes_out(router, simple())


def low_port_and_stranger(router):
    """A port below 1024 and an address that is not the sender's own open nothing."""
    for old, new, reason in ((b"m=audio 4010", b"m=audio 443", "low-port"),
                             (b"c=IN IP4 192.168.1.11", b"c=IN IP4 192.168.1.77", "mismatch-address")):
        data = simple().render()
        before = router.counters()
        data = data.replace(old, new)
        data = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(data.partition(b"\r\n\r\n")[2]), data)
        got = pass_on(router, data)
        expect_is(len(got), 1, "datagrams")
        sdp = Message(got[0][0]).verify().sdp()
        expect_is(sdp.media[0].port, Message(data).sdp().media[0].port, "port")
        if reason == "mismatch-address":
            expect_is(sdp.media[0].address, "192.168.1.77", "address")
        after = router.counters()
        expect_is(after.get(reason, 0) - before.get(reason, 0), 1, reason)
        expect_is(after.get("opened", 0), before.get("opened", 0), "pinholes")


# ---- over TCP ----

def tcp_flow(router, **more):
    return Flow(router, service=5060, **more)


def tcp_invite(flow):
    """A call over this connection; the phone's Via and Contact name the connection's own port."""
    t = simple()
    at = ("192.168.1.11", flow.inside.local[1])
    t.text = t.text.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    return t, t.render(at)


def off(router):
    """The negative: with SIP off everything passes as it is, and nothing is opened."""
    router.alg("policy", "set", "raw", "sip", "off")
    router.flush()
    unchanged(router, simple().render())
    leads(router, 4010, 4010, 0)
    flow = tcp_flow(router)
    _, data = tcp_invite(flow)
    flow.client.say(data)
    flow.insist(flow.client)
    expect_is(bytes(flow.server.got), data, "stream")
    router.alg("policy", "set", "raw", "sip", "on")


def nothing_invalid(router):
    expect_is(router.invalid(), 0, "packets that conntrack took for invalid")


def main():
    tap = Tap()
    print("# seed %d" % SEED)
    with Router(tap, "sip") as router:
        for title, template in VALID.items():
            tap.point("valid: " + title, valid, router, template)
        router.flush()
        for title, function in (
                ("invalid messages pass, open nothing and are counted", invalid), ("malformed=drop", malformed_drop),
                ("what is no SIP", not_sip), ("messages cut off", prefixes),
                ("messages with bytes changed at random", mutations)):
            tap.point(title, function, router)
            router.flush()
        if corpora():
            tap.point("messages of other people pass", others_unchanged, router)
            router.flush()
            tap.point("messages of other people, from here", others_ours, router)
            router.flush()
        for title, function in (
                ("IP fragments", in_fragments), ("IPv6 fragments", in_fragments_6),
                ("Via with another port, without rport", other_via_port),
                ("Via with rport", with_rport),
                ("unknown methods", unknown_methods), ("limits of length", long_limits),
                ("request-rate", request_rate), ("low port, somebody else's address", low_port_and_stranger),
                ("SIP off", off), ("nothing was invalid", nothing_invalid)):
            tap.point(title, function, router)
            router.flush()
    tap.finish()


if __name__ == "__main__":
    main()
