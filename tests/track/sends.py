"""Sends without a sending: batches and outcomes as a worker leaves them, for tests of what comes afterwards."""

from ariyippu.send.models import Batch, MessageFile, Outcome

ORDER = "ab" * 32


def batch(size: int, *, order: str = ORDER, channel: str = "sms") -> Batch:
    """A batch whose file is not there."""
    file = MessageFile.objects.create(
        order=order, channel=channel, name=f"{channel}-{MessageFile.objects.count():04d}.parquet", wrapped_key=""
    )
    made: Batch = Batch.objects.create(
        order=order, channel=channel, file=file, row_group=0, size=size, state=Batch.DONE
    )
    return made


def accepted(made: Batch, first_id: int) -> None:
    """All of its messages were accepted, under the ids M<first_id>, M<first_id + 1> …"""
    Outcome.objects.bulk_create(
        Outcome(batch=made, position=n, outcome=Outcome.ACCEPTED, code="ESME_ROK", provider_id=f"M{first_id + n}")
        for n in range(made.size)
    )
