"""What went wrong with a request, as an answer: RFC 9457, ``application/problem+json``.

A problem says what is wrong, where (a JSON pointer, RFC 6901) and what to do. It never repeats a
value that was sent: a card number or a security code may have got into the wrong field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from sekisho.domain.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    SekishoError,
    StoreUnavailable,
)
from sekisho.vault.pan import redact

MEDIA_TYPE: Final = b"application/problem+json"


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """The body of every answer that is no success (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    pointer: str = ""
    what_to_do: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, stable name and title."""

    status: int
    name: str
    title: str


NOT_JSON: Final = Kind(400, "not-json", "The body is not JSON")
NO_KEY: Final = Kind(401, "no-key", "A valid API key is needed")
NOT_ALLOWED: Final = Kind(403, "not-allowed", "This API key may not do this")
NOT_FOUND: Final = Kind(404, "not-found", "There is nothing here")
WRONG_METHOD: Final = Kind(405, "wrong-method", "Not with this method")
TOO_SLOW: Final = Kind(408, "too-slow", "The request did not arrive in time")
CONFLICT: Final = Kind(409, "conflict", "This contradicts what is there")
TOO_LARGE: Final = Kind(413, "too-large", "The body is too large")
WRONG_TYPE: Final = Kind(415, "wrong-type", "The body has to be JSON")
INVALID: Final = Kind(422, "invalid", "A field cannot be used as it is")
TOO_MANY: Final = Kind(429, "too-many", "Too many requests with this API key")
OUR_FAULT: Final = Kind(500, "our-fault", "This is a mistake of the program")
NOT_HERE: Final = Kind(404, "not-set-up", "This installation is not set up for it")
AWAY: Final = Kind(503, "away", "This cannot be done now")

KINDS: Final = (
    NOT_JSON, NO_KEY, NOT_ALLOWED, NOT_FOUND, WRONG_METHOD, TOO_SLOW, CONFLICT, TOO_LARGE,
    WRONG_TYPE, INVALID, TOO_MANY, OUR_FAULT, NOT_HERE, AWAY,
)  # fmt: skip


class Problem(Exception):
    """Ends a request with a problem as its answer."""

    def __init__(self, kind: Kind, detail: str = "", *, pointer: str = "", todo: str = "") -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail
        self.pointer = pointer
        self.todo = todo

    def body(self) -> bytes:
        """The answer's body."""
        kind = self.kind
        return msgspec.json.encode(
            ProblemBody(
                f"urn:sekisho:problem:{kind.name}",
                kind.title,
                kind.status,
                self.detail,
                self.pointer,
                self.todo,
            )
        )


def problem_of(error: SekishoError) -> Problem:
    """The answer to one of Sekisho's own errors."""
    kinds: dict[type[SekishoError], Kind] = {
        StoreUnavailable: AWAY,
        Conflict: CONFLICT,
        NotAllowed: NOT_ALLOWED,
        BadInput: INVALID,
    }
    kind = next((kind for cause, kind in kinds.items() if isinstance(error, cause)), OUR_FAULT)
    return Problem(kind, error.message, todo=error.hint)


_PLACE: Final = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]")
_ENUM: Final = re.compile(r"Invalid enum value .*", re.DOTALL)
_CODE_NAME: Final = re.compile(
    r"cv[vcnd]|cav2?$|^ci?d2?$|^csc2?$|security_?code|seccode|verification_?(code|value)|"
    r"セキュリティ",
    re.IGNORECASE,
)
_NEVER_NAME: Final = re.compile(r"track|magstripe|^pin$|pin_?block|暗証番号", re.IGNORECASE)
_TODO: Final = {
    "RFC3339": "Write it as 2026-08-18T00:30:12+09:00",
    "`str`": "Write it in quotes",
    "`int`": "Write a whole number without quotes; amounts are in minor units",
    "`bool`": "Write true or false without quotes",
}


def unreadable(error: Exception) -> Problem:
    """The answer to a body that msgspec could not read; no value of the body is in it."""
    if not isinstance(error, msgspec.ValidationError):
        # The library names the byte at which it stopped, never what stands there.
        found = re.search(r"byte (\d+)", str(error))
        where = f", at byte {found[1]}" if found else ""
        return Problem(NOT_JSON, f"This is not JSON in UTF-8{where}", todo="Send a JSON object")
    text = str(error)
    place = _PLACE.search(text)
    pointer = _pointer(place[1]) if place else ""
    what = _PLACE.sub("", text)
    missing = _MISSING.fullmatch(what)
    if missing:
        pointer = f"{pointer}/{missing[1]}"
        return Problem(INVALID, f"{missing[1]} is missing", pointer=pointer, todo="Add it")
    unknown = _UNKNOWN.fullmatch(what)
    if unknown:
        return _unknown_field(unknown[1], pointer)
    if _ENUM.fullmatch(what):
        return Problem(
            INVALID, "not one of the words that are known here", pointer=pointer,
            todo="See /v1/openapi.json for them",
        )  # fmt: skip
    todo = next((todo for sign, todo in _TODO.items() if sign in what), "See /v1/openapi.json")
    return Problem(INVALID, redact(what)[:200], pointer=pointer, todo=todo)


def _unknown_field(name: str, above: str) -> Problem:
    if _CODE_NAME.search(name) and "result" not in name.lower():
        return Problem(
            INVALID,
            "a security code is never taken in; only what its check came to is",
            pointer=f"{above}/security_code_result",
            todo="Send security_code_result with match, no_match or absent instead",
        )
    if _NEVER_NAME.search(name):
        return Problem(
            INVALID, "track data and PINs are never taken in", pointer=above,
            todo="Leave the field out",
        )  # fmt: skip
    shown = redact(name)[:60] if name.isprintable() else ""
    pointer = f"{above}/{shown.replace('~', '~0').replace('/', '~1')}"
    return Problem(
        INVALID, "this field is not known, and nothing that is sent is dropped unseen",
        pointer=pointer, todo="Leave it out, or mend its name: /v1/openapi.json lists them",
    )  # fmt: skip


def _pointer(path: str) -> str:
    """A JSON pointer for the library's path: ``.reports[3].card_ref``."""
    return "".join(f"/{name or index or '*'}" for name, index in _STEP.findall(path))
