"""The decision as one SQL statement: every candidate gets one row, with `included` or not, and a reason.

The statement is compiled from the order's situation; reference.py says the same in plain Python, and a
property test holds the two, and Cedar, together. It reads seven relations:

    records    (record, deceased, protected, minor, <contact>_token…, attributes…)   the order's snapshot
    marked     (record, erased, objected, told, capped, prefers)   once for each of which the database knows something
    linked     (record, deceased, protected, erased, objected, told, prefers)   what travelled to them: travel.py
    lent       (record, way, contact_record, token)   whose contact each may borrow: the place of the way among all
    shared     (record, person)   records of persons whom other registers know too
    suspended  (token)         contacts of the order's register that are not used: suspensions.py
    verified   (token)         contacts that its department verified since `Situation.fresh_since`

Our own columns begin with an underscore, which no contract's column does; the criteria are asked before
anything is joined, so that they can mean the register's columns only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args

import duckdb
import pyarrow as pa

from ariyippu.notice import criteria
from ariyippu.notice.criteria import NOBODY
from ariyippu.notice.documents import Channel
from ariyippu.policy.reference import REASONS, Situation, Way

TOKEN = pa.binary(16)
WORD = pa.dictionary(pa.int32(), pa.string())  # one of few: kept, and written, as its place among them
_CHANNELS: tuple[Channel, ...] = get_args(Channel)
DECISION_SCHEMA = pa.schema(
    [
        ("record", pa.binary(16)),
        ("reason", WORD),
        ("channel", WORD),  # this and what follows: null unless included
        ("contact_of", WORD),  # the register that lends the contact; null: the record's own
        ("contact_record", pa.binary(16)),  # the record whose contact it is; null: its own
        ("person", pa.binary(16)),  # null: no other register knows the person
    ]
)
MARKED = pa.schema(
    [
        ("record", pa.binary(16)),
        *((name, pa.bool_()) for name in ("erased", "objected", "told", "capped")),
        ("prefers", pa.string()),  # a channel
    ]
)
_JOIN_LENT = "left join lent as lent_{0} on lent_{0}.record = r.record and lent_{0}.way = {0}"
_INCLUDED, _SHARED = REASONS.index("included"), REASONS.index("contact_shared")
_OR_SHARED = f"case when _reason = {_INCLUDED} and _way is null then {_SHARED} else _reason end"
_FIRST = """case when _to is null or row_number() over (partition by coalesce(_to, record) order by record) = 1
    then _usable end"""  # who has a contact with nobody else is in a partition of one's own


def compile_decision(where: criteria.Node, situation: Situation) -> tuple[str, list[object]]:
    """The statement and its parameters.

    Columns out: record, reason (its place in REASONS), way (its place among the order's; null unless included),
    contact_record, person. Places and UUIDs are kept in rows; texts and blobs would be copied for each of them.
    """
    stopping, parameters = _stopping(situation)
    condition, wanted = criteria.to_sql(where)
    contacts, since = _contacts(situation)
    own, marked, linked = (_first_reason(of, situation) for of in ("candidate", "marked", "linked"))
    ways, prefers = situation.ways, f"{_preferred(situation)} as prefers"
    places = range(len(ways))
    borrowing = [place for place in places if ways[place].contact_of is not None]
    impersonal = {n: _token(ways[n], n) for n in places if ways[n].column is not None and not ways[n].personal}
    statement = f"""
        with concerned as (
            select r.*, {stopping} from records r where {condition}
        ), candidate as (
            select r.*, m.reason as _marked, l.reason as _linked, s.person as _person,
                coalesce(m.prefers, l.prefers) as _prefers,
                {contacts}
            from concerned r
            left join (select record, {marked} as reason, {prefers} from marked) m on m.record = r.record
            left join (select record, {linked} as reason, {prefers} from linked) l on l.record = r.record
            left join shared s on s.record = r.record
            {" ".join(_JOIN_LENT.format(n) for n in borrowing)}
        ), decided as (
            select *, coalesce(least({own}, _marked, _linked), {_INCLUDED}) as _reason from candidate
        ), usable as (
            select *, case when _reason <> {_INCLUDED} then null {_choice(situation)} end as _usable from decided
        ), addressed as (
            select *, {_of("_usable", impersonal)} as _to from usable
        ), chosen as (
            select *, {_FIRST if impersonal else "_usable"} as _way from addressed
        )
        select record, {_OR_SHARED if impersonal else "_reason"} as reason, _way as way,
            {_of("_way", {n: f"_lent_{n}" for n in borrowing})} as contact_record,
            case when _way is not null then _person end as person
        from chosen
    """  # noqa: S608  only names of checked contracts and orders, and our own words; values are parameters
    return statement, parameters + wanted + since


def decide(relations: duckdb.DuckDBPyConnection, where: criteria.Node, situation: Situation) -> pa.RecordBatchReader:
    """Run the statement on a connection that holds the seven relations. Rows as DECISION_SCHEMA."""
    statement, parameters = compile_decision(where, situation)
    numbered = relations.sql(statement, params=parameters).to_arrow_reader(100_000)
    worded = (_worded(batch, situation.ways) for batch in numbered)
    return pa.RecordBatchReader.from_batches(DECISION_SCHEMA, worded)


def _worded(numbered: pa.RecordBatch, ways: Sequence[Way]) -> pa.RecordBatch:
    way = numbered["way"]
    columns = [
        numbered["record"].cast(TOKEN),
        pa.array(REASONS, WORD).take(numbered["reason"]),
        pa.array([way.channel for way in ways], WORD).take(way),
        pa.array([way.contact_of for way in ways], WORD).take(way),
        numbered["contact_record"].cast(TOKEN),
        numbered["person"].cast(TOKEN),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=DECISION_SCHEMA)


def fresh(way: Way, situation: Situation, records: str) -> tuple[str, list[object]]:
    """Whether a contact was verified, or its register handed over, lately; `records`: the relation's name.

    The condition, which is never null where there is a contact, and its parameters. It may read `verified`.
    """
    lately = f"""{records}."{way.column}_token" in (select token from verified)"""  # noqa: S608
    if way.verified_on is not None:
        return f"""(coalesce({records}."{way.verified_on}" >= ?, false) or {lately})""", [situation.fresh_since]
    return ("true" if way.handed_over_lately else lately), []


def _first_reason(of: Literal["candidate", "marked", "linked"], situation: Situation) -> str:
    """The first of the reasons that one relation gives, as its place; null where it gives none.

    REASONS stand in the order of the rules: of several relations' reasons, the least counts.
    """
    ways, places = situation.ways, range(len(situation.ways))
    asked, guarded = not situation.emergency, not situation.own_entitlement
    stays = any(way.stayed != NOBODY for way in ways)
    restraints = any(way.restrained != NOBODY for way in ways)
    mixed = not all(way.covered for way in ways)
    dated = any(way.contact_of is None and (way.verified_on or not way.handed_over_lately) for way in ways)
    rules = (
        (not situation.in_force, "candidate", "true", "order_not_in_force"),
        (stays, "candidate", _no_way(situation, _stayed), "stayed"),
        (stays or restraints, "candidate", _no_way(situation, _stopped), "restrained"),
        (mixed, "candidate", f"{_any(places, _has)} and not {_any(places, _covered)}", "purpose_not_covered"),
        (guarded, "candidate", "protected", "protected"),
        (guarded, "linked", "protected", "protected_linked"),
        (True, "candidate", "deceased", "deceased"),
        (True, "linked", "deceased", "deceased_linked"),
        (True, "candidate", "minor", "minor"),
        (True, "marked", "erased", "erased"),
        (True, "linked", "erased", "erased_linked"),
        (asked, "marked", "objected", "objected"),
        (asked, "linked", "objected", "objected_linked"),
        (True, "candidate", f"not {_any(places, _has)}", "no_contact"),
        (not all(way.consented for way in ways), "candidate", f"not {_any(places, _consented)}", "no_consent"),
        (dated, "candidate", f"not {_any(places, _fresh)}", "contact_stale"),
        (True, "candidate", f"not {_any(places, _live)}", "contact_suspended"),
        (asked, "marked", "told", "told_recently"),
        (asked, "linked", "told", "told_linked"),
        (asked, "marked", "capped", "capped"),
    )
    given = [(condition, reason) for applies, giver, condition, reason in rules if applies and giver == of]
    cases = " ".join(f"when {condition} then {REASONS.index(reason)}" for condition, reason in given)
    return f"cast(case {cases} end as smallint)"  # what is held of millions of records is small


def _choice(situation: Situation) -> str:
    """The first usable way on the channel that the person prefers, else the first one: it makes none usable."""
    ways = situation.ways
    usable = [(_live(n) if _is_open(way) else f"{_live(n)} and not {_stopped(n)}", n) for n, way in enumerate(ways)]
    preferred = [(f"_prefers = {_CHANNELS.index(ways[n].channel)} and {condition}", n) for condition, n in usable]
    choice = preferred + usable if _has_choice(situation) else usable
    return " ".join(f"when {condition} then {n}" for condition, n in choice)


def _is_open(way: Way) -> bool:
    return way.stayed == NOBODY and way.restrained == NOBODY


def _preferred(situation: Situation) -> str:
    """The channel that a person prefers, as its place, whether or not the order uses it; null where that says nothing.

    One's own word for a channel that the order does not use still comes before what a link says.
    """
    places = {f"'{channel}'": str(place) for place, channel in enumerate(_CHANNELS)}
    return f"cast({_of('prefers', places if _has_choice(situation) else {})} as smallint)"


def _has_choice(situation: Situation) -> bool:
    return not situation.emergency and len({way.channel for way in situation.ways}) > 1


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


def _contacts(situation: Situation) -> tuple[str, list[object]]:
    """Whether there is a contact on each way, whether it may be used, and whose it is where it is lent.

    What is lent is used: policy.linked leaves out the contacts that are suspended, or not verified lately.
    """
    columns, parameters = [], list[object]()
    for place, way in enumerate(situation.ways):
        has = is_fresh = used = "false"
        if way.contact_of is not None:
            has, is_fresh, used = f"lent_{place}.record is not null", "true", "true"
            columns.append(f"lent_{place}.contact_record as _lent_{place}, lent_{place}.token as _lent_token_{place}")
        elif way.column is not None:
            has = f'r."{way.column}_token" is not null'
            used = f'r."{way.column}_token" not in (select token from suspended)'  # noqa: S608
            is_fresh, since = fresh(way, situation, "r")
            parameters += 2 * since  # it stands in two columns
        covered = f"{has} and {_sql(way.covered)}"
        consented = f"{covered} and {_sql(way.consented)}"
        is_fresh = f"{consented} and {is_fresh}"
        columns += [
            f"{has} as _has_{place}",
            f"{covered} as _covered_{place}",
            f"{consented} as _consented_{place}",
            f"{is_fresh} as _fresh_{place}",
            f"{is_fresh} and {used} as _live_{place}",
        ]
    return ", ".join(columns), parameters


def _token(way: Way, place: int) -> str:
    """The contact on a way."""
    return f"_lent_token_{place}" if way.contact_of is not None else f'"{way.column}_token"'


def _has(place: int) -> str:
    return f"_has_{place}"


def _covered(place: int) -> str:
    return f"_covered_{place}"


def _consented(place: int) -> str:
    return f"_consented_{place}"


def _fresh(place: int) -> str:
    return f"_fresh_{place}"


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


def _of(column: str, values: Mapping[int, str] | Mapping[str, str]) -> str:
    """What is said of what this column holds, mostly a way's place; null where nothing is."""
    cases = " ".join(f"when {held} then {value}" for held, value in values.items())
    return f"case {column} {cases} end" if cases else "null"


def _sql(value: bool) -> str:
    return "true" if value else "false"
