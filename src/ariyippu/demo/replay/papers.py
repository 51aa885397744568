"""What officers write in the replay: notices, use requests, orders, stays. All invented; none names a person."""

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path

from ariyippu.base import clock
from ariyippu.base.documents import Paper
from ariyippu.demo import cast, local_bodies
from ariyippu.grant.documents import LegalBasis, RegisterFields, UseRequest
from ariyippu.notice.documents import Notice, Placeholder, StandingOrder, Text
from ariyippu.policy.documents import Amendment, Lift, Scope, Stay

NEWS = Path(__file__).with_name("news.toml")
REGISTERS = ("spark", "prism", "ksmart-property")  # and the subscribers
COURT, ELECTION = "court-registry", "election-office"
REPLAY_LAW = LegalBasis(law="Service rules, replay", clause="rule 3", in_force_from=dt.date(2025, 4, 1))
NAME = Placeholder(name="name", column="name", type="name")
_PLACEHOLDER = re.compile(r"\(\([a-z]+\)\)")


# --- notices -----------------------------------------------------------------------------------------


def dearness_allowance(name: str) -> Notice:
    """To employees whose arrears of dearness allowance have a sanction reference."""
    return cast.arrears_notice().model_copy(update={"id": name})


def dearness_relief(name: str) -> Notice:
    """The same to pensioners."""
    return Notice(
        id=name,
        office="finance-pay",
        title=Text(ml="ക്ഷാമാശ്വാസ കുടിശ്ശിക അനുവദിച്ചു", en="Dearness-relief arrears granted"),
        purpose="ariyippu:dr-arrears",
        legal_basis=cast.PAY_LAW,
        sanction_reference="REPLAY/2026/15",
        register="prism",
        criteria={
            "all": [
                {"field": "dr_arrears", "op": ">", "value": 0},
                {"field": "sanction_reference", "exists": True},
            ]
        },
        subject=Text(ml="ക്ഷാമാശ്വാസ കുടിശ്ശിക അനുവദിച്ചു", en="Dearness-relief arrears granted"),
        email=Text(
            ml="((name)),\n\nക്ഷാമാശ്വാസ കുടിശ്ശികയായി താങ്കൾക്ക് ((amount)) അനുവദിച്ചിരിക്കുന്നു.\nഅനുമതി: ((sanction)).",
            en="((name)),\n\nArrears of dearness relief have been granted to you: ((amount)).\nSanction: ((sanction)).",
        ),
        sms=Text(
            ml="ധനകാര്യ വകുപ്പ്: ((name)), താങ്കൾക്ക് ക്ഷാമാശ്വാസ കുടിശ്ശികയായി ((amount)) അനുവദിച്ചിരിക്കുന്നു. അനുമതി ((sanction)).",
            en="Finance Department: ((name)), DR arrears of ((amount)) are granted to you. Sanction ((sanction)).",
        ),
        dlt_template="1007000000000000011",
        placeholders=(
            NAME,
            Placeholder(name="amount", column="dr_arrears", type="money"),
            Placeholder(name="sanction", column="sanction_reference", type="text"),
        ),
        contact=cast.CONTACT,
    )


def housing_advance() -> Notice:
    return _to_employees(
        "housing-advance",
        "1007000000000000012",
        Text(ml="ഭവനനിർമ്മാണ വായ്പ: അപേക്ഷിക്കാം", en="Housing advance: you may apply"),
        Text(
            ml="ധനകാര്യ വകുപ്പ്: ((name)), ഭവനനിർമ്മാണ വായ്പയ്ക്ക് മാർച്ച് 31 വരെ അപേക്ഷിക്കാം.",
            en="Finance Department: ((name)), you may apply for a housing advance until 31 March.",
        ),
    )


def tax_statement() -> Notice:
    return _to_employees(
        "tax-statement",
        "1007000000000000013",
        Text(ml="ആദായനികുതി പ്രസ്താവന", en="Income-tax statement"),
        Text(
            ml="ധനകാര്യ വകുപ്പ്: ((name)), താങ്കളുടെ ആദായനികുതി പ്രസ്താവന മാർച്ച് 10-നകം നൽകുക.",
            en="Finance Department: ((name)), hand in your income-tax statement by 10 March.",
        ),
    )


def achievements_as_salary() -> Notice:
    """Publicity that calls itself a notice about salary."""
    text = Text(ml="((name)), സർക്കാരിന്റെ നേട്ടങ്ങൾ വായിക്കുക.", en="((name)), read about the achievements of the government.")
    return _to_employees(
        "achievements-as-salary", "1007000000000000012", Text(ml="ശമ്പള അറിയിപ്പ്", en="Salary notice"), text
    )


def news(name: str) -> Notice:
    """What subscribers asked for."""
    text = Text(ml="വകുപ്പിന്റെ ഈ മാസത്തെ വാർത്താപത്രിക വായിക്കാം.", en="This month's newsletter of the department is out.")
    return Notice(
        id=name,
        office="publicity",
        title=Text(ml="വാർത്താപത്രിക", en="Newsletter"),
        purpose="ariyippu:achievements",
        legal_basis=cast.SUBSCRIPTION,
        sanction_reference="REPLAY/2026/9",
        register="news-subscribers",
        criteria={"field": "district", "exists": True},
        subject=text,
        email=text,
        sms=text,
        dlt_template="1007000000000000014",
        placeholders=(),
        contact=cast.CONTACT,
    )


