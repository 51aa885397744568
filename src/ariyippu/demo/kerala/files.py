"""The registers as files, a chunk at a time: memory does not grow with the number of people.

    spark.csv, prism.csv, ksmart-business.csv, ksmart-property.csv, relis.csv   as departments hand them over
    truth.csv   register,key,person,tags: a line for each good row; never part of a register. People 4n to
                4n + 3 are one household; the tags are names of rates.Errors, and of malayalam, elsewhere,
                born-missing, mobile-missing, mobile-shared (the family's), died.

The order of a file's rows says nothing: those of a chunk are shuffled, and keys are scrambled. UTF-8, one
line for a row, no quotes; a row that is broken on purpose is not in the truth.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo.kerala.breakage import breakages
from ariyippu.demo.kerala.draw import Draws
from ariyippu.demo.kerala.rates import DENSE
from ariyippu.demo.kerala.records import REGISTERS, Chunk, Kerala, Records, of_people, of_rows
from ariyippu.ingest import contract as contracts

TRUTH = "truth.csv"
TRUTH_HEADER = "register,key,person,tags"

Broken = Mapping[str, int]  # how many rows, by the reason of their quarantine


def write_examples(folder: Path, kerala: Kerala, registers: Sequence[str] = REGISTERS) -> Mapping[str, Broken]:
    """Write these registers, and the truth, of `kerala.people` people into the folder."""
    return _write_all(folder, kerala, registers, of_people(kerala, registers))


def write_demonstration(folder: Path, *, employees: int, seed: int, bad_share: float) -> Mapping[str, Broken]:
    """Write the registers and the truth of a Kerala that has so many rows in SPARK, and few people beside them."""
    kerala = _dense("spark", employees, seed, bad_share)
    return _write_all(folder, kerala, REGISTERS, of_rows(kerala, REGISTERS, "spark", employees))


def write_example(path: Path, register: str = "spark", *, rows: int, seed: int, bad_share: float) -> Broken:
    """Write one register's file with exactly so many rows, about `bad_share` of them broken on purpose."""
    kerala = _dense(register, rows, seed, bad_share)
    with path.open("wb") as stream:
        file = RegisterFile(register, stream, kerala)
        for chunk in of_rows(kerala, [register], register, rows):
            file.add(chunk[register])
    return file.broken


def _dense(register: str, rows: int, seed: int, bad_share: float) -> Kerala:
    share = getattr(DENSE, register.replace("-", "_"))
    return Kerala(math.ceil(rows / share), seed, bad_share, DENSE)


def _write_all(folder: Path, kerala: Kerala, registers: Sequence[str], chunks: Iterable[Chunk]) -> Mapping[str, Broken]:
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        truth = stack.enter_context((folder / TRUTH).open("wb"))
        truth.write(f"{TRUTH_HEADER}\n".encode())
        files = {
            name: RegisterFile(name, stack.enter_context((folder / f"{name}.csv").open("wb")), kerala)
            for name in registers
        }
        for chunk in chunks:
            for name, records in chunk.items():
                good = files[name].add(records)
                _write_lines(truth, _truth(name, good).to_pylist())
    return {name: file.broken for name, file in files.items()}


def _truth(name: str, records: Records) -> pa.Array:
    columns = (records.keys, records.people.cast(pa.string()), records.tags)
    return pc.binary_join_element_wise(name, *columns, ",")


def header(register: str) -> str:
    """The first line of a register's file."""
    return ",".join(column.header for column in contracts.find(register).columns)


class RegisterFile:
    """A register's file that grows by chunks."""

    def __init__(self, register: str, stream: IO[bytes], kerala: Kerala) -> None:
        self.contract = contracts.find(register)
        self.stream, self.kerala = stream, kerala
        self.broken: Counter[str] = Counter()
        self._chunks = 0
        self._first_key = ""
        _write_lines(stream, [header(register)])

    def add(self, records: Records) -> Records:
        """Shuffle the records, break some, write them; returns the good ones."""
        draws = Draws(f"{self.kerala.seed}|{self._chunks}|file of {self.contract.register.name}", len(records))
        self._chunks += 1
        if not len(records):
            return records
        records = records.take(pc.sort_indices(draws.bits("order")))
        bad = draws.happens("broken", self.kerala.bad_share)
        if not self._first_key:
            self._first_key = records.keys[0].as_py()
            bad = pc.and_(bad, pc.not_equal(records.keys, self._first_key))  # its key is the one that others repeat
        lines: list[str] = records.lines.to_pylist()
        self._break(lines, pc.indices_nonzero(bad).to_pylist(), draws)
        _write_lines(self.stream, lines)
        return records.take(pc.indices_nonzero(pc.invert(bad)))

    def _break(self, lines: list[str], rows: Sequence[int], draws: Draws) -> None:
        found = breakages(self.contract, self._first_key)
        reasons = list(found)
        how = draws.below("reason", len(reasons)).to_pylist()
        for row in rows:
            reason = reasons[how[row]]
            lines[row] = ",".join(found[reason](lines[row].split(",")))
            self.broken[reason] += 1


def _write_lines(stream: IO[bytes], lines: Sequence[str]) -> None:
    """UTF-8; what a broken row holds of other bytes stands in it as lone surrogates (PEP 383)."""
    stream.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
