"""Person ids that stay the same from run to run. Pure but for the chance in a new id.

A person of the run before goes on in the cluster that has most of its records. A cluster in which
several persons go on takes the id of the one that brought most records; the others merged into it. The
records of a person that stand in other clusters split off, under new ids. So an id never moves to somebody
else's records, and it stays while any of its records does, unless a larger person takes it in.

    clustered   (register, record, cluster, bond)   this run's records
    before      (register, record, person)    the index of the run before; empty for the first
"""

import os
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from ariyippu.link.index import PERSON_BYTES, SCHEMAS

_EARLIER = "create temporary table earlier as from before"  # a stream can be read once only
# How many of each earlier person's records stand in each cluster, and where the person goes on. Ties are
# broken by values, never by the order of rows, so that the order in which registers were loaded is no matter.
_OVERLAP = """
    create temporary table overlap as
    with first as (select cluster, min(register || hex(record)) as founder from clustered group by cluster)
    select b.person, c.cluster, count(*) as records, any_value(f.founder) as founder
    from clustered c
    join earlier b on b.register = c.register and b.record = c.record
    join first f on f.cluster = c.cluster
    group by b.person, c.cluster
"""
_HEIRS = """
    create temporary table heir as
    select person, cluster, records from overlap
    qualify row_number() over (partition by person order by records desc, founder) = 1
"""
_NAMED = """
    create temporary table named as
    select cluster, person from heir
    qualify row_number() over (partition by cluster order by records desc, hex(person)) = 1
"""
_CHANGES = """
    select 'merged' as kind, h.person, n.person as other from heir h join named n on n.cluster = h.cluster
    where h.person <> n.person
    union all
    select 'split', o.person, n.person from overlap o
    join heir h on h.person = o.person and h.cluster <> o.cluster
    join identity n on n.cluster = o.cluster
    union all
    select 'new', person, null from fresh
    union all
    select 'gone', person, null from (select distinct person from earlier) where person not in (select person from heir)
"""


@dataclass(frozen=True)
class Identified:
    """Two of the tables of link/index.py. Changes: merged (into other), split (other split off), new, gone."""

    index: pa.Table
    changes: pa.Table


def identify(relations: duckdb.DuckDBPyConnection) -> Identified:
    """Name the clusters. `relations` holds `clustered` and `before`; its temporary tables are ours."""
    for statement in (_EARLIER, _OVERLAP, _HEIRS, _NAMED):
        relations.execute(statement)
    unnamed = relations.sql("select distinct cluster from clustered where cluster not in (select cluster from named)")
    fresh = _fresh(unnamed.to_arrow_table()["cluster"])
    relations.register("fresh", fresh)
    relations.execute("create temporary table identity as from named union all by name from fresh")
    index = relations.sql(
        "select c.register, c.record, i.person, c.bond from clustered c join identity i using (cluster)"
    )
    changes = relations.sql(_CHANGES)
    return Identified(index.to_arrow_table().cast(SCHEMAS["index"]), changes.to_arrow_table().cast(SCHEMAS["changes"]))


def _fresh(clusters: pa.ChunkedArray) -> pa.Table:
    """A new random id for each cluster: 128 bits, so none is ever given twice."""
    buffer = pa.py_buffer(os.urandom(PERSON_BYTES * len(clusters)))
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(PERSON_BYTES), len(clusters), [None, buffer])
    return pa.table({"cluster": clusters, "person": ids})
