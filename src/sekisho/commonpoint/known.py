"""Known leaks are taken out first, so that they do not come up as new and hide what is behind them.

A finding's victims all leave the study, since nothing else is to be learned from them. A known leak
may be large and hardly misused, and most of its defrauded cards then were defrauded for another
reason: only as many leave as are beyond what is expected, in the misuse periods in which they are.
Which of them is not known; they are drawn by a hash, so that those who stay are a fair share.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY, hazard_at_visits
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.study import Exposing, Panel, Study, exposing_visits
from sekisho.domain.finding import EntityKind
from sekisho.domain.history import VisitTable
from sekisho.domain.known_leaks import KnownLeak, KnownState, TakenOut
from sekisho.stats.tails import poisson_tail

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EPOCH_ORDINAL = 719_163  # 1970-01-01 as a proleptic Gregorian ordinal
EXCESS_P = 0.05  # a misuse period whose count chance explains gives nothing away
ROUNDS = 6


def take_out(
    study: Study, visits: VisitTable, history: History, leaks: Iterable[KnownLeak]
) -> tuple[Study, tuple[TakenOut, ...]]:
    """The study without the excess of misused cards of known leaks, and what became of each.

    Leaks are taken one after the other, in the order given: what one explains, the next does not.
    """
    asked = tuple(leaks)
    if not asked:
        return study, ()
    found = exposing_visits(study, visits)
    said = []
    for leak in asked:
        study, told = _take_one(study, visits, found, history, leak)
        said.append(told)
    return study, tuple(said)


def _take_one(
    study: Study, visits: VisitTable, found: Exposing, history: History, leak: KnownLeak
) -> tuple[Study, TakenOut]:
    shops = history.shops_of(leak.entity_kind, leak.acquirer, leak.number)
    if not shops:
        return study, TakenOut(leak, KnownState.UNKNOWN)
    if leak.entity_kind is EntityKind.MERCHANT and len(shops) > 1:
        return study, TakenOut(leak, KnownState.AMBIGUOUS)
    inside = np.zeros(visits.at.size, bool)
    first, end = _day(leak.window_start.toordinal()), _day(leak.window_end.toordinal()) + DAY
    for shop in shops:
        since, until = max(first, shop.start), min(end, shop.end)
        inside |= (visits.entity == shop.merchant) & (visits.at >= since) & (visits.at < until)
    panel = found.at_entities(np.where(inside, 0, -1).astype(np.int64))
    if not panel.at.size:
        return study, TakenOut(leak, KnownState.NO_VISITS)
    gone = excess_victims(study, panel)
    return _told(study, panel, gone, leak)


def _told(study: Study, panel: Panel, gone: Ints, leak: KnownLeak) -> tuple[Study, TakenOut]:
    exposed = exposed_once(study, panel)
    after = study.without(gone) if gone.size else study
    everything = study.clock.all_time
    expected = float(_risks(after, exposed)[:, everything].sum() * after.scale[everything])
    cards = study.spells.card
    _, spot = np.unique(cards[exposed.spell], return_index=True)  # a card may have several spells
    victims = exposed.spell[study.event[exposed.spell]]
    told = TakenOut(
        leak,
        KnownState.TAKEN_OUT if gone.size else KnownState.NO_EXCESS,
        cards_exposed=round(float(exposed.weight[spot].sum())),
        cards_defrauded=int(np.unique(cards[victims]).size),
        cards_expected=expected,
        cards_taken_out=int(np.unique(cards[gone]).size),
    )
    return after, told


@dataclass(frozen=True, slots=True)
class Exposed:
    """Spells at the visit that exposed them first, each with its instant and weight."""

    spell: Ints
    at: Ints
    weight: Floats


def exposed_once(study: Study, panel: Panel) -> Exposed:
    """The spells of a panel of one entity, each at its first visit; those that left are out."""
    left = np.zeros(len(study.spells), bool)
    left[study.gone] = True
    heads = np.flatnonzero(panel.ever_first & ~left[panel.visits.spell])
    spell = panel.visits.spell[heads]
    return Exposed(spell, panel.at[heads], panel.visits.weight[heads])


def excess_victims(study: Study, panel: Panel) -> Ints:
    """Case spells of a panel of one entity that are beyond what is expected, over all periods.

    The misuse period with the clearest excess gives its excess away, then what is left is looked at
    again, with a background that no longer holds those.
    """
    gone = np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        more = _excess_of_clearest_period(study, exposed_once(study, panel))
        if not more.size:
            break
        gone = np.union1d(gone, more)
        study = study.without(more)
    return gone


def _excess_of_clearest_period(study: Study, exposed: Exposed) -> Ints:
    risks = _risks(study, exposed).sum(axis=0) * study.scale
    inside = np.column_stack([study.in_period(p)[exposed.spell] for p in range(study.periods)])
    cases = inside.sum(axis=0)
    expected = np.maximum(risks, 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(cases > expected, cases * np.log(cases / expected) - cases + expected, 0.0)
    best = int(score.argmax())
    many = round(float(cases[best] - expected[best]))
    if many < 1 or poisson_tail(cases[best], expected[best]) >= EXCESS_P:
        return np.zeros(0, np.int64)
    victims = exposed.spell[inside[:, best]]
    order = np.argsort(_scattered(study.spells.card[victims]), kind="stable")
    return np.asarray(victims[order[:many]], np.int64)


def _risks(study: Study, exposed: Exposed) -> Floats:
    """Expected cases of each spell in each misuse period, before scaling: (spells, periods)."""
    since = study.hazard_from[exposed.spell]
    at = _hazard_at(study, exposed)[:, None]
    risk = study.hazard_until[exposed.spell] - np.maximum(at, since)
    return np.asarray(exposed.weight[:, None] * np.maximum(risk, 0.0))


def _hazard_at(study: Study, exposed: Exposed) -> Floats:
    return hazard_at_visits(exposed.spell, exposed.at, study.spells, study.cumulative, study.clock)


def _scattered(card: Ints) -> NDArray[np.uint64]:
    """A fixed order of cards that has nothing to do with their names (Fibonacci hashing)."""
    return (card.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)


def _day(ordinal: int) -> int:
    """The first instant of a day."""
    return (ordinal - EPOCH_ORDINAL) * DAY
