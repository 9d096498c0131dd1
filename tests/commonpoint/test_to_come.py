"""Reports still to come: a finding's misuse and its window, against what became known later."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from commonpoint.array_history import EPOCH
from commonpoint.tiny import DAY, START, Economy, Leak, make, shop_name
from sekisho.commonpoint.to_come import report_delays
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.progress import Silent

LEAK = Leak(6, 60, 230, 0.5, lag=10.0)


def day_of(number: int) -> date:
    return (EPOCH + timedelta(seconds=START + number * DAY)).date()


def search(economy: Economy, as_of: date | None = None) -> Answer:
    question = Question(as_of or economy.last_day, permute=False)
    return trace(economy.arrays(as_of), question, np.random.default_rng(1), Silent())


def slow(seed: int, delay: float = 30.0) -> Economy:
    """Reports come a month late on average, whatever the fraud."""
    rng = np.random.default_rng(seed)
    economy = make(seed, cards=1_500, shops=80, background=0.15, leaks=(LEAK,))
    late = (int(rng.exponential(delay) * DAY) for _ in economy.reports)
    reports = tuple(
        replace(r, reported_at=r.at + wait) for r, wait in zip(economy.reports, late, strict=True)
    )
    return replace(economy, reports=reports)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_corrected_rate_is_what_later_reports_show(seed: int) -> None:
    economy = slow(seed)
    as_of = day_of(200)
    answer = search(economy, as_of)
    [finding] = [f for f in answer.findings if f.entity_id == "/".join(shop_name(6))]
    told = finding.corrected_misuse
    assert told is not None
    assert told.lower >= finding.reported_misuse_rate * 0.97  # distinct cards, weighted
    # All misuse up to then of the cards exposed in the window, whenever it was reported.
    first = START + (finding.window_start - day_of(0)).days * DAY
    last = START + (finding.window_end - day_of(0)).days * DAY + DAY
    there: dict[str, int] = {}
    for p in economy.purchases:
        if p.shop == shop_name(6) and first <= p.at < last:
            there[p.card] = min(p.at, there.get(p.card, p.at))
    end = START + 201 * DAY
    begin = START
    if finding.misuse_span is not None:
        begin = START + (finding.misuse_span[0] - day_of(0)).days * DAY
    truth = {
        r.card for r in economy.reports
        if r.card in there and there[r.card] < r.at < end and r.at >= begin
    }  # fmt: skip
    assert finding.cards_defrauded < len(truth)
    assert told.lower * 0.93 <= len(truth) / finding.cards_exposed <= told.upper * 1.07
    assert abs(told.cards - len(truth)) < len(truth) - finding.cards_defrauded


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leak_that_goes_on_is_open_although_its_latest_misuse_is_unseen(seed: int) -> None:
    as_of = day_of(200)
    [finding] = [
        f for f in search(slow(seed), as_of).findings if f.entity_id == "/".join(shop_name(6))
    ]
    assert finding.window_end < as_of  # the last cards exposed are not known to be misused yet
    assert finding.window_ongoing
    assert finding.window_end_interval.upper == as_of


@pytest.mark.parametrize("seed", [1, 2])
def test_a_leak_that_is_over_is_told_so_in_time(seed: int) -> None:
    economy = make(seed, cards=1_500, shops=80, background=0.08, leaks=(Leak(6, 40, 120, 0.5),))
    [finding] = search(economy).findings
    assert not finding.window_ongoing
    assert finding.window_end_interval.upper <= day_of(120 + 21)


def test_reports_without_dates_say_nothing_of_delays() -> None:
    economy = make(1, leaks=(Leak(6, 40, 120, 0.5),))
    undated = replace(economy, reports=tuple(replace(r, reported_at=None) for r in economy.reports))
    assert all(f.corrected_misuse is None for f in search(undated).findings)
    half = replace(
        economy,
        reports=tuple(
            replace(r, reported_at=None) if i % 2 else r for i, r in enumerate(economy.reports)
        ),
    )
    end = START + economy.days * DAY
    dated = [r for r in half.reports if r.reported_at is not None and r.reported_at < end]
    history = half.arrays()
    history.draw(cards=10_000)
    told = report_delays(history.frauds(), end)
    assert (told.reports if told else 0) == (len(dated) if len(dated) >= 30 else 0)
