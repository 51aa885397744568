"""Door two: the one place where contacts are opened to leave.

A batch's row group is read, the cells that its texts need are opened in memory, and messages come out.
Nothing here is kept, logged or passed on except to the carrier.
"""

import email.utils
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ariyippu.base import clock, engine
from ariyippu.base.errors import PermanentError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest import seal
from ariyippu.ingest.snapshot import Manifest, cell_key
from ariyippu.notice.documents import Placeholder
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.render import values
from ariyippu.render.compose import Composer, compile_notice
from ariyippu.send.carriers import EmailMessage, Message, SmsMessage
from ariyippu.send.cut import file_key, file_path
from ariyippu.send.lease import Lease


@dataclass(frozen=True, repr=False)
class Opened:
    """A batch's messages and records, both by position."""

    messages: Sequence[Message]
    records: Sequence[bytes]


@dataclass(frozen=True, repr=False)
class Door:
    """Opens batches for one vault."""

    home: Home
    keyring: Keyring

    def open(self, held: Lease) -> Opened:
        """The whole batch in clear, for as long as its lease. PermanentError when the file or a cell does not open."""
        rows = self._rows(held)
        records: list[bytes] = rows["record"].to_pylist()
        channel, verified = held.subject.channel, held.verified
        texts = {
            column: self._texts(verified.manifest, column, rows, records)
            for column in rows.column_names
            if column != "record"
        }
        contacts = texts[verified.contacts[channel]]
        composer = compile_notice(verified.notice, why_url=self._why_url(verified))
        shown = composer.placeholders(channel)
        placeholders = [placeholder for placeholder in verified.notice.placeholders if placeholder.name in shown]
        filled = _filled(placeholders, texts, len(records))
        if channel == "email":
            messages = self._emails(held, composer, zip(records, contacts, filled, strict=True))
        else:
            messages = _sms(held, composer, zip(contacts, filled, strict=True))
        return Opened(messages, records)

    def _rows(self, held: Lease) -> pa.Table:
        file = held.batch.file
        if (file.order, file.channel) != (held.verified.digest, held.subject.channel):
            raise PermanentError(f"A batch of order {held.verified.order.id} names another order's file.")
        try:
            parquet = engine.open_parquet(file_path(self.home, file), file_key(file, self.keyring))
            return parquet.read_row_group(held.batch.row_group)
        except (OSError, pa.ArrowException):
            raise PermanentError(f"{file.name} of order {file.order} is missing, damaged or altered.") from None

    def _texts(self, manifest: Manifest, column: str, rows: pa.Table, records: Sequence[bytes]) -> list[str]:
        """One column as it is written in a message: sealed cells opened, absent ones empty."""
        kept = rows[column].to_pylist()
        if manifest.columns[column].wrapped_key is None:
            return ["" if value is None else str(value) for value in kept]
        opened = seal.open_column(kept, records, cell_key(manifest, column, self.keyring))
        return [value or "" for value in opened]

    def _emails(
        self, held: Lease, composer: Composer, rows: Iterable[tuple[bytes, str, dict[str, str]]]
    ) -> list[Message]:
        sender = self.home.settings.carriers["email"].sender
        domain = sender.rpartition("@")[2]
        key = self.keyring.token_key("message-id")
        date = email.utils.format_datetime(clock.now())
        messages: list[Message] = []
        for position, (record, to, filled) in enumerate(rows):
            message_id = f"<{_message_token(key, held.verified.digest, record)}@{domain}>"
            content = composer.email(filled, to=to, message_id=message_id, date=date, sender=sender)
            messages.append(EmailMessage(position, to, content))
        return messages

    def _why_url(self, verified: VerifiedOrder) -> str:
        return f"{self.home.settings.public_url}/orders/{verified.order.id}"


def _filled(
    placeholders: Sequence[Placeholder], texts: Mapping[str, Sequence[str]], count: int
) -> list[dict[str, str]]:
    """The placeholders' values of each message."""
    writers = {"money": lambda text: values.money(int(text)), "date": values.date, "text": values.text}
    columns = {
        placeholder.name: [writers[placeholder.type](text) if text else "" for text in texts[placeholder.column]]
        for placeholder in placeholders
    }
    return [{name: column[position] for name, column in columns.items()} for position in range(count)]


def _sms(held: Lease, composer: Composer, rows: Iterable[tuple[str, dict[str, str]]]) -> list[Message]:
    template = held.verified.notice.dlt_template
    return [SmsMessage(position, to, composer.sms(filled), template) for position, (to, filled) in enumerate(rows)]


def _message_token(key: bytes, order: str, record: bytes) -> str:
    """The same for the same order and record, so that a provider can see a doubled message; else random."""
    return hmac.digest(key, order.encode() + record, hashlib.sha256)[:16].hex()
