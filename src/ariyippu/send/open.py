"""Door two: the one place where contacts are opened to leave.

A batch's row group is read, the cells that its texts need are opened in memory, and messages come out.
Nothing here is kept, logged or passed on except to the carrier.
"""

import datetime as dt
import email.utils
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, repeat

import pyarrow as pa

from ariyippu.base import clock, engine
from ariyippu.base.errors import PermanentError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest import seal
from ariyippu.ingest.manifest import Manifest
from ariyippu.ingest.snapshot import cell_key
from ariyippu.notice.documents import Flag, Placeholder
from ariyippu.notice.sms import MESSAGE
from ariyippu.policy import stays
from ariyippu.render.compose import Composer, Emails, Headers, Links, compile_notice
from ariyippu.render.values import WRITERS
from ariyippu.send.carriers import EmailMessage, InboxMessage, Message, SmsMessage
from ariyippu.send.carriers.answers import MAX_VALID_S
from ariyippu.send.cut import CELL, CELL_RECORD, CONTACT, FLAG, PERSON, file_key, file_path, stem
from ariyippu.send.inbox import NOBODY, sealed
from ariyippu.send.lease import Lease
from ariyippu.send.tokens import MessageTokens


@dataclass(frozen=True, repr=False)
class Opened:
    """A batch's messages, records and contacts' tokens, each by position.

    `persons`: by position, of whom other registers know too. `valid_until`: when a provider must give up at the latest.
    """

    messages: Sequence[Message]
    records: Sequence[bytes]
    contacts: Sequence[bytes]
    persons: Mapping[int, bytes]
    valid_until: dt.datetime | None  # of SMS


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
            if column in verified.manifest.columns
        }
        contacts = [NOBODY] * len(records) if channel == "inbox" else self._contacts(held, rows)
        composer = compile_notice(verified.notice, Links.of(self.home.settings.public_url, verified.order.id))
        shown = composer.placeholders(channel)
        values = _written([p for p in verified.notice.placeholders if p.name in shown], texts)
        values |= _holding(verified.notice.flags, rows)
        values[MESSAGE] = MessageTokens.of(self.keyring, "link").make(held.batch.pk, verified.digest, records)
        until = _valid_until(held) if channel == "sms" else None
        if until is not None:
            messages = _sms(held, composer, contacts, values, until)
        else:
            tokens = MessageTokens.of(self.keyring, "receipt").make(held.batch.pk, verified.digest, records)
            made = composer.emails(values, self._headers(contacts, tokens))
            messages = self._inbox(held, made, records) if channel == "inbox" else self._emails(contacts, made, tokens)
        persons = {position: person for position, person in enumerate(rows[PERSON].to_pylist()) if person is not None}
        return Opened(messages, records, rows[CONTACT].to_pylist(), persons, until)

    def _emails(self, contacts: Sequence[str], made: Emails, tokens: Sequence[str]) -> list[Message]:
        return_paths = map(self.home.settings.carriers["email"].return_path, tokens)
        own = zip(count(), contacts, made.contents, return_paths, repeat(made.dotted))
        return list(map(EmailMessage._make, own))

    def _inbox(self, held: Lease, made: Emails, records: Sequence[bytes]) -> list[Message]:
        letters = sealed(
            [content.decode() for content in made.contents], records, held.verified.order.register, self.keyring
        )
        return [InboxMessage(position, held.batch.pk, letter) for position, letter in enumerate(letters)]

    def _rows(self, held: Lease) -> pa.Table:
        file = held.batch.file
        expected = stem(held.subject.channel, held.subject.contact_of)
        if (file.order, file.name.rpartition("-")[0]) != (held.verified.digest, expected):
            raise PermanentError(f"A batch of order {held.verified.order.id} names a file of something else.")
        try:
            parquet = engine.open_parquet(file_path(self.home, file), file_key(file, self.keyring))
            return parquet.read_row_group(held.batch.row_group)
        except (OSError, pa.ArrowException):
            raise PermanentError(f"{file.name} of order {file.order} is missing, damaged or altered.") from None

    def _contacts(self, held: Lease, rows: pa.Table) -> list[str]:
        """The contacts, each opened as its own record's: another one, where it is lent."""
        source = held.verified.source(held.subject.channel, held.subject.contact_of)
        if source is None:
            raise PermanentError(f"A batch of order {held.verified.order.id} uses contacts that its register has not.")
        key = cell_key(source.manifest, source.column, self.keyring)
        opened = seal.open_column(rows[CELL].to_pylist(), rows[CELL_RECORD].to_pylist(), key)
        return [contact or "" for contact in opened]

    def _texts(self, manifest: Manifest, column: str, rows: pa.Table, records: Sequence[bytes]) -> list[str]:
        """One column as it is written in a message: sealed cells opened, absent ones empty."""
        kept = rows[column].to_pylist()
        if manifest.columns[column].wrapped_key is None:
            return ["" if value is None else str(value) for value in kept]
        opened = seal.open_column(kept, records, cell_key(manifest, column, self.keyring))
        return [value or "" for value in opened]

    def _headers(self, contacts: Sequence[str], tokens: Sequence[str]) -> Headers:
        email_carrier = self.home.settings.carriers.get("email")  # what waits on one's own page needs none
        sender = email_carrier.sender if email_carrier else NOBODY
        domain = sender.rpartition("@")[2]
        date = email.utils.format_datetime(clock.now())
        return Headers(sender, date, contacts, [f"{token}@{domain}" for token in tokens])


def _written(placeholders: Sequence[Placeholder], texts: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Each placeholder's values, by position, as they stand in a message."""
    columns = {}
    for placeholder in placeholders:
        write, column = WRITERS[placeholder.type], texts[placeholder.column]
        written = {text: write(text) if text else "" for text in set(column)}  # many columns say the same to many
        columns[placeholder.name] = [written[text] for text in column]
    return columns


def _holding(flags: Sequence[Flag], rows: pa.Table) -> dict[str, list[str]]:
    """Each flag, by position, as the composer reads it: empty where it does not hold."""
    return {flag.name: ["yes" if holds else "" for holds in rows[FLAG + flag.name].to_pylist()] for flag in flags}


def _sms(
    held: Lease, composer: Composer, contacts: Sequence[str], values: Mapping[str, list[str]], until: dt.datetime
) -> list[Message]:
    template = held.verified.notice.dlt_template
    rows = zip(*values.values(), strict=True) if values else repeat((), len(contacts))
    filled = (dict(zip(values, row, strict=True)) for row in rows)
    pairs = zip(contacts, map(composer.sms, filled), strict=True)
    valid_s = max(1, int((until - clock.now()).total_seconds()))
    return [SmsMessage(position, to, text, template, valid_s) for position, (to, text) in enumerate(pairs)]


def _valid_until(held: Lease) -> dt.datetime:
    """A notice must not arrive when it could not be handed off: after its order, or under a stay placed ahead."""
    ahead = stays.first_ahead(held.subject)
    ends = [clock.now() + dt.timedelta(seconds=MAX_VALID_S), held.verified.order.not_after]
    return min([*ends, ahead] if ahead else ends)
