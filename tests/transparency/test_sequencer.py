"""The sequencer against a real database: turns, crashes between any two commits, refusals."""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from ariyippu.base import clock, merkle
from ariyippu.base.errors import PermanentError, RefusedError, TransientError
from ariyippu.base.models import Entry, Journal
from ariyippu.transparency import note, reader, sequencer, tree, verify, witness
from ariyippu.transparency.note import Checkpoint, Note, Signer
from ariyippu.transparency.witness import LocalWitness, Reply
from tests.transparency import logs
from tests.transparency.logs import LOG, ORIGIN, STORY

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
WITNESS_NAME = "witness.ariyippu.example"

State = tuple[dict[str, bytes], list[tuple[int, int, dt.datetime | None]]]


@pytest.fixture(autouse=True)
def _still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


class Place:
    """A log's folder and its witness, below `path`."""

    def __init__(self, path: Path, key: Path | None = None) -> None:
        self.log = path / "log"
        self.folder = path / "witness"
        if key is None:
            witness.create(self.folder)
        else:
            self.folder.mkdir(parents=True)
            shutil.copy(key, self.folder / "key")

    @property
    def witness(self) -> LocalWitness:
        return LocalWitness(self.folder, name=WITNESS_NAME, logs={ORIGIN: LOG.key})

    def publish(self) -> Checkpoint:
        return sequencer.publish(log=self.log, witness=self.witness, key=LOG, origin=ORIGIN)

    def state(self) -> State:
        files = {str(p.relative_to(self.log.parent)): p.read_bytes() for p in self.log.rglob("*") if p.is_file()}
        return files, list(Entry.objects.order_by("index").values_list("index", "journal_id", "cosigned_at"))

    def problems(self) -> tuple[str, ...]:
        key = str(self.witness.key)
        return verify.verify(self.log, log_key=str(LOG.key), witness_keys=[key], roots=logs.ROOTS).problems


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def journal(count: int) -> None:
    """The story, repeated from its snapshot on as often as it takes; trust and requests come once."""
    story = [STORY[i] if i < len(STORY) else STORY[2] for i in range(count)]
    Journal.objects.bulk_create(Journal(at=NOW, kind="snapshot", body=body) for body in story)


def test_the_first_turn_publishes_an_empty_log(place: Place) -> None:
    assert place.publish() == Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT)
    assert [p.name for p in place.log.rglob("*")] == ["checkpoint"]
    assert reader.read(place.log).entries == ()
    assert place.problems() == ()


def test_rows_become_entries_in_the_order_of_their_ids(place: Place) -> None:
    journal(12)
    head = place.publish()
    assert head.size == 12
    assert place.problems() == ()
    ids = list(Journal.objects.order_by("pk").values_list("pk", flat=True))
    assert place.state()[1] == [(index, pk, NOW) for index, pk in enumerate(ids)]
    assert tree.entries(place.log, 0, 12) == (STORY + [STORY[2]] * 12)[:12]


def test_nothing_is_done_when_nothing_is_new(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(3)
    head, before = place.publish(), place.state()
    monkeypatch.setattr(tree, "write", lambda *_: pytest.fail("a file was written"))
    assert place.publish() == head
    assert place.state() == before


def test_a_row_that_commits_late_comes_after_what_is_published(place: Place) -> None:
    first = 10_000_000  # above what the sequence gave so far
    late = first + 2
    for pk, body in zip((first, first + 1, first + 3, first + 4), (STORY[0], STORY[1], *STORY[3:5]), strict=True):
        Journal.objects.create(pk=pk, at=NOW, kind="snapshot", body=body)
    place.publish()
    Journal.objects.create(pk=late, at=NOW, kind="snapshot", body=STORY[2])
    assert place.publish().size == 5
    assert Entry.objects.get(journal_id=late).index == 4


def test_a_turn_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "MAX_NEW_ENTRIES", 4)
    journal(10)
    assert [place.publish().size for _ in range(4)] == [4, 8, 10, 10]
    assert place.problems() == ()


def test_published_in_steps_or_at_once_the_log_is_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(600)
    monkeypatch.setattr(sequencer, "MAX_NEW_ENTRIES", 250)
    heads = [place.publish() for _ in range(3)]
    assert place.problems() == ()
    shutil.rmtree(place.log)  # lost: the next turn writes all of it again from the rows
    monkeypatch.setattr(sequencer, "CHUNK_ENTRIES", 256)
    assert place.publish() == heads[-1]
    assert place.problems() == ()


# --- crashes ----------------------------------------------------------------------------------------


class Crash(BaseException):
    """Not an Exception: nothing may swallow it."""


class Fault:
    """Wraps a function; its `nth` call crashes before it did its work, or after."""

    def __init__(self, inner: Callable[..., object], nth: int, *, done: bool) -> None:
        self.inner, self.left, self.done = inner, nth, done

    def __call__(self, *args: object) -> object:
        self.left -= 1
        if self.left == 0 and not self.done:
            raise Crash
        result = self.inner(*args)
        if self.left == 0:
            raise Crash
        return result


def run_to_end(place: Place) -> int:
    """Turns until all rows are published; how often it crashed on the way."""
    crashes = 0
    while True:
        try:
            if place.publish().size == Journal.objects.count():
                return crashes
        except Crash:
            crashes += 1


