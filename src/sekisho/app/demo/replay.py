"""The replay: one world, traced as of the end of each month, beside the plain ratio."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from sekisho import __version__
from sekisho.app.demo.truth import Truth, read_truth
from sekisho.app.tracing import TraceOptions, TraceRun, inputs_as_of, read_inputs, trace_inputs
from sekisho.domain.finding import Finding, SuspectKind
from sekisho.domain.progress import Progress
from sekisho.stats.rivals import NO_FRAUD, Floor, plain_ratio
from sekisho.warehouse.intake import InputRequest
from sekisho.web.demo.model import Blame, Look, Milestones, Replay, Said, Standing
from sekisho.world import WorldSpec, write_large

FLOOR = Floor(cards=10, ratio=0.05)
_STANDINGS = {None: Standing.FOUND, SuspectKind.USE_OR_TEST: Standing.USED}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay: a world with one leak, its seed, when to look, and the days to show."""

    spec: WorldSpec
    seed: int
    days: tuple[date, ...]
    milestones: Milestones


def month_ends(first: date, last: date) -> tuple[date, ...]:
    """The last days of the months from that of ``first`` to that of ``last``, not after it."""
    days = []
    day = first.replace(day=1)
    while day <= last:
        day = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        days.append(min(day, last))
        day += timedelta(days=1)
    return tuple(days)


def request_for(data: Path) -> InputRequest:
    """The four files of a world, as a bank would hand them in."""
    return InputRequest(
        transactions=(data / "transactions.parquet",),
        fraud=data / "fraud.parquet",
        merchants=data / "merchants.parquet",
        cards=data / "cards.parquet",
    )


def replay(
    plan: Plan, data: Path, workdir: Path, progress: Progress, tell: Callable[[Look], None]
) -> tuple[Replay, TraceRun]:
    """Make the world in ``data`` and look at it as of each day; the last look's run stays open.

    ``tell`` hears of each look as soon as it is over.
    """
    ledger = write_large(plan.spec, plan.seed, data, progress)
    truth, request = read_truth(data), request_for(data)
    progress.step("read_world")
    options = TraceOptions(permute=False, lead_times=False)
    inputs = read_inputs(request, options, workdir, _Steps(progress, None))
    looks = []
    for day in plan.days:
        last = day == plan.days[-1]
        steps = _Steps(progress, day)
        kind = TraceOptions() if last else options
        run = trace_inputs(inputs_as_of(inputs, day), request, kind, steps)
        looks.append(_look(run, truth, day))
        tell(looks[-1])
    return (
        Replay(
            shops=truth.shops,
            looks=tuple(looks),
            milestones=plan.milestones,
            cards=run.trace.funnel.cards_seen,
            transactions=ledger.transactions,
            exposed=truth.exposed,
            misused=truth.misused,
            misuse_share=plan.spec.leaks[0].misuse_share,
            floor_cards=FLOOR.cards,
            floor_ratio=FLOOR.ratio,
            family_wise_error=run.trace.method.family_wise_error,
            seed=plan.seed,
            version=__version__,
        ),
        run,
    )


class _Steps:
    """A trace's many steps as one bar for each look."""

    def __init__(self, progress: Progress, day: date | None) -> None:
        self._progress = progress
        if day is not None:
            progress.step(f"look {day.isoformat()}")

    def step(self, name: str, *, total: float | None = None) -> None:
        """Say nothing of a trace's own steps."""

    def advance(self, amount: float) -> None:
        """Say nothing of a trace's own steps."""


def _look(run: TraceRun, truth: Truth, day: date) -> Look:
    findings, suspects = run.trace.findings, run.trace.suspects
    ids = {shop.entity_id for shop in truth.shops}
    asked = [place for f in findings for place in (f.members or (f,))]
    rows = run.history.connection.execute("SELECT DISTINCT card_ref FROM exposed_cards").fetchall()
    misused, yen = truth.later([str(row[0]) for row in rows], day)
    return Look(
        as_of=day,
        victims_known=truth.victims_known(day),
        said=tuple(_said(shop.entity_id, findings, suspects) for shop in truth.shops),
        wrong=tuple(place.name for place in asked if place.entity_id not in ids),
        blamed=blame(run, truth),
        listed=len(rows),
        misused_later=misused,
        yen_later=yen,
    )


def _said(entity_id: str, findings: Sequence[Finding], suspects: Sequence[Finding]) -> Said:
    """What was said of one shop, by itself or as a member of an operator or processor."""
    for f in (*findings, *suspects):
        for place in f.members or (f,):
            if place.entity_id == entity_id:
                standing = _STANDINGS.get(f.kind, Standing.SUSPECT)
                return Said(standing, f.p_value, place.window_start, place.window_end)
    return Said(Standing.SILENT)


def blame(run: TraceRun, truth: Truth) -> tuple[Blame, ...]:
    """What the plain ratio says of the same history on the same day, by falling ratio."""
    visits, study = run.history.visits(), run.answer.ground.study
    frauds = study.frauds
    first = np.full(len(study.cards), NO_FRAUD, np.int64)
    np.minimum.at(first, frauds.card[frauds.counts], frauds.at[frauds.counts])
    found = plain_ratio(
        visits.card.astype(np.int64), visits.entity.astype(np.int64), visits.at, first, FLOOR
    )
    out = []
    for entity, count, every, ratio in zip(
        found.entity, found.fraud_cards, found.cards, found.ratio, strict=True
    ):
        entity_id = run.history.entity_id(int(entity))
        out.append(
            Blame(
                run.history.entity_name(int(entity)),
                truth.role(entity_id),
                int(count),
                int(every),
                float(ratio),
                _said(entity_id, run.trace.findings, run.trace.suspects).standing,
            )
        )
    return tuple(out)
