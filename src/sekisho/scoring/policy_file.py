"""A policy as a file (TOML): who reads it sees what it does; what it is, is told by its digest.

The version that decides and that is stored is ``VERSION@DIGEST``: two files that differ in anything
that matters have different digests, whatever they call themselves. The rules of the watch table
that the file names are part of it.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from sekisho.domain.errors import BadInput
from sekisho.rulebook.watch import WatchTable
from sekisho.scoring.policy import (
    Action,
    CompiledPolicy,
    ListEntry,
    NamedList,
    Policy,
    Rule,
    Threshold,
)

SCHEMA: Final = "sekisho.policy/1"
SHORT: Final = 12
_TOP: Final = ("schema", "version", "note", "watch", "currency", "thresholds", "lists", "rules")
_RULE: Final = ("name", "when", "action", "reason", "why", "why_ja", "shadow")
_THRESHOLD: Final = ("up_to", "ask_from", "decline_from")
_LIST: Final = ("name", "of", "entries")
_ENTRY: Final = ("value", "until", "reason")


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file says: the policy, and what people read beside it.

    ``watch``: version of its watch table, "" for none. ``why`` and ``why_ja``: by rule, in English
    and Japanese. ``policy.version`` is ``VERSION@DIGEST``; ``text`` is the file as it was.
    """

    policy: Policy
    note: str
    watch: str
    currency: str
    why: Mapping[str, str]
    why_ja: Mapping[str, str]
    text: str

    @property
    def digest(self) -> str:
        """The digest in the version."""
        return self.policy.version.rpartition("@")[2]


