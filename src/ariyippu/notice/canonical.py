"""One form for criteria that say the same in another order, doubled or nested otherwise. Pure.

It is no proof of equivalence: `arrears > 0` and `arrears >= 1` stay two.
"""

import datetime as dt
import hashlib

from ariyippu.base.documents import canonical_json
from ariyippu.notice.criteria import All, AnyOf, Between, Compare, Exists, In, Node, Not, Value


def canonical(node: Node) -> Node:
    """The node with its parts in one order, none doubled, none nested without need; it holds for the same rows."""
    match node:
        case All(parts):
            return _joined(All, parts)
        case AnyOf(parts):
            return _joined(AnyOf, parts)
        case Not(part):
            inner = canonical(part)
            return inner.part if isinstance(inner, Not) else Not(inner)
        case In(field, values):
            listed = sorted(set(values), key=repr)
            return Compare(field, "==", listed[0]) if len(listed) == 1 else In(field, tuple(listed))
        case Between(field, low, high) if low == high:
            return Compare(field, "==", low)
    return node


def document(node: Node) -> dict[str, object]:
    """The JSON value that `criteria.parse` reads as this node."""
    match node:
        case All(parts):
            return {"all": [document(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [document(part) for part in parts]}
        case Not(part):
            return {"not": document(part)}
        case Compare(field, op, value):
            return {"field": field, "op": op, "value": _json(value)}
        case In(field, values):
            return {"field": field, "in": [_json(value) for value in values]}
        case Between(field, low, high):
            return {"field": field, "between": [_json(low), _json(high)]}
        case Exists(field):
            return {"field": field, "exists": True}


def digest(node: Node) -> str:
    """SHA-256 in hex of the canonical form: the same question has the same one."""
    return hashlib.sha256(canonical_json(document(canonical(node)))).hexdigest()


def _joined(kind: type[All] | type[AnyOf], parts: tuple[Node, ...]) -> Node:
    flat: dict[bytes, Node] = {}
    for part in map(canonical, parts):
        for inner in part.parts if isinstance(part, kind) else (part,):
            flat[canonical_json(document(inner))] = inner
    ordered = tuple(flat[key] for key in sorted(flat))
    return ordered[0] if len(ordered) == 1 else kind(ordered)


def _json(value: Value) -> int | str:
    return value.isoformat() if isinstance(value, dt.date) else value
