"""The number on each message, by which anybody can ask the home page whether it is genuine.

Twelve characters and a check character, from an alphabet of 29 that has no vowels and nothing that
is easily taken for something else (no 0, O, 1, I, L)::

    number = 12 digits, base 29, of HMAC-SHA-256(key, "sekisho message number 1" 00 message id)
    check  = sum of (place * value) over places 1..12, modulo 29

The key makes a number impossible to guess (29^12 is more than 2^58) and to invent; it holds nothing
of the person or the card. Since 29 is a prime, the check character shows every single mistyped
character and every exchange of two. The same message always gets the same number, so a crash
between making and keeping it changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Final

ALPHABET: Final = "23456789BCDFGHJKMNPQRSTUVWXYZ"
LENGTH: Final = 12
_BASE: Final = len(ALPHABET)
_PURPOSE: Final = b"sekisho message number 1\0"


def message_number(secret: bytes, message_id: str) -> str:
    """The number of the message ``message_id``, as ``K7QM-4XPD-92RT-H``.

    ``secret``: the 32 bytes of a key file (``vault.keys``).
    """
    digest = hmac.digest(secret, _PURPOSE + message_id.encode("utf-8"), hashlib.sha256)
    left = int.from_bytes(digest, "big")
    characters = []
    for _ in range(LENGTH):
        left, digit = divmod(left, _BASE)
        characters.append(ALPHABET[digit])
    body = "".join(characters)
    return "-".join((body[:4], body[4:8], body[8:], _check(body)))


def read_number(text: str) -> str | None:
    """The number that a person typed, in its proper form; None where it cannot be one.

    Full-width and small letters, spaces and dashes are forgiven; a wrong character is not.
    """
    plain = unicodedata.normalize("NFKC", text).upper()
    body = "".join(character for character in plain if character.isalnum())
    if len(body) != LENGTH + 1 or not set(body) <= set(ALPHABET):
        return None
    if _check(body[:LENGTH]) != body[LENGTH]:
        return None
    return "-".join((body[:4], body[4:8], body[8:LENGTH], body[LENGTH]))


def _check(body: str) -> str:
    total = sum(place * ALPHABET.index(character) for place, character in enumerate(body, start=1))
    return ALPHABET[total % _BASE]
