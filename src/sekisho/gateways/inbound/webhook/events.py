"""Delivery reports that a provider posts: signed, recent, and about one message by its number."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sekisho.domain.errors import BadInput

SCHEMA: Final = "sekisho.delivery/1"
BODY_LARGEST: Final = 64 * 1024
SKEW_MOST_S: Final = 300
EVENTS: Final = frozenset({"delivered", "bounced", "complained", "delayed"})
_SIGNATURE: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


class NotGenuine(BadInput):
    """The signature is missing, wrong or too old: the request is not looked at."""

    code = "not_genuine"


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """What a provider says of one message. ``number`` as typed by the provider."""

    number: str
    event: str
    permanent: bool
    detail: str


def read_event(body: bytes, signature: str, secret: bytes, now: datetime) -> DeliveryEvent:
    """The event in ``body``; raises `NotGenuine` or ``BadInput`` naming the field.

    The signature is judged before anything else is read.
    """
    _require_genuine(body, signature, secret, now)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BadInput(f"schema is not {SCHEMA!r}")
    event = _string(document, "event")
    if event not in EVENTS:
        raise BadInput(f"event is none of {', '.join(sorted(EVENTS))}")
    permanent = document.get("permanent", event == "bounced")
    if not isinstance(permanent, bool):
        raise BadInput("permanent is neither true nor false")
    detail = document.get("detail", "")
    plain = " ".join(str(detail).split())[:200] if isinstance(detail, str) else ""
    return DeliveryEvent(_string(document, "number"), event, permanent, plain)


def _require_genuine(body: bytes, signature: str, secret: bytes, now: datetime) -> None:
    found = _SIGNATURE.fullmatch(signature.strip())
    if found is None or len(body) > BODY_LARGEST:
        raise NotGenuine("the request is not signed as it should be")
    signed = found[1].encode("ascii") + b"." + body
    expected = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    fresh = abs(now.timestamp() - int(found[1])) <= SKEW_MOST_S
    if not (hmac.compare_digest(expected, found[2]) and fresh):
        raise NotGenuine("the request is not signed as it should be")


def _string(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        raise BadInput(f"{name} is missing or no text of up to 100 characters")
    return value
