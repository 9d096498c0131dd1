"""Two custodians: a key file that only both together can open (split knowledge, dual control).

The key file is encrypted under a *seal*, 32 random bytes that are never stored. The seal is the
exclusive or of two full-length components; each is as good as random without the other. Each
custodian keeps one, in a file of mode 0600 that a passphrase locks. PCI DSS 4.0.1 req. 3.6.1.2
(stored as at least two full-length components), 3.7.6 (split knowledge and dual control).

The sealed key file is text::

    sekisho-sealed-key 1 <card|number> <seal id>
    <96-bit nonce in base64>
    <AES-256-GCM of the key file's text under the seal; the first line is associated data>

and a component::

    sekisho-key-component 1 <seal id> <1|2> <check value>
    scrypt <log2 N> 8 1 <16-byte salt in base64>
    <96-bit nonce in base64>
    <AES-256-GCM of the component; key: scrypt (RFC 7914) of the passphrase (NFKC, UTF-8);
     the two lines above, with their line ends, are associated data>

Seal id and check value are the first 8 hex digits of an HMAC-SHA-256 under the seal and the
component: custodians read them to one another to see that they hold the right parts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sekisho.domain.errors import BadInput
from sekisho.vault import secret_files
from sekisho.vault.keys import KEY_BYTES, SEALED, KeyKind

COMPONENT: Final = "sekisho-key-component"
PASSPHRASE_LETTERS_MIN: Final = 12
# 128 MiB and about half a second for each guess.
SCRYPT_LOG2_COST: Final = 17
_LOG2_COST_MAX: Final = 20
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Seal:
    """What a sealed key file is encrypted under, for as long as both custodians are there."""

    secret: bytes = field(repr=False)

    @property
    def seal_id(self) -> str:
        """Tells seals apart and gives nothing away (8 hex digits)."""
        return _short_id(self.secret, b"sekisho seal id")

    def lock(self, text: str, kind: KeyKind, entropy: Entropy) -> str:
        """Return the text of a sealed key file with ``text`` inside."""
        head = f"{SEALED} 1 {kind} {self.seal_id}"
        nonce = entropy(_NONCE_BYTES)
        inside = AESGCM(self.secret).encrypt(nonce, text.encode("ascii"), head.encode("ascii"))
        return f"{head}\n{_base64(nonce)}\n{_base64(inside)}\n"

    def open(self, text: str, name: str) -> str:
        """Return what is inside a sealed key file; raises ``BadInput`` if a byte of it changed."""
        head, nonce, inside = _three_lines(text, name)
        try:
            plain = AESGCM(self.secret).decrypt(nonce, inside, head.encode("ascii"))
        except (InvalidTag, ValueError):
            raise _changed(name) from None
        return plain.decode("ascii")


@dataclass(frozen=True, slots=True)
class Component:
    """One custodian's part of a seal: ``place`` 1 or 2, ``secret`` 32 bytes, never shown."""

    seal_id: str
    place: int
    secret: bytes = field(repr=False)

    @property
    def check_value(self) -> str:
        """What a custodian may read aloud to show which component this is (8 hex digits)."""
        return _short_id(self.secret, b"sekisho key component")


def split(entropy: Entropy) -> tuple[Seal, Component, Component]:
    """Return a new seal and its two components; ``entropy``: a cryptographic source."""
    first, second = entropy(KEY_BYTES), entropy(KEY_BYTES)
    seal = Seal(_either_or(first, second))
    return seal, Component(seal.seal_id, 1, first), Component(seal.seal_id, 2, second)


def join(components: Sequence[Component]) -> Seal:
    """Return the seal of both components; raises ``BadInput`` unless they are its two."""
    if len({one.seal_id for one in components}) > 1:
        raise BadInput(
            "the components belong to different seals: "
            + ", ".join(f"{one.seal_id} (component {one.place})" for one in components),
            hint="Both have to come from one ceremony: compare the seal ids.",
        )
    if sorted(one.place for one in components) != [1, 2]:
        raise BadInput(
            "two different components are needed, 1 and 2; given: "
            + (", ".join(str(one.place) for one in components) or "none"),
            hint="Each of the two custodians brings their own file.",
        )
    first, second = components
    seal = Seal(_either_or(first.secret, second.secret))
    if seal.seal_id != first.seal_id:
        raise BadInput(
            "the two components do not fit together", hint="Bring both back from their backups."
        )
    return seal


