"""Standing orders: approved once; each new snapshot triggers an order to those who are new, and to nobody else."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base import clock, keys
from ariyippu.base.documents import canonical_json
from ariyippu.base.models import Journal
from ariyippu.grant import purposes
from ariyippu.grant.documents import RegisterFields, UseRequest, Withdrawal
from ariyippu.ingest import contract, snapshot
from ariyippu.ingest.seal import record_tokens
from ariyippu.notice import orders, standing
from ariyippu.notice.documents import Event, StandingOrder, Trigger
from ariyippu.notice.models import OrderRow, StandingRow
from ariyippu.policy import audience, limits
from ariyippu.policy.documents import Scope
from ariyippu.policy.models import AudienceRow
from ariyippu.track import report
from ariyippu.transparency.verify import verify
from tests.offices import EVERYBODY, now
from tests.refusals import changed, leaves, refused, with_payload
from tests.world import PURPOSE, Person, World, build, people, write_register

pytestmark = pytest.mark.usefixtures("clean_vault")

FEBRUARY = [*people(20), *(Person(n, arrears="0.00") for n in range(30, 60))]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return build(tmp_path, FEBRUARY)


def load(world: World, persons: Sequence[Person]) -> str:
    """The register as it is handed over next."""
    file = world.home.path / "next.csv"
    write_register(file, persons)
    spark = contract.find("spark")
    return snapshot.load(spark, file, home=world.home, keyring=keys.load(world.home.keyring)).snapshot


def document(world: World, **changes: object) -> StandingOrder:
    made: dict[str, object] = {
        "id": "arrears-credited",
        "notice": world.notice().digest(),
        "use_request": world.grant.digest(),
        "contract": contract.find("spark").digest,
        "register": "spark",
        "purpose": PURPOSE,
        "channels": ("email", "sms"),
        "event_field": None,
        "not_before": now() - dt.timedelta(minutes=1),
        "not_after": now() + dt.timedelta(days=20),
        "window_days": 7,
        "period_days": 30,
        "max_messages": 1_000,
        "max_cost_paise": 1_000_00,
        "min_interval_days": 0,
    }
    return StandingOrder.model_validate(made | changes)


def accept(world: World, who: Sequence[str] = EVERYBODY, **changes: object) -> StandingOrder:
    made = document(world, **changes)
    world.submit(made, who, world.notice())
    return made


def triggered(world: World) -> OrderRow:
    """The newest trigger, decided about and on its way."""
    flow.turn(world.vault)
    row = OrderRow.objects.exclude(standing=None).latest("accepted_at")
    return world.turn_until(row, OrderRow.SENDING)


def told(world: World, row: OrderRow) -> set[str]:
    """The PENs of who is included: their records' tokens are made again."""
    frozen = audience.read(world.home, world.vault.keyring, AudienceRow.objects.get(order=row.digest))
    included = {line["record"] for line in frozen.to_pylist() if line["reason"] == "included"}
    pens = [str(100_000 + number) for number in range(1, 200)]
    tokens = record_tokens("spark", pens, world.vault.keyring)
    return {pen for pen, token in zip(pens, tokens, strict=True) if token in included}


def pens(*numbers: int) -> set[str]:
    return {str(100_000 + number) for number in numbers}


# --- who is new ----------------------------------------------------------------------------------------


def test_who_newly_satisfies_the_criteria_is_told_and_nobody_else(world: World) -> None:
    accept(world)
    flow.turn(world.vault)
    assert not OrderRow.objects.exists()  # what was loaded before is not news
    march = [*people(19), Person(30), *(Person(n, arrears="0.00") for n in range(31, 60)), Person(70), Person(71)]
    load(world, march)
    row = triggered(world)
    assert told(world, row) == pens(30, 70, 71)  # one who had none, two who were not there
    order = orders.document(row)
    assert isinstance(order, Trigger)
    assert (row.order_id, order.snapshot != world.snapshot, order.previous) == (
        "arrears-credited-t1",
        True,
        world.snapshot,
    )


