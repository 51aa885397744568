"""The taxonomy of purposes (invariant 4). Pure: it reads one packaged file, once."""

import functools
import tomllib
from collections.abc import Collection, Iterator, Mapping
from importlib import resources
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from ariyippu.base.errors import RefusedError

LINKING = "ariyippu:linking"  # the purpose of a grant to link the registers that it names


Basis = Literal["law", "consent", "dpdp"]
BASES: frozenset[Basis] = frozenset(get_args(Basis))


class Purpose(BaseModel):
    """A node of the taxonomy; the keys are explained in purposes.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    parent: str | None = None
    en: str
    ml: str
    own_entitlement: bool = False
    satisfiable: bool = True
    flows_in_restraint: bool = False
    by_subscription: bool = False
    emergency: bool = False
    bases: frozenset[Basis] | None = None
    cooling_off_s: int = Field(ge=0)


@functools.cache
def taxonomy() -> Mapping[str, Purpose]:
    """Every purpose by its id."""
    text = resources.files(__package__).joinpath("purposes.toml").read_text("utf-8")
    purposes = [Purpose.model_validate(node) for node in tomllib.loads(text)["purpose"]]
    return {purpose.id: purpose for purpose in purposes}


def get(purpose_id: str) -> Purpose:
    """RefusedError `purpose.unknown` when the taxonomy has no such purpose."""
    try:
        return taxonomy()[purpose_id]
    except KeyError:
        raise RefusedError("purpose.unknown", f"There is no purpose {purpose_id!r} in the taxonomy.") from None


def lineage(purpose_id: str) -> Iterator[Purpose]:
    """The purpose, then each purpose above it."""
    node: str | None = purpose_id
    while node is not None:
        purpose = get(node)
        yield purpose
        node = purpose.parent


def is_at_or_below(purpose_id: str, above: str) -> bool:
    """Whether one purpose is another or stands below it; one that the taxonomy no longer has is only itself."""
    if purpose_id not in taxonomy():
        return purpose_id == above
    return any(node.id == above for node in lineage(purpose_id))


def is_among(purpose_id: str, listed: Collection[str] | None) -> bool:
    """Whether a purpose stands at or below one of those that are listed; None: no list, every purpose."""
    return listed is None or any(is_at_or_below(purpose_id, above) for above in listed)


def flows_in_restraint(purpose_id: str) -> bool:
    """Whether the restraint of an election leaves it alone; one that the taxonomy no longer has is stopped."""
    return purpose_id in taxonomy() and get(purpose_id).flows_in_restraint


def bases(purpose_id: str) -> frozenset[Basis]:
    """The kinds of legal basis that a use for it may rest on: its own, else those of the purpose above it."""
    return next((purpose.bases for purpose in lineage(purpose_id) if purpose.bases is not None), BASES)


def covers(collected_for: str, purpose_id: str) -> bool:
    """Whether a contact that was collected for one purpose may be used for another: at or below it.

    What takes a person's own subscription is covered only by a contact that they gave with one.
    """
    purpose, given = get(purpose_id), taxonomy().get(collected_for)
    subscribed = not purpose.by_subscription or (given is not None and given.by_subscription)
    return purpose.satisfiable and subscribed and is_at_or_below(purpose_id, collected_for)


def tree() -> Iterator[tuple[int, Purpose]]:
    """Every purpose below the one that it stands under, with its depth; siblings in the file's order."""
    yield from _below(None, 0)


def _below(parent: str | None, depth: int) -> Iterator[tuple[int, Purpose]]:
    for purpose in taxonomy().values():
        if purpose.parent == parent:
            yield depth, purpose
            yield from _below(purpose.id, depth + 1)
