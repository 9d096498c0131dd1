"""Plan a mailing, approve it, read what came back, verify a number: what the commands do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sekisho.app.message_list import Recipient
from sekisho.app.message_writing import Writer, as_letter, kept, write
from sekisho.domain.message import Channel, MessageState, may_follow
from sekisho.domain.progress import Progress
from sekisho.gateways.inbound.mailbox.reports import Report, ReportKind, Unread, read_report
from sekisho.gateways.inbound.webhook.events import DeliveryEvent
from sekisho.gateways.outbound.letter import fonts
from sekisho.gateways.outbound.letter.typeset import kept_back
from sekisho.rulebook.lint import NotSendable
from sekisho.rulebook.templates import MissingValues
from sekisho.store.messages import (
    Change,
    Draft,
    Message,
    begin,
    by_number,
    change,
    mailing_of,
    of_channel,
    plan,
)
from sekisho.store.proposals import Proposal
from sekisho.store.tables import instant
from sekisho.store.transaction import Store, Transaction
from sekisho.vault.message_number import message_number, read_number

PER_JOB: Final = 500
_AFTER: Final = {
    ReportKind.DELIVERED: MessageState.DELIVERED,
    ReportKind.BOUNCED: MessageState.BOUNCED,
    ReportKind.COMPLAINED: MessageState.COMPLAINED,
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A mailing that waits for its second person."""

    mailing_id: str
    proposal: Proposal
    messages: Counter[Channel]
    held: Counter[str]


def drafts(
    writer: Writer, recipients: Sequence[Recipient], numbers: Sequence[str], progress: Progress
) -> list[Draft]:
    """Every message written out once and judged; those that may not go are kept back."""
    faces = fonts.shipped() if any(r.channel is Channel.LETTER for r in recipients) else None
    made = []
    progress.step("write", total=len(recipients))
    for recipient, number in zip(recipients, numbers, strict=True):
        made.append(_draft(writer, recipient, number, faces))
        progress.advance(1)
    return made


def _draft(writer: Writer, recipient: Recipient, number: str, faces: fonts.Fonts | None) -> Draft:
    template = writer.templates.find(writer.kind, recipient.language, writer.on)
    record = kept(recipient, template.needed(recipient.channel))
    sha256, trouble = "", ""
    try:
        written = write(writer, recipient, number)
    except MissingValues as error:
        trouble = "; ".join(f"{name} {reason}" for name, reason in error.fields.items())
    except NotSendable as error:
        trouble = "; ".join(sorted({offence.rule for offence in error.offences}))
    else:
        sha256 = written.sha256
        if faces is not None and recipient.channel is Channel.LETTER:
            trouble = kept_back(as_letter(written, recipient, writer), faces)
    return Draft(recipient.reference, recipient.channel, template.name, record, sha256, trouble)


def plan_mailing(
    store: Store,
    writer: Writer,
    recipients: Sequence[Recipient],
    *,
    secret: bytes,
    who: tuple[str, str],
    progress: Progress,
) -> Planned:
    """Write everything out, keep back what may not go, and propose the rest to a second person.

    ``who``: the acting person (``person:ID``) and the reason.
    """
    mailing_id = f"M{store.outside.entropy(8).hex()}"
    numbers = [message_number(secret, f"{mailing_id}/{one.row}") for one in recipients]
    made = drafts(writer, recipients, numbers, progress)
    with store.transaction(*who) as tx:
        proposal = plan(tx, mailing_id, writer.kind, writer.settings(), made, numbers)
    return Planned(
        mailing_id,
        proposal,
        Counter(one.channel for one in made if not one.trouble),
        Counter(one.trouble for one in made if one.trouble),
    )


@dataclass
class Reports:
    """What a mailbox said. ``unread``: mails that are no report of ours, by reason."""

    changed: Counter[MessageState] = field(default_factory=Counter)
    known: int = 0
    delayed: int = 0
    unknown: int = 0
    unread: Counter[str] = field(default_factory=Counter)


