"""Which records are one person's, and which of them lend each other a contact: from pairs that were scored or settled.

What two officers settled comes before any weight; then what lends, the strongest first; then what is certain besides.
"""

import duckdb
import pyarrow as pa

from ariyippu.link import score
from ariyippu.link.cluster import Evidence, Pair, clusters

SURELY = 1_000.0  # bits: whatever the other pairs say, what two officers settled joins

_JUDGED = """
    create table judged as
    select s.* exclude (lends, strength), coalesce(t.verdict = 'same', s.lends) as lends,
           case when t.verdict = 'same' then {surely} else s.strength end as strength,
           t.verdict is not null as settled, coalesce(t.verdict, case when s.certain then 'same' end) as verdict
    from scored s left join settled t on t.one = s.one and t.two = s.two
"""
# What lends comes first: so whoever lends to each other is one person, whatever joins later.
_JOINED = """
    select one, two from judged where verdict = 'same' and (lends or {everyone})
    order by settled desc, lends desc, strength desc, one, two
"""
# Of two records that nothing else joins, no third is asked about.
_ASKED = """
    with joining as (select one, two from judged where verdict = 'same'),
    joined as (
        select place, count(*) as pairs from (select one as place from joining union all select two from joining)
        group by place
    )
    select j.one, j.two, j.strength
    from judged j join joined a on a.place = j.one join joined b on b.place = j.two
    where j.verdict is distinct from 'same' or a.pairs > 1 or b.pairs > 1
"""
_TOLD_APART = "select one, two from judged where settled and verdict = 'different'"


def joined(relations: duckdb.DuckDBPyConnection, enough: float) -> pa.Table:
    """place, cluster (who is one person), bond (who lends to each other; within one cluster).

    From `features`, `scored` and `settled` (one, two, verdict); makes `judged`. `enough`: the model's threshold
    `certain`, in bits.
    """
    relations.execute(_JUDGED.format(surely=SURELY))
    once, apart = score.once(relations), read_pairs(relations, _TOLD_APART)
    evidence = Evidence(_strengths(relations), enough)
    cluster, bond = (
        clusters(once, read_pairs(relations, _JOINED.format(everyone=everyone)), evidence, apart)
        for everyone in (True, False)
    )
    return pa.table({"place": pa.array(range(len(once)), pa.int64()), "cluster": cluster, "bond": bond})


def _strengths(relations: duckdb.DuckDBPyConnection) -> dict[Pair, float]:
    """The strengths of the pairs that may be asked."""
    found = relations.sql(_ASKED).to_arrow_table()
    ends = zip(found["one"].to_pylist(), found["two"].to_pylist(), strict=True)
    return dict(zip(ends, found["strength"].to_pylist(), strict=True))


def read_pairs(relations: duckdb.DuckDBPyConnection, query: str) -> list[Pair]:
    """The rows of `one` and `two`."""
    found = relations.sql(query).to_arrow_table()
    return list(zip(found["one"].to_pylist(), found["two"].to_pylist(), strict=True))
