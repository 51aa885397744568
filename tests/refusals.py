"""What tests of refusals share: the expected code, and every leaf of a JSON document."""

import base64
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError

Path = tuple[str | int, ...]


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The block is refused with exactly this code; an empty one stands for any."""
    with pytest.raises(RefusedError) as caught:
        yield
    assert not code or caught.value.code == code


def leaves(value: Any, at: Path = ()) -> Iterator[Path]:
    """The path of every leaf of a JSON value; null and empty containers are leaves too."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from leaves(inner, (*at, place))
    else:
        yield at


def changed(document: Any, at: Path) -> Any:
    """A copy of the document with another value of the same type at this place, where the type allows one."""
    copied = copy.deepcopy(document)
    holder = copied
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = _other(holder[at[-1]])
    return copied


def _other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str() if value:
            last = "b" if value[-1] == "a" else "a"
            return value[:-1] + last
        case None:
            return "a"
    return ["a"]


def with_payload(envelope: Envelope, payload: bytes) -> Envelope:
    """The envelope around other bytes, its signatures kept."""
    return envelope.model_copy(update={"payload": base64.b64encode(payload).decode()})
