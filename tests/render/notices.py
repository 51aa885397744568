"""An invented notice, an invented person and her values."""

import datetime as dt

from ariyippu.grant.documents import LegalBasis
from ariyippu.notice.dlt import Registered, Registrations, SmsTerms
from ariyippu.notice.documents import Notice, Placeholder, Text
from ariyippu.notice.sms import MESSAGE, SAMPLE
from ariyippu.render import values
from ariyippu.render.compose import Links

COLUMNS = {
    "name": "text",
    "arrears": "money",
    "granted_on": "date",
    "sanction_reference": "text",
    "email": "email",
}
NOTICE = Notice(
    id="da-arrears-granted",
    office="finance-pay",
    title=Text(ml="ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു", en="Dearness-allowance arrears granted"),
    purpose="ariyippu:da-arrears",
    legal_basis=LegalBasis(law="An invented order", clause="para 2", in_force_from=dt.date(2026, 2, 4)),
    sanction_reference="INVENTED/2026/7",
    register="spark",
    criteria={"field": "arrears", "op": ">", "value": 0},
    subject=Text(ml="ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു", en="Dearness-allowance arrears granted"),
    email=Text(
        ml="((name)),\n\nക്ഷാമബത്ത കുടിശ്ശികയായി താങ്കൾക്ക് ((amount)) ((on))-ന് അനുവദിച്ചിരിക്കുന്നു.\nഅനുമതി: ((sanction)).",
        en="((name)),\n\nArrears of dearness allowance, ((amount)), granted to you on ((on)).\nSanction: ((sanction)).",
    ),
    sms=Text(
        ml="((name)), താങ്കൾക്ക് ക്ഷാമബത്ത കുടിശ്ശിക ((amount)) അനുവദിച്ചു.",
        en="((name)), DA arrears of ((amount)) have been granted to you.",
    ),
    dlt_template="1007000000000000001",
    placeholders=(
        Placeholder(name="name", column="name", type="name"),
        Placeholder(name="amount", column="arrears", type="money"),
        Placeholder(name="on", column="granted_on", type="date"),
        Placeholder(name="sanction", column="sanction_reference", type="text"),
    ),
    contact=Text(
        ml="സംശയം, തിരുത്തൽ, എതിർപ്പ്, പരാതി: ധനകാര്യ (ശമ്പള) വിഭാഗം, pay@finance.example, https://finance.example/rights.",
        en="To ask, correct, object or complain: Finance (Pay) Section, pay@finance.example, https://finance.example/rights.",
    ),
)
PUBLIC_URL = "https://notices.example"
LINKS = Links.of(PUBLIC_URL, "da-arrears-granted-1")
REGISTERED = Registered(
    id="1007000000000000001",
    headers=("KLNOTC",),
    text="{#var#}, താങ്കൾക്ക് ക്ഷാമബത്ത കുടിശ്ശിക {#var#} അനുവദിച്ചു. കാരണം: https://notices.example/m/{#var#}",
)
REGISTRATIONS = Registrations(
    entity="1001234567890123456", links=("https://notices.example/",), templates=(REGISTERED,)
)
TERMS = SmsTerms(
    public_url=PUBLIC_URL,
    segment_price_paise=20,
    entity=REGISTRATIONS.entity,
    header="KLNOTC",
    registrations=REGISTRATIONS,
)
OWN_URL = f"{PUBLIC_URL}/m/{SAMPLE}"
VALUES = {
    MESSAGE: SAMPLE,
    "name": values.text("Meenu & <Sons> മീനു"),
    "amount": values.money(1_23_456_50),
    "on": values.date("2026-02-04"),
    "sanction": values.text("INVENTED/2026/7"),
}


def with_texts(notice: Notice = NOTICE, **texts: tuple[str, str]) -> Notice:
    """The notice with other texts: field=(Malayalam, English)."""
    return notice.model_copy(update={field: Text(ml=ml, en=en) for field, (ml, en) in texts.items()})
