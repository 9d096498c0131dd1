"""The door over real TCP: pipelines, pieces, many peers, slow ones, dead ones, and the stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from gateways.iso8583.desk import SmallDesk
from gateways.iso8583.samples import CARD, NOW, request
from gateways.iso8583.test_exchange import CODEC, exchange
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.exchange import Outcome
from sekisho.gateways.inbound.iso8583.framing import FrameKind, Framing, take, wrap
from sekisho.gateways.inbound.iso8583.server import Door
from sekisho.gateways.inbound.iso8583.settings import DoorSettings, Limits, plain

PATIENCE_S = 60.0
"""Never reached unless something hangs: no test measures time."""


def run(scene: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scene

    asyncio.run(bounded())


def limited(**limits: Any) -> DoorSettings:
    return dataclasses.replace(plain(), limits=Limits(**limits))


@asynccontextmanager
async def opened(desk: SmallDesk, settings: DoorSettings | None = None) -> AsyncIterator[Door]:
    told = settings or plain()
    door = Door(told, exchange(desk, told), desk, clock=lambda: NOW)
    await door.open("127.0.0.1", 0)
    try:
        yield door
    finally:
        await door.close()


class Peer:
    """A network's side of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def frame(self) -> bytes:
        size = int.from_bytes(await self.reader.readexactly(2), "big")
        return await self.reader.readexactly(size)

    async def answer(self) -> dict[int, str]:
        return CODEC.decode(await self.frame()).fields

    async def ask(self, fields: dict[int, str], kind: str = "0100") -> dict[int, str]:
        self.writer.write(wrap(Framing(), CODEC.encode(kind, fields)))
        return await self.answer()

    async def gone(self) -> bytes:
        """Whatever the door still says, once it has hung up."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def connected(door: Door) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def numbered(number: int, **changes: str) -> dict[int, str]:
    return request(f11=f"{number:06d}", f37=f"{number:012d}", **changes)


def stream_of(count: int, first: int = 0) -> bytes:
    return b"".join(
        wrap(Framing(), CODEC.encode("0100", numbered(number, f4=f"{number:012d}")))
        for number in range(first, first + count)
    )


def test_a_pipeline_is_answered_in_order_and_each_once(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door, connected(door) as peer:
            peer.writer.write(stream_of(500))
            told = [(await peer.answer())[11] for _ in range(500)]
            assert told == [f"{number:06d}" for number in range(500)]
            assert door.outcomes[Outcome.APPROVED] == 500
        assert len(desk.requests) == 500

    run(scene())


def test_a_message_may_come_byte_by_byte(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door, connected(door) as peer:
            for byte in stream_of(1):
                peer.writer.write(bytes([byte]))
                await peer.writer.drain()
                await asyncio.sleep(0)
            assert (await peer.answer())[39] == "00"

    run(scene())


def test_many_peers_at_once_get_their_own_answers(desk: SmallDesk) -> None:
    async def one(door: Door, number: int) -> None:
        async with connected(door) as peer:
            for step in range(10):
                fields = await peer.ask(numbered(1_000 * number + step))
                assert fields[11] == f"{1_000 * number + step:06d}"

    async def scene() -> None:
        async with opened(desk) as door:
            await asyncio.gather(*(one(door, number) for number in range(30)))
            assert door.outcomes[Outcome.DECLINED] == 300

    run(scene())


def test_no_answer_leaves_before_it_is_durable_and_all_wait_together(desk: SmallDesk) -> None:
    async def scene() -> None:
        desk.waits = asyncio.Event()
        async with opened(desk) as door, connected(door) as peer, connected(door) as other:
            peer.writer.write(stream_of(3))
            other.writer.write(stream_of(3, 10))
            while len(desk.requests) < 6:
                await asyncio.sleep(0.01)
            first = asyncio.ensure_future(peer.frame())
            await asyncio.sleep(0.1)
            assert not first.done()
            desk.waits.set()
            await first
            assert [(await peer.answer())[11] for _ in range(2)] == ["000001", "000002"]
            assert (await other.answer())[11] == "000010"
            assert desk.flushes <= 2

    run(scene())


def test_when_nothing_becomes_durable_the_stand_in_answers(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door, connected(door) as peer:
            desk.not_durable = True
            assert (await peer.ask(numbered(1, f4="000000000800")))[39] == "91"
            desk.not_durable = False
            assert (await peer.ask(numbered(2, f4="000000000800")))[39] == "00"

    run(scene())


# ------------------------------------------------------------------ bad peers


def test_messages_that_cannot_be_read_do_not_hurt_the_others(
    desk: SmallDesk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with opened(desk, limited(unreadable=3)) as door, connected(door) as peer:
            junk = wrap(Framing(), b"XXXX" + CARD.encode())
            peer.writer.write(junk * 2 + stream_of(1) + junk * 2 + stream_of(1, 1))
            assert [(await peer.answer())[11] for _ in range(2)] == ["000000", "000001"]
            peer.writer.write(junk * 3 + stream_of(1, 2))
            assert await peer.gone() == b""
            async with connected(door) as other:
                assert (await other.ask(numbered(9)))[39] == "59"
            assert door.outcomes[Outcome.IGNORED] == 7

    run(scene())
    assert "3 messages in a row" in caplog.text
    assert CARD not in caplog.text


@pytest.mark.parametrize("junk", [b"\xff\xff" + b"A" * 100, b"GET / HTTP/1.1\r\n\r\n"])
def test_a_stream_that_cannot_be_followed_is_closed(desk: SmallDesk, junk: bytes) -> None:
    async def scene() -> None:
        async with opened(desk) as door, connected(door) as peer:
            peer.writer.write(stream_of(1) + junk)
            assert (await peer.answer())[11] == "000000"
            assert await peer.gone() == b""
        assert len(desk.requests) == 1

    run(scene())


def test_a_message_that_never_ends_and_a_silent_peer_are_hung_up_on(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk, limited(frame_s=0.2)) as door, connected(door) as peer:
            peer.writer.write(stream_of(1)[:50])
            assert await peer.gone() == b""
        async with opened(desk, limited(idle_s=0.2)) as door, connected(door) as peer:
            assert await peer.gone() == b""

    run(scene())
    assert not desk.requests


def test_half_closed_peers_get_their_answers(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door, connected(door) as peer:
            peer.writer.write(stream_of(100))
            peer.writer.write_eof()
            found = await peer.gone()
            place, count = 0, 0
            while place < len(found):
                frame, place = take(Framing(), found, place)
                assert frame is not None
                count += 1
            assert count == 100

    run(scene())


def test_a_peer_that_takes_no_answers_is_read_no_further_and_then_cut(desk: SmallDesk) -> None:
    """It floods and never reads: what waits for it stays bounded, and others are served."""

    async def scene() -> None:
        async with opened(desk, limited(write_s=0.3)) as door:
            deaf = socket.socket()
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", door.port))
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            echo = wrap(Framing(), CODEC.encode("0800", {7: "0817150000", 11: "000001", 70: "301"}))
            sent = 0
            try:
                while sent < 200_000_000:
                    await loop.sock_sendall(deaf, echo * 500)
                    sent += len(echo) * 500
            except ConnectionError:
                pass
            finally:
                deaf.close()
            assert sent < 100_000_000
            async with connected(door) as peer:
                assert (await peer.ask(numbered(1)))[39] == "59"

    run(scene())


def test_a_peer_that_dies_in_the_middle_leaves_nothing_behind(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door:
            for _ in range(20):
                raw = socket.create_connection(("127.0.0.1", door.port))
                raw.sendall(stream_of(5) + stream_of(1)[:30])
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                raw.close()
            async with connected(door) as peer:
                assert (await peer.ask(numbered(77)))[39] == "59"
            while door.peers:
                await asyncio.sleep(0.01)

    run(scene())


def test_more_peers_than_allowed_and_strangers_are_turned_away(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk, limited(peers=1)) as door, connected(door) as peer:
            assert (await peer.ask(numbered(1)))[39] == "59"
            async with connected(door) as second:
                assert await second.gone() == b""
            assert (await peer.ask(numbered(2)))[39] == "59"
        strict = dataclasses.replace(plain(), peers=(ipaddress.ip_network("192.0.2.0/24"),))
        async with opened(desk, strict) as door, connected(door) as stranger:
            assert await stranger.gone() == b""

    run(scene())


def test_a_flood_of_one_card_is_answered(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door, connected(door) as peer:
            peer.writer.write(stream_of(1_000))
            peer.writer.write_eof()
            assert (await peer.gone()).count(CARD.encode()) == 1_000
        assert len({one.card_ref for one in desk.requests}) == 1

    run(scene())


# ------------------------------------------------------------------ framings, start and stop


@pytest.mark.parametrize("kind", list(FrameKind))
def test_every_framing_over_tcp(desk: SmallDesk, kind: FrameKind) -> None:
    framing = Framing(kind, tpdu=kind is FrameKind.BINARY)
    settings = dataclasses.replace(plain(), framing=framing)

    async def scene() -> None:
        async with opened(desk, settings) as door, connected(door) as peer:
            beat = b"\0\0\0\x20" if kind is FrameKind.VML else b""
            peer.writer.write(beat + wrap(framing, CODEC.encode("0100", request())))
            peer.writer.write_eof()
            found = await peer.gone()
            assert found.startswith(beat)
            frame, end = take(framing, found, len(beat))
            assert frame is not None
            assert end == len(found)
            assert CODEC.decode(frame.content).fields[39] == "59"

    run(scene())


def test_answers_in_flight_leave_before_the_door_closes(desk: SmallDesk) -> None:
    async def scene() -> None:
        desk.waits = asyncio.Event()
        async with opened(desk) as door, connected(door) as peer:
            peer.writer.write(stream_of(200))
            while not desk.requests:
                await asyncio.sleep(0.01)
            closing = asyncio.ensure_future(door.close())
            await asyncio.sleep(0.05)
            assert not closing.done()
            desk.waits.set()
            await closing
            answered = (await peer.gone()).count(CARD.encode())
            assert answered == len(desk.requests) >= 1
            with pytest.raises(OSError, match=r"."):
                await asyncio.open_connection("127.0.0.1", door.port)

    run(scene())


def test_an_address_in_use_is_said(desk: SmallDesk) -> None:
    async def scene() -> None:
        async with opened(desk) as door:
            second = Door(plain(), exchange(desk), desk, clock=lambda: NOW)
            with pytest.raises(BadInput, match="cannot listen"):
                await second.open("127.0.0.1", door.port)

    run(scene())


def test_junk_from_many_peers_never_stops_the_door(desk: SmallDesk) -> None:
    """A small fuzz of the server; benchmarks/fuzz_iso.py is the long one."""
    chance = np.random.default_rng(8583)
    logging.getLogger("sekisho.iso8583").setLevel(logging.CRITICAL)

    async def scene() -> None:
        async with opened(desk) as door:
            for _ in range(60):
                raw = bytearray(stream_of(3))
                for place in chance.integers(0, len(raw), 3):
                    raw[place] = chance.integers(0, 256)
                async with connected(door) as peer:
                    peer.writer.write(bytes(raw[: chance.integers(1, len(raw) + 1)]))
                    peer.writer.write_eof()
                    await peer.gone()
            async with connected(door) as peer:
                assert (await peer.ask(numbered(99)))[39] == "59"
            assert door.outcomes[Outcome.FAILED] == 0

    try:
        run(scene())
    finally:
        logging.getLogger("sekisho.iso8583").setLevel(logging.NOTSET)
