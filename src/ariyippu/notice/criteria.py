"""Criteria: whom a notice concerns, as frozen nodes over a register's attributes. Pure.

    {"all": [...]}  {"any": [...]}  {"not": {...}}
    {"field": "arrears", "op": ">", "value": 0}          op: == != < <= > >=
    {"field": "district", "in": ["IDUKKI", "WAYANAD"]}
    {"field": "basic_pay", "between": [2300000, 6000000]}   both ends included
    {"field": "sanction_reference", "exists": true}
    {"within": {"district": "KOLLAM", "taluk": "KUNNATHUR"}}   a place, with the places that it lies in

Values have the column's type: integers for `integer` and for `money` (paise), ISO dates for `date`, text
for the rest. A comparison with an absent value is false, and `not` of it is true: two values only, never
SQL's third. `holds` is the reference; `to_sql` says the same for DuckDB.
"""

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ariyippu.base.errors import RefusedError

MAX_DEPTH = 8
MAX_NODES = 100
MAX_LISTED = 1_000

Value = int | str | dt.date
Row = Mapping[str, Value | None]

OPERATORS: Mapping[str, Callable[[Value, Value], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# The columns that name places, as contracts call them, and those without which a place's name or number
# means many: every local body has a ward 3.
PLACES: Mapping[str, tuple[str, ...]] = {
    "district": (),
    "taluk": ("district",),
    "village": ("district", "taluk"),
    "local_body_code": (),
    "ward": ("local_body_code",),
}
_NUMBERS = frozenset({"integer", "money"})
_TEXTS = frozenset({"text", "enum"})


@dataclass(frozen=True)
class All:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    part: "Node"


@dataclass(frozen=True)
class Compare:
    field: str
    op: str
    value: Value


@dataclass(frozen=True)
class In:
    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Between:
    field: str
    low: Value
    high: Value


@dataclass(frozen=True)
class Exists:
    field: str


Node = All | AnyOf | Not | Compare | In | Between | Exists

EVERYONE, NOBODY = All(()), AnyOf(())  # what `parse` never gives: a document's lists are not empty


def parse(document: Mapping[str, object], types: Mapping[str, str], protected: str | None = None) -> Node:
    """The node that a document describes, over the columns in `types` (name -> the contract's type).

    `protected` is the column that says who is protected: nothing may ask for it (`criteria.protected_class`).
    RefusedError, too: `criteria.malformed`, `.unknown_field`, `.wrong_type`, `.too_large`.
    """
    return _Parser(types, protected).node(document, MAX_DEPTH)


def fields(node: Node) -> frozenset[str]:
    """The columns that the criteria read."""
    match node:
        case All(parts) | AnyOf(parts):
            return frozenset().union(*(fields(part) for part in parts))
        case Not(part):
            return fields(part)
    return frozenset({node.field})


def compared(node: Node) -> frozenset[str]:
    """The columns whose values the criteria look at; one that need only be there or not is not among them."""
    match node:
        case All(parts) | AnyOf(parts):
            return frozenset().union(*(compared(part) for part in parts))
        case Not(part):
            return compared(part)
        case Exists():
            return frozenset()
    return frozenset({node.field})


def holds(node: Node, row: Row) -> bool:
    """Whether a row, with a key for each of the criteria's fields, satisfies them: the reference."""
    match node:
        case All(parts):
            return all(holds(part, row) for part in parts)
        case AnyOf(parts):
            return any(holds(part, row) for part in parts)
        case Not(part):
            return not holds(part, row)
    value = row[node.field]
    if value is None:
        return False
    match node:
        case Compare(_, op, wanted):
            return OPERATORS[op](value, wanted)
        case In(_, values):
            return value in values
        case Between(_, low, high):
            return OPERATORS["<="](low, value) and OPERATORS["<="](value, high)
    return True  # Exists


def to_sql(node: Node) -> tuple[str, list[object]]:
    """A condition in DuckDB's dialect and its parameters, in the order of their `?`.

    Columns stand in it by name, quoted; `parse` took them from the contract. It is never null: what
    compares with an absent value is made false before `not` sees it.
    """
    match node:
        case All(parts):
            return _joined(parts, " and ") if parts else ("true", [])
        case AnyOf(parts):
            return _joined(parts, " or ") if parts else ("false", [])
        case Not(part):
            inner, parameters = to_sql(part)
            return f"(not {inner})", parameters
        case Exists(field):
            return f"({_quoted(field)} is not null)", []
        case Compare(field, op, value):
            return f"coalesce({_quoted(field)} {_SQL[op]} ?, false)", [value]
        case In(field, values):
            return f"coalesce({_quoted(field)} in ({', '.join('?' * len(values))}), false)", list(values)
        case Between(field, low, high):
            return f"coalesce({_quoted(field)} between ? and ?, false)", [low, high]


_SQL = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def _quoted(field: str) -> str:
    escaped = field.replace('"', '""')
    return f'"{escaped}"'


def _joined(parts: Sequence[Node], word: str) -> tuple[str, list[object]]:
    conditions, parameters = [], list[object]()
    for part in parts:
        condition, own = to_sql(part)
        conditions.append(condition)
        parameters += own
    return f"({word.join(conditions)})", parameters


class _Parser:
    """Parses one document and counts its nodes."""

    def __init__(self, types: Mapping[str, str], protected: str | None) -> None:
        self._types = types
        self._protected = protected
        self._nodes = 0

    def node(self, document: object, depth: int) -> Node:
        self._nodes += 1
        if depth == 0 or self._nodes > MAX_NODES:
            raise RefusedError("criteria.too_large", f"Criteria have at most {MAX_NODES} parts, {MAX_DEPTH} deep.")
        if not isinstance(document, Mapping):
            raise _malformed("a part is not an object")
        match dict(document):
            case {"all": list(parts), **rest} if parts and not rest:
                return All(tuple(self.node(part, depth - 1) for part in parts))
            case {"any": list(parts), **rest} if parts and not rest:
                return AnyOf(tuple(self.node(part, depth - 1) for part in parts))
            case {"not": part, **rest} if not rest:
                return Not(self.node(part, depth - 1))
            case {"field": str(field), **rest}:
                return self._leaf(field, rest)
            case {"within": Mapping() as places, **rest} if places and not rest:
                return self._within(places, depth)
        raise _malformed("a part has none of all, any, not, field, within, or has more than it may")

    def _within(self, places: Mapping[str, object], depth: int) -> Node:
        for place in places:
            if place not in PLACES:
                raise _malformed(f"{place!r} is no place; places are {', '.join(PLACES)}")
            if missing := set(PLACES[place]) - set(places):
                raise _malformed(f"a {place} is named together with its {min(missing)}")
        parts = [{"field": place, "op": "==", "value": value} for place, value in places.items()]
        return All(tuple(self.node(part, depth - 1) for part in parts))

    def _leaf(self, field: str, rest: Mapping[str, object]) -> Node:
        if field not in self._types:
            raise RefusedError("criteria.unknown_field", f"There is no attribute {field!r} in this register.")
        if field == self._protected:
            raise RefusedError("criteria.protected_class", f"{field!r} says who is protected: nobody is chosen by it.")
        match rest:
            case {"op": str(op), "value": value, **more} if op in OPERATORS and not more:
                return Compare(field, op, self._value(field, value))
            case {"in": list(values), **more} if values and not more:
                if len(values) > MAX_LISTED:
                    raise RefusedError("criteria.too_large", f"{field!r} is in at most {MAX_LISTED} values.")
                return In(field, tuple(self._value(field, value) for value in values))
            case {"between": [low, high], **more} if not more:
                return Between(field, self._value(field, low), self._value(field, high))
            case {"exists": True, **more} if not more:
                return Exists(field)
        raise _malformed(f"the condition on {field!r} is none of op and value, in, between, exists")

    def _value(self, field: str, value: object) -> Value:
        kind = self._types[field]
        if kind in _NUMBERS and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            return value
        if kind == "date" and isinstance(value, str):
            if (date := _iso_date(value)) is not None:
                return date
        elif kind in _TEXTS and isinstance(value, str):
            return value
        raise RefusedError("criteria.wrong_type", f"A value for {field!r} is not of its type, {kind}.")


def _iso_date(text: str) -> dt.date | None:
    """2026-02-04 and no other of ISO 8601's spellings; None when it is not that."""
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return date if date.isoformat() == text else None


def _malformed(why: str) -> RefusedError:
    return RefusedError("criteria.malformed", f"The criteria cannot be read: {why}.")
