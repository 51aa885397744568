"""What a notice looks like, with invented values: no officer needs a person's data to read their own text. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from ariyippu.notice import templates
from ariyippu.notice.dlt import SmsTerms
from ariyippu.notice.documents import Language, Notice
from ariyippu.notice.samples import TYPICAL
from ariyippu.notice.segments import encode
from ariyippu.notice.sms import MESSAGE, SAMPLE, span
from ariyippu.render.compose import Headers, Links, compile_notice, plain_block

HEADERS = Headers(
    sender="notices@notices.example",
    date="Thu, 01 Jan 2026 00:00:00 +0000",
    to=["you@office.example"],
    message_ids=["preview@notices.example"],
)


@dataclass(frozen=True)
class Sms:
    """An SMS with invented values; segments with them, at the fewest and at the most."""

    text: str
    coding: str
    segments: int
    fewest: int
    most: int


@dataclass(frozen=True)
class Preview:
    """One language of a notice, as somebody who does not exist would get it."""

    subject: str
    email: str
    sms: Sms


def preview(notice: Notice, language: Language, terms: SmsTerms, on: Collection[str]) -> Preview:
    """A linted notice for whom the flags `on` hold."""
    sms = compile_notice(notice, _links(terms)).sms(_values(notice, on), language)
    segments, whole = encode(sms), span(notice, language, terms.link)
    body = templates.parse(plain_block(notice, language, _links(terms), on))
    return Preview(
        subject=notice.subject.ml if language == "ml" else notice.subject.en,
        email=body.filled(_values(notice, on)),
        sms=Sms(sms, segments.coding, len(segments.parts), whole.fewest, whole.most),
    )


def eml(notice: Notice, terms: SmsTerms, on: Collection[str], headers: Headers = HEADERS) -> bytes:
    """The whole e-mail, for its officer to open or to send to themselves. The subject says that it is a sample."""
    subject = {"ml": f"മാതൃക: {notice.subject.ml}", "en": f"Sample: {notice.subject.en}"}
    sample = notice.model_copy(update={"subject": notice.subject.model_copy(update=subject)})
    return compile_notice(sample, _links(terms)).email(_values(notice, on), headers)


def _values(notice: Notice, on: Collection[str]) -> dict[str, str]:
    typical = {placeholder.name: TYPICAL[placeholder.type] for placeholder in notice.placeholders}
    flags = {flag.name: "yes" if flag.name in on else "" for flag in notice.flags}
    return {**typical, **flags, MESSAGE: SAMPLE}


def _links(terms: SmsTerms) -> Links:
    return Links.of(terms.public_url, "order")
