"""At which level the cards leaked: one shop, its operator, its processor or its acquirer.

A group is named only if its other shops show an excess of their own once the strongest shop's
victims are taken out; for large groups that excess must also outlive the second strongest shop
(several unrelated leaks may share a processor). Otherwise the lowest level is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.levels import UPWARD, Levels, merchant_rows
from sekisho.commonpoint.search import (
    Association,
    Chance,
    Ground,
    MemberWindow,
    own_log_p,
    run_log_p,
    scan_exact,
)
from sekisho.commonpoint.study import Panel, Study, regroup
from sekisho.domain.finding import EntityKind
from sekisho.stats.scan import Best

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SIBLINGS_P = np.log(1e-4)  # chance of the other shops' excess, below which the group is named
LARGE = 8  # groups of more shops must show a spread excess
OWN_WINDOW_P = np.log(1e-3)  # chance of a member's own window; weaker ones get the group's
MEMBER_EVIDENCE = -2.0  # log-likelihood ratio below which a shop of the group did not leak
ROUNDS = 4
ADJOINING_DAYS = 14  # windows so close together are parts of one


@dataclass(frozen=True, slots=True)
class Bench:
    """What a level is settled on: the merchants' visits, and the cases that still speak."""

    ground: Ground
    study: Study
    drawn: Panel
    levels: Levels
    chance: Chance


def associate(study: Study, panel: Panel, best: Best, row: int, log_p: float) -> Association:
    """The association of a panel of one entity, whose best window is ``best``'s ``row``."""
    start, end, period = int(best.start[row]), int(best.end[row]), int(best.period[row])
    inside = (panel.visits.day >= start) & (panel.visits.day <= end)
    exposed = np.unique(panel.visits.spell[inside])
    counted = study.in_period(period)[exposed]
    cases, expected = int(best.cases[row]), float(best.expected[row])
    weight = float(panel.visits.weight[inside & (panel.visits.previous < start)].sum())
    entity = int(panel.entities[0])
    return Association(
        entity=entity, start_day=start, end_day=end, period=period, cases=cases,
        expected=expected, score=float(best.score[row]), log_p=log_p,
        spells=exposed[counted], exposed=exposed, panel=panel,
        members=(MemberWindow(entity, start, end, cases, expected, weight),),
    )  # fmt: skip


def settle(bench: Bench, found: Association) -> Association:
    """Name the level of a finding: the finding itself, a shop below it or a group above it."""
    if not bench.levels.tables:
        return found
    lowest = found
    if bench.levels.kind_of(found.entity) is not EntityKind.MERCHANT:
        lowest = _strongest_shop(bench, found)
    merchants = np.array([lowest.entity])
    current, lifted = lowest, False
    rest = bench.study.without(lowest.spells)
    for kind in UPWARD:
        if kind not in bench.levels.tables:
            continue
        group = _group_in_window(bench, kind, merchants, current)
        if group < 0:
            continue
        here, owner, rows = _within(bench, group)
        others = rows[~np.isin(owner[rows], merchants)]
        if not _others_leaked(here, rest, others, owner):
            continue
        current = _of_group(here, rows, group, owner)
        lifted = True
        merchants = np.unique(owner[rows])
        rest = bench.study.without(current.spells)
    if not lifted and lowest is not found and lowest.log_p > found.log_p + np.log(1e3):
        here, owner, rows = _within(bench, found.entity)
        return _of_group(here, rows, found.entity, owner)
    return current


def _within(bench: Bench, group: int) -> tuple[Bench, Ints, Ints]:
    """The bench with the visits of a group's shops only, their shops, and the group's rows."""
    drawn = _visits_at(bench.drawn, bench.levels.merchants_of(group))
    owner = merchant_rows(drawn)
    kind = bench.levels.kind_of(group)
    rows = np.flatnonzero(bench.levels.group_of(kind, owner, drawn.at) == group)
    return replace(bench, drawn=drawn), owner, rows


def _visits_at(drawn: Panel, merchants: Ints) -> Panel:
    return drawn.select(np.flatnonzero(np.isin(drawn.entities, merchants)))


