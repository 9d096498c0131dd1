"""The oracle against a twin in plain Python that reads nothing but the files."""

import json
import math
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sekisho.world import World, build, oracle, quiet, single_leak, story
from sekisho.world.oracle import log10_upper_tail

LAST = date(2023, 7, 19)


def read(folder: Path, name: str) -> list[dict]:
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def exposing_visits(folder: Path, leak: dict, stop: datetime) -> dict[str, datetime]:
    """First visit of each card in the windows of a leak, row by row."""
    members = {m["merchant_id"]: m for m in leak["members"]}
    first: dict[str, datetime] = {}
    for row in read(folder, "transactions"):
        member = members.get(row["merchant_id"])
        if member is None or row["message_type"] != "authorization":
            continue
        day = row["authorized_at"].date().isoformat()
        if not member["window_start"] <= day <= member["window_end"]:
            continue
        if row["authorized_at"] >= stop:
            continue
        if member["terminal_id"] not in (None, row["terminal_id"]):
            continue
        if leak["data_taken"] != "database" and row["initiator"] == "merchant":
            continue
        first.setdefault(row["card_ref"], row["authorized_at"])
    return first


def twin(folder: Path, number: int, as_of: date) -> tuple[int, int, float]:
    """Exposed cards, victims and expected victims, by the definition, one card at a time."""
    truth = json.loads((folder / "truth.json").read_text())
    stop = datetime.combine(as_of + timedelta(days=1), time())
    start = date.fromisoformat(truth["start"])
    visit = exposing_visits(folder, truth["leaks"][number], stop)
    why = {row["transaction_id"]: row for row in read(folder, "truth_fraud")}
    fraud: dict[str, tuple[datetime, bool]] = {}
    for row in sorted(read(folder, "fraud"), key=lambda r: r["fraud_at"]):
        qualifies = row["fraud_type"] in ("card_not_present", "counterfeit")
        if qualifies and row["reported_at"] < stop and row["fraud_at"] < stop:
            own = why[row["transaction_id"]]["leak"] == number
            fraud.setdefault(row["card_ref"], (row["fraud_at"], own))
    factor = {row["card_ref"]: row["hazard_factor"] for row in read(folder, "truth_cards")}
    at_risk, after, foreign, victims = 0.0, 0.0, 0, 0
    for card in read(folder, "cards"):
        ref = card["card_ref"]
        ends = [as_of + timedelta(days=1), card["closed_on"] or date.max]
        hit = fraud.get(ref)
        if hit is not None:
            ends.append(hit[0].date())
            foreign += not hit[1]
        end = min(ends)
        at_risk += factor[ref] * max(0, (end - max(card["opened_on"], start)).days)
        if ref not in visit or (hit is not None and hit[0] <= visit[ref]):
            continue
        after += factor[ref] * max(0, (end - visit[ref].date()).days)
        victims += hit is not None
    return len(visit), victims, foreign / at_risk * after


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("as_of", [LAST, date(2023, 4, 15)])
def test_oracle_equals_its_twin(world: World, folder: Path, number: int, as_of: date) -> None:
    seen = oracle(world.truth, number, as_of)
    exposed, victims, expected = twin(folder, number, as_of)
    assert (seen.exposed, seen.victims) == (exposed, victims)
    assert seen.expected == pytest.approx(expected, rel=1e-6)


def test_truth_file_has_the_oracle_of_the_last_day(world: World, folder: Path) -> None:
    leaks = json.loads((folder / "truth.json").read_text())["leaks"]
    for number, leak in enumerate(leaks):
        seen = oracle(world.truth, number)
        assert leak["oracle"]["as_of"] == LAST.isoformat()
        assert leak["oracle"]["victims"] == seen.victims >= seen.misused > 0
        assert leak["oracle"]["log10_p"] == seen.log10_p < -3


def test_exposed_file_lists_first_and_last_exposure(folder: Path) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    stop = datetime.combine(LAST + timedelta(days=1), time())
    listed = defaultdict(dict)
    for row in read(folder, "truth_exposed"):
        listed[row["leak"]][row["card_ref"]] = row["first_exposed_at"]
        assert row["first_exposed_at"] <= row["last_exposed_at"]
        assert row["exposures"] >= 1
    for number, leak in enumerate(truth["leaks"]):
        assert listed[number] == exposing_visits(folder, leak, stop)


