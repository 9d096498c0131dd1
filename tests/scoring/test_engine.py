"""The live engine: equal to its twin whatever happens, and to itself played again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.naive import vector
from scoring.naive_engine import POLICY, ListLedger, NaiveEngine, repeated
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    CodeResult,
    Decision,
    DecisionKind,
    FraudLabel,
    LabelSource,
    RequestKind,
    RetryWindow,
    Reversal,
)
from sekisho.domain.errors import BadInput
from sekisho.scoring.engine import Engine, Judges
from sekisho.scoring.layout import DAY
from sekisho.scoring.lookup import FIRST_SLOTS, Lookup, key_of
from sekisho.scoring.memory import Memory, memory_of
from sekisho.scoring.policy import CompiledPolicy
from sekisho.scoring.slots import Slot
from sekisho.scoring.state import new_state

BEGIN = 1_700_000_000
COMPILED = CompiledPolicy(POLICY)
STEPS = st.sampled_from((0, 1, 59, 600, 3_600, 20_000, DAY, 8 * DAY))
SHIFT = st.sampled_from((0, 0, 0, -1, -600, -DAY, -29 * DAY, -40 * DAY, 600, 5 * DAY, 4000 * DAY))
AMOUNTS = st.sampled_from((0, 1, 199, 3_000, 25_000, 59_999, 61_000, 10**12 - 1, 10**12, 10**15))
SMALL_INT = st.integers(0, 3)
BACK = st.integers(1, 30)
NEW = st.tuples(
    st.just("decide"), STEPS, SHIFT, SMALL_INT, SMALL_INT, AMOUNTS,
    st.sampled_from(("", "051", "071", "90", "812", "10")), st.sampled_from(("", "07", "6", "05")),
    st.sampled_from(CodeResult), st.sampled_from(("request", "request", "advice", "refused")),
)  # fmt: skip
OTHER = st.one_of(
    st.tuples(st.just("repeat"), BACK),
    st.tuples(st.just("reverse"), BACK, st.sampled_from((None, 0, 100, 10**15))),
    st.tuples(st.just("reverse_early"), SMALL_INT),
    st.tuples(st.just("learn"), BACK, st.booleans(), st.sampled_from(LabelSource), STEPS),
    st.tuples(st.just("status"), SMALL_INT, st.sampled_from(CardStatus)),
    st.tuples(st.just("window"), SMALL_INT, SMALL_INT, AMOUNTS, STEPS),
    st.tuples(st.just("expose"), SMALL_INT, SMALL_INT,
              st.sampled_from(((), ("security_code",), ("pan", "expiry"), ("track",))), STEPS),
    st.tuples(st.just("clear"), SMALL_INT),
    st.tuples(st.just("again")),
)  # fmt: skip
HISTORIES = st.lists(st.one_of(NEW, NEW, OTHER), max_size=50)


def memory(cards: int = 1) -> Memory:
    """Small, so that every array has to grow."""
    return Memory(new_state(cards, 1), status=np.zeros(cards, np.int8))


class Both:
    """The engine and its twin, told the same."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.ledger = ListLedger()
        self.engine = Engine(memory(), Judges(COMPILED), self.ledger, lambda: self.now)
        self.twin = NaiveEngine()
        self.made: list[tuple[AuthorizationRequest, Decision]] = []
        self.calls = 0
        self.last: tuple = ()

    def step(self, step: tuple) -> None:
        kind, *rest = step
        self.calls += 1
        if kind != "again":
            self.last = step
            getattr(self, kind)(*rest)

    def decide(self, *of: object) -> None:
        after, shift, card, shop, amount, entry, eci, code, kind = of
        self.now += after
        request = AuthorizationRequest(
            f"r{len(self.made)}", f"c{card}", "a", f"m{shop}", self.now + shift, self.now, amount,
            "392", RequestKind.REQUEST if kind == "request" else RequestKind.ADVICE,
            entry_mode=entry, eci=eci, code_result=code,
            approved=None if kind == "request" else kind == "advice",
        )  # fmt: skip
        told = self.engine.decide(request)
        wanted = self.twin.decide(request, self.now)
        assert (told.kind, told.ask, told.reasons) == wanted
        assert not told.repeated
        assert self.engine.features.tobytes() == vector(self.twin.features).tobytes()
        self.made.append((request, told))

    def _made(self, back: int) -> tuple[AuthorizationRequest, Decision] | None:
        return self.made[-1 - back % len(self.made)] if self.made else None

    def repeat(self, back: int) -> None:
        if (made := self._made(back)) is not None:
            told = self.engine.decide(repeated(made[0]))
            assert told == replace(made[1], repeated=True)

    def reverse(self, back: int, left: int | None) -> None:
        if (made := self._made(back)) is not None:
            request = made[0]
            self._reverse(Reversal(
                f"v{self.calls}", request.request_id, request.card_ref, self.now, left
            ))  # fmt: skip

    def reverse_early(self, ahead: int) -> None:
        original = f"r{len(self.made) + ahead}"
        self._reverse(Reversal(f"v{self.calls}", original, "c0", self.now))

    def _reverse(self, reversal: Reversal) -> None:
        told = self.engine.reverse(reversal)
        assert told == self.twin.reverse(reversal)
        assert self.engine.reverse(reversal) == told

    def learn(self, back: int, fraud: bool, source: LabelSource, later: int) -> None:
        if (made := self._made(back)) is not None:
            label = FraudLabel(
                f"l{self.calls}", made[1].decision_id, fraud, source, self.now + later
            )
            assert self.engine.learn(label) == self.twin.learn(label, made[0].request_id)
            assert self.engine.learn(label)

    def status(self, card: int, status: CardStatus) -> None:
        for _ in range(2):
            self.engine.set_status(f"s{self.calls}", f"c{card}", status)
        self.twin.row(self.twin.cards, f"c{card}")
        self.twin.status[f"c{card}"] = status

    def window(self, card: int, shop: int, amount: int, later: int) -> None:
        window = RetryWindow(f"c{card}", "a", f"m{shop}", amount, "392", self.now + later)
        for _ in range(2):
            self.engine.open_window(f"w{self.calls}", window)
        self.twin.open_window(window)

    def expose(self, alert: int, card: int, data: tuple[str, ...], later: int) -> None:
        exposure = CardExposure(
            f"e{alert}", f"c{card}", self.now - DAY, self.now, self.now + later, data
        )
        self.twin.row(self.twin.cards, f"c{card}") if f"e{alert}" not in self.twin.cleared else 0
        for _ in range(2):
            self.engine.expose(exposure)
        self.twin.expose(exposure)

    def clear(self, alert: int) -> None:
        assert self.engine.clear(f"e{alert}") == self.twin.clear(f"e{alert}")