def parse_policy(text: str, watch_table: Callable[[str], WatchTable]) -> PolicyFile:
    """Read and check a policy file, rules included; BadInput says where it is wrong.

    ``watch_table`` finds a table by its version.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"the policy is no TOML: {error}.", hint="Mend that line.") from None
    _known("the policy", told, _TOP)
    if told.get("schema", SCHEMA) != SCHEMA:
        raise BadInput(f"schema is {told.get('schema')!r}, not {SCHEMA!r}.", hint="Write it so.")
    version = _text("the policy", told, "version")
    watch = str(told.get("watch", ""))
    own = [_rule(at, one) for at, one in enumerate(_tables(told, "rules"), 1)]
    table = watch_table(watch).rules if watch else ()
    watched = [_of_table(one) for one in table]
    policy = Policy(
        version,
        tuple(one.rule for one in own + watched),
        tuple(_threshold(at, one) for at, one in enumerate(_tables(told, "thresholds"), 1)),
        tuple(_list(at, one) for at, one in enumerate(_tables(told, "lists"), 1)),
    )
    CompiledPolicy(policy)  # nothing is called a policy that does not compile
    named = Policy(f"{version}@{digest_of(policy)}", policy.rules, policy.thresholds, policy.lists)
    return PolicyFile(
        named, str(told.get("note", "")), watch, str(told.get("currency", "JPY")),
        {one.rule.name: one.why for one in own + watched},
        {one.rule.name: one.why_ja for one in own + watched}, text,
    )  # fmt: skip


def digest_of(policy: Policy) -> str:
    """SHA-256 over all that decides, cut to `SHORT` hex digits."""
    content = asdict(policy)
    plain = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()[:SHORT]


class _Told(NamedTuple):
    """A rule, and what people read beside it."""

    rule: Rule
    why: str
    why_ja: str


def _of_table(one: Any) -> _Told:
    rule = Rule(one.name, one.when, Action(one.action), one.reason)
    return _Told(rule, one.why_en, one.why_ja)


def _rule(at: int, told: Mapping[str, Any]) -> _Told:
    where = f"rule {at} ({told.get('name', 'without a name')})"
    _known(where, told, _RULE)
    action = _text(where, told, "action")
    if action not in {str(one) for one in Action}:
        raise BadInput(f"{where}: {action!r} is no action.", hint="Use decline, ask or allow.")
    shadow = told.get("shadow", False)
    if not isinstance(shadow, bool):
        raise BadInput(f"{where}: shadow is true or false, not {shadow!r}.")
    name, when = _text(where, told, "name"), _text(where, told, "when")
    rule = Rule(name, when, Action(action), str(told.get("reason", "")), shadow)
    return _Told(rule, str(told.get("why", "")), str(told.get("why_ja", "")))


def _threshold(at: int, told: Mapping[str, Any]) -> Threshold:
    where = f"threshold {at}"
    _known(where, told, _THRESHOLD)
    numbers = [told.get(name) for name in _THRESHOLD]
    for name, value in zip(_THRESHOLD, numbers, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadInput(f"{where}: {name} is {value!r}, not a number.", hint="Write all three.")
    return Threshold(int(told["up_to"]), float(told["ask_from"]), float(told["decline_from"]))


def _list(at: int, told: Mapping[str, Any]) -> NamedList:
    where = f"list {at} ({told.get('name', 'without a name')})"
    _known(where, told, _LIST)
    entries = []
    for number, one in enumerate(_tables(told, "entries"), 1):
        here = f"{where}, entry {number}"
        _known(here, one, _ENTRY)
        reason = _text(here, one, "reason")
        entries.append(ListEntry(_text(here, one, "value"), reason, _until(here, one)))
    return NamedList(_text(where, told, "name"), _text(where, told, "of"), tuple(entries))


def _until(where: str, told: Mapping[str, Any]) -> int | None:
    """The first second after the last day (UTC); a day without a zone ends at midnight UTC."""
    value = told.get("until")
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return int(value.timestamp())
    if isinstance(value, date) and not isinstance(value, datetime):
        midnight = datetime(value.year, value.month, value.day, tzinfo=UTC)
        return int(midnight.timestamp()) + 86_400
    raise BadInput(f"{where}: until is {value!r}.", hint="Write a day: until = 2027-03-31")


def _tables(told: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = told.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput(f"{name} is not a list of tables.", hint=f"Write [[{name}]].")
    return found


def _text(where: str, told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where}: {name} is missing, or no text.", hint=f'Write {name} = "...".')
    return value


def _known(where: str, told: Mapping[str, Any], names: Sequence[str]) -> None:
    for key in told:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(names)}."
            raise BadInput(f"{where}: {key!r} is not known.", hint=hint)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two policies: where, what was there before, what is there after."""

    where: str
    before: str
    after: str


def differences(before: Policy, after: Policy) -> tuple[Change, ...]:
    """What changes from one policy to another, rule by rule, threshold by threshold."""
    told: list[Change] = []
    pairs = (
        ("rule", {one.name: one for one in before.rules}, {one.name: one for one in after.rules}),
        (
            "threshold up to",
            {str(one.up_to): one for one in before.thresholds},
            {str(one.up_to): one for one in after.thresholds},
        ),
        ("list", _entries(before), _entries(after)),
    )
    for what, old, new in pairs:
        for name in [*old, *(name for name in new if name not in old)]:
            left, right = old.get(name), new.get(name)
            if left != right:
                told.append(Change(f"{what} {name}", _shown(left), _shown(right)))
    return tuple(told)


def _entries(policy: Policy) -> dict[str, ListEntry]:
    return {f"{one.name}: {entry.value}": entry for one in policy.lists for entry in one.entries}


def _shown(one: Rule | Threshold | ListEntry | None) -> str:
    """How a part of a policy reads on one line; "" where there is none."""
    if one is None:
        return ""
    if isinstance(one, Rule):
        return f"{'shadow ' if one.shadow else ''}{one.action} when {one.when}"
    if isinstance(one, Threshold):
        return f"ask from {one.ask_from:g}, decline from {one.decline_from:g}"
    if one.until is None:
        return f"{one.reason}; for good"
    end = datetime.fromtimestamp(one.until, tz=UTC)
    return f"{one.reason}; until {end.isoformat(timespec='minutes')}"
