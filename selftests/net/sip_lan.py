# SPDX-License-Identifier: GPL-2.0-only
"""Calls on the networks of topo_lan, through source and destination NAT and an IPv6 firewall, one step at a time (sip_ua.py)."""
from sip_ua import Bed, Call, Established, Media, Phone

PRIVATE = b"192.168."


def lan_bed():
    return Bed({"c1": "192.168.1.11", "c2": "192.168.1.12", "s1": "203.0.113.2", "s2": "203.0.113.3"}, ["s1", "s2"], ["c1", "c2"])


class Kind:
    """Where the two parties are. @ports: an iterator of media ports; third: an outside namespace and address without part in it."""

    def __init__(self, bed, ports, name, transport):
        self.bed, self.ports = bed, ports
        self.title, self.transport = "%s over %s" % (name, transport), transport
        if name == "SNAT":
            self.caller, self.callee = Phone("c1", "192.168.1.11", transport), Phone("s1", "203.0.113.2", transport, 5060, PRIVATE)
            self.to, self.third = ("203.0.113.2", 5060), ("s2", "203.0.113.3")
        elif name == "DNAT":
            self.caller, self.callee = Phone("s2", "203.0.113.3", transport, 5060, PRIVATE), Phone("c2", "192.168.1.12", transport)
            self.to, self.third = ("203.0.113.1", 5060), ("s1", "203.0.113.2")
        else:
            self.caller, self.callee = Phone("c1", "2001:db8:1::11", transport), Phone("s1", "2001:db8:2::2", transport)
            self.to, self.third = ("2001:db8:2::2", 5060), ("s2", "2001:db8:2::3")
        self.inside_calls = name != "DNAT"

    def call(self):
        return Call(self.caller, self.callee, self.to)

    def audio(self):
        return Established(self.bed, self.caller, self.callee, self.to, next(self.ports), next(self.ports))

    def media(self, port=None):
        """Sockets of caller and callee."""
        return tuple(Media(phone.ns, phone.addr, port or next(self.ports)) for phone in (self.caller, self.callee))

    def inward(self, at_a, a, b, at_b):
        """(where the inside party is reached, its media, the outside party's)"""
        return (at_a, a, b) if self.inside_calls else (at_b, b, a)

    def strangers(self, at, inner):
        """A third party does not get in, from whatever port."""
        one = Media(*self.third, next(self.ports))
        self.bed.closed("third party", (one.rtp, at.rtp, inner.rtp), (one.rtcp, at.rtp, inner.rtp))
        one.close()

    def without_alg(self):
        """Nothing is changed: addresses of the inside are seen outside."""
        self.callee.forbidden = self.caller.forbidden = None

    def close(self):
        self.caller.close()
        self.callee.close()
