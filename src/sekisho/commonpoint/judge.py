"""Judge the suspected entities: strongest first, each by the chance among the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.again import hear_again
from sekisho.commonpoint.explain import judge_use_or_test, look_alikes
from sekisho.commonpoint.levels import Levels
from sekisho.commonpoint.search import (
    Association,
    Chance,
    Ground,
    Limits,
    learn_chance,
    run_log_p,
    scan_exact,
)
from sekisho.commonpoint.settle import Bench, associate, settle
from sekisho.commonpoint.study import Panel, Study
from sekisho.domain.finding import EntityKind, SuspectKind
from sekisho.stats.scan import Best

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HEARINGS_MOST = 60  # associations judged in one run
SUSPECTS_MOST = 100
FAILURES_MOST = 8  # weak ones heard in a row before the rest is believed to be weak too


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was taken, strongest first, the study without explained cases, and its chance."""

    taken: list[Association]
    unexplained: Study
    chance: Chance


@dataclass(frozen=True, slots=True)
class _Rest:
    """The study when the cases ``gone`` have left it, and how chance behaves in it."""

    gone: Ints
    study: Study
    chance: Chance


@dataclass(slots=True)
class _Docket:
    """A judgement under way: which entities are done, and the study of the cases that are left."""

    ground: Ground
    drawn: Panel
    levels: Levels
    study: Study
    panel: Panel
    done: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    owner: Ints
    taken: list[Association]
    usual: Chance  # while the cases of ``study`` count
    best: Best  # the strongest windows in ``panel``
    alpha: float  # natural log of the error of the whole run


def judge(ground: Ground, drawn: Panel, levels: Levels, limits: Limits) -> Judgement:
    """Take associations strongest first; each finding's victims no longer speak for others."""
    study, size = ground.study, ground.panel.entities.size
    first = scan_exact(study, ground.panel)
    docket = _Docket(
        ground, drawn, levels, study, ground.panel, np.zeros(size, bool), np.zeros(size, bool),
        np.full(len(study.spells), -1, np.int64), [], learn_chance(ground, study), first,
        float(np.log(limits.family_wise_error)),
    )  # fmt: skip
    for _ in range(HEARINGS_MOST):
        if docket.done.all() or not _judge_strongest(docket):
            break
    docket.done &= ~docket.failed
    docket.taken += _suspects(docket, docket.usual)
    _name_twins(docket.taken, ground, levels)
    _mark_explained(docket, first, limits)
    _drop_echoes(docket)
    return Judgement(docket.taken, docket.study, docket.usual)


def _judge_strongest(docket: _Docket) -> bool:
    """Judge the strongest entity that is left; False if nothing left can be a finding.

    By the book the strongest may still be weak by the chance among the others; then the next one
    is heard. Once a finding's victims are out, chance is quieter and the weak get heard again.
    """
    ground, study, best = docket.ground, docket.study, docket.best
    by_the_book = _log_p(docket, Chance())
    by_the_book[docket.done] = 0.0
    top = int(np.argmin(by_the_book))
    if best.score[top] <= 0 or by_the_book[top] >= docket.alpha:
        return False
    found = associate(study, docket.panel.select(np.array([top])), best, top, 0.0)
    # Both err upwards: while the victims count, shops that they like look guilty; without them, the
    # background that was fitted to them no longer fits. Chance is no wilder than the milder says.
    rest = study.without(found.spells)
    others = learn_chance(ground, rest)
    said = [(float(_log_p(docket, chance)[top]), chance) for chance in (others, docket.usual)]
    found.log_p, chance = min(said, key=lambda pair: pair[0])
    docket.done[top] = True
    if found.log_p >= docket.alpha:
        docket.failed[top] = True
        return int(docket.failed.sum()) < FAILURES_MOST
    _hear(docket, found, chance, _Rest(found.spells, rest, others))
    return True


def _log_p(docket: _Docket, chance: Chance) -> Floats:
    every = np.arange(docket.panel.entities.size)
    return run_log_p(docket.ground, chance, docket.best, docket.study.totals, every)


