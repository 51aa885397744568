"""Contracts: what a department promises about a register's file, as a TOML document.

    [register]   name, version, title_en, title_ml, owner (office), legal_basis, retention_months,
                 holds_person_once
    [file]       format, encoding, delimiter, multiline (CSV); format, sheet (XLSX)
    [[column]]   name, header, kind, type, the checks that its values must pass, and `link`: which part
                 its values play in finding the same person in another register
    [marks]      which values of which column say that a person is deceased, protected, or a minor

A contract's digest is SHA-256 over its canonical JSON: a snapshot, and the order that uses it, pin it.
Everything is refused that the contract does not say; an unknown key is refused and named.
`holds_person_once`, `link`, `verified_on` and `marks.minor` stand in the JSON only where they are stated:
older digests stay.
"""

import codecs
import hashlib
import io
import re
import tomllib
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ariyippu.base.documents import canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import first_fault
from ariyippu.grant import purposes

Kind = Literal["key", "identity", "contact", "attribute"]
Type = Literal["text", "enum", "integer", "money", "date", "mobile", "email"]
LinkRole = Literal[
    "name", "guardian", "born_on", "gender", "house", "locality", "district", "mobile", "email", "identifier"
]
Header = Annotated[str, Field(min_length=1, max_length=120)]

SEALED_KINDS: frozenset[Kind] = frozenset({"key", "identity", "contact"})
CONTACT_TYPES: frozenset[Type] = frozenset({"mobile", "email"})
KEY_TYPES: frozenset[Type] = frozenset({"text", "integer"})
LINK_TYPES: dict[LinkRole, frozenset[Type]] = {  # the types that a column of this role may have
    "name": frozenset({"text", "enum"}),
    "guardian": frozenset({"text", "enum"}),  # father, mother or husband, whoever the register names
    "born_on": frozenset({"date"}),
    "gender": frozenset({"text", "enum"}),
    "house": frozenset({"text", "enum"}),
    "locality": frozenset({"text", "enum"}),
    "district": frozenset({"text", "enum"}),
    "mobile": frozenset({"mobile"}),
    "email": frozenset({"email"}),
    "identifier": frozenset({"text"}),  # a number that other registers hold too
}
RESERVED_NAMES = frozenset({"record", "row", "deceased", "protected", "minor"})  # columns that a snapshot adds
UNDECODABLE = "ariyippu.undecodable"  # the name of our codec error handler


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Turn each byte that is not of the encoding into a lone surrogate, U+DC00 + byte.

    Like Python's `surrogateescape`, which gives up on bytes below 80 (they occur in UTF-16).
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(UNDECODABLE, _mark_undecodable)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Register(Part):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")
    version: int = Field(ge=1)
    title_en: str = Field(min_length=1, max_length=200)
    title_ml: str = Field(min_length=1, max_length=200)
    owner: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$", description="The office that owns the register.")
    legal_basis: str = Field(min_length=3, max_length=400)
    retention_months: int = Field(ge=1, le=1200)
    holds_person_once: bool = Field(
        default=False, exclude_if=lambda once: not once, description="Whether no person stands in it twice."
    )


class FileFormat(Part):
    format: Literal["csv", "xlsx"]
    encoding: str = Field(default="utf-8", description="CSV: any text codec of Python.")
    delimiter: str = Field(default=",", pattern=r'^[^"\r\n]$')
    multiline: bool = Field(default=False, description="CSV: whether a quoted field may hold a line break.")
    sheet: str | None = Field(default=None, description="XLSX: the sheet's name; the first one unless given.")

    @model_validator(mode="after")
    def _decodes(self) -> Self:
        probe = io.BytesIO(b"\xff\xfea\r\n\x00\x81")
        try:
            io.TextIOWrapper(probe, encoding=self.encoding, errors=UNDECODABLE).read()
        except (LookupError, UnicodeError):
            raise ValueError("the encoding is not a text codec that can mark its undecodable bytes") from None
        return self


