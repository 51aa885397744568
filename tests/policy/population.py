"""Populations and situations for the decision's engines, by hypothesis, and the SQL asked about them.

reference   policy.reference, in plain Python
SQL         policy.decide, over relations made from the same candidates
Cedar       cedar.py
"""

import datetime as dt
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.notice import criteria
from ariyippu.notice.criteria import EVERYONE, NOBODY, AnyOf, Node, Not
from ariyippu.notice.documents import Channel
from ariyippu.policy import decide, reference
from ariyippu.policy.reference import Candidate, Marks, Situation, Way
from ariyippu.policy.travel import LENT, MARKS, SHARED

FRESH_SINCE = dt.date(2024, 9, 1)
ALL_OF_THEM = criteria.parse({"field": "arrears", "op": ">=", "value": 0}, {"arrears": "money"})
DISTRICTS = ["KOLLAM", "IDUKKI"]
CHANNELS: list[Channel] = ["email", "sms"]
COLUMNS: dict[Channel, str] = {"email": "email", "sms": "mobile"}
LENDERS = [None, "land", "prism"]
ANY_CONTACT = [(lender, column) for lender in LENDERS for column in COLUMNS.values()]
TOKENS = [bytes([n]) * 16 for n in range(1, 4)]  # few, so that people share them
DAYS = [None, FRESH_SINCE, FRESH_SINCE - dt.timedelta(days=1), dt.date(2026, 1, 1)]

Answer = tuple[str, tuple[str, str | None] | None]  # the reason, and channel and lender for who is included

PREFERRED: list[Channel | None] = [None, None, "email", "sms", "inbox"]
preferred = st.sampled_from(PREFERRED)
marks = st.builds(Marks, *[st.booleans()] * 5, preferred)
seldom = st.integers(0, 5).map(lambda n: n == 0)
few_marks = st.builds(Marks, *[seldom] * 5, preferred)
candidates = st.builds(
    Candidate,
    own=st.one_of(st.just(Marks()), few_marks, marks),
    linked=st.one_of(st.just(Marks()), few_marks, marks),
    contacts=st.dictionaries(st.sampled_from(ANY_CONTACT), st.sampled_from(TOKENS), max_size=6),
    attributes=st.fixed_dictionaries(
        {"district": st.sampled_from([*DISTRICTS, None]), "mobile_verified_on": st.sampled_from(DAYS)}
    ),
    suspended=st.frozensets(st.sampled_from(["email", "mobile"])),
    verified=st.frozensets(st.sampled_from(["email", "mobile"])),
    minor=seldom,
    capped=seldom,
)


@st.composite
def populations(draw: st.DrawFn, most: int = 40) -> list[Candidate]:
    """Candidates with records of their own, in no order. What holds of a contact holds for all who have it."""
    people = draw(st.lists(candidates, min_size=1, max_size=most))
    turned = draw(st.integers(0, 255))
    named = [replace(one, record=record(n ^ turned)) for n, one in enumerate(people)]
    suspended, verified = (draw(st.frozensets(st.sampled_from(TOKENS), max_size=2)) for _ in range(2))
    return [replace(one, suspended=_of(one, suspended), verified=_of(one, verified)) for one in named]


def at_random(dice: random.Random, count: int) -> list[Candidate]:
    """As many by chance, which is quicker than drawing each part of each."""

    def some_marks() -> Marks:
        least = dice.choice([0.0, 0.0, 0.05, 0.3])
        holding = {name: dice.random() < least for name in MARKS.names[2:-1]}
        return Marks(**holding, prefers=dice.choice(PREFERRED))

    def one(number: int) -> Candidate:
        return Candidate(
            own=some_marks(),
            linked=some_marks(),
            contacts={place: dice.choice(many) for place in ANY_CONTACT if dice.random() < 0.5},
            attributes={"district": dice.choice([*DISTRICTS, None]), "mobile_verified_on": dice.choice(DAYS)},
            minor=dice.random() < 0.05,
            capped=dice.random() < 0.1,
            record=record(number),
        )

    many = [dice.randbytes(16) for _ in range(count)]
    suspended, verified = (frozenset(token for token in many if dice.random() < 0.4) for _ in range(2))
    people = [one(number) for number in dice.sample(range(1000), count)]
    return [replace(each, suspended=_of(each, suspended), verified=_of(each, verified)) for each in people]


def _of(one: Candidate, tokens: frozenset[bytes]) -> frozenset[str]:
    return frozenset(column for (lender, column), token in one.contacts.items() if lender is None and token in tokens)


def record(number: int) -> bytes:
    """The name of a record; they sort as their numbers."""
    return number.to_bytes(16, "big")


