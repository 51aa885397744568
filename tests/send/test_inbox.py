"""The person's own page: for whom no contact reaches and nothing speaks against; read by its person alone."""

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError
from pydantic import ValidationError

from ariyippu.base.documents import Envelope
from ariyippu.base.errors import PermanentError
from ariyippu.demo.outside.run import Outside, running
from ariyippu.ingest.seal import record_tokens
from ariyippu.notice import contacts, orders
from ariyippu.notice.documents import Order
from ariyippu.notice.models import OrderRow
from ariyippu.policy import objections, suspensions
from ariyippu.policy.documents import Scope
from ariyippu.policy.models import AudienceRow
from ariyippu.send import inbox
from ariyippu.send.carriers import Answer, InboxMessage, Verdict
from ariyippu.send.carriers import inbox as carrier
from ariyippu.send.inbox import Letter
from ariyippu.send.models import Batch, InboxRow, Outcome
from ariyippu.track import letters, sent
from tests.send.test_worker import at_work, outcomes, soon
from tests.world import Person, World, build

pytestmark = pytest.mark.usefixtures("clean_vault")

ALL = ("email", "sms", "inbox")
LAND_TAX = "ariyippu:land-tax-due"
REACHED, ALONE, OTHER, OBJECTING, GONE = (Person(n, name=f"Anu Kizhakke {n}") for n in range(1, 6))
PEOPLE = (
    REACHED,
    *(Person(p.number, p.name, email="", mobile="") for p in (ALONE, OTHER, OBJECTING)),
    Person(GONE.number, GONE.name, email="", mobile="", status="DECEASED"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(Outside(tmp_path)) as ports:
        yield build(tmp_path, PEOPLE, carriers=ports)


def record(world: World, person: Person) -> bytes:
    (token,) = record_tokens("spark", [person.pen], world.vault.keyring)
    return token


def send(world: World, channels: tuple[str, ...] = ALL) -> OrderRow:
    row = world.sending(channels=channels)
    with at_work(world) as one:
        soon(lambda: (one._turn(), Batch.objects.exclude(state=Batch.DONE).exists())[1], False)
    return row


def test_who_has_no_contact_finds_the_notice_on_their_own_page(world: World) -> None:
    world.objection("spark", [record(world, OBJECTING)])
    row = send(world)
    assert outcomes(row) == {"email": {"accepted": 1}, "inbox": {"accepted": 2}}
    decided = AudienceRow.objects.get().counts
    assert (decided["included"], decided["objected"], decided["deceased"]) == (3, 1, 1)
    for person in (ALONE, OTHER):
        own = [record(world, person)]
        [found] = letters.waiting(own)
        assert found.order == row.order_id
        read = letters.read(found.number, own, world.vault.keyring)
        assert read is not None
        mail = email.message_from_bytes(read, policy=email.policy.default)
        body = mail.get_body(("plain",))
        assert body is not None
        assert "1,200.50" in body.get_content()
        assert mail["List-Unsubscribe"]  # the letter's own link works as any message's
    for person in (REACHED, OBJECTING, GONE):
        assert letters.waiting([record(world, person)]) == []


def test_a_letter_is_read_by_its_person_alone(world: World) -> None:
    send(world)
    [mine], [theirs] = (letters.waiting([record(world, person)]) for person in (ALONE, OTHER))
    assert letters.read(theirs.number, [record(world, ALONE)], world.vault.keyring) is None
    InboxRow.objects.filter(pk=theirs.number).update(record=record(world, REACHED))
    with pytest.raises(PermanentError):  # moved by whoever can write the database: it does not open
        letters.read(theirs.number, [record(world, REACHED)], world.vault.keyring)
    assert b"Kizhakke" not in bytes(InboxRow.objects.get(pk=mine.number).cell)


def test_who_is_erased_has_nothing_waiting(world: World) -> None:
    send(world)
    alone, other = record(world, ALONE), record(world, OTHER)
    assert letters.forget_erased() == 0
    world.objection("spark", [alone], objections.ERASURE)
    assert letters.forget_erased() == 1
    assert letters.waiting([alone]) == []
    assert len(letters.waiting([other])) == 1


def test_an_order_that_does_not_name_it_leaves_nothing_there(world: World) -> None:
    row = send(world, ("email", "sms"))
    assert outcomes(row) == {"email": {"accepted": 1}}
    assert AudienceRow.objects.get().counts["no_contact"] == 3


def test_it_takes_over_from_a_suspended_contact(world: World) -> None:
    send(world, ("email",))
    _records, (contact,) = sent.rows(Batch.objects.select_related("file").get(), world.home, world.vault.keyring)
    suspensions.suspend([contact], "not_mine")
    row = world.order(id="a-second-one", channels=("email", "inbox"), min_interval_days=0)
    world.turn_until(row, OrderRow.SENDING)
    with at_work(world) as one:
        soon(lambda: (one._turn(), outcomes(row).get("inbox"))[1], {"accepted": 4})
    assert len(letters.waiting([record(world, REACHED)])) == 1


def test_a_stay_of_all_channels_stops_it(world: World) -> None:
    row = world.sending(channels=ALL)
    world.stay(scope=Scope(register="spark"))
    with at_work(world) as one:
        assert not one._turn()
    assert not Outcome.objects.exists()
    assert not InboxRow.objects.exists()
    assert set(outcomes(row)) == {"email", "inbox"}


def test_a_purpose_that_no_contact_of_the_register_satisfies_has_no_way_by_it(world: World) -> None:
    """Else a page, which needs no contact, would be a way for what nobody gave a contact for."""
    row = world.order(channels=ALL)
    own = orders.verify_row(row, world.home).manifest
    order = Envelope.parse(row.envelope).open(Order)
    assert {one.channel: one.covered for one in contacts.sources(order, own, [])}["inbox"]
    other = order.model_copy(update={"purpose": LAND_TAX})
    free = {
        name: column.model_copy(update={"collected_for": LAND_TAX}) if column.kind == "contact" else column
        for name, column in own.columns.items()
    }
    lender = own.model_copy(update={"register": "another", "columns": free})
    found = {(one.channel, one.contact_of): one.covered for one in contacts.sources(other, own, [lender])}
    assert found["email", "another"]
    assert not found["inbox", None]


def test_it_stands_last_in_an_order(world: World) -> None:
    with pytest.raises(ValidationError, match="it stands last"):
        world.order(channels=("inbox", "email"))


def test_a_letter_that_is_left_twice_is_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sending(channels=ALL)
    batch = Batch.objects.get(channel="inbox").pk
    [letter] = inbox.sealed(["a"], [bytes(16)], "spark", world.vault.keyring)
    message = InboxMessage(0, batch, letter)
    for _attempt in range(2):
        assert list(carrier.InboxCarrier().hand_off(iter([message]))) == [Answer(0, Verdict.ACCEPTED, "inbox")]
    assert InboxRow.objects.count() == 1

    def down(_messages: object) -> None:
        raise OperationalError

    monkeypatch.setattr(carrier, "_keep", down)
    answers = list(carrier.InboxCarrier().hand_off(iter([message])))
    assert answers == [Answer(0, Verdict.TRANSIENT, "local.database")]


def test_a_letter_shows_nothing_of_a_person() -> None:
    assert "secret" not in repr(InboxMessage(0, 1, Letter(b"secret", b"secret", "secret")))
