"""One home directory holds an installation; this says what lies where in it.

    HOME/
      settings.toml     what the installation's engineer chose (optional)
      postgres/         the embedded PostgreSQL, unless DATABASE_URLs are set; owner.url
      office/           what only the office process reads: database.url, secret.key
      vault/            what only the vault reads: database.url, keyring.json, link.key, link.pub,
                        roots.json, registers/, persons/, orders/
      log/              the public log: any web server can serve this folder
      witness/          the local witness's key and the last checkpoint that it signed
      tmp/              scratch; holds nothing in clear

Which home and which zone a process serves comes from the environment: ARIYIPPU_HOME, ARIYIPPU_ZONE; and
whether it is the stage that may open features: ARIYIPPU_STAGE.
"""

import datetime as dt
import functools
import os
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ariyippu.base.errors import RefusedError

Zone = Literal["office", "vault"]
CHANNELS: tuple[Literal["email", "sms"], ...] = ("email", "sms")  # those that a carrier serves


class BillSettings(BaseModel):
    """How a carrier writes its bills, which are CSV: what its columns are called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="The carrier's own id of a message, or of a part of a long SMS.")
    sent_on: str = Field(description="When it took the message: a date, or a date and time.")
    segments: str | None = Field(default=None, description="How many segments a line charges for.")
    charge: str | None = Field(default=None, description="In rupees.")
    recipient: str | None = Field(default=None, description="A number or address: only ever compared, as a token.")
    each_line: Literal["message", "segment"] = "message"
    date_format: str = Field(default="%Y-%m-%d", description="As strptime reads it.")
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Literal["utf-8", "utf-16", "cp1252"] = "utf-8"


class Provider(BaseModel):
    """One carrier's connection and terms, e.g. `smtp://127.0.0.1:2525`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(repr=False, description="It may hold a password.")
    connections: int = Field(default=4, ge=1, le=50, description="Of each worker to this carrier (SMTP, Mobile Seva).")
    window_messages: int = Field(default=100, ge=1, le=1000, description="In a crash's doubt, for each connection.")
    messages_per_s: float | None = Field(default=None, gt=0, description="At most, over all workers together.")
    purposes: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="What it may be used for, with everything below; unless given, for all."
    )
    long_sms: Literal["parts", "payload"] = Field(
        default="parts", description="How a text of several segments leaves: each by itself, or whole (SMPP)."
    )
    segment_price_paise: Decimal | None = Field(
        default=None,
        ge=0,
        description="For one segment of an SMS: the cheapest is first, and bills are held against it.",
    )
    secure_key: str | None = Field(default=None, repr=False, description="The account's secure key (Mobile Seva).")
    callback_secret: str | None = Field(
        default=None, min_length=32, repr=False, description="With which the provider posts receipts (SMS)."
    )
    dead_codes: tuple[str, ...] = Field(
        default=(), description="The receipts' error codes with which the provider says that a number is nobody's."
    )
    bill: BillSettings | None = Field(default=None, description="How its bills are read.")


class OtherProvider(Provider):
    """A further carrier of a channel."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,19}$")


class CarrierSettings(Provider):
    """What one channel's messages leave as, and the first carrier that they are handed off to."""

    sender: str = Field(description="From address (e-mail) or sender id (SMS).")
    quiet_hours: tuple[dt.time, dt.time] | None = Field(
        default=None, description="From when until when, in India, nothing but emergencies is handed off."
    )
    dlt_entity: str | None = Field(default=None, description="DLT principal entity id (SMS).")
    bounces: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,39}@[A-Za-z0-9.-]{1,190}$",
        description="Where undeliverable e-mail returns; a message's token is added to its local part (e-mail).",
    )
    others: tuple[OtherProvider, ...] = Field(default=(), description="Used while those before them fail.")

    def return_path(self, token: str) -> str | None:
        """Where one message's bounces go: `bounces+TOKEN@…`. None: to the sender."""
        local_part, at, domain = (self.bounces or "").partition("@")
        return f"{local_part}+{token}@{domain}" if at else None

    def over(self, other: OtherProvider) -> "CarrierSettings":
        """The same messages, handed off to another carrier."""
        return self.model_copy(update={name: getattr(other, name) for name in Provider.model_fields} | {"others": ()})


