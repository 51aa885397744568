"""An invented log: documents that are really signed, entries that are really canonical, a folder as published."""

import base64
import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu.base import merkle
from ariyippu.base.clock import rfc3339
from ariyippu.base.documents import (
    Delegation,
    Document,
    Envelope,
    Office,
    OfficerKey,
    Paper,
    Revocation,
    Role,
    Threshold,
    Trust,
    canonical_json,
    sign,
)
from ariyippu.grant.documents import LegalBasis, Refusal, RegisterFields, UseRequest, Withdrawal
from ariyippu.notice.documents import ContactsOf, Event, Notice, Order, Placeholder, StandingOrder, Text, Trigger
from ariyippu.policy.documents import Amendment, Lift, Scope, Stay
from ariyippu.transparency import entries, tiles, tree
from ariyippu.transparency.entries import LoggedEntry
from ariyippu.transparency.note import Checkpoint, Note, Signer

START = dt.datetime(2026, 2, 20, 4, 0, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
OFFICES = {
    "finance": ("Finance Department", "ധനകാര്യ വകുപ്പ്"),
    "registry": ("Staff Registry", "ജീവനക്കാരുടെ രജിസ്ട്രി"),
    "custody": ("Custodian of Contacts", "വിവരസൂക്ഷിപ്പുകാര്യാലയം"),
    "court-cell": ("High Court Liaison Cell", "ഹൈക്കോടതി ഏകോപന സെൽ"),
}
PEOPLE: Mapping[str, tuple[str, Role]] = {
    "Deputy Secretary (Pay)": ("finance", "requester"),
    "Registrar of Staff": ("registry", "register_owner"),
    "Custodian 1": ("custody", "custodian"),
    "Liaison Officer 1": ("court-cell", "court_liaison"),
}
DEPUTY, LOST = "Deputy Custodian", "Custodian 0"
KEYS = {
    person: Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i, person in enumerate((*PEOPLE, DEPUTY, LOST), 1)
}
ROOT = Ed25519PrivateKey.from_private_bytes(b"\x63" * 32)
EVERYONE = ("Deputy Secretary (Pay)", "Registrar of Staff", "Custodian 1")
LAW = LegalBasis(law="Government Order (P) 12/2026/Fin", clause="paragraph 4", in_force_from=dt.date(2026, 2, 1))
LENT = (ContactsOf(register="land", snapshot="land-1", contract="d" * 64),)
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


STOPPING = Scope(order="da-arrears-2", purpose="dpv:PersonnelPayment")


def officer_key(person: str, office: str, *roles: Role) -> OfficerKey:
    return OfficerKey(
        algorithm="ed25519",
        public=base64.b64encode(KEYS[person].public_key().public_bytes_raw()).decode(),
        person=person,
        office=office,
        roles=roles,
        valid_from=START - YEAR,
        valid_until=START + YEAR,
    )


def trust() -> Trust:
    """With a custodian's deputy for a month, and a key that was lost."""
    keys = {person: officer_key(person, *held) for person, held in PEOPLE.items()}
    deputy, lost = officer_key(DEPUTY, "custody"), officer_key(LOST, "custody")
    delegation = Delegation(
        from_key=keys["Custodian 1"].key_id,
        to_key=deputy.key_id,
        role="custodian",
        valid_from=START,
        valid_until=START + dt.timedelta(days=30),
    )
    return Trust(
        version=1,
        issued_at=START - YEAR,
        expires_at=START + YEAR,
        offices=tuple(Office(id=id_, name_en=en, name_ml=ml) for id_, (en, ml) in OFFICES.items()),
        keys=(*keys.values(), deputy),
        registers={"staff": "registry"},
        contracts=(),
        thresholds=(
            Threshold(purpose="dpv:PersonnelPayment", document="order", roles=("register_owner", "custodian")),
        ),
        delegations=(delegation,),
        revoked=(Revocation(key=lost.key_id, person=LOST, at=START - YEAR, reason="the token was lost"),),
    )


def use_request(name: str = "da-arrears-2026", purpose: str = "ariyippu:da-arrears") -> UseRequest:
    return UseRequest(
        id=name,
        requester="finance",
        case_number=f"Fin-PRU/{len(name)}/2026",
        purpose=purpose,
        legal_basis=LAW,
        registers=(RegisterFields(register="staff", fields=("mobile", "email", "arrears_paise")),),
        cohort_en="Employees to whom arrears of dearness allowance were granted",
        cohort_ml="ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ച ജീവനക്കാർ",
        valid_from=START,
        valid_until=START + dt.timedelta(days=60),
    )


def notice(name: str = "da-arrears", hostile: str = "") -> Notice:
    return Notice(
        id=name,
        office="finance",
        title=Text(ml="ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു" + hostile, en="Dearness allowance arrears granted" + hostile),
        purpose="ariyippu:da-arrears",
        legal_basis=LAW,
        sanction_reference=hostile or "G.O.(P) No. 12/2026/Fin",
        register="staff",
        criteria={"column": "arrears_paise", "op": ">", "value": 0},
        subject=Text(ml="നിങ്ങളുടെ ക്ഷാമബത്ത കുടിശ്ശിക" + hostile, en="Your dearness allowance arrears" + hostile),
        email=Text(
            ml="നിങ്ങൾക്ക് ((amount)) രൂപ ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചിരിക്കുന്നു.\nതുക മാർച്ച് മാസത്തെ ശമ്പളത്തോടൊപ്പം ലഭിക്കും." + hostile,
            en="Arrears of dearness allowance of ₹((amount)) were granted to you.\nThey come with your pay of March."
            + hostile,
        ),
        sms=Text(
            ml="ക്ഷാമബത്ത കുടിശ്ശിക ((amount)) രൂപ അനുവദിച്ചു." + hostile, en="DA arrears of Rs ((amount)) granted." + hostile
        ),
        placeholders=(Placeholder(name="amount", column="arrears_paise", type="money"),),
        contact=Text(
            ml="സംശയങ്ങൾക്ക്: ശമ്പള വിഭാഗം, ധനകാര്യ വകുപ്പ്." + hostile, en="Ask the Pay Section, Finance Department." + hostile
        ),
    )


def order(said: Notice, request: UseRequest, name: str = "da-arrears-1") -> Order:
    return Order(
        id=name,
        notice=said.digest(),
        use_request=request.digest(),
        contract="c" * 64,
        register="staff",
        snapshot="staff-2026-02-15",
        purpose=said.purpose,
        channels=("sms", "email"),
        not_before=START,
        not_after=START + dt.timedelta(days=14),
        max_messages=600_000,
        max_cost_paise=48_00_000_00,
        min_interval_days=30,
    )


def standing(said: Notice, request: UseRequest, name: str = "da-arrears-credited") -> StandingOrder:
    return StandingOrder(
        id=name,
        notice=said.digest(),
        use_request=request.digest(),
        contract="c" * 64,
        register="staff",
        purpose=said.purpose,
        channels=("sms",),
        event_field="arrears_paise",
        not_before=START,
        not_after=START + dt.timedelta(days=60),
        window_days=7,
        period_days=30,
        max_messages=20_000,
        max_cost_paise=5_000_00,
        min_interval_days=0,
    )


def triggered(ordered: StandingOrder, number: int) -> Trigger:
    """Its trigger by the register's snapshot of that number, `number` days after the start."""
    return ordered.triggered(Event(number, f"staff-{number + 1}", f"staff-{number}", START + dt.timedelta(days=number)))


def stay(scope: Scope, name: str = "wpc-stay-1", ends_at: dt.datetime | None = None) -> Stay:
    return Stay(
        id=name,
        office="court-cell",
        reference="W.P.(C) 99999/2026",
        scope=scope,
        starts_at=START + dt.timedelta(hours=3),
        ends_at=ends_at,
    )


def signed(document: Document, *people: str) -> Envelope:
    envelope = Envelope.of(document)
    for person in people:
        envelope = sign(envelope, KEYS[person])
    return envelope


def as_json(envelope: Envelope) -> dict[str, object]:
    return dict(envelope.model_dump(mode="json", exclude_none=True))


class Log:
    """Entries one hour apart, as the journal would have written them."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.add("trust", {"envelope": as_json(sign(Envelope.of(trust()), ROOT))})

    def add(self, kind: str, body: Mapping[str, object]) -> int:
        at = START + dt.timedelta(hours=len(self.contents))
        self.contents.append(canonical_json({"v": 1, "at": rfc3339(at), "kind": kind, "body": body}))
        return len(self.contents) - 1

    def add_request(self, request: UseRequest, *people: str) -> None:
        until = rfc3339(request.valid_until)
        self.add("use-request", {"envelope": as_json(signed(request, *people or EVERYONE)), "granted_until": until})

    def add_order(self, ordered: Order, said: Notice, *people: str) -> None:
        body = {
            "envelope": as_json(signed(ordered, *people or EVERYONE)),
            "notice": said.model_dump(mode="json"),
            "advice": [{"code": "shouting", "where": "sms.ml"}, {"code": "shouting", "where": "sms.en"}],
        }
        self.add("order", body)

    def add_standing(self, ordered: StandingOrder, said: Notice) -> None:
        envelope = as_json(signed(ordered, *EVERYONE))
        self.add("standing-order", {"envelope": envelope, "notice": said.model_dump(mode="json"), "advice": []})

    def add_trigger(self, made: Trigger) -> None:
        self.add("trigger", {"trigger": made.model_dump(mode="json")})

    def add_linked(self, request: UseRequest) -> None:
        body = {"run": "persons-1", "grant": request.digest(), "snapshots": {"staff": "staff-1", "land": "land-1"}}
        self.add("linked", {**body, "records": 900_010, "persons": 765_430, "certain": 134_580, "possible": 1_210})

    def add_audience(self, ordered: Order, counts: Mapping[str, int], run: str | None = None) -> None:
        body = {
            "order": ordered.digest(),
            "snapshot": ordered.snapshot,
            "root": "ab" * 32,
            "size": 100,
            "counts": counts,
            "rules": ["cert-in-2022", "a-rule-removed-since"],
            **({"run": run} if run else {}),
        }
        self.add("audience", body)

    def add_stay(self, placed: Stay, person: str = "Liaison Officer 1") -> None:
        self.add("stay", {"envelope": as_json(signed(placed, person))})

    def entries(self) -> list[LoggedEntry]:
        return [entries.parse(index, content) for index, content in enumerate(self.contents)]

    def publish(self, folder: Path) -> None:
        """The folder, with a checkpoint that the log's key signed."""
        for tile in tiles.grow(0, self.contents, lambda *_: b""):
            tree.write_tile(folder, tile)
        leaves = [merkle.leaf_hash(content) for content in self.contents]
        head = Checkpoint("log.example/test", len(leaves), merkle.root(len(leaves), merkle.of_leaves(leaves)))
        key = Signer("log.example/test", KEYS["Custodian 1"])
        tree.write(folder / tree.CHECKPOINT, Note(head.text, (key.sign(head.text),)).encode())


def told(log: Log) -> None:
    """A quiet story: asked, ordered, decided, handed over; another order stayed; campaigning refused; hostile text."""
    request = use_request()
    log.add_request(request)
    said = notice()
    ordered = order(said, request)
    log.add_order(ordered, said)
    log.add_audience(
        ordered, {"included": 123_450, "no_contact": 1_230, "objected": 20, "deceased": 0, "told_recently": 40}
    )
    outcomes = {"sms": {"accepted": 120_000, "refused": 30, "unknown": 0}, "email": {"accepted": 3_420}}
    log.add("handed-off", {"order": ordered.digest(), "outcomes": outcomes})
    second = notice("da-arrears-second")
    stopped = order(second, request, "da-arrears-2")
    log.add_order(stopped, second)
    log.add_audience(stopped, {"included": 540, "no_contact": 10})
    log.add_stay(stay(STOPPING))
    ended = stay(Scope(channel="email"), "ended-stay", None)
    log.add_stay(ended)
    lift = Lift(id="lift-1", stay=ended.digest(), reference="I.A. 1/2026")
    log.add("lift", {"envelope": as_json(signed(lift, "Liaison Officer 1", "Custodian 1"))})
    campaign = signed(use_request("campaign-2026", "dpv:PoliticalCampaign"), "Deputy Secretary (Pay)")
    refuse(log, campaign, "use-request", "purpose.unsatisfiable")
    refuse(log, signed(order(said, request, "achievements"), *EVERYONE), "order", "order.purpose_not_covered")
    refuse(log, None, "order", "some.future_code")
    linking = use_request("linking-2026", "ariyippu:linking")
    log.add_request(linking)
    log.add_linked(linking)
    third = notice("da-arrears-third")
    borrowing = order(third, request, "da-arrears-3").model_copy(update={"contacts_of": LENT})
    log.add_order(borrowing, third)
    log.add_audience(borrowing, {"included": 540, "objected_linked": 10}, run="persons-1")
    bad = notice("hostile", HOSTILE)
    log.add_order(order(bad, request, "hostile-order"), bad)
    by_paper(log, said)
    counted = {"order": stopped.digest(), "handed_off": 0, "in_hand": 10, "waiting": 530}
    undecided = {"order": "7" * 64, "handed_off": 0, "in_hand": 0, "waiting": None}
    entry = {"stay": stay(STOPPING).digest(), "number": 0, "at": rfc3339(START + dt.timedelta(hours=3))}
    log.add("stopped", {**entry, "orders": [counted, undecided]})
    log.add("stopped", {**entry, "stay": ended.digest(), "orders": []})
    called_back = [{"order": order, "asked": 40, "recalled": 30} for order in (stopped.digest(), "7" * 64)]
    log.add("recalled", {"stay": entry["stay"], "number": 0, "orders": called_back})
    log.add("counted", {"on": "2026-02-19", "questions": [asked(request, answer) for answer in (6_210, 0, None)]})
    answered(log)
    kept_standing(log, said, request)
    log.add("bill", bill({"never_sent": 0, "not_billed": 1_230}))


def bill(differences: Mapping[str, int]) -> dict[str, object]:
    period = {"first_on": "2026-02-01", "last_on": "2026-02-28"}
    counts = {"lines": 52_340, "sent": 53_570, "unknown": 0}
    return {"carrier": "sms", "file": "b" * 64, **period, **counts, "differences": differences}


def kept_standing(log: Log, said: Notice, request: UseRequest) -> None:
    """A standing order came to something in one month, and to more than it may in the next."""
    ordered = standing(said, request)
    log.add_standing(ordered, said)
    first, second = (triggered(ordered, number) for number in (1, 2))
    log.add_trigger(first)
    log.add_audience(first, {"included": 19_870, "no_contact": 30})
    log.add("handed-off", {"order": first.digest(), "outcomes": {"sms": {"delivered": 19_800, "undelivered": 70}}})
    log.add_trigger(second)
    log.add("failed", {"order": second.digest(), "code": "order.over_cap"})


def asked(request: UseRequest, answer: int | None) -> dict[str, object]:
    """A question of the requesting office; without an answer it was too near another."""
    withheld = "near" if answer is None else ""
    named = {"office": request.requester, "use_request": request.digest(), "register": "staff", "snapshot": "staff-1"}
    return {**named, "question": "8" * 64, "answer": answer, "withheld": withheld}


LETTER = Paper(sha256="8" * 64, title="Letter of 31-12-2025, scanned")
NO = {
    "reason_en": "The register's contacts are not handed out; ask for a notice instead.",
    "reason_ml": "രജിസ്റ്ററിലെ വിലാസങ്ങൾ പുറത്തു നൽകാറില്ല; പകരം അറിയിപ്പിന് അപേക്ഷിക്കുക.",
}


def letter() -> UseRequest:
    """A letter that asks for contacts by a deadline, for another office."""
    said = {
        "on_behalf_of": "court-cell",
        "wanted_by": dt.date(2026, 2, 12),
        "copied_to": ("The Director", "registry"),
        "attachments": (LETTER,),
    }
    return use_request("letter-for-contacts", "dpv:PublicRelations").model_copy(update=said)


def answered(log: Log) -> None:
    """One request is refused by an officer, another is granted and taken back."""
    asked = signed(letter(), "Deputy Secretary (Pay)")
    refuse(log, asked, "use-request", "signature.missing_role")
    refusal = Refusal(id="refusal-1", office="registry", request=asked, **NO)
    log.add("request-refused", {"envelope": as_json(signed(refusal, "Registrar of Staff"))})
    taken_back = use_request("taken-back")
    log.add_request(taken_back)
    withdrawal = Withdrawal(id="withdrawal-1", office="finance", request=taken_back.digest(), **NO)
    log.add("withdrawal", {"envelope": as_json(signed(withdrawal, "Deputy Secretary (Pay)"))})


def by_paper(log: Log, said: Notice) -> None:
    """A custodian enters a court's order from paper; it is widened, and one notice then has leave."""
    scope = Scope(districts=("KOLLAM", "IDUKKI"), cohort={"field": "arrears", "op": ">", "value": 100_000})
    paper = Paper(sha256="5" * 64, title="Order in W.P.(C) 99998/2026, scanned")
    changes = {"id": "by-paper", "office": "custody", "paper": paper}
    placed = stay(scope).model_copy(update=changes)
    log.add_stay(placed, "Custodian 1")
    wider = Amendment(
        id="by-paper-1",
        stay=placed.digest(),
        number=1,
        reference="I.A. 2/2026",
        scope=Scope(restraint=True),
        ends_at=None,
        leave=(),
    )
    leave = wider.model_copy(update={"id": "by-paper-2", "number": 2, "leave": (said.digest(), "6" * 64)})
    log.add("amendment", {"envelope": as_json(signed(wider, "Custodian 1"))})
    log.add("amendment", {"envelope": as_json(signed(leave, "Custodian 1", "Registrar of Staff"))})


def refuse(log: Log, envelope: Envelope | None, kind: str, code: str) -> int:
    kind = f"application/vnd.ariyippu.{kind}.v1+json"
    body: dict[str, object] = {
        "document": envelope.digest if envelope else "0" * 64,
        "document_kind": kind,
        "code": code,
    }
    return log.add("refusal", {**body, "envelope": as_json(envelope) if envelope else None})
