"""What grant keeps in the vault's database: the signed documents as they came."""

from django.db import models


class RootsDocument(models.Model):
    """Root keys that replaced those of the version before; the first stand in the pinned file."""

    version = models.PositiveIntegerField(primary_key=True)
    envelope = models.TextField()

    class Meta:
        db_table = "grant_roots"


class TrustDocument(models.Model):
    """Every accepted version; the highest is in force."""

    version = models.PositiveIntegerField(primary_key=True)
    envelope = models.TextField()

    class Meta:
        db_table = "grant_trust"


class Grant(models.Model):
    """A use request that everyone signed."""

    digest = models.CharField(max_length=64, primary_key=True)
    request_id = models.CharField(max_length=64, unique=True)
    envelope = models.TextField()
    granted_at = models.DateTimeField()

    class Meta:
        db_table = "grant_grant"


class RefusedRequest(models.Model):
    """A use request that an officer refused, by the request's digest: it is never granted."""

    request = models.CharField(max_length=64, primary_key=True)
    envelope = models.TextField()  # the refusal
    refused_at = models.DateTimeField()

    class Meta:
        db_table = "grant_refused"


class WithdrawnRequest(models.Model):
    """A grant that its requester took back, by the request's digest."""

    request = models.CharField(max_length=64, primary_key=True)
    envelope = models.TextField()  # the withdrawal
    withdrawn_at = models.DateTimeField()

    class Meta:
        db_table = "grant_withdrawn"
