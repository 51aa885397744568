"""Batches, windows and outcomes: from these three the state of every message follows at any instant.

an outcome row                                     settled
a window names it, no outcome, window is open      in a worker's hands, or in doubt if that worker died
neither                                            waiting; not before its time if the carrier put it off
"""

from django.db import models
from django.db.models.functions import Now


class MessageFile(models.Model):
    """One encrypted file of messages of an order and channel; each of its row groups is a batch."""

    order = models.CharField(max_length=64)
    channel = models.CharField(max_length=8)
    name = models.CharField(max_length=80)
    wrapped_key = models.TextField()

    class Meta:
        db_table = "send_file"
        constraints = [models.UniqueConstraint(fields=["order", "name"], name="send_file_once")]


class Batch(models.Model):
    """About a thousand messages that one worker leases at a time. Their number and order never change."""

    READY, LEASED, DONE, STOPPED = "ready", "leased", "done", "stopped"
    SINGLE, SMALL, BULK = 0, 1, 2  # lanes by the size of the order: the smaller one goes first

    order = models.CharField(max_length=64)
    channel = models.CharField(max_length=8)
    contact_of = models.CharField(max_length=40, null=True)  # the register that lends the contacts; null: own ones
    file = models.ForeignKey(MessageFile, on_delete=models.PROTECT)
    row_group = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    lane = models.PositiveSmallIntegerField(db_default=BULK)
    office = models.CharField(max_length=64, db_default="")  # whose notice it is: offices get equal shares
    state = models.CharField(max_length=8, default=READY)
    leased_by = models.CharField(max_length=120, null=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(db_default=Now())  # the database's clock, as everything about leases
    valid_until = models.DateTimeField(null=True)  # of SMS: how long a provider may try any that was handed off

    class Meta:
        db_table = "send_batch"
        constraints = [models.UniqueConstraint(fields=["file", "row_group"], name="send_batch_once")]
        indexes = [
            models.Index(
                fields=["order", "channel", "contact_of", "id"],
                name="send_batch_open",
                condition=models.Q(state__in=["ready", "leased"]),
            ),
            models.Index(fields=["office"], name="send_batch_leased", condition=models.Q(state="leased")),
        ]


class Window(models.Model):
    """The positions of a batch that a worker is about to hand off: committed before the first byte."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT)
    positions = models.JSONField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "send_window"
        indexes = [models.Index(fields=["batch"], name="send_window_open", condition=models.Q(closed_at__isnull=True))]


class Claim(models.Model):
    """A position that is about to tell a person whom other registers know too: see claims.py."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveIntegerField()
    person = models.BinaryField(max_length=16)
    register = models.CharField(max_length=40)
    purpose = models.CharField(max_length=80)

    class Meta:
        db_table = "send_claim"
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="send_claim_once")]
        indexes = [models.Index(fields=["person", "purpose"], name="send_claim_person")]


class Outcome(models.Model):
    """What became of one message at the hand-off; receipts stand beside it (track).

    Never changed, but when an operator settles unknown ones (track/doubts.py).
    """

    ACCEPTED, REFUSED, UNKNOWN, GAVE_UP = "accepted", "refused", "unknown", "gave_up"
    WITHHELD = "withheld"  # between decision and hand-off its person objected or was told: `code` says which

    pk = models.CompositePrimaryKey("batch_id", "position")  # a number of its own would double what a row costs
    # No constraint: a batch is never deleted, its row is locked when outcomes are written, and the check of
    # each of them would cost as much as writing it.
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    position = models.PositiveIntegerField()
    outcome = models.CharField(max_length=8)
    code = models.CharField(max_length=40)  # the provider's own code, never its text
    provider_id = models.CharField(max_length=96, null=True)
    segments = models.PositiveSmallIntegerField(null=True)  # of an SMS

    class Meta:
        db_table = "send_outcome"
        indexes = [
            models.Index(
                fields=["provider_id"], name="send_outcome_provider", condition=models.Q(provider_id__isnull=False)
            ),
            models.Index(fields=["batch"], name="send_outcome_unknown", condition=models.Q(outcome="unknown")),
        ]


class Part(models.Model):
    """A further id under which a provider took a part of a long SMS: its bill names it."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    position = models.PositiveIntegerField()
    provider_id = models.CharField(max_length=96)

    class Meta:
        db_table = "send_part"
        indexes = [models.Index(fields=["provider_id"], name="send_part_provider")]


class Recall(models.Model):
    """What a carrier is asked to cancel, by an id that it gave, because of a stay: see recall.py.

    It stands beside the outcome, which it never changes.
    """

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveIntegerField()
    provider_id = models.CharField(max_length=96)
    has_receipt = models.BooleanField()  # the message's receipt names it; of a long text, the last part's id alone
    stay = models.CharField(max_length=64)  # the digest of the first that named it
    number = models.PositiveSmallIntegerField()  # of its terms: 0 as it was placed, n by its n-th amendment
    asked_at = models.DateTimeField(null=True)  # last; the database's clock
    code = models.CharField(max_length=40, null=True)  # the carrier's, or ours (local.…); null: no answer yet

    class Meta:
        db_table = "send_recall"
        constraints = [models.UniqueConstraint(fields=["batch", "position", "provider_id"], name="send_recall_once")]
        indexes = [
            models.Index(fields=["stay", "number"], name="send_recall_terms"),
            models.Index(fields=["id"], name="send_recall_open", condition=models.Q(code__isnull=True)),
        ]


class PutOff(models.Model):
    """A message that waits by itself: how often its carrier put it off, and until when. Gone once it is settled."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveIntegerField()
    attempts = models.PositiveSmallIntegerField()
    not_before = models.DateTimeField()
    # An operator has an unknown message sent again: that its person counts as told by it does not hold it back.
    again = models.BooleanField(db_default=False)

    class Meta:
        db_table = "send_put_off"
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="send_put_off_once")]


class InboxRow(models.Model):
    """A letter on a person's own page, sealed for its record: inbox.py."""

    record = models.BinaryField(max_length=16)
    cell = models.BinaryField()
    wrapped_key = models.TextField()
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveIntegerField()
    came_at = models.DateTimeField()

    class Meta:
        db_table = "send_inbox"
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="send_inbox_once")]
        indexes = [models.Index(fields=["record"], name="send_inbox_record")]


class Hold(models.Model):
    """What an operator holds: everything (an empty scope), a channel, or an order by its digest."""

    scope = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=8)
    placed_at = models.DateTimeField()

    class Meta:
        db_table = "send_hold"


class PaceRow(models.Model):
    """When all that a rate let through is due (pace.py). The database's clock."""

    name = models.CharField(max_length=80, primary_key=True)
    free_at = models.DateTimeField()

    class Meta:
        db_table = "send_pace"
