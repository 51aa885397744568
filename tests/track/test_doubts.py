"""Unknown messages are settled by receipts, or by an operator who says how; nothing else sends one again."""

import json
from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.models import Journal
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.send import lease
from ariyippu.send.models import Batch, Outcome, PutOff
from ariyippu.send.tokens import Place
from ariyippu.send.window import Settled
from ariyippu.track import doubts, sent, settle
from ariyippu.track.receipts import State, Word
from tests.offices import now
from tests.refusals import refused
from tests.send.by_hand import hand_off, intend, take
from tests.send.test_worker import arrived, at_work, soon
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

COUNT = 12


def doubtful(world: World) -> OrderRow:
    """An order of which a worker died with the first three in its hands; the rest was refused."""
    row = world.sending()
    intend(take(world), [0, 1, 2])
    lease.reclaim("a")
    again = take(world)
    hand_off(again, [Settled(n, Outcome.REFUSED, "550", None) for n in range(3, COUNT)])
    lease.give_back(again)
    return world.turn_until(row, OrderRow.DONE)


def logged() -> list[dict[str, object]]:
    return [json.loads(bytes(row.body))["body"] for row in Journal.objects.filter(kind="doubts")]


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, people(COUNT))


def test_they_are_counted_until_a_receipt_came(world: World) -> None:
    row = doubtful(world)
    assert doubts.unknown() == {row.order_id: 3}
    settle.keep_message(Place(Batch.objects.get().pk, 1), Word(State.DELIVERED, "delivered"))
    assert doubts.unknown() == {row.order_id: 2}
    assert doubts.settle(row.order_id, "given_up") == 2
    assert settle.outcomes(row.digest) == {"email": {"delivered": 1, "gave_up": 2, "refused": 9}}
    assert doubts.unknown() == {}
    assert logged() == [{"order": row.digest, "decision": "given_up", "messages": 0}]


def test_nothing_is_logged_when_there_is_nothing_to_settle(world: World) -> None:
    row = doubtful(world)
    assert doubts.settle(row.order_id, "given_up") == 3
    assert doubts.settle(row.order_id, "given_up") == 0
    assert doubts.settle(row.order_id, "send_again") == 0
    assert len(logged()) == 1


def test_sent_again_although_their_people_count_as_told(tmp_path: Path, clean_vault: None) -> None:
    with running(Outside(tmp_path)) as ports:
        world = build(tmp_path, people(COUNT), carriers=ports, window=5)
        row = world.sending()
        held = take(world)
        intend(held, [0, 1, 2])
        lease.reclaim("a")
        with at_work(world, name="b") as one:
            assert one._turn()  # this tells the three who may have been told
            world.turn_until(row, OrderRow.DONE)
            assert settle.outcomes(row.digest) == {"email": {"accepted": 9, "unknown": 3}}
            assert not one._turn()
            assert doubts.settle(row.order_id, "send_again") == 3
            assert one._turn()
        assert settle.outcomes(row.digest) == {"email": {"accepted": 12}}
        assert not PutOff.objects.exists()
        world.turn_until(row, OrderRow.DONE)
        soon(lambda: len(set(arrived(tmp_path))), COUNT)
    assert [entry["decision"] for entry in logged()] == ["send_again"]


def test_who_objected_since_is_not_sent_it_again(tmp_path: Path, clean_vault: None) -> None:
    with running(Outside(tmp_path)) as ports:
        world = build(tmp_path, people(COUNT), carriers=ports, window=5)
        row = doubtful(world)
        records, _contacts = sent.rows(Batch.objects.get(), world.home, world.vault.keyring)
        world.objection("spark", records[:1], "dpv:PersonnelPayment")
        doubts.settle(row.order_id, "send_again")
        with at_work(world) as one:
            assert one._turn()
    assert settle.outcomes(row.digest) == {"email": {"accepted": 2, "refused": 9, "withheld": 1}}


def test_what_a_worker_has_in_its_hands_is_left_alone(world: World) -> None:
    row = world.sending()
    intend(take(world), [0, 1])
    lease.reclaim("a")
    take(world)
    assert doubts.unknown() == {row.order_id: 2}
    assert doubts.settle(row.order_id, "given_up") == 0


def test_nothing_is_sent_again_after_the_order_s_window(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = doubtful(world)
    later = now().replace(year=now().year + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    with refused("order.not_in_window"):
        doubts.settle(row.order_id, "send_again")
    assert doubts.settle(row.order_id, "given_up") == 3
    flow.publish(world.vault)


def test_an_order_that_is_not_there(world: World) -> None:
    with refused("order.unknown"):
        doubts.settle("nobody-s-order", "given_up")
