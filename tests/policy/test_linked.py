"""What one register says holds at another: decided over real runs and snapshots, and asked again at the hand-off."""

from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience, linked, objections, preferences
from ariyippu.policy.models import AudienceRow, CarriedObjection, Objection
from ariyippu.policy.reference import Situation
from ariyippu.policy.travel import MARKS
from tests.refusals import refused
from tests.registers import Place, Registers, Row
from tests.world import PURPOSE, Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

SPARK = [*people(5), Person(6, status="DECEASED"), Person(7, cadre="JUDICIAL")]
LAND = [Row(1), Row(2), Row(3), Row(4), Row(5, state="DEAD"), Row(6), Row(7, state="SHIELDED"), Row(8)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path, SPARK)


@pytest.fixture
def registers(world: World) -> Registers:
    made = Registers(world, len(SPARK))
    made.add("land", LAND)
    return made


def decided(registers: Registers, register: str, name: str = "an-order") -> OrderRow:
    return registers.world.turn_until(registers.order(register, id=name), OrderRow.DECIDED)


def reasons(registers: Registers, row: OrderRow) -> dict[Place, str]:
    """What was decided about whom, where it is not simply inclusion."""
    kept = AudienceRow.objects.get(order=row.digest)
    table = audience.read(registers.world.home, registers.world.vault.keyring, kept)
    found = {line["record"]: line["reason"] for line in table.to_pylist()}
    places = [(register, n) for register, rows in registers.rows.items() for n in range(1, rows + 1)]
    whose = {registers.record(place): place for place in places}
    return {whose[r]: reason for r, reason in found.items() if reason not in ("included", audience.PADDING)}


OWN_LAND = {("land", 5): "deceased"}  # who is shielded gets notices of their own entitlement
OWN_SPARK = {("spark", 6): "deceased"}


def test_without_a_linking_run_nothing_travels(registers: Registers) -> None:
    registers.objection(("spark", 1))
    assert reasons(registers, decided(registers, "land")) == OWN_LAND


def test_an_objection_and_a_death_hold_at_the_other_register(registers: Registers) -> None:
    registers.objection(("spark", 1))
    registers.link({"anu": [("spark", 1), ("land", 1)], "late": [("spark", 6), ("land", 2)]})
    assert reasons(registers, decided(registers, "land")) == {
        **OWN_LAND,
        ("land", 1): "objected_linked",
        ("land", 2): "deceased_linked",
    }
    assert reasons(registers, decided(registers, "spark", "other")) == {**OWN_SPARK, ("spark", 1): "objected"}


def test_an_objection_below_the_purpose_holds_nothing_above_it(registers: Registers) -> None:
    registers.objection(("spark", 1), "ariyippu:service-circular")
    registers.objection(("spark", 2), "dpv:PersonnelPayment")
    registers.link({"anu": [("spark", 1), ("land", 1)], "binu": [("spark", 2), ("land", 2)]})
    assert reasons(registers, decided(registers, "land")) == {**OWN_LAND, ("land", 2): "objected_linked"}


def test_protection_travels_but_not_against_one_s_own_entitlement(registers: Registers) -> None:
    registers.link({"judge": [("spark", 7), ("land", 1)]})
    row = decided(registers, "land")
    assert reasons(registers, row) == OWN_LAND
    home, keyring = registers.world.home, registers.world.vault.keyring
    nowhere = Situation(in_force=True, own_entitlement=True, ways=())
    found = linked.of_order(orders.verify_row(row, home), nowhere, MARKS.empty_table(), home=home, keyring=keyring)
    protected = {line["record"] for line in found.reaching.to_pylist() if line["protected"]}
    assert protected == {registers.record(place) for place in [("land", 1), ("land", 7)]}


def test_a_possible_link_excludes_by_one_step(registers: Registers) -> None:
    registers.objection(("spark", 1))
    registers.link(
        {"anu": [("spark", 1)], "binu": [("land", 1)], "cinu": [("land", 2)]}, [("anu", "binu"), ("binu", "cinu")]
    )
    assert reasons(registers, decided(registers, "land")) == {**OWN_LAND, ("land", 1): "objected_linked"}


def test_a_later_split_or_merge_changes_the_next_decision(registers: Registers) -> None:
    registers.objection(("spark", 1))
    registers.link({"anu": [("spark", 1), ("land", 1)]})
    assert reasons(registers, decided(registers, "land")) == {**OWN_LAND, ("land", 1): "objected_linked"}
    registers.link({"anu": [("spark", 1), ("land", 2)]})
    again = decided(registers, "land", name="another-order")
    assert reasons(registers, again) == {**OWN_LAND, ("land", 2): "objected_linked"}


def test_an_objection_carried_over_a_link_that_was_split_does_not_stay(registers: Registers) -> None:
    registers.link({"anu": [("spark", 1), ("land", 1)]})
    registers.objection(("spark", 1))
    assert CarriedObjection.objects.filter(register="land").count() == 1
    registers.link({})
    row = decided(registers, "land")
    assert reasons(registers, row) == OWN_LAND
    assert withheld(registers, row, ("land", 1)) == {}


def withheld(registers: Registers, row: OrderRow, *places: Place) -> dict[bytes, str]:
    verified = orders.verify_row(row, registers.world.home)
    return objections.withheld(verified, [registers.record(place) for place in places], {})


