"""One message written out: template, values and recipient joined, and judged by the linter.

Used alike when a mailing is planned, when a message is previewed and in front of every send, so
that what was approved is what goes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sekisho.app.message_list import Recipient
from sekisho.app.message_settings import Sender
from sekisho.domain.message import Channel
from sekisho.gateways.outbound.letter.page import Letter, addressed, postal_lines
from sekisho.rulebook.lint import Outgoing, require_sendable
from sekisho.rulebook.templates import Templates, fill
from sekisho.rulebook.values import LANGUAGES, Style, show_date

_MARKS = {"ja": ("■ ", "・"), "en": ("", "- ")}
_FOOT = {
    "ja": "この書面が本物かどうかは、ホームページで通知番号によりお確かめいただけます。",
    "en": "To check that this letter is genuine, look up its number on our home page.",
}


@dataclass(frozen=True)
class Writer:
    """Everything about a mailing that is the same for all of its messages."""

    kind: str
    on: date
    senders: Mapping[str, Sender]
    common: Mapping[str, str]
    templates: Templates
    era: bool = False
    link_of: Callable[[str], str] | None = None
    """Makes a one-time link of the seed that stands in a message's row."""

    def settings(self) -> dict[str, Any]:
        """What is kept with the mailing, so that it is written alike later."""
        return {
            "kind": self.kind,
            "on": self.on.isoformat(),
            "senders": {
                language: {**asdict(sender), "address": list(sender.address)}
                for language, sender in self.senders.items()
            },
            "common": dict(self.common),
            "era": self.era,
        }


def writer_from(
    settings: Mapping[str, Any],
    templates: Templates,
    link_of: Callable[[str], str] | None = None,
) -> Writer:
    """The writer that `Writer.settings` describes."""
    senders: dict[str, Sender] = {
        language: Sender(**{**settings["senders"][language],
                            "address": tuple(settings["senders"][language]["address"])})
        for language in LANGUAGES
    }  # fmt: skip
    return Writer(
        settings["kind"],
        date.fromisoformat(settings["on"]),
        senders,
        settings["common"],
        templates,
        settings["era"],
        link_of,
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A message that may be sent. ``sha256`` is of channel, subject and body."""

    template: str
    outgoing: Outgoing
    sha256: str


def write(writer: Writer, recipient: Recipient, number: str) -> Written:
    """The message for ``recipient``; raises ``MissingValues`` or ``NotSendable``."""
    sender = writer.senders[recipient.language]
    template = writer.templates.find(writer.kind, recipient.language, writer.on)
    era = writer.era and recipient.channel is Channel.LETTER
    values = {
        **writer.common,
        **{name: value for name, value in recipient.values.items() if value},
        "sender": sender.name,
        "sender_phone": sender.phone,
        "sender_hours": sender.hours,
        "home_page": sender.home_page,
        "number": number,
        "recipient": addressed(recipient.name, recipient.honorific, recipient.language),
        "sent_on": writer.on.isoformat(),
    }
    link = values.get("answer_link", "")
    if link and writer.link_of is not None:
        values["answer_link"] = writer.link_of(link)
    filled = fill(template, recipient.channel, values, era=era)
    outgoing = Outgoing(
        channel=recipient.channel,
        language=recipient.language,
        sender=sender.name,
        home_page=sender.home_page,
        subject=filled.subject,
        body=_final(filled.body, recipient),
        number=number,
        personal=(recipient.name, *recipient.address),
        answer_link=values.get("answer_link", ""),
    )
    require_sendable(outgoing)
    return Written(template.name, outgoing, digest(outgoing))


def digest(outgoing: Outgoing) -> str:
    """SHA-256 of what a reader gets."""
    parts = (outgoing.channel.value, outgoing.subject, outgoing.body)
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


def plain(body: str, language: str) -> str:
    """A body for plain text: headings and items with the marks of the language.

    >>> plain("# 経緯", "ja"), plain("- one", "en")
    ('■ 経緯', '- one')
    """
    heading, item = _MARKS[language]
    lines = []
    for line in body.splitlines():
        if line.startswith("# "):
            lines.append(heading + line[2:])
        elif line.startswith("- "):
            lines.append(item + line[2:])
        else:
            lines.append(line)
    return "\n".join(lines)


def _final(body: str, recipient: Recipient) -> str:
    """The body as its channel shows it: what the linter judges is what is sent."""
    if recipient.channel is Channel.LETTER:
        return body  # headings and items are set by the page
    text = plain(body, recipient.language)
    if recipient.channel is not Channel.EMAIL:
        return text
    name = addressed(recipient.name, recipient.honorific, recipient.language)
    dear = name if recipient.language == "ja" else f"Dear {name},"
    return f"{dear}\n\n{text}"


def as_letter(written: Written, recipient: Recipient, writer: Writer) -> Letter:
    """The message as a sheet for a window envelope."""
    sender = writer.senders[recipient.language]
    language = recipient.language
    title = written.outgoing.subject
    for mark in (f"【{sender.name}】", f"{sender.name}: "):
        title = title.removeprefix(mark)
    telephone = "電話 " if language == "ja" else "Telephone "
    return Letter(
        language=language,
        postal=postal_lines(recipient.postcode, recipient.address, language),
        recipient=addressed(recipient.name, recipient.honorific, language),
        date=show_date(writer.on, Style(language, era=writer.era)),
        number=written.outgoing.number,
        sender=(sender.name, *sender.address, f"{telephone}{sender.phone}"),
        title=title[:1].upper() + title[1:],
        body=written.outgoing.body,
        foot=_FOOT[language],
    )


def kept(recipient: Recipient, needed: frozenset[str]) -> dict[str, Any]:
    """What of a recipient is stored until the message is out: no value that no text needs."""
    record = {**asdict(recipient), "address": list(recipient.address)}
    record["channel"] = recipient.channel.value
    record["values"] = {
        name: value for name, value in recipient.values.items() if name in needed and value
    }
    return record


def recipient_from(record: Mapping[str, Any]) -> Recipient:
    """The recipient that `kept` stored."""
    values = {**record, "address": tuple(record["address"]), "channel": Channel(record["channel"])}
    return Recipient(**values)
