"""A card's record: what it usually does, what is known of it, and the features read from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.compiled import compiled
from sekisho.scoring.int128 import product, spread
from sekisho.scoring.layout import (
    ASKED_AT,
    ASKED_FRAUDS,
    ASKED_GENUINE,
    CAPACITY,
    CARD_WORDS,
    COUNTS,
    DATA_CODE,
    DATA_EXPIRY,
    DATA_TRACK,
    DAY,
    E_AMOUNT,
    E_WHEN,
    EXPOSED_AT,
    EXPOSED_DATA,
    EXPOSED_UNTIL,
    EXPOSURE_KNOWN_AT,
    EXPOSURES,
    FIRST_AT,
    FIRST_REMOTE,
    HABIT_COUNT,
    HABIT_MIN,
    HABIT_SUM,
    HEAD,
    HOUR_SLOTS,
    HOURS,
    KNOWN_FRAUD_AT,
    KNOWN_FRAUDS,
    LARGE,
    LARGE_FACTOR,
    LONGEST,
    NEWEST_SCANNED,
    NEWEST_WEEK,
    PURCHASES,
    REMOTE,
    SMALL,
    SMALL_MINOR,
    SQUARES,
    START,
    SUM,
    TAIL,
    TIME_BITS,
    WEEK,
    WEEK_COUNT,
    WEEK_SUM,
    WEEKS,
)
from sekisho.scoring.messages import Authorization
from sekisho.scoring.rings import place
from sekisho.scoring.slots import Slot
from sekisho.scoring.state import Events

Ints = NDArray[np.int64]
Vector = NDArray[np.float32]
UNKNOWN = -1.0
"""The value of a feature that cannot be told yet."""


@compiled
def roll_weeks(card: Ints, week: int) -> None:
    """Let the habit's weeks end with ``week``, if that is later than they do."""
    newest = card[NEWEST_WEEK]
    if week <= newest:
        return
    for k in range(min(week - newest, WEEKS)):
        bucket = (week - k) % WEEKS
        card[HABIT_COUNT] -= card[WEEK_COUNT + bucket]
        card[HABIT_SUM] -= card[WEEK_SUM + bucket]
        card[WEEK_COUNT + bucket] = 0
        card[WEEK_SUM + bucket] = 0
    card[NEWEST_WEEK] = week


@compiled
def exceeds(card: Ints, amount: int, factor: int) -> bool:
    """Whether an amount is above so many times the mean of the card's habit."""
    count = card[HABIT_COUNT]
    return bool(count >= HABIT_MIN and amount * count > factor * card[HABIT_SUM])


