"""A message to one person: its channels, its states, and which state may follow which.

::

    planned ─► approved ─► rendered ─► sending ─► sent ─► delivered ─► complained
       │           │           │          │         └──► bounced, returned, complained
       │           │           │          ├─► in_doubt ─► sent, rendered, failed
       └─► held ◄──┴───────────┤          └─► rendered (tried again later), failed
                               └─► superseded, failed

``sending`` is written before the first byte that could make somebody read the message, so whoever
finds it after a crash knows that it may have gone out: it becomes ``in_doubt``, and is never sent
again before somebody has looked. A message that cannot reach a person (`lost_states`) is followed
by another one on the next channel; the first one stays as it is, as proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from sekisho.domain.errors import BadInput


class Channel(StrEnum):
    """By which way a message goes out."""

    EMAIL = "email"
    LETTER = "letter"
    SMS = "sms"
    PUSH = "push"
    PHONE = "phone"


class MessageState(StrEnum):
    """Where one message stands."""

    PLANNED = "planned"
    HELD = "held"
    APPROVED = "approved"
    RENDERED = "rendered"
    SENDING = "sending"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    RETURNED = "returned"
    FAILED = "failed"
    SUPERSEDED = "superseded"


_S = MessageState

FOLLOWING: Final[Mapping[MessageState, frozenset[MessageState]]] = {
    _S.PLANNED: frozenset({_S.APPROVED, _S.HELD, _S.SUPERSEDED}),
    _S.HELD: frozenset({_S.PLANNED, _S.SUPERSEDED}),
    _S.APPROVED: frozenset({_S.RENDERED, _S.HELD, _S.SUPERSEDED}),
    _S.RENDERED: frozenset({_S.SENDING, _S.HELD, _S.FAILED, _S.SUPERSEDED}),
    _S.SENDING: frozenset({_S.SENT, _S.IN_DOUBT, _S.RENDERED, _S.FAILED}),
    _S.IN_DOUBT: frozenset({_S.SENT, _S.RENDERED, _S.FAILED, _S.DELIVERED, _S.BOUNCED}),
    _S.SENT: frozenset({_S.DELIVERED, _S.BOUNCED, _S.RETURNED, _S.COMPLAINED}),
    _S.DELIVERED: frozenset({_S.COMPLAINED, _S.BOUNCED, _S.RETURNED}),
    _S.BOUNCED: frozenset({_S.DELIVERED, _S.COMPLAINED}),
    _S.COMPLAINED: frozenset(),
    _S.RETURNED: frozenset(),
    _S.FAILED: frozenset(),
    _S.SUPERSEDED: frozenset(),
}
"""Which state may follow which. A late delivery report may still overtake a bounce."""

LOST_STATES: Final = frozenset({_S.BOUNCED, _S.RETURNED, _S.FAILED})
"""The person was not reached this way: the next channel is due."""

OPEN_STATES: Final = frozenset({_S.PLANNED, _S.APPROVED, _S.RENDERED, _S.SENDING, _S.IN_DOUBT})
"""Something is still to be done."""


def may_follow(before: MessageState, after: MessageState) -> bool:
    """Whether ``after`` may follow ``before``."""
    return after in FOLLOWING[before]


def follow(before: MessageState, after: MessageState) -> MessageState:
    """``after``; raises ``BadInput`` where it may not follow ``before``."""
    if not may_follow(before, after):
        raise BadInput(
            f"a message that is {before} cannot become {after}",
            hint="What may follow what: docs/reference/messages.md",
        )
    return after
