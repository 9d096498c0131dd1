"""Make a world: in memory (``build``) or straight into files (``write_large``)."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sekisho.domain.progress import Progress, Silent
from sekisho.world.dress import Transactions, dress
from sekisho.world.economy import economy_of
from sekisho.world.files import Codebook, WorldWriter, card_table, fraud_table, merchant_table
from sekisho.world.ledger import Bookkeeper, Ledger
from sekisho.world.spec import WorldSpec
from sekisho.world.timeline import Timeline


@dataclass(frozen=True)
class World:
    """A whole world in memory; ``truth`` is what ``oracle`` asks."""

    spec: WorldSpec
    seed: int
    transactions: Transactions
    truth: Ledger

    @cached_property
    def _book(self) -> Codebook:
        return Codebook(self.truth.economy)

    @property
    def authorized_at(self) -> NDArray[np.datetime64]:
        """Time of each transaction, microseconds, JST without a zone."""
        return self._book.times(self.transactions.second)

    def transaction_table(self) -> pa.Table:
        """Return the transactions as they are written."""
        return self._book.table(self.transactions, self.truth.cards.count)

    def fraud_table(self) -> pa.Table:
        """Return the fraud reports as they are written."""
        return fraud_table(self.truth, self._book)

    def merchant_table(self) -> pa.Table:
        """Return the merchants as they are written."""
        return merchant_table(self.truth.economy)

    def card_table(self) -> pa.Table:
        """Return the cards as they are written."""
        return card_table(self.truth, self._book)

    def write(self, folder: Path) -> None:
        """Write all files into ``folder``. Raises OutputFailed."""
        writer = WorldWriter(self.truth.economy, folder)
        writer.add(self.transactions, self.truth.cards.count)
        writer.finish(self.truth)


def _threads(threads: int | None) -> int:
    return threads or min(2, os.cpu_count() or 1)


def _card_bins(timeline: Timeline) -> NDArray[np.int16]:
    cards = timeline.cards
    return timeline.economy.bin[cards.account[: cards.count]]


def build(spec: WorldSpec, seed: int, threads: int | None = None) -> World:
    """Make a world in memory; about 100 bytes a row. The same for any number of threads."""
    timeline = Timeline(economy_of(spec, seed), _threads(threads))
    keeper = Bookkeeper(timeline)
    parts = []
    for chunk in timeline.run():
        keeper.add(chunk)
        bins = _card_bins(timeline)
        parts.append(
            dress(chunk, timeline.economy.merchants, bins, timeline.threads, timeline.leaks)
        )
    return World(spec, seed, Transactions.joined(parts), keeper.close())


def write_large(
    spec: WorldSpec,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Ledger:
    """Make a world straight into ``folder``, in memory bounded by a few chunks.

    Writes one chunk while the next is made. Raises OutputFailed.
    """
    progress = progress or Silent()
    timeline = Timeline(economy_of(spec, seed), _threads(threads))
    keeper = Bookkeeper(timeline)
    writer = WorldWriter(timeline.economy, folder)
    progress.step("make_world", total=spec.days)
    done: Future[None] | None = None
    try:
        with ThreadPoolExecutor(1) as background:
            for chunk in timeline.run():
                keeper.add(chunk)
                bins = _card_bins(timeline)
                rows = dress(
                    chunk, timeline.economy.merchants, bins, timeline.threads, timeline.leaks
                )
                if done is not None:
                    done.result()
                done = background.submit(writer.add, rows, timeline.cards.count)
                progress.advance(chunk.days)
            if done is not None:
                done.result()
        progress.step("write_truth")
        ledger = keeper.close()
        writer.finish(ledger)
    except BaseException:
        writer.abandon()
        raise
    return ledger
