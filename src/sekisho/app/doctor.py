"""Is this installation well? Each check says what it found and what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, func, select

import sekisho
from sekisho.app.wording import counted
from sekisho.domain.errors import SekishoError
from sekisho.domain.progress import Progress
from sekisho.store.migrate import known_revisions, newest, present
from sekisho.store.tables import audit_entry, instant, microseconds, person
from sekisho.store.unfinished import job_counts
from sekisho.store.verify import verify
from sekisho.vault.keys import read_key

if TYPE_CHECKING:
    from sekisho.store.database import Database

_ROOM_LOW: Final = 2 * 2**30
_ROOM_NONE: Final = 200 * 2**20
_SKEW_S: Final = 5.0
_PARTS: Final = {
    "psycopg": "PostgreSQL as the database (pip install 'sekisho[postgresql]')",
    "typst": "letters as PDF",
}
_FONT_KINDS: Final = (".ttf", ".otf", ".ttc")


class Health(StrEnum):
    """How a check came out: only ``wrong`` makes the command fail."""

    WELL = "well"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it is, and what to do (empty where nothing)."""

    name: str
    health: Health
    found: str
    todo: str = ""


def examine(
    database: Database, *, keys: Sequence[Path], data: Path, progress: Progress
) -> list[Check]:
    """Every check, in order; none of them changes or makes anything."""
    checks = [_program(), *_optional(), _fonts(), *_keys(keys), *_room(database, data)]
    checks += _of_file(database)
    checks += _of_database(database, progress)
    return checks


def _program() -> Check:
    python = ".".join(map(str, sys.version_info[:3]))
    found = f"sekisho {sekisho.__version__}, Python {python}, SQLite {sqlite3.sqlite_version}"
    return Check("program", Health.WELL, found)


def _optional() -> Iterator[Check]:
    for module, purpose in _PARTS.items():
        if importlib.util.find_spec(module):
            found = f"{module} {importlib.metadata.version(module)} is installed"
            yield Check(f"part {module}", Health.WELL, found)
        else:
            found = f"{module} is not installed"
            yield Check(f"part {module}", Health.NOTE, found, f"Needed only for {purpose}.")


def _fonts() -> Check:
    home = Path(sekisho.__file__).parent
    fonts = sorted(path.name for path in home.rglob("*") if path.suffix.lower() in _FONT_KINDS)
    if fonts:
        return Check(
            "fonts", Health.WELL, f"{len(fonts)} come with the program: {', '.join(fonts)}"
        )
    todo = "Needed only for letters: this version makes none, or its files are incomplete."
    return Check("fonts", Health.NOTE, "no font comes with the program", todo)


def _keys(keys: Sequence[Path]) -> Iterator[Check]:
    if not keys:
        todo = "Name them to have them looked at: --card-key FILE."
        yield Check("card keys", Health.NOTE, "no key file was named", todo)
    for path in keys:
        try:
            key = read_key(path)
        except SekishoError as error:
            yield Check(f"card key {path.name}", Health.WRONG, error.message, error.hint)
        else:
            found = f"readable by its owner alone, key id {key.key_id}"
            yield Check(f"card key {path.name}", Health.WELL, found)


def _room(database: Database, data: Path) -> Iterator[Check]:
    places = {"data folder": data}
    if database.path is not None:
        places["database"] = database.path.parent
    for name, place in places.items():
        there = next(one for one in (place, *place.parents) if one.exists())
        free = shutil.disk_usage(there).free
        found = f"{free / 2**30:,.1f} GiB free at {there}"
        health = Health.WELL if free >= _ROOM_LOW else Health.NOTE
        health = Health.WRONG if free < _ROOM_NONE else health
        todo = "" if health is Health.WELL else "Make room before it runs full."
        yield Check(f"room for {name}", health, found, todo)


