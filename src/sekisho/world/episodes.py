"""Fraud: when an episode begins, which rows it leaves behind, and when it is reported.

An episode is one misuse of one card: perhaps a try at a test shop, then one to several
purchases, reported after a delay or never. The report stops the card.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.world.economy import (
    BINS_PER_PRODUCT,
    ROLE_SPEND,
    ROLE_SPEND_INSTORE,
    ROLE_TEST,
    ROLE_TEST_ONLY,
    Economy,
)
from sekisho.world.kernels import (
    DAY,
    FRAUD_COUNTERFEIT,
    FRAUD_INSTORE,
    FRAUD_ONLINE,
    FRAUD_TEST,
    NEVER,
    compiled,
    mix,
    stir,
    unit,
)

MAX_ROWS = 6  # of one episode


class Cause(IntEnum):
    """Why a fraud happened: the truth, which no bank sees."""

    LEAK = 0
    PHISHING = 1
    BIN_ATTACK = 2
    LOST_STOLEN = 3
    TAKEOVER = 4
    DISPUTE = 5


class Episodes(NamedTuple):
    """Episodes by first second; ``shop`` is -1 unless the whole burst uses one shop."""

    second: NDArray[np.int64]
    card: NDArray[np.int32]
    cause: NDArray[np.int8]
    leak: NDArray[np.int16]
    shop: NDArray[np.int32]
    track: NDArray[np.bool_]  # misused as a counterfeit card

    def take(self, which: Any) -> Episodes:
        """Return the episodes that ``which`` (mask or indices) selects."""
        return Episodes(*(column[which] for column in self))

    @staticmethod
    def joined(parts: list[Episodes]) -> Episodes:
        """All parts, one after the other."""
        return Episodes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    @staticmethod
    def of(second: Any, card: Any, cause: Cause, leak: int = -1) -> Episodes:
        """Episodes of one cause."""
        n = len(second)
        return Episodes(
            np.asarray(second, np.int64),
            np.asarray(card, np.int32),
            np.full(n, int(cause), np.int8),
            np.full(n, leak, np.int16),
            np.full(n, -1, np.int32),
            np.zeros(n, np.bool_),
        )


class FraudRows(NamedTuple):
    """Fraudulent rows; ``reported`` is the second of the report, NEVER if there is none."""

    second: NDArray[np.int64]
    card: NDArray[np.int32]
    merchant: NDArray[np.int32]
    kind: NDArray[np.uint8]
    cause: NDArray[np.int8]
    leak: NDArray[np.int16]
    reported: NDArray[np.int64]
    declined: NDArray[np.bool_]


class Habitat(NamedTuple):
    """Where stolen cards go, and how reports behave."""

    test: NDArray[np.int32]
    spend: NDArray[np.int32]
    spend_instore: NDArray[np.int32]
    any_instore: NDArray[np.int32]
    unreported: float
    test_share: float
    test_reported: float
    delay_mu: float  # of the logarithm, in seconds
    delay_sigma: float


def habitat_of(economy: Economy) -> Habitat:
    """Collect what the kernel needs from an economy."""
    noise = economy.spec.noise
    merchants = economy.merchants
    return Habitat(
        test=merchants.of_role(ROLE_TEST, ROLE_TEST_ONLY),
        spend=merchants.of_role(ROLE_SPEND),
        spend_instore=merchants.of_role(ROLE_SPEND_INSTORE),
        any_instore=economy.market.area_shop,
        unreported=noise.unreported_share,
        test_share=noise.test_share,
        test_reported=noise.test_reported_share,
        delay_mu=float(np.log(noise.report_delay_days * DAY)),
        delay_sigma=noise.report_delay_spread,
    )


def fraud_rows(capacity: int) -> FraudRows:
    """Room for that many rows."""
    types = (np.int64, np.int32, np.int32, np.uint8, np.int8, np.int16, np.int64, np.bool_)
    columns: Any = (np.empty(capacity, t) for t in types)
    return FraudRows(*columns)


@compiled
def _one_of(z: Any, shops: Any) -> Any:
    # a few shops take most of it
    u = unit(z)
    return shops[np.int64(u * u * shops.size)]


@compiled
def _delay(z: Any, habitat: Any) -> Any:
    u = unit(z)
    v = unit(mix(z + np.uint64(1)))
    normal = np.sqrt(-2.0 * np.log(1.0 - u)) * np.cos(2.0 * np.pi * v)
    seconds = np.exp(habitat.delay_mu + habitat.delay_sigma * normal)
    return np.int64(min(max(seconds, 3_600.0), 240.0 * DAY))


@compiled
def _shop_for(z: Any, kind: Any, habitat: Any) -> Any:
    if kind == FRAUD_TEST:
        return _one_of(z, habitat.test)
    if kind == FRAUD_COUNTERFEIT:
        return _one_of(z, habitat.spend_instore)
    if kind == FRAUD_INSTORE:
        return habitat.any_instore[np.int64(unit(z) * habitat.any_instore.size)]
    return _one_of(z, habitat.spend)


@compiled
def _put_rows(z: Any, e: Any, n: Any, episodes: Any, reported: Any, world: Any) -> Any:
    """Write the rows of episode ``e`` from place ``n`` on; returns the next place."""
    closed, habitat, out = world
    card = episodes.card[e]
    cause = episodes.cause[e]
    burst = episodes.shop[e]
    kind = FRAUD_ONLINE
    if episodes.track[e]:
        kind = FRAUD_COUNTERFEIT
    elif cause == 3:  # lost or stolen: used in person
        kind = FRAUD_INSTORE
    spent = 1 + int(-np.log(1.0 - unit(mix(z + np.uint64(3)))) * 1.2)
    spent = 1 if burst >= 0 else min(spent, MAX_ROWS - 1)
    tested = habitat.test.size > 0 and kind == FRAUD_ONLINE and burst < 0 and cause < 2
    tested = tested and unit(mix(z + np.uint64(4))) < habitat.test_share
    at = episodes.second[e]
    for k in range(spent + (1 if tested else 0)):
        if k > 0 and (at >= closed[card] or at >= reported):
            break
        y = mix(z + np.uint64(16 + k))
        test = tested and k == 0
        what = FRAUD_TEST if test else kind
        declined = k > 0 and unit(mix(y + np.uint64(5))) < 0.15
        unseen = declined or (test and unit(mix(y + np.uint64(6))) >= habitat.test_reported)
        out.second[n] = at
        out.card[n] = card
        out.merchant[n] = burst if burst >= 0 else _shop_for(y, what, habitat)
        out.kind[n] = what
        out.cause[n] = cause
        out.leak[n] = episodes.leak[e]
        out.declined[n] = declined
        out.reported[n] = NEVER if unseen else reported
        n += 1
        # a test comes minutes to days before, purchases follow within hours
        wait = -np.log(1.0 - unit(mix(y + np.uint64(7))))
        at += 300 + np.int64(wait * (0.7 * DAY if test else 1.5 * 3_600))
    return n


@compiled
def play(seed: Any, episodes: Any, opened: Any, closed: Any, habitat: Any, out: Any) -> Any:
    """Turn episodes, sorted by second, into rows; a report stops the card for the next ones.

    Changes ``closed``. Returns the number of rows written to ``out``.
    """
    n = 0
    for e in range(episodes.second.size):
        card = episodes.card[e]
        second = episodes.second[e]
        if second >= closed[card] or second < opened[card]:
            continue
        z = stir(seed, np.int64(card) + 9_000_000, second)
        reported = NEVER
        if unit(z) >= habitat.unreported:
            reported = second + _delay(mix(z + np.uint64(2)), habitat)
        n = _put_rows(z, e, n, episodes, reported, (closed, habitat, out))
        closed[card] = min(closed[card], reported)
    return n


def background(economy: Economy, span: tuple[int, int], cards: NDArray[np.int32]) -> Episodes:
    """Episodes without a leak that begin in ``span`` (first day, days).

    ``cards`` holds the card of each account, -1 for none.
    """
    noise = economy.spec.noise
    first, days = span
    rng = economy.rng(3, first)
    active = np.flatnonzero(cards >= 0)
    parts = []
    if active.size:
        plain = {
            Cause.PHISHING: noise.phishing,
            Cause.LOST_STOLEN: noise.lost_stolen,
            Cause.TAKEOVER: noise.takeover,
        }
        factor = np.cumsum(economy.factor[active], dtype=np.float64)
        for cause, rate in plain.items():
            n = rng.poisson(rate / 365.0 * days * active.size)
            if cause is Cause.PHISHING:
                chosen = np.searchsorted(factor, rng.random(n) * factor[-1])
            else:
                chosen = rng.integers(active.size, size=n)
            second = first * DAY + rng.integers(days * DAY, size=n)
            parts.append(Episodes.of(second, cards[active[chosen]], cause))
        parts += _bursts(economy, span, cards, rng)
    if not parts:
        return Episodes.of([], [], Cause.PHISHING)
    return Episodes.joined(parts)


def _bursts(
    economy: Economy, span: tuple[int, int], cards: NDArray[np.int32], rng: np.random.Generator
) -> list[Episodes]:
    """BIN attacks: neighbouring numbers, one shop, one day."""
    noise = economy.spec.noise
    first, days = span
    low, high = noise.bin_attack_cards
    rate = noise.bin_attack / 365.0 * days * cards.size / (0.5 * (low + high))
    shops = economy.merchants
    webs = np.flatnonzero(shops.online & np.isin(shops.role, (0, ROLE_SPEND)))
    cobrand = economy.product == economy.product.max()
    parts = []
    for _ in range(rng.poisson(rate)):
        size = int(rng.integers(low, high + 1))
        if rng.random() < noise.bin_attack_cobrand_share and cobrand.any():
            pool = np.flatnonzero(cobrand)
        else:
            pool = np.flatnonzero(economy.bin == economy.bin[rng.integers(cards.size)])
        # some of the guessed numbers are not in use
        start = int(rng.integers(max(1, pool.size - 2 * size)))
        near = cards[pool[start : start + 2 * size]]
        near = near[near >= 0]
        near = np.sort(rng.choice(near, size=min(size, near.size), replace=False))
        day = first + int(rng.integers(days))
        second = day * DAY + rng.integers(6 * 3_600) + rng.integers(10 * 3_600, size=near.size)
        burst = Episodes.of(second, near, Cause.BIN_ATTACK)
        parts.append(burst._replace(shop=np.full(near.size, rng.choice(webs), np.int32)))
    return parts


def bin_names(products: int) -> list[str]:
    """Leading digits of every range, by index product * BINS_PER_PRODUCT + range."""
    return [
        f"9{product:02d}{part:01d}0000"[:8]
        for product in range(products)
        for part in range(BINS_PER_PRODUCT)
    ]
