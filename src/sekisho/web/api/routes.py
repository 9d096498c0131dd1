"""What a route is: how it is reached, by whom, what it reads and answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

import msgspec

from sekisho.domain.caller import Caller, Scope
from sekisho.web.api.asgi import Answer
from sekisho.web.api.ports import Rooms
from sekisho.web.api.problems import Kind

BODY_MOST: Final = 64 * 1024


@dataclass(slots=True)
class Call:
    """One request, after the door found out who calls. ``path``: the parts of the path by name."""

    caller: Caller | None
    body: bytes
    path: dict[str, str]
    signature: str = ""


Handler: TypeAlias = Callable[[Rooms, Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One route. ``scope``: what the API key has to be for; None: open to everybody.

    ``reads``: the type of the body, None where there is none. ``problems``: the kinds that it
    answers with, apart from those that every route of its sort has.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Scope | None
    answers: type[msgspec.Struct] | str
    reads: type[msgspec.Struct] | str | None = None
    problems: tuple[Kind, ...] = ()
    body_most: int = BODY_MOST
    statuses: tuple[int, ...] = (200,)
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def shape(self) -> re.Pattern[str]:
        """Matches the paths of the route, with its parts by name."""
        escaped = re.sub(r"\\?\{(\w+)\\?\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        return re.compile(escaped)
