"""Signed documents: the only thing that travels between office and vault.

A document is a frozen pydantic model with a kind and a version. It travels in a DSSE envelope
(https://github.com/secure-systems-lab/dsse, v1): the payload's exact bytes are signed, so nothing is
re-serialised between signing and checking.

    draft -> Document -> envelope(payload, no signature) -> sign() by each officer -> signatures.signers() in the vault

Two kinds of signature, over the same pre-authentication encoding (PAE):
    ed25519   RFC 8032 over the PAE
    passkey   a WebAuthn assertion whose challenge is SHA-256(PAE)

No I/O here and no clock: whoever checks says at which instant.
"""

import base64
import hashlib
import json
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import first_fault

# A register is called a register; pydantic's metaclass happens to have a method of that name.
warnings.filterwarnings("ignore", message='Field name "register"', category=UserWarning)

MAX_ENTRY_BYTES = 65_535  # C2SP tlog-tiles: a log entry's length is a 16-bit number
MAX_DOCUMENT_BYTES = 40 * 1024  # in base64, with its signatures, it fits a log entry
MAX_SIGNATURES = 16

Role = Literal["requester", "principal", "register_owner", "custodian", "court_liaison", "election_officer"]


class Part(BaseModel):
    """Base of everything in a document: unknown keys are refused, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(Part):
    """Base of every document kind."""

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1

    @classmethod
    def payload_type(cls) -> str:
        return f"application/vnd.ariyippu.{cls.KIND}.v{cls.VERSION}+json"

    def payload(self) -> bytes:
        """UTF-8 JSON with sorted keys and no spaces: two equal documents have equal bytes."""
        return canonical_json(self.model_dump(mode="json"))

    def digest(self) -> str:
        """SHA-256 of the payload in hex: how other documents refer to this one."""
        return hashlib.sha256(self.payload()).hexdigest()

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """The document in `payload`. RefusedError `document.invalid` names the field at fault."""
        if len(payload) > MAX_DOCUMENT_BYTES:
            raise RefusedError("document.too_long", f"A document has at most {MAX_DOCUMENT_BYTES} bytes.")
        try:
            return cls.model_validate_json(payload, strict=True)
        except ValidationError as error:
            raise RefusedError("document.invalid", f"Not a valid {cls.KIND}: {first_fault(error)}") from None


D = TypeVar("D", bound=Document)


def added(default: object = None, **described: Any) -> Any:
    """A field that came after its kind's first version.

    A document that leaves it at its default has the bytes, and so the digest, that it had before the
    field was there (docs/adr/0010). Software from before refuses one that sets it: unknown keys are refused.
    """
    return Field(default=default, exclude_if=lambda value: value == default, **described)


def canonical_json(value: object) -> bytes:
    """Sorted keys, no spaces, UTF-8: equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Paper(Part):
    """A letter or an order on paper, as the SHA-256 of its scan: anyone who holds the scan finds it in the register."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    title: str = Field(min_length=1, max_length=120)


# --- keys and who holds them ------------------------------------------------------------------------


class OfficerKey(Part):
    """A public key, and the officer, office and roles that it speaks for."""

    algorithm: Literal["ed25519", "passkey"]
    public: str = Field(description="Base64: 32 raw bytes (ed25519) or a COSE key (passkey).")
    person: str = Field(min_length=1, max_length=80, description="A stable designation, not a name.")
    office: str = Field(min_length=1, max_length=80)
    roles: tuple[Role, ...]
    valid_from: AwareDatetime
    valid_until: AwareDatetime

    @property
    def public_bytes(self) -> bytes:
        return decode(self.public)

    @property
    def key_id(self) -> str:
        """SHA-256 of the key's bytes in hex. Computed, never stated: one key has one id."""
        return hashlib.sha256(self.public_bytes).hexdigest()


class Office(Part):
    """An office as the public reads it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")
    name_en: str
    name_ml: str


class Threshold(Part):
    """Which roles must sign a kind of document for a purpose, and for the purposes below it."""

    purpose: str
    document: Literal["use-request", "order", "lift"]
    roles: tuple[Role, ...] = Field(min_length=1)


class Delegation(Part):
    """For a while a key acts in a role that a colleague's key of the same office has. It passes nothing on."""

    from_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    to_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    role: Role
    valid_from: AwareDatetime
    valid_until: AwareDatetime


class Revocation(Part):
    """A key that counts no more, whatever it signed and whenever. It never comes back."""

    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    person: str = Field(min_length=1, max_length=80)
    at: AwareDatetime = Field(description="Since when it is not to be believed.")
    reason: str = Field(min_length=3, max_length=200)


