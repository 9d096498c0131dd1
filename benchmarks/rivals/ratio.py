"""The plain ratio with a floor: defrauded cards over all cards that shopped there.

After US 7,580,891 (filed 2002, expired): a merchant is named if at least so many cards shopped
there before they were defrauded, and if these are at least such a share of all cards that shopped
there on the same dates. Both thresholds are the user's.
"""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.facts import Facts, Scores
from sekisho.stats.rivals import NO_FRAUD, plain_ratio


def over_all_time(facts: Facts) -> Scores:
    """The ratio to all cards ever seen there."""
    first_fraud = np.where(facts.case, NO_FRAUD - 1, NO_FRAUD)  # later visits are gone already
    blamed = plain_ratio(facts.card, facts.entity, facts.day, first_fraud)
    count, score = np.zeros(facts.entities), np.zeros(facts.entities)
    count[blamed.entity], score[blamed.entity] = blamed.fraud_cards, blamed.ratio
    return Scores(np.arange(facts.entities), count, score)


def on_the_same_days(facts: Facts, width: int) -> Scores:
    """The ratio to the cards seen there on those dates on which the defrauded ones were.

    A date is ``width`` days long, so that small shops too have other cards on it.
    """
    spans = facts.days // width + 1
    cell = facts.entity * spans + facts.day // width
    marked = np.zeros(facts.entities * spans, bool)
    marked[cell[facts.case[facts.card]]] = True
    shared = marked[cell]
    part = Facts(
        facts.card[shared], facts.entity[shared], facts.day[shared], facts.case, facts.entities
    )
    return over_all_time(part)
