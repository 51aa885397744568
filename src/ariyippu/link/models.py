"""Which linking runs exist, and what officers settled (vault database). A folder without a row is no linking run."""

from django.db import models


class LinkRun(models.Model):
    """One committed linking run. Rows are written once, with their journal entry, and never changed.

    The files' keys are wrapped for the run's terms too (`terms`): whoever alters the row opens nothing.
    """

    id = models.CharField(max_length=80, primary_key=True)
    grant = models.CharField(max_length=64)  # digest of the use request that names the registers
    model = models.CharField(max_length=64)  # digest of the model that weighed the pairs
    snapshots = models.JSONField()  # {register: snapshot}
    wrapped_keys = models.JSONField()  # {file: wrapped key}
    records = models.PositiveBigIntegerField()
    persons = models.PositiveBigIntegerField()
    possible = models.PositiveBigIntegerField()  # pairs of persons
    linked_at = models.DateTimeField()
    journal_id = models.BigIntegerField(unique=True)

    class Meta:
        db_table = "link_run"


class SettlementRow(models.Model):
    """One settlement as it came."""

    digest = models.CharField(max_length=64, primary_key=True)
    settlement_id = models.CharField(max_length=64, unique=True)
    envelope = models.TextField()
    settled_at = models.DateTimeField()

    class Meta:
        db_table = "link_settlement"
