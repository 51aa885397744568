"""The embedded PostgreSQL: started, adopted, killed, started at once by two, and always with a password."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ariyippu.base import postgres
from ariyippu.base.errors import RefusedError

START = "import sys, pathlib; from ariyippu.base import postgres; print(postgres.start(pathlib.Path(sys.argv[1])))"
IS_ROOT = os.geteuid() == 0


def query(dsn: str, text: str) -> str:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        row = connection.execute(text.encode()).fetchone()
    return "" if row is None else str(row[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def postmaster(dsn: str) -> int:
    folder = query(dsn, "show data_directory")
    return int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Where a cluster may lie; its parent lets others through, as a server's own account needs it."""
    parent = Path(tempfile.mkdtemp(prefix="ariyippu-postgres-"))
    parent.chmod(0o711)
    yield parent / "postgres"
    postgres.remove(parent / "postgres")
    shutil.rmtree(parent)


@pytest.fixture
def dsn(directory: Path) -> str:
    return postgres.start(directory)


def test_a_running_server_is_adopted(directory: Path, dsn: str) -> None:
    before = postmaster(dsn)
    assert postgres.start(directory) == dsn
    assert postmaster(dsn) == before


def test_its_pages_have_checksums_and_it_listens_on_the_loopback_address_alone(dsn: str) -> None:
    assert query(dsn, "show data_checksums") == "on"
    assert query(dsn, "show listen_addresses") == "127.0.0.1"
    assert query(dsn, "show unix_socket_directories") == ""
    assert query(dsn, "show password_encryption") == "scram-sha-256"


def test_secrets_are_ours_alone_and_the_parent_is_left_as_it_was(directory: Path, dsn: str) -> None:
    assert mode(directory / "owner.url") == 0o600
    assert mode(directory.parent) == 0o711
    assert (directory / "owner.url").read_text() == dsn
    assert mode(Path(query(dsn, "show data_directory"))) == 0o700


@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_comes_in_without_the_password(dsn: str, password: str) -> None:
    assert query(dsn, "select 1") == "1"
    bare = {name: value for name, value in conninfo_to_dict(dsn).items() if name != "password"}
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            make_conninfo("", **{**bare, **({"password": password} if password else {})}), passfile="/nowhere"
        )


def test_its_log_holds_no_value_of_a_statement(directory: Path, dsn: str) -> None:
    for statement in ("select 'cell-of-somebody'::int", "select 'cell-of-somebody' from nowhere"):
        with pytest.raises(psycopg.Error), psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement.encode())
    with pytest.raises(psycopg.Error), psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select %s::int", ["cell-of-somebody"])
    assert b"cell-of-somebody" not in (directory / "log").read_bytes()


def test_what_is_committed_survives_the_server_s_death_three_times(directory: Path) -> None:
    dsn = postgres.start(directory)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
    for n in range(3):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("insert into kept values ({})").format(n))
        os.kill(postmaster(dsn), signal.SIGKILL)
        dsn = postgres.start(directory)  # at once: its orphans may still hold its memory
        assert query(dsn, "select count(*) from kept") == str(n + 1)


def test_a_pid_that_is_another_program_s_now_is_nobody(directory: Path, dsn: str) -> None:
    data = Path(query(dsn, "show data_directory"))
    stale = (data / "postmaster.pid").read_text().splitlines()
    postgres.stop(directory)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as foreign:
        (data / "postmaster.pid").write_text("\n".join([str(foreign.pid), *stale[1:], ""]))
        postgres.stop(directory)  # nothing of ours runs: the foreign program is left alone
        assert foreign.poll() is None
        fresh = postgres.start(directory)
        assert foreign.poll() is None
        assert postmaster(fresh) != foreign.pid
        assert query(fresh, "select 1") == "1"
        foreign.communicate()


@pytest.mark.parametrize("content", ["", "not a number\n", "999999999\n/nowhere\n"])
def test_a_stale_or_broken_pid_file_is_nobody(directory: Path, dsn: str, content: str) -> None:
    data = Path(query(dsn, "show data_directory"))
    postgres.stop(directory)
    (data / "postmaster.pid").write_text(content)
    assert query(postgres.start(directory), "select 1") == "1"


def test_two_starters_at_once_share_one_server(directory: Path, dsn: str) -> None:
    postgres.stop(directory)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn, connect_timeout=5)
    starters = [
        subprocess.Popen([sys.executable, "-c", START, str(directory)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    found = {starter.communicate(timeout=90)[0].strip() for starter in starters}
    assert len(found) == 1
    assert query(found.pop(), "select 1") == "1"


def test_a_lost_cluster_or_password_is_refused_not_made_anew(directory: Path, dsn: str) -> None:
    data = Path(query(dsn, "show data_directory"))
    postgres.stop(directory)
    data.rename(data.with_name("restored"))
    with pytest.raises(RefusedError, match=r"postgres\.cluster_lost"):
        postgres.start(directory)
    data.with_name("restored").rename(data)
    (directory / "owner.url").unlink()
    with pytest.raises(RefusedError, match=r"postgres\.owner_lost"):
        postgres.start(directory)
    (directory / "owner.url").write_text(dsn)
    assert query(postgres.start(directory), "select 1") == "1"


def test_stopping_twice_and_removing_what_never_was_is_harmless(directory: Path, dsn: str, tmp_path: Path) -> None:
    postgres.stop(directory)
    postgres.stop(directory)
    postgres.stop(tmp_path / "never")
    postgres.remove(tmp_path / "never")
    assert not (tmp_path / "never").exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root has to give the server another account")
def test_below_a_closed_folder_root_puts_the_server_elsewhere() -> None:
    closed = Path(tempfile.mkdtemp(prefix="ariyippu-closed-"))
    directory = closed / "postgres"
    try:
        dsn = postgres.start(directory)
        data = Path(query(dsn, "show data_directory"))
        assert data.parent.parent == postgres.ELSEWHERE
        assert data.stat().st_uid != 0
        assert mode(data) == 0o700
        assert mode(closed) == 0o700
        assert postgres.start(directory) == dsn
        postgres.remove(directory)
        assert not data.parent.exists()
        assert not directory.exists()
    finally:
        postgres.remove(directory)
        shutil.rmtree(closed)
