"""Making an installation, and bringing it up to date: folders, keys, databases, roles, migrations, grants.

Each zone has a database, and a role that reaches this one only and owns nothing in it. Both belong to a
third role, the owner, that no zone's process has: it migrates, and gives each role what it may do.

    nothing set                       the embedded server (postgres.py), all made here
    ARIYIPPU_OWNER_DATABASE_URL       the installation's own server, all made there
    ARIYIPPU_{ZONE}_DATABASE_URL      and no owner's: a DBA made it, outside; it is only checked here, for
                                      the zones that have one (the other zone may be on another host)
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ariyippu.base import cluster, keys, postgres
from ariyippu.base.errors import PermanentError, RefusedError, TransientError
from ariyippu.base.home import Home, Zone

ZONES: tuple[Zone, ...] = ("office", "vault")
OWNER_VARIABLE = "ARIYIPPU_OWNER_DATABASE_URL"
LOCK_ID = 4_726_305_118_209_447_231  # any constant: pg_advisory_lock, one installation at a time on a server
LOCK_S = 300
CONNECT_S = 10

# What a zone's role may do with a table: the usual, which has no TRUNCATE, or less.
USUAL = ("SELECT", "INSERT", "UPDATE", "DELETE")
LESS = {
    "journal": ("SELECT", "INSERT"),  # append-only, by the database itself
    "django_migrations": ("SELECT",),
}
# How a zone reaches the server: like the owner. The owner's name, password and certificates stay the owner's.
SHARED = ("host", "hostaddr", "port", "sslmode", "sslrootcert", "channel_binding", "target_session_attrs")


def install(home: Home) -> None:
    """Bring the home and its databases up to date. Doing it again changes at most the server's port.

    RefusedError: `install.no_connection`, `install.migrations`, `install.journal`, `install.role`, and
    those of postgres.start(). PermanentError names the log of a migration that failed.
    """
    _make_folders(home)
    with suppress(FileExistsError):
        keys.create(home.keyring)
    keys.link_public_key(home.link_key)
    owner = os.environ.get(OWNER_VARIABLE)
    given: dict[Zone, str] = {zone: dsn for zone in ZONES if (dsn := os.environ.get(zone_variable(zone)))}
    if given and not owner:
        for zone, dsn in given.items():
            _check(home, zone, dsn)
        return
    dsn = owner or postgres.start(home.postgres)
    with _alone(dsn) as server:
        if not owner:
            _close_common_databases(server)
        for zone in ZONES:
            _install_zone(home, zone, dsn, server)


def role(zone: Zone) -> str:
    """The name of a zone's role, and of its database."""
    return f"ariyippu_{zone}"


def zone_variable(zone: Zone) -> str:
    """The environment variable that names a zone's database."""
    return f"ARIYIPPU_{zone.upper()}_DATABASE_URL"


def _make_folders(home: Home) -> None:
    if not home.path.exists():
        home.path.mkdir(parents=True, exist_ok=True)
        home.path.chmod(0o711)  # PostgreSQL's account and the log's web server pass through, and list nothing
    for folder in (home.office, home.vault, home.witness, home.tmp):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    home.log.mkdir(exist_ok=True)
    home.log.chmod(0o755)


# --- roles and databases, as the owner ---------------------------------------------------------------


def _install_zone(home: Home, zone: Zone, owner_dsn: str, server: psycopg.Connection) -> None:
    file = home.database_url_file(zone)
    password = _make_role(server, zone, file.read_text() if file.exists() else "")
    _make_database(server, zone)
    owned = make_conninfo(owner_dsn, dbname=role(zone))
    _migrate(home, zone, owned)
    _grant(zone, owned)
    shared = {key: value for key, value in conninfo_to_dict(owner_dsn).items() if key in SHARED}
    cluster.write_private(file, make_conninfo("", **shared, user=role(zone), password=password, dbname=role(zone)))


