"""How fast everyone gets a yes or a no with a reason: decisions/s, from an encrypted file to an encrypted file.

Every row satisfies the criteria, so that rows and decisions are the same number; a fiftieth objected, a fifth was
told before, a hundredth as often as a cap allows, a seventh would be told by SMS first, and contacts are missing or
suspended, so that most reasons occur. Without a linking run: what links cost is `bench decide-links`. `facts`: the
processor's seconds that the decision took, on all cores together, which other work on the machine changes less.

bare_read_write   the same columns read, the same columns written, nothing decided
plain_duckdb      the same statement, DuckDB reading and writing plain Parquet: the price of encryption
postgresql        the same statement on a sample in PostgreSQL, from tables to a table, indexes on what is joined
cedar             cedarpy on a sample, asked in batches of 1,000 people, on both channels each; requests made beforehand
python_reference  policy.reference on that sample, from candidates in memory
"""

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ariyippu.base import engine
from ariyippu.bench import Measured, decide_baselines, peak_mib, rate
from ariyippu.bench.invented import SAMPLE_ROWS, SITUATION, WHERE, random_bytes
from ariyippu.notice import criteria
from ariyippu.policy import decide, reference
from ariyippu.policy.travel import LENT, MARKS, SHARED

ROWS = 2_000_000
CHUNK_ROWS = 100_000  # as in a snapshot's files
READ_ROWS = 65_536
EVERY = {"erased": 1000, "objected": 50, "told": 5, "capped": 100}  # of the records, one in so many
PREFER_SMS_EVERY = 7
SUSPENDED_EVERY = 50
_SAID = {"reason": "included", "channel": "email"}  # of everyone, where nothing is decided

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


@dataclass(frozen=True)
class Case:
    """A register's file, and the lists beside it."""

    folder: Path
    key: engine.FileKey
    marked: pa.Table
    suspended: pa.Table

    @property
    def records(self) -> Path:
        return self.folder / "records.parquet"

    def read(self) -> pa.RecordBatchReader:
        parquet = engine.open_parquet(self.records, self.key, few=criteria.fields(WHERE))
        batches = parquet.iter_batches(READ_ROWS, columns=SCHEMA.names, use_threads=False)
        return pa.RecordBatchReader.from_batches(parquet.schema_arrow, batches)

    def decide(self, reaching: pa.Table, shared: pa.Table) -> None:
        """About everyone, from file to file."""
        with engine.connect(as_written=True) as relations:
            for name, table in {**self.lists(), "linked": reaching, "shared": shared}.items():
                engine.register(relations, name, table)
            engine.register(relations, "records", self.read())
            decided = decide.decide(relations, WHERE, SITUATION)
            self.write(iter(decided))

    def lists(self) -> dict[str, pa.Table]:
        """What the statement reads beside records and links."""
        return {
            "marked": self.marked,
            "lent": LENT.empty_table(),
            "suspended": self.suspended,
            "verified": pa.table({"token": pa.array([], pa.binary(16))}),
        }

    def write(self, decided: Iterator[pa.RecordBatch]) -> None:
        engine.write_parquet(self.folder / "decided.parquet", decided, decide.DECISION_SCHEMA, self.key)


def measure(rows: int | None) -> Measured:
    rows = rows or ROWS
    with tempfile.TemporaryDirectory(prefix="ariyippu-bench-") as path:
        case = make_case(Path(path), rows)
        began_s = time.process_time()
        value = rate(rows, lambda: case.decide(MARKS.empty_table(), SHARED.empty_table()))
        facts = {"cpu_s": round(time.process_time() - began_s, 2)}
        peak = peak_mib()
        baselines = {"bare_read_write": rate(rows, lambda: _read_and_write(case))}
        _write_plain(case)
        baselines["plain_duckdb"] = rate(rows, lambda: _decide_plain(case))
        sample = next(case.read()).slice(0, SAMPLE_ROWS)
        baselines["postgresql"] = decide_baselines.postgresql(sample, case.marked, case.suspended)
        candidates = decide_baselines.candidates(sample, case.marked, case.suspended)
        if (speed := decide_baselines.cedar(candidates)) is not None:
            baselines["cedar"] = speed
        baselines["python_reference"] = rate(len(candidates), lambda: reference.decide(candidates, SITUATION))
    return Measured(value, "decisions/s", rows, baselines, peak, facts)


def _read_and_write(case: Case) -> None:
    def rows() -> Iterator[pa.RecordBatch]:
        for batch in case.read():
            rows, schema = batch.num_rows, decide.DECISION_SCHEMA
            said = {name: pa.repeat(pa.scalar(word, decide.WORD), rows) for name, word in _SAID.items()}
            columns = {field.name: pa.nulls(rows, field.type) for field in schema} | said
            yield pa.RecordBatch.from_pydict({**columns, "record": batch["record"]}, schema)

    case.write(rows())


def _write_plain(case: Case) -> None:
    rows = case.read()
    with pq.ParquetWriter(case.folder / "plain.parquet", rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)


def _decide_plain(case: Case) -> None:
    statement, parameters = decide.compile_decision(WHERE, SITUATION)
    with duckdb.connect() as relations:
        relations.execute(f"create view records as from '{case.folder / 'plain.parquet'}'")
        links = {"linked": MARKS.empty_table(), "shared": SHARED.empty_table()}
        for name, table in {**case.lists(), **links}.items():
            relations.register(name, table)
        relations.sql(statement, params=parameters).write_parquet(
            str(case.folder / "plain-decided.parquet"), compression="zstd"
        )


# --- an invented register -----------------------------------------------------------------------------


def make_case(folder: Path, rows: int, also: Callable[[pa.RecordBatch, pa.Table], None] | None = None) -> Case:
    """`also` is told of each chunk, and of who of it objects."""
    key = engine.FileKey(secrets.token_bytes(32), "bench")
    marked, suspended = [], []
    with engine.parquet_writer(folder / "records.parquet", SCHEMA, key) as writer:
        for start in range(0, rows, CHUNK_ROWS):
            chunk = _chunk(min(CHUNK_ROWS, rows - start))
            writer.write_batch(chunk)
            marked.append(_marked(chunk))
            if also is not None:
                also(chunk, marked[-1].filter(pc.field("objected")).select(["record"]))
            suspended.append(_every(chunk, SUSPENDED_EVERY, "email_token").rename_columns(["token"]).drop_null())
    return Case(folder, key, pa.concat_tables(marked), pa.concat_tables(suspended))


def _marked(chunk: pa.RecordBatch) -> pa.Table:
    """What the database knows of a chunk's records."""
    steps = [*EVERY.values(), PREFER_SMS_EVERY]
    places = [place for place in range(chunk.num_rows) if any(place % step == 0 for step in steps)]
    marks: dict[str, list[Any]] = {name: [place % step == 0 for place in places] for name, step in EVERY.items()}
    marks["prefers"] = ["sms" if place % PREFER_SMS_EVERY == 0 else None for place in places]
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
