"""The vault link: the caller's own card references and the keyed hashes of their numbers.

Files go back out under the caller's own reference; live traffic (ISO 8583) comes under the keyed
hash. The link joins the two, in bulk. One reference that stands for two numbers is ambiguous:
it is never guessed at, but counted and kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.domain.errors import BadInput
from sekisho.vault.pan import redact

CARD_REF: Final = "card_ref"
PAN_HASH: Final = "pan_hash"
LINK_SCHEMA: Final = pa.schema([(CARD_REF, pa.string()), (PAN_HASH, pa.string())])
KEY_ID_ENTRY: Final = b"sekisho.card_key_id"


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was found for references that were asked for, each asked for once.

    ``pairs``: ``card_ref``, ``pan_hash`` of those with one number; ``ambiguous``: all pairs of
    those with more; ``unknown``: references that the link does not have.
    """

    pairs: pa.Table
    ambiguous: pa.Table
    unknown: pa.StringArray


@dataclass(frozen=True, slots=True)
class VaultLink:
    """``sure``: one hash for each reference; ``ambiguous``: the pairs of all others."""

    sure: pa.Table
    ambiguous: pa.Table
    key_id: str

    def hashes_of(self, refs: Iterable[str] | pa.Array) -> LookedUp:
        """Look up the caller's own references, all at once."""
        asked = pc.unique(pa.array(refs, pa.string()).drop_null())
        pairs = _with(self.sure, CARD_REF, asked)
        ambiguous = _with(self.ambiguous, CARD_REF, asked)
        known = pa.concat_tables([pairs, ambiguous]).column(CARD_REF).combine_chunks()
        unknown = asked.filter(pc.invert(pc.is_in(asked, value_set=known)))
        return LookedUp(pairs, ambiguous, unknown)

    def refs_of(self, hashes: Iterable[str] | pa.Array) -> pa.Table:
        """Look up keyed hashes; return every sure pair that has one of them.

        A number may have several of the caller's references; all of them are given.
        """
        asked = pc.unique(pa.array(hashes, pa.string()).drop_null())
        return _with(self.sure, PAN_HASH, asked)


def build(pairs: pa.Table, key_id: str) -> VaultLink:
    """Return the link of (``card_ref``, ``pan_hash``) pairs; repeats do not matter."""
    distinct = pairs.select(LINK_SCHEMA.names).group_by(LINK_SCHEMA.names).aggregate([])
    counts = distinct.group_by(CARD_REF).aggregate([(PAN_HASH, "count")])
    several = counts.filter(pc.greater(counts.column(f"{PAN_HASH}_count"), 1)).column(CARD_REF)
    apart = pc.is_in(distinct.column(CARD_REF), value_set=several.combine_chunks())
    order = [(CARD_REF, "ascending"), (PAN_HASH, "ascending")]
    return VaultLink(
        distinct.filter(pc.invert(apart)).sort_by(order),
        distinct.filter(apart).sort_by(order),
        key_id,
    )


def read_link(paths: Iterable[Path]) -> VaultLink:
    """Read link files that ``sekisho import`` wrote, together; raises ``BadInput``.

    Files of different card keys do not go together: the same number has another hash in each.
    """
    tables, keys = [], {}
    for path in paths:
        name = redact(path.name)
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException, ValueError):
            raise BadInput(
                f"{name} is not there, or not a link file", hint="sekisho import writes it."
            ) from None
        key_id = (table.schema.metadata or {}).get(KEY_ID_ENTRY, b"").decode("ascii", "replace")
        if not key_id or set(LINK_SCHEMA.names) - set(table.schema.names):
            raise BadInput(f"{name} is not a link file", hint="sekisho import writes it.")
        keys[key_id] = name
        tables.append(table.select(LINK_SCHEMA.names).cast(LINK_SCHEMA))
    if len(keys) != 1:
        made = ", ".join(f"{name}: {key}" for key, name in sorted(keys.items()))
        raise BadInput(
            f"the link files are of different card keys ({made})" if keys else "no link file given",
            hint="Import all of them with the key that is active now.",
        )
    return build(pa.concat_tables(tables), next(iter(keys)))


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table.column(column), value_set=values))
