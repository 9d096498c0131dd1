"""A message as the bytes that go over the wire: plain text, one part, nothing attached.

Subject and body in UTF-8, or in ISO-2022-JP (RFC 1468) where an installation still writes to very
old telephones and every character fits. Date and Message-ID are handed in, so that the same message
has the same bytes however often it is made.
"""

from __future__ import annotations

import email.charset
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage, Message
from email.policy import SMTP, compat32
from email.utils import format_datetime, formataddr
from typing import Final, Literal

from sekisho.domain.errors import BadInput

Charset = Literal["utf-8", "iso-2022-jp"]
_COMPAT: Final = compat32.clone(linesep="\r\n", max_line_length=78)


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
    if mail.charset == "iso-2022-jp" and _fits(mail):
        return _iso_2022_jp(mail)
    message = EmailMessage(policy=SMTP)
    for name, value in _headers(mail):
        message[name] = value
    message.set_content(_body(mail), charset="utf-8", cte=_transfer(mail.body))
    message["Content-Language"] = mail.language  # RFC 3282; set_content drops an earlier one
    return message.as_bytes()


def _headers(mail: Mail) -> list[tuple[str, str]]:
    headers = [
        ("From", formataddr((mail.sender_name, mail.sender_address), "utf-8")),
        ("To", mail.recipient),
        ("Subject", mail.subject),
        ("Date", format_datetime(mail.date)),
        ("Message-ID", mail.message_id),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no answer from a robot is wanted
    ]
    if mail.reply_to:
        headers.append(("Reply-To", mail.reply_to))
    if mail.list_unsubscribe:
        headers.append(("List-Unsubscribe", f"<{mail.list_unsubscribe}>"))
    return headers


def _body(mail: Mail) -> str:
    return mail.body.rstrip("\n") + "\n"


def _transfer(body: str) -> str:
    """Quoted-printable stays readable for Latin text; Japanese is shorter in base64."""
    return "quoted-printable" if sum(map(ord, body)) < 200 * len(body) else "base64"


def _fits(mail: Mail) -> bool:
    try:
        f"{mail.subject}{mail.body}{mail.sender_name}".encode("iso-2022-jp")
    except UnicodeEncodeError:
        return False
    return max(map(len, mail.body.splitlines()), default=0) < 450


def _iso_2022_jp(mail: Mail) -> bytes:
    charset = email.charset.Charset("iso-2022-jp")
    message = Message(policy=_COMPAT)
    for name, value in _headers(mail):
        if name == "Subject":
            message[name] = Header(value, charset, header_name=name).encode(linesep="\r\n")
        elif name == "From":
            name_words = Header(mail.sender_name, charset).encode(linesep="\r\n")
            message[name] = f"{name_words} <{mail.sender_address}>"
        else:
            message[name] = value
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = 'text/plain; charset="iso-2022-jp"'
    message["Content-Transfer-Encoding"] = "7bit"
    message["Content-Language"] = mail.language
    lines = _body(mail).encode("iso-2022-jp").split(b"\n")
    return message.as_bytes() + b"\r\n".join(lines)


def _require_one_line(mail: Mail) -> None:
    """Nothing handed in can begin another header (RFC 5322 2.2; header injection)."""
    fields = {
        "sender name": mail.sender_name, "sender address": mail.sender_address,
        "recipient": mail.recipient, "subject": mail.subject, "Message-ID": mail.message_id,
        "envelope sender": mail.envelope_from, "Reply-To": mail.reply_to,
        "List-Unsubscribe": mail.list_unsubscribe,
    }  # fmt: skip
    for name, value in fields.items():
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise BadInput(f"the {name} of an e-mail holds a line break")
    for name in ("sender address", "recipient", "envelope sender"):
        address = fields[name]
        if not address.isascii() or address.count("@") != 1 or any(c in address for c in ' <>,;"'):
            raise BadInput(f"the {name} of an e-mail is not one plain address")
