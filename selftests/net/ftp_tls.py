# SPDX-License-Identifier: GPL-2.0-only
"""TLS on the control connection. ftp_tls.sh has the network."""
import os
import ssl
import subprocess

import netbed
from ftpcli import Ftp, Refused, file_on_server
from ftpsrv import Server
from netbed import check, must, must_equal

VSFTPD, PURE, SCRIPTED = "203.0.113.2", "203.0.113.3", "203.0.113.5"
NAMES = {VSFTPD: "vsftpd", PURE: "pure-ftpd", SCRIPTED: "scripted server"}


def policy(value):
    netbed.algctl("r", "policy", "set", "default", "ftp", "option", "ftps=" + value)


def start_tls(ftp, mechanism="TLS"):
    ftp.expect(220)
    ftp.cmd("AUTH " + mechanism, ok=(234,))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    ftp.sock = context.wrap_socket(ftp.sock)
    ftp.cmd("USER anonymous", ok=(331, 230))
    ftp.cmd("PASS x@y", ok=(230,))


def passes_untouched(host, mechanism="TLS"):
    """What is inside is not seen: PORT keeps the private address."""
    ftp = Ftp("c1", host, login=False)
    start_tls(ftp, mechanism)
    for _ in range(3):
        ftp.cmd("NOOP", ok=(200,))
        ftp.cmd("PWD", ok=(257,))
    port = ftp.announce("PORT", ftp.local, 50000)
    code, text = ftp.cmd(port)
    if host == SCRIPTED:
        must_equal(SERVER.seen[-1], port, "what the server saw")
    else:
        must(code >= 500, "PORT with a private address was accepted: " + text)
    must_equal(COUNTED.grown("encrypted", "opened", "rewritten"), (1, 0, 0), "encrypted, opened, rewritten")
    ftp.quit()


def plain_again(host, mode):
    """CCC: the login is encrypted, what follows is not."""
    ftp = Ftp("c1", host, login=False)
    start_tls(ftp)
    ftp.cmd("CCC", ok=(200,))
    ftp.sock = ftp.sock.unwrap()
    for _ in range(3):
        try:
            got = ftp.get(mode, "pub/small")
        except OSError as problem:
            raise AssertionError("%s; the server saw %s" % (problem, SERVER.seen[-3:])) from problem
        must_equal(got, file_on_server("pub/small"), "the file")
    ftp.quit()
    must_equal(COUNTED.grown("encrypted", "opened"), (1, 3), "encrypted, opened")


def not_accepted(mode):
    """The server knows no TLS: the session goes on in the clear."""
    server = Server("s1", "203.0.113.2", 2121)
    netbed.algctl("r", "service", "add", "ftp-alt", "protocol", "ftp", "tcp", "2121")
    netbed.algctl("r", "policy", "set", "default", "ftp", "services", "ftp,ftp-alt")
    ftp = Ftp("c1", "203.0.113.2", 2121)
    ftp.cmd("AUTH TLS", ok=(502,))
    ftp.cmd("AUTH SSL", ok=(502,))
    for one in mode:
        must_equal(ftp.get(one, "pub/small"), file_on_server("pub/small"), "the file by " + one)
    ftp.quit()
    server.close()
    must_equal(COUNTED.grown("encrypted", "opened"), (0, len(mode)), "encrypted, opened")


def refused(host):
    """The server gets a command that it does not know."""
    ftp = Ftp("c1", host, login=False)
    ftp.expect(220)
    for mechanism in ("TLS", "tls", "SSL", "TLS-C"):
        try:
            ftp.cmd("AUTH " + mechanism, ok=(234,))
            raise AssertionError("accepted")
        except Refused as problem:
            must(problem.code >= 500, "answer: %s" % problem)
    ftp.cmd("USER anonymous", ok=(331, 230))
    ftp.cmd("PASS x@y", ok=(230,))
    must_equal(ftp.get("EPRT", "pub/small"), file_on_server("pub/small"), "the file")
    ftp.quit()
    must_equal(COUNTED.grown("command-refused", "encrypted", "opened"), (4, 0, 1), "command-refused, encrypted, opened")


