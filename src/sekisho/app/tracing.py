"""The trace as a service, for command line and demo: inputs in, a `Trace` and its files out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from rich.markup import escape

from sekisho import __version__
from sekisho.commonpoint.cohort import TRAILING_DAYS
from sekisho.commonpoint.findings import day_to_date
from sekisho.commonpoint.lead import earlier_look
from sekisho.commonpoint.trace import CONTROLS, Answer, Question, trace
from sekisho.commonpoint.why import neighbours_of, strength_of
from sekisho.domain.errors import BadInput
from sekisho.domain.finding import EntityKind, Finding, Funnel, LeadTime, Method, SuspectKind, Trace
from sekisho.domain.known_leaks import KnownState, TakenOut
from sekisho.domain.progress import Progress
from sekisho.vault.columns import column_holds_card_numbers
from sekisho.warehouse.history import DuckHistory
from sekisho.warehouse.intake import InputRequest, Inputs, open_inputs
from sekisho.web.report import findings_json, render_report

DEFAULT_LEVELS = (EntityKind.MERCHANT, EntityKind.OPERATOR, EntityKind.PROCESSOR)
STEPS = {
    "read": "reading the inputs",
    "open_inputs": "opening the files",
    "read_fraud": "reading the fraud reports",
    "read_known_leaks": "reading the known leaks",
    "join_fraud": "joining reports and history",
    "look_for_duplicates": "looking for duplicates",
    "hash_inputs": "hashing the inputs",
    "survey": "surveying the cards",
    "draw": "collecting cases and controls",
    "study": "matching cases and controls",
    "screen": "scanning every merchant",
    "judge": "judging the strongest",
    "permute": "checking chance by permutation",
    "describe": "estimating windows",
    "write": "writing the results",
}
SEED = 20140101  # permutations only check the calibration; the same run gives the same page


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """What `sekisho trace` is asked to do, apart from its inputs."""

    memory_limit: str = "2GB"
    threads: int = 2
    permute: bool = True
    lead_times: bool = True
    levels: tuple[EntityKind, ...] = DEFAULT_LEVELS
    controls: int = CONTROLS


@dataclass(frozen=True, slots=True)
class TraceRun:
    """A finished trace with what its files are made from."""

    trace: Trace
    answer: Answer
    history: DuckHistory
    inputs: Inputs


def run_trace(
    request: InputRequest, options: TraceOptions, workdir: Path, progress: Progress
) -> TraceRun:
    """Read the inputs, search, and say what was found. Nothing is written outside ``workdir``."""
    inputs = read_inputs(request, options, workdir, progress)
    return trace_inputs(inputs, request, options, progress)


def read_inputs(
    request: InputRequest, options: TraceOptions, workdir: Path, progress: Progress
) -> Inputs:
    """Open the files of ``request``; clear card numbers are refused."""
    progress.step("read")
    return open_inputs(
        request,
        workdir=workdir,
        memory_limit=options.memory_limit,
        threads=options.threads,
        progress=progress,
        holds_card_numbers=column_holds_card_numbers,
    )


def trace_inputs(
    inputs: Inputs, request: InputRequest, options: TraceOptions, progress: Progress
) -> TraceRun:
    """Search inputs that are open, as of ``inputs.as_of``. Several traces may share them."""
    history = DuckHistory(
        inputs.connection,
        inputs.columns,
        overlapping=inputs.overlapping,
        identity=inputs.identity,
    )
    question = Question(
        inputs.as_of,
        controls=options.controls,
        permute=options.permute,
        levels=options.levels,
        known_leaks=inputs.known_leaks,
    )
    answer = trace(history, question, np.random.default_rng(SEED), progress)
    if history.doubles:
        inputs = _with_doubles(inputs, history.doubles)
    leads = _lead_times(answer, question, inputs) if options.lead_times else ()
    read = _Read(inputs, request, history)
    return TraceRun(_to_trace(answer, read, question, leads), answer, history, inputs)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was asked to be read, and what was."""

    inputs: Inputs
    request: InputRequest
    history: DuckHistory


def _with_doubles(inputs: Inputs, doubles: int) -> Inputs:
    """The inputs with a note of the doubled transactions that the search came upon."""
    note = f"about {doubles} transactions are there more than once and count once"
    at = next(i for i, file in enumerate(inputs.files) if file.role == "transactions")
    noted = replace(inputs.files[at], notes=(*inputs.files[at].notes, note))
    files = (*inputs.files[:at], noted, *inputs.files[at + 1 :])
    return replace(inputs, duplicates=doubles, files=files)


def inputs_as_of(inputs: Inputs, day: date) -> Inputs:
    """The same inputs as they were known at the end of ``day``; a later view replaces an earlier.

    Of a trace made before, only the `Trace` holds what it did: its history follows the cut.
    """
    inputs.recut(day)
    return replace(inputs, as_of=day)


