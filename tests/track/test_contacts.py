"""A contact that is nobody's: suspended by its token, listed by its row, and used again once it was verified."""

from pathlib import Path

import pytest
from django.db import connection

from ariyippu import flow
from ariyippu.demo.outside.run import Outside, running
from ariyippu.ingest import contract, snapshot
from ariyippu.ingest.seal import contact_tokens, record_tokens
from ariyippu.policy import audience, suspensions
from ariyippu.policy.models import AudienceRow
from ariyippu.send import lease
from ariyippu.send.carriers import Receipt
from ariyippu.send.models import Batch, Outcome
from ariyippu.send.tokens import Place
from ariyippu.send.window import Settled
from ariyippu.track import contacts, sent, settle
from ariyippu.track.models import MessageReceipt
from ariyippu.track.receipts import State, Word
from tests.refusals import refused
from tests.send import by_hand
from tests.send.test_worker import at_work
from tests.world import Person, World, build, write_register, write_settings

pytestmark = pytest.mark.usefixtures("clean_vault")

PERSONS = [Person(1, email="gone@mail.example"), Person(2), Person(3, email="", mobile="0123456701"), Person(4)]


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, PERSONS)


def token(world: World, address: str) -> bytes:
    kind = "email" if "@" in address else "mobile"
    (made,) = contact_tokens(kind, [address], world.vault.keyring)  # type: ignore[arg-type]
    assert made is not None
    return made


def sent_to(world: World, address: str) -> Place:
    """Where the message to this address stands."""
    for batch in Batch.objects.select_related("file"):
        _records, found = sent.rows(batch, world.home, world.vault.keyring)
        if token(world, address) in found:
            return Place(batch.pk, list(found).index(token(world, address)))
    raise AssertionError("nobody")


def suspended(register: str = "spark") -> set[bytes]:
    return set(suspensions.suspended(register)["token"].to_pylist())


def listed(world: World, register: str = "spark") -> list[tuple[int, str, str]]:
    """As the department reads it: the header is row 1."""
    _snapshot, found = contacts.undeliverable(register, world.home, world.vault.keyring)
    return [(each.row, each.column, each.cause) for each in found]


def test_a_bounce_suspends_its_contact_and_no_other(world: World) -> None:
    world.sending()
    settle.keep_message(sent_to(world, "gone@mail.example"), Word(State.BOUNCED, "5.1.1"))
    settle.keep_message(sent_to(world, "anu.2x@mail.example"), Word(State.REJECTED, "5.7.1"))
    flow.turn(world.vault)
    assert suspended() == {token(world, "gone@mail.example")}
    assert listed(world) == [(2, "email", "bounced")]
    assert contacts.suspend_bounced(world.home, world.vault.keyring) == 0


def test_a_receipt_with_the_provider_s_own_code_suspends_a_number(world: World) -> None:
    world.sending()
    place = sent_to(world, "+910123456701")
    Outcome.objects.create(batch_id=place.batch, position=place.position, outcome="accepted", code="", provider_id="S1")
    settle.keep([Receipt("S1", "undelivered", "UNDELIV 005")], dead_codes=("005",))
    flow.turn(world.vault)
    assert suspended() == {token(world, "+910123456701")}
    assert listed(world) == [(4, "mobile", "bounced")]


def test_a_delivery_that_comes_later_does_not_revive_nobody(world: World) -> None:
    world.sending()
    place = sent_to(world, "gone@mail.example")
    for word in (Word(State.DELIVERED, "delivered"), Word(State.BOUNCED, "5.1.1"), Word(State.DELIVERED, "delivered")):
        settle.keep_message(place, word)
        flow.turn(world.vault)
    assert suspended() == {token(world, "gone@mail.example")}
    assert MessageReceipt.objects.get().state == State.BOUNCED


