"""The compiled part: chance by counting, genuine purchases, and putting rows in time order.

Chance is a hash of (seed, what it is for), so a row never depends on which thread made it.
Seconds count from the world's first midnight.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

DAY = 86_400
NEVER = np.int64(1) << np.int64(60)

# What a row is.
INSTORE, ONLINE, STANDING, REFUND, REVERSAL = 0, 1, 2, 3, 4
DECLINED = 16  # added to INSTORE or ONLINE
FRAUD_ONLINE, FRAUD_INSTORE, FRAUD_TEST, FRAUD_COUNTERFEIT = 32, 33, 34, 35
IS_FRAUD = 32


class Market(NamedTuple):
    """Where purchases go, as alias tables; ``*_start`` cut the concatenated tables by area."""

    area_start: NDArray[np.int64]  # (areas + 1,)
    area_shop: NDArray[np.int32]
    area_prob: NDArray[np.float32]
    area_alias: NDArray[np.int32]
    online_shop: NDArray[np.int32]
    online_prob: NDArray[np.float32]
    online_alias: NDArray[np.int32]
    standing_shop: NDArray[np.int32]
    standing_prob: NDArray[np.float32]
    standing_alias: NDArray[np.int32]
    hours: NDArray[np.int64]  # (2, 256) second of the day on which a step begins: in-store, online
    partner: int  # merchant of the co-branded product
    partner_online: bool


class Habits(NamedTuple):
    """The accounts (persons): one row each, whatever card they hold."""

    rate: NDArray[np.float32]  # purchases per day
    online: NDArray[np.float32]  # share of purchases online
    area: NDArray[np.int16]
    standing: NDArray[np.int8]  # number of standing charges
    cobrand: NDArray[np.bool_]


class Shares(NamedTuple):
    """Shares and sizes the kernel needs, see CardSpec."""

    repeat: float
    favourites: int
    habit_days: int
    away: float
    partner: float
    declined: float
    retry: float
    refund: float
    reversal: float


class Rows(NamedTuple):
    """Rows before they are dressed: when, which card, where, what, and a number of their own."""

    second: NDArray[np.int64]
    card: NDArray[np.int32]
    merchant: NDArray[np.int32]
    kind: NDArray[np.uint8]
    tag: NDArray[np.uint32]


def compiled(function: Any) -> Any:
    """Compile ``function`` once and for all threads."""
    return njit(cache=True, nogil=True, inline="never", error_model="numpy")(function)


@compiled
def mix(z: Any) -> Any:
    """Stir 64 bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@compiled
def stir(seed: Any, a: Any, b: Any) -> Any:
    """Make 64 bits for (seed, a, b)."""
    z = mix(uint64(seed) + uint64(0x9E3779B97F4A7C15) * (uint64(a) + uint64(1)))
    return mix(z ^ (uint64(0xC2B2AE3D27D4EB4F) * (uint64(b) + uint64(1))))


