"""Leaks: which shops, which rows expose a card, and when a stolen card is misused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput
from sekisho.world.economy import Merchants
from sekisho.world.kernels import (
    DAY,
    NEVER,
    REFUND,
    REVERSAL,
    STANDING,
    compiled,
    stir,
    terminal_of,
    unit,
)
from sekisho.world.spec import DataTaken, LeakKind, LeakSpec, Timing, WorldSpec


@dataclass(frozen=True, slots=True)
class Leak:
    """A leak with its members found. Seconds are half-open: ``first`` inside, ``stop`` not."""

    spec: LeakSpec
    merchants: tuple[int, ...]
    terminal: int  # -1: every terminal
    first: tuple[int, ...]
    stop: tuple[int, ...]
    sales: tuple[int, ...]  # seconds; empty for misuse at once


class Members(NamedTuple):
    """All members of all leaks, sorted by merchant, for the kernels."""

    start: NDArray[np.int64]  # (merchants + 1,): cuts the other arrays by merchant
    leak: NDArray[np.int32]
    terminal: NDArray[np.int32]
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    database: NDArray[np.bool_]
    terminals: NDArray[np.int16]  # of every merchant


def _choose(leak: LeakSpec, merchants: Merchants, taken: set[int]) -> tuple[int, ...]:
    """Find the members: those named, or ``n_members`` around a size quantile."""
    if leak.merchants:
        if max(leak.merchants) >= merchants.weight.size or min(leak.merchants) < 0:
            raise BadInput(f"a leak names a merchant that is not there: {leak.merchants}")
        return leak.merchants
    instore = leak.kind is LeakKind.TERMINAL
    fit = (merchants.online != instore) & (merchants.role == 0)
    if instore:
        fit &= merchants.terminals > 1
    free = [int(i) for i in np.flatnonzero(fit) if int(i) not in taken]
    if len(free) < leak.n_members:
        raise BadInput(f"no {leak.n_members} merchants are left for a {leak.kind} leak")
    at = min(int(leak.size_rank * len(free)), len(free) - leak.n_members)
    return tuple(free[at : at + leak.n_members])


def sales_of(leak: LeakSpec) -> tuple[int, ...]:
    """Seconds on which the stolen data is sold or released; empty for misuse at once."""
    last = max(window[1] for window in leak.windows)
    if leak.timing is Timing.AT_ONCE:
        return ()
    if leak.sales:
        return tuple(day * DAY for day in sorted(leak.sales))
    if leak.timing is Timing.BATCHES:
        return tuple((last + days) * DAY for days in (20, 50, 80))
    return ((last + leak.held_days) * DAY,)


def resolve(spec: WorldSpec, merchants: Merchants) -> tuple[Leak, ...]:
    """Find the members of every leak and give them their common operator or processor.

    Changes ``merchants`` in place: members of an operator leak get an operator of their own,
    those of a processor leak a processor of their own.
    """
    taken: set[int] = set()
    leaks = []
    for leak in spec.leaks:
        members = _choose(leak, merchants, taken)
        taken.update(members)
        index = list(members)
        if leak.kind is LeakKind.OPERATOR:
            merchants.operator[index] = int(merchants.operator.max()) + 1
            merchants.sold_day[index] = -1
        if leak.kind is LeakKind.PROCESSOR:
            merchants.processor[index] = int(merchants.processor.max()) + 1
        if leak.sold_on is not None:
            merchants.sold_day[index[-1]] = leak.sold_on
            other = (merchants.operator[index[-1]] + 1) % (int(merchants.operator.max()) + 1)
            merchants.sold_to[index[-1]] = other
        for shop, name in zip(index, leak.names, strict=False):
            merchants.name[shop] = name
        windows = leak.windows if len(leak.windows) > 1 else leak.windows * len(members)
        terminal = 0 if leak.kind is LeakKind.TERMINAL else -1
        first = tuple(w[0] * DAY for w in windows)
        stop = tuple((w[1] + 1) * DAY for w in windows)
        leaks.append(Leak(leak, members, terminal, first, stop, sales_of(leak)))
    return tuple(leaks)


def members_of(leaks: tuple[Leak, ...], merchants: Merchants) -> Members:
    """Lay the members out for look-up by merchant."""
    flat = [
        (shop, number, leak.terminal, first, stop, leak.spec.data_taken is DataTaken.DATABASE)
        for number, leak in enumerate(leaks)
        for shop, first, stop in zip(leak.merchants, leak.first, leak.stop, strict=True)
    ]
    flat.sort()
    columns: list[Any] = list(zip(*flat, strict=True)) if flat else [[]] * 6
    shop = np.array(columns[0], np.int64)
    return Members(
        start=np.searchsorted(shop, np.arange(merchants.weight.size + 1)).astype(np.int64),
        leak=np.array(columns[1], np.int32),
        terminal=np.array(columns[2], np.int32),
        first=np.array(columns[3], np.int64),
        stop=np.array(columns[4], np.int64),
        database=np.array(columns[5], np.bool_),
        terminals=merchants.terminals,
    )


@compiled
def exposes(rows: Any, i: Any, members: Any, k: Any) -> Any:
    """Tell whether row ``i`` exposes its card to member ``k``."""
    second = rows.second[i]
    if second < members.first[k] or second >= members.stop[k]:
        return False
    kind = rows.kind[i]
    if kind in (REFUND, REVERSAL) or (kind == STANDING and not members.database[k]):
        return False
    if members.terminal[k] < 0:
        return True
    shop = rows.merchant[i]
    return terminal_of(rows.tag[i], members.terminals[shop]) == members.terminal[k]


@compiled
def first_visits(rows: Any, n: Any, members: Any, visit: Any, touched: Any) -> Any:
    """Note the first exposing visit of each (leak, card) not noted before.

    ``visit`` is (leaks, cards), NEVER where there was none; pairs noted for the first time in
    this call are listed in ``touched`` (pairs, 2). Returns their number.
    """
    found = 0
    for i in range(n):
        shop = rows.merchant[i]
        for k in range(members.start[shop], members.start[shop + 1]):
            if exposes(rows, i, members, k):
                leak = members.leak[k]
                card = rows.card[i]
                if visit[leak, card] == NEVER:
                    touched[found, 0] = leak
                    touched[found, 1] = card
                    found += 1
                visit[leak, card] = min(visit[leak, card], rows.second[i])
    return found


@compiled
def exposures(rows: Any, n: Any, members: Any, first: Any, last: Any, times: Any) -> None:
    """Add the exposing rows to ``first``, ``last`` and ``times``, each (leaks, cards)."""
    for i in range(n):
        shop = rows.merchant[i]
        for k in range(members.start[shop], members.start[shop + 1]):
            if exposes(rows, i, members, k):
                leak = members.leak[k]
                card = rows.card[i]
                first[leak, card] = min(first[leak, card], rows.second[i])
                last[leak, card] = max(last[leak, card], rows.second[i])
                times[leak, card] += 1


@compiled
def misuse_times(seed: Any, leak: Any, cards: Any, visits: Any, plan: Any) -> Any:
    """When the misuse of each card begins; NEVER for cards that are spared.

    ``plan`` is (misuse share, seconds of sales, mean lag in seconds).
    """
    share, sales, lag = plan
    out = np.empty(cards.size, np.int64)
    for i in range(cards.size):
        z = stir(seed, leak + 7_000, cards[i])
        out[i] = NEVER
        if unit(z) >= share:
            continue
        base = visits[i] if sales.size == 0 else NEVER
        for k in range(sales.size):
            if sales[k] > visits[i]:
                base = sales[k]
                break
        if base < NEVER:
            wait = -np.log(1.0 - unit(stir(seed, leak + 8_000, cards[i]))) * lag
            out[i] = base + 3_600 + np.int64(wait)
    return out
