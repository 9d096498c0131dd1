"""Worlds ready to use: without a leak, with one, the story of the demo, and a large one."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from sekisho.domain.errors import BadInput
from sekisho.world.economy import ROLE_TEST_ONLY, Economy, economy_of
from sekisho.world.oracle import log10_upper_tail
from sekisho.world.spec import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    NoiseSpec,
    Timing,
    WorldSpec,
)

_ROWS_PER_PURCHASE = 1.07  # tries, refunds, reversals and standing charges come on top


def quiet(cards: int = 20_000, merchants: int = 1_000, days: int = 365) -> WorldSpec:
    """Plan a world without a leak: every kind of noise is on."""
    return WorldSpec(
        days=days, merchants=MerchantSpec(count=merchants), cards=CardSpec(count=cards)
    )


class _Draw(NamedTuple):
    shop: int
    first: int
    last: int
    timing: Timing
    lag: float
    wait: int  # days from the window's end to the first sale or the release


def _visitors(economy: Economy, shop: int, days: int) -> float:
    """Estimate how many distinct cards an online shop sees in so many days."""
    m, c = economy.merchants, economy.spec.cards
    weight = np.where(m.online & (m.role != ROLE_TEST_ONLY), m.weight, 0.0)
    share = weight[shop] / weight.sum()
    tries = economy.habits.rate * economy.habits.online * days
    ranks = np.sqrt(np.arange(c.favourites + 1) / c.favourites)
    known = (1.0 - np.exp(-np.outer(tries * c.repeat_share, np.diff(ranks)))).sum(axis=1)
    renewed = 1.0 + days / c.habit_days
    reach = share * (known * renewed + (1.0 - c.repeat_share) * tries)
    return float((1.0 - np.exp(-reach)).sum())


def _draw(economy: Economy, rng: np.random.Generator) -> _Draw:
    days = economy.spec.days
    m = economy.merchants
    shops = np.flatnonzero(m.online & (m.role == 0) & ~m.standing)
    shop = int(shops[int(shops.size ** rng.random()) - 1])  # every order of size alike
    length = int(np.exp(rng.uniform(np.log(7), np.log(0.6 * days))))
    timing = (Timing.AT_ONCE, Timing.BATCHES, Timing.HELD)[rng.integers(3)]
    wait = int(rng.integers(5, max(6, days // 6 if timing is Timing.HELD else days // 15)))
    room = days - length - wait - 50
    first = int(rng.integers(10, max(11, room)))
    lag = float(rng.uniform(2.0, 15.0))
    return _Draw(shop, first, first + length - 1, timing, lag, wait)


def _share_for(economy: Economy, draw: _Draw, target: float) -> float:
    """Find the misuse share at which an oracle's log10 p is about ``target``."""
    noise, days = economy.spec.noise, economy.spec.days
    n = _visitors(economy, draw.shop, draw.last - draw.first + 1)
    qualifying = noise.phishing + noise.bin_attack + noise.dispute * noise.dispute_misfiled_share
    hazard = qualifying * (1.0 - noise.unreported_share) / 365.0
    middle = 0.5 * (draw.first + draw.last)
    expected = max(n * hazard * (days - middle), 1e-6)
    needed = 1
    while log10_upper_tail(needed, expected) > target:
        needed += 1
    misuse = middle if draw.timing is Timing.AT_ONCE else draw.last + draw.wait
    left = max(days - misuse - draw.lag, 1.0)
    on_time = norm.cdf(np.log(left / noise.report_delay_days) / noise.report_delay_spread)
    reported = (1.0 - noise.unreported_share) * float(on_time)
    return max(needed - expected, 0.5) / max(n * reported, 1e-9)


def single_leak(
    seed: int,
    cards: int = 20_000,
    merchants: int = 1_000,
    days: int = 365,
    strength: tuple[float, float] = (6.0, 40.0),
) -> WorldSpec:
    """Plan a world with one leaking web shop of random size, window, timing and misuse share.

    Build it with the same ``seed``. The misuse share is chosen within 0.003 to 0.5 so that an
    oracle's -log10 p falls about evenly into ``strength``; chance spreads it further.
    """
    spec = quiet(cards, merchants, days)
    economy = economy_of(spec, seed)
    rng = economy.rng(11)
    target = -float(rng.uniform(*strength))
    draw, share = _draw(economy, rng), 0.0
    for _ in range(400):
        share = _share_for(economy, draw, target)
        if 0.003 <= share <= 0.5:
            break
        draw = _draw(economy, rng)
    sales: tuple[int, ...] = ()
    if draw.timing is Timing.BATCHES:
        sales = tuple(draw.last + draw.wait + k * 20 for k in range(-3, 1))
    elif draw.timing is Timing.HELD:
        sales = (draw.last + draw.wait,)
    leak = LeakSpec(
        kind=LeakKind.MERCHANT,
        windows=((draw.first, draw.last),),
        misuse_share=float(np.clip(share, 0.003, 0.5)),
        timing=draw.timing,
        data_taken=(DataTaken.FORM, DataTaken.DATABASE)[rng.integers(2)],
        merchants=(draw.shop,),
        lag_days=draw.lag,
        sales=tuple(day for day in sales if day > 0),
    )
    return _with(spec, (leak,))


