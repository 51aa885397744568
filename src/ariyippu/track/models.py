"""Receipts as carriers report them: they stand beside outcomes and never change one. What stays stopped."""

from django.db import models

from ariyippu.send.models import Batch
from ariyippu.track.receipts import State


class MessageReceipt(models.Model):
    """The word that counts about one message (receipts.settled), of all that came so far."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False)
    position = models.PositiveIntegerField()
    state = models.PositiveSmallIntegerField()  # receipts.State
    code = models.CharField(max_length=40, db_collation="C")  # compared as bytes, as Python compares it
    suspended_at = models.DateTimeField(null=True)  # when policy was told of a bounce

    class Meta:
        db_table = "track_message"
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="track_message_once")]
        indexes = [
            models.Index(
                fields=["batch"],
                name="track_message_bounced",
                condition=models.Q(state=State.BOUNCED.value, suspended_at__isnull=True),
            )
        ]


class EarlyReceipt(models.Model):
    """The word that counts about a provider's id for which no outcome is committed yet, or ever."""

    provider_id = models.CharField(max_length=96, primary_key=True)
    state = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40, db_collation="C")
    came_at = models.DateTimeField()  # first

    class Meta:
        db_table = "track_early"


class StopRow(models.Model):
    """A number, by its keyed token, whose holder answered STOP and whose records are not found yet."""

    token = models.BinaryField(max_length=16)
    came_at = models.DateTimeField()

    class Meta:
        db_table = "track_stop"
        constraints = [models.UniqueConstraint(fields=["token"], name="track_stop_once")]


class Ignored(models.Model):
    """How much came that was no receipt of ours, by kind: nothing of it is kept but the count."""

    kind = models.CharField(max_length=20, primary_key=True)
    count = models.PositiveBigIntegerField()

    class Meta:
        db_table = "track_ignored"


class BillRow(models.Model):
    """What holding a carrier's bill against the sends came to, when it was done last: exact counts, no ids."""

    carrier = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)  # SHA-256 of the file
    first_on = models.DateField()
    last_on = models.DateField()
    checked_at = models.DateTimeField()
    lines = models.PositiveIntegerField()
    sent = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()
    differences = models.JSONField()  # {kind: count}

    class Meta:
        db_table = "track_bill"
        constraints = [models.UniqueConstraint(fields=["carrier", "digest"], name="track_bill_once")]


class StoppedRow(models.Model):
    """What a stay stopped of one order when its terms came into force: exact counts, kept as they were."""

    stay = models.CharField(max_length=64)
    number = models.PositiveSmallIntegerField()  # 0: as it was placed; n: by its n-th amendment
    at = models.DateTimeField()
    order = models.CharField(max_length=64)
    handed_off = models.PositiveBigIntegerField()
    in_hand = models.PositiveIntegerField()
    waiting = models.PositiveBigIntegerField(null=True)

    class Meta:
        db_table = "track_stopped"
        constraints = [models.UniqueConstraint(fields=["stay", "number", "order"], name="track_stopped_once")]
