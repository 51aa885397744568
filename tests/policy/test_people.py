"""What an order's decision reads of registers and lists: minors, erasures, caps, old contacts, shared phones."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base import clock
from ariyippu.base.errors import RefusedError
from ariyippu.ingest import contract, draft, snapshot
from ariyippu.ingest.contract import Contract
from ariyippu.notice import orders, templates
from ariyippu.notice.documents import Notice, Text
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience, caps, freshness, objections, suspensions
from ariyippu.policy.models import AudienceRow
from ariyippu.policy.objections import ERASURE
from tests.ingest.files import PEOPLE, write
from tests.registers import Place, Registers, Row
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

TAX = "ariyippu:property-tax-due"
COUNT = 12


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path, people(COUNT))


@pytest.fixture
def registers(world: World) -> Registers:
    made = Registers(world, COUNT)
    made.add("land", [Row(n) for n in range(1, 11)])
    return made


def reasons(registers: Registers, row: OrderRow) -> dict[Place, str]:
    """What was decided about whom, where it is not simply inclusion."""
    decided = registers.world.turn_until(row, OrderRow.DECIDED)
    kept = AudienceRow.objects.get(order=decided.digest)
    table = audience.read(registers.world.home, registers.world.vault.keyring, kept)
    places = [(register, n) for register, rows in registers.rows.items() for n in range(1, rows + 1)]
    whose = {registers.record(place): place for place in places}
    found = {whose.get(line["record"]): line["reason"] for line in table.to_pylist()}
    return {place: reason for place, reason in found.items() if place and reason != "included"}


def withheld(registers: Registers, row: OrderRow, *places: Place) -> dict[Place, str]:
    """Who is held back at the hand-off."""
    verified = orders.verify_row(row, registers.world.home)
    found = objections.withheld(verified, [registers.record(place) for place in places], {})
    return {place: found[registers.record(place)] for place in places if registers.record(place) in found}


# --- minors -------------------------------------------------------------------------------------------

BIRTHS = PEOPLE.replace('date_format = "%d/%m/%Y"', 'date_format = "%d/%m/%Y"\nlink = "born_on"')
GUARDED = (
    BIRTHS.replace('"SHIELDED"]\n', '"SHIELDED", "WARD"]\n', 1)
    + '\n[marks.minor]\ncolumn = "state"\nvalues = ["WARD"]\n'
)


def minors(world: World, agreed: Contract, *lines: str) -> list[bool]:
    file = write(world.home.path.parent / "people.csv", *lines)
    loaded = snapshot.load(agreed, file, home=world.home, keyring=world.vault.keyring)
    assert loaded.quarantined == 0
    rows = snapshot.open_records(world.home, world.vault.keyring, loaded.snapshot, ["row", "minor"]).read_all()
    return [row["minor"] for row in rows.to_pylist()]


@pytest.mark.parametrize(
    ("born", "on", "is_minor"),
    [
        ("15/03/2008", "2026-03-14T18:29:00+00:00", True),  # 23:59 in India, the day before
        ("15/03/2008", "2026-03-14T18:31:00+00:00", False),
        ("29/02/2008", "2026-02-28T12:00:00+00:00", True),
        ("29/02/2008", "2026-03-01T12:00:00+00:00", False),
        ("28/02/2010", "2028-02-29T12:00:00+00:00", False),
        ("01/03/2010", "2028-02-29T12:00:00+00:00", True),
        ("", "2026-03-01T12:00:00+00:00", False),
    ],
)
def test_who_is_not_eighteen_when_the_register_comes_is_a_minor(
    world: World, monkeypatch: pytest.MonkeyPatch, born: str, on: str, is_minor: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: dt.datetime.fromisoformat(on))
    line = f"0001,Anu Kizhakke,{born},LIVING,1.00,0123456789,"
    assert minors(world, contract.parse(BIRTHS), line) == [is_minor]


def test_a_register_s_own_mark_says_it_too(world: World) -> None:
    lines = ["0001,Anu,31/01/1980,WARD,1,,", "0002,Anu,31/01/1980,LIVING,1,,"]
    assert minors(world, contract.parse(GUARDED), *lines) == [True, False]


def test_a_snapshot_from_before_has_no_minors(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draft._schema
    monkeypatch.setattr(draft, "_schema", lambda agreed: whole(agreed).remove(whole(agreed).get_field_index("minor")))
    line = "0001,Anu,31/01/2020,LIVING,1,,"
    assert minors(world, contract.parse(BIRTHS), line) == [False]


def test_a_minor_is_not_told(registers: Registers) -> None:
    registers.contracts["land"] = contract.parse(GUARDED.replace('name = "people"', 'name = "land"'))
    registers.load("land", [Row(1, state="WARD"), *(Row(n) for n in range(2, 11))])
    registers.world.new_trust(version=9, **registers.trusted())
    assert reasons(registers, registers.order("land")) == {("land", 1): "minor"}


# --- erasure ------------------------------------------------------------------------------------------


def test_an_erasure_holds_over_links_and_is_asked_again_at_the_hand_off(registers: Registers) -> None:
    registers.link({"anu": [("spark", 1), ("land", 1)], "b": [("land", 2)], "c": [("spark", 3)]}, [("b", "c")])
    registers.objection(("spark", 1), ERASURE)
    registers.objection(("land", 4), ERASURE)
    row = registers.order("land")
    assert reasons(registers, row) == {("land", 1): "erased_linked", ("land", 4): "erased"}
    registers.objection(("spark", 3), ERASURE)
    registers.objection(("land", 5))
    registers.objection(("land", 5), ERASURE)
    asked: list[Place] = [("land", 1), ("land", 2), ("land", 3), ("land", 5)]
    assert withheld(registers, row, *asked) == {("land", 2): "erased_linked", ("land", 5): "erased"}


def test_an_emergency_passes_an_objection_and_no_erasure(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    row = registers.order("land")
    verified = orders.verify_row(row, registers.world.home)
    registers.objection(("land", 1))
    registers.objection(("land", 2), ERASURE)
    objections.record_told("land", [registers.record(("land", 3))], verified.order.purpose)
    urgent = verified.purpose.model_copy(update={"emergency": True})
    records = [registers.record(("land", n)) for n in range(1, 4)]
    assert objections.withheld(replace(verified, purpose=urgent), records, {}) == {records[1]: "erased"}


# --- consent ------------------------------------------------------------------------------------------


def test_an_order_that_rests_on_consent_reaches_only_who_subscribed(registers: Registers) -> None:
    said = registers.notice("land")
    agreed = said.legal_basis.model_copy(update={"kind": "consent"})
    consenting = Notice.model_validate({**dict(said), "id": "on-consent", "legal_basis": agreed})
    order, _said = registers.order_document("land", notice=consenting.digest())
    registers.world.submit(order, ["requester", "owner", "custodian", "other-owner"], consenting)
    row = OrderRow.objects.get(digest=order.digest())
    verified = orders.verify_row(row, registers.world.home)
    assert [way.consented for way in audience.situation(row, verified).ways] == [False, False]
    subscribed = {
        name: column.model_copy(update={"collected_for": "ariyippu:achievements"}) if column.collected_for else column
        for name, column in verified.manifest.columns.items()
    }
    manifest = verified.manifest.model_copy(update={"columns": subscribed})
    sources = tuple(replace(source, manifest=manifest) for source in verified.sources)
    ways = audience.situation(row, replace(verified, sources=sources)).ways
    assert [way.consented for way in ways] == [True, True]
    assert set(reasons(registers, row).values()) == {"no_consent"}


# --- caps ---------------------------------------------------------------------------------------------


def told(registers: Registers, monkeypatch: pytest.MonkeyPatch, days_ago: float, purpose: str = TAX) -> None:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
    with monkeypatch.context() as then:
        then.setattr(clock, "now", lambda: at)
        objections.record_told("land", [registers.record(("land", 1))], purpose)


def reached(registers: Registers, purpose: str, **changes: Any) -> bool:
    order, _notice = registers.order_document("land")
    asked = order.model_copy(update={"purpose": purpose, **changes})
    record = registers.record(("land", 1))
    found = record in caps.reached(asked)["record"].to_pylist()
    assert found == (record in caps.reached_by(asked, [record, b"0" * 16]))
    assert not caps.reached_by(asked, [b"0" * 16])
    return found


def test_a_cap_counts_related_messages_within_its_days(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    told(registers, monkeypatch, 31)  # too long ago
    told(registers, monkeypatch, 5, "ariyippu:land-tax-due")  # another cap's
    for day in (29, 20, 10):
        told(registers, monkeypatch, day)
    told(registers, monkeypatch, 8, "ariyippu:licence-expiry")
    told(registers, monkeypatch, 4)
    assert not reached(registers, TAX)
    told(registers, monkeypatch, 3)
    assert reached(registers, TAX)
    assert reached(registers, "ariyippu:licence-expiry")
    assert not reached(registers, "ariyippu:land-tax-due")
    assert not reached(registers, "ariyippu:da-arrears")
    assert not reached(registers, "ariyippu:emergency")
    assert not reached(registers, TAX, corrects="0" * 64)


def test_an_order_is_in_force_from_its_first_instant_to_before_its_last(
    registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = registers.order("land")
    verified = orders.verify_row(row, registers.world.home)
    tick, order = dt.timedelta.resolution, verified.order
    for at, in_force in (
        (order.not_before - tick, False),
        (order.not_before, True),
        (order.not_after - tick, True),
        (order.not_after, False),
    ):
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        assert audience.situation(row, verified).in_force == in_force


def test_a_cap_s_days_end_to_the_instant_and_begin_with_its_rule(
    registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = dt.datetime.now(dt.UTC)
    today = now.astimezone(clock.INDIA).date()
    one = caps.Cap(purpose=TAX, messages=1, days=30, in_force_from=today - dt.timedelta(days=60))
    monkeypatch.setattr(caps, "every", lambda: (one,))
    told_at = now - dt.timedelta(days=30)
    for at, counts in ((told_at, False), (told_at + dt.timedelta.resolution, True)):
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        objections.record_told("land", [registers.record(("land", 1))], TAX)
        monkeypatch.setattr(clock, "now", lambda: now)
        assert reached(registers, TAX) == counts
    new = one.model_copy(update={"in_force_from": today - dt.timedelta(days=29)})
    monkeypatch.setattr(caps, "every", lambda: (new,))
    assert not reached(registers, TAX)


def test_what_is_one_s_own_is_neither_capped_nor_counted() -> None:
    counted = {purpose for cap in caps.every() for purpose in cap.counted}
    assert TAX in counted
    assert "ariyippu:service-circular" in counted
    assert not {"ariyippu:da-arrears", "ariyippu:pension", "ariyippu:emergency"} & counted


def test_caps_are_dated() -> None:
    assert not list(caps.over(TAX, dt.date(2025, 12, 31)))
    (cap,) = caps.over(TAX, dt.date(2026, 1, 1))
    assert (cap.messages, cap.days) == (6, 30)
    ended = cap.model_copy(update={"in_force_until": dt.date(2026, 7, 1)})
    assert [ended.holds_on(day) for day in (dt.date(2026, 6, 30), dt.date(2026, 7, 1))] == [True, False]


def test_who_was_told_often_is_capped(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap over the order's purpose, as if it were no entitlement."""
    one = caps.Cap(purpose="dpv:PersonnelPayment", messages=1, days=30, in_force_from=dt.date(2026, 1, 1))
    monkeypatch.setattr(caps.Cap, "counted", property(lambda _cap: ["ariyippu:da-arrears", "ariyippu:pension"]))
    monkeypatch.setattr(caps, "every", lambda: (one,))
    told(registers, monkeypatch, 3, "ariyippu:pension")
    row = registers.order("land")
    assert reasons(registers, row) == {("land", 1): "capped"}
    assert withheld(registers, row, ("land", 1), ("land", 2)) == {("land", 1): "capped"}


