"""What links cost the decision: decisions/s with a linking run, over a register and another one as large.

Every second record of the other register is of a person of the first; a fiftieth of its records objected, a
fifth was told before; one person in a hundred may be another one. Timed is what travels, and whom both know, as
policy.linked asks for it, and then the decision of `bench decide`, which `without_links` is.
"""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ariyippu.base import engine
from ariyippu.bench import Measured, decide, peak_mib, rate
from ariyippu.bench.invented import random_bytes
from ariyippu.policy import travel
from ariyippu.policy.travel import MARKS, SHARED

READ_ROWS = 65_536  # as link/index.py reads them; that module needs Django's models
SCHEMAS = {
    "index": pa.schema(
        [("register", pa.string()), ("record", pa.binary(16)), ("person", pa.binary(16)), ("bond", pa.int64())]
    ),
    "possible": pa.schema([("person", pa.binary(16)), ("other", pa.binary(16)), ("weight", pa.float32())]),
}
HERE, ELSEWHERE = "here", "elsewhere"
OBJECTED_EVERY, TOLD_EVERY, SHARED_EVERY, POSSIBLE_EVERY = 50, 5, 2, 100


def measure(rows: int | None) -> Measured:
    rows = rows or decide.ROWS
    with tempfile.TemporaryDirectory(prefix="ariyippu-bench-") as path:
        run = Links(Path(path), engine.FileKey(secrets.token_bytes(32), "links"))
        with run.written():
            case = decide.make_case(Path(path), rows, run.add)
        value = rate(rows, lambda: case.decide(*run.asked()))
        peak = peak_mib()
        baselines = {"without_links": rate(rows, lambda: case.decide(MARKS.empty_table(), SHARED.empty_table()))}
    return Measured(value, "decisions/s", rows, baselines, peak)


@dataclass
class Links:
    """The run's two files under `folder`, and every register's marks."""

    folder: Path
    key: engine.FileKey
    _marks: list[pa.Table] = field(default_factory=list)
    _writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)

    @contextmanager
    def written(self) -> Iterator["Links"]:
        """For the block that adds every chunk of the register."""
        with ExitStack() as stack:
            for name in ("index", "possible"):
                path = self.folder / f"{name}.parquet"
                self._writers[name] = stack.enter_context(engine.parquet_writer(path, SCHEMAS[name], self.key))
            yield self

    def add(self, records: pa.RecordBatch, objected: pa.Table) -> None:
        """A chunk of the register, and who of it objects: each record is a person's, some of whom another knows."""
        count = records.num_rows
        person, theirs, other = (random_bytes(16, count) for _ in range(3))
        known = pc.if_else(_every(count, SHARED_EVERY), person, random_bytes(16, count))
        for register, record, whose in ((HERE, records["record"], person), (ELSEWHERE, theirs, known)):
            rows = [pa.repeat(register, count), record, whose, pa.array(range(count), pa.int64())]
            self._writers["index"].write_table(pa.table(rows, SCHEMAS["index"]))
        weights = pa.repeat(pa.scalar(1.0, pa.float32()), count)
        pairs = pa.table([person, other, weights], SCHEMAS["possible"])
        self._writers["possible"].write_table(pairs.filter(_every(count, POSSIBLE_EVERY)))
        self._marks += [
            _marked(HERE, records["record"], "deceased").filter(records["deceased"]),
            _marked(HERE, records["record"], "protected").filter(records["protected"]),
            _marked(HERE, objected["record"].combine_chunks(), "objected"),
            _marked(ELSEWHERE, theirs, "objected").filter(_every(count, OBJECTED_EVERY)),
            _marked(ELSEWHERE, theirs, "told").filter(_every(count, TOLD_EVERY)),
        ]

    def index(self) -> pa.RecordBatchReader:
        return self._open("index")

    def possible(self) -> pa.RecordBatchReader:
        return self._open("possible")

    def _open(self, name: str) -> pa.RecordBatchReader:
        batches = engine.open_parquet(self.folder / f"{name}.parquet", self.key).iter_batches(READ_ROWS)
        return pa.RecordBatchReader.from_batches(SCHEMAS[name], batches)

    def asked(self) -> tuple[pa.Table, pa.Table]:
        """What reaches the register's records, and whose person another register knows: as policy.linked asks."""
        with engine.connect(as_written=True) as relations:
            engine.register(relations, "marks", pa.concat_tables(self._marks))
            travel.here(relations, self.index, HERE)
            reached = travel.reaching(relations, self.index, self.possible, HERE)
            return reached, travel.shared(relations, self.index, HERE)


def _marked(register: str, records: pa.Array, mark: str) -> pa.Table:
    flags = {name: pa.repeat(name == mark, len(records)) for name in MARKS.names[2:-1]}
    flags["prefers"] = pa.nulls(len(records), pa.string())
    return pa.table({"register": pa.repeat(register, len(records)), "record": records, **flags}, MARKS)


def _every(count: int, step: int) -> pa.Array:
    return pa.array([place % step == 0 for place in range(count)])
