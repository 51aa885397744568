"""Training a model: how often each level occurs among one person's records, strangers' and relatives'.

Nothing is labelled. m comes from Splink's expectation maximisation on candidate pairs; u of the name from random
pairs, nearly all of them strangers'; u of the rest, and r, from pairs that are surely two people's: records of
one register that holds a person once, namesakes' and relatives'.
"""

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from splink import Linker

from ariyippu.ingest.features.make import FEATURE_VERSION
from ariyippu.link.compare import COMPARISONS, NAMES_MEET, Comparison, blocking_rule, dice
from ariyippu.link.model import Model, Probabilities, Thresholds
from ariyippu.link.score import linker, number, record_count, side

MAX_TRAINING_PAIRS = 2e7
LEAST_PROBABILITY = 1e-6
LEAST_SURE_PAIRS, MAX_SURE_PAIRS = 1_000, 5_000_000  # with fewer, they are weighed as strangers are
_ONE_REGISTER = "l.register_l = r.register_r and l.once_l"  # that holds a person once
_ONE_HOUSE = "l.house_sound_l = r.house_sound_r and l.locality_sound_l = r.locality_sound_r"
NAMESAKES = f"l.name_token_l = r.name_token_r and {_ONE_REGISTER}"
RELATIVES = f"{_ONE_HOUSE} and {_ONE_REGISTER}"
HOUSEMATES = f"{_ONE_HOUSE} and not {NAMES_MEET} and {dice('name')} < 0.5"
NAME = ("name",)
HOUSEHOLD = ("address", "district")
LEAST_M = 1e-3  # what training never saw of one person may still happen to one
# Pairs that a rule of chance rarely makes: how many of them there are tells how many matches there are.
SURE_RULES = (("mobile_token", "name_token"), ("born_token", "name_token"))
SURE_RECALL = 0.7  # the share of matches that those rules find, roughly; the prior moves by its logarithm only
# Each session learns what its own rule does not speak of. None of them blocks on a household: in it people
# agree on house, phone and guardian, and would teach that one person often has two names.
SESSIONS = (("born_token",), ("name_token", "house_token"), ("name_token", "mobile_token"))


def train(relations: duckdb.DuckDBPyConnection, *, seed: int, trained_on: str, thresholds: Thresholds) -> Model:
    """A model from the features alone, nothing labelled: u from random pairs, m by expectation maximisation."""
    training = linker(relations, None)
    with _quiet():
        training.training.estimate_probability_two_random_records_match(
            [blocking_rule(columns) for columns in SURE_RULES], recall=SURE_RECALL
        )
        training.training.estimate_u_using_random_sampling(max_pairs=MAX_TRAINING_PAIRS, seed=seed)
        for columns in SESSIONS:
            training.training.estimate_parameters_using_expectation_maximisation(blocking_rule(columns))
    return _learnt(
        training,
        Sure(*(TwoPeople.of(relations, sort) for sort in (NAMESAKES, RELATIVES, HOUSEMATES))),
        Trained(record_count(relations), seed, trained_on, thresholds),
    )


@dataclass(frozen=True)
class Trained:
    """What is kept beside the numbers."""

    records: int
    seed: int
    trained_on: str
    thresholds: Thresholds


def _learnt(linker: Linker, people: "Sure", trained: Trained) -> Model:
    kept = linker.misc.save_model_to_json()
    return Model(
        feature_version=FEATURE_VERSION,
        seed=trained.seed,
        trained_on=trained.trained_on,
        matches_per_record=kept["probability_two_random_records_match"] * (trained.records - 1),
        knows_relatives=bool(people.relatives.shares),
        weights={
            made["output_column_name"]: _learnt_levels(made["output_column_name"], made["comparison_levels"], people)
            for made in kept["comparisons"]
        },
        thresholds=trained.thresholds,
    )


