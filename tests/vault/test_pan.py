"""One card number: read, judged, masked, and never shown by accident."""

from __future__ import annotations

import copy
import pickle
import re
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invented_cards import PUBLISHED, complete, naive_luhn
from sekisho.vault.pan import (
    DIGITS_MAX,
    DIGITS_MIN,
    Pan,
    Trouble,
    brand_of,
    luhn_fits,
    mask,
    mask_embedded,
    normalise,
    parse,
    redact,
    trouble_with,
)

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
bodies = st.text("0123456789", min_size=DIGITS_MIN - 1, max_size=DIGITS_MAX - 1)


@pytest.mark.parametrize(("digits", "brand"), PUBLISHED.items())
def test_published_test_numbers_are_read_with_their_brand(digits: str, brand: str) -> None:
    assert trouble_with(digits) is Trouble.NONE
    assert brand_of(digits) == brand


@pytest.mark.parametrize(
    ("prefix", "length", "brand"),
    [
        ("222099", 16, None),
        ("222100", 16, "mastercard"),
        ("272099", 16, "mastercard"),
        ("272100", 16, None),
        ("352799", 16, None),
        ("352800", 16, "jcb"),
        ("358999", 16, "jcb"),
        ("359000", 16, None),
        ("400000", 15, None),
        ("622126", 16, "unionpay"),
        ("622126", 19, "unionpay"),
        ("510000", 17, None),
        ("900000", 16, None),
        *((prefix, 15, "jcb") for prefix in ("180000", "213100", "213199")),
        ("213200", 15, None),
        ("180000", 16, None),
        *(("400000", length, "visa") for length in (13, 16, 18, 19)),
        *(("352800", length, "jcb") for length in (16, 17, 18, 19)),
        *((p, length, "diners") for p in ("300000", "360000") for length in (14, 16, 19)),
        *((p, length, "unionpay") for p in ("620000", "810000") for length in (16, 17, 18, 19)),
        *((prefix, 16, "discover") for prefix in ("601100", "644000", "650000")),
        *((prefix, 15, "amex") for prefix in ("340000", "379999")),
    ],
)
def test_brand_ranges_end_where_they_end(prefix: str, length: int, brand: str | None) -> None:
    assert brand_of(complete(prefix.ljust(length - 1, "0"))) == brand


@given(st.one_of(st.text(max_size=24), bodies.map(complete)))
def test_parse_says_exactly_one_thing(text: str) -> None:
    parsed = parse(text)
    assert parsed.trouble is trouble_with(text)
    assert (parsed.pan is None) == (parsed.trouble is not Trouble.NONE)
    if parsed.pan is not None:
        assert parsed.pan.clear() == normalise(text)
        assert parsed.brand == brand_of(parsed.pan.clear())
        assert parsed.pan.clear() not in f"{parsed!r} {parsed}"
    else:
        assert parsed.brand is None


@given(st.text("0123456789", max_size=30))
def test_luhn_equals_its_naive_twin(digits: str) -> None:
    assert luhn_fits(digits) == naive_luhn(digits)


@given(
    bodies,
    st.lists(st.integers(1, 18), max_size=6),
    st.sampled_from([" ", "-", "　", "－", "‐", "−", "–", "ー", "ｰ", "\u00a0", "\t"]),
    st.booleans(),
)
def test_any_grouping_and_width_reads_the_same(
    body: str, cuts: list[int], separator: str, wide: bool
) -> None:
    digits = complete(body)
    text = "".join(separator + d if at in cuts else d for at, d in enumerate(digits))
    text = text.translate(FULL_WIDTH) if wide else text
    assert normalise(f" {text} ") == digits
    assert Pan(text) == Pan(digits)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", Trouble.EMPTY),
        (" - ", Trouble.EMPTY),
        ("4111x11111111111", Trouble.NOT_DIGITS),
        ("4.11111E+15", Trouble.NOT_DIGITS),
        ("٤١١١١١١١١١١١١١١١", Trouble.NOT_DIGITS),
        ("411111111111", Trouble.LENGTH),
        ("41111111111111111111", Trouble.LENGTH),
        ("4111111111111112", Trouble.CHECK_DIGIT),
    ],
)
def test_troubles(text: str, trouble: Trouble) -> None:
    assert trouble_with(text) is trouble
    assert trouble.reason


@given(st.text(max_size=40))
def test_mask_fails_closed(text: str) -> None:
    if trouble_with(text) is not Trouble.NONE:
        assert mask(text) == "******"


@given(bodies)
def test_mask_keeps_bin_and_last_four_only(body: str) -> None:
    digits = complete(body)
    shown = mask(digits)
    assert shown == digits[:6] + "*" * (len(digits) - 10) + digits[-4:]


def test_no_common_way_of_showing_a_pan_shows_it() -> None:
    digits = "4111111111111111"
    pan = Pan(digits)
    shown = [repr(pan), str(pan), f"{pan}", f"{pan:>20}", "%s" % pan, repr([pan]), repr({pan: 1})]  # noqa: UP031
    assert all(digits not in text and "411111******1111" in text for text in shown)
    assert pan.clear() == digits
    assert pan.bin == "411111"


def test_a_pan_is_neither_pickled_nor_copied() -> None:
    pan = Pan("4111111111111111")
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            act(pan)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(pan, protocol)


def test_an_unreadable_value_is_not_in_the_error() -> None:
    with pytest.raises(ValueError, match="check digit") as caught:
        Pan("4111111111111112")
    assert "41111" not in "".join(traceback.format_exception_only(caught.value))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("カード番号4111111111111111です", "カード番号******です"),
        ("called about 4111 1111 1111 1111 today", "called about ****** today"),
        ("４１１１－１１１１－１１１１－１１１１", "******"),
        ("4111111111111112", "4111111111111112"),
        ("order 41111111111111111111", "order 41111111111111111111"),
        ("id a4111111111111111", "id a4111111111111111"),
        ("no number", "no number"),
    ],
)
def test_numbers_inside_text_are_masked_whole(text: str, masked: str) -> None:
    assert mask_embedded(text) == masked


@given(bodies, st.text(max_size=10), st.text(max_size=10))
def test_redact_leaves_no_long_number(body: str, before: str, after: str) -> None:
    assert not re.search("[0-9]{12}", redact(f"{before}{complete(body)}{after}"))
