"""The contacts file: how each card's holder is reached (CSV); what cannot be used is kept apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sekisho.domain.errors import BadInput, MissingColumn, NothingToDo, Rejected
from sekisho.domain.message import Channel
from sekisho.rulebook.values import LANGUAGES, BadValue, Style, ValueType, shown
from sekisho.store.holders import Holder
from sekisho.vault.pan import mask_embedded

COLUMNS: Final = (
    "card_ref", "name", "honorific", "language", "time_zone", "channels", "app_id", "phone",
    "email", "greeting", "last4",
)  # fmt: skip
_NEEDED: Final = ("card_ref", "name")
_ADDRESS_OF: Final[Mapping[Channel, str]] = {
    Channel.PUSH: "app_id",
    Channel.SMS: "phone",
    Channel.EMAIL: "email",
    Channel.PHONE: "phone",
}
_TYPE_OF: Final = {
    "phone": ValueType.PHONE,
    "email": ValueType.EMAIL,
    "last4": ValueType.LAST4,
    "name": ValueType.NAME,
    "greeting": ValueType.TEXT,
}
_GREETING_LONGEST: Final = 20
_ZONE: Final = "Asia/Tokyo"


@dataclass(frozen=True, slots=True)
class Contacts:
    """What a file holds: holders by ``card_ref``, and rows that cannot be used."""

    holders: tuple[tuple[str, Holder], ...]
    rejected: tuple[Rejected, ...]


def read_contacts(path: Path) -> Contacts:
    """The contacts in ``path`` (UTF-8 or cp932, with a header).

    Raises ``BadInput`` where the file as a whole cannot be used.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the contacts {path} cannot be read: {error.strerror}") from None
    reader = csv.DictReader(io.StringIO(_decoded(path.name, content), newline=""))
    reader.fieldnames = _columns(path.name, reader)
    holders: list[tuple[str, Holder]] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for row, cells in _rows(path.name, reader):
        made = _holder(path.name, row, cells)
        if isinstance(made, Holder) and cells["card_ref"] in seen:
            made = Rejected(path.name, row, "card_ref", "is there a second time")
        if isinstance(made, Rejected):
            rejected.append(made)
            continue
        seen.add(cells["card_ref"])
        holders.append((cells["card_ref"], made))
    if not holders and not rejected:
        raise NothingToDo(f"{path.name} has no rows")
    return Contacts(tuple(holders), tuple(rejected))


def _columns(name: str, reader: csv.DictReader[str]) -> list[str]:
    columns = [column.strip() for column in reader.fieldnames or []]
    hint = f"Columns: {','.join(COLUMNS)}"
    for needed in _NEEDED:
        if needed not in columns:
            raise MissingColumn(f"{name} has no column {needed}", hint=hint)
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise BadInput(f"{name}: the column {unknown[0][:40]!r} is not known", hint=hint)
    return columns


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
                {key: (cells.get(key) or "").strip() for key in COLUMNS},
            )
    except csv.Error as error:
        raise BadInput(f"{name}, line {reader.line_num}: {error}") from None


def _holder(file: str, row: int, cells: Mapping[str, str]) -> Holder | Rejected:
    for field, value in cells.items():
        if mask_embedded(value) != value or "\0" in value:
            return Rejected(file, row, field, "holds a card number or a NUL")
    for field in _NEEDED:
        if not cells[field]:
            return Rejected(file, row, field, "is empty")
    trouble = _trouble(cells)
    if trouble is not None:
        return Rejected(file, row, *trouble)
    language, zone = cells["language"] or "ja", cells["time_zone"] or _ZONE
    channels = _channels(cells)
    if isinstance(channels, str):
        return Rejected(file, row, "channels", channels)
    return Holder(
        language=language,
        time_zone=zone,
        name=cells["name"],
        honorific=cells["honorific"],
        greeting=cells["greeting"],
        last4=cells["last4"],
        ways=tuple((one, cells[_ADDRESS_OF[one]]) for one in channels),
    )


def _trouble(cells: Mapping[str, str]) -> tuple[str, str] | None:
    """The field that cannot be used, and why."""
    if (cells["language"] or "ja") not in LANGUAGES:
        return "language", f"is none of {', '.join(LANGUAGES)}"
    try:
        ZoneInfo(cells["time_zone"] or _ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "time_zone", "is no time zone: write it as Asia/Tokyo"
    for field, kind in _TYPE_OF.items():
        try:
            if cells[field]:
                shown(kind, cells[field], Style("ja"))
        except BadValue as error:
            return field, str(error)
    if len(cells["greeting"]) > _GREETING_LONGEST:
        return "greeting", f"is longer than {_GREETING_LONGEST} characters"
    return None


def _channels(cells: Mapping[str, str]) -> list[Channel] | str:
    """The channels in the order given, or those with an address; or what is wrong with them."""
    wanted = cells["channels"].replace(">", " ").split()
    if not wanted:
        return [one for one, column in _ADDRESS_OF.items() if cells[column]]
    for name in wanted:
        if name not in {one.value for one in _ADDRESS_OF}:
            return f"names {name[:20]!r}; known: {' '.join(_ADDRESS_OF)}"
        if not cells[_ADDRESS_OF[Channel(name)]]:
            return f"names {name}, and the column {_ADDRESS_OF[Channel(name)]} is empty"
    return list(dict.fromkeys(map(Channel, wanted)))
