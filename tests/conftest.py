"""One installed home per test process: its own PostgreSQL, both databases, a keyring.

Django reads its settings from ARIYIPPU_HOME when it is set up, so the home is made before that. Tests run
with the vault's own role; `django_db` rolls back what a test wrote, `clean_vault` empties tables after one
that commits.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg
import pytest
from django.db import connections
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pytest_django import DjangoDbBlocker

from ariyippu.base import home as homes
from ariyippu.base import install, keys, postgres
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.transparency import witness

KEPT = {"django_migrations"}


@pytest.hookimpl(tryfirst=True)  # before pytest-django reads the settings
def pytest_configure(config: pytest.Config) -> None:
    """In each process that runs tests; the one that only distributes them needs no home."""
    distributes = bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")
    if distributes or "ARIYIPPU_TEST_HOME" in os.environ:
        return
    path = Path(tempfile.mkdtemp(prefix="ariyippu-test-"))
    path.chmod(0o711)  # so that PostgreSQL's account reaches its folder in it
    (path / "settings.toml").write_text("accept_test_numbers = true\n")
    os.environ.update(ARIYIPPU_TEST_HOME=str(path), ARIYIPPU_HOME=str(path), ARIYIPPU_ZONE="vault")
    os.environ["DJANGO_SETTINGS_MODULE"] = "ariyippu.base.settings"
    homes.current.cache_clear()
    install.install(homes.current())
    witness.create(homes.current().witness)
    django.setup()


def pytest_unconfigure() -> None:
    if made := os.environ.pop("ARIYIPPU_TEST_HOME", ""):
        postgres.remove(Path(made) / "postgres")
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database is installed already; tests must not make another as a superuser."""


@pytest.fixture(scope="session")
def home() -> Home:
    return homes.current()


@pytest.fixture(scope="session")
def keyring(home: Home) -> Keyring:
    return keys.load(home.keyring)


@pytest.fixture(scope="session")
def owner_dsn(home: Home) -> str:
    """The owner's DSN of the vault's database."""
    return make_conninfo((home.postgres / "owner.url").read_text(), dbname=install.role("vault"))


@pytest.fixture
def clean_vault(owner_dsn: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """For tests that really commit: every table is emptied afterwards, by the owner."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        found = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        tables = [sql.Identifier(name) for (name,) in found if name not in KEPT]
        connection.execute(sql.SQL("truncate {} restart identity cascade").format(sql.SQL(", ").join(tables)))
