"""Give kept card numbers back: for a purpose, with a permit of somebody else, on the record.

The order is the point. Before the first number is opened, the permit is checked and what it
allows is used up, and the audit sink has the entry on the disk. A process that dies after that
leaves a record of a reveal that gave nothing; never a reveal without a record.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from sekisho.domain.errors import BadInput
from sekisho.vault import secret_files
from sekisho.vault.keys import KeyRing
from sekisho.vault.numbers import NumberVault
from sekisho.vault.pan import Pan, redact

REASON_LETTERS_MIN: Final = 10
_PERMIT: Final = "sekisho.reveal_permit/1"
_ASK: Final = "Ask for one: sekisho vault permit"
_PERMIT_LABEL: Final = b"sekisho reveal permit\n"


class Purpose(StrEnum):
    """What revealed numbers may be for; each makes a file of its own form."""

    UPDATER = "updater"
    REISSUE = "reissue"


@dataclass(frozen=True, slots=True)
class Permit:
    """One person allows another to have numbers revealed, until a day, up to a count.

    ``key_id`` is the number key that the permit is authenticated with.
    """

    permit_id: str
    purpose: Purpose
    actor: str
    granted_by: str
    granted_at: str
    until: date
    cards_max: int
    key_id: str


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants numbers, when, what for, and who allowed it."""

    actor: str
    at: datetime
    purpose: Purpose
    reason: str
    permit: Permit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the record: references only, and those as a count and a hash.

    ``cards_sha256``: SHA-256 of the references as they were asked for, a line feed after each.
    """

    at: str
    action: str
    actor: str
    purpose: str
    reason: str
    permit_id: str
    granted_by: str
    vault: str
    cards: int
    cards_sha256: str


class AuditSink(Protocol):
    """Where reveals are recorded."""

    def record(self, entry: AuditEntry) -> None:
        """Have the entry where nothing can take it away again, or raise: then nothing is shown."""


def reveal(
    vault: NumberVault,
    ring: KeyRing,
    refs: Sequence[str],
    request: Request,
    audit: AuditSink,
) -> Iterator[tuple[str, Pan]]:
    """Yield (card_ref, number) of those of ``refs`` that are kept, in the order given.

    Raises ``BadInput`` before anything is recorded or opened: for a permit of another person,
    purpose, time or number key, one used up, or one that its user has granted; for a reason
    that says nothing. What is recorded is recorded when the call returns, before the first
    number.
    """
    _check(request, ring)
    with vault.whole():
        _use_up(vault, request, len(refs))
    audit.record(
        AuditEntry(
            at=_instant(request.at),
            action="reveal",
            actor=request.actor,
            purpose=str(request.purpose),
            reason=request.reason,
            permit_id=request.permit.permit_id,
            granted_by=request.permit.granted_by,
            vault=vault.path.name,
            cards=len(refs),
            cards_sha256=hashlib.sha256("".join(f"{ref}\n" for ref in refs).encode()).hexdigest(),
        )
    )
    return vault.open_numbers(refs, ring)


def _check(request: Request, ring: KeyRing) -> None:
    permit = request.permit
    if len(request.reason.strip()) < REASON_LETTERS_MIN or redact(request.reason) != request.reason:
        raise BadInput(
            f"the reason has to say in {REASON_LETTERS_MIN} characters or more what the numbers "
            "are for, and holds no card number",
            hint='For instance --reason "updater file of 1 June, leak at shop 4711".',
        )
    why = ""
    if permit.actor != request.actor:
        why = f"it is for {permit.actor}, and you are {request.actor}"
    elif permit.granted_by == request.actor:
        why = "whoever uses it has granted it; two people are needed"
    elif permit.purpose is not request.purpose:
        why = f"it is for the purpose {permit.purpose}"
    elif request.at.date() > permit.until:
        why = f"it ended on {permit.until.isoformat()}"
    elif permit.key_id not in {key.key_id for key in ring.keys}:
        why = f"it was made with the number key {permit.key_id}"
    if why:
        raise BadInput(
            f"the permit {permit.permit_id} does not allow this: {why}",
            hint="Ask for another: sekisho vault permit",
        )


def _use_up(vault: NumberVault, request: Request, cards: int) -> None:
    permit = request.permit
    used = vault.db.execute(
        "SELECT coalesce(sum(cards), 0) FROM permit_use WHERE permit_id = ?", (permit.permit_id,)
    ).fetchone()[0]
    if used + cards > permit.cards_max:
        raise BadInput(
            f"the permit {permit.permit_id} allows {permit.cards_max:,} cards; {used:,} are used "
            f"up, and {cards:,} more are asked for",
            hint="Ask for another: sekisho vault permit",
        )
    vault.db.execute(
        "INSERT INTO permit_use VALUES (?, ?, ?)", (permit.permit_id, _instant(request.at), cards)
    )


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


# ---------------------------------------------------------------- permits as files


def write_permit(path: Path, permit: Permit, ring: KeyRing) -> None:
    """Write a permit that nobody without the number key can make or change."""
    secret_files.write_new(path, _permit_text(permit, ring), "the permit")


def read_permit(path: Path, ring: KeyRing) -> Permit:
    """Return the permit in ``path``; raises ``BadInput`` if anything in it was changed."""
    text = secret_files.read_secret(path, "the permit", _ASK).decode("utf-8", errors="replace")
    try:
        said = json.loads(text)
        del said["schema"], said["check"]
        said["until"] = date.fromisoformat(said["until"])
        said["purpose"] = Purpose(said["purpose"])
        permit = Permit(**said)
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path.name} is not a permit", hint=_ASK) from None
    # Written anew it must come out the same, its check included.
    if not hmac.compare_digest(text.encode(), _permit_text(permit, ring).encode()):
        raise BadInput(f"the permit {path.name} was changed", hint=_ASK)
    return permit


def _permit_text(permit: Permit, ring: KeyRing) -> str:
    content = {"schema": _PERMIT, **asdict(permit), "until": permit.until.isoformat()}
    message = _PERMIT_LABEL + json.dumps(content, sort_keys=True).encode("ascii")
    secret = ring.with_id(permit.key_id).secret
    content["check"] = hmac.digest(secret, message, hashlib.sha256).hex()
    return json.dumps(content, indent=2) + "\n"


def check_name(name: str) -> str:
    """Return the name of a person on the record if it can be one; raises ``BadInput``."""
    if not re.fullmatch(r"[\w.@+-]{1,100}", name) or redact(name) != name:
        raise BadInput(f"{redact(name)!r} is not the name of an account")
    return name
