"""Read this first: the vault, stage by stage, in the order in which data flows.

    office zone   web/ (public register, what officers hand in)
        |  documents in, through the hatch: receive()
    vault zone    grant -> ingest -> notice -> policy -> render -> send -> track -> transparency
        |  log entries and rounded counts out
    office zone   web/

A register's file enters by `ariyippu register load` (ingest.snapshot.load). Everything else is here:
receive() takes a document; turn() moves every order one step; workers, each in a process of its own, hand
off: work().

An order's way:  accepted -> decided -> sending -> done     (or failed, with a public refusal)
"""

import fcntl
import functools
import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pyarrow as pa
import structlog
from django.db import DatabaseError, close_old_connections, transaction

from ariyippu import takers
from ariyippu.base import clock, journal, keys
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.settings import database_url
from ariyippu.base.text import rounded
from ariyippu.notice import counting, orders, standing
from ariyippu.notice.counting import Answer
from ariyippu.notice.documents import Trigger
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import audience, objections, stays
from ariyippu.policy.models import AudienceRow
from ariyippu.send import choice, cut, lease, mark
from ariyippu.send.carriers import Arrival
from ariyippu.send.crew import Crew, place
from ariyippu.send.models import Batch
from ariyippu.send.open import Door
from ariyippu.send.watch import Watch
from ariyippu.send.worker import Worker
from ariyippu.track import contacts, reached, recalls, replies, settle, stopped
from ariyippu.transparency import sequencer
from ariyippu.transparency.note import Signer
from ariyippu.transparency.witness import LocalWitness, Witness

TURN_S = 0.2
CARRY_S = 5  # objections are carried together: each time the whole index is read

log = structlog.get_logger()


@dataclass(frozen=True)
class Vault:
    """One vault process: its home, its secrets, and the witness of its log."""

    home: Home
    keyring: Keyring
    log_key: Signer
    witness: Witness


# --- documents come in -------------------------------------------------------------------------------


def receive(envelope: Envelope, notice: bytes, home: Home) -> Answer | None:
    """Take one document from the hatch: keep it with its journal entry, or refuse it, in public.

    A question is answered; every other document has only its acceptance to show.

    A refusal is published once, when at least one signature is by a key of the trust document and the
    document was not accepted before; anything else is refused without a trace, or anyone could fill the
    log, or make an accepted order look refused.
    """
    try:
        answer = takers.accept(envelope, notice, home)
    except RefusedError as refusal:
        takers.publish_refusal(envelope, refusal, home)
        raise
    return answer if isinstance(answer, Answer) else None


# --- orders move -------------------------------------------------------------------------------------


def turn(vault: Vault) -> None:
    """Move everything one step. Each step is complete in itself: a crash in between loses nothing."""
    stays.begin()
    publish(vault)
    _certify()
    receive_receipts(vault)
    recalls.plan(vault.home, vault.keyring)
    recalls.certify()
    _carry_objections(vault)
    counting.log_days()
    standing.trigger()
    for row in OrderRow.objects.exclude(state__in=[OrderRow.DONE, OrderRow.FAILED]).order_by("accepted_at"):
        try:
            _move(vault, row)
        except RefusedError as refusal:  # a row that somebody altered must not hold up the others
            log.warning("order_stuck", order=row.order_id, code=refusal.code)


def _carry_objections(vault: Vault) -> None:
    """policy: what a person said at one register holds for messages that are on their way from another."""
    try:
        objections.carry(home=vault.home, keyring=vault.keyring, waited_s=CARRY_S)
    except RefusedError as refusal:  # as above
        log.warning("objections_stuck", code=refusal.code)


def _certify() -> None:
    """track: what each stay stopped, into the log."""
    try:
        stopped.certify()
    except RefusedError as refusal:  # as above
        log.warning("stay_stuck", code=refusal.code)


def _move(vault: Vault, row: OrderRow) -> None:
    if clock.now() >= orders.document(row).not_after:
        _close(row)
    elif row.state == OrderRow.ACCEPTED:
        _decide(vault, row)
    elif row.state == OrderRow.DECIDED:
        _cut(vault, row)
    elif not Batch.objects.filter(order=row.digest).exclude(state=Batch.DONE).exists():
        _finish(row)


