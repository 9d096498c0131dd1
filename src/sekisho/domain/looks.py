"""Repeated looks at a growing history: what each said, what it was allowed to, what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding as one look saw it. ``members`` are its merchants' ids."""

    entity_kind: str
    entity_id: str
    name: str
    members: tuple[str, ...]
    window_start: date
    window_end: date
    cards_exposed: int
    cards_defrauded: int
    p_value: float


@dataclass(frozen=True, slots=True)
class LookInput:
    """One file that a look read, by what was in it."""

    role: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Look:
    """One look. ``alpha`` is the chance of a false finding that it could spend."""

    as_of: date
    alpha: float
    levels: tuple[str, ...]
    inputs: tuple[LookInput, ...]
    findings: tuple[Seen, ...]


class ChangeKind(StrEnum):
    """What became of a finding since the last look."""

    NEW = "new"
    GROWN = "changed"  # more or fewer victims, another window, other members
    RENAMED = "level_changed"  # the same shops under another level's name
    SAME = "same"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """A finding at the last look and at this one; ``now_listed`` says what a gone one is now.

    That is a kind of suspect, or ``not_listed``.
    """

    kind: ChangeKind
    before: Seen | None
    now: Seen | None
    now_listed: str = ""


@dataclass(frozen=True, slots=True)
class SinceLastLook:
    """What a look says beside the one before. ``last`` is None for the first.

    ``spent`` is the chance of any false finding that all looks together have had so far, of
    ``total``. Files are told apart by name and content.
    """

    number: int
    last: date | None
    alpha: float
    spent: float
    total: float
    changes: tuple[Change, ...]
    new_files: tuple[str, ...]
    changed_files: tuple[str, ...]
    missing_files: tuple[str, ...]
