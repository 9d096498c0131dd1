"""The demo: every number on its page comes from its own run, and the run can be repeated."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from sekisho.app.commands.demo import run_demo, story_plan
from sekisho.app.demo.replay import Plan, month_ends
from sekisho.web.demo import Milestones, Replay
from sekisho.web.demo.model import Role, Standing
from sekisho.world import CardSpec, DataTaken, LeakKind, LeakSpec, MerchantSpec, Timing, WorldSpec

START = date(2024, 1, 1)
DAYS = 366
SALE = date(2024, 8, 15)


def plan(seed: int = 4) -> Plan:
    """Two shops of an invented operator in a world of a few seconds."""
    leak = LeakSpec(
        kind=LeakKind.OPERATOR,
        windows=((20, 300), (20, 200)),
        misuse_share=0.5,
        timing=Timing.BATCHES,
        data_taken=DataTaken.FORM,
        n_members=2,
        size_rank=0.25,
        lag_days=30.0,
        sales=((SALE - START).days, 290),
        names=("架空ひなた通販", "架空ひなた健康食品"),
    )
    spec = WorldSpec(
        start=START,
        days=DAYS,
        merchants=MerchantSpec(count=300),
        cards=CardSpec(count=4_000),
        leaks=(leak,),
    )
    word = date(2024, 11, 20)
    days = Milestones(SALE, word, word, word + timedelta(27), word + timedelta(81))
    return Plan(spec, seed, month_ends(date(2024, 8, 1), date(2024, 12, 31)), days)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Replay, Path, str]:
    """One run: what it told, its folder, and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "demo-out"
    screen = StringIO()
    told = run_demo(plan(), out, Console(file=screen, width=100))
    return told, out, screen.getvalue()


def test_month_ends_are_month_ends() -> None:
    assert month_ends(date(2023, 12, 31), date(2024, 3, 15)) == (
        date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 15),
    )  # fmt: skip


def test_the_leak_is_found_after_misuse_begins_and_not_before(
    made: tuple[Replay, Path, str],
) -> None:
    told = made[0]
    found = [look.found for look in told.looks]
    assert told.first_found is not None
    assert told.first_found.as_of > SALE
    assert found[-1] == 2
    assert not any(look.wrong for look in told.looks)
    for shop, said in zip(told.shops, told.looks[-1].said, strict=True):
        assert said.window_start is not None
        assert said.window_end is not None
        assert abs((said.window_start - shop.window_start).days) < 60
        assert said.window_end <= shop.window_end + timedelta(days=60)


def test_numbers_agree_with_the_truth_counted_again(made: tuple[Replay, Path, str]) -> None:
    told, out, _ = made
    data = out / "data"
    rows = duckdb.execute(
        "SELECT card_ref, fraud_at, reported_at FROM read_parquet(?) WHERE leak = 0",
        [str(data / "truth_fraud.parquet")],
    ).fetchall()
    assert told.misused == len({row[0] for row in rows})
    for look in told.looks:
        known = {r[0] for r in rows if r[2] is not None and r[2].date() <= look.as_of}
        assert look.victims_known == len(known)
    listed = {
        row[0]
        for row in duckdb.execute(
            "SELECT card_ref FROM read_parquet(?)",
            [str(out / "trace" / "exposed_cards.parquet")],
        ).fetchall()
    }
    last = told.looks[-1]
    assert last.listed == len(listed)
    later = {r[0] for r in rows if r[0] in listed and r[1].date() > last.as_of}
    assert last.misused_later == len(later)


def test_the_last_look_is_the_trace_that_lies_there(made: tuple[Replay, Path, str]) -> None:
    told, out, _ = made
    trace = json.loads((out / "trace" / "findings.json").read_text("utf-8"))
    assert trace["as_of"] == told.looks[-1].as_of.isoformat()
    names = {
        place["entity_id"]
        for finding in trace["findings"]
        for place in (finding["members"] or [finding])
    }
    assert names == {shop.entity_id for shop in told.shops}
    for name in ("report.html", "report.ja.html"):
        assert (out / "trace" / name).stat().st_size > 10_000


def test_each_look_knows_only_its_day(made: tuple[Replay, Path, str]) -> None:
    told = made[0]
    known = [look.victims_known for look in told.looks]
    assert known == sorted(known)
    assert known[0] < known[-1]
    for look in told.looks:
        ends = [said.window_end for said in look.said if said.window_end is not None]
        assert all(end <= look.as_of for end in ends)


def test_the_ratio_is_judged_like_sekisho(made: tuple[Replay, Path, str]) -> None:
    told = made[0]
    shops = {shop.name for shop in told.shops}
    for look in told.looks:
        for blame in look.blamed:
            assert (blame.role is Role.LEAK) == (blame.name in shops)
            assert blame.fraud_cards >= told.floor_cards
            assert blame.ratio >= told.floor_ratio
            if blame.sekisho is Standing.FOUND:
                assert blame.name in shops


def test_screen_and_page_say_what_was_computed(made: tuple[Replay, Path, str]) -> None:
    told, out, screen = made
    page = (out / "index.html").read_text("utf-8")
    assert screen.rstrip().endswith("index.html")
    for look in told.looks:
        assert look.as_of.isoformat() in screen
    shown = [int(n) for n in re.findall(r'class="fill" data-victims="(\d+)"', page)]
    tabled = [int(n) for n in re.findall(r'<td class="n" data-victims="(\d+)"', page)]
    known = [look.victims_known for look in told.looks]
    assert shown == tabled == [*known, *known]  # once in each language
    for shop in told.shops:
        assert shop.name in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|<script|url\(""", page)


def test_a_second_run_replaces_the_first_and_says_the_same(
    made: tuple[Replay, Path, str],
) -> None:
    told, out, _ = made
    before = (out / "index.html").read_bytes()
    again = run_demo(plan(), out, Console(file=StringIO(), width=100))
    assert again == told
    assert (out / "index.html").read_bytes() == before


@pytest.mark.slow
def test_the_story_is_found_months_before_the_card_companies_speak(tmp_path: Path) -> None:
    told = run_demo(story_plan(1), tmp_path / "out", Console(file=StringIO()))
    assert told.first_found is not None
    assert (told.milestones.word - told.first_found.as_of).days > 60
    assert told.looks[0].found == 0
    assert told.all_found is not None
    assert not any(look.wrong for look in told.looks)
