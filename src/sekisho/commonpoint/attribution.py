"""Which finding each case belongs to, with its probability: explaining away, card by card.

The search takes findings one after the other, strongest first, and each takes all of its victims
with it. That is right for telling who leaked, and too crude for one card that shopped at two. Here
all findings and the known leaks are weighed against one another and against none of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.findings import EPOCH
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.search import Association
from sekisho.commonpoint.study import Study, exposing
from sekisho.commonpoint.window import rate_at_fraud
from sekisho.domain.history import VisitTable
from sekisho.domain.known_leaks import KnownState, TakenOut
from sekisho.stats.attribution import Causes, posterior, share_out

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ANY_TIME = 0.1  # share of a leak's misuse that lies outside the misuse period it stood out in


@dataclass(frozen=True, slots=True)
class Source:
    """A leak that may have caused a case: visits from ``start`` until before ``end`` expose.

    Each window is (merchant, start, end); ``misuse`` the instants between which its misuse stood
    out.
    """

    windows: tuple[tuple[int, int, int], ...]
    misuse: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Attribution:
    """``cards`` and ``chance``: the exposed cases of one source, and that it caused each."""

    cards: Ints
    chance: Floats

    @property
    def expected(self) -> float:
        """How many cards it is expected to have caused."""
        return float(self.chance.sum())


def attribute(
    study: Study, history: History, found: Sequence[Association], known: Iterable[TakenOut]
) -> list[Attribution]:
    """For each finding the cases among its cards with their probability."""
    if not found:
        return []
    sources = [*(_of_finding(study, one) for one in found), *_of_known(study, history, known)]
    causes, spells = _causes(study, history.visits(), sources)
    event = study.event[spells]
    event[np.isin(spells, study.gone)] = True  # taken out with a known leak, or explained
    touched = causes.density.any(axis=1)
    some = event & touched
    elsewhere = np.bincount(causes.block[event & ~touched], minlength=causes.usual.size)
    shares = share_out(
        Causes(
            causes.density[some], causes.rate[some], causes.block[some], causes.usual,
            causes.exposed, elsewhere.astype(float),
        )
    )  # fmt: skip
    # Cases of a burst that stand for no event of their own are judged by what the others taught.
    chance = posterior(causes, shares.misused, shares.level)
    return [
        _of_cards(study.spells.card[spells], causes.density[:, s] > 0, chance[:, s])
        for s in range(len(found))
    ]


def _of_cards(card: Ints, exposed: NDArray[np.bool_], chance: Floats) -> Attribution:
    """One chance for each card: a card with several episodes has that of its likeliest."""
    cards, place = np.unique(card[exposed], return_inverse=True)
    best = np.zeros(cards.size)
    np.maximum.at(best, place, chance[exposed])
    return Attribution(cards, best)


def _of_finding(study: Study, found: Association) -> Source:
    if len(found.members) == 1 and found.members[0].merchant == found.entity:
        members = [(found.entity, found.start_day, found.end_day)]
    else:
        members = [(m.merchant, m.start_day, m.end_day) for m in found.members]
    windows = tuple((merchant, start * DAY, (end + 1) * DAY) for merchant, start, end in members)
    return Source(windows, study.clock.periods[found.period])


def _of_known(study: Study, history: History, known: Iterable[TakenOut]) -> list[Source]:
    out = []
    whole = int(study.clock.edges[0]), study.clock.end
    for one in known:
        if one.state is not KnownState.TAKEN_OUT:
            continue
        leak = one.leak
        first = (leak.window_start - EPOCH).days * DAY
        end = ((leak.window_end - EPOCH).days + 1) * DAY
        shops = history.shops_of(leak.entity_kind, leak.acquirer, leak.number)
        windows = ((s.merchant, max(first, s.start), min(end, s.end)) for s in shops)
        out.append(Source(tuple(windows), whole))
    return out


def _causes(study: Study, visits: VisitTable, sources: Sequence[Source]) -> tuple[Causes, Ints]:
    """All cases with what could have caused them, and their spells."""
    spells = study.spells
    case = np.flatnonzero(spells.is_case)
    number = np.full(len(spells), -1, np.int64)
    number[case] = np.arange(case.size)
    density = np.zeros((case.size, len(sources)))
    exposed = np.zeros(len(sources))
    span = float(study.clock.end - study.clock.edges[0]) / DAY
    for s, source in enumerate(sources):
        there = exposed_by(study, visits, source)
        card, once = np.unique(spells.card[there], return_index=True)
        exposed[s] = float(study.weight[there[once]].sum()) if card.size else 0.0
        # Who has left the study with a known leak weighs nothing there, and was a card, too.
        exposed[s] += float((study.weight[there[once]] == 0).sum())
        mine = there[number[there] >= 0]
        begin, until = source.misuse
        leave = spells.leave[mine]
        inside = (leave >= begin) & (leave <= until)
        days = max((until - begin) / DAY, 1.0)
        density[number[mine], s] = (1.0 - ANY_TIME) * inside / days + ANY_TIME / span
    edges = study.clock.edges
    block = np.clip(np.searchsorted(edges, spells.leave[case], side="left") - 1, 0, edges.size - 2)
    stay = study.event[case].astype(float)
    usual = np.bincount(block, stay, edges.size - 1).astype(float)
    nobody = np.zeros(edges.size - 1)
    return Causes(density, rate_at_fraud(study, case), block, usual, exposed, nobody), case


def exposed_by(study: Study, visits: VisitTable, source: Source) -> Ints:
    """The spells with a visit in one of the source's windows, before their index time."""
    merchants = np.array([merchant for merchant, _, _ in source.windows], np.int64)
    rows = np.flatnonzero(np.isin(visits.entity, merchants))
    rows = rows[np.argsort(visits.entity[rows], kind="stable")]
    entity = visits.entity[rows]
    kept = [np.zeros(0, np.int64)]
    for merchant, start, end in source.windows:
        here = rows[np.searchsorted(entity, merchant) : np.searchsorted(entity, merchant, "right")]
        kept.append(here[(visits.at[here] >= start) & (visits.at[here] < end)])
    chosen = np.unique(np.concatenate(kept))
    part = VisitTable(
        visits.card[chosen], visits.entity[chosen], visits.at[chosen],
        visits.merchant_initiated[chosen],
    )  # fmt: skip
    return np.unique(exposing(study, part)[1])
