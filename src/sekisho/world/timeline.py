"""Time passes: chunk after chunk of days, in time order, in bounded memory.

Within a chunk: fraud that is due, genuine rows, who visited a leaking shop, the misuse that
follows, the cards stopped and replaced by it, and at last the rows in time order.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sekisho.world import episodes as fraud
from sekisho.world.economy import Economy
from sekisho.world.episodes import Cause, Episodes, FraudRows, background, play
from sekisho.world.kernels import DAY, NEVER, STANDING, Rows, genuine, settle, time_order
from sekisho.world.leaks import (
    Leak,
    Members,
    exposures,
    first_visits,
    members_of,
    misuse_times,
    resolve,
)
from sekisho.world.spec import DataTaken

ACCOUNTS_PER_SLICE = 25_000
_ROW_TYPES = (np.int64, np.int32, np.int32, np.uint8, np.uint32)


def empty_rows(n: int) -> Rows:
    """Room for ``n`` rows."""
    columns: Any = (np.empty(n, t) for t in _ROW_TYPES)
    return Rows(*columns)


def cut_rows(rows: Rows, which: Any) -> Rows:
    """Return the rows that ``which`` selects."""
    columns: Any = (column[which] for column in rows)
    return Rows(*columns)


def join_rows(parts: list[Rows]) -> Rows:
    """All parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Cards:
    """Every card ever issued, by index; grows as cards are replaced."""

    def __init__(self, economy: Economy, leaks: int) -> None:
        n = economy.opened.size
        self.count = n
        self.account = np.arange(n, dtype=np.int32)
        self.opened = economy.opened.copy()
        self.expires = economy.expires.copy()
        self.closed = economy.expires.copy()
        self.successor = np.full(n, -1, np.int32)
        self.visit = np.full((leaks, n), NEVER)  # first exposing visit, as it came up
        self.first = np.full((leaks, n), NEVER)  # first and last exposing row in the file
        self.last = np.full((leaks, n), -NEVER)
        self.times = np.zeros((leaks, n), np.int32)

    def _reserve(self, n: int) -> None:
        more = max(n - self.account.size, self.account.size // 2)
        if n <= self.account.size:
            return

        def longer(array: NDArray[np.generic], fill: int) -> NDArray[np.generic]:
            tail = np.full((*array.shape[:-1], more), fill, array.dtype)
            return np.concatenate([array, tail], axis=-1)

        for name, fill in (
            ("account", -1), ("opened", int(NEVER)), ("expires", int(NEVER)),
            ("closed", int(NEVER)), ("successor", -1), ("visit", int(NEVER)),
            ("first", int(NEVER)), ("last", -int(NEVER)), ("times", 0),
        ):  # fmt: skip
            setattr(self, name, longer(getattr(self, name), fill))

    def replace(self, old: NDArray[np.int64], opened: NDArray[np.int64], valid: int) -> None:
        """Give each card of ``old`` a successor from second ``opened`` on; or an earlier one."""
        has = self.successor[old] >= 0
        early = self.successor[old[has]]
        self.opened[early] = np.minimum(self.opened[early], opened[has])
        old, opened = old[~has], opened[~has]
        new = np.arange(self.count, self.count + old.size)
        self._reserve(self.count + old.size)
        self.count += old.size
        self.account[new] = self.account[old]
        self.opened[new] = opened
        self.expires[new] = self.closed[new] = (opened // DAY + valid) * DAY
        self.successor[old] = new


@dataclass(slots=True)
class Chunk:
    """Finished rows of a span of days in time order, with the truth beside them."""

    rows: Rows
    fraud: FraudRows  # sorted as in ``rows``
    fraud_at: NDArray[np.int64]  # place of each fraud row in ``rows``
    first_id: int
    days: int


class Timeline:
    """A world's history, made chunk by chunk with ``run``."""

    def __init__(self, economy: Economy, threads: int) -> None:
        self.economy = economy
        self.threads = threads
        self.leaks: tuple[Leak, ...] = resolve(economy.spec, economy.merchants)
        self.members: Members = members_of(self.leaks, economy.merchants)
        self.cards = Cards(economy, len(self.leaks))
        self.held = np.arange(economy.opened.size, dtype=np.int32)
        self.habitat = fraud.habitat_of(economy)
        self.key = np.uint64(economy.rng(4).integers(2**63))
        self.waiting_rows = empty_rows(0)
        self.waiting_fraud = fraud.fraud_rows(0)
        self.waiting = Episodes.of([], [], Cause.LEAK)
        self.next_id = 1
        self._buffers: dict[int, Rows] = {}

    @property
    def stop(self) -> int:
        """The second after the last one."""
        return self.economy.spec.days * DAY

    def run(self) -> Iterator[Chunk]:
        """Make the whole history, one chunk after the other."""
        step = self.economy.spec.chunk_days
        with ThreadPoolExecutor(self.threads) as pool:
            for first in range(0, self.economy.spec.days, step):
                span = (first, min(step, self.economy.spec.days - first))
                yield self._chunk(span, pool)

    def _chunk(self, span: tuple[int, int], pool: ThreadPoolExecutor) -> Chunk:
        begin, end = span[0] * DAY, (span[0] + span[1]) * DAY
        self._renew(begin, end)
        self.waiting = Episodes.joined([self.waiting, background(self.economy, span, self.held)])
        bad = [self.waiting_fraud, self._play_due(end)]
        rows = join_rows([*self._genuine(span, pool), self.waiting_rows])
        later = rows.second >= end
        self.waiting_rows = cut_rows(rows, later)
        rows = cut_rows(rows, ~later)
        n = rows.second.size
        while True:
            n = settle(rows, n, *self._state())
            self._decide(rows, n)
            more = self._play_due(end)
            if more.second.size == 0:
                break
            bad.append(more)
        return self._finish(cut_rows(rows, slice(0, n)), bad, begin, end)

    def _state(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        return self.cards.opened, self.cards.closed, self.cards.successor

    def _renew(self, begin: int, end: int) -> None:
        """Give expiring cards a successor, and accounts the card that they hold now."""
        cards, spec = self.cards, self.economy.spec.cards
        for _ in range(2):
            live = np.flatnonzero(self.held >= 0)
            held = self.held[live]
            due = (cards.closed[held] < end) & (cards.successor[held] < 0)
            due &= cards.closed[held] == cards.expires[held]
            ending = held[due].astype(np.int64)
            lucky = self.economy.rng(5, begin, int(_)).random(ending.size) < spec.renewed_share
            ending = ending[lucky & (cards.closed[ending] >= begin)]
            cards.replace(ending, cards.closed[ending], spec.valid_days)
            gone = cards.closed[held] <= begin
            self.held[live[gone]] = cards.successor[held[gone]]

    def _genuine(self, span: tuple[int, int], pool: ThreadPoolExecutor) -> list[Rows]:
        economy = self.economy
        accounts = self.held.size
        cuts = range(0, accounts, ACCOUNTS_PER_SLICE)
        month = (span[0] // 30) % 12
        season = 1.0 + 0.06 * np.sin(month * 1.7) + (0.1 if month == 11 else 0.0)
        mean = economy.spec.cards.per_day * span[1] * 1.4 + economy.spec.cards.standing + 1.0

        def one(start: int) -> Rows:
            stop = min(start + ACCOUNTS_PER_SLICE, accounts)
            room = int((stop - start) * mean * 1.1) + 20_000
            while True:
                rows = self._buffers.get(start)
                if rows is None:
                    rows = self._buffers[start] = empty_rows(room)
                n = genuine(
                    rows, (span[0], span[1], season), self.key,
                    (start, stop, economy.habits, economy.shares),
                    (self.held, self.cards.opened), economy.market,
                )  # fmt: skip
                if n >= 0:
                    return cut_rows(rows, slice(0, n))
                room = 2 * rows.second.size
                del self._buffers[start]

        return list(pool.map(one, cuts))

    def _decide(self, rows: Rows, n: int) -> None:
        """Find cards newly exposed in these rows, and when each is misused, if at all."""
        if not self.leaks:
            return
        touched = np.empty((min(n, self.cards.visit.size), 2), np.int32)
        found = first_visits(rows, n, self.members, self.cards.visit, touched)
        parts = [self.waiting]
        for number, leak in enumerate(self.leaks):
            # sorted, so that the order in which rows came up does not matter
            cards = np.sort(touched[:found, 1][touched[:found, 0] == number])
            visits = self.cards.visit[number, cards]
            plan = (
                leak.spec.misuse_share,
                np.array(leak.sales, np.int64),
                leak.spec.lag_days * DAY,
            )
            second = misuse_times(self.key, number, cards, visits, plan)
            hit = second < self.stop
            made = Episodes.of(second[hit], cards[hit], Cause.LEAK, number)
            made.track[:] = leak.spec.data_taken is DataTaken.TRACK
            parts.append(made)
        self.waiting = Episodes.joined(parts)

    def _play_due(self, end: int) -> FraudRows:
        """Play the waiting episodes that begin before ``end``; stop and replace their cards."""
        due = self.waiting.second < end
        ready = self.waiting.take(due)
        self.waiting = self.waiting.take(~due)
        ready = ready.take(np.lexsort((ready.cause, ready.card, ready.second)))
        out = fraud.fraud_rows(ready.second.size * fraud.MAX_ROWS)
        cards = self.cards
        before = cards.closed[ready.card]
        n = play(self.key, ready, cards.opened, cards.closed, self.habitat, out)
        stopped = np.unique(ready.card[cards.closed[ready.card] < before]).astype(np.int64)
        wait = self.economy.rng(6, end, stopped.size).integers(3 * DAY, 11 * DAY, stopped.size)
        cards.replace(stopped, cards.closed[stopped] + wait, self.economy.spec.cards.valid_days)
        return _pick(out, slice(0, n))

    def _finish(self, rows: Rows, bad: list[FraudRows], begin: int, end: int) -> Chunk:
        wrong = join_fraud(bad)
        wrong = _pick(wrong, wrong.second < self.cards.closed[wrong.card])
        self.waiting_fraud = _pick(wrong, wrong.second >= end)
        wrong = _pick(wrong, wrong.second < end)
        tags = np.arange(wrong.second.size, dtype=np.uint32)
        stolen = Rows(wrong.second, wrong.card, wrong.merchant, wrong.kind, tags)
        n_good = rows.second.size
        rows = join_rows([rows, stolen])
        order = np.empty(rows.second.size, np.int32)
        time_order(rows.second, order.size, begin, order, np.zeros(end - begin + 1, np.int32))
        rows = cut_rows(rows, order)
        fraud_at = np.flatnonzero(order >= n_good)
        wrong = _pick(wrong, rows.tag[fraud_at])
        rows.tag[fraud_at] = (rows.second[fraud_at] * 2_654_435_761 % 2**32).astype(np.uint32)
        cards = self.cards
        exposures(rows, order.size, self.members, cards.first, cards.last, cards.times)
        wrong, fraud_at = self._with_disputes(rows, wrong, fraud_at, begin)
        first_id = self.next_id
        self.next_id += order.size
        return Chunk(rows, wrong, fraud_at, first_id, (end - begin) // DAY)

    def _with_disputes(
        self, rows: Rows, wrong: FraudRows, at: NDArray[np.int64], begin: int
    ) -> tuple[FraudRows, NDArray[np.int64]]:
        """Add the standing charges that their own holders dispute."""
        spec = self.economy.spec
        charges = np.flatnonzero(rows.kind == STANDING)
        per_year = max(12.0 * spec.cards.standing * 0.6, 0.1)
        rng = self.economy.rng(8, begin)
        chosen = charges[rng.random(charges.size) < spec.noise.dispute / per_year]
        delay = np.exp(rng.normal(self.habitat.delay_mu, self.habitat.delay_sigma, chosen.size))
        n = chosen.size
        made = FraudRows(
            rows.second[chosen], rows.card[chosen], rows.merchant[chosen], rows.kind[chosen],
            np.full(n, int(Cause.DISPUTE), np.int8), np.full(n, -1, np.int16),
            rows.second[chosen] + np.clip(delay, 3_600, 240 * DAY).astype(np.int64),
            np.zeros(n, np.bool_),
        )  # fmt: skip
        at = np.concatenate([at, chosen])
        order = np.argsort(at)
        return _pick(join_fraud([wrong, made]), order), at[order]


def join_fraud(parts: list[FraudRows]) -> FraudRows:
    """All parts, one after the other."""
    return FraudRows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _pick(rows: FraudRows, which: Any) -> FraudRows:
    columns: Any = (column[which] for column in rows)
    return FraudRows(*columns)
