"""Composing messages: everything that is the same for all is made once per order; a message is one format of bytes.

An e-mail is multipart/alternative, text and HTML, Malayalam before English in both, 8bit UTF-8 (RFC 6152).
Nothing in it reports back: no image, no rewritten link. It also leads to a page of the message's own, where its
holder can stop such notices or say that it is not for them (List-Unsubscribe, RFC 8058, says so to mail programs);
an SMS, which is Malayalam, ends with that link. Whoever opens the page is remembered nowhere.
A notice with flags has a form for each way in which they hold, made when the first message needs it.
Pure but for the random boundary.
"""

import html
import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.header import Header

from ariyippu.base.errors import PermanentError
from ariyippu.notice import templates
from ariyippu.notice.documents import LANGUAGES, Channel, Language, Notice
from ariyippu.notice.sms import MESSAGE, OWN_PAGE, SENT, shortened, whole
from ariyippu.notice.templates import Template

WHY = {"ml": "എന്തുകൊണ്ട് ഈ അറിയിപ്പ് ലഭിച്ചു?", "en": "Why did I get this notice?"}
OWN = {
    "ml": "ഇത് നിങ്ങൾക്കുള്ളതല്ലേ? ഇത്തരം അറിയിപ്പുകൾ ഇനി വേണ്ടേ?",
    "en": "Is this not for you? Do you want no more such notices?",
}
STOP_PAGE = "/unsubscribe/"
MAX_LINE_BYTES = 998  # RFC 5322, 2.1.1, without its CRLF

# Only what needs no quoting (RFC 5322, 3.2.3): an address cannot begin another header, comment or address.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,255}")
_DATE = re.compile(r"[A-Za-z0-9,:+ -]{1,40}")
_STOP = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:/_-]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_WORD = re.compile(r"[^A-Za-z0-9.-]")
_MARKUP = re.compile(r"[&<>\"']")  # what html.escape changes

_HTML_HEAD = (
    '<!doctype html>\n<html lang="ml">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
)
_HTML_BODY = (
    '</head>\n<body style="margin:0;padding:16px;background:#ffffff;color:#0b0c0c;'
    'font:17px/1.6 system-ui,\'Noto Sans Malayalam\',sans-serif">\n<div style="max-width:36em;margin:0 auto">\n'
)
_HTML_TAIL = "\n</div>\n</body>\n</html>"
_RULE = '\n<hr style="border:0;border-top:1px solid #b1b4b6;margin:20px 0">\n'


@dataclass(frozen=True)
class Links:
    """Where a message leads: the order's public page, and its own page, whose link ends with the message's token."""

    why: str
    own: str
    stop: str  # the same for mail programs, which post there; the token follows
    order: str  # its id

    @classmethod
    def of(cls, public_url: str, order: str) -> "Links":
        return cls(
            f"{public_url}/orders/{order}", f"{public_url}{OWN_PAGE}(({MESSAGE}))", f"{public_url}{STOP_PAGE}", order
        )


@dataclass(frozen=True, repr=False)
class Headers:
    """What stands in the headers of a batch's e-mails: `to` and `message_ids` (without <>) by position."""

    sender: str
    date: str
    to: Sequence[str]
    message_ids: Sequence[str]


@dataclass(frozen=True, repr=False)
class Emails:
    """Whole RFC 5322 messages with CRLF, by position."""

    contents: Sequence[bytes]
    dotted: bool  # whether a line of one may begin with a dot, which SMTP doubles: looking for it later is dear


@dataclass(frozen=True)
class Composer:
    """A notice that is ready for its people's values.

    There is a str for each placeholder, as values.py writes it, one for each flag: empty where it does not
    hold, and one for notice.sms.MESSAGE: the token of the message's own page.
    """

    _notice: Notice
    _links: Links
    _forms: dict[frozenset[str], "_Form"] = field(default_factory=dict)

    def placeholders(self, channel: Channel) -> frozenset[str]:
        """The placeholders whose values a channel's messages need: no other cell has to be opened."""
        return self._form(frozenset()).placeholders(channel)

    def emails(self, columns: Mapping[str, Sequence[str]], headers: Headers) -> Emails:
        """One message for each position of the headers and of every column of values.

        PermanentError when an address or a value could break a message.
        """
        if not self._notice.flags:
            return self._form(frozenset()).emails(columns, headers)
        messages, dotted = [b""] * len(headers.to), False
        for on, positions in self._by_flags(columns).items():
            own = replace(
                headers, to=[headers.to[p] for p in positions], message_ids=[headers.message_ids[p] for p in positions]
            )
            part = {name: [column[p] for p in positions] for name, column in columns.items()}
            made = self._form(on).emails(part, own)
            dotted = dotted or made.dotted
            for position, message in zip(positions, made.contents, strict=True):
                messages[position] = message
        return Emails(messages, dotted)

    def email(self, values: Mapping[str, str], headers: Headers) -> bytes:
        """The message of one person, as `emails`."""
        return self.emails({name: (value,) for name, value in values.items()}, headers).contents[0]

    def sms(self, values: Mapping[str, str], language: Language = SENT) -> str:
        """The text of an SMS; its segments are the carrier's to make. PermanentError as for e-mail."""
        on = frozenset(flag.name for flag in self._notice.flags if values[flag.name])
        return self._form(on).sms(values, language)

    def _by_flags(self, columns: Mapping[str, Sequence[str]]) -> Mapping[frozenset[str], list[int]]:
        names = [flag.name for flag in self._notice.flags]
        positions = defaultdict(list)
        for position, holding in enumerate(zip(*(columns[name] for name in names), strict=True)):
            positions[frozenset(name for name, holds in zip(names, holding, strict=True) if holds)].append(position)
        return positions

    def _form(self, on: frozenset[str]) -> "_Form":
        if on not in self._forms:
            self._forms[on] = _compile(self._notice, self._links, on)
        return self._forms[on]