def test_a_refusal_at_the_hand_off_suspends_when_the_order_is_done(world: World) -> None:
    row = world.sending()
    codes = {"gone@mail.example": "550 5.1.1", "anu.2x@mail.example": "550 5.7.1", "anu.4x@mail.example": "550"}
    for _channel in range(2):
        held = by_hand.take(world)
        records, found = sent.rows(held.batch, world.home, world.vault.keyring)
        answers = {token(world, address): code for address, code in codes.items()}
        settled = [Settled(n, Outcome.REFUSED, answers.get(c, "local.bad_address"), None) for n, c in enumerate(found)]
        by_hand.hand_off(held, settled, records)
        lease.give_back(held)
    world.turn_until(row, "done")
    flow.turn(world.vault)
    assert suspended() == {token(world, "gone@mail.example"), token(world, "+910123456701")}
    assert settle.outcomes(row.digest) == {"email": {"refused": 3}, "sms": {"refused": 1}}


def test_a_changed_contact_is_a_new_one_and_a_verified_one_is_used_again(world: World, tmp_path: Path) -> None:
    suspensions.suspend([token(world, "gone@mail.example"), token(world, "anu.2x@mail.example")], "not_mine")
    assert listed(world) == [(2, "email", "not_mine"), (3, "email", "not_mine")]
    corrected = [Person(1, email="here@mail.example"), *PERSONS[1:]]
    file = write_register(tmp_path / "corrected.csv", corrected)
    snapshot.load(contract.find("spark"), file, home=world.home, keyring=world.vault.keyring)
    assert listed(world) == [(3, "email", "not_mine")]
    records = record_tokens("spark", [PERSONS[1].pen, "999999"], world.vault.keyring)
    assert contacts.verified("spark", records, world.home, world.vault.keyring) == 2  # e-mail and mobile
    assert listed(world) == []
    assert suspended("prism") == {token(world, "gone@mail.example"), token(world, "anu.2x@mail.example")}


def test_a_suspended_contact_is_not_used(world: World) -> None:
    """The next order takes another way to the person, or none."""
    both = [token(world, address) for address in ("anu.2x@mail.example", "+910123456701")]
    suspensions.suspend(both, "bounced")
    row = world.sending()
    decided = audience.read(world.home, world.vault.keyring, AudienceRow.objects.get(order=row.digest)).to_pylist()
    found = {(each["reason"], each["channel"]) for each in decided if each["reason"] != audience.PADDING}
    assert found == {("included", "email"), ("included", "sms"), ("contact_suspended", None)}
    assert settle.outcomes(row.digest) == {"email": {"waiting": 2}, "sms": {"waiting": 1}}


def test_a_contact_that_is_suspended_after_the_decision_is_held_back(world: World, tmp_path: Path) -> None:
    row = world.sending()
    suspensions.suspend([token(world, "gone@mail.example")], "not_mine")
    with running(Outside(tmp_path)) as ports:
        write_settings(world.home, ports, 10)
        world.home.__dict__.pop("settings", None)
        with at_work(world) as worker:
            assert worker._turn()
    assert settle.outcomes(row.digest)["email"] == {"accepted": 2, "withheld": 1}
    assert Outcome.objects.get(outcome="withheld").code == "contact_suspended"


def test_a_register_that_was_never_loaded(world: World) -> None:
    with refused("register.not_loaded"):
        contacts.undeliverable("prism", world.home, world.vault.keyring)


def test_a_damaged_file_holds_up_no_order(world: World) -> None:
    row = world.sending()
    settle.keep_message(sent_to(world, "gone@mail.example"), Word(State.BOUNCED, "5.1.1"))
    (world.home.vault / "orders" / row.digest / "email-0000.parquet").write_bytes(b"broken")
    with refused("file.damaged"):
        contacts.suspend_bounced(world.home, world.vault.keyring)
    flow.turn(world.vault)
    assert suspended() == set()


def test_no_table_holds_an_address(world: World) -> None:
    world.sending()
    settle.keep_message(sent_to(world, "gone@mail.example"), Word(State.BOUNCED, "5.1.1"))
    flow.turn(world.vault)
    with connection.cursor() as cursor:
        for table in ("track_message", "track_early", "track_ignored", "policy_suspension", "policy_verified"):
            cursor.execute(f"select coalesce(string_agg(t::text, '|'), '') from {table} t")  # noqa: S608
            (text,) = cursor.fetchone()
            assert "gone" not in text
            assert b"gone".hex() not in text
