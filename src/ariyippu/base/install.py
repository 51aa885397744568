"""Making an installation, and bringing it up to date: folders, keys, databases, roles, migrations.

Two databases, two roles that own nothing and reach only their own, and an owner for migrations. With an
embedded server all of it is made here; a server of one's own needs ARIYIPPU_OWNER_DATABASE_URL for that, or
a DBA who did it, and then ARIYIPPU_OFFICE_DATABASE_URL and ARIYIPPU_VAULT_DATABASE_URL are enough.
"""

import os
import secrets
import subprocess
import sys
from importlib import resources

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ariyippu.base import keys, postgres
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home, Zone

ZONES: tuple[Zone, ...] = ("office", "vault")


def install(home: Home) -> None:
    """Bring the home up to date; doing it again changes nothing but the server's port.

    RefusedError `install.no_owner` when only the zones' own URLs are given and a database is not ready.
    """
    _make_folders(home)
    if not home.keyring.exists():
        keys.create(home.keyring)
    if _given("office") and _given("vault") and not os.environ.get("ARIYIPPU_OWNER_DATABASE_URL"):
        for zone in ZONES:
            _check_ready(home, zone, _given(zone))
        return
    owner = os.environ.get("ARIYIPPU_OWNER_DATABASE_URL") or postgres.start(home.postgres)
    for zone in ZONES:
        _make_database(home, zone, owner)
        _migrate(home, zone, owner)
        _grant(zone, owner)


def role(zone: Zone) -> str:
    """The name of a zone's role, and of its database."""
    return f"ariyippu_{zone}"


def _make_folders(home: Home) -> None:
    home.path.mkdir(parents=True, exist_ok=True)
    for folder in (home.office, home.vault, home.witness, home.tmp):
        folder.mkdir(mode=0o700, exist_ok=True)
    home.log.mkdir(mode=0o755, exist_ok=True)


def _given(zone: Zone) -> str:
    return os.environ.get(f"ARIYIPPU_{zone.upper()}_DATABASE_URL", "")


def _make_database(home: Home, zone: Zone, owner: str) -> None:
    """The role and its database; a role that exists keeps its password when its file has it, else gets a new one."""
    name, file = role(zone), home.database_url_file(zone)
    password = conninfo_to_dict(file.read_text()).get("password") if file.exists() else None
    password = str(password or secrets.token_urlsafe(32))
    with psycopg.connect(owner, autocommit=True) as connection:
        verb = "alter" if _exists(connection, "select 1 from pg_roles where rolname = %s", name) else "create"
        connection.execute(
            sql.SQL(verb + " role {} login nosuperuser nocreatedb nocreaterole password {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )
        if not _exists(connection, "select 1 from pg_database where datname = %s", name):
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
        grant = sql.SQL("grant connect on database {} to {}")
        connection.execute(grant.format(sql.Identifier(name), sql.Identifier(name)))
    _write_url(home, zone, make_conninfo(owner, user=name, password=password, dbname=name))


def _write_url(home: Home, zone: Zone, dsn: str) -> None:
    file = home.database_url_file(zone)
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(dsn)
    fresh.replace(file)


def _migrate(home: Home, zone: Zone, owner: str) -> None:
    done = _django(home, zone, make_conninfo(owner, dbname=role(zone)), "migrate", "--no-input")
    if done.returncode:
        raise PermanentError(f"The {zone}'s migrations failed: {done.stderr.strip()[-2000:]}")


def _grant(zone: Zone, owner: str) -> None:
    text = resources.files(__package__).joinpath("grants.sql").read_text("utf-8")
    with psycopg.connect(make_conninfo(owner, dbname=role(zone)), autocommit=True) as connection:
        connection.execute(sql.SQL(text).format(role=sql.Identifier(role(zone))))


def _check_ready(home: Home, zone: Zone, dsn: str) -> None:
    if _django(home, zone, dsn, "migrate", "--check").returncode:
        raise RefusedError(
            "install.no_owner",
            f"The {zone}'s database cannot be reached or lacks migrations: set ARIYIPPU_OWNER_DATABASE_URL once.",
        )


def _django(home: Home, zone: Zone, dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ariyippu.base.settings",
        "ARIYIPPU_HOME": str(home.path),
        "ARIYIPPU_ZONE": zone,
        "ARIYIPPU_DATABASE_URL": dsn,
    }
    command = [sys.executable, "-m", "django", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: str, name: str) -> bool:
    return connection.execute(query.encode(), [name]).fetchone() is not None
