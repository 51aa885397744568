"""What became of it: receipts in any order, doubled or early, give the same state; nobody counts twice."""

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.db.models import F

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.models import Journal
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope
from ariyippu.send import lease
from ariyippu.send.carriers import Receipt
from ariyippu.send.lease import Lease
from ariyippu.send.models import Outcome, Window
from ariyippu.send.tokens import Place
from ariyippu.send.window import Settled
from ariyippu.track import report, settle
from ariyippu.track.models import EarlyReceipt, Ignored, MessageReceipt
from ariyippu.track.receipts import State, Word
from tests.send import by_hand
from tests.world import Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

RECEIPTS = (
    Receipt("a", "delivered", "000"),
    Receipt("a", "undelivered", "001"),  # of another attempt: it was delivered
    Receipt("b", "expired", "002"),
    Receipt("b", "expired", "002"),
    Receipt("nobody-s", "delivered", "000"),
)


def hand_off(world: World, settled: Sequence[Settled], *, leave_open: Sequence[int] = ()) -> Lease:
    """One window of the next batch, as a worker commits it."""
    held = by_hand.take(world)
    if settled:
        by_hand.hand_off(held, settled)
    if leave_open:
        by_hand.intend(held, leave_open)
    return held


def accepted(position: int, provider_id: str) -> Settled:
    return Settled(position, Outcome.ACCEPTED, "ESME_ROK", provider_id)


@pytest.fixture
def by_sms(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, [Person(n, email="") for n in range(1, 6)])


def test_receipts_beside_outcomes(by_sms: World) -> None:
    row = by_sms.sending()
    handed = [
        accepted(0, "a"),
        accepted(1, "b"),
        accepted(2, "c"),
        Settled(3, Outcome.REFUSED, "ESME_RINVDSTADR", None),
    ]
    settle.keep([Receipt("a", "delivered", "000")])  # before its outcome is committed
    hand_off(by_sms, handed)
    assert settle.match() == 1
    assert settle.outcomes(row.digest) == {"sms": {"accepted": 2, "delivered": 1, "refused": 1, "waiting": 1}}
    settle.keep([Receipt("b", "rejected", "003")])
    assert settle.outcomes(row.digest) == {
        "sms": {"accepted": 1, "delivered": 1, "undelivered": 1, "refused": 1, "waiting": 1}
    }


def test_receipts_in_any_order_and_doubled_count_once(by_sms: World) -> None:
    row = by_sms.sending()
    hand_off(by_sms, [accepted(0, "a"), accepted(1, "b")])
    for order in itertools.permutations(RECEIPTS):
        MessageReceipt.objects.all().delete()
        settle.keep(order[:2])
        settle.keep(order[2:])
        settle.keep(order)
        assert settle.outcomes(row.digest) == {"sms": {"delivered": 1, "undelivered": 1, "waiting": 3}}
    assert set(MessageReceipt.objects.values_list("state", "code")) == {(4, "000"), (1, "002")}


def test_what_is_in_doubt_is_settled_by_its_receipt(by_sms: World) -> None:
    row = by_sms.sending()
    held = hand_off(by_sms, [Settled(n, Outcome.UNKNOWN, "local.connection_lost", None) for n in range(3)])
    settle.keep_message(Place(held.batch.pk, 0), Word(State.DELIVERED, "delivered"))
    settle.keep_message(Place(held.batch.pk, 1), Word(State.EXPIRED, "4.4.7"))
    assert settle.outcomes(row.digest) == {"sms": {"delivered": 1, "undelivered": 1, "unknown": 1, "waiting": 2}}


def test_what_was_never_sent_is_counted_and_forgotten(by_sms: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle.keep([Receipt("a", "delivered", "000"), Receipt("b", "delivered", "000"), Receipt("c", "unknown", "0")])
    settle.drop_never_sent()
    assert EarlyReceipt.objects.count() == 2
    later = clock.now() + dt.timedelta(seconds=settle.EARLY_S + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    settle.drop_never_sent()
    settle.drop_never_sent()
    assert not EarlyReceipt.objects.exists()
    assert Ignored.objects.get().count == 2


def test_an_e_mail_s_id_is_nobody_s_receipt(tmp_path: Path) -> None:
    """A mail server's queue id may be the same text as an SMS centre's message id."""
    world = build(tmp_path, people(2))
    row = world.sending()
    hand_off(world, [accepted(0, "a"), accepted(1, "b")])
    settle.keep([Receipt("a", "undelivered", "001")])
    assert settle.outcomes(row.digest) == {"email": {"accepted": 2}}


def test_messages_in_a_worker_s_hands_still_wait(by_sms: World) -> None:
    row = by_sms.sending()
    hand_off(by_sms, [accepted(0, "a")], leave_open=[1, 2])
    assert settle.outcomes(row.digest) == {"sms": {"accepted": 1, "waiting": 4}}


def test_the_log_is_told_rounded_counts_once(tmp_path: Path) -> None:
    world = build(tmp_path, people(14))
    row = world.sending()
    held = hand_off(world, [accepted(n, str(n)) for n in range(12)])
    lease.give_back(held)
    again = hand_off(world, [Settled(n, Outcome.REFUSED, "550", None) for n in (12, 13)])
    lease.give_back(again)
    world.turn_until(row, OrderRow.DONE)
    flow.turn(world.vault)
    (entry,) = Journal.objects.filter(kind="handed-off")
    assert json.loads(bytes(entry.body))["body"]["outcomes"] == {"email": {"accepted": 10, "refused": 0}}


def test_the_report_for_operators_is_exact(by_sms: World) -> None:
    row = by_sms.sending()
    hand_off(by_sms, [accepted(0, "a"), Settled(1, Outcome.UNKNOWN, "", None)])
    found = report.report()
    assert found["registers"] == {"spark": {"rows": 5, "quarantined": 0}}
    assert found["candidates"] == {"included": 5}
    assert found["outcomes"] == {"accepted": 1, "unknown": 1, "waiting": 3}
    assert found["handed_off"]["sms"]["messages"] == 1
    assert found["orders"] == {row.order_id: "sending"}


def test_a_report_stands_a_clock_that_was_set_back_within_a_window(by_sms: World) -> None:
    by_sms.sending()
    hand_off(by_sms, [accepted(0, "a")])
    Window.objects.update(closed_at=F("opened_at") - dt.timedelta(minutes=10))
    assert report.report()["handed_off"] == {"sms": {"messages": 1, "per_s": 0}}


def test_a_line_for_each_order_says_what_holds_it_up(by_sms: World) -> None:
    row = by_sms.sending()
    assert report.order_lines(by_sms.home) == [f"{row.order_id}: sending"]
    by_sms.stay(scope=Scope(channel="email"))
    assert report.order_lines(by_sms.home) == [f"{row.order_id}: sending, stayed for email"]
    by_sms.new_trust(version=2, keys=by_sms.offices.trust().keys[:2])
    (line,) = report.order_lines(by_sms.home)
    assert line.startswith(f"{row.order_id}: sending, does not hold: ")
    assert line.endswith("[signature.unknown_key]")
