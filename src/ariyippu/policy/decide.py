"""The decision as one SQL statement: every candidate gets one row, with `included` or not, and a reason.

The statement is compiled from the order's situation; reference.py says the same in plain Python and a
property test holds the two together. It reads four relations:

    records    (record, deceased, protected, <contact>_token…, attributes…)   the order's snapshot
    objected   (record)        objections that stand against the order's purpose
    told       (record)        who was told for this purpose within the order's interval
    linked     (record, deceased, protected, objected, told)   what travelled to them: travel.py

Our own columns begin with an underscore, which no contract's column does; the criteria are asked before
anything is joined, so that they can mean the register's columns only.
"""

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from ariyippu.notice import criteria
from ariyippu.policy.reference import ChannelRule, Situation

DECISION_SCHEMA = pa.schema([("record", pa.binary(16)), ("reason", pa.string()), ("channel", pa.string())])


def compile_decision(where: criteria.Node, situation: Situation) -> tuple[str, list[object]]:
    """The statement and its parameters. Columns out: record, reason, channel (null unless included)."""
    condition, parameters = criteria.to_sql(where)
    usable = [_usable(rule) for rule in situation.channels]
    channels = " ".join(
        f"when {test} then '{rule.channel}'" for rule, test in zip(situation.channels, usable, strict=True)
    )
    has, covered = _any(situation.channels, _has), _any(situation.channels, _covered)
    none_usable = f"not ({' or '.join(usable)})"
    statement = f"""
        with concerned as (
            from records where {condition}
        ), candidate as (
            select r.*, o.record is not null as _objected, t.record is not null as _told,
                l.deceased as _linked_deceased, l.protected as _linked_protected,
                l.objected as _linked_objected, l.told as _linked_told
            from concerned r
            left join objected o on o.record = r.record
            left join told t on t.record = r.record
            left join linked l on l.record = r.record
        ), decided as (
            select record,
                case
                    when {_sql(not situation.in_force)} then 'order_not_in_force'
                    when {_sql(all(rule.stayed for rule in situation.channels))} then 'stayed'
                    when {covered} and {none_usable} then 'stayed'
                    when deceased then 'deceased'
                    when _linked_deceased then 'deceased_linked'
                    when protected and {_sql(not situation.own_entitlement)} then 'protected'
                    when _linked_protected and {_sql(not situation.own_entitlement)} then 'protected_linked'
                    when _objected then 'objected'
                    when _linked_objected then 'objected_linked'
                    when {has} and not {covered} then 'purpose_not_covered'
                    when not {has} then 'no_contact'
                    when _told then 'told_recently'
                    when _linked_told then 'told_linked'
                    else 'included'
                end as reason,
                case {channels} end as channel
            from candidate
        )
        select record, reason, case when reason = 'included' then channel end as channel from decided
    """  # noqa: S608  only column names of a checked contract and our own words; values are parameters
    return statement, parameters


def decide(relations: duckdb.DuckDBPyConnection, where: criteria.Node, situation: Situation) -> pa.RecordBatchReader:
    """Run the statement on a connection that holds the four relations. Rows as DECISION_SCHEMA."""
    statement, parameters = compile_decision(where, situation)
    return relations.sql(statement, params=parameters).to_arrow_reader(100_000)


def _has(rule: ChannelRule) -> str:
    return "false" if rule.column is None else f'"{rule.column}_token" is not null'


def _covered(rule: ChannelRule) -> str:
    return f"({_has(rule)} and {_sql(rule.covered)})"


def _usable(rule: ChannelRule) -> str:
    return f"({_covered(rule)} and {_sql(not rule.stayed)})"


def _any(rules: Sequence[ChannelRule], test: Callable[[ChannelRule], str]) -> str:
    return "(" + " or ".join(test(rule) for rule in rules) + ")"


def _sql(value: bool) -> str:
    return "true" if value else "false"
