"""Whole columns: ids are not card numbers, card numbers are, broken ones among them or not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invented_cards import PUBLISHED, complete, invented_cards
from sekisho.vault.columns import as_text, column_holds_card_numbers, read_numbers
from sekisho.vault.pan import Trouble, brand_of, normalise, trouble_with

CHANCE_SEED = 20


def numbers(low: int, high: int, count: int = 1000) -> list[str]:
    return [str(n) for n in np.random.default_rng(CHANCE_SEED).integers(low, high, count)]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(numbers(10**15, 10**16), id="random 16-digit ids"),
        pytest.param(numbers(4 * 10**15, 5 * 10**15), id="random ids that start like Visa"),
        pytest.param([str(4_111_111_111_110_000 + n) for n in range(1000)], id="sequential ids"),
        pytest.param([str(1_767_225_600_000 + 977 * n) for n in range(1000)], id="timestamps, ms"),
        pytest.param([str(1_767_225_600_000_000 + n) for n in range(1000)], id="timestamps, us"),
        pytest.param([f"202601{n % 28 + 1:02}{n:06}" for n in range(1000)], id="YYYYMMDDHHMMSS"),
        pytest.param(["9" + complete(n)[1:] for n in numbers(10**14, 10**15)], id="no brand"),
        pytest.param(["4111111111111112"] * 100, id="one broken value, repeated"),
        pytest.param(["", " ", "-"] * 5, id="blanks"),
        pytest.param([], id="nothing"),
        pytest.param(["0f" * 16, "a1" * 16], id="references"),
        pytest.param(["1980", "2500"] * 50, id="amounts"),
    ],
)
def test_columns_that_are_not_card_numbers(values: list[str]) -> None:
    assert not column_holds_card_numbers(values)


def test_small_samples_of_random_ids_seldom_pass() -> None:
    """Five ids that start like cards reach the bar with probability 5e-4."""
    chance = np.random.default_rng(CHANCE_SEED)
    taken = sum(
        column_holds_card_numbers([str(n) for n in chance.integers(4 * 10**15, 5 * 10**15, 5)])
        for _ in range(1000)
    )
    assert taken <= 4


@pytest.mark.parametrize("broken_share", [0.0, 0.1, 0.25])
@pytest.mark.parametrize("blank_share", [0.0, 0.9])
def test_columns_of_card_numbers(broken_share: float, blank_share: float) -> None:
    chance = np.random.default_rng(CHANCE_SEED)
    values: list[str | None] = []
    for card in invented_cards(chance, 1000):
        broken = card[:-1] + str((int(card[-1]) + 3) % 10)
        value = broken if chance.random() < broken_share else card
        values.append("" if chance.random() < blank_share else value)
    assert column_holds_card_numbers([*values, None])


def test_a_single_card_number_is_enough() -> None:
    assert column_holds_card_numbers(["4111-1111-1111-1111"])
    assert column_holds_card_numbers([" ４１１１　１１１１　１１１１　１１１１"])


card_like = st.one_of(
    st.sampled_from(sorted(PUBLISHED)),
    st.text("0123456789", max_size=22),
    st.text("0123456789 -　－０１９ー", max_size=24),
    st.text(max_size=8),
)


@given(st.lists(card_like, max_size=20), st.integers(0, 3))
def test_reading_a_column_equals_reading_each_value(values: list[str], offset: int) -> None:
    column = pa.array([*["x"] * offset, *values], type=pa.string()).slice(offset)
    reading = read_numbers(column)
    assert reading.trouble.tolist() == [trouble_with(value) for value in values]
    for value, digits, trouble, branded in zip(
        values, reading.digits.to_pylist(), reading.trouble, reading.branded, strict=True
    ):
        if trouble == Trouble.NONE:
            assert digits == normalise(value)
            assert branded == (brand_of(digits) is not None)
    assert not any(value in repr(reading) for value in values if len(value) > 6)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([4111111111111111, None], pa.int64()),
        pa.array([4111111111111111, None], pa.float64()),
        pa.array([4111111111111111, None], pa.decimal128(19, 0)),
        pa.array(["4111111111111111", None], pa.large_string()),
        pa.array(["4111111111111111", None], pa.string_view()),
        pa.array([b"4111111111111111", None], pa.binary()),
        pa.array(["4111111111111111", None]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_every_type_that_numbers_come_in_becomes_text(column: pa.Array) -> None:
    assert as_text(column).to_pylist() == ["4111111111111111", None]


def test_types_that_hold_no_numbers_are_not_text() -> None:
    assert as_text(pa.array([True])) is None
    assert as_text(pa.array([b"\xff\xfe"])) is None
    assert as_text(pa.array([["4111111111111111"]])) is None
