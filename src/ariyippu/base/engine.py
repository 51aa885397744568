"""DuckDB for set-based work, and encrypted Parquet for the rows that it works on.

DuckDB never opens a file: it is handed Arrow, and it may not spill, load extensions or reach outside.
Parquet files are encrypted whole (every column and the footer, AES-256-GCM), each under a data key of
its own whose context is bound into the file as additional authenticated data.
"""

import errno
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from ariyippu.base.errors import RefusedError, TransientError

MEMORY_LIMIT = "2GiB"
_STREAM_FAILED = "reading the stream registered as"  # DuckDB's words when a reader that it was handed raises


def connect(*, as_written: bool = False) -> duckdb.DuckDBPyConnection:
    """An in-process DuckDB that touches no file and no network; a query beyond its memory fails.

    `as_written`: joins hold their right side in memory and stream the left one past it. Else DuckDB chooses, and
    takes a stream, whose size it cannot know, for the smaller side: it would hold a whole register. And a UUID
    (`register`) comes out as 16 octets, not as a text; other types come out as extensions, too: cast what comes.
    Rows come out in any order: to keep them in theirs costs time.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": MEMORY_LIMIT,
            "disabled_optimizers": "join_order,build_side_probe_side" if as_written else "",
            "max_temp_directory_size": "0B",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    if as_written:
        connection.execute("set arrow_lossless_conversion = true")
        connection.execute("set preserve_insertion_order = false")
    connection.execute("set temp_directory = ''")
    connection.execute("set enable_external_access = false")  # last: it also freezes the folder above
    connection.execute("set lock_configuration = true")
    return connection


def register(relations: duckdb.DuckDBPyConnection, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
    """Make rows a relation whose tokens of 16 octets are UUIDs: DuckDB holds and compares those in place.

    Nothing is copied.
    """
    schema = pa.schema([pa.field(field.name, _in_place(field.type)) for field in rows.schema])
    batches = (_renamed(batch, schema) for batch in (rows.to_batches() if isinstance(rows, pa.Table) else rows))
    if isinstance(rows, pa.Table):
        relations.register(name, pa.Table.from_batches(batches, schema))
    else:
        relations.register(name, pa.RecordBatchReader.from_batches(schema, batches))


def _in_place(kind: pa.DataType) -> pa.DataType:
    return pa.uuid() if kind == pa.binary(16) else kind


def _renamed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same rows, with each column's type as the schema calls it."""
    columns = [
        column if column.type == field.type else pa.ExtensionArray.from_storage(field.type, column)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@dataclass(frozen=True, repr=False)
class FileKey:
    """The data key of one Parquet file and the context that it is bound to."""

    key: bytes
    context: str


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema, key: FileKey) -> Iterator[pq.ParquetWriter]:
    """A writer of an encrypted file; when the block ends, the file is complete and on disk."""
    encryption = pe.create_encryption_properties(
        key.key, aad_prefix=key.context.encode(), store_aad_prefix=False, plaintext_footer=False
    )
    how = {"encryption_properties": encryption, "write_statistics": False}  # nobody seeks in a file: it is read whole
    with pq.ParquetWriter(path, schema, **how, **_packing(schema)) as writer:
        yield writer
    sync(path)


def _packing(schema: pa.Schema) -> dict[str, Any]:
    """How columns are packed: sealed cells, tokens and salts are not, since no two are alike and none gets smaller.

    Trying costs more than writing them. A nested column's path is not its name: such a file is packed whole.
    """
    if any(pa.types.is_nested(field.type) for field in schema):
        return {"compression": "zstd"}
    octets = {field.name for field in schema if _is_octets(field.type)}
    return {
        "compression": {name: "none" if name in octets else "zstd" for name in schema.names},
        "use_dictionary": [name for name in schema.names if name not in octets],
    }


def _is_octets(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def write_parquet(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema, key: FileKey) -> None:
    with parquet_writer(path, schema, key) as writer:
        for batch in batches:
            writer.write_batch(batch)


def open_parquet(path: Path, key: FileKey, few: Collection[str] = ()) -> pq.ParquetFile:
    """An encrypted file for reading. OSError when the key or the context is not the file's own.

    `few`: the columns in which few texts differ. They come as dictionaries: a text is not copied for each row.
    """
    decryption = pe.create_decryption_properties(key.key, aad_prefix=key.context.encode())
    # With `pre_buffer`, the file's octets would stay in memory until the last row was read.
    return pq.ParquetFile(path, decryption_properties=decryption, pre_buffer=False, read_dictionary=list(few))


@contextmanager
def readable(what: str) -> Iterator[None]:
    """For the block that reads encrypted files: damage becomes RefusedError `file.damaged`, which names `what`.

    A fault of the machine (too many open files, a lost disk) becomes TransientError.
    """
    try:
        yield
    except (OSError, pa.ArrowException, duckdb.InvalidInputException) as error:
        if isinstance(error, duckdb.InvalidInputException) and _STREAM_FAILED not in str(error):
            raise  # not the file's fault
        number = getattr(error, "errno", None)  # Arrow's own errors have none
        if number not in (None, errno.ENOENT):
            raise TransientError(f"{what} cannot be read now ({errno.errorcode.get(number, number)}).") from None
        raise RefusedError("file.damaged", f"{what} is damaged or missing: restore it.") from None


def sync(path: Path) -> None:
    """When this returns, the file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
