"""How good scores are, in the words of statistics and of the trade.

All take ``fraud`` (0 or 1) and ``score`` (larger is more suspicious), arrays of equal length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.int8]
Ints = NDArray[np.int64]


def roc_auc(fraud: Flags, score: Floats) -> float:
    """The chance that a fraud scores above a genuine purchase; a tie counts half (Mann-Whitney).

    NaN where there is no fraud, or nothing else.
    """
    frauds = int(fraud.sum())
    genuine = fraud.size - frauds
    if not frauds or not genuine:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    rank = last - (count - 1) / 2.0
    above = rank[place][fraud > 0].sum() - frauds * (frauds + 1) / 2.0
    return float(above / frauds / genuine)


def average_precision(fraud: Flags, score: Floats) -> float:
    """The area under precision over recall as a step function; tied scores are one step.

    Sum over thresholds of (recall gained) x precision, as the Handbook's library has it.
    NaN where there is no fraud.
    """
    frauds = int(fraud.sum())
    if not frauds:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    hits = np.cumsum(fraud[order].astype(np.int64))
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    precision = hits[ends] / (ends + 1.0)
    gained = np.diff(hits[ends], prepend=0)
    return float((gained * precision).sum() / frauds)


def card_precision(of: CardDays, fraud: Flags, score: Floats, k: int = 100) -> Floats:
    """For each day, the share of the ``k`` most suspicious cards that are defrauded that day.

    A card's score is its highest of the day. Cards that were caught are left out on later days
    (Handbook, chapter 4, card precision top-k). The result has one value for each day, in order.
    """
    caught: set[int] = set()
    shares = []
    for day in np.unique(of.day):
        rows = np.flatnonzero(of.day == day)
        cards, place = np.unique(of.card[rows], return_inverse=True)
        highest = np.full(cards.size, -np.inf)
        np.maximum.at(highest, place, score[rows])
        hit = np.zeros(cards.size, np.int8)
        np.maximum.at(hit, place, fraud[rows])
        free = np.array([card not in caught for card in cards.tolist()])
        order = np.argsort(-highest[free], kind="stable")[:k]
        found = hit[free][order] > 0
        caught |= set(cards[free][order][found].tolist())
        shares.append(found.sum() / k)
    return np.array(shares)


class CardDays:
    """Which card and which day each row belongs to."""

    def __init__(self, card: NDArray[np.int32], day: Ints) -> None:
        self.card = card
        self.day = day
