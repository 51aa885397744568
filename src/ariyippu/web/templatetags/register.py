"""How the pages write what the register holds: words for codes, both languages, rounded counts, times."""

import datetime as dt
import re
from typing import Protocol

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ariyippu.base.documents import canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.grant import legal, purposes
from ariyippu.web.register.files import asset_url
from ariyippu.web.register.words import TABLES

register = template.Library()
register.simple_tag(asset_url, name="asset")

_PLACEHOLDER = re.compile(r"(\(\([a-z][a-z0-9_]{0,39}(?:\?\?(?:(?!\(\(|\)\)).)+)?\)\))", re.DOTALL)


class Bilingual(Protocol):
    @property
    def ml(self) -> str: ...

    @property
    def en(self) -> str: ...


@register.filter
def word(code: str, table: str) -> str:
    """What a code is called in the page's language; the code itself when it has no word."""
    return str(TABLES[table].get(code, code))


@register.filter
def here(text: Bilingual) -> str:
    """The text in the page's language."""
    return text.ml if get_language() == "ml" else text.en


@register.filter
def purpose(purpose_id: str) -> str:
    """A purpose's name in the page's language."""
    try:
        return here(purposes.get(purpose_id))
    except RefusedError:
        return purpose_id


@register.filter
def rule(rule_id: str) -> str:
    """A rule by its law and clause; its id when it is not known any more."""
    known = legal.law().rules.get(rule_id)
    return rule_id if known is None else f"{known.law}, {known.clause}"


@register.filter
def as_json(value: object) -> str:
    """A value as a document holds it."""
    return canonical_json(value).decode()


@register.filter
def about(count: int) -> str:
    """A rounded count: `about 12,34,560`, where 0 stands for fewer than ten."""
    return _("fewer than ten") if count == 0 else _("about %(count)s") % {"count": grouped(count)}


@register.filter
def grouped(count: int) -> str:
    """Digits as they are grouped in India: 12,34,560."""
    head, tail = divmod(count, 1000)
    if not head:
        return str(count)
    groups = [f"{tail:03}"]
    while head >= 100:
        head, pair = divmod(head, 100)
        groups.insert(0, f"{pair:02}")
    return ",".join([str(head), *groups])


@register.filter
def rupees(paise: int) -> str:
    """₹ 12,34,560: whole rupees, upwards."""
    return f"₹ {grouped(-(-paise // 100))}"


@register.filter
def moment(instant: dt.datetime) -> SafeString:
    """An instant as a `<time>` in Indian Standard Time."""
    local = timezone.localtime(instant)
    return format_html('<time datetime="{}">{} IST</time>', local.isoformat(), date_format(local, _("j F Y, H:i")))


@register.filter
def day(date: dt.date) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', date.isoformat(), date_format(date, _("j F Y")))


@register.filter
def blanks(text: str) -> SafeString:
    """A notice's text, its `((placeholders))` and `((flag??texts))` marked: they depend on each person alone."""
    parts = _PLACEHOLDER.split(text)
    return format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", part) if i % 2 else part,) for i, part in enumerate(parts))
    )
