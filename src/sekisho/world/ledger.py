"""What is true of a finished world: cards, leaks, exposures, every fraud with its cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sekisho.world.economy import Economy
from sekisho.world.episodes import Cause, FraudRows
from sekisho.world.kernels import DAY, FRAUD_COUNTERFEIT, NEVER
from sekisho.world.leaks import Leak
from sekisho.world.oracle import CardTimes
from sekisho.world.timeline import Cards, Chunk, Timeline, join_fraud

FRAUD_TYPES = ("card_not_present", "counterfeit", "lost_stolen", "account_takeover", "dispute")
QUALIFYING = (0, 1)  # what stolen data explains


@dataclass(frozen=True, slots=True)
class Ledger:
    """The truth of a world, complete once its last chunk is made.

    ``fraud_id`` and ``fraud_type`` (index into ``FRAUD_TYPES``) go with ``fraud``, in order of
    transaction. Cards are those of ``cards[:cards.count]``.
    """

    economy: Economy
    leaks: tuple[Leak, ...]
    cards: Cards
    fraud: FraudRows
    fraud_id: NDArray[np.int64]
    fraud_type: NDArray[np.int8]
    transactions: int  # number of rows

    @property
    def stop(self) -> int:
        """The second after the last one."""
        return self.economy.spec.days * DAY

    @property
    def last_day(self) -> date:
        """The last day of the history."""
        return self.economy.spec.start + timedelta(days=self.economy.spec.days - 1)

    def moment(self, second: int) -> datetime:
        """Wall clock (JST, naive) of a second."""
        midnight = datetime.combine(self.economy.spec.start, datetime.min.time())
        return midnight + timedelta(seconds=int(second))

    def in_file(self) -> NDArray[np.bool_]:
        """Which fraud rows the bank knows at the history's end: the reported ones."""
        return np.asarray(self.fraud.reported < self.stop)

    def card_refs(self) -> NDArray[np.bytes_]:
        """Return each card's reference: 12 hexadecimal digits in no order."""
        return card_refs(self.cards.count, self.economy.seed)

    def day_number(self, day: date) -> int:
        """Days from the first day of the history to ``day``."""
        return (day - self.economy.spec.start).days

    def card_times(self, leak: int, stop: int) -> CardTimes:
        """Return what the oracle needs of every card, as known before second ``stop``."""
        n = self.cards.count
        known = (self.fraud.reported < min(stop, self.stop)) & np.isin(self.fraud_type, QUALIFYING)
        known &= self.fraud.second < stop
        rows = np.flatnonzero(known)[::-1]  # the first one of each card is written last
        fraud = np.full(n, NEVER)
        own = np.zeros(n, np.bool_)
        fraud[self.fraud.card[rows]] = self.fraud.second[rows]
        own[self.fraud.card[rows]] = self.fraud.leak[rows] == leak
        return CardTimes(
            visit=self.cards.first[leak, :n],
            fraud=fraud,
            own=own,
            opened=self.cards.opened[:n],
            closed=self.cards.closed[:n],
            factor=self.economy.factor[self.cards.account[:n]].astype(np.float64),
        )


def card_refs(count: int, seed: int) -> NDArray[np.bytes_]:
    """Make references of cards 0..count-1, all different (a bijection on 48 bits)."""
    mask = np.uint64(2**48 - 1)
    value = (np.arange(count, dtype=np.uint64) + np.uint64(seed % 2**40)) & mask
    for odd in (0x9E3779B97F4B, 0xC2B2AE3D27D5):
        value = (value * np.uint64(odd)) & mask
        value ^= value >> np.uint64(23)
    digits = (
        value[:, None] >> (np.arange(11, -1, -1, dtype=np.uint64) * np.uint64(4))
    ) & np.uint64(15)
    text = np.frombuffer(b"0123456789abcdef", np.uint8)[digits.astype(np.intp)]
    return np.ascontiguousarray(text).view("S12").ravel()


class Bookkeeper:
    """Collects the fraud of each chunk, then closes the ledger."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._fraud: list[FraudRows] = []
        self._ids: list[NDArray[np.int64]] = []

    def add(self, chunk: Chunk) -> None:
        """Take note of a finished chunk."""
        self._fraud.append(chunk.fraud)
        self._ids.append(chunk.first_id + chunk.fraud_at)

    def close(self) -> Ledger:
        """Return the ledger of everything noted."""
        timeline = self._timeline
        rows = join_fraud(self._fraud)
        kinds = np.zeros(rows.second.size, np.int8)
        kinds[rows.kind == FRAUD_COUNTERFEIT] = 1
        kinds[rows.cause == Cause.LOST_STOLEN] = 2
        kinds[rows.cause == Cause.TAKEOVER] = 3
        disputes = np.flatnonzero(rows.cause == Cause.DISPUTE)
        rng = timeline.economy.rng(9)
        filed_right = (
            rng.random(disputes.size) >= timeline.economy.spec.noise.dispute_misfiled_share
        )
        kinds[disputes[filed_right]] = 4
        ids = np.concatenate(self._ids)
        return Ledger(
            timeline.economy, timeline.leaks, timeline.cards, rows, ids, kinds, timeline.next_id - 1
        )
