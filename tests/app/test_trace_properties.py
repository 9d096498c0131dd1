"""What must not change the findings does not: split, order, doubles, bystanders, names, zones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from commonpoint.array_history import Purchase, Report
from commonpoint.tiny import (
    DAY,
    START,
    Economy,
    Files,
    Leak,
    card_name,
    make,
    shop_name,
    with_trouble,
)
from sekisho.app.tracing import TraceOptions, run_trace, write_results
from sekisho.domain.progress import Silent
from sekisho.warehouse.intake import InputRequest

LEAK = Leak(6, 40, 120, 0.5)
LEAKS = (LEAK, Leak(10, 100, 160, 0.7, sold=200))


@pytest.fixture
def traced(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Trace a request in a fresh folder; findings.json as read back."""
    runs = iter(range(1_000))

    def run(request: InputRequest, **others: Any) -> dict[str, Any]:
        work = tmp_path / f"run{next(runs)}"
        options = TraceOptions(memory_limit="500MB", threads=1, **others)
        traced = run_trace(request, options, work / "scratch", Silent())
        write_results(traced, work, language="en")
        traced.history.connection.close()
        found: dict[str, Any] = json.loads((work / "findings.json").read_text(encoding="utf-8"))
        exposed = pq.read_table(work / "exposed_cards.parquet").to_pylist()
        found["exposed"] = [
            row | {key: str(row[key]) for key in ("first_exposed_at", "last_exposed_at")}
            for row in exposed
        ]
        return found

    return run


def said(found: dict[str, Any], *also: str) -> dict[str, Any]:
    """What was found, without what tells of the input files alone."""
    return {key: value for key, value in found.items() if key not in ("inputs", *also)}


def ids(found: dict[str, Any]) -> list[str]:
    return [finding["entity_id"] for finding in found["findings"]]


