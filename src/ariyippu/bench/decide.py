"""How fast everyone gets a yes or a no with a reason: decisions/s, from an encrypted file to an encrypted file.

Every row satisfies the criteria, so that rows and decisions are the same number; a fiftieth objected, a
fifth was told before, and contacts are missing, so that most reasons occur. A linking run over this register
and another one as large is asked as an order asks it: decide_links.py.

without_links     the same without a linking run: the price of links
bare_read_write   the same columns read, the same columns written, nothing decided
plain_duckdb      the statement without links, DuckDB reading and writing plain Parquet: the price of encryption
python_reference  policy.reference on a sample, from candidates in memory
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ariyippu.base import engine
from ariyippu.bench import Measured, peak_mib, rate
from ariyippu.bench.decide_links import Links, random_bytes
from ariyippu.notice import criteria
from ariyippu.policy import decide, reference
from ariyippu.policy.reference import Candidate, Marks, Situation, Way
from ariyippu.policy.travel import LENT, MARKS, SHARED

ROWS = 2_000_000
SAMPLE_ROWS = 50_000
CHUNK_ROWS = 100_000  # as in a snapshot's files
READ_ROWS = 65_536
EVERY = {"erased": 1000, "objected": 50, "told": 5, "capped": 100}  # of the records, one in so many
SUSPENDED_EVERY = 50
NO_TOKENS = pa.table({"token": pa.array([], pa.binary(16))})

SCHEMA = pa.schema(
    [
        ("record", pa.binary(16)),
        ("deceased", pa.bool_()),
        ("protected", pa.bool_()),
        ("minor", pa.bool_()),
        ("mobile_token", pa.binary(16)),
        ("email_token", pa.binary(16)),
        ("arrears", pa.int64()),
        ("sanction_reference", pa.string()),
    ]
)
WHERE = criteria.parse(
    {"all": [{"field": "arrears", "op": ">", "value": 0}, {"field": "sanction_reference", "exists": True}]},
    {"arrears": "money", "sanction_reference": "text"},
)
SITUATION = Situation(
    in_force=True,
    own_entitlement=False,
    ways=(
        Way("email", "email", covered=True),
        Way("sms", "mobile", covered=True),
    ),
)


@dataclass(frozen=True)
class _Case:
    """A register's file, the three lists beside it, and a linking run."""

    folder: Path
    key: engine.FileKey
    links: Links
    marked: pa.Table
    suspended: pa.Table

    @property
    def records(self) -> Path:
        return self.folder / "records.parquet"

    def read(self) -> pa.RecordBatchReader:
        batches = engine.open_parquet(self.records, self.key).iter_batches(READ_ROWS, columns=SCHEMA.names)
        return pa.RecordBatchReader.from_batches(SCHEMA, batches)

    def write(self, decided: Iterator[pa.RecordBatch]) -> None:
        engine.write_parquet(self.folder / "decided.parquet", decided, decide.DECISION_SCHEMA, self.key)


def measure(rows: int | None) -> Measured:
    rows = rows or ROWS
    with tempfile.TemporaryDirectory(prefix="ariyippu-bench-") as path:
        case = _case(Path(path), rows)
        value = rate(rows, lambda: _decide(case, *case.links.asked()))
        peak = peak_mib()
        baselines = {"without_links": rate(rows, lambda: _decide(case, MARKS.empty_table(), SHARED.empty_table()))}
        baselines["bare_read_write"] = rate(rows, lambda: _read_and_write(case))
        _write_plain(case)
        baselines["plain_duckdb"] = rate(rows, lambda: _decide_plain(case))
        sample = case.read().read_next_batch().slice(0, SAMPLE_ROWS)
        candidates = _candidates(sample, case)
        baselines["python_reference"] = rate(sample.num_rows, lambda: reference.decide(candidates, SITUATION))
    return Measured(value, "decisions/s", rows, baselines, peak)


def _decide(case: _Case, reaching: pa.Table, shared: pa.Table) -> None:
    with engine.connect() as relations:
        relations.register("records", case.read())
        relations.register("marked", case.marked)
        relations.register("linked", reaching)
        relations.register("shared", shared)
        relations.register("lent", LENT.empty_table())
        relations.register("suspended", case.suspended)
        relations.register("verified", NO_TOKENS)
        decided = decide.decide(relations, WHERE, SITUATION)
        case.write(batch.cast(decide.DECISION_SCHEMA) for batch in decided)


