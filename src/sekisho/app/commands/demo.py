"""``sekisho demo``: an invented leak, month by month, beside what a plain ratio would have said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.demo.replay import Plan, month_ends, replay
from sekisho.app.demo.table import Screen, shop_table
from sekisho.app.output import OutputFolder
from sekisho.app.tracing import lasting_workdir, write_results
from sekisho.web.demo import Milestones, Replay, render_demo
from sekisho.web.report import render_report
from sekisho.world import story
from sekisho.world.presets import STORY_END, STORY_FIRST_SALE, STORY_WINDOW

# Days after the card companies' word, as on record for the leak whose shape is replayed.
HOLDER_CALLED, FIRST_NOTICE, FULL_NOTICE = 23, 27, 81


def story_plan(seed: int) -> Plan:
    """The story: looks from the month's end before misuse begins to the world's last day."""
    word = STORY_WINDOW[1]
    return Plan(
        spec=story(),
        seed=seed,
        days=month_ends(STORY_FIRST_SALE - timedelta(days=1), STORY_END),
        milestones=Milestones(
            misuse_begins=STORY_FIRST_SALE,
            word=word,
            holder_called=word + timedelta(days=HOLDER_CALLED),
            first_notice=word + timedelta(days=FIRST_NOTICE),
            full_notice=word + timedelta(days=FULL_NOTICE),
        ),
    )


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pages and results.")] = Path("demo-out"),
    seed: Annotated[
        int, typer.Option(min=0, help="Another seed makes another invented economy.")
    ] = 1,
) -> None:
    """Replay a leak of invented shops: when Sekisho asks about them, and what a ratio blames."""
    run_demo(story_plan(seed), out, Console())


def run_demo(plan: Plan, out: Path, console: Console) -> Replay:
    """Replay ``plan`` into ``out``: index.html, trace/ and the data that both were made from."""
    console.print(
        "Four web shops of an invented operator leak. One issuer holds a few percent of the cards "
        "entered there.\nAt the end of each month it asks: what do our own files say, as known "
        "today?",
        soft_wrap=True,
    )
    screen = Screen(console, len(plan.days))
    with OutputFolder(out) as folder, lasting_workdir() as work:
        with screen.live:
            told, run = replay(plan, folder / "data", Path(work), screen, screen.tell)
            screen.step("write")
            (folder / "trace").mkdir()
            write_results(run, folder / "trace", language="en")
            japanese = render_report(run.trace, language="ja")
            (folder / "trace" / "report.ja.html").write_text(japanese, encoding="utf-8")
            (folder / "index.html").write_text(render_demo(told), encoding="utf-8")
            screen.end()
        run.history.connection.close()
    _tell(console, told, out)
    return told


def _tell(console: Console, told: Replay, out: Path) -> None:
    windows = [(shop.name, f"{shop.window_start} – {shop.window_end}") for shop in told.shops]
    console.print()
    console.print(shop_table(windows, told.looks[-1].said))
    first, word = told.first_found, told.milestones.word
    if first is None:
        console.print("Sekisho does not ask about any of the shops: too few of this issuer's cards "
                      "were misused.", soft_wrap=True)  # fmt: skip
    else:
        days = (word - first.as_of).days
        when = f"{days} days before" if days > 0 else f"{-days} days after"
        console.print(
            f"[bold]Sekisho asks first on {first.as_of}, {when} the card companies speak up "
            f"({word}).[/] Of the {first.listed:,} exposed cards that it lists that day, "
            f"{first.misused_later:,} are misused later, for {first.yen_later:,} yen.",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
    console.print(f"the last trace: {escape(str(out / 'trace' / 'report.html'))}", soft_wrap=True)
    console.print(f"[bold]next: open {escape(str(out / 'index.html'))}[/]", soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("demo")(demo)
