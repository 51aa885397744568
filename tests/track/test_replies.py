"""STOP by SMS: everybody who has that number in any register objects, to all but their own entitlements."""

import datetime as dt
from pathlib import Path

import pytest
from django.db import connection

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.grant import purposes
from ariyippu.ingest.seal import record_tokens
from ariyippu.policy import objections
from ariyippu.policy.models import Objection
from ariyippu.send.carriers import Arrival, Receipt, Stop
from ariyippu.track import replies
from ariyippu.track.models import EarlyReceipt, Ignored, StopRow
from tests.world import Person, World, build

pytestmark = pytest.mark.usefixtures("clean_vault")

SHARED = "0123456789"
PERSONS = [Person(1, mobile=SHARED), Person(2, mobile=SHARED), Person(3), Person(4, mobile="")]


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, PERSONS)


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is SETTLE_S later."""
    at = clock.now() + dt.timedelta(seconds=replies.SETTLE_S + 1)
    monkeypatch.setattr(clock, "now", lambda: at)


def records(world: World, *persons: Person) -> set[bytes]:
    return set(record_tokens("spark", [person.pen for person in persons], world.vault.keyring))


def test_both_who_share_the_number_object_and_nobody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[Arrival] = [Stop(f"91{SHARED}"), Receipt("a", "delivered", "000"), Stop(f"+91{SHARED}")]
    flow.keep_arrivals(arrived, home=world.home, keyring=world.vault.keyring)
    assert EarlyReceipt.objects.count() == 1
    flow.turn(world.vault)
    assert not Objection.objects.exists()  # one search for all who write within a minute
    later(monkeypatch)
    flow.turn(world.vault)
    assert {bytes(one.record) for one in Objection.objects.all()} == records(world, *PERSONS[:2])
    assert set(Objection.objects.values_list("register", "purpose")) == {("spark", "*")}
    assert not StopRow.objects.exists()
    assert not Ignored.objects.exists()


def test_it_stops_all_but_a_person_s_own_entitlement(world: World) -> None:
    (record,) = records(world, PERSONS[0])
    objections.record_objections("spark", [record], "*")
    order = world.order_document(world.notice())
    for purpose in purposes.taxonomy().values():
        asked = order.model_copy(update={"purpose": purpose.id})
        listed = [row["record"] for row in objections.lists(asked).of("spark").to_pylist() if row["objected"]]
        assert listed == ([] if purpose.own_entitlement else [record]), purpose.id


def test_the_hand_off_asks_the_same(world: World) -> None:
    world.sending()
    (record,) = records(world, PERSONS[0])
    objections.record_objections("spark", [record], "*")
    own = objections._objectionable("ariyippu:da-arrears")
    other = objections._objectionable("ariyippu:achievements")
    assert "*" not in own
    assert other[-1] == "*"


def test_a_number_that_no_register_has_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    replies.keep([Stop("919999999999")], world.vault.keyring)
    later(monkeypatch)
    flow.turn(world.vault)
    assert not Objection.objects.exists()
    assert not StopRow.objects.exists()
    assert Ignored.objects.get().count == 1


@pytest.mark.parametrize("number", ["", "KLGOVT", "123", "+449999999999", "9" * 15, "٩" * 12])
def test_what_is_no_indian_number_is_nobody_s(world: World, number: str) -> None:
    replies.keep([Stop(number)], world.vault.keyring)
    assert not StopRow.objects.exists()


@pytest.mark.parametrize("number", [f"91{SHARED}", f"+91{SHARED}", SHARED[-10:], f"0091{SHARED}"])
def test_a_number_is_known_however_it_is_written(world: World, number: str) -> None:
    replies.keep([Stop(number), Stop(f"91{SHARED}")], world.vault.keyring)
    assert StopRow.objects.count() == 1


def test_only_a_token_is_kept(world: World) -> None:
    replies.keep([Stop(f"91{SHARED}")], world.vault.keyring)
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(t::text, '|') from track_stop t")
        assert SHARED not in cursor.fetchone()[0]
