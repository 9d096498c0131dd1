"""All that the live engine remembers, and how it becomes named arrays and back.

Everything large is a plain array that can be mapped from a file; what is small (open windows,
alerts) goes into ``facts``, which JSON can hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.scoring.layout import (
    ARENA_USED,
    CARD_WORDS,
    DAY,
    EVENT_WORDS,
    MERCHANT_WORDS,
)
from sekisho.scoring.lookup import Lookup, Table, key_of
from sekisho.scoring.state import Events, State, new_state, with_room

ANSWERS_KEPT: Final = 7 * DAY
"""How long a repeat of a message is known as one."""
ROOM: Final = {"cards": 1 << 20, "merchants": 1 << 17, "events": 1 << 24}
"""Rows set aside to begin with; rows that nobody has cost address space and no memory."""
EXPOSURE_WORDS: Final = 6  # card row, alert, exposed at, known at, until, data bits; -1: cleared
Arrays = dict[str, NDArray[Any]]
Window = tuple[int, str, int]
"""Up to so much, of which currency, until when."""


@dataclass
class Memory:
    """The engine's state. ``cards`` and ``merchants`` give rows + 1 of ``state``."""

    state: State
    cards: Lookup = field(default_factory=Lookup)
    merchants: Lookup = field(default_factory=Lookup)
    card_count: int = 0
    merchant_count: int = 0
    status: NDArray[np.int8] = field(default_factory=lambda: np.zeros(ROOM["cards"], np.int8))
    answers: Lookup = field(default_factory=lambda: Lookup(ANSWERS_KEPT))
    changes: Lookup = field(default_factory=Lookup)
    exposures: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((1 << 10, EXPOSURE_WORDS), np.int64)
    )
    exposure_count: int = 0
    alerts: dict[str, list[int]] = field(default_factory=dict)  # number, cards cleared or -1
    windows: dict[tuple[int, int], list[Window]] = field(default_factory=dict)
    early: dict[str, int] = field(default_factory=dict)  # reversed before it came, and when
    latest: int = 0  # time at which anything was received

    def card(self, card_ref: str) -> int:
        """The row of a card; a new one where it has none."""
        key = key_of("card", card_ref)
        row = self.cards.get(key)
        if row:
            return row - 1
        row = self.card_count
        if row == len(self.status):
            self._more_cards()
        self.cards.put(key, row + 1)
        self.card_count += 1
        return row

    def merchant(self, acquirer_id: str, merchant_id: str) -> int:
        """The row of a merchant; a new one where it has none."""
        key = key_of("shop", acquirer_id, merchant_id)
        row = self.merchants.get(key)
        if row:
            return row - 1
        row = self.merchant_count
        if row == len(self.state.merchants):
            self.state = with_room(self.state, merchants=row + 1)
        self.merchants.put(key, row + 1)
        self.merchant_count += 1
        return row

    def more_events(self) -> None:
        """Room for more recent purchases."""
        self.state = with_room(self.state, events=2 * self.state.events.merchant.size)

    def _more_cards(self) -> None:
        self.state = with_room(self.state, cards=self.card_count + 1)
        grown = np.zeros(len(self.state.cards), np.int8)
        grown[: len(self.status)] = self.status
        self.status = grown

    def add_exposure(self, words: tuple[int, int, int, int, int, int]) -> None:
        """Note an exposure, so that it can be cleared by its alert alone."""
        if self.exposure_count == len(self.exposures):
            grown = np.zeros((2 * self.exposure_count, EXPOSURE_WORDS), np.int64)
            grown[: self.exposure_count] = self.exposures
            self.exposures = grown
        self.exposures[self.exposure_count] = words
        self.exposure_count += 1

    # ------------------------------------------------------------ to arrays and back

    def arrays(self) -> Arrays:
        """The rows in use of every array, by name; no copies."""
        used = int(self.state.whole[ARENA_USED])
        told: Arrays = {
            "cards": self.state.cards[: self.card_count],
            "merchants": self.state.merchants[: self.merchant_count],
            "events": self.state.events.row[:used],
            "event-shops": self.state.events.merchant[:used],
            "whole": self.state.whole,
            "status": self.status[: self.card_count],
            "exposures": self.exposures[: self.exposure_count],
        }
        for name, lookup in self._lookups().items():
            told |= {f"{name}-{k}": table.slots for k, table in enumerate(lookup.tables)}
        return told

    def facts(self) -> dict[str, Any]:
        """The rest, as JSON can hold it."""
        return {
            "tables": {
                name: [[table.count, table.newest] for table in lookup.tables]
                for name, lookup in self._lookups().items()
            },
            "alerts": self.alerts,
            "windows": [[*at, *map(list, those)] for at, those in self.windows.items()],
            "early": self.early,
            "latest": self.latest,
        }

    def _lookups(self) -> dict[str, Lookup]:
        return {
            "card-keys": self.cards,
            "merchant-keys": self.merchants,
            "answer-keys": self.answers,
            "change-keys": self.changes,
        }


def new_memory(utc_offset: int) -> Memory:
    """Nothing is known yet. ``utc_offset`` (seconds): see `state.new_state`."""
    state = new_state(
        ROOM["cards"], ROOM["merchants"], utc_offset=utc_offset, events=ROOM["events"]
    )
    return Memory(state)


def rows_wanted(used: dict[str, int]) -> dict[str, int]:
    """How many rows to map of each array that has so many in use: room to grow without a copy."""
    cards = max(2 * used["cards"], ROOM["cards"])
    events = max(2 * used["events"], ROOM["events"])
    wanted = {
        "cards": cards,
        "status": cards,
        "merchants": max(2 * used["merchants"], ROOM["merchants"]),
        "events": events,
        "event-shops": events,
        "exposures": max(2 * used["exposures"], 1 << 10),
    }
    return used | wanted


def memory_of(arrays: Arrays, used: dict[str, int], facts: dict[str, Any]) -> Memory:
    """The memory that gave these arrays (with room, see `rows_wanted`) and facts."""
    state = State(
        arrays["cards"],
        arrays["merchants"],
        Events(arrays["events"], arrays["event-shops"]),
        np.array(arrays["whole"]),
        np.zeros(CARD_WORDS, np.int64),
    )
    told = Memory(
        state=state,
        card_count=used["cards"],
        merchant_count=used["merchants"],
        status=arrays["status"],
        exposures=arrays["exposures"],
        exposure_count=used["exposures"],
        alerts=facts["alerts"],
        windows={(card, shop): [(a, b, c) for a, b, c in those]
                 for card, shop, *those in facts["windows"]},
        early=facts["early"],
        latest=facts["latest"],
    )  # fmt: skip
    for name, lookup in told._lookups().items():  # noqa: SLF001 - its own kind
        lookup.tables = [
            Table(arrays[f"{name}-{k}"], count, newest)
            for k, (count, newest) in enumerate(facts["tables"][name])
        ]
    return told


SHAPES: Final[dict[str, tuple[type[Any], int]]] = {
    "cards": (np.int64, CARD_WORDS),
    "merchants": (np.int64, MERCHANT_WORDS),
    "events": (np.int64, EVENT_WORDS),
    "event-shops": (np.int32, 0),
    "status": (np.int8, 0),
    "exposures": (np.int64, EXPOSURE_WORDS),
    "whole": (np.int64, 0),
}
"""Kind of number and words of a row (0: single numbers) of the arrays; key tables are (n, 3)."""


def shape_of(name: str) -> tuple[type[Any], int]:
    """As `SHAPES`, key tables included."""
    return SHAPES.get(name, (np.int64, 3))
