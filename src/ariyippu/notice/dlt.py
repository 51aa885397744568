"""DLT: what is registered with the operators about this installation's SMS, as HOME/dlt.toml states it.

    entity = "1001234567890123456"
    links = ["https://notices.kerala.example/"]     what links may begin with, as white-listed

    [[template]]
    id = "1007000000000000001"
    headers = ["KLNOTC"]                            senders that may use it
    text = "{#var#}, … {#var#}. കാരണം: https://notices.kerala.example/m/{#var#}"

The file is copied from the operators' portal by whoever holds the account there, and signed by nobody:
operators check every SMS against their own copy, so a wrong line here can only keep a notice from leaving.
"""

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home, first_fault
from ariyippu.notice import templates
from ariyippu.notice.documents import Notice
from ariyippu.notice.sms import MESSAGE, OWN_PAGE, SENT, whole

FILE = "dlt.toml"
_SLOT = "\x01"  # stands for one variable of ours; no notice that passes the linter holds it
_VARIABLE = re.compile(r"\{#[a-z]+#\}")


Link = Annotated[str, Field(pattern=r"^https?://[^/\s]+/\S*$")]  # with its slash: else more would begin like it


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Registered(_Part):
    """A content template as the operators have it; `{#var#}`, or a typed variable, stands for a value."""

    id: str = Field(pattern=r"^[0-9]{12,19}$")
    headers: tuple[str, ...] = Field(min_length=1)
    text: str = Field(min_length=1)


class Registrations(_Part):
    """Everything that is registered for one entity."""

    entity: str = Field(pattern=r"^[0-9]{12,19}$")
    links: tuple[Link, ...] = ()
    templates: tuple[Registered, ...] = Field(alias="template")

    def template(self, template_id: str) -> Registered | None:
        return next((template for template in self.templates if template.id == template_id), None)


@dataclass(frozen=True)
class SmsTerms:
    """How an installation sends an order's SMS, as far as a notice is held against it."""

    public_url: str
    segment_price_paise: int
    entity: str | None  # of the carrier's settings, like the header
    header: str | None
    registrations: Registrations | None  # None: there is no dlt.toml

    @property
    def page(self) -> str:
        """What the link to a message's own page begins with; the message's token follows."""
        return self.public_url + OWN_PAGE

    @property
    def link(self) -> str:
        """The link that every SMS ends with, its token a placeholder."""
        return f"{self.page}(({MESSAGE}))"


def terms(home: Home) -> SmsTerms:
    """The terms of this installation. RefusedError as `load`."""
    carrier = home.settings.carriers.get("sms")
    return SmsTerms(
        public_url=home.settings.public_url,
        segment_price_paise=home.settings.sms_segment_price_paise,
        entity=carrier.dlt_entity if carrier else None,
        header=carrier.sender if carrier else None,
        registrations=load(home.path / FILE),
    )


def load(file: Path) -> Registrations | None:
    """The registrations, or None when there is no such file. RefusedError `dlt.invalid` says what is wrong in it."""
    try:
        return _parsed(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RefusedError("dlt.invalid", f"{file}: not TOML: {error}") from None
    except ValidationError as error:
        raise RefusedError("dlt.invalid", f"{file}: {first_fault(error)}") from None


@functools.lru_cache(maxsize=2)
def _parsed(text: str) -> Registrations:
    """Once for each version of the file: every lease reads it."""
    return Registrations.model_validate(tomllib.loads(text))


def is_registered_as(registered: Registered, notice: Notice, page: str) -> bool:
    """Whether the SMS is the registered text byte by byte, with one variable for each placeholder.

    The message's token, at the end of the link, is a variable too; a variable may stand for the whole link.
    Flags have no counterpart on DLT. RefusedError `template.malformed`.
    """
    text = whole(notice, SENT, page + _SLOT)
    if templates.flags(text):
        return False
    template = templates.parse(text)
    ours = template.filled(dict.fromkeys(template.names, _SLOT))
    variable = f"(?:{_SLOT}|{re.escape(page)}{_SLOT})"
    theirs = variable.join(re.escape(literal) for literal in _VARIABLE.split(registered.text))
    return re.fullmatch(theirs, ours) is not None
