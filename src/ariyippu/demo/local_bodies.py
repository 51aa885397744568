"""What linking registers is for, as documents of the story: the grant for it, and reminders of what is due.

property tax    to owners; who has no contact there is reached at the linked business's, which was given for
                the local bodies' services, too; never at the pay register's, which was not
counters        one notice to owners and to businesses: who is both is told once
land tax        to holders; not to whom the pension register knows as deceased, nor to whom objected elsewhere
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from ariyippu.base import clock
from ariyippu.demo import cast
from ariyippu.grant.documents import LegalBasis, RegisterFields, UseRequest
from ariyippu.ingest import contract
from ariyippu.notice.documents import Notice, Placeholder, Text

OWNERS = ("spark-pmu-head", "prism-cell-head", "local-self-government-director", "land-revenue-commissioner")
CUSTODIAN = "data-centre-custodian"
DISTRICTS = ("IDUKKI", "WAYANAD")  # a large demonstration reminds two of the fourteen
VALID_DAYS = 90

TAX_LAW = LegalBasis(law="Kerala Panchayat Raj Act, 1994", clause="s. 203", in_force_from=dt.date(1994, 4, 23))
LAND_LAW = LegalBasis(law="Kerala Land Tax Act, 1961", clause="s. 5", in_force_from=dt.date(1961, 11, 1))
LINK_LAW = LegalBasis(
    law="G.O. on one notice for one person, demonstration", clause="1", in_force_from=dt.date(2026, 2, 1)
)


def _contact(ml: str, en: str, name: str) -> Text:
    return Text(
        ml=f"സംശയങ്ങൾക്കും തിരുത്തലിനും എതിർപ്പിനും: {ml}, {name}@office.example, https://{name}.example/rights. "
        "പരാതി 90 ദിവസത്തിനകം തീർപ്പാക്കും.",
        en=f"To ask, correct or object: {en}, {name}@office.example, https://{name}.example/rights. "
        "Grievances are settled within 90 days.",
    )


LOCAL_CONTACT = _contact("തദ്ദേശ നികുതി വിഭാഗം", "Local bodies' tax section", "local-tax")
LAND_CONTACT = _contact("ഭൂനികുതി വിഭാഗം", "Land tax section", "land-tax")


@dataclass(frozen=True)
class Sms:
    """An SMS, and what DLT has registered for it: the Malayalam text with variables."""

    template: str
    text: Text
    registered: str


PROPERTY_SMS = Sms(
    "1007000000000000002",
    Text(
        ml="തദ്ദേശ നികുതി: ((no)) നമ്പർ കെട്ടിടത്തിന്റെ ((half)) നികുതി ((amount)) ((due))-നകം അടയ്ക്കുക.",
        en="Local tax: tax of ((amount)) on building ((no)) for ((half)) is due by ((due)).",
    ),
    "തദ്ദേശ നികുതി: {#var#} നമ്പർ കെട്ടിടത്തിന്റെ {#var#} നികുതി {#var#} {#var#}-നകം അടയ്ക്കുക.",
)
COUNTER_SMS = Sms(
    "1007000000000000003",
    Text(
        ml="തദ്ദേശ നികുതി: ((no)) സംബന്ധിച്ച നികുതി, ലൈസൻസ് കൗണ്ടറുകൾ മാർച്ച് 31-ന് രാത്രി എട്ടുവരെ പ്രവർത്തിക്കും.",
        en="Local tax: about ((no)), counters for tax and licences are open until 8 p.m. on 31 March.",
    ),
    "തദ്ദേശ നികുതി: {#var#} സംബന്ധിച്ച നികുതി, ലൈസൻസ് കൗണ്ടറുകൾ മാർച്ച് 31-ന് രാത്രി എട്ടുവരെ പ്രവർത്തിക്കും.",
)
LAND_SMS = Sms(
    "1007000000000000004",
    Text(
        ml="റവന്യൂ വകുപ്പ്: ((village)) വില്ലേജിലെ ((no)) തണ്ടപ്പേരിൽ ((year)) ഭൂനികുതി ((amount)) അടയ്ക്കാനുണ്ട്.",
        en="Revenue: land tax of ((amount)) for ((year)) is due on thandaper ((no)) in ((village)).",
    ),
    "റവന്യൂ വകുപ്പ്: {#var#} വില്ലേജിലെ {#var#} തണ്ടപ്പേരിൽ {#var#} ഭൂനികുതി {#var#} അടയ്ക്കാനുണ്ട്.",
)


def registrations(page: str) -> str:
    """What is registered on DLT for these SMS, as dlt.toml has it; see cast.registrations."""
    return "".join(
        f'''
[[template]]
id = "{sms.template}"
headers = ["{cast.SMS_SENDER}"]
text = "{sms.registered} കാരണം: {page}{{#var#}}"
'''
        for sms in (PROPERTY_SMS, COUNTER_SMS, LAND_SMS)
    )


# --- the grant for linking ----------------------------------------------------------------------------


def linking_request(registers: Sequence[str]) -> UseRequest:
    """The question to link these registers, by the columns that their contracts say find a person."""
    return _request(
        "it-mission",
        "ariyippu:linking",
        LINK_LAW,
        tuple(RegisterFields(register=name, fields=_linking_fields(name)) for name in registers),
    )


def _linking_fields(register: str) -> tuple[str, ...]:
    return tuple(column.name for column in contract.find(register).columns if column.link)


def _request(office: str, purpose: str, law: LegalBasis, registers: tuple[RegisterFields, ...]) -> UseRequest:
    now = clock.now().replace(microsecond=0)
    return UseRequest(
        id=f"{purpose.partition(':')[2]}-request",
        requester=office,
        case_number="DEMO/2026/204",
        purpose=purpose,
        legal_basis=law,
        registers=registers,
        cohort_en="People whom these registers name",
        cohort_ml="ഈ രജിസ്റ്ററുകളിൽ പേരുള്ളവർ",
        valid_from=now,
        valid_until=now + dt.timedelta(days=VALID_DAYS),
    )


# --- reminders ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reminder:
    """A use request, who signs it and its orders, and each order's notice with the registers that lend contacts."""

    request: UseRequest
    signers: tuple[str, ...]
    notices: tuple[tuple[Notice, tuple[str, ...]], ...]


