"""SQL, plain Python and Cedar say the same about everyone, whatever holds; and what people wrote down in specs/."""

import random
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.bench import cedar
from ariyippu.notice import criteria
from ariyippu.policy import decide
from ariyippu.policy.reference import REASONS, Candidate, Marks, Situation, Way
from ariyippu.policy.travel import LENT, MARKS, SHARED
from tests.policy import cases
from tests.policy.cases import Table
from tests.policy.population import (
    ALL_OF_THEM,
    Answer,
    at_random,
    by_reference,
    by_sql,
    populations,
    relations_of,
    situations,
)

TABLES = list(cases.tables())
PEOPLE, EXAMPLES = 60, 180  # 10,800 candidates


def by_cedar(population: Sequence[Candidate], situation: Situation) -> list[Answer]:
    decisions = cedar.decide(population, situation)
    return [(reason, (way.channel, way.contact_of) if way else None) for reason, way in decisions]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_engine_answers_as_the_cases_say(table: Table) -> None:
    assert by_reference(table.population, table.situation) == list(table.answers)
    assert by_sql(table.population, table.situation) == list(table.answers)
    assert by_cedar(table.population, table.situation) == list(table.answers)


def test_there_is_a_case_for_every_reason_and_the_page_shows_them_all() -> None:
    assert {reason for table in TABLES for reason, _way in table.answers} == set(REASONS)
    assert cases.PAGE.read_text("utf-8") == cases.page(), "run: python -m tests.policy.cases"


@settings(max_examples=40, deadline=None)
@given(populations(most=12), situations())
def test_the_engines_agree_about_a_few_people(population: list[Candidate], situation: Situation) -> None:
    answers = by_reference(population, situation)
    assert by_sql(population, situation) == answers
    assert by_cedar(population, situation) == answers


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**48), situations())
def test_the_engines_agree_about_many_people(seed: int, situation: Situation) -> None:
    population = at_random(random.Random(seed), PEOPLE)  # noqa: S311  invented people
    answers = by_reference(population, situation)
    assert by_sql(population, situation) == answers
    assert by_cedar(population, situation) == answers


def test_of_whom_nothing_is_known_is_told_on_a_way_of_which_nothing_is_said() -> None:
    stranger = Candidate(Marks(), Marks(), {(None, "email"): b"1" * 16})
    situation = Situation(in_force=True, own_entitlement=False, ways=(Way("email", "email", covered=True),))
    assert by_reference([stranger, stranger], situation) == [("included", ("email", None))] * 2
    one = Candidate(Marks(deceased=True), Marks(), stranger.contacts, record=b"2" * 16)
    assert by_sql([one], situation) == [("deceased", None)]


# --- the statement ------------------------------------------------------------------------------------

IN_FORCE = Situation(True, True, (Way("email", "email", True), Way("sms", "mobile", True)))


def test_a_value_of_the_criteria_is_a_parameter_of_the_statement() -> None:
    where = criteria.parse({"field": "arrears", "op": ">", "value": 5_731}, {"arrears": "money"})
    statement, parameters = decide.compile_decision(where, IN_FORCE)
    assert 5_731 in parameters
    assert "5731" not in statement


@pytest.mark.parametrize(("as_written", "holds_the_register"), [(True, False), (False, True)])
def test_the_register_is_streamed_past_what_is_held(as_written: bool, holds_the_register: bool) -> None:
    """A right join would hold the left side, the register, in memory."""
    people = at_random(random.Random(1), 500)  # noqa: S311  invented people
    tables = relations_of(people, IN_FORCE)
    statement, parameters = decide.compile_decision(ALL_OF_THEM, IN_FORCE)
    with engine.connect(as_written=as_written) as relations:
        for name, table in tables.items():
            engine.register(relations, name, table.to_reader() if name == "records" else table)
        plan = relations.execute(f"explain {statement}", parameters).fetchall()[0][1]
    assert ("Join Type: RIGHT" in plan) == holds_the_register


def test_an_attribute_s_name_cannot_hide_an_objection() -> None:
    where = criteria.parse({"field": "objected", "op": "==", "value": "no"}, {"objected": "text"})
    one = pa.array([b"1" * 16], pa.binary(16))
    marks = {name: [False] for name in ("deceased", "protected", "minor")}
    said = {name: ["no"] for name in ("objected", "told", "erased", "capped")}
    nothing = pa.table({"token": pa.array([], pa.binary(16))})
    with engine.connect() as relations:
        relations.register(
            "records", pa.table({"record": one, "email_token": one, "mobile_token": one, **marks, **said})
        )
        relations.register("marked", pa.Table.from_pylist([{"record": b"1" * 16, "objected": True}], decide.MARKED))
        for name, schema in (("linked", MARKS), ("shared", SHARED), ("lent", LENT)):
            relations.register(name, schema.empty_table())
        relations.register("suspended", nothing)
        relations.register("verified", nothing)
        rows = decide.decide(relations, where, IN_FORCE).read_all().to_pylist()
    assert [row["reason"] for row in rows] == ["objected"]
