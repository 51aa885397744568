"""What travels to records from other records of the same person, as SQL; reference.py says the same.

    marks   (register, record, deceased, protected, objected, told)   every register's, where something holds

What excludes a person excludes whoever may be that person. So deceased, protected and objected travel over
certain links, within a register too, and from a person to those whom a possible link names: one step, since
two steps of "may be" reach strangers. Told travels over certain links and to other registers only: two
buildings of one owner are two notices, but two registers that know one person need not both tell them.

What this takes depends on how many marks there are, not on how large the registers are: the index and the
possible links are read as streams.
"""

from collections.abc import Callable

import duckdb
import pyarrow as pa

Stream = Callable[[], pa.RecordBatchReader | pa.Table]

MARKS = pa.schema(
    [
        ("register", pa.string()),
        ("record", pa.binary(16)),
        ("deceased", pa.bool_()),
        ("protected", pa.bool_()),
        ("objected", pa.bool_()),
        ("told", pa.bool_()),
    ]
)

_CERTAIN = """
    create temporary table certain as
    select p.person, bool_or(m.deceased) as deceased, bool_or(m.protected) as protected,
           bool_or(m.objected) as objected,
           min(m.register) filter (where m.told) as told_by, max(m.register) filter (where m.told) as told_by_too
    from persons p join marks m on m.register = p.register and m.record = p.record
    group by p.person
"""
_POSSIBLE = """
    create temporary table possibly as
    select p.other as person, c.deceased, c.protected, c.objected, null as told_by, null as told_by_too
    from possible p join certain c on c.person = p.person
"""
_REACHED = """
    select p.register, p.record, bool_or(r.deceased) as deceased, bool_or(r.protected) as protected,
           bool_or(r.objected) as objected,
           coalesce(bool_or(p.register <> r.told_by or p.register <> r.told_by_too), false) as told
    from persons p join (from certain union all from possibly) r on r.person = p.person
    group by p.register, p.record
"""


def travelled(relations: duckdb.DuckDBPyConnection, index: Stream, possible: Stream) -> pa.Table:
    """What reaches each record that anything reaches, as MARKS; `relations` holds `marks`.

    A record's own marks reach it too, but for told. Each call of `index` and `possible` reads a run's file anew.
    """
    relations.register("persons", index())
    relations.execute(_CERTAIN)
    relations.register("possible", possible())
    relations.execute(_POSSIBLE)
    relations.register("persons", index())
    return relations.sql(_REACHED).to_arrow_table().cast(MARKS)
