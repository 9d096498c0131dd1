"""Key files: a ring of 32-byte keys, one active and older ones to read with.

There are two kinds of ring. With the *card key* references are computed (``vault.surrogate``);
with the *number key* kept card numbers are locked away (``vault.numbers``). A file says which it
is, so that one is never used as the other. It is text::

    sekisho-card-key 2 <id of the active key>
    key <id> <day it was made, or -> <32 bytes in base64>      the active key first
    key <id> <day it was made, or -> <32 bytes in base64>      older ones, newest first
    check <HMAC-SHA-256 of the lines above under the active key, in hex>

Format 1, a first line with the id and a second with one card key, is read too. A key id is
derived from its key and gives nothing of it away. It travels with everything made with the key,
so that references of different keys are never taken for one another, and it shows a damaged
file before any work is done. What lies sealed under two custodians: ``vault.custody``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput
from sekisho.vault import secret_files

KEY_BYTES: Final = 32
_VERSION: Final = "2"
_CHECK: Final = b"sekisho key ring check\n"
_OLD: Final = "Bring it back from its backup; a new key makes other card references."


class KeyKind(StrEnum):
    """What a key is for; PCI DSS 4.0.1 wants one purpose for each key (3.6.1, 3.7)."""

    CARD = "card"
    NUMBER = "number"

    @property
    def header(self) -> str:
        """The first word of its files."""
        return f"sekisho-{self}-key"

    @property
    def make_one(self) -> str:
        """What to do where there is none."""
        kind = "" if self is KeyKind.CARD else f"--kind {self} "
        return f"Make one with: sekisho key new {kind}--out FILE"


@dataclass(frozen=True, slots=True)
class Key:
    """A secret key (``KEY_BYTES`` bytes, never shown), its public id (8 hex digits), its day."""

    key_id: str
    secret: bytes = field(repr=False)
    made_on: date | None = None


CardKey = Key  # a key of the kind CARD, as the other packages know it


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys of one kind, the active one first; ids are distinct."""

    kind: KeyKind
    keys: tuple[Key, ...]

    @property
    def active(self) -> Key:
        """The key that everything new is made with."""
        return self.keys[0]

    @property
    def older(self) -> tuple[Key, ...]:
        """Keys that are only read with, newest first."""
        return self.keys[1:]

    def with_id(self, key_id: str) -> Key:
        """Return the key ``key_id``; raises ``BadInput`` where the ring does not have it."""
        for key in self.keys:
            if key.key_id == key_id:
                return key
        raise BadInput(
            f"the {self.kind} key {key_id} is not in the key file",
            hint=f"It has: {', '.join(key.key_id for key in self.keys)}. Use the file that made "
            "it, or bring the older one back from its backup.",
        )

    def rotated(self, secret: bytes, made_on: date) -> KeyRing:
        """Return the ring with a new active key; the one so far becomes an older one."""
        return KeyRing(self.kind, (make_key(self.kind, secret, made_on), *self.keys))

    def without(self, key_id: str) -> KeyRing:
        """Return the ring without an older key; raises ``BadInput`` for the active one."""
        if self.with_id(key_id) is self.active:
            raise BadInput(
                f"{key_id} is the active key",
                hint="Put a new one in its place first: sekisho key rotate FILE",
            )
        return KeyRing(self.kind, tuple(key for key in self.keys if key.key_id != key_id))


# Opens a sealed file: its text -> the text of the ring inside (vault.custody).
Unseal = Callable[[str, str], str]


def make_key(kind: KeyKind, secret: bytes, made_on: date | None = None) -> Key:
    """Return the key made of ``secret``; raises ``ValueError`` unless it has 32 bytes."""
    if len(secret) != KEY_BYTES:
        raise ValueError(f"a {kind} key has {KEY_BYTES} bytes")
    # The message holds letters, so it can never equal the digits of a card number.
    message = f"sekisho {kind} key id".encode("ascii")
    return Key(hmac.digest(secret, message, hashlib.sha256).hex()[:8], secret, made_on)


def card_key(secret: bytes) -> Key:
    """Return the card key made of ``secret``; raises ``ValueError`` unless it has 32 bytes."""
    return make_key(KeyKind.CARD, secret)


def new_ring(kind: KeyKind, secret: bytes, made_on: date | None = None) -> KeyRing:
    """Return a ring of one key; ``secret``: 32 bytes from a cryptographic source, handed in."""
    return KeyRing(kind, (make_key(kind, secret, made_on),))


def write_ring(path: Path, ring: KeyRing) -> None:
    """Write a new key file with mode 0600; an existing file is never overwritten."""
    secret_files.write_new(path, ring_text(ring), "the key file", _NOT_OVERWRITTEN)


_NOT_OVERWRITTEN: Final = (
    "What was made with it cannot be made or read again without it. Choose a new name."
)


