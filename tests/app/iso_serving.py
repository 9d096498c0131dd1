"""A door on a thread of its own, so that a command can be run against it."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sekisho.app.iso_door import DoorParts, serve_iso8583
from sekisho.domain.authorization import Desk
from sekisho.gateways.inbound.iso8583.mapping import CardReader
from sekisho.gateways.inbound.iso8583.server import Door
from sekisho.gateways.inbound.iso8583.settings import DoorSettings, plain
from sekisho.vault.keys import CardKey
from sekisho.vault.surrogate import CardRefs


@contextmanager
def served(
    desk: Desk, settings: DoorSettings | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Door]:
    """The door with the vault's own references, closed at the end of the block."""
    refs = CardRefs(CardKey(key_id="test", secret=os.urandom(32)))
    parts = DoorParts(CardReader(refs.of_text), tls=tls)
    opened: list[Door] = []
    ready = threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        door = await serve_iso8583("127.0.0.1", 0, desk, settings or plain(), parts)
        opened.append(door)
        ready.set()
        await stop.wait()
        await door.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        yield opened[0]
    finally:
        loop, stop = stops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()
