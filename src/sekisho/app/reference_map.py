"""Files that tie references to references: maps after a change of keys, cards that were looked up.

They hold no number, but they belong with the key: with one of them and old data, what a new key
was to separate is together again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault.link import CARD_REF, KEY_ID_ENTRY, LINK_SCHEMA, PAN_HASH, LookedUp
from sekisho.vault.replace import MAP_SCHEMA

_BATCH = 100_000
_COLUMNS = (CARD_REF, "replaced_by", PAN_HASH)
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


@dataclass(frozen=True, slots=True)
class ReferenceMap:
    """Old references and new ones, in the same order; ``key_id``: the card key of the new ones."""

    old: pa.StringArray
    new: pa.StringArray
    key_id: str


@dataclass(frozen=True, slots=True)
class Translated:
    """What became of one file: columns looked at, references changed, references unknown."""

    columns: tuple[str, ...]
    changed: int
    unknown: int


def read_map(path: Path) -> ReferenceMap:
    """Read a map of references; raises ``BadInput`` for one that contradicts itself."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException, ValueError):
        raise BadInput(f"{path.name} is not there, or not a map of references") from None
    key_id = (table.schema.metadata or {}).get(KEY_ID_ENTRY, b"").decode("ascii", "replace")
    if set(MAP_SCHEMA.names) - set(table.schema.names) or not key_id:
        raise BadInput(
            f"{path.name} is not a map of references",
            hint="sekisho vault rekey and sekisho import --old-references write one.",
        )
    old, new = (table.column(name).combine_chunks() for name in MAP_SCHEMA.names)
    if len(pc.unique(old)) < len(old):
        raise BadInput(f"{path.name} gives two new references for one old one")
    return ReferenceMap(old, new, key_id)


def translated(source: Path, target: Path, known: ReferenceMap) -> Translated:
    """Write ``source`` to ``target`` with the references in ``_COLUMNS`` replaced by the map's.

    A reference that the map does not have stays. Raises ``BadInput`` for files that are not
    Parquet, have no such column, or are of the new card key already.
    """
    changed = unknown = 0
    try:
        with pq.ParquetFile(source) as file:
            schema = file.schema_arrow
            columns = tuple(name for name in _COLUMNS if name in schema.names)
            metadata = dict(schema.metadata or {})
            if not columns:
                raise BadInput(f"{source.name} has none of the columns {', '.join(_COLUMNS)}")
            if metadata.get(KEY_ID_ENTRY, b"").decode("ascii", "replace") == known.key_id:
                raise BadInput(f"{source.name} is under the card key {known.key_id} already")
            metadata[KEY_ID_ENTRY] = known.key_id.encode("ascii")
            with pq.ParquetWriter(
                target, schema.with_metadata(metadata), compression="zstd"
            ) as writer:
                for batch in file.iter_batches():
                    for name in columns:
                        place = batch.schema.get_field_index(name)
                        before = pc.cast(batch.column(place), pa.string())
                        new = known.new.take(pc.index_in(before, value_set=known.old))
                        changed += len(new) - new.null_count
                        unknown += new.null_count - before.null_count
                        after = pc.cast(pc.coalesce(new, before), schema.field(name).type)
                        batch = batch.set_column(place, schema.field(name), after)  # noqa: PLW2901
                    writer.write_batch(batch)
    except (OSError, pa.ArrowException) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not Parquet"
        raise BadInput(f"{source.name} cannot be carried over: {why}") from None
    return Translated(columns, changed, unknown)


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
