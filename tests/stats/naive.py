"""Slow and obvious twins of the fast statistics."""

from __future__ import annotations

import math
from itertools import product


def naive_score(k: float, expected: float, total: float) -> float:
    if k <= expected or expected <= 0:
        return 0.0
    score = k * math.log(k / expected)
    if total > k and total > expected:
        score += (total - k) * math.log((total - k) / (total - expected))
    return score


def naive_scan(visits, period, hazard_from, hazard_until, totals, least):
    """Best window of one entity by trying every pair of case-visit days.

    ``visits`` are (spell, day, hazard at the visit, weight).
    """
    days = sorted({day for spell, day, _, _ in visits if period[spell] >= 0})
    best = (0.0, None)
    for start, end in product(days, days):
        if start > end:
            continue
        first = {}
        for spell, day, hazard, weight in visits:
            if start <= day <= end and (spell not in first or day < first[spell][0]):
                first[spell] = (day, hazard, weight)
        for p, total in enumerate(totals):
            k = sum(1 for s in first if 0 <= period[s] <= p)
            expected = sum(
                w * max(0.0, hazard_until[s] - max(h, hazard_from[s][p]))
                for s, (_, h, w) in first.items()
            )
            if k < least:
                continue
            score = naive_score(k, max(expected, 1e-9), total)
            if score > best[0] + 1e-12:
                best = (score, (start, end, p, k, expected))
    return best
