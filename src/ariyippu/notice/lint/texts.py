"""What can be wrong with the texts themselves: placeholders, flags, characters, lines."""

from collections import Counter
from collections.abc import Iterator, Mapping

from ariyippu.base.errors import RefusedError
from ariyippu.notice import templates
from ariyippu.notice.documents import LANGUAGES, Language, Notice, Placeholder, Text
from ariyippu.notice.lint.rules import Finding

MAX_LINE_BYTES = 900  # RFC 5322, 2.1.1 allows 998; render folds what markup and values make longer
# The register's type that a placeholder's type is written from; `text` takes any but money.
COLUMN_TYPES = {"name": "text", "number": "integer", "money": "money", "date": "date"}


def findings(notice: Notice, columns: Mapping[str, str]) -> Iterator[Finding]:
    """Of the declarations, then of each text."""
    yield from _declarations(notice, columns)
    yield from _characters("title", notice.title)
    for where, fixed in (("subject", notice.subject), ("contact", notice.contact)):
        yield from _characters(where, fixed)
        yield from _no_placeholders(where, fixed)
    for where, filled in (("email", notice.email), ("sms", notice.sms)):
        yield from _characters(where, filled)
        yield from _placeholders(where, filled, notice)
    yield from _subject(notice.subject)
    yield from _unused(notice)


def by_language(text: Text) -> Iterator[tuple[Language, str]]:
    """Each language's text, its lines ended by \\n."""
    return ((language, templates.written(text, language)) for language in LANGUAGES)


def _declarations(notice: Notice, columns: Mapping[str, str]) -> Iterator[Finding]:
    names = [*(placeholder.name for placeholder in notice.placeholders), *(flag.name for flag in notice.flags)]
    for name, count in Counter(names).items():
        if count > 1:
            yield Finding("doubled_placeholder", "placeholders", f"(({name})) is declared twice.")
    for placeholder in notice.placeholders:
        kind = columns.get(placeholder.column)
        if kind is None:
            yield Finding("unknown_column", "placeholders", f"There is no column {placeholder.column!r}.")
        elif not _suits(placeholder, kind):
            yield Finding(
                "wrong_type", "placeholders", f"(({placeholder.name})) is no {placeholder.type}: its column is {kind}."
            )


def _suits(placeholder: Placeholder, kind: str) -> bool:
    """Whether a column of this type can be written so. As text, money would be shown in paise."""
    if placeholder.type == "text":
        return kind != "money"
    return kind == COLUMN_TYPES[placeholder.type]


def _characters(where: str, text: Text) -> Iterator[Finding]:
    for language, written in by_language(text):
        if templates.HIDDEN.search(written):
            yield Finding("hidden_character", f"{where}.{language}", "There is a control character in it.")
        if any(len(line.encode()) > MAX_LINE_BYTES for line in written.split("\n")):
            yield Finding("long_line", f"{where}.{language}", f"A line has more than {MAX_LINE_BYTES} bytes.")


def _no_placeholders(where: str, text: Text) -> Iterator[Finding]:
    for language, written in by_language(text):
        if "((" in written or "))" in written:
            yield Finding(f"placeholder_in_{where}", f"{where}.{language}", "There can be no placeholder here.")


def _placeholders(where: str, text: Text, notice: Notice) -> Iterator[Finding]:
    placeholders, flags = _declared(notice)
    used: dict[Language, frozenset[str]] = {}
    for language, written in by_language(text):
        found = templates.flags(written)
        try:
            names = _names(written)
        except RefusedError as refusal:
            yield Finding("malformed", f"{where}.{language}", refusal.message)
            return
        used[language] = names | found
        for name in sorted((names & flags) | (found & placeholders)):
            yield Finding("wrong_type", f"{where}.{language}", f"{name} is used as a placeholder and as a flag.")
    if used["ml"] != used["en"]:
        yield Finding("parity", where, "The two languages do not use the same placeholders and flags.")
    for name in sorted((used["ml"] | used["en"]) - placeholders - flags):
        yield Finding("unknown_placeholder", where, f"(({name})) is not declared.")


def _names(written: str) -> frozenset[str]:
    """The placeholders of a text, whichever flags hold. RefusedError `template.malformed`."""
    forms = (templates.resolve(written, on) for on in templates.variants(templates.flags(written)))
    return frozenset().union(*(templates.parse(form).placeholders() for form in forms))


def _declared(notice: Notice) -> tuple[set[str], set[str]]:
    return {placeholder.name for placeholder in notice.placeholders}, {flag.name for flag in notice.flags}


def _subject(subject: Text) -> Iterator[Finding]:
    for language, written in by_language(subject):
        if "\n" in written:
            yield Finding("line_break_in_subject", f"subject.{language}", "A subject is one line.")


def _unused(notice: Notice) -> Iterator[Finding]:
    texts = [written for text in (notice.email, notice.sms) for _language, written in by_language(text)]
    used = frozenset().union(*(templates.mentioned(text) for text in texts))
    placeholders, flags = _declared(notice)
    for name in sorted((placeholders | flags) - used):
        yield Finding("unused_placeholder", "placeholders", f"(({name})) is declared and not used.")