def test_a_changed_event_field_is_news_too(world: World) -> None:
    accept_with_field(world, "arrears")
    march = [replace(person, arrears="77.00") if person.number in (3, 4) else person for person in FEBRUARY]
    load(world, march)
    assert told(world, triggered(world)) == pens(3, 4)


def accept_with_field(world: World, field: str) -> StandingOrder:
    """A standing order over a grant that covers the field."""
    fields = tuple({*world.grant.fields_of("spark"), field})
    changes: dict[str, Any] = {"id": "wider", "registers": (RegisterFields(register="spark", fields=fields),)}
    world.grant = UseRequest.model_validate({**dict(world.grant), **changes})
    world.submit(world.grant)
    return accept(world, event_field=field)


def test_each_snapshot_is_compared_with_the_one_before(world: World) -> None:
    accept(world)
    load(world, [*FEBRUARY, Person(70)])
    first = triggered(world)
    load(world, [*FEBRUARY, Person(70), Person(71)])
    load(world, [*FEBRUARY, Person(71), Person(72)])
    second, third = triggered(world), triggered(world)
    assert [told(world, row) for row in (first, second, third)] == [pens(70), pens(71), pens(72)]
    assert [row.order_id for row in (first, second, third)] == [f"arrears-credited-t{n}" for n in (1, 2, 3)]
    assert StandingRow.objects.get().triggers == 3


def test_a_snapshot_that_brings_nobody_new_is_logged_and_ends(world: World) -> None:
    accept(world)
    load(world, [*FEBRUARY, Person(99, arrears="0.00")])
    row = triggered(world)
    assert told(world, row) == set()
    world.turn_until(row, OrderRow.DONE)


def test_another_contract_s_snapshot_is_another_matter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(world, contract=contract.find("spark").digest)
    StandingRow.objects.update(envelope=_with(world, contract="0" * 64))
    load(world, [*FEBRUARY, Person(70)])
    flow.turn(world.vault)
    assert not OrderRow.objects.exists()


def _with(world: World, **changes: object) -> str:
    return world.offices.signed(document(world, **changes)).model_dump_json()


