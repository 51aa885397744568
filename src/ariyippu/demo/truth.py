"""The truth about a demonstration's people, held against the vault's current linking run.

python -m ariyippu.demo.truth TRUTH.csv        as a process of the vault; prints one JSON line
"""

import csv
import dataclasses
import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from ariyippu.base.keys import Keyring
    from ariyippu.ingest.manifest import Manifest


def truth_of(file: Path, keyring: "Keyring") -> pa.Table:
    """The lines of a truth file: register, record (the token of its key), owner (the person's number), tags."""
    from ariyippu.ingest import seal

    rows = defaultdict[str, list[dict[str, str]]](list)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            rows[row["register"]].append(row)
    return pa.concat_tables(
        pa.table(
            {
                "register": [register] * len(found),
                "record": pa.array(seal.record_tokens(register, [row["key"] for row in found], keyring), pa.binary(16)),
                "owner": pa.array([int(row["person"]) for row in found], pa.int64()),
                "tags": [row["tags"] for row in found],
            }
        )
        for register, found in rows.items()
    )


def main(truth: Path) -> None:
    """Print the accuracy of the current linking run."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "ariyippu.base.settings"
    import django

    from ariyippu.base import logs

    logs.configure()
    django.setup()
    from ariyippu.base import home as homes
    from ariyippu.base import keys
    from ariyippu.demo.accuracy import measure
    from ariyippu.ingest.snapshot import manifest
    from ariyippu.link import index

    home = homes.current()
    keyring, run = keys.load(home.keyring), index.current()
    if run is None:
        raise SystemExit("Nothing has been linked yet.")
    reachable = pa.concat_tables(_reachable(manifest(home, one), keyring) for one in run.snapshots.values())
    with index.readable(run):
        persons = index.open_index(home, keyring, run).read_all()
    found = measure(persons, truth_of(truth, keyring), reachable)
    sys.stdout.write(json.dumps(dataclasses.asdict(found)) + "\n")


def _reachable(made: "Manifest", keyring: "Keyring") -> pa.Table:
    """The records of a snapshot that have a contact of their own: register, record."""
    from ariyippu.base import engine
    from ariyippu.base import home as homes
    from ariyippu.ingest.snapshot import open_records

    tokens = [f"{name}_token" for name, column in made.columns.items() if column.kind == "contact"]
    with engine.connect() as relations:
        relations.register("rows", open_records(homes.current(), keyring, made.snapshot, ["record", *tokens]))
        present = " or ".join(f"{token} is not null" for token in tokens)
        query = f"select $register as register, record from rows where {present}"  # noqa: S608  a checked contract's names
        return relations.execute(query, {"register": made.register}).to_arrow_table()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
