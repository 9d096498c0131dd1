"""A merchant's record: daily traffic, labels by the day on which they became known, and features.

Windows of N days are the newest day that the merchant has seen and the N - 1 before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.cards import UNKNOWN, days_since
from sekisho.scoring.compiled import compiled
from sekisho.scoring.layout import (
    BUCKET,
    BUCKET_WORDS,
    DAY,
    DAYS,
    FIELD,
    FIELD_MASK,
    KNOWN_AT,
    LARGE,
    LAST_FRAUD,
    LAST_GENUINE,
    LIFE,
    M_ASKED,
    M_ASKED_7D,
    M_ASKED_30D,
    M_COUNT,
    M_COUNT_7D,
    M_COUNT_30D,
    M_LABELS,
    M_LABELS_7D,
    M_LABELS_30D,
    M_MARKS,
    M_MARKS_7D,
    M_RUN,
    M_SUM,
    M_SUM_30D,
    M_SUMS_END,
    MERCHANT_WORDS,
    NEWEST_DAY,
    RUN,
    RUN_ANY,
    RUN_FROM,
    RUN_WORDS,
    SMALL,
)
from sekisho.scoring.messages import Authorization
from sekisho.scoring.slots import Slot

Ints = NDArray[np.int64]
Vector = NDArray[np.float32]
PRIOR_LABELS = 1.0
PRIOR_FRAUDS = 0.01
"""Shrinkage of a shop's risk: as if so many labels, so many of them frauds, had been seen before
(the mean of a beta posterior)."""


@compiled
def bucket_of(day: int) -> int:
    """Where the bucket of a day begins in a record."""
    return BUCKET + day % DAYS * BUCKET_WORDS


@compiled
def roll_days(shop: Ints, day: int) -> None:
    """Let the daily buckets end with ``day``, if that is later than they do."""
    newest = shop[NEWEST_DAY]
    if day <= newest:
        return
    if day - newest >= DAYS:
        for word in range(BUCKET, MERCHANT_WORDS):
            shop[word] = 0
        for word in range(M_COUNT_7D, M_SUMS_END):
            shop[word] = 0
        shop[NEWEST_DAY] = day
        return
    for each in range(newest + 1, day + 1):
        _leave(shop, bucket_of(each - 7), bucket_of(each - 30))
        today = bucket_of(each)
        for word in range(BUCKET_WORDS):
            shop[today + word] = 0
    shop[NEWEST_DAY] = day


@compiled
def _leave(shop: Ints, week_old: int, month_old: int) -> None:
    """Take two days' buckets out of the running sums of 7 and of 30 days."""
    shop[M_COUNT_7D] -= shop[week_old + M_COUNT]
    shop[M_MARKS_7D] -= shop[week_old + M_MARKS]
    shop[M_LABELS_7D] -= shop[week_old + M_LABELS]
    shop[M_ASKED_7D] -= shop[week_old + M_ASKED]
    shop[M_COUNT_30D] -= shop[month_old + M_COUNT]
    shop[M_SUM_30D] -= shop[month_old + M_SUM]
    shop[M_LABELS_30D] -= shop[month_old + M_LABELS]
    shop[M_ASKED_30D] -= shop[month_old + M_ASKED]


@compiled
def count_traffic(shop: Ints, day: int, amount: int, marks: int, sign: int) -> None:
    """Add (``sign`` 1) or take back (-1) a purchase, if its day is still kept."""
    age = shop[NEWEST_DAY] - day
    if age >= DAYS:
        return
    bucket = bucket_of(day)
    word = sign * (np.int64(marks & LARGE) | (np.int64((marks & SMALL) >> 1) << 32))
    shop[bucket + M_COUNT] += sign
    shop[bucket + M_SUM] += sign * amount
    shop[bucket + M_MARKS] += word
    if age < 7:
        shop[M_COUNT_7D] += sign
        shop[M_MARKS_7D] += word
    if age < 30:
        shop[M_COUNT_30D] += sign
        shop[M_SUM_30D] += sign * amount


@compiled
def learn(shop: Ints, asked: int, known_at: int, known_day: int, at: int, verdict: int) -> None:
    """Count a label: ``verdict`` 0 genuine, 1 fraud by a large amount, 2 fraud not so explained."""
    age = shop[NEWEST_DAY] - known_day
    word = 1 | (np.int64(verdict > 0) << FIELD) | (np.int64(verdict > 1) << (2 * FIELD))
    if age < DAYS:
        shop[bucket_of(known_day) + (M_ASKED if asked else M_LABELS)] += word
    if age < 7:
        shop[M_ASKED_7D if asked else M_LABELS_7D] += word
    if age < 30:
        shop[M_ASKED_30D if asked else M_LABELS_30D] += word
    run = M_RUN + (RUN_WORDS if asked else 0)
    shop[run + LIFE] += 1 | (np.int64(verdict > 0) << 32)
    shop[run + KNOWN_AT] = max(shop[run + KNOWN_AT], known_at)
    if verdict:
        shop[run + RUN_ANY] += 1
        if verdict > 1:
            if shop[run + RUN] == 0:
                shop[run + RUN_FROM] = at
            shop[run + RUN] += 1
        shop[run + LAST_FRAUD] = max(shop[run + LAST_FRAUD], at)
    else:
        shop[run + RUN] = 0
        shop[run + RUN_ANY] = 0
        shop[run + LAST_GENUINE] = max(shop[run + LAST_GENUINE], at)


