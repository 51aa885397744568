"""What a scope stops: which subjects, whom of their people, and when one scope stops no less than another."""

from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.demo import cast
from ariyippu.grant import purposes
from ariyippu.ingest import contract
from ariyippu.notice import criteria
from ariyippu.notice.criteria import EVERYONE
from ariyippu.notice.documents import Channel
from ariyippu.policy.documents import DISTRICTS, District, Scope, Stay, Subject, Terms, subjects
from tests.offices import now

ATTRIBUTES = {"district": "enum", "basic_pay": "money", "department": "text"}
CHANNELS: list[Channel] = ["email", "sms"]
COHORTS: list[dict[str, object]] = [
    {"field": "basic_pay", "op": ">", "value": 5},
    {"not": {"field": "department", "in": ["Treasuries"]}},
    {"field": "basic_pay", "exists": True},
    {"all": [{"field": "basic_pay", "between": [1, 9]}, {"field": "department", "op": "==", "value": "Police"}]},
]

words = st.sampled_from(["one", "two"])
known = st.sampled_from(sorted(purposes.taxonomy()))
digests = st.frozensets(st.sampled_from("abcd"), max_size=3)
subject = st.builds(
    Subject,
    order=words,
    register=words,
    purpose=known,
    office=words,
    channel=st.sampled_from(CHANNELS),
    notice=words,
    digests=digests,
    attributes=st.sampled_from([ATTRIBUTES, {"district": "enum"}, {}]),
)
scopes = st.builds(
    Scope,
    order=st.none() | words,
    notice=st.none() | words,
    register=st.none() | words,
    purpose=st.none() | known,
    office=st.none() | words,
    channel=st.none() | st.sampled_from(CHANNELS),
    districts=st.none() | st.lists(st.sampled_from(DISTRICTS), min_size=1, max_size=14, unique=True).map(tuple),
    cohort=st.none() | st.sampled_from(COHORTS),
    restraint=st.booleans(),
)
moments = st.none() | st.sampled_from([now(), now().replace(year=2031), now().replace(year=2032)])
terms = st.builds(Terms, scope=scopes, ends_at=moments, leave=digests)
rows = st.fixed_dictionaries(
    {
        "district": st.sampled_from([*DISTRICTS, None, "elsewhere"]),
        "basic_pay": st.sampled_from([None, 3, 7, 20]),
        "department": st.sampled_from([None, "Treasuries", "Police"]),
    }
)


@st.composite
def narrowed(draw: st.DrawFn) -> tuple[Terms, Terms]:
    """Terms, and others that are the same but for a few fields."""
    wide, other = draw(terms), draw(terms)
    changed = draw(st.sets(st.sampled_from(sorted(Scope.model_fields)), max_size=3))
    scope = wide.scope.model_copy(update={name: getattr(other.scope, name) for name in changed})
    return wide, Terms(scope, draw(st.sampled_from([wide.ends_at, other.ends_at])), wide.leave | other.leave)


def stops(held: Terms, one: Subject, row: criteria.Row) -> bool:
    whom = held.whom(one)
    return whom is not None and criteria.holds(whom, row)


@settings(max_examples=500, deadline=None)
@given(narrowed(), subject, rows)
def test_wider_terms_stop_everyone_whom_the_others_stop(
    both: tuple[Terms, Terms], one: Subject, row: criteria.Row
) -> None:
    wide, narrow = both
    if wide.widen(narrow):
        assert stops(wide, one, row) or not stops(narrow, one, row)
        assert wide.ends_at is None or (narrow.ends_at is not None and wide.ends_at >= narrow.ends_at)


@given(scopes, subject)
def test_every_field_that_is_set_must_match(scope: Scope, one: Subject) -> None:
    above = {purpose.id for purpose in purposes.lineage(one.purpose)}
    said = (
        (scope.order, {one.order}),
        (scope.notice, {one.notice}),
        (scope.register, {one.register}),
        (scope.purpose, above),
        (scope.office, {one.office}),
        (scope.channel, {one.channel}),
    )
    named = all(wanted is None or wanted in found for wanted, found in said)
    assert scope.stops(one) == (named and not (scope.restraint and purposes.flows_in_restraint(one.purpose)))