# --- freshness ----------------------------------------------------------------------------------------


@given(st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)))
def test_eighteen_months_are_counted_by_the_calendar(on: dt.date) -> None:
    since = freshness.since(on)
    assert (on.year * 12 + on.month) - (since.year * 12 + since.month) == 18
    assert since.day == on.day or (since + dt.timedelta(days=1)).day == 1


def test_a_register_handed_over_too_long_ago_reaches_nobody_until_the_department_verifies(
    registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "since", lambda on: on + dt.timedelta(days=1))
    assert set(reasons(registers, registers.order("land")).values()) == {"contact_stale"}
    monkeypatch.setattr(suspensions, "verified", lambda _register, _since: all_tokens(registers))
    assert reasons(registers, registers.order("land", id="again")) == {}


def all_tokens(registers: Registers) -> Any:
    home, keyring = registers.world.home, registers.world.vault.keyring
    table = snapshot.open_records(home, keyring, registers.snapshots["land"], ["email_token"]).read_all()
    return table.rename_columns(["token"])


DATED = (
    PEOPLE.replace('name = "people"', 'name = "land"')
    .replace(
        'name = "amount"',
        'name = "checked_on"\nheader = "Checked"\nkind = "attribute"\ntype = "date"\n'
        'date_format = "%d/%m/%Y"\n\n[[column]]\nname = "amount"',
    )
    .replace('type = "email"', 'type = "email"\nverified_on = "checked_on"')
)


