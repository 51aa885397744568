"""A linking run appears whole or not at all; what it says opens under its own terms and nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from ariyippu.base import engine, folders, journal
from ariyippu.base.errors import TransientError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.models import Journal
from ariyippu.link import index
from ariyippu.link.index import SCHEMAS, Draft
from ariyippu.link.models import LinkRun
from tests.link.runs import draft, token
from tests.refusals import refused

pytestmark = pytest.mark.django_db

PERSONS = {
    ("spark", token("1")): "anu",
    ("prism", token("7")): "anu",
    ("spark", token("2")): "binu",
    ("land", token("3")): "cinu",
}


@pytest.fixture
def place(tmp_path: Path) -> Home:
    """A home of the test's own, so that it knows every file in it."""
    (tmp_path / "home" / "vault").mkdir(parents=True)
    return Home(tmp_path / "home")


def made(**changes: object) -> Draft:
    return draft(PERSONS, {("anu", "binu"): 1.5}, **changes)


def names(home: Home) -> list[str]:
    return sorted(entry.name for entry in (home.vault / "persons").iterdir() if entry.is_dir())


def test_a_run_is_read_as_it_was_kept(place: Home, keyring: Keyring) -> None:
    assert index.current() is None
    run = index.commit(made(), home=place, keyring=keyring)
    assert index.current() == run
    with index.readable(run):
        kept = index.open_index(place, keyring, run).read_all()
        possible = index.open_possible(place, keyring, run).read_all()
        changes = index.open_changes(place, keyring, run).read_all()
    assert kept.schema == SCHEMAS["index"]
    found = {(row["register"], row["record"]): row["person"] for row in kept.to_pylist()}
    assert found == {record: token(who) for record, who in PERSONS.items()}
    assert possible.to_pylist() == [
        {"person": token("anu"), "other": token("binu"), "weight": 1.5},
        {"person": token("binu"), "other": token("anu"), "weight": 1.5},
    ]
    assert changes.to_pylist() == [{"kind": "new", "person": token("anu"), "other": None}]
    assert (run.records, run.persons, run.possible) == (4, 3, 1)


def test_its_entry_is_rounded_and_names_what_it_rests_on(place: Home, keyring: Keyring) -> None:
    persons = {("spark", token(str(n))): str(n % 24) for n in range(36)}
    run = index.commit(draft(persons, {}), home=place, keyring=keyring)
    row = Journal.objects.get(pk=run.journal_id)
    assert row.kind == "linked"
    assert json.loads(bytes(row.body))["body"] == {
        "run": run.pk,
        "grant": "9" * 64,
        "model": "m" * 64,
        "snapshots": {"spark": "spark-1"},
        "records": 40,
        "persons": 20,
        "certain": 10,
        "possible": 0,
    }


def test_the_newest_run_is_the_current_one_and_continues_the_one_before(place: Home, keyring: Keyring) -> None:
    first = index.commit(made(), home=place, keyring=keyring)
    with pytest.raises(TransientError):
        index.commit(made(), home=place, keyring=keyring)
    second = index.commit(made(before=first.pk), home=place, keyring=keyring)
    assert index.current() == second
    assert names(place) == sorted([first.pk, second.pk])


def test_a_record_that_stands_twice_is_a_bug(place: Home, keyring: Keyring) -> None:
    whole = made()
    doubled = Draft(**{**vars(whole), "index": pa.concat_tables([whole.index, whole.index.slice(0, 1)])})
    with pytest.raises(ValueError, match="twice"):
        index.commit(doubled, home=place, keyring=keyring)
    assert not LinkRun.objects.exists()


@pytest.mark.parametrize("crash", ["before the rename", "between rename and commit"])
def test_a_crash_leaves_nothing_visible_and_the_next_run_cleans_up(
    place: Home, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((folders, "appear") if crash == "before the rename" else (journal, "append")), die)
        with pytest.raises(KeyboardInterrupt):
            index.commit(made(), home=place, keyring=keyring)
    (left,) = names(place)
    assert left.startswith(".partial-") == (crash == "before the rename")
    assert index.current() is None
    assert not Journal.objects.filter(kind="linked").exists()
    run = index.commit(made(), home=place, keyring=keyring)
    assert names(place) == ([run.pk] if crash == "before the rename" else [f".orphan-{left}", run.pk])


def test_one_run_is_kept_at_a_time(place: Home, keyring: Keyring) -> None:
    with folders.locked(place.vault / "persons", "busy"), pytest.raises(TransientError):
        index.commit(made(), home=place, keyring=keyring)


def test_altered_or_missing_files_are_refused(place: Home, keyring: Keyring) -> None:
    run = index.commit(made(), home=place, keyring=keyring)
    file = place.vault / "persons" / run.pk / "index.parquet"
    whole = file.read_bytes()
    for broken in (whole[:-1], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], b"", None):
        if broken is None:
            file.unlink()
        else:
            file.write_bytes(broken)
        with refused("persons.damaged"), index.readable(run):
            index.open_index(place, keyring, run).read_all()


def test_damage_that_duckdb_meets_is_refused_too(place: Home, keyring: Keyring) -> None:
    run = index.commit(made(), home=place, keyring=keyring)
    file = place.vault / "persons" / run.pk / "index.parquet"
    whole = bytearray(file.read_bytes())
    whole[60] ^= 1  # within the first column's data
    file.write_bytes(bytes(whole))
    with refused("persons.damaged"), index.readable(run), engine.connect() as relations:
        relations.register("persons", index.open_index(place, keyring, run))
        relations.execute("select count(*) from persons").fetchall()


def test_another_run_s_files_do_not_open(place: Home, keyring: Keyring) -> None:
    first = index.commit(made(), home=place, keyring=keyring)
    second = index.commit(made(before=first.pk), home=place, keyring=keyring)
    folder = place.vault / "persons"
    (folder / second.pk / "index.parquet").write_bytes((folder / first.pk / "index.parquet").read_bytes())
    with refused("persons.damaged"), index.readable(second):
        index.open_index(place, keyring, second).read_all()


@pytest.mark.parametrize(
    "change", [{"grant": "8" * 64}, {"model": "n" * 64}, {"snapshots": {"spark": "spark-2"}}, {"id": "persons-x"}]
)
def test_a_row_under_other_terms_opens_nothing(place: Home, keyring: Keyring, change: Mapping[str, object]) -> None:
    """Whoever can write to the database cannot rest a run on another grant."""
    run = index.commit(made(), home=place, keyring=keyring)
    for name, value in change.items():
        setattr(run, name, value)
    with refused("persons.damaged"), index.readable(run):
        index.open_index(place, keyring, run)


def test_nothing_of_a_record_lies_in_clear(place: Home, keyring: Keyring) -> None:
    run = index.commit(made(), home=place, keyring=keyring)
    files = [path for path in (place.vault / "persons" / run.pk).iterdir() if path.is_file()]
    assert {path.name for path in files} == {
        "index.parquet",
        "possible.parquet",
        "changes.parquet",
        "uncertain.parquet",
    }
    for path in files:
        written = path.read_bytes()
        for needle in (*(record for _register, record in PERSONS), token("anu"), b"spark", b"merged"):
            assert needle not in written
