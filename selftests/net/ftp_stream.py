# SPDX-License-Identifier: GPL-2.0-only
"""One control connection and what may happen on it. ftp_stream.sh has the network."""
import sys

import netbed
from ftpcli import MODES, Ftp, Refused, file_on_server, no_transfer, transfers
from ftpsrv import Server
from netbed import must, must_equal

VSFTPD = "203.0.113.2"
SCRIPTED = "203.0.113.3"	# s2
INSIDE = "203.0.113.1"	# c2, for clients outside


def fetch(ftp, mode, path="pub/small", **how):
    got = ftp.get(mode, path, **how)
    must(got == file_on_server(path), "%s: %d bytes came, not those of %s" % (mode, len(got), path))


def padded(ftp, port, widths):
    """PORT with leading zeros: the line is longer than what the ALG writes in its place."""
    numbers = ftp.local.split(".") + [str(port >> 8), str(port & 255)]
    return "PORT " + ",".join(number.zfill(width) for number, width in zip(numbers, widths))


def many_transfers(source):
    ftp = Ftp("c1", VSFTPD, source=source)
    for turn in range(24):
        mode = ("PORT", "EPRT", "PORT", "PASV", "PORT", "EPSV")[turn % 6]
        if mode == "PORT":
            listener = netbed.listen("c1", ftp.local)
            width = (0, 3, 2, 1)[turn % 4]
            text = padded(ftp, listener.getsockname()[1], [width] * 6)
            ftp.cmd(text, ok=(200,))
            ftp.cmd("RETR pub/f%d" % (turn % 5 + 1), ok=(150,))
            sock, _ = netbed.accept(listener)
            with sock:
                must_equal(sock.recv(100), file_on_server("pub/f%d" % (turn % 5 + 1)), text)
            ftp.expect(226)
            listener.close()
        else:
            fetch(ftp, mode, "pub/f%d" % (turn % 5 + 1))
    ftp.quit()


def the_file(sock):
    with sock:
        must_equal(sock.recv(1000), file_on_server("pub/small"), "the file")


def long_session():
    """More edits than any table of them could hold."""
    ftp = Ftp("c1", VSFTPD, source="192.168.1.2")
    listener = netbed.listen("c1", ftp.local)
    for turn in range(150):
        port = 20000 + turn
        ftp.cmd(padded(ftp, port, [turn % 4] * 6), ok=(200,))
    ftp.cmd(ftp.announce("PORT", ftp.local, listener.getsockname()[1]), ok=(200,))
    ftp.cmd("RETR pub/small", ok=(150,))
    the_file(netbed.accept(listener)[0])
    ftp.expect(226)
    ftp.quit()


def failed_then_good(mode):
    ftp = Ftp("c1", VSFTPD)
    for _ in range(2):
        try:
            ftp.get(mode, "pub/none")
            raise AssertionError("a file that does not exist")
        except Refused as problem:
            must_equal(problem.code, 550, "answer")
        if mode in ("PORT", "EPRT"):	# and nobody listens
            ftp.cmd(ftp.announce(mode, ftp.local, 9), ok=(200, 500))
            ftp.cmd(ftp.announce(mode, ftp.local, 50009), ok=(200,))
            ftp.cmd("RETR pub/small", ok=(425, 150))
        else:
            ftp.cmd(mode, ok=(227, 229))
        fetch(ftp, mode)
    ftp.quit()


def large_files(mode):
    ftp = Ftp("c1", VSFTPD)
    ftp.cmd("TYPE I")
    fetch(ftp, mode, "pub/big")
    name = "incoming/" + mode
    ftp.put(mode, name, file_on_server("pub/big"))
    must(file_on_server(name) == file_on_server("pub/big"), "the uploaded file differs")
    sock = ftp.data(mode, "NLST pub")
    names = b""
    while True:
        data = sock.recv(1000)
        if not data:
            break
        names += data
    must(b"f5\r\n" in names, "list: %r" % names)
    ftp.expect(226)
    ftp.quit()


def lower_case(mode):
    ftp = Ftp("c1", VSFTPD)
    command = {"PORT": "port", "EPRT": "ePrT"}.get(mode)
    if command:
        listener = netbed.listen("c1", ftp.local)
        text = ftp.announce(mode, ftp.local, listener.getsockname()[1])
        ftp.cmd(text.replace(mode, command), ok=(200,))
        ftp.cmd("retr pub/small", ok=(150,))
        the_file(netbed.accept(listener)[0])
    else:
        the_file(ftp.data_passive(mode.lower(), "retr pub/small"))
    ftp.expect(226)
    ftp.quit()


