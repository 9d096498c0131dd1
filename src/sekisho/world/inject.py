"""Put leaks into somebody else's real history, so that a method meets shops nobody here made.

Victims are chosen among the cards that visited in a leak's window; they get fraud reports (and,
if wanted, fraudulent rows), and a reported card's later rows disappear, as a stopped card's do.
Everything else of the history stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput
from sekisho.world.kernels import DAY, NEVER
from sekisho.world.leaks import misuse_times, sales_of
from sekisho.world.oracle import CardTimes
from sekisho.world.spec import LeakSpec

ORIGINAL, BACKGROUND = -1, -2  # in place of a leak's number


@dataclass(frozen=True, slots=True)
class History:
    """A history as codes: cards 0..len(cards)-1, merchants alike, seconds from ``start``.

    All row arrays have the same length. ``fraud`` marks rows known as fraud, all False if there
    are none or if they shall not count.
    """

    start: date
    card: NDArray[np.int64]
    merchant: NDArray[np.int64]
    second: NDArray[np.int64]
    fraud: NDArray[np.bool_]
    cards: NDArray[Any]
    merchants: NDArray[Any]

    @property
    def days(self) -> int:
        """Days from the first to the last row, both inside."""
        return int(self.second.max()) // DAY + 1


def history_of(
    table: pa.Table, card: str, merchant: str, time: str, fraud: str | None = None
) -> History:
    """Read a history from the named columns of a table; ``fraud`` holds 0/1 or booleans.

    Raises BadInput if there is no row.
    """
    if table.num_rows == 0:
        raise BadInput("the history to inject into has no row")
    cards, card_code = np.unique(table[card].to_numpy(), return_inverse=True)
    merchants, shop_code = np.unique(table[merchant].to_numpy(), return_inverse=True)
    when = table[time].to_numpy().astype("datetime64[s]")
    midnight = when.min().astype("datetime64[D]")
    known = np.zeros(when.size, np.bool_)
    if fraud is not None:
        known = table[fraud].to_numpy().astype(np.bool_)
    return History(
        start=midnight.astype(date),
        card=card_code.astype(np.int64),
        merchant=shop_code.astype(np.int64),
        second=(when - midnight.astype("datetime64[s]")).astype(np.int64),
        fraud=known,
        cards=cards,
        merchants=merchants,
    )


def grouped(history: History, shops: int, zipf: float, rng: np.random.Generator) -> History:
    """Join small merchants (single terminals, say) into ``shops`` larger ones of Zipf sizes.

    Merchant k of the result is named ``shop-k``; shop-0 gets the most of the old ones.
    """
    if not 0 < shops <= history.merchants.size:
        raise BadInput(f"{history.merchants.size} merchants do not make {shops} shops")
    size = np.arange(1, shops + 1, dtype=np.float64) ** -zipf
    owner = rng.choice(shops, size=history.merchants.size, p=size / size.sum())
    # every shop gets one at least
    owner[rng.permutation(history.merchants.size)[:shops]] = np.arange(shops)
    names = np.array([f"shop-{k}" for k in range(shops)])
    return replace(history, merchant=owner[history.merchant], merchants=names)


@dataclass(frozen=True, slots=True)
class InjectionPlan:
    """How injected fraud behaves; ``background`` is per card and year, without any leak."""

    background: float = 0.0
    unreported_share: float = 0.2
    report_delay_days: float = 7.0  # median
    report_delay_spread: float = 1.0
    fraud_rows: bool = True  # fraudulent rows appear in the history
    spend_shops: int = 10


@dataclass(frozen=True, slots=True)
class FraudRecords:
    """One entry per fraud, in time order; ``reported`` is NEVER where nobody reports it.

    ``row`` is the transaction's id, -1 if the history does not hold it; ``leak`` is the leak's
    number, ``ORIGINAL`` for the history's own fraud, ``BACKGROUND`` for injected noise.
    """

    row: NDArray[np.int64]
    card: NDArray[np.int64]
    second: NDArray[np.int64]
    reported: NDArray[np.int64]
    leak: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Injected:
    """A history with leaks in it; ``oracle`` takes it as truth.

    ``row`` is the transaction id of each row: the place in the original history, or a number
    beyond it for injected rows. ``members`` and ``windows`` (seconds, half-open) go by leak.
    """

    history: History
    row: NDArray[np.int64]
    fraud: FraudRecords
    members: tuple[tuple[int, ...], ...]
    windows: tuple[tuple[tuple[int, int], ...], ...]
    visit: NDArray[np.int64]  # (leaks, cards): first visit in the window that is in the file
    closed: NDArray[np.int64]  # per card
    days: int

    @property
    def last_day(self) -> date:
        """The last day of the history."""
        return self.history.start + timedelta(days=self.days - 1)

    def day_number(self, day: date) -> int:
        """Days from the first day of the history to ``day``."""
        return (day - self.history.start).days

    def card_times(self, leak: int, stop: int) -> CardTimes:
        """Return what the oracle needs of every card, known before second ``stop``."""
        n = self.closed.size
        limit = min(stop, self.days * DAY)
        known = np.flatnonzero((self.fraud.reported < limit) & (self.fraud.second < limit))[::-1]
        fraud = np.full(n, NEVER)
        own = np.zeros(n, np.bool_)
        fraud[self.fraud.card[known]] = self.fraud.second[known]
        own[self.fraud.card[known]] = self.fraud.leak[known] == leak
        opened = np.zeros(n, np.int64)
        return CardTimes(self.visit[leak], fraud, own, opened, self.closed, np.ones(n))

    def transaction_table(self) -> pa.Table:
        """Return the history with the columns of the trace command's input."""
        h = self.history
        return pa.table({
            "card_ref": pa.array(h.cards).cast(pa.string()).take(pa.array(h.card)),
            "transaction_id": self.row,
            "merchant_id": pa.array(h.merchants).cast(pa.string()).take(pa.array(h.merchant)),
            "authorized_at": self._times(h.second),
        })  # fmt: skip

    def fraud_table(self) -> pa.Table:
        """Return the fraud reported by the history's end, by time of report."""
        f = self.fraud
        known = np.flatnonzero(f.reported < self.days * DAY)
        known = known[np.argsort(f.reported[known], kind="stable")]
        refs = pa.array(self.history.cards).cast(pa.string())
        return pa.table({
            "transaction_id": pa.array(f.row[known], mask=f.row[known] < 0),
            "card_ref": refs.take(pa.array(f.card[known])),
            "fraud_at": self._times(f.second[known]),
            "reported_at": self._times(f.reported[known]),
            "fraud_type": pa.array(["card_not_present"] * known.size, pa.string()),
        })  # fmt: skip

    def _times(self, second: NDArray[np.int64]) -> pa.Array:
        start = np.datetime64(self.history.start, "us")
        return pa.array(start + second * np.timedelta64(1_000_000, "us"), pa.timestamp("us"))


