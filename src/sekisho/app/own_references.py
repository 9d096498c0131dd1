"""Gives ``replaced_by`` the caller's own references where the file's cards are under them.

An import turns the number of the replacing card into the keyed hash at once. Beside a caller's own
``card_ref`` that would tie cards to nothing; which reference the hash has is known when the link
is complete.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.vault.link import CARD_REF, PAN_HASH


def own_references(folder: Path, name: str, column: str, link: str) -> int:
    """Rewrite ``column`` of a file in ``folder``; return how many values became empty.

    A hash with no reference in the link, or with several, cannot be translated. Holds
    references only.
    """
    pairs = pq.read_table(folder / link)
    counts = pairs.group_by(PAN_HASH).aggregate([(PAN_HASH, "count")])
    single = counts.filter(pc.equal(counts.column(f"{PAN_HASH}_count"), 1)).column(PAN_HASH)
    sure = pairs.filter(pc.is_in(pairs.column(PAN_HASH), value_set=single.combine_chunks()))
    hashes = sure.column(PAN_HASH).combine_chunks()
    own = sure.column(CARD_REF).combine_chunks()
    path, beside = folder / name, folder / f".{name}.new"
    lost = 0
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        place = schema.get_field_index(column)
        with pq.ParquetWriter(beside, schema, compression="zstd") as writer:
            for batch in file.iter_batches():
                before = batch.column(place)
                after = own.take(pc.index_in(before, value_set=hashes))
                lost += after.null_count - before.null_count
                writer.write_batch(batch.set_column(place, column, pc.cast(after, pa.string())))
    beside.replace(path)
    return lost
