"""What issuers exchange instead of cards: integer counts on a grid of weeks that all of them share.

A *window* runs from week a to week b, both included. A *cell* is a number that holds for a
rectangle of windows: for all a with ``begin <= a <= last`` and all b with ``b >= until``. The
numbers of a window are the sums over the cells that hold for it, and those of several issuers add,
because a card belongs to one issuer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

SCHEMA = "sekisho.pool/1"
WEEK_DAYS = 7
FIRST_MONDAY = 4  # 1970-01-05, in days since 1970-01-01: the first day of week 0
EVER = 1 << 20  # weeks: a block of time that holds every history
UNIT = 1_000_000  # expectations are whole millionths of a case
NAMING = "acquirer_id/merchant_id"
NO_BASIS = "not stated"

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What all issuers of a pool must have in common.

    ``periods`` are the misuse periods as (first instant, end), seconds of wall clock since 1970 in
    ``timezone``; ``trailing`` gives the days of those that end with the as-of day. ``naming`` says
    how merchants are named.
    """

    as_of: date
    since: date
    timezone: str
    periods: tuple[tuple[int, int], ...]
    trailing: tuple[int | None, ...]
    naming: str = NAMING


@dataclass(frozen=True, slots=True)
class PoolHeader:
    """What one issuer says of its file.

    ``counts`` are of the whole history: cards, cases, controls, transactions, bursts, and
    ``sample_percent`` (of the cards without a report that were drawn). ``suppressed`` says what the
    smallest cell of ``smallest_cell`` cards has cost, by a stable key.
    """

    issuer: str
    legal_basis: str
    version: str
    smallest_cell: int
    agreement: Agreement
    counts: Mapping[str, int]
    suppressed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CaseCells:
    """Cells of case cards: (entity, misuse period, rectangle of windows) and how many cards.

    ``new`` are those of cells in most of which the first visit came within a week before the fraud,
    ``quick`` those where it came within 36 hours. All arrays have one length.
    """

    entity: Ints
    period: Ints
    begin: Ints
    last: Ints
    until: Ints
    count: Ints
    new: Ints
    quick: Ints


@dataclass(frozen=True, slots=True)
class ReachCells:
    """Cells of all visiting cards: how many, and the cases expected of them in each misuse period.

    ``expected`` is (cells, periods), in millionths of a case.
    """

    entity: Ints
    begin: Ints
    last: Ints
    until: Ints
    cards: Ints
    expected: Ints


@dataclass(frozen=True, slots=True)
class EntityTotals:
    """One row for each entity, over the whole history.

    ``half_cases`` is twice the number of case cards (of an issuer whose number is withheld, the
    middle of what it can be); ``expected`` is in millionths of a case; ``visitors`` are distinct
    cards, ``visits`` their visit days.
    """

    visitors: Ints
    half_cases: Ints
    expected: Ints
    visits: Ints


@dataclass(frozen=True, slots=True)
class Pool:
    """The counts of one issuer or of several added up. Cells are sorted by entity.

    ``names`` are the entities, sorted. ``cases`` and ``sampling`` have one number for each misuse
    period: its cases, and what one drawn card adds to an expectation (millionths of a case).
    """

    names: tuple[str, ...]
    case_cells: CaseCells
    reach_cells: ReachCells
    totals: EntityTotals
    cases: Ints
    sampling: Ints
