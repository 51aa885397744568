"""The taxonomy of purposes (invariant 4). Pure: it reads one packaged file, once."""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from ariyippu.base.errors import RefusedError

LINKING = "ariyippu:linking"  # the purpose of a grant to link the registers that it names


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


def flows_in_restraint(purpose_id: str) -> bool:
    """Whether the restraint of an election leaves it alone; one that the taxonomy no longer has is stopped."""
    return purpose_id in taxonomy() and get(purpose_id).flows_in_restraint


def covers(collected_for: str, purpose_id: str) -> bool:
    """Whether a contact that was collected for one purpose may be used for another: at or below it."""
    return get(purpose_id).satisfiable and is_at_or_below(purpose_id, collected_for)
