"""A small log with every kind of entry, written to a folder without a database."""

import base64
import datetime as dt
import hashlib
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu.base import merkle
from ariyippu.base.clock import rfc3339
from ariyippu.base.documents import (
    Document,
    Envelope,
    Office,
    OfficerKey,
    Paper,
    Revocation,
    Role,
    Roots,
    Threshold,
    Trust,
    canonical_json,
    sign,
)
from ariyippu.grant.documents import LegalBasis, Refusal, RegisterFields, UseRequest, Withdrawal
from ariyippu.notice.documents import Event, Order, StandingOrder
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Scope, Stay
from ariyippu.transparency import tiles, tree
from ariyippu.transparency.note import Checkpoint, Cosigner, Note, Signer

ORIGIN = "log.ariyippu.example/kerala"
LOG = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"l" * 32))
WITNESS = Cosigner("witness.ariyippu.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))

ROOT_KEY = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
OFFICER = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
OWNER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
COURT = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
CUSTODIAN = Ed25519PrivateKey.from_private_bytes(b"d" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

CONTRACT = "0" * 64
DAY = dt.datetime(2026, 2, 24, 9, 30, tzinfo=dt.UTC)
NEXT = DAY + dt.timedelta(days=1)
LATER = DAY + dt.timedelta(days=300)


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


ROOTS = Roots(threshold=1, keys=(public(ROOT_KEY),))
NEXT_ROOT = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
NEXT_ROOTS = Roots(version=2, threshold=1, keys=(public(NEXT_ROOT),))
NOTICE: dict[str, object] = {"id": "da-arrears", "title": "ക്ഷാമബത്ത"}


def trust(version: int = 1, officer: Ed25519PrivateKey = OFFICER) -> Trust:
    holders: tuple[tuple[Ed25519PrivateKey, str, Role], ...] = (
        (officer, "finance", "requester"),
        (OWNER, "spark-pmu", "register_owner"),
        (COURT, "court", "court_liaison"),
        (CUSTODIAN, "data-centre", "custodian"),
    )
    keys = tuple(
        OfficerKey(
            algorithm="ed25519",
            public=public(key),
            person=f"officer-of-{office}",
            office=office,
            roles=(role,),
            valid_from=DAY,
            valid_until=LATER,
        )
        for key, office, role in holders
    )
    demanded: tuple[Literal["use-request", "order", "lift"], ...] = ("use-request", "order", "lift")
    return Trust(
        version=version,
        issued_at=DAY,
        expires_at=LATER,
        offices=(
            Office(id="finance", name_en="Finance", name_ml="ധനകാര്യം"),
            Office(id="spark-pmu", name_en="SPARK unit", name_ml="സ്പാർക്ക് യൂണിറ്റ്"),
            Office(id="court", name_en="Court", name_ml="കോടതി"),
            Office(id="data-centre", name_en="Data centre", name_ml="ഡാറ്റാ സെന്റർ"),
        ),
        keys=keys,
        registers={"spark": "spark-pmu", "prism": "spark-pmu"},
        contracts=(CONTRACT,),
        thresholds=tuple(
            Threshold(purpose=purpose, document=kind, roles=("register_owner",))
            for purpose in ("dpv:PersonnelPayment", "ariyippu:linking")
            for kind in demanded
        ),
    )


def revoking() -> Trust:
    """The first, in which the court's key is revoked."""
    first = trust()
    (court,) = (key for key in first.keys if key.office == "court")
    revocation = Revocation(key=court.key_id, person=court.person, at=DAY, reason="it was lost")
    return first.model_copy(update={"keys": tuple(k for k in first.keys if k != court), "revoked": (revocation,)})


REQUEST = UseRequest(
    id="da-2026",
    requester="finance",
    case_number="FIN/1/2026",
    purpose="ariyippu:da-arrears",
    legal_basis=LegalBasis(law="An invented order", clause="1", in_force_from=DAY.date()),
    registers=(RegisterFields(register="spark", fields=("email",)),),
    cohort_en="Employees",
    cohort_ml="ജീവനക്കാർ",
    valid_from=DAY,
    valid_until=LATER,
)


def order(**changes: object) -> Order:
    values: dict[str, object] = {
        "id": "order-1",
        "notice": hashlib.sha256(canonical_json(NOTICE)).hexdigest(),
        "use_request": REQUEST.digest(),
        "contract": CONTRACT,
        "register": "spark",
        "snapshot": "spark-1",
        "purpose": "ariyippu:da-arrears",
        "channels": ("email",),
        "not_before": DAY,
        "not_after": LATER,
        "max_messages": 100,
        "max_cost_paise": 0,
        "min_interval_days": 1,
    }
    return Order.model_validate(values | changes)


_ONE_OFF = {"snapshot", "contacts_of", "corrects"}  # what a standing order does not pin


def standing(**changes: object) -> StandingOrder:
    """The order's notice, for whoever is new in a later snapshot."""
    values: dict[str, object] = order().model_dump(exclude=_ONE_OFF) | {
        "id": "standing-1",
        "event_field": None,
        "window_days": 7,
        "period_days": 30,
    }
    return StandingOrder.model_validate(values | changes)


def trigger(at: dt.datetime = DAY, **changes: object) -> bytes:
    made = standing().triggered(Event(1, "spark-2", "spark-1", at)).model_dump(mode="json")
    return entry("trigger", {"trigger": made | changes})


STAY = Stay(id="stay-1", office="court", reference="No. 1/2026", scope=Scope(), starts_at=DAY, ends_at=None)
LIFT = Lift(id="lift-1", stay=STAY.digest(), reference="No. 2/2026")
PAPER = Paper(sha256="1" * 64, title="An invented order")
PAPER_STAY = STAY.model_copy(update={"id": "stay-2", "office": "data-centre", "paper": PAPER, "ends_at": LATER})
CONFIRMATION = Confirmation(id="stay-2-confirmed", stay=PAPER_STAY.digest(), paper=PAPER.sha256)


def amendment(**changes: object) -> Amendment:
    """The first of STAY: that it holds for one register only."""
    values = {"id": "amend-1", "stay": STAY.digest(), "number": 1, "reference": "No. 3/2026", "leave": ()}
    return Amendment.model_validate({**values, "scope": Scope(register="spark"), "ends_at": None, **changes})


def body(document: Document, *keys: Ed25519PrivateKey, **more: object) -> dict[str, object]:
    """The body of an entry about a document that these keys signed; everyone's who must, when none is given."""
    envelope = Envelope.of(document)
    for key in keys or (OFFICER, OWNER):
        envelope = sign(envelope, key)
    return {"envelope": envelope.model_dump(mode="json", exclude_none=True), **more}


def unsigned(document: Document) -> dict[str, object]:
    return {"envelope": Envelope.of(document).model_dump(mode="json", exclude_none=True)}


def entry(kind: str, body: object, at: dt.datetime = DAY) -> bytes:
    return canonical_json({"v": 1, "at": rfc3339(at), "kind": kind, "body": body})


BOTH = tuple(RegisterFields(register=register, fields=("email",)) for register in ("spark", "prism"))
WIDE = UseRequest.model_validate({**dict(REQUEST), "id": "da-2026-wide", "registers": BOTH})
LINKING = UseRequest.model_validate(
    {**dict(REQUEST), "id": "linking-2026", "purpose": "ariyippu:linking", "registers": BOTH}
)
LINKED = {"run": "persons-1", "grant": LINKING.digest(), "model": "0" * 64, "snapshots": {"spark": "spark-1"}}
WHY = {"reason_en": "It is not needed.", "reason_ml": "ആവശ്യമില്ല."}
ASKED = sign(Envelope.of(REQUEST.model_copy(update={"id": "asked-in-vain"})), OFFICER)
REQUEST_REFUSED = Refusal(id="refused-1", office="spark-pmu", request=ASKED, **WHY)
WITHDRAWAL = Withdrawal(id="withdrawn-1", office="finance", request=REQUEST.digest(), **WHY)
UNDER_ORDER = {"order": order().digest()}
COUNT = {"question": "7" * 64, "office": "finance", "use_request": REQUEST.digest(), "register": "spark", "answer": 40}
STORY = [
    entry("trust", body(trust(), ROOT_KEY)),
    entry("use-request", body(REQUEST, granted_until=rfc3339(LATER))),
    entry("snapshot", {"register": "spark", "snapshot": "spark-1", "rows": 100}),
    entry("order", body(order(), notice=NOTICE)),
    entry("audience", {**UNDER_ORDER, "root": "00", "size": 100}),
    entry("stay", body(STAY, COURT)),
    entry("amendment", body(amendment(), COURT, OWNER)),
    entry("lift", body(LIFT, COURT, OWNER)),
    entry("stay", body(PAPER_STAY, CUSTODIAN)),
    entry("confirmation", body(CONFIRMATION, COURT)),
    entry("release", UNDER_ORDER),
    entry("handed-off", {**UNDER_ORDER, "outcomes": {"email": {"accepted": 100}}}),
    entry("refusal", {"document": "0" * 64, "code": "order.not_in_window"}),
    entry("use-request", body(LINKING, granted_until=rfc3339(LATER))),
    entry("linked", LINKED),
    entry("counted", {"on": "2026-02-23", "questions": [COUNT]}),
    entry("stopped", {"stay": STAY.digest(), "number": 1, "at": rfc3339(DAY), "orders": [UNDER_ORDER]}),
    entry("request-refused", body(REQUEST_REFUSED, OWNER)),
    entry("standing-order", body(standing(), notice=NOTICE)),
    trigger(),
    entry("withdrawal", body(WITHDRAWAL, OFFICER)),
    entry("recalled", {"stay": STAY.digest(), "number": 1, "orders": [UNDER_ORDER]}),
]


def write_log(log: Path, entries: list[bytes], *, sizes: list[int]) -> None:
    """Publish the entries at each of the sizes, the last of which covers them all."""
    old = 0
    for size in sizes:
        start = old - old % tiles.WIDTH
        edge = lambda level, index, width: tree.read(log, level, index, width)  # noqa: E731
        for tile in tiles.grow(start, entries[start:size], edge):
            tree.write_tile(log, tile)
        old = size
    text = Checkpoint(ORIGIN, old, merkle.root(old, tree.lookup(log, old))).text
    signed = Note(text, (LOG.sign(text), WITNESS.cosign(text, int(DAY.timestamp()))))
    tree.write(log / tree.CHECKPOINT, signed.encode())
