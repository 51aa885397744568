"""After an old back-up of the vault's database was restored: the log and the marks know what it has forgotten.

The vault refuses to run then (`log.database_behind`, `vault.database_behind`). reconcile() has it know again
what was ordered, stayed and trusted (transparency/retake.py), puts what left since in doubt (track/restored.py)
and leaves everything paused: a person resumes it. What no log holds is lost: objections, preferences,
suspensions, counts' budgets and receipts since the back-up.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from ariyippu import flow
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.grant.trust import load_roots
from ariyippu.send import holds, mark
from ariyippu.takers import TAKERS
from ariyippu.track import restored
from ariyippu.track.restored import InDoubt
from ariyippu.transparency.retake import retake
from ariyippu.transparency.verify import verify


@dataclass(frozen=True)
class Reconciled:
    """What came of it: entries that the database had forgotten, and orders of which something is in doubt."""

    entries: int
    in_doubt: Sequence[InDoubt]


def reconcile(home: Home) -> Reconciled:
    """Bring a restored database up to the log and to the marks, and pause all sending.

    RefusedError: `reconcile.log` when the published log does not verify, those of retake(), `vault.running`.
    A crash in between leaves what was done: call it again.
    """
    with flow.opened(home) as vault:
        log_key, witness_key = flow.verifier_keys(home)
        found = verify(home.log, log_key=log_key, witness_keys=[witness_key], roots=load_roots(home.roots))
        if found.problems:
            raise RefusedError("reconcile.log", f"The log's folder does not verify: {found.problems[0]}")
        holds.place(holds.Scope(), "pause")  # first: whatever happens next, nothing leaves
        entries = retake(home.log, {kind: functools.partial(_take, kind, home) for kind in _DOCUMENTS})
        in_doubt = restored.put_back(mark.unknown_windows(home), home=home, keyring=vault.keyring)
        mark.begin_anew(home)
        flow.publish(vault)
    return Reconciled(entries, in_doubt)


# Entries that hold the document that was taken; `counted` holds answers.
_DOCUMENTS = {kind for kind, _take_one in TAKERS.values()} - {"counted"}


def _take(kind: str, home: Home, envelope: Envelope, notice: bytes) -> None:
    taken_as, take = TAKERS.get(envelope.payloadType, ("", None))
    if take is None or taken_as != kind:
        raise RefusedError("document.wrong_kind", f"An entry of kind {kind} holds another document.")
    take(envelope, notice, home)
