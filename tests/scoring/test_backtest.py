"""Back-tests: the sums equal slow and obvious ones, and say what one-by-one decisions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.scoring.backtest import BY_SCORE, Judged, by_rule, decide_all, sums, versus
from sekisho.scoring.policy import (
    Action,
    CompiledPolicy,
    ListEntry,
    NamedList,
    Policy,
    Rule,
    Threshold,
)
from sekisho.scoring.slots import WIDTH, Slot

POLICY = Policy(
    "1",
    (
        Rule("night", "hour <= 4.0", Action.ASK),
        Rule("burst", "card_count_10m >= 4.0", Action.DECLINE),
        Rule("trusted", 'merchant in list("trusted")', Action.ALLOW),
        Rule("tried", "card_test_ratio > 2.0", Action.DECLINE, shadow=True),
    ),
    (Threshold(100, 0.6, 0.9), Threshold(10**12, 0.3, 0.7)),
    (NamedList("trusted", "merchant", (ListEntry("A/1"),)),),
)
COMPILED = CompiledPolicy(POLICY)
OTHER = CompiledPolicy(Policy("2", (), (Threshold(10**12, 0.5, 0.8),)))


def rows(seed: int, count: int) -> tuple[Judged, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vectors = np.zeros((count, WIDTH), np.float32)
    for slot, high in ((Slot.HOUR, 24), (Slot.CARD_COUNT_10M, 6), (Slot.CARD_TEST_RATIO, 4)):
        vectors[:, slot] = rng.integers(0, high, count)
    judged = Judged(
        np.arange(count), rng.integers(0, 6, count).astype(np.int32),
        rng.integers(1, 200, count), (rng.random(count) < 0.3).astype(np.int8),
    )  # fmt: skip
    listed = (rng.random((count, 1)) < 0.3).astype(np.uint8)
    return judged, vectors, rng.random(count), listed


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_the_sums_are_those_of_deciding_one_by_one(seed: int, count: int) -> None:
    of, vectors, score, listed = rows(seed, count)
    told = decide_all(COMPILED, vectors, score, of.amount, listed)
    one_by_one = [
        COMPILED.decide(vectors[k], float(score[k]), int(of.amount[k]), listed[k])
        for k in range(count)
    ]
    assert told.decline.tolist() == [one.decline for one in one_by_one]
    assert told.flagged.tolist() == [one.ask for one in one_by_one]
    found = sums(of, told)
    stopped: set[int] = set()
    caught = value = insulted = stopped_value = 0
    for k, one in enumerate(one_by_one):
        if of.fraud[k]:
            caught += one.ask
            value += int(of.amount[k]) * one.ask
            if one.ask:
                stopped.add(int(of.card[k]))
            stopped_value += int(of.amount[k]) * (int(of.card[k]) in stopped)
        else:
            insulted += one.ask
    assert (found.frauds_caught, found.value_caught) == (caught, value)
    assert (found.genuine_flagged, found.value_stopped) == (insulted, stopped_value)
    assert found.cards_caught == len(stopped)
    assert found.flagged == caught + insulted
    genuine = count - int(of.fraud.sum())
    assert found.rates["insult_rate"] == (insulted / genuine if genuine else None)
    assert found.rates["false_positives_per_fraud"] == (insulted / caught if caught else None)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_what_a_rule_flags_alone_is_what_is_lost_without_it(seed: int) -> None:
    of, vectors, score, listed = rows(seed, 60)
    told = decide_all(COMPILED, vectors, score, of.amount, listed)
    lines = {one.name: one for one in by_rule(of, told, POLICY)}
    assert list(lines) == ["night", "burst", "trusted", "tried", BY_SCORE]
    burst = vectors[:, Slot.CARD_COUNT_10M] >= 4
    assert lines["burst"].fired == burst.sum()
    assert lines["burst"].value == of.amount[burst & (of.fraud > 0)].sum()
    naive = 0
    for k in np.flatnonzero(burst):
        allowed = listed[k, 0] == 1
        ask_from = 0.6 if of.amount[k] <= 100 else 0.3
        others = vectors[k, Slot.HOUR] <= 4 or (score[k] >= ask_from and not allowed)
        naive += not others and of.fraud[k] == 0
    assert lines["burst"].alone_genuine == naive
    assert lines["tried"].shadow
    freed = [
        k
        for k in np.flatnonzero(listed[:, 0])
        if vectors[k, Slot.HOUR] <= 4 and not burst[k] and of.fraud[k]
    ]
    assert lines["trusted"].alone_frauds == len(freed)


def test_versus_counts_both_directions() -> None:
    of, vectors, score, listed = rows(5, 500)
    before = decide_all(OTHER, vectors, score, of.amount)
    after = decide_all(COMPILED, vectors, score, of.amount, listed)
    told = versus(of, before, after)
    one, other = sums(of, before), sums(of, after)
    assert told.frauds_gained - told.frauds_lost == other.frauds_caught - one.frauds_caught
    assert told.value_gained - told.value_lost == other.value_caught - one.value_caught
    newly = told.genuine_newly_flagged - told.genuine_set_free
    assert newly == other.genuine_flagged - one.genuine_flagged
    assert told.frauds_gained > 0
    assert told.genuine_set_free > 0


def test_nothing_is_flagged_without_rules_and_thresholds() -> None:
    of, vectors, score, _ = rows(1, 50)
    told = decide_all(CompiledPolicy(Policy("0")), vectors, score, of.amount)
    found = sums(of, told)
    assert (found.flagged, found.frauds_caught) == (0, 0)
    assert found.rates["false_positives_per_fraud"] is None
    assert found.rates["insult_rate"] == pytest.approx(0.0)
