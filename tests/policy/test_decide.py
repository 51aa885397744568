"""The SQL and the reference say the same about everyone, whatever holds."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.notice import criteria
from ariyippu.notice.criteria import EVERYONE, NOBODY, AnyOf, Node, Not
from ariyippu.notice.documents import Channel
from ariyippu.policy import decide, reference
from ariyippu.policy.reference import Candidate, ChannelRule, Marks, Situation
from ariyippu.policy.travel import MARKS

ALL_OF_THEM = criteria.parse({"field": "arrears", "op": ">=", "value": 0}, {"arrears": "money"})
DISTRICTS = ["KOLLAM", "IDUKKI"]
CHANNELS: list[Channel] = ["email", "sms"]
COLUMNS: dict[Channel, str] = {"email": "email", "sms": "mobile"}

marks = st.builds(Marks, st.booleans(), st.booleans(), st.booleans(), st.booleans())
candidates = st.builds(
    Candidate,
    own=marks,
    linked=st.one_of(st.just(Marks()), marks),
    contacts=st.frozensets(st.sampled_from(["email", "mobile"])),
    attributes=st.fixed_dictionaries({"district": st.sampled_from([*DISTRICTS, None])}),
)
IN_KOLLAM = criteria.In("district", ("KOLLAM",))
STOPPED: tuple[Node, ...] = (NOBODY, EVERYONE, IN_KOLLAM, Not(IN_KOLLAM), AnyOf((IN_KOLLAM,)))
stopping = st.sampled_from(STOPPED)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    channels: list[Channel] = draw(st.permutations(CHANNELS))[: draw(st.integers(1, 2))]
    rules = tuple(
        ChannelRule(
            channel=channel,
            column=draw(st.sampled_from([COLUMNS[channel], None])),
            covered=draw(st.booleans()),
            stayed=draw(stopping),
            restrained=draw(stopping),
        )
        for channel in channels
    )
    return Situation(draw(st.booleans()), draw(st.booleans()), rules)


def by_sql(population: list[Candidate], situation: Situation) -> list[tuple[str, str | None]]:
    ids = [n.to_bytes(16, "big") for n in range(len(population))]

    def token(contact: str) -> list[bytes | None]:
        return [one if contact in c.contacts else None for one, c in zip(ids, population, strict=True)]

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
    with engine.connect() as relations:
        relations.register("records", records)
        relations.register("objected", of([c.own.objected for c in population]))
        relations.register("told", of([c.own.told for c in population]))
        relations.register("linked", pa.Table.from_pylist(reached, MARKS))
        rows = decide.decide(relations, ALL_OF_THEM, situation).read_all().to_pylist()
    answers = {row["record"]: (row["reason"], row["channel"]) for row in rows}
    assert len(rows) == len(answers) == len(population)  # one row for everyone
    return [answers[one] for one in ids]


@settings(max_examples=150, deadline=None)
@given(st.lists(candidates, min_size=1, max_size=40), situations())
def test_sql_and_reference_agree_about_everyone(population: list[Candidate], situation: Situation) -> None:
    assert by_sql(population, situation) == [reference.decide(c, situation) for c in population]


CONTACTS = frozenset({"email", "mobile"})
EMAIL, SMS = ChannelRule("email", "email", True), ChannelRule("sms", "mobile", True)
BOTH = (EMAIL, SMS)
IN_FORCE = Situation(True, True, BOTH)
OTHERS = Situation(True, False, BOTH)  # not of a person's own entitlement


def one(own: str = "", linked: str = "", contacts: frozenset[str] = CONTACTS) -> Candidate:
    """A candidate with these marks, who lives in Kollam."""
    own_marks, travelled = (Marks(**dict.fromkeys(names.split(), True)) for names in (own, linked))
    return Candidate(own_marks, travelled, contacts, {"district": "KOLLAM"})


def under(*rules: ChannelRule) -> Situation:
    return Situation(True, True, rules)


EVERYTHING = "deceased protected objected told"
ALL_STOPPED = replace(EMAIL, stayed=EVERYONE)


@pytest.mark.parametrize(
    ("candidate", "situation", "expected"),
    [
        (one(), IN_FORCE, ("included", "email")),
        (one(), Situation(False, True, BOTH), ("order_not_in_force", None)),
        (one(), under(ALL_STOPPED, SMS), ("included", "sms")),
        (one(), under(ALL_STOPPED), ("stayed", None)),
        (one(), under(replace(EMAIL, stayed=IN_KOLLAM)), ("stayed", None)),
        (one(), under(replace(EMAIL, stayed=Not(IN_KOLLAM))), ("included", "email")),
        (one(), under(replace(EMAIL, restrained=IN_KOLLAM), SMS), ("included", "sms")),
        (one(), under(ALL_STOPPED, replace(SMS, restrained=EVERYONE)), ("restrained", None)),
        (one(EVERYTHING), under(replace(EMAIL, restrained=EVERYONE)), ("restrained", None)),
        (one(EVERYTHING), under(replace(ALL_STOPPED, restrained=EVERYONE)), ("stayed", None)),
        (one(contacts=frozenset({"email"})), under(ALL_STOPPED, SMS), ("stayed", None)),  # no other way to them
        (one(EVERYTHING, EVERYTHING), IN_FORCE, ("deceased", None)),
        (one("protected objected told", EVERYTHING), IN_FORCE, ("deceased_linked", None)),
        (one("protected", "protected"), IN_FORCE, ("included", "email")),
        (one("protected", "protected"), OTHERS, ("protected", None)),
        (one("objected", "protected"), OTHERS, ("protected_linked", None)),
        (one("objected told", "objected told"), IN_FORCE, ("objected", None)),
        (one("told", "objected told"), IN_FORCE, ("objected_linked", None)),
        (one(), under(replace(EMAIL, covered=False)), ("purpose_not_covered", None)),
        (one(contacts=frozenset()), IN_FORCE, ("no_contact", None)),
        (one("told", "told"), IN_FORCE, ("told_recently", None)),
        (one(linked="told"), IN_FORCE, ("told_linked", None)),
        (one(contacts=frozenset({"mobile"})), IN_FORCE, ("included", "sms")),
    ],
)
def test_each_rule_gives_its_reason_in_order(
    candidate: Candidate, situation: Situation, expected: tuple[str, str | None]
) -> None:
    assert reference.decide(candidate, situation) == expected
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
        rows = decide.decide(relations, where, IN_FORCE).read_all().to_pylist()
    assert [row["reason"] for row in rows] == ["objected"]
