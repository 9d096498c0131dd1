"""The feature kernel equals its naive twin to the last bit, whatever arrives in whatever order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.naive import Twin, vector
from sekisho.scoring import kernel
from sekisho.scoring.int128 import add_square, product, spread, take_square
from sekisho.scoring.layout import DAY, MOST_EVENTS
from sekisho.scoring.messages import (
    Authorization,
    Authorizations,
    Labels,
    delayed_labels,
    plain_authorizations,
)
from sekisho.scoring.slots import WIDTH, Slot
from sekisho.scoring.state import State, new_state, with_room

BEGIN = 1_700_000_000
STEPS = st.sampled_from((0, 0, 1, 59, 600, 3_599, 3_600, 20_000, DAY, 3 * DAY, 8 * DAY, 31 * DAY))
BACK = st.sampled_from((0, 1, 600, 4_000, DAY, 2 * DAY, 7 * DAY, 29 * DAY, 30 * DAY, 40 * DAY))
AMOUNTS = st.one_of(
    st.integers(0, 400), st.integers(1_000, 90_000), st.integers(10**11, 10**12 - 1)
)
SMALL_INT = st.integers(0, 2)
NEW = st.tuples(
    st.just("authorize"), STEPS, SMALL_INT, SMALL_INT, AMOUNTS, st.integers(0, 2),
    st.integers(0, 5), st.integers(0, 3), SMALL_INT, st.integers(0, 9),
)  # fmt: skip
LATE = st.tuples(st.just("late"), BACK, SMALL_INT, SMALL_INT, AMOUNTS)
AGAIN = st.tuples(st.sampled_from(("repeat", "reverse", "decline")), st.integers(1, 40))
LEARN = st.tuples(st.just("label"), st.integers(1, 40), BACK, st.integers(0, 1), st.integers(0, 1))
EXPOSE = st.tuples(st.just("expose"), SMALL_INT, BACK, BACK, STEPS, st.integers(0, 15))
HISTORIES = st.lists(st.one_of(NEW, NEW, NEW, LATE, AGAIN, LEARN, EXPOSE), max_size=80)


class Both:
    """The kernel and its twin, told the same."""

    def __init__(self, utc_offset: int) -> None:
        self.state = new_state(3, 3, utc_offset=utc_offset)
        self.twin = Twin(3, 3, utc_offset)
        self.now = BEGIN
        self.made: list[Authorization] = []
        self.out = np.zeros(WIDTH, np.float32)

    def authorize(self, a: Authorization) -> None:
        while (done := kernel.authorize(self.state, a, self.out)) == kernel.NO_ROOM:
            self.state = with_room(self.state, events=2 * self.state.events.merchant.size)
        told = vector(self.twin.authorize(a))
        wrong = [
            (Slot(i).name, self.out[i], told[i])
            for i in np.flatnonzero(self.out.view(np.int32) != told.view(np.int32))
        ]
        assert not wrong, (done, wrong)

    def step(self, step: tuple) -> None:
        kind, *rest = step
        if kind == "authorize":
            after, card, shop, amount, country, entry, eci, code, _ = rest
            self.now += after
            self._new(Authorization(
                self.now, card, shop, len(self.made), amount, country, entry, eci, code
            ))  # fmt: skip
        elif kind == "late":
            back, card, shop, amount = rest
            self._new(
                Authorization(self.now - back, card, shop, len(self.made), amount, 0, 0, 0, 0)
            )
        elif kind == "expose":
            card, exposed, known, until, data = rest
            facts = (card, self.now - exposed, self.now - known, self.now + until, data)
            kernel.expose(self.state, *facts)
            self.twin.expose(*facts)
        elif self.made:
            self._again(kind, self.made[-1 - rest[0] % len(self.made)], rest[1:])

    def _new(self, a: Authorization) -> None:
        self.made.append(a)
        self.authorize(a)

    def _again(self, kind: str, a: Authorization, rest: list[int]) -> None:
        if kind == "repeat":
            self.authorize(a)
        elif kind == "label":
            back, fraud, asked = rest
            facts = (self.now - back, a.at, a.card, a.merchant, a.amount, fraud, asked)
            kernel.label(self.state, one_label(facts), 0)
            self.twin.label(facts)
        else:
            told = getattr(kernel, kind)(self.state, a.card, a.at, a.transaction)
            assert told == getattr(self.twin, kind)(a.card, a.at, a.transaction)


def one_label(values: tuple[int, ...]) -> Labels:
    kinds = (np.int64, np.int64, np.int32, np.int32, np.int64, np.int8, np.int8)
    return Labels(*(np.array([v], k) for v, k in zip(values, kinds, strict=True)))


@settings(max_examples=150, deadline=None)
@given(HISTORIES, st.sampled_from((0, 9 * 3_600, -5 * 3_600)))
def test_equal_to_the_twin_on_any_history(history: list[tuple], offset: int) -> None:
    both = Both(offset)
    for step in history:
        both.step(step)


@settings(max_examples=30, deadline=None)
@given(HISTORIES, st.integers(0, 10**6))
def test_a_reversal_leaves_no_trace(history: list[tuple], amount: int) -> None:
    both = Both(0)
    for step in history:
        both.step(step)
    both.now += 1
    a = Authorization(both.now, 0, 0, -1, amount, 1, 4, 0, 0)
    kernel.authorize(both.state, a, both.out)
    assert kernel.reverse(both.state, 0, a.at, a.transaction)
    assert not kernel.reverse(both.state, 0, a.at, a.transaction)
    assert kernel.authorize(both.state, a, both.out) == kernel.ON_TIME
    undone = both.out.copy()
    both.twin.cards[0].first_at = both.twin.cards[0].first_at or a.at
    assert undone.tobytes() == vector(both.twin.authorize(a)).tobytes()


def flood(count: int) -> tuple[State, Twin, Authorization]:
    state, twin = new_state(1, 1), Twin(1, 1)
    a = Authorization(BEGIN, 0, 0, 0, 500, 0, 0, 0, 0)
    out = np.zeros(WIDTH, np.float32)
    for k in range(count):
        a = a._replace(at=BEGIN + 7 * k, transaction=k, amount=500 + k % 90)
        while kernel.authorize(state, a, out) == kernel.NO_ROOM:
            state = with_room(state, events=2 * state.events.merchant.size)
        twin.authorize(a, wanted=False)
    return state, twin, a


def test_a_flood_forgets_its_oldest_and_stays_exact() -> None:
    state, twin, last = flood(MOST_EVENTS + 300)
    out = np.zeros(WIDTH, np.float32)
    for back in (-40, 0, 1_000, 7 * MOST_EVENTS):
        a = last._replace(at=last.at - back, transaction=-back - 1)
        kernel.authorize(state, a, out)
        assert out.tobytes() == vector(twin.authorize(a)).tobytes()
    assert out[Slot.CARD_COUNT_30D] <= MOST_EVENTS


def test_rings_are_used_again() -> None:
    state = new_state(40, 1, events=4_096)
    a = Authorization(BEGIN, 0, 0, 0, 500, 0, 0, 0, 0)
    out = np.zeros(WIDTH, np.float32)
    for card in range(40):
        for k in range(60):
            done = kernel.authorize(state, a._replace(card=card, transaction=k, at=BEGIN + k), out)
            assert done == kernel.ON_TIME
    assert out[Slot.CARD_COUNT_10M] == 60
    # 64 cells for each card, and the smaller rings that the first one left serve the next.
    assert state.whole[0] <= 40 * 64 + 8 + 16 + 32


def columns(seed: int, rows: int) -> tuple[Authorizations, Labels]:
    rng = np.random.default_rng(seed)
    at = BEGIN + np.sort(rng.integers(0, 90 * DAY, rows))
    plain = plain_authorizations(
        at, rng.integers(0, 20, rows).astype(np.int32), rng.integers(0, 30, rows).astype(np.int32),
        np.arange(rows), rng.integers(1, 40_000, rows),
    )  # fmt: skip
    of = plain._replace(
        country=rng.integers(0, 3, rows).astype(np.int16),
        entry=rng.integers(0, 6, rows).astype(np.int8),
        approved=(rng.random(rows) < 0.9).astype(np.int8),
    )
    return of, delayed_labels(of, (rng.random(rows) < 0.05).astype(np.int8), 7 * DAY)


def test_a_file_gives_what_single_authorizations_give() -> None:
    of, labels = columns(3, 3_000)
    state, features = kernel.run(new_state(20, 30), of, labels)
    online, out, j = new_state(20, 30, events=8_192), np.zeros(WIDTH, np.float32), 0
    for i in range(of.at.size):
        while j < of.at.size and labels.known_at[j] <= of.at[i]:
            kernel.label(online, labels, j)
            j += 1
        a = Authorization(*(int(column[i]) for column in of[:9]))
        kernel.authorize(online, a, out)
        assert out.tobytes() == features[i].tobytes()
        if not of.approved[i]:
            assert kernel.decline(online, a.card, a.at, a.transaction)
    assert np.array_equal(online.merchants, state.merchants)


def test_nothing_of_the_purchase_itself_is_known_beforehand() -> None:
    """Whether it was approved, and whether it was fraud, changes no feature of its own."""
    of, labels = columns(4, 500)
    _, features = kernel.run(new_state(20, 30), of, labels)
    for i in (100, 300, 499):
        other = of.approved.copy()
        other[i:] = 1 - other[i:]
        fraud = labels.fraud.copy()
        fraud[i:] = 1 - fraud[i:]
        changed = kernel.run(
            new_state(20, 30), of._replace(approved=other), labels._replace(fraud=fraud)
        )[1]
        assert changed[i].tobytes() == features[i].tobytes()
        assert changed[: i + 1].tobytes() == features[: i + 1].tobytes()


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
@settings(deadline=None)
def test_squares_of_128_bits_are_exact(amounts: list[int]) -> None:
    words = np.zeros(2, np.int64)
    for amount in amounts:
        add_square(words, 0, amount)
    exact = len(amounts) * sum(a * a for a in amounts) - sum(amounts) ** 2
    told = spread(len(amounts), sum(amounts), words[0], words[1])
    assert told == float(exact >> 64) * 2.0**64 + float(exact & (2**64 - 1))
    for amount in amounts:
        take_square(words, 0, amount)
    assert not words.any()


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
@settings(deadline=None)
def test_products_of_128_bits(a: int, b: int) -> None:
    high, low = product(a, b)
    assert (int(high) << 64) + int(low) == a * b
