"""Skimmed form or stolen database: told by the cards that the shop only charged."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonpoint.tiny import Leak, make, shop_name
from commonpoint.world_run import of_shop, traced
from sekisho.commonpoint.theft import CLEAR, compare
from sekisho.commonpoint.trace import Question, trace
from sekisho.domain.finding import CardGroup, Finding, TheftKind
from sekisho.domain.progress import Silent
from sekisho.world import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    NoiseSpec,
    World,
    WorldSpec,
    build,
)
from sekisho.world.economy import economy_of

WINDOW = (60, 150)


def spec(leaks: tuple[LeakSpec, ...] = ()) -> WorldSpec:
    return WorldSpec(
        days=240, merchants=MerchantSpec(count=250, home_areas=5),
        cards=CardSpec(count=6_000, per_day=0.12, standing=1.2), noise=NoiseSpec(phishing=0.01),
        leaks=leaks,
    )  # fmt: skip


@cache
def planted(kind: DataTaken, seed: int) -> tuple[World, int]:
    """A shop with standing charges leaks: its form, or its database."""
    shop = int(np.flatnonzero(economy_of(spec(), seed).merchants.standing)[1])
    leak = LeakSpec(
        LeakKind.MERCHANT, (WINDOW,), 0.15, data_taken=kind, merchants=(shop,), lag_days=15.0
    )
    return build(spec((leak,)), seed), shop


def found(kind: DataTaken, seed: int, folder: Path, drop: str = "") -> Finding:
    world, shop = planted(kind, seed)
    finding = of_shop(traced(world, folder, drop=drop), world, shop)
    assert finding is not None
    return finding


@pytest.mark.parametrize("seed", [1, 3])
@pytest.mark.parametrize(
    ("planted_as", "said"),
    [(DataTaken.FORM, TheftKind.FORM), (DataTaken.DATABASE, TheftKind.DATABASE)],
)
def test_both_ways_of_theft_are_recovered(
    planted_as: DataTaken, said: TheftKind, seed: int, tmp_path: Path
) -> None:
    finding = found(planted_as, seed, tmp_path)
    theft = finding.theft
    assert theft is not None
    assert theft.kind is said
    assert theft.entered.defrauded > 3 * theft.entered.expected
    assert min(theft.p_form, theft.p_database) < CLEAR <= max(theft.p_form, theft.p_database)
    # Both groups are cards of the finding, none in both.
    assert theft.entered.cards + theft.charged.cards <= finding.cards_exposed * 1.02


def test_a_window_in_two_parts_becomes_one(tmp_path: Path) -> None:
    """Everybody is charged in the first month, so the strongest window is that month alone."""
    finding = found(DataTaken.DATABASE, 3, tmp_path)
    start = planted(DataTaken.DATABASE, 3)[0].spec.start
    assert abs((finding.window_start - start - timedelta(days=WINDOW[0])).days) <= 7
    assert abs((finding.window_end - start - timedelta(days=WINDOW[1])).days) <= 21


def test_stored_credentials_stand_in_for_the_initiator(tmp_path: Path) -> None:
    finding = found(DataTaken.FORM, 1, tmp_path, drop="initiator")
    assert finding.theft is not None
    assert finding.theft.kind is TheftKind.FORM


def test_without_either_column_nothing_is_said(tmp_path: Path) -> None:
    finding = found(DataTaken.FORM, 1, tmp_path, drop="initiator stored_credential")
    assert finding.theft is None


def test_without_cards_that_were_only_charged_it_cannot_be_told() -> None:
    economy = make(1, leaks=(Leak(6, 40, 120, 0.5),))
    some = [replace(p, by_merchant=p.shop == shop_name(9)) for p in economy.purchases]
    question = Question(economy.last_day, permute=False)
    history = replace(economy, purchases=tuple(some)).arrays()
    [finding] = trace(history, question, np.random.default_rng(1), Silent()).findings
    assert finding.theft is not None
    assert finding.theft.kind is TheftKind.CANNOT_BE_TOLD
    assert finding.theft.charged.cards == 0


def naive_tail(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 300), st.integers(0, 40), st.integers(1, 300), st.integers(0, 40))
def test_the_chances_are_those_of_plain_counting(n1: int, k1: int, n2: int, k2: int) -> None:
    entered = CardGroup(n1, min(k1, n1), 0.01 * n1)
    charged = CardGroup(n2, min(k2, n2), 0.01 * n2)
    theft = compare(entered, charged)
    by_hand = naive_tail(charged.defrauded, n2, 0.01)
    assert theft.p_form == pytest.approx(max(by_hand, 1e-300), rel=1e-6)
    total = entered.defrauded + charged.defrauded
    share = n2 / (n1 + n2)  # equal expectations per card: the excess is shared by cards
    naive = sum(
        math.comb(total, i) * share**i * (1 - share) ** (total - i)
        for i in range(charged.defrauded + 1)
    )
    assert theft.p_database == pytest.approx(max(naive, 1e-300), rel=1e-6)


def test_few_cards_are_never_enough() -> None:
    few = compare(CardGroup(20, 3, 0.1), CardGroup(3, 0, 0.01))
    assert few.kind is TheftKind.CANNOT_BE_TOLD
    # Neither fits: more than nothing, less than the others.
    odd = compare(CardGroup(1000, 200, 5.0), CardGroup(1000, 40, 5.0))
    assert odd.kind is TheftKind.CANNOT_BE_TOLD
