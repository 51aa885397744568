"""Contacts that another register lends: only where the purpose covers them, by a certain link, signed by its owner."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.errors import PermanentError
from ariyippu.demo.outside.keep import read_mail, read_sms
from ariyippu.demo.outside.run import Outside, running
from ariyippu.grant.documents import RegisterFields
from ariyippu.link.models import LinkRun
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience
from ariyippu.policy.documents import Scope
from ariyippu.policy.models import AudienceRow
from ariyippu.send.models import Batch
from ariyippu.send.open import Door
from tests.offices import EVERYBODY, now
from tests.refusals import refused
from tests.registers import FIELDS, SIGNERS, Place, Registers, Row
from tests.send.by_hand import leased
from tests.send.test_worker import at_work, outcomes, soon
from tests.world import Person, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

SPARK_MOBILE = "0123456784"
SPARK = [*people(3), Person(4, email="", mobile=SPARK_MOBILE)]
# 1 and 2 have a contact of their own, the others none.
LAND = [Row(1), Row(2, email="", mobile="0123456782"), *(Row(n, email="") for n in range(3, 8))]
LINKS: dict[str, list[Place]] = {
    "anu": [("land", 1), ("spark", 1)],
    "binu": [("land", 3), ("spark", 2)],
    "cinu": [("land", 4), ("spark", 4)],
    "dinu": [("land", 5)],
    "enu": [("spark", 3)],
}
POSSIBLE = [("dinu", "enu")]


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    with running(Outside(tmp_path)) as found:
        yield found


def linked(tmp_path: Path, ports: tuple[int, int] = (1, 1)) -> Registers:
    registers = Registers(build(tmp_path, SPARK, carriers=ports), len(SPARK))
    registers.add("land", LAND)
    registers.link(LINKS, POSSIBLE)
    return registers


def decided(registers: Registers, row: OrderRow) -> dict[Place, tuple[str, str | None, str | None]]:
    """Of whom there is more to say than no_contact: reason, channel, and who lends the contact."""
    registers.world.turn_until(row, OrderRow.DECIDED)
    kept = AudienceRow.objects.get(order=row.digest)
    table = audience.read(registers.world.home, registers.world.vault.keyring, kept)
    places = [(register, n) for register, rows in registers.rows.items() for n in range(1, rows + 1)]
    whose = {registers.record(place): place for place in places}
    found = {
        whose[line["record"]]: (line["reason"], line["channel"], line["contact_of"])
        for line in table.to_pylist()
        if line["record"] in whose
    }
    return {place: answer for place, answer in found.items() if answer != ("no_contact", None, None)}


OWN = {("land", 1): ("included", "email", None), ("land", 2): ("included", "sms", None)}


def test_own_contacts_first_then_those_of_a_certain_link_and_never_of_a_possible_one(tmp_path: Path) -> None:
    registers = linked(tmp_path)
    assert decided(registers, registers.order("land")) == OWN
    assert decided(registers, registers.order("land", ["spark"], id="with-spark")) == {
        **OWN,
        ("land", 3): ("included", "email", "spark"),
        ("land", 4): ("included", "sms", "spark"),
    }


def test_a_contact_that_was_collected_for_something_else_is_not_borrowed(tmp_path: Path) -> None:
    """Tax-payers' contacts do not tell of arrears of pay; those that another pay register lends do."""
    without = [Person(1, email="", mobile=""), Person(2, email="", mobile=""), Person(3)]
    registers = Registers(build(tmp_path, without), len(without))
    registers.add("land", [Row(1), Row(2)], collected_for="ariyippu:local-body-services")
    registers.add("pay", [Row(1)])
    registers.link({"anu": [("spark", 1), ("land", 1)], "binu": [("spark", 2), ("land", 2), ("pay", 1)]})
    assert decided(registers, registers.order("spark", ["land", "pay"])) == {
        ("spark", 1): ("purpose_not_covered", None, None),
        ("spark", 2): ("included", "email", "pay"),
        ("spark", 3): ("included", "email", None),
    }


