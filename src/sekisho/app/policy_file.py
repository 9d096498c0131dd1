"""Policies as files: TOML with thresholds and rules in CEL."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from sekisho.domain.errors import BadInput
from sekisho.scoring.policy import Action, Policy, Rule, Threshold

_RULE = {"name", "when", "action", "reason", "shadow"}
_THRESHOLD = {"up_to", "ask_from", "decline_from"}


def read_policy(path: Path | None) -> Policy:
    """The policy of a file, or the one that Sekisho comes with. BadInput says what is wrong."""
    if path is None:
        shipped = resources.files("sekisho.app.policies").joinpath("default.toml")
        return policy_of(shipped.read_text(encoding="utf-8"), "default.toml")
    try:
        return policy_of(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", hint="Name a file.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8.", hint="Save it as UTF-8.") from error


def policy_of(text: str, name: str) -> Policy:
    """The policy that a text of TOML holds; ``name`` is for messages."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{name}: {error}.", hint="It has to be TOML.") from error
    _only(told, {"version", "rules", "thresholds"}, name)
    version = told.get("version")
    if not isinstance(version, str) or not version:
        raise BadInput(f"{name} has no version.", hint='Begin with version = "1".')
    rules = [_rule(one, f"{name}, rule {at}") for at, one in _tables(told, "rules", name)]
    steps = [
        _threshold(one, f"{name}, threshold {at}") for at, one in _tables(told, "thresholds", name)
    ]
    return Policy(version, tuple(rules), tuple(steps))


def _tables(told: dict[str, Any], key: str, name: str) -> list[tuple[int, dict[str, Any]]]:
    found = told.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput(f"{name}: {key} is not a list of tables.", hint=f"Write [[{key}]].")
    return list(enumerate(found, 1))


def _rule(told: dict[str, Any], where: str) -> Rule:
    _only(told, _RULE, where)
    for key in ("name", "when", "action"):
        if not isinstance(told.get(key), str) or not told[key]:
            raise BadInput(f"{where} has no {key}.", hint="A rule needs name, when and action.")
    if told["action"] not in list(Action):
        known = ", ".join(Action)
        raise BadInput(f"{where}: the action {told['action']!r} is not known.", hint=known)
    reason, shadow = told.get("reason", ""), told.get("shadow", False)
    if not isinstance(reason, str) or not isinstance(shadow, bool):
        raise BadInput(f"{where}: reason is a text, shadow is true or false.")
    return Rule(told["name"], told["when"], Action(told["action"]), reason, shadow)


def _threshold(told: dict[str, Any], where: str) -> Threshold:
    _only(told, _THRESHOLD, where)
    for key in sorted(_THRESHOLD):
        value = told.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadInput(f"{where}: {key} is not a number.", hint="up_to is in minor units.")
    return Threshold(int(told["up_to"]), float(told["ask_from"]), float(told["decline_from"]))


def _only(told: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(told) - known)
    if unknown:
        raise BadInput(
            f"{where}: {unknown[0]!r} is not known.", hint=f"Known are {', '.join(sorted(known))}."
        )
