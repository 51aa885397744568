"""Which snapshots exist (vault database). A folder without a row here is not a snapshot."""

from django.db import models


class Snapshot(models.Model):
    """One committed snapshot. Rows are written once, with their journal entry, and never changed."""

    id = models.CharField(max_length=80, primary_key=True)
    register = models.CharField(max_length=40)
    contract_digest = models.CharField(max_length=64)
    source_sha256 = models.CharField(max_length=64)
    manifest_sha256 = models.CharField(max_length=64)  # commits keys, kinds and purposes beside the files
    rows = models.BigIntegerField()
    quarantined = models.BigIntegerField()
    loaded_at = models.DateTimeField()

    class Meta:
        db_table = "ingest_snapshot"
        constraints = [
            models.UniqueConstraint(fields=["register", "contract_digest", "source_sha256"], name="ingest_loaded_once"),
        ]