def test_messages_reach_the_lent_contacts_and_say_what_the_own_record_says(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    registers = linked(tmp_path, ports)
    row = registers.world.turn_until(registers.order("land", ["spark"]), OrderRow.SENDING)
    found = {(batch.channel, batch.contact_of, batch.size) for batch in Batch.objects.all()}
    assert found == {("email", None, 1), ("sms", None, 1), ("email", "spark", 1), ("sms", "spark", 1)}
    with at_work(registers.world) as one:
        assert [one._turn() for _ in range(5)] == [True] * 4 + [False]
    assert outcomes(row)["email"] == {"accepted": 2}
    soon(lambda: {mail["to"] for mail in read_mail(tmp_path)}, {"land.1x@mail.example", "anu.2x@mail.example"})
    soon(lambda: {sms["to"][-10:] for sms in read_sms(tmp_path)}, {"0123456782", SPARK_MOBILE})
    registers.world.turn_until(row, OrderRow.DONE)


def test_a_stay_on_the_lending_register_stops_what_it_lends_alone(tmp_path: Path, ports: tuple[int, int]) -> None:
    registers = linked(tmp_path, ports)
    world = registers.world
    row = world.turn_until(registers.order("land", ["spark"]), OrderRow.SENDING)
    stay = world.stay(scope=Scope(register="spark"))
    with at_work(world) as one:
        assert [one._turn() for _ in range(3)] == [True, True, False]
        assert outcomes(row)["email"] == {"accepted": 1, "waiting": 1}
        world.stay("stay-2", scope=Scope(register="land"))
        world.lift(stay)
        assert not one._turn()  # its own register stops everything
    with refused("order.stayed"):
        flow.release(row.order_id, world.home)


def test_a_stay_on_the_lending_register_before_the_decision(tmp_path: Path) -> None:
    registers = linked(tmp_path)
    row = registers.order("land", ["spark"])
    registers.world.stay(scope=Scope(register="spark"))
    assert decided(registers, row) == {
        **OWN,
        ("land", 3): ("stayed", None, None),
        ("land", 4): ("stayed", None, None),
    }


# --- what an order has to satisfy --------------------------------------------------------------------


@pytest.fixture
def registers(tmp_path: Path) -> Registers:
    return linked(tmp_path)


def submit(registers: Registers, who: tuple[str, ...] = SIGNERS, **changes: object) -> None:
    order, said = registers.order_document("land", ["spark"], **changes)
    registers.world.submit(order, who, said)


@pytest.mark.parametrize("missing", ["owner", "other-owner"])
def test_every_owner_signs(registers: Registers, missing: str) -> None:
    with refused("signature.missing_role"):
        submit(registers, tuple(name for name in SIGNERS if name != missing))


def test_the_grant_covers_the_lending_register_and_its_contacts(registers: Registers) -> None:
    only_land = registers.granted("land")
    with refused("grant.field_not_granted"):
        submit(registers, use_request=only_land)
    fields = (
        RegisterFields(register="land", fields=FIELDS),
        RegisterFields(register="spark", fields=("name", "email")),
    )
    without_mobile = registers._granted("no-mobile", "ariyippu:da-arrears", registers=fields)
    with refused("grant.field_not_granted"):
        submit(registers, use_request=without_mobile)
    submit(registers, use_request=without_mobile, channels=("email",))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"contract": "0" * 64}, "contract.not_approved"),
        ({"snapshot": "spark-20260101T000000Z-abcdef"}, "snapshot.unknown"),
    ],
)
def test_the_lending_register_s_snapshot_is_pinned(registers: Registers, change: dict[str, str], code: str) -> None:
    (part,) = registers.contacts_of("spark")
    with refused(code):
        submit(registers, contacts_of=(part.model_copy(update=change),))


def test_another_register_s_snapshot_or_contract_is_refused(registers: Registers) -> None:
    (spark,), (land,) = registers.contacts_of("spark"), registers.contacts_of("land")
    for change in ({"snapshot": land.snapshot}, {"contract": land.contract}):
        with refused("order.other_contract"):
            submit(registers, contacts_of=(spark.model_copy(update=change),))


def test_a_register_does_not_stand_twice(registers: Registers) -> None:
    (spark,), (land,) = registers.contacts_of("spark"), registers.contacts_of("land")
    for doubled in ((spark, spark), (spark, land)):
        with pytest.raises(ValueError, match="stands twice"):
            submit(registers, contacts_of=doubled)


def test_an_order_that_borrows_nothing_has_the_bytes_that_it_always_had(registers: Registers) -> None:
    order, _said = registers.order_document("land")
    assert b"contacts_of" not in order.payload()
    assert order.model_validate_json(order.payload()) == order


def test_nothing_is_borrowed_without_a_run_of_both_registers(tmp_path: Path) -> None:
    registers = Registers(build(tmp_path, SPARK), len(SPARK))
    registers.add("land", LAND)
    with refused("order.not_linked"):
        submit(registers)
    registers.link(LINKS)
    registers.add("prism", LAND)
    order, said = registers.order_document("land", ["prism"])
    with refused("order.not_linked"):
        registers.world.submit(order, SIGNERS, said)
    submit(registers)


def test_an_order_that_borrows_falls_with_the_linking_run_s_grant(
    registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = now() + dt.timedelta(hours=1)
    grant = registers._granted("short", "ariyippu:linking", valid_until=until)
    registers.link(LINKS, grant=grant)
    borrowing, own = registers.order("land", ["spark"]), registers.order("land", id="own-contacts")
    present = clock.now()
    monkeypatch.setattr(clock, "now", lambda: present + dt.timedelta(hours=1))
    with refused("grant.not_in_force"):
        orders.verify_row(borrowing, registers.world.home)
    assert orders.verify_row(own, registers.world.home).run is not None  # what excludes goes on


@pytest.mark.parametrize("change", [{"purpose": "ariyippu:da-arrears"}, {"registers": ("land",)}])
def test_the_run_s_grant_is_for_linking_these_registers(registers: Registers, change: dict[str, object]) -> None:
    purpose = str(change.get("purpose", "ariyippu:linking"))
    fields = RegisterFields(register="land", fields=FIELDS), RegisterFields(register="spark", fields=("name",))
    named = fields[:1] if "registers" in change else fields
    registers.link(LINKS, grant=registers._granted("another", purpose, registers=named))
    with refused("order.not_linked"):
        submit(registers)


def test_a_run_whose_row_was_altered_lends_nothing(registers: Registers) -> None:
    row = registers.order("land", ["spark"])
    LinkRun.objects.update(model="0" * 64)
    registers.world.turn_until(row, OrderRow.FAILED)
    assert not AudienceRow.objects.exists()


def test_a_batch_is_not_leased_as_another_source_s(registers: Registers) -> None:
    """Who can write to the database makes borrowed contacts look like own ones, round a stay."""
    world = registers.world
    world.turn_until(registers.order("land", ["spark"]), OrderRow.SENDING)
    Batch.objects.filter(contact_of=None).delete()
    Batch.objects.update(contact_of=None)
    world.stay(scope=Scope(register="spark"))
    held = leased(world)
    assert held is not None
    with pytest.raises(PermanentError, match="something else"):
        Door(world.home, world.vault.keyring).open(held)


def test_everybody_s_signature_is_not_enough_for_two_owners_of_one_person(registers: Registers) -> None:
    with refused("signature.missing_role"):
        submit(registers, (*EVERYBODY, "stranger"))
