"""The linter finds each fault, names its place, and has nothing to say about a good notice."""

from dataclasses import replace
from pathlib import Path

import pytest

from ariyippu.notice.dlt import Registered, SmsTerms
from ariyippu.notice.documents import Flag, Notice, Placeholder
from ariyippu.notice.lint import lint, page
from ariyippu.notice.lint.rules import rules
from tests.render.notices import COLUMNS, NOTICE, REGISTERED, REGISTRATIONS, TERMS, with_texts

LATE = Flag(name="late", when={"field": "arrears", "exists": True})
FLAGGED = NOTICE.model_copy(
    update={
        "flags": (LATE,),
        "email": NOTICE.email.model_copy(
            update={part: f"{getattr(NOTICE.email, part)}\n((late??late))" for part in ("ml", "en")}
        ),
    }
)


def found(notice: Notice, terms: SmsTerms | None = TERMS) -> set[tuple[str, str]]:
    return {(finding.code, finding.where) for finding in lint(notice, COLUMNS, terms)}


def test_a_good_notice_has_no_findings() -> None:
    assert lint(NOTICE, COLUMNS, TERMS) == ()
    assert lint(FLAGGED, COLUMNS, TERMS) == ()


def test_a_placeholder_may_stand_more_often_in_one_language() -> None:
    ml, en = NOTICE.email.ml, NOTICE.email.en
    assert lint(with_texts(email=(f"{ml} ((name))", en)), COLUMNS, TERMS) == ()


def test_line_ends_of_a_browser_are_no_fault() -> None:
    ml, en = (text.replace("\n", "\r\n") for text in (NOTICE.email.ml, NOTICE.email.en))
    assert lint(with_texts(email=(ml, en)), COLUMNS, TERMS) == ()


@pytest.mark.parametrize(
    ("notice", "code", "where"),
    [
        (with_texts(sms=("((name)) ((amount)) ((who))", "((name)) ((amount)) ((who))")), "unknown_placeholder", "sms"),
        (with_texts(sms=("((name)) ((amount))", "((name))")), "parity", "sms"),
        (with_texts(email=(NOTICE.email.ml, "((name)) ((amount)) ((on))")), "parity", "email"),
        (with_texts(FLAGGED, email=(NOTICE.email.ml, FLAGGED.email.en)), "parity", "email"),
        (with_texts(sms=("((name))", "((name)) ((")), "malformed", "sms.en"),
        (with_texts(sms=("((name)) ((late??(see)))", "((name))")), "malformed", "sms.ml"),
        (with_texts(email=("".join(f"((f{n}??x))" for n in range(6)), "x")), "malformed", "email.ml"),
        (with_texts(email=("(((late??x))((soon??(y)) ", "x")), "malformed", "email.ml"),  # ((y when only one holds
        (with_texts(sms=("((more??x))", "((more??x))")), "unknown_placeholder", "sms"),
        (with_texts(FLAGGED, sms=("((late))", "((late))")), "wrong_type", "sms.ml"),
        (with_texts(sms=("((name??x))", "((name??x))")), "wrong_type", "sms.en"),
        (with_texts(FLAGGED, email=("x", "x")), "unused_placeholder", "placeholders"),
        (with_texts(subject=("((name))", "Arrears")), "placeholder_in_subject", "subject.ml"),
        (with_texts(subject=("((late??x))", "Arrears")), "placeholder_in_subject", "subject.ml"),
        (with_texts(contact=("x", "ask ((name))")), "placeholder_in_contact", "contact.en"),
        (with_texts(contact=("x", "ask ((")), "placeholder_in_contact", "contact.en"),
        (with_texts(subject=("a\nBcc: all@office.example", "b")), "line_break_in_subject", "subject.ml"),
        (with_texts(subject=("a\rb", "b")), "hidden_character", "subject.ml"),
        (with_texts(contact=("a", "b\u202ec")), "hidden_character", "contact.en"),
        (with_texts(title=("a\0", "b")), "hidden_character", "title.ml"),
        (with_texts(contact=("ക" * 301, "b")), "long_line", "contact.ml"),
        (with_texts(sms=("((name)) ((amount))" + "ക" * 600, "((name)) ((amount))")), "sms_too_long", "sms.ml"),
        (with_texts(sms=("((name))  ((amount))", "x")), "doubled_space", "sms.ml"),
        (with_texts(sms=("x", "((name))  ((amount))")), "doubled_space", "sms.en"),
        (with_texts(contact=("തിരുത്തൽ, പരാതി: https://finance.example", "x")), "no_business_contact", "contact.ml"),
        (with_texts(contact=("x", "To correct or complain: pay@finance.example")), "no_link", "contact.en"),
        (with_texts(contact=("x", "http://finance.example")), "no_link", "contact.en"),
        (with_texts(contact=("x", "To complain: +91 471 255 0000, https://a.example")), "no_rights", "contact.en"),
        (with_texts(contact=("തിരുത്തൽ: pay@finance.example, https://a.example", "x")), "no_rights", "contact.ml"),
        (with_texts(contact=("correct, complain", "x")), "no_rights", "contact.ml"),  # in its own language
    ],
)
def test_each_fault_is_found_and_refuses(notice: Notice, code: str, where: str) -> None:
    assert (code, where) in found(notice)
    assert rules()[code].refuses
    assert lint(notice, COLUMNS, TERMS)[0].refuses


