"""The twin of the live engine: dicts and lists that are looked through, on the twin's features."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from scoring.naive import Event, Twin
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    DecisionKind,
    FraudLabel,
    LabelSource,
    RequestKind,
    RetryWindow,
    Reversal,
)
from sekisho.domain.ledger import Entry
from sekisho.scoring.layout import DAY
from sekisho.scoring.messages import Authorization
from sekisho.scoring.policy import Action, Policy, Rule, Threshold

CARDS, SHOPS = 6, 6
RULES = (
    ("large", "amount > 60000.0", Action.DECLINE, lambda f: f["amount"] > 60_000),
    ("wrong code", "code_result == 2", Action.DECLINE, lambda f: f["code_result"] == 2),
    ("new shop", "card_first_at_shop == 1 && amount > 20000.0", Action.ASK,
     lambda f: f["card_first_at_shop"] == 1 and f["amount"] > 20_000),
    ("exposed", "exposed_code == 1 && eci != 3", Action.ASK,
     lambda f: f["exposed_code"] == 1 and f["eci"] != 3),
    ("no holder", "card_asked_frauds >= 1", Action.DECLINE, lambda f: f["card_asked_frauds"] >= 1),
    ("busy", "card_count_1h >= 4", Action.ASK, lambda f: f["card_count_1h"] >= 4),
)  # fmt: skip
POLICY = Policy(
    "twin-1",
    tuple(Rule(name, when, action) for name, when, action, _ in RULES),
    (Threshold(10**12, 0.0, 0.5),),  # a score of 0 asks
)
ENTRY = {"": 0, "051": 1, "071": 2, "90": 3, "812": 4, "10": 5}
ECI = {"": 0, "07": 1, "6": 2, "05": 3}
CODE = {"absent": 0, "match": 1, "no_match": 2}
DATA = {"pan": 0, "expiry": 1, "security_code": 2, "track": 8}
Answer = tuple[DecisionKind, bool, tuple[str, ...]]


class ListLedger:
    """A ledger in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def next_position(self) -> int:
        return len(self.entries) + 1

    def write(self, entry: Entry) -> int:
        self.entries.append(entry)
        return len(self.entries)

    def read(self, position: int) -> Entry | None:
        return self.entries[position - 1] if 0 < position <= len(self.entries) else None

    def decision_id(self, position: int) -> str:
        return f"d{position}"

    def position_of(self, decision_id: str) -> int | None:
        digits = decision_id.removeprefix("d")
        return int(digits) if digits.isdecimal() else None


@dataclass
class Seen:
    a: Authorization
    request: AuthorizationRequest
    answer: Answer
    reversed: bool = False


