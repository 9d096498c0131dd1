"""Known leaks are taken out first: they do not come up as new, and what is behind them does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from commonpoint.array_history import EPOCH, Belonging
from commonpoint.tiny import DAY, START, Economy, Leak, make, shop_name
from sekisho.commonpoint.cohort import make_clock
from sekisho.commonpoint.known import excess_victims, exposed_once, take_out
from sekisho.commonpoint.study import Study, exposing_visits, make_study
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.finding import EntityKind
from sekisho.domain.history import VisitTable
from sekisho.domain.known_leaks import KnownLeak, KnownState
from sekisho.domain.progress import Silent

MERCHANT = EntityKind.MERCHANT
STRONG = Leak(6, 30, 130, 0.7, lag=8.0)
BEHIND = Leak(14, 60, 190, 0.45, lag=20.0, sold=230)


def shop_id(shop: int) -> str:
    return "/".join(shop_name(shop))


def day_of(number: int) -> date:
    return (EPOCH + timedelta(seconds=START + number * DAY)).date()


def known(shop: int, first: int, last: int, *, acquirer: str | None = None) -> KnownLeak:
    own, number = shop_name(shop)
    name = own if acquirer is None else acquirer
    return KnownLeak(MERCHANT, name, number, day_of(first), day_of(last))


def search(economy: Economy, leaks: Sequence[KnownLeak] = ()) -> Answer:
    question = Question(economy.last_day, permute=False, known_leaks=tuple(leaks))
    return trace(economy.arrays(), question, np.random.default_rng(1), Silent())


def ids(answer: Answer) -> list[str]:
    return [finding.entity_id for finding in answer.findings]


def study_of(economy: Economy) -> tuple[Study, VisitTable, object]:
    history = economy.arrays()
    survey, share = history.survey(), history.draw(cards=10_000)
    visits = history.visits()
    clock = make_clock(survey.first_at, START + economy.days * DAY)
    return make_study(history.cards(), history.frauds(), visits, clock, share), visits, history


def hidden(seed: int, share: float = BEHIND.share) -> Economy:
    """Shop 14 is next door to shop 6: three in four of those who go there go to shop 6 as well."""
    rng = np.random.default_rng(seed)
    behind = replace(BEHIND, share=share)
    economy = make(seed, cards=900, shops=60, background=0.05, leaks=(STRONG, behind))
    there = {p.card for p in economy.purchases if p.shop == shop_name(BEHIND.shop)}
    at_strong = {p.card for p in economy.purchases if p.shop == shop_name(STRONG.shop)}
    more = []
    for card in sorted(there - at_strong):
        if rng.random() < 0.75:
            sample = next(p for p in economy.purchases if p.card == card)
            at = START + int(rng.integers(STRONG.first, STRONG.last)) * DAY + 40_000
            more.append(replace(sample, shop=shop_name(STRONG.shop), at=at))
    return replace(economy, purchases=(*economy.purchases, *more))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_known_leak_is_no_finding_and_the_one_behind_it_is(seed: int) -> None:
    economy = hidden(seed)
    answer = search(economy, [known(STRONG.shop, STRONG.first, STRONG.last)])
    assert shop_id(STRONG.shop) in ids(search(economy))
    assert ids(answer) == [shop_id(BEHIND.shop)]
    [told] = answer.known_leaks
    assert told.state is KnownState.TAKEN_OUT
    assert 0 < told.cards_taken_out <= told.cards_defrauded <= told.cards_exposed
    assert told.cards_expected < told.cards_defrauded / 2


def test_it_finds_what_the_stronger_leak_otherwise_explains_away() -> None:
    """All victims of a finding leave; of a known leak only those beyond what is expected."""
    leak = [known(STRONG.shop, STRONG.first, STRONG.last)]
    worlds = [hidden(seed, share=0.25) for seed in (4, 5, 8)]
    alone = [shop_id(BEHIND.shop) in ids(search(world)) for world in worlds]
    helped = [shop_id(BEHIND.shop) in ids(search(world, leak)) for world in worlds]
    assert sum(helped) > sum(alone)


@pytest.mark.parametrize("seed", [4, 5])
def test_what_is_counted_is_what_is_there(seed: int) -> None:
    economy = make(seed, leaks=(STRONG,))
    [told] = search(economy, [known(STRONG.shop, STRONG.first, STRONG.last)]).known_leaks
    first, last = START + STRONG.first * DAY, START + (STRONG.last + 1) * DAY
    end = START + economy.days * DAY
    there: dict[str, int] = {}
    for p in economy.purchases:
        if p.shop == shop_name(STRONG.shop) and first <= p.at < last:
            there[p.card] = min(p.at, there.get(p.card, p.at))
    frauds = [r for r in economy.reports if max(r.at, r.reported_at or 0) < end]
    later = {r.card for r in frauds if r.card in there and r.at > there[r.card]}
    earlier = {r.card for r in frauds if r.card in there and r.at <= there[r.card]}
    assert len(there) - len(earlier) <= told.cards_exposed <= len(there)
    assert len(later) - len(earlier) <= told.cards_defrauded <= len(later)
    # Three in five are the leak's; the rest would have been defrauded anyhow.
    assert told.cards_taken_out == pytest.approx(
        told.cards_defrauded - told.cards_expected, abs=0.12 * told.cards_defrauded
    )


@pytest.mark.parametrize("seed", [6, 7, 8])
def test_without_an_excess_hardly_anybody_leaves(seed: int) -> None:
    economy = make(seed, background=0.3)
    for shop in (0, 3, 9):
        [told] = search(economy, [known(shop, 20, 250)]).known_leaks
        assert told.cards_taken_out <= max(3, 0.2 * told.cards_defrauded)
        if not told.cards_taken_out:
            assert told.state is KnownState.NO_EXCESS


def test_those_who_leave_are_cases_of_the_window_only() -> None:
    economy = make(9, leaks=(STRONG,))
    study, visits, history = study_of(economy)
    after, _ = take_out(study, visits, history, [known(STRONG.shop, 30, 130)])  # type: ignore[arg-type]
    assert after.gone.size
    assert study.event[after.gone].all()
    assert not after.event[after.gone].any()
    entity = history._entity[shop_name(STRONG.shop)]  # type: ignore[attr-defined]
    inside = (visits.entity == entity) & (visits.at >= START + 30 * DAY)
    inside &= visits.at < START + 131 * DAY
    there = set(visits.card[inside].tolist())
    assert {int(study.spells.card[s]) for s in after.gone} <= there
    # The background then expects as many cases as stay, whatever has left.
    assert after.totals.max() == pytest.approx(study.totals.max() - after.gone.size)


def test_the_excess_is_that_of_a_naive_count() -> None:
    """One block of time, one kind of card: the excess is cases less rate times days at risk."""
    economy = make(11, leaks=(Leak(6, 40, 120, 0.6, lag=5.0),), background=0.1)
    study, visits, history = study_of(economy)
    entity = history._entity[shop_name(6)]  # type: ignore[attr-defined]
    inside = (visits.entity == entity) & (visits.at >= START + 40 * DAY)
    inside &= visits.at < START + 121 * DAY
    found = exposing_visits(study, visits)
    panel = found.at_entities(np.where(inside, 0, -1).astype(np.int64))
    exposed = exposed_once(study, panel)
    gone = set(excess_victims(study, panel).tolist())
    in_leak = set(exposed.spell.tolist())
    others = [s for s in range(len(study.spells)) if s not in in_leak]
    at_risk = sum(int(study.spells.leave[s] - study.spells.entry[s]) for s in others)
    rate = sum(bool(study.event[s]) for s in others) / at_risk
    days = sum(
        int(study.spells.leave[s]) - int(at)
        for s, at in zip(exposed.spell, exposed.at, strict=True)
    )
    cases = sum(bool(study.event[s]) for s in in_leak)
    # The shop's customers are busier than others and so more often defrauded: a wide margin.
    assert len(gone) == pytest.approx(cases - rate * days, abs=0.25 * cases)


def test_operators_are_known_by_their_shops_and_times() -> None:
    leaks = (Leak(20, 40, 140, 0.5), Leak(22, 40, 100, 0.5))
    economy = make(3, cards=1_200, shops=80, background=0.03, leaks=leaks)
    moved = START + 101 * DAY
    belongings = (
        Belonging(shop_name(20), EntityKind.OPERATOR, "home"),
        Belonging(shop_name(22), EntityKind.OPERATOR, "home", None, moved),
        Belonging(shop_name(22), EntityKind.OPERATOR, "north", moved, None),
    )
    economy = replace(economy, belongings=belongings)
    home = KnownLeak(EntityKind.OPERATOR, "", "home", day_of(40), day_of(140))
    answer = search(economy, [home])
    assert not answer.findings
    first, sold, last = START + 40 * DAY, moved, START + 141 * DAY
    there = {p.card for p in economy.purchases if p.shop == shop_name(20) and first <= p.at < last}
    there |= {p.card for p in economy.purchases if p.shop == shop_name(22) and first <= p.at < sold}
    [told] = answer.known_leaks
    assert told.cards_exposed == pytest.approx(len(there), rel=0.05)


def test_what_the_history_does_not_know_is_told_and_costs_nothing() -> None:
    economy = make(1, leaks=(Leak(6, 40, 120, 0.5),))
    strange = KnownLeak(MERCHANT, "A9", "M9999", day_of(10), day_of(20))
    before = known(6, -400, -300)
    answer = search(economy, [strange, before])
    assert [told.state for told in answer.known_leaks] == [
        KnownState.UNKNOWN, KnownState.NO_VISITS,
    ]  # fmt: skip
    assert answer.findings == search(economy).findings


def test_a_number_alone_must_be_one_acquirers_only() -> None:
    economy = make(1, leaks=(Leak(6, 40, 120, 0.5),))
    [told] = search(economy, [known(6, 40, 120, acquirer="")]).known_leaks
    assert told.state is KnownState.TAKEN_OUT
    twin = [replace(p, shop=("A9", shop_name(6)[1])) for p in economy.purchases[:5]]
    both = replace(economy, purchases=(*economy.purchases, *twin))
    [told] = search(both, [known(6, 40, 120, acquirer="")]).known_leaks
    assert told.state is KnownState.AMBIGUOUS
