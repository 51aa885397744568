"""Receipts as carriers report them, beside outcomes: their order of arrival is no matter. What stays stopped."""

from django.db import models


class ReceiptRow(models.Model):
    """The first final word of a carrier about one message; a doubled receipt changes nothing."""

    provider_id = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=12)
    code = models.CharField(max_length=40)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "track_receipt"


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
