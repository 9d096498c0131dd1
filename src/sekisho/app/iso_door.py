"""The ISO 8583 door, joined to the vault, the rulebook and the clock."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sekisho.domain.authorization import Desk
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.exchange import Exchange
from sekisho.gateways.inbound.iso8583.mapping import CardReader, Meaning
from sekisho.gateways.inbound.iso8583.server import Door
from sekisho.gateways.inbound.iso8583.settings import DoorSettings
from sekisho.rulebook import response_codes
from sekisho.rulebook.codes import codes as known_codes
from sekisho.rulebook.response_codes import ResponseCodes


@dataclass(frozen=True, slots=True)
class DoorParts:
    """What a door is joined to besides the desk.

    ``cards``: what the vault does for it. ``codes``: field 39 for decisions; None: the shipped
    table of the settings' network.
    """

    cards: CardReader
    codes: ResponseCodes | None = None
    tls: ssl.SSLContext | None = None


async def serve_iso8583(
    host: str, port: int, desk: Desk, settings: DoorSettings, parts: DoorParts
) -> Door:
    """Open the door on the running event loop; the caller closes it (``await door.close()``)."""
    codes = parts.codes
    if codes is None:
        today = datetime.now(tz=UTC).date()  # noqa: TID251 - app reads the clock
        codes = response_codes.shipped(settings.network, today)
    meaning = Meaning(settings, parts.cards, known_codes().countries)
    exchange = Exchange(settings, desk, meaning, codes.of)
    door = Door(settings, exchange, desk, clock=_now)
    await door.open(host, port, parts.tls)
    return door


def address_of(option: str, text: str) -> tuple[str, int]:
    """``HOST:PORT`` (or ``[IPV6]:PORT``, ``:PORT``) of an option; BadInput where it is none."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise BadInput(f"{option}: {text!r} is not HOST:PORT", hint="Write it as 127.0.0.1:8583.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def tls_of(certificate: Path, key: Path, peers_ca: Path | None) -> ssl.SSLContext:
    """TLS for a door; with ``peers_ca`` only peers with a certificate of that authority come in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if peers_ca is not None:
            context.load_verify_locations(peers_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError):
        raise BadInput(
            f"the certificate {certificate.name} and its key cannot be used",
            hint="PEM files that belong together, and a PEM file of the authority.",
        ) from None
    return context


def _now() -> int:
    return int(time.time())  # noqa: TID251 - app reads the clock
