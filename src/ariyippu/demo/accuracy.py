"""How well records were linked, held against a truth that only invented people have.

precision     of all pairs of records that were linked, the share whose records are the same person's
recall        of all pairs of records of one person, the share that was linked
wrong_person  of all messages, the share that reaches somebody else: every record is sent one, to its own
              contact, or, where it has none, to that of another register's record of its bond
wrong_by_link the same of the messages alone that depend on a link
untold        of all records, the share whose person other registers know by records of somebody else's alone: where
              two registers send one notice, the record's owner may not be told, since somebody else was

The last three are the harm. Purposes are left aside: what they forbid cannot reach the wrong person.
"""

from dataclasses import dataclass

import pyarrow as pa

from ariyippu.base import engine

# Pairs are counted by groups: n records of one sort make n x (n - 1) / 2 pairs.
_PAIRS = """
    with sorted as (
        select i.person, t.owner, count(*) as n from index i join truth t using (register, record) group by all
    ),
    linked as (select sum(n) as n from sorted group by person),
    owned as (select sum(n) as n from sorted group by owner)
    select (select coalesce(sum(n * (n - 1) // 2), 0) from linked) as linked,
           (select coalesce(sum(n * (n - 1) // 2), 0) from owned) as owned,
           (select coalesce(sum(n * (n - 1) // 2), 0) from sorted) as both
"""
_MESSAGES = """
    with record as (select i.bond, i.register, i.record, t.owner from index i join truth t using (register, record)),
    own as (select count(*) as messages from record semi join reachable using (register, record)),
    lending as (select * from record semi join reachable using (register, record)),
    borrowed as (
        select r.owner, min_by(l.owner, l.register || hex(l.record)) as reached
        from (select * from record anti join reachable using (register, record)) r
        join lending l on l.bond = r.bond and l.register <> r.register
        group by r.register, r.record, r.owner
    )
    select (select messages from own), count(*), count(*) filter (where reached <> owner) from borrowed
"""
_UNTOLD = """
    with record as (select i.person, i.register, i.record, t.owner from index i join truth t using (register, record)),
    elsewhere as (
        select bool_or(o.owner = r.owner) as own
        from record r join record o on o.person = r.person and o.register <> r.register
        group by r.register, r.record
    )
    select (select count(*) from record), (select count(*) filter (where not own) from elsewhere)
"""


@dataclass(frozen=True)
class Accuracy:
    """Shares from 0 to 1; 1.0 for precision and 0.0 for harm where nothing was linked."""

    precision: float
    recall: float
    wrong_person: float
    wrong_by_link: float
    untold: float
    messages: int


def measure(index: pa.Table, truth: pa.Table, reachable: pa.Table) -> Accuracy:
    """`index` (register, record, person, bond) against `truth` (register, record, owner).

    `reachable` (register, record): the records that have a contact of their own.
    """
    with engine.connect() as relations:
        for name, table in (("index", index), ("truth", truth), ("reachable", reachable)):
            relations.register(name, table)
        ((linked, owned, both),) = relations.sql(_PAIRS).fetchall()
        ((own, borrowed, wrong),) = relations.sql(_MESSAGES).fetchall()
        ((records, untold),) = relations.sql(_UNTOLD).fetchall()
    return Accuracy(
        precision=both / linked if linked else 1.0,
        recall=both / owned if owned else 1.0,
        wrong_person=wrong / (own + borrowed) if own + borrowed else 0.0,
        wrong_by_link=wrong / borrowed if borrowed else 0.0,
        untold=untold / records if records else 0.0,
        messages=own + borrowed,
    )
