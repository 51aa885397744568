"""A linking run: registers' features become persons, under a grant that names the registers.

    grant -> newest snapshots -> features, stacked -> blocking rules checked -> pairs scored -> persons
    -> kept, whole or not at all (index.py)

Linking is a use of data like any other (invariant 4): every register's owner and the custodian signed for
it, for the fields that are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from ariyippu.base import engine
from ariyippu.base.documents import Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring, LinkKey
from ariyippu.grant import accept as grants
from ariyippu.grant import purposes
from ariyippu.grant import trust as trusted
from ariyippu.grant.accept import Granted
from ariyippu.grant.models import Grant
from ariyippu.ingest.manifest import Manifest
from ariyippu.ingest.models import Snapshot
from ariyippu.ingest.snapshot import manifest
from ariyippu.link import features, index, persons, score
from ariyippu.link import train as training
from ariyippu.link.model import Model, Thresholds
from ariyippu.link.models import LinkRun


@dataclass(frozen=True, repr=False)
class Door:
    """What opens the vault's files for linking."""

    home: Home
    keyring: Keyring
    link_key: LinkKey


def link(request_id: str, model: Model, door: Door) -> LinkRun:
    """Link the newest snapshots of the registers that a grant names, and keep the result.

    RefusedError: `link.no_grant`, `link.other_purpose`, `link.no_snapshot`, `link.field_not_granted`,
    `link.blocking_explodes`, `contract.not_approved`, `grant.*`, `features.*`.
    """
    granted, snapshots = _allowed(request_id, door.home)
    before = index.current()
    with engine.connect() as relations:
        _stack(relations, snapshots, door)
        score.check_blocking(relations)
        score.pairs(relations, model)
        tables = persons.tables(relations, persons.Kept(door.home, door.keyring, before, model.thresholds.certain))
    draft = index.Draft(
        grant=granted.digest,
        model=model.digest,
        snapshots={register: made.snapshot for register, made in snapshots.items()},
        before=before.pk if before else None,
        index=tables["index"],
        possible=tables["possible"],
        changes=tables["changes"],
        uncertain=tables["uncertain"],
    )
    return index.commit(draft, home=door.home, keyring=door.keyring)


def train(request_id: str, thresholds: Thresholds, door: Door, *, seed: int) -> Model:
    """A model from the same snapshots that `link` would link. RefusedError as `link`."""
    _granted, snapshots = _allowed(request_id, door.home)
    with engine.connect() as relations:
        _stack(relations, snapshots, door)
        score.check_blocking(relations)
        trained_on = ", ".join(made.snapshot for made in snapshots.values())
        return training.train(relations, seed=seed, trained_on=trained_on, thresholds=thresholds)


def _allowed(request_id: str, home: Home) -> tuple[Granted, Mapping[str, Manifest]]:
    """The grant in force that linking rests on, and the newest snapshot of each register that it names."""
    trust = trusted.current_trust(trusted.load_roots(home.roots))
    row = Grant.objects.filter(request_id=request_id).first()
    if row is None:
        raise RefusedError("link.no_grant", f"No use request {request_id!r} was granted: linking needs one of its own.")
    granted = grants.granted(row.digest, trust)
    if not purposes.is_at_or_below(granted.request.purpose, purposes.LINKING):
        raise RefusedError("link.other_purpose", f"The grant {request_id!r} was not given for linking registers.")
    snapshots = {
        part.register: _newest(part.register, frozenset(part.fields), trust, home)
        for part in sorted(granted.request.registers, key=lambda part: part.register)
    }
    return granted, snapshots


def _newest(register: str, granted: frozenset[str], trust: Trust, home: Home) -> Manifest:
    row = Snapshot.objects.filter(register=register).order_by("-loaded_at").first()
    if row is None:
        raise RefusedError("link.no_snapshot", f"Nothing of {register!r} has been loaded.")
    made = manifest(home, row.pk)
    if made.contract_digest not in trust.contracts:
        raise RefusedError("contract.not_approved", "The trust document does not name the register's contract.")
    compared = {name for name, column in made.columns.items() if column.link}
    if missing := compared - granted:
        raise RefusedError("link.field_not_granted", f"The grant does not cover {min(missing)!r} of {register!r}.")
    return made


def _stack(relations: duckdb.DuckDBPyConnection, snapshots: Mapping[str, Manifest], door: Door) -> None:
    """The registers' features as the relation `features`; see score.py."""
    with engine.readable("A snapshot's features"):
        tables = {
            register: (features.open_features(door.home, door.link_key, made.snapshot), made.holds_person_once)
            for register, made in snapshots.items()
        }
        score.stack(relations, tables)
