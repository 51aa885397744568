"""The frozen audience: a published root that every row can be shown to stand under, and sizes that tell nothing."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu import flow
from ariyippu.base import engine, merkle
from ariyippu.base.models import Journal
from ariyippu.base.text import rounded
from ariyippu.ingest.seal import record_tokens
from ariyippu.ingest.snapshot import open_records
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience, objections
from ariyippu.policy.decide import DECISION_SCHEMA
from ariyippu.policy.models import AudienceRow
from tests.refusals import refused
from tests.world import PURPOSE, Person, World, build, people

COUNT = 24


@pytest.fixture
def world(clean_vault: None, tmp_path: Path) -> World:
    """Employees for whom every rule applies to somebody."""
    special = [
        Person(1, status="DECEASED"),
        Person(2, cadre="JUDICIAL"),
        Person(3, email="", mobile=""),
        Person(4, arrears="0.00"),  # no candidate
        Person(5, email=""),
    ]
    return build(tmp_path, [*special, *people(COUNT)[5:]])


def frozen(world: World, **changes: object) -> tuple[AudienceRow, pa.Table]:
    row = world.turn_until(world.order(**changes), OrderRow.DECIDED)
    kept = AudienceRow.objects.get(order=row.digest)
    return kept, audience.read(world.home, world.vault.keyring, kept)


def leaf(row: dict[str, object]) -> bytes:
    """The commitment as audience.py's docstring states it, written down anew."""
    salt, record, reason = row["salt"], row["record"], row["reason"]
    assert isinstance(salt, bytes)
    assert isinstance(record, bytes)
    assert isinstance(reason, str)
    return merkle.leaf_hash(salt + record + reason.encode())


def test_every_row_is_provably_under_the_published_root(world: World) -> None:
    kept, table = frozen(world)
    hashes = [leaf(row) for row in table.to_pylist()]
    lookup = merkle.of_leaves(hashes)
    root = merkle.root(len(hashes), lookup)
    body = _published(kept)
    assert body["root"] == kept.root == root.hex()
    assert body["size"] == kept.size == len(hashes)
    for place, each in enumerate(hashes):
        proof = merkle.inclusion_proof(place, len(hashes), lookup)
        assert merkle.verify_inclusion(each, place, len(hashes), proof, root)
    forged = leaf({**table.to_pylist()[0], "reason": "included!"})
    assert not merkle.verify_inclusion(forged, 0, len(hashes), merkle.inclusion_proof(0, len(hashes), lookup), root)


def _published(kept: AudienceRow) -> dict[str, object]:
    body = json.loads(bytes(Journal.objects.get(pk=kept.journal_id).body))
    assert body["kind"] == "audience"
    found: dict[str, object] = body["body"]
    return found


def test_everybody_has_one_reason_and_counts_are_published_rounded(world: World) -> None:
    token = record_tokens("spark", [Person(7).pen], world.vault.keyring)
    world.objection("spark", token, "ariyippu:salary-and-benefit")
    kept, table = frozen(world)
    counts = Counter(table["reason"].to_pylist())
    candidates = COUNT - 1
    assert counts.pop(audience.PADDING) == kept.size - candidates
    assert counts == kept.counts == {"deceased": 1, "no_contact": 1, "objected": 1, "included": candidates - 3}
    assert _published(kept)["counts"] == {reason: rounded(count) for reason, count in counts.items()}
    assert _published(kept)["counts"]["deceased"] == 0  # type: ignore[index]  # fewer than ten: not disclosed
    assert len(set(table["record"].to_pylist())) == table.num_rows
    channels = Counter(row["channel"] for row in table.to_pylist() if row["reason"] == "included")
    assert channels == {"email": candidates - 4, "sms": 1}
    assert all(row["channel"] is None for row in table.to_pylist() if row["reason"] != "included")


def test_salts_are_unique_and_the_order_is_not_the_register_s(world: World) -> None:
    kept, table = frozen(world)
    assert len(set(table["salt"].to_pylist())) == table.num_rows
    assert {len(salt) for salt in table["salt"].to_pylist()} == {audience.SALT_BYTES}
    with open_records(world.home, world.vault.keyring, world.snapshot, ["record"]) as records:
        registered = records.read_all()["record"].to_pylist()
    real = [record for record in table["record"].to_pylist() if record in set(registered)]
    assert len(real) == COUNT - 1
    assert real != [record for record in registered if record in set(real)]
    assert real != sorted(real)
    paddings = [place for place, reason in enumerate(table["reason"].to_pylist()) if reason == audience.PADDING]
    assert paddings != list(range(kept.size - len(paddings), kept.size))


@given(st.integers(0, 200))
def test_a_size_is_a_multiple_of_ten_and_never_less(count: int) -> None:
    included = [{"record": n.to_bytes(16, "big"), "reason": "included", "channel": "email"} for n in range(count)]
    decided = pa.Table.from_pylist(included, DECISION_SCHEMA)
    rows = audience._padded(decided)
    assert rows.num_rows >= max(10, count)
    assert rows.num_rows % 10 == 0
    assert rows.num_rows - count < 10 or count == 0
    assert len(set(rows["record"].to_pylist())) == rows.num_rows


def test_an_audience_of_nobody_is_ten_rows_of_chance(clean_vault: None, tmp_path: Path) -> None:
    world = build(tmp_path, people(3, arrears="0.00"))
    kept, table = frozen(world)
    assert kept.size == 10
    assert set(table["reason"].to_pylist()) == {audience.PADDING}
    assert _published(kept)["counts"] == {}