def write_key(path: Path, secret: bytes) -> Key:
    """Write a new card key file with mode 0600; an existing file is never overwritten.

    ``secret``: 32 bytes from a cryptographic source, handed in.
    """
    ring = new_ring(KeyKind.CARD, secret)
    write_ring(path, ring)
    return ring.active


def read_key(path: Path, unseal: Unseal | None = None) -> Key:
    """Return the active card key in the file ``path``; raises ``BadInput`` with what is wrong."""
    return read_ring(path, KeyKind.CARD, unseal).active


def read_ring(path: Path, kind: KeyKind, unseal: Unseal | None = None) -> KeyRing:
    """Return the ring in the file ``path``; raises ``BadInput`` with what is wrong with it.

    ``unseal`` opens a file that lies sealed under two custodians; without it such a file is
    refused.
    """
    content = secret_files.read_secret(path, f"the {kind} key file", kind.make_one)
    text = content.decode("ascii", errors="replace")
    if text.startswith(SEALED):
        if unseal is None:
            raise BadInput(
                f"the {kind} key file {path.name} is sealed: two custodians open it together",
                hint="Give both components: --component FILE --component FILE",
            )
        text = unseal(text, path.name)
    return parse_ring(text, kind, path.name)


SEALED: Final = "sekisho-sealed-key"


def kind_of(path: Path) -> KeyKind:
    """Return what the key file ``path`` is for, sealed or not; raises ``BadInput``."""
    text = secret_files.read_secret(path, "the key file", KeyKind.CARD.make_one)
    words = text[:200].decode("ascii", errors="replace").split("\n")[0].split(" ")
    for kind in KeyKind:
        if words[0] == kind.header or (words[0] == SEALED and words[2:3] == [str(kind)]):
            return kind
    raise BadInput(f"{path.name} is not a key file", hint=KeyKind.CARD.make_one)


def ring_text(ring: KeyRing) -> str:
    """Return the text of a key file (format 2)."""
    lines = [f"{ring.kind.header} {_VERSION} {ring.active.key_id}"]
    for key in ring.keys:
        made_on = key.made_on.isoformat() if key.made_on else "-"
        lines.append(f"key {key.key_id} {made_on} {base64.b64encode(key.secret).decode('ascii')}")
    above = "".join(f"{line}\n" for line in lines)
    check = hmac.digest(ring.active.secret, _CHECK + above.encode("ascii"), hashlib.sha256)
    return f"{above}check {check.hex()}\n"


def parse_ring(text: str, kind: KeyKind, name: str) -> KeyRing:
    """Return the ring that ``text`` is; raises ``BadInput``. ``name``: the file's, for messages."""
    lines = text.split("\n")
    head = lines[0].split()
    others = {other.header: other for other in KeyKind if other is not kind}
    if head and head[0] in others:
        raise BadInput(
            f"{name} is a {others[head[0]]} key file; a {kind} key is needed here",
            hint=kind.make_one,
        )
    if len(head) != 3 or head[0] != kind.header:
        raise BadInput(f"{name} is not a {kind} key file", hint=kind.make_one)
    if head[1] == "1" and kind is KeyKind.CARD:
        key = _key(kind, head[2], "-", "".join(lines[1:]).strip(), name)
        return KeyRing(kind, (key,))
    if head[1] != _VERSION:
        raise BadInput(
            f"the {kind} key file {name} has format {head[1][:8]!r}; this version reads {_VERSION}",
            hint="Use the version of Sekisho that wrote it, or a newer one.",
        )
    rows = [line.split(" ") for line in lines[1:] if line.startswith("key ")]
    if not rows or any(len(row) != 4 for row in rows):
        raise BadInput(f"the key file {name} is cut off or damaged", hint=_OLD)
    ring = KeyRing(kind, tuple(_key(kind, row[1], row[2], row[3], name) for row in rows))
    # Written anew it must come out the same, its check included: any other byte is damage.
    if not hmac.compare_digest(ring_text(ring).encode(), text.encode()):
        raise BadInput(f"the key file {name} does not fit its check: it was changed", hint=_OLD)
    return ring


def _key(kind: KeyKind, key_id: str, made_on: str, encoded: str, name: str) -> Key:
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise BadInput(
            f"the key in {name} does not have {KEY_BYTES} bytes: the file is cut off or damaged",
            hint=_OLD,
        )
    day = None
    if re.fullmatch(r"\d{4}-\d\d-\d\d", made_on, flags=re.ASCII):
        try:
            day = date.fromisoformat(made_on)
        except ValueError:
            day = None  # then the file does not come out the same
    key = make_key(kind, secret, day)
    if key.key_id != key_id:
        raise BadInput(
            f"the key in {name} does not fit its id {key_id[:8]!r}: the file was changed",
            hint=_OLD,
        )
    return key
