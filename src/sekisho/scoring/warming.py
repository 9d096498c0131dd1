"""Every compiled function of the engine, called once: the first purchase must not wait for them."""

from __future__ import annotations

import numpy as np

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    FraudLabel,
    LabelSource,
    Reversal,
)
from sekisho.domain.ledger import Entry
from sekisho.scoring.engine import Engine, Judges
from sekisho.scoring.memory import Memory
from sekisho.scoring.state import new_state


class _Aside:
    """A ledger in memory, for entries that nobody will ever ask for."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def next_position(self) -> int:
        return len(self._entries) + 1

    def write(self, entry: Entry) -> int:
        self._entries.append(entry)
        return len(self._entries)

    def read(self, position: int) -> Entry | None:
        return self._entries[position - 1] if 0 < position <= len(self._entries) else None

    def decision_id(self, position: int) -> str:
        return str(position)

    def position_of(self, decision_id: str) -> int | None:
        return int(decision_id) if decision_id.isdecimal() else None


def warm(judges: Judges) -> None:
    """Let model, policy and kernel be compiled, on a state of their own that is thrown away."""
    memory = Memory(new_state(1, 1), status=np.zeros(1, np.int8))
    engine = Engine(memory, judges, _Aside(), lambda: 2)
    first = engine.decide(AuthorizationRequest("1", "c", "a", "m", 2, 2, 1, "392"))
    engine.decide(AuthorizationRequest("2", "c", "a", "m", 1, 2, 1, "392"))
    engine.learn(FraudLabel("1", first.decision_id, True, LabelSource.HOLDER, 2))
    engine.reverse(Reversal("1", "1", "c", 2, replacement_minor=1))
    engine.expose(CardExposure("1", "c", 1, 1, 3))
    engine.clear("1")
