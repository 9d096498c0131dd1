"""``sekisho evaluate``: the scoring measured by a public protocol, as figures and as scores."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sekisho.app.bars import drawn
from sekisho.app.options import column_pairs

STEPS = {
    "read": "reading the transactions",
    "open_inputs": "opening the files",
    "hash_inputs": "hashing the inputs",
    "features": "computing the features",
    "folds": "training and testing each fold",
    "write": "writing the results",
}


class Protocol(StrEnum):
    """A way to measure that others have used too."""

    HANDBOOK = "handbook"


def evaluate(  # noqa: PLR0913, PLR0917 - options of the command line
    transactions: Annotated[
        list[Path],
        typer.Argument(help="The Handbook's simulated transactions: Parquet, CSV, or folders."),
    ],
    out: Annotated[Path, typer.Option(help="Where the figures go (JSON).")],
    predictions: Annotated[
        Path, typer.Option(help="Where fold, transaction_id and score of each row go (Parquet).")
    ],
    protocol: Annotated[Protocol, typer.Option(help="How it is measured.")] = Protocol.HANDBOOK,
    columns: Annotated[
        str, typer.Option(help="Names of columns; the Handbook's own are known.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="Zone of times without one.")] = "UTC",
    memory_limit: Annotated[str, typer.Option(help="Most memory of the reader.")] = "1GB",
) -> None:
    """Measure the scoring by a public protocol: train, wait for labels, test, four times."""
    from sekisho.app.evaluating import Request, run_evaluation  # noqa: PLC0415 - heavy
    from sekisho.warehouse.intake import InputRequest  # noqa: PLC0415

    files = InputRequest(tuple(transactions), columns=column_pairs(columns), timezone=timezone)
    request = Request(files, protocol.value, memory_limit, out, predictions)
    with drawn(STEPS) as bars:
        figures = run_evaluation(request, bars)
    table = Table("train from", "AUC", "average precision", "card precision at 100")
    for row in [*figures["folds"], {"train_start": "mean", **figures["mean"]}]:
        table.add_row(
            row["train_start"],
            f"{row['auc_roc']:.4f}",
            f"{row['average_precision']:.4f}",
            f"{row['card_precision_at_100']:.4f}",
        )
    Console().print(table)


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("evaluate")(evaluate)