def publish(vault: Vault) -> None:
    """Journal rows become entries of the log, under a checkpoint that the witness cosigned."""
    sequencer.publish(log=vault.home.log, witness=vault.witness, key=vault.log_key, origin=vault.log_key.name)


def receive_receipts(vault: Vault) -> None:
    """track: receipts find their outcomes; contacts that are nobody's, and who answered STOP, are told to policy."""
    settle.match()
    settle.drop_never_sent()
    try:
        contacts.suspend_bounced(vault.home, vault.keyring)
        replies.resolve(vault.home, vault.keyring)
    except RefusedError as refusal:  # a file is damaged: what is to be sent goes on
        log.warning("receipts_stuck", code=refusal.code)


def keep_arrivals(arrived: list[Arrival], *, home: Home, keyring: Keyring) -> None:
    """track: what came over a carrier's own connection, kept before the provider is told so."""
    for name, carrier in home.settings.carriers_of("sms").items():
        settle.keep((one for one in arrived if choice.is_of(name, one)), carrier.dead_codes)
    replies.keep(arrived, keyring)


def _decide(vault: Vault, row: OrderRow) -> None:
    """policy: everyone gets a reason, once the order has been public for its cooling-off."""
    verified = _verified(vault, row)
    if verified is None or not _may_be_decided(row, verified, vault.home):
        return
    try:
        among = _among(vault, verified)
        audience.freeze(row, verified, home=vault.home, keyring=vault.keyring, among=among)
    except RefusedError as refusal:
        _fail(row, refusal)


def _among(vault: Vault, verified: VerifiedOrder) -> pa.Table | None:
    """The only records that may be candidates, where the order names them otherwise than by criteria."""
    if isinstance(verified.order, Trigger):
        return standing.newly(verified, vault.home, vault.keyring)
    corrects = verified.order.corrects
    return None if corrects is None else reached.reached(corrects, vault.home, vault.keyring)


def _cut(vault: Vault, row: OrderRow) -> None:
    """send: batches, once the audience's root is public. Workers lease them from then on."""
    verified = _verified(vault, row)
    frozen = AudienceRow.objects.get(order=row.digest)
    if verified is None or journal.cosigned_at(frozen.journal_id) is None:
        return
    try:
        cut.cut(row, verified, home=vault.home, keyring=vault.keyring)
    except RefusedError as refusal:  # the frozen audience was altered
        _fail(row, refusal)


def _fail(row: OrderRow, refusal: RefusedError) -> None:
    """Nothing of this order leaves, and the public learns why."""
    with transaction.atomic():
        OrderRow.objects.filter(digest=row.digest).update(state=OrderRow.FAILED)
        journal.append("failed", {"order": row.digest, "code": refusal.code})


def _verified(vault: Vault, row: OrderRow) -> VerifiedOrder | None:
    """The order, or None while it does not hold (a key expired, a grant ended): it waits until its window ends."""
    try:
        return orders.verify_row(row, vault.home)
    except RefusedError as refusal:
        log.debug("order_does_not_hold", order=row.order_id, code=refusal.code)
        return None


def _may_be_decided(row: OrderRow, verified: VerifiedOrder, home: Home) -> bool:
    """Its window is open, what it corrects is over, it has been public and cooled off, no stay stops all of it."""
    public_since = journal.cosigned_at(row.journal_id)
    corrects = verified.order.corrects
    if corrects is not None and OrderRow.objects.get(digest=corrects).state not in (OrderRow.DONE, OrderRow.FAILED):
        return False  # it may still reach more people
    if public_since is None or clock.now() < verified.order.not_before:
        return False
    cooling_off_s = home.settings.cooling_off_s.get(verified.purpose.id, verified.purpose.cooling_off_s)
    cooled = (clock.now() - public_since).total_seconds() >= cooling_off_s
    return cooled and any(stays.standing(s, row.released_at) is None for s in stays.subjects_of(verified))


