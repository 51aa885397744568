"""One installed home for each process that runs tests: a PostgreSQL of its own, both databases, a keyring.

Tests run in the vault's zone, with the vault's own role: what that role may not do, no test can do either.

    @pytest.mark.django_db      the test's transaction is rolled back
    clean_vault                 for tests that commit (threads, other processes): every table is emptied
                                afterwards. Use it instead of django_db(transaction=True), whose clean-up
                                needs TRUNCATE, which the vault's role has not.
"""

import fcntl
import io
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import django
import psycopg
import pytest
import structlog
from django.db import connections
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pytest_django import DjangoDbBlocker

from ariyippu.base import home as homes
from ariyippu.base import install, keys, logs, postgres
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.transparency import witness

settings.register_profile("tests", deadline=None)  # no test asserts a time, and machines are shared
settings.load_profile("tests")

PREFIX = "ariyippu-test-"
_homes: list[tuple[Home, int]] = []  # this process's home and the descriptor that says that it is alive


@pytest.hookimpl(tryfirst=True)  # before pytest-django looks whether there are settings
def pytest_configure(config: pytest.Config) -> None:
    if config.option.help or config.getoption("tx", None):
        return  # with xdist, the process that only hands out tests starts no server
    _remove_leftovers()
    path = Path(tempfile.mkdtemp(prefix=PREFIX))
    path.chmod(0o711)  # PostgreSQL's account passes through
    _homes.append((Home(path), _hold(path / "alive")))
    (path / "settings.toml").write_text("accept_test_numbers = true\n")
    for variable in (install.OWNER_VARIABLE, *map(install.zone_variable, install.ZONES)):
        os.environ.pop(variable, None)
    os.environ |= {"ARIYIPPU_HOME": str(path), "ARIYIPPU_ZONE": "vault"}
    homes.current.cache_clear()
    home = homes.current()
    install.install(home)
    witness.create(home.witness)
    os.environ["DJANGO_SETTINGS_MODULE"] = "ariyippu.base.settings"  # not in pyproject: read too early from there
    django.setup()


def pytest_unconfigure() -> None:
    while _homes:
        home, alive = _homes.pop()
        with suppress(Exception):
            connections.close_all()
        try:
            postgres.remove(home.postgres)
        finally:
            shutil.rmtree(home.path)
            os.close(alive)


def _hold(file: Path) -> int:
    """Lock the file until this process ends, however it ends. BlockingIOError when another holds it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_leftovers() -> None:
    """Remove the homes, and end the servers, of test processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not (path / "alive").exists() or path.stat().st_uid != os.geteuid():
            continue
        with suppress(OSError):  # held: it is alive; gone: another process was faster
            alive = _hold(path / "alive")
            try:
                postgres.remove(path / "postgres")
                shutil.rmtree(path)
            finally:
                os.close(alive)


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Nothing to make: pytest_configure has installed and migrated the database."""


@pytest.fixture(scope="session")
def home() -> Home:
    return homes.current()


@pytest.fixture(scope="session")
def keyring(home: Home) -> Keyring:
    return keys.load(home.keyring)


@pytest.fixture(scope="session")
def owner_dsn(home: Home) -> str:
    """The owner's DSN, in the vault's database."""
    return owner(home)


def owner(home: Home) -> str:
    return make_conninfo(home.owner_url_file.read_text(), dbname=install.role("vault"))


@pytest.fixture(autouse=True)
def villages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests' registers have two or three people, whom no order could name; tests/policy/test_limits.py asks."""
    monkeypatch.setattr("ariyippu.policy.limits.SMALLEST_COHORT", 0)


@pytest.fixture
def clean_vault(owner_dsn: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Lets the test commit; afterwards every table is empty, and sequences begin again."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    empty(owner_dsn)


def empty(owner_dsn: str) -> None:
    """Every table, and sequences begin again."""
    with psycopg.connect(owner_dsn) as database:
        database.execute("SET lock_timeout = '10s'")  # a test that left a transaction open fails here
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
        tables = [sql.Identifier(name) for (name,) in database.execute(query)]
        database.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables)))


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a zone's process would write to standard error."""
    out = io.StringIO()
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, configured = logging.root.handlers[:], structlog.get_config()
    monkeypatch.setattr(sys, "stderr", out)
    logs.configure()
    yield out
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.root.handlers[:] = handlers
    structlog.configure(**configured)
