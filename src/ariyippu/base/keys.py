"""The keyring: the vault's secrets in one file that only the vault's account can read.

    wrap     wraps data keys: one per register, column and snapshot; one per encrypted file
    token    from it a token key for each domain of use ("record/spark", "contact"), by HKDF
    log      signs the log's checkpoints

Losing the file makes every sealed cell unreadable; a copy of it opens all of them. Back it up apart
from the data.
"""

import base64
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ariyippu.base import home
from ariyippu.base.errors import PermanentError, RefusedError

KEY_BYTES = 32
NONCE_BYTES = 12
NAMES = ("wrap", "token", "log")


@dataclass(frozen=True, repr=False)
class Keyring:
    """Three 256-bit secrets. Its `repr` shows none of them."""

    secrets: Mapping[str, bytes]

    def new_data_key(self, context: str) -> tuple[bytes, str]:
        """A fresh data key, and the same key wrapped for `context` (base64) to keep beside the data."""
        key = secrets.token_bytes(KEY_BYTES)
        nonce = secrets.token_bytes(NONCE_BYTES)
        wrapped = AESGCM(self.secrets["wrap"]).encrypt(nonce, key, context.encode())
        return key, base64.b64encode(nonce + wrapped).decode()

    def data_key(self, wrapped: str, context: str) -> bytes:
        """The data key in `wrapped`. PermanentError when it was wrapped for another context or keyring."""
        sealed = base64.b64decode(wrapped)
        try:
            return AESGCM(self.secrets["wrap"]).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise PermanentError(f"The key for {context} was not wrapped by this keyring.") from None

    def token_key(self, domain: str) -> bytes:
        """The HMAC key of one domain of use; tokens of two domains cannot be joined."""
        kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"ariyippu token {domain}".encode())
        return kdf.derive(self.secrets["token"])

    def log_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secrets["log"])

    def __repr__(self) -> str:
        return "Keyring(…)"


def create(path: Path) -> Keyring:
    """A new keyring at `path`, mode 0600. FileExistsError when there is one: it is never overwritten."""
    values = {name: secrets.token_bytes(KEY_BYTES) for name in NAMES}
    write_secret(
        path, json.dumps({"version": 1, **{name: base64.b64encode(value).decode() for name, value in values.items()}})
    )
    return Keyring(values)


def write_secret(path: Path, text: str) -> None:
    """A new file that its account alone can read, on disk when this returns. FileExistsError when it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> Keyring:
    """The keyring at `path`, for the vault only.

    RefusedError: `keyring.zone` in any other zone, `keyring.missing`, `keyring.readable` when others
    can read it, `keyring.invalid`.
    """
    if home.current_zone() != "vault":
        raise RefusedError("keyring.zone", "Only the vault loads the keyring.")
    try:
        status = path.stat()
    except FileNotFoundError:
        raise RefusedError("keyring.missing", f"{path} is missing: run 'ariyippu init', or restore it.") from None
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise RefusedError("keyring.readable", f"{path} must belong to this account alone: chmod 600 it.")
    try:
        document = json.loads(path.read_text())
        values = {name: base64.b64decode(document[name], validate=True) for name in NAMES}
    except (ValueError, KeyError, TypeError):
        raise RefusedError("keyring.invalid", f"{path} is not a keyring: restore it from its back-up.") from None
    if document.get("version") != 1 or any(len(value) != KEY_BYTES for value in values.values()):
        raise RefusedError("keyring.invalid", f"{path} is not a keyring of version 1.")
    return Keyring(values)
