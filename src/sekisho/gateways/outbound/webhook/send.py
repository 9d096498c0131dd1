"""SMS and app push by a webhook: documented JSON, signed, repeated safely.

Sekisho does not speak to carriers itself. It posts each message to an address of the installation
(an SMS provider's adapter, the bank's app server), which answers 2xx once the message is its own.
The body is signed with HMAC-SHA-256 over time stamp and body, so that the receiver can tell it from
anybody else's; ``Idempotency-Key`` is the message's number, so that a repeated post sends nothing
twice. The contract: docs/reference/messages.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

import httpx

from sekisho.domain.errors import BadInput

SCHEMA: Final = "sekisho.message/1"
SIGNATURE: Final = "Sekisho-Signature"
KEY_BYTES_LEAST: Final = 16
_RETRY_AFTER_MOST_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages are posted: an https address (http on the same machine only) and a secret."""

    url: str
    secret: bytes = field(repr=False)
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Post:
    """One message to post. ``to``: the telephone number, or the app's own id of the person."""

    number: str
    channel: str
    to: str
    sender: str
    text: str
    language: str


class PostFate(StrEnum):
    """What became of a post."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Posted:
    """The fate, the HTTP status (0 if none came), and when to try again if the receiver said."""

    fate: PostFate
    status: int
    retry_after_s: float | None = None


def sign(secret: bytes, at: datetime, body: bytes) -> str:
    """The value of the signature header: ``t=<seconds>,v1=<hex of HMAC-SHA-256(t.body)>``."""
    seconds = str(int(at.timestamp()))
    digest = hmac.new(secret, seconds.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


class WebhookDoor:
    """Posts messages over connections that stay open."""

    def __init__(self, webhook: Webhook, *, transport: httpx.BaseTransport | None = None) -> None:
        """Raises ``BadInput`` for an address without TLS and a secret that is too short."""
        url = httpx.URL(webhook.url)
        local = url.host in ("localhost", "127.0.0.1", "::1")
        if url.scheme != "https" and not (url.scheme == "http" and local):
            raise BadInput("a webhook has to be https (http only on the same machine)")
        if len(webhook.secret) < KEY_BYTES_LEAST:
            raise BadInput(f"the secret of a webhook has {KEY_BYTES_LEAST} bytes or more")
        self._webhook = webhook
        self._client = httpx.Client(
            timeout=webhook.timeout_s, transport=transport, follow_redirects=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def post(self, post: Post, at: datetime) -> Posted:
        """Post one message once. A repeated post has the same Idempotency-Key."""
        body = as_body(post)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": post.number,
            SIGNATURE: sign(self._webhook.secret, at, body),
        }
        try:
            answer = self._client.post(self._webhook.url, content=body, headers=headers)
        except httpx.HTTPError:
            # The receiver keeps the Idempotency-Key, so an answer that was lost may be asked again.
            return Posted(PostFate.DEFERRED, 0)
        if answer.is_success:
            return Posted(PostFate.ACCEPTED, answer.status_code)
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500:
            return Posted(PostFate.DEFERRED, answer.status_code, _retry_after(answer))
        return Posted(PostFate.REFUSED, answer.status_code)


def as_body(post: Post) -> bytes:
    """The JSON of one message: the same message, the same bytes."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "number": post.number,
        "channel": post.channel,
        "to": post.to,
        "sender": post.sender,
        "language": post.language,
        "text": post.text,
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True).encode("utf-8")


def _retry_after(answer: httpx.Response) -> float | None:
    """RFC 9110 10.2.3, in seconds; dates and nonsense count as not said."""
    text = answer.headers.get("Retry-After", "").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return min(float(text[:9]), _RETRY_AFTER_MOST_S)
