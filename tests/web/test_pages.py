"""The office as a process, over HTTP: pages, headers, what it refuses to serve."""

import re
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ariyippu.transparency import note
from tests.web.conftest import Site
from tests.web.messages import used
from tests.web.story import HOSTILE, KEYS, LETTER, Log, notice, order, told, use_request

PAGES = (
    "",
    "orders",
    "requests",
    "stays",
    "refusals",
    "orders/da-arrears-1",
    "orders/da-arrears-2",
    "orders/da-arrears-3",
    "orders/hostile-order",
    "standing/da-arrears-credited",
    "orders/da-arrears-credited-t1",
    "orders/da-arrears-credited-t2",
    "requests/da-arrears-2026",
    "requests/linking-2026",
    "stays/wpc-stay-1",
    "stays/ended-stay",
    "stays/by-paper",
    "requests/letter-for-contacts",
    "requests/taken-back",
    f"papers/{LETTER.sha256}",
    f"papers/{'5' * 64}",
    f"papers/{'0' * 64}",
    "refusals/10",
    "refusals/11",
    "refusals/12",
    "purposes",
    "offices",
    "how-to-check",
    "bills",
)
SAME_IN_BOTH = {"English"}  # a language is called by its own name
BALANCED = {"html", "head", "body", "main", "table", "tbody", "tr", "dl", "div", "section", "ul", "a", "article"}