def read_reports(store: Store, mails: Iterable[bytes], domains: frozenset[str]) -> Reports:
    """Take every report in ``mails`` over into the states of the messages it is about.

    Reading the same mailbox again changes nothing: a state only moves forward.
    """
    told = Reports()
    for content in mails:
        found = read_report(content, domains)
        if isinstance(found, Unread):
            told.unread[found.reason] += 1
            continue
        for report in found:
            _take_over(store, report, told)
    return told


def take_event(store: Store, event: DeliveryEvent) -> bool:
    """Take a provider's report (`read_event`) over; whether a message of ours changed by it."""
    kinds = {one.value: one for one in ReportKind}
    token = event.number.replace("-", "").lower()
    told = Reports()
    report = Report(token, kinds[event.event], "", event.permanent, event.detail)
    _take_over(store, report, told)
    return bool(told.changed)


def _take_over(store: Store, report: Report, told: Reports) -> None:
    if report.kind is ReportKind.DELAYED:
        told.delayed += 1
        return
    number = read_number(report.token)
    with store.read() as connection:
        one = by_number(connection, number) if number else None
    if one is None:
        told.unknown += 1
        return
    after = _AFTER[report.kind]
    if after is one.state:
        told.known += 1
        return
    why = f"{report.status} {report.detail}".strip()
    if note_states(store, [one], after, why=why, actor="system:mailbox"):
        told.changed[after] += 1
    else:
        told.known += 1


def note_states(
    store: Store, messages: Sequence[Message], after: MessageState, *, why: str, actor: str
) -> int:
    """Move messages to the state ``after`` where it may follow; how many moved."""
    fit = [one for one in messages if may_follow(one.state, after) or _posted(one, after)]
    if not fit:
        return 0
    with store.transaction(actor, why or "what became of messages") as tx:
        return sum(_change(tx, one, after, why) for one in fit)


def _posted(one: Message, after: MessageState) -> bool:
    """A letter or call that was exported goes out by hand, without a worker in between."""
    by_hand = one.channel in (Channel.LETTER, Channel.PHONE)
    return by_hand and one.state is MessageState.RENDERED and after is MessageState.SENT


def _change(tx: Transaction, one: Message, after: MessageState, why: str) -> int:
    if _posted(one, after):
        begin(tx, [one])
    return change(tx, one.mailing_id, [Change(one.message_id, after, why)])


def messages_named(store: Store, what: Sequence[str], channel: Channel) -> list[Message]:
    """The messages that are meant: whole mailings by one channel, or single numbers."""
    found: list[Message] = []
    with store.read() as connection:
        for name in what:
            number = read_number(name)
            one = by_number(connection, number) if number else None
            if one is not None:
                found.append(one)
            else:
                found += of_channel(connection, mailing_of(connection, name).mailing_id, channel)
    return found


@dataclass(frozen=True, slots=True)
class Verified:
    """What can be said of a number to anybody who asks; nothing about the person."""

    genuine: bool
    reason: str
    kind: str = ""
    channel: str = ""
    on: str = ""
    sha256: str = ""


def verify_number(store: Store, typed: str) -> Verified:
    """Whether the number is one of ours and its message was sent."""
    number = read_number(typed)
    if number is None:
        return Verified(False, "mistyped")
    with store.read() as connection:
        one = by_number(connection, number)
        if one is None or one.state in (MessageState.PLANNED, MessageState.HELD):
            return Verified(False, "unknown")
        mailing = mailing_of(connection, one.mailing_id)
    on = str(mailing.settings["on"])
    if "texts" in mailing.settings:  # a standing mailing: its day is that of the texts' approval
        on = instant(one.first_us or one.changed_us).astimezone().date().isoformat()
    return Verified(True, "genuine", mailing.kind, one.channel.value, on, one.text_sha256)