def same(one: Memory, other: Memory) -> None:
    left, right = one.arrays(), other.arrays()
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.tobytes() == right[name].tobytes(), name
    assert one.facts() == other.facts()


@settings(max_examples=120, deadline=None)
@given(HISTORIES)
def test_equal_to_the_twin_and_to_itself_played_again(history: list[tuple]) -> None:
    both = Both()
    for step in history:
        both.step(step)
    other = memory(3)
    again = Engine(other, Judges(COMPILED), both.ledger, lambda: 0)
    for position, entry in enumerate(both.ledger.entries, 1):
        again.replay(entry, position)
    same(both.engine.memory, other)
    kept = both.engine.memory
    rows = {name: len(array) for name, array in kept.arrays().items()}
    copies = {name: array.copy() for name, array in kept.arrays().items()}
    same(kept, memory_of(copies, rows, kept.facts()))


def request(number: int = 1, **of: object) -> AuthorizationRequest:
    plain = AuthorizationRequest(
        f"r{number}", "c0", "a", "m0", BEGIN + number, BEGIN + number, 3_000, "392"
    )
    return replace(plain, **of)  # type: ignore[arg-type]


@pytest.fixture
def both() -> Both:
    return Both()


def test_a_window_is_for_one_use_of_one_shop_and_no_more_than_said(both: Both) -> None:
    window = RetryWindow("c0", "a", "m0", 30_000, "392", BEGIN + 100)
    both.engine.open_window("w", window)
    wrongs = (
        {"merchant_id": "m1"},
        {"amount_minor": 30_001},
        {"currency": "840"},
        {"card_ref": "c1"},
        {"acquirer_id": "b"},
    )
    for number, wrong in enumerate(wrongs):
        told = both.engine.decide(replace(request(number, amount_minor=30_000), **wrong))
        assert told.reasons != ("holder_confirmed",)
    both.now = BEGIN + 100
    told = both.engine.decide(request(50, amount_minor=30_000))
    assert (told.kind, told.ask, told.reasons) == (
        DecisionKind.APPROVE, False, ("holder_confirmed",),
    )  # fmt: skip
    assert both.engine.decide(request(51, amount_minor=30_000)).ask
    both.engine.open_window("w2", window)
    both.now = BEGIN + 101
    assert both.engine.decide(request(52, amount_minor=30_000)).ask