@dataclass
class NaiveEngine:
    """Cards and merchants are numbered as they come."""

    twin: Twin = field(default_factory=lambda: Twin(CARDS * 2, SHOPS * 2))
    cards: list[str] = field(default_factory=list)
    shops: list[tuple[str, str]] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    status: dict[str, CardStatus] = field(default_factory=dict)
    windows: list[RetryWindow] = field(default_factory=list)
    early: set[str] = field(default_factory=set)
    undone: dict[str, bool] = field(default_factory=dict)
    said: set[tuple] = field(default_factory=set)
    exposed: dict[str, dict[str, CardExposure]] = field(default_factory=dict)
    cleared: dict[str, int] = field(default_factory=dict)
    latest: int = 0
    features: dict[str, float] = field(default_factory=dict)

    def row(self, listed: list, value: object) -> int:
        if value not in listed:
            listed.append(value)
        return listed.index(value)

    def decide(self, r: AuthorizationRequest, now: int) -> Answer:
        if r.request_id in self.seen:
            return self.seen[r.request_id].answer
        self.latest = max(self.latest, r.received_at)
        a = Authorization(
            min(r.authorized_at, self.latest + DAY), self.row(self.cards, r.card_ref),
            self.row(self.shops, (r.acquirer_id, r.merchant_id)), len(self.seen) + 1,
            min(r.amount_minor, 10**12 - 1), int(r.country or 0), ENTRY[r.entry_mode],
            ECI[r.eci], CODE[r.code_result],
        )  # fmt: skip
        self.features = self.twin.authorize(a)
        answer = self.answer(r, now)
        went_through = answer[0] is DecisionKind.APPROVE
        if r.kind is RequestKind.ADVICE:
            went_through = r.approved is not False
        if not went_through:
            self.twin.decline(a.card, a.at, a.transaction)
        self.seen[r.request_id] = Seen(a, r, answer)
        return answer

    def answer(self, r: AuthorizationRequest, now: int) -> Answer:
        fired = [(name, action) for name, _, action, holds in RULES if holds(self.features)]
        declined = [name for name, action in fired if action is Action.DECLINE]
        asked = [name for name, action in fired if action is Action.ASK]
        reasons = (*declined, *asked, "score")
        if r.kind is RequestKind.ADVICE:
            return DecisionKind.APPROVE, True, ("advice", *reasons)
        if self.status.get(r.card_ref, CardStatus.OPEN) is not CardStatus.OPEN:
            return DecisionKind.DECLINE, False, (f"card_{self.status[r.card_ref]}",)
        if r.request_id in self.early:
            return DecisionKind.DECLINE, False, ("reversed_before",)
        if declined:
            return DecisionKind.DECLINE, True, reasons
        for window in self.windows:
            same = (window.card_ref, window.acquirer_id, window.merchant_id, window.currency)
            if same == (r.card_ref, r.acquirer_id, r.merchant_id, r.currency) and (
                now <= window.until and r.amount_minor <= window.up_to_minor
            ):
                self.windows.remove(window)
                return DecisionKind.APPROVE, False, ("holder_confirmed",)
        return DecisionKind.APPROVE, True, reasons

    def reverse(self, v: Reversal) -> bool:
        if v.request_id in self.undone:
            return self.undone[v.request_id]
        self.latest = max(self.latest, v.received_at)
        seen = self.seen.get(v.original_id)
        known = seen is not None and seen.request.card_ref == v.card_ref
        self.undone[v.request_id] = known
        if not known or seen is None:
            self.early.add(v.original_id)
            return False
        event = self.twin._find(seen.a.card, seen.a.at, seen.a.transaction)
        if event is not None:
            self._undo(seen, event, v.replacement_minor)
        return True

    def _undo(self, seen: Seen, event: Event, left: int | None) -> None:
        a = seen.a
        declined = seen.answer[0] is DecisionKind.DECLINE or seen.request.approved is False
        assert self.twin.reverse(a.card, a.at, a.transaction)
        if left:
            self.twin.authorize(a._replace(amount=min(left, a.amount)))
            if declined:
                self.twin.decline(a.card, a.at, a.transaction)
        assert event is not None

    def learn(self, label: FraudLabel, request_id: str) -> bool:
        seen = self.seen[request_id]
        asked = label.source is LabelSource.HOLDER
        key = (label.decision_id, asked, label.fraud)
        if key not in self.said:
            a = seen.a
            known_at = min(label.known_at, self.latest + DAY)
            self.twin.label((known_at, a.at, a.card, a.merchant, a.amount, label.fraud, asked))
        self.said.add(key)
        return True

    def open_window(self, window: RetryWindow) -> None:
        self.row(self.cards, window.card_ref)
        self.row(self.shops, (window.acquirer_id, window.merchant_id))
        self.windows.append(window)

    def expose(self, e: CardExposure) -> None:
        if e.alert_id not in self.cleared:
            self.exposed.setdefault(e.alert_id, {}).setdefault(e.card_ref, e)
        self._watch()

    def clear(self, alert_id: str) -> int:
        if alert_id not in self.exposed:
            return 0
        self.cleared.setdefault(alert_id, len(self.exposed[alert_id]))
        self._watch()
        return self.cleared[alert_id]

    def _watch(self) -> None:
        for card in self.twin.cards:
            card.exposures = []
        for alert_id, cards in self.exposed.items():
            for e in cards.values() if alert_id not in self.cleared else ():
                bits = sum(DATA[name] for name in e.data_taken)
                row = self.row(self.cards, e.card_ref)
                self.twin.expose(row, e.exposed_at, e.known_at, e.until, bits)


def repeated(request: AuthorizationRequest) -> AuthorizationRequest:
    return replace(request, received_at=request.received_at + 3)
