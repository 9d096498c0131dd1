"""A real SMTP server that the tests bring: it keeps what it accepts, and misbehaves on request.

What it does is asked for in the recipient's name: ``grey.x@`` is put off the first time,
``refuse.x@`` is refused, ``busy.x@`` gets 421 once, ``drop.x@`` is accepted and the answer lost,
``never.x@`` is cut off after the final dot without being accepted.
"""

from __future__ import annotations

import asyncio
import email
import socket
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Kept:
    """Handler of aiosmtpd. ``accepted``: (recipient, content) in order; ``log``: as Postfix's.

    ``lingers``: seconds after good-bye until the server hangs up.
    """

    log: Path | None = None
    lingers: float = 0.0
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    tried: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def recipients(self) -> Counter[str]:
        return Counter(recipient for recipient, _ in self.accepted)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tried[address] += 1
        first = self.tried[address] == 1
        if address.startswith("grey.") and first:
            return f"451 4.7.1 <{address}>: Greylisted, come back later"
        if address.startswith("refuse."):
            return f"550 5.1.1 <{address}>: no such user"
        if address.startswith("busy.") and first:
            return "421 4.3.2 closing"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        recipient, content = envelope.rcpt_tos[0], bytes(envelope.content or b"")
        first = self.tried[recipient] == 1
        if recipient.startswith("never.") and first:
            server.transport.abort()
            return "250 never seen"
        with self.lock:
            self.accepted.append((recipient, content))
            number = len(self.accepted)
            self._write_log(number, content, envelope.mail_from or "")
        if recipient.startswith("drop.") and first:
            server.transport.abort()
        return f"250 2.0.0 Ok: queued as Q{number:06}"

    def _write_log(self, number: int, content: bytes, sender: str) -> None:
        if self.log is None:
            return
        name = email.message_from_bytes(content)["Message-ID"]
        head = "Nov 23 12:00:00 mx postfix"
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{head}/cleanup[11]: Q{number:06}: message-id={name}\n")
            log.write(f"{head}/qmgr[12]: Q{number:06}: from=<{sender}>, size=1, nrcpt=1\n")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Counted(SMTP):
    """A connection that is in ``there`` from its beginning to its end."""

    def __init__(self, *arguments: Any, there: set[Counted], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.there = there
        self.transports: list[asyncio.BaseTransport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transports.append(transport)  # a second time after STARTTLS
        self.there.add(self)
        super().connection_made(transport)

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        await self.push("221 2.0.0 Bye")
        await asyncio.sleep(self.event_handler.lingers)
        if self.transport is not None:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.there.discard(self)
        super().connection_lost(error)


class Hanging(Controller):
    """The controller of aiosmtpd, which by itself stops with its connections open."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.there: set[Counted] = set()

    def factory(self) -> SMTP:
        return Counted(self.handler, there=self.there, **self.SMTP_kwargs)

    async def hang_up(self) -> None:
        for _ in range(500):
            for connection in tuple(self.there):
                for transport in connection.transports:
                    if isinstance(transport, asyncio.WriteTransport):
                        transport.abort()
            await asyncio.sleep(0.01)
            if not self.there:
                return
        raise TimeoutError("a connection of the test's mail server does not end")

    def stop(self, no_assert: bool = False) -> None:
        if self.server is not None:
            self.loop.call_soon_threadsafe(self.server.close)
            asyncio.run_coroutine_threadsafe(self.hang_up(), self.loop).result(10)
        super().stop(no_assert)


class Running:
    """The server on a free port of the loopback, in a thread of its own."""

    def __init__(self, kept: Kept, *, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self.kept = kept
        if tls is not None:
            options |= {"tls_context": tls, "require_starttls": options.get("require", False)}
        options.pop("require", None)
        self.port = free_port()
        self._controller = Hanging(kept, hostname="127.0.0.1", port=self.port, **options)

    def __enter__(self) -> Running:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
