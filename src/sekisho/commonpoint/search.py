"""The search: screen every entity, count the suspected ones exactly, take the strongest first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import block_counts
from sekisho.commonpoint.explain import (
    Neighbourhood,
    UseOrTest,
    judge_use_or_test,
    look_alikes,
)
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.study import Panel, Study, extend_study, join_panels, make_panel
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
NULL_ENTITIES = 3_000  # that the empirical null is learned again from after each finding
VISITORS_MOST = 3_000_000  # visits at suspected shops that one run counts exactly
TESTABLE_VISITORS = 5.0  # a shop with fewer visiting cards can never be found


@dataclass(frozen=True, slots=True)
class Limits:
    """How strong an association must be, and how much work may go into it."""

    family_wise_error: float = 0.001
    suspects_most: int = 30


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was taken, strongest first, and the cases that no finding explains."""

    taken: list[Association]
    unexplained: NDArray[np.bool_]
    ground: Ground


@dataclass(frozen=True, slots=True)
class Ground:
    """What candidates are judged on: a study, their visits, and how exact their counts are.

    ``sampled`` says of each entity of the panel whether its expectation comes from the drawn share
    of the cards; ``unit`` is what one drawn card adds to an expectation, per misuse period.
    """

    study: Study
    panel: Panel
    sampled: NDArray[np.bool_]
    unit: Floats
    tested: int  # entities that could have been found at all
    misfit: float  # variance of the ratio of true to fitted expectation
    null: EmpiricalNull
    bulk: Panel | None = None  # entities, most of them innocent, that the null is learned from


def tested_entities(panel: Panel, study: Study) -> int:
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
    return cases, np.bincount(entity, risk, size)


def sampling_unit(study: Study, share: float) -> Floats:
    """What one drawn card without fraud adds to an expectation on average, per misuse period."""
    if share >= 1.0:
        return np.zeros(study.periods)
    drawn = study.weight > 1.0
    return np.asarray((study.hazard_until - study.hazard_from)[drawn].mean(axis=0) / share, float)


