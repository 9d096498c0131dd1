"""From one issuer's study to counts that can be pooled (DESIGN 4.9).

Everything in a `Pool` is an integer about at least as many cards as the smallest cell, and no card
reference is in it. The background hazard is fitted by each issuer on its own cards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY, Clock, make_clock
from sekisho.commonpoint.explain import QUICK_LAG, SHORT_LAG
from sekisho.commonpoint.findings import EPOCH, day_to_date
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.search import sampling_unit
from sekisho.commonpoint.study import Panel, Study, make_panel, make_study
from sekisho.commonpoint.trace import CONTROLS
from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.domain.pool import UNIT, Agreement, CaseCells, EntityTotals, Pool, ReachCells
from sekisho.domain.progress import Progress
from sekisho.stats.pooling import Rows, case_cells, reach_cells
from sekisho.stats.scan import Spells

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SMALLEST_CELL = 3
CHUNK = 200_000  # visits that are counted at once; bounds the memory


@dataclass(frozen=True, slots=True)
class PoolQuestion:
    """What an issuer is asked to count.

    ``since`` is the first day of the pool's history, the same for all issuers; None takes the
    first day of this history. No cell describes fewer than ``smallest_cell`` cards.
    """

    as_of: date
    timezone: str
    since: date | None = None
    smallest_cell: int = SMALLEST_CELL
    controls: int = CONTROLS


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one issuer brings to a pool; ``counts`` and ``suppressed`` as in `PoolHeader`."""

    pool: Pool
    agreement: Agreement
    counts: dict[str, int]
    suppressed: dict[str, int]


def contribute(history: History, question: PoolQuestion, progress: Progress) -> Contribution:
    """Count one issuer's history for a pool, as known at the end of the as-of day.

    Raises NothingToDo where the history holds no purchase, or fewer counted frauds than the
    smallest cell, and BadInput for a smallest cell of 2.
    """
    if question.smallest_cell == 2:
        raise BadInput(
            "A smallest cell of 2 cards protects nobody: what is withheld is then always 1.",
            hint="Take 3 or more, or 1 to hand out everything.",
        )
    progress.step("survey")
    survey = history.survey()
    if not survey.transactions:
        raise NothingToDo(
            "The history holds no purchase up to the as-of date.",
            hint="Check --as-of and the column that holds the time of purchase.",
        )
    progress.step("draw")
    share = history.draw(cards=question.controls)
    cards, visits, frauds = history.cards(), history.visits(), history.frauds()
    first_day = survey.first_at // DAY
    if question.since is not None:
        first_day = (question.since - EPOCH).days
    clock = make_clock(first_day * DAY, ((question.as_of - EPOCH).days + 1) * DAY)
    progress.step("study")
    study = make_study(cards, frauds, visits, clock, share)
    cases = int(study.event.sum())
    if cases < max(question.smallest_cell, 1):
        raise NothingToDo(
            f"Only {cases} cards have a counted fraud report by the as-of date, fewer than the "
            f"smallest cell of {question.smallest_cell}.",
            hint="Check --as-of and the fraud file; so few cards cannot be pooled.",
        )
    progress.step("count")
    panel = make_panel(study, visits)
    names = [history.entity_id(int(entity)) for entity in panel.entities]
    pool, suppressed = count_pool(study, panel, names, question.smallest_cell, share)
    counts = {
        "transactions": survey.transactions,
        "cards": survey.cards,
        "cases": cases,
        "controls": int((~study.spells.is_case & (study.weight > 0)).sum()),
        "sample_percent": max(1, round(100 * share)),
    }
    return Contribution(pool, _agreement(clock, question, first_day), counts, suppressed)


def _agreement(clock: Clock, question: PoolQuestion, first_day: int) -> Agreement:
    return Agreement(
        question.as_of, day_to_date(first_day), question.timezone, clock.periods, clock.trailing
    )


def count_pool(
    study: Study, panel: Panel, names: list[str], smallest: int, share: float
) -> tuple[Pool, dict[str, int]]:
    """The pool of one study's panel, whose entities are called ``names``; what suppression cost."""
    cost: dict[str, int] = {}
    cases: list[CaseCells] = []
    reach: list[ReachCells] = []
    for part in rows_of(study, panel):
        of_cases, paid = case_cells(part, smallest)
        of_all, paid_too = reach_cells(part, smallest)
        cases.append(of_cases)
        reach.append(of_all)
        for key, amount in (*paid.items(), *paid_too.items()):
            cost[key] = cost.get(key, 0) + amount
    pool = Pool(
        tuple(names),
        CaseCells(*_end_to_end(cases, CaseCells)),
        ReachCells(*_end_to_end(reach, ReachCells)),
        _entity_totals(study, panel, smallest),
        _withheld(study.totals, smallest),
        _micro(sampling_unit(study, share) * study.scale),
    )
    cost["periods_withheld"] = int(((study.totals > 0) & (pool.cases == 0)).sum())
    cost["entity_cases_withheld"] = int(_few(study, panel, smallest).sum())
    return _only_named(pool), dict(sorted(cost.items()))


