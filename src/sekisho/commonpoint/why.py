"""Why this entity, and why not its neighbour: one entity's strength, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sekisho.commonpoint.search import (
    Chance,
    Ground,
    own_log_p,
    run_log_p,
    scan_exact,
)
from sekisho.commonpoint.study import Panel, Study
from sekisho.stats.tails import log_tail

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
    ground: Ground, study: Study, chance: Chance, panel: Panel, entity: int
) -> Strength | None:
    """Scan one entity with the cases that ``study`` counts; None if no drawn card visited it."""
    number = np.flatnonzero(panel.entities == entity)
    if not number.size:
        return None
    part = study.renew(panel.select(number))
    totals = study.totals
    best = scan_exact(study, part)
    inside = (part.visits.day >= best.start[0]) & (part.visits.day <= best.end[0])
    exposed = np.unique(part.visits.spell[inside])
    victims = exposed[study.in_period(int(best.period[0]))[exposed]]
    known = ground.panel.entities == entity
    sampled = float(ground.sampled[known].max()) if known.any() else float(ground.unit.any())
    whole = replace(ground, panel=part, sampled=np.array([sampled]))
    found = best.score[0] > 0
    zero = np.zeros(1, np.int64)
    point = log_tail(best.cases, best.expected, totals[best.period], 0.0)[0] if found else 0.0
    return Strength(
        entity, int(best.start[0]), int(best.end[0]), int(best.cases[0]),
        float(best.expected[0]), float(point),
        float(own_log_p(whole, Chance(), best, totals, zero)[0]),
        float(run_log_p(whole, chance, best, totals, zero)[0]),
        victims if found else victims[:0],
    )  # fmt: skip


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
    without = study.without(found.victims)
    out = []
    for number in rank[shared[rank] > 0]:
        other = int(panel.entities[number])
        alone = strength_of(ground, study, chance, panel, other)
        rest = strength_of(ground, without, chance, panel, other)
        if alone is not None and rest is not None:
            out.append(Neighbour(alone, int(shared[number]), rest.log_p_run))
    return out
