"""The study's arrays against plain Python that does the same slowly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from commonpoint.array_history import Report
from commonpoint.tiny import DAY, START, Leak, make, shop_name, with_trouble
from sekisho.commonpoint.bursts import find_bursts
from sekisho.commonpoint.calibration import _permute, _pools
from sekisho.commonpoint.cohort import (
    ACTIVITY_LEVELS,
    QUIET_GAP,
    Clock,
    SpellTable,
    activity_levels,
    block_counts,
    make_clock,
    make_spells,
    tenure_levels,
)
from sekisho.commonpoint.study import LONG_AGO, Study, make_panel, make_study
from sekisho.domain.history import CardTable, FraudTable, VisitTable

EPOCH = date(1970, 1, 1)


def tables(seed: int, **others: object) -> tuple[CardTable, FraudTable, VisitTable, Clock, float]:
    economy = make(seed, change=with_trouble, **others)  # type: ignore[arg-type]
    history = economy.arrays()
    survey = history.survey()
    share = history.draw(cards=10_000)
    end = ((economy.last_day - EPOCH).days + 1) * DAY
    clock = make_clock(survey.first_at, end)
    return history.cards(), history.frauds(), history.visits(), clock, share


def study_of(seed: int, **others: object) -> tuple[Study, VisitTable]:
    cards, frauds, visits, clock, share = tables(seed, **others)
    return make_study(cards, frauds, visits, clock, share), visits


def naive_spells(
    cards: CardTable, frauds: FraudTable, clock: Clock
) -> list[tuple[int, int, int, bool]]:
    """(card, entry, leave, is case), one card after the other."""
    out = []
    for card in range(len(cards)):
        mine = sorted(
            (int(at), bool(counts), bool(stops))
            for c, at, counts, stops in zip(
                frauds.card, frauds.at, frauds.counts, frauds.stops_card, strict=True
            )
            if c == card and (counts or stops)
        )
        entry, stopped = int(cards.opened_at[card]), False
        episodes: list[list[tuple[int, bool, bool]]] = []
        for report in mine:
            if episodes and report[0] - episodes[-1][-1][0] <= QUIET_GAP:
                episodes[-1].append(report)
            else:
                episodes.append([report])
        for episode in episodes:
            at, _, stops = episode[0]
            leave = at if not stops else min(at, int(cards.closed_at[card]))
            out.append((card, max(entry, int(clock.edges[0])), leave, not stops))
            entry, stopped = episode[-1][0] + QUIET_GAP, stops
        if not stopped:
            leave = min(clock.end, int(cards.closed_at[card]))
            out.append((card, max(entry, int(clock.edges[0])), leave, False))
    return [spell for spell in out if spell[2] > spell[1]]


@pytest.mark.parametrize("seed", range(6))
def test_spells_are_cut_as_by_hand(seed: int) -> None:
    cards, frauds, _, clock, _ = tables(seed, cards=150, background=0.6)
    spells = make_spells(cards, frauds, clock, np.full(frauds.card.size, -1))
    fast = zip(
        spells.card.tolist(), spells.entry.tolist(), spells.leave.tolist(),
        spells.is_case.tolist(), strict=True,
    )  # fmt: skip
    assert list(fast) == naive_spells(cards, frauds, clock)
    assert spells.is_case.sum() > 20


def one_card(
    reports: list[tuple[int, str]], *, opened: int = 0, closed: int = 10_000
) -> SpellTable:
    """Spells of a single card; days count from the first of 400."""
    cards = CardTable(
        np.zeros(1, np.int32), np.zeros(1, np.int32), np.array([START + opened * DAY]),
        np.array([START + closed * DAY]), np.zeros(1, np.int32),
    )  # fmt: skip
    at = np.array([START + day * DAY for day, _ in reports], np.int64)
    n = len(reports)
    kinds = [kind for _, kind in reports]
    frauds = FraudTable(
        np.zeros(n, np.int32), at, at, np.array([k == "cnp" for k in kinds], bool),
        np.array([k == "lost" for k in kinds], bool), np.full(n, -1, np.int32),
        np.zeros(n, np.int32),
    )  # fmt: skip
    clock = make_clock(START, START + 400 * DAY)
    return make_spells(cards, frauds, clock, np.full(n, -1))


@pytest.mark.parametrize(
    ("reports", "spells"),
    [
        ([], [(0, 400, False)]),
        ([(50, "cnp")], [(0, 50, True), (140, 400, False)]),
        ([(50, "cnp"), (60, "cnp"), (149, "cnp")], [(0, 50, True), (239, 400, False)]),
        ([(50, "cnp"), (200, "cnp")], [(0, 50, True), (140, 200, True), (290, 400, False)]),
        ([(50, "lost")], [(0, 50, False)]),
        ([(50, "dispute")], [(0, 400, False)]),
        ([(380, "cnp")], [(0, 380, True)]),
    ],
)
def test_episodes_of_one_card(
    reports: list[tuple[int, str]], spells: list[tuple[int, int, bool]]
) -> None:
    found = one_card(reports)
    days = [
        ((int(e) - START) // DAY, (int(x) - START) // DAY, bool(c))
        for e, x, c in zip(found.entry, found.leave, found.is_case, strict=True)
    ]
    assert days == spells


def test_a_closed_card_is_at_risk_until_it_is_closed_and_a_case_to_its_fraud() -> None:
    assert (one_card([], closed=100).leave - START).tolist() == [100 * DAY]
    late = one_card([(120, "cnp")], closed=100)
    assert late.is_case.tolist() == [True]
    assert (late.leave - START).tolist() == [120 * DAY]


@pytest.mark.parametrize("seed", [1, 2])
def test_activity_is_counted_over_the_account_and_ends_before_the_block(seed: int) -> None:
    cards, _, visits, clock, _ = tables(seed, cards=80)
    counts = block_counts(visits.card, visits.at, clock.edges, len(cards))
    levels = activity_levels(counts, cards.account)
    for card in range(len(cards)):
        family = np.flatnonzero(cards.account == cards.account[card])
        at = visits.at[np.isin(visits.card, family)]
        for block, begin in enumerate(clock.edges[:-1]):
            # The first blocks see less than 90 days, all cards alike.
            seen = int(((at < begin) & (at >= begin - 90 * DAY)).sum())
            level = min(seen.bit_length(), ACTIVITY_LEVELS - 1)
            assert levels[card, block] == level, (card, block)


def test_tenure_is_that_of_the_block_s_beginning() -> None:
    clock = make_clock(START, START + 400 * DAY)
    opened = START + np.array([-1_000, -100, 0, 200]) * DAY
    levels = tenure_levels(opened, clock.edges)
    for row, day in zip(levels, opened, strict=True):
        for level, begin in zip(row, clock.edges[:-1], strict=True):
            days = (begin - day) / DAY
            assert level == (0 if days < 90 else 1 if days < 365 else 2)


def test_cells_are_equal_exactly_where_everything_matched_on_is() -> None:
    study, visits = study_of(3, cards=150)
    cards, edges = study.cards, study.clock.edges
    counts = block_counts(visits.card, visits.at, edges, len(cards))
    activity = activity_levels(counts, cards.account)
    tenure = tenure_levels(cards.opened_at, edges)
    seen: dict[int, tuple[int, ...]] = {}
    for s, card in enumerate(study.spells.card):
        for b in range(edges.size - 1):
            what = tuple(
                int(x)
                for x in (activity[card, b], tenure[card, b], cards.product[card],
                          cards.home_area[card])
            )  # fmt: skip
            assert seen.setdefault(int(study.cell[s, b]), what) == what
    assert len(set(seen.values())) == len(seen) > 20


@pytest.mark.parametrize("seed", range(4))
def test_the_panel_keeps_what_can_expose_a_card(seed: int) -> None:
    study, visits = study_of(seed, cards=120, background=0.5)
    panel = make_panel(study, visits)
    own = {
        (int(c), int(e))
        for c, e in zip(study.frauds.card, study.frauds.entity, strict=True)
        if e >= 0
    }
    lives = list(
        zip(study.spells.card.tolist(), study.spells.entry.tolist(),
            study.spells.leave.tolist(), strict=True)
    )  # fmt: skip
    rows: dict[tuple[int, int, int], int] = {}
    for card, entity, at in zip(
        visits.card.tolist(), visits.entity.tolist(), visits.at.tolist(), strict=True
    ):
        if (card, entity) in own:
            continue
        for spell, (who, entry, leave) in enumerate(lives):
            if who == card and entry <= at < leave:
                key = (entity, spell, at // DAY)
                rows[key] = min(rows.get(key, at), at)
    wanted = []
    before: dict[tuple[int, int], int] = {}
    for (entity, spell, day), at in sorted(rows.items()):
        wanted.append((entity, spell, day, before.get((entity, spell), int(LONG_AGO)), at))
        before[entity, spell] = day
    entity = np.repeat(panel.entities, np.diff(panel.visits.first))
    fast = zip(
        entity.tolist(), panel.visits.spell.tolist(), panel.visits.day.tolist(),
        panel.visits.previous.tolist(), panel.at.tolist(), strict=True,
    )  # fmt: skip
    assert list(fast) == wanted
    assert own


@pytest.mark.parametrize("seed", [1, 2])
def test_the_hazard_of_a_visit_is_the_sum_over_its_blocks(seed: int) -> None:
    study, visits = study_of(seed, cards=60, background=0.6)
    panel = make_panel(study, visits)
    edges, matching = study.clock.edges, study.matching
    for i in range(0, panel.at.size, 37):
        s = int(panel.visits.spell[i])
        total = 0.0
        for b in range(edges.size - 1):
            begin = max(int(edges[b]), int(study.spells.entry[s]))
            until = min(int(edges[b + 1]), int(panel.at[i]))
            rate = matching.cell_hazard[study.cell[s, b]] * matching.block[b]
            total += rate * max(until - begin, 0)
        # Within a block the hazard is spread evenly over the whole block.
        slack = rate * 30 * DAY
        assert panel.visits.hazard[i] == pytest.approx(total, abs=max(slack, 1e-12))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_cards_together_expect_the_cases_there_are(seed: int) -> None:
    study, _ = study_of(seed, cards=600, background=0.5)
    fitted = float(study.weight @ study.cumulative[:, -1])
    assert fitted == pytest.approx(float(study.event.sum()), rel=0.02)
    totals = study.totals
    scaled = study.weight @ (study.hazard_until - study.hazard_from) * study.scale
    assert scaled[totals > 0] == pytest.approx(totals[totals > 0])


def frauds_at_shops(rows: list[tuple[int, int, int, int]]) -> FraudTable:
    """(card, day, entity, product)."""
    card, day, entity, product = (np.array(column) for column in zip(*rows, strict=True))
    n = card.size
    return FraudTable(
        card.astype(np.int32), START + day * DAY, START + day * DAY, np.ones(n, bool),
        np.zeros(n, bool), entity.astype(np.int32), product.astype(np.int32),
    )  # fmt: skip


def test_a_burst_of_one_product_at_one_shop_on_one_day_is_one_event() -> None:
    rng = np.random.default_rng(1)
    usual = [(i, int(rng.integers(300)), int(rng.integers(50)), 1 + i % 4) for i in range(400)]
    attack = [(1_000 + i, 120, 7, 2) for i in range(12)]
    spent = [(2_000 + i, 200, 9, 1 + i % 4) for i in range(12)]
    burst = find_bursts(frauds_at_shops(usual + attack + spent))
    assert len(set(burst[400:412].tolist())) == 1
    assert burst[400] >= 0
    assert (burst[412:] == -1).all()
    inside = [u for u, b in zip(usual, burst, strict=False) if b >= 0]
    assert all(u[1:] == (120, 7, 2) for u in inside)


def test_a_burst_shows_even_if_no_other_report_names_its_shop() -> None:
    rng = np.random.default_rng(2)
    usual = [(i, int(rng.integers(300)), -1, 1 + i % 3) for i in range(90)]
    attack = [(1_000 + i, 120, 7, 2) for i in range(40)]
    burst = find_bursts(frauds_at_shops(usual + attack))
    assert (burst[:90] == -1).all()
    assert len(set(burst[90:].tolist())) == 1
    assert burst[90] >= 0


def test_with_one_product_nothing_can_be_told_apart() -> None:
    rows = [(i, i % 3, 1, 1) for i in range(60)]
    assert (find_bursts(frauds_at_shops(rows)) == -1).all()


def test_bursts_count_once_among_the_cases() -> None:
    economy = make(4, cards=300, background=0.3)
    gold = sorted(ref for ref, card in economy.cards.items() if card.product == "student")[:40]
    seen = {p.card for p in economy.purchases}
    attack = tuple(
        Report(card, START + 100 * DAY + i * 60, None, "", shop_name(2))
        for i, card in enumerate(card for card in gold if card in seen)
    )
    history = replace(economy, reports=(*economy.reports, *attack)).arrays()
    survey, share = history.survey(), history.draw(cards=10_000)
    clock = make_clock(survey.first_at, START + economy.days * DAY)
    study = make_study(history.cards(), history.frauds(), history.visits(), clock, share)
    in_burst = study.spells.burst >= 0
    assert in_burst.sum() >= len(attack) - 5  # some may have had an episode at the time
    assert (study.event & in_burst).sum() == 1


def test_taking_a_leak_s_victims_out_leaves_no_hazard_in_their_months() -> None:
    study, visits = study_of(3, cards=600, leaks=(Leak(6, 100, 160, 0.5, lag=60.0),))
    gone = np.flatnonzero(study.event & (study.spells.leave > START + 150 * DAY))[::2]
    rest = study.without(gone)
    edges = study.clock.edges
    fitted = rest.weight @ np.diff(rest.cumulative, axis=1)
    kept = study.event.copy()
    kept[gone] = False
    assert rest.event.tolist() == kept.tolist()
    for block in range(edges.size - 1):
        inside = (study.spells.leave > edges[block]) & (study.spells.leave <= edges[block + 1])
        assert fitted[block] == pytest.approx(float((kept & inside).sum()), abs=1e-6)
    panel = make_panel(study, visits)
    again = rest.renew(panel)
    assert not np.isin(again.visits.spell, gone).any()
    same = study.renew(panel)
    assert same.visits.hazard == pytest.approx(panel.visits.hazard)


@pytest.mark.parametrize("seed", [1, 2])
def test_permuted_index_times_stay_in_the_matched_set(seed: int) -> None:
    study, _ = study_of(seed, cards=500, background=0.6)
    rng = np.random.default_rng(seed)
    edges = study.clock.edges
    moved = 0
    for _ in range(5):
        permuted, chosen = _permute(study, _pools(study), rng)
        assert permuted.event.sum() == chosen.size == np.unique(chosen).size
        assert chosen.size >= 0.75 * study.event.sum()
        index_at = sorted(permuted.spells.leave[chosen].tolist())
        originals = study.spells.leave[study.event].tolist()
        by_time = {}
        for s in np.flatnonzero(study.event):
            by_time.setdefault(int(study.spells.leave[s]), []).append(int(s))
        assert set(index_at) <= set(originals)
        for s in chosen.tolist():
            at = int(permuted.spells.leave[s])
            assert study.spells.entry[s] < at <= study.spells.leave[s]
            block = int(np.clip(np.searchsorted(edges, at, "left") - 1, 0, edges.size - 2))
            cells = {int(study.cell[case, block]) for case in by_time[at]}
            assert int(study.cell[s, block]) in cells
            moved += s not in by_time[at]
        others = np.ones(len(study.spells), bool)
        others[chosen] = False
        assert (permuted.spells.leave[others] == study.spells.leave[others]).all()
    assert moved > 50


def test_the_clock_ends_with_the_as_of_day_and_covers_the_history() -> None:
    for days in (1, 29, 30, 31, 365, 2_500):
        end = START + days * DAY
        clock = make_clock(START, end)
        assert clock.end == end
        assert clock.edges[0] <= START < clock.edges[1]
        assert set(np.diff(clock.edges)) == {30 * DAY}
        assert (int(clock.edges[0]), end) in clock.periods
        assert all(clock.edges[0] <= begin < until <= end for begin, until in clock.periods)
        assert len(clock.periods) <= 62  # one bit each in a signed integer
        assert timedelta(seconds=end - START).days == days


def test_leaks_do_not_bend_the_matching() -> None:
    """A leak raises the hazard of its months, not of its customers' cells beyond reason."""
    quiet, _ = study_of(7, cards=600)
    leaky, _ = study_of(7, cards=600, leaks=(Leak(6, 40, 120, 0.5),))
    assert leaky.event.sum() > quiet.event.sum() + 30