def _with(spec: WorldSpec, leaks: tuple[LeakSpec, ...]) -> WorldSpec:
    return WorldSpec(spec.start, spec.days, spec.merchants, spec.cards, spec.noise, leaks)


STORY_START = date(2019, 2, 1)
STORY_WINDOW = (date(2019, 4, 10), date(2024, 10, 8))  # three shops, about 66 months
STORY_FOURTH = (date(2019, 7, 1), date(2021, 6, 30))  # two years, then sold
STORY_FIRST_SALE = date(2024, 4, 1)  # the record does not say when misuse began: assumed
STORY_END = date(2024, 11, 30)


def story(cards: int = 12_000) -> WorldSpec:
    """Plan the demo: an invented operator whose four web shops leaked for 66 months, unnoticed.

    One issuer with ``cards`` cards sees some 1,400 of the cards that were entered there, a few
    percent of the operator's customers. The data is kept for years and sold in three lots in the
    last months; the fourth shop belongs to somebody else by then. It holds security codes, so
    that 15 % of the exposed cards are misused, over months rather than at once.
    """

    def day(when: date) -> int:
        return (when - STORY_START).days

    window = (day(STORY_WINDOW[0]), day(STORY_WINDOW[1]))
    fourth = (day(STORY_FOURTH[0]), day(STORY_FOURTH[1]))
    leak = LeakSpec(
        kind=LeakKind.OPERATOR,
        windows=(window, window, window, fourth),
        misuse_share=0.15,
        timing=Timing.BATCHES,
        data_taken=DataTaken.FORM,
        n_members=4,
        size_rank=0.12,
        lag_days=60.0,
        sales=(day(STORY_FIRST_SALE), window[1] - 110, window[1] - 30),
        sold_on=fourth[1] + 1,
        names=(
            "架空すみれ化粧品オンライン",
            "架空すみれ健康食品オンライン",
            "架空すみれ自然派通販",
            "架空すみれ肌着オンライン",
        ),
    )
    return WorldSpec(
        start=STORY_START,
        days=day(STORY_END) + 1,
        merchants=MerchantSpec(count=1_200),
        # a card number outlives its expiry dates: renewal keeps it
        cards=CardSpec(count=cards, per_day=0.07, valid_days=3_650, standing=0.3),
        noise=NoiseSpec(),
        leaks=(leak,),
    )


def large(
    transactions: int = 50_000_000, merchants: int = 50_000, cards: int | None = None
) -> WorldSpec:
    """Plan a year of about ``transactions`` rows, with a leak of every kind."""
    per_day = CardSpec().per_day
    cards = cards or round(transactions / (_ROWS_PER_PURCHASE * per_day * 365))
    if cards < 1:
        raise BadInput(f"{transactions} transactions are too few for a large world")
    one, many = LeakKind.MERCHANT, LeakKind.PROCESSOR
    leaks = (
        LeakSpec(one, ((60, 200),), 0.06, size_rank=0.002),
        LeakSpec(one, ((20, 300),), 0.03, Timing.BATCHES, DataTaken.DATABASE, size_rank=0.01),
        LeakSpec(
            LeakKind.OPERATOR, ((30, 120), (50, 160), (10, 200), (90, 150)), 0.05,
            n_members=4, size_rank=0.02,
        ),
        LeakSpec(many, ((100, 160),), 0.08, n_members=min(100, merchants // 10), size_rank=0.3),
        LeakSpec(
            LeakKind.TERMINAL, ((40, 70),), 0.2, data_taken=DataTaken.TRACK, size_rank=0.001
        ),
    )  # fmt: skip
    spec = WorldSpec(
        merchants=MerchantSpec(count=merchants, home_areas=47, processors=20, spend_shops=40),
        cards=CardSpec(count=cards),
    )
    return _with(spec, leaks)
