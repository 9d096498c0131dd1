"""The engine's steps on its state: one authorization, reversal, label or exposure, or a whole file.

The same compiled functions run online, in training and in back-tests, so a feature cannot mean
two things. One writer at a time; readers may look at records in between.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.cards import (
    card_features,
    count_purchase,
    exceeds,
    kept_amount,
    marks_of,
    roll_weeks,
    see_alone,
)
from sekisho.scoring.compiled import compiled, prefetch
from sekisho.scoring.layout import (
    ASKED_AT,
    ASKED_FRAUDS,
    ASKED_GENUINE,
    BUCKET,
    CAPACITY,
    CARD_WORDS,
    DAY,
    DAYS,
    DECLINED,
    E_AMOUNT,
    E_KEPT,
    EVENT_WORDS,
    EXPLAINED_FACTOR,
    EXPOSED_AT,
    EXPOSED_DATA,
    EXPOSED_UNTIL,
    EXPOSURE_KNOWN_AT,
    EXPOSURES,
    FIRST_AT,
    FIRST_REMOTE,
    HABIT_COUNT,
    HEAD,
    KNOWN_FRAUD_AT,
    KNOWN_FRAUDS,
    LONGEST,
    MERCHANT_WORDS,
    NEWEST,
    NEWEST_DAY,
    NEWEST_SCANNED,
    START,
    TAIL,
    UTC_OFFSET,
    WEEK,
    WEEK_COUNT,
    WEEK_SUM,
    WEEKS,
    WINDOWS,
)
from sekisho.scoring.messages import Authorization, Authorizations, Labels, first_rows
from sekisho.scoring.rings import (
    expire,
    find,
    insert,
    make_room,
    mark,
    marks_at,
    place,
    position_after,
    see_from,
    spread_marks,
    take_out,
)
from sekisho.scoring.shops import bucket_of, count_traffic, learn, roll_days, shop_features
from sekisho.scoring.slots import WIDTH, Slot
from sekisho.scoring.state import LINE, State, with_room

Ints = NDArray[np.int64]
Vector = NDArray[np.float32]

RECORDS_AHEAD, EVENTS_AHEAD = 12, 5

NO_ROOM, ON_TIME, LATE, TOO_LATE, REPEATED = -1, 0, 1, 2, 3
"""What became of an authorization. With NO_ROOM nothing was counted: make room and try again."""


@compiled
def authorize(state: State, a: Authorization, out: Vector) -> int:
    """Count an authorization and fill ``out`` (WIDTH,) with its features.

    A late one is put where it belongs; one that is older than everything kept, or that was seen
    already, is not counted in the card's windows, and gets the features that still can be told.
    """
    card = state.cards[a.card]
    local = a.at + state.whole[UTC_OFFSET]
    if a.at > card[NEWEST]:
        expire(card, state.events, a.at)
        card[NEWEST] = a.at
        roll_weeks(card, local // WEEK)
    else:
        known = find(card, state.events, a.at, a.transaction)
        if known >= 0:
            marks = marks_at(state.events, place(card, known))
            see_from(card, state.events, known, a.at, state.scratch)
            _fill(state.scratch, state, a, marks, 1, out)
            return REPEATED
        if a.at <= card[NEWEST] - WINDOWS[LONGEST]:
            marks = marks_of(card, a.amount, a.entry)
            see_alone(card, a, spread_marks(marks), state.scratch)
            _fill(state.scratch, state, a, marks, 0, out)
            return TOO_LATE
    if not make_room(card, state.events, state.whole):
        return NO_ROOM
    return int(_count(card, state, a, local, out))


@compiled
def _count(card: Ints, state: State, a: Authorization, local: int, out: Vector) -> int:
    marks = marks_of(card, a.amount, a.entry)
    kept = kept_amount(card, a.amount)
    position = position_after(card, state.events, a.at)
    insert(card, state.events, position, a, kept, marks)
    shop = state.merchants[a.merchant]
    roll_days(shop, local // DAY)
    count_traffic(shop, local // DAY, a.amount, marks, 1)
    on_time = a.at == card[NEWEST]
    if on_time:
        _fill(card, state, a, marks, 1, out)
    else:
        see_from(card, state.events, position, a.at, state.scratch)
        _fill(state.scratch, state, a, marks, 1, out)
    if card[FIRST_AT] == 0:
        card[FIRST_AT] = a.at
    count_purchase(card, local, kept, 1)  # after the features: a habit is what was before
    return ON_TIME if on_time else LATE


@compiled
def _fill(
    view: Ints, state: State, a: Authorization, marks: int, counted: int, out: Vector
) -> None:
    local = a.at + state.whole[UTC_OFFSET]
    hour = local % DAY // 3_600
    out[Slot.AMOUNT] = a.amount
    out[Slot.HOUR] = hour
    out[Slot.NIGHT] = 1.0 if hour <= 6 else 0.0
    out[Slot.WEEKEND] = 1.0 if (local // DAY + 3) % 7 >= 5 else 0.0
    out[Slot.ENTRY] = a.entry
    out[Slot.REMOTE] = 1.0 if a.entry >= FIRST_REMOTE else 0.0
    out[Slot.ECI] = a.eci
    out[Slot.CODE_RESULT] = a.code
    card_features(view, state.events, a, local, marks, out)
    shop = state.merchants[a.merchant]
    age = shop[NEWEST_DAY] - local // DAY if counted else DAYS
    shop_features(shop, a, marks, age, state.whole[UTC_OFFSET], out)


@compiled
def decline(state: State, card: int, at: int, transaction: int) -> bool:
    """Note that an authorization was declined; False if it is not known (any more)."""
    record = state.cards[card]
    position = find(record, state.events, at, transaction)
    if position < 0 or marks_at(state.events, place(record, position)) & DECLINED:
        return False
    mark(record, state.events, position, DECLINED)
    return True


@compiled
def reverse(state: State, card: int, at: int, transaction: int) -> bool:
    """Undo what an authorization counted; False if it is not known (any more), or undone."""
    record, events = state.cards[card], state.events
    position = find(record, events, at, transaction)
    if position < 0:
        return False
    cell = place(record, position)
    local = at + state.whole[UTC_OFFSET]
    count_purchase(record, local, events.row[cell, E_KEPT], -1)
    shop = state.merchants[events.merchant[cell]]
    count_traffic(shop, local // DAY, events.row[cell, E_AMOUNT], marks_at(events, cell), -1)
    take_out(record, events, position)
    return True


@compiled
def label(state: State, labels: Labels, i: int) -> None:
    """Learn row ``i``: whether a purchase was fraud, at card and merchant."""
    card, shop = state.cards[labels.card[i]], state.merchants[labels.merchant[i]]
    fraud, asked = labels.fraud[i] > 0, labels.asked[i] > 0
    verdict = 0
    if fraud:
        verdict = 1 if exceeds(card, labels.amount[i], EXPLAINED_FACTOR) else 2
    day = (labels.known_at[i] + state.whole[UTC_OFFSET]) // DAY
    roll_days(shop, day)
    learn(shop, asked, labels.known_at[i], day, labels.at[i], verdict)
    if asked:
        card[ASKED_FRAUDS if fraud else ASKED_GENUINE] += 1
        card[ASKED_AT] = max(card[ASKED_AT], labels.known_at[i])
    elif fraud:
        card[KNOWN_FRAUDS] += 1
        card[KNOWN_FRAUD_AT] = max(card[KNOWN_FRAUD_AT], labels.at[i])


@compiled
def expose(state: State, card: int, exposed_at: int, known_at: int, until: int, data: int) -> None:
    """Put a card on watch: exposed last at, known since, watched until, bits of data taken."""
    record = state.cards[card]
    record[EXPOSURES] += 1
    record[EXPOSED_DATA] |= data
    record[EXPOSED_AT] = max(record[EXPOSED_AT], exposed_at)
    record[EXPOSURE_KNOWN_AT] = max(record[EXPOSURE_KNOWN_AT], known_at)
    record[EXPOSED_UNTIL] = max(record[EXPOSED_UNTIL], until)


@compiled
def clear_exposure(state: State, card: int) -> None:
    """Take a card off watch, as when the merchant is cleared."""
    record = state.cards[card]
    for word in (EXPOSURES, EXPOSED_DATA, EXPOSED_AT, EXPOSURE_KNOWN_AT, EXPOSED_UNTIL):
        record[word] = 0


@compiled
def _look_ahead(state: State, of: Authorizations, labels: Labels, i: int, j: int) -> None:
    """Bring near what the next authorizations will touch: records first, their events later.

    A file of many cards jumps through memory; waiting for it would be most of the time.
    """
    day = of.at[i] // DAY
    if j + RECORDS_AHEAD < labels.card.size:
        first = np.int64(labels.card[j + RECORDS_AHEAD]) * CARD_WORDS
        prefetch(state.cards, first + KNOWN_FRAUDS)
        prefetch(state.cards, first + HABIT_COUNT)
        _near_shop(state, np.int64(labels.merchant[j + RECORDS_AHEAD]), day)
    if i + RECORDS_AHEAD < of.card.size:
        first = np.int64(of.card[i + RECORDS_AHEAD]) * CARD_WORDS
        for word in range(0, WEEK_COUNT, LINE):
            prefetch(state.cards, first + word)
        week = (of.at[i] + state.whole[UTC_OFFSET]) // WEEK % WEEKS
        prefetch(state.cards, first + WEEK_COUNT + week)
        prefetch(state.cards, first + WEEK_SUM + week)
        _near_shop(state, np.int64(of.merchant[i + RECORDS_AHEAD]), day)
    if i + EVENTS_AHEAD < of.card.size:
        _near_events(state, of.card[i + EVENTS_AHEAD])


@compiled
def _near_shop(state: State, merchant: int, day: int) -> None:
    first = merchant * MERCHANT_WORDS
    prefetch(state.merchants, first + bucket_of(day))
    prefetch(state.merchants, first + bucket_of(day - 7))
    prefetch(state.merchants, first + bucket_of(day - 30))
    for word in range(0, BUCKET, LINE):
        prefetch(state.merchants, first + word)


@compiled
def _near_events(state: State, number: int) -> None:
    card = state.cards[number]
    if card[CAPACITY] == 0:
        return
    for w in range(3, LONGEST + 1):
        prefetch(state.events.row, EVENT_WORDS * place(card, card[TAIL + w]))
    for back in range(NEWEST_SCANNED + 1):
        prefetch(state.events.row, EVENT_WORDS * place(card, card[HEAD] - back))
    for cell in range(card[START], card[START] + card[CAPACITY], 2 * LINE):
        prefetch(state.events.merchant, cell)


@compiled
def _run(
    state: State, of: Authorizations, labels: Labels, i: int, j: int, out: NDArray[np.float32]
) -> tuple[int, int]:
    """Go on from authorization i and label j; ends early where the arena has no room."""
    while i < of.at.size:
        _look_ahead(state, of, labels, i, j)
        while j < labels.known_at.size and labels.known_at[j] <= of.at[i]:
            label(state, labels, j)
            j += 1
        a = Authorization(
            of.at[i], of.card[i], of.merchant[i], of.transaction[i], of.amount[i],
            of.country[i], of.entry[i], of.eci[i], of.code[i],
        )  # fmt: skip
        if authorize(state, a, out[i]) == NO_ROOM:
            break
        if of.approved[i] == 0:
            decline(state, a.card, a.at, a.transaction)
        i += 1
    return i, j


def run(
    state: State,
    of: Authorizations,
    labels: Labels,
    out: NDArray[np.float32] | None = None,
    tell: Callable[[int], None] | None = None,
) -> tuple[State, NDArray[np.float32]]:
    """Play authorizations with labels becoming known in between; state after, and all features.

    Labels known at the very second of an authorization are learnt before it. The result is
    (rows, WIDTH); ``out`` may be given to be filled, ``tell`` hears how many rows are done.
    """
    features = np.empty((of.at.size, WIDTH), np.float32) if out is None else out
    i = j = 0
    while i < of.at.size:
        stop = of.at.size if tell is None else min(of.at.size, i + 200_000)
        part = first_rows(of, stop)
        before = i
        i, j = _run(state, part, labels, i, j, features)
        if i < stop:
            state = with_room(state, events=2 * state.events.merchant.size)
        if tell is not None:
            tell(i - before)
    return state, features