class Trust(Document):
    """The trust document: offices, officers' keys and thresholds, signed by k of n root keys.

    Versioned and expiring, after TUF's root and targets roles (https://theupdateframework.io). A key that a
    later version leaves out or revokes stops what it signed, also what was accepted before.
    """

    KIND: ClassVar[str] = "trust"

    version: int = Field(ge=1)
    issued_at: AwareDatetime
    expires_at: AwareDatetime
    offices: tuple[Office, ...]
    keys: tuple[OfficerKey, ...]
    registers: Mapping[str, str] = Field(description="Register -> the office that owns it.")
    contracts: tuple[str, ...] = Field(
        description="Digests of the registers' contracts: they say what contacts were collected for."
    )
    thresholds: tuple[Threshold, ...]
    passkey_rp_id: str | None = None
    passkey_origin: str | None = None
    delegations: tuple[Delegation, ...] = added(())
    revoked: tuple[Revocation, ...] = added(())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [key.key_id for key in self.keys]
        if len(set(ids)) != len(ids):
            raise ValueError("the same key stands under two names")
        offices = {office.id for office in self.offices}
        named = {key.office for key in self.keys} | set(self.registers.values())
        if unknown := named - offices:
            raise ValueError(f"unknown office: {min(unknown)}")
        for key in self.keys:
            if key.algorithm == "ed25519" and len(key.public_bytes) != 32:
                raise ValueError(f"the key of {key.person} is not 32 bytes")
        return self

    @model_validator(mode="after")
    def _consistent_delegations(self) -> Self:
        keys = {key.key_id: key for key in self.keys}
        if back := keys.keys() & {revocation.key for revocation in self.revoked}:
            raise ValueError(f"the key of {keys[min(back)].person} is revoked")
        for delegation in self.delegations:
            giver, taker = keys.get(delegation.from_key), keys.get(delegation.to_key)
            if giver is None or taker is None or giver.office != taker.office or giver.person == taker.person:
                raise ValueError("a delegation is from one officer's key to a colleague's of the same office")
            if delegation.role not in giver.roles or delegation.role in taker.roles:
                raise ValueError(f"{giver.person} cannot delegate {delegation.role} to {taker.person}")
            if delegation.valid_from >= delegation.valid_until:
                raise ValueError("a delegation's valid_until must be after its valid_from")
        return self


class Roots(Document):
    """The root keys of an installation: `threshold` of them sign a trust document, and the next roots.

    The first are pinned in a file. Later ones are documents that the roots before and they themselves
    sign, each by their own threshold (TUF's root rotation): signatures.check_rotation.
    """

    KIND: ClassVar[str] = "roots"

    version: int = Field(default=1, ge=1)
    threshold: int = Field(ge=1)
    keys: tuple[str, ...] = Field(description="Base64 Ed25519 public keys.", max_length=MAX_SIGNATURES // 2)

    @classmethod
    def pinned(cls, text: str) -> Self:
        """The roots in the pinned file. RefusedError `roots.invalid` names the field at fault."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise RefusedError("roots.invalid", f"Not the pinned root keys: {first_fault(error)}") from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({decode(key) for key in self.keys}) != len(self.keys):
            raise ValueError("the same root key stands twice")
        if self.threshold > len(self.keys):
            raise ValueError("the threshold is above the number of root keys")
        return self


# --- envelopes --------------------------------------------------------------------------------------


class Passkey(Part):
    """The parts of a WebAuthn assertion beside its signature, base64."""

    authenticator_data: str = Field(max_length=1024)
    client_data: str = Field(max_length=2048)


class Signature(Part):
    keyid: str = Field(max_length=128)
    sig: str = Field(max_length=512)
    passkey: Passkey | None = None


class Envelope(Part):
    """A DSSE envelope. `payload` is base64 of the document's exact bytes."""

    payloadType: str  # noqa: N815  (DSSE's own spelling)
    payload: str
    signatures: tuple[Signature, ...] = Field(default=(), max_length=MAX_SIGNATURES)

    @classmethod
    def of(cls, document: Document) -> Self:
        """An envelope around `document` that nobody has signed yet."""
        return cls(payloadType=document.payload_type(), payload=encode(document.payload()))

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """RefusedError `envelope.invalid` when it is not a DSSE envelope."""
        try:
            return cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise RefusedError("envelope.invalid", f"Not a DSSE envelope: {first_fault(error)}") from None

    @property
    def body(self) -> bytes:
        return decode(self.payload)

    @property
    def digest(self) -> str:
        """SHA-256 of the payload in hex; the same as the document's `digest()`."""
        return hashlib.sha256(self.body).hexdigest()

    def pae(self) -> bytes:
        """DSSE's pre-authentication encoding: `DSSEv1 LEN(type) type LEN(body) body`."""
        kind, body = self.payloadType.encode(), self.body
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)

    def open(self, kind: type[D]) -> D:
        """The document inside. RefusedError when it is of another kind or does not satisfy its schema."""
        if self.payloadType != kind.payload_type():
            raise RefusedError("document.wrong_kind", f"Expected {kind.payload_type()}.")
        return kind.parse(self.body)

    def with_signature(self, signature: Signature) -> Self:
        return self.model_copy(update={"signatures": (*self.signatures, signature)})


def sign(envelope: Envelope, key: Ed25519PrivateKey) -> Envelope:
    """The envelope with one more Ed25519 signature over its PAE."""
    key_id = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()
    return envelope.with_signature(Signature(keyid=key_id, sig=encode(key.sign(envelope.pae()))))


def passkey_challenge(envelope: Envelope) -> bytes:
    """What a passkey is asked to sign: SHA-256 of the PAE."""
    return hashlib.sha256(envelope.pae()).digest()


def encode(value: bytes) -> str:
    """Base64, as documents hold bytes."""
    return base64.b64encode(value).decode()


def decode(value: str) -> bytes:
    """RefusedError `document.invalid` when it is not base64."""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:  # binascii.Error, or not ASCII at all
        raise RefusedError("document.invalid", "Not base64.") from None
