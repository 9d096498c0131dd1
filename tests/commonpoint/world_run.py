"""A world traced from its files: what the command does, without its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sekisho.commonpoint.trace import Answer, Question, trace
from sekisho.domain.finding import EntityKind, Finding
from sekisho.domain.progress import Silent
from sekisho.warehouse.history import DuckHistory
from sekisho.warehouse.intake import InputRequest, open_inputs
from sekisho.world import World

LEVELS = (EntityKind.MERCHANT, EntityKind.OPERATOR, EntityKind.PROCESSOR)


def traced(
    world: World, folder: Path, *, levels: tuple[EntityKind, ...] = LEVELS, drop: str = ""
) -> Answer:
    """Search ``world``, written into ``folder``; without the column ``drop`` of transactions."""
    world.write(folder)
    if drop:
        import pyarrow.parquet as pq  # noqa: PLC0415

        path = folder / "transactions.parquet"
        pq.write_table(pq.read_table(path).drop_columns(drop.split()), path)
    request = InputRequest(
        (folder / "transactions.parquet",), folder / "fraud.parquet",
        merchants=folder / "merchants.parquet", cards=folder / "cards.parquet",
    )  # fmt: skip
    inputs = open_inputs(
        request, workdir=folder / "work", memory_limit="800MB", threads=2, progress=Silent(),
        holds_card_numbers=lambda _: False,
    )  # fmt: skip
    try:
        history = DuckHistory(
            inputs.connection, inputs.columns, overlapping=False, identity=inputs.identity
        )
        question = Question(inputs.as_of, permute=False, levels=levels)
        return trace(history, question, np.random.default_rng(1), Silent())
    finally:
        inputs.connection.close()


def of_shop(answer: Answer, world: World, shop: int) -> Finding | None:
    """The finding that names a merchant of the world or has it as a member."""
    number = world.truth.economy.merchants.merchant_id[shop]
    for finding in answer.findings:
        ids = {finding.entity_id, *(member.entity_id for member in finding.members)}
        if any(name.rpartition("/")[2] == number for name in ids):
            return finding
    return None
