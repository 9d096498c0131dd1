"""Innocent explanations on hand-made shops: tested, spent, next door, or truly the source."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from commonpoint.array_history import Purchase, Report
from commonpoint.tiny import DAY, START, Economy, Leak, card_name, make, shop_name
from sekisho.commonpoint.cohort import make_clock
from sekisho.commonpoint.explain import (
    DOUBT,
    LIKE_EVERYBODY,
    MISUSED_AT_ONCE,
    NEIGHBOURS_SHARED,
    SOLD_FIRST,
    TESTED,
    UseOrTest,
    judge_use_or_test,
    look_alikes,
    rather_used,
)
from sekisho.commonpoint.judge import judge
from sekisho.commonpoint.levels import read_levels
from sekisho.commonpoint.search import Association, Limits, prepare
from sekisho.commonpoint.study import make_panel, make_study
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.finding import SuspectKind
from sekisho.domain.progress import Silent

HOUR = 3_600
ODD = 500  # number of the hand-made shop


def shop_id(shop: int) -> str:
    return "/".join(shop_name(shop))


def search(economy: Economy) -> Answer:
    question = Question(as_of=economy.last_day, permute=False)
    return trace(economy.arrays(), question, np.random.default_rng(1), Silent())


def kinds(answer: Answer) -> dict[str, SuspectKind | None]:
    return {f.entity_id: f.kind for f in (*answer.suspects, *answer.findings)}


def misused_at(
    economy: Economy, rng: np.random.Generator, *, victims: int, hours: float, customers: int
) -> Economy:
    """Stolen cards are tested at shop ODD ``hours`` (at most) before their reported fraud.

    ``customers`` others shop there honestly, again and again over the whole time.
    """
    cards = sorted({p.card for p in economy.purchases} - {r.card for r in economy.reports})
    picked = rng.permutation(np.array(cards))
    purchases, reports = list(economy.purchases), list(economy.reports)
    for card in picked[:victims]:
        fraud = START + int(rng.integers(150 * DAY, 280 * DAY))
        visit = fraud - int(rng.uniform(0.05, hours) * HOUR)
        purchases.append(Purchase(str(card), shop_name(ODD), visit))
        reports.append(Report(str(card), fraud, fraud + 3 * DAY, "card_not_present"))
    for card in picked[victims : victims + customers]:
        for at in START + rng.integers(0, 300 * DAY, 6):
            purchases.append(Purchase(str(card), shop_name(ODD), int(at)))
    return replace(economy, purchases=tuple(purchases), reports=tuple(reports))


@pytest.mark.parametrize("customers", [0, 60])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_shop_where_cards_are_tested_is_no_finding(seed: int, customers: int) -> None:
    rng = np.random.default_rng(seed)
    economy = misused_at(make(seed), rng, victims=30, hours=48, customers=customers)
    found = kinds(search(economy))
    assert found[shop_id(ODD)] is SuspectKind.USE_OR_TEST


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shop_where_cards_are_spent_unreported_is_no_finding(seed: int) -> None:
    """The visit is the misuse itself, the report names a later one."""
    rng = np.random.default_rng(seed)
    economy = misused_at(make(seed), rng, victims=25, hours=6, customers=150)
    assert kinds(search(economy))[shop_id(ODD)] is SuspectKind.USE_OR_TEST


@pytest.mark.parametrize("lag", [4.0, 15.0, 60.0])
def test_a_source_stays_a_finding_however_soon_its_cards_are_misused(lag: float) -> None:
    economy = make(3, leaks=(Leak(6, 100, 160, 0.5, lag=lag),))
    assert kinds(search(economy))[shop_id(6)] is None


def test_a_source_whose_cards_are_sold_at_once_after_months_stays_a_finding() -> None:
    leak = Leak(30, 40, 120, 0.7, lag=3.0, sold=230)
    economy = make(3, cards=1_000, shops=60, leaks=(leak,))
    assert kinds(search(economy))[shop_id(30)] is None


def naive_use(
    visits: list[tuple[int, int]], cases: dict[int, int], first: int, last: int
) -> tuple[int, int, int]:
    """How many victims were new within a week, how many of these within 36 hours; median lag."""
    mine: dict[int, list[int]] = {}
    for spell, at in visits:
        if spell in cases:
            mine.setdefault(spell, []).append(at)
    short = [s for s, at in mine.items() if cases[s] - min(at) <= 7 * DAY]
    quick = [s for s in short if cases[s] - max(mine[s]) <= 36 * HOUR]
    lags = sorted(cases[s] - max(at) for s, at in mine.items())
    middle = len(lags) // 2
    median = lags[middle] if len(lags) % 2 else (lags[middle - 1] + lags[middle]) / 2
    return len(short), len(quick), int(median // HOUR)


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_the_counts_behind_use_or_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    economy = misused_at(make(seed), rng, victims=20, hours=200, customers=40)
    history = economy.arrays()
    survey, share = history.survey(), history.draw(cards=10_000)
    visits = history.visits()
    clock = make_clock(survey.first_at, START + economy.days * DAY)
    study = make_study(history.cards(), history.frauds(), visits, clock, share)
    panel = make_panel(study, visits)
    entity = history._entity[shop_name(ODD)]
    number = int(np.flatnonzero(panel.entities == entity)[0])
    rows = slice(panel.visits.first[number], panel.visits.first[number + 1])
    spells = panel.visits.spell[rows]
    cases = np.unique(spells[study.event[spells]])
    first, last = int(panel.visits.day[rows].min()), int(panel.visits.day[rows].max())
    use: UseOrTest = judge_use_or_test(
        study, panel.select(np.array([number])), (first, last), cases, 0.0
    )
    plain = list(zip(spells.tolist(), panel.at[rows].tolist(), strict=True))
    ends = {int(s): int(study.spells.leave[s]) for s in cases}
    short, quick, median = naive_use(plain, ends, first, last)
    assert (use.cases, use.short, use.quick) == (len(ends), short, quick)
    assert int(use.median_lag_hours) == median


def neighbourhood(seed: int, *, misused: bool) -> Economy:
    """A quarter of five shops that the same people visit; shop 600 of it looks suspicious.

    Where ``misused``, everybody of the quarter is defrauded at the same rate, whether they go to
    shop 600 or not: a till down the street. Otherwise only the customers of shop 600 are.
    """
    rng = np.random.default_rng(seed)
    economy = make(seed, background=0.05)
    purchases, reports = list(economy.purchases), list(economy.reports)
    for i in range(240):
        card = card_name(5_000 + i)
        goes = i % 2 == 0
        for shop in range(601, 606):
            for at in START + rng.integers(0, 200 * DAY, 4):
                purchases.append(Purchase(card, shop_name(shop), int(at)))
        if goes:
            for at in START + rng.integers(0, 150 * DAY, 5):
                purchases.append(Purchase(card, shop_name(600), int(at)))
        if (goes or misused) and rng.random() < 0.35:
            fraud = START + int(rng.integers(200 * DAY, 240 * DAY))
            reports.append(Report(card, fraud, fraud + DAY, "card_not_present"))
    return replace(economy, purchases=tuple(purchases), reports=tuple(reports))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_wave_of_the_whole_quarter_names_no_shop_of_it(seed: int) -> None:
    found = kinds(search(neighbourhood(seed, misused=True)))
    assert found.get(shop_id(600)) is not None or shop_id(600) not in found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_source_in_a_quarter_is_told_from_its_neighbours(seed: int) -> None:
    answer = search(neighbourhood(seed, misused=False))
    assert [f.entity_id for f in answer.findings] == [shop_id(600)]
    twins = set(answer.findings[0].alternatives)
    assert not twins & {shop_id(n) for n in range(601, 606)}


def test_look_alikes_are_counted_as_by_hand() -> None:
    economy = neighbourhood(3, misused=True)
    history = economy.arrays()
    survey, share = history.survey(), history.draw(cards=10_000)
    visits = history.visits()
    clock = make_clock(survey.first_at, START + economy.days * DAY)
    study = make_study(history.cards(), history.frauds(), visits, clock, share)
    drawn = make_panel(study, visits)
    levels = read_levels(history, ())
    ground, drawn = prepare(history, study, visits, levels, share)
    found = next(
        a
        for a in judge(ground, drawn, levels, Limits()).taken
        if history.entity_id(a.entity) in {shop_id(n) for n in range(600, 606)}
    )
    near = look_alikes(study, drawn, found, np.array([found.entity]))
    quarter = {history._entity[shop_name(n)] for n in range(600, 606)} - {found.entity}
    assert near.shops >= len(quarter)
    cases = naive_alike(study, drawn, found, quarter)
    assert near.cases == pytest.approx(cases, abs=max(2, 0.2 * cases))
    assert near.expected < near.cases or not near.cases


def naive_alike(study, drawn, found: Association, quarter: set[int]) -> int:  # type: ignore[no-untyped-def]
    """Cases among spells that share the quarter and never came near the shop's window."""
    margin = max(14, (found.end_day - found.start_day) // 10)
    shops: dict[int, set[int]] = {}
    there = set(found.exposed.tolist())
    entity = np.repeat(drawn.entities, np.diff(drawn.visits.first)).tolist()
    for e, s, day in zip(
        entity, drawn.visits.spell.tolist(), drawn.visits.day.tolist(), strict=True
    ):
        if e in quarter:
            shops.setdefault(s, set()).add(e)
        if e == found.entity and found.start_day - margin <= day <= found.end_day + margin:
            there.add(s)
    ends = sorted(int(study.spells.leave[s]) for s in found.spells)
    begin, until = ends[len(ends) // 10], ends[-1 - len(ends) // 10]
    return sum(
        bool(study.event[s]) and begin <= study.spells.leave[s] <= until
        for s, seen in shops.items()
        if len(seen) >= NEIGHBOURS_SHARED and s not in there
    )


def test_the_shop_next_door_is_explained_by_the_source() -> None:
    """Half of the leaking shop's customers also go next door, where nobody else goes."""
    rng = np.random.default_rng(2)
    economy = make(2, leaks=(Leak(6, 40, 160, 0.6),))
    there = sorted({p.card for p in economy.purchases if p.shop == shop_name(6)})
    more = [
        Purchase(card, shop_name(700), START + int(rng.integers(30, 160)) * DAY)
        for card in there
        if rng.random() < 0.5
    ]
    answer = search(replace(economy, purchases=(*economy.purchases, *more)))
    assert [f.entity_id for f in answer.findings] == [shop_id(6)]
    assert kinds(answer).get(shop_id(700)) in (SuspectKind.EXPLAINED, SuspectKind.WEAK, None)
    assert timedelta(0) <= answer.findings[0].window_end - answer.findings[0].window_start


@pytest.mark.parametrize(
    ("cases", "expected", "short", "quick"),
    [(51, 14.9, 30, 27), (40, 0.1, 39, 35), (9, 0.5, 6, 5), (200, 60.0, 140, 120)],
)
def test_an_excess_of_the_night_before_is_use_whatever_custom_a_shop_has(
    cases: int, expected: float, short: int, quick: int
) -> None:
    assert rather_used(cases, expected, short, quick)


@pytest.mark.parametrize(
    ("cases", "expected", "short", "quick"),
    [(17, 0.3, 9, 6), (9, 0.1, 6, 3), (28, 1.2, 20, 8), (10, 0.1, 4, 4), (30, 2.0, 0, 0),
     (59, 13.1, 4, 1)],
)  # fmt: skip
def test_misuse_within_days_is_no_use(cases: int, expected: float, short: int, quick: int) -> None:
    assert not rather_used(cases, expected, short, quick)


def test_likelihoods_of_lags_equal_a_plain_sum() -> None:
    def plain(shares: tuple[float, ...], counts: tuple[int, ...], excess: float) -> float:
        total = 0.0
        for share, everybody, count in zip(shares, LIKE_EVERYBODY, counts, strict=True):
            total += count * math.log(excess * share + (1 - excess) * everybody)
        return total

    rng = np.random.default_rng(2)
    for _ in range(200):
        quick, slow, other = (int(n) for n in rng.integers(0, 12, 3))
        cases = max(quick + slow + other, 1)
        other = cases - quick - slow
        expected = float(rng.uniform(0, cases * 0.8))
        excess, counts = (cases - expected) / cases, (quick, slow, other)
        source = math.exp(plain(MISUSED_AT_ONCE, counts, excess)) / 3
        source += 2 * math.exp(plain(SOLD_FIRST, counts, excess)) / 3
        ratio = math.exp(plain(TESTED, counts, excess)) / source
        assert rather_used(cases, expected, quick + slow, quick) == (ratio > DOUBT)
