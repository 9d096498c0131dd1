"""Bursts: many fraud reports that are one event, such as an attack on neighbouring card numbers.

The victims of a BIN attack share a product, and so whatever its holders have in common; counted
one by one they would accuse the shop that a co-branded card belongs to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.history import FraudTable
from sekisho.stats.tails import binomial_tail, poisson_tail

Ints = NDArray[np.int64]

DAY = 86_400
LEAST = 5  # reports
CHANCE = 1e-6  # of so many of one product at one place
LEAST_BLIND = 8  # reports, where products are not known
CHANCE_BLIND = 1e-9
NEARBY_DAYS = 14  # on either side: what is usual at a shop
USUAL_LEAST = 0.2  # reports a day at a shop that has hardly any


def find_bursts(frauds: FraudTable) -> Ints:
    """Number each burst; reports outside any get -1.

    With products known, a burst is many reports of one product at one shop on one day: stolen
    cards that are spent there are of mixed products, so the product's share must lie far above its
    share among all other reports. Without, it is far more reports at one shop on one day than
    there are in the weeks around it.
    """
    burst = np.full(frauds.card.size, -1, np.int64)
    placed = frauds.counts & (frauds.entity >= 0)
    known = np.flatnonzero(placed & (frauds.product > 0))
    blind = np.flatnonzero(placed & (frauds.product <= 0))
    if known.size:
        burst[known] = _of_one_product(frauds, known)
    if blind.size:
        sudden = _sudden(frauds, blind)
        burst[blind] = np.where(sudden >= 0, sudden + frauds.card.size, -1)
    return burst


def _of_one_product(frauds: FraudTable, spots: Ints) -> Ints:
    """Bursts among reports whose product is known."""
    day = frauds.at[spots] // DAY
    product = frauds.product[spots].astype(np.int64)
    _, place_of, place_size = np.unique(
        np.column_stack([frauds.entity[spots].astype(np.int64), day]),
        axis=0, return_inverse=True, return_counts=True,
    )  # fmt: skip
    group, group_of, size = np.unique(
        np.column_stack([place_of.ravel(), product]),
        axis=0, return_inverse=True, return_counts=True,
    )  # fmt: skip
    total = place_size[group[:, 0]]
    # The share elsewhere: an attack must not make its own product look common.
    elsewhere = np.bincount(product)[group[:, 1]] - size
    share = np.clip((elsewhere + 1.0) / (spots.size - total + 2.0), 0.0, 1.0)
    log_p = np.log(binomial_tail(size, total, share))
    is_burst = (size >= LEAST) & (log_p < np.log(CHANCE))
    return np.where(is_burst[group_of.ravel()], group_of.ravel(), -1)


def _sudden(frauds: FraudTable, spots: Ints) -> Ints:
    """Bursts among reports whose product is not known: by day and shop alone."""
    day = frauds.at[spots] // DAY
    entity = frauds.entity[spots].astype(np.int64)
    place, place_of, size = np.unique(
        np.column_stack([entity, day]), axis=0, return_inverse=True, return_counts=True
    )
    out = np.full(size.size, -1, np.int64)
    for i in np.flatnonzero(size >= LEAST_BLIND):
        near = (entity == place[i, 0]) & (np.abs(day - place[i, 1]) <= NEARBY_DAYS)
        usual = (int(near.sum()) - int(size[i])) / (2.0 * NEARBY_DAYS)
        if poisson_tail(size[i], max(usual, USUAL_LEAST)) < CHANCE_BLIND:
            out[i] = i
    return out[place_of.ravel()]
