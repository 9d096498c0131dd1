"""Documents, databases, mail and archives with invented cards, written by the usual libraries.

openpyxl, XlsxWriter, xlwt, python-docx, python-pptx, odfpy, ReportLab and fpdf2 are looked for when
asked for (``ImportError`` where absent); no code of theirs is part of Sekisho.
"""

from __future__ import annotations

import bz2
import email.message
import email.policy
import gzip
import importlib
import io
import lzma
import mailbox
import pickle
import plistlib
import sqlite3
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq

from benchmarks.parts.card_texts import Record, csv_lines, japanese

_HEAD: Final = ("Order", "Cardholder", "Card no.", "Expiry", "CVV")


def _module(name: str) -> Any:
    return importlib.import_module(name)


def _rows(records: Sequence[Record]) -> list[tuple[str, ...]]:
    return [(f"A-{at}", one.name, one.pan, one.expiry, one.code) for at, one in enumerate(records)]


def _saved(save: Callable[[Any], object]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def _openpyxl(records: Sequence[Record]) -> bytes:
    openpyxl = _module("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["売上一覧 2026年11月"])
    sheet.append([])
    for row in (_HEAD, *_rows(records)):
        sheet.append(row)
    return _saved(book.save)


def _openpyxl_numbers(records: Sequence[Record]) -> bytes:
    openpyxl = _module("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(("pan", "cvc"))
    for one in records:
        # What Excel holds as a number has 15 digits at most.
        sheet.append((int(one.pan) if len(one.pan) <= 15 else one.pan, int("9" + one.code[1:])))
    return _saved(book.save)


def _xlsxwriter(records: Sequence[Record]) -> bytes:
    xlsxwriter = _module("xlsxwriter")
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("メモ")
    sheet.set_column(0, 0, 60)
    for at, one in enumerate(records):
        sheet.write(at, 0, f"TEL注文 カード {one.grouped} 期限 {one.expiry} コード CVV {one.code}")
    book.close()
    return out.getvalue()


def _xlwt(records: Sequence[Record]) -> bytes:
    xlwt = _module("xlwt")
    book = xlwt.Workbook(encoding="cp932")
    sheet = book.add_sheet("一覧")
    for at, row in enumerate((_HEAD, *_rows(records))):
        for place, value in enumerate(row):
            sheet.write(at, place, value)
    return _saved(book.save)


def _docx(records: Sequence[Record]) -> bytes:
    docx = _module("docx")
    document = docx.Document()
    document.add_heading("お申込書", 1)
    half = len(records) // 2
    table = document.add_table(rows=1, cols=len(_HEAD))
    for cell, text in zip(table.rows[0].cells, _HEAD, strict=True):
        cell.text = text
    for row in _rows(records[:half]):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    for one in records[half:]:
        paragraph = document.add_paragraph("カード番号 ")
        paragraph.add_run(one.pan[:6]).bold = True
        paragraph.add_run(one.pan[6:])
        paragraph.add_run(f" セキュリティコード {one.code}")
    return _saved(document.save)


def _pptx(records: Sequence[Record]) -> bytes:
    pptx = _module("pptx")
    pptx_util = _module("pptx.util")
    deck = pptx.Presentation()
    for begin in range(0, len(records), 8):
        part = _rows(records[begin : begin + 8])
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        size = pptx_util.Inches(1), pptx_util.Inches(1), pptx_util.Inches(8), pptx_util.Inches(5)
        table = slide.shapes.add_table(len(part) + 1, len(_HEAD), *size).table
        for at, row in enumerate((_HEAD, *part)):
            for place, text in enumerate(row):
                table.cell(at, place).text = text
    return _saved(deck.save)


def _odt(records: Sequence[Record]) -> bytes:
    opendocument = _module("odf.opendocument")
    odf_text = _module("odf.text")
    document = opendocument.OpenDocumentText()
    for one in records:
        document.text.addElement(
            odf_text.P(text=f"Card {one.grouped}, CVC {one.code}, {one.latin}")
        )
    return _saved(document.write)


def _ods(records: Sequence[Record]) -> bytes:
    opendocument = _module("odf.opendocument")
    odf_text = _module("odf.text")
    odf_table = _module("odf.table")
    document = opendocument.OpenDocumentSpreadsheet()
    table = odf_table.Table(name="Sheet1")
    for row in (_HEAD, *_rows(records)):
        line = odf_table.TableRow()
        for text in row:
            cell = odf_table.TableCell(valuetype="string")
            cell.addElement(odf_text.P(text=text))
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    return _saved(document.write)


def _reportlab(records: Sequence[Record]) -> bytes:
    pagesizes = _module("reportlab.lib.pagesizes")
    reportlab_platypus = _module("reportlab.platypus")
    rows = [
        (f"A-{at}", one.latin, one.grouped, one.expiry, one.code) for at, one in enumerate(records)
    ]
    return _saved(
        lambda out: reportlab_platypus.SimpleDocTemplate(out, pagesize=pagesizes.A4).build(
            [reportlab_platypus.Table([_HEAD, *rows], repeatRows=1)]
        )
    )


def _fpdf(records: Sequence[Record]) -> bytes:
    fpdf = _module("fpdf")
    page = fpdf.FPDF()
    page.add_page()
    page.set_font("Courier", size=10)
    for one in records:
        page.multi_cell(
            0, 6, f"Payment by {one.latin}\nCard number: {one.pan}\nCVV: {one.code}\n",
            new_x="LMARGIN", new_y="NEXT",
        )  # fmt: skip
    return bytes(page.output())


def _typst(records: Sequence[Record]) -> bytes:
    typst = _module("typst")
    text = "\n\n".join(
        f"Card number: #raw({one.grouped!r}) #h(1em) Security code: {one.code}".replace("'", '"')
        for one in records
    )
    return bytes(typst.compile(text.encode()))


def _message(records: Sequence[Record], transfer: str, subtype: str) -> email.message.EmailMessage:
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["Subject"], mail["From"], mail["To"] = "ご注文", "a@example.com", "b@example.com"
    lines = [f"カード番号={one.pan} 名義={one.name} CVV={one.code} 様" for one in records]
    joined = "<br>\n".join(lines) if subtype == "html" else "\n".join(lines)
    mail.set_content(joined, subtype=subtype, charset="utf-8", cte=transfer)
    return mail


def _mail_with_archive(records: Sequence[Record]) -> bytes:
    mail = email.message.EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "backup", "a@example.com", "b@example.com"
    mail.set_content("see attached")
    packed = _zipped({"a/b.csv": csv_lines(records).encode()})
    mail.add_attachment(packed, maintype="application", subtype="zip", filename="b.zip")
    outer = email.message.EmailMessage()
    outer["Subject"], outer["From"], outer["To"] = "Fwd: backup", "b@example.com", "c@example.com"
    outer.set_content("forwarded")
    outer.add_attachment(mail)
    return outer.as_bytes()


def _mailbox(records: Sequence[Record]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inbox"
        with closing(mailbox.mbox(path)) as box:
            for begin in range(0, len(records), 4):
                box.add(_message(records[begin : begin + 4], "quoted-printable", "plain"))
            box.flush()
        return path.read_bytes()


def _sqlite(records: Sequence[Record]) -> bytes:
    """A table without row numbers, a number as a blob, a column of JSON."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE c (ref TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
        connection.executemany(
            "INSERT INTO c VALUES (?, ?)",
            [
                (f"r{at}", f'{{"pan":"{one.pan}","cvv":"{one.code}"}}'.encode())
                for at, one in enumerate(records)
            ],
        )
        connection.commit()
        return connection.serialize()


def _iterdump(records: Sequence[Record]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE cards (id INTEGER, holder TEXT, pan TEXT, cvv TEXT)")
        connection.executemany(
            "INSERT INTO cards VALUES (?, ?, ?, ?)",
            [(at, one.name, one.pan, one.code) for at, one in enumerate(records)],
        )
        return "\n".join(connection.iterdump()).encode()


def _arrow(records: Sequence[Record]) -> pa.Table:
    return pa.table({
        "order": list(range(len(records))),
        "card": [{"number": one.pan, "cvv": one.code} for one in records],
    })  # fmt: skip


def _flat(records: Sequence[Record]) -> pa.Table:
    pans, codes = [one.pan for one in records], [one.code for one in records]
    return pa.table({"card_number": pa.array(pans).dictionary_encode(), "cvv2": codes})


def _bson(records: Sequence[Record]) -> bytes:
    """As mongodump writes: documents of named strings."""

    def text(name: str, value: str) -> bytes:
        raw = value.encode() + b"\0"
        return b"\x02" + name.encode() + b"\0" + struct.pack("<i", len(raw)) + raw

    out = b""
    for one in records:
        body = text("holder", one.latin) + text("cardNumber", one.pan) + text("cvv", one.code)
        out += struct.pack("<i", len(body) + 5) + body + b"\0"
    return out


def _pickled(records: Sequence[Record]) -> bytes:
    return pickle.dumps([{"card_number": one.pan, "cvv": one.code} for one in records])


def _zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _tar_xz(records: Sequence[Record]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:xz", format=tarfile.PAX_FORMAT) as archive:
        content = japanese(records).encode("euc_jp")
        entry = tarfile.TarInfo("バックアップ/電話.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _two_parts(records: Sequence[Record], pack: Callable[[bytes], bytes]) -> bytes:
    """Compressed in two parts, one after the other, as rotated logs are joined."""
    half = len(records) // 2
    return b"".join(pack(japanese(part).encode()) for part in (records[:half], records[half:]))


def _zstandard(records: Sequence[Record]) -> bytes:
    zstandard = _module("zstandard")
    return _two_parts(records, zstandard.ZstdCompressor().compress)


Write = Callable[[Sequence[Record]], bytes]

FILES: Final[dict[str, tuple[Write, str]]] = {
    "xlsx by openpyxl": (_openpyxl, "uriage.xlsx"),
    "xlsx by openpyxl, numbers": (_openpyxl_numbers, "numbers.xlsx"),
    "xlsx by XlsxWriter": (_xlsxwriter, "memo.xlsx"),
    "xls by xlwt": (_xlwt, "old.xls"),
    "docx by python-docx": (_docx, "form.docx"),
    "pptx by python-pptx": (_pptx, "deck.pptx"),
    "odt by odfpy": (_odt, "letter.odt"),
    "ods by odfpy": (_ods, "sheet.ods"),
    "pdf by ReportLab": (_reportlab, "table.pdf"),
    "pdf by fpdf2": (_fpdf, "receipt.pdf"),
    "pdf by typst": (_typst, "letter.pdf"),
    "mail, quoted-printable": (lambda r: _message(r, "quoted-printable", "plain").as_bytes(), "a.eml"),
    "mail, base64 html": (lambda r: _message(r, "base64", "html").as_bytes(), "b.eml"),
    "mail in mail with zip": (_mail_with_archive, "forward.eml"),
    "mbox by mailbox": (_mailbox, "inbox.mbox"),
    "sqlite, blobs": (_sqlite, "cache.sqlite"),
    "sqlite, dumped": (_iterdump, "dump.sql"),
    "parquet, nested": (lambda r: _saved(lambda out: pq.write_table(_arrow(r), out)), "n.parquet"),
    "parquet, dictionary": (lambda r: _saved(lambda out: pq.write_table(_flat(r), out)), "d.parquet"),
    "feather": (
        lambda r: _saved(lambda out: pyarrow.feather.write_feather(_flat(r), out)), "d.feather",
    ),
    "orc": (lambda r: _saved(lambda out: pyarrow.orc.write_table(_arrow(r), out)), "n.orc"),
    "bson": (_bson, "cards.bson"),
    "pickle": (_pickled, "session.pickle"),
    "plist, binary": (
        lambda r: plistlib.dumps(
            [{"cardNumber": one.pan, "note": f"cvv={one.code}"} for one in r],
            fmt=plistlib.FMT_BINARY,
        ),
        "state.plist",
    ),
    "zip, lzma": (lambda r: _zipped({"a.csv": csv_lines(r).encode()}), "a.zip"),
    "tar.xz, euc-jp": (_tar_xz, "backup.tar.xz"),
    "gzip, two parts": (lambda r: _two_parts(r, gzip.compress), "app.log.gz"),
    "bzip2, two parts": (lambda r: _two_parts(r, bz2.compress), "app.log.bz2"),
    "xz, two parts": (lambda r: _two_parts(r, lzma.compress), "app.log.xz"),
    "zstd, two parts": (_zstandard, "app.log.zst"),
}  # fmt: skip
