"""The office's own table (office database): what it handed in through the hatch, and the answer."""

from typing import ClassVar

from django.db import models


class Submission(models.Model):
    """One document's way through the hatch."""

    digest = models.CharField(max_length=64)
    document_kind = models.CharField(max_length=80)
    envelope = models.TextField()
    submitted_at = models.DateTimeField()
    refused_code = models.CharField(max_length=80, null=True)  # null: accepted

    objects: ClassVar[models.Manager["Submission"]] = models.Manager()

    class Meta:
        db_table = "office_submission"
