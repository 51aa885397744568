"""Sealing: the format of a cell, settled here.

    cell    01 || nonce (12 bytes) || AES-256-GCM(data key, nonce, text, associated data) (with its 16-byte tag)
    text    UTF-8 of the value in its normal form: money in paise and integers as decimal digits,
            dates as YYYY-MM-DD, mobiles as +91 and ten digits
    associated data   ASCII `register|column|record|version`: the record's token as 32 lower-case hex
            digits, the contract's version in decimal; no name can hold a `|`
    data key   one per register, column and snapshot, wrapped for the context `register|column|snapshot`

Nonces are random: a column of 35 million rows stays far below the 2^32 that NIST SP 800-38D, 8.3 allows
a key. An empty cell is null and is not sealed.

    record   HMAC-SHA256(token key of `record/<register>`, the key's text)[:16]: the same person's record has
             the same token in every snapshot of a register, and another one in another register
    contact token   HMAC-SHA256(token key of `contact`, `mobile:+91…` or `email:…`)[:16], the address in lower
             case: the same contact has the same token in every register
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ariyippu.base.errors import PermanentError
from ariyippu.base.keys import NONCE_BYTES, Keyring, Mac

TOKEN_BYTES = 16
CELL_VERSION = b"\x01"
_TEXT_AT = len(CELL_VERSION) + NONCE_BYTES
_LEAST_CELL_BYTES = _TEXT_AT + 16  # an empty text's tag


@dataclass(frozen=True, repr=False)
class CellKey:
    """The data key of one column in one snapshot, and what its cells are bound to."""

    key: bytes
    register: str
    column: str
    version: int

    @staticmethod
    def context(register: str, column: str, snapshot: str) -> str:
        """What the wrapped data key is bound to."""
        return f"{register}|{column}|{snapshot}"

    def bound_to(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """The associated data for each record."""
        before, after = f"{self.register}|{self.column}|".encode(), f"|{self.version}".encode()
        return (before + record.hex().encode() + after for record in records)


def record_tokens(register: str, keys: Iterable[str], keyring: Keyring) -> list[bytes]:
    """The token of each record, from its register's key column in normal form."""
    return _tokens(keyring.token_key(f"record/{register}"), (key.encode() for key in keys))


def contact_tokens(
    kind: Literal["mobile", "email"], contacts: Sequence[str | None], keyring: Keyring
) -> list[bytes | None]:
    """The token of each contact in normal form; None where there is none."""
    texts = (f"{kind}:{contact.lower()}".encode() for contact in contacts if contact is not None)
    tokens = iter(_tokens(keyring.token_key("contact"), texts))
    return [None if contact is None else next(tokens) for contact in contacts]


def _tokens(key: bytes, texts: Iterable[bytes]) -> list[bytes]:
    mac = Mac(key)
    return [mac(text)[:TOKEN_BYTES] for text in texts]


def seal_column(values: Sequence[str | None], records: Sequence[bytes], key: CellKey) -> list[bytes | None]:
    """One cell for each value, bound to the record beside it."""
    encrypt = AESGCM(key.key).encrypt
    nonces = os.urandom(NONCE_BYTES * len(values))
    cells: list[bytes | None] = []
    for at, (value, bound) in enumerate(zip(values, key.bound_to(records), strict=True)):
        if value is None:
            cells.append(None)
        else:
            nonce = nonces[at * NONCE_BYTES : (at + 1) * NONCE_BYTES]
            cells.append(CELL_VERSION + nonce + encrypt(nonce, value.encode(), bound))
    return cells


def open_column(cells: Sequence[bytes | None], records: Sequence[bytes], key: CellKey) -> list[str | None]:
    """The values of cells. PermanentError when one is altered or belongs to another column, record or key."""
    cipher = AESGCM(key.key)
    pairs = zip(cells, key.bound_to(records), strict=True)
    try:
        return [None if cell is None else _opened(cipher, cell, bound) for cell, bound in pairs]
    except InvalidTag:
        raise PermanentError(f"A cell of {key.register}.{key.column} is altered or not its record's own.") from None


def _opened(cipher: AESGCM, cell: bytes, bound: bytes) -> str:
    if cell[:1] != CELL_VERSION or len(cell) < _LEAST_CELL_BYTES:
        raise InvalidTag
    return cipher.decrypt(cell[1:_TEXT_AT], cell[_TEXT_AT:], bound).decode()


def open_cell(cell: bytes, record: bytes, key: CellKey) -> str:
    """The value of one cell. PermanentError as in `open_column`."""
    (value,) = open_column([cell], [record], key)
    return value or ""
