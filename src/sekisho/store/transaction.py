"""The unit of work: a change and its audit entry are committed together, or neither is.

::

    with store.transaction("person:aiko", "accepted after the call with the acquirer") as tx:
        tx.execute(update(finding).where(finding.c.finding_id == "F-7").values(state="accepted"))
        tx.record("finding.accept", "finding:F-7", {"p_value_exponent": -9})

A transaction that wrote something and recorded nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Executable, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from sekisho.domain.errors import BadInput, Conflict, StoreUnavailable, Unaudited
from sekisho.store.audit import (
    SALT_BYTES,
    Entry,
    PersonalValue,
    check_actor,
    checked,
    stored,
)
from sekisho.store.canonical import Plain
from sekisho.store.database import Database, Outside
from sekisho.store.tables import (
    audit_entry,
    audit_value,
    chain_head,
    counter,
    instant,
    microseconds,
)
from sekisho.vault.pan import mask_embedded

REASON: Final = "reason"
_MIGRATE: Final = "Bring it up to date: sekisho store migrate"


class Transaction:
    """What can be done inside `Store.transaction`."""

    def __init__(
        self, connection: Connection, *, actor: str, reason: str, outside: Outside
    ) -> None:
        self.actor = actor
        self.now_us = microseconds(outside.clock())
        self._connection = connection
        self._reason = reason
        self._entropy = outside.entropy
        self._sequence, self._last_hash = lock_head(connection)
        self._entries: list[dict[str, object]] = []
        self._values: list[dict[str, object]] = []
        self._wrote = False
        self._recorded = False

    @property
    def now(self) -> datetime:
        """The instant of every entry of this transaction."""
        return instant(self.now_us)

    @property
    def bookkeeping(self) -> Connection:
        """For the outbox's own notes (leases, attempts), which the log does not hold."""
        return self._connection

    def execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a statement of SQLAlchemy Core, once or for each of ``rows``."""
        self._wrote = self._wrote or not isinstance(statement, Select)
        if rows is None:
            return self._connection.execute(statement)
        return self._connection.execute(statement, rows)

    def record(
        self,
        action: str,
        subject: str,
        details: Mapping[str, Plain] | None = None,
        *,
        personal: Mapping[str, str] | None = None,
    ) -> int:
        """Write one entry; its sequence number.

        ``action``: ``area.verb``. ``subject``: ``kind:id``. ``details``: ids, counts, states; they
        can never be erased. ``personal``: whatever is about a person or typed by one; the
        log holds only a commitment to it, and it can be erased. The transaction's reason is
        kept so too. Card numbers in ``personal`` and reason are masked.
        """
        checked(self.actor, action, subject)
        values = [self._personal(REASON, self._reason)]
        values += [self._personal(name, value) for name, value in (personal or {}).items()]
        entry = Entry(
            sequence=self._sequence + 1,
            at_us=self.now_us,
            actor=self.actor,
            action=action,
            subject=subject,
            details=details or {},
            commitments={one.name: one.commitment() for one in values},
            previous_hash=self._last_hash,
        )
        self._keep(entry, values)
        return entry.sequence

    def next_numbers(self, name: str, count: int) -> range:
        """``count`` numbers of the series ``name`` that nobody else gets, from 1 on."""
        found = self._connection.execute(select(counter.c.value).where(counter.c.name == name))
        last = found.scalar()
        if last is None:
            self._connection.execute(insert(counter).values(name=name, value=count))
            return range(1, count + 1)
        rise = update(counter).where(counter.c.name == name).values(value=last + count)
        self._connection.execute(rise)
        return range(last + 1, last + count + 1)

    def random_id(self) -> str:
        """A new id that cannot be guessed: 32 hex digits."""
        return self._entropy(16).hex()

    def finish(self) -> str | None:
        """Write the entries and the new head; the head's hash, None where nothing was recorded."""
        if not self._recorded:
            if self._wrote:
                raise Unaudited("a change was made without an audit entry; it was taken back")
            return None
        self.flush()
        head = update(chain_head).where(chain_head.c.chain_id == 1)
        self._connection.execute(head.values(sequence=self._sequence, entry_hash=self._last_hash))
        return self._last_hash

    def flush(self) -> None:
        """Send the entries to the database now, for rows that point to them."""
        if self._entries:
            self._connection.execute(insert(audit_entry), self._entries)
            self._connection.execute(insert(audit_value), self._values)
            self._entries, self._values = [], []

    def _personal(self, name: str, value: str) -> PersonalValue:
        if "\0" in value:
            raise ValueError("a NUL character cannot be stored")
        salt = self._entropy(SALT_BYTES).hex()
        return PersonalValue(name=name, salt=salt, value=mask_embedded(value))

    def _keep(self, entry: Entry, values: list[PersonalValue]) -> None:
        row = stored(entry)
        self._recorded = True
        self._entries.append(row)
        self._values += [
            {"sequence": entry.sequence, "name": one.name, "salt": one.salt, "value": one.value}
            for one in values
        ]
        self._sequence, self._last_hash = entry.sequence, str(row["entry_hash"])


def lock_head(connection: Connection) -> tuple[int, str]:
    """The last entry's number and hash; other writers wait until this transaction ends."""
    row = connection.execute(
        select(chain_head.c.sequence, chain_head.c.entry_hash).with_for_update()
    ).one_or_none()
    if row is None:
        raise BadInput("the database has no audit chain yet", hint=_MIGRATE)
    return row.sequence, row.entry_hash


class Store:
    """The state store: audited transactions and reading."""

    def __init__(self, database: Database, outside: Outside) -> None:
        self.database = database
        self.outside = outside

    @contextmanager
    def transaction(self, actor: str, reason: str) -> Iterator[Transaction]:
        """One unit of work by ``actor`` (``person:ID`` or ``system:NAME``), for ``reason``.

        Committed at the end of the block; nothing of it is left where the block raises. If the
        connection breaks during the commit, the log is asked whether it happened.
        """
        check_actor(actor)
        if not reason.strip():
            raise BadInput("a change needs a reason", hint="Say in a few words why.")
        last_hash: str | None = None
        committing = False
        try:
            with self.database.write() as connection:
                tx = Transaction(connection, actor=actor, reason=reason, outside=self.outside)
                yield tx
                last_hash = tx.finish()
                committing = True
        except StoreUnavailable:
            if not (committing and last_hash and self._is_in_log(last_hash)):
                raise
        except IntegrityError:
            raise Conflict(
                "what was to be written contradicts what is there. Nothing was changed.",
                hint="Look again at the present state, then decide anew.",
            ) from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of everything, read only."""
        with self.database.read() as connection:
            yield connection

    def _is_in_log(self, entry_hash: str) -> bool:
        """Whether the commit went through: an entry's hash holds chance, so it is unique."""
        found = select(audit_entry.c.sequence).where(audit_entry.c.entry_hash == entry_hash)
        with self.database.read() as connection:
            return (
                connection.execute(found.order_by(audit_entry.c.sequence.desc())).first()
                is not None
            )
