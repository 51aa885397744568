"""The registers' records, a chunk of people at a time: pure, lazy, and the same for the same Kerala."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo.kerala import people as population
from ariyippu.demo.kerala.draw import Draws
from ariyippu.demo.kerala.places import Places, inhabited
from ariyippu.demo.kerala.rates import OFFICES, Errors, Shares
from ariyippu.demo.kerala.registers import OWN_COLUMNS, standing
from ariyippu.demo.kerala.written import Desk, Register
from ariyippu.ingest import contract as contracts

REGISTERS = tuple(OWN_COLUMNS)


@dataclass(frozen=True)
class Kerala:
    """What is made: the same values, the same bytes. `people` live there; `shares` of them stand in registers."""

    people: int
    seed: int
    bad_share: float = 0.0  # of rows that are broken on purpose
    shares: Shares = field(default_factory=Shares)
    errors: Errors = field(default_factory=Errors)


@dataclass(frozen=True)
class Records:
    """A register's records of one chunk, by person: lines of its file, their keys, whose they are, what happened."""

    lines: pa.Array
    keys: pa.Array
    people: pa.Array
    tags: pa.Array

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, rows: pa.Array) -> "Records":
        return Records(*(getattr(self, part.name).take(rows) for part in dataclasses.fields(self)))

    def first(self, rows: int) -> "Records":
        return self.take(pa.array(range(rows), pa.int64()))

    def of_people_below(self, number: int) -> "Records":
        return self.first(pc.sum(pc.less(self.people, number)).as_py() or 0)


Chunk = Mapping[str, Records]


def of_people(kerala: Kerala, names: Sequence[str]) -> Iterator[Chunk]:
    """These registers' records of exactly `kerala.people` people."""
    make = Maker.of(kerala, names)
    for number in itertools.count():
        rest = kerala.people - number * population.CHUNK_PEOPLE
        chunk = make.chunk(number)
        if rest <= population.CHUNK_PEOPLE:
            yield {name: records.of_people_below(kerala.people) for name, records in chunk.items()}
            return
        yield chunk


def of_rows(kerala: Kerala, names: Sequence[str], register: str, rows: int) -> Iterator[Chunk]:
    """These registers' records of as many people as it takes to fill one of them with exactly so many rows."""
    make = Maker.of(kerala, names)
    for number in itertools.count():
        chunk = make.chunk(number)
        records = chunk[register]
        if len(records) >= rows:
            last = records.first(rows)
            beyond = last.people[-1].as_py() + 1
            yield {name: found.of_people_below(beyond) for name, found in chunk.items()} | {register: last}
            return
        rows -= len(records)
        yield chunk


@dataclass(frozen=True)
class Maker:
    """Makes any chunk of a Kerala, without those before it."""

    kerala: Kerala
    places: Places
    registers: Mapping[str, Register]

    @classmethod
    def of(cls, kerala: Kerala, names: Sequence[str]) -> "Maker":
        places = inhabited(kerala.people)
        found = (Register(contracts.find(name), OFFICES[name], kerala.errors, places, kerala.people) for name in names)
        return cls(kerala, places, dict(zip(names, found, strict=True)))

    def chunk(self, number: int) -> Chunk:
        people = population.chunk(number, self.kerala.seed, self.places)
        origin = f"{self.kerala.seed}|{number}"
        chosen = standing(people, self.kerala.shares, Draws(f"{origin}|standing", len(people)))
        return {
            name: _records(chosen[name], register, Draws(f"{origin}|{name}", len(chosen[name])))
            for name, register in self.registers.items()
        }


def _records(rows: pa.RecordBatch, register: Register, draws: Draws) -> Records:
    contract = register.contract
    written = Desk(rows, register, draws).write()
    own = OWN_COLUMNS[contract.register.name](rows, written, register, draws.about("own", len(rows)))
    fields = [own[column.name] for column in contract.columns]
    lines = pc.binary_join_element_wise(*fields, ",", null_handling="replace", null_replacement="")
    return Records(lines, own[contract.key.name], rows["number"], written.tags)
