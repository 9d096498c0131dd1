"""Reasons become response codes by a dated table, and every reason that is given has a row."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from sekisho.app.policy_reading import shipped_policy
from sekisho.domain.authorization import Decision, DecisionKind
from sekisho.domain.errors import BadInput
from sekisho.rulebook import response_codes
from sekisho.rulebook.response_codes import OTHER, parse, shipped
from sekisho.scoring.policy import Action

TODAY = date(2026, 11, 24)
ROW = '[[code]]\nreason = "other"\ncode = "05"\nkind = "standard"\nsource = "s"\n'
HEAD = 'valid_from = 2026-01-01\napproved = "00"\n'


def decision(*reasons: str, kind: DecisionKind = DecisionKind.DECLINE) -> Decision:
    return Decision("d", "r", kind, ask=False, reasons=reasons, score=0.5, decided_at=0)


@pytest.mark.parametrize(
    ("network", "reasons", "code"),
    [
        ("", ("score",), "59"),
        ("", ("card_blocked", "score"), "62"),
        ("", ("a rule of the installation", "velocity"), "65"),
        ("mastercard", ("velocity",), "05"),
        ("visa", ("step_up",), "1A"),
        ("mastercard", ("step_up",), "65"),
        ("jcb", ("step_up",), "05"),
        ("", ("nobody knows",), "05"),
        ("", (), "05"),
        ("", ("stand_in",), "91"),
    ],
)
def test_the_first_reason_with_a_row_decides(
    network: str, reasons: tuple[str, ...], code: str
) -> None:
    assert shipped(network, TODAY).of(decision(*reasons)) == code


def test_an_approval_is_00_whatever_its_reasons() -> None:
    approved = decision("score", kind=DecisionKind.APPROVE)
    assert shipped("visa", TODAY).of(approved) == "00"


def test_the_shipped_policy_gives_no_reason_without_a_row() -> None:
    rules = shipped_policy().policy.rules
    told = {rule.reason for rule in rules if rule.action is Action.DECLINE}
    engine = {"score", "card_stopped", "card_blocked", "stand_in"}
    assert told
    assert (told | engine) <= set(shipped("", TODAY).by_reason)


def test_every_row_says_where_it_is_from() -> None:
    folder = resources.files("sekisho.rulebook") / "data" / "response_codes"
    rows = [row for entry in folder.iterdir() for row in tomllib.loads(entry.read_text())["code"]]
    assert len(rows) > 10
    assert all(len(row["source"]) > 10 for row in rows)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("[[", "not TOML"),
        ('approved = "00"\n' + ROW, "valid_from"),
        ("valid_from = 2026-01-01\n" + ROW, "approved"),
        (HEAD, "code has no entry"),
        (HEAD + ROW.replace("other", "score"), OTHER),
        (HEAD + ROW + ROW, "has a row already"),
        (HEAD + ROW.replace('"05"', '"5"'), r"code\[1\].code"),
        (HEAD + ROW.replace("standard", "rumour"), r"code\[1\].kind"),
        (HEAD + ROW.replace('"s"', '" "'), "source is missing"),
        (HEAD + ROW + 'remark = "x"\n', "needs exactly"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(text: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        parse("codes.toml", text.encode(), "")


def test_an_installations_own_table(tmp_path: Path) -> None:
    path = tmp_path / "codes.toml"
    path.write_text(HEAD + ROW + ROW.replace("other", "score").replace("05", "63"))
    assert response_codes.read(path, "visa").of(decision("score")) == "63"
    with pytest.raises(BadInput, match="cannot be read"):
        response_codes.read(tmp_path / "none.toml", "")
