"""What goes into DuckDB and what comes out of it."""

import secrets
from pathlib import Path

import pyarrow as pa

from ariyippu.base import engine


def test_tokens_are_joined_in_place_and_come_out_as_the_octets_that_went_in() -> None:
    tokens = pa.table({"token": pa.array([b"\xff" * 16, b"\x00" * 16, None, b"0123456789abcdef"], pa.binary(16))})
    with engine.connect(as_written=True) as relations:
        engine.register(relations, "tokens", tokens)
        engine.register(relations, "stream", tokens.to_reader())
        kinds = relations.sql("select distinct typeof(token) from tokens").fetchall()
        found = relations.sql("select t.token from tokens t left join stream s on s.token = t.token").to_arrow_table()
    assert kinds == [("UUID",)]
    assert found.cast(tokens.schema).sort_by("token") == tokens.sort_by("token")


def test_else_what_comes_out_has_arrow_s_own_types() -> None:
    with engine.connect() as relations:
        found = relations.sql("select true as flag, sum(1) as money").to_arrow_table()
    assert found.schema.types == [pa.bool_(), pa.decimal128(38, 0)]


def test_few_texts_come_as_dictionaries_and_only_where_that_is_asked_for(tmp_path: Path) -> None:
    rows = pa.record_batch(
        {"district": ["KOLLAM", None, "IDUKKI", "KOLLAM"], "place": list("abcd"), "arrears": range(4)}
    )
    key = engine.FileKey(secrets.token_bytes(32), "a file")
    engine.write_parquet(tmp_path / "rows.parquet", [rows], rows.schema, key)
    found = engine.open_parquet(tmp_path / "rows.parquet", key, few=["district", "arrears"]).read()
    assert found.schema.types == [pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.int64()]
    assert found.cast(rows.schema).to_batches() == [rows]
