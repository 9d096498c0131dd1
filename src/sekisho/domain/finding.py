"""What a trace says: findings, suspects and the evidence behind them.

A finding is a statistical association, never a verdict. Dates are calendar days in the
trace's time zone; windows include both ends; counts are cards unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sekisho.domain.known_leaks import TakenOut

SCHEMA = "sekisho.findings/1"


class EntityKind(StrEnum):
    """At which level cards were exposed."""

    MERCHANT = "merchant"
    OPERATOR = "operator"
    PROCESSOR = "processor"
    ACQUIRER = "acquirer"
    TERMINAL = "terminal"


class SuspectKind(StrEnum):
    """Why an association is listed as a suspect and not as a finding."""

    WEAK = "weak"  # not strong enough to ask the merchant about
    USE_OR_TEST = "use_or_test"  # stolen cards are spent or tested there
    EXPLAINED = "explained"  # falls silent once a stronger finding or its neighbourhood is known


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed range of days with the share of repetitions in which it holds the truth."""

    lower: date
    upper: date
    confidence: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Observed against expected cases, for one chart and the table beside it.

    ``days[i]`` is the first day of step i; ``observed`` are counts, ``expected`` expectations,
    both per step (not cumulative). ``exposed`` counts cards whose first visit falls in the step.
    """

    days: tuple[date, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    exposed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One innocent explanation that was tested, and what came of it.

    ``name`` is a stable key (``busy_cards``, ``product``, ``home_area``, ``neighbours``,
    ``use_or_test``, ``burst``, ``own_fraud``, ``other_finding``, ``overdispersion``);
    ``excluded`` says that it does not explain the association; ``figures`` feeds the sentence.
    """

    name: str
    excluded: bool
    figures: Mapping[str, float | int | str] = field(default_factory=dict)


class TheftKind(StrEnum):
    """How card data was taken, as far as the misuse shows it."""

    FORM = "form_skimming"  # read while it was entered
    DATABASE = "database_theft"  # taken from where it was stored
    CANNOT_BE_TOLD = "cannot_be_told"


@dataclass(frozen=True, slots=True)
class CardGroup:
    """Exposed cards of one kind, those misused, and how many would have been without the leak."""

    cards: int
    defrauded: int
    expected: float


@dataclass(frozen=True, slots=True)
class Theft:
    """Form skimming or database theft: cards that entered data beside cards only charged.

    ``charged`` had nothing but merchant-initiated charges in the window. ``p_form`` is the chance
    of so many victims among them if only entered data was read, ``p_database`` of so few if stored
    data was taken.
    """

    kind: TheftKind
    entered: CardGroup
    charged: CardGroup
    p_form: float
    p_database: float


@dataclass(frozen=True, slots=True)
class TerminalCount:
    """One terminal of a shop: cards used at it in the window, those misused, and expected."""

    terminal_id: str
    cards: int
    defrauded: int
    expected: float


@dataclass(frozen=True, slots=True)
class Terminals:
    """The terminals of a shop in which its excess sits.

    ``elsewhere`` used other terminals of the shop only; ``p_value`` is the chance of so few misused
    among them if the whole shop had leaked.
    """

    terminals: tuple[TerminalCount, ...]
    elsewhere: CardGroup
    p_value: float


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """Misuse so far with the reports still to come: cards, and the share of the exposed.

    ``lower`` and ``upper`` are shares; ``reports`` is how many the delays were learned from.
    """

    cards: float
    rate: float
    lower: float
    upper: float
    confidence: float
    reports: int


@dataclass(frozen=True, slots=True)
class DataEvidence:
    """How often the misuse of a finding's victims needed one kind of data.

    ``shown`` of ``known`` victims; ``others_shown`` of ``others_known`` other misused cards in the
    same time. ``p_value`` is the chance of so many if only the victims expected by chance did.
    """

    data: str
    shown: int
    known: int
    others_shown: int
    others_known: int
    p_value: float
    taken: bool


@dataclass(frozen=True, slots=True)
class Member:
    """One entity inside a finding, with its own window."""

    entity_id: str
    name: str
    window_start: date
    window_end: date
    cards_exposed: int
    cards_defrauded: int
    cards_expected: float