@pytest.mark.parametrize(("begins_h", "ends_h", "later_h"), [(24, 48, 0), (-48, 1, 2)])
def test_outside_its_time_nothing_triggers_it(
    world: World, begins_h: int, ends_h: int, later_h: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = dt.timedelta(hours=1)
    accept(world, not_before=now() + begins_h * hour, not_after=now() + ends_h * hour)
    load(world, [*FEBRUARY, Person(70)])
    present = clock.now
    monkeypatch.setattr(clock, "now", lambda: present() + later_h * hour)
    standing.trigger()
    assert not OrderRow.objects.exists()


# --- ceilings ------------------------------------------------------------------------------------------


def code(row: OrderRow) -> str:
    row.refresh_from_db()
    assert row.state == OrderRow.FAILED
    (entry,) = Journal.objects.filter(kind="failed")
    return str(json.loads(bytes(entry.body))["body"]["code"])


def test_the_cap_is_a_period_s(world: World) -> None:
    accept(world, max_messages=3)
    load(world, [*FEBRUARY, Person(70), Person(71)])
    triggered(world)
    load(world, [*FEBRUARY, Person(72), Person(73)])
    for _ in range(4):
        flow.turn(world.vault)
    assert code(OrderRow.objects.latest("accepted_at")) == "order.over_cap"


def test_the_cost_is_a_period_s_and_begins_anew_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SMS of the arrears notice costs 80 paise at most."""
    accept(world, max_cost_paise=2 * 80, period_days=1)
    load(world, [*FEBRUARY, Person(70, email=""), Person(71, email="")])
    assert triggered(world).cost_paise == 160
    present = clock.now
    monkeypatch.setattr(clock, "now", lambda: present() + dt.timedelta(days=2))
    load(world, [*FEBRUARY, Person(72, email=""), Person(73, email="")])
    assert told(world, triggered(world)) == pens(72, 73)
    load(world, [*FEBRUARY, Person(74, email="")])
    for _ in range(4):
        flow.turn(world.vault)
    assert code(OrderRow.objects.latest("order_id")) == "order.over_cost"


@pytest.mark.parametrize("own", [True, False])
def test_a_few_who_newly_have_an_entitlement_are_told_and_no_other_few(
    world: World, own: bool, villages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SMALLEST_COHORT", 10)
    other = purposes.get(PURPOSE).model_copy(update={"own_entitlement": own})
    taxonomy = {**purposes.taxonomy(), PURPOSE: other}
    monkeypatch.setattr(purposes, "taxonomy", lambda: taxonomy)
    accept(world)
    load(world, [*FEBRUARY, Person(70)])
    for _ in range(4):
        flow.turn(world.vault)
    row = OrderRow.objects.get()
    if own:
        assert told(world, world.turn_until(row, OrderRow.SENDING)) == pens(70)
    else:
        assert code(row) == "order.cohort_too_small"


# --- what it rests on ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", EVERYBODY)
def test_everybody_signs_it_once(world: World, missing: str) -> None:
    with refused("signature.missing_role"):
        accept(world, [name for name in EVERYBODY if name != missing])


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"notice": "0" * 64}, "order.other_notice"),
        ({"use_request": "0" * 64}, "grant.missing"),
        ({"contract": "0" * 64}, "standing.no_snapshot"),
        ({"register": "prism"}, "standing.no_snapshot"),
        ({"purpose": "ariyippu:salary-and-benefit"}, "order.other_notice"),
        ({"event_field": "district"}, "grant.field_not_granted"),
        ({"event_field": "name"}, "criteria.unknown_field"),
        ({"event_field": "cadre"}, "criteria.protected_class"),
        (
            {"not_before": now() - dt.timedelta(days=2), "not_after": now() - dt.timedelta(days=1)},
            "order.not_in_window",
        ),
    ],
)
def test_it_is_checked_like_an_order(world: World, changes: dict[str, Any], refusal: str) -> None:
    with refused(refusal):
        accept(world, **changes)
    assert not StandingRow.objects.exists()


def test_the_same_again_changes_nothing_and_another_of_its_name_is_refused(world: World) -> None:
    accept(world)
    accept(world)
    with refused("standing.doubled"):
        accept(world, max_messages=2)
    assert Journal.objects.filter(kind="standing-order").count() == StandingRow.objects.count() == 1


def test_no_order_takes_a_trigger_s_name(world: World) -> None:
    with pytest.raises(ValueError, match="those of triggers"):
        world.order_document(world.notice(), id="arrears-credited-t1")


def test_every_change_of_every_field_and_signature_is_refused(world: World) -> None:
    made, notice = document(world), world.notice().payload()
    envelope = world.offices.signed(made)
    broken = [
        with_payload(envelope, canonical_json(changed(made.model_dump(mode="json"), at)))
        for at in leaves(made.model_dump(mode="json"))
    ]
    assert len(broken) == len(StandingOrder.model_fields) + 1  # two channels
    other = world.offices.signed(document(world, id="another")).signatures
    for place in range(len(EVERYBODY)):
        signatures = (*envelope.signatures[:place], other[place], *envelope.signatures[place + 1 :])
        broken.append(envelope.model_copy(update={"signatures": signatures}))
    for one in broken:
        with refused(""):
            standing.accept(one, notice, world.home)
    assert not StandingRow.objects.exists()
    standing.accept(envelope, notice, world.home)


def test_operators_see_how_far_it_is(world: World) -> None:
    accept(world)
    assert report.order_lines(world.home) == ["arrears-credited: standing, triggered 0 times"]
    load(world, [*FEBRUARY, Person(70)])
    triggered(world)
    assert report.order_lines(world.home) == [
        "arrears-credited-t1: sending",
        "arrears-credited: standing, triggered 1 time",
    ]
    StandingRow.objects.update(snapshot="lost")
    assert report.order_lines(world.home)[-1].endswith("time, never again: the snapshot that it saw is lost")


def test_every_change_of_a_trigger_is_refused(world: World) -> None:
    """What is kept in the database is made again from what was signed."""
    accept(world)
    load(world, [*FEBRUARY, Person(70)])
    row = triggered(world)
    kept = json.loads(bytes(row.trigger or b""))
    for at in leaves(kept):
        payload = canonical_json(changed(kept, at))
        for digest in (row.digest, hashlib.sha256(payload).hexdigest()):
            altered = OrderRow(
                digest=digest, envelope=row.envelope, notice=row.notice, trigger=payload, journal_id=row.journal_id
            )
            with refused(""):
                orders.verify_row(altered, world.home)
    orders.verify_row(row, world.home)


def test_it_falls_with_a_signer_s_key(world: World) -> None:
    accept(world)
    load(world, [*FEBRUARY, Person(70)])
    row = triggered(world)
    keep = tuple(key for key in world.offices.trust().keys if key.person != "custodian")
    world.new_trust(version=2, keys=keep)
    with refused("signature.unknown_key"):
        orders.verify_row(row, world.home)


def test_it_falls_with_its_grant(world: World) -> None:
    accept(world)
    world.submit(
        Withdrawal(
            id="taken-back",
            office=world.grant.requester,
            request=world.grant.digest(),
            reason_en="No.",
            reason_ml="വേണ്ട.",
        ),
        ("requester",),
    )
    load(world, [*FEBRUARY, Person(70)])
    for _ in range(4):
        flow.turn(world.vault)
    row = OrderRow.objects.get()
    assert row.state == OrderRow.ACCEPTED
    with refused("grant.withdrawn"):
        orders.verify_row(row, world.home)


# --- stays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["arrears-credited", "arrears-credited-t1"])
def test_a_stay_names_the_standing_order_or_one_trigger(world: World, name: str) -> None:
    accept(world)
    load(world, [*FEBRUARY, Person(70)])
    triggered(world)
    world.stay(scope=Scope(order=name))
    load(world, [*FEBRUARY, Person(71)])
    for _ in range(3):
        flow.turn(world.vault)
    states = dict(OrderRow.objects.values_list("order_id", "state"))
    assert states["arrears-credited-t2"] == (OrderRow.ACCEPTED if name == "arrears-credited" else OrderRow.SENDING)


def test_a_stay_may_name_it_before_anything_triggered_it(world: World) -> None:
    accept(world)
    world.stay(scope=Scope(order="arrears-credited"))
    with refused("stay.unknown_scope"):
        world.stay("stay-2", scope=Scope(order="something-else"))


# --- evidence ------------------------------------------------------------------------------------------


def test_the_verifier_makes_each_trigger_again(world: World) -> None:
    accept(world)
    load(world, [*FEBRUARY, Person(70)])
    triggered(world)
    flow.publish(world.vault)
    log_key, witness_key = str(world.vault.log_key.key), str(world.vault.witness.key)
    found = verify(world.home.log, log_key=log_key, witness_keys=[witness_key], roots=world.offices.roots)
    assert found.problems == ()
    assert (found.kinds["standing-order"], found.kinds["trigger"], found.kinds["audience"]) == (1, 1, 1)


def test_a_trigger_says_when_its_messages_may_leave(world: World) -> None:
    made, at = document(world), now()
    trigger = made.triggered(Event(3, "spark-2", "spark-1", at))
    assert (trigger.id, trigger.not_before, trigger.not_after) == ("arrears-credited-t3", at, at + dt.timedelta(days=7))
    late = made.triggered(Event(4, "spark-3", "spark-2", made.not_after - dt.timedelta(days=1)))
    assert late.not_after == made.not_after
    assert Trigger.parse(trigger.payload()) == trigger
    assert trigger.digest() != late.digest()
