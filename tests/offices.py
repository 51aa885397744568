"""Invented offices whose officers can sign: what a test needs to make a lawful document, or a broken one."""

import base64
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu.base import clock
from ariyippu.base.documents import Document, Envelope, Office, OfficerKey, Role, Roots, Threshold, Trust, sign
from ariyippu.ingest import contract

OFFICERS: dict[str, tuple[str, tuple[Role, ...]]] = {
    "requester": ("pay-section", ("requester",)),
    "owner": ("pay-register", ("register_owner",)),
    "custodian": ("data-centre", ("custodian",)),
    "publicity": ("publicity", ("requester",)),
    "court": ("court", ("court_liaison",)),
    "stranger": ("pay-section", ("requester", "register_owner", "custodian")),
    "other-owner": ("land-register", ("register_owner",)),
}
EVERYBODY = ("requester", "owner", "custodian")
PURPOSES = ("dpv:PersonnelPayment", "dpv:PublicRelations", "dpv:PoliticalCampaign", "dpv:RecordManagement")


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def now() -> dt.datetime:
    return clock.now().replace(microsecond=0)


@dataclass
class Offices:
    """Everybody's keys; `trust()` is the trust document that names them."""

    keys: dict[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {name: Ed25519PrivateKey.generate() for name in OFFICERS}
    )
    root_keys: list[Ed25519PrivateKey] = field(default_factory=lambda: [Ed25519PrivateKey.generate() for _ in range(3)])
    register: str = "spark"

    @property
    def roots(self) -> Roots:
        return Roots(threshold=2, keys=tuple(public(key) for key in self.root_keys))

    def trust(self, **changes: object) -> Trust:
        keys = tuple(
            OfficerKey(
                algorithm="ed25519",
                public=public(self.keys[name]),
                person=name,
                office=office,
                roles=roles,
                valid_from=now() - dt.timedelta(hours=1),
                valid_until=now() + dt.timedelta(days=30),
            )
            for name, (office, roles) in OFFICERS.items()
        )
        roles: tuple[Role, ...] = ("register_owner", "custodian")
        document: dict[str, object] = {
            "version": 1,
            "issued_at": now() - dt.timedelta(hours=1),
            "expires_at": now() + dt.timedelta(days=30),
            "offices": tuple(
                Office(id=office, name_en=office, name_ml=office)
                for office in sorted({o for o, _ in OFFICERS.values()})
            ),
            "keys": keys,
            "registers": {self.register: "pay-register"},
            "contracts": (contract.find("spark").digest,),
            "thresholds": (
                *(Threshold(purpose=p, document="use-request", roles=roles) for p in PURPOSES),
                *(Threshold(purpose=p, document="order", roles=roles) for p in PURPOSES),
                Threshold(purpose="dpv:PersonnelPayment", document="lift", roles=roles),
            ),
        }
        return Trust.model_validate({**document, **changes})

    def root_signed(self, trust: Trust) -> Envelope:
        envelope = Envelope.of(trust)
        for key in self.root_keys[:2]:
            envelope = sign(envelope, key)
        return envelope

    def signed(self, document: Document, who: Iterable[str] = EVERYBODY) -> Envelope:
        envelope = Envelope.of(document)
        for name in who:
            envelope = sign(envelope, self.keys[name])
        return envelope