def test_a_telephone_number_is_a_business_contact() -> None:
    contact = "To correct or complain: +91 471 255 0000, https://a.example"
    assert not {code for code, where in found(with_texts(contact=("x", contact))) if where == "contact.en"}


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (Placeholder(name="unused", column="name", type="text"), "unused_placeholder"),
        (Placeholder(name="name", column="name", type="text"), "doubled_placeholder"),
        (Placeholder(name="late", column="name", type="text"), "doubled_placeholder"),
        (Placeholder(name="more", column="no_column", type="text"), "unknown_column"),
        (Placeholder(name="more", column="name", type="date"), "wrong_type"),
        (Placeholder(name="more", column="arrears", type="text"), "wrong_type"),
        (Placeholder(name="more", column="granted_on", type="money"), "wrong_type"),
        (Placeholder(name="more", column="arrears", type="number"), "wrong_type"),
        (Placeholder(name="more", column="email", type="name"), "wrong_type"),
    ],
)
def test_each_faulty_declaration_is_found(declared: Placeholder, code: str) -> None:
    notice = FLAGGED.model_copy(update={"placeholders": (*NOTICE.placeholders, declared)})
    assert code in {finding.code for finding in lint(notice, COLUMNS, TERMS)}


def test_every_type_suits_a_column() -> None:
    columns = {"a_text": "text", "an_enum": "enum", "an_integer": "integer", "some_money": "money", "a_date": "date"}
    suits = {
        ("text", "a_text"), ("text", "an_enum"), ("text", "an_integer"), ("text", "a_date"),
        ("name", "a_text"), ("number", "an_integer"), ("money", "some_money"), ("date", "a_date"),
    }  # fmt: skip
    for kind in ("text", "name", "number", "money", "date"):
        for column in columns:
            declared = Placeholder.model_validate({"name": "more", "column": column, "type": kind})
            notice = with_texts(sms=("((more))", "((more))")).model_copy(update={"placeholders": (declared,)})
            codes = {finding.code for finding in lint(notice, columns, None)}
            assert ("wrong_type" in codes) != ((kind, column) in suits)


# --- DLT ---------------------------------------------------------------------------------------------


def registered(**changes: object) -> SmsTerms:
    """The terms with the registered template, or the registrations, changed."""
    template = Registered.model_validate({**REGISTERED.model_dump(), **changes})
    return replace(TERMS, registrations=REGISTRATIONS.model_copy(update={"templates": (template,)}))


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (replace(TERMS, entity="1009999999999999999"), "dlt_entity"),
        (replace(TERMS, entity=None), "dlt_entity"),
        (replace(TERMS, header="OTHERS"), "dlt_header"),
        (replace(TERMS, header=None), "dlt_header"),
        (replace(TERMS, public_url="https://elsewhere.example"), "dlt_link"),
        (replace(TERMS, public_url="https://notices.example.evil.example"), "dlt_link"),
        (registered(id="1007000000000000002"), "dlt_unknown_template"),
        (registered(text=REGISTERED.text + " "), "dlt_text"),
        (registered(text=REGISTERED.text.replace("അനുവദിച്ചു", "അനുവദിച്ചൂ")), "dlt_text"),
        (registered(text=REGISTERED.text.replace("{#var#},", "{#var#}{#var#},")), "dlt_text"),
        (registered(text="{#var#}"), "dlt_text"),
        (replace(TERMS, registrations=None), "dlt_unchecked"),
    ],
)
def test_what_is_not_as_registered_is_found(terms: SmsTerms, code: str) -> None:
    assert code in {finding_code for finding_code, _where in found(NOTICE, terms)}
    assert rules()[code].refuses == (code != "dlt_unchecked")


@pytest.mark.parametrize(
    "text",
    [
        REGISTERED.text,
        REGISTERED.text.replace("https://notices.example/m/{#var#}", "{#url#}"),
        REGISTERED.text.replace("{#var#}", "{#alphanumeric#}", 1),
    ],
)
def test_typed_variables_and_whole_links_are_as_registered(text: str) -> None:
    assert found(NOTICE, registered(text=text)) == set()


def test_an_sms_with_a_flag_or_without_a_template_is_not_registered() -> None:
    flagged = with_texts(FLAGGED, sms=(NOTICE.sms.ml + "((late??!))", NOTICE.sms.en + "((late??!))"))
    assert ("dlt_text", "sms.ml") in found(flagged)
    assert ("dlt_no_template", "dlt_template") in found(NOTICE.model_copy(update={"dlt_template": None}))


def test_a_link_of_the_text_s_own_must_be_white_listed() -> None:
    notice = with_texts(sms=(NOTICE.sms.ml + " https://a.example/x", NOTICE.sms.en))
    assert ("dlt_link", "sms.ml") in found(notice)


def test_a_text_that_is_mostly_variable_is_advised_against() -> None:
    notice = with_texts(sms=("((name)) ((amount)) ((sanction))", "((name)) ((amount)) ((sanction))"))
    finding = next(f for f in lint(notice, COLUMNS, TERMS) if f.code == "variable_share")
    assert not finding.refuses
    assert ("variable_share", "sms.ml") not in found(NOTICE)


def test_where_no_sms_is_sent_nothing_is_said_about_it() -> None:
    notice = with_texts(sms=("((name))  ((amount))", "((name)) ((amount))"))
    assert found(notice, None) == set()


# --- the table ---------------------------------------------------------------------------------------


def test_what_refuses_comes_first() -> None:
    notice = with_texts(title=("അറിയിപ്പ്!", "Notice!"), contact=("x", "y"))
    order = [finding.refuses for finding in lint(notice, COLUMNS, TERMS)]
    assert order == sorted(order, reverse=True)
    assert set(order) == {True, False}


def test_the_page_in_the_docs_is_the_table() -> None:
    file = Path(__file__).parents[2] / "docs" / "linter.md"
    assert file.read_text("utf-8") == page.page()
