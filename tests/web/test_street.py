"""The demonstration's street: it shows what arrived, as text."""

from email.message import EmailMessage
from pathlib import Path
from wsgiref.util import setup_testing_defaults

from ariyippu.demo.outside.keep import Keep, Mail, Sms
from ariyippu.demo.street import page

AT = "2026-02-20T06:00:00Z"
HOSTILE = "<script>alert('x')</script>"


def _sms(text: str, to: str = "910000000001", state: str = "DELIVRD") -> Sms:
    return Sms(
        id="1", at=AT, sender="KLNOTC", to=to, text=text, parts=1, dlt_entity=None, dlt_template=None, state=state
    )


def _mail(subject: str, text: str) -> Mail:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "notices@ariyippu.example", "one@mail.example"
    message.set_content(text)
    message.add_alternative(f"<p>{HOSTILE}", subtype="html")
    content = message.as_string().replace("\n", "\r\n")
    return Mail(id="1", at=AT, sender="notices@ariyippu.example", to="one@mail.example", content=content)


def _get(home: Path, path: str, method: str = "GET") -> tuple[str, dict[str, str], str]:
    environ: dict[str, object] = {"PATH_INFO": path, "REQUEST_METHOD": method}
    setup_testing_defaults(environ)
    seen: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: object) -> object:
        seen.append((status, dict(headers)))
        return None

    body = b"".join(page.street(home)(environ, start))  # type: ignore[arg-type]
    return (*seen[0], body.decode("utf-8", "replace"))


def test_nothing_has_arrived_yet(tmp_path: Path) -> None:
    status, headers, body = _get(tmp_path, "/")
    assert status == "200 OK"
    assert "Nothing has arrived yet." in body
    assert "In a real installation nobody can see this." in body
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_what_arrived_is_shown_as_text(tmp_path: Path) -> None:
    keep = Keep(tmp_path)
    keep.sms(_sms(f"തുക ₹1,234 {HOSTILE}"))
    keep.sms(_sms("did not arrive", "910000000002", "UNDELIV"))
    keep.mail(_mail(f"കുടിശ്ശിക {HOSTILE}", f"നമസ്കാരം\n{HOSTILE}"))
    keep.close()
    body = _get(tmp_path, "/")[2]
    for shown in ("+910000000001", "തുക ₹1,234", "കുടിശ്ശിക", "നമസ്കാരം", "20.02.2026 11:30", "one@mail.example"):
        assert shown in body
    assert "did not arrive" not in body
    assert "<script" not in body
    assert body.count("&lt;script&gt;") == 3


def test_only_the_last_messages_are_read_and_a_growing_line_is_left(tmp_path: Path) -> None:
    keep = Keep(tmp_path)
    for number in range(2_000):
        keep.sms(_sms(f"message {number} " + "ക" * 60, f"91{number:010}"))
    keep.close()
    with (tmp_path / "outside/phones/arrived.jsonl").open("ab") as growing:
        growing.write(b'{"id": "unfinished')
    body = _get(tmp_path, "/")[2]
    assert body.count('class="phone"') == page.PHONES_SHOWN
    assert "message 1999 " in body


def test_odd_octets_in_a_mail_do_not_stop_the_page(tmp_path: Path) -> None:
    odd = b"Subject: caf\xe9\r\n\r\nna\xefve\r\n".decode("utf-8", "surrogateescape")
    keep = Keep(tmp_path)
    keep.mail(Mail(id="1", at=AT, sender="a@mail.example", to="b@mail.example", content=odd))
    keep.close()
    assert _get(tmp_path, "/")[0] == "200 OK"


def test_it_serves_its_style_and_nothing_else(tmp_path: Path) -> None:
    assert _get(tmp_path, "/street.css")[0] == "200 OK"
    assert _get(tmp_path, f"/{page.FONT}")[1]["Content-Type"] == "font/woff2"
    assert _get(tmp_path, "/../page.py")[0].startswith("404")
    assert _get(tmp_path, "/", "POST")[0].startswith("405")
