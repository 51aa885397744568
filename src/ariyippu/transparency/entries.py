"""What a log entry says: canonical JSON `{"at", "body", "kind", "v"}` (see base/journal.py). Pure."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from ariyippu.base.clock import rfc3339
from ariyippu.base.documents import canonical_json
from ariyippu.base.errors import RefusedError

# base.journal.Kind, repeated because that module needs Django; a test holds the two together.
KINDS = frozenset(
    {
        "roots",
        "trust",
        "snapshot",
        "linked",
        "settlement",
        "use-request",
        "request-refused",
        "withdrawal",
        "order",
        "standing-order",
        "trigger",
        "refusal",
        "audience",
        "stay",
        "amendment",
        "confirmation",
        "lift",
        "stopped",
        "recalled",
        "release",
        "hold",
        "doubts",
        "bill",
        "failed",
        "counted",
        "expired",
        "handed-off",
    }
)


@dataclass(frozen=True)
class LoggedEntry:
    """An entry of the public log. `at` has whole seconds."""

    index: int
    at: dt.datetime
    kind: str
    body: Mapping[str, object]


def parse(index: int, content: bytes) -> LoggedEntry:
    """RefusedError `entry.invalid` when the bytes are not exactly what the journal would have written."""
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
        canonical = canonical_json(value) == content
    except (ValueError, RecursionError):
        raise _invalid("it is not JSON") from None
    if not canonical:
        raise _invalid("its JSON is not canonical")
    if not isinstance(value, dict) or set(value) != {"v", "at", "kind", "body"} or repr(value["v"]) != "1":
        raise _invalid("it is not an entry of version 1")
    kind, body = value["kind"], value["body"]
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(body, dict):
        raise _invalid("its kind or its body is unknown")
    return LoggedEntry(index, _instant(value["at"]), kind, body)


def _instant(text: object) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(str(text))
    except ValueError:
        raise _invalid("its time is not RFC 3339") from None
    if instant.tzinfo is None or rfc3339(instant) != text:
        raise _invalid("its time is not in UTC and whole seconds")
    return instant


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _invalid(reason: str) -> RefusedError:
    return RefusedError("entry.invalid", f"Not a log entry: {reason}.")
