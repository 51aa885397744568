"""A snapshot appears whole or not at all, once, sealed; nothing of a person is anywhere in clear."""

import json
import logging
from pathlib import Path

import pyarrow as pa
import pytest

from ariyippu.base import clock, engine, journal
from ariyippu.base.errors import PermanentError, RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.models import Journal
from ariyippu.base.text import rounded
from ariyippu.ingest import contract, draft, readers, seal, snapshot
from ariyippu.ingest.models import Snapshot
from tests.ingest.files import CONTRACTS, PEOPLE, ROW, people, real, write

pytestmark = pytest.mark.django_db

ROWS = (
    ROW,
    "0002,Binu Vadakke,,DEAD,,+91 0123456780,",
    "0003,Cinu Thekke,01/02/1990,SHIELDED,1.00,,Cinu@Post.EXAMPLE",
    "0004,Dinu Mele,31/02/1990,LIVING,1.00,,secret.person@post.example",
    b"0005,\xfd\xfd,,LIVING,,,",
)
# Long enough that the manifest's base64 and instants do not hold one by chance, as they did with "Anu".
PERSONAL = (
    *(b"Anu Kizhakke", b"Binu Vadakke", b"Cinu Thekke", b"Dinu Mele", b"0123456789"),
    *(b"anu@mail.example", b"secret.person", b"31/01/1980", b"1980-01-31"),
)


@pytest.fixture
def strict(tmp_path: Path) -> Home:
    """A home of the test's own, so that it knows every file in it."""
    (tmp_path / "home" / "vault").mkdir(parents=True)
    return Home(tmp_path / "home")


@pytest.fixture
def accepting(strict: Home) -> Home:
    """One whose settings accept numbers that cannot ring."""
    (strict.path / "settings.toml").write_text("accept_test_numbers = true\n")
    return strict


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "people.csv", *ROWS)


def records(home: Home, keyring: Keyring, snapshot_id: str) -> pa.Table:
    columns = [
        "record",
        "row",
        "number",
        "name",
        "born",
        "state",
        "amount",
        "mobile",
        "mobile_token",
        "email",
        "email_token",
    ]
    return snapshot.open_records(home, keyring, snapshot_id, [*columns, "deceased", "protected"]).read_all()


def folders(home: Home) -> list[str]:
    return sorted(entry.name for entry in (home.vault / "registers" / "people").iterdir() if entry.is_dir())


def test_load_and_read_back(accepting: Home, keyring: Keyring, file: Path) -> None:
    done: list[int] = []
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring, progress=done.append)
    assert (loaded.rows, loaded.quarantined, loaded.already) == (3, 2, False)
    assert done == [5]
    made = snapshot.manifest(accepting, loaded.snapshot)
    assert list(made.columns) == ["number", "name", "born", "state", "amount", "mobile", "email"]
    assert made.columns["mobile"].collected_for == "ariyippu:salary-and-benefit"
    assert (made.contract_digest, made.contract_version) == (people().digest, 3)
    table = records(accepting, keyring, loaded.snapshot)
    assert table["row"].to_pylist() == [2, 3, 4]
    assert table["amount"].to_pylist() == [120050, None, 100]
    assert table["deceased"].to_pylist() == [False, True, False]
    assert table["protected"].to_pylist() == [False, False, True]
    tokens = seal.record_tokens("people", ["0001", "0002", "0003"], keyring)
    assert table["record"].to_pylist() == tokens
    opened = {
        name: seal.open_column(table[name].to_pylist(), tokens, snapshot.cell_key(made, name, keyring))
        for name in ("number", "name", "born", "mobile", "email")
    }
    assert opened == {
        "number": ["0001", "0002", "0003"],
        "name": ["Anu Kizhakke", "Binu Vadakke", "Cinu Thekke"],
        "born": ["1980-01-31", None, "1990-02-01"],
        "mobile": ["+910123456789", "+910123456780", None],
        "email": ["anu@mail.example", None, "Cinu@post.example"],
    }
    assert table["mobile_token"].to_pylist() == seal.contact_tokens("mobile", opened["mobile"], keyring)


def test_records_reach_duckdb_in_the_order_asked_for(accepting: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring)
    reader = snapshot.open_records(accepting, keyring, loaded.snapshot, ["state", "record"])
    assert reader.schema.names == ["state", "record"]
    with engine.connect() as relations:
        relations.register("records", reader)
        found = relations.execute("select count(*), count(distinct record), min(state) from records").fetchone()
    assert found == (3, 3, "DEAD")


def test_quarantine_says_where_and_why(accepting: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring)
    kept = snapshot.open_quarantine(accepting, keyring, loaded.snapshot).read_all().to_pylist()
    assert kept == [
        {"row": 5, "column": "born", "reason": "not_a_date"},
        {"row": 6, "column": "name", "reason": "undecodable"},
    ]


