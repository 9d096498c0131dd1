"""One process with everything in it: the engine, its doors, and those who ask holders.

The engine lives in the event loop's thread and is called from nowhere else. Everything that waits
for the state store does so in other threads, so that no authorization waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import secrets
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from starlette.applications import Starlette

from sekisho.app.api_keys import KeyBook
from sekisho.app.asking.desk import LoopLine
from sekisho.app.asking.service import asking_beside
from sekisho.app.iso_door import DoorParts, serve_iso8583
from sekisho.app.live import LiveDesk
from sekisho.app.message_settings import read_secret, read_settings
from sekisho.app.served_desk import FeedOnLoop, ServedDesk
from sekisho.app.served_store import StoreAnswers, StoreDeliveries, StoreKeeper, StoreLog
from sekisho.app.serving_jobs import engine_jobs
from sekisho.app.whole_file import whole_text
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.mapping import CardReader
from sekisho.gateways.inbound.iso8583.settings import DoorSettings
from sekisho.rulebook import response_codes
from sekisho.store.transaction import Store
from sekisho.vault.keys import read_key, write_key
from sekisho.vault.surrogate import CardRefs
from sekisho.web.api.asgi import AsgiApp
from sekisho.web.api.door import HttpDoor
from sekisho.web.api.metrics import Metrics
from sekisho.web.api.ports import Rooms
from sekisho.web.api.server import HttpServer, Tls

Say = Callable[[str], None]
CARD_KEY: Final = "card.key"
CARD_KEY_ID: Final = "card-key.id"
LINKS: Final = "/h"
"""Where the pages behind one-time links lie."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a door listens; port 0: any that is free."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can come in."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: addresses (None: that door stays shut), TLS, how ISO 8583 is spoken."""

    http: Address | None
    iso8583: Address | None
    iso_settings: DoorSettings
    zone: ZoneInfo
    tls: Tls | None = None
    iso_tls: ssl.SSLContext | None = None
    settings: Path | None = None
    own_policy: bool = False


class Health:
    """Satisfies `sekisho.web.api.ports.Health`."""

    def __init__(self, desk: ServedDesk, keeper: StoreKeeper, lacking: Sequence[str]) -> None:
        self.ending = False
        self._desk = desk
        self._keeper = keeper
        self._lacking = tuple(lacking)

    def ready(self) -> bool:
        """Whether authorizations are decided by the engine now."""
        return not (self._desk.standing_in or self.ending)

    def missing(self) -> Sequence[str]:
        """What is not as it should be."""
        troubles = {
            "the engine cannot write and stands in": self._desk.standing_in,
            "the state store is away": self._keeper.away,
            "the service is ending": self.ending,
        }
        return [what for what, there in troubles.items() if there] + list(self._lacking)


def card_refs(data: Path, given: Path | None) -> tuple[CardRefs, bool]:
    """What makes references of card numbers, and whether its key was made just now.

    Without a key file the data folder's own is used, and made where there is none yet. Another key
    than the one that the folder was begun with is refused: each card would be a new one.
    """
    path = given or data / CARD_KEY
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    noted = data / CARD_KEY_ID
    before = noted.read_text(encoding="ascii").strip() if noted.exists() else ""
    new = given is None and not path.exists() and not before
    if new:
        write_key(path, secrets.token_bytes(32))
    refs = CardRefs(read_key(path))
    if before and before != refs.key_id:
        raise BadInput(
            f"{data} was begun with the card key {before}, and {path.name} is {refs.key_id}",
            hint="Give the key file that it was begun with: --card-key FILE",
        )
    if not before:
        with whole_text(noted) as out:
            out.write(f"{refs.key_id}\n")
    return refs, new


