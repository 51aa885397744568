"""Orders as they came, and where each is on its way; the counts that offices were told."""

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
    messages = models.BigIntegerField(null=True)  # when it is decided: how many, and what they cost at most
    cost_paise = models.BigIntegerField(null=True)
    standing = models.CharField(max_length=64, null=True, db_index=True)  # the standing order that came to this one
    trigger = models.BinaryField(null=True)  # then: what it came to; `envelope` is the standing order's

    class Meta:
        db_table = "notice_order"


class StandingRow(models.Model):
    """One accepted standing order, and how far it has seen its register go."""

    digest = models.CharField(max_length=64, primary_key=True)
    standing_id = models.CharField(max_length=64, unique=True)
    envelope = models.TextField()
    notice = models.BinaryField()
    journal_id = models.BigIntegerField()
    snapshot = models.CharField(max_length=80)  # the last that it saw; if no row has it, a lost database did
    triggers = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "notice_standing"


class Count(models.Model):
    """A question that was answered, or withheld: what the next ones are held against."""

    question = models.CharField(max_length=64)  # the digest of the document that asked first
    office = models.CharField(max_length=80)
    use_request = models.CharField(max_length=64)
    register = models.CharField(max_length=40)
    snapshot = models.CharField(max_length=80)
    criteria = models.JSONField()  # canonical
    criteria_digest = models.CharField(max_length=64)
    answer = models.BigIntegerField(null=True)  # in tens; 0: fewer than ten
    withheld = models.CharField(max_length=10)  # why there is no answer, or empty
    asked_at = models.DateTimeField()
    journal_id = models.BigIntegerField(null=True)  # of the day's entry

    class Meta:
        db_table = "notice_count"
        constraints = [
            models.UniqueConstraint(fields=["office", "snapshot", "criteria_digest"], name="notice_count_once")
        ]
        indexes = [
            models.Index(fields=["asked_at"], name="notice_count_unlogged", condition=models.Q(journal_id__isnull=True))
        ]
