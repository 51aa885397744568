"""Counting questions (invariant 2): how many records would a notice concern? Answered in tens, or not at all.

    a signed question -> whose office, which grant, which fields -> what it fits -> an answer, kept
    the answers of a day -> one entry of the log

An office gets the same answer to the same question on the same snapshot, however often it asks and in
whatever order it writes the parts. A question is withheld

    narrow   where a part of it fits, or leaves out, fewer than ten records (whether or not it is any)
    near     where it and an earlier answered one of this office about this register, or what follows from
             two of these, differ by fewer than ten records: one answer taken from the other would say
             something about those few

so that no answer, and no silence either, depends on a single record but at the edges of tens. What remains
is in docs/threats.md.
"""

import datetime as dt
import hashlib
from contextlib import suppress
from dataclasses import dataclass

from django.db import connection, transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.signatures import require_roles, signers
from ariyippu.base.text import rounded
from ariyippu.grant import accept as grants
from ariyippu.grant import trust as trusted
from ariyippu.ingest.manifest import Manifest
from ariyippu.ingest.snapshot import manifest
from ariyippu.notice import canonical, cohort, criteria
from ariyippu.notice.documents import Question
from ariyippu.notice.models import Count
from ariyippu.notice.orders import parse_criteria

IN_ENTRY = 100  # questions in one log entry, each of at most 500 bytes


@dataclass(frozen=True)
class Answer:
    """`records` in tens, 0 for fewer than ten; None where `withheld` says why there is none."""

    records: int | None
    withheld: str = ""


def answer(envelope: Envelope, *, home: Home, keyring: Keyring) -> Answer:
    """Answer a question and keep the answer.

    RefusedError: `signature.*`, `trust.*`, `grant.*`, `question.*`, `contract.not_approved`, `snapshot.*`,
    `criteria.*`, and `question.over_budget` when the office has asked enough about this snapshot.
    """
    question = envelope.open(Question)
    trust = trusted.current_trust(trusted.load_roots(home.roots))
    require_roles(signers(envelope, trust, clock.now()), ("requester",), {"requester": question.office})
    snapshot = manifest(home, question.snapshot)
    where = parse_criteria(question.criteria, snapshot)
    _check(question, snapshot, where, trust)
    with transaction.atomic():
        _one_at_a_time(question)
        asked = Count.objects.filter(office=question.office, register=question.register)
        same = asked.filter(snapshot=question.snapshot, criteria_digest=canonical.digest(where)).first()
        if same is None:
            if asked.filter(snapshot=question.snapshot).count() >= home.settings.questions_per_snapshot:
                raise RefusedError("question.over_budget", "The office has asked enough about this snapshot.")
            same = _count(question, where, snapshot, home, keyring)
    return Answer(same.answer, same.withheld)


def log_days() -> None:
    """One entry for the answers of each day that is over. The criteria stay with the office: only digests are told."""
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction.atomic():
        waiting = list(Count.objects.select_for_update().filter(journal_id=None, asked_at__lt=today))
        by_day: dict[dt.date, list[Count]] = {}
        for row in sorted(waiting, key=lambda row: row.question):  # not in the order in which they were asked
            by_day.setdefault(row.asked_at.date(), []).append(row)
        for day, rows in sorted(by_day.items()):
            for start in range(0, len(rows), IN_ENTRY):
                part = rows[start : start + IN_ENTRY]
                entry = journal.append("counted", {"on": day.isoformat(), "questions": [_public(row) for row in part]})
                Count.objects.filter(pk__in=[row.pk for row in part]).update(journal_id=entry)


def _check(question: Question, snapshot: Manifest, where: criteria.Node, trust: Trust) -> None:
    if snapshot.register != question.register:
        raise RefusedError("question.other_register", "The snapshot is of another register than the question's.")
    if snapshot.contract_digest not in trust.contracts:
        raise RefusedError("contract.not_approved", "The trust document does not name the register's contract.")
    grant = grants.granted(question.use_request, trust).request
    if grant.requester != question.office:
        raise RefusedError("grant.other_office", "The grant was given to another office.")
    if missing := criteria.fields(where) - grant.fields_of(question.register):
        raise RefusedError("grant.field_not_granted", f"The grant does not cover the field {min(missing)!r}.")


def _one_at_a_time(question: Question) -> None:
    """Two questions of one office at once would not be held against each other. Ends with the transaction."""
    name = hashlib.sha256(f"question|{question.office}|{question.register}".encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(name[:8], signed=True)])


def _earlier(question: Question, where: criteria.Node, snapshot: Manifest) -> list[criteria.Node]:
    """What this office was told about the register before, each once, about whichever snapshot."""
    told = Count.objects.filter(office=question.office, register=question.register, withheld="")
    others = told.exclude(criteria_digest=canonical.digest(where)).order_by("criteria_digest")
    found = []
    for document in others.distinct("criteria_digest").values_list("criteria", flat=True):
        with suppress(RefusedError):  # it read a column that this contract has not
            found.append(parse_criteria(document, snapshot))
    return found


def _public(row: Count) -> dict[str, object]:
    return {
        "question": row.question,
        "office": row.office,
        "use_request": row.use_request,
        "register": row.register,
        "snapshot": row.snapshot,
        "answer": row.answer,
        "withheld": row.withheld,
    }


def _count(question: Question, where: criteria.Node, snapshot: Manifest, home: Home, keyring: Keyring) -> Count:
    others = _earlier(question, where, snapshot)
    found = cohort.measure(where, others, question.snapshot, home=home, keyring=keyring)
    found.refuse_protected(cohort.SMALLEST)
    withheld = found.withheld()
    return Count.objects.create(
        question=question.digest(),
        office=question.office,
        use_request=question.use_request,
        register=question.register,
        snapshot=question.snapshot,
        criteria=canonical.document(canonical.canonical(where)),
        criteria_digest=canonical.digest(where),
        answer=None if withheld else rounded(found.whole.records),
        withheld=withheld,
        asked_at=clock.now(),
    )