def _lead_times(answer: Answer, question: Question, inputs: Inputs) -> tuple[LeadTime, ...]:
    strong = [a for a in answer.associations if a.kind is None]
    out = []
    for found, finding in zip(strong, answer.findings, strict=True):
        look = earlier_look(found, answer.ground, answer.chance, question.limits.family_wise_error)
        out.append(
            LeadTime(
                entity_id=finding.entity_id,
                found_on=look.found_on,
                days=(answer.as_of - look.found_on).days,
                cards_saved=look.victims_after,
                optimistic=not inputs.has_reported_at,
            )
        )
    return tuple(out)


def _to_trace(
    answer: Answer, read: _Read, question: Question, leads: tuple[LeadTime, ...]
) -> Trace:
    inputs = read.inputs
    left_out = dict(inputs.fraud_counts) | {k: v for k, v in answer.excluded_fraud.items() if v}
    return Trace(
        as_of=answer.as_of,
        cases=answer.cases,
        controls=answer.controls,
        findings=answer.findings,
        suspects=answer.suspects,
        inputs=inputs.files,
        method=Method(
            version=__version__,
            timezone=read.request.timezone,
            family_wise_error=question.limits.family_wise_error,
            entities_tested=answer.entities_tested,
            sample_fraction=answer.sample_fraction,
            strata=answer.strata,
            overdispersion=answer.overdispersion,
            chance_stretch=answer.chance_stretch,
            permutations=answer.permutations,
            permuted_strongest_p=answer.permuted_strongest_p,
            misuse_periods=(*TRAILING_DAYS, None),
            passes=answer.passes,
            excluded_fraud=left_out,
            bursts=answer.bursts,
        ),
        funnel=_funnel(answer),
        history_start=answer.first_day,
        history_end=answer.last_day,
        transactions=max(answer.transactions - inputs.duplicates, 1),
        lead_times=leads,
        limits=_limits(answer, inputs, knows_acquirers=read.history.knows_acquirers),
        known_leaks=answer.known_leaks,
        proposed_groups=answer.proposed_groups,
    )


def _funnel(answer: Answer) -> Funnel:
    return Funnel(
        cards_seen=answer.cards,
        cards_exposed=answer.exposed_cards,
        cards_defrauded=answer.defrauded_cards,
        cards_unharmed=answer.exposed_cards - answer.defrauded_cards,
    )


def _limits(answer: Answer, inputs: Inputs, *, knows_acquirers: bool) -> tuple[str, ...]:
    """Stable keys of what this run could not know."""
    months = (answer.last_day - answer.first_day).days
    tests = {
        "no_report_dates": not inputs.has_reported_at,
        "no_cards_file": not inputs.has_cards,
        "no_merchants_file": not inputs.has_merchants,
        "no_product": "product" not in answer.strata,
        "no_home_area": "home_area" not in answer.strata,
        "no_fraud_types": not inputs.has_fraud_types,
        "no_acquirer": not knows_acquirers,
        "no_entry_mode": "entry_mode" not in inputs.columns,
        "no_message_types": "message_type" not in inputs.columns,
        "sampled_controls": answer.sample_fraction < 1.0,
        "history_short": months < 365,
    }
    return tuple(key for key, missing in tests.items() if missing)


def known_leak_warnings(known: Iterable[TakenOut]) -> list[str]:
    """What is to be said of known leaks that could not be taken out."""
    why = {
        KnownState.UNKNOWN: "the history does not know it; nothing was taken out",
        KnownState.AMBIGUOUS: "several acquirers have this number: add acquirer_id; nothing was "
        "taken out",
        KnownState.NO_VISITS: "no purchase there in its window; nothing was taken out",
        KnownState.NO_EXCESS: "its cards were not misused more than others; nothing was taken out",
    }
    return [
        f"known leak {one.leak.entity_kind.value} {one.leak.entity_id}: {why[one.state]}"
        for one in known
        if one.state in why
    ]