@compiled
def unit(z: Any) -> Any:
    """Turn 64 bits into a number in [0, 1)."""
    return (z >> uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def pick(z: Any, start: Any, stop: Any, prob: Any, alias: Any) -> Any:
    """Draw an index of an alias table (Vose 1991) from 64 bits."""
    n = stop - start
    high = (z >> uint64(32)) * uint64(n)
    i = np.int64(high >> uint64(32))
    rest = (high & uint64(0xFFFFFFFF)) * (1.0 / 4294967296.0)
    if rest < prob[start + i]:
        return start + i
    return start + np.int64(alias[start + i])


@compiled
def poisson(z: Any, mean: Any) -> Any:
    """Poisson number from 64 bits: by inversion, by the normal law for large means."""
    u = unit(z)
    if mean > 200.0:
        v = unit(mix(z + uint64(1)))
        normal = np.sqrt(-2.0 * np.log(1.0 - u)) * np.cos(2.0 * np.pi * v)
        return max(0, np.int64(mean + np.sqrt(mean) * normal + 0.5))
    p = np.exp(-mean)
    total = p
    n = 0
    while u > total and n < 1000:
        n += 1
        p *= mean / n
        total += p
    return n


@compiled
def shop_instore(z: Any, seed: Any, account: Any, day: Any, who: Any, market: Any) -> Any:
    """Where an account shops in person: a favourite, the home area, or away."""
    area, shares = who
    u = unit(z)
    home = np.int64(area)
    y = mix(z + uint64(7))
    if u < shares.away:
        home = np.int64(mix(y) % uint64(market.area_start.size - 1))
    elif u < shares.away + shares.repeat:
        # a low rank more often than a high one; each favourite is renewed after a time
        v = unit(y)
        rank = np.int64(v * v * shares.favourites)
        era = (
            day + np.int64(stir(seed, account, rank) % uint64(shares.habit_days))
        ) // shares.habit_days
        y = stir(seed ^ uint64(0xA5A5), account, uint64(rank) + uint64(era) * uint64(64))
    start, stop = market.area_start[home], market.area_start[home + 1]
    return market.area_shop[pick(y, start, stop, market.area_prob, market.area_alias)]


@compiled
def shop_online(z: Any, seed: Any, account: Any, day: Any, shares: Any, market: Any) -> Any:
    """Where an account shops on line: a favourite or any shop by its size."""
    u = unit(z)
    y = mix(z + uint64(11))
    if u < shares.repeat:
        v = unit(y)
        rank = np.int64(v * v * shares.favourites)
        era = (
            day + np.int64(stir(seed, account, rank + 32) % uint64(shares.habit_days))
        ) // shares.habit_days
        y = stir(seed ^ uint64(0x5A5A), account, uint64(rank) + uint64(era) * uint64(64))
    i = pick(y, 0, market.online_shop.size, market.online_prob, market.online_alias)
    return market.online_shop[i]


@compiled
def put(rows: Any, at: Any, row: Any, tag: Any) -> Any:
    """Write one row (second, card, merchant, kind) at place ``at``."""
    rows.second[at] = row[0]
    rows.card[at] = row[1]
    rows.merchant[at] = row[2]
    rows.kind[at] = row[3]
    rows.tag[at] = tag
    return at + 1


@compiled
def put_purchase(rows: Any, at: Any, row: Any, z: Any, shares: Any) -> Any:
    """Write a purchase with what may come with it: failed try, reversal, refund."""
    second, card, shop, kind = row
    tag = np.uint32(z >> uint64(32))
    u = unit(mix(z + uint64(3)))
    if u < shares.declined:
        at = put(rows, at, (second, card, shop, kind + DECLINED), tag)
        if u >= shares.declined * shares.retry:
            return at
        return put(rows, at, (second + 20 + np.int64(tag % 400), card, shop, kind), tag)
    at = put(rows, at, (second, card, shop, kind), tag)
    u = 1.0 - u
    if u < shares.reversal:
        at = put(rows, at, (second + 30 + np.int64(tag % 900), card, shop, REVERSAL), tag)
    elif u < shares.reversal + shares.refund:
        later = second + DAY + np.int64(tag % np.uint32(14 * DAY))
        at = put(rows, at, (later, card, shop, REFUND), tag)
    return at


@compiled
def put_standing(rows: Any, at: Any, seed: Any, who: Any, span: Any, market: Any) -> Any:
    """Write an account's standing charges in a span of days (monthly, at one shop each)."""
    account, number, card, opened = who
    first, days = span
    for slot in range(number):
        z = stir(seed ^ uint64(0x57A9D), account, slot)
        i = pick(z, 0, market.standing_shop.size, market.standing_prob, market.standing_alias)
        shop = market.standing_shop[i]
        y = mix(z)
        phase = np.int64(y % uint64(30))
        begun = np.int64((y >> uint64(8)) % uint64(1500)) - 700
        ended = begun + 200 + np.int64((y >> uint64(24)) % uint64(1500))
        due = first + (phase - first) % 30
        while due < first + days:
            if begun <= due < ended:
                x = stir(z, account, due)
                second = due * DAY + 3600 + np.int64(x % uint64(5 * 3600))
                if second >= opened:
                    # the first charge on a card is entered by its holder
                    entered = due - 30 < begun or second - 30 * DAY < opened
                    kind = ONLINE if entered else STANDING
                    tag = np.uint32(x >> uint64(32))
                    at = put(rows, at, (second, card, shop, kind), tag)
            due += 30
    return at


@compiled
def genuine(rows: Any, span: Any, seed: Any, accounts: Any, cards: Any, market: Any) -> Any:
    """Write the genuine rows of accounts [start, stop) in a span of days.

    ``span`` is (first day, days, season); ``accounts`` is (start, stop, habits, shares);
    ``cards`` is (card held by each account or -1, second on which each card was opened).
    Returns the number of rows, or -1 if ``rows`` is too short.
    """
    first, days, season = span
    start, stop, habits, shares = accounts
    held, opened = cards
    at = 0
    room = rows.second.size - 64
    for account in range(start, stop):
        card = held[account]
        if card < 0:
            continue
        z = stir(seed, account, first + 1_000_000)
        n = poisson(z, habits.rate[account] * season * days)
        if at + 3 * n + 8 * days > room:
            return -1
        online_share = habits.online[account]
        cobrand = habits.cobrand[account]
        who = (habits.area[account], shares)
        for _ in range(n):
            z += uint64(0x9E3779B97F4A7C15)
            x = mix(z)
            day = first + np.int64(((x & uint64(0xFFFFFF)) * uint64(days)) >> uint64(24))
            u = ((x >> uint64(24)) & uint64(0xFFFF)) * (1.0 / 65536.0)
            online = u < online_share
            y = mix(x + uint64(5))
            if cobrand and unit(mix(y)) < shares.partner:
                shop = np.int32(market.partner)
                online = market.partner_online
            elif online:
                shop = shop_online(y, seed, account, day, shares, market)
            else:
                shop = shop_instore(y, seed, account, day, who, market)
            step = market.hours[1 if online else 0, np.int64(x >> uint64(56))]
            second = day * DAY + step + np.int64((x >> uint64(40)) & uint64(0xFFFF)) % 400
            if second >= opened[card]:
                kind = ONLINE if online else INSTORE
                at = put_purchase(rows, at, (second, card, shop, kind), y, shares)
        if habits.standing[account] > 0:
            person = (account, habits.standing[account], card, opened[card])
            at = put_standing(rows, at, seed, person, (first, days), market)
    return at


@compiled
def settle(rows: Any, n: Any, opened: Any, closed: Any, successor: Any) -> Any:
    """Keep rows on cards in use: a stopped card's rows go to its successor, once that is there.

    Fraud sticks to the stolen number. Returns how many rows are kept, in place.
    """
    kept = 0
    for i in range(n):
        card = rows.card[i]
        second = rows.second[i]
        kind = rows.kind[i]
        while card >= 0 and second >= closed[card]:
            card = successor[card]
            if kind >= IS_FRAUD or kind in (REFUND, REVERSAL):
                card = np.int32(-1)  # nothing stolen or returned follows to a new number
            elif kind == STANDING:
                kind = np.uint8(ONLINE)  # the holder enters the new number
        if card < 0 or second < opened[card]:
            continue
        rows.second[kept] = second
        rows.card[kept] = card
        rows.merchant[kept] = rows.merchant[i]
        rows.kind[kept] = kind
        rows.tag[kept] = rows.tag[i]
        kept += 1
    return kept


@compiled
def time_order(second: Any, n: Any, first: Any, order: Any, count: Any) -> None:
    """Stable counting sort: ``order`` lists rows by second; ``count`` is scratch of zeros."""
    for i in range(n):
        count[second[i] - first + 1] += 1
    for k in range(1, count.size):
        count[k] += count[k - 1]
    for i in range(n):
        place = count[second[i] - first]
        order[place] = i
        count[second[i] - first] = place + 1


@compiled
def terminal_of(tag: Any, terminals: Any) -> Any:
    """Terminal (from 0) of a row at a shop with that many."""
    return np.int64((uint64(tag) * uint64(0x9E3779B1) & uint64(0xFFFFFFFF)) % uint64(terminals))
