"""The best threshold that each rival could have: tuned on the very worlds it is judged on.

Sekisho's threshold is set in advance. A rival's floor, variant and threshold are those with the
highest recall among all that name nobody in the worlds without a leak, or no innocent shop in any
world. No user could choose them so well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.rivals import blame, likelihood, ratio
from benchmarks.rivals.facts import Facts, Scores

FLOORS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100)
NEVER = -1e300  # the score of nobody

VARIANTS: Mapping[str, Mapping[str, Callable[[Facts], Scores]]] = {
    "plain ratio": {
        "all time": ratio.over_all_time,
        "same days": lambda facts: ratio.on_the_same_days(facts, 1),
        "same weeks": lambda facts: ratio.on_the_same_days(facts, 7),
        "same months": lambda facts: ratio.on_the_same_days(facts, 30),
    },
    "likelihood ratio": {"all time": likelihood.without_windows},
    "alternating EM": {
        "all time": lambda facts: blame.alternating(facts, None),
        "quarters": lambda facts: blame.alternating(facts, 91),
        "months": lambda facts: blame.alternating(facts, 30),
    },
}


@dataclass(frozen=True, slots=True)
class Who:
    """Entities of one history: the leak's members, and where stolen cards are tested or spent."""

    members: tuple[int, ...]
    testers: tuple[int, ...]


def tops(scores: Scores, wanted: np.ndarray) -> list[float]:
    """For each floor, the highest score among the wanted entities with so many cards."""
    mine = wanted[scores.entity]
    count, score = scores.count[mine], scores.score[mine]
    highest = (score[count >= floor].max(initial=NEVER) for floor in FLOORS)
    return [float(value) for value in highest]


def play(facts: Facts, who: Who) -> dict[str, dict[str, list[float]]]:
    """What each variant of each rival makes of one history: see `tops`.

    ``members`` are the leaking shops, ``others`` all the rest, ``told`` the rest without the shops
    where stolen cards are tested or spent (as if somebody had told the rival which those are).
    """
    member = np.zeros(facts.entities, bool)
    member[list(who.members)] = True
    tester = np.zeros(facts.entities, bool)
    tester[list(who.testers)] = True
    sides = {"members": member, "others": ~member, "told": ~member & ~tester}
    out = {}
    for rival, variants in VARIANTS.items():
        for variant, method in variants.items():
            scores = method(facts)
            out[f"{rival}, {variant}"] = {side: tops(scores, of) for side, of in sides.items()}
    return out


@dataclass(frozen=True, slots=True)
class Tuned:
    """A rival at its best: which of the leaks it finds, and where it names others beside."""

    rival: str
    variant: str
    floor: int
    threshold: float
    found: tuple[bool, ...]
    false: int  # leak worlds in which somebody else is named

    @property
    def recall(self) -> float:
        """Share of the leaks that are found."""
        return sum(self.found) / max(len(self.found), 1)


Played = Mapping[str, Mapping[str, Sequence[float]]]


def best_of(
    rival: str, leaks: Sequence[Played], quiet: Sequence[Played], side: str, *, strict: bool
) -> Tuned:
    """The best variant, floor and threshold; ``side`` is ``others`` or ``told``.

    They name nobody in the quiet worlds; ``strict``: and no innocent shop in the others either.
    """
    tried = []
    for variant in VARIANTS[rival]:
        key = f"{rival}, {variant}"
        for at, floor in enumerate(FLOORS):
            judged = (*quiet, *leaks) if strict else quiet
            threshold = max((world[key][side][at] for world in judged), default=NEVER)
            found = tuple(world[key]["members"][at] > threshold for world in leaks)
            false = sum(world[key][side][at] > threshold for world in leaks)
            tried.append(Tuned(rival, variant, floor, threshold, found, false))
    return max(tried, key=lambda tuned: (tuned.recall, -tuned.false, tuned.floor))
