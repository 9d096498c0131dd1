"""What reaches the engine, as columns: authorizations, and labels that become known later."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Entry:
    """How the card's data came in (field 22 of ISO 8583, coarsened)."""

    UNKNOWN, CHIP, CONTACTLESS, STRIPE, KEYED, STORED = range(6)


class Authorizations(NamedTuple):
    """Authorizations as columns of equal length, in the order in which they arrived.

    ``at``: seconds since 1970; ``card``, ``merchant``: row numbers of the state; ``amount``: minor
    units; ``country``: ISO 3166 numeric or 0; ``entry``: see `Entry`; ``eci``: 0 absent, 1 not
    authenticated, 2 attempted, 3 authenticated; ``code``: security code 0 absent, 1 match, 2 no
    match; ``approved``: 0 if it was declined in the end.
    """

    at: Ints
    card: NDArray[np.int32]
    merchant: NDArray[np.int32]
    transaction: Ints
    amount: Ints
    country: NDArray[np.int16]
    entry: NDArray[np.int8]
    eci: NDArray[np.int8]
    code: NDArray[np.int8]
    approved: NDArray[np.int8]


class Authorization(NamedTuple):
    """One authorization: a row of `Authorizations` without what was decided."""

    at: int
    card: int
    merchant: int
    transaction: int
    amount: int
    country: int
    entry: int
    eci: int
    code: int


class Labels(NamedTuple):
    """Labels in the order in which they became known.

    ``known_at`` is when, ``at`` and ``amount`` are of the purchase; ``fraud`` 0 or 1; ``asked`` 1
    where the label is the holder's answer, 0 where it is a report, or time that passed without one.
    """

    known_at: Ints
    at: Ints
    card: NDArray[np.int32]
    merchant: NDArray[np.int32]
    amount: Ints
    fraud: NDArray[np.int8]
    asked: NDArray[np.int8]


def plain_authorizations(
    at: Ints, card: NDArray[np.int32], merchant: NDArray[np.int32], transaction: Ints, amount: Ints
) -> Authorizations:
    """Authorizations of which no more is known than who, where, when and how much."""
    nothing = np.zeros(at.size, np.int8)
    return Authorizations(
        at, card, merchant, transaction, amount, np.zeros(at.size, np.int16),
        nothing, nothing, nothing, np.ones(at.size, np.int8),
    )  # fmt: skip


def delayed_labels(of: Authorizations, fraud: NDArray[np.int8], delay: int) -> Labels:
    """Labels that all become known ``delay`` seconds after the purchase; ``of`` sorted by time."""
    return Labels(
        of.at + delay, of.at, of.card, of.merchant, of.amount, fraud, np.zeros(of.at.size, np.int8)
    )


def no_labels() -> Labels:
    """Nothing is known about any purchase."""
    none = np.zeros(0, np.int64)
    return Labels(
        none, none, none.astype(np.int32), none.astype(np.int32), none,
        none.astype(np.int8), none.astype(np.int8),
    )  # fmt: skip


def first_rows(of: Authorizations, rows: int) -> Authorizations:
    """The first ``rows`` of them."""
    columns: Any = (column[:rows] for column in of)
    return Authorizations(*columns)
