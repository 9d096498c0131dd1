"""DuckHistory and the naive ArrayHistory tell the same, table by table and in the findings."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commonpoint.array_history import Card, Purchase
from commonpoint.tiny import (
    DAY,
    START,
    Economy,
    Leak,
    duck,
    make,
    opened,
    shop_name,
    with_trouble,
)
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.history import CardTable, ExposureWindow, FraudTable, VisitTable
from sekisho.domain.progress import Silent
from sekisho.warehouse.history import DuckHistory

LEAKS = (Leak(6, 40, 120, 0.5), Leak(15, 100, 160, 0.7, sold=200))


@pytest.fixture(scope="module")
def economy() -> Economy:
    return make(5, leaks=LEAKS, change=with_trouble)


def rows_of(table: VisitTable | FraudTable | CardTable) -> list[tuple[object, ...]]:
    columns = [getattr(table, f.name).tolist() for f in fields(table)]
    return list(zip(*columns, strict=True))


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def assert_same_cards(one: CardTable, other: CardTable) -> None:
    for name in ("product", "home_area", "opened_at", "closed_at"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    assert same_partition(one.account, other.account)


@pytest.mark.parametrize("drawn", [10_000, 150])
@pytest.mark.parametrize("days_back", [0, 90])
def test_tables_are_equal(economy: Economy, tmp_path: Path, drawn: int, days_back: int) -> None:
    as_of = economy.last_day - timedelta(days=days_back)
    arrays = economy.arrays(as_of)
    with duck(economy, tmp_path, as_of) as history:
        assert history.survey() == arrays.survey()
        assert history.draw(cards=drawn) == pytest.approx(arrays.draw(cards=drawn))
        assert_same_cards(history.cards(), arrays.cards())
        assert sorted(rows_of(history.visits())) == sorted(rows_of(arrays.visits()))
        assert sorted(rows_of(history.frauds())) == sorted(rows_of(arrays.frauds()))
        assert history.entity_count() == arrays.entity_count()
        names = [arrays.entity_id(e) for e in range(arrays.entity_count())]
        assert [history.entity_id(e) for e in range(arrays.entity_count())] == names
        known = history.cards()
        wanted, shares = np.array([0, 5, 17]), np.array([1.0, 0.9, 1.0])
        assert sorted(rows_of(history.add_visitors(wanted, shares))) == sorted(
            rows_of(arrays.add_visitors(wanted, shares))
        )
        pairs = zip(*(a.tolist() for a in history.added_activity()), strict=True)
        assert sorted(pairs) == sorted(
            zip(*(a.tolist() for a in arrays.added_activity()), strict=True)
        )
        # The codes of the cards that were there before stay what they were.
        after = history.cards()
        assert_same_cards(after, arrays.cards())
        assert after.product[: len(known)].tolist() == known.product.tolist()
        assert after.home_area[: len(known)].tolist() == known.home_area.tolist()


@pytest.mark.parametrize("drawn", [10_000, 150])
def test_exposed_cards_are_equal(economy: Economy, tmp_path: Path, drawn: int) -> None:
    arrays = economy.arrays()
    arrays.survey()
    arrays.draw(cards=drawn)
    windows = [ExposureWindow(e, START + 30 * DAY, START + 60 * DAY, e) for e in (2, 9)]
    arrays.expose(windows)
    with duck(economy, tmp_path) as history:
        history.survey()
        history.draw(cards=drawn)
        history.expose(windows)
        found = history.connection.execute(
            "SELECT card_ref, finding, epoch(first_exposed_at), epoch(last_exposed_at), exposures "
            "FROM exposed_cards"
        ).fetchall()
        assert history.exposed_count() == arrays.exposed_count()
        assert history.defrauded_count() == arrays.defrauded_count() > 0
    wanted = [
        (card, entity, min(at), max(at), len(set(at)))
        for (card, entity), at in arrays._exposed.items()
    ]
    assert sorted(found) == sorted(wanted)


def run(history: History, economy: Economy, **others: int) -> Answer:
    question = Question(as_of=economy.last_day, permute=False, **others)
    return trace(history, question, np.random.default_rng(1), Silent())


@pytest.mark.parametrize("controls", [120_000, 200])
def test_findings_are_equal(economy: Economy, tmp_path: Path, controls: int) -> None:
    slow = run(economy.arrays(), economy, controls=controls)
    with duck(economy, tmp_path) as history:
        fast = run(history, economy, controls=controls)
    assert fast.findings
    assert [f.entity_id for f in fast.findings] == [f.entity_id for f in slow.findings]
    for one, other in zip((*fast.findings, *fast.suspects), (*slow.findings, *slow.suspects),
                          strict=True):  # fmt: skip
        assert one.p_value == pytest.approx(other.p_value, rel=1e-6)
        assert one.cards_expected == pytest.approx(other.cards_expected, rel=1e-9)
        assert replace(one, p_value=0, cards_expected=0, log_likelihood_ratio=0, members=(),
                       explanations=(), visits_curve=None, misuse_curve=None) == replace(
            other, p_value=0, cards_expected=0, log_likelihood_ratio=0, members=(),
            explanations=(), visits_curve=None, misuse_curve=None)  # fmt: skip
    assert fast.exposed_cards == slow.exposed_cards
    told = [e.figures["p_value"] for f in fast.findings for e in f.explanations
            if "p_value" in e.figures]  # fmt: skip
    assert told
    assert all(0.0 < p <= 1.0 for p in told)


@pytest.mark.parametrize("controls", [120_000, 200])
def test_a_complete_card_file_saves_a_pass(tmp_path: Path, controls: int) -> None:
    economy = make(3, cards=400, shops=20, background=0.1)
    economy = replace(
        economy,
        cards={p.card: economy.cards.get(p.card, Card("gold", "A1")) for p in economy.purchases},
    )
    files = economy.write(tmp_path / "files")
    with opened(files.request(economy.last_day), tmp_path / "work") as inputs:
        answers = [
            run(DuckHistory(inputs.connection, inputs.columns, overlapping=False,
                            listed_rows=rows), economy, controls=controls)
            for rows in (10**9, 0)
        ]  # fmt: skip
    seen, listed = answers
    assert listed.passes == seen.passes - 1
    assert (listed.cases, listed.first_day, listed.last_day) == (
        seen.cases, seen.first_day, seen.last_day)  # fmt: skip
    assert listed.findings == seen.findings
    assert [s.entity_id for s in listed.suspects] == [s.entity_id for s in seen.suspects]


@pytest.mark.parametrize("copies", [0, 500])
def test_doubles_are_seen_among_the_drawn_cards(tmp_path: Path, copies: int) -> None:
    economy = make(3, cards=400, shops=20, background=0.1)
    files = economy.write(tmp_path / "files")
    with opened(files.request(economy.last_day), tmp_path / "plain") as inputs:
        once = run(DuckHistory(inputs.connection, inputs.columns, overlapping=False), economy)
    [path] = files.history
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table, table.slice(0, copies)]), path)
    with opened(files.request(economy.last_day), tmp_path / "work") as inputs:
        history = DuckHistory(
            inputs.connection, inputs.columns, overlapping=None, identity=inputs.identity
        )
        twice = run(history, economy)
    assert history.doubles == copies
    assert twice.findings == once.findings


def test_a_card_file_that_misses_cards_is_not_believed(tmp_path: Path) -> None:
    economy = make(3, cards=400, shops=20, background=0.1)
    files = economy.write(tmp_path / "files")
    table = pq.read_table(files.cards)
    pq.write_table(table.slice(table.num_rows // 3), files.cards)
    with opened(files.request(economy.last_day), tmp_path / "work") as inputs:
        history = DuckHistory(inputs.connection, inputs.columns, overlapping=False, listed_rows=0)
        history.survey()
        assert history.passes == 1
        seen = history.connection.execute("SELECT count(*) FROM card_list").fetchall()[0][0]
    assert seen > table.num_rows * 2 // 3


def test_a_card_file_that_names_a_card_twice_moves_nobody(tmp_path: Path) -> None:
    economy = make(3, cards=60, shops=5, background=0.4)
    with duck(economy, tmp_path / "once") as history:
        history.survey()
        history.draw(cards=1_000)
        once = history.cards()
    files = economy.write(tmp_path / "twice")
    table = pq.read_table(files.cards)
    again = table.set_column(table.column_names.index("home_area"), "home_area",
                             pa.array(["elsewhere"] * table.num_rows))  # fmt: skip
    pq.write_table(pa.concat_tables([table, again.slice(0, 7)]), files.cards)
    with opened(files.request(economy.last_day), tmp_path / "work") as inputs:
        history = DuckHistory(inputs.connection, inputs.columns, overlapping=inputs.overlapping)
        history.survey()
        history.draw(cards=1_000)
        twice = history.cards()
    assert len(twice) == len(once)
    assert twice.product.tolist() == once.product.tolist()
    assert twice.opened_at.tolist() == once.opened_at.tolist()
    assert twice.account.tolist() == once.account.tolist()


def test_a_chain_of_replacements_that_closes_on_itself_ends() -> None:
    shop = shop_name(0)
    cards = {"a": Card(replaced_by="b"), "b": Card(replaced_by="a"), "c": Card()}
    economy = Economy(tuple(Purchase(c, shop, START) for c in "abc"), (), cards, 10)
    arrays = economy.arrays()
    arrays.draw(cards=10)
    assert arrays.cards().account.tolist()
