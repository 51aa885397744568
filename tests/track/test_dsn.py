"""Reading mail that comes back: what it says as a code, and nothing of what it quotes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.track import dsn
from ariyippu.track.dsn import Returned, read
from ariyippu.track.receipts import State, Word
from tests.track.reports import PERSON, TEXT, bounce, complaint, report

TOKEN = "abcdefghijklmnopqrstuvwx23"
NESTED = b"\r\n--b\r\nContent-Type: multipart/x; boundary=b\r\n"


@pytest.mark.parametrize(
    ("mail", "word"),
    [
        (bounce(TOKEN), Word(State.BOUNCED, "5.1.1")),
        (bounce(TOKEN, status="5.1.2", diagnostic=""), Word(State.BOUNCED, "5.1.2")),
        (bounce(TOKEN, status="5.2.2"), Word(State.UNDELIVERED, "5.2.2")),
        (bounce(TOKEN, status="5.7.1"), Word(State.REJECTED, "5.7.1")),
        (bounce(TOKEN, status="4.4.7"), Word(State.EXPIRED, "4.4.7")),
        (bounce(TOKEN, action="delivered", status="2.0.0"), Word(State.DELIVERED, "delivered")),
        # The status is "other", the server's answer says more (RFC 3464, 2.3.6).
        (
            bounce(TOKEN, status="5.0.0", diagnostic="smtp; 550-5.1.1 no such\n 550 5.1.1 at all"),
            Word(State.BOUNCED, "5.1.1"),
        ),
        (bounce(TOKEN, status="5.0.0", diagnostic="X-Postfix; unknown user"), Word(State.UNDELIVERED, "5.0.0")),
        (bounce(TOKEN, status="", diagnostic=""), Word(State.UNDELIVERED, "5.0.0")),
        (bounce(TOKEN, status="5.1.1 (bad mailbox)", action="Failed (for good)"), Word(State.BOUNCED, "5.1.1")),
    ],
)
def test_a_bounce_is_a_word(mail: bytes, word: Word) -> None:
    assert read(mail) == Returned("bounce", TOKEN, word)


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "", "of no kind"])
def test_what_is_not_final_says_nothing(action: str) -> None:
    assert read(bounce(TOKEN, action=action)) == Returned("nothing", TOKEN)


def test_an_alias_of_several_recipients_says_the_kindest() -> None:
    blocks = "Action: failed\nStatus: 5.1.1\n\nAction: delivered\nStatus: 2.0.0\n"
    found = read(report("delivery-status", f"Reporting-MTA: dns; x\n\n{blocks}", TOKEN, "text/rfc822-headers"))
    assert found == Returned("bounce", TOKEN, Word(State.DELIVERED, "delivered"))
    blocks = "Action: failed\nStatus: 5.1.1\n\nAction: delayed\nStatus: 4.4.1\n"
    found = read(report("delivery-status", f"Reporting-MTA: dns; x\n\n{blocks}", TOKEN, "text/rfc822-headers"))
    assert found == Returned("nothing", TOKEN)


@pytest.mark.parametrize("returned", sorted(dsn.RETURNED_TYPES | dsn.HEADER_TYPES))
def test_the_token_is_found_in_whatever_is_returned(returned: str) -> None:
    found = read(bounce(TOKEN, returned=returned))
    assert found is not None
    assert found.token == TOKEN


def test_a_mail_server_may_change_the_token_s_case_or_return_nothing() -> None:
    shouted = read(bounce(TOKEN.upper()))
    assert shouted is not None
    assert shouted.token == TOKEN
    for other in ("", "abc", TOKEN + "x", "<>"):
        assert read(bounce(other)) == Returned("bounce", None, Word(State.BOUNCED, "5.1.1"))


@pytest.mark.parametrize(
    ("kind", "said"), [("abuse", "complaint"), ("Opt-Out", "complaint"), ("not-spam", "nothing"), ("fraud", "nothing")]
)
def test_complaints(kind: str, said: str) -> None:
    found = read(complaint(TOKEN, kind))
    assert found is not None
    assert (found.kind, found.token, found.word) == (said, TOKEN, None)


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\r\n",
        b"Subject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nI am away. 5.1.1\r\n",
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + bounce(TOKEN).split(b"\r\n\r\n", 1)[1],
        b"Content-Type: multipart/report; boundary=b\r\n" + NESTED * 2000,
        b"Content-Type: multipart/report\r\n\r\n--\r\n",
        b"Content-Type: =?x?q?=\r\n\r\n\xff\xfe\0",
    ],
)  # fmt: skip
def test_what_is_no_report_is_none(mail: bytes) -> None:
    assert read(mail) is None


def test_what_a_returned_message_holds_is_not_taken_for_the_report() -> None:
    """A person who quotes a bounce in an answer, or a message that contains one, bounces nothing."""
    inner = bounce(TOKEN).replace(b"=_b", b"=_inner")
    outer = report("disposition-notification", "Disposition: automatic-action/displayed\n", TOKEN, "message/rfc822")
    before, _text, after = outer.rpartition(TEXT.encode())
    assert read(before + inner + after) is None


@given(st.binary(max_size=400), st.integers(min_value=0), st.integers(min_value=0, max_value=60))
def test_no_octets_make_it_fail(noise: bytes, at: int, cut: int) -> None:
    mail = bounce(TOKEN)
    at %= len(mail)
    found = read(mail[:at] + noise + mail[at + cut :])
    if found is not None and found.word is not None:
        assert len(found.word.code) <= 40
        assert found.word.code.isascii()
    read(noise)


def test_nothing_that_is_quoted_comes_through() -> None:
    for mail in (bounce(TOKEN), bounce(TOKEN, status="5.0.0"), complaint(TOKEN), bounce("")):
        shown = repr(read(mail))
        assert PERSON not in shown
        assert "Kizhakke" not in shown
