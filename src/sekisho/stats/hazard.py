"""The background hazard: how often cards of a kind are defrauded when no shop is to blame.

The hazard of a card in a block of time is modelled as a product,

    hazard[block, card] = block[b] * product over factors f of relative[f][level of the card in f],

fitted by iterative proportional scaling, which is maximum likelihood for a Poisson log-linear
model without interactions (Deming & Stephan 1940; Bishop, Fienberg & Holland 1975, ch. 3).
It is the indirect standardisation of epidemiology: cases are compared with cards of the same
activity, tenure, product and home area, at the same time.

When it lies: where two factors act together (one product, only in one town), the product form
spreads the excess over both; entities that sit on such a crossing look guilty. The neighbourhood
test of `commonpoint` exists for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hazard:
    """A fitted hazard: events per second at risk.

    ``block`` has one value per block of time, ``relative`` one array per factor (level 0 is as
    good as any other; levels without events are shrunk towards 1, never to 0).
    """

    block: Floats
    relative: tuple[Floats, ...]


def fit_hazard(
    events: Floats, at_risk: Floats, levels: tuple[Ints, ...], *, shrinkage: float, rounds: int = 40
) -> Hazard:
    """Fit the product model to ``events`` and ``at_risk``, both shaped (cells, blocks).

    ``levels[f][cell]`` is the level of factor f in each cell. ``shrinkage`` is the number of
    pseudo-events that pull each level's relative hazard towards 1.

    >>> import numpy as np
    >>> at_risk = np.array([[100.0, 100.0], [100.0, 100.0]])
    >>> events = np.array([[10.0, 20.0], [30.0, 60.0]])
    >>> fit = fit_hazard(events, at_risk, (np.array([0, 1]),), shrinkage=0.0)
    >>> float(fit.relative[0][1] / fit.relative[0][0])
    3.0
    """
    sizes = [int(level.max()) + 1 if level.size else 1 for level in levels]
    relative = [np.ones(size) for size in sizes]
    block_events = events.sum(axis=0)
    cell_events = events.sum(axis=1)
    block = np.zeros(events.shape[1])
    for _ in range(rounds):
        cell = np.ones(events.shape[0])
        for level, factor in zip(levels, relative, strict=True):
            cell *= factor[level]
        expected = cell @ at_risk
        block = np.divide(block_events, expected, out=np.zeros_like(block), where=expected > 0)
        change = 0.0
        for f, level in enumerate(levels):
            cell = np.ones(events.shape[0])
            for other, factor in zip(levels, relative, strict=True):
                cell *= factor[other]
            fitted = cell * (at_risk @ block)
            seen = np.bincount(level, cell_events, sizes[f])
            wanted = np.bincount(level, fitted, sizes[f])
            # Shrinking is towards the factor's own past value of 1, so divide it out first.
            plain = np.divide(wanted, relative[f], out=np.zeros(sizes[f]), where=relative[f] > 0)
            update = np.divide(
                seen + shrinkage,
                plain + shrinkage,
                out=np.ones(sizes[f]),
                where=plain + shrinkage > 0,
            )
            change = max(
                change, float(np.max(np.abs(np.log((update + 1e-12) / (relative[f] + 1e-12)))))
            )
            relative[f] = update
        if change < 1e-6:
            break
    return Hazard(block=block, relative=tuple(relative))


@nb.njit(cache=True, nogil=True)
def tally_at_risk(
    entry: Ints, leave: Ints, weight: Floats, cells: NDArray[np.int32], bounds: Ints, size: int
) -> Floats:
    """Seconds at risk per (cell, block), weighted.

    ``cells`` is (spells, blocks); ``bounds`` are the blocks' edges, one more than blocks.
    """
    blocks = bounds.size - 1
    total = np.zeros((size, blocks))
    for s in range(entry.size):
        for b in range(blocks):
            overlap = min(leave[s], bounds[b + 1]) - max(entry[s], bounds[b])
            if overlap > 0:
                total[cells[s, b], b] += weight[s] * overlap
    return total


@nb.njit(cache=True, nogil=True)
def cumulate(
    entry: Ints,
    leave: Ints,
    cells: NDArray[np.int32],
    cell_hazard: Floats,
    block: Floats,
    bounds: Ints,
) -> Floats:
    """Cumulative hazard of each spell at each edge of ``bounds``: (spells, blocks + 1)."""
    blocks = bounds.size - 1
    total = np.zeros((entry.size, blocks + 1))
    for s in range(entry.size):
        for b in range(blocks):
            overlap = min(leave[s], bounds[b + 1]) - max(entry[s], bounds[b])
            step = 0.0
            if overlap > 0:
                step = cell_hazard[cells[s, b]] * block[b] * overlap
            total[s, b + 1] = total[s, b] + step
    return total


@nb.njit(cache=True, nogil=True)
def hazard_at(
    spell: Ints, at: Ints, entry: Ints, leave: Ints, cumulative: Floats, bounds: Ints
) -> Floats:
    """Cumulative hazard of ``spell[i]`` at the instant ``at[i]`` (linear between the edges)."""
    out = np.empty(spell.size)
    blocks = bounds.size - 1
    for i in range(spell.size):
        s = spell[i]
        t = min(max(at[i], entry[s]), leave[s])
        b = min(max(np.searchsorted(bounds, t, side="right") - 1, 0), blocks - 1)
        begin = max(entry[s], bounds[b])
        until = min(leave[s], bounds[b + 1])
        step = cumulative[s, b + 1] - cumulative[s, b]
        share = (t - begin) / (until - begin) if until > begin else 0.0
        out[i] = cumulative[s, b] + step * min(max(share, 0.0), 1.0)
    return out
