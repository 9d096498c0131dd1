"""``sekisho trace``: from a bank's history and fraud reports to the shops to ask about."""

from __future__ import annotations

import re
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.bars import drawn
from sekisho.app.following import following, keep_looks, look_again, since_lines
from sekisho.app.options import column_pairs, day_of
from sekisho.app.output import OutputFolder
from sekisho.app.tracing import (
    STEPS,
    TraceOptions,
    TraceRun,
    explain,
    known_leak_warnings,
    lasting_workdir,
    run_trace,
    write_results,
)
from sekisho.domain.errors import BadInput
from sekisho.domain.finding import EntityKind, Finding, Trace
from sekisho.domain.known_leaks import KnownState
from sekisho.warehouse.intake import InputRequest

MEMBERS_TOLD = 6  # shops of an operator or processor that the screen names


class Language(StrEnum):
    """The report's language."""

    EN = "en"
    JA = "ja"


def trace(  # noqa: PLR0913, PLR0917 - options of the command line
    transactions: Annotated[
        list[Path], typer.Argument(help="Card history: Parquet or CSV files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    fraud: Annotated[
        Path | None, typer.Option(help="Fraud reports; without it the history's is_fraud counts.")
    ] = None,
    merchants: Annotated[
        Path | None, typer.Option(help="Merchants with names, operators, processors.")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(help="Cards with product, home area, opening, replacement.")
    ] = None,
    known_leaks: Annotated[
        Path | None, typer.Option(help="Leaks that are known: taken out first.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Use only what was known at the end of this day (YYYY-MM-DD)."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of times without one.")] = "Asia/Tokyo",
    levels: Annotated[
        str,
        typer.Option(help="Levels: terminal, merchant, operator, processor, acquirer."),
    ] = "merchant,operator,processor",
    columns: Annotated[
        str, typer.Option(help="Names of columns: card_ref=NAME,... or 1=card_ref,... by position.")
    ] = "",
    explain_entity: Annotated[
        str | None,
        typer.Option("--explain", help="Say why this merchant is, or is not, a finding."),
    ] = None,
    language: Annotated[Language, typer.Option(help="Language of the report.")] = Language.EN,
    prepared_for: Annotated[str, typer.Option(help="A name for the report's head.")] = "",
    follow: Annotated[
        Path | None,
        typer.Option(help="Folder that remembers looks: say what is new since the last one."),
    ] = None,
    memory: Annotated[str, typer.Option(help="Memory bound of the engine, such as 2GB.")] = "2GB",
    threads: Annotated[int, typer.Option(min=1, help="Threads.")] = 2,
) -> None:
    """Find the shops whose customers' cards are misused far more than chance allows."""
    request = InputRequest(
        transactions=tuple(transactions),
        fraud=fraud,
        merchants=merchants,
        cards=cards,
        known_leaks=known_leaks,
        columns=column_pairs(columns),
        timezone=timezone,
        as_of=day_of("--as-of", as_of),
    )
    asked = _levels(levels)
    options = TraceOptions(memory_limit=_memory(memory), threads=threads, levels=asked)
    console = Console()
    with ExitStack() as stack:
        state = stack.enter_context(following(follow)) if follow else None
        folder = stack.enter_context(OutputFolder(out))
        work = Path(stack.enter_context(lasting_workdir()))
        bars = stack.enter_context(drawn(STEPS))
        if state:
            run, looks = look_again(state, request, options, work, bars)
        else:
            run, looks = run_trace(request, options, work, bars), ()
        bars.step("write")
        write_results(run, folder, language=language.value, prepared_for=prepared_for)
        told = explain(run, explain_entity) if explain_entity else []
        run.history.connection.close()
        if state:
            keep_looks(state, looks)
    _tell(console, run, out)
    for line in told:
        console.print(line, highlight=False, soft_wrap=True)


def _memory(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*(\.\d+)?\s*(MB|GB|MiB|GiB)", text.strip(), re.IGNORECASE):
        raise BadInput(f"--memory: {text!r} is not an amount.", hint="Write it as 2GB or 512MB.")
    return text.strip()


def _levels(text: str) -> tuple[EntityKind, ...]:
    """The levels asked for."""
    asked = [level.strip() for level in text.split(",") if level.strip()]
    known = [kind.value for kind in EntityKind]
    for level in asked:
        if level not in known:
            raise BadInput(
                f"--levels: {level!r} is not a level.", hint=f"Levels are {', '.join(known)}."
            )
    return tuple(EntityKind(level) for level in asked)


def _tell(console: Console, run: TraceRun, out: Path) -> None:
    """Say what was found, where it is written, and what to do next."""
    trace = run.trace
    for file in trace.inputs:
        for note in file.notes:
            console.print(f"[dim]{escape(file.name)}: {escape(note)}[/]", soft_wrap=True)
        if file.rejected:
            console.print(
                f"[yellow]{escape(file.name)}: {file.rejected:,} rows could not be read; see "
                f"{escape(str(out / 'rejects.csv'))}[/]",
                soft_wrap=True,
            )
    for note in known_leak_warnings(trace.known_leaks):
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    taken = [known for known in trace.known_leaks if known.state is KnownState.TAKEN_OUT]
    if taken:
        cards = sum(known.cards_taken_out for known in taken)
        console.print(f"{len(taken)} known leaks taken out with {cards:,} misused cards")
    console.print(
        f"{trace.transactions:,} transactions of {trace.funnel.cards_seen:,} cards, "
        f"{trace.cases:,} frauds that count, as of {trace.as_of.isoformat()}"
    )
    if trace.findings:
        console.print(_table(trace))
        console.print(
            f"{trace.funnel.cards_exposed:,} exposed cards, of which "
            f"{trace.funnel.cards_unharmed:,} are not defrauded yet. A finding is a statistical "
            "association, not a verdict."
        )
    else:
        console.print("[bold]Nothing strong enough to ask a merchant about.[/]")
    for line in since_lines(trace.since):
        console.print(line, highlight=False, soft_wrap=True)
    if trace.suspects:
        console.print(f"{len(trace.suspects)} weaker or explained associations are in the report.")
    console.print(f"next: open {escape(str(out / 'report.html'))}", soft_wrap=True)


def _named(finding: Finding) -> str:
    """The name beside the id, and the shops of an operator or processor."""
    name = "" if finding.name == finding.entity_id else finding.name
    shops = [member.name for member in finding.members[:MEMBERS_TOLD]]
    more = len(finding.members) - len(shops)
    if finding.terminals is not None:
        shops += [f"terminal {one.terminal_id}" for one in finding.terminals.terminals]
    return "\n".join([*filter(None, [name]), *shops, *([f"and {more} more"] if more else [])])


def _table(trace: Trace) -> Table:
    # Narrow screens and log files fold the name; the id and the numbers are never cut.
    table = Table(title="Ask about these merchants", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("merchant", overflow="fold")
    table.add_column("id", no_wrap=True)
    table.add_column("exposed", no_wrap=True)
    for name in ("cards\nexposed", "de-\nfrauded", "ex-\npected", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for f in trace.findings:
        table.add_row(
            escape(_named(f)), escape(f.entity_id),
            f"{f.window_start.isoformat()}\n{f.window_end.isoformat()}",
            f"{f.cards_exposed:,}", f"{f.cards_defrauded:,}",
            f"{f.cards_expected:.2f}", f"{f.p_value:.0e}",
        )  # fmt: skip
    return table


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("trace")(trace)
