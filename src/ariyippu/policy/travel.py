"""What links do for records, as SQL; reference.py says the same. Marks travel, and contacts are lent.

    marks      (register, record, deceased, protected, erased, objected, told, prefers)   where something holds
    contacts   (record, token)   the contacts of one register

What excludes a person excludes whoever may be that person. So deceased, protected, erased and objected travel
over certain links, within a register too, and from a person to those whom a possible link names: one step, since
two steps of "may be" reach strangers. Told travels over certain links and to other registers only: two
buildings of one owner are two notices, but two registers that know one person need not both tell them.
A preference travels over certain links, too; where a person's records prefer different channels, none counts.

A contact is lent within a bond only, the closest certain links (link/model.py: Thresholds), by its first record
that has one, in the order of tokens.

A run's files are read as streams, each time anew; what is held of them is what marks reach, and the persons of
one register.
"""

from collections.abc import Callable

import duckdb
import pyarrow as pa

from ariyippu.base import engine

Stream = Callable[[], pa.RecordBatchReader | pa.Table]
"""Each call reads a file of the run anew."""

MARKS = pa.schema(
    [
        ("register", pa.string()),
        ("record", pa.binary(16)),
        ("deceased", pa.bool_()),
        ("protected", pa.bool_()),
        ("erased", pa.bool_()),
        ("objected", pa.bool_()),
        ("told", pa.bool_()),
        ("prefers", pa.string()),
    ]
)
SHARED = pa.schema([("record", pa.binary(16)), ("person", pa.binary(16))])
LENT = pa.schema(
    [("record", pa.binary(16)), ("way", pa.int32()), ("contact_record", pa.binary(16)), ("token", pa.binary(16))]
)

_CERTAIN = """
    create temporary table certain as
    select p.person, bool_or(m.deceased) as deceased, bool_or(m.protected) as protected,
           bool_or(m.erased) as erased, bool_or(m.objected) as objected,
           min(m.register) filter (where m.told) as told_by, max(m.register) filter (where m.told) as told_by_too,
           case when min(m.prefers) = max(m.prefers) then min(m.prefers) end as prefers
    from persons p join marks m on m.register = p.register and m.record = p.record
    group by p.person
"""
_POSSIBLE = """
    create temporary table possibly as
    select p.other as person, c.deceased, c.protected, c.erased, c.objected, null as told_by, null as told_by_too,
           null as prefers
    from possible p join certain c on c.person = p.person
"""
_REACHED = """
    select p.register, p.record, bool_or(r.deceased) as deceased, bool_or(r.protected) as protected,
           bool_or(r.erased) as erased, bool_or(r.objected) as objected,
           coalesce(bool_or(p.register <> r.told_by or p.register <> r.told_by_too), false) as told,
           any_value(r.prefers) as prefers
    from {persons} p join (from certain union all from possibly) r on r.person = p.person
    group by p.register, p.record
"""
_HERE_ONLY = "(select $register as register, record, person from here)"
_HERE = "create temporary table here as select record, person, bond from persons where register = ?"
_SHARED = """
    select h.record, h.person from persons p join here h on h.person = p.person
    where p.register <> $register
    group by h.record, h.person
"""
_LENT = """
    select h.record, $way as way, min(p.record) as contact_record, arg_min(c.token, p.record) as token
    from persons p join contacts c on c.record = p.record join here h on h.bond = p.bond
    where p.register = $lender
    group by h.record
"""


def travelled(relations: duckdb.DuckDBPyConnection, index: Stream, possible: Stream) -> pa.Table:
    """What reaches each record of any register that anything reaches, as MARKS; `relations` holds `marks`.

    A record's own marks reach it too, but for told.
    """
    _spread(relations, index, possible)
    engine.register(relations, "persons", index())
    return relations.sql(_REACHED.format(persons="persons")).to_arrow_table().cast(MARKS)


def reaching(relations: duckdb.DuckDBPyConnection, index: Stream, possible: Stream, register: str) -> pa.Table:
    """As `travelled`, for the records of `here` alone."""
    _spread(relations, index, possible)
    statement = _REACHED.format(persons=_HERE_ONLY)
    return relations.sql(statement, params={"register": register}).to_arrow_table().cast(MARKS)


def _spread(relations: duckdb.DuckDBPyConnection, index: Stream, possible: Stream) -> None:
    """Make the relations `certain` and `possibly`: the persons whom marks reach."""
    engine.register(relations, "persons", index())
    relations.execute(_CERTAIN)
    engine.register(relations, "possible", possible())
    relations.execute(_POSSIBLE)


def here(relations: duckdb.DuckDBPyConnection, index: Stream, register: str) -> None:
    """Make the relation `here` (record, person, bond): an order's register, for what follows."""
    engine.register(relations, "persons", index())
    relations.execute(_HERE, [register])


def shared(relations: duckdb.DuckDBPyConnection, index: Stream, register: str) -> pa.Table:
    """The records of the register whose person another register knows too, as SHARED."""
    engine.register(relations, "persons", index())
    return relations.sql(_SHARED, params={"register": register}).to_arrow_table().cast(SHARED)


def lent(relations: duckdb.DuckDBPyConnection, index: Stream, lender: str, way: int) -> pa.Table:
    """Whose contact each record may borrow from the register `lender`, as LENT; `relations` holds `contacts`."""
    engine.register(relations, "persons", index())
    return relations.sql(_LENT, params={"lender": lender, "way": way}).to_arrow_table().cast(LENT)
