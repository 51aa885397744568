"""Which records are one person's, and which of them lend each other a contact: from pairs that were scored or settled.

What two officers settled comes before any weight; then what lends, the strongest first; then what is certain besides.
"""

import duckdb
import pyarrow as pa

from ariyippu.link import score
from ariyippu.link.cluster import Pair, clusters

_JUDGED = """
    create table judged as
    select s.* exclude (lends), coalesce(t.verdict = 'same', s.lends) as lends, t.verdict is not null as settled,
           coalesce(t.verdict, case when s.certain then 'same' end) as verdict
    from scored s left join settled t on t.one = s.one and t.two = s.two
"""
# What lends comes first: so whoever lends to each other is one person, whatever joins later.
_JOINED = """
    select one, two from judged where verdict = 'same' and (lends or {everyone})
    order by settled desc, lends desc, weight desc, one, two
"""
_TOLD_APART = "select one, two from judged where settled and verdict = 'different'"


def joined(relations: duckdb.DuckDBPyConnection) -> pa.Table:
    """place, cluster (who is one person), bond (who lends to each other; within one cluster).

    From `features`, `scored` and `settled` (one, two, verdict); makes `judged`.
    """
    relations.execute(_JUDGED)
    once, apart = score.once(relations), read_pairs(relations, _TOLD_APART)
    cluster, bond = (
        clusters(once, read_pairs(relations, _JOINED.format(everyone=everyone)), apart) for everyone in (True, False)
    )
    return pa.table({"place": pa.array(range(len(once)), pa.int64()), "cluster": cluster, "bond": bond})


def read_pairs(relations: duckdb.DuckDBPyConnection, query: str) -> list[Pair]:
    """The rows of `one` and `two`."""
    found = relations.sql(query).to_arrow_table()
    return list(zip(found["one"].to_pylist(), found["two"].to_pylist(), strict=True))
