"""The linter's rules, as rules.toml states them, and what a finding is."""

import datetime as dt
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from pydantic import BaseModel, ConfigDict

_WORD_START = {"en": r"(?<![^\W_])", "ml": r"(?<![\u0d00-\u0d7f])"}


class Rule(BaseModel):
    """One code; rules.toml explains the keys. `en` and `ml` are there where the rule is a word list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    refuses: bool
    finds: str
    why: str
    anywhere: bool = False
    since: dt.date | None = None
    en: tuple[str, ...] = ()
    ml: tuple[str, ...] = ()

    @functools.cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """The word list as one expression, or None where the rule has none."""
        listed = [f"{_WORD_START['en']}(?:{pattern})" for pattern in self.en]
        listed += [f"{_WORD_START['ml']}(?:{pattern})" for pattern in self.ml]
        return re.compile("|".join(listed)) if listed else None


@functools.cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the file's order."""
    text = resources.files(__package__).joinpath("rules.toml").read_text("utf-8")
    return {rule.code: rule for rule in map(Rule.model_validate, tomllib.loads(text)["rule"])}


@dataclass(frozen=True)
class Finding:
    """One fault of a notice: the rule's code, the place, and a sentence for the officer."""

    code: str
    where: str
    message: str

    @property
    def refuses(self) -> bool:
        return rules()[self.code].refuses
