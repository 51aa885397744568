"""A database whose clock is set back lets nobody wait for it; one that is slow or goes forward changes nothing."""

import datetime as dt
import time
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.settings import database_url
from ariyippu.send import lease, pace
from ariyippu.send.models import Batch, PutOff, Window
from ariyippu.send.set_back import OPENED_AHEAD, TOLERANCE_S, DatabaseClock, end_waits
from ariyippu.send.watch import Watch
from tests.send.by_hand import leased, take
from tests.world import build, people

NOON = dt.datetime(2026, 2, 24, 12, tzinfo=dt.UTC)


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30), st.floats(-700, 700)), min_size=1, max_size=20))
def test_it_is_told_from_a_slow_answer_and_from_a_clock_that_goes_forward(
    looks: list[tuple[float, float, float]],
) -> None:
    """Each look: so long after the last, answered after so long, its clock off by so much."""
    clock, now, off_before, answered_before = DatabaseClock(), 0.0, 0.0, 0.0
    for number, (pause, answered_after, off) in enumerate(looks):
        asked_at = now + pause
        now = asked_at + answered_after
        found = clock.was_set_back(NOON + dt.timedelta(seconds=now + off), asked_at, now)
        if found:
            assert off_before - off > TOLERANCE_S
        elif number:
            assert off_before - off <= TOLERANCE_S + answered_after + answered_before + 1e-3
        off_before, answered_before = off, answered_after


@pytest.mark.usefixtures("clean_vault")
def test_nothing_waits_for_the_clock_as_it_was(tmp_path: Path) -> None:
    world = build(tmp_path, people(4))
    world.sending()
    held = take(world)
    with connection.cursor() as cursor:
        cursor.execute("update send_batch set lease_until = now() + interval '20 minutes'")
        cursor.execute("insert into send_pace (name, free_at) values ('channel email', now() + interval '20 minutes')")
        cursor.execute(
            """insert into send_put_off (batch_id, position, attempts, not_before)
               select id, 0, 1, now() + interval '20 minutes' from send_batch"""
        )
        cursor.execute(
            """insert into send_recall (batch_id, position, provider_id, has_receipt, stay, number, asked_at)
               select id, 1, 'A', true, '', 0, now() + interval '20 minutes' from send_batch"""
        )
    rate = pace.Pace({"channel email": 100.0})
    assert rate.take(1) is None
    assert lease.progress(held.batch).waiting == [1, 2, 3]
    with psycopg.connect(database_url(), autocommit=True) as watching:
        end_waits(watching)
    assert rate.take(1) is not None
    assert lease.progress(held.batch).waiting == [0, 1, 2, 3]
    with connection.cursor() as cursor:
        cursor.execute("select extract(epoch from lease_until - now()) from send_batch")
        (left_s,) = cursor.fetchone()
        cursor.execute("select from send_recall where asked_at <= now()")
        assert cursor.rowcount == 1
    assert 0 < left_s <= lease.LEASE_S, "its worker keeps it, and no longer than a lease lasts"
    assert PutOff.objects.get().attempts == 1
    lease.give_back(held, wait_s=1_200)
    assert Batch.objects.get().state == Batch.READY
    assert leased(world) is None
    with psycopg.connect(database_url(), autocommit=True) as watching:
        end_waits(watching)
    assert leased(world) is not None


@pytest.mark.usefixtures("clean_vault")
def test_a_clock_that_was_ahead_while_nobody_looked_is_told_by_the_last_window(tmp_path: Path) -> None:
    def is_ahead() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"select {OPENED_AHEAD}")
            (found,) = cursor.fetchone()
        return bool(found)

    world = build(tmp_path, people(4))
    world.sending()
    held = take(world)
    assert not is_ahead()
    for minutes, found in ((0, False), (10, True), (0, False)):
        at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
        Window.objects.create(batch=held.batch, positions=[], opened_at=at, closed_at=at)
        assert is_ahead() == found
    Window.objects.create(batch=held.batch, positions=[], opened_at=at + dt.timedelta(minutes=10))
    lease.give_back(held, wait_s=1_200)
    watch = Watch(database_url())
    watch.start()
    try:
        until = time.monotonic() + 20
        while leased(world) is None:
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        watch.stop()
        watch.join()
