"""What `bench decide` is held against on a sample: the same statement in PostgreSQL, the same rules in Cedar."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import psycopg
import psycopg.sql
import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.base import home
from ariyippu.bench import left_out, rate
from ariyippu.bench.invented import SITUATION, WHERE
from ariyippu.policy import decide
from ariyippu.policy.reference import Candidate, Marks
from ariyippu.policy.travel import MARKS, SHARED

ASKED_AT_ONCE = 1_000
_TYPES = {pa.binary(16): "bytea", pa.bool_(): "boolean", pa.int64(): "bigint", pa.string(): "text", decide.WORD: "text"}


def postgresql(sample: pa.RecordBatch, marked: pa.Table, suspended: pa.Table) -> float:
    """Decisions/s of the statement, from tables that are in memory and analysed to a new table."""
    of_sample, tokens = pc.field("record").isin(sample["record"]), [sample["email_token"], sample["mobile_token"]]
    tables = {
        "records": pa.Table.from_batches([sample]),
        "marked": marked.filter(of_sample),
        "suspended": suspended.filter(pc.field("token").isin(pa.concat_arrays(tokens))),
        "linked": MARKS.empty_table(),
        "shared": SHARED.empty_table(),
    }
    statement, parameters = decide.compile_decision(WHERE, SITUATION)
    dialect = statement.replace("?", "%s")
    owner = home.current().owner_url_file.read_text().strip()  # the vault's role may make no table
    with psycopg.connect(owner, dbname="postgres") as connection, connection.cursor() as cursor:
        cursor.execute("set work_mem = '256MB'")
        for name, table in tables.items():
            _load(cursor, name, table)
        made = psycopg.sql.SQL("create temporary table decided as " + dialect)
        return rate(sample.num_rows, lambda: cursor.execute(made, parameters))


def _load(cursor: Any, name: str, table: pa.Table) -> None:
    columns = ", ".join(f"{field.name} {_TYPES[field.type]}" for field in table.schema)
    cursor.execute(f"create temporary table {name} ({columns})")
    with cursor.copy(f"copy {name} from stdin") as copy:
        for row in table.to_pylist():
            copy.write_row(tuple(row.values()))
    cursor.execute(f"create index on {name} ({table.column_names[0 if name != 'linked' else 1]})")
    cursor.execute(f"analyze {name}")


def cedar(population: list[Candidate]) -> float | None:
    """People/s; None where cedarpy is not installed."""
    try:
        engine = import_module("ariyippu.bench.cedar")
    except ImportError:
        left_out("cedar", "cedarpy")
        return None
    policies = engine.Policies(SITUATION)
    starts = range(0, len(population), ASKED_AT_ONCE)
    asked = [engine.prepare(population[start : start + ASKED_AT_ONCE], policies) for start in starts]
    return rate(len(population), lambda: [one.ask() for one in asked])


def candidates(sample: pa.RecordBatch, marked: pa.Table, suspended: pa.Table) -> list[Candidate]:
    """Some of the register's records as the reference and Cedar see them, without links."""
    known = {row.pop("record"): row for row in marked.to_pylist()}
    unused = frozenset(suspended["token"].to_pylist())
    return [_candidate(row, known.get(row["record"], {}), unused) for row in sample.to_pylist()]


def _candidate(row: dict[str, Any], known: Mapping[str, Any], suspended: frozenset[bytes]) -> Candidate:
    names = [name for name in ("mobile", "email") if row[f"{name}_token"] is not None]
    marks = {name: known.get(name, False) for name in ("erased", "objected", "told")}
    return Candidate(
        own=Marks(deceased=row["deceased"], protected=row["protected"], prefers=known.get("prefers"), **marks),
        linked=Marks(),
        contacts={(None, name): row[f"{name}_token"] for name in names},
        suspended=frozenset(name for name in names if row[f"{name}_token"] in suspended),
        minor=row["minor"],
        capped=known.get("capped", False),
        record=row["record"],
    )
