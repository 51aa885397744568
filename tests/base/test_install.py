"""What an installation makes, and what each zone's role is denied by the database itself."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ariyippu.base import install, postgres
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home, Zone

INSTALL = "from ariyippu.base import home, install; install.install(home.current())"


def dsn(home: Home, zone: Zone) -> str:
    return home.database_url_file(zone).read_text()


@pytest.fixture
def vault(home: Home) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn(home, "vault")) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def own() -> Iterator[Home]:
    """An installation that a test may stop and change."""
    path = Path(tempfile.mkdtemp(prefix="ariyippu-install-"))
    path.chmod(0o711)
    home = Home(path)
    install.install(home)
    yield home
    postgres.remove(home.postgres)
    shutil.rmtree(path)


@pytest.mark.parametrize("zone", install.ZONES)
def test_role_reaches_its_own_database_only(home: Home, zone: Zone) -> None:
    others = {"ariyippu_office", "ariyippu_vault", "postgres", "template1"} - {install.role(zone)}
    for other in others:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(make_conninfo(dsn(home, zone), dbname=other))
    with psycopg.connect(dsn(home, zone)) as connection:
        assert connection.info.dbname == connection.info.user == install.role(zone)


@pytest.mark.parametrize("zone", install.ZONES)
def test_role_owns_nothing_and_has_no_attribute(home: Home, zone: Zone) -> None:
    queries = (
        "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = current_user::regrole",
        "SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole",
        "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreatedb OR rolcreaterole"
        " OR rolreplication OR rolbypassrls)",
    )
    with psycopg.connect(dsn(home, zone)) as connection:
        assert [connection.execute(query).fetchone() for query in queries] == [(0,)] * 3


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE journal SET kind = 'order'",
        "DELETE FROM journal",
        "TRUNCATE journal, journal_entry",
        "ALTER TABLE journal ADD COLUMN n int",
        "DROP TABLE journal",
        "SELECT * FROM journal FOR UPDATE",
        "TRUNCATE journal_entry",
        "SELECT setval('journal_id_seq', 1)",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('base', 'x', now())",
        "DELETE FROM django_migrations",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY journal TO PROGRAM 'cat'",
        "COPY journal TO '/tmp/journal'",
        "SET ROLE ariyippu_owner",
        "SET log_statement = 'all'",
        "ALTER ROLE ariyippu_office PASSWORD 'x'",
    ],
)
def test_vault_is_denied(vault: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        vault.execute(statement.encode())


@pytest.mark.parametrize("statement", ["CREATE ROLE m", "CREATE DATABASE m", "ALTER SYSTEM SET fsync = off"])
def test_vault_does_not_change_the_server(home: Home, statement: str) -> None:
    with (
        psycopg.connect(dsn(home, "vault"), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_vault_does_its_work(vault: psycopg.Connection) -> None:
    row = vault.execute(
        "INSERT INTO journal (at, kind, body) VALUES (now(), 'order', '{}') RETURNING id",
    ).fetchone()
    assert row is not None
    vault.execute("INSERT INTO journal_entry (index, journal_id) VALUES (900000000, %s)", row)
    changed = vault.execute("UPDATE journal_entry SET cosigned_at = now() WHERE index = 900000000")
    assert changed.rowcount == 1
    assert vault.execute("DELETE FROM journal_entry WHERE index = 900000000").rowcount == 1


def test_folders_and_secrets(home: Home) -> None:
    modes = {
        folder: stat.S_IMODE(folder.stat().st_mode)
        for folder in (home.path, home.office, home.vault, home.witness, home.tmp, home.log)
    }
    assert list(modes.values()) == [0o711, 0o700, 0o700, 0o700, 0o700, 0o755]
    for file in (home.keyring, home.owner_url_file, *(home.database_url_file(zone) for zone in install.ZONES)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_password_is_in_a_log(own: Home) -> None:
    logs = [own.postgres / "log", *own.path.glob("*/migrations.log")]
    assert len(logs) == 3
    said = "".join(file.read_text() for file in logs)
    urls = [own.owner_url_file.read_text(), *(dsn(own, zone) for zone in install.ZONES)]
    passwords = {str(conninfo_to_dict(url)["password"]) for url in urls}
    assert len(passwords) == 3
    assert all(len(password) >= 32 and password not in said for password in passwords)


def test_again_changes_nothing_and_cuts_nobody_off(own: Home) -> None:
    files = [own.keyring, own.owner_url_file, *(own.database_url_file(zone) for zone in install.ZONES)]
    before = [file.read_bytes() for file in files]
    with psycopg.connect(dsn(own, "vault"), autocommit=True) as connection:
        install.install(own)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (0,)
    assert [file.read_bytes() for file in files] == before


def test_urls_follow_the_port(own: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.stop(own.postgres)
    port = postgres._free_port()
    monkeypatch.setattr(postgres, "_free_port", lambda: port)
    install.install(own)
    for zone in install.ZONES:
        with psycopg.connect(dsn(own, zone)) as connection:
            assert connection.info.port == port


def test_two_installers_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    environment = {**os.environ, "ARIYIPPU_HOME": str(home.path)}
    try:
        both = [subprocess.Popen([sys.executable, "-c", INSTALL], env=environment) for _ in range(2)]
        assert [installer.wait(120) for installer in both] == [0, 0]
        for zone in install.ZONES:
            psycopg.connect(dsn(home, zone)).close()
    finally:
        postgres.remove(home.postgres)


def test_role_that_may_too_much_is_refused(own: Home) -> None:
    with psycopg.connect(own.owner_url_file.read_text(), autocommit=True) as owner:
        for give, take in (
            ("ALTER ROLE ariyippu_office CREATEROLE", "ALTER ROLE ariyippu_office NOCREATEROLE"),
            ("GRANT pg_read_all_data TO ariyippu_office", "REVOKE pg_read_all_data FROM ariyippu_office"),
        ):
            owner.execute(give.encode())
            with pytest.raises(RefusedError, match=r"install\.role"):
                install.install(own)
            owner.execute(take.encode())


# --- a server of one's own ---------------------------------------------------------------------------


def test_urls_of_a_dba_are_only_checked(own: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for zone in install.ZONES:
        monkeypatch.setenv(install.zone_variable(zone), dsn(own, zone))
    other = Home(tmp_path / "home")
    install.install(other)
    assert other.keyring.exists()
    assert not other.postgres.exists()
    assert not other.database_url_file("vault").exists()


@pytest.mark.parametrize(
    ("dbname", "user", "code"),
    [
        ("absent", "ariyippu_owner", "install.no_connection"),
        ("postgres", "ariyippu_owner", "install.migrations"),
        ("ariyippu_vault", "ariyippu_owner", "install.journal"),
    ],
)
def test_database_that_a_dba_did_not_finish_is_refused(
    own: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dbname: str, user: str, code: str
) -> None:
    given = make_conninfo(own.owner_url_file.read_text(), dbname=dbname, user=user)
    monkeypatch.setenv(install.zone_variable("vault"), given)
    with pytest.raises(RefusedError) as refused:
        install.install(Home(tmp_path / "home"))
    assert refused.value.code == code
    assert str(conninfo_to_dict(given)["password"]) not in str(refused.value)


def test_owner_of_a_server_of_ones_own(own: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(install.OWNER_VARIABLE, own.owner_url_file.read_text())
    other = Home(tmp_path / "home")
    install.install(other)
    assert not other.postgres.exists()
    for zone in install.ZONES:
        psycopg.connect(dsn(other, zone)).close()
    monkeypatch.delenv(install.OWNER_VARIABLE)
    install.install(own)  # the roles had a new password in between; this home's own is set again
    psycopg.connect(dsn(own, "vault")).close()
