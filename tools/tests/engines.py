# SPDX-License-Identifier: GPL-2.0-or-later
"""Databases for the tests of the store: files, and a PostgreSQL server of our own behind a socket in a temporary directory."""

import glob
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Sqlite:
    name = "SQLite"

    def __init__(self):
        self.tmp = tempfile.mkdtemp(prefix="algctl-store.")
        os.chmod(self.tmp, 0o711)
        self.made = 0

    def new(self):
        """The address of a store that is to be."""
        self.made += 1
        return os.path.join(self.tmp, f"store{self.made}.db")

    def user(self, name):
        """Environment in which somebody calls algctl; no number has two names."""
        return {"SUDO_UID": str(20000 + sum(map(ord, name))), "SUDO_GID": "20000", "SUDO_USER": name}

    def login(self, address, _name):
        """The address that somebody has to use."""
        return address

    def sql(self, address, text):
        """Rows of the last statement, as its owner; what is refused is an exception of RuntimeError."""
        db = sqlite3.connect(address, isolation_level=None, timeout=30)
        try:
            return [tuple(str(value) for value in row) for row in db.execute(text)]
        except sqlite3.Error as error:
            raise RuntimeError(str(error)) from error
        finally:
            db.close()

    def worked(self):
        """Seconds of processor time of a server."""
        return 0

    def rows(self, address, tables):
        """Everything in tables with at least three columns, to be compared."""
        return [self.sql(address, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]

    def close(self):
        shutil.rmtree(self.tmp)


def postgres_bin():
    """The directory of the newest server, installed or unpacked, or None."""
    build = os.path.join(HERE, "..", "..", "build", "pkgs")
    found = [d for root in ("/", build) for d in glob.glob(os.path.join(root, "usr/lib/postgresql/*/bin"))]
    found = [os.path.abspath(d) for d in found if all(os.path.exists(os.path.join(d, name)) for name in ("initdb", "psql"))]
    return max(found, key=lambda d: int(d.split("/")[-2]), default=None)


class Postgres:
    name = "PostgreSQL"

    def __init__(self):
        """The server refuses to be root: nobody runs it."""
        self.bin = postgres_bin()
        if not self.bin:
            raise FileNotFoundError("no PostgreSQL server is installed")
        self.tmp = tempfile.mkdtemp(prefix="algctl-store.")
        os.chmod(self.tmp, 0o711)
        self.data = os.path.join(self.tmp, "data")
        self.made, self.users = 0, {"owner"}
        os.mkdir(self.data, 0o700)
        if not os.getuid():
            os.chown(self.data, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "owner", "-N", "--no-instructions")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.data}'\nfsync = off\n"
                       "max_connections = 100\nshared_buffers = 16MB\n")
        os.chmod(self.data, 0o700)
        self.start()

    def run(self, program, *words):
        def become():
            os.setgroups([])
            os.setgid(pwd.getpwnam("nobody").pw_gid)
            os.setuid(pwd.getpwnam("nobody").pw_uid)

        done = subprocess.run([os.path.join(self.bin, program), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, cwd="/", check=False,
                              preexec_fn=None if os.getuid() else become)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}")
        return done.stdout

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", os.path.join(self.data, "log"), "-w", "start")

    def stop(self, how="fast"):
        self.run("pg_ctl", "-D", self.data, "-m", how, "-w", "stop")

    def address(self, database, user="owner"):
        return f"postgresql:///{database}?host={self.data}&user={user}"

    def new(self):
        self.made += 1
        self.psql("postgres", f"CREATE DATABASE store{self.made}")
        self.psql(f"store{self.made}", "GRANT CREATE ON SCHEMA public TO PUBLIC")	# as servers before 15 have it
        return self.address(f"store{self.made}")

    def psql(self, database, text, user="owner"):
        return self.run("psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.data, "-U", user,
                        "-d", database, "-c", text)

    def user(self, _name):
        return {}

    def login(self, address, name):
        if name not in self.users:
            self.psql("postgres", f"CREATE ROLE \"{name}\" LOGIN")
            self.users.add(name)
        return self.address(address.split("/")[3].split("?")[0], name)

    def sql(self, address, text, user="owner"):
        """What @user gets who needs no algctl for it."""
        return [tuple(line.split("\t")) for line in self.psql(address.split("/")[3].split("?")[0], text, user).splitlines()]

    def worked(self):
        """What its processes that have ended used; those of sessions are waited for."""
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as f:
            pid = int(f.readline())
        while self.sessions(pid):
            time.sleep(0.01)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            times = f.read().rpartition(")")[2].split()[13:15]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def sessions(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
            children = f.read().split()
        names = []
        for child in children:
            try:
                with open(f"/proc/{child}/cmdline", encoding="utf-8") as f:
                    names.append(f.read())
            except OSError:
                pass
        return [n for n in names if not n or ("store" in n and "[local]" in n)]	# no name: ended, and not waited for yet

    def rows(self, address, tables):
        return self.sql(address, "; ".join(f"SELECT * FROM {table} ORDER BY 1, 2, 3" for table in tables))

    def close(self):
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.tmp)