def test_two_audiences_of_the_same_people_share_no_commitment(world: World) -> None:
    kept, table = frozen(world)
    other, again = frozen(world, id="another-order")
    assert kept.root != other.root
    assert not {leaf(row) for row in table.to_pylist()} & {leaf(row) for row in again.to_pylist()}


# --- altered -----------------------------------------------------------------------------------------


def _rewrite(world: World, kept: AudienceRow, table: pa.Table) -> None:
    """What somebody with the keyring could do: write other rows under the right key."""
    context = f"audience|{kept.order}"
    key = engine.FileKey(world.vault.keyring.data_key(kept.wrapped_key, context), context)
    place = audience.folder(world.home, kept.order) / "audience.parquet"
    engine.write_parquet(place, table.to_batches(), audience.SCHEMA, key)


@pytest.mark.parametrize("column", ["record", "reason", "salt"])
def test_altered_rows_are_refused(world: World, column: str) -> None:
    kept, table = frozen(world)
    values = table[column].to_pylist()
    values[0] = "included" if values[0] == "padding" else "padding" if column == "reason" else bytes(16)
    altered = table.set_column(
        table.schema.get_field_index(column), column, pa.array(values, audience.SCHEMA.field(column).type)
    )
    _rewrite(world, kept, altered.cast(audience.SCHEMA))
    with refused("audience.altered"):
        audience.read(world.home, world.vault.keyring, kept)


def test_rows_in_another_order_or_number_are_refused(world: World) -> None:
    kept, table = frozen(world)
    for altered in (table.slice(1), pa.concat_tables([table.slice(1), table.slice(0, 1)]), table.slice(0, 10)):
        _rewrite(world, kept, altered)
        with refused("audience.altered"):
            audience.read(world.home, world.vault.keyring, kept)
    kept.root = "0" * 64
    _rewrite(world, kept, table)
    with refused("audience.altered"):
        audience.read(world.home, world.vault.keyring, kept)


def test_everyone_has_a_proof_and_a_stranger_has_none(world: World) -> None:
    kept, table = frozen(world)
    found = [audience.proof(world.home, world.vault.keyring, kept, record) for record in table["record"].to_pylist()]
    assert [one.index for one in found] == list(range(table.num_rows))
    assert [one.reason for one in found] == table["reason"].to_pylist()
    with refused("audience.not_in_it"):
        audience.proof(world.home, world.vault.keyring, kept, bytes(16))


def test_a_damaged_file_or_another_order_s_is_not_read(world: World) -> None:
    kept, _table = frozen(world)
    other, _again = frozen(world, id="another-order")
    places = [audience.folder(world.home, order) / "audience.parquet" for order in (kept.order, other.order)]
    shutil.copy(places[1], places[0])
    with refused("audience.altered"):
        audience.read(world.home, world.vault.keyring, kept)
    damaged = bytearray(places[1].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    places[1].write_bytes(damaged)
    with refused("audience.altered"):
        audience.read(world.home, world.vault.keyring, other)
    places[1].unlink()
    with refused("audience.altered"):
        audience.read(world.home, world.vault.keyring, other)


def test_a_key_of_another_order_opens_nothing(world: World) -> None:
    kept, _table = frozen(world)
    kept.wrapped_key = frozen(world, id="another-order")[0].wrapped_key
    with refused("audience.altered"):
        audience.read(world.home, world.vault.keyring, kept)


def test_nothing_of_a_person_lies_in_clear_beside_it(world: World) -> None:
    kept, table = frozen(world)
    written = (audience.folder(world.home, kept.order) / "audience.parquet").read_bytes()
    for value in (*table["record"].to_pylist(), b"included", b"deceased"):
        assert value not in written


# --- what the decision rests on ----------------------------------------------------------------------


def test_who_was_told_within_the_interval_is_not_told_again(world: World) -> None:
    told = record_tokens("spark", [Person(n).pen for n in range(10, 15)], world.vault.keyring)
    objections.record_told("spark", told, PURPOSE)
    kept, table = frozen(world, min_interval_days=1)
    assert kept.counts["told_recently"] == len(told)
    assert {r["record"] for r in table.to_pylist() if r["reason"] == "told_recently"} == set(told)


def test_more_than_the_cap_means_nobody_and_a_public_refusal(world: World) -> None:
    row = world.turn_until(world.order(max_messages=COUNT - 4), OrderRow.FAILED)
    assert not AudienceRow.objects.exists()
    assert not audience.folder(world.home, row.digest).exists()
    assert _failures() == [{"order": row.digest, "code": "order.over_cap"}]
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.FAILED


def test_as_many_as_the_cap_are_told(world: World) -> None:
    kept, _table = frozen(world, max_messages=COUNT - 3)
    assert kept.counts["included"] == COUNT - 3


def test_a_failure_while_it_is_kept_leaves_no_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    flow.publish(world.vault)
    verified = orders.verify_row(row, world.home)

    def fails(_kind: str, _body: object) -> int:
        raise RuntimeError("the journal is full")

    monkeypatch.setattr("ariyippu.base.journal.append", fails)
    with pytest.raises(RuntimeError):
        audience.freeze(row, verified, home=world.home, keyring=world.vault.keyring)
    assert not AudienceRow.objects.exists()
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    monkeypatch.undo()
    world.turn_until(row, OrderRow.DECIDED)  # over the half-written file


def _failures() -> list[dict[str, str]]:
    return [json.loads(bytes(row.body))["body"] for row in Journal.objects.filter(kind="failed").order_by("pk")]
