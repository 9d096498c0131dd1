"""A policy file says exactly what it decides, or is refused with the place of the mistake."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.app.policy_reading import default_text, policy_of
from sekisho.domain.errors import BadInput
from sekisho.rulebook.watch import shipped, shipped_text
from sekisho.scoring.policy_file import differences, parse_policy

TEXT = """
schema = "sekisho.policy/1"
version = "try-1"
note = "架空の試し"
[[thresholds]]
up_to = 1000
ask_from = 0.5
decline_from = 0.9
[[lists]]
name = "trusted"
of = "merchant"
[[lists.entries]]
value = "A01/M000007"
until = 2027-03-31
reason = "known for years"
[[rules]]
name = "night"
when = 'hour <= 4.0 && !(merchant in list("trusted"))'
action = "ask"
why = "quiet hours"
"""


def read(text: str):
    return parse_policy(text, shipped)


def test_what_a_file_says_is_what_is_read() -> None:
    found = read(TEXT)
    assert found.policy.version.startswith("try-1@")
    assert found.policy.rules[0].name == "night"
    assert found.why == {"night": "quiet hours"}
    assert found.policy.lists[0].entries[0].until == 1_806_537_600  # 2027-04-01T00:00Z


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.9", "0.8"), ("2027-03-31", "2027-03-30"), ("hour <= 4.0", "hour <= 5.0"),
        ('"ask"', '"decline"'), ("M000007", "M000008"),
    ],
)  # fmt: skip
def test_whatever_decides_changes_the_digest_and_the_rest_does_not(old: str, new: str) -> None:
    assert read(TEXT.replace(old, new)).digest != read(TEXT).digest
    assert read(TEXT.replace("架空の試し", "another note")).digest == read(TEXT).digest
    (change,) = differences(read(TEXT).policy, read(TEXT.replace("0.9", "0.8")).policy)
    assert (change.before, change.after) == (
        "ask from 0.5, decline from 0.9", "ask from 0.5, decline from 0.8",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "trouble"),
    [
        ("when = ", "wen = ", "rule 1 .night.: 'wen' is not known"),
        ('action = "ask"', 'action = "hold"', "'hold' is no action"),
        ("hour", "hours", "rule 'night': character 1: there is no feature 'hours'"),
        ("ask_from = 0.5", 'ask_from = "0.5"', "threshold 1: ask_from is '0.5'"),
        ("ask_from = 0.5", "ask_from = 0.95", "after declining"),
        ('reason = "known for years"', "", "entry 1: reason is missing"),
        ('of = "merchant"', 'of = "shop"', "is of 'shop'"),
        ("2027-03-31", "2027-03-31T00:00:00", "until is"),
        ("sekisho.policy/1", "sekisho.policy/9", "schema is"),
        ('version = "try-1"', "", "version is missing"),
        ("[[rules]]", "[rules]", "rules is not a list"),
        ("note", "watch = '2001-01'\nnote", "no watch table '2001-01'"),
        ("note =", "note = =", "no TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        read(TEXT.replace(old, new, 1))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(TEXT) - 1), st.text(min_size=1, max_size=3))
def test_no_change_of_a_file_breaks_the_reader(at: int, text: str) -> None:
    with suppress(BadInput):
        read(TEXT[:at] + text + TEXT[at + 1 :])


def test_the_default_policy_and_the_watch_table_are_sound() -> None:
    found = policy_of(default_text())
    names = [rule.name for rule in found.policy.rules]
    assert "watch_code_taken" in names
    assert found.watch == shipped().version
    assert all(found.why[name] for name in names)
    for name in names:
        assert any("\u3040" <= letter <= "\u30ff" for letter in found.why_ja[name]), name
    assert shipped_text(found.watch) in shipped_text(shipped().version)
