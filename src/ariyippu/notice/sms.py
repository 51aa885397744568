"""The whole SMS: the notice's text, and the link to the message's own page that every SMS ends with. Pure.

    whole(notice, language, link) -> resolve, parse (templates) -> values -> segments

A value has at most VALUE_UNITS units in an SMS, so the longest SMS of a notice, and what it costs, are
known before any value is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ariyippu.notice import templates
from ariyippu.notice.documents import Language, Notice
from ariyippu.notice.samples import LONGEST, VALUE_UNITS
from ariyippu.notice.segments import encode

WHY: Mapping[Language, str] = {"ml": "കാരണം", "en": "Why"}
SENT: Language = "ml"  # what people get; the English text is for the public register
ELLIPSIS = "…"
MESSAGE = "_message"  # the placeholder of the message's own token, with which the link to its page ends
SAMPLE = "x" * 26  # as long as they all are: send/tokens.py
OWN_PAGE = "/m/"  # where the pages of messages stand, below the public register


@dataclass(frozen=True)
class Span:
    """The fewest and the most segments of a notice's SMS."""

    fewest: int
    most: int


def whole(notice: Notice, language: Language, link: str) -> str:
    """The SMS with its placeholders and flags; `link` leads to the message's own page."""
    return f"{templates.written(notice.sms, language)} {WHY[language]}: {link}"


def shortened(value: str) -> str:
    """A value as an SMS holds it: at most VALUE_UNITS units, a longer one ends in an ellipsis."""
    if 2 * len(value) <= VALUE_UNITS or _units(value) <= VALUE_UNITS:
        return value
    while _units(value) > VALUE_UNITS - len(ELLIPSIS):
        value = value[:-1]
    return value.rstrip() + ELLIPSIS


def span(notice: Notice, language: Language, link: str) -> Span:
    """Over all values and flags. RefusedError `template.malformed`."""
    counts = [len(encode(text).parts) for text in _extremes(notice, whole(notice, language, link))]
    return Span(min(counts), max(counts))


def _extremes(notice: Notice, text: str) -> Iterator[str]:
    longest = {placeholder.name: LONGEST[placeholder.type] for placeholder in notice.placeholders}
    for on in templates.variants(templates.flags(text)):
        template = templates.parse(templates.resolve(text, on))
        yield template.filled({name: SAMPLE if name == MESSAGE else "" for name in template.names})
        longest_of = {name: longest.get(name, LONGEST["text"]) for name in template.names}
        yield template.filled({**longest_of, MESSAGE: SAMPLE})


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
