#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Which new connection gets which ALG: services, prefixes and exceptions, and the order in which marks, zones, interfaces,
VRFs and the tenant "default" are asked.

    c 10.1.0.2 ---- lan0 10.1.0.1   r   wan0 10.9.0.1 ---- 10.9.0.2 s
      2001:db8:1::2                                   2001:db8:9::2
    v 10.2.0.2 ---- lan1 10.2.0.1, in VRF red

Every tenant of the order tests has a policy that serves one port and no other, so the port that gets a helper tells
whose a packet is. What a packet is marked with, and its zone, goes by its source port.
"""

import ctypes
import errno
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys

from netlink_spec import CLONE_NEWNET, REPLACE, SPEC, Family, Results, check, equal, load_ynl, new_socket, prefix, say
from netlink_spec import skip_all

SUFFIX = f"{os.getpid():x}"
SERVER = {4: "10.9.0.2", 6: "2001:db8:9::2"}
PLAIN, ZONE, MARK, BOTH, FINE = 20000, 21000, 22000, 23000, 24000    # ranges of source ports
PORTS = {"default": 10000, "iface": 10001, "vrf": 10002, "zone": 10003, "mark": 10004, "fine": 10005}
RULES = """
table inet t {
  chain raw { type filter hook prerouting priority -300;
    udp sport { 21000-21999, 23000-23999 } ct zone set 7; }
  chain mangle { type filter hook prerouting priority -150;
    udp sport 22000-23999 meta mark set 0x10; udp sport 24000-24999 meta mark set 0x11; }
  chain nat { type nat hook prerouting priority -100;
    meta nfproto ipv4 udp dport 6969 dnat ip to 10.9.0.2:69; }
}
"""
libc = ctypes.CDLL(None, use_errno=True)
counters = {}


def netns(name):
    return f"{name}{SUFFIX}"


def enter(name):
    with open(f"/run/netns/{netns(name)}", "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def ip(lines, *options):
    subprocess.run(["ip", *options, "-batch", "-"], input=lines, text=True, check=True)


def build():
    ip("".join(f"netns add {netns(name)}\n" for name in "rcvs"))
    for name in "cvs":
        ip("link set lo up\n", "-n", netns(name))
    r = netns("r")
    ip(f"""link set lo up
link add lan0 type veth peer name e0 netns {netns("c")}
link add lan1 type veth peer name e0 netns {netns("v")}
link add wan0 type veth peer name e0 netns {netns("s")}
addr add 10.1.0.1/24 dev lan0
addr add 2001:db8:1::1/64 dev lan0 nodad
addr add 10.2.0.1/24 dev lan1
addr add 10.9.0.1/24 dev wan0
addr add 2001:db8:9::1/64 dev wan0 nodad
link set lan0 up
link set lan1 up
link set wan0 up
""", "-n", r)
    for name, net in (("c", 1), ("v", 2), ("s", 9)):
        ip(f"""addr add 10.{net}.0.2/24 dev e0
addr add 2001:db8:{net}::2/64 dev e0 nodad
link set e0 up
route add default via 10.{net}.0.1
route add default via 2001:db8:{net}::1
""", "-n", netns(name))
    enter("r")
    for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        with open(f"/proc/sys/net/{path}", "w", encoding="ascii") as file:
            file.write("1")
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)


def build_vrf():
    """lan1 into VRF red, with a way out of it. False when the kernel has no VRF."""
    subprocess.run(["modprobe", "-q", "vrf"], check=False)
    done = subprocess.run(["ip", "-n", netns("r"), "link", "add", "red", "type", "vrf", "table", "10"], check=False,
                          stderr=subprocess.DEVNULL)
    if done.returncode:
        return False
    ip("""link set red up
