"""Planted truth on little economies: the leak is found, its window and counts are right."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from commonpoint.array_history import EPOCH
from commonpoint.tiny import DAY, START, Economy, Leak, make, shop_name
from sekisho.commonpoint.lead import earlier_look
from sekisho.commonpoint.search import Limits
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.progress import Silent

WORLDS = [
    (1, Leak(6, 40, 120, 0.5)),
    (2, Leak(9, 100, 170, 0.6)),
    (3, Leak(30, 20, 220, 0.6)),
    (4, Leak(12, 60, 120, 0.7, lag=5.0, sold=210)),
]


def shop_id(shop: int) -> str:
    return "/".join(shop_name(shop))


def search(economy: Economy, as_of: date | None = None) -> Answer:
    question = Question(as_of=as_of or economy.last_day, permute=False)
    return trace(economy.arrays(as_of), question, np.random.default_rng(1), Silent())


def day_of(number: int) -> date:
    return (EPOCH + timedelta(seconds=START + number * DAY)).date()


def spread(seed: int, *leaks: Leak) -> Economy:
    """Enough cards and shops that one leak touches a small part of them."""
    return make(seed, cards=1_500, shops=80, leaks=leaks, background=0.08)


@pytest.mark.parametrize(("seed", "leak"), WORLDS)
def test_the_shop_its_window_and_its_counts(seed: int, leak: Leak) -> None:
    economy = spread(seed, leak)
    answer = search(economy)
    assert [f.entity_id for f in answer.findings] == [shop_id(leak.shop)]
    found = answer.findings[0]
    # The data shows the window between victims' visits; a few of these apart is as good as it gets.
    gap = max(7, round(3 * (leak.last - leak.first) / found.cards_defrauded))
    assert abs((found.window_start - day_of(leak.first)).days) <= gap
    assert abs((found.window_end - day_of(leak.last)).days) <= gap
    assert found.window_start_interval.lower <= found.window_start
    assert found.window_end <= found.window_end_interval.upper
    first, last = (
        START + (d - day_of(0)).days * DAY for d in (found.window_start, found.window_end)
    )
    there: dict[str, int] = {}
    for p in economy.purchases:
        if p.shop == shop_name(leak.shop) and first <= p.at < last + DAY:
            there[p.card] = min(there.get(p.card, p.at), p.at)
    assert found.cards_exposed == pytest.approx(len(there), rel=0.1)  # some were misused before
    assert expected_within_error(economy, leak, there, found.cards_expected, found.misuse_period)


def expected_within_error(
    economy: Economy, leak: Leak, there: dict[str, int], expected: float, period: int | None
) -> bool:
    """The rate of fraud among cards that never went there, over the exposed cards' time at risk."""
    end = START + economy.days * DAY
    begin = START if period is None else end - period * DAY
    ever = {p.card for p in economy.purchases if p.shop == shop_name(leak.shop)}
    everybody = {p.card for p in economy.purchases}
    quiet = [r for r in economy.reports if r.card not in ever and r.reported_at < end]
    rate = len(quiet) / (len(everybody - ever) * (end - START))
    plain = rate * sum(end - max(at, begin) for at in there.values())
    # Matching on activity raises it: the shop's customers are busier than those who never came.
    error = 3 * plain * (1 / max(len(quiet), 1) + 1 / max(plain, 1)) ** 0.5
    return plain / 2 - error <= expected <= 2.5 * plain + error


@pytest.mark.parametrize("seed", range(10, 22))
def test_quiet_economies_blame_nobody(seed: int) -> None:
    assert not search(make(seed, background=0.25)).findings


def test_two_leaks_at_once_are_both_found() -> None:
    answer = search(spread(5, Leak(8, 40, 120, 0.6), Leak(20, 90, 200, 0.7)))
    assert {f.entity_id for f in answer.findings} == {shop_id(8), shop_id(20)}


def test_an_open_window_says_so_and_a_cut_one_too() -> None:
    economy = spread(6, Leak(8, 0, 299, 0.5, lag=5.0))
    found = search(economy).findings[0]
    assert found.entity_id == shop_id(8)
    assert found.window_left_censored
    assert found.window_ongoing
    closed = search(spread(6, Leak(8, 60, 150, 0.5, lag=5.0))).findings[0]
    assert not closed.window_left_censored
    assert not closed.window_ongoing


@pytest.mark.parametrize("seed", [1, 2])
def test_an_earlier_look_is_what_an_earlier_run_would_have_said(seed: int) -> None:
    economy = spread(seed, Leak(8, 100, 280, 0.5, lag=8.0))
    answer = search(economy)
    found = next(a for a in answer.associations if a.kind is None)
    look = earlier_look(found, answer.ground, answer.chance, Limits().family_wise_error)
    assert look.found_on < economy.last_day
    later = look.found_on + timedelta(days=31)
    assert shop_id(8) in {f.entity_id for f in search(economy, later).findings}
    before = look.found_on - timedelta(days=32)
    assert shop_id(8) not in {f.entity_id for f in search(economy, before).findings}
    since = START + (look.found_on - day_of(-1)).days * DAY
    reports = [r for r in economy.reports if r.at >= since]
    assert look.victims_after <= len(reports)


def test_reports_of_other_kinds_are_no_cases() -> None:
    economy = spread(1, WORLDS[0][1])
    lost = replace(
        economy, reports=tuple(replace(r, kind="lost_stolen") for r in economy.reports[1:])
        + (replace(economy.reports[0], kind="card_not_present"),),
    )  # fmt: skip
    answer = search(lost)
    assert answer.cases == 1
    assert not answer.findings