class Column(Part):
    """One column. `max_length` counts code points; `pattern` (RE2) must match the whole value."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    header: Header
    kind: Kind
    type: Type
    required: bool = False
    pattern: str | None = None
    values: tuple[str, ...] | None = None
    date_format: str | None = Field(default=None, description="%d, %m and %Y once each, e.g. %d/%m/%Y.")
    max_length: int = Field(default=200, ge=1, le=10_000)
    collected_for: str | None = Field(default=None, description="Contacts only: a purpose of the taxonomy.")
    link: LinkRole | None = Field(default=None, exclude_if=lambda role: role is None)
    verified_on: str | None = Field(
        default=None,
        exclude_if=lambda name: name is None,
        description="Contacts only: the column of the day on which the department last verified it.",
    )

    @property
    def sealed(self) -> bool:
        return self.kind in SEALED_KINDS

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name in RESERVED_NAMES or self.name.endswith("_token"):
            raise ValueError(f"the name {self.name!r} is reserved")
        if (self.kind == "contact") != (self.type in CONTACT_TYPES):
            raise ValueError("a contact is a mobile or an email, and only a contact is one")
        if (self.kind == "contact") != (self.collected_for is not None):
            raise ValueError("collected_for must be stated for a contact and for nothing else")
        if self.kind == "key" and not (self.required and self.type in KEY_TYPES):
            raise ValueError("the key must be required, and a text or an integer")
        if self.link is not None and self.type not in LINK_TYPES[self.link]:
            raise ValueError(
                f"a column that links as {self.link} has the type {' or '.join(sorted(LINK_TYPES[self.link]))}"
            )
        self._check_settings_of_type()
        return self

    def _check_settings_of_type(self) -> None:
        if (self.type == "enum") != bool(self.values):
            raise ValueError("values must be stated for an enum and for nothing else")
        if (self.type == "date") != (self.date_format is not None):
            raise ValueError("date_format must be stated for a date and for nothing else")
        if self.date_format is not None and sorted(re.findall("%(.)", self.date_format)) != ["Y", "d", "m"]:
            raise ValueError("date_format must hold %d, %m and %Y once each")
        if self.pattern is not None and self.type != "text":
            raise ValueError("only a text has a pattern")
        if self.pattern is not None and not _is_re2(self.pattern):
            raise ValueError("the pattern is not a regular expression of RE2")


class Mark(Part):
    """The rows whose `column` holds one of `values` are marked."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)


class Marks(Part):
    deceased: Mark | None = None
    protected: Mark | None = None
    minor: Mark | None = Field(default=None, exclude_if=lambda mark: mark is None)  # beside what births say: draft.py


class Contract(Part):
    register: Register
    file: FileFormat
    columns: tuple[Column, ...] = Field(alias="column", min_length=1, max_length=200)
    marks: Marks = Marks()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON in hex."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json", by_alias=True))).hexdigest()

    @property
    def key(self) -> Column:
        return next(column for column in self.columns if column.kind == "key")

    @property
    def links(self) -> dict[LinkRole, Column]:
        """The columns that linking uses, by the part that each plays."""
        return {column.link: column for column in self.columns if column.link is not None}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for part in ("name", "header"):
            stated = [normal_header(getattr(column, part)) for column in self.columns]
            if len(set(stated)) != len(stated):
                raise ValueError(f"a column's {part} stands twice")
        roles = [column.link for column in self.columns if column.link is not None]
        if len(set(roles)) != len(roles):
            raise ValueError("a link role stands twice")
        if [column.kind for column in self.columns].count("key") != 1:
            raise ValueError("exactly one column must be the key")
        for mark in (self.marks.deceased, self.marks.protected, self.marks.minor):
            self._check_mark(mark)
        days = {column.name for column in self.columns if column.kind == "attribute" and column.type == "date"}
        for column in self.columns:
            if column.verified_on is not None and (column.kind != "contact" or column.verified_on not in days):
                raise ValueError(f"{column.name!r} is no contact, or its verified_on no date among the attributes")
            if column.collected_for is not None and not purposes.get(column.collected_for).satisfiable:
                raise RefusedError("contract.purpose", f"Nothing is collected for the purpose of {column.name!r}.")
        return self

    def _check_mark(self, mark: Mark | None) -> None:
        """A mark's column is a required enum: neither an empty cell nor a misspelling may pass as unmarked."""
        if mark is None:
            return
        column = next((column for column in self.columns if column.name == mark.column), None)
        if column is None or column.type != "enum" or not column.required:
            raise ValueError(f"the mark's column {mark.column!r} must be a required enum of this contract")
        if not set(mark.values) <= set(column.values or ()):
            raise ValueError(f"a mark's value is not among the values of {mark.column!r}")


def parse(text: str) -> Contract:
    """The contract in a TOML text.

    RefusedError `contract.not_toml`; `contract.invalid`, naming the key at fault; `contract.purpose` and
    `purpose.unknown` for what a contact was collected for.
    """
    try:
        return Contract.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RefusedError("contract.not_toml", f"The contract is not TOML: {error}") from None
    except ValidationError as error:
        raise RefusedError("contract.invalid", f"The contract is not valid: {first_fault(error)}") from None


def find(name: str) -> Contract:
    """The shipped contract of this name, or the one in the TOML file at this path.

    RefusedError `contract.not_found`, or as `parse` does.
    """
    shipped = {
        entry.name.removesuffix(".toml"): entry
        for entry in resources.files(__package__).joinpath("contracts").iterdir()
        if entry.name.endswith(".toml")
    }
    if name in shipped:
        return parse(shipped[name].read_text("utf-8"))
    try:
        return parse(Path(name).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise RefusedError("contract.not_found", f"{name!r} is neither a shipped contract nor a TOML file.") from None


def normal_header(header: str) -> str:
    """How headers are compared: NFC, without white space around them."""
    return unicodedata.normalize("NFC", header).strip()


def _is_re2(pattern: str) -> bool:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return False
    return True
