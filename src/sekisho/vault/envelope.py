"""Envelope encryption: a number under a data key, the data key under the number key.

AES-256-GCM (NIST SP 800-38D) throughout. What a piece of cipher text belongs to is its
associated data, so that it opens nowhere else: not under another card's reference, not with
another deletion date. Random 96-bit nonces are safe for 2^32 numbers under one data key; every
session that keeps numbers makes a data key of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.domain.errors import BadInput
from sekisho.vault.keys import KEY_BYTES, Key
from sekisho.vault.pan import DIGITS_MAX

NONCE_BYTES: Final = 12
_ID_BYTES: Final = 8
Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Label:
    """What a kept number belongs to: its associated data.

    ``card_ref``: 32 hex digits under the card key ``card_key_id``; days are ISO 8601.
    """

    card_ref: str
    card_key_id: str
    data_key_id: str
    kept_on: str
    delete_on: str

    @property
    def associated(self) -> bytes:
        """The label as bytes; no part can hold the separator."""
        parts = (self.card_key_id, self.card_ref, self.data_key_id, self.kept_on, self.delete_on)
        return "|".join(("sekisho-number 1", *parts)).encode("ascii")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key as it is stored: encrypted under the number key ``number_key_id``."""

    data_key_id: str
    number_key_id: str
    nonce: bytes
    inside: bytes


class DataKey:
    """Locks numbers and opens them; its 32 bytes are stored wrapped only."""

    def __init__(self, data_key_id: str, secret: bytes) -> None:
        self.data_key_id = data_key_id
        self._secret = secret
        self._cipher = AESGCM(secret)

    def __repr__(self) -> str:
        return f"DataKey({self.data_key_id})"

    @classmethod
    def new(cls, entropy: Entropy) -> DataKey:
        """Return a new data key; ``entropy``: a cryptographic source."""
        return cls(entropy(_ID_BYTES).hex(), entropy(KEY_BYTES))

    @classmethod
    def unwrapped(cls, wrapped: Wrapped, key: Key) -> DataKey:
        """Return the data key; raises ``BadInput`` where the key is wrong or a byte changed."""
        associated = _wrap_label(wrapped.data_key_id, key.key_id)
        try:
            secret = AESGCM(key.secret).decrypt(wrapped.nonce, wrapped.inside, associated)
        except (InvalidTag, ValueError):
            raise BadInput(
                f"the data key {wrapped.data_key_id} does not open with the number key "
                f"{key.key_id}: the vault file was changed or damaged",
                hint="Bring the vault file back from its backup.",
            ) from None
        return cls(wrapped.data_key_id, secret)

    def wrapped(self, key: Key, entropy: Entropy) -> Wrapped:
        """Return the data key under ``key``."""
        nonce = entropy(NONCE_BYTES)
        associated = _wrap_label(self.data_key_id, key.key_id)
        inside = AESGCM(key.secret).encrypt(nonce, self._secret, associated)
        return Wrapped(self.data_key_id, key.key_id, nonce, inside)

    def lock(self, digits: bytes, label: Label, entropy: Entropy) -> tuple[bytes, bytes]:
        """Return nonce and cipher text of a number; its length does not show."""
        nonce = entropy(NONCE_BYTES)
        return nonce, self._cipher.encrypt(nonce, digits.ljust(DIGITS_MAX), label.associated)

    def open(self, nonce: bytes, locked: bytes, label: Label) -> bytes:
        """Return the digits; raises ``BadInput`` if anything of record or label changed."""
        try:
            return self._cipher.decrypt(nonce, locked, label.associated).rstrip()
        except (InvalidTag, ValueError):
            raise BadInput(
                f"the kept number of card {label.card_ref} does not open: its record was changed "
                "or damaged",
                hint="Nothing was revealed. Bring the vault file back from its backup.",
            ) from None


def _wrap_label(data_key_id: str, number_key_id: str) -> bytes:
    return f"sekisho-data-key 1|{data_key_id}|{number_key_id}".encode("ascii")
