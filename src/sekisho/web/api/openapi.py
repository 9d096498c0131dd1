"""The OpenAPI 3.1 document, made from the routes and the types that they read and answer."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from sekisho import __version__
from sekisho.web.api import problems
from sekisho.web.api.bodies import Alive, Ready
from sekisho.web.api.problems import Kind, ProblemBody
from sekisho.web.api.routes import Route

_REF: Final = "#/components/schemas/{name}"
_WITH_KEY: Final = (problems.NO_KEY, problems.NOT_ALLOWED, problems.TOO_MANY)
_WITH_BODY: Final = (
    problems.NOT_JSON, problems.TOO_SLOW, problems.TOO_LARGE, problems.WRONG_TYPE,
    problems.INVALID,
)  # fmt: skip
_ALWAYS: Final = (problems.OUR_FAULT, problems.AWAY)


def document(routes: Sequence[Route]) -> bytes:
    """The document as JSON."""
    named = [one.answers for one in routes if not isinstance(one.answers, str)]
    named += [one.reads for one in routes if one.reads and not isinstance(one.reads, str)]
    types = [*dict.fromkeys(named), Alive, Ready, ProblemBody]
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in routes:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    paths["/healthz"] = {"get": _page("The process answers", {"200": _content(Alive)})}
    paths["/readyz"] = {
        "get": _page(
            "Whether the service can do its work",
            {"200": _content(Ready, "Ready"), "503": _content(Ready, "The engine cannot decide")},
        )
    }
    paths["/v1/openapi.json"] = {
        "get": _page("This document", {"200": {"description": "OpenAPI 3.1"}})
    }
    text = {"text/plain": {"schema": {"type": "string"}}}
    paths["/metrics"] = {
        "get": {
            "summary": "Figures for Prometheus",
            "security": [{"apiKey": ["read"]}],
            "responses": {
                "200": {"description": "Text format 0.0.4", "content": text},
                **{str(kind.status): _problem(kind) for kind in _WITH_KEY},
            },
        }
    }
    return msgspec.json.format(
        msgspec.json.encode(
            {
                "openapi": "3.1.0",
                "info": {
                    "title": "Sekisho",
                    "version": __version__,
                    "description": "Decides card authorizations and learns what became of them.",
                    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                },
                "paths": paths,
                "components": {
                    "schemas": components,
                    "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
                },
            }
        ),
        indent=2,
    )


def _operation(route: Route) -> dict[str, Any]:
    kinds: tuple[Kind, ...] = (*route.problems, *_ALWAYS)
    if route.scope is not None:
        kinds += _WITH_KEY
    if route.reads is not None:
        kinds += _WITH_BODY
    answers: dict[str, Any] = {"200": _content(route.answers)}
    for kind in sorted(set(kinds), key=lambda kind: kind.status):
        answers[str(kind.status)] = _problem(kind)
    made: dict[str, Any] = {
        "summary": route.summary,
        "description": inspect.getdoc(route.handler) or "",
        "responses": answers,
    }
    if route.scope is not None:
        made["security"] = [{"apiKey": [str(route.scope)]}]
    names = route.shape.groupindex
    if names:
        made["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": _PART} for name in names
        ]
    if route.reads is not None:
        schema = {"type": "object"} if isinstance(route.reads, str) else _reference(route.reads)
        content = {"application/json": {"schema": schema}}
        made["requestBody"] = {"required": True, "content": content}
        if isinstance(route.reads, str):
            made["requestBody"]["description"] = route.reads
    return made


_PART: Final = {"type": "string", "pattern": r"^[0-9A-Za-z_.:\-]{1,64}$"}


def _reference(kind: type[Any]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _content(kind: type[Any] | str, description: str = "") -> dict[str, Any]:
    if isinstance(kind, str):
        return {"description": kind}
    text = description or inspect.getdoc(kind) or "Done"
    return {"description": text, "content": {"application/json": {"schema": _reference(kind)}}}


def _problem(kind: Kind) -> dict[str, Any]:
    content = {problems.MEDIA_TYPE.decode("ascii"): {"schema": _reference(ProblemBody)}}
    return {"description": kind.title, "content": content}


def _page(summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": responses}
