"""Templates split without code in them; the linter finds each fault and names its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.notice import templates
from ariyippu.notice.documents import Notice, Placeholder
from ariyippu.notice.templates import Template
from ariyippu.render.compose import compile_notice
from ariyippu.render.segments import encode
from tests.render.notices import COLUMNS, NOTICE, WHY_URL, with_texts


def test_a_text_is_split_into_literals_and_names() -> None:
    assert templates.parse("((a)) and ((b_2)), ((a)).") == Template(("", " and ", ", ", "."), ("a", "b_2", "a"))
    assert templates.parse("((a)) ((b)) ((a))").placeholders() == {"a", "b"}
    assert templates.parse("(one) bracket {x} %s") == Template(("(one) bracket {x} %s",), ())


@pytest.mark.parametrize("text", ["((", "a )) b", "((A))", "((a b))", "((a.b))", "((a)", "((a))((", "((a\n))", "((é))"])
def test_brackets_that_are_no_placeholder_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="malformed"):
        templates.parse(text)


@given(st.text(alphabet="()ab _\n", max_size=30))
def test_a_template_holds_its_whole_text_or_is_refused(text: str) -> None:
    try:
        template = templates.parse(text)
    except RefusedError:
        return
    names = [f"(({name}))" for name in template.names]
    assert "".join(part for pair in zip(template.literals, [*names, ""], strict=True) for part in pair) == text


def test_a_good_notice_has_no_findings() -> None:
    assert templates.lint(NOTICE, COLUMNS) == ()


def test_a_placeholder_may_stand_more_often_in_one_language() -> None:
    ml, en = NOTICE.sms.ml, NOTICE.sms.en
    assert templates.lint(with_texts(sms=(f"{ml} ((name))", en)), COLUMNS) == ()


def test_line_ends_of_a_browser_are_no_fault() -> None:
    ml, en = (text.replace("\n", "\r\n") for text in (NOTICE.email.ml, NOTICE.email.en))
    assert templates.lint(with_texts(email=(ml, en)), COLUMNS) == ()


@pytest.mark.parametrize(
    ("notice", "code", "where"),
    [
        (with_texts(sms=("((name)) ((amount)) ((who))", "((name)) ((amount)) ((who))")), "unknown_placeholder", "sms"),
        (with_texts(sms=("((name)) ((amount))", "((name))")), "parity", "sms"),
        (with_texts(email=(NOTICE.email.ml, "((name)) ((amount)) ((on))")), "parity", "email"),
        (with_texts(sms=("((name))", "((name)) ((")), "malformed", "sms.en"),
        (with_texts(subject=("((name))", "Arrears")), "placeholder_in_subject", "subject.ml"),
        (with_texts(contact=("x", "ask ((name))")), "placeholder_in_contact", "contact.en"),
        (with_texts(contact=("x", "ask ((")), "placeholder_in_contact", "contact.en"),
        (with_texts(subject=("a\nBcc: all@office.example", "b")), "line_break_in_subject", "subject.ml"),
        (with_texts(subject=("a\rb", "b")), "hidden_character", "subject.ml"),
        (with_texts(contact=("a", "b\u202ec")), "hidden_character", "contact.en"),
        (with_texts(title=("a\0", "b")), "hidden_character", "title.ml"),
        (with_texts(contact=("ക" * 301, "b")), "long_line", "contact.ml"),
        (with_texts(sms=("((name)) ((amount))" + "ക" * 481, "((name)) ((amount))")), "sms_too_long", "sms.ml"),
    ],
)
def test_each_fault_is_found(notice: Notice, code: str, where: str) -> None:
    assert (code, where) in {(finding.code, finding.where) for finding in templates.lint(notice, COLUMNS)}


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (Placeholder(name="unused", column="name", type="text"), "unused_placeholder"),
        (Placeholder(name="name", column="name", type="text"), "doubled_placeholder"),
        (Placeholder(name="more", column="no_column", type="text"), "unknown_column"),
        (Placeholder(name="more", column="name", type="date"), "wrong_type"),
        (Placeholder(name="more", column="arrears", type="text"), "wrong_type"),
        (Placeholder(name="more", column="granted_on", type="money"), "wrong_type"),
    ],
)
def test_each_faulty_declaration_is_found(declared: Placeholder, code: str) -> None:
    notice = NOTICE.model_copy(update={"placeholders": (*NOTICE.placeholders, declared)})
    assert code in {finding.code for finding in templates.lint(notice, COLUMNS)}


@given(
    literal=st.text(st.sampled_from("aക😀"), max_size=500),
    value=st.text(st.sampled_from("aക"), max_size=templates.VALUE_UNITS),
)
def test_an_sms_that_the_linter_passes_has_at_most_ten_segments(literal: str, value: str) -> None:
    notice = with_texts(sms=(f"{literal}((name))((amount))", f"{literal}((name))((amount))"))
    if any(finding.code == "sms_too_long" for finding in templates.lint(notice, COLUMNS)):
        return
    composer = compile_notice(notice, why_url=WHY_URL)
    for language in ("ml", "en"):
        sms = composer.sms({"name": value, "amount": value}, language)
        assert len(encode(sms).parts) <= templates.MAX_SMS_SEGMENTS
