"""A small Kerala on disk, read as its departments' files and its truth are."""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ariyippu.demo.kerala.files import TRUTH, Broken, write_examples
from ariyippu.demo.kerala.records import Kerala
from ariyippu.ingest import contract

Row = Mapping[str, str]  # by the contract's column names


class Fact(NamedTuple):
    """A line of the truth."""

    register: str
    key: str
    person: int
    tags: frozenset[str]


@dataclass(frozen=True)
class OnDisk:
    folder: Path
    broken: Mapping[str, Broken]

    @classmethod
    def write(cls, folder: Path, kerala: Kerala) -> "OnDisk":
        return cls(folder, write_examples(folder, kerala))

    def file(self, register: str) -> Path:
        return self.folder / f"{register}.csv"

    def rows(self, register: str) -> list[Row]:
        """Every line, a broken one as far as it goes."""
        return _rows(self.file(register), register)

    def truth(self, register: str | None = None) -> list[Fact]:
        return [fact for fact in _truth(self.folder / TRUTH) if register in (None, fact.register)]


@functools.cache
def _rows(file: Path, register: str) -> list[Row]:
    names = [column.name for column in contract.find(register).columns]
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        found = list(csv.reader(lines, quoting=csv.QUOTE_NONE))[1:]
    return [dict(zip(names, fields, strict=False)) for fields in found]


@functools.cache
def _truth(file: Path) -> list[Fact]:
    with file.open(encoding="utf-8", newline="") as lines:
        return [
            Fact(row["register"], row["key"], int(row["person"]), frozenset(row["tags"].split()))
            for row in csv.DictReader(lines)
        ]
