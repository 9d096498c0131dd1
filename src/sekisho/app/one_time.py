"""Tokens of one-time links, derived from chance and the installation's key.

The seed travels with the message that waits to be sent, so that neither the message's row nor the
link's holds the token: a stolen database opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from sekisho.app.message_settings import MessageSettings
from sekisho.vault.keys import read_key

SEED: Final = "seed:"
"""How a message's value says that a link is to be put in its place."""
ANSWER_LINK: Final = "answer_link"
"""The value of a template that stands for the link."""
_PURPOSE: Final = b"sekisho one-time link 1\0"
_PAGE_PURPOSE: Final = b"sekisho holder pages 1\0"


def token_of(secret: bytes, seed: str) -> str:
    """The token that belongs to ``seed``: 128 bits, 22 characters that fit an address."""
    digest = hmac.digest(secret, _PURPOSE + seed.encode("utf-8"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:16]).decode("ascii").rstrip("=")


def page_secret(secret: bytes) -> bytes:
    """The secret of the pages' forms, from the installation's key."""
    return hmac.digest(secret, _PAGE_PURPOSE, hashlib.sha256)


def link_maker(settings: MessageSettings) -> Callable[[str], str] | None:
    """Makes a link of what stands in a message's row; None where the settings name no address."""
    base = settings.link_base
    if not base:
        return None
    secret = read_key(settings.number_key).secret
    return lambda seed: f"{base.rstrip('/')}/{token_of(secret, seed.removeprefix(SEED))}"