def _read_and_write(case: _Case) -> None:
    def rows() -> Iterator[pa.RecordBatch]:
        for batch in case.read():
            rows, schema = batch.num_rows, decide.DECISION_SCHEMA
            said = {"reason": pa.repeat("included", rows), "channel": pa.repeat("email", rows)}
            columns = {field.name: pa.nulls(rows, field.type) for field in schema} | said
            yield pa.RecordBatch.from_pydict({**columns, "record": batch["record"]}, schema)

    case.write(rows())


def _write_plain(case: _Case) -> None:
    with pq.ParquetWriter(case.folder / "plain.parquet", SCHEMA, compression="zstd") as writer:
        for batch in case.read():
            writer.write_batch(batch)


def _decide_plain(case: _Case) -> None:
    statement, parameters = decide.compile_decision(WHERE, SITUATION)
    with duckdb.connect() as relations:
        relations.execute(f"create view records as from '{case.folder / 'plain.parquet'}'")
        relations.register("marked", case.marked)
        relations.register("linked", MARKS.empty_table())
        relations.register("shared", SHARED.empty_table())
        relations.register("lent", LENT.empty_table())
        relations.register("suspended", case.suspended)
        relations.register("verified", NO_TOKENS)
        relations.sql(statement, params=parameters).write_parquet(
            str(case.folder / "plain-decided.parquet"), compression="zstd"
        )


def _candidates(sample: pa.RecordBatch, case: _Case) -> list[Candidate]:
    """Some of the register's records as the reference and Cedar see them, without links."""
    known = {row.pop("record"): row for row in case.marked.to_pylist()}
    suspended = frozenset(case.suspended["token"].to_pylist())
    return [_candidate(row, known.get(row["record"], {}), suspended) for row in sample.to_pylist()]


def _candidate(row: dict[str, Any], known: Mapping[str, bool], suspended: frozenset[bytes]) -> Candidate:
    names = [name for name in ("mobile", "email") if row[f"{name}_token"] is not None]
    marks = {name: known.get(name, False) for name in ("erased", "objected", "told")}
    return Candidate(
        own=Marks(deceased=row["deceased"], protected=row["protected"], **marks),
        linked=Marks(),
        contacts={(None, name): row[f"{name}_token"] for name in names},
        suspended=frozenset(name for name in names if row[f"{name}_token"] in suspended),
        minor=row["minor"],
        capped=known.get("capped", False),
        record=row["record"],
    )


# --- an invented register -----------------------------------------------------------------------------


def _case(folder: Path, rows: int) -> _Case:
    key = engine.FileKey(secrets.token_bytes(32), "bench")
    marked, suspended = [], []
    with (
        engine.parquet_writer(folder / "records.parquet", SCHEMA, key) as writer,
        Links(folder, key).written() as links,
    ):
        for start in range(0, rows, CHUNK_ROWS):
            chunk = _chunk(min(CHUNK_ROWS, rows - start))
            writer.write_batch(chunk)
            marked.append(_marked(chunk))
            links.add(chunk, marked[-1].filter(pc.field("objected")).select(["record"]))
            suspended.append(_every(chunk, SUSPENDED_EVERY, "email_token").rename_columns(["token"]).drop_null())
    return _Case(folder, key, links, pa.concat_tables(marked), pa.concat_tables(suspended))


def _marked(chunk: pa.RecordBatch) -> pa.Table:
    """What the database knows of a chunk's records."""
    places = [place for place in range(chunk.num_rows) if any(place % step == 0 for step in EVERY.values())]
    marks = {name: [place % step == 0 for place in places] for name, step in EVERY.items()}
    return pa.table({"record": chunk["record"].take(pa.array(places, pa.int64())), **marks}, decide.MARKED)


def _chunk(rows: int) -> pa.RecordBatch:
    record = random_bytes(16, rows)
    dice = pa.array(list(os.urandom(rows)), pa.int32())  # 0 to 255 for each row
    return pa.record_batch(
        [
            record,
            pc.less(dice, 3),
            pc.equal(dice, 100),
            pc.equal(dice, 101),
            _some(random_bytes(16, rows), pc.greater(dice, 10)),
            _some(random_bytes(16, rows), pc.less(dice, 180)),
            pc.multiply(pc.add(dice, 1), 12_345).cast(pa.int64()),
            pa.repeat("G.O.(P) 9001/2026/Fin (invented)", rows),
        ],
        schema=SCHEMA,
    )


def _some(values: pa.Array, condition: pa.Array) -> pa.Array:
    return pc.if_else(condition, values, pa.scalar(None, values.type))


def _every(chunk: pa.RecordBatch, step: int, column: str = "record") -> pa.Table:
    places = pa.array(range(0, chunk.num_rows, step), pa.int64())
    return pa.table({column: chunk[column].take(places)})
