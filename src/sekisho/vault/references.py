"""Lists of card references that a command is to act on."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc

from sekisho.domain.errors import BadInput, ClearCardNumbers, MissingColumn, NothingToDo
from sekisho.vault.columns import as_text, column_holds_card_numbers
from sekisho.vault.files import ColumnNames, read_chunks, shown
from sekisho.vault.link import CARD_REF


def read_references(path: Path) -> list[str]:
    """Return the distinct values of ``card_ref`` in a Parquet or CSV file, in its order.

    Raises ``MissingColumn``, ``BadInput`` for rows that cannot be read (a list that someone acts
    on has to be whole), ``ClearCardNumbers`` for a list of card numbers.
    """
    found: dict[str, None] = {}
    for chunk in read_chunks(path, ColumnNames()):
        if chunk.rejected:
            bad = chunk.rejected[0]
            raise BadInput(f"{bad.file}, row {bad.row}: {bad.reason}", hint="Mend the list first.")
        if CARD_REF not in chunk.rows.schema.names:
            raise MissingColumn(f"{shown(path)} has no column {CARD_REF}")
        values = as_text(chunk.rows.column(CARD_REF))
        if values is None:
            raise BadInput(f"{shown(path)}: column {CARD_REF} does not hold text")
        distinct = pc.unique(values.drop_null()).to_pylist()
        if column_holds_card_numbers(distinct):
            raise ClearCardNumbers(
                f"{shown(path)}: column {CARD_REF} holds card numbers",
                hint="Give the references that sekisho import made of them.",
            )
        found.update(dict.fromkeys(value for value in distinct if value))
    if not found:
        raise NothingToDo(f"{shown(path)} names no card")
    return list(found)
