"""The compiled loop equals the obvious one, wherever the blocks are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.looking import MACHINE, card
from discovery.naive import numbers_in
from sekisho.discovery import kernel
from sekisho.discovery.units import to_units
from sekisho.vault.pan import BRAND_RANGES, brand_of

PAD = bytes(2 * kernel.PAD)


def found_in(text: str, cut: int | None = None) -> list[tuple[int, int]]:
    units = np.frombuffer(PAD + text.encode() + PAD, dtype=np.uint8)
    low, high = len(PAD), len(units) - len(PAD)
    columns, out = kernel.new_columns(), np.zeros(100, dtype=kernel.NUMBER)
    middle = high if cut is None else low + cut
    found = []
    for end in (middle, high):
        count, low = kernel.find_numbers(
            units, low, end, MACHINE.prefixes, MACHINE.lengths, columns, out
        )
        hard = kernel.LONGER_BEFORE | kernel.LONGER_AFTER | kernel.LETTER_AFTER
        found += [
            one for one in out[:count].copy() if not one["flags"] & (hard | kernel.LETTER_BEFORE)
        ]
    return [(int(one["start"]) - len(PAD), int(one["end"]) - len(PAD)) for one in found]


PIECES = st.one_of(
    st.text("0123456789", min_size=1, max_size=20),
    st.sampled_from([" ", "-", ".", ",", "\n", "%20", "x", " card ", "=", ":"]),
    st.sampled_from(["453214879632154", "3782946310", "62000012345678901"]).map(card),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join), st.integers(0, 120))
def test_equals_the_naive_twin_wherever_it_is_cut(text: str, cut: int) -> None:
    whole = found_in(text)
    assert set(whole) <= set(numbers_in(text))
    assert found_in(text, min(cut, len(text))) == whole


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 40), st.integers(0, 300))
def test_a_number_is_found_at_every_place(before: int, cut: int) -> None:
    text = "." * before + " " + card() + "\n" + "z" * 200
    expected = [(before + 1, before + 17)]
    assert found_in(text) == numbers_in(text) == expected
    assert found_in(text, min(cut, len(text))) == expected


def test_every_brand_and_length() -> None:
    for known in BRAND_RANGES:
        for length in known.lengths:
            number = card(f"{known.first}{'7391846205173'[: length - 7]}")
            assert brand_of(number) is not None
            assert found_in(f" {number} ") == [(1, 1 + length)], known


@pytest.mark.parametrize("shape", [(4, 4, 4, 4), (6, 10), (8, 8)])
@pytest.mark.parametrize("mark", [" ", "-", ".", "+", "%20"])
def test_groups_as_people_write_them(shape: tuple[int, ...], mark: str) -> None:
    number, at, parts = card(), 0, []
    for length in shape:
        parts.append(number[at : at + length])
        at += length
    text = f"({mark.join(parts)})"
    assert found_in(text) == [(1, len(text) - 1)]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp932", "euc_jp"])
def test_units_keep_their_places(encoding: str, text: str) -> None:
    data = text.encode(encoding, "ignore")
    units, offsets = to_units(data, encoding)
    if offsets is None:
        assert data.isascii()
        return
    assert list(offsets) == sorted(set(offsets.tolist()))
    assert offsets[-1] == len(data)
    assert len(units) == len(offsets) - 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp932", "euc_jp"])
def test_any_bytes_have_units(encoding: str, data: bytes) -> None:
    units, _ = to_units(data, encoding)
    assert len(units) <= max(len(data), 1)