def refused_in_pieces(writing):
    ftp = Ftp("c1", SCRIPTED, writing=writing, login=False)
    ftp.expect(220)
    seen = len(SERVER.seen)
    code, _ = ftp.cmd("AUTH TLS")
    must(code >= 500, "it was accepted")
    must("AUTH" not in SERVER.seen[seen], "the server saw " + SERVER.seen[seen])
    ftp.cmd("USER anonymous", ok=(331,))
    ftp.quit()
    COUNTED.grown()


def client(command, works):
    netbed.enter("c1")
    target = netbed.TMP + "/got"
    if os.path.exists(target):
        os.unlink(target)
    done = subprocess.run([word.replace("@", target) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * netbed.PATIENCE,
                          env=dict(os.environ, HOME=netbed.TMP))
    said = "status %d: %s" % (done.returncode, done.stdout.decode("latin-1"))
    if not works:
        must(done.returncode, "it worked: " + said)
        return
    must(not done.returncode, said)
    if target in " ".join(command).replace("@", target):
        with open(target, "rb") as file:
            must(file.read() == file_on_server("pub/small"), "the file differs")


def curl(host, *options):
    return ["curl", "-ksS", "-m", "10", *options, "ftp://%s/pub/small" % host]


def lftp(host, *settings):
    script = ["set " + setting for setting in settings]
    script += ["set net:timeout 5", "set net:max-retries 1", "set cmd:fail-exit yes", "set ssl:verify-certificate no",
               "set ftp:ssl-protect-data no", "open ftp://%s" % host, "get pub/small -o @", "bye"]
    return ["lftp", "--norc", "-c", "; ".join(script)]


TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TLS.load_cert_chain(netbed.TMP + "/tls.pem")
SERVER = Server("s1", SCRIPTED, tls=TLS)
COUNTED = netbed.Counted()

for address, name in NAMES.items():
    check("AUTH TLS passes untouched and is counted: " + name, passes_untouched, address)
check("curl --ssl-reqd, no data connection: vsftpd", client, curl(VSFTPD, "--ssl-reqd", "-I"), True)
check("curl --ssl-reqd cannot transfer, what it announces is not seen", client,
      curl(VSFTPD, "--ssl-reqd", "-m", str(2 * netbed.NEVER), "-o", "@"), False)
COUNTED.grown()
for how in ("PORT", "PASV", "EPRT", "EPSV"):
    check("CCC brings the ALG back: %s, scripted server" % how, plain_again, SCRIPTED, how)
check("CCC brings the ALG back: EPRT, pure-ftpd", plain_again, PURE, "EPRT")
check("a server without TLS: the session goes on", not_accepted, ("PORT", "PASV", "EPRT", "EPSV"))

policy("refuse")
for address in (VSFTPD, PURE):
    check("ftps=refuse: AUTH is unknown, the session goes on: " + NAMES[address], refused, address)
for how in ("bytes", "nagle", 3):
    check("ftps=refuse: AUTH in pieces (%s)" % how, refused_in_pieces, how)
check("ftps=refuse: curl --ssl falls back, PASV", client,
      curl(VSFTPD, "--ssl", "--disable-epsv", "--no-ftp-skip-pasv-ip", "-o", "@"), True)
check("ftps=refuse: curl --ssl falls back, active", client, curl(VSFTPD, "--ssl", "-P", "-", "-o", "@"), True)
check("ftps=refuse: curl --ssl-reqd gives up", client, curl(VSFTPD, "--ssl-reqd", "-o", "@"), False)
check("ftps=refuse: lftp falls back, active", client, lftp(VSFTPD, "ftp:passive-mode off"), True)
check("ftps=refuse: lftp falls back, passive", client, lftp(VSFTPD, "ftp:passive-mode on"), True)
policy("default")
COUNTED.grown()
check("ftps=pass again: AUTH TLS is accepted", passes_untouched, VSFTPD)
netbed.finish()
