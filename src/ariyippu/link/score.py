"""Splink at work: candidate pairs by the blocking rules, each scored on features alone.

The relation `features` holds every register's rows, stacked: FEATURES_SCHEMA, and beside it

    place      bigint    the row's number, from 0: what a pair refers to
    register   varchar
    once       boolean   whether the register holds a person once
"""

import logging
from typing import Literal

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker

from ariyippu.base.errors import RefusedError
from ariyippu.ingest.features.make import FEATURES_SCHEMA
from ariyippu.link.cluster import WEAKEST
from ariyippu.link.compare import ANCHORED, BLOCKING_RULES, COMPARISONS, Comparison
from ariyippu.link.model import AT_ONCE, AT_ONCE_MOST, UNANCHORED, Model, relative_weight, settings

MAX_SHARING = 50  # a phone that more records share is a placeholder, or a shop's: it tells nobody apart
MAX_PAIRS_PER_RECORD = 200  # a rule that compares more is refused before it runs
LOOKED_AT = -12.0  # bits: of a pair of less even what it may be given back (model.AT_ONCE) makes nothing
SHARED_TOKENS = ("mobile_token", "email_token", "identifier_token")

PAIRS_SCHEMA = pa.schema(
    [
        ("one", pa.int64()),
        ("two", pa.int64()),
        ("weight", pa.float64()),
        ("strength", pa.float64()),
        ("certain", pa.bool_()),
        ("lends", pa.bool_()),
        ("possible", pa.bool_()),
    ]
)

# Splink announces each step and quotes SQL; nothing of it is for our log.
logging.getLogger("splink").setLevel(logging.ERROR)


def stack(relations: duckdb.DuckDBPyConnection, tables: dict[str, tuple[pa.RecordBatchReader, bool]]) -> None:
    """Make `features` of each register's rows and whether it holds a person once, in the order given."""
    for number, (register, (rows, once)) in enumerate(tables.items()):
        relations.register(f"rows_{number}", rows)
        relations.execute(
            ("create table stacked as " if number == 0 else "insert into stacked ")
            + f"select *, cast($register as varchar) as register, cast($once as boolean) as once from rows_{number}",
            {"register": register, "once": once},
        ).fetchall()
        relations.unregister(f"rows_{number}")
    kept = ", ".join(f"{_unless_shared(token)} as {token}" for token in SHARED_TOKENS)
    relations.execute(
        f"create table features as select row_number() over () - 1 as place, * replace ({kept}) from stacked"
    )
    relations.execute("drop table stacked")


def _unless_shared(token: str) -> str:
    return f"case when count(*) over (partition by {token}) <= {MAX_SHARING} then {token} end"


def check_blocking(relations: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], int]:
    """How many pairs each rule makes, at most. RefusedError `link.blocking_explodes` names the first too large."""
    records = record_count(relations)
    sizes = {}
    for columns in BLOCKING_RULES:
        listed, present = ", ".join(columns), " and ".join(f"{column} is not null" for column in columns)
        pairs = f"select count(*) as n from features where {present} group by {listed}"
        sizes[columns] = number(relations, f"select coalesce(sum(n * (n - 1) // 2), 0) from ({pairs})")
        if sizes[columns] > MAX_PAIRS_PER_RECORD * max(records, 1_000):
            raise RefusedError(
                "link.blocking_explodes",
                f"The rule ({listed}) compares {sizes[columns]:,} pairs of {records:,} records: a value of it is far "
                "too frequent. Look for a placeholder in that column, or leave the column out of the contract's links.",
            )
    return sizes


def once(relations: duckdb.DuckDBPyConnection) -> list[int]:
    """For each place 0, or the number of its register where that holds a person once; see cluster.py."""
    numbered = (
        "select case when once then dense_rank() over (order by register) else 0 end as once, place from features"
    )
    found = relations.sql(f"select once from ({numbered}) order by place").to_arrow_table()
    return found["once"].to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types


def record_count(relations: duckdb.DuckDBPyConnection) -> int:
    return number(relations, "select count(*) from features")


def number(relations: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = relations.execute(query).fetchall()  # all of it: DuckDB waits until a result is read out
    return int(number)


def pairs(relations: duckdb.DuckDBPyConnection, model: Model) -> duckdb.DuckDBPyRelation:
    """Make `scored`: PAIRS_SCHEMA, and `mw_<comparison>` in bits each, of the pairs that say something."""
    found = linker(relations, model).inference.predict(threshold_match_weight=LOOKED_AT, warning_mode="never")
    evidence = ", ".join(f"{_weight_of(comparison)} as mw_{comparison.name}" for comparison in COMPARISONS)
    shrunk = ", ".join(f"mw_{name} * kept as mw_{name}" for name in AT_ONCE)
    least = model.thresholds
    relations.execute(
        f"""create table scored as
            with found as (
                select s.place_l as one, s.place_r as two, match_weight, {relative_weight(model)} as relative,
                       {ANCHORED} as anchored, {evidence}
                from {found.physical_name} s
                join ({side("l")}) l on l.place_l = s.place_l join ({side("r")}) r on r.place_r = s.place_r
            ),
            changed as (
                select *, {" + ".join(f"mw_{name}" for name in AT_ONCE)} as at_once,
                       case when at_once < -{AT_ONCE_MOST} then -{AT_ONCE_MOST} / at_once else 1 end as kept
                from found
            ),
            weighed as (select * replace ({shrunk}), match_weight + (kept - 1) * at_once as weight from changed),
            strong as (select *, {_strength(model)} as strength from weighed)
            select one, two, weight, strength, strength >= {least.certain} as certain,
                   anchored and strength >= {least.lends} as lends, weight >= {least.possible} as possible,
                   {", ".join(f"mw_{comparison.name}" for comparison in COMPARISONS)}
            from strong where possible or strength > {WEAKEST}"""
    )
    return relations.table("scored")


def _strength(model: Model) -> str:
    """A pair's strength as SQL over `weight`, `relative` and `anchored`. Where nobody's relatives are known, they are
    not asked."""
    strangers = f"pow(2, case when anchored then 0 else {UNANCHORED} end - weight)"
    return f"-log2({strangers} + pow(2, -relative))" if model.knows_relatives else f"-log2({strangers})"


def side(side: Literal["l", "r"]) -> str:
    """The features with names that end in the side's letter, as Splink's have them in a pair."""
    listed = ", ".join(f"{name} as {name}_{side}" for name in ("place", "register", "once", *FEATURES_SCHEMA.names[1:]))
    return f"select {listed} from features"


def _weight_of(comparison: Comparison) -> str:
    rarity = any(level.frequency for level in comparison.levels)
    return f"mw_{comparison.name}" + (f" + mw_tf_adj_{comparison.name}" if rarity else "")


def linker(relations: duckdb.DuckDBPyConnection, model: Model | None) -> Linker:
    rows = DuckDBAPI(relations).register("features", dataset_display_name="features")
    return Linker(rows, settings(model, record_count(relations)), log_level=None, validate_settings=False)
