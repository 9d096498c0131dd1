"""The live engine: maps what doors hand over to the kernel's state, decides, and learns.

It is the whole `Desk` but for keeping: what it does it writes to a `Ledger` before it answers, and
`replay` does to the state what the entry did when it was written, by the same functions. So the
state after a crash is the state that the written answers imply, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    DecisionKind,
    FraudLabel,
    LabelSource,
    RequestKind,
    RetryWindow,
    Reversal,
)
from sekisho.domain.errors import BadInput
from sekisho.domain.ledger import (
    Cleared,
    Decided,
    Entry,
    Exposed,
    Learnt,
    Reversed,
    StatusChanged,
    WindowOpened,
)
from sekisho.scoring import kernel
from sekisho.scoring.codes import (
    MOST_MINOR,
    code_number,
    country_number,
    eci_number,
    entry_number,
)
from sekisho.scoring.forest import Forest, probability
from sekisho.scoring.layout import (
    DATA_CODE,
    DATA_EXPIRY,
    DATA_HOLDER,
    DATA_TRACK,
    DAY,
    LATEST_TIME,
)
from sekisho.scoring.lookup import key_of
from sekisho.scoring.memory import ANSWERS_KEPT, Memory, Window
from sekisho.scoring.messages import Authorization, Labels
from sekisho.scoring.messages import Entry as Way
from sekisho.scoring.policy import CompiledPolicy, Outcome
from sekisho.scoring.ports import Ledger
from sekisho.scoring.slots import WIDTH

AHEAD: Final = DAY
"""A purchase's clock may be so far ahead of ours; further, and ours is believed."""
LONGEST_TEXT: Final = 8_192
"""All texts of a request together; more is a mistake of the caller, or an attack."""
STAND_IN: Final = "stand_in"
"""The reason of an answer that was given while the engine could not decide."""
_STATUS: Final = (CardStatus.OPEN, CardStatus.STOPPED, CardStatus.BLOCKED)
_REFUSED: Final = {1: "card_stopped", 2: "card_blocked"}
_DATA: Final = {
    "expiry": DATA_EXPIRY, "security_code": DATA_CODE, "holder_name": DATA_HOLDER,
    "name": DATA_HOLDER, "track": DATA_TRACK,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judges:
    """What decides: a model (None: rules alone), a policy, and the names of their versions."""

    policy: CompiledPolicy
    forest: Forest | None = None
    model: str = ""


class Engine:
    """Decides and learns on a `Memory`. One caller at a time; ``clock`` gives seconds (UTC)."""

    def __init__(
        self, memory: Memory, judges: Judges, ledger: Ledger, clock: Callable[[], int]
    ) -> None:
        self.memory = memory
        self.judges = judges
        self.features: NDArray[np.float32] = np.zeros(WIDTH, np.float32)
        self._ledger = ledger
        self._clock = clock
        self._label = _one_label()

    # ------------------------------------------------------------ authorizations

    def decide(self, request: AuthorizationRequest) -> Decision:
        """Decide a request, or count an advice; a repeat gets the answer that it got before.

        BadInput: a negative amount, or texts too long to be meant. OSError: the ledger failed, and
        this memory is ahead of it: it must be made anew.
        """
        known = self.known(request)
        if known is not None:
            return known
        _check(request)
        position = self._ledger.next_position()
        a = self._count(request, self._time_of(request), position)
        decided = self._judge(request, a, self._ledger.decision_id(position))
        self._ledger.write(decided)
        self._settle(decided, a)
        return decided.decision

    def known(self, request: AuthorizationRequest) -> Decision | None:
        """The answer that this request got before, if it did."""
        position = self.memory.answers.get(key_of("decide", request.request_id))
        found = self._ledger.read(position) if position else None
        if isinstance(found, Decided) and found.request.request_id == request.request_id:
            return replace(found.decision, repeated=True)
        return None

    def admit(self, request: AuthorizationRequest, decision: Decision) -> None:
        """Count a request that was answered elsewhere, by the stand-in, with that answer."""
        _check(request)
        a = self._count(request, self._time_of(request), self._ledger.next_position())
        decided = Decided(request, decision, a.at)
        self._ledger.write(decided)
        self._settle(decided, a)

    def _time_of(self, request: AuthorizationRequest) -> int:
        """When it happened; a clock that is far ahead of ours would blind all windows."""
        latest = max(self.memory.latest, request.received_at, 1)
        return min(max(request.authorized_at, 1), latest + AHEAD, LATEST_TIME)

    def _count(self, request: AuthorizationRequest, at: int, position: int) -> Authorization:
        """Count it in the state and leave its features in ``features``."""
        memory = self.memory
        memory.latest = max(memory.latest, request.received_at)
        a = self._authorization(request, at, position)
        while kernel.authorize(memory.state, a, self.features) == kernel.NO_ROOM:
            memory.more_events()
        return a

    def _judge(self, request: AuthorizationRequest, a: Authorization, decision_id: str) -> Decided:
        judges = self.judges
        score = 0.0 if judges.forest is None else float(probability(judges.forest, self.features))
        outcome = judges.policy.decide(self.features, score, a.amount)
        now = self._clock()
        declined, ask, reasons, used = self._answer(request, a, outcome, now)
        decision = Decision(
            decision_id=decision_id,
            request_id=request.request_id,
            kind=DecisionKind.DECLINE if declined else DecisionKind.APPROVE,
            ask=ask,
            reasons=tuple(dict.fromkeys(reasons)),
            score=score,
            decided_at=now,
            policy=judges.policy.policy.version,
            model=judges.model,
        )
        return Decided(request, decision, a.at, used)

    def _answer(
        self, request: AuthorizationRequest, a: Authorization, outcome: Outcome, now: int
    ) -> tuple[bool, bool, tuple[str, ...], bool]:
        """Declined, ask, reasons, and whether the holder's window was used."""
        if request.kind is RequestKind.ADVICE:
            return False, outcome.ask, ("advice", *outcome.reasons), False
        refused = self._refused(request, a)
        if refused:
            return True, False, (refused,), False
        if outcome.firm:
            return True, outcome.ask, outcome.reasons, False
        window = self._window(request, a, now)
        if window is not None:
            return False, False, ("holder_confirmed",), True
        return outcome.decline, outcome.ask, outcome.reasons, False

    def _refused(self, request: AuthorizationRequest, a: Authorization) -> str:
        """Why it is declined whatever the policy says; empty where there is no such reason."""
        status = int(self.memory.status[a.card])
        if status:
            return _REFUSED[status]
        if request.request_id in self.memory.early:
            return "reversed_before"
        if request.expiry_matches is False and a.entry != Way.STORED:
            return "expiry_mismatch"
        return ""

    def _window(self, request: AuthorizationRequest, a: Authorization, now: int) -> Window | None:
        for window in self.memory.windows.get((a.card, a.merchant), ()):
            up_to, currency, until = window
            if now <= until and request.currency == currency and request.amount_minor <= up_to:
                return window
        return None

    def _settle(self, decided: Decided, a: Authorization) -> None:
        """What follows from the answer."""
        memory, request, decision = self.memory, decided.request, decided.decision
        if not approved(decided):
            kernel.decline(memory.state, a.card, a.at, a.transaction)
        if decided.window:
            window = self._window(request, a, decision.decided_at)
            self._close(a.card, a.merchant, window)
        key = key_of("decide", request.request_id)
        memory.answers.put(key, a.transaction, decision.decided_at)
        if decision.reasons[:1] == (STAND_IN,):  # made when no position was known
            memory.changes.put(key_of("id", decision.decision_id), a.transaction)

    def _position_of(self, decision_id: str) -> int:
        """Where a decision stands; 0 where that is not known."""
        at = self._ledger.position_of(decision_id)
        return self.memory.changes.get(key_of("id", decision_id)) if at is None else at

    def _close(self, card: int, merchant: int, window: Window | None) -> None:
        held = self.memory.windows[card, merchant]
        if window is not None:
            held.remove(window)
        if not held:
            del self.memory.windows[card, merchant]

    # ------------------------------------------------------------ what comes later

    def reverse(self, reversal: Reversal) -> bool:
        """Undo an authorization, wholly or in part; False if it is not known.

        One that overtook its authorization is remembered, and that one is then declined.
        """
        before = self._ledger.read(self.memory.answers.get(key_of("undo", reversal.request_id)))
        if isinstance(before, Reversed):
            return before.original is not None
        found = self._ledger.read(self.memory.answers.get(key_of("decide", reversal.original_id)))
        same = isinstance(found, Decided) and found.request.card_ref == reversal.card_ref
        entry = Reversed(reversal, found if same and isinstance(found, Decided) else None)
        self._reverse(entry, self._ledger.write(entry))
        return entry.original is not None

    def _reverse(self, entry: Reversed, position: int) -> None:
        memory, reversal = self.memory, entry.reversal
        memory.latest = max(memory.latest, reversal.received_at)
        memory.answers.put(key_of("undo", reversal.request_id), position, reversal.received_at)
        if entry.original is None:
            limit = reversal.received_at - ANSWERS_KEPT
            memory.early = {k: at for k, at in memory.early.items() if at > limit}
            memory.early[reversal.original_id] = reversal.received_at
            return
        a = self._purchase(entry.original)
        known = kernel.reverse(memory.state, a.card, a.at, a.transaction)
        if known and reversal.replacement_minor:
            smaller = min(reversal.replacement_minor, a.amount)
            scratch = np.zeros(WIDTH, np.float32)
            while kernel.authorize(memory.state, a._replace(amount=smaller), scratch) < 0:
                memory.more_events()
            if not approved(entry.original):
                kernel.decline(memory.state, a.card, a.at, a.transaction)

    def _authorization(
        self, request: AuthorizationRequest, at: int, position: int
    ) -> Authorization:
        """A request as the kernel meets it; its position is its transaction number."""
        return Authorization(
            at,
            self.memory.card(request.card_ref),
            self.memory.merchant(request.acquirer_id, request.merchant_id),
            position,
            min(request.amount_minor, MOST_MINOR),
            country_number(request.country),
            entry_number(request.entry_mode),
            eci_number(request.eci),
            code_number(request.code_result),
        )

    def _purchase(self, decided: Decided) -> Authorization:
        """An authorization as the kernel met it when it was decided."""
        position = self._position_of(decided.decision.decision_id)
        return self._authorization(decided.request, decided.at, position)

    def learn(self, label: FraudLabel) -> bool:
        """Learn a label; False if the decision is not known (any more)."""
        if self.memory.changes.get(key_of("label", label.label_id)):
            return True
        found = self._ledger.read(self._position_of(label.decision_id))
        if not isinstance(found, Decided) or found.decision.decision_id != label.decision_id:
            return False
        entry = Learnt(label, found)
        self._learn(entry, self._ledger.write(entry))
        return True

    def _learn(self, entry: Learnt, position: int) -> None:
        """Each source may say fraud once and genuine once of a purchase; more is no news."""
        memory, label = self.memory, entry.label
        memory.changes.put(key_of("label", label.label_id), position)
        asked = label.source is LabelSource.HOLDER
        said = key_of("said", label.decision_id, f"{asked:d}{label.fraud:d}")
        if memory.changes.get(said):
            return
        memory.changes.put(said, position)
        a = self._purchase(entry.original)
        known_at = min(label.known_at, memory.latest + AHEAD)
        row = (known_at, a.at, a.card, a.merchant, a.amount, label.fraud, asked)
        columns: Iterable[NDArray[Any]] = self._label
        for column, value in zip(columns, row, strict=True):
            column[0] = value
        kernel.label(memory.state, self._label, 0)

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None:
        """Stop, block or open a card."""
        self._change(change_id, StatusChanged(change_id, card_ref, status))

    def open_window(self, change_id: str, window: RetryWindow) -> None:
        """Let one shop charge a card once more."""
        self._change(change_id, WindowOpened(change_id, window))

    def _change(self, change_id: str, entry: StatusChanged | WindowOpened) -> None:
        if not self.memory.changes.get(key_of("change", change_id)):
            self._alter(entry, self._ledger.write(entry))

    def _alter(self, entry: StatusChanged | WindowOpened, position: int) -> None:
        memory = self.memory
        memory.changes.put(key_of("change", entry.change_id), position)
        if isinstance(entry, StatusChanged):
            card = memory.card(entry.card_ref)  # first: it may move the array to a larger one
            memory.status[card] = _STATUS.index(entry.status)
            return
        window = entry.window
        card = memory.card(window.card_ref)
        shop = memory.merchant(window.acquirer_id, window.merchant_id)
        held = [one for one in memory.windows.get((card, shop), []) if one[2] >= memory.latest]
        memory.windows[card, shop] = [*held, (window.up_to_minor, window.currency, window.until)]

    # ------------------------------------------------------------ watch list

    def expose(self, exposure: CardExposure) -> None:
        """Put a card on the watch list; nothing, if this alert did so before or was cleared."""
        cleared = self.memory.alerts.get(exposure.alert_id, [0, -1])[1] >= 0
        key = key_of("expose", exposure.alert_id, exposure.card_ref)
        if not cleared and not self.memory.changes.get(key):
            entry = Exposed(exposure)
            self._expose(entry, self._ledger.write(entry))

    def _expose(self, entry: Exposed, position: int) -> None:
        memory, told = self.memory, entry.exposure
        memory.changes.put(key_of("expose", told.alert_id, told.card_ref), position)
        alert = memory.alerts.setdefault(told.alert_id, [len(memory.alerts) + 1, -1])
        data = 0
        for name in told.data_taken:
            data |= _DATA.get(name, 0)
        card = memory.card(told.card_ref)
        memory.add_exposure((card, alert[0], told.exposed_at, told.known_at, told.until, data))
        kernel.expose(memory.state, card, told.exposed_at, told.known_at, told.until, data)

    def clear(self, alert_id: str) -> int:
        """Take all cards of an alert off the watch list; how many. Other alerts stand."""
        alert = self.memory.alerts.get(alert_id)
        if alert is None:
            return 0
        if alert[1] < 0:
            entry = Cleared(alert_id)
            self._ledger.write(entry)
            self._clear(entry)
        return self.memory.alerts[alert_id][1]

    def _clear(self, entry: Cleared) -> None:
        memory = self.memory
        alert = memory.alerts[entry.alert_id]
        rows = memory.exposures[: memory.exposure_count]
        mine = rows[:, 1] == alert[0]
        cards = np.unique(rows[mine, 0])
        rows[mine, 5] = -1
        for card in cards.tolist():
            kernel.clear_exposure(memory.state, card)
        for words in rows[np.isin(rows[:, 0], cards) & (rows[:, 5] >= 0)].tolist():
            kernel.expose(memory.state, words[0], *words[2:])
        alert[1] = len(cards)

    # ------------------------------------------------------------ after a crash

    def replay(self, entry: Entry, position: int) -> None:
        """Do to the memory what the entry at this position did when it was written."""
        match entry:
            case Decided():
                self._settle(entry, self._count(entry.request, entry.at, position))
            case Reversed():
                self._reverse(entry, position)
            case Learnt():
                self._learn(entry, position)
            case Exposed():
                self._expose(entry, position)
            case Cleared():
                self._clear(entry)
            case _:
                self._alter(entry, position)


def approved(decided: Decided) -> bool:
    """Whether the purchase went through, as far as is known: an advice says so itself."""
    if decided.request.kind is RequestKind.ADVICE:
        return decided.request.approved is not False
    return decided.decision.kind is DecisionKind.APPROVE


def _check(request: AuthorizationRequest) -> None:
    if request.amount_minor < 0:
        raise BadInput("the amount is below zero.", hint="Send refunds as refunds.")
    length = (
        len(request.request_id) + len(request.card_ref) + len(request.acquirer_id)
        + len(request.merchant_id) + len(request.merchant_name) + len(request.terminal_id)
        + len(request.mcc) + len(request.processing_code) + len(request.entry_mode)
        + len(request.eci) + len(request.initiator) + len(request.country) + len(request.currency)
    )  # fmt: skip
    if length > LONGEST_TEXT or not request.request_id or not request.card_ref:
        raise BadInput(
            f"the request has no id or no card, or is too long ({length} characters).",
            hint=f"At most {LONGEST_TEXT} characters in all.",
        )


def _one_label() -> Labels:
    """Columns for one label, to be filled again and again."""
    wide, row, flag = np.zeros(1, np.int64), np.zeros(1, np.int32), np.zeros(1, np.int8)
    return Labels(wide, wide.copy(), row, row.copy(), wide.copy(), flag, flag.copy())
