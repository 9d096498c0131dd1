"""Where a reveal of card numbers goes on the record: beside the vault, and in the store's log.

The file beside the vault is always written. Where this installation has a store, the entry stands
in its hash-chained log too, so that ``sekisho audit verify`` covers reveals, and a line cut off at
the end of the file is missed there. Both are written before the first number is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sekisho.app.opening import data_folder, open_store
from sekisho.vault.audit_file import AuditFile
from sekisho.vault.reveal import AuditEntry

if TYPE_CHECKING:
    from sekisho.store.canonical import Plain
    from sekisho.store.transaction import Store


@dataclass(frozen=True, slots=True)
class Record:
    """Satisfies ``sekisho.vault.reveal.AuditSink``; ``store`` is None where there is none."""

    file: AuditFile
    store: Store | None

    def record(self, entry: AuditEntry) -> None:
        """Both have the entry when this returns; what cannot be written raises."""
        self.file.record(entry)
        if self.store is not None:
            _into_log(self.store, entry)

    @property
    def places(self) -> str:
        """Where it is, for people."""
        if self.store is None:
            return str(self.file.path)
        return f"{self.file.path} and the log of {self.store.database.shown}"


@contextmanager
def record_of(path: Path, database: str | None) -> Iterator[Record]:
    """The record of reveals in the file ``path`` and in the store, if this installation has one.

    A ``database`` that is named has to be there; without one it is the store of the data folder,
    as soon as somebody has made it.
    """
    file = AuditFile(path)
    if database is None and not (data_folder() / "sekisho.db").exists():
        yield Record(file, None)
        return
    with open_store(database, must_exist=True) as store:
        yield Record(file, store)


def _into_log(store: Store, entry: AuditEntry) -> None:
    from sekisho.store.audit import check_actor  # noqa: PLC0415 - loads the database library

    actor = f"person:{entry.actor}"
    try:
        check_actor(actor)
    except ValueError:  # an account of other letters: its name stands in the entry all the same
        actor = "system:vault"
    details: dict[str, Plain] = {
        "purpose": entry.purpose,
        "permit": entry.permit_id,
        "cards": entry.cards,
        "cards_sha256": entry.cards_sha256,
    }
    names = {"account": entry.actor, "granted_by": entry.granted_by}
    with store.transaction(actor, entry.reason) as tx:
        tx.record("vault.reveal", f"vault:{entry.vault}", details, personal=names)
