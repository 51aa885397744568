"""The invented SPARK file, and the arithmetic of dearness arrears."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.demo import dearness, spark
from ariyippu.ingest import contract, readers, snapshot
from ariyippu.ingest.validate import Checks
from tests.ingest.files import real

ROWS = 3000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    spark.write_example(tmp_path / "spark.csv", rows=ROWS, seed=5, bad_share=0)
    return tmp_path / "spark.csv"


def test_same_seed_same_bytes(tmp_path: Path, file: Path) -> None:
    spark.write_example(tmp_path / "again.csv", rows=ROWS, seed=5, bad_share=0)
    spark.write_example(tmp_path / "other.csv", rows=ROWS, seed=6, bad_share=0)
    assert (tmp_path / "again.csv").read_bytes() == file.read_bytes()
    assert (tmp_path / "other.csv").read_bytes() != file.read_bytes()


def test_file_satisfies_its_contract(file: Path) -> None:
    report = snapshot.check(contract.find("spark"), file, accept_test_numbers=True)
    assert (report.rows, report.quarantined) == (ROWS, 0)


def test_broken_rows_are_found_each_for_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    broken = spark.write_example(path, rows=ROWS, seed=5, bad_share=0.2)
    assert set(broken) == set(spark.REASONS)
    report = snapshot.check(contract.find("spark"), path, accept_test_numbers=True)
    assert {fault.reason: fault.rows for fault in report.faults} == broken
    assert report.rows + report.quarantined == ROWS


def test_no_contact_can_reach_anyone(file: Path) -> None:
    """Every mobile begins with 0 after +91; every address is under .example."""
    (chunk,) = readers.read(contract.find("spark"), file)
    checked = Checks(contract.find("spark"), accept_test_numbers=True).check(chunk)
    mobiles = checked.columns["mobile"].drop_null().to_pylist()
    emails = checked.columns["email"].drop_null().to_pylist()
    assert all(mobile.startswith("+910") for mobile in mobiles)
    assert all(email.endswith(".example") for email in emails)
    assert 0.9 * ROWS < len(mobiles) < ROWS
    assert 0.95 * len(mobiles) < len(set(mobiles)) < len(mobiles)
    assert 0.6 * ROWS < len(emails) < 0.8 * ROWS


def test_arrears_only_with_a_sanction(file: Path) -> None:
    (chunk,) = readers.read(contract.find("spark"), file)
    sanctioned = [reference != "" for reference in chunk.columns["sanction_reference"]]
    assert sanctioned == [arrears != "0.00" for arrears in chunk.columns["arrears"]]
    assert any(sanctioned)
    assert not all(sanctioned)


def test_rates_are_the_published_ones() -> None:
    lines = real("da_rates.csv").read_text().splitlines()[1:]
    published = [tuple(line.split(",")[:4]) for line in lines]
    assert published == [
        (rate.due_from.isoformat(), str(rate.percent), rate.paid_from.isoformat(), rate.order)
        for rate in dearness.RATES
    ]


def test_arrears_by_hand() -> None:
    """January to March 2021: 9 % due; 0 % paid in January and February, 7 % in March. Then an increment."""
    basic = {dt.date(2021, 1, 1): 23_000, dt.date(2021, 2, 1): 23_000, dt.date(2021, 3, 1): 23_700}
    assert dearness.arrears_paise(basic) == 23_000 * 9 + 23_000 * 9 + 23_700 * 2


@given(st.dates(dt.date(2019, 1, 1), dt.date(2027, 1, 1)), st.dates(dt.date(2019, 1, 1), dt.date(2027, 1, 1)))
@settings(max_examples=30)
def test_months_are_consecutive_firsts(first: dt.date, last: dt.date) -> None:
    found = list(dearness.months(first, last))
    assert all(month.day == 1 for month in found)
    assert len(found) == max(0, (last.year - first.year) * 12 + last.month - first.month + 1)
    assert all(dearness.due_percent(month) >= dearness.paid_percent(month) for month in found)
