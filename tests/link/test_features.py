"""Features are written at the door and read by link alone, with link's own key."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from ariyippu.base import engine, keys
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring, LinkKey
from ariyippu.ingest import contract, draft, readers, snapshot
from ariyippu.ingest.contract import Contract
from ariyippu.ingest.features.make import FEATURES_SCHEMA
from ariyippu.ingest.models import Snapshot
from ariyippu.link.features import open_features
from tests.ingest.files import PEOPLE, ROW, people, write
from tests.refusals import refused

pytestmark = pytest.mark.django_db

ROWS = (
    ROW,
    "0002,Binu Vadakke,,DEAD,,+91 0123456780,",
    "bad row",
    "0003,അനു കിഴക്കെ,31/01/1980,LIVING,,,ANU@mail.example",
)
VALUES = (b"Anu Kizhakke", "അനു".encode(), b"anukilake", b"0123456789", b"anu@mail.example", b"1980")


@pytest.fixture
def own(tmp_path: Path) -> Home:
    (tmp_path / "home" / "vault").mkdir(parents=True)
    (tmp_path / "home" / "settings.toml").write_text("accept_test_numbers = true\n")
    return Home(tmp_path / "home")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "people.csv", *ROWS)


@pytest.fixture
def link_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIYIPPU_STAGE", "link")


def linking() -> Contract:
    text = PEOPLE.replace("max_length = 20", 'max_length = 20\nlink = "name"')
    for kind, role in (("date", "born_on"), ("mobile", "mobile"), ("email", "email")):
        text = text.replace(f'type = "{kind}"', f'type = "{kind}"\nlink = "{role}"')
    return contract.parse(text)


def read(home: Home, snapshot_id: str) -> pa.Table:
    key = keys.load_link_key(home.link_key)
    with engine.readable("The features"):
        return open_features(home, key, snapshot_id).read_all()


@pytest.mark.usefixtures("link_stage")
def test_features_stand_beside_their_records_in_the_same_order(
    own: Home, keyring: Keyring, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "ROW_GROUP_ROWS", 2)
    monkeypatch.setattr(readers, "CHUNK_ROWS", 1)
    loaded = snapshot.load(linking(), file, home=own, keyring=keyring)
    table = read(own, loaded.snapshot)
    records = snapshot.open_records(own, keyring, loaded.snapshot, ["record"]).read_all()
    assert table.schema == FEATURES_SCHEMA
    assert table["record"].to_pylist() == records["record"].to_pylist()
    rows = table.to_pylist()
    assert [row["born_token"] is None for row in rows] == [False, True, False]
    assert rows[0]["name_token"] == rows[2]["name_token"] != rows[1]["name_token"]
    assert rows[0]["email_token"] == rows[2]["email_token"]
    assert table["guardian_0"].null_count == len(rows)
    made = snapshot.manifest(own, loaded.snapshot)
    assert {name: column.link for name, column in made.columns.items() if column.link} == {
        "name": "name",
        "born": "born_on",
        "mobile": "mobile",
        "email": "email",
    }


@pytest.mark.usefixtures("link_stage")
def test_no_value_is_in_them_even_for_link(own: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(linking(), file, home=own, keyring=keyring)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, FEATURES_SCHEMA) as writer:
        writer.write_table(read(own, loaded.snapshot))
    octets = sink.getvalue().to_pybytes()
    assert len(octets) > 1000
    assert [value for value in VALUES if value in octets] == []


@pytest.mark.usefixtures("link_stage")
def test_two_registers_meet_under_one_keyring(own: Home, keyring: Keyring, file: Path) -> None:
    others = contract.parse(
        PEOPLE.replace('name = "people"', 'name = "others"').replace(
            "max_length = 20", 'max_length = 20\nlink = "name"'
        )
    )
    tables = [read(own, snapshot.load(each, file, home=own, keyring=keyring).snapshot) for each in (linking(), others)]
    assert tables[0]["name_token"].to_pylist() == tables[1]["name_token"].to_pylist()
    assert not set(tables[0]["record"].to_pylist()) & set(tables[1]["record"].to_pylist())


# --- who may not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "stage"), [("vault", None), ("vault", "ingest"), ("office", "link")])
def test_any_other_stage_is_refused_the_key(
    own: Home, monkeypatch: pytest.MonkeyPatch, zone: str, stage: str | None
) -> None:
    keys.link_public_key(own.link_key)
    monkeypatch.setenv("ARIYIPPU_ZONE", zone)
    monkeypatch.delenv("ARIYIPPU_STAGE", raising=False)
    if stage is not None:
        monkeypatch.setenv("ARIYIPPU_STAGE", stage)
    with refused("features.link_only"):
        keys.load_link_key(own.link_key)


def test_a_process_that_is_not_link_s_is_refused(own: Home) -> None:
    """Outside this process and its patches: the environment of `ariyippu vault`."""
    keys.link_public_key(own.link_key)
    code = f"from pathlib import Path; from ariyippu.base import keys; keys.load_link_key(Path({str(own.link_key)!r}))"
    environment = {name: value for name, value in os.environ.items() if name != "ARIYIPPU_STAGE"}
    for stage, status in (({}, 1), ({"ARIYIPPU_STAGE": "link"}, 0)):
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment | stage, capture_output=True, text=True, check=False
        )
        assert done.returncode == status
        assert ("features.link_only" in done.stderr) == bool(status)


def test_the_keyring_does_not_open_them(own: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(linking(), file, home=own, keyring=keyring)
    made = snapshot.manifest(own, loaded.snapshot)
    assert made.features is not None
    with refused("features.link_only"):
        keyring.data_key(made.features.sealed_key, f"people|{loaded.snapshot}|features")
    for column in ("name_0", "name_token", "born_year"):
        with refused("features.link_only"):
            snapshot.open_records(own, keyring, loaded.snapshot, ["record", column])
    with pytest.raises(KeyError):
        snapshot.open_records(own, keyring, loaded.snapshot, ["nothing"])


@pytest.mark.usefixtures("link_stage")
def test_another_key_of_link_does_not_open_them(own: Home, keyring: Keyring, file: Path, tmp_path: Path) -> None:
    loaded = snapshot.load(linking(), file, home=own, keyring=keyring)
    keys.link_public_key(tmp_path / "other.key")
    with pytest.raises(PermanentError):
        open_features(own, keys.load_link_key(tmp_path / "other.key"), loaded.snapshot)


@pytest.mark.usefixtures("link_stage")
def test_a_sealed_key_opens_for_its_own_snapshot_only(own: Home, keyring: Keyring, tmp_path: Path) -> None:
    one, two = (
        snapshot.load(linking(), write(tmp_path / f"{n}.csv", *ROWS[:n]), home=own, keyring=keyring) for n in (1, 2)
    )
    folder, sealed = own.vault / "registers" / "people", snapshot.manifest(own, one.snapshot).features
    (folder / two.snapshot / "features.parquet").write_bytes((folder / one.snapshot / "features.parquet").read_bytes())
    with pytest.raises(RefusedError, match=r"file\.damaged"):
        read(own, two.snapshot)
    assert sealed is not None
    key: LinkKey = keys.load_link_key(own.link_key)
    with pytest.raises(PermanentError):
        key.data_key(sealed.sealed_key, f"people|{two.snapshot}|features")


# --- what there is none of ---------------------------------------------------------------------------


@pytest.mark.usefixtures("link_stage")
def test_a_contract_that_links_nothing_has_none(own: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(people(), file, home=own, keyring=keyring)
    assert not (own.vault / "registers" / "people" / loaded.snapshot / "features.parquet").exists()
    keys.link_public_key(own.link_key)
    with refused("features.none"):
        read(own, loaded.snapshot)


def amend(home: Home, snapshot_id: str, change: dict[str, object]) -> None:
    """Commit another manifest for a snapshot, as another release of the software would have written it."""
    file = home.vault / "registers" / "people" / snapshot_id / "manifest.json"
    made = {**json.loads(file.read_text()), **change}
    file.write_text(json.dumps({name: value for name, value in made.items() if value is not None}))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    Snapshot.objects.filter(pk=snapshot_id).update(manifest_sha256=sha256)


@pytest.mark.usefixtures("link_stage")
def test_features_of_another_version_are_refused(own: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(linking(), file, home=own, keyring=keyring)
    features = snapshot.manifest(own, loaded.snapshot).features
    assert features is not None
    amend(own, loaded.snapshot, {"features": {**features.model_dump(), "version": features.version + 1}})
    with refused("features.other_version"):
        read(own, loaded.snapshot)


@pytest.mark.usefixtures("link_stage")
def test_a_snapshot_of_before_features_is_read_and_has_none(own: Home, keyring: Keyring, file: Path) -> None:
    loaded = snapshot.load(linking(), file, home=own, keyring=keyring)
    before = json.loads((own.vault / "registers" / "people" / loaded.snapshot / "manifest.json").read_text())
    columns = {name: {k: v for k, v in column.items() if k != "link"} for name, column in before["columns"].items()}
    amend(own, loaded.snapshot, {"features": None, "holds_person_once": None, "columns": columns})
    assert snapshot.open_records(own, keyring, loaded.snapshot, ["record"]).read_all().num_rows == 3
    with refused("features.none"):
        read(own, loaded.snapshot)
