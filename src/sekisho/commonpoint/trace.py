"""One run of the search, from a history to findings: study, screen, judge, check, describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.calibration import permutations_for, strongest_by_chance
from sekisho.commonpoint.cohort import DAY, make_clock
from sekisho.commonpoint.findings import EPOCH, Book, describe
from sekisho.commonpoint.judge import Judgement, judge
from sekisho.commonpoint.known import take_out
from sekisho.commonpoint.levels import Levels, read_levels
from sekisho.commonpoint.ports import History
from sekisho.commonpoint.proposed import propose_groups
from sekisho.commonpoint.search import Association, Chance, Ground, Limits, prepare
from sekisho.commonpoint.study import Panel, Study, make_study
from sekisho.commonpoint.taken import data_taken
from sekisho.commonpoint.terminals import leaking_terminals
from sekisho.commonpoint.theft import Background, how_taken
from sekisho.commonpoint.to_come import corrected_rate, report_delays
from sekisho.domain.errors import NothingToDo
from sekisho.domain.finding import EntityKind, Finding, ProposedGroup, SuspectKind
from sekisho.domain.history import ExposureWindow, MisuseTable, Survey
from sekisho.domain.known_leaks import KnownLeak, TakenOut
from sekisho.domain.progress import Progress
from sekisho.stats.delays import Delays

CONTROLS = 30_000  # cards without a fraud report that are drawn from a large history


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: what was known at the end of ``as_of``, how sure, how many controls."""

    as_of: date
    limits: Limits = field(default_factory=Limits)
    controls: int = CONTROLS
    permute: bool = True
    levels: tuple[EntityKind, ...] = (
        EntityKind.MERCHANT,
        EntityKind.OPERATOR,
        EntityKind.PROCESSOR,
    )
    known_leaks: tuple[KnownLeak, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Findings and suspects, and how they came about.

    ``victims`` maps each finding's number to its victims' card numbers (of the history) and the
    chance that each one's fraud came from there.
    """

    as_of: date
    cases: int
    controls: int
    transactions: int
    cards: int
    first_day: date
    last_day: date
    findings: tuple[Finding, ...]
    suspects: tuple[Finding, ...]
    entities_tested: int
    sample_fraction: float
    strata: tuple[str, ...]
    overdispersion: float
    chance_stretch: float
    permutations: int
    permuted_strongest_p: float | None
    passes: int
    bursts: int
    excluded_fraud: Mapping[str, int]
    exposed_cards: int
    defrauded_cards: int  # of these, in whatever misuse period
    victims: Mapping[int, tuple[NDArray[np.int64], float]]
    associations: tuple[Association, ...]
    ground: Ground
    levels: Levels
    chance: Chance
    drawn: Panel
    ground_alpha: float
    known_leaks: tuple[TakenOut, ...] = ()
    proposed_groups: tuple[ProposedGroup, ...] = ()


def trace(
    history: History, question: Question, rng: np.random.Generator, progress: Progress
) -> Answer:
    """Search the history for common points as known at the end of the as-of day.

    Raises NothingToDo where there is no purchase, or no counted fraud, by that day.
    """
    progress.step("survey")
    survey = history.survey()
    if not survey.transactions:
        raise NothingToDo(
            "The history holds no purchase up to the as-of date.",
            hint="Check --as-of and the column that holds the time of purchase.",
        )
    progress.step("draw")
    share = history.draw(cards=question.controls)
    # Visits last, for they are many: whoever asks for them holds the only copy.
    cards, frauds, visits = history.cards(), history.frauds(), history.visits()
    end = ((question.as_of - EPOCH).days + 1) * DAY
    clock = make_clock(survey.first_at, end)
    progress.step("study")
    study = make_study(cards, frauds, visits, clock, share)
    cases = int(study.event.sum())
    if not cases:
        raise NothingToDo(
            "No fraud of a kind that data theft explains was reported by the as-of date.",
            hint="Check --as-of, and the fraud file's columns fraud_at and fraud_type.",
        )
    study, known = take_out(study, visits, history, question.known_leaks)
    progress.step("screen")
    levels = read_levels(history, question.levels)
    ground, drawn = prepare(history, study, visits, levels, share)
    del visits
    if study.gone.size:
        whole = ground.study
        ground = replace(ground, panel=whole.renew(ground.panel), bulk=whole.renew(ground.bulk))
        drawn = whole.renew(drawn)
    progress.step("judge")
    judged = judge(ground, drawn, levels, question.limits)
    book = Book(history, levels)
    run = _Run(
        question, survey, book, share, study, ground, drawn, judged, cases, known,
        report_delays(frauds, end),
    )  # fmt: skip
    chance: list[float] = []
    if question.permute:
        progress.step("permute")
        chance = _by_chance(run, rng)
    progress.step("describe")
    return _answer(run, chance)


@dataclass(frozen=True, slots=True)
class _Run:
    """All that a run has come to know."""

    question: Question
    survey: Survey
    book: Book
    share: float
    study: Study
    ground: Ground
    drawn: Panel
    judged: Judgement
    cases: int
    known: tuple[TakenOut, ...]
    delays: Delays | None  # how late reports come


def _by_chance(run: _Run, rng: np.random.Generator) -> list[float]:
    """Permute the cases that no finding explains over the entities that are not listed."""
    listed = [a.entity for a in run.judged.taken if a.kind is not SuspectKind.WEAK]
    others = run.drawn.select(np.flatnonzero(~np.isin(run.drawn.entities, listed)))
    sampled = np.full(others.entities.size, float(run.share < 1.0))
    whole = replace(run.ground, study=run.study, panel=others, sampled=sampled)
    # Cards that were added to count suspects exactly come after the drawn ones.
    rest = run.study.without(run.judged.unexplained.gone)
    count = permutations_for(run.drawn)
    return strongest_by_chance(rest, rest.renew(others), whole, rng, count)


def _answer(run: _Run, chance: list[float]) -> Answer:
    taken, book, study = run.judged.taken, run.book, run.ground.study
    alpha = run.question.limits.family_wise_error
    described = [describe(found, run.ground, run.judged.chance, book, alpha) for found in taken]
    pairs = list(zip(taken, described, strict=True))
    misuse = book.history.misuse() if any(a.kind is None for a in taken) else None
    strong = [(a, (_of_theft(run, a, d[0], misuse), d[1])) for a, d in pairs if a.kind is None]
    weak = sorted(((a, d) for a, d in pairs if a.kind is not None), key=lambda p: p[0].log_p)
    book.history.expose(
        ExposureWindow(merchant, start * DAY, (end + 1) * DAY, number)
        for number, (_, (_, windows)) in enumerate(strong)
        for merchant, start, end in windows
    )
    victims = {
        number: (study.spells.card[a.spells], max(0.0, 1.0 - a.expected / max(a.cases, 1)))
        for number, (a, _) in enumerate(strong)
    }
    return Answer(
        as_of=run.question.as_of,
        cases=run.cases,
        controls=int((~study.spells.is_case & (study.weight > 0)).sum()),
        transactions=run.survey.transactions,
        cards=run.survey.cards,
        first_day=_day(run.survey.first_at),
        last_day=_day(run.survey.last_at),
        findings=tuple(d[0] for _, d in strong),
        suspects=tuple(d[0] for _, d in weak[: run.question.limits.suspects_most]),
        entities_tested=run.ground.tested,
        sample_fraction=run.share,
        strata=_strata(study),
        overdispersion=float(np.sqrt(run.judged.chance.misfit)),
        chance_stretch=run.judged.chance.null.stretch,
        permutations=len(chance),
        permuted_strongest_p=float(np.exp(min(chance))) if chance else None,
        passes=book.history.passes,
        bursts=int(np.unique(study.spells.burst[study.spells.burst >= 0]).size),
        excluded_fraud={
            "not_data_theft": int((~study.frauds.counts).sum()) - study.habits,
            "at_own_shop": study.habits,
            "same_burst": int((study.spells.is_case & ~study.event).sum()),
        },
        exposed_cards=book.history.exposed_count(),
        defrauded_cards=book.history.defrauded_count(),
        victims=victims,
        associations=tuple(taken),
        ground=run.ground,
        levels=book.levels,
        chance=run.judged.chance,
        drawn=run.drawn,
        ground_alpha=run.question.limits.family_wise_error,
        known_leaks=run.known,
        proposed_groups=propose_groups(study, book.levels, [(a, d[0]) for a, d in strong]),
    )


def _of_theft(
    run: _Run, found: Association, finding: Finding, misuse: MisuseTable | None
) -> Finding:
    """The finding with how the data was taken, and which, as far as the misuse shows it."""
    judged = run.judged
    ground = Background(run.ground.study, judged.unexplained, judged.chance.misfit)
    others = [a for a in judged.taken if a.kind is None and a is not found]
    theft = how_taken(ground, run.book.history.visits(), found, others)
    data, evidence = data_taken(run.ground.study, misuse, found, others)
    asked = (
        EntityKind.TERMINAL in run.question.levels and finding.entity_kind is EntityKind.MERCHANT
    )
    terminals = None
    if asked:
        elsewhere = np.concatenate([np.zeros(0, np.int64), *(one.spells for one in others)])
        table = run.book.history.terminals(np.array([found.entity]))
        terminals = leaking_terminals(ground, table, found, elsewhere)
    corrected = corrected_rate(run.ground.study, found, run.delays, finding.cards_exposed)
    return replace(
        finding,
        theft=theft,
        data_taken=data,
        data_evidence=evidence,
        corrected_misuse=corrected,
        terminals=terminals,
    )


def _strata(study: Study) -> tuple[str, ...]:
    """What controls were matched on."""
    matched = ["activity", "tenure"]
    matched += ["product"] if study.matching.sizes[2] > 1 else []
    matched += ["home_area"] if study.matching.sizes[3] > 1 else []
    return tuple(matched)


def _day(at: int) -> date:
    return date.fromordinal(EPOCH.toordinal() + at // DAY)