def _end_to_end(tables: list, kind: type) -> list[Ints]:  # type: ignore[type-arg]
    return [np.concatenate([getattr(t, name) for t in tables]) for name in kind.__slots__]  # type: ignore[attr-defined]


def rows_of(study: Study, panel: Panel) -> Iterator[Rows]:
    """The visits of a panel with what is expected of them, some entities at a time."""
    first = panel.visits.first
    spells = study.for_scan()
    at = 0
    while at < panel.entities.size:
        reach = int(np.searchsorted(first, first[at] + CHUNK, side="right")) - 1
        upto = max(at + 1, min(reach, panel.entities.size))
        yield _rows(study, panel, (at, upto), spells)
        at = upto


def _rows(study: Study, panel: Panel, entities: tuple[int, int], spells: Spells) -> Rows:
    visits = panel.visits
    low, high = int(visits.first[entities[0]]), int(visits.first[entities[1]])
    part = slice(low, high)
    spell, weight = visits.spell[part], visits.weight[part]
    since = np.maximum(visits.hazard[part, None], spells.hazard_from[spell])
    risk = np.maximum(spells.hazard_until[spell] - since, 0.0) * weight[:, None] * spells.scale
    entity = np.repeat(np.arange(*entities), np.diff(visits.first[entities[0] : entities[1] + 1]))
    head = np.flatnonzero(panel.ever_first[part])
    group = np.cumsum(panel.ever_first[part]) - 1
    tail = np.append(head[1:], spell.size) - 1
    leave, at = study.spells.leave[spell], panel.at[part]
    new = leave - at[head[group]] <= SHORT_LAG if spell.size else np.zeros(0, bool)
    quick = new & (leave - at[tail[group]] <= QUICK_LAG) if spell.size else new
    return Rows(
        entity, spell, visits.day[part], visits.previous[part], weight, risk, spells.periods[spell],
        np.asarray(new), np.asarray(quick),
    )  # fmt: skip


def _few(study: Study, panel: Panel, smallest: int) -> NDArray[np.bool_]:
    """Entities with some cases but fewer than the smallest cell."""
    cases = _cases_of(study, panel)
    return (cases > 0) & (cases < smallest)


def _heads(panel: Panel) -> tuple[Ints, Ints]:
    """Rows of first visits, and their entities."""
    entity = np.repeat(np.arange(panel.entities.size), np.diff(panel.visits.first))
    rows = np.flatnonzero(panel.ever_first)
    return rows, entity[rows]


def _cases_of(study: Study, panel: Panel) -> Ints:
    rows, entity = _heads(panel)
    events = study.event[panel.visits.spell[rows]]
    return np.bincount(entity[events], minlength=panel.entities.size).astype(np.int64)


def _entity_totals(study: Study, panel: Panel, smallest: int) -> EntityTotals:
    visits, size = panel.visits, panel.entities.size
    rows, entity = _heads(panel)
    spell, weight = visits.spell[rows], visits.weight[rows]
    risk = weight * (study.cumulative[spell, -1] - visits.hazard[rows])
    everywhere = np.repeat(np.arange(size), np.diff(visits.first))
    cases = _cases_of(study, panel)
    return EntityTotals(
        visitors=_whole(np.bincount(entity, weight, size)),
        half_cases=np.where(_few(study, panel, smallest), smallest, 2 * cases),
        expected=_micro(np.bincount(entity, risk, size)),
        visits=_whole(np.bincount(everywhere, visits.weight, size)),
    )


def _whole(values: NDArray[Any]) -> Ints:
    return np.asarray(np.rint(values), np.int64)


def _micro(values: NDArray[Any]) -> Ints:
    return np.asarray(np.ceil(values * UNIT - 1e-6), np.int64)


def _withheld(totals: Floats, smallest: int) -> Ints:
    """Cases of each period, 0 where they are fewer than the smallest cell."""
    return np.where(totals < smallest, 0, totals).astype(np.int64)


def _only_named(pool: Pool) -> Pool:
    """Leave out the entities that too few cards visited, and sort the others by name."""
    kept = np.unique(pool.reach_cells.entity)
    order = kept[np.argsort(np.array([pool.names[e] for e in kept], dtype=object), kind="stable")]
    number = np.full(len(pool.names), -1, np.int64)
    number[order] = np.arange(order.size)

    return Pool(
        tuple(pool.names[e] for e in order),
        CaseCells(*_renumbered(pool.case_cells, number, 5)),
        ReachCells(*_renumbered(pool.reach_cells, number, 4)),
        EntityTotals(*(getattr(pool.totals, name)[order] for name in EntityTotals.__slots__)),
        pool.cases,
        pool.sampling,
    )


def _renumbered(cells: CaseCells | ReachCells, number: Ints, keys: int) -> list[Ints]:
    """The columns of cells under other entity numbers, sorted by their first ``keys`` columns."""
    columns = [getattr(cells, name) for name in cells.__slots__]
    columns[0] = number[columns[0]]
    rows = np.lexsort(columns[:keys][::-1])
    return [column[rows] for column in columns]
