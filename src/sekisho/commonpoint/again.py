"""A shop that is heard twice: what is left of it once its first finding's victims are out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sekisho.commonpoint.search import Association
from sekisho.commonpoint.settle import expected_in_period
from sekisho.commonpoint.study import Study


def hear_again(study: Study, first: Association, more: Association) -> Association:
    """The finding ``first``, widened by a further window ``more`` of the same entity.

    ``study`` is the one before any finding's victims left. Both windows become one, and so do
    their misuse periods: the shortest that holds both. A group keeps its first finding, since its
    members have windows of their own.
    """
    if len(first.members) != 1 or more.kind is not None or first.panel is None:
        return first
    start, end = min(first.start_day, more.start_day), max(first.end_day, more.end_day)
    period = study.clock.covering(first.period, more.period)
    panel = study.renew(first.panel)
    inside = (panel.visits.day >= start) & (panel.visits.day <= end)
    heads = inside & (panel.visits.previous < start)
    exposed = np.unique(panel.visits.spell[inside])
    spells = exposed[study.in_period(period)[exposed]]
    expected = expected_in_period(study, panel, heads, period)
    member = replace(
        first.members[0], start_day=start, end_day=end, cases=int(spells.size), expected=expected,
        exposed=float(panel.visits.weight[heads].sum()),
    )  # fmt: skip
    return replace(
        first, start_day=start, end_day=end, period=period, cases=int(spells.size),
        expected=expected, spells=spells, exposed=exposed, members=(member,),
    )  # fmt: skip
