"""The compiled loop equals the obvious one, wherever the blocks are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from discovery.looking import MACHINE, card
from discovery.naive import numbers_in, stretches_in
from sekisho.discovery import kernel
from sekisho.discovery.beside import is_named
from sekisho.discovery.block import narrow
from sekisho.discovery.code_names import find_names
from sekisho.discovery.units import UNIT_OF, to_units, without_escapes
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


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PIECES | st.text("ab1 \n", max_size=30), max_size=14).map("".join),
    st.integers(0, 200),
    st.integers(0, 40),
)
def test_no_stretch_of_digits_is_jumped_over(text: str, cut: int, begin: int) -> None:
    units = np.frombuffer(PAD + text.encode() + PAD, dtype=np.uint8)
    low, last = len(PAD) + min(begin, len(text)), len(PAD) + min(max(cut, begin), len(text))
    found, at = [], low
    while at < last:
        start, at = kernel.next_stretch(units, at, last)
        if start < last:
            found.append((start, at))
    shifted = [(start - len(PAD), end - len(PAD)) for start, end in found]
    assert shifted == stretches_in(text, low - len(PAD), last - len(PAD))


NAMES = [
    "cvv", "CVC2", "cid", "csc", "cav", "Security", "verify", "セキュリティコード",
    "カード確認番号", "カード確認コード", "ｾｷｭﾘﾃｨｺｰﾄﾞ",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*NAMES, "c", "s", "カード", "確認", " ", "=123", "accident"])
        | st.text("x ", max_size=200) | st.integers(0, 700).map("x".__mul__),
        max_size=12,
    ).map("".join),
    st.sampled_from(["utf-8", "cp932", "euc_jp", "utf-16-le"]),
    st.integers(0, 900),
)  # fmt: skip
def test_names_of_codes_are_found_wherever_they_stand(text: str, encoding: str, cut: int) -> None:
    units, _ = to_units(f"{'.' * 32}{text}{'.' * 32}".encode(encoding), encoding)
    low, high = 32, len(units) - 32
    out = np.zeros(3, dtype=np.int64)  # so small that it fills
    found: list[int] = []
    for end in (min(low + cut, high), high):
        while low < end:
            count, low = find_names(units, low, end, out)
            found += out[:count].tolist()
    alone = set()
    for at in range(len(text)):
        short = text[at : at + 3].lower() in {"csc", "cid", "cav"}
        beside = text[max(at - 1, 0) : at] + text[at + 3 : at + 4]
        if is_named(text[at:]) and not (
            short and any(one.isascii() and one.isalpha() for one in beside)
        ):
            alone.add(at)
    assert alone <= {at - 32 for at in found}
    assert found == sorted(set(found))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text(max_size=9) | st.text("ab1 ", min_size=60, max_size=140), max_size=5).map(
        "".join
    )
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp932", "euc_jp"])
def test_units_are_those_of_the_characters(encoding: str, text: str) -> None:
    data = text.encode(encoding, "ignore")
    units, offsets = to_units(data, encoding)
    plain = without_escapes(data.decode(encoding))
    assume(plain == data.decode(encoding))
    if encoding.startswith("utf-16"):  # a pair of surrogates is two units
        plain = "".join(one if one < "\U00010000" else "\u4e00\u4e00" for one in plain)
    expected = [int(UNIT_OF[ord(one)]) if one < "\U00010000" else kernel.OTHER for one in plain]
    assert units.tolist() == expected
    widths = [len(one.encode(encoding)) for one in plain]
    assert offsets is None or np.diff(offsets).tolist() == widths
    assert all(
        chr(unit) == one for unit, one in zip(expected, narrow(plain), strict=True) if one.isascii()
    )


ESCAPES = [
    "&nbsp;",
    "&nbsp",
    "\\u30bb",
    "\\u0031",
    "\\u000a",
    "\\ud83d",
    "\\u12g4",
    "\x1b[1;31m",
    "\x1b[0m",
    "\x1b[",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(ESCAPES) | st.text("&u\\\x1b[0m1セ", max_size=8) | st.just("x" * 70),
        max_size=12,
    ).map("".join)
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "cp932"])
def test_characters_written_out_are_one_unit(encoding: str, text: str) -> None:
    data = text.encode(encoding)
    units, offsets = to_units(data, encoding)
    plain = without_escapes(text)
    expected = [int(UNIT_OF[ord(one)]) if one != "\ufffd" else kernel.OTHER for one in plain]
    assert units.tolist() == expected
    places = range(len(units) + 1) if offsets is None else offsets.tolist()
    parts = [data[a:b].decode(encoding) for a, b in pairwise(places)]
    assert [without_escapes(part) for part in parts] == list(plain)
    assert "".join(parts) == text
