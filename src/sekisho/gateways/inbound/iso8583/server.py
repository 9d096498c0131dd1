"""The TCP side: many peers, pipelined messages, answers in groups behind one `Desk.durable`.

Everything runs on one event loop. A peer's bytes are cut into frames and each is answered at once
by the `Exchange`; the answers of all peers wait together for what was decided to be durable, and
leave together. While that wait lasts the next group gathers, so that one flush of the disk serves
hundreds of answers. Nothing grows without bound: a peer that sends faster than it is answered, or
takes no answers, is read no further.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from sekisho.domain.authorization import Desk
from sekisho.domain.errors import BadInput, StoreUnavailable
from sekisho.gateways.inbound.iso8583.codec import Unreadable
from sekisho.gateways.inbound.iso8583.exchange import Exchange, Outcome, Reply
from sekisho.gateways.inbound.iso8583.framing import BadFrame, Frame, take, wrap
from sekisho.gateways.inbound.iso8583.log import LOG
from sekisho.gateways.inbound.iso8583.settings import DoorSettings

_TURN: Final = 32
"""Messages of one peer before the others have their turn."""
_BUFFER: Final = 256 * 1024
"""Unread answers of one peer, in bytes, before it is read no further."""
_SWEEP_S: Final = 0.5


@dataclass(slots=True)
class Waiting:
    """An answer that waits for the desk."""

    peer: _Peer
    reply: Reply
    routing: bytes


class Door:
    """An open ISO 8583 door. ``port`` is the one that was bound; ``outcomes`` counts messages."""

    def __init__(
        self, settings: DoorSettings, exchange: Exchange, desk: Desk, clock: Callable[[], int]
    ) -> None:
        """``clock``: seconds since 1970 UTC."""
        self.settings = settings
        self.outcomes: Counter[Outcome] = Counter()
        self._exchange = exchange
        self._desk = desk
        self._clock = clock
        self._peers: set[_Peer] = set()
        self._waiting: list[Waiting] = []
        self._filled = asyncio.Event()
        self._stopping = False
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._port = 0

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen; raises BadInput where the address cannot be had. Port 0: any that is free."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: _Peer(self), host or None, port, ssl=tls, backlog=512
            )
        except OSError as error:
            raise BadInput(
                f"ISO 8583 cannot listen on {host}:{port}: {error.strerror}",
                hint="Name another with --iso8583 HOST:PORT.",
            ) from None
        self._port = int(self._server.sockets[0].getsockname()[1])
        self._tasks = [loop.create_task(self._send()), loop.create_task(self._sweep())]

    @property
    def port(self) -> int:
        """The port that was bound; 0 before the door was opened."""
        return self._port

    @property
    def peers(self) -> int:
        """How many connections are open."""
        return len(self._peers)

    async def close(self) -> None:
        """Take no more messages, let the answers to those taken leave, then hang up."""
        if self._server is None or self._stopping:
            return
        self._stopping = True
        self._server.close()
        for peer in self._peers:
            peer.stop_reading()
        self._filled.set()
        sender, sweeper = self._tasks
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
        await sender
        until = asyncio.get_running_loop().time() + self.settings.limits.grace_s
        for peer in list(self._peers):
            peer.hang_up()
        while self._peers and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.01)
        for peer in list(self._peers):
            peer.cut("the door closes")
        await self._server.wait_closed()

    # ------------------------------------------------------------------ used by peers

    def admit(self, peer: _Peer, address: str) -> str:
        """Take a new peer in; the reason where it is turned away."""
        if self._stopping:
            return "the door closes"
        if len(self._peers) >= self.settings.limits.peers:
            return f"{len(self._peers)} peers are connected already"
        if self.settings.peers and not _among(address, self.settings):
            return "its address is not one of the peers"
        self._peers.add(peer)
        return ""

    def leave(self, peer: _Peer) -> bool:
        """A peer is gone, its answers go nowhere; whether it had been admitted."""
        admitted = peer in self._peers
        self._peers.discard(peer)
        return admitted

    def take(self, peer: _Peer, frame: Frame) -> None:
        """Answer one frame of a peer. Raises ``Unreadable``."""
        reply = self._exchange.answer(frame.content, self._clock())
        self.outcomes[reply.outcome] += 1
        if reply.content:
            peer.unanswered += 1
            self._waiting.append(Waiting(peer, reply, frame.routing))
            self._filled.set()

    # ------------------------------------------------------------------ tasks

    async def _send(self) -> None:
        """Send what waits, group by group, until the door closes and nothing waits any more."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            group, self._waiting = self._waiting, []
            if group:
                self._write(group, durable=await self._durable())
            if self._stopping and not self._waiting:
                if not any(peer.busy for peer in self._peers):
                    return
                await asyncio.sleep(0)  # messages that were received are answered too
            if self._waiting or self._stopping:
                self._filled.set()

    async def _durable(self) -> bool:
        try:
            await self._desk.durable()
        except StoreUnavailable as trouble:
            LOG.error("nothing can be made durable: %s", trouble.message)
            return False
        except Exception:
            LOG.exception("the desk failed")
            return False
        return True

    def _write(self, group: list[Waiting], *, durable: bool) -> None:
        framing = self.settings.framing
        written: dict[_Peer, list[bytes]] = {}
        for one in group:
            one.peer.unanswered -= 1
            content = one.reply.content if durable else one.reply.stand_in()
            if not durable:
                self.outcomes[Outcome.STAND_IN] += 1
            if content:
                written.setdefault(one.peer, []).append(wrap(framing, content, one.routing))
        for peer, frames in written.items():
            peer.send(b"".join(frames))

    async def _sweep(self) -> None:
        """Hang up on peers that are silent, stuck or do not listen."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = loop.time()
            for peer in list(self._peers):
                peer.check(now)


class _Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: Door) -> None:
        self.unanswered = 0
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._place = 0
        self._name = ""
        self._heard = self._loop.time()
        self._begun = 0.0
        self._stuck = 0.0
        self._unreadable = 0
        self._paused = False
        self._again = False
        self._deaf = False

    # ------------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_BUFFER)
        link = transport.get_extra_info("socket")
        if link is not None:
            # The system's own buffer counts too, and would grow to megabytes for each deaf peer.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        address = transport.get_extra_info("peername") or ("?",)
        self._name = ":".join(str(part) for part in address[:2])
        reason = self._door.admit(self, str(address[0]))
        if reason:
            LOG.warning("peer %s was turned away: %s", self._name, reason)
            self._transport.abort()
            return
        LOG.info("peer %s connected", self._name)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        """The connection is over, however that came."""
        if self._door.leave(self):
            left = len(self._buffer) - self._place
            more = f", in the middle of a message ({left} bytes)" if left else ""
            LOG.info("peer %s is gone%s", self._name, more)
        self._transport = None
        self._buffer.clear()
        self._place = 0

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._deaf:
            return
        self._heard = self._loop.time()
        self._buffer += data
        if not self._again:
            self._turn()

    def eof_received(self) -> bool:
        """The peer sends no more; what it sent is answered before the connection closes."""
        self._deaf = True
        self._close_when_answered()
        # TLS knows no connection that is open on one side.
        transport = self._transport
        return transport is not None and transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        """The peer takes its answers too slowly: it is not read until it has."""
        self._stuck = self._loop.time()
        self._pace()

    def resume_writing(self) -> None:
        """The peer took its answers."""
        self._stuck = 0.0
        self._pace()

    # ------------------------------------------------------------------ the door's side

    def send(self, data: bytes) -> None:
        """Send answers."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
        self._pace()
        self._close_when_answered()

    def check(self, now: float) -> None:
        """Hang up where a bound is passed."""
        limits = self._door.settings.limits
        if self._stuck and now - self._stuck > limits.write_s:
            self.cut(f"it took no answers for {limits.write_s:g} s")
        elif self._begun and not self._paused and now - self._begun > limits.frame_s:
            self.cut(f"a message was not all there after {limits.frame_s:g} s")
        elif now - self._heard > limits.idle_s:
            self.cut(f"nothing was heard for {limits.idle_s:g} s")

    @property
    def busy(self) -> bool:
        """Whether messages that were received wait for their turn."""
        return self._again and self._transport is not None

    def stop_reading(self) -> None:
        """Take no more bytes."""
        self._deaf = True
        self._pace()

    def hang_up(self) -> None:
        """Close after everything that was written has left."""
        if self._transport is not None:
            self._transport.close()

    def cut(self, why: str) -> None:
        """Close at once; what was not sent is lost to the peer, which will ask again."""
        LOG.warning("peer %s is hung up on: %s", self._name, why)
        if self._transport is not None:
            self._transport.abort()

    # ------------------------------------------------------------------ inside

    def _turn(self) -> None:
        """Answer some of the frames that are there; the rest after the other peers' turn."""
        self._again = False
        framing = self._door.settings.framing
        for _ in range(_TURN):
            if self._transport is None or self._transport.is_closing():
                return
            try:
                frame, self._place = take(framing, self._buffer, self._place)
            except BadFrame as trouble:
                self._give_up(trouble.message)
                return
            if frame is None:
                self._rest()
                return
            self._one(frame)
        self._again = True
        self._loop.call_soon(self._turn)
        self._pace()

    def _rest(self) -> None:
        """No whole frame is left: keep the bytes of the one that has begun."""
        del self._buffer[: self._place]
        self._place = 0
        # A peer that sends a byte now and then is still judged by when the message began.
        if not self._buffer:
            self._begun = 0.0
        elif not self._begun:
            self._begun = self._loop.time()
        self._pace()
        self._close_when_answered()

    def _one(self, frame: Frame) -> None:
        self._begun = 0.0
        if not frame.content:
            if frame.reply and self._transport is not None:
                self._transport.write(frame.reply)
            return
        try:
            self._door.take(self, frame)
        except Unreadable as trouble:
            self._door.outcomes[Outcome.IGNORED] += 1
            self._unreadable += 1
            LOG.warning("peer %s sent a message that cannot be read: %s", self._name,
                         trouble.message)  # fmt: skip
            if self._unreadable >= self._door.settings.limits.unreadable:
                self._give_up(f"{self._unreadable} messages in a row could not be read")
        else:
            self._unreadable = 0

    def _give_up(self, why: str) -> None:
        """Read no more of this peer, and close when what it asked before is answered."""
        LOG.warning("peer %s is heard no further: %s", self._name, why)
        self._deaf = True
        self._buffer.clear()
        self._place = 0
        self._begun = 0.0
        self._pace()
        self._close_when_answered()

    def _pace(self) -> None:
        """Read on, or not: by what is unanswered, untaken and unlooked at."""
        if self._transport is None or self._transport.is_closing():
            return
        many = self.unanswered >= self._door.settings.limits.unanswered
        pause = self._deaf or self._again or bool(self._stuck) or many
        if pause and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not pause:
            self._transport.resume_reading()
        self._paused = pause

    def _close_when_answered(self) -> None:
        if self._deaf and not self._again and self.unanswered == 0 and self._transport is not None:
            self._transport.close()


def _among(address: str, settings: DoorSettings) -> bool:
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(known, "ipv4_mapped", None)
    return any((mapped or known) in network for network in settings.peers)
