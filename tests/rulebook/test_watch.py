"""The watch table: dated, whole, and refused where it contradicts itself."""

from __future__ import annotations

from datetime import date

import pytest

from sekisho.domain.errors import BadInput
from sekisho.domain.exposure import ALIASES
from sekisho.domain.known_leaks import DATA_KEYS
from sekisho.rulebook.watch import parse, shipped, shipped_text, versions

TEXT = shipped_text(versions()[-1])


def test_the_shipped_table_knows_every_element_and_says_why() -> None:
    table = shipped()
    assert set(DATA_KEYS) <= set(table.names)
    assert set(ALIASES.values()) <= set(table.names)
    for one in table.elements:
        assert one.why_en, one.name
        assert any("\u3040" <= letter <= "\u30ff" for letter in one.why_ja), one.name
    assert {rule.needs for rule in table.rules} <= set(table.names)
    assert len(table.sha256) == 64


def test_a_name_or_an_address_alone_leads_to_a_notice_and_nothing_else() -> None:
    day = date(2031, 3, 1)
    assert shipped().until(("holder_name", "address", "email", "phone"), day, None) is None
    assert shipped().until(("holder_name", "pan"), day, None) == date(2032, 2, 29)


def test_a_challenge_passed_still_reassures_and_a_matching_code_does_not() -> None:
    for rule in shipped().rules:
        if rule.needs in ("security_code", "pan"):
            assert "eci != 3.0" in rule.when
        if rule.needs == "security_code":
            assert "code_result" not in rule.when


@pytest.mark.parametrize(
    ("old", "new", "trouble"),
    [
        ("sekisho.watch/1", "sekisho.watch/2", "schema is"),
        ("valid_from = 2026-11-01", 'valid_from = "soon"', "valid_from is no date"),
        ('name = "expiry"', 'name = "pan"', "stands there twice"),
        ("days = 365", "days = 0", "days is not above 0"),
        ('needs = "track"', 'needs = "shoe"', "there is no element 'shoe'"),
        ('action = "ask"', 'action = "sigh"', "'sigh' is no action"),
        ("watch = true", "wacht = true", "wacht"),
        ("[[rule]]", "[[rule", "watch table x"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        parse(TEXT.replace(old, new, 1), "x")


def test_there_is_no_table_of_another_name() -> None:
    with pytest.raises(BadInput, match="no watch table '1999-01'"):
        shipped("1999-01")
