"""Parquet, Arrow (Feather) and ORC files, batch by batch; nested columns as their text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

from sekisho.discovery.finding import Report
from sekisho.discovery.grid import SHORTEST, GridScan, Lines, Values
from sekisho.discovery.opening import Source
from sekisho.discovery.text import Machine

_BATCH: Final = 1 << 15


def columnar(source: Source, machine: Machine, sample: int | None, kind: str) -> Iterator[Report]:
    """Look through every column that can hold a number or a text.

    ``kind``: parquet, arrow or orc.
    """
    names, batches = _opened(source, kind)
    scan = GridScan(machine, source.path, names, lambda name, row: f"{name}[{row}]")
    read = 0
    for batch in batches:
        part = batch if sample is None else batch.slice(0, max(sample - read, 0))
        if not part.num_rows:
            break
        yield from scan.feed([_texts(column) for column in part.columns])
        read += part.num_rows


def _opened(source: Source, kind: str) -> tuple[list[str], Iterator[Any]]:
    """Names of the columns, and the rows in batches of bounded size."""
    if kind == "parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - only where it is needed

        file = pq.ParquetFile(source.seekable())
        return file.schema_arrow.names, file.iter_batches(batch_size=_BATCH)
    if kind == "orc":
        from pyarrow import orc  # noqa: PLC0415

        striped = orc.ORCFile(source.seekable())
        parts = (striped.read_stripe(at) for at in range(striped.nstripes))
        return striped.schema.names, _cut(parts)
    from pyarrow import ipc  # noqa: PLC0415

    reader = ipc.open_file(io.BytesIO(source.whole()))
    return reader.schema.names, _cut(
        reader.get_batch(at) for at in range(reader.num_record_batches)
    )


def _cut(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        for begin in range(0, batch.num_rows, _BATCH):
            yield batch.slice(begin, _BATCH)


def _texts(column: Any) -> Values:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_temporal(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return Lines(b"", len(column), lambda: [None] * len(column))
    if pa.types.is_integer(kind):
        column = column.cast(pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return _slowly(column)
    longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest < SHORTEST:
        return Lines(b"", len(column), lambda: _slowly(column))
    wide = pa.large_string()
    nothing, end = pa.scalar("", wide), pa.scalar("\n", wide)
    ended = pc.binary_join_element_wise(column.cast(wide), nothing, end, null_handling="replace")
    text = _bytes_of(ended)
    if text.count(b"\n") != len(column):  # values of several lines
        return _slowly(column)
    return Lines(text, len(column), lambda: _slowly(column))


def _bytes_of(strings: Any) -> bytes:
    """All strings of an array, one after the other."""
    import numpy as np  # noqa: PLC0415

    _, places, data = strings.buffers()
    if data is None:
        return b""
    begins = np.frombuffer(places, dtype=np.int64)
    first, last = begins[strings.offset], begins[strings.offset + len(strings)]
    return bytes(memoryview(data)[int(first) : int(last)])


def _slowly(column: Any) -> list[str | bytes | None]:
    values: list[Any] = column.to_pylist()
    return [
        value if value is None or isinstance(value, str | bytes) else _text(value)
        for value in values
    ]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ""
    return str(value)