def property_tax() -> Reminder:
    fields = ("assessment_no", "half_year", "due_on", "tax", "paid", "district", "mobile", "email")
    registers = (
        RegisterFields(register="ksmart-property", fields=fields),
        RegisterFields(register="ksmart-business", fields=("mobile", "business_email")),  # the latter covers no tax
    )
    request = _request("local-tax", "ariyippu:property-tax-due", TAX_LAW, registers)
    notice = _notice(
        request,
        "ksmart-property",
        PROPERTY_SMS,
        title=Text(ml="കെട്ടിടനികുതി അടയ്ക്കാൻ സമയമായി", en="Property tax is due"),
        criteria={"all": [_in_districts(), {"field": "paid", "op": "==", "value": "NO"}]},
        placeholders=(
            Placeholder(name="no", column="assessment_no", type="text"),
            Placeholder(name="half", column="half_year", type="text"),
            Placeholder(name="amount", column="tax", type="money"),
            Placeholder(name="due", column="due_on", type="date"),
        ),
        contact=LOCAL_CONTACT,
    )
    signers = ("local-tax-officer", "local-self-government-director", CUSTODIAN)
    return Reminder(request, signers, ((notice, ("ksmart-business",)),))


def counters() -> Reminder:
    keys = {"ksmart-business": "licence_no", "ksmart-property": "assessment_no"}
    contacts = {"ksmart-business": ("mobile", "business_email"), "ksmart-property": ("mobile", "email")}
    registers = tuple(
        RegisterFields(register=register, fields=(key, "district", *contacts[register]))
        for register, key in keys.items()
    )
    request = _request("local-tax", "ariyippu:local-body-services", TAX_LAW, registers)
    notices = tuple(
        _notice(
            request,
            register,
            COUNTER_SMS,
            title=Text(ml="കൗണ്ടറുകളുടെ സമയം", en="Counters' hours"),
            criteria=_in_districts(),
            placeholders=(Placeholder(name="no", column=key, type="text"),),
            contact=LOCAL_CONTACT,
        )
        for register, key in keys.items()
    )
    signers = ("local-tax-officer", "local-self-government-director", CUSTODIAN)
    return Reminder(request, signers, tuple((notice, ()) for notice in notices))


def land_tax() -> Reminder:
    fields = ("thandaper", "village", "financial_year", "amount_due", "district", "mobile")
    request = _request(
        "land-tax", "ariyippu:land-tax-due", LAND_LAW, (RegisterFields(register="relis", fields=fields),)
    )
    notice = _notice(
        request,
        "relis",
        LAND_SMS,
        title=Text(ml="ഭൂനികുതി അടയ്ക്കാൻ സമയമായി", en="Land tax is due"),
        criteria={"all": [_in_districts(), {"field": "amount_due", "op": ">", "value": 0}]},
        placeholders=(
            Placeholder(name="no", column="thandaper", type="text"),
            Placeholder(name="village", column="village", type="text"),
            Placeholder(name="year", column="financial_year", type="text"),
            Placeholder(name="amount", column="amount_due", type="money"),
        ),
        contact=LAND_CONTACT,
    )
    signers = ("land-tax-officer", "land-revenue-commissioner", CUSTODIAN)
    return Reminder(request, signers, ((notice, ()),))


def _in_districts() -> dict[str, object]:
    return {"field": "district", "in": list(DISTRICTS)}


def _notice(request: UseRequest, register: str, sms: Sms, **parts: object) -> Notice:
    """An e-mail that says what the SMS does; the rest as given."""
    body = Text(ml=sms.text.ml, en=sms.text.en)
    return Notice.model_validate(
        {
            "id": f"{request.purpose.partition(':')[2].removesuffix('-services')}-{register.removeprefix('ksmart-')}",
            "office": request.requester,
            "purpose": request.purpose,
            "legal_basis": request.legal_basis,
            "sanction_reference": request.case_number,
            "register": register,
            "subject": parts["title"],
            "email": body,
            "sms": body,
            "dlt_template": sms.template,
            **parts,
        }
    )
