"""Several issuers' counts against the history that holds all their cards."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from commonpoint.tiny import Economy, Leak, make, shop_name, with_trouble
from sekisho.commonpoint.pooled import search_pool
from sekisho.commonpoint.pooling import Contribution, PoolQuestion, contribute
from sekisho.commonpoint.search import Limits
from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.domain.pool import UNIT, CaseCells
from sekisho.domain.progress import Silent
from sekisho.stats.pooling import add_pools

ISSUERS = 5
SINCE = date(2024, 1, 1)


def issuer_of(card: str) -> int:
    return zlib.crc32(card[:12].encode()) % ISSUERS


def slice_of(economy: Economy, issuer: int) -> Economy:
    """What one issuer has: its cards, with their purchases and reports."""
    return replace(
        economy,
        purchases=tuple(p for p in economy.purchases if issuer_of(p.card) == issuer),
        reports=tuple(r for r in economy.reports if issuer_of(r.card) == issuer),
        cards={ref: card for ref, card in economy.cards.items() if issuer_of(ref) == issuer},
    )


def counts_of(economy: Economy, smallest: int = 1) -> Contribution:
    question = PoolQuestion(economy.last_day, "Asia/Tokyo", SINCE, smallest)
    return contribute(economy.arrays(), question, Silent())


@pytest.fixture(scope="module")
def economy() -> Economy:
    return make(5, cards=1_500, background=0.1, leaks=(Leak(12, 40, 120, 0.35),))


@pytest.fixture(scope="module")
def issuers(economy: Economy) -> list[Contribution]:
    return [counts_of(slice_of(economy, i)) for i in range(ISSUERS)]


@pytest.fixture(scope="module")
def joined(economy: Economy) -> Contribution:
    return counts_of(economy)


def test_all_agree_on_the_grid(issuers: list[Contribution], joined: Contribution) -> None:
    assert {one.agreement.periods for one in issuers} == {joined.agreement.periods}
    assert all(one.agreement == joined.agreement for one in issuers)


@pytest.mark.parametrize("trouble", [False, True], ids=["plain", "with trouble"])
def test_counts_of_the_issuers_are_those_of_the_joined_history(trouble: bool) -> None:
    economy = make(6, cards=500, change=with_trouble if trouble else None)
    whole = counts_of(economy).pool
    parts = [counts_of(slice_of(economy, i)).pool for i in range(ISSUERS)]
    added = add_pools(parts)
    assert added.names == whole.names
    for name in CaseCells.__slots__:
        one, other = getattr(added.case_cells, name), getattr(whole.case_cells, name)
        assert np.array_equal(one, other), name
    for name in ("entity", "begin", "last", "until", "cards"):
        assert np.array_equal(getattr(added.reach_cells, name), getattr(whole.reach_cells, name))
    for name in ("visitors", "half_cases", "visits"):
        assert np.array_equal(getattr(added.totals, name), getattr(whole.totals, name))
    assert np.array_equal(added.cases, whole.cases)
    # Each issuer's hazard is its own, so what is expected only agrees in all: the cases there are.
    assert added.totals.expected.sum() == pytest.approx(whole.totals.expected.sum(), rel=0.1)


def test_the_pooled_finding_is_the_one_of_the_joined_history(
    issuers: list[Contribution], joined: Contribution
) -> None:
    limits = Limits()
    pooled = search_pool(add_pools([i.pool for i in issuers]), joined.agreement, limits)
    whole = search_pool(joined.pool, joined.agreement, limits)
    [one], [other] = pooled.findings, whole.findings
    for name in (
        "entity_id", "window_start", "window_end", "cards_exposed", "cards_defrauded",
        "misuse_span", "window_left_censored", "window_ongoing",
    ):  # fmt: skip
        assert getattr(one, name) == getattr(other, name), name
    assert one.entity_id == "/".join(shop_name(12))
    assert one.cards_expected == pytest.approx(other.cards_expected, rel=0.15)
    assert pooled.entities_tested == whole.entities_tested


def with_expectations_of(pool, others):
    """A pool with the expectations that issuers' own hazards give to the joined cards."""
    key = lambda r: list(zip(r.entity, r.begin, r.last, r.until, strict=True))  # noqa: E731
    names = pool.names
    sums: dict = {}
    for other in others:
        for i, (entity, *rest) in enumerate(key(other.reach_cells)):
            at = (other.names[entity], *rest)
            sums[at] = sums.get(at, 0) + other.reach_cells.expected[i]
    rows = [sums[(names[entity], *rest)] for entity, *rest in key(pool.reach_cells)]
    return replace(pool, reach_cells=replace(pool.reach_cells, expected=np.array(rows)))


def test_with_the_issuers_hazards_joined_and_pooled_are_the_same_to_the_last_digit(
    issuers: list[Contribution], joined: Contribution
) -> None:
    """Equal numbers in, equal findings out: whoever joins the cards gains nothing but the fit."""
    pools = [i.pool for i in issuers]
    added = add_pools(pools)
    twin = with_expectations_of(joined.pool, pools)
    twin = replace(twin, totals=added.totals, sampling=added.sampling)
    limits = Limits()
    assert search_pool(twin, joined.agreement, limits) == search_pool(
        added, joined.agreement, limits
    )


