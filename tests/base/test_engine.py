"""What goes into DuckDB and what comes out of it."""

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
