"""Merchants, accounts and the markets between them, drawn from a spec and a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.world import names
from sekisho.world.kernels import Habits, Market, Shares, compiled
from sekisho.world.spec import MerchantSpec, WorldSpec

ROLE_TEST, ROLE_TEST_ONLY, ROLE_SPEND, ROLE_SPEND_INSTORE = 1, 2, 3, 4
BINS_PER_PRODUCT = 4


@dataclass(frozen=True, slots=True)
class Merchants:
    """All merchants; index 0 is the largest. Arrays have one entry per merchant."""

    weight: NDArray[np.float64]
    online: NDArray[np.bool_]
    area: NDArray[np.int16]
    role: NDArray[np.int8]
    standing: NDArray[np.bool_]
    mcc: NDArray[np.int16]  # index into names.MCCS
    terminals: NDArray[np.int16]
    acquirer: NDArray[np.int16]
    processor: NDArray[np.int16]
    operator: NDArray[np.int32]
    sold_day: NDArray[np.int32]  # -1: never sold
    sold_to: NDArray[np.int32]  # operator from sold_day on
    merchant_id: list[str]
    name: list[str]

    def of_role(self, *roles: int) -> NDArray[np.int32]:
        """Return the indices of the shops with one of these roles."""
        return np.flatnonzero(np.isin(self.role, roles)).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Economy:
    """A world before anything happens in it."""

    spec: WorldSpec
    seed: int
    merchants: Merchants
    market: Market
    habits: Habits
    shares: Shares
    product: NDArray[np.int8]  # of each account; the last product is co-branded
    bin: NDArray[np.int16]  # of each account: product * BINS_PER_PRODUCT + range
    factor: NDArray[np.float32]  # how prone each account is to phishing, mean about 1
    opened: NDArray[np.int64]  # second on which each account's first card was opened
    expires: NDArray[np.int64]

    def rng(self, *purpose: int) -> np.random.Generator:
        """Chance for one purpose."""
        return np.random.default_rng([self.seed, *purpose])


@compiled
def _fill_alias(scaled, alias, stack):  # type: ignore[no-untyped-def]
    n = scaled.size
    small, large = 0, n
    for i in range(n):
        if scaled[i] < 1.0:
            stack[small] = i
            small += 1
        else:
            large -= 1
            stack[large] = i
    while small > 0 and large < n:
        small -= 1
        i, j = stack[small], stack[large]
        alias[i] = j
        scaled[j] -= 1.0 - scaled[i]
        if scaled[j] < 1.0:
            large += 1
            stack[small] = j
            small += 1
    while small > 0:
        small -= 1
        scaled[stack[small]] = 1.0
    while large < n:
        scaled[stack[large]] = 1.0
        large += 1


def alias_table(weight: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Probability and alias of each entry, so that a draw takes one look-up (Vose 1991)."""
    scaled = weight * (weight.size / weight.sum())
    alias = np.arange(weight.size, dtype=np.int32)
    _fill_alias(scaled, alias, np.empty(weight.size + 1, np.int64))
    return scaled.astype(np.float32), alias


