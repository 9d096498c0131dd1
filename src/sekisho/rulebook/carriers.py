"""How fast each mail carrier is fed: dated data, shipped and of the installation."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput

OTHER: Final = "other"
_GROUP_KEYS: Final = {"name", "domains", "per_second", "burst"}


@dataclass(frozen=True, slots=True)
class CarrierGroup:
    """Domains of one carrier: ``per_second`` messages in the long run, ``burst`` at once."""

    name: str
    domains: tuple[str, ...]
    per_second: float
    burst: int


@dataclass(frozen=True)
class Carriers:
    """The groups in force from a day on."""

    valid_from: date
    groups: tuple[CarrierGroup, ...]
    _by_domain: Mapping[str, CarrierGroup] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table: dict[str, CarrierGroup] = {}
        for group in self.groups:
            for domain in group.domains:
                table.setdefault(domain, group)
        object.__setattr__(self, "_by_domain", table)

    def group_of(self, domain: str) -> CarrierGroup:
        """The group that ``domain``, or a domain it lies in, belongs to; else "other"."""
        name = domain
        while name:
            if name in self._by_domain:
                return self._by_domain[name]
            name = name.partition(".")[2]
        return next(group for group in self.groups if group.name == OTHER)


def shipped(on: date) -> Carriers:
    """The shipped limits in force on the day ``on``."""
    folder = resources.files("sekisho.rulebook") / "data" / "carriers"
    tables = [
        parse(entry.name, entry.read_bytes())
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    ]
    return in_force(tables, on)


def read(path: Path) -> Carriers:
    """The limits in the file ``path``; raises ``BadInput`` with file and field."""
    try:
        return parse(path.name, path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None


def in_force(tables: Iterable[Carriers], on: date) -> Carriers:
    """The newest table that is valid on the day ``on``, the oldest where none is yet."""
    ordered = sorted(tables, key=lambda one: one.valid_from)
    return next((one for one in reversed(ordered) if one.valid_from <= on), ordered[0])


def parse(file: str, content: bytes) -> Carriers:
    """The table in one file; raises ``BadInput`` that names the file and the field."""
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{file} is not TOML in UTF-8: {error}") from None
    valid_from, groups = document.get("valid_from"), document.get("group")
    if not isinstance(valid_from, date):
        raise BadInput(f"{file}: valid_from is not a date")
    if not isinstance(groups, list):
        raise BadInput(f"{file}: group has no entry: write [[group]]")
    made = tuple(_group(file, place, entry) for place, entry in enumerate(groups, start=1))
    if [one.name for one in made].count(OTHER) != 1:
        raise BadInput(f'{file}: one group has to be named "{OTHER}"')
    return Carriers(valid_from, made)


def _group(file: str, place: int, entry: Any) -> CarrierGroup:
    where = f"{file}: group[{place}]"
    if not isinstance(entry, dict) or set(entry) != _GROUP_KEYS:
        raise BadInput(f"{where} needs exactly {', '.join(sorted(_GROUP_KEYS))}")
    rate, burst = entry["per_second"], entry["burst"]
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= 10_000:
        raise BadInput(f"{where}.per_second is not a number between 0 and 10,000")
    if not isinstance(burst, int) or isinstance(burst, bool) or burst < 1:
        raise BadInput(f"{where}.burst is not a number from 1")
    domains = entry["domains"]
    if not isinstance(domains, list) or not all(isinstance(one, str) for one in domains):
        raise BadInput(f"{where}.domains is not a list of names")
    return CarrierGroup(
        str(entry["name"]), tuple(one.lower() for one in domains), float(rate), burst
    )
