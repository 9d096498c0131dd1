"""How the data was taken: read from a form while it was entered, or out of a database.

A skimmed form exposes the cards whose data is entered. A stolen database also exposes cards that
are only charged there, by the merchant, on data that was stored long ago. So the cards that had
nothing but merchant-initiated charges in the window tell the two apart (DESIGN 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY, hazard_at_visits
from sekisho.commonpoint.search import Association, MemberWindow
from sekisho.commonpoint.study import Study, exposing
from sekisho.domain.finding import CardGroup, Theft, TheftKind
from sekisho.domain.history import VisitTable
from sekisho.stats.tails import binomial_tail, log_tail

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CLEAR = 0.01  # chance below which a way of theft does not fit
MARGIN_DAYS = 14  # data entered so close to the window may have been inside it


@dataclass(frozen=True, slots=True)
class Background:
    """What comes after the search: who is a case, and the hazard without any finding's victims.

    ``misfit`` is the variance of the ratio of true to fitted expectation.
    """

    study: Study
    quiet: Study
    misfit: float


def how_taken(
    ground: Background, visits: VisitTable, found: Association, others: Sequence[Association]
) -> Theft | None:
    """Compare cards that only had merchant-initiated charges with those whose data was entered.

    ``visits`` are those of the drawn cards; victims of ``others`` (findings besides this one) are
    left out. None if the history never says that a merchant initiated a charge.
    """
    if not visits.merchant_initiated.any():
        return None
    near = _near(visits, found.members)
    part = VisitTable(*(getattr(visits, name)[near.rows] for name in visits.__slots__))
    rows, spell = exposing(ground.study, part)
    inside, entered = near.inside[rows], ~part.merchant_initiated[rows]
    elsewhere = np.zeros(len(ground.study.spells), bool)
    for other in others:
        elsewhere[other.spells] = True
    elsewhere[found.spells] = False
    keep = ~elsewhere[spell]
    typed = np.zeros(len(ground.study.spells), bool)
    typed[spell[inside & entered]] = True
    unsure = np.zeros_like(typed)
    unsure[spell[entered]] = True  # within the margin at least
    first = first_visits(spell, part.at[rows], inside & keep)
    of_entry = typed[first.spell]
    # Data that may have been entered just inside the true window says nothing either way.
    of_charge = ~typed[first.spell] & ~unsure[first.spell]
    return compare(
        count_cards(ground, first.only(of_entry)),
        count_cards(ground, first.only(of_charge)),
        ground.misfit,
    )


def compare(entered: CardGroup, charged: CardGroup, misfit: float = 0.0) -> Theft:
    """Say which way of theft fits the counts of both groups.

    ``p_form`` is the chance of so many victims among the charged if only entered data was read:
    they are then defrauded like other cards. ``p_database`` is the chance of so few if stored data
    was taken: the excess per card is then the same in both groups, and given all victims those
    among the charged are binomial.
    """
    p_form = float(
        np.exp(
            log_tail(
                charged.defrauded, max(charged.expected, 1e-9), max(charged.cards, 1.0),
                misfit * charged.expected**2,
            )
        )
    ) if charged.defrauded else 1.0  # fmt: skip
    victims = entered.defrauded + charged.defrauded
    background = entered.expected + charged.expected
    rate = max(victims - background, 0.0) / max(entered.cards + charged.cards, 1)
    alike = charged.expected + rate * charged.cards
    share = alike / max(alike + entered.expected + rate * entered.cards, 1e-9)
    p_database = 1.0 - float(binomial_tail(charged.defrauded + 1, victims, min(share, 1.0)))
    kind = TheftKind.CANNOT_BE_TOLD
    if p_form < CLEAR <= p_database:
        kind = TheftKind.DATABASE
    elif p_database < CLEAR <= p_form:
        kind = TheftKind.FORM
    return Theft(kind, entered, charged, max(p_form, 1e-300), max(p_database, 1e-300))


@dataclass(frozen=True, slots=True)
class _Near:
    rows: Ints
    inside: NDArray[np.bool_]


def _near(visits: VisitTable, members: Sequence[MemberWindow]) -> _Near:
    """Visits at the members in their windows or within a margin of them."""
    # One look at all visits, whatever the number of members: a processor has hundreds.
    merchants = np.array([member.merchant for member in members], np.int64)
    most = int(max(visits.entity.max(initial=0), merchants.max(initial=0))) + 1
    first, last = np.full(most, np.iinfo(np.int64).max), np.full(most, np.iinfo(np.int64).min)
    for member in members:
        first[member.merchant], last[member.merchant] = member.start_day, member.end_day
    wanted = np.zeros(most, bool)
    wanted[merchants] = True
    rows = np.flatnonzero(wanted[visits.entity])
    day, merchant = visits.at[rows] // DAY, visits.entity[rows]
    start, end = first[merchant], last[merchant]
    margin = np.maximum(MARGIN_DAYS, (end - start) // 10)
    near = (day >= start - margin) & (day <= end + margin)
    inside = (day >= start) & (day <= end)
    return _Near(rows[near], inside[near])


@dataclass(frozen=True, slots=True)
class FirstVisits:
    """Spells, each with the instant of its first visit in the window."""

    spell: Ints
    at: Ints

    def only(self, keep: NDArray[np.bool_]) -> FirstVisits:
        """Some of them."""
        return FirstVisits(self.spell[keep], self.at[keep])


def first_visits(spell: Ints, at: Ints, keep: NDArray[np.bool_]) -> FirstVisits:
    """The spells of some visits, each at the first of them."""
    order = np.lexsort((at[keep], spell[keep]))
    spells, heads = np.unique(spell[keep][order], return_index=True)
    return FirstVisits(spells, at[keep][order][heads])


def count_cards(ground: Background, first: FirstVisits) -> CardGroup:
    """Cards, victims and expected victims of some spells, over all time.

    Standing charges expose most cards in the window's first month, so a later misuse period would
    show more of those who entered data in the meantime.
    """
    study, quiet = ground.study, ground.quiet
    period = study.clock.all_time
    spell = first.spell
    weight = study.weight[spell]
    hazard = hazard_at_visits(spell, first.at, quiet.spells, quiet.cumulative, quiet.clock)
    since = np.maximum(hazard, quiet.hazard_from[spell, period])
    risk = np.maximum(quiet.hazard_until[spell, period] - since, 0.0)
    card = study.spells.card[spell]
    _, heads = np.unique(card, return_index=True)
    return CardGroup(
        cards=round(float(weight[heads].sum())),
        defrauded=int(np.unique(card[study.in_period(period)[spell]]).size),
        expected=float((weight * risk).sum()) * float(quiet.scale[period]),
    )
