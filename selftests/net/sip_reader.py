# SPDX-License-Identifier: GPL-2.0-only
"""
A reader of SIP (RFC 3261) and SDP (RFC 8866) for the tests: it shares no code and no method with what it judges. Slow and
strict: it takes a message apart and raises Unreadable where a length, a line end or an address is not as it must be.
"""
import re

COMPACT = {"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
           "s": "subject", "k": "supported", "t": "to", "v": "via", "o": "event", "r": "refer-to", "u": "allow-events",
           "b": "referred-by", "x": "session-expires"}
HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"


class Unreadable(Exception):
    pass


def split(value):
    """At commas outside quotes and angle brackets."""
    parts, part, quoted, angle, escaped = [], "", False, False, False
    for c in value:
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = c == "\\", c != '"'
        elif c == '"':
            quoted = True
        elif c in "<>":
            angle = c == "<"
        elif c == "," and not angle:
            parts.append(part.strip())
            part = ""
            continue
        part += c
    return parts + [part.strip()]


def endpoint(text, what):
    """(host, port or None) of sent-by or a URI's hostport"""
    m = re.match(HOST + r"\s*(?::\s*(\d+))?", text)
    if not m:
        raise Unreadable("%s: no host in %r" % (what, text))
    return m.group(1).strip("[]"), int(m.group(2)) if m.group(2) else None


def uri(value):
    """What is between angle brackets, or all up to the first parameter."""
    m = re.search(r"<([^>]*)>", re.sub(r'"(?:\\.|[^"\\])*"', "", value))
    return m.group(1) if m else value.split(";")[0].strip()


def uri_endpoint(value):
    text = uri(value)
    m = re.match(r"sips?:(?:[^@]*@)?(.*)", text, re.I)
    if not m:
        raise Unreadable("no SIP URI: %r" % text)
    return endpoint(m.group(1), text)


def parameter(value, name):
    m = re.search(r";\s*%s\s*=\s*(\"[^\"]*\"|[^;\s,]+)" % re.escape(name), value, re.I)
    return m.group(1) if m else None


class Message:
    """@source, @via: set by who received it"""

    def __init__(self, raw):
        self.raw = bytes(raw)
        head, end, self.body = self.raw.partition(b"\r\n\r\n")
        if not end:
            raise Unreadable("no end of the header section: %r" % self.raw[:200])
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        if any(c in line for line in lines for c in "\r\n"):
            raise Unreadable("a line ends in the middle: %r" % self.raw[:200])
        self.start, self.fields = lines[0], []
        for line in lines[1:]:
            if line[:1] in " \t":
                name, value = self.fields.pop()
                self.fields.append((name, value + " " + line.strip()))
                continue
            name, colon, value = line.partition(":")
            name = name.strip().lower()
            if not colon or not name:
                raise Unreadable("no header: %r" % line)
            self.fields.append((COMPACT.get(name, name), value.strip()))
        word = self.start.split(" ")
        self.status = int(word[1]) if word[0] == "SIP/2.0" else None
        self.method = word[0] if self.status is None else self["cseq"].split()[1]
        self.uri = word[1] if self.status is None else None

    def all(self, name):
        """Values of a header, comma-separated ones one by one."""
        return [part for n, v in self.fields if n == name for part in (split(v) if name not in ("subject", "date") else [v])]

    def __getitem__(self, name):
        values = [v for n, v in self.fields if n == name]
        if not values:
            raise Unreadable("no %s in %r" % (name, self.start))
        return values[0]

    def get(self, name, default=None):
        return next((v for n, v in self.fields if n == name), default)

    @property
    def call_id(self):
        return self["call-id"]

    @property
    def tag(self):
        return parameter(self["to"], "tag")

    def via_endpoint(self):
        """Top Via's sent-by."""
        return endpoint(self.all("via")[0].split(None, 1)[1], "Via")

    def verify(self):
        """Lengths are right, the description can be read."""
        lengths = {int(v) for n, v in self.fields if n == "content-length"}
        if len(lengths) > 1 or lengths and lengths != {len(self.body)}:
            raise Unreadable("Content-Length %s, the body has %d bytes: %r" % (sorted(lengths), len(self.body), self.raw))
        if self.get("content-type", "").lower().startswith("application/sdp") and self.body:
            self.sdp()
        return self

    def sdp(self):
        return Sdp(self.body)


class Media:
    """An m-line: kind, port, count, transport, and what belongs to it."""

    def __init__(self, value, session_address):
        word = value.split(" ")
        port, _, count = word[1].partition("/")
        self.kind, self.port, self.count, self.transport = word[0], int(port), int(count or 1), word[2]
        self.address, self.attributes = session_address, []
        self.rtcp_port, self.rtcp_address, self.mux = None, None, False
        self.direction = "sendrecv"

    @property
    def rtp(self):
        return self.address, self.port

    @property
    def rtcp(self):
        if self.mux:
            return self.rtp
        return self.rtcp_address or self.address, self.rtcp_port or self.port + 1


class Sdp:
    """@origin: address of the o-line; @address: of the session's c-line; @media"""

    def __init__(self, body):
        self.origin = self.address = None
        self.media, self.lines, direction = [], [], "sendrecv"
        text = body.decode("utf-8", "surrogateescape")
        for line in re.split("\r\n|\n|\r", text.rstrip("\r\n")):
            if not re.match("[a-z]=", line):
                raise Unreadable("no line of SDP: %r" % line)
            kind, value = line[0], line[2:]
            self.lines.append((kind, value))
            last = self.media[-1] if self.media else None
            if kind == "o":
                self.origin = value.split(" ")[5]
            elif kind == "c":
                address = value.split(" ")[2].split("/")[0]
                if last:
                    last.address = address
                else:
                    self.address = address
            elif kind == "m":
                self.media.append(Media(value, self.address))
                self.media[-1].direction = direction
            elif kind == "a" and value in ("sendrecv", "sendonly", "recvonly", "inactive"):
                if last:
                    last.direction = value
                else:
                    direction = value
            elif kind == "a" and last:
                last.attributes.append(value)
                last.mux |= value == "rtcp-mux"
                m = re.match(r"rtcp:(\d+)(?: IN IP[46] (\S+))?$", value)
                if m:
                    last.rtcp_port, last.rtcp_address = int(m.group(1)), m.group(2)
        if not self.lines or self.lines[0] != ("v", "0"):
            raise Unreadable("not a description: %r" % body[:60])


def next_message(data):
    """(Message, rest) of a stream, (None, data) if none is complete. Line ends in front are keep-alives."""
    data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None, data
    m = re.search(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)", data[:end + 2], re.I)
    size = end + 4 + (int(m.group(1)) if m else 0)
    if len(data) < size:
        return None, data
    return Message(data[:size]), data[size:]
