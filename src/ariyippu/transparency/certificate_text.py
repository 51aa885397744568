"""A stay's compliance certificate in words, for a file in court: Malayalam or English. Pure."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ariyippu.base.clock import INDIA
from ariyippu.base.documents import canonical_json

Language = Literal["ml", "en"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Certificate of compliance with the stay {reference}",
        "placed": "Stay {stay} of the office {office}; accepted on {at}.",
        "paper": "Entered from a paper order: {title}. SHA-256 of the scan: {sha256}.",
        "confirmed": "A second officer confirmed the paper on {at}.",
        "unconfirmed": "No second officer has confirmed the paper.",
        "terms": "{number}. In force from {at} until {until}. What it stops: {scope}",
        "open": "further orders",
        "leave": "May go on by leave: {leave}",
        "order": "Order {order}: {handed_off} messages had left before; {in_hand} were in hand; {waiting} stopped.",
        "undecided": "Order {order}: stopped before anyone was decided about; nothing had left.",
        "none": "No order stood within it.",
        "recall": "Order {order}: of messages that had left, {asked} could still be cancelled; carriers said that "
        "they cancelled {recalled}.",
        "other": "      {messages} not: {code}",
        "unanswered": "no answer so far",
        "lifted": "Lifted on {at}. What it stopped goes on only when a person releases it.",
        "log": "In the public log: {entries}.",
        "checkpoint": "Proved under this checkpoint; the proofs are in the certificate's JSON form:",
    },
    "ml": {
        "title": "സ്റ്റേ പാലിച്ചതിന്റെ സാക്ഷ്യപത്രം: {reference}",
        "placed": "സ്റ്റേ {stay}, ഓഫീസ് {office}; സ്വീകരിച്ചത് {at}.",
        "paper": "കടലാസിലുള്ള ഉത്തരവിൽനിന്നു ചേർത്തത്: {title}. സ്കാനിന്റെ SHA-256: {sha256}.",
        "confirmed": "രണ്ടാമതൊരു ഉദ്യോഗസ്ഥർ കടലാസ് സ്ഥിരീകരിച്ചത് {at}.",
        "unconfirmed": "രണ്ടാമതൊരു ഉദ്യോഗസ്ഥർ കടലാസ് സ്ഥിരീകരിച്ചിട്ടില്ല.",
        "terms": "{number}. പ്രാബല്യം {at} മുതൽ; അവസാനം: {until}. തടയുന്നത്: {scope}",
        "open": "ഇനിയൊരു ഉത്തരവുണ്ടാകുന്നതുവരെ",
        "leave": "പ്രത്യേകാനുമതിയോടെ തുടരാവുന്നവ: {leave}",
        "order": "ഉത്തരവ് {order}: അതിനുമുൻപ് പോയ സന്ദേശങ്ങൾ {handed_off}; കൈമാറുകയായിരുന്നവ {in_hand}; തടഞ്ഞത് {waiting}.",
        "undecided": "ഉത്തരവ് {order}: ആരെ അറിയിക്കണമെന്നു തീരുമാനിക്കുംമുൻപ് തടഞ്ഞു; ഒന്നും പോയിട്ടില്ല.",
        "none": "ഇതിന്റെ പരിധിയിൽ ഒരു ഉത്തരവും ഉണ്ടായിരുന്നില്ല.",
        "recall": "ഉത്തരവ് {order}: പോയ സന്ദേശങ്ങളിൽ {asked} അപ്പോഴും റദ്ദാക്കാവുന്നവയായിരുന്നു; റദ്ദാക്കിയെന്ന് "
        "സേവനദാതാക്കൾ പറഞ്ഞത് {recalled}.",
        "other": "      {messages} റദ്ദാക്കിയില്ല: {code}",
        "unanswered": "ഇതുവരെ മറുപടിയില്ല",
        "lifted": "സ്റ്റേ നീക്കിയത് {at}. തടഞ്ഞത്, ഒരാൾ തുടരാൻ അനുവദിച്ചാൽ മാത്രമേ തുടരൂ.",
        "log": "പൊതു ലോഗിൽ: {entries}.",
        "checkpoint": "ഈ ചെക്ക്പോയിന്റിനു കീഴിൽ തെളിയിച്ചത്; തെളിവുകൾ സാക്ഷ്യപത്രത്തിന്റെ JSON രൂപത്തിലുണ്ട്:",
    },
}


def text(certificate: Mapping[str, Any], language: Language) -> str:
    """The whole certificate; `certificate` is certificate.certificate's."""
    words = WORDS[language]
    return "\n".join(_lines(certificate, words)) + "\n"


def _lines(found: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    yield words["title"].format(reference=found["reference"])
    yield words["placed"].format(stay=found["stay"], office=found["office"], at=_moment(found["accepted_at"]))
    if found["paper"] is not None:
        yield words["paper"].format(**found["paper"])
        confirmed = found["confirmed_at"]
        yield words["confirmed"].format(at=_moment(confirmed)) if confirmed else words["unconfirmed"]
    for number, terms in enumerate(found["terms"], 1):
        yield ""
        yield from _terms(number, terms, words)
    if found["lifted_at"] is not None:
        yield ""
        yield words["lifted"].format(at=_moment(found["lifted_at"]))
    yield ""
    yield words["log"].format(entries=", ".join(f"{entry['index']} ({entry['kind']})" for entry in found["entries"]))
    yield words["checkpoint"]
    yield found["checkpoint"].rstrip("\n")


def _terms(number: int, terms: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    until = _moment(terms["until"]) if terms["until"] else words["open"]
    scope = canonical_json(terms["scope"]).decode()
    yield words["terms"].format(number=number, at=_moment(terms["from"]), until=until, scope=scope)
    if terms["leave"]:
        yield words["leave"].format(leave=", ".join(terms["leave"]))
    for order in terms["orders"]:
        yield "   " + words["undecided" if order["waiting"] is None else "order"].format(**order)
    if not terms["orders"]:
        yield "   " + words["none"]
    for recall in terms["recalls"]:
        yield "   " + words["recall"].format(**recall)
        for code, messages in recall["others"].items():
            yield words["other"].format(messages=messages, code=code or words["unanswered"])


def _moment(rfc3339: str) -> str:
    return f"{dt.datetime.fromisoformat(rfc3339).astimezone(INDIA):%d-%m-%Y %H:%M:%S} IST"
