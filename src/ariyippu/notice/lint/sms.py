"""What can be wrong with the SMS: its length, its spaces, and what DLT has registered."""

import re
from collections.abc import Iterator

from ariyippu.base.errors import RefusedError
from ariyippu.notice import dlt, templates
from ariyippu.notice.dlt import Registrations, SmsTerms
from ariyippu.notice.documents import LANGUAGES, Notice
from ariyippu.notice.lint.rules import Finding
from ariyippu.notice.samples import TYPICAL
from ariyippu.notice.sms import MESSAGE, SAMPLE, SENT, span, whole

MAX_SEGMENTS = 10
MAX_VARIABLE_SHARE = 0.4

_LINK = re.compile(r"https?://\S+")


def findings(notice: Notice, terms: SmsTerms) -> Iterator[Finding]:
    """Of the SMS with the link that it ends with; none where its brackets are malformed: texts.py found that."""
    for language in LANGUAGES:
        text, where = whole(notice, language, terms.link), f"sms.{language}"
        try:
            most = span(notice, language, terms.link).most
        except RefusedError:
            return
        if most > MAX_SEGMENTS:
            yield Finding("sms_too_long", where, f"It may need {most} segments; at most {MAX_SEGMENTS} are sent.")
        if "  " in text:
            yield Finding("doubled_space", where, "There are two spaces side by side.")
    share = _variable_share(notice, terms)
    if share > MAX_VARIABLE_SHARE:
        yield Finding("variable_share", f"sms.{SENT}", f"With invented values {share:.0%} of it is variable.")
    if terms.registrations is None:
        yield Finding("dlt_unchecked", "sms", f"There is no {dlt.FILE} to hold it against.")
    else:
        yield from _registered(notice, terms, terms.registrations)


def _variable_share(notice: Notice, terms: SmsTerms) -> float:
    """The variable characters' share of the SMS as it is sent, the link's token among them; flags' texts are fixed."""
    text = whole(notice, SENT, terms.link)
    template = templates.parse(templates.resolve(text, templates.flags(text)))
    typical = {placeholder.name: TYPICAL[placeholder.type] for placeholder in notice.placeholders}
    typical[MESSAGE] = SAMPLE
    variable = sum(len(typical.get(name, TYPICAL["text"])) for name in template.names)
    return variable / (variable + sum(map(len, template.literals)))


def _registered(notice: Notice, terms: SmsTerms, registrations: Registrations) -> Iterator[Finding]:
    if terms.entity != registrations.entity:
        yield Finding("dlt_entity", "sms", f"{dlt.FILE} and the carrier's settings name different entities.")
    for link in _LINK.findall(whole(notice, SENT, terms.link)):
        if not link.startswith(registrations.links):
            yield Finding("dlt_link", f"sms.{SENT}", f"{link} does not begin like any link of {dlt.FILE}.")
    if notice.dlt_template is None:
        yield Finding("dlt_no_template", "dlt_template", "The SMS has no DLT template.")
        return
    template = registrations.template(notice.dlt_template)
    if template is None:
        yield Finding("dlt_unknown_template", "dlt_template", f"{dlt.FILE} has no template {notice.dlt_template}.")
        return
    if terms.header not in template.headers:
        yield Finding("dlt_header", "dlt_template", "The carrier's sender is none of the template's headers.")
    if not dlt.is_registered_as(template, notice, terms.page):
        yield Finding("dlt_text", f"sms.{SENT}", "It is not the registered text with one variable per placeholder.")
