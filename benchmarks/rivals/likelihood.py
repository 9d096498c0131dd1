"""The log-likelihood ratio for each merchant, without windows.

Dunning, "Accurate methods for the statistics of surprise and coincidence", Computational
Linguistics 19 (1993): G² of the two-by-two table of cards, defrauded or not against seen there or
not. Its root has the sign of the association.
"""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.facts import Facts, Floats, Scores, distinct


def signed_root(both: Floats, seen: Floats, cases: int, cards: int) -> Floats:
    """Signed root of G² of tables with ``both`` of ``cases`` among ``seen`` of ``cards``.

    >>> import numpy as np
    >>> signed_root(np.array([10.0, 5.0]), np.array([100.0, 100.0]), 50, 1000).round(2)
    array([2.06, 0.  ])
    """
    cells = (both, seen - both, cases - both, cards - cases - seen + both)
    rows = (seen, seen, cards - seen, cards - seen)
    columns = (cases, cards - cases, cases, cards - cases)
    g2 = np.zeros_like(both)
    for cell, row, column in zip(cells, rows, columns, strict=True):
        expected = row * column / cards
        with np.errstate(divide="ignore", invalid="ignore"):
            g2 += np.where(cell > 0, 2.0 * cell * np.log(cell / expected), 0.0)
    return np.sign(both - seen * cases / cards) * np.sqrt(np.maximum(g2, 0.0))


def without_windows(facts: Facts) -> Scores:
    """The signed root of G² of every merchant."""
    card, entity = distinct(facts, facts.entity, facts.entities)
    both = np.bincount(entity, facts.case[card], facts.entities).astype(float)
    seen = np.bincount(entity, minlength=facts.entities).astype(float)
    score = signed_root(both, seen, int(facts.case.sum()), facts.case.size)
    return Scores(np.arange(facts.entities), both, score)
