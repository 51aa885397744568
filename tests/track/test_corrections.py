"""A correction follows a wrong notice to exactly the people whom it reached."""

from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.notice.documents import Notice, Order
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience, objections
from ariyippu.policy.models import AudienceRow
from ariyippu.send import lease
from ariyippu.send.models import Batch, Outcome
from ariyippu.send.open import Door
from ariyippu.send.tokens import Place
from ariyippu.send.window import Settled
from ariyippu.track import settle
from ariyippu.track.reached import reached
from ariyippu.track.receipts import State, Word
from ariyippu.track.sent import rows
from tests.refusals import refused
from tests.send.by_hand import hand_off, take
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

PEOPLE = 12
# By position. The two of the end have no outcome when the order's window ends.
OUTCOMES = (Outcome.ACCEPTED,) * 6 + (Outcome.UNKNOWN,) * 2 + (Outcome.REFUSED, Outcome.GAVE_UP)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path, people(PEOPLE))


@pytest.fixture
def wrong(world: World) -> OrderRow:
    """An order that was carried out as OUTCOMES says; `reached` are the records of positions 0 to 7."""
    row = world.sending(id="the-wrong-one")
    held = take(world)
    opened = Door(world.home, world.vault.keyring).open(held)
    settled = [Settled(position, outcome, "", None) for position, outcome in enumerate(OUTCOMES)]
    hand_off(held, settled, opened.records)
    lease.give_back(held)
    return row


def records_of(world: World, row: OrderRow) -> list[bytes]:
    (batch,) = Batch.objects.select_related("file").filter(order=row.digest)
    return list(rows(batch, world.home, world.vault.keyring)[0])


def correction(world: World, wrong: OrderRow, **changes: Any) -> tuple[Order, Notice]:
    notice = world.notice(id="correction", criteria={})
    made = {"id": "correction-1", "corrects": wrong.digest, "min_interval_days": 0, **changes}
    return world.order_document(notice, **made), notice


def ordered(world: World, wrong: OrderRow, **changes: Any) -> OrderRow:
    document, notice = correction(world, wrong, **changes)
    world.submit(document, notice=notice)
    return OrderRow.objects.get(digest=document.digest())


def told(world: World, row: OrderRow) -> set[bytes]:
    frozen = audience.read(world.home, world.vault.keyring, AudienceRow.objects.get(order=row.digest))
    return {line["record"] for line in frozen.to_pylist() if line["reason"] == "included"}


def finish(world: World, row: OrderRow) -> None:
    Batch.objects.filter(order=row.digest).update(state=Batch.DONE)
    world.turn_until(row, OrderRow.DONE)


def test_it_goes_to_those_whom_the_wrong_one_reached_and_to_nobody_else(world: World, wrong: OrderRow) -> None:
    """Within the interval in which nobody is told again, too: that is what it is for."""
    finish(world, wrong)
    row = world.turn_until(ordered(world, wrong), OrderRow.SENDING)
    assert told(world, row) == set(records_of(world, wrong)[:8])


def test_a_receipt_says_who_was_not_reached_after_all(world: World, wrong: OrderRow) -> None:
    finish(world, wrong)
    (batch,) = Batch.objects.filter(order=wrong.digest)
    settle.keep_message(Place(batch.pk, 0), Word(State.UNDELIVERED, "5.0.0"))
    settle.keep_message(Place(batch.pk, 1), Word(State.DELIVERED, "2.0.0"))
    found = set(reached(wrong.digest, world.home, world.vault.keyring)["record"].to_pylist())
    assert found == set(records_of(world, wrong)[1:8])


def test_who_objected_since_is_not_told(world: World, wrong: OrderRow) -> None:
    finish(world, wrong)
    first = records_of(world, wrong)[0]
    objections.record_objections("spark", [first], "dpv:PersonnelPayment")
    row = world.turn_until(ordered(world, wrong), OrderRow.SENDING)
    assert told(world, row) == set(records_of(world, wrong)[1:8])


def test_it_waits_until_the_wrong_one_is_over(world: World, wrong: OrderRow) -> None:
    """Till then more people may get it; a stay would stop it, and its end."""
    row = ordered(world, wrong)
    for _ in range(4):
        flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    finish(world, wrong)
    world.turn_until(row, OrderRow.SENDING)
    assert len(told(world, row)) == 8


def test_its_messages_leave_like_any_other_s(world: World, wrong: OrderRow) -> None:
    finish(world, wrong)
    row = world.turn_until(ordered(world, wrong), OrderRow.SENDING)
    held = take(world)
    assert held.verified.digest == row.digest
    assert len(Door(world.home, world.vault.keyring).open(held).messages) == 8


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"corrects": "0" * 64}, "order.corrects_unknown"),
        ({"register": "prism"}, "order.other_notice"),
    ],
)
def test_what_it_corrects_must_be_there_and_its_own(
    world: World, wrong: OrderRow, changes: dict[str, Any], code: str
) -> None:
    with refused(code):
        ordered(world, wrong, **changes)


def test_another_purpose_is_no_correction(world: World, wrong: OrderRow) -> None:
    notice = world.notice(id="correction", criteria={}, purpose="ariyippu:salary-and-benefit")
    document = world.order_document(
        notice, id="correction-1", corrects=wrong.digest, min_interval_days=0, purpose="ariyippu:salary-and-benefit"
    )
    with refused("order.corrects_other"):
        world.submit(document, notice=notice)


def test_it_has_no_criteria_and_only_a_correction_has_none(world: World, wrong: OrderRow) -> None:
    document, _notice = correction(world, wrong)
    some = world.notice(id="correction")
    with refused("order.corrects_some"):
        world.submit(
            world.order_document(some, id="correction-1", corrects=wrong.digest, min_interval_days=0), notice=some
        )
    none = world.notice(id="correction", criteria={})
    with refused("criteria.malformed"):
        world.submit(world.order_document(none, id="no-correction"), notice=none)
    with pytest.raises(ValueError, match="min_interval_days must be 0"):
        Order.model_validate({**dict(document), "min_interval_days": 1})


def test_it_needs_everybody_s_signature_like_any_order(world: World, wrong: OrderRow) -> None:
    document, notice = correction(world, wrong)
    with refused("signature.missing_role"):
        world.submit(document, ["requester", "owner"], notice)
