"""Shops that look like one leak although no file says that they belong together.

A theft at an operator or at a service that many shops use shows as several shops whose stolen cards
come into use on the same days, or that leak on the same days. A proposal is a reason to ask
whether the shops have something in common, never an assertion.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import DAY
from sekisho.commonpoint.levels import Levels
from sekisho.commonpoint.search import Association
from sekisho.commonpoint.study import Study
from sekisho.domain.finding import CommonSign, EntityKind, Finding, ProposedGroup

Floats = NDArray[np.float64]

CHANCE = 0.01
"""Of a run: how likely two unrelated leaks may agree as well as two shops that are proposed."""
MISUSE_AT = (0.1, 0.5)
"""Shares of the victims: when the misuse began, and its middle. The end is not known yet."""
SIGNS = 2
_NEVER = 1.0


def propose_groups(
    study: Study, levels: Levels, found: Sequence[tuple[Association, Finding]]
) -> tuple[ProposedGroup, ...]:
    """Groups of shops, each a finding of its own, whose leaks agree in time; the clearest first.

    Of two unrelated leaks each date is taken to fall anywhere in the history, so the chance that
    two agree within d days is (2 d + 1) / days, and that both of two dates do is the product; the
    better of the two signs counts, corrected for signs and pairs. Shops that share a known group
    were judged with it already and are not proposed again.
    """
    shops = [pair for pair in found if pair[1].entity_kind is EntityKind.MERCHANT]
    days = float(study.clock.end - study.clock.edges[0]) / DAY
    told = [_dates(study, one, finding) for one, finding in shops]
    pairs = list(combinations(range(len(shops)), 2))
    links = []
    for a, b in pairs:
        if _known_together(levels, shops[a][0].entity, shops[b][0].entity):
            continue
        by_sign = {sign: agreement(told[a][sign], told[b][sign], days) for sign in CommonSign}
        sign = min(by_sign, key=lambda one: by_sign[one])
        chance = min(_NEVER, by_sign[sign] * SIGNS * len(pairs))
        if chance < CHANCE:
            links.append((chance, sign, a, b))
    return _joined(links, [finding.entity_id for _, finding in shops])


def agreement(one: Floats, other: Floats, days: float) -> float:
    """The chance that two unrelated leaks agree as well in each of their dates (days)."""
    each = (2.0 * np.abs(one - other) + 1.0) / max(days, 1.0)
    return float(np.minimum(each, 1.0).prod())


def _dates(study: Study, found: Association, finding: Finding) -> dict[CommonSign, Floats]:
    """When the stolen cards came into use, and when the shop leaked, as days."""
    used = np.quantile(study.spells.leave[found.spells], MISUSE_AT) / DAY
    window = np.array([finding.window_start.toordinal(), finding.window_end.toordinal()], float)
    return {CommonSign.MISUSE: np.asarray(used, float), CommonSign.WINDOW: window}


def _known_together(levels: Levels, one: int, other: int) -> bool:
    for table in levels.tables.values():
        mine = table.group[table.merchant == one]
        if np.isin(table.group[table.merchant == other], mine).any():
            return True
    return False


def _joined(
    links: Sequence[tuple[float, CommonSign, int, int]], ids: Sequence[str]
) -> tuple[ProposedGroup, ...]:
    """Shops that are linked, directly or by others; a group's chance is its weakest link's."""
    group = list(range(len(ids)))
    weakest = [0.0] * len(ids)
    signs: list[set[CommonSign]] = [set() for _ in ids]
    for chance, sign, a, b in sorted(links):
        keep, gone = group[a], group[b]
        if keep == gone:
            continue
        group = [keep if number == gone else number for number in group]
        weakest[keep] = max(weakest[keep], weakest[gone], chance)
        signs[keep] |= signs[gone] | {sign}
    made = [
        ProposedGroup(
            members=tuple(name for name, mine in zip(ids, group, strict=True) if mine == number),
            signs=tuple(sorted(signs[number])),
            p_value=weakest[number],
        )
        for number in dict.fromkeys(group)
        if group.count(number) > 1
    ]
    return tuple(sorted(made, key=lambda one: one.p_value))