@compiled
def shop_features(
    shop: Ints, a: Authorization, marks: int, age: int, utc_offset: int, out: Vector
) -> None:
    """Fill the merchant's features.

    ``age`` is how many days before the newest one the purchase itself is counted, DAYS where it is
    not counted at all; what is said of others leaves it out.
    """
    newest = shop[NEWEST_DAY]
    today = shop[bucket_of(newest) + M_COUNT]
    week, month = shop[M_COUNT_7D], shop[M_COUNT_30D]
    total, seen = shop[M_SUM_30D], shop[M_MARKS_7D]
    out[Slot.SHOP_COUNT_1D] = today
    out[Slot.SHOP_COUNT_7D] = week
    out[Slot.SHOP_COUNT_30D] = month
    out[Slot.SHOP_MEAN_30D] = total / month if month else UNKNOWN
    own = 1 if age < 30 else 0
    before, amount = month - own, total - own * a.amount
    out[Slot.SHOP_RATIO_30D] = a.amount * before / amount if amount > 0 else UNKNOWN
    large = shop[bucket_of(newest) + M_MARKS] & 0xFFFF_FFFF
    out[Slot.SHOP_LARGE_1D] = large - (marks & LARGE if age < 1 else 0)
    out[Slot.SHOP_LARGE_7D] = (seen & 0xFFFF_FFFF) - (marks & LARGE if age < 7 else 0)
    out[Slot.SHOP_SMALL_SHARE_7D] = (seen >> 32) / week if week else UNKNOWN
    _reported(shop, a, newest, out)
    _asked(shop, newest, out)
    out[Slot.SHOP_RUN_AGE] = _run_age(shop, M_RUN, a.at, utc_offset)
    out[Slot.SHOP_ASKED_RUN_AGE] = _run_age(shop, M_RUN + RUN_WORDS, a.at, utc_offset)


@compiled
def _run_age(shop: Ints, run: int, now: int, utc_offset: int) -> float:
    """Calendar days since the first fraud of a run; unknown where there is no run."""
    if shop[run + RUN] == 0:
        return UNKNOWN
    return float((now + utc_offset) // DAY - (shop[run + RUN_FROM] + utc_offset) // DAY)


@compiled
def _risk(frauds: int, labels: int) -> float:
    return (frauds + PRIOR_FRAUDS) / (labels + PRIOR_LABELS)


@compiled
def _reported(shop: Ints, a: Authorization, newest: int, out: Vector) -> None:
    day = shop[bucket_of(newest) + M_LABELS]
    week, month = shop[M_LABELS_7D], shop[M_LABELS_30D]
    for k in range(3):
        word = day if k == 0 else (week if k == 1 else month)
        labels, frauds = word & FIELD_MASK, (word >> FIELD) & FIELD_MASK
        out[Slot.SHOP_LABELS_1D + k] = labels
        out[Slot.SHOP_FRAUDS_1D + k] = frauds
        out[Slot.SHOP_RISK_1D + k] = _risk(frauds, labels)
    out[Slot.SHOP_UNEXPLAINED_7D] = week >> (2 * FIELD)
    out[Slot.SHOP_UNEXPLAINED_30D] = month >> (2 * FIELD)
    out[Slot.SHOP_RUN] = shop[M_RUN + RUN]
    out[Slot.SHOP_RUN_ANY] = shop[M_RUN + RUN_ANY]
    out[Slot.SHOP_SINCE_FRAUD] = days_since(a.at, shop[M_RUN + LAST_FRAUD])
    out[Slot.SHOP_SINCE_GENUINE] = days_since(a.at, shop[M_RUN + LAST_GENUINE])
    life = shop[M_RUN + LIFE]
    out[Slot.SHOP_RISK_EVER] = _risk(life >> 32, life & 0xFFFF_FFFF)


@compiled
def _asked(shop: Ints, newest: int, out: Vector) -> None:
    """The same from the answers of holders who were asked."""
    day, week, month = shop[bucket_of(newest) + M_ASKED], shop[M_ASKED_7D], shop[M_ASKED_30D]
    out[Slot.SHOP_ASKED_7D] = week & FIELD_MASK
    out[Slot.SHOP_ASKED_30D] = month & FIELD_MASK
    out[Slot.SHOP_ASKED_FRAUDS_1D] = (day >> FIELD) & FIELD_MASK
    out[Slot.SHOP_ASKED_FRAUDS_7D] = (week >> FIELD) & FIELD_MASK
    out[Slot.SHOP_ASKED_FRAUDS_30D] = (month >> FIELD) & FIELD_MASK
    out[Slot.SHOP_ASKED_RISK_30D] = _risk((month >> FIELD) & FIELD_MASK, month & FIELD_MASK)
    out[Slot.SHOP_ASKED_RUN] = shop[M_RUN + RUN_WORDS + RUN]
