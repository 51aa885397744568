"""The story's clock: the dates of early 2026, in this process and in the replay's own database.

The vault asks two clocks, `clock.now()` and its database's. Both are turned here from outside, for this process
and for the one database that the replay has made: nothing in the vault knows of a turned clock, and no
setting of an installation turns one. A turned clock goes on at the usual pace.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import psycopg
from psycopg import sql

from ariyippu.base import clock, install

# Looked up before PostgreSQL's own, by the vault's role in the vault's database.
_DATABASE_CLOCK = """
    create schema story;
    create table story.clock (ahead interval not null);
    insert into story.clock values ('0');
    create function story.now() returns timestamptz stable language sql
        as 'select pg_catalog.now() + ahead from story.clock';
    create function story.statement_timestamp() returns timestamptz stable language sql
        as 'select pg_catalog.statement_timestamp() + ahead from story.clock';
    create function story.clock_timestamp() returns timestamptz volatile language sql
        as 'select pg_catalog.clock_timestamp() + ahead from story.clock'"""
_DEFAULTS = """
    select table_name, column_name from information_schema.columns
    where table_schema = 'public' and column_default = 'statement_timestamp()'"""


class StoryClock:
    """The story's present. Turn it forward only, and while nothing is being handed off."""

    def __init__(self, owner: psycopg.Connection) -> None:
        self._owner = owner
        self._ahead = dt.timedelta()

    def turn(self, instant: dt.datetime) -> None:
        """From now on it is this instant, and later. ValueError when it was later already."""
        if instant < self.now() and self._ahead:
            raise ValueError("the story goes forward only")
        self._ahead = instant - dt.datetime.now(dt.UTC)
        self._owner.execute("update story.clock set ahead = %s", [self._ahead])

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self._ahead


@contextmanager
def turned(owner_dsn: str) -> Iterator[StoryClock]:
    """A clock that may be turned, until the block ends. `owner_dsn`: the vault's database, as its owner."""
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        _give_the_database_a_clock(owner)
        story = StoryClock(owner)
        with patch.object(clock, "now", story.now):
            yield story


def _give_the_database_a_clock(owner: psycopg.Connection) -> None:
    owner.execute(_DATABASE_CLOCK)
    name = sql.Identifier(install.role("vault"))
    for statement in (
        "grant usage on schema story to {0}",
        "grant select on story.clock to {0}",
        "alter role {0} in database {0} set search_path = story, pg_catalog, public",
    ):
        owner.execute(sql.SQL(statement).format(name))
    for table, column in owner.execute(_DEFAULTS).fetchall():
        alter = sql.SQL("alter table public.{} alter {} set default story.statement_timestamp()")
        owner.execute(alter.format(sql.Identifier(table), sql.Identifier(column)))
