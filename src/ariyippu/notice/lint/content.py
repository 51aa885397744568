"""Party and achievement content: the notice's texts held against the word lists of rules.toml.

The lists catch what officers write without thinking, and what they are told to write. Who hides a slogan
from them still needs every signature, and the text is public before it leaves.
"""

import re
import unicodedata
from collections.abc import Iterator

from ariyippu.grant import purposes
from ariyippu.notice.documents import Notice
from ariyippu.notice.lint.rules import Finding, rules
from ariyippu.notice.lint.texts import by_language

PUBLICITY = "dpv:PublicRelations"  # below it, achievements are what people subscribed to

_CHILLUS = {"ണ": "ൺ", "ന": "ൻ", "ര": "ർ", "ല": "ൽ", "ള": "ൾ", "ക": "ൿ"}
_OLD_CHILLU = re.compile("([ണനരലളക])\u0d4d\u200d")
_NTA = re.compile("ൻ\u0d4d?റ")  # two more ways of writing ന്റ
_JOINERS = re.compile("[\u200c\u200d]")


def findings(notice: Notice) -> Iterator[Finding]:
    """At most one finding of each rule for each text."""
    is_publicity = purposes.is_at_or_below(notice.purpose, PUBLICITY)
    searched = [rule for rule in rules().values() if rule.pattern and (rule.anywhere or not is_publicity)]
    for where in ("title", "subject", "email", "sms", "contact"):
        for language, written in by_language(getattr(notice, where)):
            text = plain(written)
            for rule in searched:
                if rule.pattern and (found := rule.pattern.search(text)):
                    yield Finding(rule.code, f"{where}.{language}", f"“{found[0]}”: {rule.finds}.")


def plain(text: str) -> str:
    """Lower case, NFC, single blanks, straight apostrophes, atomic chillu letters, no joiners."""
    joined = unicodedata.normalize("NFC", text)
    chillus = _OLD_CHILLU.sub(lambda old: _CHILLUS[old[1]], joined)
    unified = _NTA.sub("ന്റ", _JOINERS.sub("", chillus))
    return " ".join(unified.casefold().replace("’", "'").split())
