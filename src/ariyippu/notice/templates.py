"""Templates: text with `((placeholders))` and no code in it, and the linter that officers meet. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ariyippu.base.errors import RefusedError
from ariyippu.notice.documents import Notice, Text

MAX_LINE_BYTES = 900  # RFC 5322 allows 998 with what a value adds
_PLACEHOLDER = re.compile(r"\(\(([a-z][a-z0-9_]{0,39})\)\)")
_TYPES = {"money": {"money"}, "date": {"date"}}  # "text" takes any column but money, which it would show in paise


@dataclass(frozen=True)
class Template:
    """A text split once: literals[0], names[0], literals[1], names[1], …, literals[-1]."""

    literals: tuple[str, ...]
    names: tuple[str, ...]


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
    declared = {placeholder.name for placeholder in notice.placeholders}
    yield from _declarations(notice, columns)
    used: set[str] = set()
    for where, text in (("subject", notice.subject), ("email", notice.email), ("sms", notice.sms)):
        try:
            by_language = {language: parse(getattr(text, language)) for language in ("ml", "en")}
        except RefusedError as refusal:
            yield Finding("malformed", where, refusal.message)
            continue
        names = {language: Counter(template.names) for language, template in by_language.items()}
        used |= set(names["ml"]) | set(names["en"])
        if names["ml"] != names["en"]:
            yield Finding("parity", where, "The two languages do not use the same placeholders equally often.")
        for name in sorted((set(names["ml"]) | set(names["en"])) - declared):
            yield Finding("unknown_placeholder", where, f"(({name})) is not declared.")
        if where == "subject" and (names["ml"] or names["en"]):
            yield Finding("placeholder_in_subject", where, "A subject is seen in passing: it holds no placeholder.")
        yield from _lines(where, text)
    for name in sorted(declared - used):
        yield Finding("unused_placeholder", "placeholders", f"(({name})) is declared and not used.")


def _declarations(notice: Notice, columns: Mapping[str, str]) -> Iterator[Finding]:
    for name, count in Counter(placeholder.name for placeholder in notice.placeholders).items():
        if count > 1:
            yield Finding("doubled_placeholder", "placeholders", f"(({name})) is declared twice.")
    for placeholder in notice.placeholders:
        kind = columns.get(placeholder.column)
        if kind is None:
            yield Finding("unknown_column", "placeholders", f"There is no column {placeholder.column!r}.")
        elif placeholder.type != "text" and kind not in _TYPES[placeholder.type]:
            yield Finding("wrong_type", "placeholders", f"(({placeholder.name})) is no {placeholder.type}: {kind}.")
        elif placeholder.type == "text" and kind == "money":
            yield Finding("wrong_type", "placeholders", f"(({placeholder.name})) is money: give it the type money.")


def _lines(where: str, text: Text) -> Iterator[Finding]:
    for language in ("ml", "en"):
        written: str = getattr(text, language)
        if any(len(line.encode()) > MAX_LINE_BYTES for line in written.split("\n")):
            yield Finding("long_line", f"{where}.{language}", f"A line has more than {MAX_LINE_BYTES} bytes.")
        if where == "subject" and "\n" in written:
            yield Finding("line_break_in_subject", f"{where}.{language}", "A subject is one line.")
