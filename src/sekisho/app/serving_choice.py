"""From what was chosen on the command line to a running service, with a word on each step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sekisho.app.api_keys import KeyBook
from sekisho.app.bars import drawn
from sekisho.app.iso_door import address_of, tls_of
from sekisho.app.live import LiveDesk, open_desk
from sekisho.app.opening import open_store
from sekisho.app.policy_reading import read_policy
from sekisho.app.policy_store import policies_in_force
from sekisho.app.quick_loop import run_loop
from sekisho.app.serving import Address, Served, Service, card_refs, require_keys, timed
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583 import settings as iso
from sekisho.scoring.policy import Policy
from sekisho.store.transaction import Store
from sekisho.web.api.server import Tls

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What `sekisho serve` was called with."""

    http: str | None
    iso8583: str | None
    database: str | None
    data: Path
    model: Path | None
    policy: Path | None
    card_key: Path | None
    iso8583_settings: Path | None
    iso8583_ca: Path | None
    settings: Path | None
    sync: bool
    tls: tuple[Path, Path] | None
    timezone: str
    patience_s: float


def serve_all(choice: Choice, say: Say) -> None:
    """Serve until SIGINT or SIGTERM. ``say``: prints one line."""
    _hear_logs(say)
    served = _served(choice)
    refs, new_key = card_refs(choice.data, choice.card_key)
    if new_key:
        say(f"Made a card key in {choice.data}: keep a copy, references depend on it.")
    with open_store(choice.database, patience_s=choice.patience_s) as store:
        loopback = served.http is not None and served.http.loopback
        keys = KeyBook(store, store.outside.clock, on_loopback=loopback)
        require_keys(served.http, keys)
        live = _recovered(choice, _policy(choice, store), say)
        try:
            service = Service(live, store, refs, keys)
            run_loop(service.run(served, say))
        finally:
            live.close()
    say("Ended. Everything that was answered is written down.")


def _served(choice: Choice) -> Served:
    try:
        zone = ZoneInfo(choice.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"there is no time zone {choice.timezone[:40]!r}", hint="Write it as Asia/Tokyo."
        ) from None
    return Served(
        http=Address(*address_of("--http", choice.http)) if choice.http else None,
        iso8583=Address(*address_of("--iso8583", choice.iso8583)) if choice.iso8583 else None,
        iso_settings=iso.read(choice.iso8583_settings) if choice.iso8583_settings else iso.plain(),
        zone=zone,
        tls=Tls(*choice.tls) if choice.tls else None,
        iso_tls=tls_of(*choice.tls, choice.iso8583_ca)
        if choice.tls and choice.iso8583_ca
        else None,
        settings=choice.settings,
    )


def _policy(choice: Choice, store: Store) -> Policy | None:
    """The policy of the file, or the one that is in force by the store; None: the shipped one."""
    if choice.policy is not None:
        return read_policy(choice.policy).policy
    live = policies_in_force(store).live
    return None if live is None else live.policy


def _recovered(choice: Choice, policy: Policy | None, say: Say) -> LiveDesk:
    """The engine with the state of its last run, and what it found in words."""
    with timed() as seconds, drawn({"recover": "bringing the state back"}) as bars:
        bars.step("recover")
        live = open_desk(
            choice.data,
            clock=lambda: int(time.time()),  # noqa: TID251 - app hands the clock in
            model=choice.model,
            policy=policy,
            sync=choice.sync,
        )
    memory, judges = live.engine.memory, live.engine.judges
    say(
        f"State of {memory.card_count:,} cards and {memory.merchant_count:,} merchants "
        f"brought back from {choice.data} in {seconds():.1f} s"
        + ("; each answer is flushed to the disk before it leaves." if choice.sync else ".")
    )
    model = judges.model or "none (rules alone): make one with sekisho train, give it with --model"
    say(f"Policy {judges.policy.policy.version}; model {model}.")
    return live


def _hear_logs(say: Say) -> None:
    """Warnings and what was recovered are printed; the vault masks every record."""

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(self.format(record))

    handler = Said()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("sekisho")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    uvicorn = logging.getLogger("uvicorn")
    uvicorn.addHandler(handler)
    uvicorn.setLevel(logging.WARNING)
