"""``sekisho train``: a model of one's own, chosen by time-ordered folds, with its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.bars import drawn
from sekisho.app.options import column_pairs

STEPS = {
    "read": "reading the transactions",
    "open_inputs": "opening the files",
    "hash_inputs": "hashing the inputs",
    "features": "computing the features",
    "choose": "choosing on validation folds",
    "train": "training, and judging on the last weeks",
    "write": "proving the exports and writing",
}


def train(  # noqa: PLR0913, PLR0917 - options of the command line
    transactions: Annotated[
        list[Path],
        typer.Argument(help="Purchases with amount and is_fraud: Parquet, CSV, or folders."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for model, ONNX file, figures and model card.")],
    fraud: Annotated[
        Path | None,
        typer.Option(help="Fraud reports (transaction_id, reported_at), in place of is_fraud."),
    ] = None,
    label_delay: Annotated[
        int, typer.Option("--label-delay-days", min=0, help="Days until a label is known.")
    ] = 7,
    validation: Annotated[
        int, typer.Option("--validation-days", min=1, help="Days of each validation fold.")
    ] = 14,
    test: Annotated[
        int, typer.Option("--test-days", min=1, help="Last days, looked at once.")
    ] = 28,
    alert_cost: Annotated[
        int, typer.Option(min=0, help="What one alert costs, in minor units, for the cost curve.")
    ] = 500,
    columns: Annotated[
        str, typer.Option(help="Names of columns: card_ref=NAME,... or 1=card_ref,... by position.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="Zone of times without one.")] = "Asia/Tokyo",
    memory_limit: Annotated[str, typer.Option(help="Most memory of the reader.")] = "1GB",
) -> None:
    """Train a model on your own purchases and say on a page how good it is."""
    from sekisho.app.training import TrainRequest, train_model  # noqa: PLC0415 - heavy
    from sekisho.scoring.training import Plan  # noqa: PLC0415
    from sekisho.warehouse.intake import InputRequest  # noqa: PLC0415

    files = InputRequest(
        tuple(transactions), fraud=fraud, columns=column_pairs(columns), timezone=timezone
    )
    plan = Plan(label_delay, validation, test)
    with drawn(STEPS) as bars:
        trained = train_model(TrainRequest(files, plan, memory_limit, alert_cost, out), bars)
    console = Console()
    console.print(
        f"last {test} days: average precision {trained.test.average_precision:.3f}, "
        f"AUC {trained.test.auc_roc:.3f}, card precision at 100 "
        f"{trained.card_precision_at_100:.3f}"
    )
    console.print(f"next: open {escape(str(out / 'model-card.html'))}", soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("train")(train)