def write_exposed_cards(run: TraceRun, path: Path) -> None:
    """Write ``exposed_cards.parquet`` (DESIGN 8): one row for each exposed card and finding.

    ``defrauded`` says that a fraud that counts came after the card was exposed. ``probability`` is
    the chance that it came from there; empty where the fraud lies outside the finding's misuse.
    """
    db = run.history.connection
    told = run.answer.victims
    sizes = [len(cards) for cards, _ in told.values()]
    rows = {
        "card": np.concatenate([np.zeros(0, np.int64), *(cards for cards, _ in told.values())]),
        "finding": np.repeat(np.array(list(told), np.int64), sizes),
        "chance": np.repeat(np.array([chance for _, chance in told.values()], float), sizes),
    }
    db.register("victims_told", pa.table(rows))
    db.execute("CREATE OR REPLACE TEMP TABLE victims AS SELECT DISTINCT * FROM victims_told")
    db.unregister("victims_told")
    named = [
        (number, finding.entity_kind.value, finding.entity_id)
        for number, finding in enumerate(run.trace.findings)
    ]
    db.execute("CREATE OR REPLACE TEMP TABLE named (finding BIGINT, kind VARCHAR, id VARCHAR)")
    if named:
        db.executemany("INSERT INTO named VALUES (?, ?, ?)", named)
    db.execute(
        f"""
        COPY (
            SELECT
                CAST(e.card_ref AS VARCHAR) AS card_ref,
                n.kind AS entity_kind,
                n.id AS entity_id,
                e.first_exposed_at, e.last_exposed_at, e.exposures,
                e.defrauded,
                v.chance AS probability
            FROM exposed_cards AS e
            JOIN named AS n ON e.finding = n.finding
            LEFT JOIN drawn_cards AS d ON d.card_ref = e.card_ref
            LEFT JOIN victims AS v ON v.card = d.card AND v.finding = e.finding
            ORDER BY entity_id, card_ref
        ) TO '{str(path).replace("'", "''")}' (FORMAT parquet, COMPRESSION zstd)
        """  # noqa: S608 - a path of ours, quoted
    )


def lasting_workdir() -> tempfile.TemporaryDirectory[str]:
    """A folder for spill files and converted inputs, removed at the end."""
    return tempfile.TemporaryDirectory(prefix="sekisho-")


def write_results(
    run: TraceRun, folder: Path, *, language: Literal["en", "ja"], prepared_for: str = ""
) -> None:
    """Write the three results of DESIGN 8 into ``folder``, and the rejects where there are any."""
    (folder / "findings.json").write_text(findings_json(run.trace), encoding="utf-8")
    write_exposed_cards(run, folder / "exposed_cards.parquet")
    page = render_report(run.trace, language=language, generated_for=prepared_for)
    (folder / "report.html").write_text(page, encoding="utf-8")
    if any(file.rejected for file in run.trace.inputs):
        shutil.copyfile(run.inputs.reject_file, folder / "rejects.csv")


def explain(run: TraceRun, entity_id: str) -> list[str]:
    """Why ``entity_id`` is a finding or not, and why not the shops next to it, in lines of text.

    Raises BadInput if the history does not know it.
    """
    history, answer = run.history, run.answer
    entity = history.find_entity(entity_id)
    if entity is None:
        close = history.similar_entities(entity_id)
        raise BadInput(
            f"--explain: no purchase at {entity_id!r} by a card of the study.",
            hint=f"Did you mean {', '.join(close)}?" if close else "Write it as in findings.json.",
        )
    drawn = answer.drawn
    found = strength_of(answer.ground, answer.ground.study, answer.chance, drawn, entity)
    if found is None or not found.cases:
        return [f"{entity_id}: fewer than three later victims shopped there in any window."]
    alpha = answer.ground_alpha
    lines = [
        f"[bold]{escape(entity_id)}[/] {escape(history.entity_name(entity))}",
        (
            f"  strongest window {day_to_date(found.start_day)} to {day_to_date(found.end_day)}: "
            f"{found.cases} defrauded, {found.expected:.2f} expected"
        ),
        f"  chance of that in this window        {_power(found.log_p_window)}",
        f"  ... in any window and misuse period  {_power(found.log_p_entity)}",
        (
            f"  ... at any of {answer.entities_tested:,} merchants      {_power(found.log_p_run)}"
            f"  (a finding needs {alpha:g})"
        ),
    ]
    said = [f for f in (*answer.findings, *answer.suspects) if f.entity_id == entity_id]
    lines.append(f"  verdict: {_verdict(said)}")
    lines.append("  shops that its victims share, alone and without its victims:")
    for other in neighbours_of(answer.ground, answer.chance, drawn, found):
        name = history.entity_id(other.strength.entity)
        lines.append(
            f"    {escape(name)}: {other.shared} of {found.victims.size} victims; "
            f"alone {_power(other.strength.log_p_run)}, without them {_power(other.log_p_without)}"
        )
    return lines


def _verdict(said: list[Finding]) -> str:
    if not said:
        return "not listed: chance alone does as much somewhere in most histories"
    if said[0].kind is None:
        return "a finding"
    reasons = {
        SuspectKind.WEAK: "a suspect: not strong enough to ask about",
        SuspectKind.USE_OR_TEST: "stolen cards are tested or spent there: visits late and first",
        SuspectKind.EXPLAINED: "explained by a stronger finding or by its neighbourhood",
    }
    return reasons[said[0].kind]


def _power(log_p: float) -> str:
    """A chance as a power of ten."""
    return f"10^{log_p / np.log(10):.1f}" if log_p < np.log(1e-3) else f"{np.exp(log_p):.3f}"
