"""Documents, databases, mail and archives with invented cards in them."""

from __future__ import annotations

import bz2
import email.message
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.parts.card_texts import (
    Record,
    csv_lines,
    form_log,
    insert_lines,
    japanese,
    json_lines,
    key_value,
)  # fmt: skip


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


_TYPES: Final = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def docx(records: Sequence[Record]) -> bytes:
    """Word: a number is cut into runs, as its spelling checker does."""
    head = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    body = "".join(
        f"<w:p><w:r><w:t>カード {one.pan[:7]}</w:t></w:r><w:r><w:t>{one.pan[7:]}</w:t></w:r>"
        f"<w:r><w:t xml:space='preserve'> CVV: {one.code}</w:t></w:r></w:p>"
        for one in records
    )
    return _zip(
        {
            "[Content_Types].xml": _TYPES,
            "word/document.xml": f"{head}{body}</w:body></w:document>".encode(),
        }
    )


def pptx(records: Sequence[Record]) -> bytes:
    """PowerPoint."""
    head = '<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
    body = "".join(
        f"<a:p><a:r><a:t>{one.grouped} / CVC {one.code}</a:t></a:r></a:p>" for one in records
    )
    return _zip(
        {"[Content_Types].xml": _TYPES, "ppt/slides/slide1.xml": f"{head}{body}</p:sld>".encode()}
    )


def xlsx(records: Sequence[Record]) -> bytes:
    """Excel: numbers as shared strings, codes as numbers."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    strings = [
        "氏名",
        "カード番号",
        "CVV",
        *(text for one in records for text in (one.name, one.pan)),
    ]
    shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>'
    for at, one in enumerate(records):
        rows += (
            f'<row r="{at + 2}"><c r="A{at + 2}" t="s"><v>{3 + 2 * at}</v></c>'
            f'<c r="B{at + 2}" t="s"><v>{4 + 2 * at}</v></c><c r="C{at + 2}" t="str"><v>{one.code}</v></c></row>'
        )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    types = _TYPES.replace(
        b"/>", b'><Default Extension="xml" ContentType="application/xml"/></Types>'
    )
    return _zip({
        "[Content_Types].xml": types,
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>'.encode(),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="名簿" sheetId="1" r:id="r1"/></sheets></workbook>'.encode(),
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{rel}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'.encode(),
        "xl/sharedStrings.xml": f'<sst xmlns="{main}" count="{len(strings)}" uniqueCount="{len(strings)}">{shared}</sst>'.encode(),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'.encode(),
    })  # fmt: skip


def ods(records: Sequence[Record]) -> bytes:
    """OpenDocument spreadsheet."""
    ns = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'

    def row(*values: str) -> str:
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
            for value in values
        )
        return f"<table:table-row>{cells}</table:table-row>"

    rows = row("holder", "pan", "cvv") + "".join(
        row(one.latin, one.grouped, one.code) for one in records
    )
    content = f'<office:document-content {ns}><office:body><office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    mimetype = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    return _zip(
        {"mimetype": mimetype, "content.xml": content.encode(), "META-INF/manifest.xml": manifest}
    )


def pdf(records: Sequence[Record]) -> bytes:
    """PDF of one page for every twenty cards, text in Helvetica."""
    pages = [records[at : at + 20] for at in range(0, len(records), 20)]
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects.append(f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode())
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for at, page in enumerate(pages):
        lines = "".join(
            f"BT /F1 10 Tf 40 {780 - 30 * row} Td (Card {one.grouped} CVV {one.code}) Tj ET\n"
            for row, one in enumerate(page)
        )
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents {5 + 2 * at} 0 R>>".encode()
        )
        objects.append(f"<</Length {len(lines)}>>stream\n{lines}endstream".encode())
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    start = len(out)
    size = len(objects) + 1
    return (
        out
        + f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()
    )


def rtf(records: Sequence[Record]) -> bytes:
    """RTF with Japanese as escapes."""
    label = "".join(f"\\'{byte:02x}" for byte in "カード番号".encode("cp932"))
    lines = "".join(
        f"{{\\b {label}}} {one.pan[:8]}\\b0 {one.pan[8:]} CVV: {one.code}\\par\n" for one in records
    )
    return ("{\\rtf1\\ansi\\ansicpg932 " + lines + "}").encode("ascii")


def _mail(records: Sequence[Record], *, attach: bool) -> email.message.EmailMessage:
    mail = email.message.EmailMessage()
    mail["From"], mail["To"] = "shop@example.com", "desk@example.com"
    mail["Subject"] = "注文の控え"
    mail["Date"] = "Mon, 23 Nov 2026 10:00:00 +0900"
    half = len(records) // 2 if attach else len(records)
    mail.set_content(
        japanese(records[:half]),
        charset="iso-2022-jp" if attach else "utf-8",
        cte="7bit" if attach else "base64",
    )
    if attach:
        mail.add_attachment(
            xlsx(records[half:]),
            maintype="application",
            subtype="octet-stream",
            filename="名簿.xlsx",
        )
    return mail


def eml(records: Sequence[Record]) -> bytes:
    """A message with a spreadsheet attached."""
    return _mail(records, attach=True).as_bytes()


def mbox(records: Sequence[Record]) -> bytes:
    """A mail box of a message for every five cards."""
    parts = [
        _mail(records[at : at + 5], attach=False).as_bytes() for at in range(0, len(records), 5)
    ]
    return b"".join(
        b"From shop@example.com Mon Nov 23 10:00:00 2026\n" + part + b"\n" for part in parts
    )


def sqlite_file(records: Sequence[Record]) -> bytes:
    """A SQLite database: a table of cards and one of notes."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE cards (id INTEGER PRIMARY KEY, holder TEXT, pan INTEGER, cvv TEXT)"
        )
        half = len(records) // 2
        connection.executemany(
            "INSERT INTO cards (holder, pan, cvv) VALUES (?, ?, ?)",
            [(one.name, int(one.pan), one.code) for one in records[:half]],
        )
        connection.execute("CREATE TABLE notes (body TEXT)")
        connection.executemany(
            "INSERT INTO notes VALUES (?)", [(japanese([one]),) for one in records[half:]]
        )
        connection.commit()
        return connection.serialize()


