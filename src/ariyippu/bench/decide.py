"""How fast everyone gets a yes or a no with a reason: decisions/s, from an encrypted file to an encrypted file.

Every row satisfies the criteria, so that rows and decisions are the same number; a fiftieth objected, a
fifth was told before, and contacts are missing, so that most reasons occur. A linking run over this register
and another one as large is asked as an order asks it: decide_links.py.

without_links     the same without a linking run: the price of links
bare_read_write   the same columns read, the same columns written, nothing decided
plain_duckdb      the statement without links, DuckDB reading and writing plain Parquet: the price of encryption
python_reference  policy.reference and notice.criteria on a sample, from rows in memory
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
OBJECTED_EVERY, TOLD_EVERY, SUSPENDED_EVERY = 50, 5, 50

SCHEMA = pa.schema(
    [
        ("record", pa.binary(16)),
        ("deceased", pa.bool_()),
        ("protected", pa.bool_()),
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
    objected: pa.Table
    told: pa.Table
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
        lists = _Lists(*map(_listed, (case.objected, case.told, case.suspended)))
        baselines["python_reference"] = rate(sample.num_rows, lambda: _decide_in_python(sample, lists))
    return Measured(value, "decisions/s", rows, baselines, peak)


def _decide(case: _Case, reaching: pa.Table, shared: pa.Table) -> None:
    with engine.connect() as relations:
        relations.register("records", case.read())
        relations.register("objected", case.objected)
        relations.register("told", case.told)
        relations.register("linked", reaching)
        relations.register("shared", shared)
        relations.register("lent", LENT.empty_table())
        relations.register("suspended", case.suspended)
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
        relations.register("objected", case.objected)
        relations.register("told", case.told)
        relations.register("linked", MARKS.empty_table())
        relations.register("shared", SHARED.empty_table())
        relations.register("lent", LENT.empty_table())
        relations.register("suspended", case.suspended)
        relations.sql(statement, params=parameters).write_parquet(
            str(case.folder / "plain-decided.parquet"), compression="zstd"
        )


@dataclass(frozen=True)
class _Lists:
    """The three lists as Python sees them."""

    objected: frozenset[bytes]
    told: frozenset[bytes]
    suspended: frozenset[bytes]


def _listed(tokens: pa.Table) -> frozenset[bytes]:
    return frozenset(tokens[0].to_pylist())


def _decide_in_python(sample: pa.RecordBatch, lists: _Lists) -> None:
    for row in sample.to_pylist():
        if criteria.holds(WHERE, row):
            candidate = Candidate(
                own=Marks(
                    deceased=row["deceased"],
                    protected=row["protected"],
                    objected=row["record"] in lists.objected,
                    told=row["record"] in lists.told,
                ),
                linked=Marks(),
                contacts=frozenset((None, name) for name in ("mobile", "email") if row[f"{name}_token"] is not None),
                suspended=frozenset(n for n in ("mobile", "email") if row[f"{n}_token"] in lists.suspended),
            )
            reference.decide(candidate, SITUATION)


# --- an invented register -----------------------------------------------------------------------------


def _case(folder: Path, rows: int) -> _Case:
    key = engine.FileKey(secrets.token_bytes(32), "bench")
    objected, told, suspended = [], [], []
    with (
        engine.parquet_writer(folder / "records.parquet", SCHEMA, key) as writer,
        Links(folder, key).written() as links,
    ):
        for start in range(0, rows, CHUNK_ROWS):
            chunk = _chunk(min(CHUNK_ROWS, rows - start))
            writer.write_batch(chunk)
            objected.append(_every(chunk, OBJECTED_EVERY))
            links.add(chunk, objected[-1])
            told.append(_every(chunk, TOLD_EVERY))
            suspended.append(_every(chunk, SUSPENDED_EVERY, "email_token").rename_columns(["token"]).drop_null())
    lists = map(pa.concat_tables, (objected, told, suspended))
    return _Case(folder, key, links, *lists)


def _chunk(rows: int) -> pa.RecordBatch:
    record = random_bytes(16, rows)
    dice = pa.array(list(os.urandom(rows)), pa.int32())  # 0 to 255 for each row
    return pa.record_batch(
        [
            record,
            pc.less(dice, 3),
            pc.equal(dice, 100),
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