def test_with_suppression_the_leak_is_still_found_and_nothing_else(
    economy: Economy, joined: Contribution
) -> None:
    parts = [counts_of(slice_of(economy, i), 3) for i in range(ISSUERS)]
    limits = Limits()
    answer = search_pool(add_pools([p.pool for p in parts]), joined.agreement, limits)
    plain = search_pool(joined.pool, joined.agreement, limits)
    [found], [whole] = answer.findings, plain.findings
    assert found.entity_id == whole.entity_id
    assert found.log_likelihood_ratio < whole.log_likelihood_ratio
    # Not the whole history, as where small cells become blocks of weeks.
    assert found.window_start <= whole.window_end
    assert whole.window_start <= found.window_end
    span = (found.window_end - found.window_start).days
    assert span < 2 * (whole.window_end - whole.window_start).days
    assert all(part.suppressed["case_visits_dropped"] > 0 for part in parts)


def test_a_quiet_pool_finds_nothing() -> None:
    for seed in (21, 22):
        economy = make(seed, cards=1_000, background=0.3)
        parts = [counts_of(slice_of(economy, i), 3) for i in range(ISSUERS)]
        added = add_pools([p.pool for p in parts])
        assert search_pool(added, parts[0].agreement, Limits()).findings == ()
        plain = counts_of(economy)
        assert search_pool(plain.pool, plain.agreement, Limits()).findings == ()


def test_shops_that_stolen_cards_are_tested_at_are_not_accused(economy: Economy) -> None:
    """Most victims of the leak buy at another shop for the first time, hours before the fraud."""
    from commonpoint.array_history import Purchase  # noqa: PLC0415 - for this test only

    tests = tuple(
        Purchase(r.card, ("A1", "TESTER"), r.at - 3_600 * (1 + i % 5))
        for i, r in enumerate(economy.reports)
        if i % 3
    )
    trouble = replace(economy, purchases=(*economy.purchases, *tests))
    for smallest in (1, 3):
        parts = [counts_of(slice_of(trouble, i), smallest) for i in range(ISSUERS)]
        added = add_pools([p.pool for p in parts])
        answer = search_pool(added, parts[0].agreement, Limits())
        assert "A1/TESTER" not in [f.entity_id for f in answer.findings]
        said = {f.entity_id: f.kind for f in answer.suspects}
        assert said["A1/TESTER"] == "use_or_test"


def test_a_shop_of_the_same_victims_is_explained_not_accused(economy: Economy) -> None:
    """A second shop where only the first one's victims go: counts cannot tell, so it waits."""
    from commonpoint.array_history import Purchase  # noqa: PLC0415 - for this test only

    leak = shop_name(12)
    first = {}
    for p in economy.purchases:
        if p.shop == leak:
            first.setdefault(p.card, p.at)
    fans = sorted(first)[::2]
    more = tuple(Purchase(card, ("A1", "NEXTDOOR"), first[card] + 600) for card in fans)
    both = counts_of(replace(economy, purchases=(*economy.purchases, *more)))
    answer = search_pool(both.pool, both.agreement, Limits())
    assert [f.entity_id for f in answer.findings] == ["/".join(leak)]
    said = {f.entity_id: f for f in answer.suspects}
    assert said["A1/NEXTDOOR"].kind == "explained"
    [why] = [e for e in said["A1/NEXTDOOR"].explanations if e.name == "other_finding"]
    assert why.figures["finding"] == "/".join(leak)


def test_two_strong_leaks_apart_in_time_are_both_found() -> None:
    leaks = (Leak(6, 30, 60, 0.6, lag=5.0), Leak(11, 170, 220, 0.7, lag=5.0))
    economy = make(31, cards=1_500, background=0.05, leaks=leaks)
    both = counts_of(economy)
    answer = search_pool(both.pool, both.agreement, Limits())
    wanted = {"/".join(shop_name(leak.shop)) for leak in leaks}
    assert {f.entity_id for f in answer.findings} == wanted


def test_a_history_that_is_drawn_in_part_says_so_and_expects_about_as_much() -> None:
    economy = make(9, cards=1_200)
    end = economy.last_day
    some = contribute(
        economy.arrays(), PoolQuestion(end, "Asia/Tokyo", SINCE, 1, controls=400), Silent()
    )
    every = counts_of(economy)
    assert some.counts["sample_percent"] < 60
    assert (some.pool.sampling > 0).all()
    assert not every.pool.sampling.any()
    assert np.array_equal(some.pool.cases, every.pool.cases)
    big = every.pool.totals.expected > 5 * UNIT
    names = {name: i for i, name in enumerate(some.pool.names)}
    there = [names[n] for n, b in zip(every.pool.names, big, strict=True) if b]
    ratio = some.pool.totals.expected[there].sum() / every.pool.totals.expected[big].sum()
    assert ratio == pytest.approx(1.0, abs=0.25)


def test_what_cannot_be_pooled_is_refused() -> None:
    economy = make(3, cards=60, background=0.0)
    with pytest.raises(NothingToDo, match="fewer than the smallest cell"):
        counts_of(economy, 3)
    with pytest.raises(BadInput, match="protects nobody"):
        counts_of(economy, 2)
    with pytest.raises(NothingToDo, match="no purchase"):
        counts_of(replace(economy, purchases=()), 3)
