"""Office documents: Word, Excel, PowerPoint, OpenDocument, and RTF."""

from __future__ import annotations

import io
import plistlib
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import IO, Any, Final

from sekisho.discovery.archives import broken
from sekisho.discovery.finding import NotRead, Report
from sekisho.discovery.grid import GridScan
from sekisho.discovery.opening import MOST_IN_MEMORY, Source, TooMuch, Unpacked
from sekisho.discovery.tables import header_in
from sekisho.discovery.text import Machine, TextScan

_BATCH: Final = 4096
# Ends of paragraphs, cells, rows, and breaks: everything else joins what it stands between.
_BREAKS: Final = frozenset({"p", "tr", "br", "cr", "si", "c", "row", "h", "comment", "v", "is"})
_TABS: Final = frozenset({"tc", "tab", "table-cell"})
_SHEET_PARTS: Final = ("xl/worksheets/", "xl/sharedStrings.xml", "content.xml")
_RTF_WORD: Final = re.compile(
    rb"\\u(-?\d{1,5}) ?\??|\\'([0-9a-fA-F]{2})|\\(par|line|cell|row|tab)\b ?|"
    rb"\\[a-z]{1,32}-?\d{0,10} ?|\\[^a-z]|[{}\r\n]"
)


def office(source: Source, machine: Machine) -> Iterator[Report]:
    """Look through an Office file that is a zip of XML: the sheets as tables, the rest as text."""
    file = source.seekable()
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        sheets = any(name.startswith("xl/") for name in names) or _is_calc(archive)
        if sheets and sum(one.file_size for one in archive.infolist()) <= MOST_IN_MEMORY:
            yield from workbook(source, machine, file)
        else:
            sheets = False  # too large to hold: its XML is read as text
        for entry in archive.infolist():
            source.budget.member()
            part = entry.filename
            if not part.endswith((".xml", ".rels")) or (sheets and part.startswith(_SHEET_PARTS)):
                continue
            try:
                with archive.open(entry) as packed:
                    size = entry.compress_size
                    stream = Unpacked(packed, lambda size=size: size, source.budget)  # type: ignore[misc]
                    reader = _Text(stream)  # type: ignore[arg-type]
                    yield from TextScan(machine, f"{source.path}!{part}", "utf-8").run(reader.read)
            except TooMuch:
                raise
            except Exception as error:
                yield NotRead(f"{source.path}!{part}", broken("document part", error))


def workbook(source: Source, machine: Machine, file: IO[bytes]) -> Iterator[Report]:
    """Look through the sheets of xlsx, xlsb, xls or ods, column by column."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - only where it is needed

    file.seek(0)
    data = file.read(MOST_IN_MEMORY + 1)
    if len(data) > MOST_IN_MEMORY:
        raise TooMuch(f"workbook larger than {MOST_IN_MEMORY >> 20} MiB")
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        yield from _sheet(name, rows, source.path, machine)


def _sheet(name: str, rows: list[list[Any]], path: str, machine: Machine) -> Iterator[Report]:
    if not rows:
        return
    texts = [[_as_text(value) for value in row] for row in rows]
    names, first = _header_of(texts)
    letters = {at: _letters(at) for at in range(len(texts[0]))}
    column_of = {f"{at}\0{title}": at for at, title in enumerate(names)}
    scan = GridScan(
        machine, path, list(column_of),
        lambda column, row: f"{name}!{letters[column_of[column]]}{row + first}",
    )  # fmt: skip
    for start in range(first, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        yield from scan.feed(list(zip(*batch, strict=True)))
    above = GridScan(machine, path, ["" for _ in texts[0]], lambda _, row: f"{name}!row {row}")
    yield from above.feed(list(zip(*texts[:first], strict=True)))


def _header_of(rows: list[list[str]]) -> tuple[list[str], int]:
    """The names of the columns and how many rows they take: a title may stand above them."""
    for at, row in enumerate(rows[:20]):
        filled = [cell for cell in row if cell]
        if len(filled) >= 2 and header_in("\t".join(row)) is not None:
            return row, at + 1
    return ["" for _ in rows[0]], 0


def _as_text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, date | datetime | time | timedelta | bool):
        return ""
    return str(value)


def _letters(place: int) -> str:
    """The name of a column as spreadsheets write it."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name


def _is_calc(archive: zipfile.ZipFile) -> bool:
    try:
        return b"spreadsheet" in archive.read("mimetype")[:100]
    except KeyError:
        return False


class _Text:
    """The text of an XML part as a stream: what stands in one paragraph is joined."""

    def __init__(self, stream: IO[bytes]) -> None:
        from defusedxml.ElementTree import iterparse  # noqa: PLC0415

        self._events = iterparse(stream, events=("end",), forbid_dtd=True)
        self._held = bytearray()
        self._mark = ""  # the last one counts: a paragraph's end inside a cell is none

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes of UTF-8."""
        while len(self._held) < size:
            event = next(self._events, None)
            if event is None:
                break
            _, element = event
            tag = element.tag.rpartition("}")[2]
            values = " ".join(value for value in element.attrib.values() if len(value) > 12)
            text = (element.text or "") + (f"\n{values}\n" if values else "")
            self._add(text)
            self._mark = "\n" if tag in _BREAKS else "\t" if tag in _TABS else self._mark
            self._add(element.tail or "")
            element.clear()
        part = bytes(self._held[:size])
        del self._held[:size]
        return part

    def _add(self, text: str) -> None:
        if text and not (self._mark and text.isspace()):
            self._held += (self._mark + text).encode("utf-8", "replace")
            self._mark = ""


def rtf(source: Source, machine: Machine) -> Iterator[Report]:
    """Look through an RTF file: control words out, escaped characters back in."""
    carry = b""
    encoding = "cp932"

    def read(size: int) -> bytes:
        nonlocal carry
        data = carry + source.stream.read(size)
        if len(data) > len(carry):  # leave what may be half a control word for next time
            cut = max(data.rfind(b"\\", max(len(data) - 64, 0)), 0) or len(data)
            data, carry = data[:cut], data[cut:]
        else:
            carry = b""
        plain = _RTF_WORD.sub(_rtf_word(encoding), data)
        return plain or (b"\n" if data else b"")

    yield from TextScan(machine, source.path, encoding).run(read)


def _rtf_word(encoding: str) -> Callable[[re.Match[bytes]], bytes]:
    def plain(match: re.Match[bytes]) -> bytes:
        number, byte, word = match.groups()
        if number is not None:
            return chr(int(number) % 65536).encode(encoding, "replace")
        if byte is not None:
            return bytes.fromhex(byte.decode())
        if word is not None:
            return b"\t" if word in (b"cell", b"tab") else b"\n"
        return b""

    return plain


def plist(source: Source, machine: Machine) -> Iterator[Report]:
    """Look through a binary property list: a line for each key with what it holds."""
    held = plistlib.loads(source.whole(), fmt=plistlib.FMT_BINARY)
    text = "\n".join(_plist_lines(held)).encode("utf-8", "replace")
    yield from TextScan(machine, source.path, "utf-8").run(io.BytesIO(text).read)


def _plist_lines(held: Any) -> Iterator[str]:
    """Every value once, however often the file refers to it."""
    waiting, seen = [("", held)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if not isinstance(value, dict | list):
            yield f"{name}: {value}" if name else str(value)
        elif id(value) not in seen:
            seen.add(id(value))
            inside = value.items() if isinstance(value, dict) else ((name, one) for one in value)
            waiting.extend(reversed(list(inside)))
