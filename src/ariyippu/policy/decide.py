"""The decision as one SQL statement: every candidate gets one row, with `included` or not, and a reason.

The statement is compiled from the order's situation; reference.py says the same in plain Python and a
property test holds the two together. It reads seven relations:

    records    (record, deceased, protected, <contact>_token…, attributes…)   the order's snapshot
    objected   (record)        objections that stand against the order's purpose
    told       (record)        who was told for this purpose within the order's interval
    linked     (record, deceased, protected, objected, told)   what travelled to them: travel.py
    lent       (record, way, contact_record)   whose contact each may borrow: the place of the way among all
    shared     (record, person)   records of persons whom other registers know too
    suspended  (token)         contacts of the order's register that are not used: suspensions.py

Our own columns begin with an underscore, which no contract's column does; the criteria are asked before
anything is joined, so that they can mean the register's columns only.
"""

from collections.abc import Callable, Iterable, Mapping

import duckdb
import pyarrow as pa

from ariyippu.notice import criteria
from ariyippu.policy.reference import Situation

DECISION_SCHEMA = pa.schema(
    [
        ("record", pa.binary(16)),
        ("reason", pa.string()),
        ("channel", pa.string()),  # this and what follows: null unless included
        ("contact_of", pa.string()),  # the register that lends the contact; null: the record's own
        ("contact_record", pa.binary(16)),  # the record whose contact it is; null: its own
        ("person", pa.binary(16)),  # null: no other register knows the person
    ]
)
_JOIN_LENT = "left join lent as lent_{0} on lent_{0}.record = r.record and lent_{0}.way = {0}"


def compile_decision(where: criteria.Node, situation: Situation) -> tuple[str, list[object]]:
    """The statement and its parameters. Columns out: DECISION_SCHEMA's."""
    stopping, parameters = _stopping(situation)
    condition, wanted = criteria.to_sql(where)
    places = range(len(situation.ways))
    borrowing = [place for place in places if situation.ways[place].contact_of is not None]
    asked = _sql(not situation.emergency)
    statement = f"""
        with concerned as (
            select r.*, {stopping} from records r where {condition}
        ), candidate as (
            select r.*, o.record is not null as _objected, t.record is not null as _told,
                l.deceased as _linked_deceased, l.protected as _linked_protected,
                l.objected as _linked_objected, l.told as _linked_told, s.person as _person,
                {_contacts(situation)}
            from concerned r
            left join objected o on o.record = r.record
            left join told t on t.record = r.record
            left join linked l on l.record = r.record
            left join shared s on s.record = r.record
            {" ".join(_JOIN_LENT.format(n) for n in borrowing)}
        ), decided as (
            select *,
                case
                    when {_sql(not situation.in_force)} then 'order_not_in_force'
                    when {_no_way(situation, _stayed)} then 'stayed'
                    when {_no_way(situation, _stopped)} then 'restrained'
                    when deceased then 'deceased'
                    when _linked_deceased then 'deceased_linked'
                    when protected and {_sql(not situation.own_entitlement)} then 'protected'
                    when _linked_protected and {_sql(not situation.own_entitlement)} then 'protected_linked'
                    when _objected and {asked} then 'objected'
                    when _linked_objected and {asked} then 'objected_linked'
                    when {_any(places, _has)} and not {_any(places, _covered)} then 'purpose_not_covered'
                    when not {_any(places, _has)} then 'no_contact'
                    when not {_any(places, _live)} then 'contact_suspended'
                    when _told and {asked} then 'told_recently'
                    when _linked_told and {asked} then 'told_linked'
                    else 'included'
                end as _reason,
                case {" ".join(f"when {_live(n)} and not {_stopped(n)} then {n}" for n in places)} end as _usable
            from candidate
        ), chosen as (
            select *, case when _reason = 'included' then _usable end as _way from decided
        )
        select record, _reason as reason,
            {_of_way({n: f"'{situation.ways[n].channel}'" for n in places})} as channel,
            {_of_way({n: f"'{situation.ways[n].contact_of}'" for n in borrowing})} as contact_of,
            {_of_way({n: f"_lent_{n}" for n in borrowing})} as contact_record,
            case when _way is not null then _person end as person
        from chosen
    """  # noqa: S608  only names of checked contracts and orders, and our own words; values are parameters
    return statement, parameters + wanted


def decide(relations: duckdb.DuckDBPyConnection, where: criteria.Node, situation: Situation) -> pa.RecordBatchReader:
    """Run the statement on a connection that holds the seven relations. Rows as DECISION_SCHEMA."""
    statement, parameters = compile_decision(where, situation)
    return relations.sql(statement, params=parameters).to_arrow_reader(100_000)


# --- the columns of each way, by its place among all -------------------------------------------------


def _stopping(situation: Situation) -> tuple[str, list[object]]:
    """Whether stays, and restraints, stop the record on each way, and the conditions' parameters."""
    columns, parameters = [], list[object]()
    for place, way in enumerate(situation.ways):
        for name, node in (("stayed", way.stayed), ("restrained", way.restrained)):
            condition, values = criteria.to_sql(node)
            columns.append(f"{condition} as _{name}_{place}")
            parameters += values
    return ", ".join(columns), parameters


def _contacts(situation: Situation) -> str:
    """Whether there is a contact on each way, whether it is covered and used, and whose it is where it is lent.

    What is lent is used: policy.linked leaves out the contacts that are suspended.
    """
    columns = []
    for place, way in enumerate(situation.ways):
        has = used = "false"
        if way.contact_of is not None:
            has, used = f"lent_{place}.record is not null", "true"
            columns.append(f"lent_{place}.contact_record as _lent_{place}")
        elif way.column is not None:
            has = f'r."{way.column}_token" is not null'
            used = f'r."{way.column}_token" not in (select token from suspended)'  # noqa: S608
        covered = f"{has} and {_sql(way.covered)}"
        live = f"{covered} and {used}"
        columns += [
            f"{has} as _has_{place}",
            f"{covered} as _covered_{place}",
            f"{live} as _live_{place}",
        ]
    return ", ".join(columns)


def _has(place: int) -> str:
    return f"_has_{place}"


def _covered(place: int) -> str:
    return f"_covered_{place}"


def _live(place: int) -> str:
    return f"_live_{place}"


def _stayed(place: int) -> str:
    return f"_stayed_{place}"


def _stopped(place: int) -> str:
    return f"(_stayed_{place} or _restrained_{place})"


def _no_way(situation: Situation, stopped: Callable[[int], str]) -> str:
    """Every way of the order is stopped, or every one that could have been used."""
    places = range(len(situation.ways))
    left = _any(places, lambda place: f"({_live(place)} and not {stopped(place)})")
    return f"({' and '.join(map(stopped, places))} or ({_any(places, _live)} and not {left}))"


def _any(places: Iterable[int], test: Callable[[int], str]) -> str:
    return f"({' or '.join(map(test, places))})"


def _of_way(values: Mapping[int, str]) -> str:
    """What the chosen way says; null where it says nothing."""
    cases = " ".join(f"when {place} then {value}" for place, value in values.items())
    return f"case _way {cases} end" if cases else "null"


def _sql(value: bool) -> str:
    return "true" if value else "false"
