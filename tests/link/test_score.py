"""What a pair says: what a marriage changes counts once, and what twins share does not make them one."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pytest

from ariyippu.base import engine
from ariyippu.base.keys import Keyring
from ariyippu.ingest.contract import LinkRole
from ariyippu.ingest.features.make import Maker
from ariyippu.link import model, score, train

Texts = Mapping[LinkRole, str | None]

WOMAN: Texts = {
    "name": "Sreeja K P",
    "guardian": "Anilkumar",
    "house": "Kizhakkeparambil",
    "locality": "Edathua",
    "district": "Alappuzha",
    "mobile": "0123456789",
}
TWIN: Texts = {
    "name": "Sumesh K R",
    "guardian": "Rajan",
    "house": "Kizhakkeparambil",
    "locality": "Edathua",
    "born_on": "1980-01-31",
}


def _relations(keyring: Keyring, records: list[Texts], relations: duckdb.DuckDBPyConnection) -> None:
    """Each record in a register of its own."""
    roles: tuple[LinkRole, ...] = tuple(dict.fromkeys(role for record in records for role in record))
    maker, tables = Maker(roles, keyring), {}
    for number, record in enumerate(records):
        made = maker.batch([number.to_bytes(16, "big")], {role: [record.get(role)] for role in roles})
        tables[f"register {number}"] = (pa.Table.from_batches([made]).to_reader(), False)
    score.stack(relations, tables)


def _pair(keyring: Keyring, one: Texts, other: Texts) -> dict[str, float]:
    with engine.connect() as relations:
        _relations(keyring, [one, other], relations)
        (row,) = score.pairs(relations, model.load()).to_arrow_table().to_pylist()
    return dict(row)


def test_what_a_marriage_changes_at_once_counts_so_much_and_no_more(keyring: Keyring) -> None:
    before = {**WOMAN, "name": "Sreeja V T", "guardian": "Thomas", "house": "Vadakkedath", "locality": "Chengannur"}
    found = _pair(keyring, WOMAN, before)
    assert sum(found[f"mw_{name}"] for name in model.AT_ONCE) == pytest.approx(-model.AT_ONCE_MOST)
    evidence = sum(bits for name, bits in found.items() if name.startswith("mw_"))
    assert found["weight"] - evidence == pytest.approx(0, abs=1)  # of two records: the prior is even


def test_strength_is_never_more_than_what_speaks_against_strangers(keyring: Keyring) -> None:
    found = _pair(keyring, WOMAN, WOMAN)
    assert found["certain"]
    assert found["strength"] <= found["weight"]


def test_twins_share_birth_date_and_initials_and_are_two(keyring: Keyring) -> None:
    found = _pair(keyring, TWIN, {**TWIN, "name": "Suresh K R"})
    assert found["possible"]
    assert not found["certain"]


def test_whoever_shares_a_house_and_not_a_name_tells_what_relatives_share(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whichever registers they stand: a husband in one, his wife in another, on one phone."""
    monkeypatch.setattr(train, "LEAST_SURE_PAIRS", 1)
    with engine.connect() as relations:
        _relations(keyring, [WOMAN, {**WOMAN, "name": "Anilkumar K R", "guardian": "Raman"}], relations)
        found = train.TwoPeople.of(relations, train.HOUSEMATES)
        nobody = train.TwoPeople.of(relations, train.RELATIVES)
    assert found.share("mobile", "same", 0) == 1
    assert not nobody.shares