@contextmanager
def _alone(dsn: str) -> Iterator[psycopg.Connection]:
    """A connection as the owner, while nobody else installs on this server."""
    try:
        server = psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_S)
    except psycopg.OperationalError:
        raise RefusedError("install.no_connection", f"The owner cannot connect: check {OWNER_VARIABLE}.") from None
    with server:
        server.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_S}s"])
        try:
            server.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        except psycopg.errors.LockNotAvailable:
            raise TransientError("Another process is installing on this server.") from None
        yield server  # the lock ends with the connection


def _close_common_databases(server: psycopg.Connection) -> None:
    """On our own server nobody but the owner needs the databases that every server has."""
    for name in ("postgres", "template1"):
        server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _make_role(server: psycopg.Connection, zone: Zone, old_dsn: str) -> str:
    """The zone's role; its password, the one of `old_dsn` where there is one. RefusedError `install.role`."""
    name = role(zone)
    if server.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
        server.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    too_much = """
        SELECT FROM pg_roles r
        WHERE rolname = %s AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
            OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))"""
    if server.execute(too_much, [name]).fetchone() is not None:
        raise RefusedError("install.role", f"The role {name} has attributes or memberships: take them from it.")
    password = str(conninfo_to_dict(old_dsn).get("password") or secrets.token_urlsafe(32))
    # The server sees only the verifier, so no log of statements can hold the password.
    verifier = server.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    alter = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    server.execute(alter.format(sql.Identifier(name), sql.Literal(verifier)))
    return password


def _make_database(server: psycopg.Connection, zone: Zone) -> None:
    name = sql.Identifier(role(zone))
    if server.execute("SELECT FROM pg_database WHERE datname = %s", [role(zone)]).fetchone() is None:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
    server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    server.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, name))


def _grant(zone: Zone, dsn: str) -> None:
    """What the zone's role may do in its database; in one transaction, so that no running process is cut off."""
    name = sql.Identifier(role(zone))
    with psycopg.connect(dsn, connect_timeout=CONNECT_S) as database:
        for statement in (
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "GRANT USAGE ON SCHEMA public TO {}",
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
        ):
            database.execute(sql.SQL(statement).format(name))
        tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            rights = sql.SQL(", ").join(sql.SQL(right) for right in LESS.get(table, USUAL))
            grant = sql.SQL("GRANT {} ON TABLE {} TO {}")
            database.execute(grant.format(rights, sql.Identifier("public", table), name))


# --- migrations --------------------------------------------------------------------------------------


def _migrate(home: Home, zone: Zone, dsn: str) -> None:
    if _django(home, zone, dsn, "migrate", "--no-input", "--skip-checks") != 0:
        raise PermanentError(f"The {zone}'s migrations failed: see {_migrations_log(home, zone)}.")


def _check(home: Home, zone: Zone, dsn: str) -> None:
    """A DBA's database is as install() would have made it; if not, RefusedError says what to do."""
    variable = zone_variable(zone)
    try:
        with psycopg.connect(dsn, connect_timeout=CONNECT_S) as database:
            loose = database.execute(
                "SELECT has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') FROM pg_class c"
                " WHERE c.oid = to_regclass('public.journal')"
            ).fetchone()
    except psycopg.OperationalError:
        raise RefusedError("install.no_connection", f"{variable} does not connect: the DBA must allow it.") from None
    if _django(home, zone, dsn, "migrate", "--check", "--skip-checks") != 0:
        raise RefusedError(
            "install.migrations",
            f"The {zone}'s database lacks migrations: the DBA must run 'ariyippu init' with {OWNER_VARIABLE} once.",
        )
    if loose == (True,):
        raise RefusedError("install.journal", f"The DBA must revoke UPDATE, DELETE, TRUNCATE on journal: {variable}.")


def _django(home: Home, zone: Zone, dsn: str, *arguments: str) -> int:
    """Run one of Django's commands in a process of that zone; its exit status."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ariyippu.base.settings",
        "ARIYIPPU_HOME": str(home.path),
        "ARIYIPPU_ZONE": zone,
        "ARIYIPPU_DATABASE_URL": dsn,
    }
    log = _migrations_log(home, zone)
    log.touch(mode=0o600)
    with log.open("wb") as out:
        return subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=False,
        ).returncode


def _migrations_log(home: Home, zone: Zone) -> Path:
    return home.path / zone / "migrations.log"