def two_in_a_segment():
    """PORT, RETR, PORT, RETR with one write."""
    ftp = Ftp("c1", VSFTPD, source="192.168.1.2")
    first, second = netbed.listen("c1", ftp.local), netbed.listen("c1", ftp.local)
    announced = [ftp.announce("PORT", ftp.local, one.getsockname()[1]) for one in (first, second)]
    lines = ["NOOP"] * 5 + [announced[0], "RETR pub/f1", announced[1], "RETR pub/f2"] + ["NOOP"] * 5
    ftp.send("".join(line + "\r\n" for line in lines).encode())
    for listener, path in ((first, "pub/f1"), (second, "pub/f2")):
        sock, _ = netbed.accept(listener)
        with sock:
            must_equal(sock.recv(100), file_on_server(path), path)
    codes = [ftp.reply()[0] for _ in range(len(lines) + 2)]
    must_equal(codes, [200] * 6 + [150, 226, 200, 150, 226] + [200] * 5, "answers")
    ftp.quit()


def eight_in_a_segment():
    ftp = Ftp("c1", VSFTPD, source="192.168.1.200")
    listener = netbed.listen("c1", ftp.local)
    ports = list(range(30000, 30007)) + [listener.getsockname()[1]]
    lines = [padded(ftp, port, [n % 4] * 6) for n, port in enumerate(ports)]
    ftp.send("".join(line + "\r\n" for line in lines + ["RETR pub/small"]).encode())
    the_file(netbed.accept(listener)[0])
    must_equal([ftp.reply()[0] for _ in range(10)], [200] * 8 + [150, 226], "answers")
    ftp.quit()


def across_segments(shift):
    """A long line of no interest pushes PORT across the end of a full segment."""
    ftp = Ftp("c1", VSFTPD, source="192.168.1.2")
    listener = netbed.listen("c1", ftp.local)
    port = ftp.announce("PORT", ftp.local, listener.getsockname()[1])
    before = "".join("SITE %s\r\n" % ("x" * 100) for _ in range(13))
    before += "SITE %s\r\n" % ("y" * (1448 - len(before) - shift - 7))
    ftp.send((before + port + "\r\nRETR pub/small\r\n").encode())
    for _ in range(14):
        ftp.reply()
    must_equal(ftp.reply()[0], 200, port)
    the_file(netbed.accept(listener)[0])
    ftp.expect(150)
    ftp.expect(226)
    ftp.quit()


def same_port():
    """Two subscribers announce the same port to the same server: one of them gets another one outside."""
    sessions = []
    for ns in ("c1", "c2"):
        ftp = Ftp(ns, VSFTPD)
        listener = netbed.listen(ns, ftp.local, 5001)
        ftp.cmd(ftp.announce("PORT", ftp.local, 5001), ok=(200,))
        sessions.append((ftp, listener))
    for path, (ftp, listener) in zip(("pub/f1", "pub/f2"), sessions):
        ftp.cmd("RETR " + path, ok=(150,))
        sock, _ = netbed.accept(listener)
        with sock:
            must_equal(sock.recv(100), file_on_server(path), path)
        ftp.expect(226)
    for ftp, listener in sessions:
        fetch(ftp, "EPRT")
        ftp.quit()
        listener.close()


def abort():
    """Telnet's IP and DM before ABOR (RFC 959, 4.1.3), then a transfer."""
    ftp = Ftp("c1", SCRIPTED)
    ftp.send(b"\xff\xf4\xff\xf2ABOR\r\n")
    ftp.expect(226)
    fetch(ftp, "PORT")
    fetch(ftp, "PASV")
    ftp.quit()


def long_address(mode):
    """LPRT and LPSV (RFC 1639) with IPv4."""
    ftp = Ftp("c1", SCRIPTED, source="192.168.1.2")
    if mode == "LPSV":
        code, text = ftp.cmd("LPSV")
        must_equal(code, 228, text)
        number = text[text.index("(") + 1:text.index(")")].split(",")
        endpoint = ".".join(number[2:6]), int(number[7]) << 8 | int(number[8])
        sock = netbed.connect("c1", *endpoint, source=(ftp.local, 0))
        ftp.cmd("RETR pub/small", ok=(150,))
    else:
        listener = netbed.listen("c1", ftp.local)
        port = listener.getsockname()[1]
        ftp.cmd("LPRT 4,4,%s,2,%d,%d" % (ftp.local.replace(".", ","), port >> 8, port & 255), ok=(200,))
        ftp.cmd("RETR pub/small", ok=(150,))
        sock, _ = netbed.accept(listener)
    the_file(sock)
    ftp.expect(226)
    ftp.quit()


