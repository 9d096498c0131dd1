"""What an installation says of one ISO 8583 door: a TOML file, every part of it optional."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583 import private
from sekisho.gateways.inbound.iso8583.framing import FrameKind, Framing
from sekisho.gateways.inbound.iso8583.private import Place
from sekisho.gateways.inbound.iso8583.variant import Variant, shipped
from sekisho.gateways.inbound.iso8583.variant import read as read_variant

Made = TypeVar("Made")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ECHO: Final = (2, 3, 4, 6, 7, 10, 11, 12, 13, 15, 19, 23, 24, 32, 33, 37, 41, 42, 49, 51)
_KEY: Final = (7, 11, 32, 37)


class StandIn(StrEnum):
    """What is answered while the engine cannot write a decision down."""

    DECLINE = "decline"
    """The stand-in code: the network's own stand-in may decide."""
    APPROVE_SMALL = "approve_small"
    """Approve up to a limit by currency, decline the rest."""
    SILENCE = "silence"
    """No answer at all: the network's timer runs out, and its stand-in decides."""


@dataclass(frozen=True, slots=True)
class StandInPolicy:
    """``code``: field 39 of a decline (91: issuer not available). ``limits``: minor units."""

    answer: StandIn = StandIn.DECLINE
    code: str = "91"
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NameSplit:
    """How field 43 is divided: widths of name, city, state and country, in this order."""

    name: int = 23
    city: int = 13
    state: int = 2
    country: int = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what peers may do; seconds and counts.

    ``idle_s``: a peer that sends nothing for so long is gone. ``frame_s``: a message that has begun
    is all there by then. ``write_s``: a peer that takes no answers for so long is gone.
    ``unanswered``: answers of one connection that may wait before it is read no further.
    ``unreadable``: messages in a row that cannot be read before the connection is closed.
    """

    peers: int = 512
    idle_s: float = 300.0
    frame_s: float = 10.0
    write_s: float = 10.0
    unanswered: int = 2000
    unreadable: int = 10
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """One door. ``zones``: of local times, by the acquirer's country (field 19, "" for any).

    ``exponents``: where a network writes a currency with other decimals than ISO 4217 says, how
    many decimals too many. ``key``: the fields that make a request's id. ``required``: fields that
    a request cannot do without. ``peers``: addresses that may connect; empty: any.
    """

    variant: Variant
    network: str = ""
    framing: Framing = field(default_factory=Framing)
    zones: Mapping[str, ZoneInfo] = field(default_factory=dict)
    name_split: NameSplit = NameSplit()
    exponents: Mapping[str, int] = field(default_factory=dict)
    key: tuple[int, ...] = _KEY
    echo: tuple[int, ...] = _ECHO
    required: tuple[int, ...] = (2, 3, 4, 7, 11, 32, 49)
    private: tuple[Place, ...] = ()
    stand_in: StandInPolicy = StandInPolicy()
    limits: Limits = Limits()
    peers: tuple[Network, ...] = ()


def plain() -> DoorSettings:
    """A door without a file: ASCII, a binary length of two bytes, local times of Japan."""
    return DoorSettings(shipped("ascii"), zones={"392": ZoneInfo("Asia/Tokyo")})


def read(path: Path) -> DoorSettings:
    """The settings in a file; BadInput with file and field. Files named in it lie beside it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None
    return parse(path.name, content, path.parent)


def parse(file: str, content: bytes, folder: Path) -> DoorSettings:
    """The settings in ``content``; raises BadInput that names the field."""
    try:
        told = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{file} is not TOML in UTF-8: {error}") from None
    known = {one.name for one in fields(DoorSettings)} | {"variant_file"}
    if unknown := sorted(set(told) - known):
        raise BadInput(f"{file}: {unknown[0]} is not a setting of the door")
    made: dict[str, Any] = {"variant": _variant(told, folder)}
    if "network" in told:
        made["network"] = str(told["network"])
    for key, kind in (("name_split", NameSplit), ("limits", Limits)):
        if key in told:
            made[key] = _record(f"{file}: {key}", kind, told[key])
    if "framing" in told:
        made["framing"] = _framing(f"{file}: framing", told["framing"])
    if "stand_in" in told:
        made["stand_in"] = _stand_in(f"{file}: stand_in", told["stand_in"])
    made["zones"] = _zones(f"{file}: zones", told.get("zones", {"392": "Asia/Tokyo"}))
    made["exponents"] = _numbers(f"{file}: exponents", told.get("exponents", {}))
    for key in ("key", "echo", "required"):
        if key in told:
            made[key] = _fields(f"{file}: {key}", told[key])
    made["private"] = _places(f"{file}: private", told.get("private", []))
    made["peers"] = _peers(f"{file}: peers", told.get("peers", []))
    return DoorSettings(**made)


