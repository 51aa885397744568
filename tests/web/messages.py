"""Which messages the templates and the code ask a translation for."""

import io
from pathlib import Path

from babel.messages.extract import extract
from django.utils.translation.template import templatize

import ariyippu.web

WEB = Path(ariyippu.web.__file__).parent
LOCALE = WEB / "locale"
KEYWORDS = {"_": None, "gettext": None, "gettext_lazy": None, "pgettext": ((1, "c"), 2)}


def used() -> set[str]:
    """Every msgid in the web folder."""
    sources = [(str(file), file.read_text()) for file in WEB.rglob("*.py")]
    sources += [(str(file), templatize(file.read_text(), origin=str(file))) for file in WEB.rglob("*.html")]
    found: set[str] = set()
    for _origin, text in sources:
        for message in extract("python", io.BytesIO(text.encode()), keywords=KEYWORDS):
            found.add(str(message[1]))
    return found