def epsv_all():
    ftp = Ftp("c1", SCRIPTED)
    fetch(ftp, "PORT")
    ftp.cmd("EPSV ALL", ok=(200,))
    fetch(ftp, "EPSV")
    fetch(ftp, "EPSV")
    if netbed.OURS:
        before = netbed.Counted()
        ftp.cmd(ftp.announce("PORT", ftp.local, 40000))
        must(ftp.announce("PORT", ftp.local, 40000) in SERVER.seen, "PORT was edited: %s" % SERVER.seen[-1])
        must_equal(before.grown("not-allowed", "opened", "rewritten"), (1, 0, 0), "counters")
    fetch(ftp, "EPSV")
    ftp.quit()


def scripted(mode, **how):
    """A session with the server inside, in a way of its own; its replies are rewritten."""
    server = Server("c2", "192.168.1.12", **how)
    try:
        ftp = Ftp("s1", INSIDE)
        for path in ("pub/f1", "pub/small", "pub/f2"):
            fetch(ftp, mode, path)
        ftp.quit()
    finally:
        server.close()


BANNER = ("220-Welcome\n227 Entering Passive Mode (192,168,1,12,19,137)\n220-229 (|||5001|)\n 220 not yet\n"
          "2200 nor\n220 now")
MULTI_227 = "227-Here it is:\n 227 Entering Passive Mode (10,0,0,1,1,1)\n227 =%s"

SCRIPTS = (
    ("multi-line banner that looks like 227", "PASV", {"texts": {220: BANNER}}),
    ("multi-line 227", "PASV", {"texts": {227: MULTI_227}}),
    ("227 without parentheses", "PASV", {"texts": {227: "227 Entering Passive Mode. %s"}}),
    ("227 with nothing else", "PASV", {"texts": {227: "227 %s"}}),
    ("229 with another delimiter", "EPSV", {"texts": {229: "229 Extended Passive Mode OK (!!!%s!)"}}),
    ("227, replies one byte per segment", "PASV", {"writing": "bytes"}),
    ("229, replies one byte per segment", "EPSV", {"writing": "bytes"}),
    ("227, replies one byte per write, Nagle on", "PASV", {"writing": "nagle"}),
    ("227, replies in pieces of 7 bytes", "PASV", {"writing": 7}),
    ("227, replies in pieces of 33 bytes", "PASV", {"writing": 33}),
    ("227, lines end in LF alone", "PASV", {"eol": "\n"}),
    ("229, lines end in LF alone", "EPSV", {"eol": "\n"}),
)


def bare_lf(mode):
    ftp = Ftp("c1", SCRIPTED)
    the_file(ftp.data(mode, "RETR pub/small", end="\n"))
    ftp.expect(226)
    ftp.quit()


def bare_lf_ignored():
    netbed.algctl("r", "policy", "set", "default", "ftp", "option", "bare-lf=ignore")
    before = netbed.Counted()
    ftp = Ftp("c1", SCRIPTED)
    ftp.cmd(ftp.announce("PORT", ftp.local, 40001), end="\n")
    must_equal(before.grown("opened", "rewritten", "malformed"), (0, 0, 1), "counters")
    ftp.quit()
    netbed.algctl("r", "policy", "set", "default", "ftp", "option", "bare-lf=default")


def lossy(mode, writing, turns=6):
    """
    Every fifth command and every sixth reply of the control connection is lost. A line that comes in pieces may pass
    unedited then: a sender whose window is down to one segment can't complete it. The server refuses it, perhaps several
    times; the session goes on, and every file that comes is right.
    """
    ftp = Ftp("c1", VSFTPD, writing=writing, source="192.168.1.2")
    for turn in range(turns):
        for _ in range(3):
            try:
                fetch(ftp, mode, "pub/f%d" % (turn % 5 + 1))
                break
            except Refused:
                if writing == "single":
                    raise
    ftp.quit()


# Segments with data only: after a lost handshake the first repetition takes seconds, which is nobody's fault.
LOSS = """table inet loss { chain drops {
    type filter hook %s
    tcp dport 21 tcp flags & psh == psh numgen inc mod 5 3 drop
    tcp sport 21 tcp flags & psh == psh numgen inc mod 6 2 drop
}; }"""


