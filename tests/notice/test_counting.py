"""Counting questions through the hatch's door: who may ask what, what is told, kept, budgeted and logged."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base import clock, keys
from ariyippu.base.models import Journal
from ariyippu.grant.documents import RegisterFields, UseRequest
from ariyippu.ingest import contract, snapshot
from ariyippu.notice import counting
from ariyippu.notice.counting import Answer
from ariyippu.notice.documents import Question
from ariyippu.notice.models import Count
from ariyippu.transparency.verify import verify
from tests.offices import now
from tests.refusals import refused
from tests.world import Person, World, build, write_register

ARREARS: dict[str, object] = {"field": "arrears", "op": ">", "value": 0}
KOLLAM: dict[str, object] = {"field": "district", "op": "==", "value": "KOLLAM"}
FIELDS = ("arrears", "district", "designation", "basic_pay", "mobile", "email")


def persons() -> list[Person]:
    """A hundred and four: forty with arrears, thirty of them in Kollam; one clerk has a pay of her own."""
    return [
        *(Person(n, basic=f"{20_000 + n}.00") for n in range(1, 31)),
        *(Person(n, basic=f"{20_000 + n}.00", district="IDUKKI") for n in range(31, 41)),
        *(Person(n, basic=f"{20_000 + n}.00", arrears="0.00", district="IDUKKI") for n in range(41, 91)),
        *(Person(n, basic="90000.00", arrears="0.00", designation="Judge", cadre="JUDICIAL") for n in range(91, 105)),
    ]


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    world = build(tmp_path, persons())
    request = {
        **dict(world.grant),
        "id": "count-request",
        "registers": (RegisterFields(register="spark", fields=FIELDS),),
    }
    world.grant = UseRequest.model_validate(request)
    world.submit(world.grant)
    return world


def question(world: World, criteria: dict[str, object], **changes: object) -> Question:
    made = {
        "office": "pay-section",
        "use_request": world.grant.digest(),
        "register": "spark",
        "snapshot": world.snapshot,
        "criteria": criteria,
    }
    return Question.model_validate(made | changes)


def ask(world: World, criteria: dict[str, object], who: str = "requester", **changes: object) -> Answer:
    envelope = world.offices.signed(question(world, criteria, **changes), [who])
    answer = flow.receive(envelope, b"", world.home)
    assert answer is not None
    return answer


def entries(kind: str) -> list[dict[str, Any]]:
    return [json.loads(bytes(row.body))["body"] for row in Journal.objects.filter(kind=kind).order_by("pk")]


def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    day_on = now() + dt.timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: day_on)


# --- answers -------------------------------------------------------------------------------------------


def test_a_count_is_told_in_tens(world: World) -> None:
    assert ask(world, ARREARS) == Answer(40)
    assert ask(world, {"all": [ARREARS, KOLLAM]}) == Answer(30)
    assert ask(world, {"field": "arrears", "op": ">", "value": 10**9}) == Answer(0)  # fewer than ten, or none


def test_the_same_question_has_the_same_answer_and_costs_once(world: World) -> None:
    parts: list[object] = [ARREARS, KOLLAM]
    spellings: list[dict[str, object]] = [
        {"all": parts},
        {"all": parts[::-1]},
        {"all": [ARREARS, {"all": [KOLLAM, ARREARS]}]},
        {"not": {"not": {"all": [{"field": "district", "in": ["KOLLAM", "KOLLAM"]}, ARREARS]}}},
    ]
    assert {ask(world, spelling) for spelling in spellings} == {Answer(30)}
    assert Count.objects.count() == 1


@pytest.mark.parametrize(
    "criteria",
    [
        {"any": [KOLLAM, {"field": "basic_pay", "op": "==", "value": 2_004_500}]},  # a part that fits one
        {"all": [ARREARS, {"not": {"field": "basic_pay", "op": "==", "value": 2_000_500}}]},
        {"all": [ARREARS, {"field": "basic_pay", "op": "!=", "value": 2_000_500}]},
        {"all": [ARREARS, {"field": "basic_pay", "op": "!=", "value": 77}]},  # nobody has it: withheld as well
        {"field": "basic_pay", "exists": True},  # everybody has: what it leaves out is told
    ],
)
def test_a_question_with_a_narrow_part_is_withheld(world: World, criteria: dict[str, object]) -> None:
    assert ask(world, criteria) == Answer(None, "narrow")


def test_a_question_near_an_earlier_one_is_withheld(world: World) -> None:
    assert ask(world, ARREARS) == Answer(40)
    near: dict[str, object] = {"all": [ARREARS, {"field": "basic_pay", "op": "<=", "value": 2_003_900}]}  # all but one
    same_people: dict[str, object] = {"field": "arrears", "op": ">=", "value": 1}
    assert ask(world, near) == ask(world, same_people) == Answer(None, "near")
    assert ask(world, {"all": [ARREARS, {"field": "basic_pay", "op": "<=", "value": 2_003_000}]}) == Answer(30)
    rest: dict[str, object] = {"all": [ARREARS, {"field": "basic_pay", "op": ">", "value": 2_003_000}]}
    assert ask(world, rest) == Answer(None, "near")  # it follows from the two


def test_another_office_s_questions_do_not_stand_in_the_way(world: World) -> None:
    assert ask(world, ARREARS) == Answer(40)
    request = {**dict(world.grant), "id": "other-request", "requester": "publicity"}
    other = UseRequest.model_validate(request)
    world.submit(other, ["publicity", "owner", "custodian"])
    changes: dict[str, Any] = {"office": "publicity", "use_request": other.digest()}
    assert ask(world, {"field": "arrears", "op": ">=", "value": 1}, "publicity", **changes) == Answer(40)


def test_a_new_snapshot_does_not_open_what_was_closed(world: World, tmp_path: Path) -> None:
    """The same people a month later, and a question that leaves one of them out."""
    assert ask(world, ARREARS) == Answer(40)
    file = write_register(tmp_path / "later.csv", [*persons(), Person(105, arrears="0.00")])
    later = snapshot.load(contract.find("spark"), file, home=world.home, keyring=keys.load(world.home.keyring)).snapshot
    near: dict[str, object] = {"all": [ARREARS, {"field": "basic_pay", "op": "<=", "value": 2_003_900}]}
    assert ask(world, near, snapshot=later) == Answer(None, "near")
    assert ask(world, ARREARS, snapshot=later) == Answer(40)  # the same question, asked again


def test_the_budget_is_an_office_s_and_a_snapshot_s(world: World) -> None:
    settings = world.home.path / "settings.toml"
    settings.write_text("questions_per_snapshot = 2\n" + settings.read_text())
    world.home.__dict__.pop("settings", None)  # it was read before
    assert ask(world, ARREARS) == Answer(40)
    assert ask(world, {"field": "basic_pay", "exists": True}) == Answer(None, "narrow")  # withheld ones cost, too
    with refused("question.over_budget"):
        ask(world, KOLLAM)
    assert ask(world, {"all": [ARREARS]}) == Answer(40)
    assert Count.objects.count() == 2


PROTECTED: tuple[dict[str, object], ...] = (
    {"field": "cadre", "op": "==", "value": "JUDICIAL"},
    {"field": "designation", "op": "==", "value": "Judge"},
    {"field": "designation", "op": "!=", "value": "Judge"},
    {"field": "basic_pay", "op": ">", "value": 8_000_000},
)


def test_protected_people_are_not_counted_out(world: World) -> None:
    for criteria in PROTECTED:
        with refused("criteria.protected_class"):
            ask(world, criteria)
    assert not Count.objects.exists()


# --- who may ask what ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["publicity", "owner", "custodian"])
def test_only_the_office_itself_asks(world: World, who: str) -> None:
    with refused("signature.missing_role"):
        ask(world, ARREARS, who)


def test_the_budget_of_another_cannot_be_spent(world: World) -> None:
    with refused("signature.missing_role"):
        ask(world, ARREARS, office="publicity")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"use_request": "0" * 64}, "grant.missing"),
        ({"snapshot": "spark-20260101T000000Z-abcdef"}, "snapshot.unknown"),
        ({"register": "prism"}, "question.other_register"),
        ({"criteria": {"field": "da_percent_paid", "op": ">", "value": 0}}, "grant.field_not_granted"),
        ({"criteria": {"field": "name", "exists": True}}, "criteria.unknown_field"),
        ({"criteria": {}}, "criteria.malformed"),
    ],
)
def test_what_a_question_rests_on_is_checked(world: World, changes: dict[str, Any], code: str) -> None:
    criteria = changes.pop("criteria", ARREARS)
    with refused(code):
        ask(world, criteria, **changes)
    assert not Count.objects.exists()


def test_a_grant_of_another_office_or_an_ended_one_answers_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = {**dict(world.grant), "id": "other-request", "requester": "publicity"}
    other = UseRequest.model_validate(request)
    world.submit(other, ["publicity", "owner", "custodian"])
    with refused("grant.other_office"):
        ask(world, ARREARS, use_request=other.digest())
    later = now() + dt.timedelta(days=29)
    ending = UseRequest.model_validate(
        {**dict(world.grant), "id": "short", "valid_until": now() + dt.timedelta(days=1)}
    )
    world.submit(ending)
    monkeypatch.setattr(clock, "now", lambda: later)
    with refused("grant.not_in_force"):
        ask(world, ARREARS, use_request=ending.digest())


def test_an_unapproved_contract_is_not_counted_under(world: World) -> None:
    world.new_trust(version=2, contracts=("0" * 64,))
    with refused("contract.not_approved"):
        ask(world, ARREARS)


# --- evidence ------------------------------------------------------------------------------------------


def test_a_day_s_answers_are_one_entry_when_it_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = question(world, ARREARS), question(world, {"field": "basic_pay", "exists": True})
    for made in (first, second):
        world.submit(made, ["requester"])
    today = clock.now().date().isoformat()
    counting.log_days()
    assert entries("counted") == []
    tomorrow(monkeypatch)
    counting.log_days()
    counting.log_days()
    (entry,) = entries("counted")
    common = {
        "office": "pay-section",
        "use_request": world.grant.digest(),
        "register": "spark",
        "snapshot": world.snapshot,
    }
    expected: list[dict[str, object]] = [
        {"question": first.digest(), "answer": 40, "withheld": "", **common},
        {"question": second.digest(), "answer": None, "withheld": "narrow", **common},
    ]
    assert entry == {"on": today, "questions": sorted(expected, key=lambda said: str(said["question"]))}


def test_no_entry_says_what_was_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or another office could take the difference between its own question and this one."""
    ask(world, {"all": [ARREARS, {"field": "designation", "op": "==", "value": "Clerk"}]})
    tomorrow(monkeypatch)
    counting.log_days()
    assert b"designation" not in b"".join(bytes(row.body) for row in Journal.objects.filter(kind="counted"))


