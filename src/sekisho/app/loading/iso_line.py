"""One connection to an ISO 8583 door: purchases as 0100, answers matched by their trace number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sekisho.app.loading.play import Score
from sekisho.app.loading.source import InventedNumbers, Purchase
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.codec import Codec, Unreadable
from sekisho.gateways.inbound.iso8583.framing import BadFrame, take, wrap
from sekisho.gateways.inbound.iso8583.settings import DoorSettings

_TRACES: Final = 1_000_000
_SIGN_ON_S: Final = 10.0
_UTC: Final = ZoneInfo("UTC")


class IsoLine(asyncio.Protocol):
    """A line as `sekisho.app.loading.play.Line`. ``clock``: now, with a zone."""

    def __init__(
        self,
        address: tuple[str, int],
        settings: DoorSettings,
        numbers: InventedNumbers,
        score: Score,
        clock: Callable[[], datetime],
    ) -> None:
        self._address = address
        self._framing = settings.framing
        self._zone = settings.zones.get("392") or settings.zones.get("") or _UTC
        self._codec = Codec(settings.variant)
        self._numbers = numbers
        self._score = score
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._posted: list[bytes] = []
        self._waiting: dict[str, int] = {}
        self._signed_on: asyncio.Future[str] | None = None
        self._closing = False
        self._times: tuple[int, str, str, str] = (0, "", "", "")

    async def open(self) -> None:
        """Connect and sign on."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._signed_on = loop.create_future()
        try:
            await loop.create_connection(lambda: self, host, port)
            sent, _, _ = self._now()
            hello = {7: sent, 11: "000000", 70: "001"}
            self._write(wrap(self._framing, self._codec.encode("0800", hello)))
            code = await asyncio.wait_for(self._signed_on, _SIGN_ON_S)
        except OSError as error:
            raise BadInput(
                f"nobody listens on {host}:{port} ({error.strerror or type(error).__name__})",
                hint="Start one: sekisho serve --iso8583 HOST:PORT",
            ) from None
        except TimeoutError:
            raise BadInput(
                f"{host}:{port} did not answer the sign-on",
                hint="Are framing and variant the same on both sides? See --iso8583-settings.",
            ) from None
        if code != "00":
            raise BadInput(f"{host}:{port} refused the sign-on with response code {code}")

    def post(self, number: int, purchase: Purchase) -> None:
        """Put a 0100 into the queue."""
        trace = f"{number % _TRACES:06d}"
        sent, time, day = self._now()
        fields = {
            2: self._numbers.of(purchase.card_ref), 3: "000000",
            4: f"{purchase.amount_minor:012d}", 7: sent, 11: trace, 12: time, 13: day,
            19: purchase.country, 22: purchase.entry_mode, 25: "00", 32: purchase.acquirer_id,
            37: f"{number:012d}", 41: f"{purchase.terminal_id:<8}",
            42: f"{purchase.merchant_id:<15}", 49: purchase.currency,
        }  # fmt: skip
        if purchase.mcc:
            fields[18] = purchase.mcc
        if self._transport is None:
            self._score.failed(number, "connection lost")
            return
        if trace in self._waiting:
            self._score.failed(self._waiting.pop(trace), "no answer")
        self._waiting[trace] = number
        self._posted.append(wrap(self._framing, self._codec.encode("0100", fields)))

    def flush(self) -> None:
        """Send the queue in one piece."""
        if self._posted:
            self._write(b"".join(self._posted))
            self._posted.clear()

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
        """Everything that was under way is lost."""
        self._transport = None
        if self._signed_on is not None and not self._signed_on.done():
            self._signed_on.set_exception(ConnectionResetError("the door hung up"))
        why = "connection lost" if exc is None else f"connection lost ({type(exc).__name__})"
        if not self._closing:
            for number in self._waiting.values():
                self._score.failed(number, why)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Answers came."""
        self._buffer += data
        place = 0
        try:
            while True:
                frame, place = take(self._framing, self._buffer, place)
                if frame is None:
                    break
                if frame.content:
                    self._answer(frame.content)
        except (BadFrame, Unreadable) as trouble:
            self._score.errors[f"unreadable answer: {trouble.message}"] += 1
            self.close()
        del self._buffer[:place]

    # ------------------------------------------------------------------ inside

    def _answer(self, content: bytes) -> None:
        message = self._codec.decode(content)
        code = message.fields.get(39, "")
        if message.type[1] == "8":
            if self._signed_on is not None and not self._signed_on.done():
                self._signed_on.set_result(code)
            return
        number = self._waiting.pop(message.fields.get(11, ""), None)
        if number is None:
            self._score.errors["an answer to nothing"] += 1
            return
        self._score.answered(number, "approved" if code == "00" else "declined", code)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _now(self) -> tuple[str, str, str]:
        """Field 7 in UTC, fields 12 and 13 in the door's zone; made once a second."""
        now = self._clock()
        second = int(now.timestamp())
        if second != self._times[0]:
            local = now.astimezone(self._zone)
            self._times = (
                second,
                f"{now.astimezone(_UTC):%m%d%H%M%S}",
                f"{local:%H%M%S}",
                f"{local:%m%d}",
            )
        return self._times[1:]
