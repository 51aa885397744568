"""One page: the last messages under HOME/outside, as a phone and a mailbox would show them.

Whatever stands in a message is text: it is escaped, and the page allows no script at all.
"""

import datetime as dt
import email
import email.policy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ariyippu.demo.outside.keep import ENCODING, MAILBOX, ODD_OCTETS, PHONES
from ariyippu.web import server

TAIL_BYTES = 256 * 1024
PHONES_SHOWN = 6
MAILS_SHOWN = 6
FONT = "noto-sans-malayalam-400.woff2"
KERALA = dt.timezone(dt.timedelta(hours=5, minutes=30))
HEADERS = [
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; font-src 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]
_NOTHING = '<p class="none">Nothing has arrived yet. · ഇതുവരെ ഒന്നും വന്നിട്ടില്ല.</p>'
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Demonstration: the world outside</title>
  <link rel="stylesheet" href="/street.css">
</head>
<body>
  <header>
    <p><strong>Demonstration: the world outside.</strong> In a real installation nobody can see this.
    The people, numbers and addresses are invented.</p>
    <p lang="ml"><strong>പ്രദർശനം: പുറംലോകം.</strong> യഥാർഥ സംവിധാനത്തിൽ ഇത് ആർക്കും കാണാനാവില്ല.
    ആളുകളും നമ്പറുകളും വിലാസങ്ങളും സാങ്കൽപ്പികം.</p>
  </header>
  <main>
    <h1>What arrived last</h1>
    <p><a href="/">Look again</a></p>
    <h2>Phones</h2>
    <div class="phones">$phones</div>
    <h2>Mailboxes</h2>
    <div class="mails">$mails</div>
  </main>
</body>
</html>
""")


@dataclass(frozen=True)
class Reply:
    status: str
    content_type: str
    body: bytes


def serve(home: Path, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT."""
    server.serve(street(home), port)


def street(home: Path) -> WSGIApplication:
    """The page as a WSGI application."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        reply = _reply(home, environ)
        start_response(
            reply.status,
            [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body))), *HEADERS],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]

    return answer


def _reply(home: Path, environ: WSGIEnvironment) -> Reply:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return Reply("405 Method Not Allowed", "text/plain", b"")
    match environ["PATH_INFO"]:
        case "/":
            return Reply("200 OK", "text/html; charset=utf-8", page(home).encode("utf-8", "replace"))
        case "/street.css":
            style = resources.files("ariyippu.demo.street").joinpath("street.css").read_bytes()
            return Reply("200 OK", "text/css; charset=utf-8", style)
        case path if path == f"/{FONT}":
            font = resources.files("ariyippu.web").joinpath("static", FONT).read_bytes()
            return Reply("200 OK", "font/woff2", font)
    return Reply("404 Not Found", "text/plain", b"Not found.\n")


def page(home: Path) -> str:
    """The page's HTML: the latest phones and mails first."""
    phones: dict[str, list[Mapping[str, Any]]] = {}
    for sms in reversed(_tail(home / PHONES)):
        if sms["state"] == "DELIVRD":
            phones.setdefault(sms["to"], []).append(sms)
    shown = list(phones.items())[:PHONES_SHOWN]
    mails = _tail(home / MAILBOX)[: -MAILS_SHOWN - 1 : -1]
    return _PAGE.substitute(
        phones="".join(_phone(to, arrived) for to, arrived in shown) or _NOTHING,
        mails="".join(_mail(mail) for mail in mails) or _NOTHING,
    )


def _phone(to: str, arrived: list[Mapping[str, Any]]) -> str:
    bubbles = "".join(
        f"<li><p>{escape(sms['text'])}</p><small>{escape(sms['sender'])} · {_time(sms['at'])}</small></li>"
        for sms in reversed(arrived)
    )
    return f'<article class="phone"><h3>+{escape(to)}</h3><ol>{bubbles}</ol></article>'


def _mail(mail: Mapping[str, Any]) -> str:
    message = email.message_from_bytes(mail["content"].encode(ENCODING, ODD_OCTETS), policy=email.policy.default)
    sender = escape(str(message["from"] or mail["sender"]))
    return (
        f'<article class="mail"><h3>{escape(str(message["subject"] or ""))}</h3>'
        f'<p class="head">{sender} → {escape(mail["to"])} · {_time(mail["at"])}</p>'
        f'<p class="text">{escape(_text(message))}</p></article>'
    )


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    return "(no plain text)" if part is None else str(part.get_content())


def _time(at: str) -> str:
    return dt.datetime.fromisoformat(at).astimezone(KERALA).strftime("%d.%m.%Y %H:%M")


def _tail(path: Path) -> list[Mapping[str, Any]]:
    """The last whole lines of a file that is still growing, the oldest first."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - TAIL_BYTES)
        file.seek(start)
        lines = file.read(TAIL_BYTES).split(b"\n")
    whole = lines[1 if start else 0 : -1]
    return [json.loads(line.decode(ENCODING, ODD_OCTETS)) for line in whole]
