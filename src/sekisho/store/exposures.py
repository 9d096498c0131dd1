"""Exposure alerts in the store: what was taken of which cards, since when, until when.

An alert may come in several files; each import is a batch. What is to be watched is written down
here, with a job that hands it to the engine; the engine may be told twice and watches once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.domain.exposure import Alert, Fate, Fated, Funnel
from sekisho.store.canonical import Plain, canonical
from sekisho.store.outbox import NewJob, enqueue
from sekisho.store.people import require
from sekisho.store.tables import instant
from sekisho.store.tables_exposures import exposed_card, exposure_alert, exposure_left_out
from sekisho.store.transaction import Transaction

WATCH: Final = "exposure.watch"
"""The job that hands a batch to the engine: ``alert_id``, ``batch``."""
_SOME: Final = 500


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of an alert file that is not watched."""

    file: str
    row: int
    card_ref: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One import of one alert: what became of its cards, and what could not be read.

    ``day_end``: the last second of a day, in seconds since 1970 UTC.
    """

    alert: Alert
    fated: tuple[Fated, ...]
    unreadable: tuple[LeftOut, ...]
    funnel: Funnel
    watch: str
    file: str
    day_end: Callable[[date], int]


@dataclass(frozen=True, slots=True)
class AlertState:
    """An alert as it stands; ``watched`` counts the cards that are on the watch list by it."""

    alert_id: str
    source: str
    place: str
    elements: tuple[str, ...]
    window: tuple[str | None, str | None]
    received_on: str
    watch: str
    funnel: Mapping[str, Any]
    state: str
    imported_at: datetime
    watched: int


@dataclass(frozen=True, slots=True)
class ExposedCard:
    """A card of an alert; ``withdrawn`` if the alert took it back."""

    card_ref: str
    elements: tuple[str, ...]
    exposed_at: datetime
    until: datetime
    prior_on: str | None
    withdrawn: bool


def named_by(connection: Connection, alert_id: str) -> set[str]:
    """Cards that this alert put on the watch list, and did not take back since."""
    found = select(exposed_card.c.card_ref).where(
        exposed_card.c.alert_id == alert_id, exposed_card.c.withdrawn_us.is_(None)
    )
    return {row.card_ref for row in connection.execute(found)}


def prior_alerts(connection: Connection, alert_id: str, refs: Sequence[str]) -> dict[str, date]:
    """When other alerts that were not cleared named these cards last."""
    told: dict[str, date] = {}
    for first in range(0, len(refs), _SOME):
        found = (
            select(exposed_card.c.card_ref, exposure_alert.c.received_on)
            .join(exposure_alert, exposure_alert.c.alert_id == exposed_card.c.alert_id)
            .where(
                exposed_card.c.card_ref.in_(refs[first : first + _SOME]),
                exposed_card.c.alert_id != alert_id,
                exposure_alert.c.state == "active",
            )
        )
        for row in connection.execute(found):
            day = date.fromisoformat(row.received_on)
            told[row.card_ref] = max(day, told.get(row.card_ref, day))
    return told


def import_batch(tx: Transaction, batch: Batch) -> int:
    """Write a batch with its audit entry and its job; the batch's number.

    An alert that was cleared takes no more cards (``NotAllowed``).
    """
    require(tx, "exposure.import")
    number = _alert(tx, batch)
    watched = [one for one in batch.fated if one.fate is Fate.WATCHED]
    back = [one.card_ref for one in batch.fated if one.fate is Fate.WITHDRAWN]
    known = _withdrawn_before(tx, batch.alert.alert_id)
    rows = [_card_row(batch, number, one) for one in watched]
    new = [row for row in rows if row["card_ref"] not in known]
    if new:
        tx.execute(insert(exposed_card), new)
    for row in rows:
        if row["card_ref"] in known:
            tx.execute(_of_card(row["alert_id"], row["card_ref"]).values(**row, withdrawn_us=None))
    for card_ref in back:
        withdrawn = {"withdrawn_us": tx.now_us, "batch": number}
        tx.execute(_of_card(batch.alert.alert_id, card_ref).values(**withdrawn))
    _left_out(tx, batch, number)
    details = {"batch": number, "file": batch.file, **_counts(batch.funnel)}
    tx.record("exposure.import", f"alert:{batch.alert.alert_id}", details)
    _hand_over(tx, batch.alert.alert_id, number)
    return number


def clear_alert(tx: Transaction, alert_id: str) -> int:
    """Take an alert back as a whole (the merchant was cleared); how many cards it watched."""
    require(tx, "exposure.clear")
    found = alert_of(tx, alert_id)
    if found.state == "cleared":
        raise NotAllowed(f"the alert {alert_id} is cleared already", hint="Nothing is left to do.")
    row = update(exposure_alert).where(exposure_alert.c.alert_id == alert_id)
    batch = tx.execute(
        select(exposure_alert.c.batches).where(exposure_alert.c.alert_id == alert_id)
    ).scalar_one() + 1  # fmt: skip
    tx.execute(row.values(state="cleared", cleared_us=tx.now_us, batches=batch))
    tx.record("exposure.clear", f"alert:{alert_id}", {"cards": found.watched})
    _hand_over(tx, alert_id, batch)
    return found.watched


def alerts(connection: Connection) -> list[AlertState]:
    """Every alert, the newest first."""
    order = exposure_alert.c.imported_us.desc(), exposure_alert.c.alert_id
    return [
        _state(connection, row)
        for row in connection.execute(select(exposure_alert).order_by(*order))
    ]


def alert_of(place: Transaction | Connection, alert_id: str) -> AlertState:
    """One alert; BadInput where there is none."""
    row = place.execute(
        select(exposure_alert).where(exposure_alert.c.alert_id == alert_id)
    ).one_or_none()
    if row is None:
        raise BadInput(f"there is no alert {alert_id[:60]!r}", hint="See: sekisho exposure list")
    return _state(place, row)


def cards_of(
    place: Transaction | Connection, alert_id: str, batch: int | None = None
) -> Iterator[ExposedCard]:
    """The cards of an alert, or of one of its batches, in the order of their references."""
    found = select(exposed_card).where(exposed_card.c.alert_id == alert_id)
    if batch is not None:
        found = found.where(exposed_card.c.batch == batch)
    for row in place.execute(found.order_by(exposed_card.c.card_ref)):
        yield ExposedCard(
            row.card_ref, tuple(json.loads(row.elements)), instant(row.exposed_us),
            instant(row.until_us), row.prior_on, row.withdrawn_us is not None,
        )  # fmt: skip


def left_out_of(connection: Connection, alert_id: str) -> list[LeftOut]:
    """What of an alert is not watched, in the order of the files."""
    found = select(exposure_left_out).where(exposure_left_out.c.alert_id == alert_id)
    order = exposure_left_out.c.batch, exposure_left_out.c.number
    return [
        LeftOut(row.file, row.file_row, row.card_ref, row.reason)
        for row in connection.execute(found.order_by(*order))
    ]


def _alert(tx: Transaction, batch: Batch) -> int:
    """Write the alert, or note another batch of it; the number of this batch."""
    alert = batch.alert
    row = tx.execute(
        select(exposure_alert).where(exposure_alert.c.alert_id == alert.alert_id)
    ).one_or_none()
    values = {"funnel": canonical(_counts(batch.funnel)), "imported_us": tx.now_us}
    if row is None:
        values |= {
            "alert_id": alert.alert_id,
            "source": alert.source.value,
            "place": alert.place,
            "elements": canonical(list(alert.elements)),
            "window_start": _iso(alert.window_start),
            "window_end": _iso(alert.window_end),
            "received_on": alert.received_on.isoformat(),
            "watch": batch.watch,
            "batches": 1,
            "state": "active",
        }
        tx.execute(insert(exposure_alert).values(**values))
        return 1
    if row.state == "cleared":
        raise NotAllowed(
            f"the alert {alert.alert_id} was cleared", hint="Import it under a new id: --alert-id"
        )
    number = int(row.batches) + 1
    change = update(exposure_alert).where(exposure_alert.c.alert_id == alert.alert_id)
    tx.execute(change.values(batches=number, **values))
    return number


def _withdrawn_before(tx: Transaction, alert_id: str) -> set[str]:
    found = select(exposed_card.c.card_ref).where(
        exposed_card.c.alert_id == alert_id, exposed_card.c.withdrawn_us.is_not(None)
    )
    return {row.card_ref for row in tx.execute(found)}


def _of_card(alert_id: Any, card_ref: Any) -> Any:
    return update(exposed_card).where(
        exposed_card.c.alert_id == alert_id, exposed_card.c.card_ref == card_ref
    )


def _card_row(batch: Batch, number: int, one: Fated) -> dict[str, Any]:
    if one.until is None or one.exposed_at is None:
        raise ValueError("a watched card without dates")
    return {
        "alert_id": batch.alert.alert_id,
        "card_ref": one.card_ref,
        "batch": number,
        "elements": canonical(list(one.elements)),
        "exposed_us": one.exposed_at * 1_000_000,
        "until_us": batch.day_end(one.until) * 1_000_000,
        "prior_on": _iso(one.prior_on),
    }


def _left_out(tx: Transaction, batch: Batch, number: int) -> None:
    lines = [
        LeftOut(batch.file, one.row, one.card_ref or None, one.fate.value)
        for one in batch.fated
        if one.fate is not Fate.WATCHED
    ]
    rows = [
        {
            "alert_id": batch.alert.alert_id, "batch": number, "number": at, "file": one.file,
            "file_row": one.row, "card_ref": one.card_ref, "reason": one.reason,
        }
        for at, one in enumerate([*lines, *batch.unreadable], 1)
    ]  # fmt: skip
    if rows:
        tx.execute(insert(exposure_left_out), rows)


def _hand_over(tx: Transaction, alert_id: str, batch: int) -> None:
    payload: dict[str, Plain] = {"alert_id": alert_id, "batch": batch}
    enqueue(tx, [NewJob(WATCH, f"{alert_id}/{batch}", payload, order_key=f"exposure:{alert_id}")])


def _counts(funnel: Funnel) -> dict[str, Any]:
    counts = asdict(funnel)
    return {**{key: counts[key] for key in counts if key != "fates"}, **dict(funnel.fates)}


def _state(place: Transaction | Connection, row: Any) -> AlertState:
    held = select(exposed_card.c.card_ref).where(
        exposed_card.c.alert_id == row.alert_id, exposed_card.c.withdrawn_us.is_(None)
    )
    watched = len(place.execute(held).all()) if row.state == "active" else 0
    return AlertState(
        row.alert_id, row.source, row.place, tuple(json.loads(row.elements)),
        (row.window_start, row.window_end), row.received_on, row.watch, json.loads(row.funnel),
        row.state, instant(row.imported_us), watched,
    )  # fmt: skip


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