def write_component(
    path: Path,
    component: Component,
    passphrase: str,
    entropy: Entropy,
    log2_cost: int = SCRYPT_LOG2_COST,
) -> None:
    """Write one custodian's file with mode 0600; an existing file is never overwritten."""
    check_passphrase(passphrase)
    salt, nonce = entropy(_SALT_BYTES), entropy(_NONCE_BYTES)
    head = (
        f"{COMPONENT} 1 {component.seal_id} {component.place} {component.check_value}\n"
        f"scrypt {log2_cost} 8 1 {_base64(salt)}\n"
    )
    key = _stretched(passphrase, salt, log2_cost)
    inside = AESGCM(key).encrypt(nonce, component.secret, head.encode("ascii"))
    text = f"{head}{_base64(nonce)}\n{_base64(inside)}\n"
    secret_files.write_new(
        path, text, "the component", "It may be the only copy of another key's. Choose a new name."
    )


def check_passphrase(passphrase: str) -> None:
    """Raise ``BadInput`` for a passphrase that is too short (PCI DSS 4.0.1 req. 8.3.6: 12)."""
    if len(unicodedata.normalize("NFKC", passphrase)) < PASSPHRASE_LETTERS_MIN:
        raise BadInput(
            f"the passphrase is shorter than {PASSPHRASE_LETTERS_MIN} characters",
            hint="Four or five words that do not belong together are easy to keep.",
        )


def seal_id_of(path: Path) -> str:
    """Return the id of the seal that a component belongs to; it needs no passphrase."""
    return _component_lines(path)[0][2]


def read_component(path: Path, passphrase: str) -> Component:
    """Return the component in ``path``; raises ``BadInput`` for a wrong passphrase or damage."""
    words, stretching, nonce, inside = _component_lines(path)
    head = " ".join(words) + "\n" + " ".join(stretching) + "\n"
    salt = _from_base64(stretching[4], path.name)
    try:
        key = _stretched(passphrase, salt, int(stretching[1]))
        secret = AESGCM(key).decrypt(nonce, inside, head.encode("ascii"))
    except (InvalidTag, ValueError):
        raise BadInput(
            f"{path.name} does not open: the passphrase does not fit, or the file was changed",
            hint="Type it again. If it is right, bring the file back from its backup.",
        ) from None
    component = Component(words[2], int(words[3]), secret)
    if len(secret) != KEY_BYTES or component.check_value != words[4]:
        raise _changed(path.name)
    return component


def _component_lines(path: Path) -> tuple[list[str], list[str], bytes, bytes]:
    content = secret_files.read_secret(path, "the component")
    lines = content.decode("ascii", errors="replace").split("\n")
    words, stretching = lines[0].split(" "), (lines[1:2] or [""])[0].split(" ")
    if words[0] != COMPONENT:
        raise BadInput(f"{path.name} is not a key component", hint="Ask its custodian.")
    cost = stretching[1] if len(stretching) == 5 else ""
    bounded = cost.isdecimal() and len(cost) <= 2 and 1 <= int(cost) <= _LOG2_COST_MAX
    if (
        (len(words), len(lines), lines[-1]) != (5, 5, "")
        or words[1] != "1"
        or words[3] not in ("1", "2")
        or not bounded
        or [stretching[0], *stretching[2:4]] != ["scrypt", "8", "1"]
    ):
        raise _changed(path.name)
    return words, stretching, _from_base64(lines[2], path.name), _from_base64(lines[3], path.name)


def seal_id_in(text: str, name: str) -> str:
    """Return the id of the seal that a sealed key file needs; raises ``BadInput``."""
    return _three_lines(text, name)[0].split(" ")[3]


def _three_lines(text: str, name: str) -> tuple[str, bytes, bytes]:
    lines = text.split("\n")
    words = lines[0].split(" ")
    if (len(lines), lines[-1], len(words), words[0]) != (4, "", 4, SEALED) or words[1] != "1":
        raise _changed(name)
    return lines[0], _from_base64(lines[1], name), _from_base64(lines[2], name)


def _changed(name: str) -> BadInput:
    return BadInput(
        f"{name} was changed, cut off or damaged", hint="Bring it back from its backup."
    )


def _stretched(passphrase: str, salt: bytes, log2_cost: int) -> bytes:
    # A Japanese keyboard gives full-width letters at one desk and plain ones at the next.
    plain = unicodedata.normalize("NFKC", passphrase).encode("utf-8")
    return Scrypt(salt=salt, length=KEY_BYTES, n=1 << log2_cost, r=8, p=1).derive(plain)


def _either_or(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def _short_id(secret: bytes, message: bytes) -> str:
    return hmac.digest(secret, message, hashlib.sha256).hex()[:8]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str, name: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _changed(name) from None
    if _base64(data) != text:  # unused bits at the end would be a second way of writing it
        raise _changed(name)
    return data
