"""Templates: text with `((placeholders))` and `((flag??text))`, and no code in it. Pure.

A placeholder is replaced by a person's value. A flag's text is there for whom the flag's condition holds
and gone for the others; it is plain text, without a placeholder or another flag inside. The officers know
both from GOV.UK Notify.

    resolve(text, on) -> text without flags -> parse -> Template -> render
"""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ariyippu.base.errors import RefusedError
from ariyippu.notice.documents import MAX_FLAGS, Channel, Language, Notice, Text

# Controls, Unicode's line breaks and bidirectional controls (UAX #9): unseen, they change what a text says.
# Joiners are not among them: Malayalam needs them.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_NAME = r"[a-z][a-z0-9_]{0,39}"
_PLACEHOLDER = re.compile(rf"\(\((_?{_NAME})\)\)")  # one that begins with _ is our own: nobody can declare it
_GONE = "\0"  # where a flag's text would stand; the linter refuses a notice that holds one
_EMPTY_LINE = re.compile(r"(?:^|\n)[ \0]*\0[ \0]*(?=\n|\Z)")
_SPARE_SPACE = re.compile(r" \0+(?= |\n|\Z)|^\0+ ", re.MULTILINE)
_FLAG = re.compile(rf"\(\(({_NAME})\?\?((?:(?!\(\(|\)\)).)+)\)\)(?!\))", re.DOTALL)


@dataclass(frozen=True)
class Template:
    """A text split once: literals[0], names[0], literals[1], names[1], …, literals[-1]."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def placeholders(self) -> frozenset[str]:
        return frozenset(self.names)

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with a value for each placeholder."""
        parts = [""] * (2 * len(self.literals) - 1)
        parts[::2] = self.literals
        parts[1::2] = [values[name] for name in self.names]
        return "".join(parts)


def parse(text: str) -> Template:
    """A text whose flags are resolved. RefusedError `template.malformed` when other double brackets are left."""
    parts = _PLACEHOLDER.split(text)
    literals, names = tuple(parts[::2]), tuple(parts[1::2])
    if any("((" in literal or "))" in literal for literal in literals):
        raise RefusedError("template.malformed", "There is a (( or )) that is no ((placeholder)) or ((flag??text)).")
    return Template(literals, names)


def resolve(text: str, on: Collection[str]) -> str:
    """The text for whom the flags `on` hold. What is left empty goes, too: a line, a paragraph, a space."""
    marked = _FLAG.sub(lambda flag: flag[2] if flag[1] in on else _GONE, text)
    if _GONE not in marked:
        return marked
    lines = _EMPTY_LINE.sub("", marked)
    return re.sub(r"\n{3,}", "\n\n", _SPARE_SPACE.sub("", lines).replace(_GONE, "")).strip("\n")


def flags(text: str) -> frozenset[str]:
    """The names of the text's flags."""
    return frozenset(name for name, _conditional in _FLAG.findall(text))


def mentioned(text: str) -> frozenset[str]:
    """Every name that the text uses, as a placeholder or as a flag."""
    return flags(text) | frozenset(_PLACEHOLDER.findall(text))


def is_personal(notice: Notice, channel: Channel) -> bool:
    """Whether what a channel says of the notice is of the record, and not the same for everyone."""
    texts = [notice.sms] if channel == "sms" else [notice.subject, notice.email]
    return any(mentioned(text.ml + text.en) for text in texts)


def variants(names: Collection[str]) -> Iterator[frozenset[str]]:
    """Every way in which these flags can hold: the one with none first, the one with all last.

    RefusedError `template.malformed` beyond MAX_FLAGS: the ways double with each.
    """
    if len(names) > MAX_FLAGS:
        raise RefusedError("template.malformed", f"A text has at most {MAX_FLAGS} flags.")
    ordered = sorted(names)
    for count in range(len(ordered) + 1):
        yield from map(frozenset, itertools.combinations(ordered, count))


def written(text: Text, language: Language) -> str:
    """One language's text whose lines end in \\n, however the officer's browser ended them."""
    chosen = text.ml if language == "ml" else text.en
    return chosen.replace("\r\n", "\n")
