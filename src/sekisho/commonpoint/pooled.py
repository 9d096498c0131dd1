"""The search over pooled counts: the same score, tail and corrections as on one issuer's history.

What needs cards is missing: who among the victims of one shop also went to another. A weaker shop
is therefore a finding only if it stays one when *every* excess case of the stronger findings is
taken from it; otherwise it is listed as explained, because counts cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.explain import lags_of_use
from sekisho.commonpoint.findings import LEAST_P, day_to_date
from sekisho.commonpoint.search import (
    LEAST_CASES,
    TESTABLE_VISITORS,
    USUAL_CASES,
    Chance,
    Limits,
)
from sekisho.commonpoint.window import CONFIDENCE
from sekisho.domain.finding import EntityKind, Explanation, Finding, Interval, Member, SuspectKind
from sekisho.domain.pool import UNIT, WEEK_DAYS, Agreement, Pool
from sekisho.stats.pool_scan import in_window, pool_surface, scan_pool
from sekisho.stats.pooling import first_day_of
from sekisho.stats.scan import Best
from sekisho.stats.tails import (
    empirical_null,
    half_width,
    log_any,
    log_tail,
    relative_misfit,
    window_trials,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY = 86_400
ALIKE = 3.0  # a log-likelihood ratio so close to a finding's cannot be told from it


@dataclass(frozen=True, slots=True)
class PooledAnswer:
    """What the search over a pool says; ``chance`` is what was learned from all entities."""

    findings: tuple[Finding, ...]
    suspects: tuple[Finding, ...]
    entities_tested: int
    chance: Chance


@dataclass(slots=True)
class _Strong:
    """An entity's best window with its log p, and what was decided of it."""

    entity: int
    start: int
    end: int
    period: int
    cases: int
    expected: float
    score: float
    log_p: float
    kind: SuspectKind | None = None
    new: int = 0
    explained_by: int | None = None
    alike: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Court:
    """What strong entities are judged on."""

    pool: Pool
    agreement: Agreement
    chance: Chance
    tested: int
    trials: Floats  # of each entity: windows and misuse periods tried

    def log_p(self, entity: int, period: int, cases: int, expected: float) -> float:
        """Log p of a window's cases, corrected for windows, periods and entities."""
        one = _point(self.pool, self.chance.misfit, np.array([period]), (cases, expected))
        own = log_any(one, self.trials[entity])
        return float(log_any(self.chance.null.correct(own), self.tested)[0])


def search_pool(pool: Pool, agreement: Agreement, limits: Limits) -> PooledAnswer:
    """Find the entities whose pooled cases exceed what all issuers together expect there."""
    best = scan_pool(pool, least=LEAST_CASES)
    tested = max(1, int((pool.totals.visitors >= TESTABLE_VISITORS).sum()))
    trials = _trials(best, agreement)
    chance, own = _learn(pool, best, trials)
    court = _Court(pool, agreement, chance, tested, trials)
    log_p = log_any(chance.null.correct(own), tested)
    rows = np.flatnonzero((log_p < np.log(0.5)) & (best.score > 0))
    alpha = float(np.log(limits.family_wise_error))
    findings: list[_Strong] = []
    suspects: list[_Strong] = []
    for row in rows[np.argsort(log_p[rows], kind="stable")]:
        strong = _strong(best, int(row), float(log_p[row]))
        _judge(court, strong, findings, alpha)
        (findings if strong.kind is None else suspects).append(strong)
    suspects = suspects[: limits.suspects_most]
    return PooledAnswer(
        tuple(_describe(court, strong) for strong in findings),
        tuple(_describe(court, strong) for strong in suspects),
        tested,
        chance,
    )


def _trials(best: Best, agreement: Agreement) -> Floats:
    """How many independent tries the scan of each entity is worth."""
    instants = [at for period in agreement.periods for at in period]
    span = (max(instants) - min(instants)) / DAY
    length = np.clip((best.end - best.start + 1) * WEEK_DAYS, WEEK_DAYS, span)
    return window_trials(best.windows, length, span, len(agreement.periods))


