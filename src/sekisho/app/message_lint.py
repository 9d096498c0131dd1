"""The linter for files: templates with invented values, or a finished text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sekisho.app.message_settings import Sender
from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel
from sekisho.rulebook.lint import Offence, Outgoing, offences
from sekisho.rulebook.templates import Template, fill, parse
from sekisho.rulebook.values import Language, ValueType

NUMBER: Final = "2345-6789-BCDF-G"
_SAMPLES: Final[Mapping[ValueType, str]] = {
    ValueType.DATE: "2026-11-23",
    ValueType.INSTANT: "2026-11-23T12:34+09:00",
    ValueType.AMOUNT: "JPY 12345",
    ValueType.COUNT: "12345",
    ValueType.NAME: "Kakuu",
    ValueType.TEXT: "Kakuu",
    ValueType.PHONE: "0120-000-000",
    ValueType.EMAIL: "desk@example.jp",
    ValueType.HOME_PAGE: "https://www.example.jp/",
    ValueType.LAST4: "1234",
}


def lint_file(
    path: Path, senders: Mapping[str, Sender], language: str, channel: Channel
) -> Iterator[tuple[str, Offence]]:
    """Every offence in the file, with where it stands."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if path.suffix == ".toml":
        for template in parse(path.name, content):
            for way in template.channels:
                outgoing = sample(template, way, senders[template.language])
                for offence in offences(outgoing):
                    yield f"{path.name} {template.name} {way}", offence
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8") from None
    tongue: Language = "ja" if language == "ja" else "en"
    for offence in offences(_finished(text, tongue, channel, senders[language])):
        yield path.name, offence


def sample(template: Template, channel: Channel, sender: Sender) -> Outgoing:
    """The template filled with invented values of the right types."""
    values = {name: _SAMPLES[kind] for name, kind in template.values.items()}
    values |= standing(sender)
    filled = fill(template, channel, values)
    return Outgoing(
        channel=channel,
        language=template.language,
        sender=sender.name,
        home_page=sender.home_page,
        subject=filled.subject,
        body=filled.body,
        number=NUMBER,
    )


def standing(sender: Sender) -> dict[str, str]:
    """The values that the sender brings, and the sample's number."""
    return {
        "sender": sender.name,
        "sender_phone": sender.phone,
        "sender_hours": sender.hours,
        "home_page": sender.home_page,
        "number": NUMBER,
    }


def _finished(text: str, language: Language, channel: Channel, sender: Sender) -> Outgoing:
    """A finished text: its first line is the subject. The number is judged in templates only."""
    subject, _, body = text.partition("\n")
    if channel is not Channel.EMAIL:
        subject, body = sender.name, text
    return Outgoing(
        channel=channel,
        language=language,
        sender=sender.name,
        home_page=sender.home_page,
        subject=subject,
        body=body,
        number="",
    )
