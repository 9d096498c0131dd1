"""Hand messages over to an SMTP server (RFC 5321), and say honestly what became of each.

Several connections stay open and are used again. What happened to a message is one of four:

- ``accepted``: the server answered 250 after the final dot; it is responsible now;
- ``deferred``: a 4xx answer, or a connection that broke before the message was handed over; the
  message is certainly not accepted and may be tried again (greylisting is this);
- ``refused``: a 5xx answer; trying again is of no use;
- ``in_doubt``: the connection broke after the message was handed over and before the answer. The
  server may or may not have it. RFC 5321 4.5.3.2.6 lets this window be ten minutes long; no client
  can close it alone, so it is reported and never guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from sekisho.domain.errors import BadInput

_REPLY_LONGEST: Final = 200


class Tls(StrEnum):
    """Whether the connection is encrypted."""

    IMPLICIT = "implicit"
    REQUIRED = "required"
    OPPORTUNISTIC = "opportunistic"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over. ``per_connection``: messages before a connection is renewed."""

    host: str
    port: int
    tls: Tls = Tls.REQUIRED
    username: str = ""
    password: str = field(default="", repr=False)
    hostname: str = "localhost"
    timeout_s: float = 60.0
    connections: int = 4
    per_connection: int = 500
    ca_file: Path | None = None


class Fate(StrEnum):
    """What became of a message that was handed over."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message ready to go. ``key`` names it to the caller."""

    key: int
    envelope_from: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of the parcel ``key``: the fate, the code (0 if none came), the reply's text."""

    key: int
    fate: Fate
    code: int
    reply: str


class MailDoor:
    """Connections to one server, kept open between calls. One caller at a time."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._tls = _context(server)
        self._lock = threading.Lock()
        self._runner: asyncio.Runner | None = None
        self._idle: deque[_Line] = deque()

    def deliver(self, parcels: Iterable[Parcel]) -> list[Handed]:
        """Hand over every parcel once; one answer for each, in no order."""
        with self._lock:
            if self._runner is None:
                self._runner = asyncio.Runner()
            return self._runner.run(self._deliver(deque(parcels)))

    def close(self) -> None:
        """Say goodbye on every connection."""
        with self._lock:
            if self._runner is not None:
                self._runner.run(self._close())
                self._runner.close()
                self._runner = None

    async def _deliver(self, waiting: deque[Parcel]) -> list[Handed]:
        done: list[Handed] = []
        lines = min(self._server.connections, len(waiting))
        await asyncio.gather(*(self._work(waiting, done) for _ in range(lines)))
        return done

    async def _work(self, waiting: deque[Parcel], done: list[Handed]) -> None:
        line = self._idle.popleft() if self._idle else _Line(self._server, self._tls)
        while waiting:
            parcel = waiting.popleft()
            try:
                handed = await line.hand_over(parcel)
            except _NoConnection as trouble:
                done.append(Handed(parcel.key, Fate.DEFERRED, trouble.code, trouble.reply))
                # The others would wait for the same server in vain.
                while waiting:
                    key = waiting.popleft().key
                    done.append(Handed(key, Fate.DEFERRED, trouble.code, trouble.reply))
                return
            done.append(handed)
        self._idle.append(line)

    async def _close(self) -> None:
        while self._idle:
            await self._idle.popleft().quit()


class _NoConnection(Exception):
    """The server cannot be spoken to at all."""

    def __init__(self, code: int, reply: str) -> None:
        super().__init__(reply)
        self.code = code
        self.reply = reply


class _Line:
    """One connection, renewed when it broke or was used often enough."""

    def __init__(self, server: SmtpServer, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._tls = tls
        self._smtp: aiosmtplib.SMTP | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._used = 0

    async def hand_over(self, parcel: Parcel) -> Handed:
        """Hand over one parcel; a connection that had died in idleness is replaced once."""
        fresh = self._smtp is None
        smtp = await self._connected()
        try:
            return await self._envelope_and_data(smtp, parcel)
        except _BrokenBeforeData as trouble:
            self._drop()
            if fresh:
                return Handed(parcel.key, Fate.DEFERRED, 0, trouble.reply)
        smtp = await self._connected()
        try:
            return await self._envelope_and_data(smtp, parcel)
        except _BrokenBeforeData as trouble:
            self._drop()
            return Handed(parcel.key, Fate.DEFERRED, 0, trouble.reply)

    async def _envelope_and_data(self, smtp: aiosmtplib.SMTP, parcel: Parcel) -> Handed:
        self._used += 1
        try:
            await smtp.mail(parcel.envelope_from)
            await smtp.rcpt(parcel.recipient)
        except SMTPResponseException as error:
            return await self._answered(smtp, parcel, error)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
            raise _BrokenBeforeData(type(error).__name__) from None
        try:
            reply = await smtp.data(parcel.content)
        except SMTPDataError as error:
            return await self._answered(smtp, parcel, error)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
            # Whether the server had read the final dot cannot be known from here.
            self._drop()
            return Handed(parcel.key, Fate.IN_DOUBT, 0, type(error).__name__)
        return Handed(parcel.key, Fate.ACCEPTED, reply.code, _told(reply.message))

    async def _answered(
        self, smtp: aiosmtplib.SMTP, parcel: Parcel, error: SMTPResponseException
    ) -> Handed:
        """The server said no: for now (4xx) or for good."""
        fate = Fate.DEFERRED if 400 <= error.code < 500 else Fate.REFUSED
        if error.code == 421:
            self._drop()  # RFC 5321 3.8: the server is about to close
        else:
            try:
                await smtp.rset()
            except (SMTPException, OSError):
                self._drop()
        return Handed(parcel.key, fate, error.code, _told(error.message))

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._smtp is not None and self._used < self._server.per_connection:
            return self._smtp
        await self.quit()
        server = self._server
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=server.hostname,
            timeout=server.timeout_s,
            use_tls=server.tls is Tls.IMPLICIT,
            start_tls={Tls.REQUIRED: True, Tls.OPPORTUNISTIC: None}.get(server.tls, False),
            tls_context=self._tls,
            username=server.username or None,
            password=server.password or None,
        )
        try:
            await smtp.connect()
        except SMTPResponseException as error:
            raise _NoConnection(error.code, _told(error.message)) from None
        except (SMTPException, OSError, ValueError) as error:
            raise _NoConnection(0, _told(f"{type(error).__name__}: {error}")) from None
        self._smtp, self._transport, self._used = smtp, smtp.transport, 0
        return smtp

    def _drop(self) -> None:
        """End the connection now: closing TLS in form would wait for the server."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()
        self._transport = None

    async def quit(self) -> None:
        """Leave politely; a server that is gone is no trouble."""
        if self._smtp is None:
            return
        with contextlib.suppress(SMTPException, OSError):
            await self._smtp.quit()
        self._drop()


class _BrokenBeforeData(Exception):
    """The connection ended before the message was handed over: nothing was sent."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


def _context(server: SmtpServer) -> ssl.SSLContext | None:
    if server.tls is Tls.NONE:
        return None
    try:
        context = ssl.create_default_context(cafile=server.ca_file)
    except (OSError, ssl.SSLError):
        raise BadInput(f"the certificates in {server.ca_file} cannot be read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_ADDRESS: Final = re.compile(r"[^\s<>@]+@[^\s<>@]+")


def _told(reply: str) -> str:
    """A reply for the record: one line, cut, without the address that servers repeat in it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in reply).split())
    return _ADDRESS.sub("<address>", line)[:_REPLY_LONGEST]