def test_an_objection_at_the_other_register_after_the_decision_holds_back(registers: Registers) -> None:
    registers.link(
        {"anu": [("spark", 1), ("land", 1)], "binu": [("land", 2)], "cinu": [("land", 3)]}, [("anu", "binu")]
    )
    row = decided(registers, "land")
    asked: list[Place] = [("land", 1), ("land", 2), ("land", 3)]
    assert withheld(registers, row, *asked) == {}
    registers.objection(("spark", 1), "dpv:PersonnelPayment")
    assert withheld(registers, row, *asked) == {
        registers.record(("land", 1)): "objected_linked",
        registers.record(("land", 2)): "objected_linked",
    }
    registers.objection(("land", 1))
    assert withheld(registers, row, ("land", 1)) == {registers.record(("land", 1)): "objected"}


def test_who_objects_again_is_counted_once_and_carried_once(registers: Registers) -> None:
    registers.link({"anu": [("spark", 1), ("land", 1)], "binu": [("spark", 2), ("land", 2)]})
    registers.objection(("spark", 1))
    before = CarriedObjection.objects.get(register="land").carried_at
    again = registers.world.objection("spark", [registers.record(("spark", 1)), registers.record(("spark", 2))])
    assert again == 1
    assert CarriedObjection.objects.filter(register="land").count() == 2
    assert CarriedObjection.objects.filter(register="land", carried_at=before).count() == 1


def test_what_a_link_in_a_message_records_is_carried_by_the_vault_s_turn(
    registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together, and not at once: each time the whole index is read."""
    registers.link({"anu": [("spark", 1), ("land", 1)]})
    row = decided(registers, "land")
    objections.record_objections("spark", [registers.record(("spark", 1))], PURPOSE)
    flow.turn(registers.world.vault)
    assert not CarriedObjection.objects.exists()
    monkeypatch.setattr(flow, "CARRY_S", 0)
    flow.turn(registers.world.vault)
    assert withheld(registers, row, ("land", 1)) == {registers.record(("land", 1)): "objected_linked"}
    assert not Objection.objects.filter(carried_at=None).exists()


def test_being_told_at_one_register_is_being_told(registers: Registers) -> None:
    registers.link({"anu": [("spark", 1), ("land", 1)], "owner": [("land", 2), ("land", 3)]})
    told = [registers.record(("spark", 1))], [registers.record(("land", 2))]
    objections.record_told("spark", told[0], PURPOSE)
    objections.record_told("land", told[1], PURPOSE)
    objections.record_told("spark", [registers.record(("spark", 2))], "ariyippu:service-circular")
    assert reasons(registers, decided(registers, "land")) == {
        **OWN_LAND,
        ("land", 1): "told_linked",
        ("land", 2): "told_recently",  # and not the owner's other record in the same register
    }


def channels(registers: Registers, row: OrderRow, *places: Place) -> list[str | None]:
    """The channel on which each is told, as it was decided."""
    kept = AudienceRow.objects.get(order=row.digest)
    table = audience.read(registers.world.home, registers.world.vault.keyring, kept)
    found = {line["record"]: line["channel"] for line in table.to_pylist()}
    return [found[registers.record(place)] for place in places]


def test_a_preference_holds_for_its_record_and_over_a_certain_link(registers: Registers) -> None:
    numbers = [f"012345678{n}" for n in range(5)]
    registers.load("land", [*(Row(n, mobile=number) for n, number in enumerate(numbers, 1)), *LAND[5:]])
    registers.link(
        {
            "anu": [("spark", 1), ("land", 1)],
            "binu": [("spark", 2)],
            "cinu": [("land", 2)],
            "dinu": [("spark", 3), ("land", 3)],
            "enu": [("spark", 4), ("land", 4)],
        },
        [("binu", "cinu")],
    )
    said = [registers.record(("spark", n)) for n in (1, 2, 3, 4)]
    assert preferences.record("spark", said, "sms") == 4
    preferences.record("land", [registers.record(("land", 3))], "email")
    registers.objection(("spark", 4))
    row = decided(registers, "spark")
    assert channels(registers, row, *(("spark", n) for n in (1, 2, 3, 4, 5))) == ["sms", "sms", "sms", None, "email"]
    row = decided(registers, "land", "other")
    asked: list[Place] = [("land", n) for n in (1, 2, 3, 4, 5)]
    assert channels(registers, row, *asked) == ["sms", "email", "email", None, "email"]
    assert reasons(registers, row)["land", 4] == "objected_linked"


def test_who_prefers_nothing_any_more_is_forgotten_and_counted(registers: Registers) -> None:
    said = [registers.record(("spark", n)) for n in (1, 2)]
    assert preferences.record("spark", [*said, said[0]], "sms") == 2
    assert preferences.record("spark", said, "sms") == 0  # nothing new
    assert preferences.forget("spark", [*said, registers.record(("spark", 3))]) == 2
    assert preferences.forget("spark", said) == 0


def test_another_snapshot_of_the_order_s_register_says_what_counts_now(registers: Registers) -> None:
    """The run was made when number 5 was dead; the order's snapshot says otherwise, and says that 1 is."""
    registers.link({"anu": [("land", 1), ("land", 2)], "enu": [("land", 5), ("land", 6)]})
    registers.load("land", [Row(1, state="DEAD"), *LAND[1:4], Row(5), *LAND[5:]])
    assert reasons(registers, decided(registers, "land")) == {("land", 1): "deceased", ("land", 2): "deceased_linked"}


def test_a_damaged_run_fails_the_order_and_loses_no_objection(registers: Registers) -> None:
    run = registers.link({"anu": [("spark", 1), ("land", 1)]})
    row = registers.order("land")
    (registers.world.home.vault / "persons" / run.pk / "possible.parquet").write_bytes(b"")
    registers.world.turn_until(row, OrderRow.FAILED)
    assert not AudienceRow.objects.exists()
    with refused("persons.damaged"):
        registers.objection(("spark", 1))
    assert Objection.objects.filter(carried_at=None).count() == 1
    flow.turn(registers.world.vault)  # goes on
    assert not CarriedObjection.objects.exists()
