"""Release a mailing and run the worker until all that can be sent is sent."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sekisho.app.message_jobs import PostMessages, SendMail, Writers
from sekisho.app.message_settings import MessageSettings, read_secret
from sekisho.app.messaging import PER_JOB
from sekisho.app.one_time import link_maker
from sekisho.app.outboxes import open_outbox
from sekisho.domain.errors import BadInput, StoreUnavailable
from sekisho.domain.message import OPEN_STATES, Channel, MessageState
from sekisho.domain.progress import Progress
from sekisho.gateways.outbound.email.dkim_sign import read_dkim_key
from sekisho.gateways.outbound.email.pace import Pace
from sekisho.gateways.outbound.webhook.send import Webhook, WebhookDoor
from sekisho.rulebook import carriers
from sekisho.rulebook.templates import load
from sekisho.store.messages import counts, release
from sekisho.store.outbox import Handler, RetryPolicy
from sekisho.store.transaction import Store
from sekisho.store.worker import Worker

_LOOK_S = 0.5


def release_mailing(store: Store, mailing_id: str, actor: str, reason: str) -> int:
    """Hand an approved mailing to the outbox; how many messages. None if it was before."""
    with store.transaction(actor, reason) as tx:
        return release(tx, mailing_id, PER_JOB)


@contextmanager
def handlers(settings: MessageSettings, store: Store) -> Iterator[dict[str, Handler]]:
    """The handlers of every channel that the settings know; closed at the end of the block."""
    writers = Writers(load(settings.templates), link_maker(settings))
    made: dict[str, SendMail | PostMessages] = {}
    mail = settings.mail
    if mail is not None:
        on = store.outside.clock().date()
        limits = carriers.read(mail.carriers) if mail.carriers else carriers.shipped(on)
        key = mail.dkim
        dkim = None
        if key is not None:
            dkim = read_dkim_key(key.key_file, domain=key.domain, selector=key.selector)
        pace = Pace(limits, time.monotonic)
        made["message.email"] = SendMail(mail, writers, pace=pace, dkim=dkim)
    for channel, hook in ((Channel.SMS, settings.sms), (Channel.PUSH, settings.push)):
        if hook is not None:
            webhook = Webhook(hook.url, read_secret(hook.secret_file))
            made[f"message.{channel}"] = PostMessages(WebhookDoor(webhook), writers)
    try:
        yield dict(made)
    finally:
        for handler in made.values():
            handler.close()


def send_until_done(
    store: Store,
    settings: MessageSettings,
    mailing_id: str,
    progress: Progress,
    policy: RetryPolicy | None = None,
    threads: int = 2,
) -> None:
    """Run a worker for messages until no job of theirs is open; Ctrl-C ends it in good order."""
    outbox = open_outbox(store, policy)
    stop = threading.Event()
    with handlers(settings, store) as kinds:
        _require_ways(store, mailing_id, kinds)
        name = f"messages-{secrets.token_hex(4)}"
        worker = Worker(store, outbox, kinds, name=name, threads=threads)
        thread = threading.Thread(
            target=worker.run, args=(stop,), kwargs={"until_empty": True}, daemon=True
        )
        thread.start()
        try:
            _watch(store, mailing_id, thread, progress)
        finally:
            stop.set()
            thread.join()


def _require_ways(store: Store, mailing_id: str, kinds: dict[str, Handler]) -> None:
    """``BadInput`` where a message waits for a way that the settings do not know."""
    with store.read() as connection:
        found = counts(connection, mailing_id)
    for channel in (Channel.EMAIL, Channel.SMS, Channel.PUSH):
        waits = any(way is channel and state in OPEN_STATES for way, state in found)
        if waits and f"message.{channel}" not in kinds:
            name = "mail" if channel is Channel.EMAIL else channel.value
            raise BadInput(
                f"messages wait to go by {channel}, and the settings have no [{name}]",
                hint="Add it: docs/reference/messages.md",
            )


def _watch(store: Store, mailing_id: str, thread: threading.Thread, progress: Progress) -> None:
    """Tell how many are settled while the worker runs."""
    shown = 0
    with store.read() as connection:
        found = counts(connection, mailing_id)
    electronic = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
    total = sum(n for (way, state), n in found.items() if way in electronic
                and state is not MessageState.HELD)  # fmt: skip
    progress.step("send", total=total)
    while thread.is_alive():
        thread.join(_LOOK_S)
        try:
            with store.read() as connection:
                found = counts(connection, mailing_id)
        except StoreUnavailable:
            continue  # the worker waits for it too
        waiting = sum(n for (way, state), n in found.items() if way in electronic
                      and state in OPEN_STATES)  # fmt: skip
        progress.advance(max(0, total - waiting - shown))
        shown = max(shown, total - waiting)