def _variant(told: Mapping[str, Any], folder: Path) -> Variant:
    if "variant_file" in told:
        return read_variant(folder / str(told["variant_file"]))
    return shipped(str(told.get("variant", "ascii")))


def _record(where: str, kind: type[Made], told: Any) -> Made:
    """A record of numbers, each at least 0 and of the default's own kind."""
    known = {one.name: one.type for one in fields(kind)}  # type: ignore[arg-type]
    _only(where, told, set(known))
    for key, value in told.items():
        whole = known[key] in ("int", int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise BadInput(f"{where}.{key} is not a number")
        if value < 0:
            raise BadInput(f"{where}.{key} is below zero")
    return kind(**told)


def _framing(where: str, told: Any) -> Framing:
    _only(where, told, {"kind", "counts_itself", "tpdu", "longest"})
    try:
        kind = FrameKind(told.get("kind", FrameKind.BINARY))
    except ValueError:
        raise BadInput(f"{where}.kind is none of {', '.join(FrameKind)}") from None
    longest = told.get("longest", 2048 if kind is FrameKind.VML else 4096)
    if not isinstance(longest, int) or not 64 <= longest <= 9_999:
        raise BadInput(f"{where}.longest is not a number from 64 to 9,999")
    flags = {key: told.get(key, False) for key in ("counts_itself", "tpdu")}
    for key, value in flags.items():
        if not isinstance(value, bool):
            raise BadInput(f"{where}.{key} is neither true nor false")
    return Framing(kind, flags["counts_itself"], flags["tpdu"], longest)


def _stand_in(where: str, told: Any) -> StandInPolicy:
    _only(where, told, {"answer", "code", "limits"})
    try:
        answer = StandIn(told.get("answer", StandIn.DECLINE))
    except ValueError:
        raise BadInput(f"{where}.answer is none of {', '.join(StandIn)}") from None
    code = told.get("code", "91")
    if not (isinstance(code, str) and len(code) == 2 and code.isalnum() and code.isascii()):
        raise BadInput(f"{where}.code is not two digits or letters")
    limits = _numbers(f"{where}.limits", told.get("limits", {}))
    if answer is StandIn.APPROVE_SMALL and not limits:
        raise BadInput(f"{where}.limits is empty", hint="limits = { 392 = 5000 } is 5,000 yen.")
    return StandInPolicy(answer, code, limits)


def _zones(where: str, told: Any) -> dict[str, ZoneInfo]:
    _only(where, told, None)
    zones = {}
    for country, name in told.items():
        try:
            zones["" if country == "other" else country] = ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadInput(f"{where}.{country}: there is no time zone {name!r}") from None
    return zones


def _numbers(where: str, told: Any) -> dict[str, int]:
    _only(where, told, None)
    for key, value in told.items():
        if not (key.isdecimal() and len(key) == 3):
            raise BadInput(f"{where}: {key!r} is not a currency of three digits")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadInput(f"{where}.{key} is not a number from 0")
    return dict(told)


def _fields(where: str, told: Any) -> tuple[int, ...]:
    good = isinstance(told, list) and all(type(one) is int and 2 <= one <= 128 for one in told)
    if not good:
        raise BadInput(f"{where} is not a list of field numbers")
    return tuple(told)


def _places(where: str, told: Any) -> tuple[Place, ...]:
    if not isinstance(told, list):
        raise BadInput(f"{where} is not a list: write [[private]]")
    places = []
    for number, entry in enumerate(told, start=1):
        here = f"{where}[{number}]"
        _only(here, entry, {one.name for one in fields(Place)})
        if not {"what", "field", "layout"} <= set(entry):
            raise BadInput(f"{here} needs what, field and layout")
        for key, value in entry.items():
            wanted = {"what": str, "layout": str, "tag": str, "values": dict}.get(key, int)
            if not isinstance(value, wanted):
                raise BadInput(f"{here}.{key} is not of the kind {wanted.__name__}")
        place = Place(**entry)
        private.check(here, place)
        places.append(place)
    return tuple(places)


def _peers(where: str, told: Any) -> tuple[Network, ...]:
    if not isinstance(told, list):
        raise BadInput(f"{where} is not a list of addresses")
    try:
        return tuple(ipaddress.ip_network(str(one)) for one in told)
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None


def _only(where: str, told: Any, known: set[str] | None) -> None:
    if not isinstance(told, dict):
        raise BadInput(f"{where} is not a table")
    if known is not None and (unknown := sorted(set(told) - known)):
        raise BadInput(f"{where}.{unknown[0]} is not a setting")
