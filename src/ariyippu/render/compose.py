"""Composing messages: everything that is the same for all is made once per order, the rest is one join. Pure.

An e-mail is multipart/alternative, text and HTML, Malayalam before English in both, 8bit UTF-8 (RFC 6152).
Nothing in it reports back: no image, no rewritten link. An SMS is Malayalam, its end is the link to why.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from typing import Literal

from ariyippu.base.errors import PermanentError
from ariyippu.notice import templates
from ariyippu.notice.documents import Notice
from ariyippu.notice.templates import Template

Language = Literal["ml", "en"]
LANGUAGES: tuple[Language, ...] = ("ml", "en")
WHY = {"ml": "എന്തുകൊണ്ട് ഈ അറിയിപ്പ് ലഭിച്ചു?", "en": "Why did I get this notice?"}
SMS_WHY = {"ml": "കാരണം", "en": "Why"}
_HEADER_VALUE = re.compile(r"[\x21-\x7e\u00a0-\U0010ffff]{1,400}")

_HTML_HEAD = (
    '<!doctype html><html lang="ml"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
    '<body style="margin:0;padding:16px;background:#ffffff;color:#0b0c0c;'
    'font:17px/1.6 system-ui,\'Noto Sans Malayalam\',sans-serif"><div style="max-width:36em;margin:0 auto">'
)
_HTML_TAIL = "</div></body></html>"
_RULE = '<hr style="border:0;border-top:1px solid #b1b4b6;margin:20px 0">'


@dataclass(frozen=True)
class Composer:
    """A notice that is ready for its people's values."""

    _head: bytes  # headers that are the same for all
    _text: "_Prepared"
    _html: "_Prepared"
    _sms: Mapping[Language, Template]
    _between: bytes
    _close: bytes

    def email(self, values: Mapping[str, str], *, to: str, message_id: str, date: str, sender: str) -> bytes:
        """The whole RFC 5322 message with CRLF. PermanentError when an address could break a header."""
        for value in (to, message_id, sender):
            if not _HEADER_VALUE.fullmatch(value):
                raise PermanentError("An address holds a blank or a control character.")
        own = f"From: {sender}\r\nTo: {to}\r\nMessage-ID: {message_id}\r\nDate: {date}\r\n".encode()
        escaped = {name: html.escape(value) for name, value in values.items()}
        return b"".join(
            (own, self._head, *self._text.filled(values), self._between, *self._html.filled(escaped), self._close)
        )

    def sms(self, values: Mapping[str, str], language: Language = "ml") -> str:
        """The text of an SMS; its segments are the carrier's to make."""
        return _filled(self._sms[language], values)


@dataclass(frozen=True)
class _Prepared:
    """A template in bytes."""

    literals: tuple[bytes, ...]
    names: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> list[bytes]:
        parts = [b""] * (2 * len(self.literals) - 1)
        parts[::2] = self.literals
        parts[1::2] = [values[name].encode() for name in self.names]
        return parts


def compile_notice(notice: Notice, *, why_url: str) -> Composer:
    """Prepare a linted notice. `why_url` is the public register's page about the order."""
    subject = Header(f"{notice.subject.ml} / {notice.subject.en}", "utf-8", header_name="Subject").encode()
    boundary = f"=_{notice.digest()[:32]}"  # no register's value can be made to hold it
    head = (
        f"Subject: {subject}\n"
        "Auto-Submitted: auto-generated\n"  # RFC 3834: no answering machine replies to it
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/alternative; boundary="{boundary}"\n'
        f"\n--{boundary}\n{_part_head('plain')}"
    )
    return Composer(
        _head=_crlf(head).encode(),
        _text=_prepared(_plain(notice, why_url)),
        _html=_prepared(_markup(notice, why_url)),
        _sms={language: templates.parse(_sms_text(notice, language, why_url)) for language in LANGUAGES},
        _between=_crlf(f"\n--{boundary}\n{_part_head('html')}").encode(),
        _close=f"\r\n--{boundary}--\r\n".encode(),
    )


def _part_head(kind: str) -> str:
    return f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"


def _plain(notice: Notice, why_url: str) -> str:
    blocks = []
    for language in LANGUAGES:
        body, contact = getattr(notice.email, language), getattr(notice.contact, language)
        blocks.append(f"{body}\n\n{contact}\n\n{WHY[language]}\n{why_url}\n")
    return "\n----------------------------------------\n\n".join(blocks)


def _markup(notice: Notice, why_url: str) -> str:
    link = html.escape(why_url)
    blocks = []
    for language in LANGUAGES:
        body, contact = getattr(notice.email, language), getattr(notice.contact, language)
        blocks.append(
            f'<div lang="{language}">\n{_paragraphs(body)}\n<div style="color:#505a5f;font-size:15px">\n'
            f'{_paragraphs(contact)}\n<p><a href="{link}">{html.escape(WHY[language])}</a></p>\n</div>\n</div>'
        )
    return _HTML_HEAD + "\n" + f"\n{_RULE}\n".join(blocks) + "\n" + _HTML_TAIL


def _paragraphs(text: str) -> str:
    lines = (html.escape(block).replace("\n", "<br>\n") for block in text.split("\n\n"))
    return "\n".join(f"<p>{line}</p>" for line in lines)


def _sms_text(notice: Notice, language: Language, why_url: str) -> str:
    return f"{getattr(notice.sms, language)} {SMS_WHY[language]}: {why_url}"


def _prepared(text: str) -> _Prepared:
    template = templates.parse(_crlf(text))
    return _Prepared(tuple(literal.encode() for literal in template.literals), template.names)


def _filled(template: Template, values: Mapping[str, str]) -> str:
    parts = [""] * (2 * len(template.literals) - 1)
    parts[::2] = template.literals
    parts[1::2] = [values[name] for name in template.names]
    return "".join(parts)


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
