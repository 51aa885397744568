"""Receipts as carriers report them. They stand beside outcomes, so their order of arrival is no matter."""

from django.db import models


class ReceiptRow(models.Model):
    """The first final word of a carrier about one message; a doubled receipt changes nothing."""

    provider_id = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=12)
    code = models.CharField(max_length=40)
    received_at = models.DateTimeField()

    class Meta:
        db_table = "track_receipt"
