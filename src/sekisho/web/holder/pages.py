"""The page behind a one-time link, as routes of an ASGI server (Starlette).

``GET`` changes nothing: mail scanners and messengers open links before people do. ``POST`` uses
the link up and stops the card. The page names no person, card, shop or amount, because whoever
finds the link would read it too; what the question is about stands in the message. It needs no
script, no cookie and no other host.

A forged ``POST`` needs the token itself, which is the secret; on top of it the browser's own word
on where the form came from (Fetch Metadata, Origin) and a value that only the page holds are
checked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from sekisho.domain.errors import SekishoError
from sekisho.web.holder.texts import TEXTS, language_of

_BODY_MOST: Final = 4096
_TOKEN_MOST: Final = 200
_PURPOSE: Final = b"sekisho holder form 1\0"
_FOLDER: Final = resources.files("sekisho.web.holder") / "templates"


class Outcome(StrEnum):
    """What came of pressing the button."""

    STOPPED = "stopped"
    """The engine has stopped the card."""
    TAKEN = "taken"
    """The answer is kept and the engine is being told."""
    NOT_USABLE = "not_usable"


_PAGE_OF: Final = {
    Outcome.STOPPED: "done",
    Outcome.TAKEN: "taken",
    Outcome.NOT_USABLE: "gone",
}


class LinkDesk(Protocol):
    """What the page needs; called in threads."""

    def is_usable(self, token: str) -> bool:
        """Whether the link may be used now; changes nothing."""

    def say_not_me(self, token: str) -> Outcome:
        """Use the link up and stop the card, whole or not at all."""


@dataclass(frozen=True, slots=True)
class ShownSender:
    """Who the page is from."""

    name: str
    phone: str
    hours: str


class HolderPages:
    """The routes. ``senders`` by language; ``secret``: 16 bytes or more, of this installation."""

    def __init__(self, desk: LinkDesk, senders: Mapping[str, ShownSender], secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("the secret of the pages has 16 bytes or more")
        self._desk = desk
        self._senders = senders
        self._secret = secret
        made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._page = made.from_string((_FOLDER / "page.html").read_text(encoding="utf-8"))
        self._style = (_FOLDER / "page.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode("utf-8")).digest()).decode()
        self._headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}';"
            " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "X-Robots-Tag": "noindex, nofollow, noarchive",
        }

    def routes(self, prefix: str = "/h") -> list[BaseRoute]:
        """``GET`` and ``POST`` of ``PREFIX/TOKEN``."""
        return [Route(f"{prefix}/{{token}}", self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        token = str(request.path_params["token"])[:_TOKEN_MOST]
        try:
            if request.method == "POST":
                return await self._post(request, token)
            usable = await run_in_threadpool(self._desk.is_usable, token)
        except SekishoError:
            return self._shown(request, "busy", token, status=503)
        return self._shown(request, "ask" if usable else "gone", token)

    async def _post(self, request: Request, token: str) -> Response:
        sent = (await _form(request)).get("form", "")
        if _foreign(request) or not hmac.compare_digest(sent.encode(), self._form(token).encode()):
            return self._shown(request, "again", token, status=403)
        outcome = await run_in_threadpool(self._desk.say_not_me, token)
        return self._shown(request, _PAGE_OF[outcome], token)

    def _form(self, token: str) -> str:
        """What the form of this link's page holds."""
        text = _PURPOSE + token.encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()

    def _shown(self, request: Request, kind: str, token: str, *, status: int = 200) -> Response:
        asked = request.query_params.get("lang", "")
        language = language_of(asked, request.headers.get("accept-language", ""))
        values: dict[str, Any] = {
            "kind": kind,
            "language": language,
            "other": "en" if language == "ja" else "ja",
            "t": TEXTS[language],
            "sender": self._senders[language],
            "style": self._style,
            "form": self._form(token),
        }
        return HTMLResponse(self._page.render(values), status_code=status, headers=self._headers)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; none where it is no form, or longer than any of ours."""
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _BODY_MOST:
            return {}
    fields = parse_qs(content.decode("ascii", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _foreign(request: Request) -> bool:
    """Whether the browser says that the form came from another site (Fetch Metadata, RFC 6454)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
