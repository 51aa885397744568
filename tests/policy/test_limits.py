"""What an order may come to: not a few, not more messages or money than it says, nobody protected picked out."""

import json
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base.models import Journal
from ariyippu.grant.documents import RegisterFields, UseRequest
from ariyippu.notice import cohort
from ariyippu.notice.models import OrderRow
from ariyippu.policy import limits
from tests.world import STEPS, Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")


@pytest.fixture(autouse=True)
def real(villages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule as it is, after the fixture that lifts it for other tests."""
    monkeypatch.setattr(limits, "SMALLEST_COHORT", cohort.SMALLEST)


def failure(world: World, row: OrderRow) -> str:
    """The code with which an order came to nothing; empty when it was decided."""
    for _ in range(STEPS):
        flow.turn(world.vault)
        row.refresh_from_db()
        if row.state != OrderRow.ACCEPTED:
            break
    if row.state != OrderRow.FAILED:
        return ""
    (entry,) = Journal.objects.filter(kind="failed")
    return str(json.loads(bytes(entry.body))["body"]["code"])


@pytest.mark.parametrize(("count", "code"), [(9, "order.cohort_too_small"), (10, "")])
def test_an_order_is_not_for_a_few(tmp_path: Path, count: int, code: str) -> None:
    """However many the register has: those whom the criteria fit count, told or not."""
    world = build(tmp_path, [*people(count), *(Person(n, arrears="0.00") for n in range(50, 80))])
    assert failure(world, world.order()) == code


# The arrears notice's SMS has at most four segments; a segment costs 20 paise, unless settings.toml says otherwise.
COST = 12 * 4 * 20


@pytest.mark.parametrize(("ceiling", "code"), [(COST, ""), (COST - 1, "order.over_cost"), (0, "order.over_cost")])
def test_a_cost_ceiling_holds(tmp_path: Path, ceiling: int, code: str) -> None:
    world = build(tmp_path, [*people(12, email=""), *(Person(n) for n in range(20, 40))])
    row = world.order(max_cost_paise=ceiling)
    assert failure(world, row) == code
    row.refresh_from_db()
    assert (row.messages, row.cost_paise) == ((32, COST) if not code else (None, None))


def test_e_mail_costs_nothing(tmp_path: Path) -> None:
    world = build(tmp_path, people(12))
    assert failure(world, world.order(max_cost_paise=0)) == ""


@pytest.mark.parametrize(("most", "code"), [(12, ""), (11, "order.over_cap")])
def test_a_cap_holds(tmp_path: Path, most: int, code: str) -> None:
    world = build(tmp_path, people(12))
    assert failure(world, world.order(max_messages=most)) == code


def test_an_order_that_picks_out_protected_people_fails_in_public(tmp_path: Path) -> None:
    judges = [Person(n, designation="Judge", cadre="JUDICIAL") for n in range(1, 13)]
    world = build(tmp_path, [*judges, *(Person(n) for n in range(20, 60))])
    fields = (*world.grant.fields_of("spark"), "designation")
    changes: dict[str, Any] = {"id": "wider", "registers": (RegisterFields(register="spark", fields=fields),)}
    world.grant = UseRequest.model_validate({**dict(world.grant), **changes})
    world.submit(world.grant)
    notice = world.notice(criteria={"field": "designation", "op": "==", "value": "Judge"})
    world.submit(world.order_document(notice), notice=notice)
    assert failure(world, OrderRow.objects.get()) == "criteria.protected_class"
