"""A history played again through the kernel: features as they were, in parts that fit into memory.

Labels become known on their own day, and cards go on the watch list on the day of their alert, so
that nothing is used that was not known then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.kernel import expose, run
from sekisho.scoring.layout import DATA_CODE, DATA_EXPIRY, DATA_HOLDER, DATA_TRACK, DAY
from sekisho.scoring.messages import Authorizations, Labels
from sekisho.scoring.slots import WIDTH
from sekisho.scoring.state import State

Ints = NDArray[np.int64]
PART_ROWS: Final = 100_000
DATA_BITS: Final = {
    "expiry": DATA_EXPIRY, "security_code": DATA_CODE, "holder_name": DATA_HOLDER,
    "track": DATA_TRACK,
}  # fmt: skip
"""Bits of the kernel's card record by data element; other elements only put a card on watch."""


class Exposures(NamedTuple):
    """Cards that go on watch, in the order in which that became known.

    Times are seconds since 1970; ``data`` are bits (`DATA_BITS`).
    """

    known_at: Ints
    card: NDArray[np.int32]
    exposed_at: Ints
    until: Ints
    data: Ints


def no_exposures() -> Exposures:
    """No card is on watch."""
    none = np.zeros(0, np.int64)
    return Exposures(none, none.astype(np.int32), none, none, none)


def data_bits(elements: Any) -> int:
    """The bits of the elements that the kernel knows."""
    bits = 0
    for name in elements:
        bits |= DATA_BITS.get(name, 0)
    return bits


def labels_of(
    of: Authorizations, fraud: NDArray[np.int8], delay_days: int, reported_at: Ints | None = None
) -> Labels:
    """Labels as they became known, in that order.

    A fraud is known when it was reported (``reported_at`` in seconds, 0: never within the
    history, and then it counts as genuine until the end), or ``delay_days`` after it; a purchase
    that nobody reported counts as genuine ``delay_days`` after it.
    """
    known_at = of.at + delay_days * DAY
    told = fraud
    if reported_at is not None:
        told = np.where(reported_at > 0, fraud, 0).astype(np.int8)
        known_at = np.where(told > 0, np.maximum(reported_at, of.at), known_at)
    order = np.argsort(known_at, kind="stable")
    return Labels(
        known_at[order], of.at[order], of.card[order], of.merchant[order], of.amount[order],
        told[order], np.zeros(order.size, np.int8),
    )  # fmt: skip


def play(
    state: State, of: Authorizations, labels: Labels, exposures: Exposures | None = None
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield (first, last, features) of one part after the other; the features hold until the next.

    What became known in the very second of an authorization was known to it.
    """
    exposures = no_exposures() if exposures is None else exposures
    cuts = _cuts(of, exposures)
    features = np.empty((PART_ROWS, WIDTH), np.float32)
    learnt = watched = 0
    for first, last in itertools.pairwise(cuts):
        now = of.at[first]
        until = int(np.searchsorted(exposures.known_at, now, side="right"))
        for k in range(watched, until):
            expose(
                state, exposures.card[k], exposures.exposed_at[k], exposures.known_at[k],
                exposures.until[k], exposures.data[k],
            )  # fmt: skip
        watched = until
        known = int(np.searchsorted(labels.known_at, of.at[last - 1], side="right"))
        part = Authorizations(*_rows(of, first, last))
        state, _ = run(state, part, Labels(*_rows(labels, learnt, known)), features[: last - first])
        learnt = known
        yield first, last, features[: last - first]


def _rows(columns: Any, first: int, last: int) -> Any:
    return (column[first:last] for column in columns)


def _cuts(of: Authorizations, exposures: Exposures) -> list[int]:
    """Where parts begin and end: every so many rows, and wherever cards go on watch."""
    rows = of.at.size
    places = set(range(0, rows, PART_ROWS)) | {rows}
    places |= set(np.searchsorted(of.at, np.unique(exposures.known_at)).tolist())
    return sorted(places)
