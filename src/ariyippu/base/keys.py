"""The vault's keys: the keyring, in one file that only the vault's account can read, and the key of `link`.

    wrap     wraps data keys: one per register, column and snapshot; one per encrypted file
    token    from it a token key for each domain of use ("record/spark", "contact"), by HKDF
    log      signs the log's checkpoints

Losing the keyring makes every sealed cell unreadable; a copy of it opens all of them. Back it up apart
from the data.

The data key of a features file is not wrapped but sealed to link's public key, so that the door, which has
only that half, writes what it cannot read:

    sealed key   `link:` and base64 of the HPKE message (RFC 9180, base mode, single shot: enc || ciphertext) of
                 DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, with the file's context as `info`
    link.key     PKCS #8, PEM; its public half beside it, SubjectPublicKeyInfo, PEM
"""

import base64
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ariyippu.base import home
from ariyippu.base.errors import PermanentError, RefusedError

KEY_BYTES = 32
NONCE_BYTES = 12
NAMES = ("wrap", "token", "log")
LINK_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
SEALED_TO_LINK = "link:"


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
        """The data key in `wrapped`.

        PermanentError when it was wrapped for another context or keyring; RefusedError `features.link_only`.
        """
        if wrapped.startswith(SEALED_TO_LINK):
            raise RefusedError("features.link_only", "Features are opened with link's key, not with the keyring.")
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


class Mac:
    """HMAC-SHA256 under one key, which is hashed once and not for every text."""

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, SHA256())

    def __call__(self, text: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(text)
        return mac.finalize()


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
    _refuse_readable(path, "keyring")
    try:
        document = json.loads(path.read_text())
        values = {name: base64.b64decode(document[name], validate=True) for name in NAMES}
    except (ValueError, KeyError, TypeError):
        raise RefusedError("keyring.invalid", f"{path} is not a keyring: restore it from its back-up.") from None
    if document.get("version") != 1 or any(len(value) != KEY_BYTES for value in values.values()):
        raise RefusedError("keyring.invalid", f"{path} is not a keyring of version 1.")
    return Keyring(values)


def _refuse_readable(path: Path, code: str) -> None:
    """RefusedError `CODE.missing`, or `CODE.readable` when another account could read the secret file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise RefusedError(f"{code}.missing", f"{path} is missing: run 'ariyippu init', or restore it.") from None
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise RefusedError(f"{code}.readable", f"{path} must belong to this account alone: chmod 600 it.")


# --- link's key --------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class LinkKey:
    """Opens the data keys of features files. Its `repr` shows nothing."""

    private: X25519PrivateKey

    def data_key(self, sealed: str, context: str) -> bytes:
        """The data key in `sealed`. PermanentError when it was sealed for another context or another key."""
        try:
            message = base64.b64decode(sealed.removeprefix(SEALED_TO_LINK))
            return LINK_SUITE.decrypt(message, self.private, info=context.encode())
        except InvalidTag:
            raise PermanentError(f"The key for {context} was not sealed to this key of link.") from None

    def __repr__(self) -> str:
        return "LinkKey(…)"


def seal_to_link(public: X25519PublicKey, context: str) -> tuple[bytes, str]:
    """A fresh data key, and the same key sealed to link's public key for `context`, to keep beside the data."""
    key = secrets.token_bytes(KEY_BYTES)
    message = LINK_SUITE.encrypt(key, public, info=context.encode())
    return key, SEALED_TO_LINK + base64.b64encode(message).decode()


def link_public_key(path: Path) -> X25519PublicKey:
    """The public half of link's key, which lies beside `path` and ends in .pub.

    Where there is none, both are made. Once it is there, the private half may be kept elsewhere.
    RefusedError `link_key.invalid`.
    """
    beside = path.with_suffix(".pub")
    if not beside.exists():
        with suppress(FileExistsError):  # a process ended between the two halves
            write_secret(path, _pem_of(X25519PrivateKey.generate()))
        public = _read_link_key(path).private.public_key()
        fresh = path.with_suffix(f".pub-{secrets.token_hex(4)}")
        fresh.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        fresh.replace(beside)
    try:
        found = load_pem_public_key(beside.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, X25519PublicKey):
        raise RefusedError("link_key.invalid", f"{beside} is not link's public key: restore it from its back-up.")
    return found


def load_link_key(path: Path) -> LinkKey:
    """Link's private key at `path`, for the stage `link` alone: the verbs `ariyippu link …`.

    RefusedError: `features.link_only` in any other process, `link_key.missing`, `link_key.readable` when others
    can read it, `link_key.invalid`.
    """
    if home.current_zone() != "vault" or home.current_stage() != "link":
        raise RefusedError("features.link_only", "Only the stage 'link' opens features.")
    return _read_link_key(path)


def _read_link_key(path: Path) -> LinkKey:
    _refuse_readable(path, "link_key")
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):  # TypeError: it wants a password
        found = None
    if not isinstance(found, X25519PrivateKey):
        raise RefusedError("link_key.invalid", f"{path} is not link's key: restore it from its back-up.")
    return LinkKey(found)


def _pem_of(key: X25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