def _learnt_levels(name: str, levels: list[dict[str, Any]], people: "Sure") -> dict[str, Probabilities]:
    """(m, u, r) of each level. A comparison that training never met says nothing: they are the same."""
    told = [level for level in levels if not level.get("is_null_level")]
    found = [(level.get("m_probability"), level.get("u_probability")) for level in told]
    if not any(isinstance(m, float) and isinstance(u, float) for m, u in found):
        return {level["label_for_charts"]: (0.5, 0.5, 0.5) for level in told}
    weights = {}
    for label, (seen_m, seen_u) in zip((level["label_for_charts"] for level in told), found, strict=True):
        weights[label] = people.probabilities(name, label, m=max(_observed(seen_m), LEAST_M), u=_observed(seen_u))
    return weights | _with_name(name, weights)


def _with_name(name: str, weights: Mapping[str, Probabilities]) -> dict[str, Probabilities]:
    """The levels that ask for the name besides, and those beside them: one m and one r for both."""
    (comparison,) = (comparison for comparison in COMPARISONS if comparison.name == name)
    found = {}
    for level, plain in itertools.pairwise(comparison.told):
        if level.asks_name:
            (m, u, r), (plain_m, plain_u, plain_r) = weights[level.label], weights[plain.label]
            found = {level.label: (m + plain_m, u, r + plain_r), plain.label: (m + plain_m, plain_u, r + plain_r)}
    return found


@dataclass(frozen=True)
class Sure:
    """Pairs that are surely two people's, of two sorts."""

    namesakes: "TwoPeople"
    relatives: "TwoPeople"
    housemates: "TwoPeople"

    def probabilities(self, comparison: str, level: str, *, m: float, u: float) -> Probabilities:
        """(m, u, r) of a level.

        u of all but the name is that of namesakes: whoever is alike in name is more often alike in the rest than
        two whom chance brings together, and only they are ever taken for one. What makes a household tells its
        members not apart: there r is m.
        """
        strangers = u if comparison in NAME else self.namesakes.share(comparison, level, u)
        if comparison in HOUSEHOLD and self.relatives.shares:
            return m, strangers, m
        related = self.relatives if comparison in NAME else self.housemates
        return m, strangers, related.share(comparison, level, u)


def _observed(probability: object) -> float:
    """What Splink learnt, or the least that is worth telling where a level never occurred."""
    return max(probability, LEAST_PROBABILITY) if isinstance(probability, float) else LEAST_PROBABILITY


@dataclass(frozen=True)
class TwoPeople:
    """How often pairs that are surely two people's show each level: comparison -> level -> share.

    Two records of a register that holds a person once are two people's. Those of one house in one place are
    relatives', those of one name are namesakes'. Empty where too few such pairs are known.
    """

    shares: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, relations: duckdb.DuckDBPyConnection, sort: str) -> "TwoPeople":
        """From the pairs of a sort: SQL over `l` and `r`."""
        chosen = ", ".join(f"{_label(comparison)} as {comparison.name}" for comparison in COMPARISONS)
        relations.execute(
            f"""create or replace table two_people as
                select {chosen} from ({side("l")}) l join ({side("r")}) r
                on {sort} and l.place_l < r.place_r
                limit {MAX_SURE_PAIRS}"""
        )
        if number(relations, "select count(*) from two_people") < LEAST_SURE_PAIRS:
            return cls({})
        return cls({comparison.name: _shares(relations, comparison) for comparison in COMPARISONS})

    def share(self, comparison: str, level: str, otherwise: float) -> float:
        """The share of a level; `otherwise` where nothing is known."""
        return self.shares.get(comparison, {}).get(level, otherwise)


def _shares(relations: duckdb.DuckDBPyConnection, comparison: Comparison) -> dict[str, float]:
    """Each level's share; one that was not seen is given half a pair. Empty where no pair tells."""
    counted = f"select {comparison.name}, count(*) from two_people where {comparison.name} is not null group by 1"
    counts = dict(relations.sql(counted).fetchall())
    total = sum(counts.values())
    return {level.label: max(counts.get(level.label, 0), 0.5) / total for level in comparison.told} if total else {}


def _label(comparison: Comparison) -> str:
    """The label of the level that applies, as SQL; null for ABSENT."""
    return comparison.choose({level.label: f"'{level.label}'" for level in comparison.told})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Splink's training warns on the standard logger of what we settle ourselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
