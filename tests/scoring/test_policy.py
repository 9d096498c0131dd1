"""Rules mean what CEL says they mean, whatever is wrong in one is said, and the strictest wins."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.scoring.cel import Listed, translate
from sekisho.scoring.policy import (
    NAMES,
    Action,
    CompiledPolicy,
    ListEntry,
    NamedList,
    Policy,
    Rule,
    Subject,
    Threshold,
)
from sekisho.scoring.slots import WIDTH, Slot

NUMBERS = st.one_of(
    st.sampled_from(("amount", "hour", "score", "card_ratio_habit", "0.5", "2.0", "1e3", "(-1.5)")),
)
SUMS = st.recursive(
    NUMBERS, lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"), max_leaves=4,
)  # fmt: skip
COMPARED = st.tuples(SUMS, st.sampled_from(("==", "!=", "<", "<=", ">", ">=")), SUMS).map(" ".join)
MEMBER = st.tuples(NUMBERS, st.lists(st.integers(0, 30), max_size=4)).map(
    lambda t: f"{t[0]} in {t[1]}"
)
RULES = st.recursive(
    st.one_of(COMPARED, MEMBER, st.sampled_from(("true", "false"))),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from((" && ", " || ")), inner).map(
            lambda t: f"({t[0]}){t[1]}({t[2]})"
        ),
        inner.map(lambda rule: f"!({rule})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]}) ? ({t[1]}) : ({t[2]})"),
    ),
    max_leaves=6,
)


def vector(**values: float) -> np.ndarray:
    told = np.zeros(WIDTH, np.float32)
    for name, value in values.items():
        told[Slot[name.upper()]] = value
    return told


@settings(deadline=None, max_examples=100)
@given(RULES, st.integers(0, 40), st.integers(0, 23), st.floats(0, 1))
def test_another_implementation_of_cel_agrees(
    rule: str, amount: int, hour: int, score: float
) -> None:
    cel = pytest.importorskip("cel")
    v = vector(amount=amount, hour=hour, card_ratio_habit=1.25)
    given_names = {
        "amount": float(amount), "hour": float(hour), "card_ratio_habit": 1.25, "score": score,
    }  # fmt: skip
    with np.errstate(all="ignore"):
        ours = eval(translate(rule, NAMES), {"v": v.astype(np.float64), "score": np.float64(score)})  # noqa: S307
    try:
        theirs = cel.evaluate(rule, given_names)
    except TypeError:  # 0 / 0: it refuses to compare what is no number, where ours is just false
        reject()
    assert bool(ours) == theirs


@pytest.mark.parametrize(
    ("rule", "trouble"),
    [
        ("amount >", "character 9: the end where a value is wanted"),
        ("amount > 5 &&& hour < 3", "character 14: '&' means nothing here"),
        ("amuont > 5.0", "character 1: there is no feature 'amuont'"),
        ("amount * 2 > 5.0", "joins double and int"),
        ("amount", "the rule is a double, not true or false"),
        ("1.0 < amount < 5.0", "compares bool and double"),
        ("amount > 5.0 hour", "after the end of the rule"),
        ("amount in [true]", "in compares numbers"),
        ("!amount", "! before a double"),
        ("(amount > 1.0", "the end where '\\)' is wanted"),
        ("amount > 1.0 ? 1 : 2.0", "gives a int or a double"),
        ("__import__('os')", "there is no feature '__import__'"),
        ("amount > 'a'", "character 10: \"'a'\" where a value is wanted"),
        ("amount > 5.0 ; hour", "character 14: ';' means nothing here"),
        ("v[3] > 1.0", "there is no feature 'v'"),
        ("(" * 60 + "true" + ")" * 60, "nested too deeply"),
        ("!" * 60 + "true", "nested too deeply"),
        ("true || " * 400 + "true", "too long"),
    ],
)
def test_what_is_wrong_is_said(rule: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        translate(rule, NAMES)


LISTS = {"trusted": Listed("merchant", "listed[0] == 1")}


@pytest.mark.parametrize(
    ("rule", "trouble"),
    [
        ('merchant in list("trusted") && merchant', "joins bool and merchant"),
        ('merchant in list("trustd")', 'there is no list "trustd"'),
        ('card in list("trusted")', "a list of merchant, not card"),
        ('amount in list("trusted")', "a list of merchant, not double"),
        ("merchant in [1]", "merchant is looked up in list"),
        ("merchant == merchant", "== compares merchant and merchant"),
        ("merchant in list(trusted)", "the list's name is wanted in quotes"),
        ("merchant", "the rule is a merchant"),
        ("-merchant > 1.0", "- before a merchant"),
    ],
)
def test_lists_are_used_as_what_they_are(rule: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        translate(rule, NAMES, LISTS)


def test_another_implementation_of_cel_reads_lists_alike() -> None:
    cel = pytest.importorskip("cel")
    rule = 'amount > 5.0 && !(merchant in list("trusted"))'
    for merchant in ("A01/M1", "A01/M2"):
        context = cel.Context({"amount": 6.0, "merchant": merchant})
        context.add_function("list", lambda name: {"trusted": ["A01/M1"]}[name])
        ours = eval(  # noqa: S307
            translate(rule, NAMES, LISTS), {"v": vector(amount=6), "listed": [merchant == "A01/M1"]}
        )
        assert bool(ours) == cel.evaluate(rule, context)


def test_an_entry_holds_until_its_time_and_no_longer() -> None:
    policy = CompiledPolicy(
        Policy(
            "1",
            (Rule("deny", 'merchant in list("denied") || card in list("held")', Action.DECLINE),),
            lists=(
                NamedList("denied", "merchant", (ListEntry("A01/M1", "a reason", until=100),)),
                NamedList("held", "card", (ListEntry("c1"),)),
            ),
        )
    )

    def declined(card: str, merchant: str, at: int) -> bool:
        listed = policy.listed(Subject(card, "A01", merchant), at)
        return policy.decide(vector(), 0.0, 1, listed).decline

    assert declined("c2", "M1", 99)
    assert not declined("c2", "M1", 100)
    assert not declined("c2", "M2", 1)
    assert declined("c1", "M2", 10**9)
    with pytest.raises(ValueError, match="nobody said"):
        policy.decide(vector(), 0.0, 1)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(rule: str) -> None:
    with suppress(BadInput):
        compile(translate(rule, NAMES, LISTS), "rule", "eval")


POLICY = Policy(
    "1",
    (
        Rule("night", "remote == 1 && hour <= 4", Action.ASK, "a remote purchase at night"),
        Rule("burst", "card_count_10m >= 4", Action.DECLINE),
        Rule("known", "card_shop_visits_30d >= 3", Action.ALLOW),
        Rule("tried", "card_test_ratio > 100.0", Action.DECLINE, shadow=True),
    ),
    (Threshold(10_000, 0.5, 0.9), Threshold(10**12, 0.2, 0.6)),
)


@pytest.mark.parametrize(
    ("features", "score", "amount", "wanted"),
    [
        ({}, 0.1, 100, (False, False, (), ())),
        ({}, 0.3, 100, (False, False, (), ())),
        ({}, 0.3, 10_001, (False, True, ("score",), ())),
        ({}, 0.95, 100, (True, True, ("score",), ())),
        ({"remote": 1, "hour": 3}, 0.0, 1, (False, True, ("a remote purchase at night",), ())),
        ({"card_count_10m": 4}, 0.0, 1, (True, True, ("burst",), ())),
        ({"card_shop_visits_30d": 3}, 0.95, 1, (False, False, ("known",), ())),
        (
            {"card_shop_visits_30d": 3, "card_count_10m": 9}, 0.95, 1,
            (True, False, ("burst",), ()),
        ),
        ({"card_test_ratio": 101}, 0.0, 1, (False, False, (), ("tried",))),
    ],
)  # fmt: skip
def test_the_strictest_answer_wins(
    features: dict[str, float], score: float, amount: int, wanted: tuple
) -> None:
    told = compiled_policy().decide(vector(**features), score, amount)
    decline, ask, reasons, shadow = wanted
    assert (told.decline, told.reasons, told.shadow) == (decline, reasons, shadow)
    assert told.ask == (ask or decline)


_MADE: list[CompiledPolicy] = []


def compiled_policy() -> CompiledPolicy:
    if not _MADE:
        _MADE.append(CompiledPolicy(POLICY))
    return _MADE[0]


def test_all_rows_at_once_give_what_each_gives() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.integers(0, 6, (50, WIDTH)).astype(np.float32)
    policy = compiled_policy()
    told = policy.fired_on(vectors, np.zeros(50))
    for row in range(50):
        one = np.zeros(len(POLICY.rules), np.uint8)
        policy.fire(vectors[row], 0.0, np.zeros(1, np.uint8), one)
        assert told[row].tolist() == one.tolist()
    assert told[:, 1].any()


def test_a_policy_that_contradicts_itself_is_refused() -> None:
    rule = POLICY.rules[0]
    with pytest.raises(BadInput, match="two rules are called 'night'"):
        CompiledPolicy(Policy("2", (rule, rule)))
    with pytest.raises(BadInput, match="do not rise"):
        CompiledPolicy(Policy("2", (), (Threshold(5, 0.1, 0.2), Threshold(5, 0.1, 0.2))))
    with pytest.raises(BadInput, match="after declining"):
        CompiledPolicy(Policy("2", (), (Threshold(5, 0.3, 0.2),)))
    with pytest.raises(BadInput, match="rule 'x': character 1: there is no feature 'amout'"):
        CompiledPolicy(Policy("2", (Rule("x", "amout > 1.0", Action.ASK),)))
