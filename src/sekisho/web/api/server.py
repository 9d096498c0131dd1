"""The HTTP server: uvicorn with httptools in a loop that is there already.

What uvicorn does not do by itself is added: a deadline for the head of a request, so that slow and
half-open peers do not keep their connections, and a limit to its size.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sekisho.domain.errors import BadInput
from sekisho.web.api.asgi import AsgiApp

HEAD_S: Final = 10.0
"""The head of a request has to be there so many seconds after its connection or first byte."""
_HEAD_MOST: Final = 64 * 1024
_IDLE_S: Final = 75
_ENDING_S: Final = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM: the certificate with its chain, and its key."""

    certificate: Path
    key: Path


class _Guarded(HttpToolsProtocol):
    """A connection that is closed when a request's head is too slow or too large."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_timer is None:
            self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_is_there()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _HEAD_MOST:
            # The parser turns it into an answer with status 400.
            raise ValueError("the head of the request is too large")

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._too_slow)

    def _head_is_there(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """Signals are the process's affair: it has other doors to close as well."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an application on a socket until `stop`."""

    def __init__(self, app: AsgiApp, tls: Tls | None = None) -> None:
        """Raises ``BadInput`` where the certificate cannot be used."""
        config = uvicorn.Config(
            app,
            http=_Guarded,
            ws="none",
            lifespan="off",
            loop="none",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_ENDING_S,
            backlog=2048,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        try:
            config.load()
        except OSError as error:  # an unreadable file, or no certificate (ssl.SSLError)
            raise BadInput(
                f"the certificate or its key cannot be used: {error.strerror or error}",
                hint="--tls-cert and --tls-key name PEM files that belong together.",
            ) from None
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        """Serve on a bound socket; returns when connections are taken."""
        self._task = asyncio.ensure_future(self._server.serve(sockets=[listening]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Take nothing new, answer what is in flight, close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