def _strongest_shop(bench: Bench, found: Association) -> Association:
    """The shop of a group with the strongest excess of its own."""
    here, owner, rows = _within(bench, found.entity)
    panel = _visits_at(here.drawn, np.unique(owner[rows]))
    best, log_p = _scan(bench, panel)
    top = int(np.argmin(log_p))
    return associate(bench.study, panel.select(np.array([top])), best, top, float(log_p[top]))


def _scan(bench: Bench, panel: Panel) -> tuple[Best, Floats]:
    """Best windows of a panel of drawn visits, and their log p over the whole run."""
    best = scan_exact(bench.study, panel)
    sampled = np.full(panel.entities.size, float(bench.ground.unit.any()))
    here = replace(bench.ground, panel=panel, sampled=sampled)
    every = np.arange(panel.entities.size)
    return best, run_log_p(here, bench.chance, best, bench.study.totals, every)


def _group_in_window(bench: Bench, kind: EntityKind, merchants: Ints, current: Association) -> int:
    """The group that the current shops belonged to when their victims were there, or -1."""
    drawn = _visits_at(bench.drawn, merchants)
    day = drawn.visits.day
    here = np.flatnonzero((day >= current.start_day) & (day <= current.end_day))
    seen = bench.levels.group_of(kind, merchant_rows(drawn)[here], drawn.at[here])
    seen = seen[seen >= 0]
    return int(np.bincount(seen).argmax()) if seen.size else -1


def _others_leaked(bench: Bench, rest: Study, rows: Ints, owner: Ints) -> bool:
    """Whether the other shops of a group show an excess that is not one shop's alone.

    ``rest`` is the study without the victims that are explained already.
    """
    if not _excess(bench, rest, rows):
        return False
    shops = np.unique(owner[rows])
    if shops.size <= LARGE:
        return True
    panel = rest.renew(_visits_at(bench.drawn, shops))
    best = scan_exact(rest, panel)
    top = int(np.argmax(best.score))
    strongest = associate(rest, panel.select(np.array([top])), best, top, 0.0)
    fewer = rest.without(strongest.spells)
    return _excess(bench, fewer, rows[owner[rows] != strongest.entity])


def _excess(bench: Bench, study: Study, rows: Ints) -> bool:
    """Whether some visits taken together show more misuse than chance allows."""
    if not rows.size:
        return False
    panel = study.renew(regroup(bench.drawn, rows, 0))
    best = scan_exact(study, panel)
    here = replace(bench.ground, panel=panel, sampled=np.full(1, float(bench.ground.unit.any())))
    own = own_log_p(here, bench.chance, best, study.totals, np.zeros(1, np.int64))
    return bool(own[0] < SIBLINGS_P)


def _of_group(bench: Bench, rows: Ints, group: int, owner: Ints) -> Association:
    """The association of a whole group, with the members that leaked and their own windows."""
    study = bench.study
    panel = regroup(bench.drawn, rows, group)
    best, log_p = _scan(bench, panel)
    whole = _widened(bench, panel, associate(study, panel, best, 0, float(log_p[0])))
    members = _members(bench, rows, owner, whole)
    inside = np.zeros(owner.size, bool)
    day = bench.drawn.visits.day
    for member in members:
        mine = rows[owner[rows] == member.merchant]
        inside[mine[(day[mine] >= member.start_day) & (day[mine] <= member.end_day)]] = True
    exposed = np.unique(bench.drawn.visits.spell[inside])
    spells = exposed[study.in_period(whole.period)[exposed]]
    # A card that went to several of the shops counts once, from its first visit on.
    union = regroup(bench.drawn, np.flatnonzero(inside), group)
    return replace(
        whole,
        members=members,
        start_day=min(m.start_day for m in members),
        end_day=max(m.end_day for m in members),
        exposed=exposed,
        spells=spells,
        cases=int(spells.size),
        expected=expected_in_period(study, union, union.ever_first, whole.period),
    )


