"""Looks that follow one another: what they may spend, and what they say is new."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.commonpoint.looks import TOTAL, alpha_of, compare, next_look, spent_by
from sekisho.domain.errors import BadInput
from sekisho.domain.looks import ChangeKind, Look, LookInput, Seen

START = date(2024, 1, 31)


def seen(entity: str, members: tuple[str, ...] = (), kind: str = "merchant") -> Seen:
    return Seen(kind, entity, entity, members or (entity,), START, START, 100, 8, 1e-9)


def look(day: int, *findings: Seen, alpha: float = 1e-5, files: str = "a") -> Look:
    inputs = tuple(LookInput("transactions", f"{name}.parquet", name * 4) for name in files)
    return Look(START + timedelta(days=day), alpha, ("merchant",), inputs, tuple(findings))


@given(st.lists(st.integers(1, 400), max_size=90))
def test_all_looks_together_stay_within_the_bound(gaps: list[int]) -> None:
    looks: list[Look] = []
    day = 0
    for gap in [0, *gaps]:
        day += gap
        alpha = alpha_of(looks, START + timedelta(days=day))
        assert alpha > 0
        looks.append(look(day, alpha=alpha))
        assert sum(one.alpha for one in looks) == pytest.approx(spent_by(day))
    assert sum(one.alpha for one in looks) < TOTAL


def test_looking_more_often_spends_no_more() -> None:
    def spent(every: int) -> float:
        looks: list[Look] = []
        for day in range(0, 721, every):
            looks.append(look(day, alpha=alpha_of(looks, START + timedelta(days=day))))
        return sum(one.alpha for one in looks)

    assert spent(1) == pytest.approx(spent(30)) == pytest.approx(spent(720))


def test_the_same_look_again_spends_nothing_and_others_are_refused() -> None:
    looks = (look(0, alpha=5e-4), look(30, alpha=2e-5, files="ab"))
    last = looks[-1]
    same = tuple(reversed(last.inputs))
    assert next_look(looks, last.as_of, ("merchant",), same) == (2e-5, True)
    with pytest.raises(BadInput, match="other files"):
        next_look(looks, last.as_of, ("merchant",), looks[0].inputs)
    with pytest.raises(BadInput, match="other levels"):
        next_look(looks, last.as_of, ("merchant", "operator"), last.inputs)
    with pytest.raises(BadInput, match="the last look was as of"):
        next_look(looks, START + timedelta(days=29), ("merchant",), last.inputs)
    alpha, again = next_look(looks, START + timedelta(days=60), ("merchant",), last.inputs)
    assert not again
    assert alpha == pytest.approx(spent_by(60) - spent_by(30))


def test_changes_are_told_apart() -> None:
    before = look(0, seen("A/1"), seen("A/2"), seen("A/3"), seen("A/4"), files="ab")
    grown = replace(seen("A/2"), cards_defrauded=12)
    operator = seen("O/1", ("A/3", "A/9"), "operator")
    now = look(30, seen("A/1"), grown, operator, seen("A/7"), files="bc")
    since = compare((before,), now, ())
    told = {(c.kind, (c.now or c.before).entity_id) for c in since.changes if c.now or c.before}
    assert told == {
        (ChangeKind.SAME, "A/1"),
        (ChangeKind.GROWN, "A/2"),
        (ChangeKind.RENAMED, "O/1"),
        (ChangeKind.GONE, "A/4"),
        (ChangeKind.NEW, "A/7"),
    }
    assert since.changes[0].kind is ChangeKind.NEW
    gone = next(c for c in since.changes if c.kind is ChangeKind.GONE)
    assert gone.now_listed == "not_listed"
    assert since.new_files == ("c.parquet",)
    assert since.missing_files == ("a.parquet",)
    assert since.number == 2
    assert since.last == START
