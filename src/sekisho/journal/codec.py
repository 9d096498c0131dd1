"""Entries of the journal as bytes: MessagePack lists, the first member says which kind.

A kind's list only ever grows at its end, so that older journals stay readable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    CodeResult,
    Decision,
    DecisionKind,
    FraudLabel,
    LabelSource,
    RequestKind,
    RetryWindow,
    Reversal,
)
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

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode
DECIDED, REVERSED, LEARNT, STATUS, WINDOW, EXPOSED, CLEARED = range(1, 8)


def to_bytes(entry: Entry) -> bytes:
    """An entry as bytes."""
    match entry:
        case Decided():
            told: tuple[Any, ...] = (DECIDED, *_decided(entry))
        case Reversed(reversal=one, original=original):
            told = (
                REVERSED, one.request_id, one.original_id, one.card_ref, one.received_at,
                one.replacement_minor, None if original is None else _decided(original),
            )  # fmt: skip
        case Learnt(label=label, original=original):
            told = (
                LEARNT, label.label_id, label.decision_id, label.fraud, label.source,
                label.known_at, _decided(original),
            )  # fmt: skip
        case StatusChanged():
            told = (STATUS, entry.change_id, entry.card_ref, entry.status)
        case WindowOpened(window=one):
            told = (
                WINDOW, entry.change_id, one.card_ref, one.acquirer_id, one.merchant_id,
                one.up_to_minor, one.currency, one.until,
            )  # fmt: skip
        case Exposed(exposure=one):
            told = (
                EXPOSED, one.alert_id, one.card_ref, one.exposed_at, one.known_at, one.until,
                one.data_taken,
            )  # fmt: skip
        case Cleared():
            told = (CLEARED, entry.alert_id)
    return _encode(told)


def from_bytes(payload: bytes) -> Entry:
    """The entry that gave these bytes. ValueError for anything else."""
    try:
        kind, *rest = _decode(payload)
        return _READERS[kind](rest)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError) as error:
        raise ValueError("these bytes are no entry of a journal") from error


def _decided(of: Decided) -> tuple[Any, ...]:
    r, d = of.request, of.decision
    request = (
        r.request_id, r.card_ref, r.acquirer_id, r.merchant_id, r.authorized_at, r.received_at,
        r.amount_minor, r.currency, r.kind, r.merchant_name, r.terminal_id, r.mcc,
        r.processing_code, r.entry_mode, r.eci, r.code_result, r.expiry_matches, r.initiator,
        r.country, r.approved,
    )  # fmt: skip
    decision = (
        d.decision_id, d.kind, d.ask, d.reasons, d.score, d.decided_at, d.policy, d.model,
    )  # fmt: skip
    return request, decision, of.at, of.window


def _read_decided(rest: list[Any]) -> Decided:
    r, d = rest[0], rest[1]
    r[8], r[15] = RequestKind(r[8]), CodeResult(r[15])
    decision = Decision(
        d[0], r[0], DecisionKind(d[1]), d[2], tuple(d[3]), d[4], d[5], d[6], d[7]
    )  # fmt: skip
    return Decided(AuthorizationRequest(*r), decision, rest[2], rest[3])


def _read_reversed(rest: list[Any]) -> Reversed:
    original = None if rest[5] is None else _read_decided(rest[5])
    return Reversed(Reversal(*rest[:5]), original)


def _read_learnt(rest: list[Any]) -> Learnt:
    label = FraudLabel(rest[0], rest[1], rest[2], LabelSource(rest[3]), rest[4])
    return Learnt(label, _read_decided(rest[5]))


def _read_exposed(rest: list[Any]) -> Exposed:
    alert, card, exposed_at, known_at, until, data = rest[:6]
    return Exposed(CardExposure(alert, card, exposed_at, known_at, until, tuple(data)))


_READERS: Final[dict[int, Callable[[list[Any]], Entry]]] = {
    DECIDED: _read_decided,
    REVERSED: _read_reversed,
    LEARNT: _read_learnt,
    STATUS: lambda rest: StatusChanged(rest[0], rest[1], CardStatus(rest[2])),
    WINDOW: lambda rest: WindowOpened(rest[0], RetryWindow(*rest[1:7])),
    EXPOSED: _read_exposed,
    CLEARED: lambda rest: Cleared(rest[0]),
}
