"""Files that tie references to references: maps after a change of keys, cards that were looked up.

They hold no number, but they belong with the key: with one of them and old data, what a new key
was to separate is together again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault.link import CARD_REF, KEY_ID_ENTRY, LINK_SCHEMA, PAN_HASH, LookedUp
from sekisho.vault.replace import MAP_SCHEMA

_BATCH = 100_000
APART_SCHEMA = pa.schema([(CARD_REF, pa.string()), (PAN_HASH, pa.string()), ("why", pa.string())])


def write_map(path: Path, pairs: Iterator[tuple[str, str]], key_id: str) -> int:
    """Write (old reference, new reference) pairs whole or not at all; return how many."""
    count = 0
    with _writer(path, MAP_SCHEMA, key_id) as writer:
        while batch := list(islice(pairs, _BATCH)):
            columns = [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=MAP_SCHEMA))
            count += len(batch)
    return count


def write_looked_up(path: Path, found: LookedUp, key_id: str) -> Path | None:
    """Write the cards that were found, and beside them those that were not; return the latter."""
    with _writer(path, LINK_SCHEMA, key_id) as writer:
        writer.write_table(found.pairs.cast(LINK_SCHEMA))
    rows = [(*pair.values(), "ambiguous") for pair in found.ambiguous.to_pylist()]
    rows += [(ref, None, "unknown") for ref in found.unknown.to_pylist()]
    if not rows:
        return None
    apart = path.with_name(f"{path.stem}-apart.parquet")
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    with _writer(apart, APART_SCHEMA, key_id) as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=APART_SCHEMA))
    return apart


@contextmanager
def _writer(path: Path, schema: pa.Schema, key_id: str) -> Iterator[pq.ParquetWriter]:
    """Give a writer of a new file with mode 0600, which appears when the block ends well."""
    if path.exists():
        raise BadInput(f"{path.name} exists and is not overwritten", hint="Choose a new name.")
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        metadata = {KEY_ID_ENTRY: key_id.encode("ascii")}
        with pq.ParquetWriter(beside, schema.with_metadata(metadata), compression="zstd") as writer:
            yield writer
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError as error:
        raise OutputFailed(f"{path.name} could not be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
