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
    assert purposes.covers(collected_for, wanted) == (below and purposes.get(wanted).satisfiable)


def test_the_demanding_cases_by_name() -> None:
    assert purposes.covers("ariyippu:salary-and-benefit", "ariyippu:da-arrears")
    assert not purposes.covers("ariyippu:da-arrears", "ariyippu:salary-and-benefit")
    assert not purposes.covers("ariyippu:salary-and-benefit", "ariyippu:achievements")


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
