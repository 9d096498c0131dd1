"""Is chance what we think it is? Permute labels within matched sets, and scan all again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.search import (
    LEAST_CASES,
    LEAST_EXPECTED,
    SCREEN_BINS,
    Chance,
    Ground,
    run_log_p,
)
from sekisho.commonpoint.study import Panel, Study
from sekisho.stats.hazard import hazard_at
from sekisho.stats.scan import scan

Ints = NDArray[np.int64]
WORK = 6_000_000  # visits scanned over all permutations of one run
MOST = 20
TRIES = 25


def permutations_for(panel: Panel) -> int:
    """How many permutations the bound on work allows (at least 2)."""
    return int(np.clip(WORK // max(panel.at.size, 1), 2, MOST))


def strongest_by_chance(
    study: Study, panel: Panel, ground: Ground, rng: np.random.Generator, count: int
) -> list[float]:
    """Log p of the strongest entity in each of ``count`` permuted histories.

    Each case hands its index time to a spell of the same matching cell that was open then, drawn
    by weight; every spell keeps its whole history of visits (a permutation within matched sets,
    Langholz & Goldstein 1996, with the maximum over everything tried as the statistic).
    """
    pools = _pools(study)
    out = []
    for _ in range(count):
        permuted, _chosen = _permute(study, pools, rng)
        visible = panel.at < permuted.spells.leave[panel.visits.spell]
        part = panel.where(visible)
        best = scan(
            part.visits, permuted.for_scan(), floor=np.full(part.entities.size, LEAST_EXPECTED),
            limit=SCREEN_BINS, least=LEAST_CASES,
        )  # fmt: skip
        every = np.arange(part.entities.size)
        out.append(
            float(
                run_log_p(replace(ground, panel=part), Chance(), best, permuted.totals, every).min()
            )
        )
    return out


def _pools(study: Study) -> dict[int, tuple[Ints, NDArray[np.float64]]]:
    """For each block with cases, spells sorted by cell and the running sum of their weights."""
    edges = study.clock.edges
    cases = np.flatnonzero(study.event)
    blocks = np.unique(_block(study.spells.leave[cases], edges))
    pools = {}
    for block in blocks:
        order = np.argsort(study.cell[:, block], kind="stable")
        pools[int(block)] = (order, np.concatenate([[0.0], np.cumsum(study.weight[order])]))
    return pools


def _block(at: Ints, edges: Ints) -> Ints:
    return np.clip(np.searchsorted(edges, at, side="left") - 1, 0, edges.size - 2)


def _permute(
    study: Study, pools: dict[int, tuple[Ints, NDArray[np.float64]]], rng: np.random.Generator
) -> tuple[Study, Ints]:
    """The study with the cases' index times handed to spells drawn from their matched sets."""
    cases = np.flatnonzero(study.event)
    index_at = study.spells.leave[cases]
    block = _block(index_at, study.clock.edges)
    chosen = np.full(cases.size, -1)
    for b, (order, running) in pools.items():
        mine = np.flatnonzero(block == b)
        cell = study.cell[cases[mine], b]
        sorted_cells = study.cell[order, b]
        lo = running[np.searchsorted(sorted_cells, cell, side="left")]
        hi = running[np.searchsorted(sorted_cells, cell, side="right")]
        open_ones = np.zeros(mine.size, bool)
        for _ in range(TRIES):
            target = lo + rng.random(mine.size) * (hi - lo)
            pick = order[np.minimum(np.searchsorted(running, target, "right") - 1, order.size - 1)]
            at = index_at[mine]
            fits = (study.spells.entry[pick] < at) & (study.spells.leave[pick] >= at) & ~open_ones
            chosen[mine[fits]] = pick[fits]
            open_ones |= fits
    chosen, first = np.unique(chosen, return_index=True)
    chosen, first = chosen[chosen >= 0], first[chosen >= 0]
    leave = study.spells.leave.copy()
    leave[chosen] = index_at[first]
    event = np.zeros_like(study.event)
    event[chosen] = True
    spells = replace(study.spells, leave=leave)
    # Nobody's hazard changes, but a spell that becomes a case is at risk until then only.
    at_end = hazard_at(
        chosen, index_at[first], study.spells.entry, study.spells.leave,
        study.cumulative, study.clock.edges,
    )  # fmt: skip
    until = study.hazard_until.copy()
    until[chosen] = np.minimum(until[chosen], at_end[:, None])
    since = study.hazard_from.copy()
    since[chosen] = np.minimum(since[chosen], at_end[:, None])
    return replace(study, spells=spells, event=event, hazard_from=since, hazard_until=until), chosen
