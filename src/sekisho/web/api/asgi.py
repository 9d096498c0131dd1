"""Requests and answers over ASGI 3, without a framework in between.

Kept small on purpose: one route decides authorizations thousands of times a second
(docs/decisions/0046-raw-asgi-and-msgspec.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sekisho.web.api import problems
from sekisho.web.api.problems import Problem

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_S: Final = 10.0
"""A body has to be there so many seconds after its headers."""
JSON: Final = b"application/json"
_CLOSING: Final = frozenset({408, 413})


class ClientGone(Exception):
    """Whoever asked has hung up: there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def answer_of(problem: Problem) -> Answer:
    """The answer that tells of a problem."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if problem.kind is problems.NO_KEY:
        headers = ((b"www-authenticate", b'Bearer realm="sekisho"'),)
    elif problem.kind in (problems.TOO_MANY, problems.AWAY):
        headers = ((b"retry-after", b"1"),)
    return Answer(problem.kind.status, problem.body(), problems.MEDIA_TYPE, headers)


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a header (name in lower case); empty where it is not there."""
    pairs: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for key, value in pairs:
        if key == name:
            return value
    return b""


async def read_body(scope: Scope, receive: Receive, most: int, within_s: float = BODY_S) -> bytes:
    """The body of at most ``most`` bytes; raises `Problem` or `ClientGone`."""
    told = header(scope, b"content-length")
    if told.isdigit() and int(told) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(within_s):
            return await _parts(receive, most)
    except TimeoutError:
        raise Problem(
            problems.TOO_SLOW, f"the body was not complete after {within_s:g} seconds",
            todo="Send it in one go",
        ) from None  # fmt: skip


async def _parts(receive: Receive, most: int) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")
        body = body + part if body else part
        if len(body) > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return body


def _too_large(most: int) -> Problem:
    return Problem(
        problems.TOO_LARGE, f"the body has more than {most:,} bytes", todo="Send it in parts"
    )


def require_json(scope: Scope) -> None:
    """Raise `Problem` where the body is said to be something else than JSON."""
    told = header(scope, b"content-type").partition(b";")[0].strip().lower()
    if told and told != JSON and not told.endswith(b"+json"):
        raise Problem(
            problems.WRONG_TYPE, "content-type is not application/json",
            todo="Send the header content-type: application/json",
        )  # fmt: skip


async def send_answer(send: Send, answer: Answer) -> None:
    """Send the whole answer."""
    headers = [
        (b"content-type", answer.media_type),
        (b"content-length", b"%d" % len(answer.body)),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    if answer.status in _CLOSING:  # what is left of the request is not waited for
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