def _point(
    pool: Pool, misfit: float, period: Ints, counts: tuple[Ints | int, Floats | float]
) -> Floats:
    """Log tail of cases against an expectation, with the errors of sampling and of the fit."""
    # As for a history of which a share was drawn: one unit more than seen, once for each issuer.
    unit = pool.sampling[period] / UNIT
    expected = np.asarray(counts[1], float) + unit
    extra = misfit * expected**2 + unit * expected
    return log_tail(counts[0], expected, pool.cases[period].astype(float), extra)


def _learn(pool: Pool, best: Best, trials: Floats) -> tuple[Chance, Floats]:
    """How chance behaves among all entities, and each entity's own log p under it.

    Victims cannot be taken out, so a large leak makes chance look wilder and the run more careful.
    """
    noise = 1.0 + float(pool.sampling.max(initial=0)) / UNIT
    cases, expected = pool.totals.half_cases / 2, pool.totals.expected / UNIT
    misfit = relative_misfit(cases, expected, noise=noise)
    point = _point(pool, misfit, best.period, (best.cases, best.expected))
    own = log_any(np.where(best.score > 0, point, 0.0), trials)
    return Chance(misfit, empirical_null(own[expected >= USUAL_CASES])), own


def _strong(best: Best, row: int, log_p: float) -> _Strong:
    return _Strong(
        row, int(best.start[row]), int(best.end[row]), int(best.period[row]),
        int(best.cases[row]), float(best.expected[row]), float(best.score[row]), log_p,
    )  # fmt: skip


def _judge(court: _Court, strong: _Strong, findings: list[_Strong], alpha: float) -> None:
    """Decide whether a strong entity is a finding, or why not."""
    pool = court.pool
    chosen = in_window(pool.case_cells, strong.entity, strong.start, strong.end)
    chosen &= pool.case_cells.period == strong.period
    strong.new = int(pool.case_cells.new[chosen].sum())
    quick = int(pool.case_cells.quick[chosen].sum())
    if strong.log_p >= alpha:
        strong.kind = SuspectKind.WEAK
        return
    reach = pool.reach_cells
    newcomers = in_window(reach, strong.entity, strong.start, strong.end) & (reach.begin == 0)
    misused = strong.new / max(int(reach.cards[newcomers].sum()), 1)
    visitors, visits = pool.totals.visitors[strong.entity], pool.totals.visits[strong.entity]
    usual = (float(visitors) + 1.0) / (float(visits) + 2.0)
    if lags_of_use(strong.cases, strong.new, strong.cases, quick, usual, misused):
        strong.kind = SuspectKind.USE_OR_TEST
        return
    shared = [_excess(pool, other, strong.period) for other in findings]
    left = round(strong.cases - sum(shared))
    if not findings or (
        left > strong.expected
        and court.log_p(strong.entity, strong.period, left, strong.expected) < alpha
    ):
        return
    strong.kind = SuspectKind.EXPLAINED
    owner = findings[int(np.argmax(shared))]
    strong.explained_by = owner.entity
    if strong.score >= owner.score - ALIKE:
        owner.alike.append(strong.entity)


def _excess(pool: Pool, found: _Strong, period: int) -> float:
    """Excess cases of a finding's window in a misuse period: so many may be elsewhere too."""
    cells, reach = pool.case_cells, pool.reach_cells
    here = in_window(cells, found.entity, found.start, found.end) & (cells.period == period)
    all_cards = in_window(reach, found.entity, found.start, found.end)
    expected = float(reach.expected[all_cards, period].sum()) / UNIT
    return max(0.0, float(cells.count[here].sum()) - expected)


