"""How holders are asked: the table ``[asking]`` of the settings file of messages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel
from sekisho.scoring.asking import WRITTEN, AskPolicy

_HINT: Final = "The form: docs/reference/cases.md"
_SECONDS: Final = ("call_after_s", "expire_s", "moving_s", "window_s", "band_percent")
_KNOWN: Final = {
    *_SECONDS, "waits_s", "night_from", "night_until", "unsure_most", "app_place", "en",
}  # fmt: skip
APP_PLACE: Final = {"ja": "利用確認", "en": "Confirm a purchase"}


@dataclass(frozen=True, slots=True)
class AskingSettings:
    """The policy, and what the page of the application is called, by language."""

    policy: AskPolicy = field(default_factory=AskPolicy)
    app_place: Mapping[str, str] = field(default_factory=lambda: APP_PLACE)


def read_asking(path: Path) -> AskingSettings:
    """``[asking]`` of the settings in ``path``; what it does not say is as shipped.

    Raises ``BadInput`` that names the file and the field.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"the settings {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{path.name} is not TOML in UTF-8: {error}") from None
    table = document.get("asking", {})
    if not isinstance(table, dict):
        raise BadInput(f"{path.name}: asking is no table", hint=_HINT)
    unknown = sorted(set(table) - _KNOWN)
    if unknown:
        raise _bad(path, unknown[0], f"is not known; known: {', '.join(sorted(_KNOWN))}")
    return AskingSettings(_policy(path, table), _places(path, table))


def _policy(path: Path, table: Mapping[str, Any]) -> AskPolicy:
    policy = AskPolicy()
    changes: dict[str, Any] = {
        name: _number(path, name, table[name]) for name in _SECONDS if name in table
    }
    for name in ("night_from", "night_until"):
        if name in table:
            changes[name] = _time(path, name, table[name])
    if "unsure_most" in table:
        changes["unsure_most"] = max(1, _number(path, "unsure_most", table["unsure_most"]))
    waits = table.get("waits_s", {})
    if not isinstance(waits, dict):
        raise _bad(path, "waits_s", "is no table of seconds by channel")
    wrong = sorted(set(waits) - set(WRITTEN))
    if wrong:
        raise _bad(path, "waits_s", f"names {wrong[0]}, and knows {', '.join(WRITTEN)}")
    own = {Channel(name): _number(path, f"waits_s.{name}", one) for name, one in waits.items()}
    return replace(policy, waits_s={**policy.waits_s, **own}, **changes)


def _places(path: Path, table: Mapping[str, Any]) -> Mapping[str, str]:
    english = table.get("en", {})
    if not isinstance(english, dict):
        raise _bad(path, "en", "is no table")
    found = {
        "ja": table.get("app_place", APP_PLACE["ja"]),
        "en": english.get("app_place", APP_PLACE["en"]),
    }
    for language, text in found.items():
        if not isinstance(text, str) or not text.strip():
            raise _bad(path, "app_place", f"is no text in {language}")
    return found


def _number(path: Path, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _bad(path, name, "is no whole number from 0")
    return value


def _time(path: Path, name: str, value: Any) -> time:
    if not isinstance(value, time):
        raise _bad(path, name, "is no time of day: write it as 21:00:00")
    return value


def _bad(path: Path, name: str, what: str) -> BadInput:
    return BadInput(f"{path.name}: asking.{name} {what}", hint=_HINT)
