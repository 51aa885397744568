"""Orders as they came, and where each is on its way."""

from django.db import models


class OrderRow(models.Model):
    """One accepted order. `released_at` moves when a person releases it after a stay."""

    ACCEPTED, DECIDED, SENDING, DONE, FAILED = "accepted", "decided", "sending", "done", "failed"

    digest = models.CharField(max_length=64, primary_key=True)
    order_id = models.CharField(max_length=64, unique=True)
    envelope = models.TextField()
    notice = models.BinaryField()  # the exact bytes whose digest the order pins
    state = models.CharField(max_length=10)
    accepted_at = models.DateTimeField()
    released_at = models.DateTimeField()
    journal_id = models.BigIntegerField()

    class Meta:
        db_table = "notice_order"