@given(terms, subject, rows)
def test_terms_are_as_wide_as_themselves_and_none_at_all_are_widest(
    held: Terms, one: Subject, row: criteria.Row
) -> None:
    assert held.widen(held)
    assert Terms(Scope(), None).widen(held)
    assert stops(Terms(Scope(), None), one, row)


FULL = Terms(
    Scope(
        order="one",
        notice="one",
        register="one",
        purpose="dpv:PersonnelPayment",
        office="one",
        channel="sms",
        districts=("KOLLAM", "IDUKKI"),
        cohort=COHORTS[0],
        restraint=True,
    ),
    now(),
    frozenset("a"),
)


@pytest.mark.parametrize("field", sorted(set(Scope.model_fields)))
def test_setting_a_field_that_was_not_set_narrows(field: str) -> None:
    without = FULL.scope.model_copy(update={field: Scope.model_fields[field].default})
    assert Terms(without, FULL.ends_at, FULL.leave).widen(FULL)
    assert not FULL.widen(Terms(without, FULL.ends_at, FULL.leave))


@pytest.mark.parametrize(
    ("change", "wider"),
    [
        ({"districts": ("KOLLAM", "IDUKKI", "KANNUR")}, True),
        ({"districts": ("KOLLAM",)}, False),
        ({"districts": ("KOLLAM", "KANNUR")}, False),
        ({"purpose": "ariyippu:da-arrears"}, False),
        ({"purpose": "dpv:PublicRelations"}, False),
        ({"cohort": COHORTS[1]}, False),
        ({"register": "two"}, False),
        ({"channel": "email"}, False),
    ],
)
def test_another_value_narrows_unless_it_holds_more(change: dict[str, object], wider: bool) -> None:
    changed = Terms(FULL.scope.model_copy(update=change), FULL.ends_at, FULL.leave)
    assert changed.widen(FULL) is wider


def test_a_purpose_above_is_wider() -> None:
    narrow = Terms(Scope(purpose="ariyippu:da-arrears"), None)
    assert Terms(Scope(purpose="dpv:PersonnelPayment"), None).widen(narrow)
    assert not narrow.widen(Terms(Scope(purpose="dpv:PersonnelPayment"), None))


def test_leave_and_an_earlier_end_narrow() -> None:
    assert not Terms(FULL.scope, FULL.ends_at, frozenset("ab")).widen(FULL)
    assert Terms(FULL.scope, FULL.ends_at).widen(FULL)
    assert not Terms(FULL.scope, now().replace(year=2020)).widen(FULL)
    assert not FULL.widen(Terms(FULL.scope, None, FULL.leave))


# --- whom of a subject's people ----------------------------------------------------------------------


def inside(scope: Scope, row: dict[str, Any], attributes: dict[str, str] = ATTRIBUTES) -> bool:
    plain: criteria.Row = {"district": "KOLLAM", "basic_pay": 7, "department": "Police", **row}
    return criteria.holds(scope.whom(attributes), plain)


@pytest.mark.parametrize("district", DISTRICTS)
def test_a_district_s_stay_stops_its_people_and_whoever_cannot_be_placed(district: District) -> None:
    scope = Scope(districts=(district,))
    assert [name for name in DISTRICTS if inside(scope, {"district": name})] == [district]
    assert inside(scope, {"district": None})
    assert inside(scope, {"district": district.title()})  # a spelling that no contract has


