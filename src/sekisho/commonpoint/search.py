"""The search: screen every entity, count the suspected ones exactly, take the strongest first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY, block_counts
from sekisho.commonpoint.explain import (
    Neighbourhood,
    UseOrTest,
)
from sekisho.commonpoint.levels import Levels
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.study import (
    Panel,
    Study,
    exposing_visits,
    extend_study,
    join_panels,
    make_panel,
)
from sekisho.domain.finding import SuspectKind
from sekisho.domain.history import VisitTable
from sekisho.stats.scan import Best, scan
from sekisho.stats.tails import (
    EmpiricalNull,
    empirical_null,
    log_any,
    log_tail,
    relative_misfit,
    window_trials,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_CASES = 3  # fewer cards at one shop are never asked about
SCREEN_BINS = 48
EXACT_BINS = 256
SCREEN_P = np.log(1e-3)  # a shop's own p-value that earns it a closer look
SCREEN_P_SAMPLED = np.log(1e-2)  # the same where its expectation is known from a sample only
LEAST_EXPECTED = 1e-9
USUAL_CASES = 2.0  # an entity expecting fewer says little about how chance behaves
NULL_ENTITIES = 3_000  # that the empirical null is learned again from after each finding
VISITORS_MOST = 60_000  # cards that one run adds to those drawn, to count suspects closely
VISITORS_LEAST = 300  # of these for each suspect: its expectation is then known to some 6 %
WORTH_MORE = 1.5  # so many times the drawn visitors make another look worth its pass
TESTABLE_VISITORS = 5.0  # a shop with fewer visiting cards can never be found


@dataclass(frozen=True, slots=True)
class Limits:
    """How strong an association must be, and how much work may go into it.

    ``earlier`` are ids of entities that earlier looks named; these are held to ``earlier_error``.
    """

    family_wise_error: float = 0.001
    suspects_most: int = 30
    earlier: tuple[str, ...] = ()
    earlier_error: float = 0.001


@dataclass(frozen=True, slots=True)
class MemberWindow:
    """One merchant of an association, the days on which it exposed cards, and its counts."""

    merchant: int
    start_day: int
    end_day: int
    cases: int
    expected: float
    exposed: float


@dataclass(slots=True)
class Association:
    """One entity's strongest window, with its chance and the explanations tried."""

    entity: int
    start_day: int
    end_day: int
    period: int
    cases: int
    expected: float
    score: float
    log_p: float  # corrected for windows, periods and entities
    spells: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # the exposed cases
    exposed: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # all exposed spells
    kind: SuspectKind | None = None
    explained_by: int | None = None
    neighbours: Neighbourhood | None = None
    use: UseOrTest | None = None
    twins: tuple[int, ...] = ()
    panel: Panel | None = None  # the visits at this entity alone
    members: tuple[MemberWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """What candidates are judged on: a study, their visits, and how exact their counts are.

    ``unit`` is what one drawn card adds to an expectation, per misuse period; ``sampled`` how much
    of that one card adds at each entity of the panel: 1 where the expectation comes from the drawn
    share of the cards, less where more visitors were brought, 0 where all were.
    """

    study: Study
    panel: Panel
    sampled: Floats
    unit: Floats
    tested: int  # entities that could have been found at all
    bulk: Panel  # entities, most of them innocent, that chance is learned from


@dataclass(frozen=True, slots=True)
class Chance:
    """How chance behaves in this history, learned from shops that are mostly innocent.

    ``misfit`` is the variance of the ratio of true to fitted expectation.
    """

    misfit: float = 0.0
    null: EmpiricalNull = field(default_factory=EmpiricalNull)


def tested_entities(panel: Panel) -> int:
    """Entities with enough visiting cards to be found at all; the others cost no correction."""
    heads = panel.ever_first
    entity = np.repeat(np.arange(panel.entities.size), np.diff(panel.visits.first))
    visitors = np.bincount(entity[heads], panel.visits.weight[heads])
    return max(1, int((visitors >= TESTABLE_VISITORS).sum()))


def whole_history(panel: Panel, study: Study) -> tuple[Floats, Floats]:
    """Cases and expectation of each entity over all windows and all time."""
    heads = np.flatnonzero(panel.ever_first)
    entity = np.repeat(np.arange(panel.entities.size), np.diff(panel.visits.first))[heads]
    spell = panel.visits.spell[heads]
    risk = panel.visits.weight[heads] * (study.cumulative[spell, -1] - panel.visits.hazard[heads])
    size = panel.entities.size
    cases = np.bincount(entity, study.event[spell].astype(float), size)
    return cases.astype(float), np.bincount(entity, risk, size).astype(float)


def sampling_unit(study: Study, share: float) -> Floats:
    """What one drawn card without fraud adds to an expectation on average, per misuse period."""
    if share >= 1.0:
        return np.zeros(study.periods)
    drawn = study.weight > 1.0
    return np.asarray((study.hazard_until - study.hazard_from)[drawn].mean(axis=0) / share, float)


def prepare(
    history: History, study: Study, visits: VisitTable, levels: Levels, share: float
) -> tuple[Ground, Panel]:
    """Screen every entity; where only a share of cards was drawn, count suspects exactly.

    Also returns the panel of all merchants.
    """
    found = exposing_visits(study, visits)
    entity = visits.entity.astype(np.int64)
    merchants = found.at_entities(entity)
    groups = [levels.group_of(kind, entity, visits.at) for kind in levels.tables]
    panel = merchants
    if groups:
        panel = join_panels([merchants, *(found.at_entities(group) for group in groups)])
    del found, groups  # as large as the panel itself
    tested = tested_entities(panel)
    unit = sampling_unit(study, share)
    totals = study.totals
    best = _scan(study, panel, SCREEN_BINS, LEAST_EXPECTED + float(unit.min()))
    sampled = np.full(panel.entities.size, float(share < 1.0))
    alone = panel.entities < levels.merchants
    # Chosen by what was expected, never by what was seen: whoever has cases looks surprising.
    _, expected = whole_history(panel, study)
    usual = np.flatnonzero((expected >= USUAL_CASES) & alone)
    bulk = panel.select(usual[:: max(1, usual.size // NULL_ENTITIES)])
    ground = Ground(study, panel, sampled, unit, tested, bulk)
    own = own_log_p(ground, Chance(), best, totals, np.arange(panel.entities.size))
    enough = SCREEN_P if share >= 1.0 else SCREEN_P_SAMPLED
    chosen = np.flatnonzero((best.score > 0) & (own < enough))
    if share >= 1.0:
        return _narrow(ground, chosen), merchants
    return _count_closely(history, ground, chosen, alone, share), merchants


def _narrow(ground: Ground, chosen: Ints) -> Ground:
    keep = np.sort(chosen)
    return replace(ground, panel=ground.panel.select(keep), sampled=ground.sampled[keep])


def _count_closely(
    history: History, ground: Ground, chosen: Ints, alone: NDArray[np.bool_], share: float
) -> Ground:
    """Bring more visitors of the suspected merchants: all of small ones, a share of large ones.

    Where hundreds of visitors were drawn their sum is known to a few percent already, and
    groups of merchants have only the drawn visitors.
    """
    shares = visitor_shares(ground.panel, chosen, share)
    closer = alone[chosen] & (shares > WORTH_MORE * share)
    close, shares = chosen[closer], shares[closer]
    if not close.size:
        return _narrow(ground, chosen)
    visits = history.add_visitors(ground.panel.entities[close], shares)
    card, at = history.added_activity()
    cards = history.cards()
    known = len(ground.study.cards)
    counts = block_counts(card - known, at, ground.study.clock.edges, len(cards) - known)
    study = extend_study(ground.study, cards, counts)
    near = make_panel(study, visits, shares=(ground.panel.entities[close], shares))
    rest = ground.panel.select(np.sort(chosen[~closer]))
    # What one card adds to an expectation shrinks with the share that it was drawn from.
    found = np.searchsorted(ground.panel.entities[close], near.entities)
    own = np.where(shares < 1.0, share / shares, 0.0)[found]
    panel = join_panels([near, rest])
    sampled = np.concatenate([own, np.ones(rest.entities.size)])
    return replace(ground, study=study, panel=panel, sampled=sampled)


def visitor_shares(panel: Panel, chosen: Ints, share: float) -> Floats:
    """The share of each merchant's visitors that is worth to be looked at.

    All suspects get alike many visitors, as the bound on added cards allows; a merchant with
    fewer is counted whole.
    """
    heads = np.concatenate([[0], np.cumsum(panel.ever_first)])
    first = panel.visits.first
    visitors = (heads[first[chosen + 1]] - heads[first[chosen]]) / share
    each = max(VISITORS_LEAST, VISITORS_MOST / max(chosen.size, 1))
    wanted = np.minimum(1.0, each / np.maximum(visitors, 1.0))
    return np.asarray(np.maximum(wanted, share), float)


def learn_chance(ground: Ground, study: Study) -> Chance:
    """Learn how chance behaves from the cases that ``study`` still counts.

    A large leak's victims share more than the leaking shop, so while they count every shop that
    they like looks a little guilty; a shop is therefore judged by the chance among the others.
    """
    bulk = study.renew(ground.bulk)
    noise = 1.0 + float(ground.unit.max())
    misfit = relative_misfit(*whole_history(bulk, study), noise=noise)
    best = _scan(study, bulk, SCREEN_BINS)
    sampled = np.full(bulk.entities.size, float(ground.unit.any()))
    rough = replace(ground, panel=bulk, sampled=sampled)
    own = own_log_p(rough, Chance(misfit), best, study.totals, np.arange(bulk.entities.size))
    return Chance(misfit, empirical_null(own))


def _scan(study: Study, panel: Panel, bins: int, floor: float = LEAST_EXPECTED) -> Best:
    believed = np.full(panel.entities.size, floor)
    return scan(panel.visits, study.for_scan(), floor=believed, limit=bins, least=LEAST_CASES)


def scan_exact(study: Study, panel: Panel) -> Best:
    """Scan a few entities on the fine grid."""
    return _scan(study, panel, EXACT_BINS)


def own_log_p(ground: Ground, chance: Chance, best: Best, totals: Floats, rows: Ints) -> Floats:
    """Log p of each entity's best window, corrected for windows and periods only."""
    # The expectation of a sample is that of a Poisson count of drawn cards: one unit more than
    # seen (the posterior mean under a flat prior), with the variance of as many units.
    unit = ground.sampled[rows] * ground.unit[best.period]
    expected = best.expected + unit
    extra = chance.misfit * expected**2 + unit * expected
    point = log_tail(best.cases, expected, totals[best.period], extra)
    point = np.where(best.score > 0, point, 0.0)
    span = float(ground.study.clock.end - ground.study.clock.edges[0]) / DAY
    length = best.end - best.start + 1
    return log_any(point, window_trials(best.windows, length, span, ground.study.periods))


def run_log_p(ground: Ground, chance: Chance, best: Best, totals: Floats, rows: Ints) -> Floats:
    """Log p of each entity's best window, corrected for windows, periods and entities."""
    own = own_log_p(ground, chance, best, totals, rows)
    return log_any(chance.null.correct(own), ground.tested)
