"""The contact-and-rights block (DPDP Rules 2025, Second Schedule (g)): in each language, by itself."""

import re
from collections.abc import Iterator, Mapping

from ariyippu.notice.documents import Language, Text
from ariyippu.notice.lint.rules import Finding
from ariyippu.notice.lint.texts import by_language

_BUSINESS_CONTACT = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+?[0-9](?:[ -]?[0-9]){7,}")
_LINK = re.compile(r"https://[\w-]+(?:\.[\w-]+)+")
# Two means: to have it corrected or to object (ss. 11, 12), and to complain (s. 13).
_MEANS: Mapping[Language, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "ml": (re.compile("തിരുത്ത|എതിർപ്പ്|നീക്കം"), re.compile("പരാതി|ആക്ഷേപ")),
    "en": (re.compile(r"correct|object|eras|delet", re.IGNORECASE), re.compile(r"complain|grievance", re.IGNORECASE)),
}


def findings(contact: Text) -> Iterator[Finding]:
    """Of the notice's contact block."""
    for language, written in by_language(contact):
        where = f"contact.{language}"
        if not _BUSINESS_CONTACT.search(written):
            yield Finding("no_business_contact", where, "Give the office's e-mail address or telephone number.")
        if not _LINK.search(written):
            yield Finding("no_link", where, "Give an https:// link to where rights can be exercised.")
        if not all(means.search(written) for means in _MEANS[language]):
            yield Finding("no_rights", where, "Say how to have it corrected or to object, and how to complain.")