def _close(row: OrderRow) -> None:
    """The order's window is over: what has not left will not leave."""
    if row.state == OrderRow.ACCEPTED:
        _expire(row)
    elif lease.stop(row.digest):
        _finish(row)


def _expire(row: OrderRow) -> None:
    """Nobody was decided about, so there is nothing to count."""
    with transaction.atomic():
        OrderRow.objects.filter(digest=row.digest).update(state=OrderRow.DONE)
        journal.append("expired", {"order": row.digest})


def _finish(row: OrderRow) -> None:
    """track: the counts of what became of it, rounded, into the log."""
    with transaction.atomic():
        contacts.note_refusals(row.digest)
        counts = settle.outcomes(row.digest)
        public = {channel: {name: rounded(n) for name, n in found.items()} for channel, found in counts.items()}
        OrderRow.objects.filter(digest=row.digest).update(state=OrderRow.DONE)
        journal.append("handed-off", {"order": row.digest, "outcomes": public})


# --- the process -------------------------------------------------------------------------------------


def release(order_id: str, home: Home) -> None:
    """Let an order go on after the stays over it ended. RefusedError `order.stayed` while one stands."""
    row = OrderRow.objects.filter(order_id=order_id).first()
    if row is None:
        raise RefusedError("order.unknown", f"There is no order {order_id!r}.")
    verified = orders.verify_row(row, home)
    if stay := stays.active(stays.subjects_of(verified)):
        raise RefusedError("order.stayed", f"The stay {stay.id!r} still stands over this order.")
    orders.release(row)


def verifier_keys(home: Home) -> tuple[str, str]:
    """The log's and the witness's verifier keys, as auditors pin them."""
    keyring = keys.load(home.keyring)
    return str(_log_key(home, keyring).key), str(_witness(home, keyring).key)


def _log_key(home: Home, keyring: Keyring) -> Signer:
    return Signer(home.settings.log_origin, keyring.log_key())


def _witness(home: Home, keyring: Keyring) -> LocalWitness:
    log_key = _log_key(home, keyring).key
    return LocalWitness(home.witness, name=f"witness.{home.settings.log_origin}", logs={log_key.name: log_key})


@contextmanager
def opened(home: Home) -> Iterator[Vault]:
    """The vault of this home, for as long as the block lasts.

    RefusedError `vault.running`: one at a time; `settings.invalid`.
    """
    choice.check_purposes(home.settings)
    lock = os.open(home.vault / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError("vault.running", f"Another vault runs on {home.path}: stop it first.") from None
        keyring = keys.load(home.keyring)
        yield Vault(home, keyring, _log_key(home, keyring), _witness(home, keyring))
    finally:
        os.close(lock)


def run(vault: Vault, ending: threading.Event) -> None:
    """Take turns until `ending` is set; workers finish their window first. The first turn is also the recovery."""
    mark.check(vault.home)
    publish(vault)
    crew = Crew(vault.home, vault.home.settings.workers)
    try:
        while not ending.wait(TURN_S):
            crew.ensure()
            try:
                turn(vault)
            except (DatabaseError, psycopg.Error, TransientError) as error:  # the next turn does it
                log.warning("turn_failed", error=type(error).__name__)
                close_old_connections()
    finally:
        crew.stop()
        publish(vault)


def work(home: Home, number: int, ending: threading.Event) -> None:
    """Be the worker of this place until `ending` is set. Its start is its recovery, too."""
    with place(home, number, ending) as name:
        if name is None:
            return
        lease.reclaim(name)
        # A batch's thousands of short-lived objects hold no cycles: looking for some took a sixth of the time.
        gc.freeze()
        gc.set_threshold(200_000, 20, 20)
        watch = Watch(database_url())
        watch.start()
        door = Door(home, keys.load(home.keyring))
        keep = functools.partial(keep_arrivals, home=home, keyring=door.keyring)
        Worker(name, door=door, watch=watch, ending=ending, on_receipts=keep).run()
        watch.stop()
        watch.join()
        gc.unfreeze()  # or the interpreter's end finds what it takes for leaks