@dataclass(frozen=True)
class _Form:
    """A notice for those for whom the same flags hold."""

    _stop: bytes  # headers that the message's token goes into
    _head: bytes  # headers that are the same for all
    _text: "_Prepared"
    _html: "_Prepared"
    _sms: Mapping[Language, Template]
    _between: bytes
    _close: bytes
    _room: int  # bytes: no line is too long while no value is longer

    def placeholders(self, channel: Channel) -> frozenset[str]:
        return self._sms[SENT].placeholders() if channel == "sms" else frozenset(self._text.names)

    def emails(self, columns: Mapping[str, Sequence[str]], headers: Headers) -> Emails:
        _refuse_headers(headers)
        plain, escaped = _encoded(columns)
        filled = [*(plain[name] for name in self._text.names), *(escaped[name] for name in self._html.names)]
        own = [[text.encode() for text in texts] for texts in (headers.to, headers.message_ids, columns[MESSAGE])]
        template = self._template(headers)
        messages = [template % row for row in zip(*own, *filled, strict=True)]
        long = self._too_long(escaped.values())
        for position in long:
            messages[position] = _fold(messages[position])
        dotted = bool(long) or b"\n." in template.replace(b"%b", b"")  # a value may be empty
        return Emails(messages, dotted or any(value[:1] == b"." for column in plain.values() for value in column))

    def sms(self, values: Mapping[str, str], language: Language) -> str:
        _refuse_controls(values.values())
        return self._sms[language].filled({name: shortened(value) for name, value in values.items()})

    def _template(self, headers: Headers) -> bytes:
        """A message with %b where its own goes: address, message id, token, the text's values, the markup's."""
        before = f"From: {headers.sender}\r\nTo: \0\r\nMessage-ID: <\0>\r\nDate: {headers.date}\r\n".encode()
        parts = (self._head, self._text.gapped, self._between, self._html.gapped, self._close)
        whole = b"".join((before, self._stop, *parts))
        _refuse_bare_line_ends(whole)
        return whole.replace(b"%", b"%%").replace(b"\0", b"%b")

    def _too_long(self, columns: Iterable[Sequence[bytes]]) -> set[int]:
        """The positions that hold a value for which a line may not have the room."""
        return {
            position
            for column in columns
            if max(map(len, column), default=0) > self._room
            for position, value in enumerate(column)
            if len(value) > self._room
        }


