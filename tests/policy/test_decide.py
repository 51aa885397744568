"""The SQL and the reference say the same about everyone, whatever holds."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.notice import criteria
from ariyippu.notice.criteria import EVERYONE, NOBODY, AnyOf, Node, Not
from ariyippu.notice.documents import Channel
from ariyippu.policy import decide, reference
from ariyippu.policy.reference import Candidate, Marks, Situation, Way
from ariyippu.policy.travel import LENT, MARKS, SHARED

ALL_OF_THEM = criteria.parse({"field": "arrears", "op": ">=", "value": 0}, {"arrears": "money"})
DISTRICTS = ["KOLLAM", "IDUKKI"]
CHANNELS: list[Channel] = ["email", "sms"]
COLUMNS: dict[Channel, str] = {"email": "email", "sms": "mobile"}
LENDERS = [None, "land", "prism"]
ANY_CONTACT = [(lender, column) for lender in LENDERS for column in COLUMNS.values()]

marks = st.builds(Marks, st.booleans(), st.booleans(), st.booleans(), st.booleans())
candidates = st.builds(
    Candidate,
    own=marks,
    linked=st.one_of(st.just(Marks()), marks),
    contacts=st.frozensets(st.sampled_from(ANY_CONTACT)),
    attributes=st.fixed_dictionaries({"district": st.sampled_from([*DISTRICTS, None])}),
    suspended=st.frozensets(st.sampled_from(["email", "mobile"])),
)
IN_KOLLAM = criteria.In("district", ("KOLLAM",))
STOPPED: tuple[Node, ...] = (NOBODY, EVERYONE, IN_KOLLAM, Not(IN_KOLLAM), AnyOf((IN_KOLLAM,)))
stopping = st.sampled_from(STOPPED)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    channels: list[Channel] = draw(st.permutations(CHANNELS))[: draw(st.integers(1, 2))]
    ways = tuple(
        Way(
            channel=channel,
            column=draw(st.sampled_from([COLUMNS[channel], None])),
            covered=draw(st.booleans()),
            stayed=draw(stopping),
            restrained=draw(stopping),
            contact_of=contact_of,
        )
        for contact_of in LENDERS[: draw(st.integers(1, 3))]
        for channel in channels
    )
    return Situation(draw(st.booleans()), draw(st.booleans()), ways, draw(st.booleans()))


Answer = tuple[str, tuple[str, str | None] | None]  # the reason, and channel and lender for who is included


def by_reference(candidate: Candidate, situation: Situation) -> Answer:
    reason, way = reference.decide(candidate, situation)
    return reason, (way.channel, way.contact_of) if way else None


def by_sql(population: list[Candidate], situation: Situation) -> list[Answer]:
    ids = [n.to_bytes(16, "big") for n in range(len(population))]

    def token(contact: str) -> list[bytes | None]:
        named = [contact[:1].encode() + one[1:] for one in ids]
        return [one if (None, contact) in c.contacts else None for one, c in zip(named, population, strict=True)]

    suspended = [contact[:1].encode() + i[1:] for i, c in zip(ids, population, strict=True) for contact in c.suspended]

    records = pa.table(
        {
            "record": pa.array(ids, pa.binary(16)),
            "deceased": [c.own.deceased for c in population],
            "protected": [c.own.protected for c in population],
            "email_token": pa.array(token("email"), pa.binary(16)),
            "mobile_token": pa.array(token("mobile"), pa.binary(16)),
            "arrears": pa.array([1] * len(population), pa.int64()),
            "district": pa.array([c.attributes.get("district") for c in population], pa.string()),
        }
    )

    def of(chosen: list[bool]) -> pa.Table:
        return pa.table({"record": pa.array([i for i, c in zip(ids, chosen, strict=True) if c], pa.binary(16))})

    reached = [{"record": one, **vars(c.linked)} for one, c in zip(ids, population, strict=True) if c.linked != Marks()]
    lent = [
        {"record": one, "way": place, "contact_record": lender(one, way)}
        for one, c in zip(ids, population, strict=True)
        for place, way in enumerate(situation.ways)
        if way.contact_of is not None and (way.contact_of, way.column) in c.contacts
    ]
    with engine.connect() as relations:
        relations.register("records", records)
        relations.register("objected", of([c.own.objected for c in population]))
        relations.register("told", of([c.own.told for c in population]))
        relations.register("linked", pa.Table.from_pylist(reached, MARKS))
        relations.register("shared", pa.Table.from_pylist([{"record": one, "person": one} for one in ids[::2]], SHARED))
        relations.register("lent", pa.Table.from_pylist(lent, LENT))
        relations.register("suspended", pa.table({"token": pa.array(suspended, pa.binary(16))}))
        found = decide.decide(relations, ALL_OF_THEM, situation).read_all().cast(decide.DECISION_SCHEMA)
    rows = {row["record"]: row for row in found.to_pylist()}
    assert found.num_rows == len(rows) == len(population)  # one row for everyone
    for row in rows.values():
        check_row(row, ids[::2])
    return [
        (row["reason"], (row["channel"], row["contact_of"]) if row["channel"] else None)
        for row in (rows[one] for one in ids)
    ]


def lender(record: bytes, way: Way) -> bytes:
    """An invented record of the lending register that has the contact."""
    return hashlib.sha256(record + f"{way.contact_of} {way.channel}".encode()).digest()[:16]


def check_row(row: dict[str, Any], shared: list[bytes]) -> None:
    """Nothing beside the reason unless included; a borrowed contact's record is the one that lends it."""
    included = row["reason"] == "included"
    assert (row["channel"] is not None) == included
    assert row["person"] == (row["record"] if included and row["record"] in shared else None)
    way = Way(row["channel"], None, True, contact_of=row["contact_of"])
    assert row["contact_record"] == (lender(row["record"], way) if row["contact_of"] else None)