def bound(address: Address) -> socket.socket:
    """A listening socket; ``BadInput`` where the address cannot be had."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, _, _, _, where = found[0]
        made = socket.create_server(where[:2], family=family, backlog=2048)
    except OSError as error:
        raise BadInput(
            f"HTTP cannot listen on {address}: {error.strerror}",
            hint="Name another address with --http HOST:PORT.",
        ) from None
    made.setblocking(False)
    return made


def require_keys(http: Address | None, keys: KeyBook) -> None:
    """``BadInput`` where others could come in and no key is there to tell who they are."""
    if http is not None and not http.loopback and not keys.valid:
        raise BadInput(
            f"there is no valid API key, and {http} can be reached from other machines",
            hint="Make one: sekisho api-key new NAME --role authorize. Or serve this machine "
            "alone: --http 127.0.0.1:8080",
        )


class Service:
    """The doors over one engine, from opening to closing."""

    def __init__(self, live: LiveDesk, store: Store, refs: CardRefs, keys: KeyBook) -> None:
        self.figures = Metrics()
        self.desk = ServedDesk(live, self.figures.decided)
        self._store = store
        self._refs = refs
        self._keys = keys
        self._log = StoreLog(store)
        self._keeper = StoreKeeper(keys, self._log)

    async def run(self, served: Served, say: Say) -> None:
        """Serve until SIGINT or SIGTERM; what is in flight then is answered."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        lacking = [] if served.settings else ["holders are not asked: --settings FILE"]
        health = Health(self.desk, self._keeper, lacking)
        keeping = asyncio.ensure_future(self._keeper.run())
        stack = contextlib.ExitStack()
        try:
            answers, deliveries, pages = self._beside(served, stack, loop)
            rooms = self._rooms(served, health, answers, deliveries)
            async with contextlib.AsyncExitStack() as doors:
                await self._open(served, rooms, pages, doors, say)
                gc.collect()
                gc.freeze()  # what is there now stays: the collector need not look at it again
                say("Ready. Ctrl-C or SIGTERM ends it after what is in flight.")
                await stop.wait()
                health.ending = True
                say("Ending: what is in flight is answered.")
        finally:
            gc.unfreeze()
            # Threads that wait for the engine need the loop until they have ended.
            await asyncio.to_thread(stack.close)
            keeping.cancel()
            await asyncio.wait([keeping])
            await asyncio.to_thread(self._keeper.end)

    def _rooms(
        self,
        served: Served,
        health: Health,
        answers: StoreAnswers | None,
        deliveries: StoreDeliveries | None,
    ) -> Rooms:
        today = datetime.now(tz=UTC).date()  # noqa: TID251 - app reads the clock
        table = response_codes.shipped(served.iso_settings.network, today)
        return Rooms(
            desk=self.desk,
            decisions=self.desk,
            log=self._log,
            health=health,
            keys=self._keys,
            card_ref=self._refs.of_text,
            response_code=table.of,
            clock=lambda: datetime.now(tz=UTC),  # noqa: TID251 - app hands the clock in
            zone=served.zone,
            answers=answers,
            deliveries=deliveries,
        )

    def _beside(
        self, served: Served, stack: contextlib.ExitStack, loop: asyncio.AbstractEventLoop
    ) -> tuple[StoreAnswers | None, StoreDeliveries | None, Mapping[str, AsgiApp]]:
        """Begin to do the engine's jobs, and to ask holders where the installation says how."""
        line = LoopLine(self.desk, loop)
        asked = served.settings is not None
        jobs = engine_jobs(
            self._store, line, self.desk.live, own_policy=served.own_policy, asking=asked
        )
        stack.enter_context(jobs)
        if served.settings is None:
            return None, None, {}
        beside = asking_beside(self._store, served.settings, line, FeedOnLoop(line, self.desk))
        asking, pages = stack.enter_context(beside)
        chosen = read_settings(served.settings)
        hooks = [hook for hook in (chosen.sms, chosen.push) if hook is not None]
        deliveries = StoreDeliveries(self._store, [read_secret(one.secret_file) for one in hooks])
        routes = pages.routes(LINKS)
        return StoreAnswers(asking.answer), deliveries, {f"{LINKS}/": Starlette(routes=routes)}

    async def _open(
        self,
        served: Served,
        rooms: Rooms,
        pages: Mapping[str, AsgiApp],
        doors: contextlib.AsyncExitStack,
        say: Say,
    ) -> None:
        """Open the doors; they are closed in the other order, each after its last answer."""
        if served.http is not None:
            server = HttpServer(HttpDoor(rooms, self.figures, pages), served.tls)
            listening = bound(served.http)
            port = listening.getsockname()[1]
            await server.start(listening)
            doors.push_async_callback(server.stop)
            kind = "https" if served.tls else "http"
            say(f"HTTP on {kind}://{Address(served.http.host, port)}, {self._who()}")
        if served.iso8583 is not None:
            parts = DoorParts(CardReader(self._refs.of_text), tls=served.iso_tls)
            where = served.iso8583
            door = await serve_iso8583(
                where.host, where.port, self.desk, served.iso_settings, parts
            )
            doors.push_async_callback(door.close)
            say(f"ISO 8583 on {Address(where.host, door.port)}")

    def _who(self) -> str:
        """Who is let in, in words."""
        if self._keys.any_ever:
            valid = self._keys.valid
            return f"{valid} API key{'' if valid == 1 else 's'}"
        return (
            "open to this machine: make a key with "
            "sekisho api-key new NAME --role authorize --person ID"
        )


@contextlib.contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Tells the seconds since the block began."""
    began = time.perf_counter()
    yield lambda: time.perf_counter() - began
