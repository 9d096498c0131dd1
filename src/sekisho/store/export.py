"""The audit log as a file of JSON lines that anyone can verify without the database.

First a line that says what it is, then a line for each entry, last the head. Personal values are
left out unless asked for; the entries verify without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from sekisho.domain.errors import BadInput
from sekisho.store.audit import FORMAT, Entry
from sekisho.store.canonical import Plain, canonical, parsed
from sekisho.store.tables import microseconds
from sekisho.store.verify import Head, Line, Verdict, Verification, head_of, lines

EXPORT_FORMAT: Final = "sekisho.audit.export/1"
_NOT_OURS: Final = "Give a file that sekisho audit export wrote."


def export_lines(
    connection: Connection, *, made_at: datetime, with_personal: bool = False
) -> Iterator[str]:
    """Every line of the file, without line ends."""
    head: Plain = {
        "format": EXPORT_FORMAT,
        "made_at": made_at.isoformat(),
        "personal": with_personal,
    }
    yield canonical(head)
    last = Head(0, "")
    for page in lines(connection):
        for line in page:
            yield canonical(_plain(line, with_personal=with_personal))
            last = Head(line.sequence, line.entry_hash)
    yield canonical({"head": str(last) if last.sequence else None})


def _plain(line: Line, *, with_personal: bool) -> dict[str, Plain]:
    if line.entry is None:
        raise BadInput(
            f"entry {line.sequence} of the audit log cannot be read: it was changed",
            hint="See what else was: sekisho audit verify",
        )
    plain: dict[str, Plain] = {"entry": line.entry.plain(), "hash": line.entry_hash}
    if with_personal:
        plain["values"] = {
            name: {"salt": salt, "value": value, "erased_by": eraser}
            for name, (salt, value, eraser) in (line.values or {}).items()
        }
    return plain


def verify_export(texts: Iterable[str], *, kept: Sequence[Head] = ()) -> Verdict:
    """Check an exported file; ``BadInput`` where it is none."""
    verification = Verification(kept)
    head: Head | None = None
    for number, text in enumerate(texts, start=1):
        plain = _object(text.rstrip("\n"), number, verification.verdict)
        if number == 1:
            if plain.get("format") != EXPORT_FORMAT:
                raise BadInput("the file is no exported audit log", hint=_NOT_OURS)
        elif head is not None:
            verification.verdict.add(verification.verdict.head.sequence, "lines follow the head")
        elif "head" in plain:
            head = _head(plain["head"])
        else:
            verification.take(_line(plain, verification.verdict.head.sequence + 1))
    if head is None:
        verification.verdict.add(verification.verdict.head.sequence, "the file is cut off here")
    return verification.end(head)


def _object(text: str, number: int, verdict: Verdict) -> dict[str, Any]:
    try:
        plain = parsed(text)
    except ValueError:
        plain = None
    if isinstance(plain, dict):
        return plain
    if number == 1:
        raise BadInput("the file is no exported audit log", hint=_NOT_OURS)
    verdict.add(verdict.head.sequence + 1, f"line {number} is not as it was written")
    return {}


def _head(text: object) -> Head | None:
    if text is None:
        return Head(0, "0" * 64)
    try:
        return head_of(str(text))
    except BadInput:
        return Head(-1, "")


def _line(plain: Mapping[str, Any], expected: int) -> Line:
    entry: Entry | None
    try:
        entry = _entry(plain["entry"])
        sequence = entry.sequence
    except (KeyError, TypeError, ValueError, AttributeError):
        entry, sequence = None, expected
    values = plain.get("values")
    return Line(sequence, entry, str(plain.get("hash")), _values(values))


def _values(
    values: object,
) -> dict[str, tuple[str | None, str | None, int | None]] | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        return {}
    return {
        name: (one.get("salt"), one.get("value"), one.get("erased_by"))
        if isinstance(one, dict)
        else (None, None, -1)
        for name, one in values.items()
    }


def _entry(plain: Mapping[str, Any]) -> Entry:
    """The entry that `Entry.plain` made ``plain`` of; raises where it made it of none."""
    entry = Entry(
        sequence=plain["sequence"],
        at_us=microseconds(datetime.fromisoformat(plain["at"])),
        actor=plain["actor"],
        action=plain["action"],
        subject=plain["subject"],
        details=plain["details"],
        commitments=plain["commitments"],
        previous_hash=plain["previous"],
    )
    if plain.get("format") != FORMAT or not isinstance(entry.sequence, int):
        raise ValueError("not an entry of this format")
    if canonical(entry.plain()) != canonical(dict(plain)):
        raise ValueError("something was added to the entry")
    return entry
