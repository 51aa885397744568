"""On which law a use may rest, and from which day on; and that what is published about it is true."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ariyippu.__main__ import app
from ariyippu.base.models import Journal
from ariyippu.grant import legal, purposes
from ariyippu.grant.documents import LegalBasis, UseRequest
from ariyippu.policy.models import AudienceRow
from tests.refusals import refused
from tests.world import PURPOSE, World, build, people

COMMENCEMENT = dt.datetime(2027, 5, 14, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
SECOND = dt.timedelta(seconds=1)
NOTIFIED = {"notified_ref": "G.S.R. 1(E) (invented)", "notified_on": dt.date(2027, 1, 1)}


def basis(**changes: Any) -> LegalBasis:
    values = {"law": "An invented order", "clause": "1", "in_force_from": dt.date(2026, 2, 4)}
    return LegalBasis.model_validate({**values, **changes})


def dpdp(clause: str, **changes: Any) -> LegalBasis:
    law = "Digital Personal Data Protection Act 2023"
    return basis(kind="dpdp", law=law, clause=clause, in_force_from=dt.date(2027, 5, 14), **changes)


@pytest.mark.parametrize("clause", sorted(legal.law().clauses))
def test_section_7_holds_from_its_commencement_and_not_before(clause: str) -> None:
    found = dpdp(clause, **NOTIFIED)
    with refused("legal_basis.not_in_force"):
        legal.check(found, PURPOSE, COMMENCEMENT - SECOND)
    legal.check(found, PURPOSE, COMMENCEMENT)  # midnight in India
    legal.check(found, PURPOSE, COMMENCEMENT + dt.timedelta(days=400))


def test_an_earlier_date_in_the_document_does_not_bring_a_clause_into_force() -> None:
    early = dpdp("7(c)").model_copy(update={"in_force_from": dt.date(2023, 8, 11)})
    with refused("legal_basis.not_in_force"):
        legal.check(early, PURPOSE, COMMENCEMENT - SECOND)


@pytest.mark.parametrize("clause", ["7", "7(b)", "7(j)", "8(1)", "7(B)(ii)"])
def test_there_are_no_other_clauses(clause: str) -> None:
    with refused("legal_basis.unknown_clause"):
        legal.check(dpdp(clause), PURPOSE, COMMENCEMENT)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"notified_ref": "G.S.R. 1(E)"},
        {"notified_on": dt.date(2027, 1, 1)},
        {"notified_ref": "G.S.R. 1(E)", "notified_on": dt.date(2027, 5, 15)},  # later than its use
    ],
)
def test_a_database_that_was_not_notified_is_no_basis(said: dict[str, Any]) -> None:
    with refused("legal_basis.not_notified"):
        legal.check(dpdp("7(b)(ii)", **said), PURPOSE, COMMENCEMENT)


def test_other_law_holds_from_its_own_day() -> None:
    day = dt.datetime(2026, 2, 4, tzinfo=COMMENCEMENT.tzinfo)
    legal.check(basis(), PURPOSE, day)
    with refused("legal_basis.not_in_force"):
        legal.check(basis(), PURPOSE, day - SECOND)


def test_publicity_rests_on_consent_alone() -> None:
    legal.check(basis(kind="consent"), "ariyippu:achievements", COMMENCEMENT)
    for found in (basis(), dpdp("7(c)")):
        with refused("legal_basis.other_kind"):
            legal.check(found, "ariyippu:achievements", COMMENCEMENT)


def test_a_basis_from_before_the_later_fields_keeps_its_bytes() -> None:
    old = {"law": "An invented order", "clause": "1", "in_force_from": "2026-02-04"}
    assert LegalBasis.model_validate(old).model_dump(mode="json") == old


# --- rules -------------------------------------------------------------------------------------------


def test_the_rules_of_2027_are_not_those_of_2026() -> None:
    assert legal.rules_in_force(dt.date(2026, 2, 20)) == ("cert-in-2022", "govt-advertising")
    assert legal.rules_in_force(dt.date(2027, 5, 14)) == tuple(sorted(legal.law().rules))


@given(st.dates(), st.dates())
def test_no_rule_ends(one: dt.date, other: dt.date) -> None:
    assert set(legal.rules_in_force(min(one, other))) <= set(legal.rules_in_force(max(one, other)))


# --- in the vault ------------------------------------------------------------------------------------


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(1))


def test_a_use_request_without_a_basis_that_holds_is_refused(world: World) -> None:
    values = {**dict(world.grant), "id": "another-request", "legal_basis": dpdp("7(b)(ii)", **NOTIFIED)}
    with refused("legal_basis.not_in_force"):
        world.submit(UseRequest.model_validate(values))


def test_a_notice_s_basis_is_asked_when_it_is_ordered(world: World) -> None:
    notice = world.notice(legal_basis=dpdp("7(c)").model_copy(update={"in_force_from": dt.date(2023, 8, 11)}))
    with refused("legal_basis.not_in_force"):
        world.submit(world.order_document(notice), notice=notice)


def test_a_decision_records_the_rules_of_its_day(world: World) -> None:
    world.sending()
    assert AudienceRow.objects.count() == 1
    body = bytes(Journal.objects.get(kind="audience").body)
    assert b'"rules":["cert-in-2022","govt-advertising"]' in body


# --- what is published -------------------------------------------------------------------------------


def test_the_page_in_the_documentation_is_made_from_the_files() -> None:
    made = CliRunner().invoke(app, ["purposes", "--markdown"]).stdout
    page = Path(__file__).parents[2] / "docs" / "purposes.md"
    assert page.read_text("utf-8") == made, "run: ariyippu purposes --markdown > docs/purposes.md"


@pytest.mark.parametrize("language", ["ml", "en"])
def test_the_tree_has_every_purpose_once_in_both_languages(language: str) -> None:
    lines = CliRunner().invoke(app, ["purposes", "--language", language]).stdout.splitlines()
    assert len(lines) == len(purposes.taxonomy())
    for purpose in purposes.taxonomy().values():
        assert sum(f"{purpose.id}  {getattr(purpose, language)}" in line for line in lines) == 1


def test_everything_has_its_malayalam() -> None:
    law = legal.law()
    said = [found.ml for part in (purposes.taxonomy(), law.rules, law.clauses) for found in part.values()]
    assert [text for text in said if not any("\u0d00" <= letter <= "\u0d7f" for letter in text)] == []


def test_of_all_clauses_that_of_a_notified_database_alone_needs_its_notification() -> None:
    assert [clause.id for clause in legal.law().clauses.values() if clause.needs_notification] == ["7(b)(ii)"]
