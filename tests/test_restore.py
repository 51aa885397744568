"""An old back-up of the database is restored: nothing leaves twice, no stay is forgotten, and the log goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from ariyippu import flow, restore
from ariyippu.base.models import Entry, Journal
from ariyippu.demo.outside.run import Outside, running
from ariyippu.grant import trust as trusted
from ariyippu.ingest.models import Snapshot
from ariyippu.notice.models import OrderRow, StandingRow
from ariyippu.policy.models import StayRow, Told
from ariyippu.restore import Reconciled
from ariyippu.send import cut, holds, mark
from ariyippu.send.holds import Scope
from ariyippu.send.models import Batch, Hold
from ariyippu.takers import TAKERS
from ariyippu.track import doubts, settle
from ariyippu.transparency import tree
from ariyippu.transparency.verify import verify
from tests.notice.test_standing import accept as accept_standing
from tests.notice.test_standing import load, triggered
from tests.refusals import refused
from tests.send.by_hand import leased
from tests.send.test_worker import arrived, at_work, soon
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

COUNT, WINDOW = 24, 8


@dataclass
class Backup:
    """The vault's tables as they are at `take()`, brought back by `bring_back()`; the home's files go on."""

    dsn: str

    def take(self) -> None:
        with self._database() as database:
            database.execute("drop schema if exists old cascade; create schema old")
            for table in self._tables(database):
                database.execute(sql.SQL("create table old.{0} as table public.{0}").format(table))

    def bring_back(self) -> None:
        connections.close_all()
        with self._database() as database:
            tables = self._tables(database)
            database.execute(sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(tables)))
            database.execute("set session_replication_role = replica")  # in whatever order
            for table in tables:
                database.execute(sql.SQL("insert into public.{0} overriding system value table old.{0}").format(table))
            for table, column in database.execute(_IDENTITIES).fetchall():
                name = sql.Identifier(table)
                database.execute(
                    sql.SQL(
                        "select setval(pg_get_serial_sequence({}, {}), coalesce(max({}), 0) + 1, false) from {}"
                    ).format(sql.Literal(table), sql.Literal(column), sql.Identifier(column), name)
                )

    def drop(self) -> None:
        with self._database() as database:
            database.execute("drop schema if exists old cascade")

    def _database(self) -> psycopg.Connection:
        return psycopg.connect(self.dsn)

    def _tables(self, database: psycopg.Connection) -> list[sql.Identifier]:
        query = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'django_migrations'"
        return [sql.Identifier(name) for (name,) in database.execute(query)]


_IDENTITIES = """
    select table_name, column_name from information_schema.columns
    where table_schema = 'public' and is_identity = 'YES' and table_name <> 'django_migrations'"""


@pytest.fixture
def backup(owner_dsn: str) -> Iterator[Backup]:
    made = Backup(owner_dsn)
    yield made
    made.drop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(Outside(tmp_path)) as ports:
        yield build(tmp_path, people(COUNT), carriers=ports, window=WINDOW)


def send_all(world: World) -> None:
    with at_work(world) as one:
        while one._turn():
            pass


def reconcile(world: World) -> Reconciled:
    return restore.reconcile(world.home)


def outcomes(row: OrderRow) -> dict[str, int]:
    return settle.outcomes(row.digest).get("email", {})


def check_log(world: World) -> None:
    """It verifies, and every entry has the row that the database says."""
    flow.publish(world.vault)
    log_key, witness_key = flow.verifier_keys(world.home)
    roots = trusted.load_roots(world.home.roots)
    assert verify(world.home.log, log_key=log_key, witness_keys=[witness_key], roots=roots).problems == ()
    size = tree.checkpoint(world.home.log).size
    assert list(Entry.objects.order_by("index").values_list("index", flat=True)) == list(range(size))
    logged = [content for bundle in range((size + 255) // 256) for content in _bundle(world, bundle, size)]
    assert [bytes(body) for body in Entry.objects.order_by("index").values_list("journal__body", flat=True)] == logged
    assert not Journal.objects.filter(entry=None).exists()


def _bundle(world: World, bundle: int, size: int) -> list[bytes]:
    return tree.entries(world.home.log, bundle, min(256, size - 256 * bundle))


def test_what_left_since_is_in_doubt_and_does_not_leave_again(world: World, backup: Backup, tmp_path: Path) -> None:
    row = world.sending()
    backup.take()
    send_all(world)
    world.turn_until(row, OrderRow.DONE)
    backup.bring_back()
    assert outcomes(row) == {"waiting": COUNT}
    with at_work(world) as one, refused("vault.database_behind"):
        one._turn()
    came = reconcile(world)
    assert [(doubt.order, doubt.messages, doubt.failed) for doubt in came.in_doubt] == [(row.order_id, COUNT, False)]
    assert leased(world) is None  # paused until a person says so
    holds.resume(Scope())
    send_all(world)
    assert outcomes(row) == {"unknown": COUNT}
    assert Told.objects.count() == COUNT
    assert doubts.unknown() == {row.order_id: COUNT}
    soon(lambda: len(arrived(tmp_path)), COUNT)
    assert len(set(arrived(tmp_path))) == COUNT
    world.turn_until(row, OrderRow.DONE)
    check_log(world)


def test_only_batches_that_were_touched_are_in_doubt(
    world: World, backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "BATCH_MESSAGES", 8)
    row = world.sending()
    backup.take()
    with at_work(world) as one:
        assert one._turn()
    backup.bring_back()
    assert [doubt.messages for doubt in reconcile(world).in_doubt] == [8]
    holds.resume(Scope())
    send_all(world)
    assert outcomes(row) == {"unknown": 8, "accepted": COUNT - 8}
    soon(lambda: len(arrived(tmp_path)), COUNT)
    assert len(set(arrived(tmp_path))) == COUNT


def test_an_order_that_was_decided_is_cut_again_and_wholly_in_doubt(
    world: World, backup: Backup, tmp_path: Path
) -> None:
    row = world.turn_until(world.order(), OrderRow.DECIDED)
    backup.take()
    world.turn_until(row, OrderRow.SENDING)
    send_all(world)
    backup.bring_back()
    assert [(doubt.messages, doubt.failed) for doubt in reconcile(world).in_doubt] == [(COUNT, False)]
    holds.resume(Scope())
    send_all(world)
    assert outcomes(row) == {"unknown": COUNT}
    soon(lambda: len(arrived(tmp_path)), COUNT)


def test_an_order_whose_audience_is_lost_fails(world: World, backup: Backup, tmp_path: Path) -> None:
    row = world.order()
    backup.take()
    world.turn_until(row, OrderRow.SENDING)
    send_all(world)
    backup.bring_back()
    assert [(doubt.order, doubt.failed) for doubt in reconcile(world).in_doubt] == [(row.order_id, True)]
    row.refresh_from_db()
    assert row.state == OrderRow.FAILED
    assert not Batch.objects.exists()
    check_log(world)


def test_an_order_that_came_since_is_known_again_and_cannot_be_sent_twice(world: World, backup: Backup) -> None:
    backup.take()
    digest = world.sending().digest
    send_all(world)
    backup.bring_back()
    assert not OrderRow.objects.exists()
    assert [doubt.failed for doubt in reconcile(world).in_doubt] == [True]
    assert OrderRow.objects.get().digest == digest
    with refused("order.doubled"):
        world.order(max_messages=7)
    check_log(world)


def test_an_order_that_came_since_and_sent_nothing_goes_on(world: World, backup: Backup, tmp_path: Path) -> None:
    backup.take()
    digest = world.order().digest
    flow.publish(world.vault)
    backup.bring_back()
    assert reconcile(world).in_doubt == []
    holds.resume(Scope())
    row = world.turn_until(OrderRow.objects.get(digest=digest), OrderRow.SENDING)
    send_all(world)
    assert outcomes(row) == {"accepted": COUNT}


def test_stays_and_trust_of_since_are_in_force_again(world: World, backup: Backup) -> None:
    row = world.sending()
    flow.publish(world.vault)
    backup.take()
    world.stay("since")
    without = tuple(key for key in world.offices.trust().keys if key.person != "publicity")
    world.new_trust(version=2, keys=without)
    flow.publish(world.vault)
    backup.bring_back()
    assert not StayRow.objects.exists()
    came = reconcile(world)
    assert came.entries >= 2
    assert came.in_doubt == []
    assert StayRow.objects.get().stay_id == "since"
    assert trusted.current_trust(trusted.load_roots(world.home.roots)).version == 2
    holds.resume(Scope())
    assert leased(world) is None
    row.refresh_from_db()
    assert row.state == OrderRow.SENDING
    check_log(world)


BACKED_UP = ("nothing", "the standing order", "the snapshot")


def _live(world: World, step: int) -> None:
    if step == 0:
        accept_standing(world)
    elif step == 1:
        load(world, people(COUNT + 1))
    else:
        triggered(world)


@pytest.mark.parametrize("before", BACKED_UP)
def test_what_a_standing_order_told_since_it_does_not_tell_again(world: World, backup: Backup, before: str) -> None:
    """Its trigger of since is known by name alone. It goes on only where the snapshot that it saw is known, too."""
    known = BACKED_UP.index(before)
    for step in range(3):
        if step == known:
            backup.take()
        _live(world, step)
    send_all(world)
    backup.bring_back()
    reconcile(world)
    holds.resume(Scope())
    load(world, people(COUNT + 2))
    for _ in range(4):
        flow.turn(world.vault)
    states = dict(OrderRow.objects.values_list("order_id", "state"))
    goes_on = {"arrears-credited-t2": OrderRow.SENDING} if before == BACKED_UP[-1] else {}
    assert states == {"arrears-credited-t1": OrderRow.FAILED, **goes_on}
    check_log(world)


def test_a_standing_order_that_cannot_be_taken_again_keeps_its_name(world: World, backup: Backup) -> None:
    """The only snapshot of its register was lost: it says nothing any more, and nothing else has its name."""
    backup.take()
    accept_standing(world)
    flow.publish(world.vault)
    envelope = StandingRow.objects.get().envelope
    backup.bring_back()
    Snapshot.objects.all().delete()
    reconcile(world)
    kept = StandingRow.objects.get()
    assert (kept.envelope, kept.snapshot) == (envelope, "")
    load(world, people(COUNT + 1))
    flow.turn(world.vault)
    assert not OrderRow.objects.exists()
    with refused("standing.doubled"):
        accept_standing(world, max_messages=7)


def test_rows_that_the_back_up_held_already_are_not_doubled(world: World, backup: Backup) -> None:
    """It was taken between a change and its publication: the row is there, its place is not."""
    flow.publish(world.vault)
    world.stay("unpublished")
    backup.take()
    flow.publish(world.vault)
    backup.bring_back()
    reconcile(world)
    assert StayRow.objects.count() == 1
    assert Journal.objects.filter(kind="stay").count() == 1
    check_log(world)


def test_what_cannot_be_taken_again_stops_everything(
    world: World, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.take()
    world.stay("since")
    flow.publish(world.vault)
    backup.bring_back()
    with monkeypatch.context() as patch:
        kind, _take = TAKERS["application/vnd.ariyippu.stay.v1+json"]
        taken = {**TAKERS, "application/vnd.ariyippu.stay.v1+json": (kind, lambda *_arguments: None)}
        patch.setattr(restore, "TAKERS", taken)
        with refused("reconcile.entry"):
            reconcile(world)
    assert Hold.objects.get().kind == "pause"
    with refused("log.database_behind"):
        flow.publish(world.vault)
    reconcile(world)
    assert StayRow.objects.exists()


def test_a_log_that_does_not_verify_is_not_believed(world: World, backup: Backup) -> None:
    backup.take()
    world.stay("since")
    flow.publish(world.vault)
    for bundle in (world.home.log / "tile" / "entries").rglob("*.p/*"):
        bundle.write_bytes(bundle.read_bytes().replace(b'"kind":"stay"', b'"kind":"lift"'))
    backup.bring_back()
    with refused("reconcile.log"):
        reconcile(world)
    assert not StayRow.objects.exists()


def test_again_changes_nothing_and_marks_begin_anew(world: World, backup: Backup) -> None:
    row = world.sending()
    backup.take()
    send_all(world)
    backup.bring_back()
    assert reconcile(world).in_doubt
    assert mark.unknown_windows(world.home) == []
    again = reconcile(world)
    assert (again.entries, again.in_doubt) == (0, [])
    assert len(list(world.home.vault.glob("windows.*.mark.*"))) == 1
    holds.resume(Scope())
    send_all(world)
    assert outcomes(row) == {"unknown": COUNT}
