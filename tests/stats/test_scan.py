import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.stats.scan import Spells, Visits, scan
from stats.naive import naive_scan

LONG_AGO = -(1 << 40)
PERIODS = 3


def world(rng, spells=12, entities=3, visits=60, days=25, totals=(8.0, 15.0, 30.0)):
    """Random visits in the shape of the scan, and the same as plain tuples."""
    # Nested periods: a fraud of the shortest lies in the longer ones too.
    period = np.where(rng.random(spells) < 0.5, rng.integers(0, PERIODS, spells), -1)
    bits = np.where(period >= 0, (1 << PERIODS) - (1 << np.maximum(period, 0)), 0)
    until = rng.random(spells) + 0.5
    since = np.sort(rng.random((spells, PERIODS)) * 0.5, axis=1)[:, ::-1].copy()
    rows = sorted({
        (int(rng.integers(entities)), int(rng.integers(spells)), int(rng.integers(days)))
        for _ in range(visits)
    })  # fmt: skip
    entity = np.array([r[0] for r in rows])
    spell = np.array([r[1] for r in rows])
    day = np.array([r[2] for r in rows])
    hazard = until[spell] * day / days
    weight = np.where(period[spell] >= 0, 1.0, 4.0)
    previous = np.full(len(rows), LONG_AGO)
    for i in range(1, len(rows)):
        if rows[i][:2] == rows[i - 1][:2]:
            previous[i] = day[i - 1]
    first = np.searchsorted(entity, np.arange(entities + 1))
    arrays = Visits(first, spell, day, previous, hazard, weight)
    return (
        arrays,
        Spells(
            bits,
            since,
            np.repeat(until[:, None], PERIODS, axis=1),
            np.array(totals),
            np.ones(PERIODS),
        ),
        period,
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_scan_equals_the_naive_twin(seed):
    rng = np.random.default_rng(seed)
    visits, spells, period = world(rng)
    best = scan(visits, spells, floor=np.full(3, 1e-9), limit=256, least=2)
    for e in range(3):
        rows = slice(visits.first[e], visits.first[e + 1])
        plain = list(
            zip(
                visits.spell[rows].tolist(), visits.day[rows].tolist(),
                visits.hazard[rows].tolist(), visits.weight[rows].tolist(), strict=True,
            )
        )  # fmt: skip
        score, where = naive_scan(
            plain, period.tolist(), spells.hazard_from.tolist(),
            spells.hazard_until[:, 0].tolist(), spells.totals.tolist(), 2,
        )  # fmt: skip
        assert best.score[e] == pytest.approx(score, abs=1e-9)
        if where is not None:
            assert best.cases[e] == where[3]
            assert best.expected[e] == pytest.approx(max(where[4], 1e-9))


def test_coarse_bins_never_beat_the_full_grid_and_stay_close():
    rng = np.random.default_rng(5)
    visits, spells, _period = world(
        rng, spells=200, entities=1, visits=900, days=300, totals=(40.0, 90.0, 150.0)
    )
    fine = scan(visits, spells, floor=np.full(1, 1e-9), limit=512, least=2)
    coarse = scan(visits, spells, floor=np.full(1, 1e-9), limit=24, least=2)
    assert coarse.score[0] <= fine.score[0] + 1e-9
    assert coarse.score[0] > 0.5 * fine.score[0]


def test_visits_of_spells_that_end_without_fraud_only_add_expectation():
    rng = np.random.default_rng(11)
    visits, spells, period = world(rng)
    heavier = Visits(
        visits.first, visits.spell, visits.day, visits.previous, visits.hazard,
        np.where(period[visits.spell] < 0, visits.weight * 10, visits.weight),
    )  # fmt: skip
    one = scan(visits, spells, floor=np.full(3, 1e-9), limit=64, least=2)
    other = scan(heavier, spells, floor=np.full(3, 1e-9), limit=64, least=2)
    assert (other.score <= one.score + 1e-12).all()
