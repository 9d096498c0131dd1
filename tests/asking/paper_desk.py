"""A small real engine: decides by the state of the card, and keeps every call before it returns.

One JSON line for each call in a file of its own; opened again, it knows what it knew. What came
under an id once is not done a second time, as the `Desk` demands.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    DecisionKind,
    FraudLabel,
    RetryWindow,
    Reversal,
    Told,
)

ASK_FROM = 50_000


class PaperDesk:
    """Satisfies `Desk` and `Feed`."""

    def __init__(self, path: Path) -> None:
        self.status: dict[str, CardStatus] = {}
        self.windows: list[RetryWindow] = []
        self.labels: dict[str, FraudLabel] = {}
        self.told: list[Told] = []
        self.calls: Counter[str] = Counter()
        self._done: set[str] = set()
        self._path = path
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.endswith("}"):
                    self._again(json.loads(line))
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def close(self) -> None:
        os.close(self._file)

    def decide(self, request: AuthorizationRequest) -> Decision:
        decision_id = f"d-{request.request_id}"
        for one in self.told:
            if one.decision.decision_id == decision_id:
                return replace(one.decision, repeated=True)
        kind, ask, reasons = self._judged(request)
        decision = Decision(
            decision_id, request.request_id, kind, ask, reasons, 0.5, request.received_at
        )
        self._note(
            "decide", decision_id, {"request": asdict(request), "decision": asdict(decision)}
        )
        return decision

    def _judged(self, request: AuthorizationRequest) -> tuple[DecisionKind, bool, tuple[str, ...]]:
        if self.status.get(request.card_ref, CardStatus.OPEN) is not CardStatus.OPEN:
            return DecisionKind.DECLINE, False, ("holder_said_no",)
        for window in self.windows:
            here = (window.card_ref, window.acquirer_id, window.merchant_id, window.currency)
            wanted = (request.card_ref, request.acquirer_id, request.merchant_id, request.currency)
            if here == wanted and request.amount_minor <= window.up_to_minor:
                return DecisionKind.APPROVE, False, ("holder_said_yes",)
        if request.amount_minor >= ASK_FROM:
            return DecisionKind.DECLINE, True, ("score",)
        return DecisionKind.APPROVE, False, ()

    def reverse(self, reversal: Reversal) -> bool:
        raise NotImplementedError

    def learn(self, label: FraudLabel) -> bool:
        if not any(one.decision.decision_id == label.decision_id for one in self.told):
            return False
        self._note("learn", label.label_id, asdict(label))
        return True

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None:
        self._note("status", change_id, {"card_ref": card_ref, "status": status.value})

    def open_window(self, change_id: str, window: RetryWindow) -> None:
        self._note("window", change_id, asdict(window))

    def expose(self, exposure: CardExposure) -> None:
        raise NotImplementedError

    def clear(self, alert_id: str) -> int:
        raise NotImplementedError

    async def durable(self) -> None:
        os.fsync(self._file)

    def after(self, cursor: int, most: int) -> Sequence[Told]:
        return [one for one in self.told if one.cursor > cursor][:most]

    def _note(self, what: str, key: str, values: dict[str, Any]) -> None:
        self.calls[key] += 1
        if f"{what}/{key}" in self._done:
            return
        line = {"what": what, "key": key, "values": values}
        os.write(self._file, json.dumps(line).encode() + b"\n")
        self._again(line)

    def _again(self, line: dict[str, Any]) -> None:
        values = line["values"]
        self._done.add(f"{line['what']}/{line['key']}")
        if line["what"] == "decide":
            request = AuthorizationRequest(**values["request"])
            decision = Decision(
                **{**values["decision"], "reasons": tuple(values["decision"]["reasons"])}
            )
            decision = replace(decision, kind=DecisionKind(decision.kind))
            self.told.append(Told(len(self.told) + 1, request, decision))
        elif line["what"] == "learn":
            self.labels[values["decision_id"]] = FraudLabel(**values)
        elif line["what"] == "status":
            self.status[values["card_ref"]] = CardStatus(values["status"])
        else:
            self.windows.append(RetryWindow(**values))
