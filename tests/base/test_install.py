"""An installed home: two roles that reach their own database only, a journal that only grows, done twice the same."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ariyippu.base import install
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home, Zone

OTHER: dict[Zone, Zone] = {"vault": "office", "office": "vault"}
NOT_MIGRATED = "ariyippu_test_not_migrated"


def zone_dsn(home: Home, zone: Zone) -> str:
    return home.database_url_file(zone).read_text()


@pytest.mark.parametrize("zone", ["vault", "office"])
def test_a_role_does_not_reach_the_other_zone_s_database(home: Home, zone: Zone) -> None:
    own = zone_dsn(home, zone)
    psycopg.connect(own).close()
    for database in (install.role(OTHER[zone]), "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(make_conninfo(own, dbname=database))


@pytest.mark.parametrize("zone", ["vault", "office"])
@pytest.mark.parametrize(
    "statement",
    [
        "create table mine (n int)",
        "create temporary table mine (n int)",
        "create schema mine",
        "create role mine",
        "create database mine",
        "create function mine() returns int language sql as 'select 1'",
        "select * from pg_authid",
        "select pg_read_file('postmaster.pid')",
        "copy (select 1) to program 'true'",
        "set role ariyippu_owner",
        "set session authorization ariyippu_owner",
        "alter role current_user superuser",
        "delete from django_migrations",
        "insert into django_migrations (app, name, applied) values ('x', 'y', now())",
        "alter table django_migrations add column x int",
        "drop table django_migrations",
    ],
)
def test_a_role_owns_nothing(home: Home, zone: Zone, statement: str) -> None:
    with (
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)),
        psycopg.connect(zone_dsn(home, zone), autocommit=True) as connection,
    ):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "update journal set body = ''",
        "update journal set at = now() where false",
        "delete from journal",
        "truncate journal",
        "truncate journal cascade",
        "alter table journal disable trigger all",
        "drop table journal cascade",
        "insert into journal (id, at, kind, body) overriding system value values (1, now(), 'x', '')"
        " on conflict (id) do update set body = ''",
    ],
)
def test_the_journal_only_grows(home: Home, statement: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(zone_dsn(home, "vault"), autocommit=True) as connection,
    ):
        connection.execute(statement.encode())


def test_secrets_have_no_other_readers(home: Home) -> None:
    files = [home.keyring, *(home.database_url_file(zone) for zone in install.ZONES), home.owner_url_file]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (home.vault, home.office, home.witness, home.tmp)} == {0o700}


def test_installing_again_changes_nothing(home: Home) -> None:
    files = [home.keyring, *(home.database_url_file(zone) for zone in install.ZONES), home.owner_url_file]
    before = [file.read_bytes() for file in files]
    install.install(home)
    assert [file.read_bytes() for file in files] == before
    for zone in install.ZONES:
        psycopg.connect(zone_dsn(home, zone)).close()


# --- a server of one's own ---------------------------------------------------------------------------


@pytest.fixture
def own(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A second home whose databases a DBA made: only the zones' own URLs are given."""
    for zone in install.ZONES:
        monkeypatch.setenv(f"ARIYIPPU_{zone.upper()}_DATABASE_URL", zone_dsn(home, zone))
    return Home(tmp_path / "own")


@pytest.fixture
def not_migrated(owner_dsn: str) -> Iterator[str]:
    name = sql.Identifier(NOT_MIGRATED)
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(name))
        yield make_conninfo(owner_dsn, dbname=NOT_MIGRATED)
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


def test_databases_that_are_ready_need_no_owner_and_no_server(own: Home) -> None:
    install.install(own)
    assert own.keyring.exists()
    assert not own.postgres.exists()
    assert not any(own.database_url_file(zone).exists() for zone in install.ZONES)


@pytest.mark.parametrize("zone", ["office", "vault"])
def test_a_database_without_migrations_is_refused(
    own: Home, zone: Zone, not_migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ARIYIPPU_{zone.upper()}_DATABASE_URL", not_migrated)
    with pytest.raises(RefusedError, match=rf"The {zone}'s database .* \[install\.migrations\]"):
        install.install(own)


def test_a_journal_that_can_be_altered_is_refused(own: Home, monkeypatch: pytest.MonkeyPatch, owner_dsn: str) -> None:
    monkeypatch.setenv("ARIYIPPU_VAULT_DATABASE_URL", owner_dsn)  # the owner may do anything with its table
    with pytest.raises(RefusedError, match=r"install\.journal"):
        install.install(own)


def test_a_database_that_cannot_be_reached_is_refused_without_its_password(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARIYIPPU_OFFICE_DATABASE_URL", "postgresql://somebody:a-password@127.0.0.1:1/nothing")
    with pytest.raises(RefusedError, match=r"install\.no_connection") as caught:
        install.install(own)
    assert "a-password" not in str(caught.value)
