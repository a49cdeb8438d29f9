# SPDX-License-Identifier: GPL-2.0-only
"""FTP clients x modes x servers x networks. ftp_clients.sh has the network."""
import ftplib
import os
import subprocess
import sys
import tempfile

import netbed
from ftpcli import file_on_server
from netbed import must, must_equal

# title, {server: (namespace of the client, address that it connects to)}
NETWORKS = (
    ("IPv4 SNAT", {"vsftpd": ("c1", "203.0.113.2"), "pure-ftpd": ("c1", "203.0.113.3")}),
    ("IPv4 DNAT", {"vsftpd": ("s1", "203.0.113.1"), "pure-ftpd": ("s1", "203.0.113.10")}),
    ("IPv6 no NAT", {"vsftpd": ("c1", "2001:db8:2::2"), "pure-ftpd": ("c1", "2001:db8:2::3")}),
)
FILES = ["f%d" % n for n in range(1, 6)]


def base(host):
    return "ftp://[%s]/" % host if netbed.is_ipv6(host) else "ftp://%s/" % host


def run(ns, command, seconds, place):
    netbed.enter(ns)
    done = subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, env=dict(os.environ, HOME=place))
    must(done.returncode == 0, "status %d: %s" % (done.returncode, done.stdout.decode("latin-1")))


def same(place, names):
    for name in names:
        with open(os.path.join(place, name), "rb") as file:
            must(file.read() == file_on_server("pub/" + name), name + " differs")


def curl(ns, host, seconds, place, *options):
    """Five files on one control connection."""
    url = base(host).replace("[", "\\[").replace("]", "\\]")	# not to be taken for a range of numbers
    run(ns, ["curl", "-sS", "-m", str(seconds), *options, url + "pub/f[1-5]", "-o", "f#1"], seconds, place)
    same(place, FILES)


def lftp(ns, host, seconds, place, *settings):
    script = ["set net:timeout %d" % seconds, "set net:max-retries 1", "set net:reconnect-interval-base 1",
              "set cmd:fail-exit yes", "set ftp:fix-pasv-address no", "set ftp:ssl-allow no", "set ftp:use-feat no",
              "set ftp:sync-mode no"]
    script += ["set " + setting for setting in settings]
    script += ["open " + base(host), "mirror -P 3 /pub out", "bye"]
    run(ns, ["lftp", "--norc", "-c", "; ".join(script)], seconds, place)
    same(place + "/out", FILES + ["big", "small"])


def library(ns, host, seconds, place, passive):
    netbed.enter(ns)
    ftp = ftplib.FTP(host, timeout=seconds)
    ftp.trust_server_pasv_ipv4_address = True
    ftp.set_pasv(passive)
    ftp.login()
    for name in FILES + ["big"]:
        content = []
        ftp.retrbinary("RETR pub/" + name, content.append)
        must(b"".join(content) == file_on_server("pub/" + name), name + " differs")
    listed = sorted(name.split("/")[-1] for name in ftp.nlst("pub"))
    must_equal([name for name in listed if name.strip(".")], sorted(FILES + ["big", "small"]), "list")
    with open(netbed.TMP + "/ftp/pub/big", "rb") as file:
        name = "incoming/" + os.path.basename(place)
        ftp.storbinary("STOR " + name, file)
    must(file_on_server(name) == file_on_server("pub/big"), "the uploaded file differs")
    ftp.quit()


CURL_PASV = ("--disable-epsv", "--no-ftp-skip-pasv-ip")
# title, whether it can IPv6, function, its options
CLIENTS = (
    ("active PORT, curl", False, curl, ("-P", "-", "--disable-eprt")),
    ("active EPRT, curl", True, curl, ("-P", "-")),
    ("passive PASV, curl", False, curl, CURL_PASV),
    ("passive EPSV, curl", True, curl, ()),
    ("active PORT, lftp", False, lftp, ("ftp:passive-mode off",)),
    ("active EPRT, lftp", None, lftp, ("ftp:passive-mode off",)),
    ("passive PASV, lftp", False, lftp, ("ftp:passive-mode on", "ftp:prefer-epsv no")),
    ("passive EPSV, lftp", True, lftp, ("ftp:passive-mode on", "ftp:prefer-epsv yes")),
    ("active PORT, ftplib", False, library, (False,)),
    ("active EPRT, ftplib", None, library, (False,)),
    ("passive PASV, ftplib", False, library, (True,)),
    ("passive EPSV, ftplib", None, library, (True,)),
)


def transfers(ns, host, client, options, seconds):
    with tempfile.TemporaryDirectory(dir=netbed.TMP) as place:
        os.chmod(place, 0o755)
        client(ns, host, seconds, place, *options)


def no_transfer(ns, host, client, options, seconds):
    try:
        transfers(ns, host, client, options, seconds)
    except Exception:
        return
    raise AssertionError("it worked all the same")


def cases(host):
    """IPv6: None means that the client takes this mode there and only there."""
    for title, ipv6, client, options in CLIENTS:
        if ipv6 is not False if netbed.is_ipv6(host) else ipv6 is not None:
            yield title, client, options


def works():
    points = netbed.Points(4)
    for network, servers in NETWORKS:
        for server, (ns, host) in servers.items():
            for title, client, options in cases(host):
                points.add("%s, %s, %s" % (network, title, server), transfers, ns, host, client, options,
                           netbed.PATIENCE)
    points.run()


def fails():
    points = netbed.Points(8)
    for network, servers in NETWORKS:
        ns, host = servers["vsftpd"]
        for title, client, options in cases(host):
            points.add("without ALG fails: %s, %s" % (network, title), no_transfer, ns, host, client, options,
                       2 * netbed.NEVER)
    points.run()


globals()[sys.argv[1]]()
netbed.finish()
