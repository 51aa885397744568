"""Messages: golden files, the standard library's reading of them, and what no value can do to them."""

import email
import email.policy
import json
import re
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.notice.documents import LANGUAGES, Flag, Notice
from ariyippu.notice.segments import encode
from ariyippu.notice.sms import MESSAGE, SAMPLE
from ariyippu.notice.templates import resolve
from ariyippu.render import values
from ariyippu.render.compose import Composer, Headers, Links, compile_notice
from tests.render.notices import LINKS, NOTICE, OWN_URL, VALUES, with_texts

GOLDEN = Path(__file__).parent / "golden"
HEADERS = Headers(
    sender="notices@notices.example",
    date="Tue, 24 Feb 2026 09:30:00 +0000",
    to=["meenu@post.example"],
    message_ids=["0123456789abcdef0123456789abcdef@notices.example"],
)
COMPOSER = compile_notice(NOTICE, LINKS)


def _parsed(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def _composer(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> Composer:
    monkeypatch.setattr("ariyippu.render.compose.secrets.token_hex", lambda _bytes: "golden")
    return compile_notice(notice, LINKS)


def test_golden_email(monkeypatch: pytest.MonkeyPatch) -> None:
    message = _composer(NOTICE, monkeypatch).email(VALUES, HEADERS)
    assert message == (GOLDEN / "email.eml").read_bytes()


def test_golden_sms() -> None:
    for language in LANGUAGES:
        expected = (GOLDEN / f"sms.{language}.txt").read_text(encoding="utf-8")
        assert COMPOSER.sms(VALUES, language) + "\n" == expected


def test_the_standard_library_reads_both_parts() -> None:
    message = _parsed(COMPOSER.email(VALUES, HEADERS))
    assert message["Subject"] == "ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു / Dearness-allowance arrears granted"
    assert message["Auto-Submitted"] == "auto-generated"
    # The same for everybody: it counts complaints about an order, and tells nobody apart.
    assert message["Feedback-ID"] == f"{LINKS.order}:ariyippu-da-arrears:{NOTICE.office}:ariyippu"
    assert (message["To"], message["From"]) == (HEADERS.to[0], HEADERS.sender)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in message.walk()} == {"8bit"}
    plain, markup = _part(message, "plain"), _part(message, "html")
    for text in (plain, markup):
        assert text.index("കുടിശ്ശികയായി താങ്കൾക്ക് ₹ 1,23,456.50") < text.index(
            "Arrears of dearness allowance, ₹ 1,23,456.50"
        )
        assert text.index("എന്തുകൊണ്ട് ഈ അറിയിപ്പ് ലഭിച്ചു?") < text.index("Why did I get this notice?")
        assert text.count("pay@finance.example") == 2
        assert text.count(LINKS.why) == text.count(OWN_URL) == 2
    assert "Meenu & <Sons> മീനു" in plain
    assert "Meenu &amp; &lt;Sons&gt; മീനു" in markup
    assert re.findall(r'lang="(..)"', markup) == ["ml", "ml", "en"]


def test_mail_programs_are_told_where_to_unsubscribe() -> None:
    """RFC 8058: one address, without a person's own, and a post is enough."""
    message = _parsed(COMPOSER.email(VALUES, HEADERS))
    assert message["List-Unsubscribe"] == f"<https://notices.example/unsubscribe/{SAMPLE}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("url", ["https://a.example>\r\nX: y", "https://a.example/ b", "javascript:x", "", "https://"])
def test_an_address_that_no_header_can_hold_is_refused(url: str) -> None:
    with pytest.raises(PermanentError):
        compile_notice(NOTICE, Links.of(url, "x"))


def test_no_officer_can_write_the_message_s_own_token() -> None:
    text = NOTICE.model_dump(mode="json")
    text["placeholders"][0]["name"] = MESSAGE
    with pytest.raises(RefusedError):
        Notice.parse(json.dumps(text).encode())


def test_nothing_in_a_message_reports_back() -> None:
    markup = _part(_parsed(COMPOSER.email(VALUES, HEADERS)), "html")
    assert set(re.findall(r"https?://[^\"<\s]+", markup)) == {LINKS.why, OWN_URL, "https://finance.example/rights."}
    assert not re.search(r"<(img|script|link|iframe|form|style)|url\(|\son[a-z]+=", markup)


def test_each_channel_names_what_it_needs() -> None:
    assert COMPOSER.placeholders("email") == {"name", "amount", "on", "sanction", MESSAGE}
    assert COMPOSER.placeholders("sms") == {"name", "amount", MESSAGE}
    assert COMPOSER.email(dict.fromkeys(COMPOSER.placeholders("email"), "x"), HEADERS)
    assert (
        COMPOSER.sms(dict.fromkeys(COMPOSER.placeholders("sms"), "x"))
        == "x, താങ്കൾക്ക് ക്ഷാമബത്ത കുടിശ്ശിക x അനുവദിച്ചു. കാരണം: https://notices.example/m/x"
    )


def test_an_sms_in_malayalam_goes_as_ucs2() -> None:
    assert encode(COMPOSER.sms(VALUES)).coding == "ucs2"


@pytest.mark.parametrize("header", ["to", "message_ids", "sender", "date"])
@pytest.mark.parametrize(
    "hostile", ["\r\nBcc: all@post.example", "\n", "\r", "\0", "\x85", "\u2028", ", b@post.example", "é", "<"]
)
def test_no_header_can_be_broken(header: str, hostile: str) -> None:
    kept: Any = getattr(HEADERS, header)
    good = kept if isinstance(kept, str) else kept[0]
    for broken in (good + hostile, hostile + good, good[:3] + hostile + good[3:], ""):
        changed: Any = {header: broken if isinstance(kept, str) else [broken]}
        with pytest.raises(PermanentError) as refused:
            COMPOSER.email(VALUES, replace(HEADERS, **changed))
        assert "post.example" not in str(refused.value)


@pytest.mark.parametrize("hostile", ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\x1bb"])
def test_a_control_character_in_a_value_is_refused(hostile: str) -> None:
    with pytest.raises(PermanentError) as refused:
        COMPOSER.email(VALUES | {"name": hostile}, HEADERS)
    assert hostile not in str(refused.value)
    with pytest.raises(PermanentError):
        COMPOSER.sms(VALUES | {"name": hostile})


@given(st.text(max_size=60) | st.sampled_from(["--=_", "((amount))", "</div><script>", "&lt;", "%s{0}", "."]))
def test_no_value_changes_the_structure(name: str) -> None:
    written = values.text(name)
    message = _parsed(COMPOSER.email(VALUES | {"name": written}, HEADERS))
    usual = _parsed(COMPOSER.email(VALUES, HEADERS))
    assert [str(value) for value in message.values()] == [str(value) for value in usual.values()]
    assert len(list(message.walk())) == 3
    assert _part(message, "plain").split("\n")[0] == f"{written},"
    tags = re.compile(r"<[^>]*>")
    assert tags.findall(_part(message, "html")) == tags.findall(_part(usual, "html"))


@given(st.lists(st.tuples(st.text(max_size=1200), st.sampled_from(["x", "a&b", "%b", ".x", ""])), max_size=8))
def test_many_at_once_are_the_same_as_one_by_one(pairs: list[tuple[str, str]]) -> None:
    names, sanctions = ([values.text(pair[which]) for pair in pairs] for which in (0, 1))
    count = len(pairs)
    columns = {name: [value] * count for name, value in VALUES.items()} | {"name": names, "sanction": sanctions}
    to = [f"p{position}@post.example" for position in range(count)]
    ids = [f"{position}@notices.example" for position in range(count)]
    many = COMPOSER.emails(columns, replace(HEADERS, to=to, message_ids=ids))
    assert many.dotted or not any(b"\n." in message for message in many.contents)
    assert many.contents == [
        COMPOSER.email(
            VALUES | {"name": names[n], "sanction": sanctions[n]}, replace(HEADERS, to=[to[n]], message_ids=[ids[n]])
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("body", "name", "dotted"),
    [
        ("Dear ((name)).", "x", False),
        ("((name)). Yours", "x", True),  # a name may be empty
        ("Dear ((name))", ".x", True),
        ("Dear ((name))\n... or not", "x", True),
        ("Dear ((name))", "x" * 2000, True),  # a line that is broken may go on with anything
    ],
)
def test_it_is_known_where_no_line_begins_with_a_dot(body: str, name: str, *, dotted: bool) -> None:
    composer = compile_notice(with_texts(email=(body, body)), LINKS)
    columns = {column: [value] for column, value in (VALUES | {"name": name}).items()}
    assert composer.emails(columns, HEADERS).dotted is dotted


def test_the_boundary_cannot_be_foreseen() -> None:
    one, other = (compile_notice(NOTICE, LINKS).email(VALUES, HEADERS) for _ in range(2))
    assert one != other


@pytest.mark.parametrize("unit", ["a", "ക", "😀", "&", "ab ക "])
@pytest.mark.parametrize("literal_bytes", [0, 300, 899])
@pytest.mark.parametrize("value_bytes", [0, 49, 50, 98, 99, 349, 998, 2500])
def test_no_line_is_longer_than_smtp_takes(unit: str, literal_bytes: int, value_bytes: int) -> None:
    """RFC 5322, 2.1.1: lines that are too long are broken, at blanks if they have any; others stay whole."""
    literal, value = (unit * (size // len(unit.encode())) for size in (literal_bytes, value_bytes))
    notice = with_texts(email=(f"x{literal}((name))", "x((name))((name))"))
    message = compile_notice(notice, LINKS).email(VALUES | {"name": value}, HEADERS)
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    message.decode()  # no character was split
    plain = _part(_parsed(message), "plain")
    for written in (f"x{literal}{value}", f"x{value}{value}"):
        if len(written.encode()) <= 998:
            assert f"{written}\n" in plain
        elif " " in unit:
            assert " ".join(written.split()) in " ".join(plain.split())
        else:
            assert written in plain.replace("\n", "")


def test_a_message_whose_lines_fit_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is exact: a name of so many bytes fills its line and folds nothing."""
    notice = with_texts(email=("((name))((name))", "x"))
    monkeypatch.setattr("ariyippu.render.compose._fold", lambda _message: b"folded")
    composer = compile_notice(notice, LINKS)
    room = (998 - len("<p></p>")) // 2
    assert composer.email(VALUES | {"name": "a" * room}, HEADERS) != b"folded"
    assert composer.email(VALUES | {"name": "a" * (room + 1)}, HEADERS) == b"folded"


def test_line_ends_of_a_browser_make_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    ml, en = (text.replace("\n", "\r\n") for text in (NOTICE.email.ml, NOTICE.email.en))
    theirs = _composer(with_texts(email=(ml, en)), monkeypatch).email(VALUES, HEADERS)
    assert theirs == _composer(NOTICE, monkeypatch).email(VALUES, HEADERS)


@pytest.mark.parametrize("hostile", ["a\rb", "a\r.\rMAIL FROM:<x@y.example>", "\r"])
def test_a_bare_line_end_in_a_text_is_refused(hostile: str) -> None:
    """The linter refuses such a notice; if one came here all the same, two servers could see two ends of it."""
    notice = with_texts(email=(NOTICE.email.ml, f"{NOTICE.email.en} {hostile}x"))
    with pytest.raises(PermanentError, match="CRLF"):
        compile_notice(notice, LINKS).email(VALUES, HEADERS)


# --- flags -------------------------------------------------------------------------------------------

FLAGS = (Flag(name="late", when={}), Flag(name="partly", when={}))
FLAGGED = with_texts(
    NOTICE.model_copy(update={"flags": FLAGS}),
    email=(
        "((name))((late?? <b>വൈകി</b>))\n((partly??x & y\n\nz))\n((amount))",
        "((partly??part)) ((name)) ((late??late))",
    ),
    sms=("((late??a)) ((name)) ((partly??b))", "((name))"),
)
WAYS = [(late, partly) for late in ("yes", "") for partly in ("yes", "")]


@pytest.mark.parametrize(("late", "partly"), WAYS)
def test_a_message_is_that_of_a_notice_written_for_its_flags(
    late: str, partly: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other notice has no flags: what they show stands in its texts, or does not."""
    on = {name for name, value in (("late", late), ("partly", partly)) if value}
    email, sms = ((resolve(text.ml, on), resolve(text.en, on)) for text in (FLAGGED.email, FLAGGED.sms))
    unflagged = _composer(with_texts(email=email), monkeypatch)
    flagged = _composer(FLAGGED, monkeypatch)
    values_of = VALUES | {"late": late, "partly": partly}
    assert flagged.email(values_of, HEADERS) == unflagged.email(VALUES, HEADERS)
    assert flagged.sms(values_of).startswith(sms[0].replace("((name))", VALUES["name"]))


def test_a_batch_of_all_ways_is_the_same_as_one_by_one() -> None:
    composer = compile_notice(FLAGGED, LINKS)
    ways = WAYS * 2
    columns = {name: [f"{value}{n}" for n in range(len(ways))] for name, value in VALUES.items()}
    columns |= {"late": [late for late, _partly in ways], "partly": [partly for _late, partly in ways]}
    to, ids = ([f"p{n}@{host}.example" for n in range(len(ways))] for host in ("post", "notices"))
    many = composer.emails(columns, replace(HEADERS, to=to, message_ids=ids))
    for n, message in enumerate(many.contents):
        own = {name: column[n] for name, column in columns.items()}
        assert message == composer.email(own, replace(HEADERS, to=[to[n]], message_ids=[ids[n]]))


def test_a_flag_s_text_is_escaped_and_shapes_nothing() -> None:
    values_of = VALUES | {"late": "yes", "partly": ""}
    markup = _part(_parsed(compile_notice(FLAGGED, LINKS).email(values_of, HEADERS)), "html")
    assert "&lt;b&gt;വൈകി&lt;/b&gt;" in markup
    assert "x &amp; y" not in markup


def test_a_flag_asks_for_no_column() -> None:
    composer = compile_notice(FLAGGED, LINKS)
    assert composer.placeholders("email") == {"name", "amount", MESSAGE}
    assert composer.placeholders("sms") == {"name", MESSAGE}


def test_a_value_is_short_in_an_sms_and_whole_in_an_email() -> None:
    long = "G.O.(P) No. 27/2026/Fin dated 20-02-2026 (invented)"
    values_of = VALUES | {"name": long, "late": "", "partly": ""}
    composer = compile_notice(FLAGGED, LINKS)
    assert composer.sms(values_of).startswith("G.O.(P) No. 27/2026/Fin dated… ")
    assert composer.email(values_of, HEADERS).decode().count(long) == 4
