"""What the worker does with messages: e-mail, SMS and push.

A job is a slice of a mailing. Before anything leaves the house the messages are noted as
``sending`` in a transaction of their own; after the answer they get their new state. A worker that
finds ``sending`` left by another one knows that these may have gone out: they become ``in_doubt``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sekisho.app.message_list import Recipient
from sekisho.app.message_settings import MailSettings
from sekisho.app.message_writing import (
    Writer,
    Written,
    recipient_from,
    write,
    writer_from,
)
from sekisho.domain.errors import BadInput, StoreUnavailable
from sekisho.domain.message import MessageState
from sekisho.gateways.outbound.email.accepted_log import LogAnswer, ask
from sekisho.gateways.outbound.email.dkim_sign import DkimKey, signed
from sekisho.gateways.outbound.email.mime import Mail, as_bytes, message_id, verp
from sekisho.gateways.outbound.email.pace import Pace, RetrySchedule
from sekisho.gateways.outbound.email.smtp import Fate, Handed, MailDoor, Parcel
from sekisho.gateways.outbound.webhook.send import Post, PostFate, WebhookDoor
from sekisho.rulebook.lint import NotSendable
from sekisho.rulebook.templates import MissingValues, Templates
from sekisho.store.messages import (
    Change,
    Message,
    Slice,
    begin,
    change,
    in_state,
    latest_sent,
    mailing_of,
    next_due_us,
    ready,
    slice_of,
)
from sekisho.store.outbox import Done, Job, Later, Outcome, Running
from sekisho.store.tables import instant, microseconds
from sekisho.store.transaction import Store

CHUNK: Final = 50
LOOK_AHEAD: Final = 200
"""How many waiting messages are looked at, so that a slow carrier does not stop the others."""
ANCHORS: Final = 20
_SECOND_US: Final = 1_000_000
_AWAY_S: Final = 1.0
_AFTER: Final = {
    Fate.ACCEPTED: MessageState.SENT,
    Fate.REFUSED: MessageState.FAILED,
    Fate.IN_DOUBT: MessageState.IN_DOUBT,
}
WORKER: Final = "system:messages"
_DOUBT_PATIENCE: Final = 10
"""How many settling times a worker waits for a log that does not answer."""


@dataclass(frozen=True, slots=True)
class Open:
    """A message that may go, written out."""

    message: Message
    recipient: Recipient
    written: Written


class Writers:
    """The writer of each mailing, made once."""

    def __init__(self, templates: Templates, link_of: Callable[[str], str] | None = None) -> None:
        self._templates = templates
        self._link_of = link_of
        self._known: dict[str, Writer] = {}

    def of(self, store: Store, mailing_id: str) -> Writer:
        """The writer of the mailing."""
        if mailing_id not in self._known:
            with store.read() as connection:
                settings = mailing_of(connection, mailing_id).settings
            self._known[mailing_id] = writer_from(settings, self._templates, self._link_of)
        return self._known[mailing_id]


def rewritten(writer: Writer, one: Message) -> Open | Change:
    """The message as it was approved; a change to ``held`` where it would not be the same."""
    if one.recipient is None:
        return Change(one.message_id, MessageState.HELD, "the recipient was erased")
    recipient = recipient_from(one.recipient)
    try:
        written = write(writer, recipient, one.number)
    except (MissingValues, NotSendable) as error:
        return Change(one.message_id, MessageState.HELD, error.code)
    if written.sha256 != one.text_sha256:
        return Change(one.message_id, MessageState.HELD, "the text is not what was approved")
    return Open(one, recipient, written)


class SendMail:
    """The handler of ``message.email``."""

    def __init__(
        self,
        settings: MailSettings,
        writers: Writers,
        *,
        pace: Pace,
        dkim: DkimKey | None,
    ) -> None:
        self._settings = settings
        self._writers = writers
        self._pace = pace
        self._pace_lock = threading.Lock()
        self._dkim = dkim
        self._schedule = RetrySchedule(settings.retry_waits_s)
        self._doors = _Doors(lambda: MailDoor(settings.server))

    def close(self) -> None:
        """Say goodbye to the server on every connection."""
        self._doors.close()

    def handle(self, job: Job, running: Running) -> Outcome:
        """Send what of the slice may go; come back for the rest."""
        part, store = slice_of(job.payload), running.store
        writer = self._writers.of(store, part.mailing_id)
        _note_abandoned(store, part)
        door = self._doors.take()
        try:
            wait_s = self._send_all(writer, part, running, door)
        finally:
            self._doors.give_back(door)
        doubt_s = self._settle_doubts(store, part)
        return _outcome(store, part, [wait for wait in (wait_s, doubt_s) if wait is not None])

    def _send_all(
        self, writer: Writer, part: Slice, running: Running, door: MailDoor
    ) -> float | None:
        """Send chunk after chunk; the shortest wait that a carrier asks for, if one does.

        Results of one chunk are committed together with the beginning of the next.
        """
        store, changes = running.store, list[Change]()
        while True:
            with _never_lost(running, part, changes):
                going, held, wait_s = self._next_chunk(writer, part, running)
                self._begin(part, running, [one for one, _ in going], [*changes, *held])
            if not going and not held:
                return wait_s
            handed = door.deliver([parcel for _, parcel in going])
            changes = self._changes([one for one, _ in going], handed, store.outside.clock())

    @staticmethod
    def _begin(
        part: Slice, running: Running, going: Sequence[Message], changes: Sequence[Change]
    ) -> None:
        """Commit what became of the last chunk together with the beginning of the next."""
        if not going and not changes:
            return
        if going:
            running.confirm()
        try:
            with running.store.transaction(WORKER, "sending") as tx:
                change(tx, part.mailing_id, changes)
                if going:
                    begin(tx, going)
        except StoreUnavailable:
            # Whether the beginning was committed is not known, but that nothing left the house is.
            why = "the database was away before it was sent"
            state = MessageState.RENDERED
            stay = [Change(m.message_id, state, why, attempt=m.attempts + 1) for m in going]
            with _never_lost(running, part, stay):
                raise

    def _next_chunk(
        self, writer: Writer, part: Slice, running: Running
    ) -> tuple[list[tuple[Message, Parcel]], list[Change], float | None]:
        """What goes next, what is held back, and the shortest wait that a carrier asks for."""
        if running.stopping:
            return [], [], None
        store = running.store
        now = store.outside.clock()
        with store.read() as connection:
            found = ready(connection, part, microseconds(now), LOOK_AHEAD)
        going: list[tuple[Message, Parcel]] = []
        held: list[Change] = []
        waits: list[float] = []
        for one in found:
            if len(going) + len(held) >= CHUNK:
                break
            domain = (one.recipient or {}).get("email", "").rpartition("@")[2]
            with self._pace_lock:
                wait = self._pace.take(domain)
            if wait:
                waits.append(wait)
                continue
            made = rewritten(writer, one)
            parcel = made if isinstance(made, Change) else self._parcel(writer, made, now)
            if isinstance(parcel, Change):
                held.append(parcel)
            else:
                going.append((one, parcel))
        return going, held, min(waits, default=None)

    def _parcel(self, writer: Writer, one: Open, now: datetime) -> Parcel | Change:
        mail = self._mail(writer, one, now)
        try:
            content = as_bytes(mail)
        except BadInput as error:
            return Change(one.message.message_id, MessageState.HELD, error.message)
        if self._dkim is not None:
            content = signed(content, self._dkim, now)
        return Parcel(one.message.message_id, mail.envelope_from, mail.recipient, content)

    def _mail(self, writer: Writer, one: Open, now: datetime) -> Mail:
        number = one.message.number
        return Mail(
            sender_name=writer.senders[one.recipient.language].name,
            sender_address=self._settings.address,
            recipient=one.recipient.email,
            subject=one.written.outgoing.subject,
            body=one.written.outgoing.body,
            message_id=message_id(number, self._settings.domain),
            date=instant(one.message.first_us) if one.message.first_us else now,
            envelope_from=verp(self._settings.bounces, number),
            language=one.recipient.language,
            charset="iso-2022-jp" if self._settings.charset == "iso-2022-jp" else "utf-8",
        )

    def _changes(
        self, going: Sequence[Message], handed: Sequence[Handed], now: datetime
    ) -> list[Change]:
        by_id = {one.message_id: one for one in going}
        return [self._change(by_id[one.key], one, now) for one in handed]

    def _change(self, message: Message, handed: Handed, now: datetime) -> Change:
        why = f"{handed.code or ''} {handed.reply}".strip()
        attempt = message.attempts + 1
        state = _AFTER.get(handed.fate)
        if state is not None:
            return Change(message.message_id, state, why, attempt=attempt)
        now_us = microseconds(now)
        since_s = (now_us - (message.first_us or now_us)) / _SECOND_US
        wait = self._schedule.next_wait(attempt, since_s)
        if wait is None:
            why = f"given up: {why}"
            return Change(message.message_id, MessageState.FAILED, why, attempt=attempt)
        later = now_us + int(wait * _SECOND_US)
        return Change(message.message_id, MessageState.RENDERED, why, later, attempt)

    def _settle_doubts(self, store: Store, part: Slice) -> float | None:
        """Find out about messages in doubt, or decide by policy.

        Seconds until it is worth asking again; None if nothing is left to find out.
        """
        with store.read() as connection:
            doubtful = in_state(connection, part, MessageState.IN_DOUBT)
        if not doubtful:
            return None
        now_us = microseconds(store.outside.clock())
        settle_us = int(self._settings.settle_s * _SECOND_US)
        ripe = [one for one in doubtful if (one.attempt_us or 0) + settle_us <= now_us]
        changes = self._answers(store, part, ripe) if ripe else []
        if changes:
            with store.transaction(WORKER, "messages in doubt were settled") as tx:
                change(tx, part.mailing_id, changes)
        settled = {one.message_id for one in changes}
        patience_us = settle_us * _DOUBT_PATIENCE
        left = [
            (one.attempt_us or 0) + settle_us
            for one in doubtful
            if one.message_id not in settled
            and (self._can_settle() and (one.attempt_us or 0) + patience_us > now_us)
        ]
        if not left:
            return None
        return max(1.0, (min(left) - now_us) / _SECOND_US)

    def _can_settle(self) -> bool:
        return bool(self._settings.logs) or self._settings.in_doubt == "never_missed"

    def _answers(self, store: Store, part: Slice, ripe: Sequence[Message]) -> list[Change]:
        domain = self._settings.domain
        ids = {one.message_id: message_id(one.number, domain) for one in ripe}
        latest = max(one.attempt_us or 0 for one in ripe)
        with store.read() as connection:
            anchors = latest_sent(connection, part.mailing_id, latest, ANCHORS)
        said = ask(
            self._settings.logs,
            list(ids.values()),
            [message_id(number, domain) for number in anchors],
        )
        made = [self._answer(one, said[ids[one.message_id]]) for one in ripe]
        return [one for one in made if one is not None]

    def _answer(self, one: Message, said: LogAnswer) -> Change | None:
        if said is LogAnswer.ACCEPTED:
            return Change(one.message_id, MessageState.SENT, "found in the mail server's log")
        if said is LogAnswer.NOT_ACCEPTED:
            why = "not in the mail server's log"
            return Change(one.message_id, MessageState.RENDERED, why)
        if self._settings.in_doubt == "never_missed":
            return Change(one.message_id, MessageState.RENDERED, "sent again by policy")
        return None


class PostMessages:
    """The handler of ``message.sms`` and ``message.push``."""

    def __init__(self, door: WebhookDoor, writers: Writers) -> None:
        self._door = door
        self._writers = writers
        self._schedule = RetrySchedule((30, 60, 300, 900, 3600), give_up_s=86400)

    def close(self) -> None:
        """Give back the connections."""
        self._door.close()

    def handle(self, job: Job, running: Running) -> Outcome:
        """Post what of the slice may go.

        After a crash the same keys are posted again: the receiver keeps them
        (docs/reference/messages.md), so nothing is sent twice.
        """
        part, store = slice_of(job.payload), running.store
        writer = self._writers.of(store, part.mailing_id)
        with store.read() as connection:
            left = in_state(connection, part, MessageState.SENDING)
        if left:
            with store.transaction(WORKER, "posted again under the same key") as tx:
                again = [Change(one.message_id, MessageState.RENDERED) for one in left]
                change(tx, part.mailing_id, again)
        while not running.stopping and self._post_chunk(writer, part, running):
            pass
        return _outcome(store, part, [])

    def _post_chunk(self, writer: Writer, part: Slice, running: Running) -> bool:
        store = running.store
        with store.read() as connection:
            found = ready(connection, part, microseconds(store.outside.clock()), CHUNK)
        if not found:
            return False
        made = [rewritten(writer, one) for one in found]
        going = [one for one in made if isinstance(one, Open)]
        running.confirm()
        with store.transaction(WORKER, "posting") as tx:
            change(tx, part.mailing_id, [one for one in made if isinstance(one, Change)])
            if going:
                begin(tx, [one.message for one in going])
        changes = [self._posted(one, store.outside.clock()) for one in going]
        if changes:
            with store.transaction(WORKER, "posted") as tx:
                change(tx, part.mailing_id, changes)
        return True

    def _posted(self, one: Open, now: datetime) -> Change:
        recipient = one.recipient
        to = recipient.app_id if one.message.channel.value == "push" else recipient.phone
        text = one.written.outgoing
        post = Post(
            one.message.number, one.message.channel.value, to, text.sender, text.body, text.language
        )
        posted = self._door.post(post, now)
        if posted.fate is PostFate.ACCEPTED:
            return Change(one.message.message_id, MessageState.SENT, str(posted.status))
        if posted.fate is PostFate.REFUSED:
            return Change(one.message.message_id, MessageState.FAILED, str(posted.status))
        now_us = microseconds(now)
        since_s = (now_us - (one.message.first_us or now_us)) / _SECOND_US
        wait = self._schedule.next_wait(one.message.attempts + 1, since_s)
        if wait is None:
            return Change(one.message.message_id, MessageState.FAILED, "given up")
        later = now_us + int((posted.retry_after_s or wait) * _SECOND_US)
        return Change(one.message.message_id, MessageState.RENDERED, str(posted.status), later)


class _Doors:
    """Mail doors that are open; each is used by one job at a time."""

    def __init__(self, make: Callable[[], MailDoor]) -> None:
        self._make = make
        self._idle: list[MailDoor] = []
        self._lock = threading.Lock()

    def take(self) -> MailDoor:
        with self._lock:
            return self._idle.pop() if self._idle else self._make()

    def give_back(self, door: MailDoor) -> None:
        with self._lock:
            self._idle.append(door)

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()


@contextmanager
def _never_lost(running: Running, part: Slice, changes: Sequence[Change]) -> Iterator[None]:
    """What became of messages is known here alone: where the block fails, it is written first.

    However long the database is away, unless the worker is told to end.
    """
    try:
        yield
    except Exception:
        while changes:
            try:
                with running.store.transaction(WORKER, "what became of messages") as tx:
                    change(tx, part.mailing_id, changes)
                break
            except StoreUnavailable:
                if running.stopping:
                    break
                running.store.outside.sleep(_AWAY_S)
        raise


def _note_abandoned(store: Store, part: Slice) -> None:
    """What another worker left as ``sending`` may have gone out: it is in doubt."""
    with store.read() as connection:
        left = in_state(connection, part, MessageState.SENDING)
    if left:
        why = "the worker ended before the answer"
        with store.transaction(WORKER, why) as tx:
            doubts = [Change(one.message_id, MessageState.IN_DOUBT, why) for one in left]
            change(tx, part.mailing_id, doubts)


def _outcome(store: Store, part: Slice, waits: Sequence[float]) -> Outcome:
    """Come back when the next message is due, or be done."""
    now = store.outside.clock()
    with store.read() as connection:
        due = next_due_us(connection, part)
    times = [now + timedelta(seconds=wait) for wait in waits]
    if due is not None:
        times.append(max(instant(due), now + timedelta(seconds=min(waits, default=0.05))))
    return Later(min(times)) if times else Done()
