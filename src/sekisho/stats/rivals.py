"""What Sekisho is measured against: rules that others use, written once for demo and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_FRAUD = np.int64(np.iinfo(np.int64).max)
"""The first fraud of a card that has none."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The least count and the least ratio (0 to 1) at which the plain ratio blames a place."""

    cards: int = 5
    ratio: float = 0.05


@dataclass(frozen=True, slots=True)
class Blamed:
    """Places in falling order of ratio, then count, then number; one entry of each array per place.

    ``fraud_cards`` shopped there before they were defrauded; ``cards`` are all cards that shopped
    there; ``ratio`` is the first over the second.
    """

    entity: Ints
    fraud_cards: Ints
    cards: Ints
    ratio: Floats


def plain_ratio(
    card: Ints, entity: Ints, at: Ints, first_fraud: Ints, floor: Floor | None = None
) -> Blamed:
    """Blame places by the plain ratio with a floor under count and ratio.

    ``card``, ``entity`` and ``at`` have one entry per visit; cards and entities are numbered from
    0. ``first_fraud`` has one entry per card: the instant of its first fraud, `NO_FRAUD` without
    one. A card counts once at each place, as a pre-fraud card if it shopped there before its first
    fraud. ``floor`` keeps the places that pass both thresholds; None keeps all with at least one
    pre-fraud card.

    The rule is that of US 7,580,891 (filed 2002, expired), without its cut by dates.
    """
    card, entity = np.asarray(card, np.int64), np.asarray(entity, np.int64)
    frauds = np.asarray(first_fraud, np.int64)
    pair = entity * frauds.size + card
    places = int(entity.max()) + 1 if entity.size else 0
    stolen = (at < frauds[card]) & (frauds[card] < NO_FRAUD)
    every = _cards_at(pair, frauds.size, places)
    count = _cards_at(pair[stolen], frauds.size, places)
    ratio = count / np.maximum(every, 1)
    kept = count > 0
    if floor is not None:
        kept &= (count >= floor.cards) & (ratio >= floor.ratio)
    place = np.flatnonzero(kept)
    place = place[np.lexsort((place, -count[place], -ratio[place]))]
    return Blamed(place, count[place], every[place], ratio[place])


def _cards_at(pair: Ints, cards: int, places: int) -> Ints:
    """Count distinct cards of each place, from place * cards + card of every visit."""
    return np.bincount(np.unique(pair) // max(cards, 1), minlength=places).astype(np.int64)
