"""``sekisho backtest``: what a model and a policy would have done, before they do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.bars import drawn
from sekisho.app.options import column_pairs, day_of

if TYPE_CHECKING:
    from sekisho.app.backtesting import BacktestRequest

STEPS = {
    "read": "reading the transactions",
    "open_inputs": "opening the files",
    "hash_inputs": "hashing the inputs",
    "play": "playing every purchase again",
    "sums": "adding up",
}
COUNTS = (
    "frauds_caught", "frauds", "value_caught", "value_stopped", "value", "declined",
    "genuine_declined", "genuine_asked", "cards_insulted",
)  # fmt: skip
PER_RULE = ("fired", "frauds", "value", "genuine", "alone_frauds", "alone_genuine")
Transactions = Annotated[
    list[Path], typer.Argument(help="Purchases with amount: Parquet, CSV, or folders.")
]
ModelOption = Annotated[Path, typer.Option("--model", help="Folder that sekisho train wrote.")]
FraudOption = Annotated[
    Path | None,
    typer.Option("--fraud", help="Fraud reports (transaction_id, reported_at), for is_fraud."),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for backtest.json and the page.")]
ExposedOption = Annotated[
    list[Path] | None,
    typer.Option("--exposed", help="Trace folders whose exposed cards are watched from as_of on."),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", help="First day that is judged; else where the model's test begins."),
]
DelayOption = Annotated[
    int, typer.Option("--label-delay-days", min=0, help="Days until a label is known.")
]
CostOption = Annotated[
    int, typer.Option("--alert-cost", min=0, help="What an alert costs, in minor units.")
]
ColumnsOption = Annotated[
    str, typer.Option("--columns", help="Names of columns: card_ref=NAME,... or 1=card_ref,...")
]
ZoneOption = Annotated[str, typer.Option("--timezone", help="Zone of times without one.")]


def backtest(  # noqa: PLR0913, PLR0917 - options of the command line
    transactions: Transactions,
    model: ModelOption,
    policy: Annotated[Path, typer.Option(help="Policy file to try.")],
    out: OutOption,
    fraud: FraudOption = None,
    champion_model: Annotated[
        Path | None, typer.Option(help="Model that decides now; the same one, if not given.")
    ] = None,
    champion_policy: Annotated[
        Path | None, typer.Option(help="Policy that decides now; without it only the new one.")
    ] = None,
    watch_table: Annotated[
        Path | None, typer.Option(help="Watch table of your own that the policies name.")
    ] = None,
    exposed: ExposedOption = None,
    first: FromOption = None,
    label_delay: DelayOption = 7,
    alert_cost: CostOption = 500,
    k: Annotated[int, typer.Option("--cards", min=1, help="Cards a day for card precision.")] = 100,
    columns: ColumnsOption = "",
    timezone: ZoneOption = "Asia/Tokyo",
    memory_limit: Annotated[str, typer.Option(help="Most memory of the reader.")] = "1GB",
) -> None:
    """Play a history again: what would it have caught, whom would it have insulted."""
    from sekisho.app.backtesting import (  # noqa: PLC0415 - heavy
        BacktestRequest,
        Side,
        read_side_model,
    )
    from sekisho.app.exposed_cards import watched_cards  # noqa: PLC0415
    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415
    from sekisho.warehouse.intake import InputRequest  # noqa: PLC0415

    first_day = day_of("--from", first)
    candidate = Side(read_policy(policy, watch_table), read_side_model(model))
    champion = None
    if champion_policy is not None or champion_model is not None:
        champion = Side(
            read_policy(champion_policy or policy, watch_table),
            read_side_model(champion_model) if champion_model else candidate.model,
        )
    files = InputRequest(
        tuple(transactions), fraud=fraud, columns=column_pairs(columns), timezone=timezone
    )
    watched = watched_cards(exposed or [], timezone)
    request = BacktestRequest(
        files, candidate, champion, watched, first_day, label_delay, alert_cost, k, memory_limit
    )
    run_and_show(request, out)


def run_and_show(request: BacktestRequest, out: Path) -> dict[str, Any]:
    """Run it with bars, write the folder, print the figures; the document."""
    from sekisho.app.backtesting import run_backtest, write_backtest  # noqa: PLC0415 - heavy

    with drawn(STEPS) as bars:
        document = run_backtest(request, bars)
        write_backtest(out, document)
    show(document)
    Console().print(f"next: open {escape(str(out / 'backtest.html'))}", soft_wrap=True)
    return document


def show(document: dict[str, Any]) -> None:
    """The figures as tables for an analyst."""
    from sekisho.web.backtest.texts import NOTES  # noqa: PLC0415 - only where it is shown

    console = Console(highlight=False)
    span = document["span"]
    console.print(
        f"{span['first']} to {span['last']}, amounts in minor units of {span['currency']}"
    )
    console.print(_sides(document))
    console.print(_rules(document["candidate"]["rules"]))
    for note in document["notes"]:
        console.print(f"note: {NOTES['en'][note]}")


def _sides(document: dict[str, Any]) -> Table:
    from sekisho.web.backtest.page import rate  # noqa: PLC0415 - only where it is shown

    sides = [(word, document[word]) for word in ("champion", "candidate") if document[word]]
    table = Table("")
    for word, side in sides:
        table.add_column(f"{word}\n{escape(side['policy']['version'])}", justify="right")
    for name in COUNTS:
        cells = (f"{side['sums'][name]:,}" for _, side in sides)
        table.add_row(name.replace("_", " "), *cells)
    table.add_section()
    for name in sides[0][1]["rates"]:
        words = "value stopped, share" if name == "value_stopped" else name.replace("_", " ")
        table.add_row(words, *(rate(name, side["rates"][name]) for _, side in sides))
    table.add_section()
    for name in ("average_precision", "card_precision"):
        told = (side["scores"][name] for _, side in sides)
        cells = ("–" if value is None else f"{value:.3f}" for value in told)
        table.add_row(name.replace("_", " "), *cells)
    return table


def _rules(rules: list[dict[str, Any]]) -> Table:
    table = Table("rule", "says")
    for head in ("fired", "frauds", "value", "genuine", "alone:\nfrauds", "alone:\ngenuine"):
        table.add_column(head, justify="right")
    for one in rules:
        action = f"{one['action']} (shadow)" if one["shadow"] else one["action"]
        numbers = (one[name] for name in PER_RULE)
        table.add_row(escape(one["name"]), action, *(f"{number:,}" for number in numbers))
    return table


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("backtest")(backtest)
