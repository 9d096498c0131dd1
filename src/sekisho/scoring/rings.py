"""A card's recent purchases: a ring of events sorted by time, and running sums over its windows.

The windows end at the newest time that the card has seen. Each has a tail, the position of its
oldest event, so its count is a difference and its sums move with the tail: constant time on the
average, exact always. Late purchases are put in their place, reversed ones taken out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.compiled import compiled
from sekisho.scoring.int128 import add_square, take_square
from sekisho.scoring.layout import (
    ARENA_USED,
    CAPACITY,
    CARD_WORDS,
    COUNTS,
    E_AMOUNT,
    E_KEPT,
    E_TRANSACTION,
    E_WHEN,
    EVENT_WORDS,
    FREE,
    HEAD,
    LONGEST,
    MOST_EVENTS,
    NEWEST,
    SIZE_CLASSES,
    SMALLEST_RING,
    SQUARES,
    START,
    SUM,
    TAIL,
    TIME_BITS,
    WINDOWS,
)
from sekisho.scoring.messages import Authorization
from sekisho.scoring.state import Events

Ints = NDArray[np.int64]


@compiled
def place(card: Ints, position: int) -> int:
    """Where in the arena the event at ``position`` lies."""
    return int(card[START] + (position & (card[CAPACITY] - 1)))


@compiled
def spread_marks(bits: int) -> int:
    """Marks as four counts of 16 bits in one word, each 0 or 1."""
    b = np.int64(bits)
    return int((b & 1) | ((b & 2) << 15) | ((b & 4) << 30) | ((b & 8) << 45))


@compiled
def time_at(events: Events, cell: int) -> int:
    """The time of the event in a cell of the arena."""
    return int(events.row[cell, E_WHEN] >> TIME_BITS)


@compiled
def _leave(card: Ints, events: Events, window: int) -> None:
    """Take the oldest event out of one window."""
    at = place(card, card[TAIL + window])
    card[TAIL + window] += 1
    card[SUM + window] -= events.row[at, E_AMOUNT]
    card[COUNTS + window] -= spread_marks(marks_at(events, at))
    if window == LONGEST:
        take_square(card, SQUARES, events.row[at, E_AMOUNT])


@compiled
def expire(card: Ints, events: Events, now: int) -> None:
    """Let the windows end at ``now``; what leaves the longest one is forgotten."""
    head = card[HEAD]
    for w in range(LONGEST + 1):
        limit = now - WINDOWS[w]
        while card[TAIL + w] < head and time_at(events, place(card, card[TAIL + w])) <= limit:
            _leave(card, events, w)


@compiled
def make_room(card: Ints, events: Events, whole: Ints) -> bool:
    """Room for one more event; False (and nothing changed) if the arena is full.

    A ring that is full moves into one of twice the size; the old one is kept for the next card.
    """
    count = card[HEAD] - card[TAIL + LONGEST]
    if count < card[CAPACITY]:
        return True
    if count == MOST_EVENTS:
        oldest = card[TAIL + LONGEST]
        for w in range(LONGEST + 1):
            if card[TAIL + w] == oldest:
                _leave(card, events, w)
        return True
    capacity = max(SMALLEST_RING, 2 * card[CAPACITY])
    start = _take_ring(capacity, events, whole)
    if start < 0:
        return False
    for position in range(card[TAIL + LONGEST], card[HEAD]):
        _copy(events, place(card, position), start + (position & (capacity - 1)))
    if card[CAPACITY]:
        _give_ring(card, events, whole)
    card[START] = start
    card[CAPACITY] = capacity
    return True


@compiled
def _size_class(capacity: int) -> int:
    size = 0
    while SMALLEST_RING << size < capacity and size < SIZE_CLASSES:
        size += 1
    return size


@compiled
def _take_ring(capacity: int, events: Events, whole: Ints) -> int:
    """The start of a free ring of this capacity, -1 if there is none and no room for one."""
    free = FREE + _size_class(capacity)
    if whole[free]:
        start = whole[free] - 1
        whole[free] = events.row[
            start, E_WHEN
        ]  # a free ring keeps the next free one in its first cell
        return int(start)
    start = whole[ARENA_USED]
    if start + capacity > events.merchant.size:
        return -1
    whole[ARENA_USED] += capacity
    return int(start)


@compiled
def _give_ring(card: Ints, events: Events, whole: Ints) -> None:
    free = FREE + _size_class(card[CAPACITY])
    events.row[card[START], E_WHEN] = whole[free]
    whole[free] = card[START] + 1


@compiled
def _copy(events: Events, source: int, target: int) -> None:
    for word in range(EVENT_WORDS):
        events.row[target, word] = events.row[source, word]
    events.merchant[target] = events.merchant[source]


@compiled
def marks_at(events: Events, cell: int) -> int:
    """The marks of the event in a cell of the arena."""
    return int(events.row[cell, E_WHEN] & 0xF)


@compiled
def position_after(card: Ints, events: Events, at: int) -> int:
    """The position after the last event that is not later than ``at``."""
    position = card[HEAD]
    while position > card[TAIL + LONGEST] and time_at(events, place(card, position - 1)) > at:
        position -= 1
    return int(position)


@compiled
def find(card: Ints, events: Events, at: int, transaction: int) -> int:
    """The position of the event of this transaction at this time, -1 if the ring has none."""
    position = position_after(card, events, at) - 1
    while position >= card[TAIL + LONGEST]:
        cell = place(card, position)
        if time_at(events, cell) != at:
            return -1
        if events.row[cell, E_TRANSACTION] == transaction:
            return int(position)
        position -= 1
    return -1


@compiled
def insert(
    card: Ints, events: Events, position: int, a: Authorization, kept: int, marks: int
) -> None:
    """Put an event at ``position`` (there is room); windows that reach back to it count it."""
    later = card[HEAD]
    while later > position:
        _copy(events, place(card, later - 1), place(card, later))
        later -= 1
    cell = place(card, position)
    who = (np.int64(a.country) << 8) | (np.int64(a.entry) << 4) | np.int64(marks)
    events.row[cell, E_WHEN] = (np.int64(a.at) << TIME_BITS) | who
    events.row[cell, E_AMOUNT] = a.amount
    events.row[cell, E_KEPT] = kept
    events.row[cell, E_TRANSACTION] = a.transaction
    events.merchant[cell] = a.merchant
    card[HEAD] += 1
    counts = spread_marks(marks)
    for w in range(LONGEST + 1):
        if a.at <= card[NEWEST] - WINDOWS[w]:
            card[TAIL + w] += 1
        else:
            card[SUM + w] += a.amount
            card[COUNTS + w] += counts
    if a.at > card[NEWEST] - WINDOWS[LONGEST]:
        add_square(card, SQUARES, a.amount)


@compiled
def take_out(card: Ints, events: Events, position: int) -> None:
    """Undo `insert` of the event at ``position``."""
    cell = place(card, position)
    counts = spread_marks(marks_at(events, cell))
    for w in range(LONGEST + 1):
        if position < card[TAIL + w]:
            card[TAIL + w] -= 1
        else:
            card[SUM + w] -= events.row[cell, E_AMOUNT]
            card[COUNTS + w] -= counts
    take_square(card, SQUARES, events.row[cell, E_AMOUNT])
    for at in range(position, card[HEAD] - 1):
        _copy(events, place(card, at + 1), place(card, at))
    card[HEAD] -= 1


@compiled
def mark(card: Ints, events: Events, position: int, bit: int) -> None:
    """Set a mark of the event at ``position`` that it did not have."""
    cell = place(card, position)
    events.row[cell, E_WHEN] |= bit
    for w in range(LONGEST + 1):
        if position >= card[TAIL + w]:
            card[COUNTS + w] += spread_marks(bit)


@compiled
def see_from(card: Ints, events: Events, position: int, at: int, view: Ints) -> None:
    """Make ``view`` the record with windows that end with the event at ``position``, at ``at``."""
    for word in range(CARD_WORDS):
        view[word] = card[word]
    view[HEAD] = position + 1
    view[SQUARES] = 0
    view[SQUARES + 1] = 0
    for w in range(LONGEST + 1):
        tail = position
        view[SUM + w] = 0
        view[COUNTS + w] = 0
        while tail >= card[TAIL + LONGEST]:
            cell = place(card, tail)
            if tail < position and time_at(events, cell) <= at - WINDOWS[w]:
                break
            view[SUM + w] += events.row[cell, E_AMOUNT]
            view[COUNTS + w] += spread_marks(marks_at(events, cell))
            if w == LONGEST:
                add_square(view, SQUARES, events.row[cell, E_AMOUNT])
            tail -= 1
        view[TAIL + w] = tail + 1