@settings(max_examples=150, deadline=None)
@given(st.lists(candidates, min_size=1, max_size=40), situations())
def test_sql_and_reference_agree_about_everyone(population: list[Candidate], situation: Situation) -> None:
    assert by_sql(population, situation) == [by_reference(c, situation) for c in population]


EMAIL, SMS = Way("email", "email", True), Way("sms", "mobile", True)
LENT_EMAIL, LENT_SMS = (replace(way, contact_of="land") for way in (EMAIL, SMS))
IN_FORCE = Situation(True, True, (EMAIL, SMS))
EMERGENCY = Situation(True, False, (EMAIL, SMS), emergency=True)
OTHERS = Situation(True, False, (EMAIL, SMS))  # not of a person's own entitlement
BORROWING = Situation(True, True, (EMAIL, SMS, LENT_EMAIL, LENT_SMS))

OWN = frozenset({(None, "email"), (None, "mobile")})
BORROWED: frozenset[tuple[str | None, str]] = frozenset({("land", "email"), ("land", "mobile")})
EVERYTHING = "deceased protected objected told"
ALL_STOPPED = replace(EMAIL, stayed=EVERYONE)


def one(
    own: str = "", linked: str = "", contacts: Iterable[tuple[str | None, str]] = OWN, suspended: str = ""
) -> Candidate:
    """A candidate with these marks, who lives in Kollam."""
    marks, reached, held = marked(own), marked(linked), frozenset(contacts)
    return Candidate(marks, reached, held, {"district": "KOLLAM"}, frozenset(suspended.split()))


def marked(names: str) -> Marks:
    return Marks(**dict.fromkeys(names.split(), True))


def under(*ways: Way) -> Situation:
    return Situation(True, True, ways)


