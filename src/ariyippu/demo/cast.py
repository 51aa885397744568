"""The invented offices and officers of the demonstration, their keys, and the documents that they sign.

In an installation these keys are passkeys or files on officers' own devices; here they lie in one
folder, HOME/officers, so that the demonstration can play everybody.
"""

import base64
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu.base import clock
from ariyippu.base.documents import Document, Envelope, Office, OfficerKey, Role, Roots, Threshold, Trust, sign
from ariyippu.grant.documents import LegalBasis, RegisterFields, UseRequest
from ariyippu.ingest import contract
from ariyippu.notice.documents import Notice, Order, Placeholder, Text
from ariyippu.policy.documents import Lift, Scope, Stay
from ariyippu.web import officer

OFFICES = (
    Office(id="finance-pay", name_en="Finance (Pay) Section", name_ml="ധനകാര്യ (ശമ്പള) വിഭാഗം"),
    Office(id="spark-pmu", name_en="SPARK Management Unit", name_ml="സ്പാർക്ക് മാനേജ്മെന്റ് യൂണിറ്റ്"),
    Office(id="data-centre", name_en="State Data Centre", name_ml="സംസ്ഥാന ഡാറ്റാ സെന്റർ"),
    Office(id="publicity", name_en="Publicity Section", name_ml="പ്രചാരണ വിഭാഗം"),
    Office(id="prism-cell", name_en="PRISM Cell (pensions)", name_ml="പ്രിസം സെൽ (പെൻഷൻ)"),
    Office(id="local-self-government", name_en="Local Self Government", name_ml="തദ്ദേശ സ്വയംഭരണം"),
    Office(id="local-tax", name_en="Local bodies' tax section", name_ml="തദ്ദേശ നികുതി വിഭാഗം"),
    Office(id="land-revenue", name_en="Land Revenue", name_ml="ലാൻഡ് റവന്യൂ"),
    Office(id="land-tax", name_en="Land tax section", name_ml="ഭൂനികുതി വിഭാഗം"),
    Office(id="it-mission", name_en="IT Mission", name_ml="ഐ.ടി. മിഷൻ"),
    Office(id="news-desk", name_en="News Desk (subscriptions)", name_ml="വാർത്താ ഡെസ്ക് (വരിചേരൽ)"),
    Office(id="election-office", name_en="Election Office", name_ml="തിരഞ്ഞെടുപ്പ് ഓഫീസ്"),
    Office(id="court-registry", name_en="Court Registry (liaison)", name_ml="കോടതി രജിസ്ട്രി (ഏകോപനം)"),
)

CAST: Mapping[str, tuple[str, tuple[Role, ...]]] = {
    "finance-pay-under-secretary": ("finance-pay", ("requester",)),
    "spark-pmu-head": ("spark-pmu", ("register_owner",)),
    "prism-cell-head": ("prism-cell", ("register_owner",)),
    "local-self-government-director": ("local-self-government", ("register_owner",)),
    "local-tax-officer": ("local-tax", ("requester",)),
    "land-revenue-commissioner": ("land-revenue", ("register_owner",)),
    "land-tax-officer": ("land-tax", ("requester",)),
    "it-mission-officer": ("it-mission", ("requester",)),
    "data-centre-custodian": ("data-centre", ("custodian",)),
    "publicity-officer": ("publicity", ("requester",)),
    "news-desk-editor": ("news-desk", ("register_owner",)),
    "election-officer": ("election-office", ("election_officer",)),
    "court-registry-liaison": ("court-registry", ("court_liaison",)),
}

REGISTERS = ("spark", "prism", "ksmart-business", "ksmart-property", "relis")
ROOTS = ("root-1", "root-2", "root-3")
ROOT_THRESHOLD = 2

