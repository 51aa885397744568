"""Purposes stick: a contact serves what it was collected for and what stands below, nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.grant import purposes

ALL = sorted(purposes.taxonomy())


@given(st.sampled_from(ALL), st.sampled_from(ALL))
def test_a_purpose_is_covered_exactly_at_or_below(collected_for: str, wanted: str) -> None:
    below = collected_for in [node.id for node in purposes.lineage(wanted)]
    purpose = purposes.get(wanted)
    allowed = purpose.satisfiable and (purposes.get(collected_for).by_subscription or not purpose.by_subscription)
    assert purposes.covers(collected_for, wanted) == (below and allowed)


def test_the_demanding_cases_by_name() -> None:
    assert purposes.covers("ariyippu:salary-and-benefit", "ariyippu:da-arrears")
    assert not purposes.covers("ariyippu:da-arrears", "ariyippu:salary-and-benefit")
    assert not purposes.covers("ariyippu:salary-and-benefit", "ariyippu:achievements")


@pytest.mark.parametrize("collected_for", [*ALL, "", "ariyippu:removed-since"])
def test_achievements_reach_only_those_who_subscribed_to_them(collected_for: str) -> None:
    """Not even a contact that was given for public relations in general."""
    covered = purposes.covers(collected_for, "ariyippu:achievements")
    assert covered == (collected_for == "ariyippu:achievements")


def test_an_emergency_waits_for_nothing_but_uses_only_contacts_given_for_it() -> None:
    (emergency,) = (purpose for purpose in purposes.taxonomy().values() if purpose.emergency)
    assert emergency.cooling_off_s == 0
    assert emergency.flows_in_restraint
    assert not purposes.covers("dpv:PersonnelPayment", emergency.id)


@pytest.mark.parametrize("purpose", ALL)
def test_a_basis_is_inherited_unless_it_is_stated(purpose: str) -> None:
    stated = [node.bases for node in purposes.lineage(purpose) if node.bases is not None]
    assert purposes.bases(purpose) == (stated[0] if stated else purposes.BASES)


def test_the_tree_holds_every_purpose_below_its_parent() -> None:
    path: list[str] = []
    for depth, purpose in purposes.tree():
        assert purpose.parent == (path[depth - 1] if depth else None)
        path[depth:] = [purpose.id]
    assert [purpose.id for _depth, purpose in purposes.tree()] != ALL
    assert sorted(purpose.id for _depth, purpose in purposes.tree()) == ALL


@pytest.mark.parametrize("collected_for", ALL)
def test_nothing_satisfies_political_campaigning(collected_for: str) -> None:
    assert not purposes.covers(collected_for, "dpv:PoliticalCampaign")


@pytest.mark.parametrize("purpose", ALL)
def test_every_purpose_stands_below_dpv_and_ends(purpose: str) -> None:
    *_, top = purposes.lineage(purpose)
    assert top.id.startswith("dpv:")


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"purpose\.unknown"):
        purposes.get("ariyippu:whatever")


def test_a_purpose_that_the_taxonomy_no_longer_has_is_only_itself() -> None:
    gone, same = "gone:one", "".join(["gone:", "one"])
    assert purposes.is_at_or_below(gone, same)
    assert not purposes.is_at_or_below(gone, "gone:two")
    assert not purposes.is_at_or_below("gone:two", gone)
    assert not purposes.is_at_or_below(gone, "dpv:PublicBenefit")
