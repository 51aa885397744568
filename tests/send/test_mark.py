"""Marks: on disk before the first byte, whole or not at all, and what they know more than the database."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db.models import Max

from ariyippu.base.errors import TransientError
from ariyippu.demo.outside.run import Outside, running
from ariyippu.grant import purposes
from ariyippu.send import mark
from ariyippu.send.mark import RECORD, Mark, Marked
from ariyippu.send.models import Batch, Outcome, Window
from tests.refusals import refused
from tests.send.by_hand import intend, take
from tests.send.test_worker import at_work, outcomes
from tests.world import PURPOSE, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, people(12), window=5)


@contextmanager
def at_most(octets: int) -> Iterator[None]:
    """No file of this process grows beyond so many octets."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_database_is_behind_when_a_mark_knows_more(world: World) -> None:
    row = world.sending()
    held = take(world)
    known = intend(held, [0])
    one, other = Mark(world.home, "host:x:0"), Mark(world.home, "host:x:1")
    one.advance(known, held.batch)
    mark.check(world.home)
    other.advance(known + 1, held.batch)
    one.advance(known + 2, held.batch)
    with refused("vault.database_behind"):
        mark.check(world.home)
    expected = [Marked(known + more, held.batch.pk, row.digest) for more in (1, 2)]
    assert mark.unknown_windows(world.home) == expected
    mark.begin_anew(world.home)
    mark.check(world.home)
    assert mark.unknown_windows(world.home) == []


def test_a_window_that_another_worker_opens_meanwhile_is_no_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sending()
    held, other = take(world), Mark(world.home, "host:x:1")
    other.advance(intend(held, [0]), held.batch)
    asked = Window.objects.aggregate

    def slowly(**highest: Max) -> dict[str, int]:
        found = asked(**highest)
        other.advance(intend(held, [1]), held.batch)
        return found

    monkeypatch.setattr(Window.objects, "aggregate", slowly)
    mark.check(world.home)


def test_a_record_that_a_crash_cut_short_is_nothing(world: World) -> None:
    world.sending()
    batch = Batch.objects.get()
    one = Mark(world.home, "a")
    one.advance(7, batch)
    one.close()
    file = world.home.vault / "windows.a.mark"
    file.write_bytes(file.read_bytes() + RECORD.pack(8, batch.pk, bytes.fromhex(batch.order))[:-1])
    assert [marked.window for marked in mark.unknown_windows(world.home)] == [7]
    again = Mark(world.home, "a")
    again.advance(9, batch)
    assert [marked.window for marked in mark.unknown_windows(world.home)] == [7, 9]


def test_on_a_full_disk_a_mark_stays_whole(world: World) -> None:
    world.sending()
    batch = Batch.objects.get()
    one = Mark(world.home, "a")
    one.advance(1, batch)
    with at_most(RECORD.size + 5), pytest.raises(TransientError):
        one.advance(2, batch)
    one.advance(3, batch)
    assert [marked.window for marked in mark.unknown_windows(world.home)] == [1, 3]


def test_on_a_full_disk_nothing_leaves_and_nothing_is_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Outside(tmp_path)) as ports:
        world = build(tmp_path, people(12), carriers=ports, window=5)
        row = world.sending()

        def full(*_arguments: object) -> int:
            raise OSError(errno.ENOSPC, "full")

        with at_work(world) as one:
            with monkeypatch.context() as patch:
                patch.setattr(os, "write", full)
                assert one._turn()
            assert outcomes(row) == {"email": {"waiting": 12}}
            assert not Outcome.objects.exists()
            assert not Window.objects.filter(closed_at=None).exists()
            Batch.objects.update(not_before=row.accepted_at)
            one._choice.of("email", purposes.get(PURPOSE)).waits_until = 0.0
            assert one._turn()
        assert outcomes(row) == {"email": {"accepted": 12}}
