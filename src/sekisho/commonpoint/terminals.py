"""The level below the shop: whether its excess sits in some of its terminals only.

A skimmer sits in one terminal. Customers use several, so terminals are taken one after the other:
the one whose cards show the clearest excess first, then, without those cards, the next. What is
left used other terminals only; if it shows no excess although an equal one would show, the
terminals taken are named. Otherwise it is the shop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.search import Association
from sekisho.commonpoint.study import exposing
from sekisho.commonpoint.theft import Background, compare, count_cards, first_visits
from sekisho.domain.finding import CardGroup, TerminalCount, Terminals, TheftKind
from sekisho.domain.history import TerminalTable, VisitTable
from sekisho.stats.tails import negative_binomial_tail, poisson_tail

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CLEAR = 1e-3  # chance of a terminal's excess, corrected for the terminals tried
ROUNDS = 10


def leaking_terminals(
    ground: Background, table: TerminalTable | None, found: Association, elsewhere: Ints
) -> Terminals | None:
    """The terminals of a shop in which its excess sits; None if it is all over the shop.

    ``elsewhere`` are the spells that belong to other findings: they are left out.
    """
    if table is None or len(found.members) != 1:
        return None
    [member] = found.members
    day = table.at // DAY
    here = (table.entity == member.merchant) & (table.terminal >= 0)
    here &= (day >= member.start_day) & (day <= member.end_day)
    rows = np.flatnonzero(here)
    visits = VisitTable(
        table.card[rows],
        table.entity[rows].astype(np.int32),
        table.at[rows],
        np.zeros(rows.size, bool),
    )
    kept, spell = exposing(ground.study, visits)
    out = np.zeros(len(ground.study.spells), bool)
    out[elsewhere] = True
    out[found.spells] = False
    mine = ~out[spell]
    spell, at = spell[mine], visits.at[kept][mine]
    terminal = table.terminal[rows][kept][mine]
    seen = np.unique(terminal)
    if seen.size < 2:
        return None
    return _name(ground, _Uses(spell, at, terminal), [int(t) for t in seen], table.ids)


class _Uses:
    """Uses of terminals: which spell, when, which terminal."""

    def __init__(self, spell: Ints, at: Ints, terminal: Ints) -> None:
        self.spell, self.at, self.terminal = spell, at, terminal

    def count(self, ground: Background, keep: Bools) -> CardGroup:
        """Cards, victims and expected victims of some uses, each card from its first one on."""
        return count_cards(ground, first_visits(self.spell, self.at, keep))


def _name(
    ground: Background, uses: _Uses, seen: list[int], ids: tuple[str, ...]
) -> Terminals | None:
    left = np.ones(uses.spell.size, bool)
    taken: dict[int, CardGroup] = {}
    for _ in range(min(ROUNDS, len(seen) - 1)):
        groups = {
            t: uses.count(ground, left & (uses.terminal == t)) for t in seen if t not in taken
        }
        best = max(groups, key=lambda t: _score(groups[t]))
        if _chance(groups[best], ground.misfit) * len(groups) >= CLEAR:
            break
        taken[best] = uses.count(ground, uses.terminal == best)
        left &= ~np.isin(uses.spell, uses.spell[uses.terminal == best])
        if not left.any():
            break
    if not taken:
        return None
    rest = uses.count(ground, left)
    used = np.isin(uses.spell, uses.spell[np.isin(uses.terminal, list(taken))])
    told = compare(uses.count(ground, used), rest, ground.misfit)
    if told.kind is not TheftKind.FORM:  # the rest is not free of it, or too small to tell
        return None
    return Terminals(
        tuple(
            TerminalCount(ids[t], group.cards, group.defrauded, group.expected)
            for t, group in taken.items()
        ),
        rest,
        told.p_database,
    )


def _score(group: CardGroup) -> float:
    """Log-likelihood ratio of an excess."""
    expected = max(group.expected, 1e-9)
    if group.defrauded <= expected:
        return 0.0
    return group.defrauded * float(np.log(group.defrauded / expected)) - group.defrauded + expected


def _chance(group: CardGroup, misfit: float) -> float:
    """Chance of so many victims, Poisson or, with an uneven background, negative binomial."""
    if not group.defrauded:
        return 1.0
    expected = max(group.expected, 1e-9)
    plain = float(poisson_tail(group.defrauded, expected))
    if misfit <= 0:
        return plain
    size = 1.0 / misfit
    heavy = float(negative_binomial_tail(group.defrauded, size, expected))
    return max(plain, heavy)
