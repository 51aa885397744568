"""Every string has its Malayalam, and every code of a fixed list its word."""

import re
from pathlib import Path
from typing import get_args

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from ariyippu.base.documents import Role
from ariyippu.base.journal import Kind
from ariyippu.notice.lint.rules import rules
from ariyippu.policy.reference import Reason
from ariyippu.send.models import Outcome
from ariyippu.web.register import words
from ariyippu.web.register.shown.orders import State
from ariyippu.web.register.shown.requests import RequestState
from tests.web.messages import LOCALE, used

PLACEHOLDER = re.compile(r"%\([a-z]+\)s")


def _catalog(file: Path) -> Catalog:
    with file.open("rb") as source:
        return read_po(source, locale=file.parent.parent.name)


def test_every_message_is_translated_and_none_is_left_over() -> None:
    (file,) = LOCALE.rglob("*.po")
    catalog = {str(message.id): message for message in _catalog(file) if message.id}
    assert set(catalog) == used()
    assert not [name for name, message in catalog.items() if not message.string or message.fuzzy]


def test_a_translation_keeps_the_placeholders() -> None:
    (file,) = LOCALE.rglob("*.po")
    for message in _catalog(file):
        if message.id:
            assert set(PLACEHOLDER.findall(str(message.string))) == set(PLACEHOLDER.findall(str(message.id)))


def test_the_fixed_lists_have_words() -> None:
    assert set(words.REASONS) == set(get_args(Reason)) - {"included"}
    assert set(words.STATES) == set(State)
    assert set(words.REQUEST_STATES) == set(RequestState)
    assert set(words.ROLES) == set(get_args(Role))
    assert set(words.ENTRY_KINDS) == set(get_args(Kind)) - {"roots", "trust", "snapshot"}
    refusing = {f"notice.{code}" for code, rule in rules().items() if rule.refuses}
    assert set(words.ADVICE) == {code for code, rule in rules().items() if not rule.refuses}
    assert {code for code in words.REFUSALS if code.startswith("notice.")} == refusing
    outcomes = {Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.GAVE_UP, Outcome.WITHHELD}
    assert outcomes <= set(words.OUTCOMES)