DLT_ENTITY, DLT_TEMPLATE, SMS_SENDER = "1001234567890123456", "1007000000000000001", "KLNOTC"
PAY_LAW = LegalBasis(
    law="G.O.(P) on dearness allowance, demonstration", clause="para 2", in_force_from=dt.date(2026, 2, 4)
)
SUBSCRIPTION = LegalBasis(
    kind="consent",
    law="Subscription to the department's news, demonstration",
    clause="form 1",
    in_force_from=dt.date(2026, 1, 1),
)
CONTACT = Text(
    ml=(
        "സംശയങ്ങൾക്കും തിരുത്തലിനും എതിർപ്പിനും: ധനകാര്യ (ശമ്പള) വിഭാഗം, pay@finance.example, https://finance.example/rights. "
        "പരാതി 90 ദിവസത്തിനകം തീർപ്പാക്കും."
    ),
    en=(
        "To ask, correct or object: Finance (Pay) Section, pay@finance.example, https://finance.example/rights. "
        "Grievances are settled within 90 days."
    ),
)
REGISTER_FIELDS = (
    "name",
    "arrears",
    "arrears_from",
    "arrears_to",
    "sanction_reference",
    "mobile",
    "email",
)


@dataclass(frozen=True)
class Cast:
    """Everybody's keys, and one's signature on a document."""

    folder: Path

    def sign(self, document: Document, who: Iterable[str]) -> Envelope:
        envelope = Envelope.of(document)
        for name in who:
            envelope = sign(envelope, self._key(name))
        return envelope

    def _key(self, name: str) -> Ed25519PrivateKey:
        return officer.read_key(self.folder / f"{name}.pem")

    def _public(self, name: str) -> str:
        return base64.b64encode(self._key(name).public_key().public_bytes_raw()).decode()

    @property
    def roots(self) -> Roots:
        return Roots(threshold=ROOT_THRESHOLD, keys=tuple(self._public(name) for name in ROOTS))

    def trust(self) -> Trust:
        """Who everybody is, and who has to sign what."""
        now = clock.now().replace(microsecond=0)
        year = now + dt.timedelta(days=365)
        keys = tuple(
            OfficerKey(
                algorithm="ed25519",
                public=self._public(name),
                person=name,
                office=office,
                roles=roles,
                valid_from=now,
                valid_until=year,
            )
            for name, (office, roles) in CAST.items()
        )
        roles: tuple[Role, ...] = ("register_owner", "custodian")
        purposes = (
            "dpv:PersonnelPayment",
            "dpv:PublicRelations",
            "dpv:RequestedServiceProvision",
            "dpv:LegalCompliance",
            "dpv:RecordManagement",
        )
        thresholds = [Threshold(purpose=p, document=d, roles=roles) for p in purposes for d in ("use-request", "order")]
        thresholds.append(Threshold(purpose="dpv:PersonnelPayment", document="lift", roles=roles))
        return Trust(
            version=1,
            issued_at=now,
            expires_at=year,
            offices=OFFICES,
            keys=keys,
            registers={name: contract.find(name).register.owner for name in REGISTERS},
            contracts=tuple(contract.find(name).digest for name in REGISTERS),
            thresholds=tuple(thresholds),
        )


def assemble(folder: Path) -> Cast:
    """Make everybody's keys in `folder`."""
    folder.mkdir(mode=0o700)
    for name in (*ROOTS, *CAST):
        officer.new_key(folder / f"{name}.pem")
    return Cast(folder)


# --- the documents of the story ----------------------------------------------------------------------


def use_request(office: str, purpose: str, name: str) -> UseRequest:
    now = clock.now().replace(microsecond=0)
    return UseRequest(
        id=name,
        requester=office,
        case_number="DEMO/2026/117",
        purpose=purpose,
        legal_basis=SUBSCRIPTION if purpose == "ariyippu:achievements" else PAY_LAW,
        registers=(RegisterFields(register="spark", fields=REGISTER_FIELDS),),
        cohort_en="Employees in service to whom arrears were sanctioned",
        cohort_ml="കുടിശ്ശിക അനുവദിക്കപ്പെട്ട, സർവീസിലുള്ള ജീവനക്കാർ",
        valid_from=now,
        valid_until=now + dt.timedelta(days=90),
    )


