"""Alternating blame between cards and locations (EM).

After the abstract of Araujo, Almeida, Ferreira, Faloutsos, Bizarro, "BreachRadar: automatic
detection of points-of-compromise", SDM 2017: an "alternating algorithm that assigns a probability
of being compromised to the different possible locations". Its equations are not public in the
abstract; these are a reconstruction, with a term for fraud that comes from none of the locations.
A location is a merchant in a span of days.
"""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.facts import Facts, Scores, distinct

ROUNDS = 60
PRIOR_CARDS = 50.0  # how many cards' worth of innocence a location starts with


def alternating(facts: Facts, width: int | None) -> Scores:
    """Probability that a location's visitors were compromised there, and the blame behind it.

    ``width`` is the span in days, None for all time. Each defrauded card shares its blame over the
    locations it visited before its fraud, in proportion to their probabilities; a location's
    probability is the blame over its cards.
    """
    width = width or facts.days
    spans = (facts.days - 1) // width + 1
    cells = facts.entities * spans
    card, cell = distinct(facts, facts.entity * spans + facts.day // width, cells)
    seen = np.bincount(cell, minlength=cells).astype(float)
    guilty = facts.case[card]
    number = np.cumsum(facts.case) - 1
    card, cell = number[card[guilty]], cell[guilty]
    cases = int(facts.case.sum())
    base = cases / max(facts.case.size, 1)
    # A typical card's fraud is shared by its locations and by none of them, half and half.
    visits_of_one = max(card.size / max(cases, 1), 1.0)
    prior = base / (2.0 * visits_of_one)
    chance, none = np.full(cells, prior), base / 2.0
    blame = np.zeros(cells)
    for _ in range(ROUNDS):
        pull = chance[cell]
        total = none + np.bincount(card, pull, cases)
        blame = np.bincount(cell, pull / total[card], cells).astype(float)
        chance = (prior * PRIOR_CARDS + blame) / (PRIOR_CARDS + seen)
        none = float((none / total).sum()) / facts.case.size
    return Scores(np.arange(cells) // spans, blame, chance)
