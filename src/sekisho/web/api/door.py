"""The door itself: an ASGI application that finds the route, who calls, and answers.

Nothing that happens to one request ends the server; what nobody foresaw is logged by its type and
place, never by its values, and answered with 500.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from sekisho.domain.caller import Caller
from sekisho.domain.caller import Scope as Right
from sekisho.domain.errors import SekishoError
from sekisho.gateways.inbound.webhook.events import NotGenuine
from sekisho.web.api import metrics, problems
from sekisho.web.api.asgi import (
    Answer,
    AsgiApp,
    ClientGone,
    Receive,
    Scope,
    Send,
    answer_of,
    header,
    read_body,
    require_json,
    send_answer,
)
from sekisho.web.api.bodies import Alive, Ready
from sekisho.web.api.openapi import document
from sekisho.web.api.ports import Rooms
from sekisho.web.api.problems import Problem, problem_of
from sekisho.web.api.rate import Rates
from sekisho.web.api.routes import Call, Route
from sekisho.web.api.table import ROUTES

_LOG: Final = logging.getLogger("sekisho.http")
_SIGNATURE: Final = b"sekisho-signature"
_BEARER: Final = b"bearer "


class HttpDoor:
    """The ASGI application. ``pages``: other applications by the beginning of their paths."""

    def __init__(
        self,
        rooms: Rooms,
        figures: metrics.Metrics,
        pages: Mapping[str, AsgiApp] | None = None,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._rooms = rooms
        self._figures = figures
        self._pages = dict(pages or {})
        self._monotonic = monotonic
        self._rates = Rates(monotonic)
        self._fixed = {(one.method, one.path): one for one in ROUTES if "{" not in one.path}
        self._shaped = [one for one in ROUTES if "{" in one.path]
        self._document = document(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        for beginning, page in self._pages.items():
            if path.startswith(beginning):
                await page(scope, receive, send)
                return
        began = self._monotonic()
        name = "other"
        try:
            name, answer = await self._answer(scope, receive, path)
        except ClientGone:
            self._figures.answered(name, 499, self._monotonic() - began)
            return
        await send_answer(send, answer)
        self._figures.answered(name, answer.status, self._monotonic() - began)

    async def _answer(self, scope: Scope, receive: Receive, path: str) -> tuple[str, Answer]:
        """The route's name for the figures, and the answer; nothing but `ClientGone` is raised."""
        name = "other"
        try:
            route, parts = self._route(scope["method"], path)
            if route is None:
                return path, self._own(scope, path)
            name = route.path
            return name, await self._call(route, parts, scope, receive)
        except Problem as problem:
            return name, answer_of(problem)
        except NotGenuine as error:
            return name, answer_of(Problem(problems.NO_KEY, error.message))
        except SekishoError as error:
            _LOG.warning("%s: %s", name, error.message)
            return name, answer_of(problem_of(error))
        except ClientGone:
            raise
        except Exception as error:  # one request must not end the server
            _LOG.error("%s: %s", name, _where(error))  # the values stay out
            return name, answer_of(Problem(problems.OUR_FAULT, todo="Report it with its time"))

    def _route(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route and the parts of its path; None for the door's own pages."""
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed, {}
        allowed = [one.method for one in ROUTES if one.path == path]
        for one in self._shaped:
            found = one.shape.fullmatch(path)
            if found is None:
                continue
            if one.method == method:
                return one, found.groupdict()
            allowed.append(one.method)
        if path in OWN_PAGES:
            if method == "GET":
                return None, {}
            allowed.append("GET")
        if allowed:
            raise Problem(
                problems.WRONG_METHOD, f"this is reached with {' or '.join(sorted(set(allowed)))}"
            )
        raise Problem(problems.NOT_FOUND, todo="The routes are listed in /v1/openapi.json")

    async def _call(
        self, route: Route, parts: dict[str, str], scope: Scope, receive: Receive
    ) -> Answer:
        caller = None if route.scope is None else self._caller(scope, route.scope)
        body = b""
        if route.reads is not None:
            require_json(scope)
            body = await read_body(scope, receive, route.body_most)
        signature = header(scope, _SIGNATURE).decode("latin-1")
        return await route.handler(self._rooms, Call(caller, body, parts, signature))

    def _caller(self, scope: Scope, right: Right) -> Caller:
        """Who calls; raises `Problem` where they may not."""
        told = header(scope, b"authorization")
        if told:
            token = told[len(_BEARER) :] if told.lower().startswith(_BEARER) else b""
            caller = self._rooms.keys.caller(token.strip().decode("latin-1"))
        else:
            caller = self._anybody(scope)
        if caller is None:
            raise Problem(
                problems.NO_KEY, "there is no valid key in the header Authorization",
                todo="Send Authorization: Bearer KEY; make one with: sekisho api-key new",
            )  # fmt: skip
        if right not in caller.scopes:
            raise Problem(
                problems.NOT_ALLOWED, f"the key {caller.name} is not made for: {right}",
                todo=f"Make one with: sekisho api-key new NAME --role {right}",
            )  # fmt: skip
        if not self._rates.may(caller):
            raise Problem(
                problems.TOO_MANY, f"the key {caller.name} may send {caller.per_second} a second",
                todo="Wait a moment",
            )  # fmt: skip
        return caller

    def _anybody(self, scope: Scope) -> Caller | None:
        """Whoever is on this machine, while there is no key; but not a page in its browser."""
        if header(scope, b"origin") or header(scope, b"sec-fetch-site"):
            return None
        return self._rooms.keys.open_to_all()

    def _own(self, scope: Scope, path: str) -> Answer:
        """The pages about the door itself."""
        if path == "/healthz":
            return Answer(200, msgspec.json.encode(Alive("ok")))
        if path == "/v1/openapi.json":
            return Answer(200, self._document)
        ready, missing = self._rooms.health.ready(), tuple(self._rooms.health.missing())
        if path == "/readyz":
            return Answer(200 if ready else 503, msgspec.json.encode(Ready(ready, missing)))
        self._caller(scope, Right.READ)
        self._figures.ready.set(ready)
        self._figures.missing.set(len(missing))
        return Answer(200, self._figures.text(), metrics.MEDIA_TYPE)


OWN_PAGES: Final = frozenset({"/healthz", "/readyz", "/metrics", "/v1/openapi.json"})


def _where(error: Exception) -> str:
    """The type of an error and the place in our code, without its words: they may quote a body."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "sekisho" in Path(one.filename).parts]
    place = f" at {Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
    return f"unexpected {type(error).__name__}{place}"