class _Page(HTMLParser):
    """The texts of an English page's interface, and whether the elements are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in BALANCED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in BALANCED:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.add(" ".join(data.split()))


def _read(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    assert not page.open
    return page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_in_both_languages(site: Site, path: str) -> None:
    english, malayalam = site.get(f"/en/{path}"), site.get(f"/ml/{path}")
    assert (english.status, malayalam.status) == (200, 200)
    assert '<html lang="en">' in english.text
    assert '<html lang="ml">' in malayalam.text
    for answer in (english, malayalam):
        assert f'href="/en/{path}"' in answer.text
        assert f'href="/ml/{path}"' in answer.text
    messages = {" ".join(message.split()) for message in used()} - SAME_IN_BOTH
    assert _read(english.text).texts & messages
    assert not _read(malayalam.text).texts & messages


def test_the_front_goes_to_the_readers_language(site: Site) -> None:
    for accepted, language in (("ml-IN,ml;q=0.9,en;q=0.5", "ml"), ("en-IN", "en"), ("xx", "en")):
        answer = site.get("/", Accept_Language=accepted)
        assert (answer.status, answer.headers["Location"]) == (302, f"/{language}/")
        assert "Accept-Language" in answer.headers["Vary"]


def test_an_order_explains_itself(site: Site) -> None:
    text = site.get("/en/orders/da-arrears-1").text
    for shown in (
        "Finance Department",
        "Telling employees that their dearness-allowance arrears were granted",
        "Government Order (P) 12/2026/Fin, paragraph 4",
        "CERT-In directions of 28 April 2022, incidents, clocks, logs; a-rule-removed-since.",
        "G.O.(P) No. 12/2026/Fin",
        "Registrar of Staff",
        "about 1,23,450",
        "The register has no contact",
        "fewer than ten",
        "about 1,20,000",
        "നിങ്ങൾക്ക് <mark>((amount))</mark> രൂപ",
        "Arrears of dearness allowance of ₹<mark>((amount))</mark>",
        "Known when it was signed: the text has exclamation marks",
        "/en/stays/ended-stay",
        "/en/requests/da-arrears-2026",
        "Handed over for delivery",
        order(notice(), use_request()).digest(),
    ):
        assert shown in text, shown


def test_what_was_linked_and_lent_is_said(site: Site) -> None:
    text = site.get("/en/orders/da-arrears-3").text
    for shown in (
        "yours was taken from a record of yours in another register: land.",
        "Had objected at a record that is, or may be, the same person&#x27;s",
        'hold in all registers that were linked: <a href="/en/requests/linking-2026">land, staff</a>',
    ):
        assert shown in text, shown
    text = site.get("/en/requests/linking-2026").text
    for shown in ("land, staff", "about 9,00,010", "about 7,65,430", "about 1,210"):
        assert shown in text, shown
    assert "another register" not in site.get("/en/orders/da-arrears-1").text


def test_a_standing_order_shows_what_it_came_to(site: Site) -> None:
    text = site.get("/en/standing/da-arrears-credited").text
    for shown in (
        "approved once",
        "Registrar of Staff",
        "<code>arrears_paise</code>",
        "20,000 messages and ₹ 5,000 within 30 days",
        "/en/requests/da-arrears-2026",
        "/en/orders/da-arrears-credited-t1",
        "/en/orders/da-arrears-credited-t2",
    ):
        assert shown in text, shown
    text = site.get("/en/orders/da-arrears-credited-t1").text
    for shown in ("/en/standing/da-arrears-credited", "about 19,870", "Handed over for delivery", "Registrar of Staff"):
        assert shown in text, shown
    text = site.get("/en/orders/da-arrears-credited-t2").text
    assert "More people would be told than the order allows" in text
    assert "/en/standing/da-arrears-credited" in site.get("/en/orders").text


def test_a_use_request_shows_what_its_office_was_told(site: Site) -> None:
    text = site.get("/en/requests/da-arrears-2026").text
    for shown in (
        "Counts that this office was told",
        "19 February 2026",
        "about 6,210",
        "fewer than ten",
        "Withheld: it differs too little from an earlier question",
    ):
        assert shown in text, shown


def test_a_refused_letter_says_what_was_asked_and_why_not(site: Site) -> None:
    text = site.get("/en/requests/letter-for-contacts").text
    for shown in (
        "Refused",
        "The register&#x27;s contacts are not handed out",
        "High Court Liaison Cell",
        "12 February 2026",
        "A deadline in a letter is no authority",
        "The Director, registry",
        LETTER.title,
        f"/en/papers/{LETTER.sha256}",
        "Registrar of Staff",
        "Use request refused by an officer",
    ):
        assert shown in text, shown
    assert "Granted" not in text


def test_a_carrier_s_bill_is_shown_with_what_differs(site: Site) -> None:
    text = site.get("/en/bills").text
    for shown in ("1 February 2026", "about 52,340", "On the bill, and not sent here", "fewer than ten", "about 1,230"):
        assert shown in text, shown
    assert "Charged at another price" not in text
    assert "ബില്ലിലുണ്ട്, ഇവിടെനിന്ന് അയച്ചിട്ടില്ല" in site.get("/ml/bills").text


def test_offices_say_who_may_sign_for_whom_and_whose_key_is_revoked(site: Site) -> None:
    text = site.get("/en/offices").text
    for shown in (
        "Registrar of Staff",
        "Deputy Custodian",
        "Custodian of Contacts",
        "the token was lost",
        "Paying staff",
    ):
        assert shown in text, shown


def test_a_paper_leads_to_what_became_of_it(site: Site) -> None:
    text = site.get(f"/en/papers/{LETTER.sha256}").text
    assert "/en/requests/letter-for-contacts" in text
    assert "Refused" in text
    assert "/en/stays/by-paper" in site.get(f"/en/papers/{'5' * 64}").text
    assert "/en/orders/da-arrears-1" in site.get(f"/en/papers/{order(notice(), use_request()).digest()}").text
    assert "No: no document" in site.get(f"/en/papers/{'0' * 64}").text
    for wrong in ("0" * 63, "0" * 65, "G" * 64, "letter.pdf"):
        assert site.get(f"/en/papers/{wrong}").status == 404


def test_the_front_shows_orders_stays_refusals_and_the_checkpoint(site: Site) -> None:
    text = site.get("/en/").text
    for shown in (
        "W.P.(C) 99999/2026",
        "Stopped by a stay",
        "Nothing permits this purpose, whoever signs.",
        "Political campaigning",
        "some.future_code",
        "log.example/test",
        "ariyippu log verify",
    ):
        assert shown in text, shown


@pytest.mark.parametrize("path", ["", "orders", "orders/hostile-order", "requests/da-arrears-2026"])
def test_hostile_text_stays_text(site: Site, path: str) -> None:
    text = site.get(f"/en/{path}").text
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(" in text
    page = _read(text)
    assert "script" not in page.tags
    assert "img" not in page.tags


@pytest.mark.parametrize(
    "path", ["/en/", "/ml/orders/da-arrears-1", "/en/nothing-here", "/log/checkpoint", "/static/register.css"]
)
def test_every_answer_has_its_guards(site: Site, path: str) -> None:
    headers = site.get(path).headers
    policy = {part.strip() for part in headers["Content-Security-Policy"].split(";")}
    assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert not headers["Server"]
    assert not headers["Set-Cookie"]


def test_pages_name_no_other_host(site: Site) -> None:
    for path in PAGES:
        text = site.get(f"/ml/{path}").text
        assert not re.findall(r"(?:src|href)=\"(?!/|#|http://127\.0\.0\.1:8470/)", text)
    assert "http" not in site.get("/static/register.css").text


@pytest.mark.parametrize(
    "path",
    [
        "/en/orders/no-such-order",
        "/ml/requests/no-such-request",
        "/en/stays/no-such-stay",
        "/en/refusals/0",
        "/en/refusals/99999999999999999999",
        "/en/orders/page/2",
        "/en/orders/UPPER",
        "/en/%3Cscript%3Ealert(1)%3C/script%3E",
        "/static/urls.py",
        "/static/%2e%2e/urls.py",
        "/fr/",
    ],
)
def test_what_is_not_there_is_said_without_an_echo(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status == 404
    assert "Page not found" in answer.text or "പേജ് കണ്ടെത്തിയില്ല" in answer.text
    assert "no-such" not in answer.text
    assert "alert(1)" not in answer.text
    assert "Traceback" not in answer.text


def test_pages_only_answer_to_reading(site: Site) -> None:
    request = urllib.request.Request(site.base + "/en/", data=b"x=1")  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)  # noqa: S310
    refused.value.close()
    assert refused.value.code == 405


# --- the log's files ------------------------------------------------------------------------------------


def test_the_logs_files_are_served_as_they_lie_there(site: Site) -> None:
    checkpoint = site.get("/log/checkpoint")
    assert checkpoint.headers["Content-Type"] == "text/plain; charset=utf-8"
    signed = note.Note.parse(checkpoint.body)
    assert note.is_signed(signed, note.Signer("log.example/test", KEYS["Custodian 1"]).key)
    paths = site.get("/log-files.txt").text.split()
    assert len(paths) == 3
    for path in paths:
        inside = path.removeprefix("http://127.0.0.1:8470/log/")
        assert site.get(f"/log/{inside}").body == (site.home / "log" / inside).read_bytes()
    hashes = next(path for path in paths if "/tile/0/" in path).removeprefix("http://127.0.0.1:8470")
    assert site.get(hashes).headers["Content-Type"] == "application/octet-stream"


def test_full_tiles_may_be_kept_forever(start: Callable[[Path], Site], tmp_path: Path) -> None:
    log = Log()
    while len(log.contents) < 257:
        log.add("snapshot", {})
    log.publish(tmp_path / "log")
    site = start(tmp_path)
    assert "immutable" in site.get("/log/tile/0/000").headers["Cache-Control"]
    assert "immutable" not in site.get("/log/tile/0/001.p/1").headers["Cache-Control"]
    assert site.get("/log/checkpoint").headers["Cache-Control"] == "no-cache"
    assert len(site.get("/log-files.txt").text.split()) == 1 + 2 + 2 + 1


@pytest.mark.parametrize(
    "path",
    [
        "/log/../vault/secret.txt",
        "/log/..%2fvault%2fsecret.txt",
        "/log/%2e%2e/vault/secret.txt",
        "/log/tile/0/../../../vault/secret.txt",
        "/log/tile/0/%2e%2e/%2e%2e/%2e%2e/vault/secret.txt",
        "/log//etc/passwd",
        "/log/%2fetc%2fpasswd",
        "/log/checkpoint%00",
        "/log/checkpoint%0a",
        "/log/.checkpoint.tmp",
        "/log/link",
        "/log/tile/0/777",
        "/log/tile/0",
        "/log/",
    ],
)
def test_nothing_but_the_logs_own_files_is_served(site: Site, path: str) -> None:
    link, disguised = site.home / "log" / "link", site.home / "log" / "tile" / "0" / "777"
    for bait in (link, disguised):
        if not bait.is_symlink():
            bait.symlink_to(site.home / "vault" / "secret.txt")
    (site.home / "log" / ".checkpoint.tmp").write_text("draft")
    answer = site.get(path)
    assert answer.status in (400, 404)
    assert b"nobody reads this" not in answer.body


# --- the process ----------------------------------------------------------------------------------------


def test_before_the_first_checkpoint_there_is_a_page_that_says_so(
    start: Callable[[Path], Site], tmp_path: Path
) -> None:
    site = start(tmp_path)
    assert "The log has no published state yet." in site.get("/en/").text
    assert site.get("/en/orders").status == 200
    assert site.get("/log/checkpoint").status == 404


def test_a_new_checkpoint_shows_and_a_damaged_log_is_unavailable(start: Callable[[Path], Site], tmp_path: Path) -> None:
    log = Log()
    log.publish(tmp_path / "log")
    site = start(tmp_path)
    assert site.get("/en/orders/da-arrears-1").status == 404
    told(log)
    log.publish(tmp_path / "log")
    assert site.get("/en/orders/da-arrears-1").status == 200
    (tmp_path / "log" / "checkpoint").write_text("not a note: secret\n")
    answer = site.get("/ml/")
    assert answer.status == 503
    assert "secret" not in answer.text
    assert "ഇപ്പോൾ ലഭ്യമല്ല" in answer.text


def test_a_long_list_has_pages(start: Callable[[Path], Site], tmp_path: Path) -> None:
    log = Log()
    request = use_request()
    log.add_request(request)
    said = notice()
    for number in range(51):
        log.add_order(order(said, request, f"order-{number:03}"), said, "Custodian 1")
    log.publish(tmp_path / "log")
    site = start(tmp_path)
    first, second = site.get("/en/orders").text, site.get("/en/orders/page/2").text
    assert "/en/orders/order-050" in first
    assert "/en/orders/order-000" not in first
    assert "/en/orders/order-000" in second
    assert 'href="/ml/orders/page/2"' in second


def test_it_ends_by_itself_when_asked(start: Callable[[Path], Site], tmp_path: Path) -> None:
    site = start(tmp_path)
    assert site.get("/en/").status == 200
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(timeout=20) == 0