@pytest.mark.parametrize(
    ("cohort", "row", "stopped"),
    [
        (COHORTS[0], {"basic_pay": 6}, True),
        (COHORTS[0], {"basic_pay": 5}, False),
        (COHORTS[0], {"basic_pay": None}, True),
        (COHORTS[1], {"department": "Police"}, True),
        (COHORTS[1], {"department": "Treasuries"}, False),
        (COHORTS[1], {"department": None}, True),
        (COHORTS[2], {"basic_pay": None}, False),  # here to be absent is to be outside
        (COHORTS[3], {"basic_pay": None, "department": "Police"}, True),
    ],
)
def test_a_cohort_s_stay_stops_who_is_in_it_or_may_be(
    cohort: dict[str, object], row: dict[str, Any], stopped: bool
) -> None:
    assert inside(Scope(cohort=cohort), row) is stopped


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(districts=DISTRICTS),
        Scope(cohort={"field": "caste", "op": "==", "value": "x"}),  # no such attribute
        Scope(cohort={"nonsense": []}),
    ],
)
def test_what_a_register_cannot_answer_stops_everyone(scope: Scope) -> None:
    assert scope.whom(ATTRIBUTES) == EVERYONE
    assert Scope(districts=("KOLLAM",)).whom({}) == EVERYONE


def test_what_cannot_be_answered_of_one_leaves_the_other() -> None:
    scope = Scope(districts=("KOLLAM",), cohort={"field": "caste", "op": "==", "value": "x"})
    assert scope.whom(ATTRIBUTES) == Scope(districts=("KOLLAM",)).whom(ATTRIBUTES)


def test_district_and_cohort_together_stop_who_is_in_both() -> None:
    scope = Scope(districts=("KOLLAM",), cohort=COHORTS[0])
    assert inside(scope, {})
    assert not inside(scope, {"district": "IDUKKI"})
    assert not inside(scope, {"basic_pay": 1})


def test_every_contract_calls_the_districts_alike() -> None:
    for file in resources.files("ariyippu.ingest").joinpath("contracts").iterdir():
        columns = {column.name: column for column in contract.parse(file.read_text("utf-8")).columns}
        assert "district" not in columns or columns["district"].values == DISTRICTS


# --- restraint and leave -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "stopped"),
    [
        ("ariyippu:achievements", True),
        ("dpv:PublicRelations", True),
        ("ariyippu:service-circular", True),
        ("ariyippu:removed-since", True),
        ("ariyippu:da-arrears", False),
        ("ariyippu:pension", False),
        ("ariyippu:property-tax-due", False),
    ],
)
def test_a_restraint_stops_publicity_and_lets_entitlements_flow(purpose: str, stopped: bool) -> None:
    one = Subject("one", "spark", purpose, "pay-section", "sms")
    assert Scope(restraint=True).stops(one) is stopped
    assert Scope().stops(one)


@pytest.mark.parametrize("purpose", sorted(purposes.taxonomy()))
def test_everyone_s_own_entitlement_flows_under_a_restraint(purpose: str) -> None:
    assert purposes.flows_in_restraint(purpose) or not purposes.get(purpose).own_entitlement


def test_leave_names_exactly_one_text_or_order() -> None:
    notice = cast.arrears_notice()
    order = cast.order(notice, cast.use_request("finance-pay", notice.purpose, "request"), "spark-1", "0" * 64)
    one, _ = subjects(order, notice, {})
    for named in (order.digest(), notice.digest()):
        assert Terms(Scope(), None, frozenset({named})).whom(one) is None
    changed = notice.model_copy(update={"sanction_reference": "another"})
    assert Terms(Scope(), None, frozenset({changed.digest(), notice.id, order.id})).whom(one) == EVERYONE


# --- the documents' bytes ----------------------------------------------------------------------------


def test_a_stay_from_before_the_later_fields_keeps_its_bytes() -> None:
    payload = (
        b'{"ends_at":null,"id":"stay-1","office":"court","reference":"WP 1","scope":{"channel":null,"office":null,'
        b'"order":null,"purpose":null,"register":"spark"},"starts_at":"2026-02-24T09:30:00Z"}'
    )
    assert Stay.parse(payload).payload() == payload
    with pytest.raises(RefusedError, match="districts"):
        Stay.parse(payload.replace(b'"channel":null', b'"channel":null,"districts":["Nowhere"]'))


def test_only_what_names_nothing_is_everything() -> None:
    assert Scope().is_everything
    assert not Scope(register="spark").is_everything
    assert not Scope(restraint=True).is_everything
