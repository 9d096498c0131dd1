"""A message as the bytes that go over the wire: plain text, one part, nothing attached.

Subject and body in UTF-8, or in ISO-2022-JP (RFC 1468) where an installation still writes to very
old telephones and every character fits. Date and Message-ID are handed in, so that the same message
has the same bytes however often it is made.
"""

from __future__ import annotations

import base64
import email.charset
import quopri
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote
from functools import lru_cache
from typing import Final, Literal

from sekisho.domain.errors import BadInput

Charset = Literal["utf-8", "iso-2022-jp"]
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. Addresses are bare (``a@example.jp``); names are text.

    ``envelope_from``: where bounces go, with the message's number in it (VERP).
    ``list_unsubscribe``: only for mail that a reader may decline; a breach notice is none.
    """

    sender_name: str
    sender_address: str
    recipient: str
    subject: str
    body: str
    message_id: str
    date: datetime
    envelope_from: str
    language: str = "ja"
    reply_to: str = ""
    list_unsubscribe: str = ""
    charset: Charset = "utf-8"


def verp(bounce_address: str, number: str) -> str:
    """The envelope sender that carries the message's number back in a bounce.

    >>> verp("bounce@example.jp", "K7QM-4XPD-92RT-H")
    'bounce+k7qm4xpd92rth@example.jp'
    """
    local, _, domain = bounce_address.rpartition("@")
    return f"{local}+{number.replace('-', '').lower()}@{domain}"


def message_id(number: str, domain: str) -> str:
    """The Message-ID of the message with that number: always the same one (RFC 5322 3.6.4)."""
    return f"<{number.replace('-', '').lower()}@{domain}>"


def as_bytes(mail: Mail) -> bytes:
    """The message with CRLF line ends, 7-bit clean; raises ``BadInput`` on a broken header.

    ISO-2022-JP falls to UTF-8 where a character does not fit (髙 is not in it).
    """
    _require_one_line(mail)
    charset: Charset = "iso-2022-jp"
    if mail.charset != "iso-2022-jp" or not _fits(mail):
        charset = "utf-8"
    lines = [*_headers(mail, charset), "MIME-Version: 1.0"]
    lines.append(f'Content-Type: text/plain; charset="{charset}"')
    transfer, body = _body(mail, charset)
    lines.append(f"Content-Transfer-Encoding: {transfer}")
    lines.append(f"Content-Language: {mail.language}")  # RFC 3282
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def _headers(mail: Mail, charset: Charset) -> list[str]:
    name = _words("From", mail.sender_name, charset, quoted=True)
    # A long name keeps a line for itself: some readers put a space where a name was folded.
    space = " " if len(name) + len(mail.sender_address) < 68 else "\r\n "
    headers = [
        f"From: {name}{space}<{mail.sender_address}>",
        f"To: {mail.recipient}",
        f"Subject: {_words('Subject', mail.subject, charset)}",
        f"Date: {format_datetime(mail.date)}",
        f"Message-ID: {mail.message_id}",
        "Auto-Submitted: auto-generated",  # RFC 3834: no answer from a robot is wanted
    ]
    if mail.reply_to:
        headers.append(f"Reply-To: {mail.reply_to}")
    if mail.list_unsubscribe:
        headers.append(f"List-Unsubscribe: <{mail.list_unsubscribe}>")
    return headers


@lru_cache(maxsize=256)  # the sender is the same in every message, the subject in most
def _words(header: str, text: str, charset: Charset, *, quoted: bool = False) -> str:
    """``text`` as encoded words where it needs them (RFC 2047), folded."""
    if text.isascii() and quoted:
        return f'"{quote(text)}"'
    if text.isascii():
        return str(Header(text, "us-ascii", header_name=header).encode(linesep="\r\n"))
    coder = email.charset.Charset(charset)
    return Header(text, coder, maxlinelen=76, header_name=header).encode(linesep="\r\n")


def _body(mail: Mail, charset: Charset) -> tuple[str, bytes]:
    """The transfer encoding and the encoded body. Latin text stays readable."""
    text = mail.body.rstrip("\n") + "\n"
    content = b"\r\n".join(text.encode(charset).split(b"\n"))
    if charset == "iso-2022-jp":
        return "7bit", content
    if sum(map(ord, text)) < 200 * len(text):
        lines = (quopri.encodestring(line).rstrip(b"\n") for line in content.split(b"\r\n"))
        return "quoted-printable", b"\r\n".join(lines).replace(b"=\n", b"=\r\n")
    return "base64", base64.encodebytes(content).replace(b"\n", b"\r\n")


def _fits(mail: Mail) -> bool:
    try:
        f"{mail.subject}{mail.body}{mail.sender_name}".encode("iso-2022-jp")
    except UnicodeEncodeError:
        return False
    return max(map(len, mail.body.splitlines()), default=0) < 450


def _require_one_line(mail: Mail) -> None:
    """Nothing handed in can begin another header (RFC 5322 2.2; header injection)."""
    fields = {
        "sender name": mail.sender_name, "sender address": mail.sender_address,
        "recipient": mail.recipient, "subject": mail.subject, "Message-ID": mail.message_id,
        "envelope sender": mail.envelope_from, "Reply-To": mail.reply_to,
        "List-Unsubscribe": mail.list_unsubscribe,
    }  # fmt: skip
    for name, value in fields.items():
        if _CONTROL.search(value):
            raise BadInput(f"the {name} of an e-mail holds a line break")
    for name in ("sender address", "recipient", "envelope sender"):
        address = fields[name]
        if not address.isascii() or address.count("@") != 1 or any(c in address for c in ' <>,;"'):
            raise BadInput(f"the {name} of an e-mail is not one plain address")
