"""What the live engine decided and heard, as Parquet: for `trace`, for `train`, for anyone.

``authorizations.parquet`` has a row for each authorization and each reversal, with the columns that
`sekisho trace` reads and what was decided; ``fraud.parquet`` the frauds that became known;
``answers.parquet`` everything that was said about an authorization, by whom and when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from sekisho.app.output import OutputFolder
from sekisho.domain.ledger import Decided, Entry, Learnt, Reversed
from sekisho.domain.progress import Progress
from sekisho.journal.reading import read_entries, segments_of
from sekisho.journal.segments import Segment
from sekisho.scoring.engine import approved

BATCH: Final = 50_000
_TIME: Final = pa.timestamp("s", tz="UTC")
_TEXTS: Final = pa.list_(pa.string())
AUTHORIZATIONS: Final = pa.schema(
    [
        ("transaction_id", pa.string()), ("card_ref", pa.string()),
        ("acquirer_id", pa.string()), ("merchant_id", pa.string()), ("terminal_id", pa.string()),
        ("authorized_at", _TIME), ("received_at", _TIME), ("amount_minor", pa.int64()),
        ("currency", pa.string()), ("mcc", pa.string()), ("entry_mode", pa.string()),
        ("eci", pa.string()), ("security_code_result", pa.string()), ("initiator", pa.string()),
        ("country", pa.string()), ("message_type", pa.string()), ("approved", pa.bool_()),
        ("is_fraud", pa.bool_()), ("request_id", pa.string()), ("score", pa.float64()),
        ("ask", pa.bool_()), ("reasons", _TEXTS), ("policy", pa.string()), ("model", pa.string()),
    ]
)  # fmt: skip
FRAUD: Final = pa.schema(
    [
        ("transaction_id", pa.string()), ("card_ref", pa.string()), ("fraud_at", _TIME),
        ("reported_at", _TIME),
    ]
)  # fmt: skip
ANSWERS: Final = pa.schema(
    [
        ("transaction_id", pa.string()), ("card_ref", pa.string()), ("fraud", pa.bool_()),
        ("source", pa.string()), ("known_at", _TIME),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows were written of each kind."""

    authorizations: int
    reversals: int
    frauds: int
    answers: int


def export_journal(data: Path, out: Path, progress: Progress) -> Exported:
    """Write everything that a data folder's journal holds, whole or not at all.

    An engine may be writing to it: the export ends where the journal ended when it began.
    """
    segments = segments_of(data / "journal")
    size = float(segments[-1].end - segments[0].first)
    with OutputFolder(out) as folder:
        progress.step("answers", total=size)
        told = [entry for entry in _moving(segments, progress) if isinstance(entry, Learnt)]
        fraud = {one.label.decision_id: one.label.fraud for one in told}
        said = [_answer(one) for one in told]
        pq.write_table(pa.Table.from_pylist(said, ANSWERS), folder / "answers.parquet")
        first = {one.label.decision_id: one for one in reversed(told) if one.label.fraud}
        frauds = [_fraud(one) for one in first.values() if fraud[one.label.decision_id]]
        pq.write_table(pa.Table.from_pylist(frauds, FRAUD), folder / "fraud.parquet")
        progress.step("authorizations", total=size)
        rows = _rows(_moving(segments, progress), fraud)
        with pq.ParquetWriter(folder / "authorizations.parquet", AUTHORIZATIONS) as writer:
            counts = _write(rows, writer.write_table)
    return Exported(*counts, len(frauds), len(said))


def _moving(segments: list[Segment], progress: Progress) -> Iterator[Entry]:
    before = segments[0].first
    for position, entry in read_entries(segments):
        progress.advance(float(position - before))
        before = position
        yield entry


def _write(rows: Iterator[dict[str, Any]], write: Callable[[pa.Table], None]) -> tuple[int, int]:
    """Write rows in batches; how many are authorizations, and how many reversals."""
    counts, batch = [0, 0], []
    for row in rows:
        counts[row["message_type"] == "reversal"] += 1
        batch.append(row)
        if len(batch) == BATCH:
            write(pa.Table.from_pylist(batch, AUTHORIZATIONS))
            batch = []
    write(pa.Table.from_pylist(batch, AUTHORIZATIONS))
    return counts[0], counts[1]


def _rows(entries: Iterator[Entry], fraud: dict[str, bool]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if isinstance(entry, Decided):
            row = _row(entry)
            row["is_fraud"] = fraud.get(entry.decision.decision_id, False)
            yield row
        elif isinstance(entry, Reversed) and entry.original is not None:
            given_back = entry.original.request.amount_minor - (
                entry.reversal.replacement_minor or 0
            )
            yield _row(entry.original) | {
                "transaction_id": entry.reversal.request_id,
                "received_at": entry.reversal.received_at,
                "authorized_at": entry.reversal.received_at,
                "amount_minor": given_back,
                "message_type": "reversal",
                "is_fraud": False,
            }


def _row(of: Decided) -> dict[str, Any]:
    request, decision = of.request, of.decision
    return {
        "transaction_id": decision.decision_id,
        "card_ref": request.card_ref,
        "acquirer_id": request.acquirer_id,
        "merchant_id": request.merchant_id,
        "terminal_id": request.terminal_id or None,
        "authorized_at": of.at,
        "received_at": request.received_at,
        "amount_minor": request.amount_minor,
        "currency": request.currency or None,
        "mcc": request.mcc or None,
        "entry_mode": request.entry_mode or None,
        "eci": request.eci or None,
        "security_code_result": request.code_result.value,
        "initiator": request.initiator or None,
        "country": request.country or None,
        "message_type": request.kind.value,
        "approved": approved(of),
        "request_id": request.request_id,
        "score": decision.score,
        "ask": decision.ask,
        "reasons": list(decision.reasons),
        "policy": decision.policy,
        "model": decision.model,
    }


def _fraud(one: Learnt) -> dict[str, Any]:
    return {
        "transaction_id": one.label.decision_id,
        "card_ref": one.original.request.card_ref,
        "fraud_at": one.original.at,
        "reported_at": one.label.known_at,
    }


def _answer(one: Learnt) -> dict[str, Any]:
    return {
        "transaction_id": one.label.decision_id,
        "card_ref": one.original.request.card_ref,
        "fraud": one.label.fraud,
        "source": one.label.source.value,
        "known_at": one.label.known_at,
    }