def coarse(economy: Economy, rng: np.random.Generator) -> Economy:
    """Times to the hour only, so that a card buys twice at one shop in one instant."""
    busy = [p for p in economy.purchases if rng.random() < 0.3]
    rows = [replace(p, at=p.at // 3_600 * 3_600) for p in (*economy.purchases, *busy)]
    return with_trouble(replace(economy, purchases=tuple(rows)), rng)


def with_ids(files: Files) -> None:
    """Number the rows of the history across its files."""
    number = 0
    for path in files.history:
        table = pq.read_table(path)
        numbers = pa.array([f"t{number + i:07d}" for i in range(table.num_rows)])
        pq.write_table(table.append_column("transaction_id", numbers), path)
        number += table.num_rows


def deal(table: pa.Table, folder: Path, how: str, rng: np.random.Generator) -> tuple[Path, ...]:
    """Split one history into files in one of several ways."""
    order = {
        "by time": np.argsort(table["authorized_at"].to_numpy(), kind="stable"),
        "backwards": np.argsort(table["authorized_at"].to_numpy(), kind="stable")[::-1],
        "by card": np.argsort(table["card_ref"].to_numpy(), kind="stable"),
        "shuffled": rng.permutation(table.num_rows),
    }[how]
    folder.mkdir()
    paths = []
    for i, rows in enumerate(np.array_split(order, 4)):
        paths.append(folder / f"part{'cadb'[i]}.parquet")
        pq.write_table(table.take(pa.array(rows)), paths[-1])
    return tuple(paths)


@pytest.mark.parametrize("numbered", [True, False], ids=["with ids", "without ids"])
def test_any_split_and_order_gives_the_same(
    tmp_path: Path, traced: Callable[..., dict[str, Any]], numbered: bool
) -> None:
    economy = make(5, leaks=LEAKS, change=coarse)
    files = economy.write(tmp_path / "whole")
    if numbered:
        with_ids(files)
    else:
        # Without ids two equal rows are one; here the amount tells them apart.
        table = pq.read_table(files.history[0])
        amounts = pa.array(np.arange(table.num_rows) % 9_973 + 100)
        pq.write_table(table.append_column("amount_minor", amounts), files.history[0])
    whole = traced(files.request())
    assert whole["findings"]
    table = pq.read_table(files.history[0])
    for how in ("by time", "backwards", "by card", "shuffled"):
        parts = deal(table, tmp_path / how, how, np.random.default_rng(3))
        assert said(traced(replace(files, history=parts).request())) == said(whole), how


def test_a_split_as_csv_says_the_same_as_parquet(
    tmp_path: Path, traced: Callable[..., dict[str, Any]]
) -> None:
    from pyarrow import csv  # noqa: PLC0415 - for this test only

    economy = make(6, leaks=LEAKS)
    files = economy.write(tmp_path / "parquet", parts=2)
    text = tuple(path.with_suffix(".csv") for path in files.history)
    for path, out in zip(files.history, text, strict=True):
        csv.write_csv(pq.read_table(path), out)
    assert said(traced(replace(files, history=text).request())) == said(traced(files.request()))


def test_rows_that_are_there_twice_change_nothing(
    tmp_path: Path, traced: Callable[..., dict[str, Any]]
) -> None:
    economy = make(5, leaks=LEAKS, change=coarse)
    files = economy.write(tmp_path / "once")
    with_ids(files)
    once = traced(files.request())
    table = pq.read_table(files.history[0])
    rng = np.random.default_rng(4)
    again = table.take(pa.array(rng.choice(table.num_rows, table.num_rows // 3, replace=False)))
    pq.write_table(again, tmp_path / "again.parquet")
    more = replace(files, history=(*files.history, tmp_path / "again.parquet"))
    assert said(traced(more.request())) == said(once)
    reports = pq.read_table(files.fraud)
    pq.write_table(pa.concat_tables([reports, reports.slice(3, 40)]), files.fraud)
    twice = traced(files.request())
    assert twice["method"].pop("excluded_fraud") != once["method"].pop("excluded_fraud")
    assert said(twice) == said(once)


@pytest.mark.parametrize("leaks", [(), (LEAK,)], ids=["quiet", "leak"])
def test_cards_that_never_shopped_there_and_stay_unharmed_add_no_finding(
    tmp_path: Path, traced: Callable[..., dict[str, Any]], leaks: Sequence[Leak]
) -> None:
    economy = make(8, leaks=leaks)
    before = traced(economy.write(tmp_path / "before").request())
    rng = np.random.default_rng(8)
    others = tuple(
        Purchase(card_name(10_000 + i), shop_name(100 + int(rng.integers(10))), int(at))
        for i in range(400)
        for at in START + rng.integers(0, 300 * DAY, 15)
    )
    crowd = replace(economy, purchases=(*economy.purchases, *others))
    after = traced(crowd.write(tmp_path / "after").request())
    assert ids(after) == ids(before)
    assert bool(ids(before)) == bool(leaks)


@pytest.mark.parametrize("back", [30, 75, 120])
def test_as_of_never_looks_ahead(
    tmp_path: Path, traced: Callable[..., dict[str, Any]], back: int
) -> None:
    economy = make(5, leaks=LEAKS, change=with_trouble)
    day = economy.last_day - timedelta(days=back)
    end = START + (economy.days - back) * DAY
    known = replace(
        economy,
        purchases=tuple(p for p in economy.purchases if p.at < end),
        reports=tuple(r for r in economy.reports if max(r.at, r.reported_at or r.at) < end),
        cards={
            ref: replace(
                card,
                closed=card.closed if card.closed and card.closed < end else None,
                replaced_by=card.replaced_by if card.closed and card.closed < end else None,
            )
            for ref, card in economy.cards.items()
            if not card.opened or card.opened < end
        },
    )
    whole = traced(economy.write(tmp_path / "all").request(as_of=day))
    cut = traced(known.write(tmp_path / "known").request(as_of=day))
    for found in (whole, cut):
        found["method"].pop("excluded_fraud")  # counts what was left out as not known yet
    assert said(whole) == said(cut)


@pytest.mark.parametrize("seed", [2, 5, 11])
def test_a_sample_of_controls_finds_what_all_of_them_find(
    tmp_path: Path, traced: Callable[..., dict[str, Any]], seed: int
) -> None:
    economy = make(seed, cards=1_500, leaks=(Leak(6, 40, 120, 0.5), Leak(12, 60, 180, 0.6)))
    request = economy.write(tmp_path / "files").request()
    everybody, some = traced(request), traced(request, controls=500)
    assert some["method"]["sample_fraction"] < 0.5
    assert set(ids(some)) == set(ids(everybody)) != set()
    for one, other in zip(
        sorted(some["findings"], key=lambda f: f["entity_id"]),
        sorted(everybody["findings"], key=lambda f: f["entity_id"]),
        strict=True,
    ):
        assert one["cards_expected"] == pytest.approx(other["cards_expected"], rel=0.35)
        for end in ("window_start", "window_end"):
            apart = date.fromisoformat(one[end]) - date.fromisoformat(other[end])
            assert abs(apart.days) <= 7


def test_other_names_for_the_shops_give_the_same_findings_under_these_names(
    tmp_path: Path, traced: Callable[..., dict[str, Any]]
) -> None:
    economy = make(5, leaks=LEAKS, change=with_trouble)
    shuffled = np.random.default_rng(1).permutation(1_000)
    names = {shop_name(i): ("B9", f"架空{shuffled[i]:03d}") for i in range(200)}
    renamed = replace(
        economy,
        purchases=tuple(replace(p, shop=names[p.shop]) for p in economy.purchases),
        reports=tuple(replace(r, shop=r.shop and names[r.shop]) for r in economy.reports),
    )
    whole = traced(economy.write(tmp_path / "one").request())
    other = traced(renamed.write(tmp_path / "other").request())
    text = json.dumps(whole)
    for (acquirer, merchant), (new_acquirer, new) in names.items():
        text = text.replace(f'"{acquirer}/{merchant}"', json.dumps(f"{new_acquirer}/{new}"))
    expected = json.loads(text)
    for found in (expected, other):
        found["exposed"].sort(key=lambda row: (row["entity_id"], row["card_ref"]))
        # The permutations draw from another order of shops.
        found["method"].pop("permuted_strongest_p")
        for f in (*found["findings"], *found["suspects"]):
            f["alternatives"].sort()
    assert near(said(other), said(expected))


def near(one: Any, other: Any) -> bool:
    """Equal but for rounding in sums of another order."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6, abs=1e-9)
    return bool(one == other)


def test_instants_with_a_zone_are_the_same_as_wall_clock_in_it(
    tmp_path: Path, traced: Callable[..., dict[str, Any]]
) -> None:
    economy = make(5, leaks=LEAKS, change=with_trouble)
    files = economy.write(tmp_path / "wall clock")
    here = traced(files.request())
    zoned = economy.write(tmp_path / "instants")
    for path, columns in (
        (zoned.history[0], ["authorized_at"]),
        (zoned.fraud, ["fraud_at", "reported_at"]),
    ):
        table = pq.read_table(path)
        for name in columns:
            place = table.column_names.index(name)
            instants = pc.assume_timezone(table[name], "Asia/Tokyo")
            table = table.set_column(place, name, instants.cast(pa.timestamp("us", "UTC")))
        pq.write_table(table, path)
    assert said(traced(zoned.request())) == said(here)
    # Wall clock of a zone without summer time: the zone's name alone changes nothing but itself.
    elsewhere = traced(files.request(timezone="Asia/Seoul"))
    assert elsewhere["method"].pop("timezone") == "Asia/Seoul"
    here["method"].pop("timezone")
    assert said(elsewhere) == said(here)


def test_a_reference_that_goes_on_after_fraud_is_a_case_again(
    tmp_path: Path, traced: Callable[..., dict[str, Any]]
) -> None:
    economy = make(9, leaks=(Leak(6, 150, 220, 0.5),))
    again = sorted({r.card for r in economy.reports if r.at > START + 150 * DAY})[::4]
    first = tuple(
        Report(card, START + i * 2 * DAY + 3_600, None, "card_not_present")
        for i, card in enumerate(again)
    )
    assert 15 < len(first) < 30
    # Some who will be victims had a fraud before, with a quiet gap of 90 days in between.
    twice = replace(economy, reports=(*first, *economy.reports))
    once = traced(economy.write(tmp_path / "once").request())
    found = traced(twice.write(tmp_path / "twice").request())
    assert ids(once) == ids(found) == [shop_id(6)]
    assert found["cases"] >= once["cases"] + len(first) - 2  # a card not seen yet has no spell
    one, other = once["findings"][0], found["findings"][0]
    assert other["cards_defrauded"] == pytest.approx(one["cards_defrauded"], abs=3)


def test_purchases_alone_never_make_a_finding_of_the_shop_of_the_fraud(
    tmp_path: Path, traced: Callable[..., dict[str, Any]]
) -> None:
    """Subscription disputes: the reported shop is where the card always shopped."""
    economy = make(4, background=0.05)
    rng = np.random.default_rng(4)
    there = sorted({p.card for p in economy.purchases if p.shop == shop_name(3)})
    disputed = tuple(
        Report(card, START + 250 * DAY + i * 600, None, "card_not_present", shop_name(3))
        for i, card in enumerate(there)
        if rng.random() < 0.4
    )
    assert len(disputed) > 40
    found = traced(
        replace(economy, reports=(*economy.reports, *disputed)).write(tmp_path / "files").request()
    )
    assert shop_id(3) not in ids(found)
    assert shop_id(3) not in [f["entity_id"] for f in found["suspects"]]


def shop_id(shop: int) -> str:
    return "/".join(shop_name(shop))
