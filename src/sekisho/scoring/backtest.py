"""What a policy would have done: what it would have caught, and whom it would have insulted.

Definitions differ between houses, so they are said here. *Flagged*: declined or asked. *Caught*: a
fraud that is flagged. *Value detection*: amount of the frauds caught over the amount of all frauds.
*Value stopped*: the amount of a card's frauds from its first flagged fraud on, since the card is
stopped then. *Insult rate*: genuine purchases flagged, over genuine ones. *False positives per
fraud*: genuine purchases flagged for each fraud flagged. *Account detection*: defrauded cards of
which a fraud was flagged, over defrauded cards. *Alert rate*: flagged over all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.policy import Action, CompiledPolicy, Policy

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BY_SCORE: Final = "score"
"""What thresholds are called among the rules."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Purchases that were judged, as columns of equal length in the order of time."""

    at: Ints
    card: NDArray[np.int32]
    amount: Ints
    fraud: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a policy says of each purchase.

    ``fired``: (rows, rules), shadow rules too; ``by_score``: the thresholds flag it.
    """

    decline: Bools
    ask: Bools
    fired: NDArray[np.uint8]
    by_score: Bools

    @property
    def flagged(self) -> Bools:
        """Declined or asked."""
        return self.decline | self.ask


@dataclass(frozen=True, slots=True)
class Sums:
    """What some flags do, in counts and in minor units; rates follow from them."""

    purchases: int
    flagged: int
    declined: int
    frauds: int
    frauds_caught: int
    value: int
    value_caught: int
    value_stopped: int
    genuine_declined: int
    genuine_asked: int
    cards_defrauded: int
    cards_caught: int
    cards_insulted: int

    @property
    def genuine(self) -> int:
        """Purchases that were not fraud."""
        return self.purchases - self.frauds

    @property
    def genuine_flagged(self) -> int:
        """Genuine purchases declined or asked."""
        return self.genuine_declined + self.genuine_asked

    @property
    def rates(self) -> dict[str, float | None]:
        """The figures of the trade; None where there is nothing to divide by."""
        return {
            "alert_rate": _share(self.flagged, self.purchases),
            "fraud_detection": _share(self.frauds_caught, self.frauds),
            "value_detection": _share(self.value_caught, self.value),
            "value_stopped": _share(self.value_stopped, self.value),
            "account_detection": _share(self.cards_caught, self.cards_defrauded),
            "false_positives_per_fraud": _share(self.genuine_flagged, self.frauds_caught),
            "insult_rate": _share(self.genuine_flagged, self.genuine),
        }


@dataclass(frozen=True, slots=True)
class RuleSums:
    """One rule, or the thresholds (`BY_SCORE`): what it says, and what nobody else says.

    ``alone``: of purchases that nothing else that is live flags.
    """

    name: str
    action: str
    shadow: bool
    fired: int
    frauds: int
    value: int
    genuine: int
    alone_frauds: int
    alone_value: int
    alone_genuine: int


@dataclass(frozen=True, slots=True)
class Versus:
    """Where two policies differ: frauds and genuine purchases that only one of them flags."""

    frauds_gained: int
    value_gained: int
    frauds_lost: int
    value_lost: int
    genuine_newly_flagged: int
    genuine_set_free: int
    newly_declined: int
    no_longer_declined: int


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def decide_all(
    policy: CompiledPolicy,
    vectors: NDArray[np.float32],
    score: Floats,
    amount: Ints,
    listed: NDArray[np.uint8] | None = None,
) -> Decisions:
    """What `CompiledPolicy.decide` says of each row, all at once."""
    fired = policy.fired_on(vectors, score, listed)
    live = {
        action: _any(fired, policy.policy, action)
        for action in (Action.DECLINE, Action.ASK, Action.ALLOW)
    }
    ask_from, decline_from = thresholds_for(policy.policy, amount)
    ask, decline = score >= ask_from, score >= decline_from
    allowed = live[Action.ALLOW]
    refused = live[Action.DECLINE] | (decline & ~allowed)
    asked = (live[Action.ASK] | ask | decline) & ~allowed & ~refused
    return Decisions(refused, asked, fired, (ask | decline) & ~allowed)


def _any(fired: NDArray[np.uint8], policy: Policy, action: Action) -> Bools:
    places = [
        at for at, rule in enumerate(policy.rules) if rule.action is action and not rule.shadow
    ]
    return np.asarray(fired[:, places].any(axis=1))


def thresholds_for(policy: Policy, amount: Ints) -> tuple[Floats, Floats]:
    """From which score each amount is asked about, and declined; infinity without thresholds."""
    if not policy.thresholds:
        never = np.full(amount.size, np.inf)
        return never, never
    steps = np.array([one.up_to for one in policy.thresholds])
    place = np.minimum(np.searchsorted(steps, amount), steps.size - 1)
    return (
        np.array([one.ask_from for one in policy.thresholds])[place],
        np.array([one.decline_from for one in policy.thresholds])[place],
    )


def joined(parts: list[Decisions]) -> Decisions:
    """The decisions of parts that follow one another."""
    return Decisions(
        np.concatenate([one.decline for one in parts]),
        np.concatenate([one.ask for one in parts]),
        np.concatenate([one.fired for one in parts]),
        np.concatenate([one.by_score for one in parts]),
    )


def sums(of: Judged, told: Decisions, rows: Bools | None = None) -> Sums:
    """The sums over all rows, or over some."""
    chosen = np.ones(of.at.size, bool) if rows is None else rows
    fraud, flagged = (of.fraud > 0) & chosen, told.flagged & chosen
    genuine = ~(of.fraud > 0) & chosen
    caught = fraud & flagged
    defrauded, insulted = np.unique(of.card[fraud]), np.unique(of.card[genuine & flagged])
    return Sums(
        purchases=int(chosen.sum()),
        flagged=int(flagged.sum()),
        declined=int((told.decline & chosen).sum()),
        frauds=int(fraud.sum()),
        frauds_caught=int(caught.sum()),
        value=int(of.amount[fraud].sum()),
        value_caught=int(of.amount[caught].sum()),
        value_stopped=int(of.amount[_from_first(of, fraud, caught)].sum()),
        genuine_declined=int((genuine & told.decline).sum()),
        genuine_asked=int((genuine & told.ask).sum()),
        cards_defrauded=int(defrauded.size),
        cards_caught=int(np.unique(of.card[caught]).size),
        cards_insulted=int(insulted.size),
    )


def _from_first(of: Judged, fraud: Bools, caught: Bools) -> Bools:
    """Frauds of cards from the first caught one on."""
    first = np.full(int(of.card.max(initial=-1)) + 1, of.at.size, np.int64)
    places = np.flatnonzero(caught)
    np.minimum.at(first, of.card[places], places)
    return np.asarray(fraud & (np.arange(of.at.size) >= first[of.card]))


def by_rule(of: Judged, told: Decisions, policy: Policy) -> tuple[RuleSums, ...]:
    """What each rule flags, and what it flags alone; the thresholds last. Allow rules lift flags.

    An allow rule's ``alone`` is what would be flagged without it.
    """
    fraud = of.fraud > 0
    named = [(rule.name, rule.action.value, rule.shadow) for rule in policy.rules]
    flags = [told.fired[:, at] > 0 for at in range(len(named))]
    if policy.thresholds:
        named.append((BY_SCORE, "ask", False))
        flags.append(told.by_score)
    counts = np.zeros(of.at.size, np.int64)
    for (_, action, shadow), fired in zip(named, flags, strict=True):
        if not shadow and action != Action.ALLOW:
            counts += fired
    lines = []
    for (name, action, shadow), fired in zip(named, flags, strict=True):
        others = counts - fired if not shadow and action != Action.ALLOW else counts
        alone = fired & (others == 0)
        if action == Action.ALLOW:
            alone = fired & (others > 0) & ~told.flagged
        lines.append(
            RuleSums(
                name, action, shadow,
                int(fired.sum()), int((fired & fraud).sum()), int(of.amount[fired & fraud].sum()),
                int((fired & ~fraud).sum()), int((alone & fraud).sum()),
                int(of.amount[alone & fraud].sum()), int((alone & ~fraud).sum()),
            )
        )  # fmt: skip
    return tuple(lines)


def versus(of: Judged, before: Decisions, after: Decisions) -> Versus:
    """What changes from one policy (or model) to another on the same purchases."""
    fraud = of.fraud > 0
    gained = after.flagged & ~before.flagged
    lost = before.flagged & ~after.flagged
    return Versus(
        frauds_gained=int((gained & fraud).sum()),
        value_gained=int(of.amount[gained & fraud].sum()),
        frauds_lost=int((lost & fraud).sum()),
        value_lost=int(of.amount[lost & fraud].sum()),
        genuine_newly_flagged=int((gained & ~fraud).sum()),
        genuine_set_free=int((lost & ~fraud).sum()),
        newly_declined=int((after.decline & ~before.decline).sum()),
        no_longer_declined=int((before.decline & ~after.decline).sum()),
    )
