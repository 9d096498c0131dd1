"""A history played in parts gives what one go gives; labels and exposures come on their day."""

from __future__ import annotations

import numpy as np
import pytest

from sekisho.scoring import replay
from sekisho.scoring.kernel import expose, label, run
from sekisho.scoring.layout import DATA_CODE, DATA_EXPIRY, DAY
from sekisho.scoring.messages import Authorizations, delayed_labels, no_labels
from sekisho.scoring.slots import Slot
from sekisho.scoring.state import new_state

CARDS, SHOPS, ROWS = 12, 5, 700
START = 18_000 * DAY


def purchases(seed: int) -> tuple[Authorizations, np.ndarray]:
    rng = np.random.default_rng(seed)
    at = START + np.sort(rng.integers(0, 40 * DAY, ROWS))
    of = Authorizations(
        at, rng.integers(0, CARDS, ROWS).astype(np.int32),
        rng.integers(0, SHOPS, ROWS).astype(np.int32), np.arange(ROWS),
        rng.integers(1, 9_000, ROWS), np.zeros(ROWS, np.int16), np.full(ROWS, 4, np.int8),
        np.zeros(ROWS, np.int8), np.ones(ROWS, np.int8), np.ones(ROWS, np.int8),
    )  # fmt: skip
    return of, (rng.random(ROWS) < 0.1).astype(np.int8)


def played(of: Authorizations, labels: object, exposures: replay.Exposures | None) -> np.ndarray:
    state = new_state(CARDS, SHOPS, events=ROWS)
    parts = replay.play(state, of, labels, exposures)  # type: ignore[arg-type]
    return np.concatenate([vectors.copy() for _, _, vectors in parts])


def test_parts_give_what_one_go_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    of, fraud = purchases(1)
    labels = delayed_labels(of, fraud, 7 * DAY)
    whole = run(new_state(CARDS, SHOPS, events=ROWS), of, labels)[1]
    for size in (1, 7, 699, 700, 10_000):
        monkeypatch.setattr(replay, "PART_ROWS", size)
        assert played(of, labels, None).tobytes() == whole.tobytes(), size


def test_exposures_are_what_a_loop_would_do() -> None:
    of, fraud = purchases(2)
    labels = delayed_labels(of, fraud, 7 * DAY)
    rng = np.random.default_rng(3)
    known_at = np.sort(np.append(rng.integers(START, START + 40 * DAY, 4), of.at[[100, 400]]))
    exposures = replay.Exposures(
        known_at, rng.integers(0, CARDS, 6).astype(np.int32), known_at - DAY,
        known_at + rng.integers(1, 20, 6) * DAY, rng.choice([DATA_CODE, DATA_EXPIRY], 6),
    )  # fmt: skip
    state = new_state(CARDS, SHOPS, events=ROWS)
    naive = []
    learnt = watched = 0
    for row in range(ROWS):
        while watched < 6 and known_at[watched] <= of.at[row]:
            expose(
                state, exposures.card[watched], exposures.exposed_at[watched], known_at[watched],
                exposures.until[watched], exposures.data[watched],
            )  # fmt: skip
            watched += 1
        while learnt < ROWS and labels.known_at[learnt] <= of.at[row]:
            label(state, labels, learnt)
            learnt += 1
        one = Authorizations(*(column[row : row + 1] for column in of))
        state, vector = run(state, one, no_labels())
        naive.append(vector[0].copy())
    found = played(of, labels, exposures)
    assert found.tobytes() == np.array(naive).tobytes()
    assert found[:, Slot.EXPOSED].sum() > 20
    assert 0 < found[:, Slot.CODE_REASSURES].sum() < ROWS


def test_labels_come_when_they_were_reported_or_when_time_passed() -> None:
    of, fraud = purchases(4)
    reported = np.where(fraud > 0, of.at + 2 * DAY, 0)
    frauds = np.flatnonzero(fraud)
    reported[frauds[0]] = 0  # never reported
    reported[frauds[1]] = of.at[frauds[1]] - 5  # a clock that was wrong
    told = replay.labels_of(of, fraud, 7, reported)
    assert (np.diff(told.known_at) >= 0).all()
    naive = sorted(
        (
            max(int(reported[row]), int(of.at[row]))
            if reported[row]
            else int(of.at[row]) + 7 * DAY,
            int(bool(reported[row])),
        )
        for row in range(ROWS)
    )
    assert sorted(zip(told.known_at.tolist(), told.fraud.tolist(), strict=True)) == naive
    assert told.fraud.sum() == fraud.sum() - 1