def _hear(docket: _Docket, strong: Association, chance: Chance, rest: _Rest) -> None:
    """Settle the level of a strong association and test its innocent explanations."""
    study = docket.study
    found = settle(Bench(docket.ground, study, docket.drawn, docket.levels, chance), strong)
    assert found.panel is not None  # noqa: S101 - every association has a panel of its own
    window = (found.start_day, found.end_day)
    found.use = judge_use_or_test(study, found.panel, window, found.spells, found.expected)
    own = docket.levels.merchants_of(found.entity)
    found.neighbours = look_alikes(study, docket.drawn, found, own)
    raised = found.neighbours.log_p - found.neighbours.plain_log_p
    if found.use.is_use_or_test:
        found.kind = SuspectKind.USE_OR_TEST
    elif found.log_p + raised >= docket.alpha:
        found.kind = SuspectKind.EXPLAINED
    else:
        _take_out(docket, found, rest)
    # Whoever was heard under another level's name is not heard again.
    docket.done |= docket.ground.panel.entities == found.entity
    earlier = [a for a in docket.taken if a.entity == found.entity and a.kind is None]
    if earlier:  # more of a finding: its window was longer
        found = hear_again(docket.ground.study, earlier[0], found)
    docket.taken = [a for a in docket.taken if a.entity != found.entity]
    docket.taken.append(found)


def _take_out(docket: _Docket, found: Association, rest: _Rest) -> None:
    """The victims of a finding leave the study; who looked weak before is heard again."""
    entities = docket.ground.panel.entities
    docket.owner[found.spells] = found.entity
    if not np.array_equal(found.spells, rest.gone):  # another level has other victims
        study = docket.study.without(found.spells)
        rest = _Rest(found.spells, study, learn_chance(docket.ground, study))
    docket.study, docket.usual = rest.study, rest.chance
    docket.panel = docket.study.renew(docket.ground.panel)
    docket.drawn = docket.study.renew(docket.drawn)
    docket.done |= entities == found.entity
    docket.done |= np.isin(entities, [m.merchant for m in found.members])
    docket.done &= ~docket.failed
    docket.failed[:] = False
    docket.best = scan_exact(docket.study, docket.panel)


def _suspects(docket: _Docket, chance: Chance) -> list[Association]:
    """Associations that are not strong enough to ask about, the strongest ones first."""
    study, best = docket.study, docket.best
    log_p = _log_p(docket, chance)
    rows = np.argsort(log_p, kind="stable")
    rows = rows[(log_p[rows] < np.log(0.5)) & (best.score[rows] > 0) & ~docket.done[rows]]
    out = []
    for n, row in enumerate(rows[:SUSPECTS_MOST]):
        panel = docket.panel.select(rows[n : n + 1])
        found = associate(study, panel, best, int(row), float(log_p[row]))
        found.kind = SuspectKind.WEAK
        out.append(found)
    return out


def _name_twins(taken: list[Association], ground: Ground, levels: Levels) -> None:
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
            if entity == found.entity or levels.kind_of(entity) is not levels.kind_of(found.entity):
                continue
            rows = slice(panel.visits.first[number], panel.visits.first[number + 1])
            others = np.unique(panel.visits.spell[rows])
            shared = int(victims[others].sum())
            if shared >= 0.9 * found.spells.size and others.size <= 1.25 * found.exposed.size:
                twins.append(entity)
        found.twins = tuple(twins)


def _mark_explained(docket: _Docket, best: Best, limits: Limits) -> None:
    """Entities that were strong before a finding's victims were taken out: explained by it."""
    ground, study, taken = docket.ground, docket.ground.study, docket.taken
    listed = {a.entity for a in taken if a.kind is not SuspectKind.WEAK}
    listed |= {m.merchant for a in taken if a.kind is None for m in a.members}
    every = np.arange(ground.panel.entities.size)
    log_p = run_log_p(ground, Chance(), best, study.totals, every)
    strong = np.flatnonzero((log_p < np.log(limits.family_wise_error)) & (best.score > 0))
    for row in strong[np.argsort(log_p[strong])]:
        entity = int(ground.panel.entities[row])
        if entity in listed:
            continue
        panel = ground.panel.select(np.array([row]))
        found = associate(study, panel, best, int(row), float(log_p[row]))
        found.kind = SuspectKind.EXPLAINED
        owners = docket.owner[found.spells]
        if (owners >= 0).sum() < 0.5 * owners.size:
            continue
        found.explained_by = int(np.bincount(owners[owners >= 0]).argmax())
        taken[:] = [a for a in taken if a.entity != entity]
        taken.append(found)


def _drop_echoes(docket: _Docket) -> None:
    """Leave out groups that are only suspect because of one listed shop of theirs."""
    shops = [
        set(a.spells.tolist())
        for a in docket.taken
        if docket.levels.kind_of(a.entity) is EntityKind.MERCHANT
    ]

    def is_echo(found: Association) -> bool:
        if found.kind is None or docket.levels.kind_of(found.entity) is EntityKind.MERCHANT:
            return False
        mine = set(found.spells.tolist())
        return any(len(mine & other) >= 0.8 * len(mine) for other in shops)

    docket.taken[:] = [a for a in docket.taken if not is_echo(a)]
