"""The engine's memory: records of cards and merchants, and the arena of recent events.

Everything is a plain array, so a state can lie in mapped files, be copied with one call, and be
handed to a compiled kernel as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.layout import (
    ARENA_USED,
    CARD_WORDS,
    EVENT_WORDS,
    MERCHANT_WORDS,
    SMALLEST_RING,
    STATE_WORDS,
    UTC_OFFSET,
)

Ints = NDArray[np.int64]
LINE = 8  # words that memory brings at once


class Events(NamedTuple):
    """The arena: recent purchases of all cards, each card's in a ring of its own (36 bytes each).

    ``row`` is (cells, EVENT_WORDS), see `layout`; ``merchant`` stands apart because it is scanned.
    """

    row: Ints
    merchant: NDArray[np.int32]


class State(NamedTuple):
    """All that the engine remembers: a row of words for each card and merchant, and the arena.

    ``whole`` holds a few words about all of it; ``scratch`` nothing that lasts.
    """

    cards: Ints
    merchants: Ints
    events: Events
    whole: Ints
    scratch: Ints


def new_state(cards: int, merchants: int, *, utc_offset: int = 0, events: int = 0) -> State:
    """An empty state for so many cards and merchants, with room for ``events`` to begin with.

    ``utc_offset`` (seconds) turns instants into the holders' hours, days and weeks.
    """
    room = max(events, SMALLEST_RING * max(cards, 1))
    whole = np.zeros(STATE_WORDS, np.int64)
    whole[UTC_OFFSET] = utc_offset
    return State(
        _zeros(cards, CARD_WORDS),
        _zeros(merchants, MERCHANT_WORDS),
        _arena(room),
        whole,
        np.zeros(CARD_WORDS, np.int64),
    )


def with_room(state: State, *, cards: int = 0, merchants: int = 0, events: int = 0) -> State:
    """The same state with room for at least so many; what lies in it is copied."""
    old = state.events.merchant.size
    arena = state.events
    if events > old:
        arena = _arena(max(events, 2 * old))
        arena.row[:old] = state.events.row
        arena.merchant[:old] = state.events.merchant
    return state._replace(
        cards=_with_rows(state.cards, cards),
        merchants=_with_rows(state.merchants, merchants),
        events=arena,
    )


def bytes_of(state: State) -> tuple[int, int]:
    """Bytes that the cards take (records and events in use), and the merchants."""
    event = 8 * EVENT_WORDS + 4
    return state.cards.nbytes + int(state.whole[ARENA_USED]) * event, state.merchants.nbytes


def _arena(room: int) -> Events:
    return Events(_zeros(room, EVENT_WORDS), np.zeros(room, np.int32))


def _zeros(rows: int, words: int) -> Ints:
    """Empty rows that begin where a line of memory does: a record then lies on fewer of them."""
    plain = np.zeros(rows * words + LINE - 1, np.int64)
    first = -(plain.ctypes.data // 8) % LINE
    return plain[first : first + rows * words].reshape(rows, words)


def _with_rows(records: Ints, rows: int) -> Ints:
    if rows <= records.shape[0]:
        return records
    grown = _zeros(max(rows, 2 * records.shape[0]), records.shape[1])
    grown[: records.shape[0]] = records
    return grown
