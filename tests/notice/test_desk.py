"""The verbs of a notice's author, on the example of docs/notices.md: written, checked, looked at, made."""

import email
import email.policy
import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ariyippu.commands.notice import app
from ariyippu.demo.outside.keep import read_mail
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.documents import Notice
from tests.refusals import refused

PAGE = Path(__file__).parents[2] / "docs" / "notices.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The example, as an officer would copy it from the page."""
    text = PAGE.read_text("utf-8")
    written = tmp_path / "notice.toml"
    written.write_text(text.split("```toml\n")[1].split("```")[0], "utf-8")
    return written


def said(status: int, *arguments: object) -> str:
    result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


def test_the_example_passes_the_linter(file: Path) -> None:
    output = said(0, "lint", file, "--register", "spark")
    assert "refused" not in output
    assert "advised  dlt_unchecked" in output
    assert "An SMS has 2 to 3 segments: ₹ 0.40 to ₹ 0.60 each." in output


def test_what_is_wrong_is_said_with_its_place_and_status_1(file: Path) -> None:
    text = file.read_text("utf-8")
    file.write_text(
        text.replace('en = "Dearness-allowance arrears granted"', 'en = "A historic gift of this government"')
    )
    output = said(1, "lint", file, "--register", "spark")
    assert "refused  government_gift  subject.en" in output
    assert "advised  superlative  subject.en" in output
    assert "segments" not in output
    file.write_text(text.replace('field = "arrears", op = ">",', 'field = "name", op = ">",'))
    assert "refused  criteria.unknown_field" in said(1, "lint", file, "--register", "spark")
    file.write_text(text.replace("value = 10000000", 'value = "much"'))
    assert "refused  criteria.wrong_type" in said(1, "lint", file, "--register", "spark")


def test_what_is_made_is_what_an_order_pins(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "notice.json"
    digest = said(0, "make", file, out).strip()
    assert hashlib.sha256(out.read_bytes()).hexdigest() == digest
    assert Notice.parse(out.read_bytes()).digest() == digest
    assert said(0, "make", out, tmp_path / "again.json").strip() == digest


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            ("Dearness-allowance arrears granted", "₹ 12,345.00.\nIt is paid in two instalments.\n", "Why did I get"),
        ),
        ("ml", ("മീനു കിഴക്കേതിൽ,", "തുക രണ്ടു ഗഡുക്കളായി നൽകും.\n", "--- SMS, 3 × ucs2 ---")),
    ],
)
def test_a_preview_shows_each_language_with_invented_values(
    file: Path, language: str, expected: tuple[str, ...]
) -> None:
    output = said(0, "preview", file, "--language", language)
    for part in expected:
        assert part in output
    assert "((" not in output


def test_a_preview_shows_what_those_see_for_whom_a_flag_does_not_hold(file: Path) -> None:
    assert "instalments" not in said(0, "preview", file, "--language", "en", "--without", "large")


def test_the_whole_e_mail_can_be_opened(file: Path, tmp_path: Path) -> None:
    said(0, "preview", file, "--eml", tmp_path / "preview.eml")
    message = email.message_from_bytes((tmp_path / "preview.eml").read_bytes(), policy=email.policy.default)
    assert not message.defects
    assert message["To"] == "you@office.example"
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]


def test_a_sample_goes_to_its_author_and_to_nobody_else(file: Path, tmp_path: Path) -> None:
    with running(Outside(tmp_path)) as (port, _smpp):
        said(0, "test", file, "--as", "meenu@office.example", "--through", f"smtp://127.0.0.1:{port}")
    (arrived,) = read_mail(tmp_path)
    assert (arrived["sender"], arrived["to"]) == ("meenu@office.example", "meenu@office.example")
    message = email.message_from_bytes(arrived["content"].encode(), policy=email.policy.default)
    assert (message["From"], message["To"]) == ("meenu@office.example", "meenu@office.example")
    assert message["Subject"].startswith("മാതൃക: ")
    assert "((" not in str(message.get_body(("plain",)))


@pytest.mark.parametrize(
    ("own", "through", "code"),
    [
        ("Meenu <meenu@office.example>", "smtp://127.0.0.1:9", "carrier.bad_sender"),
        ("a@office.example,b@office.example", "smtp://127.0.0.1:9", "carrier.bad_sender"),
        ("meenu@office.example", "smpp://127.0.0.1:9", "sample.not_smtp"),
        ("meenu@office.example", "smtp://meenu:word@mail.office.example", "carrier.password_in_clear"),
    ],
)
def test_a_sample_needs_one_plain_address_and_a_mail_server(file: Path, own: str, through: str, code: str) -> None:
    with refused(code):
        said(0, "test", file, "--as", own, "--through", through)


@pytest.mark.parametrize("content", [b"\xff", b"id = ", b"id = 2026-02-30"])
def test_what_is_no_toml_or_no_notice_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "notice.toml"
    file.write_bytes(content)
    with refused("document.not_toml"):
        said(0, "make", file, tmp_path / "out")
    file.write_bytes(b"id = 07:30:00")
    with refused("document.invalid"):
        said(0, "make", file, tmp_path / "out")