def parquet(records: Sequence[Record]) -> bytes:
    """A Parquet file."""
    table = pa.table({
        "order_id": list(range(10**15, 10**15 + len(records))),
        "payload": [one.pan for one in records],
        "cvv_code": [one.code for one in records],
    })  # fmt: skip
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def tar_gz(records: Sequence[Record]) -> bytes:
    """A tar of a zip of a log, compressed."""
    content = _zip({"var/log/gateway.log": key_value(records).encode()})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo("backup/logs.zip")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def zstd(records: Sequence[Record]) -> bytes:
    """A CSV, compressed with zstd."""
    return bytes(pa.Codec("zstd").compress(csv_lines(records).encode(), asbytes=True))


def track(records: Sequence[Record]) -> bytes:
    """What a skimmer leaves: both tracks of each card."""
    return "".join(
        f"%B{one.pan}^{one.latin.replace(' ', '/')}^{one.year % 100:02d}{one.month:02d}2011000{one.code}00?"
        f";{one.pan}={one.year % 100:02d}{one.month:02d}201{one.code}0000?\n"
        for one in records
    ).encode()


def dump(records: Sequence[Record], chance: np.random.Generator) -> bytes:
    """A process's memory: numbers between bytes of every kind."""
    out = b""
    for one in records:
        out += (
            chance.integers(0, 256, 700, dtype=np.uint8).tobytes()
            + b"\0\0card="
            + one.pan.encode()
            + b"\0cvv="
        )
        out += one.code.encode() + b"\0\0"
    return out


BINARIES: Final[dict[str, tuple[Callable[[Sequence[Record]], bytes], str]]] = {
    "docx": (docx, "letter.docx"),
    "xlsx": (xlsx, "meibo.xlsx"),
    "pptx": (pptx, "slides.pptx"),
    "ods": (ods, "sheet.ods"),
    "pdf": (pdf, "receipt.pdf"),
    "rtf": (rtf, "memo.rtf"),
    "eml with attachment": (eml, "order.eml"),
    "mbox": (mbox, "inbox.mbox"),
    "sqlite": (sqlite_file, "shop.db"),
    "parquet": (parquet, "lake.parquet"),
    "zip": (lambda r: _zip({"名簿/orders.csv": csv_lines(r).encode()}), "backup.zip"),
    "zip in tar.gz": (tar_gz, "logs.tar.gz"),
    "gzip": (lambda r: gzip.compress(form_log(r).encode()), "access.log.1.gz"),
    "bzip2": (lambda r: bz2.compress(insert_lines(r).encode()), "orders.sql.bz2"),
    "xz": (lambda r: lzma.compress(json_lines(r).encode()), "events.jsonl.xz"),
    "zstd": (zstd, "orders.csv.zst"),
}  # fmt: skip