def test_nothing_personal_in_files_rows_journal_or_logs(
    accepting: Home, keyring: Keyring, file: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring)
    report = snapshot.check(people(), file, accept_test_numbers=True)
    said = caplog.text + "".join(capfd.readouterr()) + repr(report) + repr(loaded)
    kept = [said.encode(), *(bytes(row.body) for row in Journal.objects.all())]
    kept += [repr(row).encode() for row in Snapshot.objects.values()]
    files = [path for path in accepting.path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"records.parquet", "quarantine.parquet", "manifest.json"}
    kept += [path.read_bytes() for path in files]
    assert [value for value in PERSONAL if any(value in text for text in kept)] == []


def test_journal_entry_is_rounded(accepting: Home, keyring: Keyring, tmp_path: Path) -> None:
    rows = [f"{number:04}{ROW[4:]}" for number in range(16)]
    loaded = snapshot.load(people(), write(tmp_path / "a.csv", *rows, "bad"), home=accepting, keyring=keyring)
    entry = json.loads(bytes(Journal.objects.get(kind="snapshot").body))
    assert entry["body"] == {
        "register": "people",
        "snapshot": loaded.snapshot,
        "contract": people().digest,
        "terms": people().model_dump(mode="json", by_alias=True),
        "rows": 20,
        "quarantined": 0,
    }
    assert [rounded(n) for n in (0, 9, 10, 14, 15, 25, 104)] == [0, 0, 10, 10, 20, 30, 100]


def test_same_file_twice_changes_nothing(accepting: Home, keyring: Keyring, file: Path) -> None:
    first = snapshot.load(people(), file, home=accepting, keyring=keyring)
    second = snapshot.load(people(), file, home=accepting, keyring=keyring)
    assert second == snapshot.Loaded(first.snapshot, first.rows, first.quarantined, already=True)
    assert folders(accepting) == [first.snapshot]
    assert Journal.objects.filter(kind="snapshot").count() == Snapshot.objects.count() == 1
    other = snapshot.load(
        contract.parse(PEOPLE.replace("version = 3", "version = 4")), file, home=accepting, keyring=keyring
    )
    assert not other.already
    assert folders(accepting) == sorted([first.snapshot, other.snapshot])


@pytest.mark.parametrize("crash", ["before the rename", "between rename and commit"])
def test_a_crash_leaves_nothing_visible_and_the_next_load_cleans_up(
    accepting: Home, keyring: Keyring, file: Path, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if crash == "before the rename":
            patch.setattr(snapshot, "_commit", die)
        else:
            patch.setattr(journal, "append", die)
        with pytest.raises(KeyboardInterrupt):
            snapshot.load(people(), file, home=accepting, keyring=keyring)
    (left,) = folders(accepting)
    assert left.startswith(".partial-") == (crash == "before the rename")
    assert not Snapshot.objects.exists()
    assert not Journal.objects.filter(kind="snapshot").exists()
    with pytest.raises(RefusedError) as refused:
        snapshot.manifest(accepting, left)
    assert refused.value.code == "snapshot.unknown"
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring)
    assert not loaded.already
    set_aside = [] if crash == "before the rename" else [f".orphan-{left}"]
    assert folders(accepting) == [*set_aside, loaded.snapshot]


def test_refused_file_leaves_no_snapshot(accepting: Home, keyring: Keyring, tmp_path: Path) -> None:
    for path, code in (
        (write(tmp_path / "a.csv", header="Number,Name"), "register.header"),
        (tmp_path / "absent.csv", "register.missing"),
    ):
        with pytest.raises(RefusedError) as refused:
            snapshot.load(people(), path, home=accepting, keyring=keyring)
        assert refused.value.code == code
    assert not Snapshot.objects.exists()


def test_file_that_changes_while_it_is_read_is_refused(accepting: Home, keyring: Keyring, file: Path) -> None:
    def change(_rows: int) -> None:
        file.write_bytes(file.read_bytes() + b"\n")

    with pytest.raises(RefusedError) as refused:
        snapshot.load(people(), file, home=accepting, keyring=keyring, progress=change)
    assert refused.value.code == "register.changed"
    assert not Snapshot.objects.exists()


def test_one_load_of_a_register_at_a_time(accepting: Home, keyring: Keyring, file: Path) -> None:
    def load_again(_rows: int) -> None:
        snapshot.load(people(), file, home=accepting, keyring=keyring)

    with pytest.raises(TransientError):
        snapshot.load(people(), file, home=accepting, keyring=keyring, progress=load_again)


