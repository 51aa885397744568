"""The linter: what keeps a notice from being sent, and what those who sign it should see. Pure.

    rules.py    every code, whether it refuses, and why (rules.toml)
    texts.py    placeholders, characters, line lengths
    contact.py  whom to ask and which rights one has
    content.py  party and achievement content, by word lists
    sms.py      segments, DLT

A refusing finding refuses the order (`notice.CODE`); an advisory one is shown to the officer and logged
with the order, so that everybody who signs, and the public, sees that it was known.
"""

from collections.abc import Iterator, Mapping

from ariyippu.notice.dlt import SmsTerms
from ariyippu.notice.documents import Notice
from ariyippu.notice.lint import contact, content, sms, texts
from ariyippu.notice.lint.rules import Finding

__all__ = ["Finding", "lint"]


def lint(notice: Notice, columns: Mapping[str, str], terms: SmsTerms | None) -> tuple[Finding, ...]:
    """Everything that is found, what refuses first. `columns` are the register's, name -> type.

    `terms`: how this installation sends SMS; None where the notice is not sent so.
    """
    return tuple(sorted(_findings(notice, columns, terms), key=lambda finding: not finding.refuses))


def _findings(notice: Notice, columns: Mapping[str, str], terms: SmsTerms | None) -> Iterator[Finding]:
    yield from texts.findings(notice, columns)
    yield from contact.findings(notice.contact)
    yield from content.findings(notice)
    if terms is not None:
        yield from sms.findings(notice, terms)
