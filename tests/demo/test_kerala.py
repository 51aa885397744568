"""The synthetic Kerala: files that their contracts accept, a truth that covers them, and the same bytes again."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ariyippu.demo.kerala import files
from ariyippu.demo.kerala.files import write_demonstration, write_example, write_examples
from ariyippu.demo.kerala.records import REGISTERS, Kerala
from ariyippu.ingest import contract, readers, snapshot

KERALA = Kerala(people=70_000, seed=5, bad_share=0.02)  # more than one chunk


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, files.Broken]]:
    folder = tmp_path_factory.mktemp("kerala")
    return folder, write_examples(folder, KERALA)


def lines(folder: Path, register: str) -> list[str]:
    return (folder / f"{register}.csv").read_text(errors="surrogateescape").splitlines()[1:]


def truth(folder: Path) -> Iterator[tuple[str, str, int, frozenset[str]]]:
    with (folder / files.TRUTH).open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield row["register"], row["key"], int(row["person"]), frozenset(row["tags"].split())


@pytest.mark.parametrize("register", REGISTERS)
def test_exactly_the_broken_rows_are_quarantined(
    written: tuple[Path, Mapping[str, files.Broken]], register: str
) -> None:
    folder, broken = written
    report = snapshot.check(contract.find(register), folder / f"{register}.csv", accept_test_numbers=True)
    assert {fault.reason: fault.rows for fault in report.faults} == broken[register]
    assert report.rows + report.quarantined == len(lines(folder, register))
    assert 0.01 < report.quarantined / (report.rows + report.quarantined) < 0.03


@pytest.mark.parametrize("register", REGISTERS)
def test_every_reason_that_fits_a_register_occurs(tmp_path: Path, register: str) -> None:
    path = tmp_path / "bad.csv"
    broken = write_example(path, register, rows=400, seed=5, bad_share=0.9)
    reasons = set(readers.REASONS) - {"too_long", "control_character"}
    if register == "relis":
        reasons -= {"not_an_email"}  # it has none
    assert set(broken) == reasons
    report = snapshot.check(contract.find(register), path, accept_test_numbers=True)
    assert {fault.reason: fault.rows for fault in report.faults} == broken
    assert report.rows + report.quarantined == 400


def test_the_truth_is_of_every_good_row(written: tuple[Path, Mapping[str, files.Broken]]) -> None:
    folder, _ = written
    known = Counter(register for register, *_ in truth(folder))
    keys = {(register, key) for register, key, *_ in truth(folder)}
    assert len(keys) == known.total()
    for register in REGISTERS:
        rows = snapshot.check(contract.find(register), folder / f"{register}.csv", accept_test_numbers=True).rows
        assert known[register] == rows
        place = [column.kind for column in contract.find(register).columns].index("key")
        held = {(register, line.split(",")[place]) for line in lines(folder, register) if line.count(",") > place}
        assert {pair for pair in keys if pair[0] == register} <= held


def test_same_seed_same_bytes(written: tuple[Path, Mapping[str, files.Broken]], tmp_path: Path) -> None:
    folder, _ = written
    write_examples(tmp_path / "again", KERALA)
    write_examples(tmp_path / "other", Kerala(KERALA.people, seed=6, bad_share=KERALA.bad_share))
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
        assert (tmp_path / "other" / file.name).read_bytes() != file.read_bytes()


def test_a_demonstration_has_exactly_so_many_employees(tmp_path: Path) -> None:
    write_demonstration(tmp_path, employees=1234, seed=1, bad_share=0)
    assert len(lines(tmp_path, "spark")) == 1234
    last = {register: person for person, register in sorted((row[2], row[0]) for row in truth(tmp_path))}
    assert set(last) == set(REGISTERS)
    assert max(last.values()) == last["spark"]  # nobody beyond
