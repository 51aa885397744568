"""Pause, drain, resume: an operator's word holds from the next message on, and frees nothing that a stay stops."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ariyippu.base.models import Journal
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.send import choice, holds
from ariyippu.send.carriers import open_carrier
from ariyippu.send.holds import Kind, Scope
from ariyippu.send.lease import LeaseLostError
from ariyippu.send.models import Hold
from ariyippu.send.watch import Watch
from tests.refusals import refused
from tests.send.by_hand import intend, leased, take
from tests.send.test_worker import Counting, at_work, outcomes, soon, watch
from tests.world import Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

__all__ = ["watch"]
PERSONS = [*people(20), *(Person(100 + n, email="") for n in range(5))]
WINDOW = 10


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(Outside(tmp_path)) as ports:
        yield build(tmp_path, PERSONS, carriers=ports, window=WINDOW)


@pytest.fixture
def row(world: World) -> OrderRow:
    return world.sending()


def logged() -> list[dict[str, object]]:
    rows = Journal.objects.filter(kind="hold").order_by("pk")
    return [json.loads(bytes(row.body))["body"] for row in rows]


@pytest.mark.parametrize("kind", ["pause", "drain"])
def test_nothing_is_leased_while_everything_is_held(world: World, row: OrderRow, kind: Kind) -> None:
    holds.place(Scope(), kind)
    assert leased(world) is None
    holds.resume(Scope())
    take(world)
    assert [(entry["hold"], entry["channel"], entry["order"]) for entry in logged()] == [
        (kind, None, None),
        ("resume", None, None),
    ]


def test_a_channel_alone_is_held(world: World, row: OrderRow) -> None:
    holds.place(Scope(channel="email"), "pause")
    assert take(world).subject.channel == "sms"
    assert leased(world) is None


def test_an_order_alone_is_held(world: World, row: OrderRow) -> None:
    other = world.sending(id="another-order")
    holds.place(holds.of(None, row.order_id), "pause")
    assert {take(world).batch.order for _channel in range(2)} == {other.digest}
    assert leased(world) is None


def test_a_pause_ends_leases_and_a_drain_lets_them_finish(world: World, row: OrderRow) -> None:
    held = take(world)
    holds.place(Scope(channel="email"), "drain")
    intend(held, [0])
    holds.place(Scope(channel="email"), "pause")
    with pytest.raises(LeaseLostError):
        intend(held, [1])


@pytest.mark.parametrize(("kind", "accepted"), [("pause", 3), ("drain", 20)])
def test_in_the_middle_of_a_window(
    world: World, row: OrderRow, watch: Watch, monkeypatch: pytest.MonkeyPatch, kind: Kind, accepted: int
) -> None:
    """A pause ends the batch after the messages in hand, as a stay does; a drain lets it finish."""

    def hold() -> None:
        before = watch.generation
        holds.place(Scope(channel="email"), kind)
        if kind == "pause":
            soon(lambda: watch.generation > before, True)

    monkeypatch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), [], 3, hold))
    with at_work(world, watch) as one:
        assert one._turn()
    assert outcomes(row)["email"].get("accepted") == accepted


def test_a_resume_frees_nothing_that_a_stay_stops(world: World, row: OrderRow) -> None:
    holds.place(Scope(), "pause")
    world.stay()
    holds.resume(Scope())
    assert leased(world) is None


def test_the_same_again_is_logged_once_and_a_change_again(world: World) -> None:
    kinds: tuple[Kind, ...] = ("pause", "pause", "drain")
    for kind in kinds:
        holds.place(Scope(), kind)
    assert [entry["hold"] for entry in logged()] == ["pause", "drain"]
    assert [hold.kind for hold in holds.standing()] == ["drain"]


def test_what_does_not_exist_is_refused(world: World, row: OrderRow) -> None:
    with refused("hold.none"):
        holds.resume(Scope())
    with refused("hold.unknown_scope"):
        holds.of(None, "nobody-s-order")
    with refused("hold.unknown_scope"):
        holds.of("email", row.order_id)
    assert not Hold.objects.exists()