def arrears_notice() -> Notice:
    """ "Your DA arrears have been granted": the notice that must flow."""
    return Notice(
        id="da-arrears-granted",
        office="finance-pay",
        title=Text(ml="ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു", en="Dearness-allowance arrears granted"),
        purpose="ariyippu:da-arrears",
        legal_basis=PAY_LAW,
        sanction_reference="DEMO/2026/117",
        register="spark",
        criteria={
            "all": [
                {"field": "arrears", "op": ">", "value": 0},
                {"field": "sanction_reference", "exists": True},
            ]
        },
        subject=Text(ml="ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു", en="Dearness-allowance arrears granted"),
        email=Text(
            ml=(
                "((name)),\n\n"
                "((from)) മുതൽ ((to)) വരെയുള്ള ക്ഷാമബത്ത കുടിശ്ശികയായി താങ്കൾക്ക് ((amount)) അനുവദിച്ചിരിക്കുന്നു.\n"
                "അനുമതി: ((sanction))."
            ),
            en=(
                "((name)),\n\n"
                "Arrears of dearness allowance from ((from)) to ((to)) have been granted to you: ((amount)).\n"
                "Sanction: ((sanction))."
            ),
        ),
        sms=Text(
            ml="ധനകാര്യ വകുപ്പ്: ((name)), താങ്കൾക്ക് ക്ഷാമബത്ത കുടിശ്ശികയായി ((amount)) അനുവദിച്ചിരിക്കുന്നു. അനുമതി ((sanction)).",
            en="Finance Department: ((name)), DA arrears of ((amount)) are granted to you. Sanction ((sanction)).",
        ),
        dlt_template=DLT_TEMPLATE,
        placeholders=(
            Placeholder(name="name", column="name", type="name"),
            Placeholder(name="amount", column="arrears", type="money"),
            Placeholder(name="from", column="arrears_from", type="text"),
            Placeholder(name="to", column="arrears_to", type="text"),
            Placeholder(name="sanction", column="sanction_reference", type="text"),
        ),
        contact=CONTACT,
    )


def registrations(page: str) -> str:
    """The demonstration's dlt.toml; `page` is what the links to messages' pages begin with."""
    return f"""entity = "{DLT_ENTITY}"
links = ["{page}"]

[[template]]
id = "{DLT_TEMPLATE}"
headers = ["{SMS_SENDER}"]
text = "ധനകാര്യ വകുപ്പ്: {{#var#}}, താങ്കൾക്ക് ക്ഷാമബത്ത കുടിശ്ശികയായി {{#var#}} അനുവദിച്ചിരിക്കുന്നു. \
അനുമതി {{#var#}}. കാരണം: {page}{{#var#}}"
"""


def publicity_notice() -> Notice:
    """What must fail, whoever signs it: contacts collected for salary, used for publicity."""
    text = Text(ml="വകുപ്പിന്റെ നേട്ടങ്ങളെക്കുറിച്ച് വായിക്കുക.", en="Read about what the department has achieved.")
    return Notice(
        id="achievements",
        office="publicity",
        title=Text(ml="നേട്ടങ്ങൾ", en="Achievements"),
        purpose="ariyippu:achievements",
        legal_basis=SUBSCRIPTION,
        sanction_reference="none",
        register="spark",
        criteria={"field": "arrears", "op": ">", "value": 0},
        subject=text,
        email=text,
        sms=text,
        placeholders=(),
        contact=CONTACT,
    )


def order(notice: Notice, grant: UseRequest, snapshot: str, contract: str) -> Order:
    now = clock.now().replace(microsecond=0)
    return Order(
        id=f"{notice.id}-1",
        notice=notice.digest(),
        use_request=grant.digest(),
        contract=contract,
        register=notice.register,
        snapshot=snapshot,
        purpose=notice.purpose,
        channels=("email", "sms"),
        not_before=now,
        not_after=now + dt.timedelta(hours=12),
        max_messages=40_000_000,
        max_cost_paise=10_00_00_000_00,
        min_interval_days=20,
    )


def stay() -> Stay:
    return Stay(
        id="undertaking-1",
        office="court-registry",
        reference="Demonstration, undertaking recorded by the court",
        scope=Scope(register="spark"),
        starts_at=clock.now().replace(microsecond=0),
        ends_at=None,
    )


def lift(of: Stay) -> Lift:
    return Lift(id="undertaking-1-ended", stay=of.digest(), reference="Demonstration, petition dismissed")
