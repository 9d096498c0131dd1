"""Mail: single messages and mbox files, with their attachments."""

from __future__ import annotations

import email
import io
import re
from collections.abc import Iterator
from email.message import Message
from typing import Final

from sekisho.discovery.archives import Inside
from sekisho.discovery.finding import NotRead, Report
from sekisho.discovery.opening import MOST_IN_MEMORY, Ahead, Source, TooMuch
from sekisho.discovery.text import Machine, TextScan

_FIELD: Final = re.compile(
    rb"(?:From|To|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To|"
    rb"X-[\w-]+|Content-Type|DKIM-Signature): ?\S",
    re.IGNORECASE,
)
_LINE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9\-]{1,60}:|[ \t]")
_NEXT: Final = b"\nFrom "


def is_mbox(head: bytes) -> bool:
    """Whether a file begins like a mail box."""
    first, _, rest = head.partition(b"\n")
    return bool(re.match(rb"From \S+ .*\d{4}\s*$", first)) and bool(_LINE.match(rest))


def is_message(head: bytes) -> bool:
    """Whether a file begins with the fields of a message."""
    lines = head[:4096].splitlines()[:6]
    fields = [line for line in lines if _FIELD.match(line)]
    return len(fields) >= 2 and bool(_LINE.match(lines[0]))


def mbox(source: Source, machine: Machine, inside: Inside) -> Iterator[Report]:
    """Look into each message of a mail box; named by its number, from 1."""
    for number, raw in enumerate(_messages(source.stream), start=1):
        path = f"{source.path}!message {number}"
        if raw is None:
            yield NotRead(path, f"message larger than {MOST_IN_MEMORY >> 20} MiB")
            continue
        yield from _message(raw, path, source, machine, inside)


def message(source: Source, machine: Machine, inside: Inside) -> Iterator[Report]:
    """Look into one message; one that is too large to hold is looked at as text."""
    try:
        raw = source.whole()
    except TooMuch as error:
        yield NotRead(source.path, f"attachments not unpacked: {error}")
        if source.file is not None:
            source.file.seek(0)
            yield from TextScan(machine, source.path).run(source.file.read)
        return
    yield from _message(raw, source.path, source, machine, inside)


def _messages(stream: Ahead) -> Iterator[bytes | None]:
    """Split a mail box at its ``From`` lines; None for a message too large to hold."""
    held, whole = b"\n", True
    while data := stream.read(1 << 20):
        held += data
        at = held.find(_NEXT, 1)
        while at >= 0:
            yield held[:at] if whole else None
            held, whole = held[at:], True
            at = held.find(_NEXT, 1)
        if len(held) > MOST_IN_MEMORY:
            held, whole = held[-len(_NEXT) :], False
    yield held if whole else None


def _message(
    raw: bytes, path: str, source: Source, machine: Machine, inside: Inside
) -> Iterator[Report]:
    text = raw.lstrip(b"\n")
    if text.startswith(b"From "):
        text = text.partition(b"\n")[2]
    for part in email.message_from_bytes(text).walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        name = part.get_filename()
        kind = part.get_content_maintype()
        if name or kind != "text":
            title = name or part.get_content_type()
            member = source.inside(title, io.BytesIO(content))
            yield from inside(
                Source(f"{path}!{title}", title, member.stream, None, member.depth, source.budget)
            )
            continue
        yield from TextScan(machine, path, _charset(part, content)).run(io.BytesIO(content).read)
    head = text[: max(text.find(b"\n\n"), text.find(b"\r\n\r\n"), 0)]
    yield from TextScan(machine, f"{path}!header").run(io.BytesIO(head).read)


def _charset(part: Message, content: bytes) -> str:
    """The scanner's name of a part's character set; empty lets it look for itself."""
    named = (part.get_content_charset() or "").lower()
    if "2022" in named and content.isascii():
        return "iso2022_jp"
    return ""