class Settings(BaseModel):
    """`settings.toml`. An unknown key is refused: a typo must not silently weaken a rule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hatch_port: int = Field(default=8471, ge=1, le=65535)
    office_port: int = Field(default=8470, ge=1, le=65535)
    bounces_port: int | None = Field(default=None, ge=1, le=65535, description="SMTP for mail that comes back; off.")
    metrics_port: int | None = Field(default=None, ge=1, le=65535, description="For Prometheus, on the loopback.")
    public_url: str = Field(default="http://127.0.0.1:8470", description="Where citizens reach the public register.")
    log_origin: str = Field(default="log.ariyippu.example/kerala", description="The log's name in its checkpoints.")
    accept_test_numbers: bool = Field(default=False, description="Accept +91 0…, numbers that cannot ring.")
    cooling_off_s: dict[str, int] = Field(default_factory=dict, description="Per purpose, instead of its own.")
    workers: int = Field(default=2, ge=0, le=64, description="Processes of the vault that hand messages off.")
    max_attempts: int = Field(default=10, ge=1, le=100, description="Before a batch's deferred messages are given up.")
    retry_s: int = Field(default=20, ge=1, le=3600, description="Before a second attempt; doubled with each further.")
    questions_per_snapshot: int = Field(default=20, ge=0, le=1000, description="For each office.")
    sms_segment_price_paise: int = Field(default=20, ge=0, description="What one segment costs; e-mail costs nothing.")
    office_messages_per_s: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="At most, by the office whose notices they are."
    )
    carriers: dict[Literal["email", "sms"], CarrierSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        names = [*CHANNELS, *(other.name for carrier in self.carriers.values() for other in carrier.others)]
        if len(set(names)) < len(names):
            raise ValueError("two carriers have the same name, or one that of a channel")
        return self

    def carriers_of(self, channel: Literal["email", "sms"]) -> dict[str, CarrierSettings]:
        """A channel's carriers by name, the cheapest first, else as listed; the first listed has the channel's own."""
        if channel not in self.carriers:
            return {}
        first = self.carriers[channel]
        found = {channel: first} | {other.name: first.over(other) for other in first.others}
        usual = self.sms_segment_price_paise
        prices = {name: usual if (p := each.segment_price_paise) is None else p for name, each in found.items()}
        return dict(sorted(found.items(), key=lambda named: prices[named[0]]))

    def carrier(self, name: str) -> tuple[Literal["email", "sms"], CarrierSettings] | None:
        """The channel and the settings of the carrier of this name."""
        return next(((c, of[name]) for c in CHANNELS if name in (of := self.carriers_of(c))), None)


@dataclass(frozen=True)
class Home:
    """The paths of one installation, and its settings."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def owner_url_file(self) -> Path:
        """The DSN of the server's owner role, without a database: for migrations only."""
        return self.postgres / "owner.url"

    @property
    def office(self) -> Path:
        return self.path / "office"

    @property
    def vault(self) -> Path:
        return self.path / "vault"

    @property
    def keyring(self) -> Path:
        return self.vault / "keyring.json"

    @property
    def link_key(self) -> Path:
        """The private key of `link`; its public half lies beside it and ends in .pub."""
        return self.vault / "link.key"

    @property
    def roots(self) -> Path:
        return self.vault / "roots.json"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def witness(self) -> Path:
        return self.path / "witness"

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    def database_url_file(self, zone: Zone) -> Path:
        return self.path / zone / "database.url"

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings, read once. RefusedError `settings.invalid` names the key at fault."""
        file = self.path / "settings.toml"
        if not file.exists():
            return Settings()
        try:
            return Settings.model_validate(tomllib.loads(file.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RefusedError("settings.invalid", f"{file}: not TOML: {error}") from None
        except ValidationError as error:
            raise RefusedError("settings.invalid", f"{file}: {first_fault(error)}") from None


def first_fault(error: ValidationError) -> str:
    """`carriers.email.url: field required`: where and what, never the value that was given."""
    fault = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the document"
    return f"{where}: {fault['msg']}"


def default_path() -> Path:
    return Path(os.environ.get("ARIYIPPU_HOME", "var")).absolute()


@functools.cache
def current() -> Home:
    """The home of this process."""
    return Home(default_path())


def current_stage() -> str | None:
    """`link` in a process of the verbs `ariyippu link …`; None in any other."""
    return os.environ.get("ARIYIPPU_STAGE")


def current_zone() -> Zone:
    """The zone of this process. RefusedError `zone.unknown` when the environment names no zone."""
    zone = os.environ.get("ARIYIPPU_ZONE", "vault")
    if zone in ("office", "vault"):
        return cast("Zone", zone)
    raise RefusedError("zone.unknown", "ARIYIPPU_ZONE must be 'office' or 'vault'.")
