"""Hold an answer against the truth of one world, as plain figures."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.parts.asking import Tables, ask, opened
from benchmarks.rivals.facts import facts_of
from benchmarks.rivals.thresholds import Who, play
from sekisho.commonpoint.trace import Answer
from sekisho.domain.finding import Finding, SuspectKind
from sekisho.warehouse.history import DuckHistory
from sekisho.world import Oracle, World
from sekisho.world.economy import (
    ROLE_SPEND,
    ROLE_SPEND_INSTORE,
    ROLE_TEST,
    ROLE_TEST_ONLY,
)
from sekisho.world.kernels import DAY, NEVER
from sekisho.world.oracle import Truth as CardTruth

EDGES = (np.log10(5e-9), -9.0, -12.0, -20.0)  # between the bins of the oracle's log10 p
BIN_NAMES = ("weaker", "5e-9 to 1e-9", "1e-9 to 1e-12", "1e-12 to 1e-20", "beyond 1e-20")
SURE = range(1, len(BIN_NAMES))  # bins that an oracle would call a finding

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one history, by the ids that the trace uses."""

    members: tuple[str, ...]
    window: tuple[date, date] | None
    testers: frozenset[str]
    spenders: frozenset[str]


def bin_of(log10_p: float) -> int:
    """The bin of an oracle's p: index into ``BIN_NAMES``."""
    return sum(bool(log10_p < edge) for edge in EDGES)


def tables_of(world: World) -> Tables:
    """A made world as the bank would hand it in."""
    return Tables(
        world.transaction_table(), world.fraud_table(), world.merchant_table(), world.card_table()
    )


def ids_of(world: World, numbers: Any) -> tuple[str, ...]:
    """The ids that the trace uses for merchants of a world."""
    shops = world.truth.economy.merchants
    return tuple(f"A{shops.acquirer[k] + 1:02d}/{shops.merchant_id[k]}" for k in numbers)


def truth_of(world: World) -> Truth:
    """The leaking shop of a made world (if any), and its shops for stolen cards."""
    shops = world.truth.economy.merchants
    members: tuple[str, ...] = ()
    window = None
    if world.spec.leaks:
        leak = world.truth.leaks[0]
        members = ids_of(world, leak.merchants)
        first, last = world.spec.leaks[0].windows[0]
        window = (
            world.spec.start + timedelta(days=first),
            world.spec.start + timedelta(days=last),
        )
    return Truth(
        members,
        window,
        frozenset(ids_of(world, shops.of_role(ROLE_TEST, ROLE_TEST_ONLY))),
        frozenset(ids_of(world, shops.of_role(ROLE_SPEND, ROLE_SPEND_INSTORE))),
    )


def figures_of(tables: Tables, truth: Truth, as_of: date, *, rivals: bool = True) -> Record:
    """Trace one history, let the rivals play, and say how all of them did."""
    with opened(tables, as_of) as history:
        started = time.process_time()
        answer = ask(history, as_of)
        figures = _judge(answer, truth)
        figures["cpu_seconds"] = round(time.process_time() - started, 2)
        if rivals:
            figures["rivals"] = play(facts_of(history), _who(history, truth))
    return figures


def oracle_figures(told: Oracle, truth: CardTruth) -> Record:
    """What the oracle knew of leak 0, its bin, and the same for somebody who knows less.

    ``relative_log10_p`` takes the level of the background from the cases themselves, the leak's
    victims among them, as everybody has to who cannot look behind them: the chance that so many of
    all cases are exposed ones. It is much weaker where a leak exposed a large part of all cards.
    """
    times = truth.card_times(0, (truth.day_number(told.as_of) + 1) * DAY)
    cases = int((times.fraud < NEVER).sum())
    foreign = int(((times.fraud < NEVER) & ~times.own).sum())
    exposed_share = min(told.expected / foreign, 1.0) if foreign else 0.0
    relative = float(stats.binom.logsf(told.victims - 1, cases, exposed_share) / np.log(10.0))
    figures = asdict(told) | {"as_of": told.as_of.isoformat()}
    figures["relative_log10_p"] = max(relative, -1e9)
    return {"oracle": figures, "bin": bin_of(told.log10_p)}


def _who(history: DuckHistory, truth: Truth) -> Who:
    names = {history.entity_id(k): k for k in range(history.entity_count())}

    def numbers(ids: Any) -> tuple[int, ...]:
        return tuple(names[i] for i in ids if i in names)

    return Who(numbers(truth.members), numbers(truth.testers | truth.spenders))


def _judge(answer: Answer, truth: Truth) -> Record:
    listed = [*answer.findings, *answer.suspects]
    mine = [f for f in listed if _leaking(f, truth)]
    found = [f for f in mine if f.kind is None]
    false = [f for f in answer.findings if not _leaking(f, truth)]
    figures: Record = {
        "cases": answer.cases,
        "tested": answer.entities_tested,
        "overdispersion": round(answer.overdispersion, 3),
        "stretch": round(answer.chance_stretch, 3),
        "found": bool(found),
        "listed_as": str(mine[0].kind) if mine and not found else None,
        "member": _finding(mine[0]) if mine else None,
        "findings": len(answer.findings),
        "false": [_finding(f) | {"role": _role(f, truth)} for f in false],
        "innocent_members": sum(m.entity_id not in truth.members for f in found for m in f.members),
        "smallest_p": min(
            (f.p_value for f in listed if f.kind in (None, SuspectKind.WEAK)), default=1.0
        ),
    }
    if found and truth.window:
        figures |= _window(found[0], truth.window, truth)
    return figures


def _leaking(found: Finding, truth: Truth) -> bool:
    """Whether a finding names the leaking shop, itself or among the shops of a group."""
    return any(m.entity_id in truth.members for m in found.members)


def _window(found: Finding, window: tuple[date, date], truth: Truth) -> Record:
    """Errors of both ends in days, and whether their intervals hold the truth."""
    member = next(m for m in found.members if m.entity_id in truth.members)
    start, end = found.window_start_interval, found.window_end_interval
    return {
        "start_error": (member.window_start - window[0]).days,
        "end_error": (member.window_end - window[1]).days,
        "intervals_hold": [
            start.lower <= window[0] <= start.upper, end.lower <= window[1] <= end.upper
        ],
    }  # fmt: skip


def _finding(found: Finding) -> Record:
    return {
        "entity": found.entity_id,
        "level": str(found.entity_kind),
        "p": found.p_value,
        "defrauded": found.cards_defrauded,
        "expected": round(found.cards_expected, 3),
        "exposed": found.cards_exposed,
        "window": [found.window_start.isoformat(), found.window_end.isoformat()],
        "period": found.misuse_period,
        "kind": str(found.kind) if found.kind else None,
    }


def _role(found: Finding, truth: Truth) -> str:
    if found.entity_id in truth.testers:
        return "test"
    return "spend" if found.entity_id in truth.spenders else ""