link set lan1 master red
route add 10.9.0.0/24 dev wan0 table 10
""", "-n", netns("r"))
    return True


def remove():
    for name in "rcvs":
        subprocess.run(["ip", "netns", "delete", netns(name)], check=False, stderr=subprocess.DEVNULL)


# ---- one connection ----

def probe(port, ports=PLAIN, source="c", transport="udp", family=4):
    """A new connection through the router (or of its own: "r"). Its helper, "" for none, None if it was not seen."""
    number = next(counters.setdefault(ports, itertools.count(ports)))
    enter(source)
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind) as sock:
        sock.setblocking(False)
        sock.bind(("", number))
        if transport == "udp":
            sock.sendto(b"\0\5?\0", (SERVER[family], port))    # TFTP error: no ALG opens anything for it
        elif sock.connect_ex((SERVER[family], port)) not in (0, errno.EINPROGRESS):
            return None
        enter("r")
        return helper(transport, number, family)


def helper(transport, number, family):
    for _ in range(200):    # neighbours are looked for first
        got = subprocess.run(["conntrack", "-L", "-f", f"ipv{family}", "-p", transport, "--orig-port-src", str(number)],
                             capture_output=True, text=True, check=False).stdout
        if got:
            found = re.search(r"helper=(\S+)", got)
            return found.group(1) if found else ""
        select_nap()
    return None


def select_nap():
    libc.usleep(20000)


# ---- tests ----

def listen():
    """TCP servers: a connection that is refused at once is forgotten at once."""
    enter("s")
    servers = [socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True) for port in (21, 69)]
    enter("r")
    return servers


def test_default(alg):
    equal("no ALG in a namespace that is not configured", probe(69), "")
    alg.set("tenant", name="default")
    equal("IPv4 udp/69", probe(69), "alg-tftp")
    equal("IPv6 udp/69", probe(69, family=6), "alg-tftp")
    equal("IPv4 tcp/21", probe(21, transport="tcp"), "alg-ftp")
    equal("IPv6 tcp/21", probe(21, transport="tcp", family=6), "alg-ftp")
    equal("udp/69 of the router itself", probe(69, source="r"), "alg-tftp")
    equal("a port that nobody serves", probe(70), "")
    equal("tcp/69", probe(69, transport="tcp"), "")
    equal("a service whose module is not loaded", probe(5060), "")
    for mode, want in (("off", ""), ("observe", "alg-tftp"), ("on", "alg-tftp")):
        alg.set("policy", name="default", rule=[{"protocol": "tftp", "mode": mode}])
        equal(f"mode {mode}", probe(69), want)
    equal("the service is what was asked for, before DNAT", probe(6969), "")
    alg.set("service", name="s6969", protocol="tftp", port_min=6960, port_max=6970)
    alg.set("policy", name="default", rule=[{"protocol": "tftp", "service": ["s6969"]}])
    equal("a range, and DNAT from it", probe(6969), "alg-tftp")
    equal("its first port", probe(6960), "alg-tftp")
    equal("its last port", probe(6970), "alg-tftp")
    equal("below it", probe(6959), "")
    equal("above it", probe(6971), "")
    equal("a service that was taken out", probe(69), "")
    alg.set("service", name="s6969", port_min=69)
    equal("an edit of the service is followed", probe(69), "alg-tftp")
    equal("in both ways", probe(6960), "")


def test_prefixes(alg):
    def service(**attrs):
        alg.set("service", flags=REPLACE, name="s6969", protocol="tftp", port_min=69, **attrs)

    for family, inside, outside, around in ((4, "10.9.0.0/24", "10.8.0.0/16", "10.0.0.0/9"),
                                            (6, "2001:db8:9::/48", "2001:db8:8::/48", "2001:db8::/44")):
        inside, outside, around = (prefix(*pair(text)) for text in (inside, outside, around))
        other = 10 - family
        host = prefix(SERVER[family])
        service(destination=[outside, inside])
        equal(f"IPv{family} destination", probe(69, family=family), "alg-tftp")
        equal("is not the other family's", probe(69, family=other), "")
        service(destination=[outside])
        equal(f"IPv{family} another destination", probe(69, family=family), "")
        service(except_=[inside])
        equal(f"IPv{family} exception", probe(69, family=family), "")
        equal("is not the other family's", probe(69, family=other), "alg-tftp")
        service(destination=[around], except_=[outside])
        equal(f"IPv{family} destination, and exception elsewhere", probe(69, family=family), "alg-tftp")
        service(destination=[around], except_=[outside, host])
        equal(f"IPv{family} exception in a destination", probe(69, family=family), "")
    service(destination=[{"address": bytes(4), "length": 0}])
    equal("0.0.0.0/0 is all of IPv4", probe(69), "alg-tftp")
    equal("and nothing of IPv6", probe(69, family=6), "")


def pair(text):
    address, length = text.split("/")
    return address, int(length)


def add_tenant(alg, name, port, *selectors):
    alg.set("service", name=name, protocol="tftp", port_min=port)
    alg.set("policy", name=name, rule=[{"protocol": "tftp", "service": [name]}])
    alg.set("tenant", name=name, policy=name, **({"selector": list(selectors)} if selectors else {}))


def whose(title, want, *args, **kwargs):
    """Name of the tenant whose port gets a helper."""
    equal(title, [name for name, port in PORTS.items() if probe(port, *args, **kwargs)], [want] if want else [])


def test_order(alg, vrf):
    alg.do("config-begin")
    for name, *selectors in (("default",), ("iface", {"interface": "lan0"}), ("vrf", {"interface": "red"}),
                             ("zone", {"zone": 7}), ("mark", {"mark": 0x10, "mask": 0xf0}),
                             ("fine", {"mark": 0x11, "mask": 0xff})):
        add_tenant(alg, name, PORTS[name], *selectors)
    whose("nothing of an open transaction", "", PLAIN)
    alg.do("config-commit")
    whose("interface", "iface", PLAIN)
    whose("interface, IPv6", "iface", PLAIN, family=6)
    whose("the router's own", "default", PLAIN, source="r")
    whose("zone before interface", "zone", ZONE)
    whose("mark before interface", "mark", MARK)
    whose("mark before zone", "mark", BOTH)
    whose("the finer mask", "fine", FINE)
    if vrf:
        whose("VRF of the interface", "vrf", PLAIN, source="v")
        alg.set("tenant", name="vrf", selector=[{"interface": "red"}, {"interface": "lan1"}])
        whose("both belong to one", "vrf", PLAIN, source="v")
        alg.set("tenant", name="vrf", selector=[{"interface": "red"}])
        alg.set("tenant", name="iface", selector=[{"interface": "lan1"}])
        whose("interface before its VRF", "iface", PLAIN, source="v")
    alg.delete("tenant", "fine")
    whose("without the finer, the coarser mask", "mark", FINE)
    alg.delete("tenant", "mark")
    whose("without marks, the zone", "zone", BOTH)
    alg.set("tenant", name="zone", no_selectors=True)
    alg.set("tenant", name="iface", selector=[{"interface": "lan0"}])
    whose("without zones, the interface", "iface", BOTH)
    alg.delete("tenant", "iface")
    whose("without interfaces, the default", "default", BOTH)
    alg.delete("tenant", "default")
    whose("without the default, nobody", "", BOTH)
    check("the namespace is configured still", alg.do("status-get")["generation"] > 0)


def main():
    say("TAP version 13")
    if os.geteuid():
        skip_all("needs root")
    for tool in ("ip", "nft", "conntrack", "modprobe"):
        if not shutil.which(tool):
            skip_all(f"no {tool}")
    lib = load_ynl()
    for module in ("nf_conntrack_netlink", "nft_ct", "nft_nat", "nft_chain_nat", "nf_alg_tftp", "nf_alg_ftp"):
        subprocess.run(["modprobe", "-q", module], check=False)
    try:
        build()
        ynl = lib.YnlFamily(SPEC, schema="", process_unknown=True)
        alg, servers = Family(lib, new_socket(ynl)), listen()
        test_default(alg)
        test_prefixes(alg)
        test_order(alg, build_vrf())
        for server in servers:
            server.close()
        alg.close()
    finally:
        remove()
    say(f"1..{Results.points}")
    return 1 if Results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