@dataclass(frozen=True, slots=True)
class Finding:
    """An association between shopping at an entity in a window and later fraud.

    ``misuse_period`` is the trailing number of days before the as-of date in which the misuse
    stands out, or None for all time or a span that is over (see ``misuse_span``). ``p_value`` is
    corrected for every window, period, entity and level tried. ``kind`` is None for a finding and
    says why for a suspect.
    """

    entity_kind: EntityKind
    entity_id: str
    name: str
    members: tuple[Member, ...]
    alternatives: tuple[str, ...]
    window_start: date
    window_end: date
    window_start_interval: Interval
    window_end_interval: Interval
    window_left_censored: bool
    window_ongoing: bool
    misuse_period: int | None
    cards_exposed: int
    cards_defrauded: int
    cards_expected: float
    log_likelihood_ratio: float
    p_value: float
    reported_misuse_rate: float
    data_taken: tuple[str, ...]
    kind: SuspectKind | None = None
    first_misuse: date | None = None
    misuse_span: tuple[date, date] | None = None  # where the misuse stands out; None is all time
    explanations: tuple[Explanation, ...] = ()
    visits_curve: Curve | None = None  # cases and expectation by day of first visit in the window
    misuse_curve: Curve | None = None  # victims and expectation by day of fraud
    data_evidence: tuple[DataEvidence, ...] = ()  # behind ``data_taken``
    corrected_misuse: CorrectedRate | None = None  # None without report dates
    terminals: Terminals | None = None  # None where it is the whole shop, or not asked
    theft: Theft | None = None  # None where the history does not say who initiated a charge


class CommonSign(StrEnum):
    """In what the leaks of several shops agree."""

    MISUSE = "misuse"  # their stolen cards came into use on the same days
    WINDOW = "window"  # they leaked on the same days


@dataclass(frozen=True, slots=True)
class ProposedGroup:
    """Findings that may be one leak: the same operator, or a service that all of them use.

    ``members`` are entity ids of findings; ``p_value`` is the chance that two unrelated leaks of
    this run agree as well. Proposed, never asserted.
    """

    members: tuple[str, ...]
    signs: tuple[CommonSign, ...]
    p_value: float


@dataclass(frozen=True, slots=True)
class Funnel:
    """How the exposed cards of all findings thin out, each step a subset of the one before."""

    cards_seen: int  # distinct cards in the history
    cards_exposed: int  # visited a finding inside its window
    cards_defrauded: int  # of these, with a reported fraud that counts
    cards_unharmed: int  # of the exposed, not defrauded yet: the ones still to protect


@dataclass(frozen=True, slots=True)
class LeadTime:
    """What an earlier trace would have said about one finding.

    ``found_on`` is the first as-of date at which it was a finding; ``days`` lie between that date
    and this trace's as-of date; ``cards_saved`` were defrauded after ``found_on``;
    ``optimistic`` says that the fraud file has no report dates.
    """

    entity_id: str
    found_on: date
    days: int
    cards_saved: int
    optimistic: bool


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input as it was read. ``sha256`` is of the file's bytes."""

    role: str  # transactions, fraud, merchants, cards, known_leaks
    name: str  # base name, never the path
    sha256: str
    rows: int
    rejected: int = 0
    duplicates: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    """How the numbers came about, for the method section and the record."""

    version: str
    timezone: str
    family_wise_error: float
    entities_tested: int
    sample_fraction: float
    strata: tuple[str, ...]  # what controls were matched on
    overdispersion: float  # standard deviation of the ratio of true to fitted expectation
    permutations: int
    permuted_strongest_p: float | None
    misuse_periods: tuple[int | None, ...]
    passes: int
    excluded_fraud: Mapping[str, int]  # fraud reports left out, by reason
    bursts: int  # groups of reports counted as one event
    chance_stretch: float = 1.0  # how much easier than by the book surprises come here


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that one run of ``sekisho trace`` says."""

    as_of: date
    cases: int
    controls: int
    findings: tuple[Finding, ...]
    suspects: tuple[Finding, ...]
    inputs: tuple[InputFile, ...]
    method: Method
    funnel: Funnel
    history_start: date
    history_end: date
    transactions: int
    lead_times: tuple[LeadTime, ...] = ()
    limits: tuple[str, ...] = ()  # stable keys of what this run could not know
    known_leaks: tuple[TakenOut, ...] = ()  # taken out first, in the order of their file
    proposed_groups: tuple[ProposedGroup, ...] = ()  # findings that may be one leak
