"""The whole SMS: what a value may be in it, and segments that no value makes more of."""

from hypothesis import given
from hypothesis import strategies as st

from ariyippu.notice.documents import LANGUAGES, Flag
from ariyippu.notice.samples import LONGEST, TYPICAL, VALUE_UNITS
from ariyippu.notice.segments import encode
from ariyippu.notice.sms import MESSAGE, SAMPLE, Span, shortened, span, whole
from ariyippu.render import values
from ariyippu.render.compose import compile_notice
from tests.render.notices import LINKS, NOTICE, with_texts

FLAGGED = NOTICE.model_copy(update={"flags": (Flag(name="late", when={"field": "arrears", "exists": True}),)})


def test_an_sms_ends_with_the_link_to_its_own_page() -> None:
    assert whole(NOTICE, "en", LINKS.own).endswith(f"granted to you. Why: {LINKS.own}")


def test_a_long_value_is_shortened_and_shows_it() -> None:
    assert shortened("a" * 30) == "a" * 30
    assert shortened("a" * 31) == "a" * 29 + "…"
    assert shortened("Meenu Kizhakkethil Varghese Thomas") == "Meenu Kizhakkethil Varghese T…"
    assert shortened("😀" * 16) == "😀" * 14 + "…"


@given(st.text(max_size=60))
def test_a_shortened_value_is_short_and_settles_at_once(value: str) -> None:
    short = shortened(value)
    assert len(short.encode("utf-16-le", "surrogatepass")) // 2 <= VALUE_UNITS
    assert shortened(short) == short
    assert value.startswith(short.removesuffix("…"))


def test_invented_values_are_written_like_real_ones() -> None:
    assert TYPICAL["money"] == values.money(12_345_00)
    assert TYPICAL["date"] == LONGEST["date"] == values.date("2026-02-04")
    assert TYPICAL["name"] == values.text(TYPICAL["name"])
    assert LONGEST["number"] == values.number(str(-(2**63)))


@given(
    literal=st.text(st.sampled_from("aക😀€"), max_size=300),
    conditional=st.text(st.sampled_from("aക"), min_size=1, max_size=80),
    value=st.text(st.sampled_from("aക😀"), max_size=60),
    holds=st.booleans(),
)
def test_no_message_has_more_or_fewer_segments_than_the_span(
    literal: str, conditional: str, value: str, holds: bool
) -> None:
    text = f"{literal}((name)) ((late??{conditional})) ((amount))"
    notice = with_texts(FLAGGED, sms=(text, text))
    composer = compile_notice(notice, LINKS)
    filled = {"name": value, "amount": values.money(2**62), "late": "yes" if holds else "", MESSAGE: SAMPLE}
    for language in LANGUAGES:
        found = span(notice, language, LINKS.own)
        assert found.fewest <= len(encode(composer.sms(filled, language)).parts) <= found.most


def test_a_span_is_exact_where_nothing_varies() -> None:
    assert span(with_texts(sms=("ക" * 3, "a")), "ml", "x") == Span(1, 1)
    assert span(with_texts(sms=("ക" * 61, "a")), "ml", "x") == Span(1, 1)  # 70 with ` കാരണം: x`
    assert span(with_texts(sms=("ക" * 62, "a")), "ml", "x") == Span(2, 2)
