"""Innocent explanations: each has a test whose numbers can be counted by hand, and can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from commonpoint.tiny import DAY, START, Economy, Leak, card_name, make, shop_name
from sekisho.commonpoint.innocent import Exposed, _remaining, exposed_of
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.finding import Explanation, Finding
from sekisho.domain.progress import Silent

LEAK = Leak(6, 40, 120, 0.5)


def shop_id(shop: int) -> str:
    return "/".join(shop_name(shop))


def search(economy: Economy) -> Answer:
    question = Question(economy.last_day, permute=False)
    return trace(economy.arrays(), question, np.random.default_rng(1), Silent())


def explained(finding: Finding) -> dict[str, Explanation]:
    return {one.name: one for one in finding.explanations}


@pytest.mark.parametrize("seed", [1, 2])
def test_figures_are_those_of_the_exposed_cards(seed: int) -> None:
    answer = search(make(seed, leaks=(LEAK,)))
    [finding] = answer.findings
    [found] = [a for a in answer.associations if a.kind is None]
    exposed = exposed_of(answer.ground.study, found)
    assert int(exposed.victim.sum()) == finding.cards_defrauded
    # Recount by hand: half of the cards, least busy first; the product hit most left out.
    rows = list(zip(exposed.activity.tolist(), exposed.product.tolist(),
                    exposed.victim.tolist(), exposed.expected.tolist(), strict=True))  # fmt: skip
    levels = sorted(row[0] for row in rows)
    middle = levels[-(-len(levels) // 2) - 1]
    calm = [row for row in rows if row[0] <= middle]
    busy = explained(finding)["busy_cards"].figures
    assert busy["observed"] == sum(row[2] for row in calm)
    assert busy["expected"] == pytest.approx(sum(row[3] for row in calm), abs=0.01)
    beyond: dict[int, float] = {}
    for _, product, victim, expected in rows:
        beyond[product] = beyond.get(product, 0.0) + victim - expected
    worst = max(beyond, key=lambda product: beyond[product])
    left = [row for row in rows if row[1] != worst]
    told = explained(finding)["product"].figures
    assert told["observed"] == sum(row[2] for row in left)
    assert told["expected"] == pytest.approx(sum(row[3] for row in left), abs=0.01)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_leak_survives_them_all(seed: int) -> None:
    [finding] = search(make(seed, leaks=(LEAK,))).findings
    for one in finding.explanations:
        assert one.excluded, one
        assert one.figures, one
    assert {"busy_cards", "product", "home_area"} <= set(explained(finding))


def test_an_excess_of_one_product_alone_is_not_excluded() -> None:
    """Only the gold cards among the shop's visitors are misused: the product may explain it."""
    economy = make(3, leaks=(Leak(6, 40, 200, 0.9),))
    there = {p.card for p in economy.purchases if p.shop == shop_name(6)}
    gold = {card for card, file in economy.cards.items() if file.product == "gold"}
    kept = tuple(r for r in economy.reports if r.card not in there or r.card in gold)
    answer = search(replace(economy, reports=kept))
    named = [f for f in (*answer.findings, *answer.suspects) if f.entity_id == shop_id(6)]
    assert named
    assert not explained(named[0])["product"].excluded
    assert explained(named[0])["product"].figures["observed"] <= 2


def test_own_fraud_is_tested_only_where_reports_name_their_place() -> None:
    economy = make(1, leaks=(LEAK,))
    [finding] = search(economy).findings
    assert "own_fraud" not in explained(finding)
    end = START + economy.days * DAY
    inside = [r for r in economy.reports if max(r.at, r.reported_at or 0) < end]
    cards = [r.card for r in inside[:4]]
    reports = tuple(
        replace(r, shop=shop_name(6) if r.card in cards else shop_name(30)) for r in economy.reports
    )
    [finding] = search(replace(economy, reports=reports)).findings
    own = explained(finding)["own_fraud"]
    assert own.figures["own_cards"] == len(set(cards))
    assert own.figures["observed"] == finding.cards_defrauded


def test_the_spread_of_others_needs_others() -> None:
    """With too few places that expect fraud nothing is said of how places vary."""
    few = make(1, leaks=(LEAK,), shops=20)
    [finding] = [f for f in search(few).findings if f.entity_id == shop_id(6)]
    assert "overdispersion" not in explained(finding)
    many = make(1, cards=2_500, shops=80, background=0.3, leaks=(LEAK,))
    [finding] = [f for f in search(many).findings if f.entity_id == shop_id(6)]
    figures = explained(finding)["overdispersion"].figures
    assert figures["places"] >= 30
    assert figures["p_value"] == pytest.approx(finding.p_value)
    assert card_name(1) not in str(figures)


def test_drawn_cards_that_stand_for_a_broken_number_have_a_chance_too() -> None:
    spells = np.arange(40)
    exposed = Exposed(
        spells, spells < 6, np.full(40, 0.01), np.where(spells < 6, 1.0, 5.913),
        np.ones(40, np.int64), np.zeros(40, np.int64), np.zeros(40, np.int64),
    )  # fmt: skip
    told = _remaining("busy_cards", exposed, np.ones(40, bool))
    assert told.figures["p_value"] == pytest.approx(float(binom.sf(5, 207, 0.4 / 207)))
    assert told.excluded