def test_altered_manifest_is_refused(accepting: Home, keyring: Keyring, file: Path) -> None:
    """Otherwise whoever can write to the disk could say what contacts were collected for."""
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring)
    path = accepting.vault / "registers" / "people" / loaded.snapshot / "manifest.json"
    path.write_text(path.read_text().replace("ariyippu:salary-and-benefit", "dpv:PersonnelPayment"))
    with pytest.raises(RefusedError) as refused:
        snapshot.manifest(accepting, loaded.snapshot)
    assert refused.value.code == "snapshot.altered"


def test_files_do_not_open_in_another_snapshots_place(accepting: Home, keyring: Keyring, file: Path) -> None:
    one = snapshot.load(people(), file, home=accepting, keyring=keyring)
    two = snapshot.load(people("multiline = true"), file, home=accepting, keyring=keyring)
    place = accepting.vault / "registers" / "people"
    (place / one.snapshot / "records.parquet").write_bytes((place / two.snapshot / "records.parquet").read_bytes())
    with pytest.raises(OSError, match=r"."):
        records(accepting, keyring, one.snapshot)
    keys = [snapshot.cell_key(snapshot.manifest(accepting, made.snapshot), "name", keyring) for made in (one, two)]
    cells = records(accepting, keyring, two.snapshot)
    with pytest.raises(PermanentError):
        seal.open_column(cells["name"].to_pylist(), cells["record"].to_pylist(), keys[0])


def test_only_sealed_columns_have_a_key(accepting: Home, keyring: Keyring, file: Path) -> None:
    made = snapshot.manifest(accepting, snapshot.load(people(), file, home=accepting, keyring=keyring).snapshot)
    for column in ("state", "mobile_token", "nothing"):
        with pytest.raises(KeyError):
            snapshot.cell_key(made, column, keyring)


def test_numbers_that_cannot_ring_need_the_setting(strict: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(people(), file, home=strict, keyring=keyring)
    assert (loaded.rows, loaded.quarantined) == (1, 4)


def test_many_row_groups(accepting: Home, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "ROW_GROUP_ROWS", 20)
    monkeypatch.setattr(readers, "CHUNK_ROWS", 7)
    rows = [f"{number:04}{ROW[4:]}" for number in range(100)]
    loaded = snapshot.load(people(), write(tmp_path / "a.csv", *rows), home=accepting, keyring=keyring)
    table = records(accepting, keyring, loaded.snapshot)
    assert table["row"].to_pylist() == list(range(2, 102))
    assert loaded.rows == 100


def test_snapshot_names_sort_by_time(
    accepting: Home, keyring: Keyring, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instant = clock.now().replace(2026, 11, 24, 10, 15, 0)
    monkeypatch.setattr(clock, "now", lambda: instant)
    loaded = snapshot.load(people(), file, home=accepting, keyring=keyring)
    assert loaded.snapshot[:-6] == "people-20261124T101500Z-"


# --- real public files -------------------------------------------------------------------------------


def test_real_wards(strict: Home, keyring: Keyring) -> None:
    path, agreed = real("wards.csv"), contract.find(str(CONTRACTS / "wards.toml"))
    loaded = snapshot.load(agreed, path, home=strict, keyring=keyring)
    assert (loaded.rows, loaded.quarantined) == (23_611 - 15, 15)
    kept = snapshot.open_records(strict, keyring, loaded.snapshot, ["row", "ward_name", "total"]).read_all()
    lines = path.read_bytes().split(b"\n")
    for row, name, total in zip(*(kept[column].to_pylist() for column in kept.column_names), strict=True):
        fields = lines[row - 1].decode().split(",")
        assert (" ".join(fields[2].split()), int(fields[6])) == (" ".join(name.split()), total)
    quarantine = snapshot.open_quarantine(strict, keyring, loaded.snapshot).read_all().to_pylist()
    assert quarantine == [{"row": n, "column": "ward_name", "reason": "undecodable"} for n in range(705, 720)]


def test_real_malayalam_names(strict: Home, keyring: Keyring) -> None:
    path = real("lgd_urban_local_bodies.csv")
    agreed = contract.find(str(CONTRACTS / "urban_local_bodies.toml"))
    loaded = snapshot.load(agreed, path, home=strict, keyring=keyring)
    assert (loaded.rows, loaded.quarantined) == (93, 1)
    assert path.read_text("utf-8").splitlines()[7].split(",")[4] == ""  # one body's name is really absent
    quarantine = snapshot.open_quarantine(strict, keyring, loaded.snapshot).read_all().to_pylist()
    assert quarantine == [{"row": 8, "column": "name_ml", "reason": "missing"}]
    names = snapshot.open_records(strict, keyring, loaded.snapshot, ["name_ml"]).read_all()["name_ml"].to_pylist()
    assert all(any("\u0d00" <= letter <= "\u0d7f" for letter in name) for name in names)
    assert sum(name in path.read_text("utf-8") for name in names) > 90