IN_KOLLAM = criteria.In("district", ("KOLLAM",))
STOPPED: tuple[Node, ...] = (NOBODY, NOBODY, EVERYONE, IN_KOLLAM, Not(IN_KOLLAM), AnyOf((IN_KOLLAM,)))
stopping = st.sampled_from(STOPPED)
mostly = st.integers(0, 4).map(lambda n: n > 0)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    channels: list[Channel] = draw(st.permutations(CHANNELS))[: draw(st.integers(1, 2))]
    ways = tuple(
        Way(
            channel=channel,
            column=draw(st.sampled_from([COLUMNS[channel]] * 4 + [None])),
            covered=draw(mostly),
            stayed=draw(stopping),
            restrained=draw(stopping),
            contact_of=contact_of,
            consented=draw(mostly),
            handed_over_lately=draw(mostly),
            verified_on="mobile_verified_on" if channel == "sms" and draw(st.booleans()) else None,
            personal=draw(st.booleans()),
        )
        for contact_of in LENDERS[: draw(st.integers(1, 3))]
        for channel in channels
    )
    return Situation(draw(mostly), draw(st.booleans()), ways, draw(seldom), FRESH_SINCE)


def by_reference(population: Sequence[Candidate], situation: Situation) -> list[Answer]:
    return [
        (reason, (way.channel, way.contact_of) if way else None)
        for reason, way in reference.decide(population, situation)
    ]


# --- SQL ----------------------------------------------------------------------------------------------


def by_sql(population: Sequence[Candidate], situation: Situation) -> list[Answer]:
    with engine.connect(as_written=True) as relations:
        for name, table in relations_of(population, situation).items():
            engine.register(relations, name, table)
        found = decide.decide(relations, ALL_OF_THEM, situation).read_all()
    rows = {row["record"]: row for row in found.to_pylist()}
    assert found.num_rows == len(rows) == len(population)  # one row for everyone
    for one in population:
        _check_row(rows[one.record])
    answers = (rows[one.record] for one in population)
    return [(row["reason"], (row["channel"], row["contact_of"]) if row["channel"] else None) for row in answers]


def relations_of(population: Sequence[Candidate], situation: Situation) -> dict[str, pa.Table]:
    """What the statement reads, with a row where there is something to say."""
    own, tokens = [vars(one.own) | {"capped": one.capped} for one in population], pa.binary(16)
    records = {
        "record": pa.array([one.record for one in population], tokens),
        "deceased": [one["deceased"] for one in own],
        "protected": [one["protected"] for one in own],
        "minor": [one.minor for one in population],
        "email_token": pa.array([one.contacts.get((None, "email")) for one in population], tokens),
        "mobile_token": pa.array([one.contacts.get((None, "mobile")) for one in population], tokens),
        "arrears": pa.array([1] * len(population), pa.int64()),
        "district": pa.array([one.attributes.get("district") for one in population], pa.string()),
        "mobile_verified_on": pa.array([one.attributes.get("mobile_verified_on") for one in population], pa.date32()),
    }
    kept = [said | {"record": one.record} for one, said in zip(population, own, strict=True)]
    reached = [vars(one.linked) | {"record": one.record} for one in population if one.linked != Marks()]
    lent = [
        {"record": one.record, "way": place, "contact_record": lender(one.record, way), "token": token}
        for one in population
        for place, way in enumerate(situation.ways)
        if way.contact_of is not None and (token := one.contacts.get((way.contact_of, way.column or "")))
    ]
    shared = [{"record": one.record, "person": one.record} for one in population if is_shared(one.record)]
    return {
        "records": pa.table(records),
        "marked": pa.Table.from_pylist([row for row in kept if any(row[n] for n in MARKED)], decide.MARKED),
        "linked": pa.Table.from_pylist(reached, MARKS),
        "shared": pa.Table.from_pylist(shared, SHARED),
        "lent": pa.Table.from_pylist(lent, LENT),
        "suspended": _tokens(population, lambda one: one.suspended),
        "verified": _tokens(population, lambda one: one.verified),
    }


MARKED = [name for name in decide.MARKED.names if name != "record"]


def _tokens(population: Sequence[Candidate], columns: Callable[[Candidate], frozenset[str]]) -> pa.Table:
    found = {one.contacts[None, name] for one in population for name in columns(one) if (None, name) in one.contacts}
    return pa.table({"token": pa.array(sorted(found), pa.binary(16))})


def is_shared(record: bytes) -> bool:
    """Whether another register knows the record's person: every second one's."""
    return record[-1] % 2 == 0


def lender(record: bytes, way: Way) -> bytes:
    """An invented record of the lending register that has the contact."""
    return hashlib.sha256(record + f"{way.contact_of} {way.channel}".encode()).digest()[:16]


def _check_row(row: dict[str, Any]) -> None:
    """Nothing beside the reason unless included; a borrowed contact's record is the one that lends it."""
    included = row["reason"] == "included"
    assert (row["channel"] is not None) == included
    assert row["person"] == (row["record"] if included and is_shared(row["record"]) else None)
    way = Way(row["channel"], None, True, contact_of=row["contact_of"])
    assert row["contact_record"] == (lender(row["record"], way) if row["contact_of"] else None)
