"""The model: how much each level of each comparison says, and how much is enough.

Fellegi and Sunter (1969): a level's weight is log2(m/u) bits, where m is how often pairs of one person show it
and u how often pairs of two people do; a pair's weight is the sum of its levels' with the prior. Here two
people are of two sorts, and a pair is weighed against both:

    weight     against two strangers who happen to have one name; its rarity counts
    relative   against two relatives: log2(m/r), where r is how often two members of one household show it

House, place and phone say much against strangers and nothing against relatives. So brothers with names that
sound alike stay apart, however much of a home they share. Both together are a pair's *strength*: the bits for one
person against either, -log2(2^-weight + 2^-relative), never more than the smaller of the two.

Trained by Splink's expectation maximisation, on features alone, and kept with its version and seed. A model
file holds numbers only; the SQL is compare.py's, so that a file cannot bring any of its own.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from math import log2
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from splink import SettingsCreator

from ariyippu.base.documents import canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import first_fault
from ariyippu.ingest.features.make import FEATURE_VERSION
from ariyippu.link.compare import ABSENT, BLOCKING_RULES, COMPARISONS, NAMES_MEET, Comparison, Level, blocking_rule

SHIPPED = "model.json"
UNANCHORED = 3.0  # bits
AT_ONCE = ("initials", "guardian", "address", "district")  # what a marriage changes
AT_ONCE_MOST = 8.0  # bits that these say against one person, all together
LEAST_U = 1e-7  # a value that occurs once is rare, but not infinitely so


Probabilities = tuple[float, float, float]  # m, u, r


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Thresholds(Part):
    """In bits. A pair whose strength reaches `certain` joins two records; of two clusters, all of whose pairs are
    asked, see cluster.py.

    An anchored pair (compare.ANCHORED) whose strength reaches `lends` lends a contact: what goes astray over it tells
    somebody another's business, where any other wrong link tells somebody once too rarely. From a weight of
    `possible` on a pair is a possible link.
    """

    lends: float
    certain: float
    possible: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.possible <= self.certain <= self.lends:
            raise ValueError("possible must not be above certain, nor certain above lends")
        return self


class Model(Part):
    """What was learnt. `weights`: comparison -> level -> (m, u, r).

    The prior follows from `matches_per_record` and the number of records: among more people more are alike, so
    that the same evidence says less.
    """

    version: Literal[1] = 1
    feature_version: int
    seed: int
    trained_on: str = Field(min_length=3, max_length=400)
    matches_per_record: float = Field(gt=0, le=100)
    knows_relatives: bool = Field(
        description="Whether training met households; else r tells nothing, and is not asked."
    )
    weights: Mapping[str, Mapping[str, Probabilities]]
    thresholds: Thresholds

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON in hex."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()


def load(path: Path | None = None) -> Model:
    """The model at `path`, else the shipped one.

    RefusedError `model.missing`, `model.invalid`, or `model.other_features` when it was trained on features
    of another version than this release makes.
    """
    try:
        text = path.read_text("utf-8") if path else resources.files(__package__).joinpath(SHIPPED).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise RefusedError("model.missing", f"There is no model at {path}.") from None
    try:
        model = Model.model_validate_json(text)
    except ValidationError as error:
        raise RefusedError("model.invalid", f"The model cannot be used: {first_fault(error)}.") from None
    if model.feature_version != FEATURE_VERSION:
        raise RefusedError(
            "model.other_features", "The model was trained on features of another version: train it anew."
        )
    _refuse_incomplete(model)
    return model


def _refuse_incomplete(model: Model) -> None:
    wanted = {comparison.name: {level.label for level in comparison.told} for comparison in COMPARISONS}
    if {name: set(levels) for name, levels in model.weights.items()} != wanted:
        raise RefusedError("model.invalid", "The model's comparisons are not those of this release: train it anew.")


def relative_weight(model: Model) -> str:
    """A pair's relative weight as SQL over both sides' features.

    Twins share a birth date and the initials of house and parents, and often have names that look alike: these speak
    for one person only where the names meet.
    """
    answers = {
        comparison.name: comparison.choose(
            {label: f"{log2(m / r):.4f}" for label, (m, _u, r) in model.weights[comparison.name].items()}
        )
        for comparison in COMPARISONS
    }
    for shared in ("born", "initials"):
        answers[shared] = f"case when {NAMES_MEET} then {answers[shared]} else least({answers[shared]}, 0) end"
    return " + ".join(f"coalesce({answer}, 0)" for answer in answers.values())


def settings(model: Model | None, records: int) -> SettingsCreator:
    """Splink's settings for so many records: with a model's weights to score by, without to train."""
    return SettingsCreator(
        link_type="dedupe_only",  # one table with every register's rows; compare.DISTINCT keeps out what cannot be
        unique_id_column_name="place",
        comparisons=[_comparison(comparison, model) for comparison in COMPARISONS],
        blocking_rules_to_generate_predictions=[{"blocking_rule": blocking_rule(rule)} for rule in BLOCKING_RULES],
        probability_two_random_records_match=_prior(model.matches_per_record if model else 1.0, records),
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,  # each comparison's weight: the evidence
    )


def _prior(matches_per_record: float, records: int) -> float:
    """The share of all pairs of records that are of one person."""
    return min(matches_per_record / max(records - 1, 1), 0.5)


def _comparison(comparison: Comparison, model: Model | None) -> dict[str, Any]:
    levels = [_level(level, model.weights[comparison.name] if model else None) for level in comparison.levels]
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def _level(level: Level, weights: Mapping[str, Probabilities] | None) -> dict[str, Any]:
    made: dict[str, Any] = {"sql_condition": level.condition, "label_for_charts": level.label}
    if level.label == ABSENT:
        return {**made, "is_null_level": True}
    if level.frequency is not None:
        made |= {"tf_adjustment_column": level.frequency, "tf_adjustment_weight": 1.0, "tf_minimum_u_value": LEAST_U}
    if weights is not None:
        m, u, _r = weights[level.label]
        made |= {"m_probability": m, "u_probability": u}
    return made
