"""The twin of the feature kernel: lists that are looked through from end to end, no shortcut."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from sekisho.scoring.layout import (
    DAY,
    DAYS,
    DECLINED,
    EXPLAINED_FACTOR,
    HABIT_MIN,
    HOUR_SLOTS,
    LARGE,
    LARGE_FACTOR,
    MOST_EVENTS,
    NEWEST_SCANNED,
    REMOTE,
    SMALL,
    SMALL_MINOR,
    WEEK,
    WEEKS,
    WINDOW_NAMES,
    WINDOWS,
)
from sekisho.scoring.messages import Authorization
from sekisho.scoring.slots import Slot


@dataclass
class Event:
    a: Authorization
    kept: int
    marks: int
    local: int


@dataclass
class Label:
    known_at: int
    at: int
    verdict: int
    day: int


@dataclass
class Card:
    events: list[Event] = field(default_factory=list)
    habit: list[Event] = field(default_factory=list)
    newest: int = 0
    newest_week: int = 0
    first_at: int = 0
    known: list[tuple[bool, bool, int, int]] = field(default_factory=list)
    exposures: list[tuple[int, int, int, int]] = field(default_factory=list)

    def recent_habit(self) -> tuple[int, int]:
        weeks = [e.kept for e in self.habit if e.local // WEEK > self.newest_week - WEEKS]
        return len(weeks), sum(weeks)

    def exceeds(self, amount: int, factor: int = LARGE_FACTOR) -> bool:
        count, total = self.recent_habit()
        return count >= HABIT_MIN and amount * count > factor * total


@dataclass
class Shop:
    traffic: list[Event] = field(default_factory=list)
    labels: tuple[list[Label], list[Label]] = field(default_factory=lambda: ([], []))
    newest_day: int = 0


class Twin:
    """The engine again; every answer is worked out from all that ever happened."""

    def __init__(self, cards: int, shops: int, utc_offset: int = 0) -> None:
        self.cards = [Card() for _ in range(cards)]
        self.shops = [Shop() for _ in range(shops)]
        self.offset = utc_offset

    # ------------------------------------------------------------ what happens

    def authorize(self, a: Authorization, *, wanted: bool = True) -> dict[str, float]:
        card, shop = self.cards[a.card], self.shops[a.merchant]
        local = a.at + self.offset
        same = [e for e in card.events if (e.a.at, e.a.transaction) == (a.at, a.transaction)]
        if same:
            at = card.events.index(same[0])
            return self.features(a, card.events[:at], same[0].marks, counted=True)
        if a.at > card.newest:
            card.newest = a.at
            card.newest_week = max(card.newest_week, local // WEEK)
            card.events = [e for e in card.events if e.a.at > a.at - WINDOWS[-1]]
        marks = LARGE if card.exceeds(a.amount) else 0
        marks |= SMALL if a.amount <= SMALL_MINOR else 0
        marks |= REMOTE if a.entry >= 4 else 0
        if a.at <= card.newest - WINDOWS[-1]:
            return self.features(a, [], marks, counted=False)
        if len(card.events) == MOST_EVENTS:
            card.events.pop(0)
        before = [e for e in card.events if e.a.at <= a.at]
        count, total = card.recent_habit()
        kept = LARGE_FACTOR * total // count if card.exceeds(a.amount) else a.amount
        event = Event(a, kept, marks, local)
        card.events.insert(len(before), event)
        shop.newest_day = max(shop.newest_day, local // DAY)
        if local // DAY > shop.newest_day - DAYS:
            shop.traffic.append(event)
        told = self.features(a, before, marks, counted=True) if wanted else {}
        card.first_at = card.first_at or a.at
        card.habit.append(event)
        return told

    def _find(self, card: int, at: int, transaction: int) -> Event | None:
        for event in self.cards[card].events:
            if (event.a.at, event.a.transaction) == (at, transaction):
                return event
        return None

    def reverse(self, card: int, at: int, transaction: int) -> bool:
        event = self._find(card, at, transaction)
        if event is None:
            return False
        lists = (self.cards[card].events, self.cards[card].habit)
        for listed in (*lists, self.shops[event.a.merchant].traffic):
            listed[:] = [e for e in listed if e is not event]
        return True

    def decline(self, card: int, at: int, transaction: int) -> bool:
        event = self._find(card, at, transaction)
        if event is None or event.marks & DECLINED:
            return False
        event.marks |= DECLINED
        return True

    def label(self, facts: tuple[int, ...]) -> None:
        """``facts`` as the columns of a label."""
        known_at, at, card, merchant, amount, fraud, asked = facts
        shop = self.shops[merchant]
        verdict = (1 if self.cards[card].exceeds(amount, EXPLAINED_FACTOR) else 2) if fraud else 0
        day = (known_at + self.offset) // DAY
        shop.newest_day = max(shop.newest_day, day)
        # A label that comes too late for a bucket still counts for the run, not for any window.
        kept = day if day > shop.newest_day - DAYS else -DAYS
        shop.labels[asked].append(Label(known_at, at, verdict, kept))
        self.cards[card].known.append((bool(fraud), bool(asked), known_at, at))

    def expose(self, card: int, exposed_at: int, known_at: int, until: int, data: int) -> None:
        self.cards[card].exposures.append((exposed_at, known_at, until, data))

    # ------------------------------------------------------------ what is told

    def features(
        self, a: Authorization, before: list[Event], marks: int, *, counted: bool
    ) -> dict[str, float]:
        card, shop = self.cards[a.card], self.shops[a.merchant]
        local = a.at + self.offset
        hour = local % DAY // 3600
        weekday = (local // DAY + 3) % 7  # 1970-01-01 was a Thursday
        told: dict[str, float] = {
            "amount": a.amount, "hour": hour, "night": float(hour <= 6),
            "weekend": float(weekday >= 5), "entry": a.entry, "remote": float(a.entry >= 4),
            "eci": a.eci, "code_result": a.code,
        }  # fmt: skip
        told |= card_windows(a, before)
        told |= card_amounts(card, a, before)
        told |= card_newest(a, before)
        slot = [e for e in card.habit if hour_slot(e.local) == hour_slot(local)]
        told["card_hour_share"] = (len(slot) + 1) / (len(card.habit) + HOUR_SLOTS)
        told["card_age"] = (a.at - card.first_at) / DAY if card.first_at else 0.0
        told |= card_known(card, a) | card_exposure(card, a)
        own = shop.newest_day - local // DAY if counted else DAYS
        told |= shop_traffic(shop, a, marks, own)
        told |= shop_labels(shop, a, 0, self.offset) | shop_labels(shop, a, 1, self.offset)
        return told


def hour_slot(local: int) -> int:
    return local % DAY * HOUR_SLOTS // DAY


def days_since(now: int, then: int) -> float:
    return (now - then) / DAY if then else -1.0


def card_windows(a: Authorization, before: list[Event]) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, length in zip(WINDOW_NAMES, WINDOWS, strict=True):
        inside = [e for e in before if e.a.at > a.at - length]
        count, total = len(inside) + 1, sum(e.a.amount for e in inside) + a.amount
        told[f"card_count_{name}"], told[f"card_sum_{name}"] = count, total
        marked = Counter(bit for e in inside for bit in (1, 2, 4, 8) if e.marks & bit)
        told[f"card_mean_{name}"] = total / count
        told[f"card_large_{name}"] = marked[LARGE]
        told[f"card_small_{name}"] = marked[SMALL]
        told[f"card_remote_{name}"] = marked[REMOTE]
        told[f"card_declined_{name}"] = marked[DECLINED]
    return told


def card_amounts(card: Card, a: Authorization, before: list[Event]) -> dict[str, float]:
    amounts = [e.a.amount for e in before if e.a.at > a.at - WINDOWS[-1]]
    n, total = len(amounts), sum(amounts)
    deviation, sigmas = -1.0, 0.0
    if n >= 2:
        exact = n * sum(x * x for x in amounts) - total * total
        wide = float(exact >> 64) * 2.0**64 + float(exact & (2**64 - 1))
        deviation = math.sqrt(wide) / n
        sigmas = (a.amount - total / n) / max(deviation, 1.0)
    count, habit = card.recent_habit()
    known = count >= HABIT_MIN and habit > 0
    return {
        "card_deviation_30d": deviation,
        "card_sigmas_30d": sigmas,
        "card_ratio_30d": a.amount * n / total if total else -1.0,
        "card_habit_mean": habit / count if known else -1.0,
        "card_ratio_habit": a.amount * count / habit if known else -1.0,
    }


def card_newest(a: Authorization, before: list[Event]) -> dict[str, float]:
    month = [e for e in before if e.a.at > a.at - WINDOWS[-1]]
    visits = sum(e.a.merchant == a.merchant for e in month)
    few = month[-NEWEST_SCANNED:]
    day = [e for e in few if a.at - e.a.at < DAY]
    hour = [e for e in day if a.at - e.a.at < 3600]
    # A shop counts when it was first seen going back in time.
    late = {e.a.merchant: a.at - e.a.at for e in day}
    late.pop(a.merchant, None)
    largest = max((e.a.amount for e in few), default=0)
    smallest = min((e.a.amount for e in day), default=-1)
    n = len(few)
    assert {e.a.merchant for e in hour} - {a.merchant} == {
        shop for shop, age in late.items() if age < 3600
    }
    return {
        "card_shop_visits_30d": visits,
        "card_first_at_shop": float(visits == 0),
        "card_since_previous": a.at - month[-1].a.at if month else -1.0,
        "card_country_changed": float(bool(month) and month[-1].a.country != a.country),
        "card_country_share": sum(e.a.country == a.country for e in few) / n if n else -1.0,
        "card_entry_share": sum(e.a.entry == a.entry for e in few) / n if n else -1.0,
        "card_ratio_largest": a.amount / largest if largest else -1.0,
        "card_test_ratio": a.amount / max(smallest, 1) if day else -1.0,
        "card_shops_1h": 1 + sum(age < 3600 for age in late.values()),
        "card_shops_1d": 1 + len(late),
    }


def card_known(card: Card, a: Authorization) -> dict[str, float]:
    frauds = [at for fraud, asked, _, at in card.known if fraud and not asked]
    asked = [(fraud, known_at) for fraud, was_asked, known_at, _ in card.known if was_asked]
    return {
        "card_known_frauds": len(frauds),
        "card_since_known_fraud": days_since(a.at, max(frauds, default=0)),
        "card_asked_frauds": sum(fraud for fraud, _ in asked),
        "card_asked_genuine": sum(not fraud for fraud, _ in asked),
        "card_since_asked": days_since(a.at, max((t for _, t in asked), default=0)),
    }


def card_exposure(card: Card, a: Authorization) -> dict[str, float]:
    all_of = card.exposures
    watched = bool(all_of) and a.at < max(until for _, _, until, _ in all_of)
    data = 0
    for _, _, _, bits in all_of:
        data |= bits if watched else 0
    last = max((x for x, _, _, _ in all_of), default=0)
    known = max((x for _, x, _, _ in all_of), default=0)
    return {
        "exposed": float(watched),
        "exposures": len(all_of) if watched else 0,
        "exposed_expiry": float(bool(data & 1)),
        "exposed_code": float(bool(data & 2)),
        "exposed_track": float(bool(data & 8)),
        "exposed_since": days_since(a.at, last) if watched else -1.0,
        "exposure_known_since": days_since(a.at, known) if watched else -1.0,
        "code_reassures": float(a.code == 1 and not data & 2),
    }


def shop_traffic(shop: Shop, a: Authorization, marks: int, own: int) -> dict[str, float]:
    def seen(days: int) -> list[Event]:
        return [e for e in shop.traffic if shop.newest_day - e.local // DAY < days]

    month, week, day = seen(30), seen(7), seen(1)
    total = sum(e.a.amount for e in month)
    others = total - (a.amount if own < 30 else 0)
    n = len(month) - (own < 30)
    own_large = marks & LARGE
    return {
        "shop_count_1d": len(day),
        "shop_count_7d": len(week),
        "shop_count_30d": len(month),
        "shop_mean_30d": total / len(month) if month else -1.0,
        "shop_ratio_30d": a.amount * n / others if others > 0 else -1.0,
        "shop_large_1d": sum(e.marks & LARGE for e in day) - (own_large if own < 1 else 0),
        "shop_large_7d": sum(e.marks & LARGE for e in week) - (own_large if own < 7 else 0),
        "shop_small_share_7d": (
            sum(bool(e.marks & SMALL) for e in week) / len(week) if week else -1.0
        ),
    }


def shop_labels(shop: Shop, a: Authorization, asked: int, offset: int) -> dict[str, float]:
    labels = shop.labels[asked]

    def counts(days: int) -> tuple[int, int, int]:
        recent = [x.verdict for x in labels if 0 <= shop.newest_day - x.day < days]
        return len(recent), sum(v > 0 for v in recent), sum(v > 1 for v in recent)

    def risk(frauds: int, known: int) -> float:
        return (frauds + 0.01) / (known + 1.0)

    run, everything = [], 0
    for one in reversed(labels):
        if not one.verdict:
            break
        everything += 1
        if one.verdict == 2:
            run.append(one)
    age = float((a.at + offset) // DAY - (run[-1].at + offset) // DAY) if run else -1.0
    if asked:
        return {
            "shop_asked_7d": counts(7)[0],
            "shop_asked_30d": counts(30)[0],
            "shop_asked_frauds_1d": counts(1)[1],
            "shop_asked_frauds_7d": counts(7)[1],
            "shop_asked_frauds_30d": counts(30)[1],
            "shop_asked_risk_30d": risk(counts(30)[1], counts(30)[0]),
            "shop_asked_run": len(run),
            "shop_asked_run_age": age,
        }
    told: dict[str, float] = {}
    for name, days in (("1d", 1), ("7d", 7), ("30d", 30)):
        known, frauds, unexplained = counts(days)
        told[f"shop_labels_{name}"] = known
        told[f"shop_frauds_{name}"] = frauds
        told[f"shop_risk_{name}"] = risk(frauds, known)
        told[f"shop_unexplained_{name}"] = unexplained
    return told | {
        "shop_run": len(run),
        "shop_run_any": everything,
        "shop_run_age": age,
        "shop_since_fraud": days_since(a.at, max((x.at for x in labels if x.verdict), default=0)),
        "shop_since_genuine": days_since(
            a.at, max((x.at for x in labels if not x.verdict), default=0)
        ),
        "shop_risk_ever": risk(sum(x.verdict > 0 for x in labels), len(labels)),
    }


def vector(told: dict[str, float]) -> np.ndarray:
    return np.array([told[slot.name.lower()] for slot in Slot], np.float32)
