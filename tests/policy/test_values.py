"""What policy and grant pass on: values that nobody changes, that misspelt keys cannot make, that show nobody."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import ariyippu.grant
import ariyippu.policy
from ariyippu.base.documents import Document
from ariyippu.grant.documents import LegalBasis, Refusal, RegisterFields, UseRequest, Withdrawal
from ariyippu.policy.audience import Proof, _Vault
from ariyippu.policy.caps import Cap
from ariyippu.policy.documents import Amendment, Lift, Scope, Stay
from ariyippu.policy.linked import Linked, Reader
from ariyippu.policy.objections import Lists


def kinds() -> Iterator[type]:
    """Every class of the two stages that has fields."""
    for stage in (ariyippu.grant, ariyippu.policy):
        for found in pkgutil.iter_modules(stage.__path__, f"{stage.__name__}."):
            for kind in vars(importlib.import_module(found.name)).values():
                if isinstance(kind, type) and kind.__module__ == found.name:
                    yield kind


DATA = [kind for kind in kinds() if dataclasses.is_dataclass(kind)]
MODELS = [kind for kind in kinds() if issubclass(kind, BaseModel)]


@pytest.mark.parametrize("kind", DATA)
def test_nothing_of_a_value_can_be_changed(kind: Any) -> None:
    field = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(object.__new__(kind), field, None)


@pytest.mark.parametrize("kind", MODELS)
def test_nothing_of_a_document_or_a_setting_can_be_changed(kind: type[BaseModel]) -> None:
    field = next(iter(kind.model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(kind.model_construct(), field, None)


@pytest.mark.parametrize("kind", [kind for kind in MODELS if not issubclass(kind, Document)])
def test_a_misspelt_key_is_refused(kind: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        kind.model_validate({"misspelt": 1})


@pytest.mark.parametrize("kind", [Linked, Lists, Proof, Reader, _Vault])
def test_a_value_that_holds_people_or_keys_shows_neither_in_a_trace(kind: type) -> None:
    assert repr(object.__new__(kind)).startswith("<ariyippu.policy.")


TEXTS = (  # what a document's format promises to whoever writes one: the shortest and the longest text
    (LegalBasis, "law", 3, 200),
    (LegalBasis, "clause", 1, 80),
    (LegalBasis, "notified_ref", 0, 120),
    (UseRequest, "case_number", 1, 80),
    (UseRequest, "cohort_en", 1, 400),
    (UseRequest, "cohort_ml", 1, 400),
    *((kind, f"reason_{language}", 3, 1000) for kind in (Refusal, Withdrawal) for language in ("en", "ml")),
    *((kind, "reference", 1, 120) for kind in (Stay, Amendment, Lift)),
)
LISTS = (
    (UseRequest, "copied_to", ["office"], 0, 20),
    (UseRequest, "attachments", [{"sha256": "0" * 64, "title": "letter"}], 0, 20),
    (UseRequest, "registers", [{"register": "spark", "fields": ["name"]}], 1, None),
    (RegisterFields, "fields", ["name"], 1, None),
    (Amendment, "leave", ["0" * 64], 0, 100),
    (Scope, "districts", ["KOLLAM"], 1, 14),
)


def is_refused(kind: type[BaseModel], field: str, value: object) -> bool:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({field: value, "misspelt": 1})
    return any(error["loc"] == (field,) for error in caught.value.errors())


@pytest.mark.parametrize(("kind", "field", "least", "most"), TEXTS)
def test_a_text_is_as_long_as_its_document_s_format_says(
    kind: type[BaseModel], field: str, least: int, most: int
) -> None:
    assert not is_refused(kind, field, "x" * least)
    assert not is_refused(kind, field, "x" * most)
    assert is_refused(kind, field, "x" * (most + 1))
    assert least == 0 or is_refused(kind, field, "x" * (least - 1))


@pytest.mark.parametrize(("kind", "field", "one", "least", "most"), LISTS)
def test_a_list_is_as_long_as_its_document_s_format_says(
    kind: type[BaseModel], field: str, one: list[object], least: int, most: int | None
) -> None:
    assert not is_refused(kind, field, one * max(least, 1))
    assert least == 0 or is_refused(kind, field, [])
    assert most is None or (not is_refused(kind, field, one * most) and is_refused(kind, field, one * (most + 1)))


@pytest.mark.parametrize(
    ("kind", "field", "least", "most"),
    [(Amendment, "number", 1, 1000), (Cap, "messages", 1, 31), (Cap, "days", 1, 366)],
)
def test_a_number_lies_where_its_format_says(kind: type[BaseModel], field: str, least: int, most: int) -> None:
    numbers = (least - 1, least, most, most + 1)
    assert [number for number in numbers if is_refused(kind, field, number)] == [least - 1, most + 1]


AT = "2026-03-01T00:00:00Z"
LATER = "2026-03-01T00:00:01Z"
SAID = {"id": "some-id", "office": "o", "reference": "r", "case_number": "c", "purpose": "p", "requester": "o"}
BASIS = {"law": "Act", "clause": "1", "in_force_from": "2020-01-01"}
GRANTED = {"legal_basis": BASIS, "registers": LISTS[2][2], "cohort_en": "all", "cohort_ml": "all"}


@pytest.mark.parametrize(
    ("kind", "begins", "ends"), [(UseRequest, "valid_from", "valid_until"), (Stay, "starts_at", "ends_at")]
)
def test_what_ends_ends_after_it_begins(kind: type[BaseModel], begins: str, ends: str) -> None:
    said = {name: value for name, value in (SAID | GRANTED | {"scope": {}}).items() if name in kind.model_fields}
    kind.model_validate({**said, begins: AT, ends: LATER})
    for last in (AT, "2026-02-28T23:59:59Z"):
        with pytest.raises(ValidationError, match="must be after"):
            kind.model_validate({**said, begins: AT, ends: last})
