"""What policy keeps in the vault's database. Records are keyed tokens; nothing here names a person."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class StayRow(models.Model):
    """A stay as it came, when a lift ended it early, and when a second officer confirmed its paper."""

    digest = models.CharField(max_length=64, primary_key=True)
    stay_id = models.CharField(max_length=64, unique=True)
    envelope = models.TextField()
    starts_at = models.DateTimeField()  # for the watch; what counts is the signed document's
    begun = models.BooleanField(db_default=False)  # seen as begun by a process's clock, once and for all
    accepted_at = models.DateTimeField(db_default=Now())  # the database's clock, as windows have it
    lifted_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    certified = models.PositiveSmallIntegerField(db_default=0)  # of its terms: what they stopped is in the journal
    recalled = models.PositiveSmallIntegerField(db_default=0)  # of them: what they recall is intended
    recall_logged = models.PositiveSmallIntegerField(db_default=0)  # and what came of it is in the journal

    class Meta:
        db_table = "policy_stay"


class AmendmentRow(models.Model):
    """Other terms of a stay, as they came, and from when they hold."""

    digest = models.CharField(max_length=64, primary_key=True)
    stay = models.ForeignKey(StayRow, on_delete=models.PROTECT, related_name="amendments")
    number = models.PositiveIntegerField()
    envelope = models.TextField()
    accepted_at = models.DateTimeField()

    class Meta:
        db_table = "policy_amendment"
        constraints = [models.UniqueConstraint(fields=["stay", "number"], name="amendment_once")]


class Objection(models.Model):
    """A person's refusal, stated for a purpose; it holds for every purpose below and every channel."""

    register = models.CharField(max_length=40)
    record = models.BinaryField(max_length=16)
    purpose = models.CharField(max_length=80)
    objected_at = models.DateTimeField()
    carried_at = models.DateTimeField(null=True)  # when it was taken to the records that links reach

    class Meta:
        db_table = "policy_objection"
        constraints = [models.UniqueConstraint(fields=["register", "record", "purpose"], name="objection_once")]
        indexes = [models.Index(fields=["id"], name="objection_waiting", condition=models.Q(carried_at__isnull=True))]


class Preference(models.Model):
    """The channel on which a person would be told first. It is none of an objection: it stops nothing."""

    pk = models.CompositePrimaryKey("register", "record")
    register = models.CharField(max_length=40)
    record = models.BinaryField(max_length=16)
    channel = models.CharField(max_length=8)
    stated_at = models.DateTimeField()

    class Meta:
        db_table = "policy_preference"


class CarriedObjection(models.Model):
    """A record that an objection of another one reached over the linking run of that time.

    It holds back messages of audiences decided before it; a later decision asks the current run anew, so that
    nobody stays silenced by a link that was split since.
    """

    register = models.CharField(max_length=40)
    record = models.BinaryField(max_length=16)
    purpose = models.CharField(max_length=80)
    carried_at = models.DateTimeField()  # by the database's clock

    class Meta:
        db_table = "policy_carried_objection"
        constraints = [models.UniqueConstraint(fields=["register", "record", "purpose"], name="carried_once")]


class Told(models.Model):
    """That a record's person was sent something for a purpose, or may have been: a row each time, never changed."""

    # Django's name for a row; the table has none. To find whether there is a row would cost as much as writing it.
    pk = models.CompositePrimaryKey("record", "told_at")
    register = models.CharField(max_length=40)
    record = models.BinaryField(max_length=16)
    purpose = models.CharField(max_length=80)
    told_at = models.DateTimeField()

    class Meta:
        db_table = "policy_told"
        indexes = [
            models.Index(fields=["record"], name="policy_told_record"),
            BrinIndex(fields=["told_at"], name="policy_told_at"),  # rows lie in the order of their instants
        ]


class PersonTold(models.Model):
    """A person whom several registers know, which of them told them something for a purpose, and when last."""

    person = models.BinaryField(max_length=16)
    register = models.CharField(max_length=40)
    purpose = models.CharField(max_length=80)
    told_at = models.DateTimeField()

    class Meta:
        db_table = "policy_person_told"
        constraints = [models.UniqueConstraint(fields=["person", "purpose", "register"], name="person_told_once")]


class AudienceRow(models.Model):
    """An order's frozen audience: its root is public, its file is encrypted."""

    order = models.CharField(max_length=64, primary_key=True)  # the order's digest
    root = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()  # with its padding
    counts = models.JSONField()  # {reason: exact count}
    wrapped_key = models.TextField()
    journal_id = models.BigIntegerField()
    seconds = models.FloatField()
    decided_at = models.DateTimeField(db_default=Now())  # when it read the lists, by the database's clock

    class Meta:
        db_table = "policy_audience"


class Suspension(models.Model):
    """A contact point that is not used, by its keyed token; see suspensions.py."""

    token = models.BinaryField(max_length=16)
    cause = models.CharField(max_length=12)
    suspended_at = models.DateTimeField()  # last

    class Meta:
        db_table = "policy_suspension"
        constraints = [models.UniqueConstraint(fields=["token", "cause"], name="policy_suspended_once")]


class Verified(models.Model):
    """A register's department verified a contact point."""

    register = models.CharField(max_length=40)
    token = models.BinaryField(max_length=16)
    verified_at = models.DateTimeField()  # last

    class Meta:
        db_table = "policy_verified"
        constraints = [models.UniqueConstraint(fields=["register", "token"], name="policy_verified_once")]
