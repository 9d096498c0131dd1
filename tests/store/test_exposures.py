"""Alerts in the store: whole or not at all, with their audit entry and one job a batch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from sekisho.app.exposing import HandToEngine, exposure_id
from sekisho.domain.authorization import CardExposure
from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.domain.exposure import Alert, AlertSource, Fate, Fated, funnel_of
from sekisho.store.exposures import (
    WATCH,
    Batch,
    LeftOut,
    alert_of,
    alerts,
    cards_of,
    clear_alert,
    import_batch,
    left_out_of,
    named_by,
    prior_alerts,
)
from sekisho.store.tables import audit_entry, outbox_job
from sekisho.store.worker import Worker
from store.making import Made

ALERT = Alert(
    "架空スキーム/31-0007", AlertSource.SCHEME, date(2031, 3, 1), ("pan", "security_code"), (),
    date(2030, 6, 1), date(2030, 12, 31),
)  # fmt: skip
UNTIL = date(2033, 5, 31)


def day_end(day: date) -> int:
    after = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return int(after.timestamp()) - 1


def watched(row: int, card: str, prior: date | None = None) -> Fated:
    return Fated(row, card, Fate.WATCHED, UNTIL, 1_900_000_000, ALERT.elements, prior)


def batch(*fated: Fated, alert: Alert = ALERT, bad: int = 0) -> Batch:
    unreadable = tuple(LeftOut("a.csv", 90 + k, None, "unreadable: pan") for k in range(bad))
    funnel = funnel_of(fated, bad)
    return Batch(alert, fated, unreadable, funnel, "2026-11@abc", "a.csv", day_end)


def bring(made: Made, one: Batch, person: str = "s-02") -> int:
    with made.store.transaction(f"person:{person}", "an alert came") as tx:
        return import_batch(tx, one)


class Engine:
    """Remembers what it was told, as the engine's promise says: a repeat changes nothing, and an
    alert that was cleared takes no more cards."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, str], CardExposure] = {}
        self.gone: set[str] = set()
        self.calls = 0

    def expose(self, exposures: Sequence[CardExposure]) -> None:
        for one in exposures:
            self.calls += 1
            if one.alert_id not in self.gone:
                self.told.setdefault((one.alert_id, one.card_ref), one)

    def clear(self, alert_id: str) -> int:
        self.gone.add(alert_id)
        return sum(alert == alert_id for alert, _ in self.told)

    @property
    def watched(self) -> list[str]:
        return sorted(card for alert, card in self.told if alert not in self.gone)


def work(made: Made, engine: Engine) -> None:
    worker = Worker(
        made.store, made.outbox(), {WATCH: HandToEngine(engine)}, name="engine-1", threads=1
    )
    worker.run(threading.Event(), until_empty=True)


def test_an_alert_is_kept_with_all_that_it_names(fresh: Made) -> None:
    fresh.cast()
    left = Fated(4, "c3", Fate.REISSUED)
    assert (
        bring(fresh, batch(watched(2, "c1", date(2029, 1, 1)), watched(3, "c2"), left, bad=2)) == 1
    )
    with fresh.store.read() as connection:
        one = alert_of(connection, ALERT.alert_id)
        cards = list(cards_of(connection, ALERT.alert_id))
        apart = left_out_of(connection, ALERT.alert_id)
        entry = connection.execute(
            select(audit_entry).where(audit_entry.c.action == "exposure.import")
        ).one()
    assert (one.watched, one.state, one.window) == (2, "active", ("2030-06-01", "2030-12-31"))
    assert one.funnel["in_alert"] == 5
    assert one.funnel["reissued"] == 1
    assert [card.card_ref for card in cards] == ["c1", "c2"]
    assert cards[0].prior_on == "2029-01-01"
    assert cards[0].until == datetime(2033, 5, 31, 23, 59, 59, tzinfo=UTC)
    assert [line.reason for line in apart] == ["reissued", "unreadable: pan", "unreadable: pan"]
    assert entry.subject == f"alert:{ALERT.alert_id}"
    assert '"watched":2' in entry.details


def test_the_engine_is_told_each_card_once_even_if_the_job_runs_twice(fresh: Made) -> None:
    fresh.cast()
    engine = Engine()
    bring(fresh, batch(watched(2, "c1"), watched(3, "c2")))
    work(fresh, engine)
    assert engine.watched == ["c1", "c2"]
    one = engine.told[exposure_id(ALERT.alert_id, 1), "c1"]
    assert (one.exposed_at, one.data_taken) == (1_900_000_000, ("pan", "security_code"))
    assert one.until == day_end(UNTIL)
    with fresh.store.database.write() as connection:  # as if the worker had died after its work
        connection.execute(outbox_job.update().values(state="waiting", due_us=0, finished_us=None))
    work(fresh, engine)
    assert (engine.watched, engine.calls) == (["c1", "c2"], 4)


def test_cards_are_withdrawn_come_back_and_are_cleared(fresh: Made) -> None:
    fresh.cast()
    engine = Engine()
    bring(fresh, batch(watched(2, "c1"), watched(3, "c2")))
    bring(fresh, batch(Fated(2, "c1", Fate.WITHDRAWN)))
    work(fresh, engine)
    assert engine.watched == ["c2"]
    with fresh.store.read() as connection:
        assert named_by(connection, ALERT.alert_id) == {"c2"}
    bring(fresh, batch(watched(2, "c1")))
    work(fresh, engine)
    assert engine.watched == ["c1", "c2"]
    with fresh.store.transaction("person:s-04", "the merchant was cleared") as tx:
        assert clear_alert(tx, ALERT.alert_id) == 2
    work(fresh, engine)
    assert engine.watched == []
    with fresh.store.read() as connection:
        assert [(one.state, one.watched) for one in alerts(connection)] == [("cleared", 0)]
    with pytest.raises(NotAllowed, match="was cleared"):
        bring(fresh, batch(watched(2, "c5")))
    with (
        pytest.raises(NotAllowed, match="cleared already"),
        fresh.store.transaction("person:s-04", "again") as tx,
    ):
        clear_alert(tx, ALERT.alert_id)


def test_earlier_alerts_are_known_unless_they_were_cleared(fresh: Made) -> None:
    fresh.cast()
    older = replace(ALERT, alert_id="架空/1", received_on=date(2030, 1, 1))
    newer = replace(ALERT, alert_id="架空/2", received_on=date(2030, 7, 1))
    bring(fresh, batch(watched(2, "c1"), alert=older))
    bring(fresh, batch(watched(2, "c1"), alert=newer))
    with fresh.store.read() as connection:
        told = prior_alerts(connection, ALERT.alert_id, ["c1", "c2"])
        assert told == {"c1": date(2030, 7, 1)}
        assert prior_alerts(connection, "架空/2", ["c1"]) == {"c1": date(2030, 1, 1)}
    with fresh.store.transaction("person:s-02", "a mistake of theirs") as tx:
        clear_alert(tx, "架空/2")
    with fresh.store.read() as connection:
        assert prior_alerts(connection, ALERT.alert_id, ["c1"]) == {"c1": date(2030, 1, 1)}


def test_who_may_not_changes_nothing(fresh: Made) -> None:
    fresh.cast()
    with pytest.raises(NotAllowed, match=r"exposure\.import"):
        bring(fresh, batch(watched(2, "c1")), person="s-03")
    with fresh.store.read() as connection:
        assert alerts(connection) == []
        assert connection.execute(select(outbox_job)).all() == []
        with pytest.raises(BadInput, match="there is no alert"):
            alert_of(connection, ALERT.alert_id)
