"""The list of recipients: a CSV file, read row by row; what cannot be written to is kept apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput, MissingColumn, NothingToDo, Rejected
from sekisho.domain.message import Channel
from sekisho.rulebook.values import LANGUAGES, Language
from sekisho.vault.pan import mask_embedded

ADDRESS: Final = ("address1", "address2", "address3", "address4")
OWN: Final = frozenset({
    "reference", "name", "honorific", "language", "channel", "postcode", "email", "phone",
    "app_id", *ADDRESS,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipient:
    """One row: to whom, by which way, and the values that are the person's own."""

    row: int
    reference: str
    name: str
    honorific: str
    language: Language
    channel: Channel
    postcode: str
    address: tuple[str, ...]
    email: str
    phone: str
    app_id: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecipientList:
    """What a file holds. ``rejected``: rows that nobody can be written to from."""

    recipients: tuple[Recipient, ...]
    rejected: tuple[Rejected, ...]


def read_list(path: Path) -> RecipientList:
    """The recipients in ``path`` (UTF-8 or cp932, with a header).

    Raises ``BadInput`` where the file as a whole cannot be used: no header, no reference column.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the list {path} cannot be read: {error.strerror}") from None
    reader = csv.DictReader(io.StringIO(_decoded(path.name, content), newline=""))
    columns = [name.strip() for name in reader.fieldnames or []]
    for needed in ("reference", "name"):
        if needed not in columns:
            raise MissingColumn(
                f"{path.name} has no column {needed}",
                hint="Columns: reference,name,honorific,language,channel,postcode,address1...",
            )
    reader.fieldnames = columns
    recipients: list[Recipient] = []
    rejected: list[Rejected] = []
    seen: set[tuple[str, str]] = set()
    for row, cells in _rows(path.name, reader):
        made = _recipient(path.name, row, cells)
        if isinstance(made, Recipient) and (made.reference, made.channel.value) in seen:
            made = Rejected(path.name, row, "reference", "is there a second time")
        if isinstance(made, Rejected):
            rejected.append(made)
            continue
        seen.add((made.reference, made.channel.value))
        recipients.append(made)
    if not recipients and not rejected:
        raise NothingToDo(f"{path.name} has no rows")
    return RecipientList(tuple(recipients), tuple(rejected))


def _decoded(name: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput(f"{name} is neither UTF-8 nor cp932", hint="Save it as UTF-8.")


def _rows(name: str, reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for cells in reader:
            yield (
                reader.line_num,
                {key: (value or "").strip() for key, value in cells.items() if isinstance(key, str)
                 and (value is None or isinstance(value, str))},
            )  # fmt: skip
    except csv.Error as error:
        raise BadInput(f"{name}, line {reader.line_num}: {error}") from None


def _recipient(file: str, row: int, cells: dict[str, str]) -> Recipient | Rejected:
    for field, value in cells.items():
        if mask_embedded(value) != value:
            return Rejected(file, row, field, "holds a card number")
    for field in ("reference", "name"):
        if not cells[field]:
            return Rejected(file, row, field, "is empty")
    language = cells.get("language") or "ja"
    if language not in LANGUAGES:
        return Rejected(file, row, "language", f"is none of {', '.join(LANGUAGES)}")
    address = tuple(filter(None, (cells.get(name, "") for name in ADDRESS)))
    channel = cells.get("channel") or _first_way(cells, address)
    if channel not in set(Channel):
        return Rejected(file, row, "channel", f"is none of {', '.join(Channel)}")
    lacking = _lacking(Channel(channel), cells, address)
    if lacking:
        return Rejected(file, row, lacking, f"is empty, and {channel} needs it")
    return Recipient(
        row=row,
        reference=cells["reference"],
        name=cells["name"],
        honorific=cells.get("honorific", ""),
        language="ja" if language == "ja" else "en",
        channel=Channel(channel),
        postcode=cells.get("postcode", ""),
        address=address,
        email=cells.get("email", ""),
        phone=cells.get("phone", ""),
        app_id=cells.get("app_id", ""),
        values={name: value for name, value in cells.items() if name not in OWN},
    )


def _first_way(cells: Mapping[str, str], address: tuple[str, ...]) -> str:
    """E-mail where there is an address for it, else a letter."""
    return "email" if cells.get("email") else "letter" if address else "email"


def _lacking(channel: Channel, cells: Mapping[str, str], address: tuple[str, ...]) -> str:
    """The column that the channel needs and the row does not have."""
    if channel is Channel.LETTER:
        return "" if address else "address1"
    column = {Channel.EMAIL: "email", Channel.PUSH: "app_id"}.get(channel, "phone")
    return "" if cells.get(column) else column
