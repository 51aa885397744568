"""From scored pairs to the tables of a linking run: who is one person, who may be, and what is uncertain.

On a connection that holds `features` (score.py) and `scored` (score.pairs). A pair that is certain joins its
records (join.py); what two officers settled comes before any weight. What is possible and does not join is a
possible link between two persons: it excludes and never includes (invariant 6).
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.link import clerical, identity, index, join
from ariyippu.link.compare import COMPARISONS
from ariyippu.link.models import LinkRun

_RECORDS = "select register, record from features order by place"
_CLUSTERED = """
    create table clustered as
    select f.place, f.register, f.record, c.cluster, c.bond from features f join cluster_of c on c.place = f.place
"""
# Possible, and two persons all the same; not those who were told apart.
_OPEN = """
    create table open as
    with placed as (select c.place, i.person from clustered c join index i using (register, record))
    select j.*, a.person, b.person as other
    from judged j join placed a on a.place = j.one join placed b on b.place = j.two
    where a.person <> b.person and j.possible and not (j.settled and j.verdict = 'different')
"""
_POSSIBLE = """
    select person, other, max(weight) as weight
    from (select person, other, weight from open union all select other, person, weight from open)
    group by person, other
"""


@dataclass(frozen=True, repr=False)
class Kept:
    """The vault's keys, the run that this one continues, and the strength that joins."""

    home: Home
    keyring: Keyring
    before: LinkRun | None
    enough: float


@dataclass(frozen=True)
class Records:
    """The stacked records by place."""

    register: Sequence[str]
    record: Sequence[bytes]

    @classmethod
    def of(cls, relations: duckdb.DuckDBPyConnection) -> "Records":
        rows = relations.sql(_RECORDS).to_arrow_table()
        return cls(*(rows[name].to_pylist() for name in ("register", "record")))

    def at(self, place: int) -> clerical.Record:
        return self.register[place], self.record[place]


def tables(relations: duckdb.DuckDBPyConnection, kept: Kept) -> Mapping[index.FileName, pa.Table]:
    """The files of link/index.py, from `features` and `scored`."""
    records, references = Records.of(relations), clerical.References.of(kept.keyring)
    relations.register("settled", _settled(relations, records, references))
    relations.register("cluster_of", join.joined(relations, kept.enough))
    relations.execute(_CLUSTERED)
    before = kept.before
    with index.readable(before) if before else nullcontext():
        nobody = index.SCHEMAS["index"].empty_table()
        relations.register("before", index.open_index(kept.home, kept.keyring, before) if before else nobody)
        named = identity.identify(relations)
    relations.register("index", named.index)
    relations.execute(_OPEN)
    return {
        "index": named.index,
        "changes": named.changes,
        "possible": relations.sql(_POSSIBLE).to_arrow_table(),
        "uncertain": _uncertain(relations, records, references),
    }


def _settled(relations: duckdb.DuckDBPyConnection, records: Records, references: clerical.References) -> pa.Table:
    """The scored pairs that two officers settled: one, two, verdict."""
    verdicts = clerical.verdicts()
    found = []
    for one, two in join.read_pairs(relations, "select one, two from scored") if verdicts else ():
        if verdict := verdicts.get(references.reference(records.at(one), records.at(two))):
            found.append((one, two, verdict))
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    types = (pa.int64(), pa.int64(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["one", "two", "verdict"])


def _uncertain(relations: duckdb.DuckDBPyConnection, records: Records, references: clerical.References) -> pa.Table:
    """The open pairs with their evidence, for the clerical view."""
    weights = ", ".join(f"mw_{comparison.name}" for comparison in COMPARISONS)
    found = relations.sql(f"select one, two, weight, {weights} from open").to_arrow_table()
    ends = [
        (records.at(one), records.at(two))
        for one, two in zip(found["one"].to_pylist(), found["two"].to_pylist(), strict=True)
    ]
    return pa.table(
        {
            "reference": [references.reference(one, other) for one, other in ends],
            "register": [one[0] for one, _ in ends],
            "other_register": [other[0] for _, other in ends],
            "weight": found["weight"],
            **{comparison.name: found[f"mw_{comparison.name}"] for comparison in COMPARISONS},
        }
    ).cast(index.SCHEMAS["uncertain"])
