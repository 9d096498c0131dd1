"""What trying every window is worth, measured on shops that nothing leaked from.

Cards are defrauded at a constant hazard, whatever they visit. Each shop's best window over all
misuse periods gets its p-value; corrected by `window_trials`, it must not fall below a level more
often than the level says. `pytest -s` prints the numbers in docs/algorithms/common-point.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from sekisho.commonpoint.cohort import DAY, make_clock
from sekisho.stats.scan import Best, Spells, Visits, scan
from sekisho.stats.tails import log_any, log_tail, window_trials

DAYS = 730
SPELLS = 30_000
CASES = 0.02  # share of the cards that are defrauded within the history
SURE = 0.999  # that a true level is not called exceeded
PARTS = 4
CLOCK = make_clock(0, DAYS * DAY)
LONG_AGO = -(1 << 40)


@dataclass(frozen=True)
class Cards:
    """Cards with constant hazard 1 per day; ``fraud`` is the day of fraud or the history's end."""

    fraud: np.ndarray
    is_case: np.ndarray

    def spells(self) -> Spells:
        periods = np.array(CLOCK.periods) / DAY
        bits = np.zeros(SPELLS, np.int64)
        for p, (begin, until) in enumerate(periods):
            inside = self.is_case & (self.fraud >= begin) & (self.fraud <= until)
            bits |= inside.astype(np.int64) << p
        ends = np.minimum(self.fraud[:, None], periods[None, :, 1])
        since = np.minimum(self.fraud[:, None], periods[None, :, 0])
        since, ends = np.maximum(since, 0.0), np.maximum(ends, 0.0)
        totals = np.array([float(((bits >> p) & 1).sum()) for p in range(len(periods))])
        return Spells(bits, since, ends, totals, totals / (ends - since).sum(axis=0))


def make_cards(rng: np.random.Generator) -> Cards:
    day = rng.exponential(DAYS / -np.log1p(-CASES), SPELLS)
    return Cards(np.minimum(day, DAYS), day < DAYS)


def visits_at(cards: Cards, shops: int, visitors: int, times: float, seed: int) -> Visits:
    """Visits of random cards at ``shops`` shops, each card ``times`` times in the whole history."""
    rng = np.random.default_rng(seed)
    rows = []
    for shop in range(shops):
        spell = np.unique(rng.integers(0, SPELLS, visitors))
        spell = np.repeat(spell, 1 + rng.poisson(times - 1.0, spell.size))
        day = rng.integers(0, DAYS, spell.size)
        seen = day + 0.5 < cards.fraud[spell]
        rows.append(np.unique((shop * SPELLS + spell[seen]) * DAYS + day[seen]))
    key = np.concatenate(rows)
    pair, day = np.divmod(key, DAYS)
    shop, spell = np.divmod(pair, SPELLS)
    same = np.zeros(key.size, bool)
    same[1:] = pair[1:] == pair[:-1]
    return Visits(
        first=np.searchsorted(shop, np.arange(shops + 1)), spell=spell, day=day,
        previous=np.where(same, np.roll(day, 1), LONG_AGO), hazard=day + 0.5,
        weight=np.ones(key.size),
    )  # fmt: skip


def best_windows(cards: Cards, visits: Visits, limit: int) -> tuple[Best, np.ndarray]:
    """The scan's best windows, and their log p before any correction."""
    spells = cards.spells()
    best = scan(visits, spells, floor=np.full(visits.first.size - 1, 1e-9), limit=limit, least=3)
    point = log_tail(best.cases, best.expected, spells.totals[best.period], 0.0)
    return best, np.where(best.score > 0, point, 0.0)


def implied_trials(point: np.ndarray, level: float) -> float:
    """As how many independent tries the best p behaves: Sidak's formula at the level's quantile."""
    at = float(np.quantile(point, level))
    return float(np.log1p(-level) / np.log1p(-np.exp(at)))


def measure(visitors: int, times: float, shops: int) -> tuple[Best, np.ndarray]:
    """Best windows and log p of many shops; in each part other cards are the cases."""
    parts = []
    for part in range(PARTS):
        cards = make_cards(np.random.default_rng(100 + part))
        visits = visits_at(cards, shops // PARTS, visitors, times, 200 + part)
        parts.append(best_windows(cards, visits, 256))
    best = Best(*(np.concatenate([getattr(b, name) for b, _ in parts]) for name in Best.__slots__))
    return best, np.concatenate([p for _, p in parts])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visitors", "times", "shops"),
    [(150, 1.0, 40_000), (300, 1.5, 16_000), (500, 3.0, 6_000), (1_500, 3.0, 2_000)],
)
def test_the_corrected_chance_of_a_window_is_no_smaller_than_it_says(
    visitors: int, times: float, shops: int
) -> None:
    best, log_p = measure(visitors, times, shops)
    n = len(CLOCK.periods)
    trials = window_trials(best.windows, best.end - best.start + 1, DAYS, n)
    corrected = log_any(log_p, trials)
    days = float(np.median(best.windows[best.score > 0]))
    said = [f"{days:.0f} days of visits by cases, {n * days * (days + 1) / 2:,.0f} windows"]
    for level in (1e-2, 1e-3, 1e-4):
        count = int((corrected < np.log(level)).sum())
        near = np.argsort(log_p)[: max(int(level * shops), 1)]
        if level * shops >= 4:
            said.append(
                f"best p behaves like that of {implied_trials(log_p, level):,.0f} tries; "
                f"counted as {np.median(trials[near]):,.0f}; p < {level:g}: {count / shops:.2g}"
            )
        assert count <= stats.binom.ppf(SURE, shops, level)
    print("\n" + "\n  ".join(said))  # noqa: T201 - measured figures, for the page that cites them


def test_overlapping_windows_alone_do_not_pay_for_three_cases_on_a_day() -> None:
    """The bound that would do for long windows lets small shops off too lightly."""
    best, log_p = measure(150, 1.0, 40_000)
    n = best.windows.astype(float)
    too_few = 1.0 + len(CLOCK.periods) * np.minimum(n * (n + 1) / 8.0, 8.0 * n)
    count = int((log_any(log_p, too_few) < np.log(1e-3)).sum())
    assert count > stats.binom.ppf(SURE, 40_000, 1e-3)


def test_trials_grow_with_days_and_with_the_places_a_window_could_have_had() -> None:
    grown = window_trials(np.array([3, 60, 300]), 60, 730.0, 29)
    assert (np.diff(grown) > 0).all()
    shrunk = window_trials(3, np.array([1, 10, 100, 730]), 730.0, 29)
    assert (np.diff(shrunk) < 0).all()
    assert shrunk[0] == pytest.approx(1 + 29 * 730 * np.log2(1460))
    assert window_trials(300, 730, 730.0, 1) == pytest.approx(1 + 8 * 300)