def _roles(
    spec: MerchantSpec, online: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int8]:
    role = np.zeros(spec.count, np.int8)
    webs = np.flatnonzero(online)
    small = webs[int(0.6 * webs.size) :]
    tests = rng.choice(small, size=min(spec.test_shops, small.size // 2), replace=False)
    role[tests[::2]] = ROLE_TEST_ONLY
    role[tests[1::2]] = ROLE_TEST
    upper = webs[1 : max(2, int(0.6 * webs.size))]
    role[rng.choice(upper, size=min(spec.spend_shops, upper.size), replace=False)] = ROLE_SPEND
    stores = np.flatnonzero(~online)
    stores = stores[: max(1, stores.size // 2)]
    few = min(max(1, spec.spend_shops // 2), stores.size)
    role[rng.choice(stores, size=few, replace=False)] = ROLE_SPEND_INSTORE
    return role


def _trades(
    online: NDArray[np.bool_], standing: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int16]:
    mcc = rng.choice(names.INSTORE_MCCS, size=online.size)
    mcc[online] = rng.choice(names.ONLINE_MCCS, size=int(online.sum()))
    mcc[standing] = rng.choice(names.STANDING_MCCS, size=int(standing.sum()))
    return mcc.astype(np.int16)


def merchants_of(spec: WorldSpec, seed: int) -> Merchants:
    """Draw the merchants of a world."""
    m = spec.merchants
    rng = np.random.default_rng([seed, 1])
    weight = np.arange(1, m.count + 1, dtype=np.float64) ** -m.zipf
    online = rng.random(m.count) < m.online_share
    online[:4] = (True, False, True, False)
    areas = min(m.home_areas, int((~online).sum()))
    area = rng.choice(areas, size=m.count, p=_area_share(areas)).astype(np.int16)
    area[np.flatnonzero(~online)[:areas]] = np.arange(areas)  # none without a shop
    role = _roles(m, online, rng)
    standing = online & (role == 0) & (rng.random(m.count) < m.subscription_share)
    if not standing.any():
        standing[np.flatnonzero(online & (role == 0))[:1]] = True
    mcc = _trades(online, standing, rng)
    terminals = 1 + (m.max_terminals * np.sqrt(weight)).astype(np.int16)
    terminals[online] = 1
    operators = m.operators or max(1, int(0.8 * m.count))
    sold = rng.random(m.count) < m.sold_share * spec.days / 365.0
    return Merchants(
        weight=weight,
        online=online,
        area=area,
        role=role,
        standing=standing,
        mcc=mcc,
        terminals=terminals,
        acquirer=rng.integers(m.acquirers, size=m.count).astype(np.int16),
        processor=rng.integers(m.processors, size=m.count).astype(np.int16),
        operator=rng.integers(operators, size=m.count).astype(np.int32),
        sold_day=np.where(sold, rng.integers(spec.days, size=m.count), -1).astype(np.int32),
        sold_to=rng.integers(operators, size=m.count).astype(np.int32),
        merchant_id=names.scrambled("M", m.count, 7, seed),
        name=names.shop_names(mcc, rng),
    )


def _area_share(areas: int) -> NDArray[np.float64]:
    share = np.arange(2, areas + 2, dtype=np.float64) ** -0.7
    return np.asarray(share / share.sum())


def _hours() -> NDArray[np.int64]:
    instore = np.array(
        [0, 0, 0, 0, 0, 0, 1, 3, 5, 6, 8, 10, 12, 9, 8, 8, 9, 11, 12, 10, 7, 4, 1, 0]
    )
    online = np.array([4, 2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7, 6, 5, 5, 5, 6, 7, 9, 11, 12, 11, 8])
    table = np.empty((2, 256), np.int64)
    for channel, shape in enumerate((instore, online)):
        steps = np.cumsum(shape) / shape.sum()
        hour = np.searchsorted(steps, (np.arange(256) + 0.5) / 256.0)
        within = np.arange(256) % 8
        table[channel] = hour * 3600 + within * 450
    return table


def market_of(merchants: Merchants) -> Market:
    """Where purchases go: alias tables by area, on line, and for standing charges."""
    stores = np.flatnonzero(~merchants.online)
    stores = stores[np.argsort(merchants.area[stores], kind="stable")]
    areas = int(merchants.area[stores].max()) + 1
    cut = np.searchsorted(merchants.area[stores], np.arange(areas + 1)).astype(np.int64)
    tables = [alias_table(merchants.weight[stores[cut[k] : cut[k + 1]]]) for k in range(areas)]
    webs = np.flatnonzero(merchants.online & (merchants.role != ROLE_TEST_ONLY))
    online_prob, online_alias = alias_table(merchants.weight[webs])
    standing = np.flatnonzero(merchants.standing)
    standing_prob, standing_alias = alias_table(merchants.weight[standing])
    plain = np.flatnonzero((merchants.role == 0) & ~merchants.standing)
    partner = int(plain[min(5, plain.size - 1)])
    return Market(
        area_start=cut,
        area_shop=stores.astype(np.int32),
        area_prob=np.concatenate([t[0] for t in tables]),
        area_alias=np.concatenate([t[1] for t in tables]),
        online_shop=webs.astype(np.int32),
        online_prob=online_prob,
        online_alias=online_alias,
        standing_shop=standing.astype(np.int32),
        standing_prob=standing_prob,
        standing_alias=standing_alias,
        hours=_hours(),
        partner=partner,
        partner_online=bool(merchants.online[partner]),
    )


def economy_of(spec: WorldSpec, seed: int) -> Economy:
    """Draw a world's merchants, accounts and habits."""
    merchants = merchants_of(spec, seed)
    market = market_of(merchants)
    c = spec.cards
    rng = np.random.default_rng([seed, 2])
    activity = rng.gamma(c.activity_shape, 1.0 / c.activity_shape, size=c.count)
    # numbers are given out in order: neighbours share a product and a range of the BIN
    ranges = np.arange(c.count) * (c.products * BINS_PER_PRODUCT) // c.count
    plain = max(1, c.products - 1)
    cobrand = np.arange(c.count) >= c.count * (1.0 - c.cobrand_share)
    product = np.where(cobrand, plain, ranges // BINS_PER_PRODUCT % plain)
    areas = market.area_start.size - 1
    opened, expires = _first_cards(spec, rng)
    link = spec.noise.activity_link
    return Economy(
        spec=spec,
        seed=seed,
        merchants=merchants,
        market=market,
        habits=Habits(
            rate=(c.per_day * activity).astype(np.float32),
            online=rng.beta(
                3.0 * c.online_purchases, 3.0 * (1.0 - c.online_purchases), size=c.count
            ).astype(np.float32),
            area=rng.choice(areas, size=c.count, p=_area_share(areas)).astype(np.int16),
            standing=np.minimum(rng.poisson(c.standing, size=c.count), 8).astype(np.int8),
            cobrand=cobrand,
        ),
        shares=Shares(
            c.repeat_share, c.favourites, c.habit_days, c.away_share, c.cobrand_partner_share,
            c.declined_share, c.retry_share, c.refund_share, c.reversal_share,
        ),
        product=product.astype(np.int8),
        bin=(product * BINS_PER_PRODUCT + ranges % BINS_PER_PRODUCT).astype(np.int16),
        factor=(1.0 - link + link * activity).astype(np.float32),
        opened=opened,
        expires=expires,
    )  # fmt: skip


def _first_cards(
    spec: WorldSpec, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw opening and expiry (seconds) of the first card of each account."""
    c = spec.cards
    age = -rng.integers(0, c.valid_days, size=c.count)
    later = rng.random(c.count) < c.opened_share * spec.days / 365.0
    opened = np.where(later, rng.integers(0, spec.days, size=c.count), age)
    return opened * 86_400, (opened + c.valid_days) * 86_400
