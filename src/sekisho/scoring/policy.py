"""What is done with a score: analysts' rules, and thresholds by amount.

All rules of a policy become one compiled function, so a hundred rules cost about as much as one
call. The strictest answer wins: decline before ask before approve; an ``allow`` rule lifts what
thresholds and ``ask`` rules say, never a ``decline`` rule. Shadow rules are noted and change
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput
from sekisho.scoring.cel import SUBJECTS, Listed, translate
from sekisho.scoring.compiled import compiled, uncached
from sekisho.scoring.slots import Slot

NAMES: Final = {slot.name.lower(): f"v[{slot.value}]" for slot in Slot} | {"score": "score"}
Flags = NDArray[np.uint8]
Fire = Callable[[NDArray[np.float32], float, Flags, Flags], None]
"""(features, score, which lists hold its card, merchant, country; filled: which rules fire)."""


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
class ListEntry:
    """One card_ref, merchant (``ACQUIRER/MERCHANT``) or country on a list, and why.

    ``until``: seconds since 1970, from which on it is not on the list any more; None: for good.
    """

    value: str
    reason: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list that rules may look into: ``merchant in list("trusted")``."""

    name: str
    of: str
    entries: tuple[ListEntry, ...] = ()


class Subject(NamedTuple):
    """What lists are asked about one authorization; countries as ISO 3166 numeric."""

    card_ref: str
    acquirer_id: str
    merchant_id: str
    country: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of the policy; thresholds by rising amount, the last one holds beyond it."""

    version: str
    rules: tuple[Rule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    lists: tuple[NamedList, ...] = ()


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
        self.fire: Fire = _one_function(policy)
        self._fired = np.zeros(max(len(policy.rules), 1), np.uint8)
        self._books = [_book(one) for one in policy.lists]
        self._nowhere = np.zeros(max(len(policy.lists), 1), np.uint8)

    def with_thresholds(self, thresholds: tuple[Threshold, ...]) -> CompiledPolicy:
        """The same rules and lists with other thresholds; nothing is compiled again."""
        policy = replace(self.policy, thresholds=thresholds)
        _check(policy)
        other = copy(self)
        other.policy = policy
        return other

    def listed(self, subject: Subject, at: int) -> Flags:
        """Of each list (at least one entry long), whether it holds the subject at that time."""
        if not self._books:
            return self._nowhere
        told = np.zeros_like(self._nowhere)
        for place, (one, book) in enumerate(zip(self.policy.lists, self._books, strict=True)):
            until = book.get(key_of(one.of, subject), -1)
            told[place] = at < until
        return told

    def decide(
        self,
        vector: NDArray[np.float32],
        score: float,
        amount: int,
        listed: Flags | None = None,
    ) -> Outcome:
        """Judge one authorization by its features, score and amount in minor units.

        ``listed`` is what `listed` says of it; a policy with lists has to be told.
        """
        fired = self._fired
        self.fire(vector, score, self._told(listed), fired)
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

    def _told(self, listed: Flags | None) -> Flags:
        if listed is None and self.policy.lists:
            raise ValueError("this policy has lists, and nobody said who is on them")
        return self._nowhere if listed is None else listed

    def fired_on(
        self,
        vectors: NDArray[np.float32],
        scores: NDArray[np.float64],
        listed: Flags | None = None,
    ) -> Flags:
        """(rows, rules) of 0 and 1: which rule would have fired where; shadow rules too.

        ``listed``: (rows, lists).
        """
        told = np.zeros((len(vectors), len(self._fired)), np.uint8)
        if listed is None:
            listed = np.broadcast_to(self._told(None), (len(vectors), self._nowhere.size))
        _fire_all(self.fire, vectors, scores, np.ascontiguousarray(listed), told)
        return told[:, : len(self.policy.rules)]

    def _by_score(self, score: float, amount: int) -> tuple[bool, bool]:
        if not self.policy.thresholds:
            return False, False
        fitting = (one for one in self.policy.thresholds if amount <= one.up_to)
        held = next(fitting, self.policy.thresholds[-1])
        return score >= held.ask_from, score >= held.decline_from


def key_of(of: str, subject: Subject) -> str:
    """How a list of this kind spells the subject."""
    if of == "card":
        return subject.card_ref
    if of == "merchant":
        return f"{subject.acquirer_id}/{subject.merchant_id}"
    return subject.country


def _book(one: NamedList) -> Mapping[str, int]:
    """Until when each value is on the list."""
    return {entry.value: 1 << 62 if entry.until is None else entry.until for entry in one.entries}


def _check(policy: Policy) -> None:
    for what, names in (
        ("rules", [rule.name for rule in policy.rules]),
        ("lists", [one.name for one in policy.lists]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BadInput(f"two {what} are called {twice[0]!r}.", hint="Give each its own name.")
    for kept in policy.lists:
        if kept.of not in SUBJECTS:
            raise BadInput(
                f"list {kept.name!r} is of {kept.of!r}.", hint=f"Use one of {', '.join(SUBJECTS)}."
            )
        values = [entry.value for entry in kept.entries]
        if len(set(values)) < len(values):
            raise BadInput(
                f"list {kept.name!r} names something twice.", hint="Keep the entry that holds."
            )
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


def _one_function(policy: Policy) -> Fire:
    """One compiled function that says of each rule whether it fires."""
    places = enumerate(policy.lists)
    lists = {one.name: Listed(one.of, f"listed[{place}] == 1") for place, one in places}
    lines = ["def fire(v, score, listed, fired):"]
    for at, rule in enumerate(policy.rules):
        try:
            lines.append(f"    fired[{at}] = 1 if {translate(rule.when, NAMES, lists)} else 0")
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
    listed: Flags,
    told: Flags,
) -> None:
    for row in range(scores.size):
        fire(vectors[row], scores[row], listed[row], told[row])
