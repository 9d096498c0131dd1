"""What is done with a score: analysts' rules, and thresholds by amount.

All rules of a policy become one compiled function, so a hundred rules cost about as much as one
call. The strictest answer wins: decline before ask before approve; an ``allow`` rule lifts what
thresholds and ``ask`` rules say, never a ``decline`` rule. Shadow rules are noted and change
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput
from sekisho.scoring.cel import translate
from sekisho.scoring.compiled import compiled, uncached
from sekisho.scoring.slots import Slot

NAMES: Final = {slot.name.lower(): f"v[{slot.value}]" for slot in Slot} | {"score": "score"}
Fire = Callable[[NDArray[np.float32], float, NDArray[np.uint8]], None]


class Action(StrEnum):
    """What a rule asks for."""

    DECLINE = "decline"
    ASK = "ask"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``when`` is CEL over features and ``score``; ``reason`` is what is told of it."""

    name: str
    when: str
    action: Action
    reason: str = ""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """For amounts up to ``up_to`` (minor units): scores from which to ask, and to decline."""

    up_to: int
    ask_from: float
    decline_from: float


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of the policy; thresholds by rising amount, the last one holds beyond it."""

    version: str
    rules: tuple[Rule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the policy says, and the names of the rules that fired, shadow ones apart.

    ``firm``: a rule declined; no holder's word lifts that.
    """

    decline: bool
    ask: bool
    reasons: tuple[str, ...]
    shadow: tuple[str, ...]
    firm: bool = False


class CompiledPolicy:
    """A policy that was checked and turned into one function. BadInput names the rule at fault."""

    def __init__(self, policy: Policy) -> None:
        _check(policy)
        self.policy = policy
        self.fire: Fire = _one_function(policy.rules)
        self._fired = np.zeros(max(len(policy.rules), 1), np.uint8)

    def decide(self, vector: NDArray[np.float32], score: float, amount: int) -> Outcome:
        """Judge one authorization by its features, score and amount in minor units."""
        fired = self._fired
        self.fire(vector, score, fired)
        live: dict[Action, list[str]] = {action: [] for action in Action}
        shadow = []
        for at in np.flatnonzero(fired[: len(self.policy.rules)]).tolist():
            rule = self.policy.rules[at]
            if rule.shadow:
                shadow.append(rule.name)
            else:
                live[rule.action].append(rule.reason or rule.name)
        ask, decline = self._by_score(score, amount)
        reasons = live[Action.DECLINE] + live[Action.ASK]
        allowed = bool(live[Action.ALLOW])
        refused = bool(live[Action.DECLINE]) or (decline and not allowed)
        asked = (bool(live[Action.ASK]) or ask or decline) and not allowed
        if (ask or decline) and not allowed:
            reasons.append("score")
        if allowed and not refused:
            reasons = live[Action.ALLOW]
        firm = bool(live[Action.DECLINE])
        return Outcome(refused, asked or refused, tuple(reasons), tuple(shadow), firm)

    def fired_on(
        self, vectors: NDArray[np.float32], scores: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """(rows, rules) of 0 and 1: which rule would have fired where; shadow rules too."""
        told = np.zeros((len(vectors), len(self._fired)), np.uint8)
        _fire_all(self.fire, vectors, scores, told)
        return told[:, : len(self.policy.rules)]

    def _by_score(self, score: float, amount: int) -> tuple[bool, bool]:
        if not self.policy.thresholds:
            return False, False
        fitting = (one for one in self.policy.thresholds if amount <= one.up_to)
        held = next(fitting, self.policy.thresholds[-1])
        return score >= held.ask_from, score >= held.decline_from


def _check(policy: Policy) -> None:
    names = [rule.name for rule in policy.rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"two rules are called {twice[0]!r}.", hint="Give each its own name.")
    steps = [one.up_to for one in policy.thresholds]
    if steps != sorted(set(steps)):
        raise BadInput("the thresholds' amounts do not rise.", hint="Order them by up_to.")
    for one in policy.thresholds:
        if not 0 <= one.ask_from <= one.decline_from:
            raise BadInput(
                f"up to {one.up_to}: asking begins at {one.ask_from}, after declining at "
                f"{one.decline_from}.",
                hint="ask_from must not be above decline_from.",
            )


def _one_function(rules: Sequence[Rule]) -> Fire:
    """One compiled function that says of each rule whether it fires."""
    lines = ["def fire(v, score, fired):"]
    for at, rule in enumerate(rules):
        try:
            lines.append(f"    fired[{at}] = 1 if {translate(rule.when, NAMES)} else 0")
        except BadInput as trouble:
            raise BadInput(f"rule {rule.name!r}: {trouble.message}", hint=trouble.hint) from trouble
    lines.append("    return None")
    made: dict[str, Any] = {}
    exec("\n".join(lines), {}, made)  # noqa: S102 - made of checked names, numbers and signs alone
    return uncached(made["fire"])  # type: ignore[no-any-return]


@compiled
def _fire_all(
    fire: Fire,
    vectors: NDArray[np.float32],
    scores: NDArray[np.float64],
    told: NDArray[np.uint8],
) -> None:
    for row in range(scores.size):
        fire(vectors[row], scores[row], told[row])
