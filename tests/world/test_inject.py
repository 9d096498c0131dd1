"""Leaks injected into a history that this code did not make."""

import os
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.world import (
    History,
    Injected,
    InjectionPlan,
    LeakKind,
    LeakSpec,
    grouped,
    history_of,
    inject,
    oracle,
)
from sekisho.world.kernels import DAY, NEVER

LEAK = LeakSpec(LeakKind.MERCHANT, ((30, 60),), 0.5, size_rank=0.05, lag_days=8.0)
ANOTHER = LeakSpec(LeakKind.OPERATOR, ((10, 30), (20, 50)), 0.4, n_members=2, size_rank=0.2)


def history(seed: int = 1, rows: int = 40_000) -> History:
    rng = np.random.default_rng(seed)
    table = pa.table({
        "who": rng.integers(600, size=rows) + 1_000,
        "where": np.minimum(rng.geometric(0.03, size=rows), 150),
        "when": np.sort(
            np.datetime64("2022-03-01", "us")
            + rng.integers(180 * 86_400, size=rows) * np.timedelta64(1_000_000, "us")
        ),
        "bad": rng.random(rows) < 0.001,
    })  # fmt: skip
    return history_of(table, "who", "where", "when", "bad")


@pytest.fixture(scope="module")
def injected() -> Injected:
    plan = InjectionPlan(background=0.1)
    return inject(history(), (LEAK, ANOTHER), np.random.default_rng(4), plan)


def test_rows_are_the_old_ones_but_for_fraud_and_stopped_cards(injected: Injected) -> None:
    old, new = history(), injected.history
    kept = injected.row < old.card.size
    rows = injected.row[kept]
    assert np.array_equal(old.card[rows], new.card[kept])
    assert np.array_equal(old.merchant[rows], new.merchant[kept])
    assert np.array_equal(old.second[rows], new.second[kept])
    gone = np.setdiff1d(np.arange(old.card.size), rows)
    assert gone.size > 0
    assert (old.second[gone] >= injected.closed[old.card[gone]]).all()
    assert (new.second < injected.closed[new.card]).all()
    assert (np.diff(new.second) >= 0).all()
    assert np.unique(injected.row).size == injected.row.size


def test_victims_visited_before_the_fraud(injected: Injected) -> None:
    fraud = injected.fraud
    for number in range(2):
        mine = fraud.leak == number
        assert mine.sum() > 5
        assert (fraud.second[mine] > injected.visit[number, fraud.card[mine]]).all()
    assert (fraud.reported > fraud.second).all()


def test_fraud_table_names_rows_of_the_history(injected: Injected) -> None:
    rows = {r["transaction_id"]: r for r in injected.transaction_table().to_pylist()}
    table = injected.fraud_table().to_pylist()
    assert len(table) > 40
    for fraud in table:
        row = rows[fraud["transaction_id"]]
        assert (row["card_ref"], row["authorized_at"]) == (fraud["card_ref"], fraud["fraud_at"])
        assert fraud["reported_at"].date() <= injected.last_day


def naive(injected: Injected, number: int, as_of: date) -> tuple[int, int, float]:
    h = injected.history
    stop = ((as_of - h.start).days + 1) * DAY
    visit: dict[int, int] = {}
    for shop, (first, last) in zip(injected.members[number], injected.windows[number], strict=True):
        for card, merchant, second in zip(
            h.card.tolist(), h.merchant.tolist(), h.second.tolist(), strict=True
        ):
            if merchant == shop and first <= second < min(last, stop):
                visit[card] = min(second, visit.get(card, second))
    fraud: dict[int, tuple[int, bool]] = {}
    f = injected.fraud
    for card, second, reported, leak in sorted(
        zip(f.card.tolist(), f.second.tolist(), f.reported.tolist(), f.leak.tolist(), strict=True),
        key=lambda entry: entry[1],
    ):
        if reported < stop and second < stop:
            fraud.setdefault(card, (second, leak == number))
    at_risk, after, foreign, victims = 0, 0, 0, 0
    for card in range(h.cards.size):
        hit = fraud.get(card)
        end = min(hit[0] if hit else stop, int(injected.closed[card]), stop) // DAY
        at_risk += end
        foreign += hit is not None and not hit[1]
        if card in visit and not (hit and hit[0] <= visit[card]):
            after += max(0, end - visit[card] // DAY)
            victims += hit is not None
    return len(visit), victims, foreign / at_risk * after


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("as_of", [date(2022, 8, 27), date(2022, 5, 20)])
def test_oracle_equals_its_twin(injected: Injected, number: int, as_of: date) -> None:
    seen = oracle(injected, number, as_of)
    exposed, victims, expected = naive(injected, number, as_of)
    assert (seen.exposed, seen.victims) == (exposed, victims)
    assert seen.expected == pytest.approx(expected)


def test_without_fraudulent_rows_only_cards_are_named() -> None:
    out = inject(history(), (LEAK,), np.random.default_rng(2), InjectionPlan(fraud_rows=False))
    assert (out.row < history().card.size).all()
    table = out.fraud_table()
    assert table["transaction_id"].null_count > 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.01, 1.0), first=st.integers(0, 100))
def test_any_injection_keeps_its_promises(seed: int, share: float, first: int) -> None:
    leak = LeakSpec(LeakKind.MERCHANT, ((first, first + 20),), share, size_rank=0.1)
    old = history(rows=5_000)
    out = inject(old, (leak,), np.random.default_rng(seed))
    again = inject(old, (leak,), np.random.default_rng(seed))
    assert np.array_equal(out.row, again.row)
    assert (out.history.second < out.closed[out.history.card]).all()
    stopped = out.closed < NEVER
    assert np.isin(np.flatnonzero(stopped), out.fraud.card[out.fraud.leak == 0]).all()
    untouched = ~np.isin(old.card, out.fraud.card[out.fraud.leak >= 0])
    assert np.isin(np.flatnonzero(untouched), out.row).all()


def test_bad_requests_are_refused() -> None:
    leak = LeakSpec(LeakKind.MERCHANT, ((1, 2),), 0.5, merchants=(10_000,))
    with pytest.raises(BadInput, match="not there"):
        inject(history(), (leak,), np.random.default_rng(1))
    with pytest.raises(BadInput, match="no row"):
        history_of(pa.table({"a": [], "b": [], "c": []}), "a", "b", "c")


def test_grouping_joins_merchants_into_zipf_shops() -> None:
    old = history()
    new = grouped(old, 20, 1.0, np.random.default_rng(3))
    assert np.unique(new.merchant).size == 20
    pairs = np.unique(np.stack([old.merchant, new.merchant]), axis=1)
    assert pairs.shape[1] == old.merchants.size
    assert np.bincount(pairs[1])[0] > 3 * np.bincount(pairs[1])[-1]


def test_the_handbook_history_takes_a_leak() -> None:
    root = Path(__file__).parents[2]
    shared = Path(os.environ.get("SEKISHO_SHARED", root.parent / "shared"))
    path = shared / "data" / "handbook-simulated-transactions.parquet"
    if not path.exists():
        pytest.skip("the Handbook's transactions are not at hand (SEKISHO_SHARED)")
    table = pq.read_table(path, columns=["CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME"])
    raw = history_of(table, "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME")
    shops = grouped(raw, 500, 1.0, np.random.default_rng(1))
    plan = InjectionPlan(background=0.02)
    out = inject(shops, (LEAK,), np.random.default_rng(1), plan)
    seen = oracle(out, 0)
    assert seen.exposed > 100
    assert seen.log10_p < -20
