"""The odds are what the reference page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sekisho.discovery.judge import WEIGHTS, Column, confidence
from sekisho.discovery.names import Says, is_code_name, what_says

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "discover.md"


def test_the_weights_are_those_of_the_reference_page() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \|[^|]*\| ([−+][0-9.]+) \|$", PAGE.read_text("utf-8"), re.M)
    )
    assert {name: float(value.replace("−", "-")) for name, value in rows.items()} == dict(WEIGHTS)


def test_a_column_speaks_for_its_numbers() -> None:
    assert Column(1, 1).odds == 0
    assert Column(100, 100).odds == WEIGHTS["column_most"]
    assert Column(100, 10).odds == WEIGHTS["column_least"]
    assert Column(100, 95).odds > 0
    assert Column(3, 1).odds < Column(2, 1).odds < 0


def test_confidence_is_a_share() -> None:
    assert [confidence(odds) for odds in (-99.0, 0.0, 2.2, 99.0)] == [0.01, 0.5, 0.9, 0.99]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ("card ", Says.A_CARD), ("cardNumber=", Says.A_CARD), ("カード番号は", Says.A_CARD),
        ('"pan": "', Says.A_CARD), ("user=7 paid by visa ", Says.A_CARD), ("cc_no: ", Says.A_CARD),
        ("user_id=", Says.NOT_A_CARD), ("注文番号：", Says.NOT_A_CARD), ("ts=", Says.NOT_A_CARD),
        ("tracking number ", Says.NOT_A_CARD), ("card_id=", Says.NOTHING),
        ("company ", Says.NOTHING),
        ("user tanaka paid ", Says.NOTHING), ("", Says.NOTHING),
    ],
)  # fmt: skip
def test_words_before_a_number(before: str, says: Says) -> None:
    assert what_says(before) is says


@pytest.mark.parametrize(
    "name",
    [
        "cvv",
        "CVV2",
        "card_cvc",
        "securityCode",
        "セキュリティコード",
        "cid",
        "card_verification_value",
    ],
)
def test_names_of_codes(name: str) -> None:
    assert is_code_name(name)


@pytest.mark.parametrize(
    "name", ["incident", "cvv_result", "code", "cvv_present", "city", "セキュリティ", "acid"]
)
def test_names_of_other_things(name: str) -> None:
    assert not is_code_name(name)
