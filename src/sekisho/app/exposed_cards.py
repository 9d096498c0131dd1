"""Exposed cards as a trace wrote them, as alerts: one for each finding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sekisho.domain.authorization import CardExposure
from sekisho.domain.errors import BadInput, ClearCardNumbers
from sekisho.domain.exposure import Alert, AlertEntry, AlertSource, Fate
from sekisho.rulebook.watch import shipped
from sekisho.scoring.watch_list import Known, judge
from sekisho.vault.columns import column_holds_card_numbers
from sekisho.web.report.findings_reader import check_schema

CARDS: Final = "exposed_cards.parquet"
FINDINGS: Final = "findings.json"
UNTOLD: Final = ("pan", "expiry")
"""What is taken for granted where the misuse does not show what was taken: the least that pays."""
_SAMPLE: Final = 10_000


def is_trace(path: Path) -> bool:
    """Whether a path is the folder of a trace, or one of its two files."""
    return path.name in (CARDS, FINDINGS) or (path.is_dir() and (path / FINDINGS).exists())


def trace_alerts(path: Path, zone: ZoneInfo) -> list[Alert]:
    """The alerts of a trace: its findings with their exposed cards. BadInput if it is none."""
    folder = path if path.is_dir() else path.parent
    document = _document(folder)
    cards = _cards(folder)
    as_of = date.fromisoformat(document["as_of"])
    told = []
    for finding in document["findings"]:
        kind, entity = str(finding["entity_kind"]), str(finding["entity_id"])
        mine = cards.filter(
            pc.and_(
                pc.equal(cards["entity_kind"].cast(pa.string()), kind),
                pc.equal(cards["entity_id"].cast(pa.string()), entity),
            )
        )
        told.append(
            Alert(
                alert_id=f"trace/{as_of.isoformat()}/{kind}/{entity}",
                source=AlertSource.TRACE,
                received_on=as_of,
                elements=tuple(finding.get("data_taken") or UNTOLD),
                entries=_entries(mine, zone),
                window_start=date.fromisoformat(finding["window_start"]),
                window_end=date.fromisoformat(finding["window_end"]),
                place=f"{kind}/{entity}",
            )
        )
    return told


def watched_cards(folders: Sequence[Path], timezone: str) -> list[CardExposure]:
    """The cards that traces put on the watch list from the end of their as-of day on."""
    zone = ZoneInfo(timezone)
    return [
        one
        for folder in folders
        for alert in trace_alerts(folder, zone)
        for one in _watched(alert, zone)
    ]


def _watched(alert: Alert, zone: ZoneInfo) -> list[CardExposure]:
    known = Known(None, (), {}, alert.received_on, lambda day: day_end(day, zone))
    known_at = day_end(alert.received_on, zone)
    return [
        CardExposure(
            alert.alert_id, one.card_ref, one.exposed_at, known_at, day_end(one.until, zone),
            one.elements,
        )
        for one in judge(alert, known, shipped())
        if one.fate is Fate.WATCHED and one.until and one.exposed_at
    ]  # fmt: skip


def day_end(day: date, zone: ZoneInfo) -> int:
    """The last second of a day in a zone, in seconds since 1970 UTC."""
    after = day + timedelta(days=1)
    return int(datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()) - 1


def _document(folder: Path) -> Any:
    try:
        return check_schema(json.loads((folder / FINDINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{folder.name}: {FINDINGS} cannot be read.", hint="Name a folder of sekisho trace."
        ) from error


def _cards(folder: Path) -> pa.Table:
    wanted = ["card_ref", "entity_kind", "entity_id", "last_exposed_at"]
    try:
        table = pq.read_table(folder / CARDS, columns=wanted)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise BadInput(
            f"{folder.name}: {CARDS} cannot be read.", hint="Name a folder of sekisho trace."
        ) from error
    sample = table["card_ref"].slice(0, _SAMPLE).cast(pa.string()).to_pylist()
    if column_holds_card_numbers([ref for ref in sample if ref]):
        raise ClearCardNumbers(f"{CARDS} holds card numbers.", hint="sekisho import, then trace.")
    return table


def _entries(cards: pa.Table, zone: ZoneInfo) -> tuple[AlertEntry, ...]:
    moments = cards["last_exposed_at"].to_pylist()
    refs = cards["card_ref"].cast(pa.string()).to_pylist()
    return tuple(
        AlertEntry(row, str(ref), exposed_at=_instant(moment, zone))
        for row, (ref, moment) in enumerate(zip(refs, moments, strict=True), 1)
    )


def _instant(moment: datetime | date | None, zone: ZoneInfo) -> int | None:
    """Seconds since 1970 UTC; a moment without a zone is wall-clock time in ``zone``."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return day_end(moment, zone)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return int(aware.astimezone(UTC).timestamp())
