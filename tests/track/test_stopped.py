"""What a stay stopped, counted: before, in hand, waiting; once for each set of terms, and logged rounded."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.models import Journal
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Amendment, Scope, Stay
from ariyippu.policy.models import StayRow
from ariyippu.send import choice, lease
from ariyippu.send.carriers import open_carrier
from ariyippu.send.models import Batch, Outcome, Window
from ariyippu.track import settle, stopped
from ariyippu.track.models import StoppedRow
from tests.offices import now
from tests.send.test_borrowed import linked
from tests.send.test_worker import Counting, Quiet, at_work
from tests.world import Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

Counts = tuple[int, int, int | None]


PERSONS = [*people(35), Person(99, email="")]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path, PERSONS, window=10)


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[World]:
    """With carriers that answer."""
    with running(Outside(tmp_path)) as ports:
        yield build(tmp_path, PERSONS, carriers=ports, window=10)


def counted(stay: Stay, number: int = 0) -> dict[str, Counts]:
    rows = StoppedRow.objects.filter(stay=stay.digest(), number=number)
    return {row.order: (row.handed_off, row.in_hand, row.waiting) for row in rows}


def logged() -> list[dict[str, Any]]:
    rows = Journal.objects.filter(kind="stopped").order_by("pk")
    return [json.loads(bytes(row.body))["body"] for row in rows]


def test_before_in_hand_and_waiting(connected: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One window of ten had closed; of the next, four had been handed over when the stay came."""
    row = connected.sending()
    placed: list[Stay] = []
    handed: list[int] = []

    def place() -> None:
        placed.append(connected.stay())
        stopped.certify()
        assert not StoppedRow.objects.exists()  # a worker has a window in its hands
        one._watch.generation += 1

    monkeypatch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), handed, 14, place))
    with at_work(connected) as one:
        assert one._turn()
    stopped.certify()
    assert counted(placed[0]) == {row.digest: (10, 4, 22)}
    (entry,) = logged()
    assert entry["stay"] == placed[0].digest()
    assert entry["orders"] == [{"order": row.digest, "handed_off": 10, "in_hand": 0, "waiting": 20}]  # rounded
    stopped.certify()
    assert len(logged()) == 1
    assert settle.outcomes(row.digest)["email"] == {"accepted": 14, "waiting": 21}


def test_a_dead_worker_s_window_is_in_hand(connected: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = connected.sending()

    def die() -> None:
        raise SystemExit

    with at_work(connected) as dying, monkeypatch.context() as patch:
        patch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), [], 13, die))
        with pytest.raises(SystemExit):
            dying._turn()
    stay = connected.stay()
    stopped.certify()
    assert not StoppedRow.objects.exists()
    lease.reclaim("a")  # its lease has run out
    stopped.certify()
    assert counted(stay) == {row.digest: (10, 10, 16)}


def test_an_order_of_which_nothing_is_decided_yet(world: World) -> None:
    row = world.order()
    stay = world.stay()
    stopped.certify()
    assert counted(stay) == {row.digest: (0, 0, None)}
    assert logged()[0]["orders"] == [{"order": row.digest, "handed_off": 0, "in_hand": 0, "waiting": None}]


def test_what_is_decided_and_not_yet_cut_waits(world: World) -> None:
    row = world.turn_until(world.order(), OrderRow.DECIDED)
    stay = world.stay()
    stopped.certify()
    assert counted(stay) == {row.digest: (0, 0, 36)}


def test_only_the_channels_and_orders_that_it_names(world: World) -> None:
    row = world.sending()
    done = world.order(id="the-same-again")
    OrderRow.objects.filter(digest=done.digest).update(state=OrderRow.FAILED)
    stay, elsewhere = world.stay(scope=Scope(channel="sms")), world.stay("other", scope=Scope(office="publicity"))
    stopped.certify()
    assert counted(stay) == {row.digest: (0, 0, 1)}
    assert counted(elsewhere) == {}
    assert [entry["orders"] for entry in logged() if entry["stay"] == elsewhere.digest()] == [[]]


def test_of_lent_contacts_only_those_of_the_register_that_it_names(tmp_path: Path) -> None:
    registers = linked(tmp_path)
    row = registers.world.turn_until(registers.order("land", ["spark"]), OrderRow.SENDING)
    stay = registers.world.stay(scope=Scope(register="spark"))
    stopped.certify()
    assert counted(stay) == {row.digest: (0, 0, 2)}


def test_an_order_that_came_later_is_not_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stay = world.stay()
    monkeypatch.setattr(clock, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1))
    world.order()
    stopped.certify()
    assert counted(stay) == {}


def test_new_terms_are_counted_anew(world: World) -> None:
    row = world.sending()
    stay = world.stay(scope=Scope(channel="sms"))
    stopped.certify()
    values = {"id": "wider", "stay": stay.digest(), "number": 1, "reference": "IA", "scope": Scope(), "leave": ()}
    world.submit(Amendment.model_validate({**values, "ends_at": None}), ["court"])
    stopped.certify()
    assert (counted(stay), counted(stay, 1)) == ({row.digest: (0, 0, 1)}, {row.digest: (0, 0, 36)})
    assert [entry["number"] for entry in logged()] == [0, 1]


def test_one_placed_ahead_is_counted_when_it_begins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.sending()
    at = now() + dt.timedelta(hours=1)
    stay = Stay(id="ahead", office="court", reference="x", scope=Scope(), starts_at=at, ends_at=None)
    world.submit(stay, ["court"])
    stopped.certify()
    assert not logged()
    monkeypatch.setattr(clock, "now", lambda: at)
    stopped.certify()
    assert counted(stay) == {row.digest: (0, 0, 36)}


def test_one_that_was_lifted_before_it_began_stopped_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sending()
    at = now() + dt.timedelta(hours=1)
    stay = Stay(id="ahead", office="court", reference="x", scope=Scope(), starts_at=at, ends_at=None)
    world.submit(stay, ["court"])
    world.lift(stay)
    monkeypatch.setattr(clock, "now", lambda: at)
    stopped.certify()
    assert (logged(), StayRow.objects.get().certified) == ([], 1)


def test_a_stay_of_some_counts_what_was_in_hand_at_that_instant(connected: World) -> None:
    """Of an order of which it stops some people, the others go on: what leaves later was not in hand."""
    row = connected.sending()
    stay = connected.stay(scope=Scope(districts=("IDUKKI",)))
    with at_work(connected, Quiet("")) as one:
        assert one._turn()
    stopped.certify()
    assert counted(stay)[row.digest][1] == 0


def test_the_flow_counts_and_a_stay_that_cannot_be_read_holds_nothing_up(world: World) -> None:
    row = world.order()
    world.stay()
    flow.turn(world.vault)
    assert StoppedRow.objects.get().order == row.digest
    StayRow.objects.update(envelope="{}", certified=0)
    flow.turn(world.vault)
    assert not Window.objects.exists()
    assert not Outcome.objects.exists()
    assert not Batch.objects.exists()


def test_many_orders_take_several_entries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopped, "ORDERS_IN_ENTRY", 2)
    for number in range(5):
        world.order(id=f"order-{number}")
    world.stay()
    stopped.certify()
    assert [len(entry["orders"]) for entry in logged()] == [2, 2, 1]
