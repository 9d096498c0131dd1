"""The linter: what a message must never do, so that it can never be mistaken for phishing.

It reads the message as it will be sent, with its values in place, and runs once when the message
is rendered and again in front of every send. Each rule is one function of `lint_rules`, with its
id, what it rests on, and tests of wording that it must catch and must let through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel
from sekisho.rulebook.values import Language


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it will be sent.

    ``personal``: names and addresses of the recipient, which may hold any word (明日香 is a name)
    and are left out when wording is judged. ``attachments``: names of files that would go with it.
    ``answer_link``: a one-time link of an operator who chose to send them; on the home page's host.
    """

    channel: Channel
    language: Language
    sender: str
    home_page: str
    subject: str
    body: str
    number: str
    personal: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    answer_link: str = ""

    @property
    def text(self) -> str:
        """Subject and body."""
        return f"{self.subject}\n{self.body}"

    @property
    def wording(self) -> str:
        """Subject and body without what is the recipient's own, the message's number included."""
        text = self.text
        for own in sorted(filter(None, (*self.personal, self.number)), key=len, reverse=True):
            text = text.replace(own, "○")
        return text


@dataclass(frozen=True, slots=True)
class Offence:
    """One reason why a message is not sent. ``shown`` never holds a card number."""

    rule: str
    what: str
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}" + (f" ({self.shown})" if self.shown else "")


Check = Callable[[Outgoing], Iterator[Offence]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a stable id, why it is one, and the function that judges a message."""

    id: str
    source: str
    check: Check


class NotSendable(BadInput):
    """The linter refuses the message; `offences` are all its reasons."""

    code = "not_sendable"

    def __init__(self, offences: Iterable[Offence]) -> None:
        self.offences = tuple(offences)
        super().__init__(
            "the message is not sent: " + "; ".join(map(str, self.offences)),
            hint="Change the template; each rule: docs/reference/messages.md",
        )


def offences(message: Outgoing) -> list[Offence]:
    """Every reason why ``message`` may not be sent; none if it may."""
    from sekisho.rulebook.lint_rules import RULES  # noqa: PLC0415 - the rules speak these words

    return [offence for rule in RULES for offence in rule.check(message)]


def require_sendable(message: Outgoing) -> None:
    """Nothing, if ``message`` may be sent; else raises `NotSendable` with every reason."""
    found = offences(message)
    if found:
        raise NotSendable(found)


SHOWN_LONGEST: Final = 40