FAULTS = [
    *((tree, "write", nth) for nth in range(1, 16)),  # tiles, witness and checkpoint of three turns
    *((shutil, "rmtree", nth) for nth in range(1, 3)),
    *((sequencer, name, nth) for name in ("_sequence", "_cosigned", "_acknowledge") for nth in (1, 2, 3)),
    *((LocalWitness, "_last", nth) for nth in (1, 2, 3)),
]


def test_a_crash_between_any_two_steps_changes_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # only for speed: a process dies here, not the machine
    monkeypatch.setattr(sequencer, "MAX_NEW_ENTRIES", 130)
    journal(300)
    run_to_end(place)
    undisturbed = place.state()
    assert len(undisturbed[0]) == 8
    crashes = 0
    for number, (module, name, nth) in enumerate(FAULTS):
        for done in (False, True):
            Entry.objects.all().delete()
            other = Place(place.log.parent / f"{number}-{done}", place.folder / "key")
            with monkeypatch.context() as patch:
                fault = Fault(getattr(module, name), nth, done=done)
                patch.setattr(module, name, lambda *args, fault=fault: fault(*args))
                crashes += run_to_end(other)
            assert other.state() == undisturbed, (name, nth, done)
    assert crashes == 2 * (15 + 2 + 9 + 3)


def test_rows_that_come_after_a_crash_are_published_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    journal(5)
    with monkeypatch.context() as patch:
        patch.setattr(tree, "write", Fault(tree.write, 3, done=True))  # the witness knows; the file is not there
        with pytest.raises(Crash):
            place.publish()
    journal(300)
    assert place.publish().size == 305
    assert place.problems() == ("entry 5: Version 1 is in force: the next must be higher.",)


# --- refusals ---------------------------------------------------------------------------------------


def test_a_database_behind_its_log_is_refused(place: Place) -> None:
    journal(5)
    place.publish()
    Entry.objects.filter(index__gte=3).delete()
    with pytest.raises(RefusedError, match=r"log\.database_behind"):
        place.publish()
    assert Entry.objects.count() == 3


def test_a_database_behind_its_witness_is_refused(place: Place) -> None:
    journal(3)
    place.publish()
    back_up = transaction.savepoint()
    journal(2)
    place.publish()
    transaction.savepoint_rollback(back_up)
    shutil.rmtree(place.log)
    with pytest.raises(RefusedError, match=r"log\.database_behind"):
        place.publish()
    assert not (place.log / "checkpoint").exists()


def test_a_rewritten_row_is_refused_by_the_witness(place: Place) -> None:
    journal(5)
    place.publish()
    journal(1)
    Entry.objects.filter(index=1).update(journal=Journal.objects.latest("pk"))
    with pytest.raises(RefusedError, match=r"log\.refused_by_witness"):
        place.publish()
    assert tree.checkpoint(place.log).size == 5
    assert Entry.objects.get(index=5).cosigned_at is None


def test_another_origin_is_refused(place: Place) -> None:
    place.publish()
    with pytest.raises(RefusedError, match=r"log\.other_origin"):
        sequencer.publish(log=place.log, witness=place.witness, key=LOG, origin="elsewhere.example")


def test_only_one_sequencer_works(place: Place) -> None:
    parameters = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}
    with psycopg.connect(**parameters) as other:
        other.execute("select pg_advisory_lock(%s)", [sequencer._LOCK])
        with pytest.raises(TransientError):
            place.publish()
        other.execute("select pg_advisory_unlock(%s)", [sequencer._LOCK])  # closing alone would free it a moment later
    assert place.publish().size == 0


class Deaf:
    """A witness that fails in a way of its own."""

    def __init__(self, inner: LocalWitness, reply: Reply | None) -> None:
        self.key, self._reply = inner.key, reply

    def add_checkpoint(self, old_size: int, proof: Sequence[bytes], checkpoint: bytes) -> Reply:
        if self._reply is None:
            raise TransientError("out of reach")
        return self._reply


def test_without_its_cosignature_nothing_is_published(place: Place) -> None:
    journal(2)
    stranger = note.Cosigner(WITNESS_NAME, Ed25519PrivateKey.generate()).cosign("other\n", 7).text
    for reply, error in (
        (None, TransientError),
        (Reply(403), RefusedError),
        (Reply(409, "0\n"), RefusedError),
        (Reply(200, stranger), PermanentError),
    ):
        with pytest.raises(error):
            sequencer.publish(log=place.log, witness=Deaf(place.witness, reply), key=LOG, origin=ORIGIN)
        assert not (place.log / "checkpoint").exists()
        assert Entry.objects.filter(cosigned_at__isnull=False).count() == 0
    assert place.publish().size == 2


def test_a_new_witness_cosigns_the_same_log_again(place: Place, tmp_path: Path) -> None:
    journal(2)
    head = place.publish()
    new = Place(tmp_path / "new").witness
    assert sequencer.publish(log=place.log, witness=new, key=LOG, origin=ORIGIN) == head
    published = Note.parse((place.log / "checkpoint").read_bytes())
    assert note.cosigned_at_s(published, new.key) == int(NOW.timestamp())


def test_the_log_signs_with_the_key_that_it_is_given(place: Place) -> None:
    place.publish()
    stranger = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with pytest.raises(RefusedError, match=r"log\.refused_by_witness"):
        sequencer.publish(log=place.log, witness=place.witness, key=stranger, origin=ORIGIN)
