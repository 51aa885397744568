"""Linking runs on a small invented Kerala: under a grant, whole, refused where they must be; settled pairs count."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest

from ariyippu import flow
from ariyippu.base import engine, keys
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import LinkKey
from ariyippu.demo import local_bodies
from ariyippu.demo.accuracy import measure
from ariyippu.demo.kerala.files import TRUTH, write_demonstration
from ariyippu.demo.truth import truth_of
from ariyippu.grant.documents import UseRequest
from ariyippu.ingest import contract, snapshot
from ariyippu.ingest.features.make import FEATURES_SCHEMA
from ariyippu.link import clerical, index, model, score
from ariyippu.link.models import LinkRun
from ariyippu.link.run import Door, link, train
from tests.offices import Offices, now

REGISTERS = ("spark", "prism", "relis")
EMPLOYEES, SEED = 400, 5
OFFICES = ("requester", "owner", "custodian")
_VERDICTS: tuple[Literal["same", "different"], ...] = ("same", "different")


@dataclass
class Vault:
    """A vault with three registers of one invented Kerala, all owned by one office, and nothing linked yet."""

    home: Home
    offices: Offices
    folder: Path
    door: Door

    def load(self, register: str, file: Path | None = None) -> None:
        loaded = snapshot.load(
            contract.find(register), file or self.folder / f"{register}.csv", home=self.home, keyring=self.door.keyring
        )
        assert not loaded.already

    def grant(self, names: Sequence[str] = REGISTERS, **changes: object) -> UseRequest:
        """A granted use request for linking."""
        made = local_bodies.linking_request(names).model_copy(update={"requester": "pay-section", **changes})
        made = made.model_copy(update={"valid_from": now() - dt.timedelta(hours=1)})
        flow.receive(self.offices.signed(made, OFFICES), b"", self.home)
        return made


@pytest.fixture
def vault(tmp_path: Path, clean_vault: None, monkeypatch: pytest.MonkeyPatch) -> Vault:
    monkeypatch.setenv("ARIYIPPU_STAGE", "link")
    home, offices = Home(tmp_path / "home"), Offices()
    for place in (home.vault, home.log, home.tmp):
        place.mkdir(parents=True)
    (home.path / "settings.toml").write_text("accept_test_numbers = true\n")
    keyring = keys.create(home.keyring)
    keys.link_public_key(home.link_key)  # makes the key where there is none
    home.roots.write_text(offices.roots.model_dump_json())
    write_demonstration(tmp_path, employees=EMPLOYEES, seed=SEED, bad_share=0.0)
    made = Vault(home, offices, tmp_path, Door(home, keyring, keys.load_link_key(home.link_key)))
    trust = offices.trust(
        registers=dict.fromkeys((*REGISTERS, "ksmart-business"), "pay-register"),
        contracts=tuple(contract.find(register).digest for register in REGISTERS),
        thresholds=(*offices.trust().thresholds, *_linking_thresholds(offices)),
    )
    flow.receive(offices.root_signed(trust), b"", home)
    for register in REGISTERS:
        made.load(register)
    return made


def _linking_thresholds(offices: Offices) -> tuple[object, ...]:
    known = offices.trust().thresholds[0]
    return (known.model_copy(update={"purpose": "dpv:RecordManagement", "document": "use-request"}),)


def persons(vault: Vault) -> pa.Table:
    run = index.current()
    assert run is not None
    with index.readable(run):
        return index.open_index(vault.home, vault.door.keyring, run).read_all()


def test_records_of_one_person_become_one(vault: Vault) -> None:
    run = link(vault.grant().id, model.load(), vault.door)
    found = persons(vault)
    assert run.records == found.num_rows
    accuracy = measure(found, truth_of(vault.folder / TRUTH, vault.door.keyring), found)
    assert accuracy.precision > 0.99
    assert accuracy.recall > 0.8
    assert 0 < run.persons < run.records
    assert set(run.snapshots) == set(REGISTERS)


def test_ids_stay_when_registers_are_loaded_again_in_another_order(vault: Vault) -> None:
    grant = vault.grant().id
    link(grant, model.load(), vault.door)
    before = {(row["register"], row["record"]): row["person"] for row in persons(vault).to_pylist()}
    for register in reversed(REGISTERS):
        lines = (vault.folder / f"{register}.csv").read_bytes().splitlines(keepends=True)
        fewer = vault.folder / f"{register}-again.csv"
        fewer.write_bytes(b"".join([lines[0], *reversed(lines[2:])]))  # one record less, the others the other way round
        vault.load(register, fewer)
    link(grant, model.load(), vault.door)
    after = {(row["register"], row["record"]): row["person"] for row in persons(vault).to_pylist()}
    assert len(before) == len(after) + len(REGISTERS)
    moved = [record for record, person in after.items() if before[record] != person]
    assert len(moved) <= 2  # of a name's rarity a little changes with every record


def test_a_settled_pair_is_what_two_officers_said(vault: Vault) -> None:
    grant = vault.grant().id
    link(grant, model.load(), vault.door)
    doubtful = clerical.uncertain(vault.home, vault.door.keyring, 2)
    verdict: Literal["same", "different"]
    for pair, verdict in zip(doubtful, _VERDICTS, strict=True):
        document = clerical.settlement(pair, verdict)
        flow.receive(vault.offices.signed(document, ["owner", "custodian"]), b"", vault.home)
        assert clerical.find(vault.home, vault.door.keyring, pair.reference) == pair
    link(grant, model.load(), vault.door)
    left = {pair.reference for pair in clerical.uncertain(vault.home, vault.door.keyring, 10_000)}
    assert not left & {pair.reference for pair in doubtful}


def test_the_evidence_adds_up_and_holds_no_value(vault: Vault) -> None:
    link(vault.grant().id, model.load(), vault.door)
    for pair in clerical.uncertain(vault.home, vault.door.keyring, 20):
        prior = pair.weight - sum(evidence.weight for evidence in pair.evidence)
        assert -40 < prior < 0
        assert {type(evidence.weight) for evidence in pair.evidence} == {float}


def test_a_model_can_be_trained_on_the_registers_themselves(vault: Vault) -> None:
    trained = train(vault.grant().id, model.load().thresholds, vault.door, seed=1)
    again = train(vault.grant(id="linking-again").id, model.load().thresholds, vault.door, seed=1)
    for comparison, levels in trained.weights.items():
        for level, found in levels.items():
            assert again.weights[comparison][level] == pytest.approx(found, rel=0.05), (comparison, level)
    same, _, _ = trained.weights["born"]["same"]
    assert same > 0.5


# --- what must be refused ----------------------------------------------------------------------------


def refused(vault: Vault, request_id: str) -> str:
    with pytest.raises(RefusedError) as found:
        link(request_id, model.load(), vault.door)
    assert not LinkRun.objects.exists()
    return found.value.code


def test_linking_without_a_grant(vault: Vault) -> None:
    assert refused(vault, "no-such-request") == "link.no_grant"


def test_a_grant_for_something_else(vault: Vault) -> None:
    other = vault.grant(purpose="ariyippu:da-arrears", id="not-for-linking")
    assert refused(vault, other.id) == "link.other_purpose"


def test_a_grant_that_does_not_name_a_compared_field(vault: Vault) -> None:
    first, *rest = local_bodies.linking_request(REGISTERS).registers
    fewer = first.model_copy(update={"fields": first.fields[1:]})
    assert refused(vault, vault.grant(registers=(fewer, *rest)).id) == "link.field_not_granted"


def test_a_register_of_which_nothing_was_loaded(vault: Vault) -> None:
    assert refused(vault, vault.grant(["ksmart-business"], id="not-loaded").id) == "link.no_snapshot"


def test_a_blocking_rule_that_explodes(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "MAX_PAIRS_PER_RECORD", 0.01)
    assert refused(vault, vault.grant().id) == "link.blocking_explodes"


def test_a_model_of_another_version_of_features(tmp_path: Path) -> None:
    shipped = model.load()
    (file := tmp_path / "model.json").write_text(
        shipped.model_copy(update={"feature_version": shipped.feature_version + 1}).model_dump_json()
    )
    with pytest.raises(RefusedError) as found:
        model.load(file)
    assert found.value.code == "model.other_features"


def test_features_for_another_key_of_link(vault: Vault, tmp_path: Path) -> None:
    keys.link_public_key(tmp_path / "other.key")
    other: LinkKey = keys.load_link_key(tmp_path / "other.key")
    with pytest.raises(Exception, match="link"):
        link(vault.grant().id, model.load(), Door(vault.home, vault.door.keyring, other))
    assert not LinkRun.objects.exists()


def test_a_placeholder_s_phone_tells_nobody_apart() -> None:
    """A number that more than MAX_SHARING records share is left out before anything is compared."""
    many = score.MAX_SHARING + 1
    columns = {field.name: pa.nulls(many, field.type) for field in FEATURES_SCHEMA}
    columns["record"] = pa.array([number.to_bytes(16, "big") for number in range(many)], pa.binary(16))
    columns["mobile_token"] = pa.array([7] * many, pa.int64())
    columns["email_token"] = pa.array([*range(many - 2), 7, 7], pa.int64())
    with engine.connect() as relations:
        rows = pa.table(columns, FEATURES_SCHEMA).to_reader()
        score.stack(relations, {"spark": (rows, False)})
        ((mobiles, emails),) = relations.sql("select count(mobile_token), count(email_token) from features").fetchall()
    assert (mobiles, emails) == (0, many)
