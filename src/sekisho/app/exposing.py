"""Alerts into the watch list: read, judged card by card, kept, handed to the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from sekisho.app.exposed_cards import day_end, is_trace, trace_alerts
from sekisho.domain.authorization import CardExposure
from sekisho.domain.errors import BadInput, NothingToDo, Rejected
from sekisho.domain.exposure import Alert, AlertEntry, Funnel, funnel_of
from sekisho.domain.progress import Progress
from sekisho.rulebook.watch import WatchTable
from sekisho.scoring.watch_list import CardIndex, Known, elements_of, judge
from sekisho.store.exposures import (
    Batch,
    LeftOut,
    alert_of,
    cards_of,
    import_batch,
    named_by,
    prior_alerts,
)
from sekisho.store.outbox import Done, Job, Outcome, Running
from sekisho.store.transaction import Store
from sekisho.vault.alert_file import AlertMapping, AlertRow, read_alert_rows
from sekisho.vault.pan import redact
from sekisho.vault.surrogate import CardRefs

_ID_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class ReadAlert:
    """An alert that was read, with the lines of its file that could not be."""

    alert: Alert
    rejected: tuple[Rejected, ...]
    file: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How alert files are read. ``alert_id`` "": the file's own, or its name; ``today``: local."""

    mapping: AlertMapping | None
    refs: CardRefs | None
    today: date
    zone: ZoneInfo
    alert_id: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one alert. ``batch`` None: nothing was written (a try)."""

    alert: Alert
    funnel: Funnel
    file: str
    batch: int | None
    checked: bool


def read_alerts(path: Path, reading: Reading) -> list[ReadAlert]:
    """The alerts of a trace's folder or of an alert file; BadInput where it is neither."""
    if is_trace(path):
        name = path.name if path.is_dir() else path.parent.name
        return [ReadAlert(one, (), name) for one in trace_alerts(path, reading.zone)]
    if reading.mapping is None:
        raise BadInput(
            f"{redact(path.name)} is no trace, and nothing says what its columns are.",
            hint="Give --mapping FILE; docs/reference/exposures.md shows one.",
        )
    return _file_alerts(path, reading, reading.mapping)


def _file_alerts(path: Path, reading: Reading, mapping: AlertMapping) -> list[ReadAlert]:
    rows = read_alert_rows(path, mapping, reading.refs)
    name = redact(path.name)
    if not rows.rows and not rows.rejected:
        raise NothingToDo(f"{name} names no card.", hint="Is it the right file?")
    by_alert: dict[str, list[AlertRow]] = defaultdict(list)
    fallback = reading.alert_id or str(mapping.constants.get("alert_id") or redact(path.stem))
    for row in rows.rows:
        by_alert[row.alert_id or fallback].append(row)
    if not by_alert:
        by_alert[fallback] = []
    rejected = tuple(rows.rejected)
    told = []
    for alert_id, lines in by_alert.items():
        told.append(ReadAlert(_alert(alert_id, lines, reading, mapping), rejected, name))
        rejected = ()  # a line that cannot be read may not say whose it is: counted once
    return told


def _alert(
    alert_id: str, rows: Sequence[AlertRow], reading: Reading, mapping: AlertMapping
) -> Alert:
    constants = mapping.constants
    starts = [row.window_start for row in rows if row.window_start]
    ends = [row.window_end for row in rows if row.window_end]
    received = [row.received_on for row in rows if row.received_on]
    words = constants.get("elements", ())
    return Alert(
        alert_id=alert_id[:_ID_LONGEST],
        source=mapping.source,
        received_on=max(received, default=_day(constants, "received_on") or reading.today),
        elements=tuple([words] if isinstance(words, str) else words),
        entries=tuple(_entry(row, reading) for row in rows),
        window_start=min(starts, default=_day(constants, "window_start")),
        window_end=max(ends, default=_day(constants, "window_end")),
        place=str(constants.get("place", "")),
    )


def _entry(row: AlertRow, reading: Reading) -> AlertEntry:
    day = row.exposed_on or row.window_end
    return row.entry if day is None else replace(row.entry, exposed_at=day_end(day, reading.zone))


def _day(constants: Mapping[str, Any], name: str) -> date | None:
    value = constants.get(name)
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise BadInput(f"[constants] {name} is no date.", hint="Write 2026-03-31.") from None


@dataclass(frozen=True, slots=True)
class Importing:
    """Everything that an import needs beside the alerts. ``try_only`` writes nothing."""

    store: Store
    actor: str
    reason: str
    table: WatchTable
    cards: CardIndex | None
    today: date
    zone: ZoneInfo
    try_only: bool = False


