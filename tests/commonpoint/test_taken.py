"""Which data was taken: planted kinds are recovered, with the counts of the files."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commonpoint.world_run import of_shop, traced
from sekisho.commonpoint.taken import weigh
from sekisho.commonpoint.trace import Answer
from sekisho.domain.finding import Finding
from sekisho.world import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    NoiseSpec,
    World,
    WorldSpec,
    build,
)

NEEDED = {
    DataTaken.FORM: ("pan", "expiry", "security_code"),
    DataTaken.DATABASE: ("pan", "expiry"),
    DataTaken.TRACK: ("pan", "track"),
}
CASES = [(kind, seed) for kind in DataTaken for seed in (1, 3)]


@cache
def planted(kind: DataTaken, seed: int) -> World:
    where = LeakKind.TERMINAL if kind is DataTaken.TRACK else LeakKind.MERCHANT
    leak = LeakSpec(where, ((60, 150),), 0.3, data_taken=kind, size_rank=0.05, lag_days=15.0)
    return build(
        WorldSpec(
            days=240, merchants=MerchantSpec(count=250, home_areas=5),
            cards=CardSpec(count=6_000, per_day=0.15), noise=NoiseSpec(phishing=0.02),
            leaks=(leak,),
        ),
        seed,
    )  # fmt: skip


def searched(kind: DataTaken, seed: int, folder: Path, drop: str = "") -> tuple[Answer, Finding]:
    world = planted(kind, seed)
    answer = traced(world, folder, drop=drop)
    finding = of_shop(answer, world, world.truth.leaks[0].merchants[0])
    assert finding is not None
    return answer, finding


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_planted_kinds_are_recovered_and_nothing_more(
    kind: DataTaken, seed: int, tmp_path: Path
) -> None:
    answer, finding = searched(kind, seed, tmp_path)
    assert finding.data_taken == NEEDED[kind]
    told = {one.data: one for one in finding.data_evidence}
    shown, known = naive_counts(tmp_path, answer, finding)
    for data, one in told.items():
        assert one.shown == len(shown[data])
        assert one.known == len(known[data])
        assert one.shown <= one.known <= finding.cards_defrauded


def naive_counts(
    folder: Path, answer: Answer, finding: Finding
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Victims whose reported transactions show each kind, read row by row from the files."""
    number = answer.findings.index(finding)
    refs = sorted({row["card_ref"] for row in pq.read_table(folder / "transactions.parquet",
                  columns=["card_ref"]).to_pylist()})  # fmt: skip
    spells = answer.ground.study.spells
    found = [a for a in answer.associations if a.kind is None][number]
    index = {refs[int(spells.card[s])]: int(spells.leave[s]) for s in found.spells}
    reports = pq.read_table(folder / "fraud.parquet").to_pylist()
    wanted = {
        row["transaction_id"]
        for row in reports
        if row["card_ref"] in index
        and 0 <= seconds(row["fraud_at"]) - index[row["card_ref"]] < 90 * 86_400
    }
    keys = ("expiry", "security_code", "track", "credentials")
    shown: dict[str, set[str]] = {key: set() for key in keys}
    known: dict[str, set[str]] = {key: set() for key in keys}
    for row in pq.read_table(folder / "transactions.parquet").to_pylist():
        if row["transaction_id"] not in wanted:
            continue
        card, web = row["card_ref"], row["entry_mode"] == "ecommerce"
        facts = {
            "expiry": (True, web and row["approved"]),
            "security_code": (row["security_code_result"] is not None,
                              row["security_code_result"] == "match"),
            "track": (True, row["entry_mode"] == "magstripe"),
            "credentials": (web, row["eci"] == "05"),
        }  # fmt: skip
        for key, (is_known, shows) in facts.items():
            known[key] |= {card} if is_known or shows else set()
            shown[key] |= {card} if shows else set()
    return shown, known


def seconds(moment: object) -> int:
    import numpy as np  # noqa: PLC0415

    return int(np.datetime64(moment, "s").astype(np.int64))  # type: ignore[call-overload]


def test_without_the_columns_nothing_is_claimed(tmp_path: Path) -> None:
    _, finding = searched(DataTaken.FORM, 1, tmp_path / "a", "entry_mode eci security_code_result")
    assert finding.data_taken == ()
    assert finding.data_evidence == ()
    _, finding = searched(DataTaken.FORM, 1, tmp_path / "b", "security_code_result")
    assert finding.data_taken == ("pan", "expiry")


def test_chance_victims_alone_claim_nothing() -> None:
    assert not weigh("security_code", (9, 20), (40, 50), by_chance=8.0).taken
    assert weigh("security_code", (20, 20), (40, 50), by_chance=2.0).taken
    # Clear but few: a handful may have got it elsewhere.
    assert not weigh("security_code", (6, 90), (0, 50), by_chance=0.1).taken
    assert not weigh("track", (0, 90), (0, 50), by_chance=0.1).taken


def test_the_world_has_codes_where_they_were_typed() -> None:
    world = planted(DataTaken.DATABASE, 1)
    table = world.transaction_table().select(["entry_mode", "security_code_result"]).to_pylist()
    for row in table[:20_000]:
        assert (row["security_code_result"] is not None) == (row["entry_mode"] == "ecommerce")
