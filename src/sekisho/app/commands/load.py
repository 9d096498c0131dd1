"""``sekisho load``: purchases played against a door at a given rate, with honest percentiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from sekisho.app.bars import drawn
from sekisho.app.options import column_pairs
from sekisho.domain.errors import BadInput

if TYPE_CHECKING:
    from sekisho.app.loading.play import Figures
    from sekisho.app.loading.run import HttpTarget, IsoTarget

STEPS = {
    "read": "reading the purchases",
    "open_inputs": "opening the files",
    "hash_inputs": "hashing the inputs",
    "connect": "connecting",
    "play": "playing",
}


def load(  # noqa: PLR0913, PLR0917 - options of the command line
    transactions: Annotated[
        list[Path], typer.Argument(help="Purchases to play: Parquet, CSV, or folders.")
    ],
    iso8583: Annotated[str, typer.Option(help="HOST:PORT of an ISO 8583 door.")] = "",
    http: Annotated[str, typer.Option(help="Address of an HTTP door: http://HOST:PORT.")] = "",
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10.0,
    warm_up: Annotated[
        float, typer.Option(min=0, help="Seconds before that, which are not measured.")
    ] = 0.0,
    connections: Annotated[int, typer.Option(min=1, max=4_096, help="How many at once.")] = 8,
    settings: Annotated[
        Path | None,
        typer.Option("--iso8583-settings", help="The door's settings (TOML): variant, framing."),
    ] = None,
    test_bin: Annotated[
        str, typer.Option(help="First digits of the card numbers that are invented for ISO 8583.")
    ] = "999999",
    api_key: Annotated[
        str,
        typer.Option(envvar="SEKISHO_API_KEY", show_envvar=True, help="Key of the HTTP door."),
    ] = "",
    columns: Annotated[
        str, typer.Option(help="Names of columns: card_ref=NAME,... or 1=card_ref,... by position.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="Zone of times without one.")] = "Asia/Tokyo",
    memory_limit: Annotated[str, typer.Option(help="Most memory of the reader.")] = "1GB",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,  # noqa: FBT002 - typer
) -> None:
    """Play purchases against a door, open loop, and say how long the answers took.

    Purchases leave at their moment whether earlier ones are answered or not, with the time of the
    sending; files are played again from the beginning where they are short. Meant for test
    systems: every purchase is decided, counted and kept like a real one.
    """
    from sekisho.app.loading.play import Plan  # noqa: PLC0415 - heavy
    from sekisho.app.loading.run import LoadRequest, run_load  # noqa: PLC0415
    from sekisho.warehouse.intake import InputRequest  # noqa: PLC0415

    target = _target(iso8583, http, settings, test_bin, api_key)
    files = InputRequest(tuple(transactions), columns=column_pairs(columns), timezone=timezone)
    early = int(rate * warm_up)
    plan = Plan(rate, early + max(1, int(rate * seconds)), early)
    with drawn(STEPS) as bars:
        figures = run_load(LoadRequest(files, target, plan, connections, memory_limit), bars)
    if as_json:
        door = "iso8583" if iso8583 else "http"
        told = figures.as_json(door=door, rate=rate, connections=connections)
        typer.echo(json.dumps(told, indent=2))
    else:
        _show(figures)
    if figures.errors:
        raise typer.Exit(3)


def _target(
    iso8583: str, http: str, settings: Path | None, test_bin: str, api_key: str
) -> IsoTarget | HttpTarget:
    from sekisho.app.iso_door import address_of  # noqa: PLC0415 - heavy
    from sekisho.app.loading.run import HttpTarget, IsoTarget  # noqa: PLC0415
    from sekisho.gateways.inbound.iso8583.settings import plain, read  # noqa: PLC0415

    if bool(iso8583) == bool(http):
        raise BadInput("say one door", hint="--iso8583 HOST:PORT or --http http://HOST:PORT")
    if http:
        return HttpTarget(http, api_key)
    told = plain() if settings is None else read(settings)
    return IsoTarget(address_of("--iso8583", iso8583), told, test_bin)


def _show(figures: Figures) -> None:
    console = Console()
    answered = figures.answered / figures.seconds if figures.seconds else 0.0
    outcomes = ", ".join(f"{count:,} {name}" for name, count in figures.outcomes.items())
    console.print(
        f"{figures.sent:,} sent, {figures.answered:,} answered ({answered:,.0f}/s): {outcomes}",
        highlight=False,
    )
    table = Table("milliseconds", *(figures.latency_ms or {"": 0.0}))
    for name, row in (("answer", figures.latency_ms), ("sent late", figures.sender_lag_ms)):
        if row:
            table.add_row(name, *(f"{value:,.2f}" for value in row.values()))
    console.print(table)
    for why, count in figures.errors.items():
        console.print(f"[bold red]{count:,}[/] {why}", highlight=False)


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("load")(load)
