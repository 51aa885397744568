"""A stay of one district, before the decision and after it: its people wait, the others are told."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope, Stay
from ariyippu.policy.models import AudienceRow
from ariyippu.send import lease
from ariyippu.send.models import Batch, Window
from ariyippu.track import settle
from tests.send.by_hand import intend, leased
from tests.send.test_worker import arrived, at_work, soon
from tests.world import Person, World, build

pytestmark = pytest.mark.usefixtures("clean_vault")

PERSONS = [Person(n, district="IDUKKI" if n % 3 == 0 else "KOLLAM") for n in range(1, 31)]
IDUKKI = Scope(districts=("IDUKKI",))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(Outside(tmp_path)) as ports:
        yield build(tmp_path, PERSONS, carriers=ports, window=10)


def outcomes(row: OrderRow) -> dict[str, dict[str, int]]:
    return settle.outcomes(row.digest)


def due(row: OrderRow) -> None:
    """The batches' time has come again."""
    Batch.objects.filter(order=row.digest).update(not_before=row.accepted_at)


def test_before_the_decision_they_are_not_included(world: World) -> None:
    world.stay(scope=IDUKKI)
    row = world.sending()
    assert AudienceRow.objects.get().counts == {"included": 20, "stayed": 10}
    with at_work(world) as one:
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 20}}


def test_after_the_decision_they_wait_and_the_others_are_told(world: World, tmp_path: Path) -> None:
    row = world.sending()
    stay = world.stay(scope=IDUKKI)
    with at_work(world) as one:
        assert one._turn()
        assert outcomes(row) == {"email": {"accepted": 20, "waiting": 10}}
        assert not one._turn()  # what waits is looked at again later, not in a circle
        due(row)
        assert one._turn()
        world.lift(stay)
        due(row)
        assert one._turn()
        assert outcomes(row) == {"email": {"accepted": 20, "waiting": 10}}  # its end releases nobody
        flow.release(row.order_id, world.home)
        due(row)
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 30}}
    world.turn_until(row, OrderRow.DONE)
    assert Window.objects.count() == 2 + 1
    soon(lambda: len(arrived(tmp_path)), 30)
    assert len(set(arrived(tmp_path))) == 30


def test_a_stay_of_a_cohort_asks_what_the_message_does_not_hold(world: World) -> None:
    row = world.sending()
    world.stay(scope=Scope(register="spark", cohort={"field": "district", "in": ["KOLLAM", "KANNUR"]}))
    with at_work(world) as one:
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 10, "waiting": 20}}


def test_a_stay_that_comes_between_lease_and_window_ends_the_lease(world: World) -> None:
    row = world.sending()
    held = leased(world)
    assert held is not None
    world.stay(scope=IDUKKI)
    with pytest.raises(lease.LeaseLostError):
        intend(held, [0])
    assert not Window.objects.exists()
    lease.give_back(held)
    again = leased(world)
    assert again is not None
    assert intend(again, [0])
    assert outcomes(row) == {"email": {"waiting": 30}}


def test_two_stays_of_districts_stop_both(world: World) -> None:
    row = world.sending()
    placed: list[Stay] = [world.stay(scope=IDUKKI), world.stay("stay-2", scope=Scope(districts=("KOLLAM",)))]
    assert len(placed) == 2
    with at_work(world) as one:
        assert one._turn()
    assert outcomes(row) == {"email": {"waiting": 30}}
    assert not Window.objects.exists()


def test_who_is_where_is_asked_once_for_each_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.sending()
    world.stay(scope=IDUKKI)
    asked: Counter[str] = Counter()
    with at_work(world) as one:
        real = one._held_back._ask

        def counted(held: lease.Lease) -> frozenset[bytes]:
            asked[held.batch.file.name] += 1
            return real(held)

        monkeypatch.setattr(one._held_back, "_ask", counted)
        for _ in range(3):
            due(row)
            assert one._turn()
    assert asked == {"email-0000.parquet": 1}
