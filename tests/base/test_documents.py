"""Envelopes and thresholds: what is signed, by whom, and everything that must be refused."""

import base64
import datetime as dt
import hashlib
import json
import struct
from typing import ClassVar

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.documents import (
    Document,
    Envelope,
    OfficerKey,
    Passkey,
    Role,
    Roots,
    Signature,
    Trust,
    passkey_challenge,
    sign,
)
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import check_roots, require_roles, signers
from tests.offices import EVERYBODY, Offices, now, public

ROLES: tuple[Role, ...] = ("requester", "register_owner", "custodian")


class Letter(Document):
    """A document kind for these tests alone."""

    KIND: ClassVar[str] = "letter"

    text: str
    number: int = 0


@pytest.fixture(scope="module")
def offices() -> Offices:
    return Offices()


def refused(code: str, call: object, *arguments: object) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.code == code
    return caught.value


def test_the_pae_is_dsse_v1() -> None:
    envelope = Envelope(payloadType="http://example.com/HelloWorld", payload=base64.b64encode(b"hello world").decode())
    assert envelope.pae() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"  # the specification's own


@given(st.text(), st.integers())
def test_a_document_survives_its_envelope_byte_for_byte(text: str, number: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return  # lone surrogates are not text
    letter = Letter(text=text, number=number)
    envelope = Envelope.parse(Envelope.of(letter).model_dump_json())
    assert envelope.open(Letter) == letter
    assert envelope.digest == letter.digest()


def test_every_signer_is_found_and_fills_a_role(offices: Offices) -> None:
    envelope = offices.signed(Letter(text="x"))
    found = signers(envelope, offices.trust(), now())
    assert [key.person for key in found] == list(EVERYBODY)
    require_roles(found, ROLES, {"requester": "pay-section"})


@pytest.mark.parametrize("missing", EVERYBODY)
def test_a_missing_signature_is_refused(offices: Offices, missing: str) -> None:
    envelope = offices.signed(Letter(text="x"), [name for name in EVERYBODY if name != missing])
    refused("signature.missing_role", require_roles, signers(envelope, offices.trust(), now()), ROLES, {})


def test_a_doubled_signature_is_refused(offices: Offices) -> None:
    envelope = offices.signed(Letter(text="x"), [*EVERYBODY, "owner"])
    refused("signature.doubled", signers, envelope, offices.trust(), now())


def test_one_person_with_all_roles_is_not_three(offices: Offices) -> None:
    found = signers(offices.signed(Letter(text="x"), ["stranger"]), offices.trust(), now())
    refused("signature.missing_role", require_roles, found, ROLES, {})


def test_two_people_of_one_office_are_not_two_offices(offices: Offices) -> None:
    found = signers(offices.signed(Letter(text="x"), ["requester", "stranger", "custodian"]), offices.trust(), now())
    refused("signature.missing_role", require_roles, found, ROLES, {})


def test_a_role_of_another_office_does_not_count(offices: Offices) -> None:
    found = signers(offices.signed(Letter(text="x"), ["publicity", "owner", "custodian"]), offices.trust(), now())
    require_roles(found, ROLES, {"requester": "publicity"})
    refused("signature.missing_role", require_roles, found, ROLES, {"requester": "pay-section"})


def test_a_stranger_s_key_refuses_the_envelope(offices: Offices) -> None:
    envelope = sign(offices.signed(Letter(text="x")), Ed25519PrivateKey.generate())
    refused("signature.unknown_key", signers, envelope, offices.trust(), now())


def test_every_bit_of_payload_and_signatures_counts(offices: Offices) -> None:
    envelope, trust = offices.signed(Letter(text="x")), offices.trust()
    for place in range(len(envelope.body)):
        body = bytearray(envelope.body)
        body[place] ^= 1
        altered = envelope.model_copy(update={"payload": base64.b64encode(bytes(body)).decode()})
        refused("signature.invalid", signers, altered, trust, now())
    for index, signature in enumerate(envelope.signatures):
        for place in range(64):
            raw = bytearray(base64.b64decode(signature.sig))
            raw[place] ^= 1
            changed = signature.model_copy(update={"sig": base64.b64encode(bytes(raw)).decode()})
            others = (*envelope.signatures[:index], changed, *envelope.signatures[index + 1 :])
            refused("signature.invalid", signers, envelope.model_copy(update={"signatures": others}), trust, now())


def test_the_payload_type_is_signed_too(offices: Offices) -> None:
    envelope = offices.signed(Letter(text="x")).model_copy(update={"payloadType": "application/other"})
    refused("signature.invalid", signers, envelope, offices.trust(), now())
    refused("document.wrong_kind", envelope.open, Letter)


def test_an_expired_trust_document_and_an_expired_key_are_refused(offices: Offices) -> None:
    envelope, trust = offices.signed(Letter(text="x")), offices.trust()
    refused("trust.expired", signers, envelope, trust, now() + dt.timedelta(days=31))
    refused("trust.expired", signers, envelope, trust, now() - dt.timedelta(days=1))
    shorter = tuple(key.model_copy(update={"valid_until": now() - dt.timedelta(seconds=1)}) for key in trust.keys)
    refused("signature.key_not_valid", signers, envelope, offices.trust(keys=shorter), now())


def test_the_same_key_under_two_names_is_no_trust_document(offices: Offices) -> None:
    trust = offices.trust()
    twice = (*trust.keys, trust.keys[0].model_copy(update={"person": "someone-else", "office": "court"}))
    document = json.loads(trust.payload()) | {"keys": [json.loads(key.model_dump_json()) for key in twice]}
    error = refused("document.invalid", Trust.parse, json.dumps(document).encode())
    assert "two names" in error.message


def test_unknown_keys_of_a_document_are_refused_by_name(offices: Offices) -> None:
    error = refused("document.invalid", Letter.parse, b'{"text":"x","deadline":"2026-02-12"}')
    assert "deadline" in error.message


def test_a_value_is_never_quoted_in_an_error() -> None:
    error = refused("document.invalid", Letter.parse, b'{"text":"x","number":"+910123456789"}')
    assert "910123456789" not in str(error)


class TestRoots:
    def test_enough_distinct_root_keys(self, offices: Offices) -> None:
        check_roots(offices.root_signed(offices.trust()), offices.roots)

    def test_one_is_too_few_and_the_same_twice_is_one(self, offices: Offices) -> None:
        once = sign(Envelope.of(offices.trust()), offices.root_keys[0])
        refused("trust.too_few_roots", check_roots, once, offices.roots)
        refused("signature.doubled", check_roots, sign(once, offices.root_keys[0]), offices.roots)

    def test_an_officer_s_key_is_not_a_root_key(self, offices: Offices) -> None:
        envelope = sign(offices.root_signed(offices.trust()), offices.keys["owner"])
        refused("signature.unknown_key", check_roots, envelope, offices.roots)

    def test_the_same_root_key_cannot_be_pinned_twice(self, offices: Offices) -> None:
        with pytest.raises(ValueError, match="stands twice"):
            Roots(threshold=2, keys=(public(offices.root_keys[0]),) * 2)


class TestPasskey:
    """An assertion made as an authenticator makes it (WebAuthn Level 2, 6.3.3), over SHA-256 of the PAE."""

    RP_ID, ORIGIN = "office.example", "https://office.example"

    @pytest.fixture
    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def trust(self, offices: Offices, key: ec.EllipticCurvePrivateKey) -> Trust:
        point = key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        held = OfficerKey(
            algorithm="passkey",
            public=base64.b64encode(cose).decode(),
            person="owner",
            office="pay-register",
            roles=("register_owner",),
            valid_from=now() - dt.timedelta(hours=1),
            valid_until=now() + dt.timedelta(days=1),
        )
        return offices.trust(keys=(held,), passkey_rp_id=self.RP_ID, passkey_origin=self.ORIGIN)

    def signed(
        self, trust: Trust, key: ec.EllipticCurvePrivateKey, *, origin: str = ORIGIN, flags: int = 0x05
    ) -> Envelope:
        envelope = Envelope.of(Letter(text="x"))
        challenge = base64.urlsafe_b64encode(passkey_challenge(envelope)).rstrip(b"=").decode()
        client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": origin}).encode()
        authenticator = hashlib.sha256(self.RP_ID.encode()).digest() + bytes([flags]) + struct.pack(">I", 0)
        signature = key.sign(authenticator + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return envelope.with_signature(
            Signature(
                keyid=trust.keys[0].key_id,
                sig=base64.b64encode(signature).decode(),
                passkey=Passkey(
                    authenticator_data=base64.b64encode(authenticator).decode(),
                    client_data=base64.b64encode(client).decode(),
                ),
            )
        )

    def test_an_assertion_over_the_document_counts(self, offices: Offices, key: ec.EllipticCurvePrivateKey) -> None:
        trust = self.trust(offices, key)
        assert [found.person for found in signers(self.signed(trust, key), trust, now())] == ["owner"]

    def test_an_assertion_over_another_document_does_not(
        self, offices: Offices, key: ec.EllipticCurvePrivateKey
    ) -> None:
        trust = self.trust(offices, key)
        other = Envelope.of(Letter(text="y")).with_signature(self.signed(trust, key).signatures[0])
        refused("signature.invalid", signers, other, trust, now())

    def test_another_origin_or_an_unverified_person_does_not(
        self, offices: Offices, key: ec.EllipticCurvePrivateKey
    ) -> None:
        trust = self.trust(offices, key)
        elsewhere = self.signed(trust, key, origin="https://evil.example")
        refused("signature.invalid", signers, elsewhere, trust, now())
        refused("signature.invalid", signers, self.signed(trust, key, flags=0x01), trust, now())

    def test_a_bare_signature_by_a_passkey_does_not(self, offices: Offices, key: ec.EllipticCurvePrivateKey) -> None:
        trust = self.trust(offices, key)
        bare = self.signed(trust, key)
        without = bare.model_copy(update={"signatures": (bare.signatures[0].model_copy(update={"passkey": None}),)})
        refused("signature.invalid", signers, without, trust, now())
