"""Uncertain pairs: references that say nothing, evidence without values, and two officers' word that counts."""

import pytest

from ariyippu.base.documents import Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.keys import Keyring
from ariyippu.base.models import Journal
from ariyippu.link import clerical
from ariyippu.link.documents import Settlement
from ariyippu.link.models import SettlementRow
from tests.offices import Offices

ONE, OTHER = ("spark", b"a" * 16), ("relis", b"b" * 16)


@pytest.fixture(scope="module")
def offices() -> Offices:
    return Offices()


@pytest.fixture(scope="module")
def trust(offices: Offices) -> Trust:
    """Both registers belong to one office."""
    return offices.trust(registers={"spark": "pay-register", "relis": "pay-register"})


def settlement(**changes: object) -> Settlement:
    stated = {"id": "pair-1", "run": "persons-1", "pair": "0" * 32, "registers": ("spark", "relis"), "verdict": "same"}
    return Settlement.model_validate({**stated, **changes})


def test_a_reference_is_the_same_in_either_order_and_no_other_pairs(keyring: Keyring) -> None:
    references = clerical.References.of(keyring)
    found = references.reference(ONE, OTHER)
    assert found == references.reference(OTHER, ONE)
    assert found != references.reference(ONE, ("relis", b"c" * 16))
    assert found != references.reference(ONE, ("prism", b"b" * 16))
    assert not {ONE[1], OTHER[1]} & {found}


@pytest.mark.django_db
def test_two_officers_settle_a_pair_and_the_log_has_it(offices: Offices, trust: Trust) -> None:
    document = settlement()
    clerical.accept(offices.signed(document, ["owner", "custodian"]), trust)
    clerical.accept(offices.signed(document, ["owner", "custodian"]), trust)  # again: nothing new
    assert clerical.verdicts() == {bytes(16): "same"}
    assert [row.kind for row in Journal.objects.all()] == ["settlement"]


@pytest.mark.django_db
def test_the_latest_settlement_of_a_pair_counts(offices: Offices, trust: Trust) -> None:
    for document in (settlement(), settlement(id="pair-1-again", verdict="different")):
        clerical.accept(offices.signed(document, ["owner", "custodian"]), trust)
    assert clerical.verdicts() == {bytes(16): "different"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "changes", "code"),
    [
        (["owner"], {}, "signature.missing_role"),
        (["custodian"], {}, "signature.missing_role"),
        (["stranger"], {}, "signature.missing_role"),  # one person with both roles
        (["requester", "custodian"], {}, "signature.missing_role"),
        (["owner", "custodian"], {"registers": ("spark", "prism")}, "register.no_owner"),
    ],
)
def test_one_officer_settles_nothing(
    who: list[str], changes: dict[str, object], code: str, offices: Offices, trust: Trust
) -> None:
    with pytest.raises(RefusedError) as refused:
        clerical.accept(offices.signed(settlement(**changes), who), trust)
    assert refused.value.code == code
    assert not SettlementRow.objects.exists()


@pytest.mark.django_db
def test_another_settlement_of_the_same_name_is_refused(offices: Offices, trust: Trust) -> None:
    clerical.accept(offices.signed(settlement(), ["owner", "custodian"]), trust)
    with pytest.raises(RefusedError) as refused:
        clerical.accept(offices.signed(settlement(verdict="different"), ["owner", "custodian"]), trust)
    assert refused.value.code == "settlement.doubled"


@pytest.mark.parametrize(("weight", "says"), [(9.2, "agrees"), (-4.0, "differs"), (0.0, "says nothing")])
def test_evidence_in_words(weight: float, says: str) -> None:
    assert clerical.Evidence("name", weight).says == says
