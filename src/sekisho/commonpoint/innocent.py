"""The innocent explanations of a finding as they are reported: each with the test behind it.

An explanation is listed only where it was tested, with the numbers of its test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.search import USUAL_CASES, Association, Chance, Ground, whole_history
from sekisho.commonpoint.study import Study, own_fraud_keys
from sekisho.domain.finding import Explanation, SuspectKind
from sekisho.stats.tails import log_tail

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CLEAR = 0.05  # chance below which an excess remains
LEAST_PLACES = 30  # other places from which their spread can be told
LEAST_P = 1e-300


@dataclass(frozen=True, slots=True)
class Exposed:
    """The exposed spells of an association, each with what is expected of it.

    ``activity``, ``product`` and ``area`` are its levels at its first visit in the window.
    """

    spell: Ints
    victim: NDArray[np.bool_]
    expected: Floats
    weight: Floats
    activity: Ints
    product: Ints
    area: Ints


def exposed_of(study: Study, found: Association) -> Exposed:
    """The exposed spells, with expectations of the association's misuse period."""
    assert found.panel is not None  # noqa: S101 - every association has a panel of its own
    panel = study.renew(found.panel)
    visits = panel.visits
    inside = (visits.day >= found.start_day) & (visits.day <= found.end_day)
    heads = np.flatnonzero(inside & (visits.previous < found.start_day))
    spell = visits.spell[heads]
    since = np.maximum(visits.hazard[heads], study.hazard_from[spell, found.period])
    risk = np.maximum(study.hazard_until[spell, found.period] - since, 0.0)
    victim = np.zeros(len(study.spells), bool)
    victim[found.spells] = True
    edges = study.clock.edges
    block = np.clip(np.searchsorted(edges, panel.at[heads], "right") - 1, 0, edges.size - 2)
    cell = study.cell[spell, block].astype(np.int64)
    activity, _, product, area = np.unravel_index(cell, study.matching.sizes)
    weight = visits.weight[heads]
    return Exposed(
        spell, victim[spell], weight * risk * study.scale[found.period], weight,
        activity, product, area,
    )  # fmt: skip


def explanations_of(
    found: Association, ground: Ground, chance: Chance, alpha: float, source: str | None
) -> tuple[Explanation, ...]:
    """Each innocent explanation that was tested, with its figures.

    ``alpha`` is what a finding needs; ``source`` names the finding that explains this one.
    """
    exposed = exposed_of(ground.study, found)
    tests = (
        _busy_cards(exposed),
        _without_the_worst("product", exposed, exposed.product),
        _without_the_worst("home_area", exposed, exposed.area),
        _own_fraud(ground.study, found, exposed),
        _overdispersion(found, ground, chance, alpha),
        _burst(ground.study, found),
        _neighbours(found),
        _use_or_test(found),
    )
    out = [test for test in tests if test is not None]
    if source is not None:
        out.append(Explanation("other_finding", excluded=False, figures={"finding": source}))
    return tuple(out)


def _remaining(name: str, exposed: Exposed, keep: NDArray[np.bool_]) -> Explanation:
    """Whether the excess remains among some of the exposed cards."""
    observed = int(exposed.victim[keep].sum())
    expected = float(exposed.expected[keep].sum())
    # Drawn cards stand for a broken number of others; chance counts whole ones.
    cards = max(round(float(exposed.weight[keep].sum())), observed, 1)
    p = float(np.exp(log_tail(observed, max(expected, 1e-9), cards, 0.0)))
    figures = {
        "observed": observed,
        "expected": round(expected, 2),
        "p_value": max(p if observed else 1.0, LEAST_P),
    }
    return Explanation(name, excluded=bool(observed and p < CLEAR), figures=figures)


def _busy_cards(exposed: Exposed) -> Explanation | None:
    """Busyness that made the excess would leave none among the less busy half of the cards."""
    if not exposed.spell.size:
        return None
    order = np.argsort(exposed.activity, kind="stable")
    running = np.cumsum(exposed.weight[order])
    middle = exposed.activity[order][int(np.searchsorted(running, running[-1] / 2))]
    keep = exposed.activity <= middle
    return None if keep.all() else _remaining("busy_cards", exposed, keep)


def _without_the_worst(name: str, exposed: Exposed, level: Ints) -> Explanation | None:
    """An attack on one product, or one area, would leave no excess among the others."""
    if np.unique(level).size < 2:
        return None
    beyond = np.bincount(level, exposed.victim - exposed.expected)
    return _remaining(name, exposed, level != int(beyond.argmax()))


def _own_fraud(study: Study, found: Association, exposed: Exposed) -> Explanation | None:
    """Cards whose fraud was reported at the place itself do not count there; the excess is others'.

    Not tested where no report names its place.
    """
    if not (study.frauds.entity >= 0).any():
        return None
    places = np.array([member.merchant for member in found.members] or [found.entity])
    keys = own_fraud_keys(study.frauds)
    own = np.unique((keys >> 32)[np.isin(keys & ((1 << 32) - 1), places)])
    told = _remaining("own_fraud", exposed, np.ones(exposed.spell.size, bool))
    return Explanation("own_fraud", told.excluded, {"own_cards": int(own.size), **told.figures})


def _overdispersion(
    found: Association, ground: Ground, chance: Chance, alpha: float
) -> Explanation | None:
    """The chance with the unevenness of other places in it; not told from too few places."""
    _, expected = whole_history(ground.bulk, ground.study)
    places = int((expected >= USUAL_CASES).sum())
    if places < LEAST_PLACES:
        return None
    p = float(np.exp(found.log_p))
    figures = {
        "places": places,
        "relative_spread": round(float(np.sqrt(chance.misfit)), 3),
        "stretch": round(chance.null.stretch, 2),
        "p_value": max(p, LEAST_P),
    }
    return Explanation("overdispersion", excluded=p < alpha, figures=figures)


def _burst(study: Study, found: Association) -> Explanation:
    burst = int((study.spells.burst[found.spells] >= 0).sum())
    return Explanation(
        "burst",
        excluded=burst < 0.5 * max(found.spells.size, 1),
        figures={"cards_in_bursts": burst},
    )


def _neighbours(found: Association) -> Explanation | None:
    if found.neighbours is None:
        return None
    near = found.neighbours
    return Explanation(
        "neighbours",
        excluded=found.kind is not SuspectKind.EXPLAINED,
        figures={"shops": near.shops, "cases": near.cases, "expected": round(near.expected, 2)},
    )


def _use_or_test(found: Association) -> Explanation | None:
    if found.use is None:
        return None
    return Explanation(
        "use_or_test",
        excluded=not found.use.is_use_or_test,
        figures={
            "cases": found.use.cases,
            "first_visit_within_a_week": found.use.short,
            "median_lag_days": round(found.use.median_lag_hours / 24, 1),
            "new_visitors_misused_percent": round(100 * found.use.misused_at_once, 1),
        },
    )
