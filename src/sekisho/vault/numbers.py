"""Kept card numbers: one SQLite file, every number encrypted, for as long as its day says.

Only where the installation asks for it (``sekisho import --keep-numbers``), because updater and
reissue files need numbers back. The file's form, so that another system can read it with the
key: docs/reference/vault.md.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault import secret_files
from sekisho.vault.envelope import DataKey, Entropy, Label, Wrapped
from sekisho.vault.keys import Key, KeyRing
from sekisho.vault.pan import Pan
from sekisho.vault.surrogate import CardRefs

APPLICATION_ID: Final = 0x53454B49  # "SEKI"
VERSION: Final = 1
_WAIT_SECONDS: Final = 60.0
_CACHE_KIB: Final = 128 << 10
_SEEN_MAX: Final = 2_000_000
_TABLES: Final = """
CREATE TABLE data_key (
    data_key_id TEXT PRIMARY KEY, number_key_id TEXT NOT NULL,
    nonce BLOB NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE number (
    card_ref TEXT PRIMARY KEY, card_key_id TEXT NOT NULL,
    data_key_id TEXT NOT NULL REFERENCES data_key, kept_on TEXT NOT NULL,
    delete_on TEXT NOT NULL, nonce BLOB NOT NULL, locked BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX number_by_day ON number (delete_on);
CREATE TABLE replacement (
    card_ref TEXT NOT NULL, replaced_by TEXT NOT NULL,
    PRIMARY KEY (card_ref, replaced_by)) WITHOUT ROWID;
CREATE TABLE permit_use (
    permit_id TEXT NOT NULL, at TEXT NOT NULL, cards INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a vault file holds, in counts; ``number_keys``: id -> data keys under it."""

    numbers: int
    replacements: int
    data_keys: int
    number_keys: dict[str, int]
    card_keys: dict[str, int]
    next_deletion: str | None


class NumberVault:
    """A vault file that is open. A ``ring`` asked for below holds number keys."""

    def __init__(self, path: Path, db: sqlite3.Connection, entropy: Entropy) -> None:
        self.path = path
        self.db = db
        self._entropy = entropy
        self._opened: dict[str, DataKey] = {}

    # ------------------------------------------------------------ keeping

    @contextmanager
    def keeping(
        self, ring: KeyRing, card_key_id: str, kept_on: date, delete_on: date
    ) -> Iterator[Keeping]:
        """Give what takes numbers in; all of them are kept when the block ends, or none."""
        with self.whole():
            data_key = DataKey.new(self._entropy)
            self._store(data_key, ring.active)
            days = (kept_on.isoformat(), delete_on.isoformat())
            yield Keeping(self.db, data_key, card_key_id, days, self._entropy)
            self._drop_idle_data_keys()

    def _store(self, data_key: DataKey, key: Key) -> None:
        wrapped = data_key.wrapped(key, self._entropy)
        self.db.execute(
            "INSERT OR REPLACE INTO data_key VALUES (?, ?, ?, ?)",
            (wrapped.data_key_id, wrapped.number_key_id, wrapped.nonce, wrapped.inside),
        )

    def _drop_idle_data_keys(self) -> None:
        """Without its data key nothing that a backup still holds of deleted numbers opens."""
        self.db.execute(
            "DELETE FROM data_key WHERE data_key_id NOT IN (SELECT data_key_id FROM number)"
        )

    # ------------------------------------------------------------ opening

    def open_numbers(self, refs: Sequence[str], ring: KeyRing) -> Iterator[tuple[str, Pan]]:
        """Yield (card_ref, number) for each of ``refs`` that is kept, in the order given.

        For ``vault.reveal`` and the change of card keys alone: it writes no audit entry.
        """
        for card_ref in refs:
            row = self.db.execute("SELECT * FROM number WHERE card_ref = ?", (card_ref,)).fetchone()
            if row is not None:
                yield card_ref, self._open(row, ring)

    def _open(self, row: tuple[str, str, str, str, str, bytes, bytes], ring: KeyRing) -> Pan:
        card_ref, card_key_id, data_key_id, kept_on, delete_on, nonce, locked = row
        label = Label(card_ref, card_key_id, data_key_id, kept_on, delete_on)
        digits = self._data_key(data_key_id, ring).open(nonce, locked, label)
        return Pan(digits.decode("ascii"))

    def _data_key(self, data_key_id: str, ring: KeyRing) -> DataKey:
        if data_key_id not in self._opened:
            row = self.db.execute(
                "SELECT * FROM data_key WHERE data_key_id = ?", (data_key_id,)
            ).fetchone()
            if row is None:
                raise BadInput(
                    f"{self.path.name}: the data key {data_key_id} is missing",
                    hint="Bring the vault file back from its backup.",
                )
            wrapped = Wrapped(*row)
            key = ring.with_id(wrapped.number_key_id)
            self._opened[data_key_id] = DataKey.unwrapped(wrapped, key)
        return self._opened[data_key_id]

    def which_are_kept(self, refs: Iterable[str]) -> set[str]:
        """Return those of ``refs`` that have a kept number."""
        self.db.execute("CREATE TEMP TABLE IF NOT EXISTS asked (card_ref TEXT PRIMARY KEY)")
        self.db.execute("DELETE FROM asked")
        self.db.executemany("INSERT OR IGNORE INTO asked VALUES (?)", ((ref,) for ref in refs))
        found = self.db.execute("SELECT card_ref FROM asked JOIN number USING (card_ref)")
        return {ref for (ref,) in found}

    def replacements(self) -> list[tuple[str, str]]:
        """Return every (old reference, new reference) that files brought."""
        return self.db.execute("SELECT card_ref, replaced_by FROM replacement").fetchall()

    def summary(self) -> Summary:
        """Count what is there; no key is needed."""
        one = "SELECT count(*) FROM "
        return Summary(
            numbers=self.db.execute(one + "number").fetchone()[0],
            replacements=self.db.execute(one + "replacement").fetchone()[0],
            data_keys=self.db.execute(one + "data_key").fetchone()[0],
            number_keys=dict(
                self.db.execute(
                    "SELECT number_key_id, count(*) FROM data_key GROUP BY 1 ORDER BY 1"
                ).fetchall()
            ),
            card_keys=dict(
                self.db.execute(
                    "SELECT card_key_id, count(*) FROM number GROUP BY 1 ORDER BY 1"
                ).fetchall()
            ),
            next_deletion=self.db.execute("SELECT min(delete_on) FROM number").fetchone()[0],
        )

    # ------------------------------------------------------------ changing keys, deleting

    def rewrap(self, ring: KeyRing) -> int:
        """Put every data key under the active number key; return how many changed.

        The numbers themselves are not touched. All change or none.
        """
        with self.whole():
            stale = self.db.execute(
                "SELECT data_key_id FROM data_key WHERE number_key_id <> ?",
                (ring.active.key_id,),
            ).fetchall()
            for (data_key_id,) in stale:
                self._store(self._data_key(data_key_id, ring), ring.active)
        return len(stale)

    def rekey(self, ring: KeyRing, cards: KeyRing) -> Iterator[tuple[str, str]]:
        """Yield (old reference, new reference) of every number that is not under the active key.

        The records move to the new reference, encrypted anew because the reference is part of
        what is authenticated. Runs inside a block of ``whole()``.
        """
        refs = CardRefs(cards.active)
        data_key = DataKey.new(self._entropy)
        self._store(data_key, ring.active)
        stale = [
            ref
            for (ref,) in self.db.execute(
                "SELECT card_ref FROM number WHERE card_key_id <> ?", (cards.active.key_id,)
            )
        ]
        for old in stale:
            row = self.db.execute("SELECT * FROM number WHERE card_ref = ?", (old,)).fetchone()
            pan, days = self._open(row, ring), row[3:5]
            new = refs.of(pan)
            keeping = Keeping(self.db, data_key, cards.active.key_id, days, self._entropy)
            self.db.execute("DELETE FROM number WHERE card_ref = ?", (old,))
            keeping.numbers([new], [pan.clear().encode("ascii")])
            for column in ("card_ref", "replaced_by"):
                self.db.execute(
                    f"UPDATE OR REPLACE replacement SET {column} = ? WHERE {column} = ?",  # noqa: S608
                    (new, old),
                )
            yield old, new
        self._drop_idle_data_keys()

    def purge(self, today: date) -> int:
        """Delete every number whose day has come; return how many. PCI DSS 4.0.1 req. 3.2.1."""
        with self.whole():
            gone = self.db.execute(
                "DELETE FROM number WHERE delete_on <= ?", (today.isoformat(),)
            ).rowcount
            self._forget()
        return gone

    def delete(self, refs: Iterable[str]) -> int:
        """Delete the numbers of ``refs``; return how many there were."""
        with self.whole():
            gone = sum(
                self.db.execute("DELETE FROM number WHERE card_ref = ?", (ref,)).rowcount
                for ref in refs
            )
            self._forget()
        return gone

    def _forget(self) -> None:
        self._drop_idle_data_keys()
        self.db.execute(
            "DELETE FROM replacement WHERE card_ref NOT IN (SELECT card_ref FROM number) "
            "AND replaced_by NOT IN (SELECT card_ref FROM number)"
        )

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Everything inside the block happens, or nothing; nobody else writes meanwhile."""
        with _troubles(self.path):
            self.db.execute("BEGIN IMMEDIATE")
        try:
            with _troubles(self.path):
                yield
                self.db.execute("COMMIT")
        except BaseException:
            self._opened.clear()
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise


class Keeping:
    """Takes numbers into a vault file, inside one transaction."""

    def __init__(
        self,
        db: sqlite3.Connection,
        data_key: DataKey,
        card_key_id: str,
        days: tuple[str, str],
        entropy: Entropy,
    ) -> None:
        self.kept = 0
        self._seen: set[str] = set()
        self._db = db
        self._data_key = data_key
        self._card_key_id = card_key_id
        self._days = days
        self._entropy = entropy

    def numbers(self, refs: Sequence[str], digits: Sequence[bytes]) -> None:
        """Keep ``digits[i]`` under ``refs[i]``; a number kept already gets the later day."""
        run = self._db.execute
        run("CREATE TEMP TABLE IF NOT EXISTS coming (card_ref TEXT PRIMARY KEY, at INTEGER)")
        run("DELETE FROM coming")
        # A card stands in many chunks of a file; in the tree's order rows go in faster.
        coming = sorted((ref, at) for at, ref in enumerate(refs) if ref not in self._seen)
        self._db.executemany("INSERT OR IGNORE INTO coming VALUES (?, ?)", coming)
        if len(self._seen) > _SEEN_MAX:
            self._seen.clear()
        self._seen.update(ref for ref, _ in coming)
        kept_on, delete_on = self._days
        missing = run(
            "SELECT coming.card_ref, at FROM coming LEFT JOIN number ON "
            "number.card_ref = coming.card_ref AND delete_on >= ? WHERE number.card_ref IS NULL "
            "ORDER BY coming.card_ref",
            (delete_on,),
        ).fetchall()
        rows = []
        for ref, at in missing:
            label = Label(ref, self._card_key_id, self._data_key.data_key_id, kept_on, delete_on)
            locked = self._data_key.lock(digits[at], label, self._entropy)
            rows.append((ref, self._card_key_id, label.data_key_id, kept_on, delete_on, *locked))
        self._db.executemany("INSERT OR REPLACE INTO number VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self.kept += len(rows)

    def replacements(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Remember that the first card of each pair was replaced by the second."""
        self._db.executemany("INSERT OR IGNORE INTO replacement VALUES (?, ?)", pairs)


@contextmanager
def open_vault(path: Path, entropy: Entropy, *, create: bool = False) -> Iterator[NumberVault]:
    """Open a vault file; raises ``BadInput`` where it is none, or others can read it."""
    if create and not path.exists():
        with secret_files.alone(path):
            _create(path)
    _check_file(path)
    with _troubles(path), closing(_connect(path)) as db:
        found = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if found != APPLICATION_ID:
            raise BadInput(f"{path.name} is not a vault of card numbers")
        if version != VERSION:
            raise BadInput(
                f"{path.name} has format {version}; this version reads {VERSION}",
                hint="Use the version of Sekisho that wrote it, or a newer one.",
            )
        yield NumberVault(path, db, entropy)


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_WAIT_SECONDS)
    db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten with zeros
    db.execute("PRAGMA synchronous = EXTRA")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return db


def _create(path: Path) -> None:
    """Make an empty vault file, for its owner alone from its first moment."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(beside, isolation_level=None)) as db:
            db.executescript(
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
                f"BEGIN; {_TABLES} COMMIT;"
            )
        os.link(beside, path)
    except FileExistsError:
        return  # another process made it in the moment before
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise OutputFailed(f"the vault file {path.name} could not be made: {why}") from None
    finally:
        beside.unlink(missing_ok=True)


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise BadInput(
            f"the vault file {path.name} cannot be opened: {error.strerror}",
            hint="It is made by: sekisho import FILES... --keep-numbers VAULT",
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise BadInput(
            f"the vault file {path.name} can be read by others (mode {mode & 0o777:04o})",
            hint=f"Close it with: chmod 600 {path.name}",
        )


@contextmanager
def _troubles(path: Path) -> Iterator[None]:
    """Turn the engine's errors into ours; its words may quote what is stored."""
    try:
        yield
    except sqlite3.OperationalError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith("SQLITE_BUSY"):
            raise OutputFailed(
                f"the vault file {path.name} is in use by another command",
                hint="Wait until that has ended, then run this again. Nothing was changed.",
            ) from None
        raise OutputFailed(
            f"the vault file {path.name} could not be written ({name or 'unknown trouble'}); "
            "nothing was changed",
            hint="Is the disk full, or the file read-only?",
        ) from None
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        raise BadInput(
            f"the vault file {path.name} is damaged or not one ({name or 'unknown trouble'})",
            hint="Bring it back from its backup.",
        ) from None
