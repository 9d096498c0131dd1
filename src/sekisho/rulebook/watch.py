"""What is done with an exposed card, by the data that was taken from it: dated data with reasons.

Shipped tables lie in ``data/watch``; a house keeps its own in the same form. The rules are texts
here; the policy compiles them with its own.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput

SCHEMA: Final = "sekisho.watch/1"
ACTIONS: Final = ("decline", "ask", "allow")
_FOLDER: Final = resources.files("sekisho.rulebook") / "data" / "watch"


@dataclass(frozen=True, slots=True)
class Element:
    """A kind of data that can be taken: whether its card is watched, how long, and why.

    ``ends_with_expiry``: what was taken is worthless after the expiry date on file.
    """

    name: str
    watch: bool
    days: int
    ends_with_expiry: bool
    why_en: str
    why_ja: str


@dataclass(frozen=True, slots=True)
class WatchRule:
    """A rule for watched cards; ``needs`` is the element that it is about."""

    name: str
    needs: str
    when: str
    action: str
    reason: str
    why_en: str
    why_ja: str


@dataclass(frozen=True, slots=True)
class WatchTable:
    """A version of the table; ``sha256`` is of its text."""

    version: str
    valid_from: date
    source: str
    elements: tuple[Element, ...]
    rules: tuple[WatchRule, ...]
    sha256: str

    @property
    def names(self) -> tuple[str, ...]:
        """The elements that the table knows."""
        return tuple(one.name for one in self.elements)

    def until(self, taken: Iterable[str], known_on: date, expires_on: date | None) -> date | None:
        """The last day of watching a card; None where nothing that was taken is watched.

        ``expires_on``: the expiry date on file, if it is known. KeyError for an unknown element.
        """
        table = {one.name: one for one in self.elements}
        ends = []
        for name in taken:
            one = table[name]
            if not one.watch:
                continue
            end = known_on + timedelta(days=one.days)
            if one.ends_with_expiry and expires_on is not None:
                end = min(end, expires_on)
            ends.append(end)
        return max(ends, default=None)


def shipped(version: str | None = None) -> WatchTable:
    """The shipped table of this version, or the newest; BadInput where there is none."""
    chosen = version or versions()[-1]
    return parse(shipped_text(chosen), chosen)


def versions() -> list[str]:
    """The shipped tables, the newest last."""
    return sorted(one.name.removesuffix(".toml") for one in _FOLDER.iterdir())


def shipped_text(version: str) -> str:
    """The text of a shipped table; BadInput where there is none."""
    if version not in versions():
        raise BadInput(
            f"there is no watch table {version!r}.", hint=f"Shipped are: {', '.join(versions())}."
        )
    return (_FOLDER / f"{version}.toml").read_text(encoding="utf-8")


def read(path: Path) -> WatchTable:
    """A table of the installation; BadInput says what is wrong with it."""
    try:
        return parse(path.read_text(encoding="utf-8"), path.stem)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path.name} cannot be read.", hint="Name a watch table (TOML).") from error


def parse(text: str, version: str) -> WatchTable:
    """The table that a text says."""
    try:
        told = tomllib.loads(text)
        if told["schema"] != SCHEMA:
            raise BadInput(f"watch table {version}: schema is {told['schema']!r}, not {SCHEMA!r}.")
        elements = tuple(Element(**one) for one in told["element"])
        rules = tuple(WatchRule(**one) for one in told.get("rule", ()))
        if not isinstance(told["valid_from"], date):
            raise BadInput(f"watch table {version}: valid_from is no date.")
        table = WatchTable(
            version, told["valid_from"], str(told["source"]), elements, rules,
            hashlib.sha256(text.encode("utf-8")).hexdigest(),
        )  # fmt: skip
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise BadInput(
            f"watch table {version}: {error}.", hint="Compare it with docs/reference/policy.md."
        ) from None
    _check(table)
    return table


def _check(table: WatchTable) -> None:
    troubles = []
    if len(set(table.names)) < len(table.names):
        troubles.append("an element stands there twice")
    troubles += [f"{one.name}: days is not above 0" for one in table.elements
                 if one.watch and one.days <= 0]  # fmt: skip
    troubles += [f"{rule.name}: there is no element {rule.needs!r}" for rule in table.rules
                 if rule.needs not in table.names]  # fmt: skip
    troubles += [f"{rule.name}: {rule.action!r} is no action" for rule in table.rules
                 if rule.action not in ACTIONS]  # fmt: skip
    if troubles:
        raise BadInput(
            f"watch table {table.version}: {troubles[0]}.", hint="Change the table, then try again."
        )
