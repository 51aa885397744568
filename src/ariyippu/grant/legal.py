"""On which law a use may rest, and since when (rules.toml). Pure: it reads one packaged file, once.

law       any act, service rule or government order that is in force
consent   what a person agreed to: their own subscription, for instance
dpdp      a clause of section 7 of the Digital Personal Data Protection Act 2023, from its commencement on
"""

import datetime as dt
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel, ConfigDict

from ariyippu.base.clock import INDIA
from ariyippu.base.errors import RefusedError
from ariyippu.grant import purposes
from ariyippu.grant.documents import LegalBasis


class Rule(BaseModel):
    """A rule that binds whoever sends; its keys are explained in rules.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    law: str
    clause: str
    en: str
    ml: str
    in_force_from: dt.date


class Clause(BaseModel):
    """A clause of section 7 that a use may rest on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    en: str
    ml: str
    in_force_from: dt.date
    needs_notification: bool = False


@dataclass(frozen=True)
class Law:
    """The whole file, by id and in its order."""

    rules: Mapping[str, Rule]
    clauses: Mapping[str, Clause]


@functools.cache
def law() -> Law:
    """The rules and clauses that the platform knows."""
    found = tomllib.loads(resources.files(__package__).joinpath("rules.toml").read_text("utf-8"))
    rules = [Rule.model_validate(rule) for rule in found["rule"]]
    clauses = [Clause.model_validate(clause) for clause in found["clause"]]
    return Law({rule.id: rule for rule in rules}, {clause.id: clause for clause in clauses})


def rules_in_force(on: dt.date) -> tuple[str, ...]:
    """The ids of the rules in force on a day, sorted: what a decision of that day records."""
    return tuple(sorted(rule.id for rule in law().rules.values() if rule.in_force_from <= on))


def check(basis: LegalBasis, purpose_id: str, at: dt.datetime) -> None:
    """Whether a use for the purpose may rest on this basis at that instant, by the day in India.

    RefusedError `legal_basis.other_kind`, `legal_basis.not_in_force`, `legal_basis.unknown_clause`, or
    `legal_basis.not_notified`: section 7(b)(ii) needs the database's notification.
    """
    on = at.astimezone(INDIA).date()
    if basis.kind not in purposes.bases(purpose_id):
        raise RefusedError(
            "legal_basis.other_kind", f"This purpose may not rest on a basis of the kind {basis.kind!r}."
        )
    if on < basis.in_force_from:
        raise RefusedError("legal_basis.not_in_force", "The law that it rests on is not in force by then.")
    if basis.kind == "dpdp":
        _check_clause(basis, on)


def _check_clause(basis: LegalBasis, on: dt.date) -> None:
    clause = law().clauses.get(basis.clause)
    if clause is None:
        raise RefusedError("legal_basis.unknown_clause", f"Section 7 has no clause {basis.clause!r} to rest on.")
    if on < clause.in_force_from:
        raise RefusedError("legal_basis.not_in_force", f"Section {clause.id} is in force from {clause.in_force_from}.")
    notified = basis.notified_ref is not None and basis.notified_on is not None and basis.notified_on <= on
    if clause.needs_notification and not notified:
        raise RefusedError(
            "legal_basis.not_notified", "The database's notification, its reference and date, is missing."
        )