def prepare(
    history: History, study: Study, visits: VisitTable, share: float
) -> tuple[Ground, Best]:
    """Screen every entity; where only a share of cards was drawn, count suspects exactly."""
    panel = make_panel(study, visits)
    tested = tested_entities(panel, study)
    unit = sampling_unit(study, share)
    cases, expected = whole_history(panel, study)
    misfit = relative_misfit(cases, expected, noise=1.0 + float(unit.max()))
    totals = study.totals()
    best = scan(
        panel.visits, study.for_scan(), totals, scale=study.scale(totals),
        floor=np.full(panel.entities.size, LEAST_EXPECTED + float(unit.min())),
        limit=SCREEN_BINS, least=LEAST_CASES,
    )  # fmt: skip
    sampled = np.full(panel.entities.size, share < 1.0)
    rough = Ground(study, panel, sampled, unit, tested, misfit, EmpiricalNull())
    own = own_log_p(rough, best, totals, np.arange(panel.entities.size))
    tried = np.flatnonzero(best.exposed_cases >= LEAST_CASES)
    bulk = tried[:: max(1, tried.size // NULL_ENTITIES)]
    ground = replace(rough, null=empirical_null(own[tried]), bulk=panel.select(bulk))
    enough = SCREEN_P if share >= 1.0 else SCREEN_P_SAMPLED
    chosen = np.flatnonzero((best.score > 0) & (own < enough))
    if share >= 1.0:
        return _narrow(ground, chosen), best
    return _count_exactly(history, ground, chosen[np.argsort(own[chosen])], share), best


def _narrow(ground: Ground, chosen: Ints) -> Ground:
    keep = np.sort(chosen)
    return replace(ground, panel=ground.panel.select(keep), sampled=ground.sampled[keep])


def _count_exactly(history: History, ground: Ground, ranked: Ints, share: float) -> Ground:
    """Bring all visitors of the most suspected entities, as many as the bound allows."""
    lengths = np.diff(ground.panel.visits.first)[ranked] / share
    fits = np.cumsum(lengths) <= VISITORS_MOST
    exact, rough = ranked[fits], ranked[~fits]
    if not exact.size:
        return _narrow(ground, ranked)
    visits = history.add_visitors(ground.panel.entities[exact])
    cards = history.cards()
    known = len(ground.study.cards)
    card, at = history.added_activity()
    counts = block_counts(card - known, at, ground.study.clock.edges, len(cards) - known)
    study = extend_study(ground.study, cards, counts)
    complete = make_panel(study, visits, complete=True)
    # Entities too large to count exactly keep their sampled visits and the sample's error.
    rest = ground.panel.select(np.sort(rough))
    panel = join_panels(complete, rest)
    sampled = np.arange(panel.entities.size) >= complete.entities.size
    return replace(ground, study=study, panel=panel, sampled=sampled)


def judge(ground: Ground, drawn: Panel, limits: Limits) -> Judgement:
    """Take associations strongest first; each finding's victims no longer speak for others."""
    study, panel = ground.study, ground.panel
    event = study.event.copy()
    done = np.zeros(panel.entities.size, bool)
    taken: list[Association] = []
    owner = np.full(len(study.spells), -1, np.int64)
    alpha = np.log(limits.family_wise_error)
    while not done.all():
        totals = study.totals(event)
        left = np.flatnonzero(~done)
        part = panel.select(left)
        best = _scan_exact(study, part, event, totals)
        log_p = run_log_p(ground, best, totals, left)
        top = int(np.argmin(log_p))
        if best.score[top] <= 0 or log_p[top] >= np.log(0.5):
            break
        found = _association(ground, int(left[top]), best, top, float(log_p[top]), event)
        if log_p[top] >= alpha:
            # Nothing more is a finding. The rest are suspects, at their own strength.
            taken += _suspects(ground, best, left, log_p, event)
            break
        done[left[top]] = True
        found.use = judge_use_or_test(study, panel, int(left[top]), found.start_day, found.end_day,
                                      found.spells)  # fmt: skip
        found.neighbours = look_alikes(study, drawn, found, event, totals[found.period])
        if found.use.is_use_or_test:
            found.kind = SuspectKind.USE_OR_TEST
        elif found.neighbours.log_p + (found.log_p - found.neighbours.plain_log_p) >= alpha:
            found.kind = SuspectKind.EXPLAINED
        else:
            event[found.spells] = False
            owner[found.spells] = found.entity
            ground = replace(ground, null=_null_without(ground, event))
        taken.append(found)
    _name_twins(taken, ground)
    _mark_explained(taken, ground, owner, limits)
    return Judgement(taken, event, ground)


def _null_without(ground: Ground, event: NDArray[np.bool_]) -> EmpiricalNull:
    """Learn the null again from the cases that no finding explains.

    A large leak's victims share more than the leaking shop, so while they count every shop that
    they like looks a little guilty.
    """
    if ground.bulk is None:
        return ground.null
    study, bulk = ground.study, ground.bulk
    totals = study.totals(event)
    best = scan(
        bulk.visits, study.for_scan(event), totals, scale=study.scale(totals),
        floor=np.full(bulk.entities.size, LEAST_EXPECTED), limit=SCREEN_BINS, least=LEAST_CASES,
    )  # fmt: skip
    rough = replace(ground, panel=bulk, sampled=np.full(bulk.entities.size, ground.unit.any()))
    own = own_log_p(rough, best, totals, np.arange(bulk.entities.size))
    return empirical_null(own[best.exposed_cases >= LEAST_CASES])


def _scan_exact(study: Study, part: Panel, event: NDArray[np.bool_], totals: Floats) -> Best:
    return scan(
        part.visits, study.for_scan(event), totals, scale=study.scale(totals),
        floor=np.full(part.entities.size, LEAST_EXPECTED), limit=EXACT_BINS, least=LEAST_CASES,
    )  # fmt: skip


def own_log_p(ground: Ground, best: Best, totals: Floats, rows: Ints) -> Floats:
    """Log p of each entity's best window, corrected for windows and periods only."""
    # The expectation of a sample is that of a Poisson count of drawn cards: one unit more than
    # seen (the posterior mean under a flat prior), with the variance of as many units.
    unit = np.where(ground.sampled[rows], ground.unit[best.period], 0.0)
    expected = best.expected + unit
    extra = ground.misfit * expected**2 + unit * expected
    point = log_tail(best.cases, expected, totals[best.period], extra)
    point = np.where(best.score > 0, point, 0.0)
    return log_any(point, window_trials(best.windows, ground.study.periods))


def run_log_p(ground: Ground, best: Best, totals: Floats, rows: Ints) -> Floats:
    """Log p of each entity's best window, corrected for windows, periods and entities."""
    return log_any(ground.null.correct(own_log_p(ground, best, totals, rows)), ground.tested)


def _association(
    ground: Ground, number: int, best: Best, row: int, log_p: float, event: NDArray[np.bool_]
) -> Association:
    """Gather one entity's best window and who is inside it."""
    start, end, period = int(best.start[row]), int(best.end[row]), int(best.period[row])
    visits = ground.panel.visits
    rows = slice(visits.first[number], visits.first[number + 1])
    inside = (visits.day[rows] >= start) & (visits.day[rows] <= end)
    exposed = np.unique(visits.spell[rows][inside])
    study = ground.study
    counted = study.in_period(event, period)[exposed]
    return Association(
        entity=int(ground.panel.entities[number]), start_day=start, end_day=end, period=period,
        cases=int(best.cases[row]), expected=float(best.expected[row]),
        score=float(best.score[row]), log_p=log_p, spells=exposed[counted], exposed=exposed,
    )  # fmt: skip


def _suspects(
    ground: Ground, best: Best, left: Ints, log_p: Floats, event: NDArray[np.bool_]
) -> list[Association]:
    """Associations that are not strong enough to ask about, the strongest ones."""
    rows = np.argsort(log_p)
    rows = rows[(log_p[rows] < np.log(0.5)) & (best.score[rows] > 0)]
    out = []
    for row in rows:
        found = _association(ground, int(left[row]), best, int(row), float(log_p[row]), event)
        found.kind = SuspectKind.WEAK
        out.append(found)
    return out


def _name_twins(taken: list[Association], ground: Ground) -> None:
    """Name the entities that the same victims visited: they cannot be told apart."""
    study, panel = ground.study, ground.panel
    totals_all = {int(e): i for i, e in enumerate(panel.entities)}
    for found in taken:
        if found.kind is not None or found.spells.size == 0:
            continue
        victims = np.zeros(len(study.spells), bool)
        victims[found.spells] = True
        twins = []
        for entity, number in totals_all.items():
            if entity == found.entity:
                continue
            rows = slice(panel.visits.first[number], panel.visits.first[number + 1])
            others = np.unique(panel.visits.spell[rows])
            shared = int(victims[others].sum())
            if shared >= 0.9 * found.spells.size and others.size <= 1.25 * found.exposed.size:
                twins.append(entity)
        found.twins = tuple(twins)


def _mark_explained(taken: list[Association], ground: Ground, owner: Ints, limits: Limits) -> None:
    """Entities that were strong before a finding's victims were taken out: explained by it."""
    study, panel = ground.study, ground.panel
    listed = {a.entity for a in taken if a.kind is not SuspectKind.WEAK}
    totals = study.totals()
    best = _scan_exact(study, panel, study.event, totals)
    log_p = run_log_p(ground, best, totals, np.arange(panel.entities.size))
    strong = np.flatnonzero((log_p < np.log(limits.family_wise_error)) & (best.score > 0))
    for row in strong[np.argsort(log_p[strong])]:
        entity = int(panel.entities[row])
        if entity in listed:
            continue
        found = _association(ground, int(row), best, int(row), float(log_p[row]), study.event)
        found.kind = SuspectKind.EXPLAINED
        owners = owner[found.spells]
        if (owners >= 0).any():
            found.explained_by = int(np.bincount(owners[owners >= 0]).argmax())
        taken[:] = [a for a in taken if a.entity != entity]
        taken.append(found)
