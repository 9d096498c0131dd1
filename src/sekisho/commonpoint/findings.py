"""From associations to what people read: windows, counts, curves, explanations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.innocent import explanations_of
from sekisho.commonpoint.levels import Levels
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.search import Association, Chance, Ground, MemberWindow
from sekisho.commonpoint.study import Panel, Study
from sekisho.commonpoint.to_come import latest_end
from sekisho.commonpoint.window import CONFIDENCE, WindowEstimate
from sekisho.domain.finding import (
    Curve,
    EntityKind,
    Finding,
    Interval,
    Member,
)
from sekisho.stats.scan import Visits

Ints = NDArray[np.int64]
EPOCH = date(1970, 1, 1)
CURVE_STEPS = 60
LEAST_P = 1e-300
NAMED_SHOPS = 2


def day_to_date(day: int) -> date:
    """Days since 1970 as a date."""
    return EPOCH + timedelta(days=int(day))


def describe(
    found: Association,
    window: WindowEstimate,
    ground: Ground,
    chance: Chance,
    book: Book,
    alpha: float,
) -> tuple[Finding, list[tuple[int, int, int]]]:
    """The finding (or suspect) of one association, and its members' (merchant, start, end) days."""
    study, panel = ground.study, found.panel
    assert panel is not None  # noqa: S101 - every association is made from a panel of its own
    source = None if found.explained_by is None else book.entity_id(found.explained_by)
    kind = book.levels.kind_of(found.entity)
    members = found.members
    victims = int(np.unique(study.spells.card[found.spells]).size)
    start, end = found.start_day, found.end_day
    if kind is EntityKind.MERCHANT:
        exposed = _cards_there(study, panel.visits, start, end)
        members = (
            replace(members[0], start_day=start, end_day=end, exposed=exposed, cases=victims),
        )
    else:
        exposed = _cards_of(study, found.exposed)
    last = int(study.clock.end // DAY) - 1
    latest = latest_end(study, found, end) if found.kind is None else end
    finding = Finding(
        entity_kind=kind,
        entity_id=book.entity_id(found.entity),
        name=book.entity_name(found.entity, members),
        members=tuple(_member(member, book) for member in members),
        alternatives=tuple(book.entity_id(twin) for twin in found.twins),
        window_start=day_to_date(start),
        window_end=day_to_date(end),
        window_start_interval=_interval(window.start_lower, window.start_upper, start),
        window_end_interval=_interval(window.end_lower, max(window.end_upper, latest), end),
        window_left_censored=window.left_censored,
        window_ongoing=window.ongoing or latest >= last,
        misuse_period=study.clock.trailing[found.period],
        cards_exposed=max(round(exposed), victims),
        cards_defrauded=victims,
        cards_expected=found.expected,
        log_likelihood_ratio=found.score,
        p_value=max(float(np.exp(found.log_p)), LEAST_P),
        reported_misuse_rate=victims / max(exposed, victims, 1.0),
        data_taken=(),
        kind=found.kind,
        first_misuse=day_to_date(int(study.spells.leave[found.spells].min()) // DAY)
        if victims
        else None,
        misuse_span=_misuse_span(ground, found.period),
        explanations=explanations_of(found, ground, chance, alpha, source),
        visits_curve=_visits_curve(study, panel, found, (start, end)),
        misuse_curve=_misuse_curve(study, panel, start, end),
    )
    return finding, [(m.merchant, m.start_day, m.end_day) for m in members]


@dataclass(frozen=True, slots=True)
class Book:
    """Names of entities on every level."""

    history: History
    levels: Levels

    def entity_id(self, entity: int) -> str:
        """The id for files."""
        group = self.levels.names(entity)
        return group[0] if group else self.history.entity_id(entity)

    def entity_name(self, entity: int, members: tuple[MemberWindow, ...] = ()) -> str:
        """The name for people; a group without one is known by its shops."""
        group = self.levels.names(entity)
        if group is None:
            return self.history.entity_name(entity)
        shops = [self.history.entity_name(m.merchant) for m in members if m.merchant != entity]
        more = ", …" if len(shops) > NAMED_SHOPS else ""
        shops = shops[:NAMED_SHOPS]
        return f"{group[1]} ({', '.join(shops)}{more})" if shops else group[1]


def _member(member: MemberWindow, book: Book) -> Member:
    return Member(
        book.entity_id(member.merchant), book.entity_name(member.merchant),
        day_to_date(member.start_day), day_to_date(member.end_day),
        max(round(member.exposed), member.cases), member.cases, member.expected,
    )  # fmt: skip


def _misuse_span(ground: Ground, period: int) -> tuple[date, date] | None:
    """First and last day of the misuse period; None for all time."""
    clock = ground.study.clock
    begin, until = clock.periods[period]
    if (begin, until) == (int(clock.edges[0]), clock.end):
        return None
    return day_to_date(begin // DAY), day_to_date(until // DAY - 1)


def _interval(lower: int, upper: int, inside: int) -> Interval:
    """The interval, widened where the estimate itself lies beyond it."""
    return Interval(
        day_to_date(min(lower, upper, inside)), day_to_date(max(upper, inside)), CONFIDENCE
    )


def _cards_there(study: Study, visits: Visits, start: int, end: int) -> float:
    """Distinct cards that visited in the window, by weight.

    A card that goes on after a fraud has several spells, and counts once.
    """
    first_in = (visits.day >= start) & (visits.day <= end) & (visits.previous < start)
    _, once = np.unique(study.spells.card[visits.spell[first_in]], return_index=True)
    return float(visits.weight[first_in][once].sum())


def _cards_of(study: Study, spells: Ints) -> float:
    """Distinct cards of some spells, by weight."""
    _, once = np.unique(study.spells.card[spells], return_index=True)
    return float(study.weight[spells[once]].sum())


def _steps(first: int, last: int) -> Ints:
    """At most CURVE_STEPS equal steps of whole days (weeks where that is enough)."""
    span = max(last - first + 1, 1)
    width = max(1, -(-span // CURVE_STEPS))
    if 3 < width <= 7:
        width = 7
    return np.arange(first, last + width + 1, width, dtype=np.int64)


def _to_curve(edges: Ints, observed: NDArray[np.float64], expected: NDArray[np.float64],
              exposed: NDArray[np.float64]) -> Curve:  # fmt: skip
    return Curve(
        days=tuple(day_to_date(d) for d in edges[:-1]),
        observed=tuple(int(x) for x in observed),
        expected=tuple(float(x) for x in expected),
        exposed=tuple(round(float(x)) for x in exposed),
    )


def _visits_curve(study: Study, panel: Panel, found: Association, window: tuple[int, int]) -> Curve:
    """Cases against expectation by the day of a card's first visit, around the window."""
    visits = panel.visits
    margin = max(28, (window[1] - window[0]) // 4)
    low = max(int(study.clock.edges[0] // DAY), window[0] - margin)
    high = min(int(study.clock.end // DAY) - 1, window[1] + margin)
    edges = _steps(low, high)
    spell, day, previous = visits.spell, visits.day, visits.previous
    # Within the charted range each card counts at its first visit of the range.
    first_in = (day >= low) & (day <= high) & (previous < low)
    spell, day, weight = spell[first_in], day[first_in], visits.weight[first_in]
    risk = weight * np.maximum(
        study.hazard_until[spell, found.period]
        - np.maximum(visits.hazard[first_in], study.hazard_from[spell, found.period]),
        0.0,
    )
    step = np.searchsorted(edges, day, side="right") - 1
    size = edges.size - 1
    counted = study.in_period(found.period)[spell]
    return _to_curve(
        edges,
        np.bincount(step, counted.astype(float), size).astype(float),
        np.bincount(step, risk, size).astype(float),
        np.bincount(step, weight, size).astype(float),
    )


def _misuse_curve(study: Study, panel: Panel, start: int, end: int) -> Curve:
    """Victims against expectation by the day of fraud, among the cards exposed in the window."""
    visits = panel.visits
    first_in = (visits.day >= start) & (visits.day <= end)
    first_in &= visits.previous < start
    spell = visits.spell[first_in]
    weight = visits.weight[first_in]
    since = visits.hazard[first_in]
    clock = study.clock
    low = int(start)
    high = int(clock.end // DAY) - 1
    edges = _steps(low, high)
    size = edges.size - 1
    day = study.spells.leave[spell] // DAY
    counted = study.event[spell]
    observed = np.bincount(
        np.clip(np.searchsorted(edges, day[counted], "right") - 1, 0, size - 1),
        minlength=size,
    ).astype(float)
    # Expected victims up to each edge: cumulative hazard there, less that at the visit.
    running = np.zeros(edges.size)
    blocks = clock.edges / DAY
    for i, edge in enumerate(edges):
        b = int(np.clip(np.searchsorted(blocks, edge, "right") - 1, 0, blocks.size - 2))
        share = float(np.clip((edge - blocks[b]) / (blocks[b + 1] - blocks[b]), 0.0, 1.0))
        at_edge = study.cumulative[spell, b] * (1 - share) + study.cumulative[spell, b + 1] * share
        running[i] = float((weight * np.maximum(at_edge - since, 0.0)).sum())
    return _to_curve(edges, observed, np.diff(running), np.zeros(size))
