"""Templates: text with `((placeholders))` and no code in it, and the linter that officers meet. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ariyippu.base.errors import RefusedError
from ariyippu.notice.documents import Notice, Text

MAX_LINE_BYTES = 900  # RFC 5322, 2.1.1 allows 998; render folds what markup and values make longer
MAX_SMS_SEGMENTS = 10
SEGMENT_UNITS = 66  # UTF-16 units: 67 (3GPP TS 23.040), less one that a surrogate pair may leave empty
VALUE_UNITS = 30  # the longest variable that DLT registers; a longer value makes more segments
WHY_UNITS = 120  # for the link that render appends

# Controls, Unicode's line breaks and bidirectional controls (UAX #9): unseen, they change what a text says.
# Joiners are not among them: Malayalam needs them.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_PLACEHOLDER = re.compile(r"\(\(([a-z][a-z0-9_]{0,39})\)\)")
_LANGUAGES = ("ml", "en")


@dataclass(frozen=True)
class Template:
    """A text split once: literals[0], names[0], literals[1], names[1], …, literals[-1]."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def placeholders(self) -> frozenset[str]:
        return frozenset(self.names)


def parse(text: str) -> Template:
    """RefusedError `template.malformed` when brackets are left that are no placeholder."""
    parts = _PLACEHOLDER.split(text)
    literals, names = tuple(parts[::2]), tuple(parts[1::2])
    if any("((" in literal or "))" in literal for literal in literals):
        raise RefusedError("template.malformed", "There is a (( or )) that is no ((placeholder)).")
    return Template(literals, names)


@dataclass(frozen=True)
class Finding:
    """One fault of a notice: a stable code, the place, and a sentence for the officer."""

    code: str
    where: str
    message: str


def lint(notice: Notice, columns: Mapping[str, str]) -> tuple[Finding, ...]:
    """Everything that keeps this notice from being sent; `columns` are the register's, name -> type."""
    return tuple(_findings(notice, columns))


def _findings(notice: Notice, columns: Mapping[str, str]) -> Iterator[Finding]:
    yield from _declarations(notice, columns)
    yield from _characters("title", notice.title)
    for where, fixed in (("subject", notice.subject), ("contact", notice.contact)):
        yield from _characters(where, fixed)
        yield from _no_placeholders(where, fixed)
    for where, filled in (("email", notice.email), ("sms", notice.sms)):
        yield from _characters(where, filled)
        yield from _placeholders(where, filled, {placeholder.name for placeholder in notice.placeholders})
    yield from _subject(notice.subject)
    yield from _sms_length(notice.sms)
    yield from _unused(notice)


def _declarations(notice: Notice, columns: Mapping[str, str]) -> Iterator[Finding]:
    for name, count in Counter(placeholder.name for placeholder in notice.placeholders).items():
        if count > 1:
            yield Finding("doubled_placeholder", "placeholders", f"(({name})) is declared twice.")
    for placeholder in notice.placeholders:
        kind = columns.get(placeholder.column)
        if kind is None:
            yield Finding("unknown_column", "placeholders", f"There is no column {placeholder.column!r}.")
        elif placeholder.type != "text" and placeholder.type != kind:
            yield Finding("wrong_type", "placeholders", f"(({placeholder.name})) is no {placeholder.type}: {kind}.")
        elif placeholder.type == "text" and kind == "money":  # it would be shown in paise
            yield Finding("wrong_type", "placeholders", f"(({placeholder.name})) is money: give it the type money.")


def _characters(where: str, text: Text) -> Iterator[Finding]:
    for language, written in _by_language(text).items():
        if HIDDEN.search(written):
            yield Finding("hidden_character", f"{where}.{language}", "There is a control character in it.")
        if any(len(line.encode()) > MAX_LINE_BYTES for line in written.split("\n")):
            yield Finding("long_line", f"{where}.{language}", f"A line has more than {MAX_LINE_BYTES} bytes.")


def _no_placeholders(where: str, text: Text) -> Iterator[Finding]:
    """A subject is seen in passing, and the contact is the office's: neither speaks about the person."""
    for language, written in _by_language(text).items():
        if "((" in written or "))" in written:
            yield Finding(f"placeholder_in_{where}", f"{where}.{language}", "There can be no placeholder here.")


def _placeholders(where: str, text: Text, declared: set[str]) -> Iterator[Finding]:
    used: dict[str, frozenset[str]] = {}
    for language, written in _by_language(text).items():
        try:
            used[language] = parse(written).placeholders()
        except RefusedError as refusal:
            yield Finding("malformed", f"{where}.{language}", refusal.message)
            return
    if used["ml"] != used["en"]:
        yield Finding("parity", where, "The two languages do not use the same placeholders.")
    for name in sorted((used["ml"] | used["en"]) - declared):
        yield Finding("unknown_placeholder", where, f"(({name})) is not declared.")


def _subject(subject: Text) -> Iterator[Finding]:
    for language, written in _by_language(subject).items():
        if "\n" in written:
            yield Finding("line_break_in_subject", f"subject.{language}", "A subject is one line.")


def _sms_length(sms: Text) -> Iterator[Finding]:
    """Counted as UCS-2 in both languages: a name in Malayalam makes an English SMS so, too."""
    for language, written in _by_language(sms).items():
        literals, values = _PLACEHOLDER.subn("", written)
        units = len(literals.encode("utf-16-be")) // 2 + values * VALUE_UNITS + WHY_UNITS
        if units > MAX_SMS_SEGMENTS * SEGMENT_UNITS:
            yield Finding("sms_too_long", f"sms.{language}", f"It may need more than {MAX_SMS_SEGMENTS} segments.")


def _unused(notice: Notice) -> Iterator[Finding]:
    texts = [*_by_language(notice.email).values(), *_by_language(notice.sms).values()]
    used = {name for text in texts for name in _PLACEHOLDER.findall(text)}
    for name in sorted({placeholder.name for placeholder in notice.placeholders} - used):
        yield Finding("unused_placeholder", "placeholders", f"(({name})) is declared and not used.")


def _by_language(text: Text) -> dict[str, str]:
    """Each language's text, with a form's line ends (CRLF) as \\n."""
    return {language: getattr(text, language).replace("\r\n", "\n") for language in _LANGUAGES}