def import_alerts(read: Sequence[ReadAlert], by: Importing, progress: Progress) -> list[Imported]:
    """Judge and keep alerts: all of them in one transaction, or none."""
    progress.step("judge", total=float(len(read)))
    for one in read:
        if not one.alert.elements and not all(entry.elements for entry in one.alert.entries):
            raise BadInput(
                f"{one.file} does not say what was taken.",
                hint='Say it in the mapping: [constants] elements = ["pan", "expiry"]',
            )
        elements_of(one.alert.elements, by.table)  # said before anything is written
    if by.try_only:
        with by.store.read() as connection:
            batches = [_batch(one, by, _known(connection, one.alert, by)) for one in read]
        return [_told(batch, by, None) for batch in batches]
    told = []
    with by.store.transaction(by.actor, by.reason) as tx:
        for one in read:
            batch = _batch(one, by, _known(tx.bookkeeping, one.alert, by))
            told.append(_told(batch, by, import_batch(tx, batch)))
            progress.advance(1.0)
    return told


def _known(connection: Connection, alert: Alert, by: Importing) -> Known:
    refs = [entry.card_ref for entry in alert.entries if entry.card_ref]
    if by.cards is not None:
        found = (by.cards.found(entry) for entry in alert.entries if not entry.card_ref)
        refs += [cards[0].card_ref for cards in found if len(cards) == 1]
    return Known(
        by.cards,
        named_by(connection, alert.alert_id),
        prior_alerts(connection, alert.alert_id, refs),
        by.today,
        lambda day: day_end(day, by.zone),
    )


def _batch(one: ReadAlert, by: Importing, known: Known) -> Batch:
    fated = tuple(judge(one.alert, known, by.table))
    unreadable = tuple(
        LeftOut(one.file, bad.row, None, f"unreadable: {bad.field}: {bad.reason}")
        for bad in one.rejected
    )
    return Batch(
        one.alert, fated, unreadable, funnel_of(fated, len(unreadable)),
        f"{by.table.version}@{by.table.sha256[:12]}", one.file, known.day_end,
    )  # fmt: skip


def _told(batch: Batch, by: Importing, number: int | None) -> Imported:
    return Imported(batch.alert, batch.funnel, batch.file, number, by.cards is not None)


def needs_cards(mapping: AlertMapping | None) -> bool:
    """Whether a mapping names cards in a way that only a card file can resolve."""
    return mapping is not None and "bin" in mapping.columns


class Watcher(Protocol):
    """The part of `domain.authorization.Desk` that the watch list needs.

    The engine is called from one thread alone: what is given here passes the calls on to it.
    """

    def expose(self, exposures: Sequence[CardExposure]) -> None:
        """Put cards on the watch list; a repeat changes nothing."""

    def clear(self, alert_id: str) -> int:
        """Take what an alert put there off it."""


def exposure_id(alert_id: str, batch: int) -> str:
    """What the engine knows a batch of an alert by: what is cleared there never comes back."""
    return f"{alert_id}#{batch}"


class HandToEngine:
    """Runs the jobs ``exposure.watch``: may run twice, and the engine watches each card once.

    The engine takes back whole batches alone. So a batch that withdraws cards takes back all
    batches before it and brings the cards that are left under its own id.
    """

    def __init__(self, engine: Watcher) -> None:
        self._engine = engine

    def handle(self, job: Job, running: Running) -> Outcome:
        """Hand the cards of a batch over, and take back what was withdrawn or cleared."""
        alert_id, batch = str(job.payload["alert_id"]), int(job.payload["batch"])
        with running.store.read() as connection:
            alert = alert_of(connection, alert_id)
            cards = list(cards_of(connection, alert_id, batch))
            cleared = alert.state == "cleared"
            renewed = not cleared and any(card.withdrawn for card in cards)
            if renewed:
                cards = list(cards_of(connection, alert_id))
        known_at = int(alert.imported_at.timestamp())
        running.confirm()
        if cleared or renewed:
            for number in range(1, batch + cleared):
                self._engine.clear(exposure_id(alert_id, number))
        self._engine.expose([
            CardExposure(
                exposure_id(alert_id, batch), card.card_ref,
                int(card.exposed_at.timestamp()), known_at, int(card.until.timestamp()),
                card.elements,
            )
            for card in cards
            if not (cleared or card.withdrawn)
        ])  # fmt: skip
        return Done()
