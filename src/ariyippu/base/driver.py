"""The database's driver itself, for what runs for every batch and window of messages.

Django writes parameters into a statement's text, which the server reads and plans anew each time. Here they
travel apart, and a statement is prepared once for each connection. Errors are the driver's own: psycopg.Error.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

PREPARE_AFTER = 2  # uses of a statement

# First in a transaction on which nothing hangs but later ones: their commit brings it to disk before themselves.
NOT_AT_ONCE = "set local synchronous_commit = off"


@contextmanager
def cursor() -> Iterator[psycopg.Cursor]:
    """A cursor of the driver's own on Django's connection, in its transaction if there is one."""
    with psycopg.Cursor(_connection()) as opened:
        yield opened


@contextmanager
def transaction() -> Iterator[psycopg.Cursor]:
    """As `cursor`, in a transaction, or in a part of the present one that is undone alone."""
    driver = _connection()
    with driver.transaction(), psycopg.Cursor(driver) as opened:
        yield opened


def octets(values: Iterable[bytes]) -> str:
    """The text of a bytea[]: ten times faster than the driver's own rendering of a list."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _connection() -> psycopg.Connection:
    connection.ensure_connection()
    driver: psycopg.Connection = connection.connection
    driver.prepare_threshold = PREPARE_AFTER
    return driver
