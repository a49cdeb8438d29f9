# SPDX-License-Identifier: GPL-2.0-only
"""TFTP clients x servers x networks x options. tftp_modes.sh has the network."""
import os
import subprocess
import sys
import tempfile

import netbed
from netbed import must, must_equal
from tftpcli import Transfers, udp

# title, {server: (namespace of the client, address that it asks)}
NETWORKS = (
    ("IPv4 SNAT", {"tftpd-hpa": ("c1", "203.0.113.2"), "atftpd": ("c1", "203.0.113.3")}),
    ("IPv4 DNAT", {"tftpd-hpa": ("s1", "203.0.113.1"), "atftpd": ("s1", "203.0.113.10")}),
    ("IPv4 hairpin", {"tftpd-hpa": ("c2", "203.0.113.1")}),
    ("IPv6 no NAT", {"tftpd-hpa": ("c1", "2001:db8:2::2")}),	# atftpd 0.8 does not answer there, ALG or not
    ("IPv6 no NAT, server inside", {"tftpd-hpa": ("s1", "2001:db8:1::11")}),
)


def url(host, name):
    return "tftp://[%s]/%s" % (host, name) if netbed.is_ipv6(host) else "tftp://%s/%s" % (host, name)


def hpa(host, mode, direction):
    family = ["-6"] if netbed.is_ipv6(host) else []
    return lambda near, far: ["tftp", "-m", mode] + family + [host, "-c", direction] + \
        ([far, near] if direction == "get" else [near, far])


def curl(host, *options):
    return lambda near, far: ["curl", "-gsS", "-m", str(netbed.PATIENCE), *options, "-o", near, url(host, far)]


def curl_put(host):
    return lambda near, far: ["curl", "-gsS", "-m", str(netbed.PATIENCE), "-T", near, url(host, far)]


def atftp(host, direction, *options):
    words = [word for option in options for word in ("--option", option)]
    return lambda near, far: ["atftp", *words, direction, "-l", near, "-r", far, host]


# title, the file, whether it goes up, the command
CLIENTS = (
    ("tftp-hpa get octet", "big", False, lambda host: hpa(host, "binary", "get")),
    ("tftp-hpa get netascii", "text", False, lambda host: hpa(host, "netascii", "get")),
    ("tftp-hpa put octet", "big", True, lambda host: hpa(host, "binary", "put")),
    ("curl get, tsize and blksize 512", "big", False, lambda host: curl(host)),
    ("curl get, blksize 1428", "big", False, lambda host: curl(host, "--tftp-blksize", "1428")),
    ("curl get, no options", "small", False, lambda host: curl(host, "--tftp-no-options")),
    ("curl put", "big", True, lambda host: curl_put(host)),
    ("atftp get, tsize, blksize 1024, windowsize 4", "big", False,
     lambda host: atftp(host, "-g", "tsize 0", "blksize 1024", "windowsize 4")),
    ("atftp put, blksize 1428", "big", True, lambda host: atftp(host, "-p", "blksize 1428")),
)
FEW = (0, 4, 7)	# of these for the hairpin


def content(path):
    with open(path, "rb") as file:
        return file.read()


def start(ns, command, seconds):
    netbed.enter(ns)
    with tempfile.TemporaryDirectory(dir=netbed.TMP) as place:
        near, far = os.path.join(place, "near"), command[1]
        name = far
        if command[2]:
            with open(near, "wb") as file:
                file.write(content(netbed.TMP + "/tftp/" + far))
            name = "up-" + os.path.basename(place)
        try:
            done = subprocess.run(command[3](near, name), cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=seconds)
        except subprocess.TimeoutExpired:
            return False, "no end"
        there = netbed.TMP + "/tftp/" + name if command[2] else near

        def same():
            return os.path.exists(there) and content(there) == content(netbed.TMP + "/tftp/" + far)

        # A server acknowledges the last block before it closes its file.
        good = done.returncode == 0 and (netbed.eventually(same) if command[2] else same())
        return good, "status %d: %s" % (done.returncode, done.stdout.decode("latin-1"))


def transfers(ns, command):
    good, said = start(ns, command, 2 * netbed.PATIENCE)
    must(good, said)


def no_transfer(ns, command):
    good, _ = start(ns, command, netbed.NEVER)
    must(not good, "it worked all the same")


def commands(network, server, host):
    for number, (title, name, up, make) in enumerate(CLIENTS):
        if network != "IPv4 hairpin" or number in FEW:
            yield "%s, %s, %s" % (network, title, server), (title, name, up, make(host))


def two_servers():
    """One port of the client, two servers at a time; each answers from a port of its own."""
    sock = udp("c1", "192.168.1.11", 7000)
    got = Transfers(sock, {"203.0.113.2": "big", "203.0.113.3": "text"}).run()
    must_equal(got["203.0.113.2"], content(netbed.TMP + "/tftp/big"), "of the first")
    must_equal(got["203.0.113.3"], content(netbed.TMP + "/tftp/text"), "of the second")


def one_port():
    """One transfer after the other from one port to one server."""
    sock = udp("c1", "192.168.1.11", 7001)
    for name in ("text", "small", "big", "small", "text"):
        got = Transfers(sock, {"203.0.113.2": name}).run()
        must_equal(got["203.0.113.2"], content(netbed.TMP + "/tftp/" + name), name)


def same_port_of_two():
    """Two subscribers ask one server from the same port."""
    socks = [udp(ns, host, 7002) for ns, host in (("c1", "192.168.1.11"), ("c2", "192.168.1.12"))]
    both = [Transfers(sock, {"203.0.113.2": "big"}) for sock in socks]
    while any(one.left for one in both):
        for one in both:
            if one.left:
                one.step()
    for one in both:
        must_equal(one.content["203.0.113.2"], content(netbed.TMP + "/tftp/big"), "file")


def many_clients(count):
    """All ask before any goes on."""
    socks = [udp(*place) for place in (("c1", "192.168.1.11"), ("c2", "192.168.1.12")) for _ in range(count // 2)]
    running = [Transfers(sock, {host: "text"}) for number, sock in enumerate(socks)
               for host in (("203.0.113.2", "203.0.113.3")[number % 2],)]
    while any(one.left for one in running):
        for one in running:
            if one.left:
                one.step()
    for one in running:
        must_equal(list(one.content.values()), [content(netbed.TMP + "/tftp/text")], "file")


def works():
    points = netbed.Points(3)
    for network, servers in NETWORKS:
        for server, (ns, host) in servers.items():
            for title, command in commands(network, server, host):
                points.add(title, transfers, ns, command)
    points.add("one client port to two servers at a time", two_servers)
    points.add("one client port to one server, five times", one_port)
    points.add("two clients from the same port to one server", same_port_of_two)
    points.add("24 transfers at a time from two clients to two servers", many_clients, 24)
    points.run()


def fails():
    points = netbed.Points(8)
    for network, servers in NETWORKS:
        ns, host = servers["tftpd-hpa"]
        for number in (0, 2, 4, 7):
            title, name, up, make = CLIENTS[number]
            points.add("without ALG fails: %s, %s" % (network, title), no_transfer, ns, (title, name, up, make(host)))
    points.run()


globals()[sys.argv[1]]()
netbed.finish()