def test_many_answers_are_several_entries_that_fit_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    long = {"office": "o" * 80, "use_request": "u" * 64, "register": "r" * 40, "snapshot": "s" * 80}
    for number in range(2 * counting.IN_ENTRY + 1):
        Count.objects.create(
            **long,
            question=f"{number:064}",
            criteria={},
            criteria_digest=str(number),
            answer=10**12,
            withheld="",
            asked_at=clock.now(),
        )
    tomorrow(monkeypatch)
    counting.log_days()
    assert [len(entry["questions"]) for entry in entries("counted")] == [counting.IN_ENTRY, counting.IN_ENTRY, 1]


def test_the_verifier_holds_a_log_with_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(world, ARREARS)
    tomorrow(monkeypatch)
    counting.log_days()
    flow.publish(world.vault)
    log_key, witness_key = str(world.vault.log_key.key), str(world.vault.witness.key)
    report = verify(world.home.log, log_key=log_key, witness_keys=[witness_key], roots=world.offices.roots)
    assert report.problems == ()
    assert report.kinds["counted"] == 1


def test_a_refused_question_is_public_and_an_answered_one_never_looks_refused(world: World) -> None:
    made = question(world, ARREARS)
    world.submit(made, ["requester"])
    envelope = world.offices.signed(made, ["requester"])
    world.new_trust(version=2, contracts=("0" * 64,))
    with refused("contract.not_approved"):
        flow.receive(envelope, b"", world.home)
    with refused("contract.not_approved"):
        ask(world, KOLLAM)
    (entry,) = entries("refusal")
    assert entry["document"] == question(world, KOLLAM).digest()