def _widened(bench: Bench, panel: Panel, whole: Association) -> Association:
    """The group with a window that also holds what is left of its excess beside it.

    The strongest pair of window and misuse period may be a part of the leak only, where a past span
    stands out more than all time: the rest is then found without that part's victims.
    """
    gone = whole.spells
    for _ in range(ROUNDS):
        study = bench.study.without(gone)
        rest = study.renew(panel)
        best = scan_exact(study, rest)
        here = replace(bench.ground, panel=rest, sampled=np.full(1, float(bench.ground.unit.any())))
        own = own_log_p(here, bench.chance, best, study.totals, np.zeros(1, np.int64))
        if best.score[0] <= 0 or own[0] >= OWN_WINDOW_P:
            break
        more = associate(study, rest, best, 0, 0.0)
        gone = np.union1d(gone, more.spells)
        beside = max(ADJOINING_DAYS, (whole.end_day - whole.start_day) // 2)
        if more.start_day > whole.end_day + beside or more.end_day < whole.start_day - beside:
            continue  # another story: a shop of the group with a window of its own
        whole = replace(
            whole,
            start_day=min(whole.start_day, more.start_day),
            end_day=max(whole.end_day, more.end_day),
            period=study.clock.covering(whole.period, more.period),
        )
    return whole


def expected_in_period(study: Study, panel: Panel, rows: NDArray[np.bool_], period: int) -> float:
    """Cases expected in a misuse period of the cards whose exposure begins with some visits."""
    visits = panel.visits
    spell = visits.spell[rows]
    risk = study.hazard_until[spell, period] - np.maximum(
        visits.hazard[rows], study.hazard_from[spell, period]
    )
    scale = float(study.scale[period])
    return float((visits.weight[rows] * np.maximum(risk, 0.0)).sum()) * scale


def _members(bench: Bench, rows: Ints, owner: Ints, whole: Association) -> tuple[MemberWindow, ...]:
    """The shops of the group whose counts fit a leak better than none, each with its window."""
    shops = []
    for merchant in np.unique(owner[rows]):
        mine = regroup(bench.drawn, rows[owner[rows] == merchant], int(merchant))
        shops.append(_member(bench, mine, whole))
    leaking = [True] * len(shops)
    for _ in range(ROUNDS):
        k = sum(m.cases for m, is_in in zip(shops, leaking, strict=True) if is_in)
        e = sum(m.expected for m, is_in in zip(shops, leaking, strict=True) if is_in)
        n = sum(m.exposed for m, is_in in zip(shops, leaking, strict=True) if is_in)
        rate = max((k - e) / max(n, 1.0), 1e-9)
        leaking = [
            m.cases * np.log1p(rate * m.exposed / max(m.expected, 1e-9)) - rate * m.exposed
            > MEMBER_EVIDENCE
            and m.exposed > 0
            for m in shops
        ]
    kept = tuple(m for m, is_in in zip(shops, leaking, strict=True) if is_in)
    return kept or tuple(shops)


def _member(bench: Bench, panel: Panel, whole: Association) -> MemberWindow:
    """One shop of a group: its own window where its victims show one, else the group's."""
    study = bench.study
    merchant = int(panel.entities[0])
    best = scan_exact(study, panel)
    start, end, period = whole.start_day, whole.end_day, whole.period
    here = replace(bench.ground, panel=panel, sampled=np.full(1, float(bench.ground.unit.any())))
    own = own_log_p(here, bench.chance, best, study.totals, np.zeros(1, np.int64))
    if own[0] < OWN_WINDOW_P:
        start, end, period = int(best.start[0]), int(best.end[0]), int(best.period[0])
        gap = max(1, round((end - start) / int(best.cases[0])))
        start, end = start - gap, end + gap
    # No window reaches beyond the history, or the days on which the shop belonged to the group.
    since, until = bench.levels.tenure(whole.entity, merchant)
    start = max(start, since // DAY, int(study.clock.edges[0] // DAY))
    end = min(end, until // DAY, int(study.clock.end // DAY) - 1)
    visits = panel.visits
    inside = (visits.day >= start) & (visits.day <= end) & (visits.previous < start)
    spell = visits.spell[inside]
    expected = expected_in_period(study, panel, inside, period)
    card = study.spells.card[spell]
    cases = int(np.unique(card[study.in_period(period)[spell]]).size)
    _, once = np.unique(card, return_index=True)  # a card may come back after an earlier fraud
    exposed = float(visits.weight[inside][once].sum())
    return MemberWindow(merchant, start, end, cases, expected, exposed)
