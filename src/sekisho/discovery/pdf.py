"""PDF: the text of each page, in reading order."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from sekisho.discovery.archives import broken
from sekisho.discovery.finding import NotRead, Report
from sekisho.discovery.opening import Source
from sekisho.discovery.text import Machine, TextScan


def pdf(source: Source, machine: Machine) -> Iterator[Report]:
    """Look through each page; what stands in pictures alone is not seen, and said so."""
    import pypdfium2  # noqa: PLC0415 - only where it is needed

    try:
        document = pypdfium2.PdfDocument(source.seekable())
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        yield NotRead(source.path, "encrypted" if locked else "PDF is broken")
        return
    pictures = 0
    try:
        for number in range(len(document)):
            path = f"{source.path}!page {number + 1}"
            try:
                text = _text_of(document[number])
            except pypdfium2.PdfiumError as error:
                yield NotRead(path, broken("page", error))
                continue
            pictures += not text.strip()
            data = text.encode("utf-8", "replace")
            yield from TextScan(machine, path, "utf-8").run(io.BytesIO(data).read)
    finally:
        document.close()
    if pictures:
        yield NotRead(source.path, f"pages without text, pictures are not read: {pictures}")


def _text_of(page: Any) -> str:
    try:
        reader = page.get_textpage()
        try:
            text: str = reader.get_text_bounded()
        finally:
            reader.close()
    finally:
        page.close()
    return text.replace("\r\n", "\n").replace("\ufffe", "-")
