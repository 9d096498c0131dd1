"""``sekisho pool``: find leaks with other issuers, by exchanging counts and never cards."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.bars import drawn
from sekisho.app.commands.trace import Language, _table
from sekisho.app.options import column_pairs, day_of
from sekisho.app.output import OutputFolder
from sekisho.app.pooling import (
    EXPORT_STEPS,
    MERGE_STEPS,
    Merged,
    Signature,
    export_pool,
    merge_pools,
)
from sekisho.app.tracing import STEPS, lasting_workdir
from sekisho.commonpoint.pooling import SMALLEST_CELL, PoolQuestion
from sekisho.domain.errors import BadInput
from sekisho.domain.pool import NO_BASIS, PoolHeader
from sekisho.warehouse.intake import InputRequest
from sekisho.web.report import findings_json, render_report


def export(  # noqa: PLR0913, PLR0917 - options of the command line
    transactions: Annotated[
        list[Path], typer.Argument(help="Card history: Parquet or CSV files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="The pool file to write.")],
    issuer: Annotated[str, typer.Option(help="Your name, as the other issuers know you.")],
    fraud: Annotated[
        Path | None, typer.Option(help="Fraud reports; without it the history's is_fraud counts.")
    ] = None,
    merchants: Annotated[
        Path | None, typer.Option(help="Merchants; checked as for a trace, never handed on.")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(help="Cards with product, home area, opening, replacement.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Use only what was known at the end of this day; agree on it."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="First day of the pool (YYYY-MM-DD); agree on it.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of times without one.")] = "Asia/Tokyo",
    columns: Annotated[
        str, typer.Option(help="Names of columns: card_ref=NAME,... or 1=card_ref,... by position.")
    ] = "",
    smallest_cell: Annotated[
        int, typer.Option(min=1, help="No number in the file describes fewer cards.")
    ] = SMALLEST_CELL,
    legal_basis: Annotated[
        str, typer.Option(help="On which basis the counts are handed out; goes into the file.")
    ] = NO_BASIS,
) -> None:
    """Count your history for a pool: integers for each merchant, no card reference."""
    request = InputRequest(
        transactions=tuple(transactions),
        fraud=fraud,
        merchants=merchants,
        cards=cards,
        columns=column_pairs(columns),
        timezone=timezone,
        as_of=day_of("--as-of", as_of),
    )
    question = PoolQuestion(
        as_of=request.as_of or date.max, timezone=timezone, since=_since(since),
        smallest_cell=smallest_cell,
    )  # fmt: skip
    signature = Signature(issuer, legal_basis)
    with lasting_workdir() as work, drawn(STEPS | EXPORT_STEPS) as bars:
        header, _ = export_pool(request, question, signature, (out, Path(work)), bars)
    _tell_export(Console(), header, out)


def _since(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"--since: {text!r} is not a date.", hint="Write it as 2026-03-31."
        ) from None


def _tell_export(console: Console, header: PoolHeader, out: Path) -> None:
    counts, cost, agreement = header.counts, header.suppressed, header.agreement
    console.print(
        f"{counts['transactions']:,} transactions of {counts['cards']:,} cards, "
        f"{counts['cases']:,} frauds that count, {agreement.since} to {agreement.as_of}"
    )
    console.print(
        f"No number describes fewer than {header.smallest_cell} cards. This cost: "
        f"{_share(cost['case_visits_dropped'], cost['case_visits'])} of the cases' visits are left "
        f"out and {_share(cost['case_visits_coarsened'], cost['case_visits'])} stand in longer "
        f"spans; {cost['entities_left_out']:,} merchants with fewer cards are left out.",
        soft_wrap=True,
    )
    console.print(f"legal basis: {escape(header.legal_basis)}", soft_wrap=True)
    console.print(f"next: sekisho pool merge {escape(str(out))} FILES... --out DIR", soft_wrap=True)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.0f} %"


def merge(
    files: Annotated[list[Path], typer.Argument(help="Pool files, one of each issuer.")],
    out: Annotated[Path, typer.Option(help="Folder for findings.json and report.html.")],
    language: Annotated[Language, typer.Option(help="Language of the report.")] = Language.EN,
    prepared_for: Annotated[str, typer.Option(help="A name for the report's head.")] = "",
) -> None:
    """Add the counts of several issuers and search them as one history."""
    with OutputFolder(out) as folder, drawn(MERGE_STEPS | STEPS) as bars:
        merged = merge_pools(files, bars)
        bars.step("write")
        text = findings_json(merged.trace)
        (folder / "findings.json").write_text(text, encoding="utf-8")
        page = render_report(merged.trace, language=language.value, generated_for=prepared_for)
        (folder / "report.html").write_text(page, encoding="utf-8")
    _tell_merge(Console(), merged, out)


def _tell_merge(console: Console, merged: Merged, out: Path) -> None:
    for header in merged.headers:
        cost = header.suppressed
        console.print(
            f"{escape(header.issuer)}: {header.counts['cards']:,} cards, "
            f"{header.counts['cases']:,} frauds that count; smallest cell {header.smallest_cell}, "
            f"{_share(cost.get('case_visits_dropped', 0), cost.get('case_visits', 0))} of the "
            f"cases' visits left out; legal basis: {escape(header.legal_basis)}",
            soft_wrap=True,
        )
    if merged.trace.findings:
        console.print(_table(merged.trace))
        console.print(
            "A finding is a statistical association, not a verdict. The pool knows no cards: each "
            "issuer lists its own exposed ones from the windows (sekisho trace).",
            soft_wrap=True,
        )
    else:
        console.print("[bold]Nothing strong enough to ask a merchant about.[/]")
    console.print(f"next: open {escape(str(out / 'report.html'))}", soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    pool = typer.Typer(help="Find leaks with other issuers, by exchanging counts and never cards.")
    pool.command("export")(export)
    pool.command("merge")(merge)
    app.add_typer(pool, name="pool")
