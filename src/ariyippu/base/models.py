"""The journal's tables (vault database)."""

from django.db import models


class Journal(models.Model):
    """What happened, written by the stage that did it, in the same transaction. Append-only."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    body = models.BinaryField()  # canonical JSON: the exact bytes that the log publishes

    class Meta:
        db_table = "journal"


class Entry(models.Model):
    """The place of a journal row in the public log. Written by the sequencer alone."""

    index = models.BigIntegerField(primary_key=True)
    journal = models.OneToOneField(Journal, on_delete=models.PROTECT)
    cosigned_at = models.DateTimeField(null=True)  # when a witnessed checkpoint first covered it

    class Meta:
        db_table = "journal_entry"


class Refusal(models.Model):
    """Which refusals were journaled: a document that is handed in again and again fills no log."""

    document = models.CharField(max_length=64)
    code = models.CharField(max_length=80)

    class Meta:
        db_table = "journal_refusal"
        constraints = [models.UniqueConstraint(fields=["document", "code"], name="journal_refusal_once")]
