"""At which level it leaked: planted operators and processors, and shops that only look like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from commonpoint.array_history import EPOCH, Belonging
from commonpoint.tiny import DAY, START, Economy, Leak, make, shop_name
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.finding import EntityKind, Finding, Member
from sekisho.domain.progress import Silent

OPERATOR, PROCESSOR = EntityKind.OPERATOR, EntityKind.PROCESSOR
MERCHANT = EntityKind.MERCHANT
SEEDS = (1, 2, 3)


def group(name: str, shops: Sequence[int], kind: EntityKind = OPERATOR) -> tuple[Belonging, ...]:
    return tuple(Belonging(shop_name(shop), kind, name) for shop in shops)


@cache
def found_at_home(seed: int) -> Answer:
    return search(four_shops(seed))


def search(economy: Economy) -> Answer:
    question = Question(as_of=economy.last_day, permute=False)
    return trace(economy.arrays(), question, np.random.default_rng(1), Silent())


def shop_id(shop: int) -> str:
    return "/".join(shop_name(shop))


def day_of(moment: int) -> int:
    return (moment - START) // DAY


def days(member: Member) -> tuple[int, int]:
    """The member's window in days since the history's first."""
    first = (EPOCH + timedelta(seconds=START)).date()
    return (member.window_start - first).days, (member.window_end - first).days


def named(answer: Answer) -> list[tuple[EntityKind, str]]:
    return [(f.entity_kind, f.entity_id) for f in answer.findings]


def members(finding: Finding) -> dict[str, Member]:
    return {member.entity_id: member for member in finding.members}


OWN = {25: (40, 100), 32: (80, 160), 40: (120, 200), 48: (20, 90)}  # shop: first and last day


@cache
def four_shops(seed: int) -> Economy:
    """Operator "home" has six shops; four of them leak, each in its own window."""
    leaks = tuple(Leak(shop, *window, 0.3) for shop, window in OWN.items())
    others = (*group("north", (7, 10, 13)), *group("south", (8, 11)))
    economy = make(seed, cards=2_000, shops=120, background=0.03, leaks=leaks)
    return replace(economy, belongings=(*group("home", (*OWN, 20, 30)), *others))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_operator_is_named_with_the_shops_that_leaked(seed: int) -> None:
    answer = found_at_home(seed)
    assert named(answer) == [(OPERATOR, "home")]
    found = members(answer.findings[0])
    assert set(found) == {shop_id(shop) for shop in OWN}
    for shop, (first, last) in OWN.items():
        start, end = days(found[shop_id(shop)])
        assert abs(start - first) <= 25
        assert abs(end - last) <= 25


@pytest.mark.parametrize("seed", SEEDS)
def test_members_count_the_cards_of_their_own_windows(seed: int) -> None:
    economy = four_shops(seed)
    finding = found_at_home(seed).findings[0]
    exposed: set[str] = set()
    for shop in OWN:
        member = members(finding)[shop_id(shop)]
        start, end = days(member)
        there = cards_at(economy, shop, start, end)
        fresh = cards_at(economy, shop, start, end, again=False)
        # A card may come back after a fraud and be exposed once more.
        assert len(fresh) <= member.cards_exposed <= len(there)
        assert member.cards_defrauded <= len(there & defrauded(economy))
        assert member.cards_defrauded > 5 * member.cards_expected
        exposed |= there
    # Cards that went to several of the shops count once.
    assert finding.cards_exposed < sum(m.cards_exposed for m in finding.members)
    assert finding.cards_exposed == pytest.approx(len(exposed), rel=0.03)
    assert finding.cards_defrauded <= len(exposed & defrauded(economy))
    assert finding.cards_defrauded > 3 * finding.cards_expected


def cards_at(economy: Economy, shop: int, first: int, last: int, *, again: bool = True) -> set[str]:
    """Cards that visited; without ``again`` only while their first fraud was still to come."""
    fraud: dict[str, int] = {}
    for report in economy.reports:
        if max(report.at, report.reported_at or 0) < START + economy.days * DAY:
            fraud[report.card] = min(report.at, fraud.get(report.card, report.at))
    return {
        p.card
        for p in economy.purchases
        if p.shop == shop_name(shop)
        and first <= day_of(p.at) <= last
        and (again or p.at < fraud.get(p.card, 1 << 60))
    }


def defrauded(economy: Economy) -> set[str]:
    return {report.card for report in economy.reports}


ONE = Leak(24, 60, 140, 0.4)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_leaking_shop_of_a_large_operator_stays_a_shop(seed: int) -> None:
    economy = make(seed, cards=1_500, shops=100, background=0.03, leaks=(ONE,))
    answer = search(replace(economy, belongings=group("chain", range(15, 45))))
    assert named(answer) == [(MERCHANT, shop_id(24))]
    assert [m.entity_id for m in answer.findings[0].members] == [shop_id(24)]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_leaking_shop_of_a_small_operator_stays_a_shop(seed: int) -> None:
    economy = make(seed, cards=1_500, shops=100, background=0.03, leaks=(ONE,))
    answer = search(replace(economy, belongings=group("pair", (24, 18, 30))))
    assert named(answer) == [(MERCHANT, shop_id(24))]


SMALL = range(120, 180)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_processor_of_sixty_small_shops_is_named(seed: int) -> None:
    """No shop has more than a few victims: only together they stand out."""
    leaks = tuple(Leak(shop, 60, 160, 0.08) for shop in SMALL)
    economy = make(seed, cards=2_000, shops=300, background=0.03, leaks=leaks)
    gateway = group("gateway", SMALL, PROCESSOR)
    other = group("other", range(100), PROCESSOR)
    answer = search(replace(economy, belongings=(*gateway, *other)))
    assert named(answer) == [(PROCESSOR, "gateway")]
    finding = answer.findings[0]
    assert len(finding.members) >= 0.7 * len(SMALL)
    assert set(members(finding)) <= {shop_id(shop) for shop in SMALL}
    assert finding.cards_defrauded > 1.5 * finding.cards_expected
    # The whole window, although misuse of a past span alone stands out more than all of it.
    starts, ends = zip(*(days(m) for m in finding.members), strict=True)
    assert 60 - 10 <= np.median(starts) <= 60 + 15
    assert 160 - 20 <= np.median(ends) <= 160 + 25


@pytest.mark.parametrize("seed", SEEDS)
def test_two_unrelated_leaks_do_not_accuse_the_processor_they_share(seed: int) -> None:
    leaks = (Leak(22, 30, 80, 0.5), Leak(31, 150, 230, 0.5))
    economy = make(seed, cards=1_500, shops=100, background=0.03, leaks=leaks)
    answer = search(replace(economy, belongings=group("large", range(10, 70), PROCESSOR)))
    assert sorted(named(answer)) == sorted([(MERCHANT, shop_id(22)), (MERCHANT, shop_id(31))])


SALE = 110


@cache
def sold(seed: int) -> Economy:
    """Three shops of "home" leak until day 140; shop 24 is sold to "north" before, on day SALE."""
    leaks = tuple(Leak(shop, 40, 140 if shop != 24 else SALE - 1, 0.4) for shop in (20, 22, 24))
    at = START + SALE * DAY
    moved = (
        Belonging(shop_name(24), OPERATOR, "home", None, at),
        Belonging(shop_name(24), OPERATOR, "north", at, None),
    )
    rest = (*group("home", (20, 22, 30)), *group("north", (7, 10, 13)))
    return replace(
        make(seed, cards=1_500, shops=100, background=0.03, leaks=leaks), belongings=(*rest, *moved)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sold_shop_belongs_to_its_first_operator_until_the_sale(seed: int) -> None:
    economy = sold(seed)
    answer = search(economy)
    assert named(answer) == [(OPERATOR, "home")]
    found = members(answer.findings[0])
    assert set(found) == {shop_id(shop) for shop in (20, 22, 24)}
    shop = found[shop_id(24)]
    start, end = days(shop)
    assert end < SALE
    fresh = cards_at(economy, 24, start, end, again=False)
    assert len(fresh) <= shop.cards_exposed <= len(cards_at(economy, 24, start, end))
    # The first operator's other shops leak on: their windows do not end with the sale.
    assert max(days(found[shop_id(other)])[1] for other in (20, 22)) > SALE + 10


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_merchant_file_the_shops_are_named_one_by_one(seed: int) -> None:
    answer = search(replace(four_shops(seed), belongings=()))
    assert {kind for kind, _ in named(answer)} == {MERCHANT}
    assert {name for _, name in named(answer)} >= {shop_id(shop) for shop in OWN}


@pytest.mark.parametrize("seed", SEEDS)
def test_cards_that_come_back_count_once(seed: int) -> None:
    """Shop 8 leaks all the time; victims go on, come back after months and are exposed again."""
    rng = np.random.default_rng(seed)
    economy = make(seed, shops=30, background=0.05, leaks=(Leak(8, 0, 299, 0.6, lag=5.0),))
    again = [
        replace(purchase, shop=shop_name(8), at=report.at + (100 + int(rng.integers(60))) * DAY)
        for report in economy.reports
        for purchase in [p for p in economy.purchases if p.card == report.card][:1]
        if report.at + 170 * DAY < START + economy.days * DAY
    ]
    economy = replace(economy, purchases=(*economy.purchases, *again))
    answer = search(economy)
    [finding] = [f for f in answer.findings if f.entity_id == shop_id(8)]
    start, end = days(finding.members[0])
    there = cards_at(economy, 8, start, end)
    found = next(a for a in answer.associations if a.kind is None)
    spells = answer.ground.study.spells
    assert found.exposed.size > np.unique(spells.card[found.exposed]).size  # some came back
    # The window that is told may be some days wider than the one that was strongest.
    assert np.unique(spells.card[found.exposed]).size <= finding.cards_exposed <= len(there)
    assert finding.cards_defrauded == np.unique(spells.card[found.spells]).size
    assert finding.members[0].cards_exposed == finding.cards_exposed