def _describe(court: _Court, strong: _Strong) -> Finding:
    pool, agreement = court.pool, court.agreement
    reach = pool.reach_cells
    inside = in_window(reach, strong.entity, strong.start, strong.end)
    exposed = max(int(reach.cards[inside].sum()), strong.cases)
    (start, start_interval, censored), (end, end_interval, ongoing) = _window(court, strong)
    name = pool.names[strong.entity]
    return Finding(
        entity_kind=EntityKind.MERCHANT,
        entity_id=name,
        name=name,
        members=(Member(name, name, start, end, exposed, strong.cases, strong.expected),),
        alternatives=tuple(pool.names[other] for other in strong.alike),
        window_start=start,
        window_end=end,
        window_start_interval=start_interval,
        window_end_interval=end_interval,
        window_left_censored=censored,
        window_ongoing=ongoing,
        misuse_period=agreement.trailing[strong.period],
        cards_exposed=exposed,
        cards_defrauded=strong.cases,
        cards_expected=strong.expected,
        log_likelihood_ratio=strong.score,
        p_value=max(float(np.exp(strong.log_p)), LEAST_P),
        reported_misuse_rate=strong.cases / exposed,
        data_taken=(),
        kind=strong.kind,
        misuse_span=_misuse_span(agreement, strong.period),
        explanations=_explanations(court, strong),
    )


def _misuse_span(agreement: Agreement, period: int) -> tuple[date, date] | None:
    """First and last day of the misuse period; None for all time."""
    begin, until = agreement.periods[period]
    if begin == min(b for b, _ in agreement.periods) and until == max(
        u for _, u in agreement.periods
    ):
        return None
    return day_to_date(begin // DAY), day_to_date(until // DAY - 1)


def _explanations(court: _Court, strong: _Strong) -> tuple[Explanation, ...]:
    chance = court.chance
    out = [
        Explanation(
            "overdispersion",
            excluded=strong.kind is not SuspectKind.WEAK,
            figures={
                "p_value": max(float(np.exp(strong.log_p)), 1e-300),
                "relative_spread": round(float(np.sqrt(chance.misfit)), 3),
                "stretch": round(chance.null.stretch, 2),
            },
        ),
        Explanation(
            "use_or_test",
            excluded=strong.kind is not SuspectKind.USE_OR_TEST,
            figures={"cases": strong.cases, "first_visit_within_a_week": strong.new},
        ),
    ]
    if strong.explained_by is not None:
        figures = {"finding": court.pool.names[strong.explained_by]}
        out.append(Explanation("other_finding", excluded=False, figures=figures))
    return tuple(out)


def _window(
    court: _Court, strong: _Strong
) -> tuple[tuple[date, Interval, bool], tuple[date, Interval, bool]]:
    """Both ends with their intervals (likelihood ratio, Wilks 1938), in whole weeks.

    An end lies between the week of a case and that of the case beyond, so the interval reaches to
    the latter. Also whether the history, or the as-of day, cuts the window off.
    """
    agreement = court.agreement
    starts, ends, scores = pool_surface(court.pool, strong.entity, strong.period, least=LEAST_CASES)
    lowest = scores.max() - half_width(CONFIDENCE)
    fair_starts = np.flatnonzero(scores.max(axis=1) >= lowest)
    fair_ends = np.flatnonzero(scores.max(axis=0) >= lowest)
    first, last = agreement.since, agreement.as_of

    def day(week: int, ahead: int) -> date:
        return day_to_date(min(max(first_day_of(week) + ahead, _number(first)), _number(last)))

    before = day(int(starts[fair_starts[0] - 1]), WEEK_DAYS) if fair_starts[0] else first
    beyond = fair_ends[-1] + 1
    after = day(int(ends[beyond]), -1) if beyond < ends.size else last
    start, end = day(strong.start, 0), day(strong.end, WEEK_DAYS - 1)
    upper = day(int(starts[fair_starts[-1]]), WEEK_DAYS - 1)
    lower = day(int(ends[fair_ends[0]]), 0)
    return (
        (start, Interval(min(before, start), max(upper, start), CONFIDENCE), before <= first),
        (end, Interval(min(lower, end), max(after, end), CONFIDENCE), after >= last),
    )


def _number(day: date) -> int:
    return (day - day_to_date(0)).days
