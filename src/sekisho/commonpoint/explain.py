"""Innocent explanations of an association, each tested: misuse happens there, or next door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.study import Panel, Study
from sekisho.stats.tails import binomial_tail, log_tail, poisson_tail

if TYPE_CHECKING:
    from sekisho.commonpoint.search import Association

Ints = NDArray[np.int64]

SHORT_LAG = 7 * DAY  # a test comes minutes to days before the reported fraud
FEW = 6  # victims: too few to tell a source misused at once from a test shop
QUICK_LAG = 36 * 3600
# Shares of victims whose visit was new and within 36 hours, new and within a week, neither; the
# first three as they are in seeded worlds, in a leak's victims as in a test shop's.
TESTED = (0.80, 0.15, 0.05)
MISUSED_AT_ONCE = (0.17, 0.28, 0.55)
SOLD_FIRST = (0.02, 0.03, 0.95)
LIKE_EVERYBODY = (0.01, 0.04, 0.95)
DOUBT = 0.3  # likelihood of a test shop against a source's, from which on nobody is accused
NEIGHBOURS_MOST = 20
WAVE_CASES = 5  # fewer misused look-alikes are no wave
WAVE_P = 1e-3
NEIGHBOURS_SHARED = 2  # a look-alike shares at least two of the neighbouring shops


@dataclass(frozen=True, slots=True)
class UseOrTest:
    """Whether an entity looks like a place where stolen cards are tested or spent.

    ``short`` of ``cases`` cards had their first visit ever there within a week before their
    fraud, ``quick`` of these a visit within 36 hours before it; ``usual_novelty`` is the share of
    first visits among other cards' visits; ``misused_at_once`` the share of new visitors that were
    defrauded within that week.
    """

    cases: int
    short: int
    quick: int
    usual_novelty: float
    misused_at_once: float
    median_lag_hours: float
    is_use_or_test: bool


def judge_use_or_test(
    study: Study, panel: Panel, window: tuple[int, int], cases: Ints, expected: float
) -> UseOrTest:
    """Test the lag from visit to fraud (DESIGN 4.2).

    At a source, victims shopped there like everybody else: some had been there before, and most
    other new visitors are not defrauded within days. Where stolen cards are tested, nearly every
    victim's visit is the card's first there and comes minutes to days before the fraud. A test
    shop with custom of its own has ``expected`` victims who shopped there like everybody else, so
    visits of the night before are held against the excess.

    ``panel`` holds the entity alone, ``window`` the first and last day.
    """
    visits = panel.visits
    spell, at = visits.spell, panel.at
    new = panel.ever_first
    inside = (visits.day >= window[0]) & (visits.day <= window[1])
    is_case = np.zeros(len(study.spells), bool)
    is_case[cases] = True
    # First and last visit of each victim there.
    mine = is_case[spell]
    first_at = np.full(len(study.spells), np.iinfo(np.int64).max)
    np.minimum.at(first_at, spell[mine], at[mine])
    last_at = np.zeros(len(study.spells), np.int64)
    np.maximum.at(last_at, spell[mine], at[mine])
    index_at = study.spells.leave[cases]
    lag = index_at - last_at[cases]
    short = int((index_at - first_at[cases] <= SHORT_LAG).sum())
    recent = int((lag <= SHORT_LAG).sum())
    others = inside & ~study.event[spell]
    weight = visits.weight
    usual = (float(weight[others & new].sum()) + 1.0) / (float(weight[others].sum()) + 2.0)
    newcomers = inside & new
    soon = study.event[spell] & (study.spells.leave[spell] - at <= SHORT_LAG)
    misused = float(weight[newcomers & soon].sum()) / max(float(weight[newcomers].sum()), 1.0)
    novel = index_at - first_at[cases] <= SHORT_LAG
    quick = int((novel & (lag <= QUICK_LAG)).sum())
    median = float(np.median(lag)) / 3600 if lag.size else 0.0
    verdict = rather_used(cases.size, expected, short, quick)
    verdict |= lags_of_use(cases.size, short, recent, quick, usual, misused)
    return UseOrTest(int(cases.size), short, quick, usual, misused, median, verdict)


def rather_used(cases: int, expected: float, short: int, quick: int) -> bool:
    """Whether lag and novelty fit a place of testing nearly as well as a source, or better.

    Compares the likelihoods of the three counts (quick, otherwise short, neither) at a test shop,
    at a source that is misused within days and at one whose data is sold first, each with the
    ``expected`` victims who shopped there like everybody else. In doubt nobody is accused.
    """
    counts = np.array([quick, short - quick, cases - short], float)
    excess = float(np.clip((cases - expected) / max(cases, 1), 0.1, 1.0))

    def log_likelihood(shares: tuple[float, float, float]) -> float:
        mixed = excess * np.array(shares) + (1.0 - excess) * np.array(LIKE_EVERYBODY)
        return float(counts @ np.log(mixed))

    source = np.logaddexp(
        log_likelihood(MISUSED_AT_ONCE) + np.log(1.0 / 3.0),
        log_likelihood(SOLD_FIRST) + np.log(2.0 / 3.0),
    )
    return bool(log_likelihood(TESTED) - source > np.log(DOUBT))


def lags_of_use(
    cases: int, short: int, recent: int, quick: int, usual: float, misused: float
) -> bool:
    """Whether lags are those of a place where stolen cards are tested or spent.

    Counts and shares are those of `UseOrTest`; ``recent`` cards' last visit lay within a week.
    """
    odd = recent > 0 and float(binomial_tail(short, recent, min(usual, 1.0))) < 0.01
    # Newer to the shop than its other customers are, or too quick for data that is sold first.
    newer = odd and short >= 0.75 * cases
    quickly = quick >= 0.6 * cases and (misused >= 0.15 or quick >= 0.8 * cases)
    quickly |= short >= 0.75 * cases and misused >= 0.2
    # So few victims, most of them new there, cannot be told from a test shop's: do not accuse.
    too_few = cases <= FEW and short >= 0.75 * cases
    return bool(newer or quickly or too_few)


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """How cards fared that use the same other shops but never went to the one in question.

    ``cases`` against ``expected`` among the look-alikes; ``log_p`` is the association's own log p
    after its expectation was raised to the neighbourhood's level, ``plain_log_p`` before.
    """

    shops: int
    cases: int
    expected: float
    ratio: float
    log_p: float
    plain_log_p: float


def look_alikes(study: Study, drawn: Panel, found: Association, own: Ints) -> Neighbourhood:
    """Compare with cards of the same neighbourhood (DESIGN 4.3: matched on home area).

    Victims may be neighbours for a reason of their own, such as a till down the street where
    cards were misused. Neighbouring shops are those that the exposed cards visit far more than
    other cards do (not ``own``, the merchants in question); look-alikes share at least two of
    them and were not at the entity in the window.
    """
    total = float(study.totals[found.period])
    plain = float(log_tail(found.cases, found.expected, total, 0.0))
    heads = np.flatnonzero(drawn.ever_first)
    place = np.repeat(np.arange(drawn.entities.size), np.diff(drawn.visits.first))
    entity = place[heads]
    spell = drawn.visits.spell[heads]
    weight = study.weight
    size = len(study.spells)
    inside = np.zeros(size, bool)
    inside[found.exposed] = True
    doubtful = _around(drawn, place, found, inside, own)
    count = drawn.entities.size
    here = np.bincount(entity, weight[spell] * inside[spell], count)
    all_over = np.bincount(entity, weight[spell], count)
    share = float(weight[inside].sum()) / max(float(weight.sum()), 1.0)
    usual = all_over * share
    strange = (here - usual) / np.sqrt(np.maximum(usual, 0.1))
    near = (here >= 3) & (here >= 2.0 * usual) & ~np.isin(drawn.entities, own)
    near &= strange > 3.0
    chosen = np.flatnonzero(near)
    chosen = chosen[np.argsort(-strange[chosen])][:NEIGHBOURS_MOST]
    if chosen.size < NEIGHBOURS_SHARED:
        return Neighbourhood(int(chosen.size), 0, 0.0, 1.0, plain, plain)
    is_near = np.zeros(count, bool)
    is_near[chosen] = True
    shared = np.bincount(spell[is_near[entity]], minlength=size)
    alike = (shared >= NEIGHBOURS_SHARED) & ~doubtful
    # A local wave of fraud lasts for days or weeks: compare while the victims were defrauded.
    ends = np.sort(study.spells.leave[found.spells])
    begin, until = ends[ends.size // 10], ends[-1 - ends.size // 10]
    every = np.flatnonzero(alike & (weight > 0))
    risk = weight[every] * (study.hazard_by(every, until) - study.hazard_by(every, begin))
    expected = float(risk.sum())
    when = study.spells.leave[every]
    cases = int((study.event[every] & (when >= begin) & (when <= until)).sum())
    ratio = (cases + 1.0) / (expected + 1.0)
    wave = cases >= WAVE_CASES and float(poisson_tail(cases, expected)) < WAVE_P
    if not wave:
        return Neighbourhood(int(chosen.size), cases, expected, ratio, plain, plain)
    raised = found.expected * ratio
    extra = raised**2 / (cases + 1.0)
    adjusted = float(log_tail(found.cases, raised, max(total, raised * 2), extra))
    return Neighbourhood(int(chosen.size), cases, expected, ratio, adjusted, plain)


def _around(
    drawn: Panel, place: Ints, found: Association, inside: NDArray[np.bool_], own: Ints
) -> NDArray[np.bool_]:
    """Spells at the entity in its window, or so close to it that the window may be wrong."""
    margin = max(14, (found.end_day - found.start_day) // 10)
    rows = np.flatnonzero(np.isin(drawn.entities[place], own))
    day = drawn.visits.day[rows]
    near = rows[(day >= found.start_day - margin) & (day <= found.end_day + margin)]
    out = inside.copy()
    out[drawn.visits.spell[near]] = True
    return out
