"""Card references: what stands for a card number everywhere outside the vault.

``card_ref`` = the first 128 bits of HMAC-SHA-256(card key, digits of the PAN), as 32 hex digits
(PCI DSS 4.0.1 req. 3.5.1.1; why this length: docs/decisions/0007-card-reference.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from sekisho.vault.keys import CardKey
from sekisho.vault.pan import Pan, Trouble, normalise, trouble_with

REF_BYTES: Final = 16


class CardRefs:
    """Makes card references with one key."""

    def __init__(self, key: CardKey) -> None:
        self.key_id = key.key_id
        # Copying a keyed state is over twice as fast as keying anew for each number.
        self._keyed = HMAC(key.secret, hashes.SHA256())

    def of(self, pan: Pan) -> str:
        """Return the reference of one card number."""
        return self.of_digits((pan.clear().encode("ascii"),)).hex()

    def of_text(self, text: str) -> str | None:
        """Return the reference of a card number as a door received it; None if it is none.

        For doors (ISO 8583, HTTP): the number goes no further than this call.
        """
        # Thousands a second come this way: the rule of `pan.parse`, without an object for each.
        if trouble_with(text) is not Trouble.NONE:
            return None
        return self.of_digits((normalise(text).encode("ascii"),)).hex()

    def of_digits(self, numbers: Iterable[bytes]) -> bytes:
        """Return the references of ``numbers`` (normalised digits), 16 bytes each, joined."""
        references = []
        for digits in numbers:
            keyed = self._keyed.copy()
            keyed.update(digits)
            references.append(keyed.finalize()[:REF_BYTES])
        return b"".join(references)
