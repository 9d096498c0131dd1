"""Bounces (RFC 3464) and complaints (RFC 5965), read from a mail without trusting it.

A report counts only if it can be tied to a message of ours: by the address it was sent to (VERP),
or by the Message-ID in the returned headers. What cannot be read is a value with a reason
(`Unread`), never an exception: mailboxes fill with spam, out-of-office notes and broken MIME.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from enum import StrEnum
from typing import Final, cast

MAIL_LARGEST: Final = 4 * 1024 * 1024
_PARTS_MOST: Final = 200
_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\d|\.\d)")
_VERP: Final = re.compile(r"\+([0-9a-z]{13})@([a-z0-9.-]+)", re.IGNORECASE)
_MESSAGE_ID: Final = re.compile(r"<?([0-9a-z]{13})@([A-Za-z0-9.-]+)>?", re.IGNORECASE)
_ORIGINAL: Final = re.compile(r"^message-id:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


class ReportKind(StrEnum):
    """What a report says of the message it is about."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Report:
    """One statement about one message of ours.

    ``token``: the message's number in small letters without dashes. ``status``: the enhanced code
    of RFC 3463, empty where there is none. ``permanent``: trying again is of no use (5.x.x).
    """

    token: str
    kind: ReportKind
    status: str
    permanent: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A mail that is no report, or no report about a message of ours; with the reason."""

    reason: str


def read_report(content: bytes, own_domains: Iterable[str]) -> list[Report] | Unread:
    """What the mail ``content`` reports; at least one report, or `Unread` with the reason.

    ``own_domains``: the domains of our Message-IDs and bounce addresses, in small letters.
    """
    if len(content) > MAIL_LARGEST:
        return Unread("too large for a report")
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(content)
        parts = _parts(message)
    except (MessageError, ValueError, LookupError, RecursionError):
        return Unread("not readable as mail")
    token = _token(message, parts, frozenset(own_domains))
    if token is None or len(parts) > _PARTS_MOST:
        return Unread("not about a message of ours" if token is None else "too many parts")
    return _said(token, message, parts)


def _said(token: str, message: Message, parts: list[Message]) -> list[Report] | Unread:
    """What the parts say of the message with that number."""
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return _complaint(token, part)
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            return _statuses(token, part)
    return _by_subject(token, message, parts)


def _parts(message: Message) -> list[Message]:
    parts: list[Message] = []
    for part in message.walk():
        parts.append(part)
        if len(parts) > _PARTS_MOST:
            break
    return parts


def _token(message: Message, parts: list[Message], domains: frozenset[str]) -> str | None:
    """The number of our message: from the address that the report came to, else from headers."""
    for name in ("Delivered-To", "X-Original-To", "Envelope-To", "To"):
        for value in message.get_all(name, []):
            for found in _VERP.finditer(str(value)):
                if found[2].lower() in domains:
                    return found[1].lower()
    for text in _original_headers(parts):
        for line in _ORIGINAL.finditer(text):
            named = _MESSAGE_ID.fullmatch(line[1])
            if named and named[2].lower() in domains:
                return named[1].lower()
    return None


def _original_headers(parts: list[Message]) -> Iterator[str]:
    """Texts in which the headers of the returned message may stand."""
    for part in parts[1:]:
        kind = part.get_content_type()
        if kind == "message/rfc822" or (part.get("Message-ID") and not part.is_multipart()):
            yield "".join(f"{name}: {value}\n" for name, value in part.items())
        elif kind in ("text/rfc822-headers", "message/global-headers", "text/plain"):
            yield _text(part)
        if kind == "message/rfc822" and isinstance(part.get_payload(), list):
            inner = cast("list[Message]", part.get_payload())
            for one in inner:
                yield "".join(f"{name}: {value}\n" for name, value in one.items())
    if parts and not parts[0].is_multipart():
        yield _text(parts[0])


def _text(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return ""
    return payload.decode("utf-8", errors="replace") if isinstance(payload, bytes) else ""


def _fields(part: Message) -> list[dict[str, str]]:
    """The groups of fields in a machine-readable part, however the parser cut it up."""
    payload = part.get_payload()
    if isinstance(payload, list):
        blocks = [list(cast("Message", one).items()) for one in payload]
        return [{name.lower(): str(value) for name, value in block} for block in blocks]
    text = _text(part) if isinstance(payload, str) else ""
    groups = re.split(r"\r?\n[ \t]*\r?\n", text)
    return [
        {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in group.splitlines())
            if value
        }
        for group in groups
        if group.strip()
    ]


def _statuses(token: str, part: Message) -> list[Report] | Unread:
    """RFC 3464 2.3: one group for the message, then one for each recipient."""
    reports = []
    for group in _fields(part):
        action = group.get("action", "").strip().lower()
        if not action:
            continue
        found = _STATUS.search(group.get("status", ""))
        status = found[0] if found else ""
        detail = _one_line(group.get("diagnostic-code", "") or action)
        if action == "failed":
            permanent = not status.startswith("4")
            reports.append(Report(token, ReportKind.BOUNCED, status, permanent, detail))
        elif action == "delayed":
            reports.append(Report(token, ReportKind.DELAYED, status, False, detail))
        elif action in ("delivered", "relayed", "expanded"):
            reports.append(Report(token, ReportKind.DELIVERED, status, False, detail))
    return reports or Unread("a delivery report without an action")


def _complaint(token: str, part: Message) -> list[Report] | Unread:
    """RFC 5965 3.1: Feedback-Type says whether it is a complaint at all."""
    groups = _fields(part)
    kind = next((group["feedback-type"] for group in groups if "feedback-type" in group), "")
    kind = kind.strip().lower()
    if kind == "not-spam":
        return Unread("a report that the message is not spam")
    if not kind:
        return Unread("a feedback report without its type")
    return [Report(token, ReportKind.COMPLAINED, "", True, _one_line(kind))]


_SUBJECT: Final = re.compile(
    r"undeliver|returned mail|delivery (?:status|failure|has failed)|failure notice|mail delivery|"
    r"could not be delivered|配信不能|配信できません|送信できません|不達",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"(?<![\d.])([45])\d\d[ -](?:#)?([45]\.\d{1,3}\.\d{1,3})?")


def _by_subject(token: str, message: Message, parts: list[Message]) -> list[Report] | Unread:
    """Bounces of servers that write prose: judged by subject, empty sender and SMTP code."""
    subject = _decoded(message.get("Subject", ""))
    robot = "mailer-daemon" in str(message.get("From", "")).lower()
    robot = robot or str(message.get("Return-Path", "")).strip() == "<>"
    replied = str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied")
    if replied or not (robot and _SUBJECT.search(subject)):
        return Unread("an answer or a note, not a delivery report")
    text = "\n".join(_text(part) for part in parts if part.get_content_maintype() == "text")
    found = _STATUS.search(text) or _CODE.search(text)
    permanent = found is not None and found[1] == "5"
    status = found[0] if found and _STATUS.fullmatch(found[0]) else ""
    if found is None:
        return Unread("a delivery report in prose without a code")
    return [Report(token, ReportKind.BOUNCED, status, permanent, "in prose")]


def _decoded(header: object) -> str:
    from email.header import decode_header, make_header  # noqa: PLC0415 - beside its use

    try:
        return str(make_header(decode_header(str(header))))
    except (ValueError, LookupError, MessageError):
        return str(header)


_ADDRESS: Final = re.compile(r"[^\s<>@]+@[^\s<>@]+")


def _one_line(text: str) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _ADDRESS.sub("<address>", plain)[:200]
