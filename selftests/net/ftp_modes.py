# SPDX-License-Identifier: GPL-2.0-only
"""The matrix: network x server x mode x way of writing. ftp_modes.sh has the networks."""
import sys

import netbed
from ftpcli import MODES, WRITINGS, no_transfer, transfers

EXTENDED = ("EPRT", "EPSV")	# the modes that know IPv6
ALL = tuple(WRITINGS)

# title, modes, writings, server: (namespace of the client, address that it connects to)
NETWORKS = (
    ("IPv4 SNAT", MODES, ALL,
     {"vsftpd": ("c1", "203.0.113.2"), "pure-ftpd": ("c1", "203.0.113.3")}),
    ("IPv4 DNAT", MODES, ALL,
     {"vsftpd": ("s1", "203.0.113.1"), "pure-ftpd": ("s1", "203.0.113.10")}),
    ("IPv4 SNAT, DNAT at a second box", MODES, ALL,
     {"vsftpd": ("c1", "203.0.113.20"), "pure-ftpd": ("c1", "203.0.113.21")}),
    ("IPv4 hairpin, SNAT and DNAT", MODES, ALL,
     {"vsftpd": ("c2", "203.0.113.1"), "pure-ftpd": ("c1", "203.0.113.10")}),
    ("IPv6 no NAT", EXTENDED, ALL,
     {"vsftpd": ("c1", "2001:db8:2::2"), "pure-ftpd": ("c1", "2001:db8:2::3")}),
    ("IPv6 no NAT, server inside", EXTENDED, ALL,
     {"vsftpd": ("s1", "2001:db8:1::11"), "pure-ftpd": ("s1", "2001:db8:1::12")}),
)

ACTIVE = ("PORT", "EPRT")


def title(network, mode, writing, server):
    return "%s, %s %s, %s, %s" % (network, "active" if mode in ACTIVE else "passive", mode, WRITINGS[writing], server)


def works():
    points = netbed.Points(4)
    for network, modes, writings, servers in NETWORKS:
        for server, (ns, host) in servers.items():
            for mode in modes:
                for writing in writings:
                    points.add(title(network, mode, writing, server), transfers, ns, host, mode=mode, writing=writing)
    points.run()


def fails():
    """Every network and mode once; that it takes a while is hidden by doing all at a time."""
    points = netbed.Points(24)
    for network, modes, _, servers in NETWORKS:
        ns, host = servers["vsftpd"]
        for mode in modes:
            points.add("without ALG fails: " + title(network, mode, "single", "vsftpd"),
                       no_transfer, ns, host, mode=mode)
    points.run()


globals()[sys.argv[1]]()
netbed.finish()