def property_tax(name: str) -> Notice:
    """To every owner whose tax of the half-year is not paid."""
    notice = local_bodies.property_tax().notices[0][0]
    return notice.model_copy(update={"id": name, "criteria": {"field": "paid", "op": "==", "value": "NO"}})


def _to_employees(name: str, template: str, title: Text, text: Text) -> Notice:
    return Notice(
        id=name,
        office="finance-pay",
        title=title,
        purpose="ariyippu:salary-and-benefit",
        legal_basis=REPLAY_LAW,
        sanction_reference="REPLAY/2026/21",
        register="spark",
        criteria={"field": "service_status", "op": "==", "value": "IN SERVICE"},
        subject=title,
        email=text,
        sms=text,
        dlt_template=template,
        placeholders=(NAME,),
        contact=cast.CONTACT,
    )


def registrations(page: str) -> str:
    """dlt.toml: every SMS of the replay is registered, with its link to the message's own page."""
    kept = (dearness_relief("relief"), housing_advance(), tax_statement(), news("news"))
    templates = (
        f"""
[[template]]
id = "{notice.dlt_template}"
headers = ["{cast.SMS_SENDER}"]
text = "{_PLACEHOLDER.sub("{#var#}", notice.sms.ml)} കാരണം: {page}{{#var#}}"
"""
        for notice in kept
    )
    return cast.registrations(page) + local_bodies.registrations(page) + "".join(templates)


# --- use requests ------------------------------------------------------------------------------------


def request(name: str, *, office: str, purpose: str, register: str, fields: Sequence[str]) -> UseRequest:
    """An office asks to have notices sent, for the year 2026."""
    asked = cast.use_request(office, purpose, name)
    law = cast.SUBSCRIPTION if purpose == "ariyippu:achievements" else REPLAY_LAW
    return asked.model_copy(
        update={
            "case_number": f"REPLAY/2026/{name}",
            "legal_basis": law,
            "registers": (RegisterFields(register=register, fields=tuple(fields)),),
            "valid_until": dt.datetime(2026, 12, 31, tzinfo=dt.UTC),
        }
    )


def linking() -> UseRequest:
    """The registers' owners agree that an objection, a death and protection hold in all of them."""
    return local_bodies.linking_request(REGISTERS).model_copy(update={"legal_basis": REPLAY_LAW})


def letter() -> UseRequest:
    """31-12-2025: a spreadsheet of K-SMART's contacts is sought, for another office, by a deadline."""
    fields = ("owner", "mobile", "gender", "date_of_birth", "district", "ward", "local_body")
    asked = request(
        "contacts-for-publicity",
        office="it-mission",
        purpose="dpv:PublicRelations",
        register="ksmart-property",
        fields=fields,
    )
    return asked.model_copy(
        update={
            "on_behalf_of": "publicity",
            "wanted_by": dt.date(2026, 2, 12),
            "copied_to": ("local-self-government",),
            "attachments": (Paper(sha256="31" * 32, title="Letter of 31-12-2025, scanned (invented)"),),
            "cohort_en": "Everybody in the register: phone, name, age, gender, district, ward, local body",
            "cohort_ml": "രജിസ്റ്ററിലെ എല്ലാവരും: ഫോൺ, പേര്, പ്രായം, ലിംഗം, ജില്ല, വാർഡ്, തദ്ദേശസ്ഥാപനം",
        }
    )


def standing_order(notice: Notice, grant: UseRequest, contract: str) -> StandingOrder:
    """Whoever's arrears are newly credited is told, up to a ceiling for each month."""
    now = clock.now().replace(microsecond=0)
    return StandingOrder(
        id="arrears-credited",
        notice=notice.digest(),
        use_request=grant.digest(),
        contract=contract,
        register=notice.register,
        purpose=notice.purpose,
        channels=("email", "sms"),
        event_field=None,
        not_before=now,
        not_after=now + dt.timedelta(days=200),
        window_days=14,
        period_days=10,
        max_messages=300,
        max_cost_paise=1_000_00,
        min_interval_days=0,
    )


# --- stays -------------------------------------------------------------------------------------------


def undertaking(ends_at: dt.datetime) -> Stay:
    """All sending stops, of everything."""
    return Stay(
        id="undertaking",
        office=COURT,
        reference="Undertaking recorded on 24-02-2026 (replay)",
        scope=Scope(),
        starts_at=clock.now().replace(microsecond=0),
        ends_at=ends_at,
    )


def amended(stay: Stay, number: int, scope: Scope, ends_at: dt.datetime | None, *leave: Notice) -> Amendment:
    return Amendment(
        id=f"{stay.id}-{number}",
        stay=stay.digest(),
        number=number,
        reference=f"Order {number} in the petition (replay)",
        scope=scope,
        ends_at=ends_at,
        leave=tuple(notice.digest() for notice in leave),
    )


def dismissed(stay: Stay) -> Lift:
    return Lift(id=f"{stay.id}-lifted", stay=stay.digest(), reference="Petition dismissed on 10-03-2026 (replay)")


def restraint(name: str, starts_at: dt.datetime, ends_at: dt.datetime, **scope: object) -> Stay:
    """An election's: publicity stops; entitlements, dues and emergencies flow."""
    return Stay.model_validate(
        {
            "id": name,
            "office": ELECTION,
            "reference": f"{name} (replay)",
            "scope": {"restraint": True, **scope},
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
    )
