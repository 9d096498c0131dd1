"""Shops that look like one leak: three shops of an operator that no file names, among others."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from sekisho.commonpoint.proposed import _joined, agreement
from sekisho.domain.finding import CommonSign, EntityKind
from sekisho.world import DataTaken, LeakKind, LeakSpec, Timing, build
from small_world import small

from .world_run import of_shop, traced

LEAKS = (
    LeakSpec(LeakKind.MERCHANT, ((20, 90),), 0.3, size_rank=0.03, lag_days=6.0),
    LeakSpec(LeakKind.MERCHANT, ((60, 150),), 0.3, size_rank=0.05, lag_days=6.0),
    LeakSpec(
        LeakKind.OPERATOR, ((10, 60), (30, 120), (50, 100)), 0.4, Timing.BATCHES,
        DataTaken.DATABASE, n_members=3, size_rank=0.04,
    ),
)  # fmt: skip


def test_agreement_is_the_chance_of_two_dates_anywhere():
    rng = np.random.default_rng(5)
    one, other = rng.integers(0, 400, (2, 200_000, 2)).astype(float)
    for gap in (0.0, 3.0, 20.0):
        told = agreement(np.array([100.0, 200.0]), np.array([100.0 + gap, 200.0 - gap]), 400.0)
        seen = (np.abs(one - other) <= gap).all(axis=1).mean()
        assert seen <= told * 1.1, "never smaller than it is"
        assert told < 2.0 * max(seen, 1e-5), "and not much larger"
    assert agreement(np.array([0.0, 0.0]), np.array([900.0, 900.0]), 400.0) == 1.0


def test_linked_shops_become_one_group_with_its_weakest_link():
    links = [
        (1e-6, CommonSign.MISUSE, 0, 2),
        (1e-4, CommonSign.WINDOW, 2, 3),
        (2e-3, CommonSign.MISUSE, 0, 3),
        (5e-3, CommonSign.WINDOW, 4, 5),
    ]
    first, second = _joined(links, ["a", "b", "c", "d", "e", "f"])
    assert first.members == ("a", "c", "d")
    assert first.signs == (CommonSign.MISUSE, CommonSign.WINDOW)
    assert first.p_value == 1e-4, "a shorter way than the direct one"
    assert second.members == ("e", "f")
    assert _joined([], ["a", "b"]) == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 23, 24])
def test_an_operator_that_no_file_names_is_proposed_and_nobody_else(tmp_path: Path, seed: int):
    world = build(small(LEAKS), seed)
    answer = traced(world, tmp_path, levels=(EntityKind.MERCHANT,))
    operator = next(leak for leak in world.truth.leaks if leak.spec.kind is LeakKind.OPERATOR)
    members = [of_shop(answer, world, shop) for shop in operator.merchants]
    wanted = {one.entity_id for one in members if one is not None}
    assert len(wanted) > 1
    proposed = [set(group.members) for group in answer.proposed_groups]
    assert any(len(group & wanted) > 1 for group in proposed)
    assert all(group <= wanted for group in proposed), "unrelated leaks stay apart"


@pytest.mark.slow
def test_a_group_that_is_known_is_not_proposed(tmp_path: Path):
    world = build(small(LEAKS), 21)
    answer = traced(world, tmp_path)
    operators = [one for one in answer.findings if one.entity_kind is EntityKind.OPERATOR]
    assert operators
    named = {member.entity_id for one in operators for member in one.members}
    for group in answer.proposed_groups:
        assert not any({a, b} <= named for a, b in combinations(group.members, 2))
