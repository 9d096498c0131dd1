"""Terminals of a shop: the skimmed one is named, a shop that leaked as a whole stays a shop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from commonpoint.tiny import Leak, make
from commonpoint.world_run import LEVELS, of_shop, traced
from sekisho.commonpoint.trace import Question, trace
from sekisho.domain.finding import EntityKind, Finding
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

ALL = (*LEVELS, EntityKind.TERMINAL)


def spec(leaks: tuple[LeakSpec, ...] = ()) -> WorldSpec:
    return WorldSpec(
        days=240, merchants=MerchantSpec(count=250, home_areas=5),
        cards=CardSpec(count=6_000, per_day=0.15), noise=NoiseSpec(phishing=0.02), leaks=leaks,
    )  # fmt: skip


@cache
def planted(kind: LeakKind, seed: int) -> tuple[World, int]:
    """A shop with at least three terminals: its first one is skimmed, or all of it."""
    shops = economy_of(spec(), seed).merchants
    shop = int(np.flatnonzero(~shops.online & (shops.role == 0) & (shops.terminals > 2))[6])
    leak = LeakSpec(
        kind, ((60, 150),), 0.4, data_taken=DataTaken.TRACK, merchants=(shop,), lag_days=15.0
    )
    return build(spec((leak,)), seed), shop


def found(kind: LeakKind, seed: int, folder: Path, drop: str = "") -> Finding:
    world, shop = planted(kind, seed)
    finding = of_shop(traced(world, folder, levels=ALL, drop=drop), world, shop)
    assert finding is not None
    return finding


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_skimmed_terminal_is_named(seed: int, tmp_path: Path) -> None:
    world, shop = planted(LeakKind.TERMINAL, seed)
    finding = found(LeakKind.TERMINAL, seed, tmp_path)
    number = world.truth.economy.merchants.merchant_id[shop]
    assert finding.terminals is not None
    [one] = finding.terminals.terminals
    assert one.terminal_id == f"T{number[1:]}01"
    assert one.defrauded > 10 * one.expected
    rest = finding.terminals.elsewhere
    assert rest.defrauded < 3 * rest.expected + 5
    # Counted by hand: cards at that terminal in the window; some were misused before.
    rows = pq.read_table(tmp_path / "transactions.parquet").to_pylist()
    end = finding.window_end + timedelta(days=1)
    there: dict[str, set[str]] = {}
    for row in rows:
        inside = finding.window_start <= row["authorized_at"].date() < end
        if inside and row["merchant_id"] == number and row["message_type"] == "authorization":
            there.setdefault(row["terminal_id"], set()).add(row["card_ref"])
    assert one.cards == pytest.approx(len(there[one.terminal_id]), rel=0.03)
    others = set().union(*there.values()) - there[one.terminal_id]
    assert rest.cards == pytest.approx(len(others), rel=0.03)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_shop_that_leaked_as_a_whole_stays_a_shop(seed: int, tmp_path: Path) -> None:
    assert found(LeakKind.MERCHANT, seed, tmp_path).terminals is None


def test_without_terminals_nothing_is_said(tmp_path: Path) -> None:
    assert found(LeakKind.TERMINAL, 1, tmp_path, drop="terminal_id").terminals is None


def test_it_is_asked_for(tmp_path: Path) -> None:
    world, shop = planted(LeakKind.TERMINAL, 1)
    finding = of_shop(traced(world, tmp_path), world, shop)
    assert finding is not None
    assert finding.terminals is None
    # Asking changes nothing else.
    asked = found(LeakKind.TERMINAL, 1, tmp_path / "asked")
    assert asked.entity_kind is EntityKind.TERMINAL
    assert replace(asked, terminals=None, entity_kind=EntityKind.MERCHANT) == finding


def test_a_history_that_knows_no_terminals_is_searched_all_the_same() -> None:
    economy = make(1, leaks=(Leak(6, 40, 120, 0.5),))
    question = Question(economy.last_day, permute=False, levels=ALL)
    answer = trace(economy.arrays(), question, np.random.default_rng(1), Silent())
    assert answer.findings
    assert all(finding.terminals is None for finding in answer.findings)