def test_members_share_operator_or_processor_and_keep_their_windows(folder: Path) -> None:
    leaks = json.loads((folder / "truth.json").read_text())["leaks"]
    operator, processor = leaks[1], leaks[2]
    assert len({m["operator_id"] for m in operator["members"]}) == 1
    assert len({m["window_start"] for m in operator["members"]}) == 3
    assert len({m["processor_id"] for m in processor["members"]}) == 1
    assert len(processor["members"]) == 20
    for leak, column in ((operator, "operator_id"), (processor, "processor_id")):
        owner = leak["members"][0][column]
        owned = {r["merchant_id"] for r in read(folder, "merchants") if r[column] == owner}
        assert owned == {m["merchant_id"] for m in leak["members"]}
    sold = Counter(r["merchant_id"] for r in read(folder, "merchants"))
    assert [sold[m["merchant_id"]] for m in operator["members"]] == [1, 1, 2]


def test_misuse_follows_the_visit_and_the_sale(world: World) -> None:
    truth = world.truth
    for number, leak in enumerate(truth.leaks):
        mine = truth.fraud.leak == number
        assert mine.sum() > 10
        card, second = truth.fraud.card[mine], truth.fraud.second[mine]
        assert (second > truth.cards.first[number, card]).all()
        if leak.sales:
            assert second.min() > leak.sales[0]


def naive_tail(count: int, expected: Fraction) -> float:
    """Exact rational sum of the terms from ``count`` on, times e^-expected."""
    term = Fraction(1)
    for k in range(1, count + 1):
        term = term * expected / k
    total, k = Fraction(0), count
    while k < count + 60:
        total += term
        k += 1
        term = term * expected / k
    log = math.log10(total.numerator) - math.log10(total.denominator)
    return log - float(expected) / math.log(10)


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 0.5), (7, 0.25), (40, 3.5), (200, 4.0), (700, 2.5)]
)
def test_tail_is_exact_far_out(count: int, expected: float) -> None:
    assert log10_upper_tail(count, expected) == pytest.approx(
        naive_tail(count, Fraction(expected)), rel=1e-9
    )
    assert log10_upper_tail(0, expected) == 0.0


@pytest.mark.slow
def test_a_leak_far_in_the_future_of_the_as_of_date_is_not_seen(world: World) -> None:
    seen = oracle(world.truth, 0, date(2023, 1, 10))
    assert (seen.exposed, seen.victims) == (0, 0)
    assert seen.log10_p == 0.0


@pytest.mark.slow
def test_single_leaks_span_the_bins() -> None:
    p = []
    for seed in range(30):
        spec = single_leak(seed, cards=5_000, merchants=400)
        assert spec == single_leak(seed, cards=5_000, merchants=400)
        assert 0.003 <= spec.leaks[0].misuse_share <= 0.5
        p.append(oracle(build(spec, seed).truth, 0).log10_p)
    weak = single_leak(3, cards=5_000, merchants=400, strength=(6.0, 8.0))
    assert weak.leaks[0] != single_leak(3, cards=5_000, merchants=400).leaks[0]
    assert np.quantile(p, 0.1) < -20
    assert np.quantile(p, 0.9) > -9
    assert ((np.array(p) > -20) & (np.array(p) < -9)).sum() >= 5


def test_a_quiet_world_has_fraud_but_no_leak() -> None:
    truth = build(quiet(cards=3_000, merchants=200), 5).truth
    assert truth.leaks == ()
    assert set(truth.fraud.cause.tolist()) >= {1, 3, 4}
    assert (truth.fraud.leak == -1).all()


@pytest.mark.slow
def test_the_story_is_found_by_an_oracle_months_before_its_end() -> None:
    spec = story()
    world = build(spec, 1)
    assert len(world.transactions) < 3_000_000
    assert oracle(world.truth, 0, date(2024, 3, 1)).log10_p > -3
    assert oracle(world.truth, 0, date(2024, 7, 31)).log10_p < -9
