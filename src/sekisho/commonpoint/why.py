"""Why this entity, and why not its neighbour: one entity's strength, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sekisho.commonpoint.search import (
    EXACT_BINS,
    LEAST_CASES,
    Chance,
    Ground,
    own_log_p,
    run_log_p,
)
from sekisho.commonpoint.study import Panel
from sekisho.stats.scan import scan
from sekisho.stats.tails import log_tail, window_trials

NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class Strength:
    """One entity's best window and its p-values as each correction is applied (natural logs)."""

    entity: int
    start_day: int
    end_day: int
    cases: int
    expected: float
    log_p_window: float
    log_p_entity: float
    log_p_run: float
    victims: np.ndarray


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another entity that the victims share, alone and without the explained one's victims."""

    strength: Strength
    shared: int
    log_p_without: float


def strength_of(
    ground: Ground, chance: Chance, panel: Panel, entity: int, event: np.ndarray | None = None
) -> Strength | None:
    """Scan one entity; None if no drawn card visited it."""
    number = np.flatnonzero(panel.entities == entity)
    if not number.size:
        return None
    study = ground.study
    counted = study.event if event is None else event
    part = panel.select(number)
    totals = study.totals(counted)
    best = scan(
        part.visits, study.for_scan(counted), totals, scale=study.scale(totals),
        floor=np.full(1, 1e-9), limit=EXACT_BINS, least=LEAST_CASES,
    )  # fmt: skip
    rows = slice(part.visits.first[0], part.visits.first[1])
    inside = (part.visits.day[rows] >= best.start[0]) & (part.visits.day[rows] <= best.end[0])
    exposed = np.unique(part.visits.spell[rows][inside])
    victims = exposed[study.in_period(counted, int(best.period[0]))[exposed]]
    zero = np.zeros(1, np.int64)
    known = ground.panel.entities == entity
    sampled = bool(ground.sampled[known].any()) if known.any() else float(ground.unit.max()) > 0
    whole = replace(ground, panel=part, sampled=np.array([sampled]))
    found = best.score[0] > 0
    point = log_tail(best.cases, best.expected, totals[best.period], 0.0)[0] if found else 0.0
    return Strength(
        entity, int(best.start[0]), int(best.end[0]), int(best.cases[0]),
        float(best.expected[0]), float(point),
        float(own_log_p(whole, Chance(), best, totals, zero)[0]),
        float(run_log_p(whole, chance, best, totals, zero)[0]),
        victims if found else victims[:0],
    )  # fmt: skip


def trials_of(windows: int, periods: int) -> float:
    """How many tries the windows count for."""
    return float(window_trials(windows, periods))


def neighbours_of(ground: Ground, chance: Chance, panel: Panel, found: Strength) -> list[Neighbour]:
    """The entities that share most victims with ``found``, and what is left without them."""
    study = ground.study
    mine = np.zeros(len(study.spells), bool)
    mine[found.victims] = True
    heads = np.flatnonzero(panel.ever_first)
    entity = np.repeat(np.arange(panel.entities.size), np.diff(panel.visits.first))[heads]
    spell = panel.visits.spell[heads]
    shared = np.bincount(entity, mine[spell].astype(float), panel.entities.size)
    shared[panel.entities == found.entity] = 0
    usual = np.bincount(entity, panel.visits.weight[heads], panel.entities.size)
    rank = np.argsort(-(shared / np.sqrt(np.maximum(usual, 1.0))), kind="stable")[:NEIGHBOURS]
    without = study.event & ~mine
    out = []
    for number in rank[shared[rank] > 0]:
        other = int(panel.entities[number])
        alone = strength_of(ground, chance, panel, other)
        rest = strength_of(ground, chance, panel, other, without)
        if alone is not None and rest is not None:
            out.append(Neighbour(alone, int(shared[number]), rest.log_p_run))
    return out
