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
    stopping, parameters = _stopping(situation)
    condition, wanted = criteria.to_sql(where)
    usable = [f"({_covered(rule)} and not {_stopped(rule)})" for rule in situation.channels]
    channels = " ".join(
        f"when {test} then '{rule.channel}'" for rule, test in zip(situation.channels, usable, strict=True)
    )
    has, covered = _any(situation.channels, _has), _any(situation.channels, _covered)
    statement = f"""
        with concerned as (
            select r.*, {stopping} from records r where {condition}
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
                    when {_no_way(situation.channels, _stayed)} then 'stayed'
                    when {_no_way(situation.channels, _stopped)} then 'restrained'
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
    return statement, parameters + wanted


def decide(relations: duckdb.DuckDBPyConnection, where: criteria.Node, situation: Situation) -> pa.RecordBatchReader:
    """Run the statement on a connection that holds the four relations. Rows as DECISION_SCHEMA."""
    statement, parameters = compile_decision(where, situation)
    return relations.sql(statement, params=parameters).to_arrow_reader(100_000)


def _has(rule: ChannelRule) -> str:
    return "false" if rule.column is None else f'"{rule.column}_token" is not null'


def _covered(rule: ChannelRule) -> str:
    return f"({_has(rule)} and {_sql(rule.covered)})"


def _stopping(situation: Situation) -> tuple[str, list[object]]:
    """Two columns for each channel, whether stays and restraints stop the record on it, and their parameters."""
    columns, parameters = [], list[object]()
    for rule in situation.channels:
        for name, node in (("stayed", rule.stayed), ("restrained", rule.restrained)):
            condition, values = criteria.to_sql(node)
            columns.append(f"{condition} as _{name}_{rule.channel}")
            parameters += values
    return ", ".join(columns), parameters


def _stayed(rule: ChannelRule) -> str:
    return f"_stayed_{rule.channel}"


def _stopped(rule: ChannelRule) -> str:
    return f"(_stayed_{rule.channel} or _restrained_{rule.channel})"


def _no_way(rules: Sequence[ChannelRule], stopped: Callable[[ChannelRule], str]) -> str:
    """Every channel of the order is stopped, or every one that could have been used."""
    left = _any(rules, lambda rule: f"({_covered(rule)} and not {stopped(rule)})")
    return f"({' and '.join(stopped(rule) for rule in rules)} or ({_any(rules, _covered)} and not {left}))"


def _any(rules: Sequence[ChannelRule], test: Callable[[ChannelRule], str]) -> str:
    return "(" + " or ".join(test(rule) for rule in rules) + ")"


def _sql(value: bool) -> str:
    return "true" if value else "false"
