"""Recalls: what a stay calls back from carriers that took it before, and what is said of that."""

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.home import Home
from ariyippu.base.models import Journal
from ariyippu.demo.outside.smsc import SWITCHED_OFF
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope, Stay
from ariyippu.policy.models import StayRow, Told
from ariyippu.send import recall
from ariyippu.send.carriers import Receipt
from ariyippu.send.carriers.answers import CANCELLED
from ariyippu.send.lease import give_back
from ariyippu.send.models import Batch, MessageFile, Outcome, Recall, Window
from ariyippu.send.overview import overview
from ariyippu.send.pace import Pace
from ariyippu.send.tokens import Place
from ariyippu.send.window import Settled
from ariyippu.send.worker import Worker
from ariyippu.track import reached, recalls, report, settle, stopped, why
from ariyippu.track.models import MessageReceipt
from ariyippu.track.recalls import Recalled
from ariyippu.track.receipts import State
from ariyippu.transparency import certificate_text, reader
from ariyippu.transparency.certificate import certificate
from tests.offices import now
from tests.send import centres
from tests.send.by_hand import end, hand_off, intend, take
from tests.send.test_worker import at_work, soon
from tests.world import Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

HOUR = dt.timedelta(hours=1)
OFF, ON = 12, 3  # phones; a message is of several parts; of those in IDUKKI there are two, both off
PERSONS = [
    *(
        Person(n, email="", mobile=f"{SWITCHED_OFF[2:]}{n:03}"[-10:], district="IDUKKI" if n <= 2 else "KOLLAM")
        for n in range(1, OFF + 1)
    ),
    *(Person(100 + n, email="") for n in range(ON)),
]