def _of_file(database: Database) -> Iterator[Check]:
    path = database.path
    if path is None or not path.exists():
        return
    open_to = [
        f"{one.name} (mode {stat.S_IMODE(one.stat().st_mode):04o})"
        for one in (path.parent, *path.parent.glob(f"{path.name}*"))
        if one.stat().st_mode & 0o077 and (one.is_file() or one.stat().st_mode & 0o007)
    ]
    if open_to:
        todo = f"Close it: chmod 700 {path.parent}; chmod 600 {path}*"
        found = f"others can reach {', '.join(sorted(open_to))}"
        yield Check("database file", Health.WRONG, found, todo)
    else:
        yield Check("database file", Health.WELL, f"{path} is its owner's alone")


def _of_database(database: Database, progress: Progress) -> Iterator[Check]:
    if database.path is not None and not database.path.exists():
        todo = "Make it: sekisho store migrate"
        yield Check("database", Health.NOTE, f"{database.shown} is not made yet", todo)
        return
    try:
        with database.read() as connection:
            form = present(connection)
            yield _form(database, form)
            if form == newest():
                yield _clock(database, connection)
                yield _people(connection)
                yield _log(connection, progress)
                yield _jobs(connection)
    except SekishoError as error:
        yield Check("database", Health.WRONG, error.message, error.hint)


def _form(database: Database, form: str | None) -> Check:
    if form == newest():
        return Check("database", Health.WELL, f"{database.shown} answers and is up to date")
    if form is not None and form not in known_revisions():
        todo = "A newer version of Sekisho has been at work in it: use that one."
    else:
        todo = "Bring it up to date: sekisho store migrate"
    return Check(
        "database", Health.WRONG, f"{database.shown} has form {form}, needed is {newest()}", todo
    )


def _clock(database: Database, connection: Connection) -> Check:
    now = database.outside.clock()
    last = connection.execute(select(func.max(audit_entry.c.at_us))).scalar()
    if last is not None and last > microseconds(now) + _SKEW_S * 1e6:
        found = f"it is {now.isoformat(timespec='seconds')} here, and the log's last entry is of "
        found += instant(last).isoformat(timespec="seconds")
        return Check("clock", Health.WRONG, found, "Set the clock of this machine (NTP).")
    if connection.dialect.name == "postgresql":
        skew = abs(
            (connection.execute(select(func.clock_timestamp())).scalar_one() - now).total_seconds()
        )
        if skew > _SKEW_S:
            found = f"this machine and the database's differ by {skew:,.0f} seconds"
            todo = "Set both clocks (NTP): leases of jobs depend on them."
            return Check("clock", Health.WRONG, found, todo)
    return Check("clock", Health.WELL, f"it is {now.isoformat(timespec='seconds')}")


def _people(connection: Connection) -> Check:
    active = select(func.count()).select_from(person).where(person.c.state == "active")
    count = connection.execute(active).scalar_one()
    if not count:
        todo = "sekisho person add ID --name NAME --role administrator --person ID"
        return Check("people", Health.NOTE, "nobody may act yet", f"Add yourself: {todo}")
    return Check("people", Health.WELL, f"{count:,} may act")


def _log(connection: Connection, progress: Progress) -> Check:
    verdict = verify(connection, progress=progress)
    if verdict.intact:
        found = f"intact, {counted(verdict.entries, 'entry', 'entries')}, head {verdict.head}"
        return Check("audit log", Health.WELL, found)
    first = verdict.breaks[0]
    found = f"broken in {counted(verdict.broken, 'place', 'places')}, "
    found += f"first at entry {first.sequence}: {first.what}"
    return Check("audit log", Health.WRONG, found, "See all of them: sekisho audit verify")


def _jobs(connection: Connection) -> Check:
    counts = job_counts(connection)
    said = ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) or "none"
    if counts.get("dead") or counts.get("held"):
        return Check("jobs", Health.WRONG, said, "See to them: sekisho outbox list")
    if counts.get("waiting"):
        return Check("jobs", Health.NOTE, said, "Is a worker running? sekisho worker")
    return Check("jobs", Health.WELL, said)
