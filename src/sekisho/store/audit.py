"""The audit log: what an entry is, its hash, and the commitments for what may have to be erased.

Every entry's SHA-256 covers the hash of the one before, so that no entry can be changed, taken out,
moved or put in without every later hash being wrong. Personal values and what people type freely
never stand in the hashed text: it holds ``SHA-256(salt, value)`` in their place, and salt and value
lie beside it, where they can be erased. docs/reference/audit.md describes the form for others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Row

from sekisho.store.canonical import Plain, canonical, parsed
from sekisho.store.tables import instant

FORMAT: Final = "sekisho.audit/1"
GENESIS: Final = "0" * 64
SALT_BYTES: Final = 32
ERASE: Final = "audit.erase"
_VALUE_DOMAIN: Final = b"sekisho.audit.value/1\0"
_ACTOR: Final = re.compile(r"(person|system):[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")
_ACTION: Final = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
_SUBJECT_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log, as it is hashed."""

    sequence: int
    at_us: int
    actor: str
    action: str
    subject: str
    details: Mapping[str, Plain]
    commitments: Mapping[str, str]
    previous_hash: str

    def plain(self) -> dict[str, Plain]:
        """The structure whose canonical text is hashed."""
        return {
            "format": FORMAT,
            "sequence": self.sequence,
            "at": instant(self.at_us).isoformat(timespec="microseconds"),
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "details": dict(self.details),
            "commitments": dict(self.commitments),
            "previous": self.previous_hash,
        }

    def entry_hash(self) -> str:
        """SHA-256 of the canonical text, as 64 hex digits."""
        return hashlib.sha256(canonical(self.plain()).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class PersonalValue:
    """A value that is committed to and can be erased."""

    name: str
    salt: str
    value: str = field(repr=False)

    def commitment(self) -> str:
        """What stands in the hashed text."""
        return commitment_of(self.salt, self.value)


def commitment_of(salt: str, value: str) -> str:
    """SHA-256 over a fixed prefix, the 32 bytes of ``salt`` (hex) and ``value`` in UTF-8."""
    text = _VALUE_DOMAIN + bytes.fromhex(salt) + value.encode("utf-8")
    return hashlib.sha256(text).hexdigest()


def checked(actor: str, action: str, subject: str) -> None:
    """``ValueError`` unless the three have the form that the log keeps."""
    check_actor(actor)
    if not _ACTION.fullmatch(action):
        raise ValueError(f"an action is written area.verb, not {action!r}")
    if not subject or len(subject) > _SUBJECT_MAX or "\0" in subject:
        raise ValueError(f"a subject is 1 to {_SUBJECT_MAX} characters")


def check_actor(actor: str) -> None:
    """``ValueError`` unless ``actor`` is ``person:ID`` or ``system:NAME``."""
    if not _ACTOR.fullmatch(actor):
        raise ValueError("an actor is written person:ID or system:NAME")


def stored(entry: Entry) -> dict[str, object]:
    """The row of the table ``audit_entry``."""
    return {
        "sequence": entry.sequence,
        "at_us": entry.at_us,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": canonical(entry.details),
        "commitments": canonical(entry.commitments),
        "previous_hash": entry.previous_hash,
        "entry_hash": entry.entry_hash(),
    }


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """The entry in a row; ``ValueError`` where a column holds what the store never writes."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    details, commitments = parsed(found["details"]), parsed(found["commitments"])
    if not isinstance(details, dict) or not isinstance(commitments, dict):
        raise ValueError("details and commitments are objects")  # noqa: TRY004 - of the data
    if not all(isinstance(one, str) for one in commitments.values()):
        raise ValueError("commitments are text")
    return Entry(
        sequence=found["sequence"],
        at_us=found["at_us"],
        actor=found["actor"],
        action=found["action"],
        subject=found["subject"],
        details=details,
        commitments=commitments,
        previous_hash=found["previous_hash"],
    )
