"""Uncertain pairs as evidence, and what two officers made of them.

Nobody is shown a value: an officer sees which comparisons speak for one person, which against, and how much,
in bits. A pair is known by a keyed reference, which says nothing and can stand in the public log.

    uncertain(run) -> evidence -> a Settlement, signed by two officers -> accept() -> the next run obeys it
"""

import hmac
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.link import index
from ariyippu.link.compare import COMPARISONS
from ariyippu.link.documents import Settlement, check_signers
from ariyippu.link.models import SettlementRow

REFERENCE_BYTES = 16
_REFERENCE = re.compile(f"[0-9a-f]{{{2 * REFERENCE_BYTES}}}")

Record = tuple[str, bytes]  # register, token


@dataclass(frozen=True)
class References:
    """Makes references to pairs: the same for a pair in either order and in every run."""

    key: bytes

    @classmethod
    def of(cls, keyring: Keyring) -> "References":
        return cls(keyring.token_key("pair"))

    def reference(self, one: Record, other: Record) -> bytes:
        """HMAC-SHA256 over `register|token|register|token`, the smaller record first; 16 bytes."""
        text = b"|".join(part for register, record in sorted((one, other)) for part in (register.encode(), record))
        return hmac.digest(self.key, text, "sha256")[:REFERENCE_BYTES]


def accept(envelope: Envelope, trust: Trust) -> Settlement:
    """Keep a settlement that both officers signed, with its journal entry.

    RefusedError as `check_signers`, and `settlement.doubled` when another one has its name.
    """
    settlement = check_signers(envelope, trust, clock.now())
    with transaction.atomic():
        same = SettlementRow.objects.filter(settlement_id=settlement.id).first()
        if same is not None and same.digest != envelope.digest:
            raise RefusedError("settlement.doubled", f"Another settlement is called {settlement.id!r}.")
        if same is None:
            SettlementRow.objects.create(
                digest=envelope.digest,
                settlement_id=settlement.id,
                envelope=envelope.model_dump_json(),
                settled_at=clock.now(),
            )
            journal.append("settlement", {"envelope": envelope.model_dump(mode="json", exclude_none=True)})
    return settlement


def verdicts() -> Mapping[bytes, str]:
    """The verdict of each settled pair by its reference, the latest one.

    What was accepted stays: keys expire, and a pair that two officers told apart must not join then. Whoever
    doubts a row finds the signed settlement in the public log.
    """
    rows = SettlementRow.objects.order_by("settled_at", "settlement_id")
    found = (Envelope.parse(row.envelope).open(Settlement) for row in rows)
    return {bytes.fromhex(settlement.pair): settlement.verdict for settlement in found}


@dataclass(frozen=True)
class Evidence:
    """What one comparison says about a pair, in bits: above 0 for one person, below for two, 0 for nothing."""

    comparison: str
    weight: float

    @property
    def says(self) -> Literal["agrees", "differs", "says nothing"]:
        if not self.weight:
            return "says nothing"
        return "agrees" if self.weight > 0 else "differs"


@dataclass(frozen=True)
class UncertainPair:
    """A pair as officers see it; its evidence has the strongest first."""

    run: str
    reference: str
    registers: tuple[str, str]
    weight: float
    evidence: tuple[Evidence, ...]


def uncertain(home: Home, keyring: Keyring, limit: int) -> list[UncertainPair]:
    """The likeliest pairs of the current run that are neither certain nor settled. RefusedError `link.no_run`."""
    run, pairs = _current_pairs(home, keyring)
    settled = verdicts()
    likeliest = pairs.take(pc.sort_indices(pairs, sort_keys=[("weight", "descending")]))
    fresh = (row for row in likeliest.to_pylist() if row["reference"] not in settled)
    return [_shown(run, row) for row in itertools.islice(fresh, limit)]


def find(home: Home, keyring: Keyring, reference: str) -> UncertainPair:
    """The pair of this reference in the current run. RefusedError `link.no_run`, `link.no_pair`."""
    run, pairs = _current_pairs(home, keyring)
    wanted = bytes.fromhex(reference) if _REFERENCE.fullmatch(reference) else b""
    rows = pairs.filter(pc.equal(pairs["reference"], pa.scalar(wanted, pa.binary()))).to_pylist()
    if not rows:
        raise RefusedError("link.no_pair", "The current linking run has no uncertain pair of this reference.")
    return _shown(run, rows[0])


def settlement(pair: UncertainPair, verdict: Literal["same", "different"]) -> Settlement:
    """The document that two officers sign about a pair."""
    name = f"pair-{pair.reference[:12]}-{clock.now():%Y%m%dt%H%M%S}"
    return Settlement(id=name, run=pair.run, pair=pair.reference, registers=pair.registers, verdict=verdict)


def _current_pairs(home: Home, keyring: Keyring) -> tuple[str, pa.Table]:
    run = index.current()
    if run is None:
        raise RefusedError("link.no_run", "Nothing has been linked yet.")
    with index.readable(run):
        pairs = index.open_uncertain(home, keyring, run).read_all()
    return run.pk, pairs.set_column(0, "reference", pairs["reference"].cast(pa.binary()))


def _shown(run: str, row: Mapping[str, Any]) -> UncertainPair:
    evidence = (Evidence(comparison.name, row[comparison.name]) for comparison in COMPARISONS)
    return UncertainPair(
        run=run,
        reference=row["reference"].hex(),
        registers=(row["register"], row["other_register"]),
        weight=row["weight"],
        evidence=tuple(sorted(evidence, key=lambda found: -abs(found.weight))),
    )
