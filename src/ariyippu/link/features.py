"""The one place where features are read: link's own, with link's own key.

ingest/features writes them and cannot read them back. Only `link` and those who start or measure it may import
this module (pyproject.toml), and the key is refused to any process that is not link's (base/keys.py).
"""

import pyarrow as pa

from ariyippu.base import engine
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import LinkKey
from ariyippu.ingest.features.make import FEATURE_VERSION, FEATURES_SCHEMA
from ariyippu.ingest.manifest import file_context, register_folder
from ariyippu.ingest.snapshot import READ_ROWS, manifest


def open_features(home: Home, link_key: LinkKey, snapshot_id: str) -> pa.RecordBatchReader:
    """A snapshot's features, FEATURES_SCHEMA, streamed, in the order of its records. For use within `readable`.

    RefusedError: `features.none` when its contract links nothing, or it was loaded before there were features;
    `features.other_version`; those of `snapshot.manifest`. PermanentError when they were sealed to another key.
    """
    made = manifest(home, snapshot_id)
    if made.features is None:
        raise RefusedError("features.none", f"{snapshot_id} has no features: load the register again.")
    if made.features.version != FEATURE_VERSION:
        raise RefusedError(
            "features.other_version",
            f"The features of {snapshot_id} are of version {made.features.version}, not {FEATURE_VERSION}.",
        )
    context = file_context(made.register, made.snapshot, "features")
    key = engine.FileKey(link_key.data_key(made.features.sealed_key, context), context)
    file = register_folder(home, made.register) / made.snapshot / "features.parquet"
    return pa.RecordBatchReader.from_batches(FEATURES_SCHEMA, engine.open_parquet(file, key).iter_batches(READ_ROWS))