@pytest.mark.parametrize(
    ("candidate", "situation", "expected"),
    [
        (one(), IN_FORCE, ("included", ("email", None))),
        (one(), replace(IN_FORCE, in_force=False), ("order_not_in_force", None)),
        (one(), under(ALL_STOPPED, SMS), ("included", ("sms", None))),
        (one(), under(ALL_STOPPED), ("stayed", None)),
        (one(), under(replace(EMAIL, stayed=IN_KOLLAM)), ("stayed", None)),
        (one(), under(replace(EMAIL, stayed=Not(IN_KOLLAM))), ("included", ("email", None))),
        (one(), under(replace(EMAIL, restrained=IN_KOLLAM), SMS), ("included", ("sms", None))),
        (one(), under(ALL_STOPPED, replace(SMS, restrained=EVERYONE)), ("restrained", None)),
        (one(EVERYTHING), under(replace(EMAIL, restrained=EVERYONE)), ("restrained", None)),
        (one(EVERYTHING), under(replace(ALL_STOPPED, restrained=EVERYONE)), ("stayed", None)),
        (one(contacts=[(None, "email")]), under(ALL_STOPPED, SMS), ("stayed", None)),  # no other way to them
        (one(EVERYTHING, EVERYTHING), IN_FORCE, ("deceased", None)),
        (one("protected objected told", EVERYTHING), IN_FORCE, ("deceased_linked", None)),
        (one("protected", "protected"), IN_FORCE, ("included", ("email", None))),
        (one("protected", "protected"), OTHERS, ("protected", None)),
        (one("objected", "protected"), OTHERS, ("protected_linked", None)),
        (one("objected told", "objected told"), IN_FORCE, ("objected", None)),
        (one("told", "objected told"), IN_FORCE, ("objected_linked", None)),
        (one(), under(replace(EMAIL, covered=False)), ("purpose_not_covered", None)),
        (one(contacts=()), IN_FORCE, ("no_contact", None)),
        (one(suspended="email"), IN_FORCE, ("included", ("sms", None))),
        (one("told", suspended="email mobile"), IN_FORCE, ("contact_suspended", None)),
        (one(contacts=[(None, "email")], suspended="email"), IN_FORCE, ("contact_suspended", None)),
        (one("objected", suspended="email mobile"), IN_FORCE, ("objected", None)),
        (one(suspended="email"), under(EMAIL, replace(SMS, stayed=EVERYONE)), ("stayed", None)),
        (one(contacts=[(None, "mobile")], suspended="mobile"), under(ALL_STOPPED, SMS), ("contact_suspended", None)),
        (one(contacts=OWN | BORROWED, suspended="email mobile"), BORROWING, ("included", ("email", "land"))),
        (one("told", "told"), IN_FORCE, ("told_recently", None)),
        (one(linked="told"), IN_FORCE, ("told_linked", None)),
        (one("objected told", "objected told"), EMERGENCY, ("included", ("email", None))),
        (one("deceased objected"), EMERGENCY, ("deceased", None)),
        (one("protected objected"), EMERGENCY, ("protected", None)),
        (one(contacts=[(None, "mobile")]), IN_FORCE, ("included", ("sms", None))),
        (one(contacts=BORROWED), IN_FORCE, ("no_contact", None)),
        (one(contacts=BORROWED), BORROWING, ("included", ("email", "land"))),
        (one(contacts=BORROWED | {(None, "mobile")}), BORROWING, ("included", ("sms", None))),  # its own comes first
        (one(contacts=[("land", "mobile")]), BORROWING, ("included", ("sms", "land"))),
        (one(contacts=BORROWED), under(EMAIL, replace(LENT_EMAIL, covered=False)), ("purpose_not_covered", None)),
        (one(contacts=BORROWED), under(EMAIL, replace(LENT_EMAIL, stayed=EVERYONE)), ("stayed", None)),
        (one(), under(EMAIL, replace(LENT_EMAIL, stayed=EVERYONE)), ("included", ("email", None))),
        (one(), under(replace(EMAIL, stayed=EVERYONE), LENT_EMAIL), ("stayed", None)),
    ],
)
def test_each_rule_gives_its_reason_in_order(candidate: Candidate, situation: Situation, expected: Answer) -> None:
    assert by_reference(candidate, situation) == expected
    assert by_sql([candidate], situation) == [expected]


def test_who_does_not_satisfy_the_criteria_is_no_candidate() -> None:
    where = criteria.parse({"field": "arrears", "op": ">", "value": 5}, {"arrears": "money"})
    statement, parameters = decide.compile_decision(where, IN_FORCE)
    assert 5 in parameters
    assert " 5" not in statement  # a value is a parameter, never text of the statement


def test_an_attribute_s_name_cannot_hide_an_objection() -> None:
    where = criteria.parse({"field": "objected", "op": "==", "value": "no"}, {"objected": "text"})
    one = pa.array([b"1" * 16], pa.binary(16))
    records = pa.table(
        {
            "record": one,
            "deceased": [False],
            "protected": [False],
            "email_token": one,
            "mobile_token": one,
            "objected": ["no"],
            "told": ["no"],
        }
    )
    with engine.connect() as relations:
        relations.register("records", records)
        relations.register("objected", pa.table({"record": one}))
        relations.register("told", pa.table({"record": one}))
        relations.register("linked", MARKS.empty_table())
        relations.register("shared", SHARED.empty_table())
        relations.register("lent", LENT.empty_table())
        relations.register("suspended", pa.table({"token": pa.array([], pa.binary(16))}))
        rows = decide.decide(relations, where, IN_FORCE).read_all().to_pylist()
    assert [row["reason"] for row in rows] == ["objected"]