def test_a_window_lifts_no_block_and_no_rule_that_declines(both: Both) -> None:
    both.engine.open_window("w", RetryWindow("c0", "a", "m0", 90_000, "392", BEGIN + 9_999))
    both.engine.set_status("s", "c0", CardStatus.BLOCKED)
    assert both.engine.decide(request(1)).reasons == ("card_blocked",)
    both.engine.set_status("s2", "c0", CardStatus.STOPPED)
    assert both.engine.decide(request(2)).reasons == ("card_stopped",)
    both.engine.set_status("s3", "c0", CardStatus.OPEN)
    assert both.engine.decide(request(3, amount_minor=61_000)).kind is DecisionKind.DECLINE
    assert both.engine.decide(request(4)).reasons == ("holder_confirmed",)


@pytest.mark.parametrize(
    ("matches", "entry", "declined"),
    [(False, "812", True), (False, "10", False), (True, "812", False), (None, "812", False)],
)
def test_a_wrong_expiry_date_is_declined_but_for_stored_cards(
    both: Both, matches: bool | None, entry: str, declined: bool
) -> None:
    told = both.engine.decide(request(expiry_matches=matches, entry_mode=entry))
    assert (told.kind is DecisionKind.DECLINE) == declined
    assert (told.reasons == ("expiry_mismatch",)) == declined


def test_a_reversal_before_its_authorization_declines_it(both: Both) -> None:
    assert not both.engine.reverse(Reversal("v", "r1", "c0", BEGIN))
    told = both.engine.decide(request(1))
    assert (told.kind, told.reasons) == (DecisionKind.DECLINE, ("reversed_before",))


@pytest.mark.parametrize("wrong", [
    {"amount_minor": -1}, {"request_id": ""}, {"card_ref": ""}, {"merchant_name": "店" * 9_000},
])  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    both: Both, wrong: dict[str, object]
) -> None:
    with pytest.raises(BadInput):
        both.engine.decide(request(**wrong))
    assert not both.ledger.entries
    assert both.engine.memory.card_count == 0


@pytest.mark.parametrize("currency", ["392", "840", "414"])
@pytest.mark.parametrize("amount", [0, 1, 10**12 - 1, 10**12, 10**18])
def test_any_amount_in_any_currency_gets_an_answer(both: Both, amount: int, currency: str) -> None:
    told = both.engine.decide(request(amount_minor=amount, currency=currency))
    assert told.kind is (DecisionKind.DECLINE if amount > 60_000 else DecisionKind.APPROVE)
    assert both.engine.features[Slot.AMOUNT] == np.float32(min(amount, 10**12 - 1))


def test_clocks_that_jump_blind_no_card(both: Both) -> None:
    for number in range(1, 6):
        both.engine.decide(request(number))
    for number, at in ((6, BEGIN + 9_000 * DAY), (7, -5), (8, 0), (9, 2**40)):
        both.engine.decide(request(number, authorized_at=at))
    both.engine.decide(request(10, authorized_at=BEGIN + DAY + 10))
    assert both.engine.features[Slot.CARD_COUNT_7D] >= 7


def test_a_label_for_what_was_never_decided_is_not_learnt(both: Both) -> None:
    decided = both.engine.decide(request())
    for name in ("", "d0", "d2", "d99", "x", "d-1"):
        label = FraudLabel("l" + name, name, True, LabelSource.REPORT, BEGIN)
        assert not both.engine.learn(label)
    assert len(both.ledger.entries) == 1
    assert both.engine.learn(FraudLabel("l", decided.decision_id, True, LabelSource.REPORT, BEGIN))


def test_a_lookup_finds_every_key_and_forgets_only_what_is_old() -> None:
    lookup, many = Lookup(keep=100), 3 * FIRST_SLOTS
    for number in range(1, many + 1):
        lookup.put(key_of("k", str(number)), number, at=number)
    young = [number for number in range(1, many + 1) if number > many - 100]
    assert all(lookup.get(key_of("k", str(number))) == number for number in young)
    assert lookup.get(key_of("k", "1")) == 0
    assert lookup.get(key_of("other", str(many))) == 0
    flooded = Lookup(keep=10**9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sekisho.scoring.lookup.MOST_SLOTS", FIRST_SLOTS)
        patch.setattr("sekisho.scoring.lookup.MOST_TABLES", 3)
        for number in range(1, 9 * FIRST_SLOTS):
            flooded.put(key_of("k", str(number)), number, at=number)
    assert len(flooded.tables) == 3
    newest = range(9 * FIRST_SLOTS - 6_500, 9 * FIRST_SLOTS)  # two full tables of 0.8 * FIRST_SLOTS
    assert all(flooded.get(key_of("k", str(number))) == number for number in newest)
    forever = Lookup()
    for number in range(1, many + 1):
        forever.put(key_of("k", str(number)), number, at=number)
    assert all(forever.get(key_of("k", str(n))) == n for n in range(1, many + 1))
    assert len(forever.tables) > 1
