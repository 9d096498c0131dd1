"""Alert files: every line becomes a card's reference or is kept apart; no number gets through."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invented_cards import invented_cards
from sekisho.domain.errors import BadInput
from sekisho.domain.exposure import EntryAction
from sekisho.vault.alert_file import AlertMapping, read_alert_rows, read_mapping
from sekisho.vault.keys import CardKey
from sekisho.vault.pan import parse
from sekisho.vault.surrogate import CardRefs

CARDS = invented_cards(np.random.default_rng(5), 4)
REFS = CardRefs(CardKey("k-1", b"s" * 32))
MAPPING = """
schema = "sekisho.alert-mapping/1"
source = "scheme"
expiry_form = "YYMM"
date_form = "%Y%m%d"
[columns]
pan = "会員番号"
expiry = "有効期限"
elements = "漏えい項目"
action = "区分"
window_end = "終了日"
[elements]
"1" = ["pan", "expiry"]
"2" = ["pan", "expiry", "security_code"]
[actions]
"D" = "withdraw"
"""
HEAD = "会員番号,有効期限,漏えい項目,区分,終了日\n"


def mapping(folder: Path, text: str = MAPPING) -> AlertMapping:
    (folder / "mapping.toml").write_text(text, "utf-8")
    return read_mapping(folder / "mapping.toml")


def ref(card: str) -> str:
    return REFS.of(parse(card).pan)  # type: ignore[arg-type]


def test_lines_become_references_or_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "alert.csv"
    lines = [
        f"{CARDS[0]},3305,2,,20301231",
        f"{CARDS[1][:4]} {CARDS[1][4:8]} {CARDS[1][8:]},3201,1,D,",
        f"{CARDS[2]},3313,1,,20301231",
        "1234567890123456,3305,1,,",
        f"{CARDS[3]},3305,1,X,",
        f"{CARDS[3]}",
        "",
    ]
    path.write_bytes((HEAD + "\n".join(lines)).encode("cp932"))
    told = read_alert_rows(path, mapping(tmp_path), REFS)
    first, second = told.rows
    assert first.entry.card_ref == ref(CARDS[0])
    assert first.entry.expiry == date(2033, 5, 31)
    assert first.entry.elements == ("pan", "expiry", "security_code")
    assert first.window_end == date(2030, 12, 31)
    assert (second.entry.card_ref, second.entry.action) == (ref(CARDS[1]), EntryAction.WITHDRAW)
    apart = [(one.row, one.field) for one in told.rejected]
    assert apart == [(4, "expiry"), (5, "pan"), (6, "action"), (7, "expiry")]
    assert not any(card in repr(told) for card in CARDS)


def test_other_ways_to_name_a_card(tmp_path: Path) -> None:
    text = MAPPING.replace('pan = "会員番号"', "bin = 1\nlast4 = 2").replace(
        'expiry = "有効期限"\nelements = "漏えい項目"\naction = "区分"\nwindow_end = "終了日"',
        "expiry = 3",
    )
    (tmp_path / "a.csv").write_text("400000,0001,3305\n4000,0001,3305\n40000011,12,3305\n", "utf-8")
    given_mapping = mapping(tmp_path, "header = false\n" + text)
    told = read_alert_rows(tmp_path / "a.csv", given_mapping, None)
    assert [(row.entry.bin, row.entry.last4) for row in told.rows] == [("400000", "0001")]
    assert [one.field for one in told.rejected] == ["bin", "last4"]
    refs = MAPPING.replace('pan = "会員番号"', 'card_ref = "会員番号"')
    (tmp_path / "b.csv").write_text(HEAD + f"{CARDS[0]},3305,1,,\nown-7,3305,1,,\n", "utf-8")
    told = read_alert_rows(tmp_path / "b.csv", mapping(tmp_path, refs), None)
    assert [row.entry.card_ref for row in told.rows] == ["own-7"]
    assert told.rejected[0].reason == "a card number stands where a reference is wanted"


@pytest.mark.parametrize(
    ("old", "new", "trouble"),
    [
        ("mapping/1", "mapping/2", "schema is"),
        ('source = "scheme"', 'source = "rumour"', "rumour"),
        ('pan = "会員番号"', "", "names a card by pan"),
        ('pan = "会員番号"', 'pan = "会員番号"\ncard_ref = "x"', "names a card by pan"),
        ("expiry_form", "expire_form", "'expire_form' is not known"),
        ('"YYMM"', '"YMYM"', "is none of"),
        ('"withdraw"', '"forget"', "forget"),
        ("[columns]", "[columns", "mapping.toml"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said(
    tmp_path: Path, old: str, new: str, trouble: str
) -> None:
    with pytest.raises(BadInput, match=trouble):
        mapping(tmp_path, MAPPING.replace(old, new))


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for content, trouble in (
        (b"", "is empty"),
        ("番号,有効期限\n".encode(), "has no column '会員番号'"),
        (b"\xff\xfe\x81\n", "not text in the encoding"),
    ):
        path.write_bytes(content)
        with pytest.raises(BadInput, match=trouble):
            read_alert_rows(path, mapping(tmp_path), REFS)
    path.write_text(HEAD, "utf-8")
    with pytest.raises(BadInput, match="names cards by their numbers"):
        read_alert_rows(path, mapping(tmp_path), None)
    with pytest.raises(BadInput, match="cannot be read"):
        read_alert_rows(tmp_path / "none.csv", mapping(tmp_path), REFS)


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=120))
def test_no_bytes_break_the_reader(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f.csv").write_bytes(HEAD.encode() + data)
    with suppress(BadInput):
        told = read_alert_rows(tmp_path / "f.csv", mapping(tmp_path), REFS)
        assert all(row.entry.card_ref for row in told.rows)