@dataclass(frozen=True)
class _Prepared:
    """A text in bytes with a NUL where a value goes; no text and no value holds one of its own."""

    gapped: bytes
    names: tuple[str, ...]

    def room(self) -> int:
        """How many bytes each value can have before a line is too long; negative when one is so already."""
        rooms = [MAX_LINE_BYTES]
        for line in self.gapped.split(b"\r\n"):
            values = line.count(b"\0")
            spare = MAX_LINE_BYTES - (len(line) - values)
            if values or spare < 0:
                rooms.append(spare // max(values, 1))
        return min(rooms)


def compile_notice(notice: Notice, links: Links) -> Composer:
    """Prepare a linted notice. PermanentError when a header cannot hold the links."""
    if not _STOP.fullmatch(links.stop):
        raise PermanentError("The public register's address is not one that a header can hold.")
    return Composer(notice, links)


def _compile(notice: Notice, links: Links, on: frozenset[str]) -> _Form:
    encoded = Header(_title(notice), "utf-8", header_name="Subject").encode()
    boundary = f"=_{secrets.token_hex(16)}"  # unforeseeable: nobody can have put it into a register
    head = (
        f"Subject: {encoded}\n"
        "Auto-Submitted: auto-generated\n"  # RFC 3834: no answering machine replies to it
        f"Feedback-ID: {_feedback_id(notice, links.order)}\n"
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/alternative; boundary="{boundary}"\n'
        "Content-Transfer-Encoding: 8bit\n"  # RFC 2045, 6.4: it is 8bit when a part is
        f"\n--{boundary}\n{_part_head('plain')}"
    )
    text, markup = _prepared(_plain(notice, links, on)), _prepared(_markup(notice, links, on))
    sms = {language: templates.resolve(whole(notice, language, links.own), on) for language in LANGUAGES}
    return _Form(
        # RFC 2369, 3.2; RFC 8058, 3.1
        _stop=f"List-Unsubscribe: <{links.stop}\0>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".encode(),
        _head=_crlf(head).encode(),
        _text=text,
        _html=markup,
        _sms={language: templates.parse(text) for language, text in sms.items()},
        _between=_crlf(f"\n--{boundary}\n{_part_head('html')}").encode(),
        _close=f"\r\n--{boundary}--\r\n".encode(),
        _room=min(text.room(), markup.room()),
    )


def _feedback_id(notice: Notice, order: str) -> str:
    """By what mailbox providers count complaints: order, purpose and office, the same for everybody, then who sends."""
    return ":".join(_NO_WORD.sub("-", name) for name in (order, notice.purpose, notice.office, "ariyippu"))


def _part_head(kind: str) -> str:
    return f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"


def plain_block(notice: Notice, language: Language, links: Links, on: Collection[str]) -> str:
    """One language of the plain text, with its placeholders, for whom the flags `on` hold."""
    contact = templates.written(notice.contact, language)
    ways = f"{WHY[language]}\n{links.why}\n\n{OWN[language]}\n{links.own}\n"
    return f"{_body(notice, language, on)}\n\n{contact}\n\n{ways}"


def _plain(notice: Notice, links: Links, on: Collection[str]) -> str:
    blocks = [plain_block(notice, language, links, on) for language in LANGUAGES]
    return "\n----------------------------------------\n\n".join(blocks)


def _markup(notice: Notice, links: Links, on: Collection[str]) -> str:
    why, own, title = html.escape(links.why), html.escape(links.own), html.escape(_title(notice))
    blocks = []
    for language in LANGUAGES:
        contact = templates.written(notice.contact, language)
        blocks.append(
            f'<div lang="{language}">\n{_paragraphs(_body(notice, language, on))}\n'
            f'<div style="color:#505a5f;font-size:15px">\n'
            f'{_paragraphs(contact)}\n<p><a href="{why}">{html.escape(WHY[language])}</a></p>\n'
            f'<p><a href="{own}">{html.escape(OWN[language])}</a></p>\n</div>\n</div>'
        )
    return f"{_HTML_HEAD}<title>{title}</title>\n{_HTML_BODY}{_RULE.join(blocks)}{_HTML_TAIL}"


def _title(notice: Notice) -> str:
    return f"{notice.subject.ml} / {notice.subject.en}"


def _body(notice: Notice, language: Language, on: Collection[str]) -> str:
    return templates.resolve(templates.written(notice.email, language), on)


def _paragraphs(text: str) -> str:
    lines = (html.escape(block).replace("\n", "<br>\n") for block in text.split("\n\n"))
    return "\n".join(f"<p>{line}</p>" for line in lines)


def _prepared(text: str) -> _Prepared:
    template = templates.parse(_crlf(text))
    return _Prepared("\0".join(template.literals).encode(), template.names)


def _crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def _encoded(columns: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    """Each column as its bytes in the text and in the markup, which are mostly the same."""
    plain, escaped = {}, {}
    for name, column in columns.items():
        _refuse_controls(column)
        plain[name] = escaped[name] = [value.encode() for value in column]
        if _MARKUP.search("".join(column)):
            escaped[name] = [html.escape(value).encode() for value in column]
    return plain, escaped


def _refuse_headers(headers: Headers) -> None:
    addresses = (headers.sender, *headers.to, *headers.message_ids)
    if not (all(map(_ADDRESS.fullmatch, addresses)) and _DATE.fullmatch(headers.date)):
        raise PermanentError("An address, the message id or the date is not one that a header can hold.")


def _refuse_controls(values: Iterable[str]) -> None:
    """values.py leaves none: a line break in a value could end a line that SMTP or MIME gives a meaning."""
    together = "".join(values)
    if not together.isprintable() and _CONTROL.search(together):  # what is printable holds none, and is quickly told
        raise PermanentError("A value holds a control character.")


def _refuse_bare_line_ends(octets: bytes) -> None:
    """RFC 5321, 2.3.8: a bare CR or LF lets two servers see two different ends of one message.

    Asked of what all messages share: no value can hold one.
    """
    if not octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r"):
        raise PermanentError("A text of the notice holds a line end that is not CRLF.")


def _fold(message: bytes) -> bytes:
    """With every line that is too long broken at a blank, or where it has none between two characters."""
    return b"\r\n".join(piece for line in message.split(b"\r\n") for piece in _pieces(line))


def _pieces(line: bytes) -> Iterator[bytes]:
    while len(line) > MAX_LINE_BYTES:
        cut = line.rfind(b" ", 1, MAX_LINE_BYTES + 1)
        if cut == -1:
            cut = MAX_LINE_BYTES
            while line[cut] & 0xC0 == 0x80:  # RFC 3629: a byte that continues a character
                cut -= 1
        yield line[:cut]
        line = line[cut:].removeprefix(b" ")
    yield line
