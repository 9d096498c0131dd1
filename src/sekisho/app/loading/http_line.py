"""One connection to the HTTP door: a purchase at a time as ``POST /v1/authorizations``.

Written down to the socket, because a client library costs more than the door that is measured:
keep-alive, ``Content-Length`` bodies, one request under way. What is due meanwhile waits in the
line's queue, and its waiting counts.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sekisho.app.loading.play import Score
from sekisho.app.loading.source import Purchase
from sekisho.domain.errors import BadInput

_HEAD_END: Final = b"\r\n\r\n"
_LONGEST: Final = 1 << 20


class HttpLine(asyncio.Protocol):
    """A line as `sekisho.app.loading.play.Line`. ``run``: begins the request ids of one load."""

    def __init__(
        self, url: str, key: str, score: Score, clock: Callable[[], datetime], run: str
    ) -> None:
        split = urlsplit(url)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise BadInput(f"--http: {url!r} is no address", hint="http://127.0.0.1:8080")
        if any(ord(letter) < 33 or ord(letter) > 126 for letter in key):
            raise BadInput("the API key holds characters that no key has")
        self._host = split.hostname
        self._port = split.port or (443 if split.scheme == "https" else 80)
        self._tls = split.scheme == "https"
        path = split.path.rstrip("/") + "/v1/authorizations"
        keyed = f"Authorization: Bearer {key}\r\n" if key else ""
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {split.netloc.rpartition('@')[2]}\r\n{keyed}"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode("ascii")
        self._score = score
        self._clock = clock
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._queue: deque[tuple[int, bytes]] = deque()
        self._under_way = -1
        self._closing = False

    async def open(self) -> None:
        """Connect."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: self, self._host, self._port, ssl=self._tls or None
            )
        except OSError as error:
            raise BadInput(
                f"nobody listens on {self._host}:{self._port} "
                f"({error.strerror or type(error).__name__})",
                hint="Start one: sekisho serve --http HOST:PORT",
            ) from None

    def post(self, number: int, purchase: Purchase) -> None:
        """Put a purchase into the queue."""
        if self._transport is None:
            self._score.failed(number, "connection lost")
            return
        body = {
            "request_id": f"{self._run}-{number}",
            "card_ref": purchase.card_ref,
            "acquirer_id": purchase.acquirer_id,
            "merchant_id": purchase.merchant_id,
            "terminal_id": purchase.terminal_id,
            "authorized_at": self._clock().isoformat(timespec="seconds"),
            "amount_minor": purchase.amount_minor,
            "currency": purchase.currency,
            "mcc": purchase.mcc,
            "entry_mode": purchase.entry_mode[:2],
            "eci": purchase.eci,
            "initiator": purchase.initiator,
            "country": purchase.country,
        }
        told = {key: value for key, value in body.items() if value != ""}
        content = json.dumps(told, separators=(",", ":")).encode()
        self._queue.append((number, b"%s%d\r\n\r\n%s" % (self._head, len(content), content)))

    def flush(self) -> None:
        """Send the next one, if none is under way."""
        if self._under_way >= 0 or not self._queue or self._transport is None:
            return
        self._under_way, request = self._queue.popleft()
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    # ------------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Everything that was under way or waited is lost."""
        self._transport = None
        if self._closing:
            return
        why = "connection lost" if exc is None else f"connection lost ({type(exc).__name__})"
        lost = [number for number, _ in self._queue]
        for number in [self._under_way, *lost] if self._under_way >= 0 else lost:
            self._score.failed(number, why)
        self._queue.clear()

    def data_received(self, data: bytes) -> None:
        """A part of an answer, or the whole."""
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        head = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        size = _content_length(head)
        begin = end + len(_HEAD_END)
        if size < 0 or size > _LONGEST:
            self._score.failed(self._under_way, "an answer without a length")
            self.close()
            return
        if len(self._buffer) < begin + size:
            return
        body = bytes(self._buffer[begin : begin + size])
        del self._buffer[: begin + size]
        number, self._under_way = self._under_way, -1
        self._judge(number, head[0], body)
        self.flush()

    def _judge(self, number: int, status: str, body: bytes) -> None:
        code = status.split(" ")[1] if status.count(" ") else ""
        if code != "200":
            self._score.failed(number, f"HTTP {code}")
            return
        try:
            told = json.loads(body)
            decision, response = str(told["decision"]), str(told["response_code"])
        except (ValueError, KeyError, TypeError):
            self._score.failed(number, "an answer that cannot be read")
            return
        outcome = {"approve": "approved", "decline": "declined"}.get(decision, decision)
        self._score.answered(number, outcome, response)


def _content_length(head: list[str]) -> int:
    for line in head[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-length" and value.strip().isdecimal():
            return int(value)
    return -1
