"""A person's own page: what is left there for whom no contact reaches. Sealed for the record that it is of.

    letter    one whole RFC 5322 message, as it would have left by e-mail
    cell      sealed as a register's cells are (ingest/seal.py), under a data key of its batch's own

The vault's worker leaves letters, the portal reads those of the person who signed in (track/letters.py). They
depend on nothing that may end later: no order, grant or file of messages is asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ariyippu.base.keys import Keyring
from ariyippu.ingest import seal
from ariyippu.ingest.seal import CellKey

COLUMN, VERSION = "inbox", 1
NOBODY = "person@inbox.invalid"  # RFC 6761: an address that is none


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One sealed letter, and what opens it: the wrapped key."""

    record: bytes
    cell: bytes
    wrapped_key: str


def sealed(texts: Sequence[str], records: Sequence[bytes], register: str, keyring: Keyring) -> list[Letter]:
    """The letters of a batch, each bound to its record."""
    key, wrapped = keyring.new_data_key(_context(register))
    cells = seal.seal_column(texts, records, CellKey(key, register, COLUMN, VERSION))
    return [Letter(record, cell or b"", wrapped) for record, cell in zip(records, cells, strict=True)]


def opened(letter: Letter, register: str, keyring: Keyring) -> str:
    """The message. PermanentError when it was altered, or left for another record."""
    key = keyring.data_key(letter.wrapped_key, _context(register))
    (text,) = seal.open_column([letter.cell], [letter.record], CellKey(key, register, COLUMN, VERSION))
    return text or ""


def _context(register: str) -> str:
    return f"{COLUMN}|{register}"