@compiled
def kept_amount(card: Ints, amount: int) -> int:
    """An amount as the habit counts it: cut, so that a thief's purchases do not become the habit.

    A holder who really spends more is followed within some purchases, since the cut moves along.
    """
    if exceeds(card, amount, LARGE_FACTOR):
        return int(LARGE_FACTOR * card[HABIT_SUM] // card[HABIT_COUNT])
    return int(amount)


@compiled
def marks_of(card: Ints, amount: int, entry: int) -> int:
    """The marks that a purchase has from the start."""
    marks = LARGE if exceeds(card, amount, LARGE_FACTOR) else 0
    if amount <= SMALL_MINOR:
        marks |= SMALL
    if entry >= FIRST_REMOTE:
        marks |= REMOTE
    return marks


@compiled
def count_purchase(card: Ints, local: int, kept: int, sign: int) -> None:
    """Add (``sign`` 1) or take back (-1) a purchase at ``local`` time in habit, hours, total."""
    card[PURCHASES] += sign
    card[HOURS + local % DAY * HOUR_SLOTS // DAY] += sign
    week = local // WEEK
    if week > card[NEWEST_WEEK] - WEEKS:
        card[WEEK_COUNT + week % WEEKS] += sign
        card[WEEK_SUM + week % WEEKS] += sign * kept
        card[HABIT_COUNT] += sign
        card[HABIT_SUM] += sign * kept


@compiled
def card_features(
    view: Ints, events: Events, a: Authorization, local: int, marks: int, out: Vector
) -> None:
    """Fill the card's features. ``view``'s windows end with the purchase, which is its newest."""
    _windows(view, marks, out)
    _amounts(view, a, out)
    _places(view, events, a, out)
    _newest(view, events, a, out)
    shares = view[HOURS + local % DAY * HOUR_SLOTS // DAY]
    out[Slot.CARD_HOUR_SHARE] = (shares + 1.0) / (view[PURCHASES] + HOUR_SLOTS)
    out[Slot.CARD_AGE] = (a.at - view[FIRST_AT]) / DAY if view[FIRST_AT] else 0.0
    _known(view, a, out)
    _exposure(view, a, out)


@compiled
def _windows(view: Ints, marks: int, out: Vector) -> None:
    for w in range(LONGEST + 1):
        out[Slot.CARD_COUNT_10M + w] = view[HEAD] - view[TAIL + w]
        out[Slot.CARD_SUM_10M + w] = view[SUM + w]
    for k in range(3):
        w = 3 if k == 0 else (5 if k == 1 else 7)
        out[Slot.CARD_MEAN_1D + k] = view[SUM + w] / (view[HEAD] - view[TAIL + w])
    own = marks & LARGE
    for k in range(5):
        out[Slot.CARD_LARGE_1D + k] = (view[COUNTS + 3 + k] & 0xFFFF) - own
    own = (marks & SMALL) >> 1
    out[Slot.CARD_SMALL_1H] = ((view[COUNTS + 1] >> 16) & 0xFFFF) - own
    out[Slot.CARD_SMALL_1D] = ((view[COUNTS + 3] >> 16) & 0xFFFF) - own
    own = (marks & REMOTE) >> 2
    out[Slot.CARD_REMOTE_1D] = ((view[COUNTS + 3] >> 32) & 0xFFFF) - own
    own = (marks & 8) >> 3
    out[Slot.CARD_DECLINED_1H] = ((view[COUNTS + 1] >> 48) & 0xFFFF) - own
    out[Slot.CARD_DECLINED_1D] = ((view[COUNTS + 3] >> 48) & 0xFFFF) - own


@compiled
def _amounts(view: Ints, a: Authorization, out: Vector) -> None:
    """Distance of the amount from the purchases before it."""
    before = view[HEAD] - view[TAIL + LONGEST] - 1
    total = view[SUM + LONGEST] - a.amount
    deviation, sigmas, ratio = UNKNOWN, 0.0, UNKNOWN
    if before >= 1 and total > 0:
        ratio = a.amount * before / total
    if before >= 2:
        high, low = product(a.amount, a.amount)
        old = np.uint64(view[SQUARES + 1])
        rest = np.int64(old - low)
        top = view[SQUARES] - np.int64(high) - np.int64(old < low)
        deviation = np.sqrt(spread(before, total, top, rest)) / before
        sigmas = (a.amount - total / before) / max(deviation, 1.0)
    out[Slot.CARD_DEVIATION_30D] = deviation
    out[Slot.CARD_SIGMAS_30D] = sigmas
    out[Slot.CARD_RATIO_30D] = ratio
    count, habit = view[HABIT_COUNT], view[HABIT_SUM]
    known = count >= HABIT_MIN and habit > 0
    out[Slot.CARD_HABIT_MEAN] = habit / count if known else UNKNOWN
    out[Slot.CARD_RATIO_HABIT] = a.amount * count / habit if known else UNKNOWN


@compiled
def _visits(events: Events, first: int, last: int, merchant: int) -> int:
    """How many of the cells from first to before last are of this merchant."""
    count = 0
    for other in events.merchant[first:last]:
        count += 1 if other == merchant else 0
    return count


@compiled
def _places(view: Ints, events: Events, a: Authorization, out: Vector) -> None:
    """How often the card was at this shop in the last 30 days."""
    low, high = view[TAIL + LONGEST], view[HEAD] - 1
    first = place(view, low)
    until = min(first + high - low, view[START] + view[CAPACITY])
    visits = _visits(events, first, until, a.merchant)
    wrapped = view[START] + high - low - (until - first)
    if wrapped > view[START]:
        visits += _visits(events, view[START], wrapped, a.merchant)
    out[Slot.CARD_SHOP_VISITS_30D] = visits
    out[Slot.CARD_FIRST_AT_SHOP] = 1.0 if visits == 0 else 0.0


@compiled
def _newest(view: Ints, events: Events, a: Authorization, out: Vector) -> None:
    """Recency, and how usual amount, country and way of entry are among the newest purchases."""
    low, high = view[TAIL + LONGEST], view[HEAD] - 1
    since, changed = UNKNOWN, 0.0
    if high > low:
        cell = place(view, high - 1)
        when = events.row[cell, E_WHEN]
        since = a.at - (when >> TIME_BITS)
        changed = 1.0 if (when >> 8) & 0xFFFF != a.country else 0.0
    out[Slot.CARD_SINCE_PREVIOUS] = since
    out[Slot.CARD_COUNTRY_CHANGED] = changed
    low = max(low, high - NEWEST_SCANNED)
    start, wrap = view[START], view[CAPACITY] - 1
    countries, entries = 0, 0
    largest, smallest = np.int64(0), np.int64(1) << 62
    for position in range(low, high):
        cell = start + (position & wrap)
        amount, when = events.row[cell, E_AMOUNT], events.row[cell, E_WHEN]
        countries += 1 if (when >> 8) & 0xFFFF == a.country else 0
        entries += 1 if (when >> 4) & 0xF == a.entry else 0
        largest = max(largest, amount)
        if a.at - (when >> TIME_BITS) < DAY and amount < smallest:
            smallest = amount
    count = high - low
    out[Slot.CARD_COUNTRY_SHARE] = countries / count if count else UNKNOWN
    out[Slot.CARD_ENTRY_SHARE] = entries / count if count else UNKNOWN
    out[Slot.CARD_RATIO_LARGEST] = a.amount / largest if largest > 0 else UNKNOWN
    tried = smallest < np.int64(1) << 62
    out[Slot.CARD_TEST_RATIO] = a.amount / max(int(smallest), 1) if tried else UNKNOWN
    _distinct(view, events, a, low, out)


@compiled
def _distinct(view: Ints, events: Events, a: Authorization, low: int, out: Vector) -> None:
    """Shops that the card was at within an hour and within a day, this one included."""
    high = view[HEAD] - 1
    hour, day = 1, 1
    position = high - 1
    while position >= low:
        cell = place(view, position)
        age = a.at - (events.row[cell, E_WHEN] >> TIME_BITS)
        if age >= DAY:
            break
        new = events.merchant[cell] != a.merchant
        newer = position + 1
        while new and newer < high:
            new = events.merchant[place(view, newer)] != events.merchant[cell]
            newer += 1
        if new:
            day += 1
            hour += 1 if age < 3_600 else 0
        position -= 1
    out[Slot.CARD_SHOPS_1H] = hour
    out[Slot.CARD_SHOPS_1D] = day


@compiled
def days_since(now: int, then: int) -> float:
    """Days from ``then`` to ``now``; unknown where ``then`` is 0."""
    return (now - then) / DAY if then else UNKNOWN


@compiled
def _known(view: Ints, a: Authorization, out: Vector) -> None:
    out[Slot.CARD_KNOWN_FRAUDS] = view[KNOWN_FRAUDS]
    out[Slot.CARD_SINCE_KNOWN_FRAUD] = days_since(a.at, view[KNOWN_FRAUD_AT])
    out[Slot.CARD_ASKED_FRAUDS] = view[ASKED_FRAUDS]
    out[Slot.CARD_ASKED_GENUINE] = view[ASKED_GENUINE]
    out[Slot.CARD_SINCE_ASKED] = days_since(a.at, view[ASKED_AT])


@compiled
def _exposure(view: Ints, a: Authorization, out: Vector) -> None:
    watched = view[EXPOSURES] > 0 and a.at < view[EXPOSED_UNTIL]
    data = view[EXPOSED_DATA] if watched else 0
    out[Slot.EXPOSED] = 1.0 if watched else 0.0
    out[Slot.EXPOSURES] = view[EXPOSURES] if watched else 0.0
    out[Slot.EXPOSED_EXPIRY] = 1.0 if data & DATA_EXPIRY else 0.0
    out[Slot.EXPOSED_CODE] = 1.0 if data & DATA_CODE else 0.0
    out[Slot.EXPOSED_TRACK] = 1.0 if data & DATA_TRACK else 0.0
    out[Slot.EXPOSED_SINCE] = days_since(a.at, view[EXPOSED_AT]) if watched else UNKNOWN
    known = days_since(a.at, view[EXPOSURE_KNOWN_AT])
    out[Slot.EXPOSURE_KNOWN_SINCE] = known if watched else UNKNOWN
    out[Slot.CODE_REASSURES] = 1.0 if a.code == 1 and not data & DATA_CODE else 0.0


@compiled
def see_alone(card: Ints, a: Authorization, marks_word: int, view: Ints) -> None:
    """Make ``view`` the record for a purchase that is older than anything kept: it stands alone."""
    for word in range(CARD_WORDS):
        view[word] = card[word]
    high, low = product(a.amount, a.amount)
    view[SQUARES], view[SQUARES + 1] = np.int64(high), np.int64(low)
    view[HEAD] = 1
    for w in range(LONGEST + 1):
        view[TAIL + w] = 0
        view[SUM + w] = a.amount
        view[COUNTS + w] = marks_word