def test_a_contact_s_own_day_counts_where_the_register_has_one(registers: Registers) -> None:
    home, keyring = registers.world.home, registers.world.vault.keyring
    today = clock.now().astimezone(clock.INDIA).date()
    first = freshness.since(today)
    days: Mapping[int, str] = {1: f"{first:%d/%m/%Y}", 2: f"{first - dt.timedelta(days=1):%d/%m/%Y}", 3: ""}
    header = "Number,Name,Born,State,Checked,Amount,Mobile,E-mail"
    lines = [
        f"{n:04},Anu,31/01/1980,LIVING,{days.get(n, f'{today:%d/%m/%Y}')},1200,,land.{n}x@mail.example"
        for n in range(1, 11)
    ]
    file = home.path.parent / "dated.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    registers.contracts["land"] = contract.parse(DATED)
    registers.snapshots["land"] = snapshot.load(registers.contracts["land"], file, home=home, keyring=keyring).snapshot
    registers.world.new_trust(version=9, **registers.trusted())
    expected = {("land", 2): "contact_stale", ("land", 3): "contact_stale"}
    assert reasons(registers, registers.order("land")) == expected


@pytest.mark.parametrize(
    "change",
    [
        ('type = "email"', 'type = "email"\nverified_on = "nothing"'),
        ('type = "email"', 'type = "email"\nverified_on = "born"'),  # sealed
        ('type = "email"', 'type = "email"\nverified_on = "amount"'),
        ('type = "money"', 'type = "money"\nverified_on = "checked_on"'),
    ],
)
def test_a_contract_names_a_day_among_its_attributes_and_for_contacts(change: tuple[str, str]) -> None:
    with pytest.raises(RefusedError, match="verified_on"):
        contract.parse(DATED.replace('\nverified_on = "checked_on"', "").replace(*change))