def with_loss():
    for place, hook in (("before", "prerouting priority -310"), ("behind", "postrouting priority 310")):
        netbed.run("r", "nft", LOSS % hook)
        points = netbed.Points(8)
        for mode in MODES:
            for writing in ("single", 9):
                how = "single write" if writing == "single" else "9 bytes per segment"
                points.add("loss %s the ALG: %s, %s" % (place, mode, how), lossy, mode, writing)
        points.run()
        netbed.run("r", "nft", "delete table inet loss")


ROUTES = (
    ("c1", ["route", "change", "default", "via", "192.168.1.1"]),
    ("s1", ["route", "change", "203.0.113.0/24", "dev", "eth0", "src", VSFTPD]),
)


def routes(*options):
    for ns, words in ROUTES:
        netbed.run(ns, "ip", *words, *options)


def in_pieces():
    """The whole command is under way before anything is repeated."""
    routes("initcwnd", "40", "rto_min", "3s")
    points = netbed.Points(4)
    for size in (2, 3, 5, 11, 17):
        for mode in ("PORT", "EPRT"):
            points.add("pieces of %d bytes: %s" % (size, mode), transfers, "c1", VSFTPD, mode=mode, writing=size,
                       source="192.168.1.2")
    points.run()
    routes()


def with_small_segments():
    """48 bytes of data fit a segment: commands span two, and grow."""
    routes("advmss", "60")
    points = netbed.Points(4)
    for mode in MODES:
        points.add("segments of 48 bytes, pipelined commands: %s" % mode, small_segments, mode)
    points.run()
    routes()


def small_segments(mode):
    ftp = Ftp("c1", VSFTPD, writing="pipelined", source="192.168.1.2")
    for turn in range(4):
        fetch(ftp, mode, "pub/f%d" % (turn + 1))
    ftp.quit()


def works():
    points = netbed.Points(4)
    for source in ("192.168.1.2", "192.168.1.11", "192.168.1.200"):
        points.add("24 transfers on one control connection, lines grow and shrink, from " + source,
                   many_transfers, source)
    points.add("150 PORT commands on one control connection", long_session)
    for mode in MODES:
        points.add("failed transfers, then good ones: " + mode, failed_then_good, mode)
    for mode in MODES:
        points.add("200 kB down, up, and a list: " + mode, large_files, mode)
    for mode in MODES:
        points.add("lower case: " + mode, lower_case, mode)
    for mode in MODES:
        points.add("one byte per write, Nagle on: " + mode, transfers, "c1", VSFTPD, mode=mode, writing="nagle")
    points.add("two PORT and two RETR in one segment", two_in_a_segment)
    points.add("eight PORT in one segment", eight_in_a_segment)
    for shift in (1, 3, 5, 6, 17, 24):
        points.add("PORT across the end of a full segment, %d bytes before it" % shift, across_segments, shift)
    points.add("two subscribers announce the same port", same_port)
    points.add("Telnet IP and DM before ABOR", abort)
    for mode in MODES:
        points.add("commands end in LF alone: " + mode, bare_lf, mode)
    points.run()
    for mode in ("LPRT", "LPSV") if netbed.OURS else ():
        netbed.check("IPv4 in " + mode, long_address, mode)
    netbed.check("EPSV ALL: EPSV works on, PORT opens nothing", epsv_all)
    if netbed.OURS:
        netbed.check("bare-lf=ignore: a PORT that ends in LF alone opens nothing", bare_lf_ignored)
    for title, mode, how in SCRIPTS:
        netbed.check("server inside: " + title, scripted, mode, **how)
    in_pieces()
    with_loss()
    with_small_segments()


def script_fails(mode, **how):
    server = Server("c2", "192.168.1.12", **how)
    try:
        no_transfer("s1", INSIDE, mode=mode)
    finally:
        server.close()


def fails():
    points = netbed.Points(24)
    for mode in MODES:
        for writing in ("nagle", 5):
            points.add("without ALG fails: %s, %s" % (mode, writing), no_transfer, "c1", VSFTPD, mode=mode,
                       writing=writing)
    points.add("without ALG fails: server inside, PASV, one byte per segment", script_fails, "PASV", writing="bytes")
    points.run()


SERVER = Server("s2", SCRIPTED)
globals()[sys.argv[1]]()
netbed.finish()
