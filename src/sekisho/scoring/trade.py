"""Figures as the trade has them: what an alert rate costs in genuine purchases, and what it stops.

Definitions differ between houses, so they are said here. *Alert rate*: flagged purchases over all.
*Insult rate*: genuine purchases flagged, over genuine ones. *False positives per fraud*: genuine
purchases flagged for each fraud flagged ("x to 1"). *Value detection*: amount of the frauds flagged
over the amount of all frauds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.int8]
Ints = NDArray[np.int64]

ALERT_RATES: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05)


@dataclass(frozen=True, slots=True)
class AtRate:
    """What happens when everything that scores at or above ``threshold`` is flagged."""

    threshold: float
    alert_rate: float
    recall: float
    value_detection: float
    false_positives_per_fraud: float
    insult_rate: float


def threshold_for(score: Floats, rate: float) -> float:
    """The lowest score that flags no more than this share of the purchases (ties go together)."""
    ranked = np.sort(score)[::-1]
    wanted = int(rate * score.size)
    if wanted == 0:
        return float("inf")
    if wanted >= score.size:
        return float(ranked[-1])
    if ranked[wanted] < ranked[wanted - 1]:
        return float(ranked[wanted - 1])
    above = ranked[ranked > ranked[wanted]]
    return float(above[-1]) if above.size else float("inf")


def at_threshold(fraud: Flags, score: Floats, amount: Ints, threshold: float) -> AtRate:
    """The figures at one threshold; NaN where a figure has nothing to be divided by."""
    flagged = score >= threshold
    frauds, caught = int(fraud.sum()), int(fraud[flagged].sum())
    wrong, genuine = int(flagged.sum()) - caught, fraud.size - frauds
    lost = float(amount[fraud > 0].sum())
    nothing = float("nan")
    return AtRate(
        threshold,
        float(flagged.mean()) if fraud.size else nothing,
        caught / frauds if frauds else nothing,
        float(amount[flagged & (fraud > 0)].sum()) / lost if lost else nothing,
        wrong / caught if caught else nothing,
        wrong / genuine if genuine else nothing,
    )


def curve(
    fraud: Flags, score: Floats, amount: Ints, rates: Sequence[float] = ALERT_RATES
) -> list[AtRate]:
    """The figures at several alert rates."""
    return [at_threshold(fraud, score, amount, threshold_for(score, rate)) for rate in rates]


def stability(before: Floats, after: Floats, bins: int = 10) -> float:
    """Population stability index of two sets of scores, over tenths of the first.

    Sum of (b - a) ln(b / a) over the bins; below 0.1 it is usually called stable, above 0.25
    shifted. Each bin counts half a score more, so that an empty one has a logarithm.
    """
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, part, side="right"), minlength=edges.size + 1) + 0.5
        for part in (before, after)
    ]
    a, b = (count / count.sum() for count in counts)
    return float(((b - a) * np.log(b / a)).sum())