# --- shared phones ------------------------------------------------------------------------------------


def test_one_contact_gets_a_text_that_says_the_same_to_all_once(registers: Registers) -> None:
    registers.load("land", [Row(n, email="one@mail.example" if n < 4 else None) for n in range(1, 11)])
    said = registers.notice("land")
    same = Text(ml="അറിയിപ്പ്", en="A notice")
    plain = Notice.model_validate({**dict(said), "id": "same-to-all", "email": same, "subject": same})
    order, _said = registers.order_document("land", channels=("email",), notice=plain.digest())
    registers.world.submit(order, ["requester", "owner", "custodian", "other-owner"], plain)
    shared = reasons(registers, OrderRow.objects.get(digest=order.digest()))
    assert set(shared.values()) == {"contact_shared"}
    first = min((registers.record(("land", n)), n) for n in range(1, 4))[1]
    assert {n for _register, n in shared} == {1, 2, 3} - {first}
    assert reasons(registers, registers.order("land", id="personal")) == {}


@pytest.mark.parametrize(
    ("changes", "personal"),
    [
        ({}, (False, False)),
        ({"sms": Text(ml="a", en="((name))")}, (False, True)),
        ({"subject": Text(ml="((name))", en="a")}, (True, False)),
        ({"email": Text(ml="a", en="((late??You are late.))")}, (True, False)),
    ],
)
def test_a_text_is_personal_when_it_says_something_of_the_record(
    world: World, changes: dict[str, Text], personal: tuple[bool, bool]
) -> None:
    plain = Text(ml="a", en="a")
    said = world.notice(**{"subject": plain, "email": plain, "sms": plain, **changes})
    assert (templates.is_personal(said, "email"), templates.is_personal(said, "sms")) == personal
