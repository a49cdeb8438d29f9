#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Family nf_alg as policy/nf_alg.yaml describes it, driven from that file alone by the kernel source's YNL library: every
command, every attribute at its limits, and that every refusal carries a message and names the attribute.

Needs root and module nf_alg. YNL_DIR: the kernel's tools/net/ynl; otherwise it is looked for in build/kernels/.
NF_ALG_SPEC: the spec, otherwise ../../policy/nf_alg.yaml.
"""

import copy
import ctypes
import errno
import glob
import os
import re
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SPEC = os.environ.get("NF_ALG_SPEC", os.path.join(TOP, "policy", "nf_alg.yaml"))
POLICY = os.path.dirname(SPEC)

TENANTS, POLICIES = 65536, 1000
PREDEFINED = ["ftp", "sip-udp", "sip-tcp", "tftp", "pptp", "ike"]
LONG = "n" * 63
PROTOCOLS = ["ftp", "sip", "tftp", "pptp", "ike"]

REPLACE, EXCL, CREATE = 0x100, 0x200, 0x400
DUMP_INTR = 0x10
DUMP_ATTR = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) > (6, 1)   # earlier, dumps name no attribute
CLONE_NEWNET = 0x40000000
NETLINK_GENERIC = 16


# ---- KTAP ----

class Results:
    points = failed = 0


def say(text):
    print(text, flush=True)


def check(title, good, *notes):
    Results.points += 1
    Results.failed += not good
    say(f"{'ok' if good else 'not ok'} {Results.points} {title}")
    if not good:
        for note in notes:
            for line in str(note).splitlines():
                say(f"# {line}")
    return good


def equal(title, got, want):
    return check(title, got == want, f"got  {got!r}", f"want {want!r}")


def skip_all(why):
    say(f"1..0 # SKIP {why}")
    sys.exit(4)


# ---- YNL ----

def load_ynl():
    places = [os.environ.get("YNL_DIR")] + sorted(glob.glob(os.path.join(TOP, "build", "kernels", "*", "tools", "net",
                                                                         "ynl")))
    for place in places:
        if not place:
            continue
        for module in ("lib", "pyynl/lib"):
            if os.path.exists(os.path.join(place, module, "ynl.py")):
                sys.path.insert(0, os.path.dirname(os.path.join(place, module)))
                try:
                    import lib
                except ImportError as err:
                    skip_all(f"YNL needs a Python module: {err}")
                return lib
    skip_all("no tools/net/ynl of a kernel source; set YNL_DIR")


def new_socket(ynl):
    """The same family on a socket of its own; the spec is not read again."""
    other = copy.copy(ynl)
    other.async_msg_queue = []
    other.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    for option in (10, 11, 12):    # CAP_ACK, EXT_ACK, GET_STRICT_CHK
        other.sock.setsockopt(270, option, 1)
    return other


class Refused(Exception):
    def __init__(self, err):
        super().__init__(str(err))
        self.errno = -err.nl_msg.error
        self.extack = err.nl_msg.extack or {}


def known(reply):
    """A reply without padding; attributes that the spec does not know end the test."""
    if isinstance(reply, list):
        return [known(entry) for entry in reply]
    if not isinstance(reply, dict):
        return reply
    for key in reply:
        if str(key).startswith("UnknownAttr"):
            raise ValueError(f"{key} is not in the spec")
    return {key: known(value) for key, value in reply.items() if key != "pad"}


class Family:
    """do() and dump() that raise Refused."""

    def __init__(self, lib, ynl):
        self.lib, self.ynl = lib, ynl

    def socket(self):
        return Family(self.lib, new_socket(self.ynl))

    def close(self):
        self.ynl.sock.close()

    def do(self, op, attrs=None, flags=0):
        try:
            return known(self.ynl.do(op, attrs or {}, [flags]))
        except self.lib.NlError as err:
            raise Refused(err) from None

    def dump(self, op, attrs=None):
        try:
            return known(self.ynl.dump(op, attrs or {}))
        except self.lib.NlError as err:
            raise Refused(err) from None

    def set(self, kind, flags=CREATE, **attrs):
        return self.do(f"{kind}-set", named(attrs), flags)

    def get(self, kind, name):
        return self.do(f"{kind}-get", {"name": name})

    def delete(self, kind, name):
        return self.do(f"{kind}-del", {"name": name})

    def names(self, kind):
        return [entry["name"] for entry in self.dump(f"{kind}-get")]

    def message(self, op, attrs, flags):
        return self.ynl._encode_message(self.ynl.ops[op], attrs, [flags], 1)


def named(attrs):
    """Python names to spec names: port_min -> port-min, except_ -> except."""
    return {key.rstrip("_").replace("_", "-"): value for key, value in attrs.items()}


def accepted(title, function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except Refused as err:
        check(title, False, err)
        return None
    check(title, True)
    return result if result is not None else True


def refused(title, code, attr, function, *args, **kwargs):
    """attr: path of the attribute that the message must name, "-name" for a missing one, None for none."""
    try:
        function(*args, **kwargs)
    except Refused as err:
        extack = err.extack
        if function.__name__ == "dump" and not DUMP_ATTR:
            attr = None
        where = extack.get("bad-attr")
        if attr and attr.startswith("-"):
            where = "-" + str(extack.get("miss-type"))
        good = err.errno == code and extack.get("msg") and (attr is None or where == attr)
        check(f"refused: {title}", good, f"errno {errno.errorcode.get(err.errno)}, want {errno.errorcode[code]}",
              f"attribute {where}, want {attr}", f"extack {extack}")
        return extack
    check(f"refused: {title}", False, "it was accepted")
    return {}


# ---- spec against the other lists ----

def definitions(name, macro):
    """Rows of a .def file: lists of arguments with strings unquoted."""
    text = open(os.path.join(POLICY, name), encoding="ascii").read()
    rows = []
    for match in re.finditer(rf"^{macro}\((.*?)\)$", text, re.M | re.S):
        fields = re.findall(r'"(?:[^"\\]|\\.)*"|[^,"]+', match.group(1))
        rows.append([field.strip().strip('"') for field in fields if field.strip()])
    return rows


def test_lists(ynl):
    consts = ynl.consts
    reasons = definitions("reasons.def", "NF_ALG_REASON")
    equal("reasons.def agrees with enum reason", [row[1] for row in reasons], list(consts["reason"].entries))
    options = definitions("options.def", "NF_ALG_OPTION")
    equal("options.def agrees with attribute set option", [row[1] for row in options], list(ynl.attr_sets["option"]))
    equal("symbols of options.def agree with their names", [row[0].lower().replace("_", "-") for row in options],
          [row[1] for row in options])
    equal("symbols of reasons.def agree with their names", [row[0].lower().replace("_", "-") for row in reasons],
          [row[1] for row in reasons])
    return options


# ---- objects ----

def test_fresh(alg):
    status = alg.do("status-get")
    want = {key: 0 for key in ("generation", "services", "policies", "tenants", "transaction", "sessions", "pinholes",
                               "calls", "registrations", "tunnels")}
    equal("a new namespace is not configured", {key: status.get(key) for key in want}, want)
    check("status has all attributes", set(status) == {"version", "protocols", "nat", "tenant-size"} | set(want),
          status)
    check("a tenant takes less than 600 bytes", 0 < status["tenant-size"] < 600, status)
    for kind in ("service", "policy", "tenant"):
        equal(f"{kind}-get dumps nothing", alg.dump(f"{kind}-get"), [])
        refused(f"{kind}-get of nothing", errno.ENOENT, ".name", alg.get, kind, "x")
        refused(f"{kind}-del of nothing", errno.ENOENT, ".name", alg.delete, kind, "x")
    for op in ("stats-get", "pinhole-get", "call-get", "registration-get", "tunnel-get"):
        equal(f"{op} dumps nothing", alg.dump(op), [])
    refused("a first change that is wrong", errno.ENOENT, ".policy", alg.set, "tenant", name="a", policy="none")
    equal("leaves the namespace unconfigured", alg.do("status-get")["generation"], 0)


def test_names(alg):
    cases = {"empty": "", "a leading dot": ".a", "a leading dash": "-a", "a space": "a b", "a slash": "a/b",
             "64 characters": "n" * 64}
    for kind, more in (("service", {"protocol": "ftp", "port-min": 2121}), ("policy", {}), ("tenant", {})):
        for title, name in cases.items():
            refused(f"{kind} name with {title}", errno.EINVAL, ".name", alg.do, f"{kind}-set", {"name": name, **more},
                    CREATE)
        refused(f"{kind} without a name", errno.EINVAL, "-name", alg.do, f"{kind}-set", more, CREATE)
        refused(f"{kind}-del without a name", errno.EINVAL, "-name", alg.do, f"{kind}-del")
        refused(f"{kind}-get without a name", errno.EINVAL, "-name", alg.do, f"{kind}-get")
        refused(f"{kind}-get dump with a name", errno.EINVAL, ".name", alg.dump, f"{kind}-get", {"name": "a"})
        for name in ("a", "7", "A.b_c-d", LONG):
            accepted(f"{kind} may be called {name[:10]}", alg.do, f"{kind}-set", {"name": name, **more}, CREATE | EXCL)
            equal(f"{kind} {name[:10]} is there", alg.get(kind, name)["name"], name)
        refused(f"{kind} that exists, with EXCL", errno.EEXIST, ".name", alg.do, f"{kind}-set", {"name": "a", **more},
                CREATE | EXCL)
        accepted(f"{kind} that exists, without flags", alg.do, f"{kind}-set", {"name": "a", **more})
        refused(f"{kind} that does not exist, without CREATE", errno.ENOENT, ".name", alg.do, f"{kind}-set",
                {"name": "zz", **more})
        refused(f"{kind} that does not exist, with REPLACE", errno.ENOENT, ".name", alg.do, f"{kind}-set",
                {"name": "zz", **more}, REPLACE)
        for name in ("a", "7", "A.b_c-d", LONG):
            accepted(f"{kind} {name[:10]} can be deleted", alg.delete, kind, name)
        refused(f"{kind} that was deleted", errno.ENOENT, ".name", alg.get, kind, "a")


def service(alg, name="s", flags=CREATE, **attrs):
    return alg.set("service", flags, name=name, **attrs)


def prefix(address, length=None):
    raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    return {"address": raw} if length is None else {"address": raw, "length": length}


def test_services(alg):
    equal("predefined services are there", alg.names("service"), PREDEFINED)
    transports = {"ftp": [6], "sip": [6, 17], "tftp": [17], "pptp": [6], "ike": [17]}
    for protocol in PROTOCOLS:
        for transport in (0, 6, 17, 47, 255):
            if transport in transports[protocol]:
                accepted(f"{protocol} over {transport}", service, alg, protocol=protocol, transport=transport,
                         port_min=9)
                alg.delete("service", "s")
            else:
                refused(f"{protocol} over {transport}", errno.EINVAL, ".transport", service, alg, protocol=protocol,
                        transport=transport, port_min=9)
    refused("sip without transport", errno.EINVAL, "-transport", service, alg, protocol="sip", port_min=9)
    refused("protocol 5", errno.ERANGE, ".protocol", service, alg, protocol=5, port_min=9)
    refused("no protocol", errno.EINVAL, "-protocol", service, alg, port_min=9)
    refused("no port", errno.EINVAL, "-port-min", service, alg, protocol="ftp")
    refused("port 0", errno.ERANGE, ".port-min", service, alg, protocol="ftp", port_min=0)
    refused("port-max 0", errno.ERANGE, ".port-max", service, alg, protocol="ftp", port_min=1, port_max=0)
    refused("ports the wrong way round", errno.EINVAL, ".port-max", service, alg, protocol="ftp", port_min=22,
            port_max=21)
    refused("predefined from outside", errno.EINVAL, ".predefined", service, alg, protocol="ftp", port_min=9,
            predefined=1)
    refused("users from outside", errno.EINVAL, ".users", service, alg, protocol="ftp", port_min=9, users=1)
    accepted("all ports", service, alg, protocol="ftp", port_min=1, port_max=65535)
    accepted("port-min alone", service, alg, port_min=2121)
    equal("makes it one port", [alg.get("service", "s")[key] for key in ("port-min", "port-max")], [2121, 2121])
    accepted("port-max alone", service, alg, port_max=2130)
    equal("keeps port-min", [alg.get("service", "s")[key] for key in ("port-min", "port-max")], [2121, 2130])
    for name in PREDEFINED:
        refused(f"change of {name}", errno.EPERM, ".name", service, alg, name=name, port_min=99)
        refused(f"removal of {name}", errno.EPERM, ".name", alg.delete, "service", name)
    test_prefixes(alg)
    alg.delete("service", "s")


def test_prefixes(alg):
    def one(which, value):
        return service(alg, **{which + "_": [value]})

    for which in ("destination", "except"):
        for text, length in (("0.0.0.0", 0), ("192.0.2.1", 32), ("192.0.2.0", 24), ("192.0.2.128", 25), ("::", 0),
                             ("2001:db8::1", 128),
                             ("2001:db8::", 33), ("fe80::", 10)):
            accepted(f"{which} {text}/{length}", one, which, prefix(text, length))
            equal(f"{which} {text}/{length} is kept", alg.get("service", "s")[which], [prefix(text, length)])
        accepted(f"{which} without a length", one, which, prefix("192.0.2.1"))
        equal("is one address", alg.get("service", "s")[which], [prefix("192.0.2.1", 32)])
        refused(f"{which} /33 for IPv4", errno.EINVAL, f".{which}.length", one, which, prefix("192.0.2.0", 33))
        refused(f"{which} /129", errno.ERANGE, f".{which}.length", one, which, prefix("::", 129))
        refused(f"{which} with host bits", errno.EINVAL, f".{which}.address", one, which, prefix("192.0.2.1", 31))
        refused(f"{which} with IPv6 host bits", errno.EINVAL, f".{which}.address", one, which,
                prefix("2001:db8::1", 64))
        refused(f"{which} without address", errno.EINVAL, None, one, which, {"length": 1})
        for size in (0, 3, 5, 15):
            refused(f"{which} address of {size} bytes", errno.EINVAL, f".{which}.address", one, which,
                    {"address": bytes(size)})
        refused(f"{which} address of 17 bytes", errno.ERANGE, f".{which}.address", one, which, {"address": bytes(17)})
        most = [prefix(f"10.0.{i}.0", 24) for i in range(64)]
        accepted(f"64 of {which}", service, alg, **{which + "_": most})
        equal("are kept in order", alg.get("service", "s")[which], most)
        refused(f"65 of {which}", errno.E2BIG, f".{which}", service, alg, **{which + "_": most + most[:1]})
        equal("after refusals nothing has changed", alg.get("service", "s")[which], most)
    equal("both together can be dumped", len(alg.dump("service-get")), len(PREDEFINED) + 1)
    accepted("REPLACE", service, alg, flags=REPLACE, protocol="ftp", port_min=2121)
    check("removes prefixes", not {"destination", "except"} & set(alg.get("service", "s")))


def policy(alg, name="p", flags=CREATE, **attrs):
    return alg.set("policy", flags, name=name, **attrs)


def rule_of(alg, protocol, name="p"):
    return next(rule for rule in alg.get("policy", name)["rule"] if rule["protocol"] == protocol)


def test_policies(alg, options):
    accepted("a policy with nothing said", policy, alg)
    got = alg.get("policy", "p")
    equal("has all protocols on", [(rule["protocol"], rule["mode"]) for rule in got["rule"]],
          [(name, "on") for name in PROTOCOLS])
    equal("has the predefined services", [rule["service"] for rule in got["rule"]],
          [["ftp"], ["sip-udp", "sip-tcp"], ["tftp"], ["pptp"], ["ike"]])
    equal("and the same as policy default", {**got, "name": ""},
          {**alg.get("policy", "default"), "name": "", "users": got["users"]})
    for version in (0, 1, 0xffffffff):
        accepted(f"version {version}", policy, alg, version=version)
        equal("is kept", alg.get("policy", "p")["version"], version)
    for protocol in PROTOCOLS:
        for mode in ("off", "on", "observe"):
            accepted(f"{protocol} {mode}", policy, alg, rule=[{"protocol": protocol, "mode": mode}])
            equal("is kept", rule_of(alg, protocol)["mode"], mode)
    refused("mode 3", errno.ERANGE, ".rule.mode", policy, alg, rule=[{"protocol": "ftp", "mode": 3}])
    refused("protocol 5", errno.ERANGE, ".rule.protocol", policy, alg, rule=[{"protocol": 5}])
    refused("a rule without a protocol", errno.EINVAL, None, policy, alg, rule=[{"mode": "on"}])
    refused("two rules for ftp", errno.EINVAL, ".rule.protocol", policy, alg,
            rule=[{"protocol": "ftp"}, {"protocol": "ftp"}])
    refused("users from outside", errno.EINVAL, ".users", policy, alg, users=1)
    refused("removal of policy default", errno.EPERM, ".name", alg.delete, "policy", "default")
    test_options(alg, options)
    test_policy_services(alg)
    accepted("REPLACE", policy, alg, flags=REPLACE)
    equal("brings the defaults back", {**alg.get("policy", "p"), "name": ""},
          {**alg.get("policy", "default"), "name": "", "users": 0})
    alg.delete("policy", "p")


def protocols_of(mask):
    if "ALL" in mask:
        return set(PROTOCOLS)
    return {word.lower() for word in re.findall(r"NF_ALG_P_([A-Z]+)", mask)}


def test_options(alg, options):
    def one(protocol, option, value):
        return policy(alg, rule=[{"protocol": protocol, "option": {option: value}}])

    for _symbol, option, mask, _kind, low, high, preset, *_rest in options:
        low, high, preset = int(low), int(high), int(preset)
        for protocol in PROTOCOLS:
            if protocol not in protocols_of(mask):
                refused(f"{protocol} {option}", errno.EINVAL, f".rule.option.{option}", one, protocol, option, preset)
                continue
            equal(f"{protocol} {option} has its default", rule_of(alg, protocol)["option"][option], preset)
            for value in {low, high}:
                accepted(f"{protocol} {option} {value}", one, protocol, option, value)
                equal("is kept", rule_of(alg, protocol)["option"][option], value)
            for value in {high + 1, 0xffffffff} | ({low - 1} if low else set()):
                refused(f"{protocol} {option} {value}", errno.ERANGE, f".rule.option.{option}", one, protocol, option,
                        value)
            equal("a refusal changes nothing", rule_of(alg, protocol)["option"][option], value if low == high else
                  rule_of(alg, protocol)["option"][option])
            one(protocol, option, preset)
    for protocol in PROTOCOLS:
        want = {row[1] for row in options if protocol in protocols_of(row[2])}
        equal(f"{protocol} has exactly its options", set(rule_of(alg, protocol)["option"]), want)


def test_policy_services(alg):
    def one(protocol, names):
        return policy(alg, rule=[{"protocol": protocol, "service": names}])

    service(alg, "f2121", protocol="ftp", port_min=2121)
    service(alg, "sip21", protocol="sip", transport=6, port_min=20, port_max=22)
    service(alg, "sipu21", protocol="sip", transport=17, port_min=20, port_max=22)
    refused("a service that is not there", errno.ENOENT, ".rule.service", one, "ftp", ["none"])
    refused("a service of another protocol", errno.EINVAL, ".rule.service", one, "ftp", ["tftp"])
    refused("a service twice", errno.EINVAL, ".rule.service", one, "ftp", ["ftp", "ftp"])
    refused("a bad name", errno.ENOENT, ".rule.service", one, "ftp", ["a b"])
    refused("sip on ftp's port", errno.EINVAL, ".rule", one, "sip", ["sip21"])
    accepted("sip on ftp's port number, over UDP", one, "sip", ["sipu21"])
    accepted("ftp on two services", one, "ftp", ["f2121", "ftp"])
    equal("are kept in order", rule_of(alg, "ftp")["service"], ["f2121", "ftp"])
    equal("users are counted", alg.get("service", "f2121")["users"], 1)
    got = refused("removal of a service in use", errno.EBUSY, ".name", alg.delete, "service", "f2121")
    check("names the policy", " p " in f" {got.get('msg')} ", got)
    refused("another protocol for a service in use", errno.EBUSY, ".protocol", service, alg, "f2121", protocol="pptp")
    refused("a port of another protocol for it", errno.EINVAL, ".port-min", service, alg, "f2121", port_min=1723)
    refused("a port range over another protocol's", errno.EINVAL, ".port-min", service, alg, "f2121", port_min=1700,
            port_max=1800)
    accepted("a free port for it", service, alg, "f2121", port_min=2122)
    many = [f"m{i:02}" for i in range(60)]
    for i, name in enumerate(many):
        service(alg, name, protocol="ftp", port_min=10000 + i)
    refused("65 services in one policy", errno.E2BIG, ".rule", one, "ftp", many + ["ftp"])
    accepted("64 services in one policy", one, "ftp", many)
    equal("are dumped", len(next(p for p in alg.dump("policy-get") if p["name"] == "p")["rule"][0]["service"]), 60)
    refused("65 names in one rule", errno.EINVAL, ".rule.service", one, "ftp",
            many + ["ftp", "f2121", "ftp", "f2121", "ftp"])
    policy(alg, flags=REPLACE)
    for name in many + ["f2121", "sip21", "sipu21"]:
        alg.delete("service", name)
    equal("all services are gone again", alg.names("service"), PREDEFINED)


def tenant(alg, name="t", flags=CREATE, **attrs):
    return alg.set("tenant", flags, name=name, **attrs)


def test_tenants(alg):
    accepted("a tenant with nothing said", tenant, alg)
    got = alg.get("tenant", "t")
    zero = {key: 0 for key in ("max-sessions", "max-pinholes", "pinhole-rate", "port-min", "port-max", "block-size",
                               "sessions", "pinholes")}
    equal("has policy default and no limits", got, {"name": "t", "id": got["id"], "policy": "default", **zero})
    for quota in ("max_sessions", "max_pinholes", "pinhole_rate"):
        for value in (1, 0xffffffff, 0):
            accepted(f"{quota} {value}", tenant, alg, **{quota: value})
            equal("is kept", alg.get("tenant", "t")[quota.replace("_", "-")], value)
    for out in ("id", "sessions", "pinholes"):
        refused(f"{out} from outside", errno.EINVAL, f".{out}", tenant, alg, **{out: 1})
    refused("a policy that is not there", errno.ENOENT, ".policy", tenant, alg, policy="none")
    policy(alg, "q")
    accepted("another policy", tenant, alg, policy="q")
    equal("users are counted", [alg.get("policy", name)["users"] for name in ("q", "default")], [1, 0])
    got = refused("removal of a policy in use", errno.EBUSY, ".name", alg.delete, "policy", "q")
    check("names the tenant", " t " in f" {got.get('msg')} ", got)
    accepted("an edit of something else", tenant, alg, max_sessions=5)
    equal("keeps the policy", alg.get("tenant", "t")["policy"], "q")
    accepted("REPLACE", tenant, alg, flags=REPLACE)
    equal("brings the default back", alg.get("tenant", "t")["policy"], "default")
    alg.delete("policy", "q")
    test_ports(alg)
    test_selectors(alg)
    number = alg.get("tenant", "t")["id"]
    alg.delete("tenant", "t")
    tenant(alg)
    check("an id is not used again soon", alg.get("tenant", "t")["id"] > number)
    alg.delete("tenant", "t")


def test_ports(alg):
    def ports(**attrs):
        return tenant(alg, **attrs)

    refused("port-min below 1024", errno.ERANGE, ".port-min", ports, port_min=1023, port_max=2000)
    refused("port-min alone", errno.EINVAL, "-port-max", ports, port_min=1024)
    refused("port-max alone", errno.EINVAL, ".port-max", ports, port_max=2000)
    refused("block-size alone", errno.EINVAL, ".block-size", ports, block_size=64)
    refused("ports the wrong way round", errno.EINVAL, ".port-max", ports, port_min=2000, port_max=1999)
    refused("a block larger than the range", errno.ERANGE, ".block-size", ports, port_min=2000, port_max=2063,
            block_size=65)
    accepted("one port", ports, port_min=65535, port_max=65535, block_size=1)
    accepted("the largest range", ports, port_min=1024, port_max=65535, block_size=0)
    accepted("one block", ports, block_size=64512)
    refused("a block larger than that", errno.ERANGE, ".block-size", ports, block_size=64513)
    accepted("blocks that do not fill it", ports, block_size=1000)
    equal("are kept", [alg.get("tenant", "t")[key] for key in ("port-min", "port-max", "block-size")],
          [1024, 65535, 1000])
    refused("a range smaller than the block", errno.ERANGE, ".port-max", ports, port_max=1100)
    accepted("port-min 0", ports, port_min=0)
    equal("takes range and block with it", [alg.get("tenant", "t")[key] for key in ("port-min", "port-max",
                                                                                    "block-size")], [0, 0, 0])


def test_selectors(alg):
    def select(*selectors, **more):
        return tenant(alg, selector=list(selectors), **more)

    good = [{"zone": 0}, {"zone": 65535}, {"interface": "eth0"}, {"interface": "i" * 15}, {"mark": 0, "mask": 1},
            {"mark": 0xffffffff, "mask": 0xffffffff}, {"mark": 0x80000000, "mask": 0x80000000}]
    for selector in good:
        accepted(f"selector {selector}", select, selector)
        equal("is kept", alg.get("tenant", "t")["selector"], [selector])
    accepted("a mark without mask", select, {"mark": 7})
    equal("has all bits", alg.get("tenant", "t")["selector"], [{"mark": 7, "mask": 0xffffffff}])
    refused("an empty selector", errno.EINVAL, ".selector", select, {})
    refused("zone and mark", errno.EINVAL, ".selector", select, {"zone": 1, "mark": 1})
    refused("zone and interface", errno.EINVAL, ".selector", select, {"zone": 1, "interface": "a"})
    refused("a mask for a zone", errno.EINVAL, ".selector.mask", select, {"zone": 1, "mask": 1})
    refused("a mask alone", errno.EINVAL, ".selector", select, {"mask": 1})
    refused("mask 0", errno.ERANGE, ".selector.mask", select, {"mark": 0, "mask": 0})
    refused("mark outside of mask", errno.EINVAL, ".selector.mark", select, {"mark": 3, "mask": 1})
    for name in ("", "a/b", "a b", ".."):
        refused(f"interface '{name}'", errno.EINVAL, ".selector.interface", select, {"interface": name})
    refused("interface of 16 characters", errno.EINVAL, ".selector.interface", select, {"interface": "i" * 16})
    refused("a selector twice", errno.EINVAL, ".selector", select, {"zone": 1}, {"zone": 1})
    refused("selectors for tenant default", errno.EINVAL, ".selector", tenant, alg, "default", selector=[{"zone": 1}])
    refused("selectors and none", errno.EINVAL, ".no-selectors", select, {"zone": 1}, no_selectors=True)
    most = [{"zone": zone} for zone in range(16)]
    accepted("16 selectors", select, *most)
    refused("17 selectors", errno.E2BIG, ".selector", select, *most, {"zone": 16})
    equal("after a refusal nothing has changed", alg.get("tenant", "t")["selector"], most)
    got = refused("the selector of another tenant", errno.EEXIST, ".selector", tenant, alg, "u",
                  selector=[{"zone": 99}, {"zone": 15}])
    check("names the other tenant", " t " in f" {got.get('msg')} ", got)
    accepted("selectors some of which stay", select, {"zone": 15}, {"interface": "x"})
    accepted("those that went are free for others", tenant, alg, "u", selector=[{"zone": 14}, {"mark": 1}])
    accepted("an edit of something else", tenant, alg, max_sessions=5)
    equal("keeps the selectors", alg.get("tenant", "t")["selector"], [{"zone": 15}, {"interface": "x"}])
    accepted("no-selectors", tenant, alg, no_selectors=True)
    check("removes them", "selector" not in alg.get("tenant", "t"))
    alg.delete("tenant", "u")
    masks = [{"mark": 0, "mask": 1 << bit} for bit in range(8)]
    accepted("8 different masks", select, *masks)
    got = refused("a ninth mask", errno.ENOSPC, ".selector", tenant, alg, "u",
                  selector=[{"zone": 7}, {"mark": 0, "mask": 256}])
    check("says so", "8 different mark masks" in str(got.get("msg")), got)
    refused("and leaves nothing behind", errno.ENOENT, ".name", alg.get, "tenant", "u")
    accepted("one of the masks again", tenant, alg, "u", selector=[{"zone": 7}, {"mark": 1, "mask": 1}])
    accepted("fewer masks", select, {"mark": 0, "mask": 1})
    accepted("make room", tenant, alg, "u", selector=[{"mark": 0, "mask": 256}])
    longer = accepted("a tenant with the longest name", tenant, alg, LONG, selector=[{"zone": 4711}])
    got = refused("its selector for another", errno.EEXIST, ".selector", tenant, alg, "u",
                  selector=[{"zone": 4711}]) if longer else {}
    check("its whole name is in the message", LONG in str(got.get("msg")), got)
    alg.delete("tenant", LONG)
    alg.delete("tenant", "u")


# ---- transactions ----

def test_transactions(alg):
    one, two = alg.socket(), alg.socket()
    for op in ("config-commit", "config-abort"):
        refused(f"{op} without a transaction", errno.EINVAL, None, one.do, op)
    tenant(alg, "stays")
    tenant(alg, "goes", selector=[{"zone": 5}])
    policy(alg, "goes")
    number = alg.get("tenant", "stays")["id"]
    generation = alg.do("status-get")["generation"]
    equal("config-begin answers the generation", accepted("config-begin", one.do, "config-begin"),
          {"generation": generation})
    refused("config-begin again", errno.EBUSY, None, one.do, "config-begin")
    refused("config-begin on another socket", errno.EBUSY, None, two.do, "config-begin")
    refused("config-commit on another socket", errno.EINVAL, None, two.do, "config-commit")
    refused("config-abort on another socket", errno.EINVAL, None, two.do, "config-abort")
    check("status shows the socket", one.ynl.sock.getsockname()[0] == alg.do("status-get")["transaction"])
    equal("it begins with the predefined services", one.names("service"), PREDEFINED)
    equal("and policy default", one.names("policy"), ["default"])
    equal("and no tenant", one.names("tenant"), [])
    accepted("a tenant in the transaction", tenant, one, "stays", selector=[{"zone": 5}], max_sessions=3)
    accepted("and another", tenant, one, "new")
    equal("the socket sees them", one.names("tenant"), ["stays", "new"])
    equal("others see what runs", two.names("tenant"), ["stays", "goes"])
    equal("and no new generation", two.do("status-get")["generation"], generation)
    tenant(two, "later")
    refused("commit after another change", errno.ESTALE, None, one.do, "config-commit")
    refused("commit with a wrong generation", errno.ESTALE, ".generation", one.do, "config-commit",
            {"generation": generation})
    running = two.do("status-get")["generation"]
    tenant(one, "later")
    two.delete("tenant", "later")
    tenant(two, "later", max_pinholes=9)
    later = two.get("tenant", "later")["id"]
    running = two.do("status-get")["generation"]
    equal("commit with the new generation", accepted("commit", one.do, "config-commit", {"generation": running}),
          {"generation": running + 1})
    equal("the collected configuration runs", sorted(two.names("tenant")), ["later", "new", "stays"])
    equal("policies that were not in it are gone", two.names("policy"), ["default"])
    equal("a tenant that stays keeps its id", two.get("tenant", "stays")["id"], number)
    equal("also one that was made anew meanwhile", two.get("tenant", "later")["id"], later)
    equal("dumps go by id", [entry["id"] for entry in two.dump("tenant-get")],
          sorted(entry["id"] for entry in two.dump("tenant-get")))
    equal("it has what was said of it", two.get("tenant", "stays")["max-sessions"], 3)
    equal("no transaction is open", two.do("status-get")["transaction"], 0)
    one.do("config-begin")
    tenant(one, "never")
    accepted("config-abort", one.do, "config-abort")
    equal("drops what was collected", two.names("tenant"), one.names("tenant"))
    one.do("config-begin")
    tenant(one, "never")
    one.close()
    equal("closing the socket aborts", two.do("status-get")["transaction"], 0)
    accepted("another may begin", two.do, "config-begin")
    accepted("and commit nothing", two.do, "config-commit")
    equal("which leaves no tenant", two.names("tenant"), [])
    two.close()


def test_events(alg):
    one = alg.socket()
    one.ynl.ntf_subscribe("events")
    service(alg, "e", protocol="ftp", port_min=2121)
    policy(alg, "e")
    tenant(alg, "e")
    for kind in ("tenant", "policy", "service"):
        alg.delete(kind, "e")
    alg.do("config-begin")
    tenant(alg, "quiet")
    alg.do("config-commit")
    one.ynl.check_ntf()
    got = [(event["msg"]["event"], event["msg"].get("name")) for event in one.ynl.async_msg_queue]
    want = [(f"{kind}-set", "e") for kind in ("service", "policy", "tenant")]
    want += [(f"{kind}-deleted", "e") for kind in ("tenant", "policy", "service")] + [("config-replaced", None)]
    equal("events tell of each change, and of a transaction once", got, want)
    numbers = [event["msg"]["generation"] for event in one.ynl.async_msg_queue]
    equal("with growing generations", numbers, list(range(numbers[0], numbers[0] + len(numbers))))
    one.close()


# ---- counters and pinholes ----

def test_state(alg):
    tenant(alg, "t")
    for op in ("stats-get", "pinhole-get", "call-get", "registration-get"):
        accepted(f"{op} of all", alg.dump, op)
        accepted(f"{op} of one tenant and protocol", alg.dump, op, {"tenant": "t", "protocol": "tftp"})
        refused(f"{op} of a tenant that is not there", errno.ENOENT, ".tenant", alg.dump, op, {"tenant": "none"})
        refused(f"{op} of protocol 5", errno.ERANGE, ".protocol", alg.dump, op, {"protocol": 5})
    equal("no counters yet", alg.dump("stats-get"), [])
    accepted("stats-reset", alg.do, "stats-reset")
    accepted("stats-reset of one tenant and protocol", alg.do, "stats-reset", {"tenant": "t", "protocol": "ftp"})
    refused("stats-reset of a tenant that is not there", errno.ENOENT, ".tenant", alg.do, "stats-reset",
            {"tenant": "none"})
    refused("stats-reset of protocol 5", errno.ERANGE, ".protocol", alg.do, "stats-reset", {"protocol": 5})
    refused("stats-reset with a counter", errno.EINVAL, None, alg.do, "stats-reset", {"counter": [{"reason": 0}]})
    refused("pinhole-del of nothing", errno.EINVAL, "-id", alg.do, "pinhole-del")
    refused("pinhole-del of both", errno.EINVAL, ".tenant", alg.do, "pinhole-del", {"id": 1, "tenant": "t"})
    refused("pinhole-del of an id that is not there", errno.ENOENT, ".id", alg.do, "pinhole-del", {"id": 0xfffffff0})
    refused("pinhole-del of a large id", errno.ENOENT, ".id", alg.do, "pinhole-del", {"id": 1 << 32})
    refused("pinhole-del of a tenant that is not there", errno.ENOENT, ".tenant", alg.do, "pinhole-del",
            {"tenant": "none"})
    refused("pinhole-del of a protocol", errno.EINVAL, ".protocol", alg.do, "pinhole-del", {"protocol": "ftp"})
    accepted("pinhole-del of a tenant", alg.do, "pinhole-del", {"tenant": "t"})
    test_calls(alg)
    test_tunnels(alg)
    alg.delete("tenant", "t")


def test_calls(alg):
    """None are there: that takes control connections. What is asked for wrongly is refused all the same."""
    for op in ("call-get", "registration-get"):
        equal(f"{op} dumps nothing", alg.dump(op, {"protocol": "sip"}), [])
        for more in ({"id": 1}, {"call": {"id": 1}}, {"registration": {"id": 1}}):
            refused(f"{op} with {more}", errno.EINVAL, None, alg.dump, op, more)
    for what in ("call", "registration"):
        op = f"{what}-del"
        refused(f"{op} of nothing", errno.EINVAL, "-id", alg.do, op)
        refused(f"{op} of a protocol", errno.EINVAL, "-id", alg.do, op, {"protocol": "sip"})
        refused(f"{op} of an id without protocol", errno.EINVAL, "-protocol", alg.do, op, {"id": 1})
        refused(f"{op} of protocol 5", errno.ERANGE, ".protocol", alg.do, op, {"id": 1, "protocol": 5})
        for protocol in PROTOCOLS:
            for number in (0, 1, 0xffffffff):
                refused(f"{op} of {protocol} {number}", errno.ENOENT, ".id", alg.do, op,
                        {"id": number, "protocol": protocol})
        refused(f"{op} with a {what}", errno.EINVAL, None, alg.do, op, {"id": 1, "protocol": "sip", what: {"id": 1}})
    refused("call-del of both", errno.EINVAL, ".tenant", alg.do, "call-del", {"id": 1, "protocol": "sip", "tenant": "t"})
    refused("call-del of a tenant that is not there", errno.ENOENT, ".tenant", alg.do, "call-del", {"tenant": "none"})
    accepted("call-del of a tenant", alg.do, "call-del", {"tenant": "t"})
    accepted("call-del of a tenant and protocol", alg.do, "call-del", {"tenant": "t", "protocol": "sip"})
    refused("registration-del of a tenant", errno.EINVAL, ".tenant", alg.do, "registration-del", {"tenant": "t"})


def test_tunnels(alg):
    """As with calls: none are there."""
    for op, run in (("tunnel-get", alg.dump), ("tunnel-del", alg.do)):
        accepted(f"{op} of a tenant", run, op, {"tenant": "t"})
        refused(f"{op} of a tenant that is not there", errno.ENOENT, ".tenant", run, op, {"tenant": "none"})
        refused(f"{op} with a tunnel", errno.EINVAL, None, run, op, {"tunnel": {"id": 1}})
    refused("tunnel-del of nothing", errno.EINVAL, "-id", alg.do, "tunnel-del")
    refused("tunnel-del of both", errno.EINVAL, ".tenant", alg.do, "tunnel-del", {"id": 1, "tenant": "t"})
    for number in (0, 1, 0xffffffff):
        refused(f"tunnel-del of {number}", errno.ENOENT, ".id", alg.do, "tunnel-del", {"id": number})


def test_strict(alg):
    for op in ("status-get", "config-begin", "config-abort"):
        refused(f"{op} with an attribute", errno.EINVAL, None, raw_attr, alg, op, 1)
    for op in ("service-set", "policy-set", "tenant-set", "config-commit", "stats-reset", "pinhole-del", "call-del",
               "registration-del", "tunnel-del", "service-get", "tenant-del"):
        refused(f"{op} with an unknown attribute", errno.EINVAL, None, raw_attr, alg, op, 99)
    refused("a name of another type", errno.EINVAL, None, raw_attr, alg, "tenant-get", 1)
    equal("nothing came of it", alg.names("tenant"), [])


def raw_attr(alg, op, number):
    """A command with one attribute of four bytes, which it does not know or knows otherwise."""
    ynl = alg.ynl
    message = bytearray(ynl._encode_message(ynl.ops[op], {}, [CREATE], 77))
    message += struct.pack("HHI", 8, number, 0x61616161)
    message[0:4] = struct.pack("I", len(message))
    ynl.sock.send(bytes(message))
    reply = sys.modules["lib.ynl"].NlMsgs(ynl.sock.recv(65536)).msgs[0]
    if reply.error:
        raise Refused(alg.lib.NlError(reply))


# ---- dumps under change; scale ----

def raw_dump(alg, op, between=None):
    """A dump without decoding; between() runs after the first batch. Returns how many and if marked."""
    sock = alg.ynl.sock
    sock.send(alg.message(op, {}, 0x300))
    count, interrupted = 0, False
    while True:
        data = sock.recv(1 << 17)
        offset = 0
        while offset < len(data):
            length, kind, flags = struct.unpack_from("IHH", data, offset)
            interrupted |= bool(flags & DUMP_INTR)
            if kind == 3:
                return count, interrupted
            if kind == 2:
                raise OSError(-struct.unpack_from("i", data, offset + 16)[0], "dump")
            count += 1
            offset += (length + 3) & ~3
        if between:
            between()
            between = None


def test_dumps(alg):
    one, n = alg.socket(), 3000
    bulk(alg, "tenant-set", lambda name, number: {"name": name, "selector": [{"mark": number}]}, n)
    equal("a long dump is whole", raw_dump(one, "tenant-get"), (n, False))
    got = raw_dump(one, "tenant-get", lambda: tenant(alg, "000000", max_sessions=1))
    equal("a dump with a change in between is marked", got, (n, True))
    got = raw_dump(one, "tenant-get", lambda: alg.delete("tenant", f"{n - 1:06}"))
    equal("also when what comes next is deleted", got, (n - 1, True))

    def swap():
        alg.do("config-begin")
        alg.do("config-commit")

    count, interrupted = raw_dump(one, "tenant-get", swap)
    check("a dump over a new configuration ends and is marked", interrupted and count < n - 1, count, interrupted)
    one.close()


def bulk(alg, op, make, n):
    """n messages made of one that YNL encoded, with text and number put in; not acknowledged but for errors."""
    first = alg.message(op, make(f"{'x' * 6}", 0x5a5a5a5a), CREATE)
    name, number = first.index(b"xxxxxx"), first.find(struct.pack("I", 0x5a5a5a5a))
    message = bytearray(first)
    message[6:8] = struct.pack("H", 1 | CREATE)
    sock, batch = alg.ynl.sock, bytearray()
    for i in range(n):
        message[name:name + 6] = b"%06d" % i
        if number > 0:
            message[number:number + 4] = struct.pack("I", i)
        batch += message
        if len(batch) > 60000:
            sock.send(batch)
            batch.clear()
    sock.send(batch)


def memory():
    with open("/proc/meminfo", encoding="ascii") as file:
        rows = dict(line.split(":") for line in file)
    return sum(int(rows[key].split()[0]) for key in ("Slab", "VmallocUsed")) * 1024


def test_scale(alg):
    one = alg.socket()
    one.do("config-begin")
    before, start = memory(), time.monotonic()
    bulk(one, "policy-set", lambda name, number: {"name": name, "version": number}, POLICIES)
    policies = time.monotonic()
    bulk(one, "tenant-set", lambda name, number: {"name": name, "policy": "000999", "selector": [{"mark": number}]},
         TENANTS)
    tenants, after = time.monotonic(), memory()
    got = one.do("config-commit")
    done = time.monotonic()
    status = alg.do("status-get")
    equal(f"{TENANTS} tenants and {POLICIES} policies were committed", (status["tenants"], status["policies"]),
          (TENANTS, POLICIES + 1))
    equal("as one generation", got["generation"], status["generation"])
    say(f"# {POLICIES} policies {policies - start:.3f} s, {TENANTS} tenants {tenants - policies:.3f} s")
    say(f"# commit {done - tenants:.4f} s")
    say(f"# {(after - before) // TENANTS} bytes of kernel memory per tenant in all")
    check("a tenant takes less than 600 bytes in all",
          (after - before) // TENANTS < 600 or os.path.exists("/sys/kernel/debug/kmemleak"))
    check("the commit takes less than a second", done - tenants < 1)
    equal("the policy knows its users", alg.get("policy", "000999")["users"], TENANTS)
    start = time.monotonic()
    accepted("an edit of the policy that all have", policy, alg, "000999",
             rule=[{"protocol": "ftp", "mode": "observe"}])
    say(f"# edit of that policy {time.monotonic() - start:.4f} s")
    equal("a dump has them all", raw_dump(one, "tenant-get"), (TENANTS, False))
    start = time.monotonic()
    one.do("config-begin")
    one.do("config-commit")
    say(f"# commit of nothing instead {time.monotonic() - start:.4f} s")
    equal("all are gone", alg.do("status-get")["tenants"], 0)
    one.close()


# ---- permission ----

def test_permission(alg):
    """Without CAP_NET_ADMIN only status-get answers."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.setgid(65534)
        os.setuid(65534)
        user, got = alg.socket(), []
        for op, attrs in (("status-get", {}), ("tenant-get", {"name": "a"}), ("tenant-set", {"name": "a"}),
                          ("config-begin", {})):
            try:
                user.do(op, attrs)
                got.append("ok")
            except Refused as err:
                got.append(errno.errorcode[err.errno])
        try:
            alg.socket().ynl.ntf_subscribe("events")
            got.append("ok")
        except OSError as err:
            got.append(errno.errorcode[err.errno])
        os.write(writer, " ".join(got).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        got = file.read()
    os.waitpid(child, 0)
    equal("without CAP_NET_ADMIN there is only status-get, and no events", got, "ok EPERM EPERM EPERM EPERM")


def main():
    say("TAP version 13")
    if os.geteuid():
        skip_all("needs root")
    if not os.path.exists(SPEC):
        skip_all(f"no {SPEC}")
    lib = load_ynl()
    subprocess.run(["modprobe", "-q", "nf_alg"], check=False)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        skip_all("no new network namespace")
    try:
        # older YNL knows attributes that only pad by their number alone; nothing else may be unknown
        ynl = lib.YnlFamily(SPEC, schema="", process_unknown=True)
    except Exception as err:    # YNL raises plain exceptions
        skip_all(str(err))
    alg = Family(lib, new_socket(ynl))
    options = test_lists(ynl)
    test_fresh(alg)
    test_names(alg)
    test_services(alg)
    test_policies(alg, options)
    test_tenants(alg)
    test_transactions(alg)
    test_events(alg)
    test_state(alg)
    alg.do("config-begin")
    alg.do("config-commit")
    test_strict(alg)
    test_dumps(alg)
    test_permission(alg)
    test_scale(alg)
    say(f"1..{Results.points}")
    return 1 if Results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