@pytest.fixture(params=[centres.OURS, centres.THEIRS])
def anyone_s(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with centres.serving(request.param, tmp_path) as smpp:
        yield build(tmp_path, PERSONS, carriers=(1, smpp), window=10)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with centres.serving(centres.OURS, tmp_path) as smpp:
        yield build(tmp_path, PERSONS, carriers=(1, smpp), window=10)


@pytest.fixture
def silent(tmp_path: Path) -> World:
    """Without carriers: a test hands off and answers by hand."""
    return build(tmp_path, people(4, email=""))


def outcomes(row: OrderRow) -> dict[str, int]:
    return settle.outcomes(row.digest)["sms"]


def handed_off(world: World, one: Worker, **changes: Any) -> OrderRow:
    """An order whose messages all left; those whose phones are on have their receipts."""
    row = world.sending(**changes)
    assert one._turn()
    soon(lambda: settled(one, row), {"accepted": OFF, "delivered": ON})
    return world.turn_until(row, OrderRow.DONE)


def settled(one: Worker, row: OrderRow) -> dict[str, int]:
    one._collect_receipts()
    settle.match()
    return outcomes(row)


def taken(world: World, *ids: str) -> tuple[OrderRow, Batch]:
    """An order of which a carrier took the first messages under these ids, and may still try."""
    row = world.sending()
    held = take(world)
    hand_off(held, [Settled(at, Outcome.ACCEPTED, "ESME_ROK", one, 2, (f"{one}-1",)) for at, one in enumerate(ids)])
    give_back(held)
    Batch.objects.update(valid_until=now() + HOUR)
    return row, held.batch


def ask_all(one: Worker) -> None:
    while one._turn():
        pass


def logged() -> list[dict[str, Any]]:
    rows = Journal.objects.filter(kind="recalled").order_by("pk")
    return [json.loads(bytes(row.body))["body"] for row in rows]


def codes() -> dict[str, str | None]:
    return dict(Recall.objects.values_list("provider_id", "code"))


def test_what_phones_have_not_got_is_recalled(anyone_s: World) -> None:
    world = anyone_s
    with at_work(world) as one:
        row = handed_off(world, one)
        before = sorted(Outcome.objects.values_list("batch_id", "position", "outcome", "code"))
        stay = world.stay()
        flow.turn(world.vault)
        assert outcomes(row) == {"accepted": OFF, "delivered": ON}  # intended, and nobody was asked yet
        assert overview().recalling == OFF
        ask_all(one)
        assert outcomes(row) == {"recalled": OFF, "delivered": ON}
        soon(lambda: (settled(one, row), MessageReceipt.objects.filter(state=State.DELETED).count())[1], OFF)
        flow.turn(world.vault)
        flow.turn(world.vault)
        world.lift(stay)
        flow.release(row.order_id, world.home)
        flow.turn(world.vault)
        assert not one._turn()  # its end sends nothing again
    assert outcomes(row) == {"recalled": OFF, "delivered": ON}
    public = {"order": row.digest, "asked": 10, "recalled": 10}  # rounded
    assert logged() == [{"stay": stay.digest(), "number": 0, "orders": [public]}]
    assert sorted(Outcome.objects.values_list("batch_id", "position", "outcome", "code")) == before
    assert Told.objects.count() == OFF + ON  # docs/adr/0024
    assert report.report()["outcomes"] == {"recalled": OFF, "delivered": ON}
    assert reached.reached(row.digest, world.home, world.vault.keyring).num_rows == ON
    assert [found.recalled for found in why.of_notice("da-arrears-granted")] == [10]
    assert overview().recalling == 0
    flow.publish(world.vault)
    assert [found.kind for found in reader.read(world.home.log).entries].count("recalled") == 1


def test_a_stay_of_a_district_recalls_its_people_alone(world: World) -> None:
    with at_work(world) as one:
        row = handed_off(world, one)
        first = world.stay(scope=Scope(districts=("IDUKKI",)))
        flow.turn(world.vault)
        ask_all(one)
        assert outcomes(row) == {"recalled": 2, "accepted": OFF - 2, "delivered": ON}
        second = world.stay("wider", scope=Scope(channel="sms"))
        flow.turn(world.vault)
        ask_all(one)
    assert outcomes(row) == {"recalled": OFF, "delivered": ON}
    asked = [recalls.of_terms(stay.digest(), 0)[row.digest].asked for stay in (first, second)]
    assert asked == [2, OFF - 2]


@pytest.mark.parametrize("scope", [Scope(channel="email"), Scope(register="prism"), Scope(districts=("WAYANAD",))])
def test_a_stay_of_something_else_recalls_nothing(silent: World, scope: Scope) -> None:
    taken(silent, "A")
    silent.new_trust(version=2, registers={**silent.offices.trust().registers, "prism": "pay-register"})
    silent.stay(scope=scope)
    flow.turn(silent.vault)
    assert not Recall.objects.exists()
    assert not logged()


def test_one_placed_ahead_recalls_when_it_begins_what_is_valid_beyond(
    silent: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was handed off after it was placed expires as it begins: nobody has to ask."""
    taken(silent, "A")
    at = now() + HOUR / 2
    ahead = Stay(id="ahead", office="court", reference="x", scope=Scope(), starts_at=at, ends_at=None)
    silent.submit(ahead, ["court"])
    flow.turn(silent.vault)
    assert not Recall.objects.exists()
    monkeypatch.setattr(clock, "now", lambda: at)
    flow.turn(silent.vault)
    assert codes() == {"A": None, "A-1": None}
    Recall.objects.all().delete()
    Batch.objects.update(valid_until=at)
    StayRow.objects.update(recalled=0)
    flow.turn(silent.vault)
    assert not Recall.objects.exists()


def test_what_a_worker_hands_off_before_it_hears_of_the_stay_is_recalled_too(silent: World) -> None:
    silent.sending()
    held = take(silent)
    number = intend(held, [0])
    silent.stay(scope=Scope(districts=("KOLLAM",)))
    Window.objects.update(opened_at=StayRow.objects.get().accepted_at + dt.timedelta(seconds=1))
    Batch.objects.update(valid_until=now() + HOUR)
    flow.turn(silent.vault)
    assert not Recall.objects.exists()
    end(held, number, [Settled(0, Outcome.ACCEPTED, "ESME_ROK", "A")])
    flow.turn(silent.vault)
    assert codes() == {"A": None}


def test_a_stay_that_was_lifted_before_it_was_planned_recalls_nothing(silent: World) -> None:
    taken(silent, "A")
    silent.lift(silent.stay())
    flow.turn(silent.vault)
    assert not Recall.objects.exists()


def test_a_worker_that_dies_between_intent_and_answer_loses_nothing(world: World) -> None:
    """Before its first byte; and after the centre cancelled, when its second answer is a no: that is not claimed."""
    with at_work(world) as one:
        row = handed_off(world, one)
        world.stay(scope=Scope(districts=("IDUKKI",)))
        flow.turn(world.vault)
        (chosen,) = one._choice.recalling()
        asked = recall.take("sms", 100)
        assert recall.take("sms", 100) == {}  # in its hands
        lost = Recall.objects.filter(position=Recall.objects.values_list("position", flat=True)[0])
        chosen.recall(list(lost.values_list("provider_id", flat=True)))  # and here it dies
        ask_all(one)
        assert set(codes().values()) == {None}
        Recall.objects.update(asked_at=F("asked_at") - dt.timedelta(seconds=recall.AGAIN_S + 1))
        ask_all(one)
        assert set(codes()) == set(asked)
        assert set(lost.values_list("code", flat=True)) == {"ESME_RCANCELFAIL"}
        soon(lambda: settled(one, row), {"recalled": 1, "undelivered": 1, "accepted": OFF - 2, "delivered": ON})


def test_too_late(silent: World) -> None:
    """Delivered meanwhile; refused; of two parts one; and without an answer when its time is over."""
    row, batch = taken(silent, "A", "B", "C", "D")
    stay = silent.stay()
    flow.turn(silent.vault)
    asked = recall.take("sms", 8)
    recall.keep(asked, {**dict.fromkeys(("A", "A-1", "B", "B-1", "C"), CANCELLED), "C-1": "ESME_RINVMSGID"})
    settle.keep([Receipt("A", "delivered", "DELIVRD 000")])
    assert outcomes(row) == {"delivered": 1, "recalled": 1, "accepted": 2}
    found = recalls.of_terms(stay.digest(), 0)[row.digest]
    assert found == Recalled(4, 1, {"DELIVRD 000": 1, "ESME_RINVMSGID": 1, "": 1})
    said = [recalls.of_message(Place(batch.pk, at)) for at in (1, 2, 3)]
    assert said == [{"stay": stay.digest(), "code": code} for code in (CANCELLED, "ESME_RINVMSGID", None)]
    assert recalls.of_message(Place(batch.pk + 1, 0)) is None
    flow.turn(silent.vault)
    assert not logged()
    Batch.objects.update(valid_until=now())
    flow.turn(silent.vault)
    assert codes()["D"] == recall.TOO_LATE
    assert logged()[0]["orders"] == [{"order": row.digest, "asked": 0, "recalled": 0}]
    assert recall.take("sms", 8) == {}


RECEIPTS = [Receipt("A", "deleted", "DELETED 000"), Receipt("A", "expired", "EXPIRED 000")]


@pytest.mark.parametrize("is_asked", [True, False])
def test_deleted_receipts_in_any_order_and_doubled(silent: World, is_asked: bool) -> None:
    """Who was not asked has not recalled: what it deleted it did not deliver. Nor is one part of two the message."""
    row, _batch = taken(silent, "A")
    if is_asked:
        silent.stay()
        flow.turn(silent.vault)
    deleted, expired = RECEIPTS
    settle.keep([deleted, deleted])
    settle.keep([deleted])
    assert outcomes(row) == {"undelivered": 1, "waiting": 3}
    Recall.objects.filter(provider_id="A").update(code="ESME_RCANCELFAIL")
    Recall.objects.filter(provider_id="A-1").update(code=CANCELLED)
    assert outcomes(row) == {"recalled" if is_asked else "undelivered": 1, "waiting": 3}
    for order in itertools.permutations([deleted, expired, Receipt("A", "delivered", "DELIVRD 000")]):
        MessageReceipt.objects.all().delete()
        settle.keep(order)
        settle.keep([deleted])
        assert outcomes(row) == {"delivered": 1, "waiting": 3}
    MessageReceipt.objects.all().delete()
    settle.keep([expired, deleted])
    assert outcomes(row) == {"undelivered": 1, "waiting": 3}


def test_who_cannot_be_asked_is_not_asked(silent: World) -> None:
    """By its type; and one that a channel has besides is asked for its own ids."""
    settings = silent.home.path / "settings.toml"
    gateway, smpp = "mobileseva+http://a:b@127.0.0.1:1/x", "smpp://demo:demo@127.0.0.1:1"
    other = f"""
[[carriers.sms.others]]
name = "second"
url = "{smpp}"
"""
    settings.write_text(settings.read_text().replace(smpp, gateway) + other)
    world = replace(silent, home=Home(silent.home.path))
    taken(world, "A", "second/A")
    world.stay()
    recalls.plan(world.home, world.vault.keyring)
    stopped.certify()
    recalls.plan(world.home, world.vault.keyring)
    assert set(codes()) == {"second/A", "second/A-1"}


def test_a_carrier_that_does_not_connect_or_has_no_room_was_not_asked(
    silent: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(silent, "A")
    silent.stay()
    flow.turn(silent.vault)
    with at_work(silent) as one:
        assert not one._turn()
        assert set(Recall.objects.values_list("asked_at", "code")) == {(None, None)}
        assert one._choice.recalling() == []  # it rests
    with at_work(silent) as one, monkeypatch.context() as patch:
        patch.setattr(Pace, "take", lambda _pace, _messages: None)
        assert not one._turn()
    assert set(Recall.objects.values_list("asked_at", "code")) == {(None, None)}


def test_a_snapshot_that_cannot_be_read_holds_up_no_other_stay(silent: World) -> None:
    taken(silent, "A")
    silent.stay(scope=Scope(districts=("KOLLAM",)))
    MessageFile.objects.update(name="sms-of-nobody.parquet")
    silent.stay("stay-2", scope=Scope(channel="sms"))
    flow.turn(silent.vault)
    assert set(Recall.objects.values_list("stay", flat=True)) == {StayRow.objects.get(stay_id="stay-2").digest}


@pytest.mark.parametrize("language", ["en", "ml"])
def test_the_certificate_says_what_was_recalled_and_what_was_not(
    silent: World, language: certificate_text.Language
) -> None:
    row, _batch = taken(silent, "A", "B", "C")
    stay = silent.stay()
    flow.turn(silent.vault)
    recall.keep(recall.take("sms", 6), dict.fromkeys(("A", "A-1"), CANCELLED) | {"B": "ESME_RCANCELFAIL"})
    flow.publish(silent.vault)
    found = certificate(stay.id, silent.home)
    (recalled,) = found["terms"][0]["recalls"]
    assert recalled == {
        "order": row.order_id,
        "digest": row.digest,
        "asked": 3,
        "recalled": 1,
        "others": {"": 1, "ESME_RCANCELFAIL": 1},
    }
    words, text = certificate_text.WORDS[language], certificate_text.text(found, language)
    assert words["recall"].format(**recalled) in text
    assert words["other"].format(messages=1, code="ESME_RCANCELFAIL") in text
    assert words["unanswered"] in text
