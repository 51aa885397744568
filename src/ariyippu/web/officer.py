"""What an officer does at their own desk, without any zone: a key of one's own, and document kinds by name."""

import base64
import json
import stat
import tomllib
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ariyippu.base import keys
from ariyippu.base.documents import Document, Envelope, Roots, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.link.documents import Settlement
from ariyippu.notice.documents import Notice, Order, Question, StandingOrder
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Stay

KINDS: dict[str, type[Document]] = {
    kind.KIND: kind
    for kind in (
        Roots,
        Trust,
        UseRequest,
        Refusal,
        Withdrawal,
        Settlement,
        Notice,
        Question,
        Order,
        StandingOrder,
        Stay,
        Amendment,
        Confirmation,
        Lift,
    )
}


D = TypeVar("D", bound=Document)


def schema(kind: str) -> type[Document]:
    """The document kind of this name. RefusedError `document.wrong_kind` lists the names."""
    try:
        return KINDS[kind]
    except KeyError:
        raise RefusedError("document.wrong_kind", f"The kinds are {', '.join(KINDS)}.") from None


def read(kind: type[D], file: Path) -> D:
    """The document in a JSON file, or in a TOML file when its name ends so. RefusedError as `Document.parse`."""
    content = file.read_bytes()
    if file.suffix == ".toml":
        try:
            content = json.dumps(tomllib.loads(content.decode()), default=lambda moment: moment.isoformat()).encode()
        except ValueError as error:  # not UTF-8, or not TOML
            raise RefusedError("document.not_toml", f"{file}: not TOML: {error}") from None
    return kind.parse(content)


def opened(envelope: Envelope) -> Document:
    """The document that an envelope holds, for reading before signing. RefusedError as `Envelope.open`."""
    for kind in KINDS.values():
        if envelope.payloadType == kind.payload_type():
            return envelope.open(kind)
    raise RefusedError("document.wrong_kind", f"The kinds are {', '.join(KINDS)}.")


def new_key(path: Path) -> str:
    """A new Ed25519 key (PKCS#8 PEM) at `path`, mode 0600; returns its public bytes in base64."""
    key = Ed25519PrivateKey.generate()
    keys.write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def read_key(path: Path) -> Ed25519PrivateKey:
    """RefusedError `key.readable` when others can read the file, `key.invalid` when it holds no Ed25519 key."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise RefusedError("key.readable", f"{path} must be readable by you alone: chmod 600 it.")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise RefusedError("key.invalid", f"{path} holds no private key.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise RefusedError("key.invalid", f"{path} holds a key of another kind than Ed25519.")
    return key
