"""The manifest of a snapshot: what its files are, and the keys that open them, wrapped or sealed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ariyippu.base.home import Home
from ariyippu.ingest.contract import Kind, LinkRole, Type

FileName = Literal["records", "quarantine", "features"]
FILE_NAMES: tuple[FileName, ...] = get_args(FileName)


_STRICT = ConfigDict(extra="forbid", frozen=True)


class ManifestColumn(BaseModel):
    """A column as it lies in records.parquet. `wrapped_key` is set when its cells are sealed."""

    model_config = _STRICT

    kind: Kind
    type: Type
    collected_for: str | None
    link: LinkRole | None = None
    verified_on: str | None = None  # contacts: the column of the day on which it was last verified
    wrapped_key: str | None


class ManifestFeatures(BaseModel):
    """features.parquet: the version of its features, and its data key, sealed to link's public key (base/keys.py)."""

    model_config = _STRICT

    version: int
    sealed_key: str


class Manifest(BaseModel):
    """What a snapshot's files are. `columns` stand in the contract's order.

    `features` is None where the contract links nothing, and in what was loaded before there were features.
    """

    model_config = _STRICT

    schema_version: Literal[1] = 1
    register: str
    snapshot: str
    contract_digest: str
    contract_version: int
    holds_person_once: bool = False
    source_sha256: str
    rows: int
    quarantined: int
    loaded_at: AwareDatetime
    columns: Mapping[str, ManifestColumn]
    protected_column: str | None = None  # the column that marks protected people
    files: Mapping[FileName, str]  # -> wrapped key; features stand apart, since the keyring does not open them
    features: ManifestFeatures | None = None


def register_folder(home: Home, register: str) -> Path:
    """Where a register's snapshots lie."""
    return home.vault / "registers" / register


def file_context(register: str, snapshot: str, name: FileName) -> str:
    """What the data key of a snapshot's file, and the file itself, are bound to."""
    return f"{register}|{snapshot}|{name}"
