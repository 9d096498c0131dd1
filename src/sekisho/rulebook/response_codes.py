"""Which response code (field 39) tells a decision's reason to a network: dated data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sekisho.domain.authorization import Decision, DecisionKind
from sekisho.domain.errors import BadInput

OTHER: Final = "other"
KINDS: Final = frozenset({"standard", "network", "policy"})
_CODE: Final = re.compile(r"[0-9A-Z]{2}")
_NEEDED: Final = {"reason", "code", "kind", "source"}


@dataclass(frozen=True, slots=True)
class ResponseCodes:
    """Codes of one network, from a day on. ``by_reason`` always has "other"."""

    valid_from: date
    approved: str
    by_reason: Mapping[str, str]

    def of(self, decision: Decision) -> str:
        """The code for a decision, by its first reason that has one."""
        if decision.kind is DecisionKind.APPROVE:
            return self.approved
        for reason in decision.reasons:
            code = self.by_reason.get(reason)
            if code is not None:
                return code
        return self.by_reason[OTHER]


def shipped(network: str, on: date) -> ResponseCodes:
    """The shipped codes of ``network`` ("": any) in force on the day ``on``."""
    folder = resources.files("sekisho.rulebook") / "data" / "response_codes"
    tables = (
        parse(entry.name, entry.read_bytes(), network)
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )
    return in_force(tables, on)


def read(path: Path, network: str) -> ResponseCodes:
    """The codes in the file ``path``; raises ``BadInput`` with file and field."""
    try:
        return parse(path.name, path.read_bytes(), network)
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None


def in_force(tables: Iterable[ResponseCodes], on: date) -> ResponseCodes:
    """The newest table that is valid on the day ``on``, the oldest where none is yet."""
    ordered = sorted(tables, key=lambda one: one.valid_from)
    return next((one for one in reversed(ordered) if one.valid_from <= on), ordered[0])


def parse(file: str, content: bytes, network: str) -> ResponseCodes:
    """The codes of one network in one file; raises ``BadInput`` that names file and field."""
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{file} is not TOML in UTF-8: {error}") from None
    valid_from, rows = document.get("valid_from"), document.get("code")
    if not isinstance(valid_from, date):
        raise BadInput(f"{file}: valid_from is not a date")
    approved = _code(f"{file}: approved", document.get("approved"))
    if not isinstance(rows, list):
        raise BadInput(f"{file}: code has no entry: write [[code]]")
    general: dict[str, str] = {}
    own: dict[str, str] = {}
    for place, row in enumerate(rows, start=1):
        where = f"{file}: code[{place}]"
        reason, code, of = _row(where, row)
        table = own if of else general
        if of in ("", network):
            if reason in table:
                raise BadInput(f"{where}: {reason} has a row already")
            table[reason] = code
    if OTHER not in general:
        raise BadInput(f'{file}: one row has to be for the reason "{OTHER}"')
    return ResponseCodes(valid_from, approved, {**general, **own})


def _row(where: str, row: Any) -> tuple[str, str, str]:
    """Reason, code and network ("" for any) of one row."""
    if not isinstance(row, dict) or set(row) - {"network"} != _NEEDED:
        raise BadInput(
            f"{where} needs exactly {', '.join(sorted(_NEEDED))}, and may name a network"
        )
    if row["kind"] not in KINDS:
        raise BadInput(f"{where}.kind is none of {', '.join(sorted(KINDS))}")
    if not (isinstance(row["source"], str) and row["source"].strip()):
        raise BadInput(f"{where}.source is missing")
    return str(row["reason"]), _code(f"{where}.code", row["code"]), str(row.get("network", ""))


def _code(where: str, value: Any) -> str:
    if not (isinstance(value, str) and _CODE.fullmatch(value)):
        raise BadInput(f"{where} is not two digits or capital letters")
    return value