def _members(history: History, leak: LeakSpec, taken: set[int]) -> tuple[int, ...]:
    """Find the members named, or ``n_members`` at a quantile of distinct cards."""
    if leak.merchants:
        if max(leak.merchants) >= history.merchants.size or min(leak.merchants) < 0:
            raise BadInput(f"a leak names a merchant that is not there: {leak.merchants}")
        return leak.merchants
    pairs = np.unique(history.merchant * history.cards.size + history.card)
    sizes = np.bincount(pairs // history.cards.size, minlength=history.merchants.size)
    ranked = [int(k) for k in np.argsort(-sizes, kind="stable") if int(k) not in taken]
    if len(ranked) < leak.n_members:
        raise BadInput(f"no {leak.n_members} merchants are left for a leak")
    at = min(int(leak.size_rank * len(ranked)), len(ranked) - leak.n_members)
    return tuple(ranked[at : at + leak.n_members])


def _first_visits(
    history: History, members: tuple[int, ...], windows: tuple[tuple[int, int], ...]
) -> NDArray[np.int64]:
    visit = np.full(history.cards.size, NEVER)
    for shop, (first, stop) in zip(members, windows, strict=True):
        rows = (history.merchant == shop) & (history.second >= first) & (history.second < stop)
        np.minimum.at(visit, history.card[rows], history.second[rows])
    return visit


def _delays(plan: InjectionPlan, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    mu = np.log(plan.report_delay_days * DAY)
    return np.clip(np.exp(rng.normal(mu, plan.report_delay_spread, n)), 3_600, 240 * DAY).astype(
        np.int64
    )


def _episodes(
    visit: NDArray[np.int64],
    leaks: tuple[LeakSpec, ...],
    background: tuple[float, int],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First injected misuse of each card hit: card, second, leak. ``background`` (rate, days)."""
    rate, days = background
    key = np.uint64(rng.integers(2**63))
    card, second, source = [], [], []
    for number, leak in enumerate(leaks):
        seen = np.flatnonzero(visit[number] < NEVER)
        plan = (leak.misuse_share, np.array(sales_of(leak), np.int64), leak.lag_days * DAY)
        when = misuse_times(key, number, seen, visit[number, seen], plan)
        hit = when < days * DAY
        card.append(seen[hit])
        second.append(when[hit])
        source.append(np.full(int(hit.sum()), number))
    n = int(rng.poisson(rate / 365.0 * days * visit.shape[1]))
    card.append(rng.integers(visit.shape[1], size=n))
    second.append(rng.integers(days * DAY, size=n))
    source.append(np.full(n, BACKGROUND))
    cards, seconds, sources = (np.concatenate(c) for c in (card, second, source))
    order = np.lexsort((sources, seconds))
    # a card is stolen once: the first misuse stops it
    _, first = np.unique(cards[order], return_index=True)
    order = order[np.sort(first)]
    return cards[order], seconds[order], sources[order]


def inject(
    history: History,
    leaks: tuple[LeakSpec, ...],
    rng: np.random.Generator,
    plan: InjectionPlan | None = None,
) -> Injected:
    """Inject leaks into a history; days of the leaks count from its first day.

    ``merchants`` of a leak are merchant codes of the history; left empty, members are taken at
    ``size_rank`` by distinct cards. ``kind`` and ``data_taken`` change nothing here: a real
    history says too little for it. Raises BadInput for a merchant that is not there.
    """
    plan = plan or InjectionPlan()
    taken: set[int] = set()
    members: list[tuple[int, ...]] = []
    windows: list[tuple[tuple[int, int], ...]] = []
    for leak in leaks:
        members.append(_members(history, leak, taken))
        taken.update(members[-1])
        spans = leak.windows if len(leak.windows) > 1 else leak.windows * len(members[-1])
        windows.append(tuple((a * DAY, (b + 1) * DAY) for a, b in spans))
    found = [_first_visits(history, m, w) for m, w in zip(members, windows, strict=True)]
    visit = np.array(found, np.int64).reshape(len(leaks), history.cards.size)
    card, second, source = _episodes(visit, leaks, (plan.background, history.days), rng)
    reported = np.where(
        rng.random(card.size) < plan.unreported_share, NEVER, second + _delays(plan, card.size, rng)
    )
    closed = np.full(history.cards.size, NEVER)
    stopped = reported < history.days * DAY
    closed[card[stopped]] = reported[stopped]
    records = FraudRecords(np.full(card.size, -1), card, second, reported, source)
    return _assemble(history, records, closed, rng, (tuple(members), tuple(windows), plan))


def _stolen_rows(
    history: History, records: FraudRecords, plan: InjectionPlan, rng: np.random.Generator
) -> tuple[FraudRecords, NDArray[np.int64]]:
    """Draw one to several purchases for each record, within hours, with the shop of each."""
    popular = np.bincount(history.merchant, minlength=history.merchants.size).astype(np.float64)
    few = min(plan.spend_shops, int((popular > 0).sum()))
    shops = rng.choice(popular.size, size=few, replace=False, p=popular / popular.sum())
    times = 1 + rng.geometric(0.6, size=records.card.size) - 1
    which = np.repeat(np.arange(records.card.size), times)
    begins = np.repeat(np.cumsum(times) - times, times)
    steps = rng.exponential(2 * 3_600, size=which.size).astype(np.int64) + 120
    steps[begins == np.arange(which.size)] = 0
    total = np.cumsum(steps)
    second = records.second[which] + total - total[begins]
    inside = (second < records.reported[which]) & (second < history.days * DAY)
    which, second = which[inside], second[inside]
    first_id = history.card.size
    made = FraudRecords(
        row=np.arange(first_id, first_id + which.size),
        card=records.card[which],
        second=second,
        reported=records.reported[which],
        leak=records.leak[which],
    )
    return made, shops[rng.integers(few, size=which.size)]


def _assemble(
    history: History,
    records: FraudRecords,
    closed: NDArray[np.int64],
    rng: np.random.Generator,
    rest: tuple[Any, Any, InjectionPlan],
) -> Injected:
    """Drop the rows of stopped cards, add fraudulent ones, list all fraud, in time order."""
    members, windows, plan = rest
    keep = np.flatnonzero(history.second < closed[history.card])
    row, card = keep, history.card[keep]
    merchant, second = history.merchant[keep], history.second[keep]
    own = keep[history.fraud[keep]]
    known = FraudRecords(
        row=own,
        card=history.card[own],
        second=history.second[own],
        reported=history.second[own] + _delays(plan, own.size, rng),
        leak=np.full(own.size, ORIGINAL),
    )
    if plan.fraud_rows:
        records, shops = _stolen_rows(history, records, plan, rng)
        row = np.concatenate([row, records.row])
        card = np.concatenate([card, records.card])
        merchant = np.concatenate([merchant, shops])
        second = np.concatenate([second, records.second])
    is_fraud = np.zeros(row.size, np.bool_)
    is_fraud[keep.size :] = True
    is_fraud[: keep.size] = history.fraud[keep]
    order = np.lexsort((row, second))
    after = History(
        history.start, card[order], merchant[order], second[order], is_fraud[order],
        history.cards, history.merchants,
    )  # fmt: skip
    both = FraudRecords(
        *(
            np.concatenate([getattr(known, name), getattr(records, name)])
            for name in ("row", "card", "second", "reported", "leak")
        )
    )
    by_time = np.lexsort((both.row, both.second))
    columns = (getattr(both, n)[by_time] for n in ("row", "card", "second", "reported", "leak"))
    fraud = FraudRecords(*columns)
    found = [_first_visits(after, m, w) for m, w in zip(members, windows, strict=True)]
    visit = np.array(found, np.int64).reshape(len(members), history.cards.size)
    return Injected(after, row[order], fraud, members, windows, visit, closed, history.days)
