"""The card key: 32 random bytes in a file that only its owner can read.

The file is two lines of text::

    sekisho-card-key 1 <key id>
    <32 bytes in base64>

The key id is derived from the key and gives nothing of it away. It travels with everything
made with the key, so that references made with different keys are never taken for one
another, and it shows a damaged key file before any work is done.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput, OutputFailed

KEY_BYTES: Final = 32
_HEADER: Final = "sekisho-card-key"
_VERSION: Final = "1"
_MAKE_ONE: Final = "Make one with: sekisho key new --out FILE"


@dataclass(frozen=True, slots=True)
class CardKey:
    """A secret key (``KEY_BYTES`` bytes, never shown) and its public id (8 hex digits)."""

    key_id: str
    secret: bytes = field(repr=False)


def card_key(secret: bytes) -> CardKey:
    """Return the key made of ``secret``; raises ``ValueError`` unless it has 32 bytes."""
    if len(secret) != KEY_BYTES:
        raise ValueError(f"a card key has {KEY_BYTES} bytes")
    # The message holds letters, so it can never equal the digits of a card number.
    key_id = hmac.digest(secret, b"sekisho card key id", hashlib.sha256).hex()[:8]
    return CardKey(key_id=key_id, secret=secret)


def write_key(path: Path, secret: bytes) -> CardKey:
    """Write a new key file with mode 0600; an existing file is never overwritten.

    ``secret``: 32 bytes from a cryptographic source, handed in.
    """
    key = card_key(secret)
    text = f"{_HEADER} {_VERSION} {key.key_id}\n{base64.b64encode(secret).decode('ascii')}\n"
    try:
        # O_EXCL with the mode given at creation: at no time can anybody else open it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise BadInput(
            f"{path.name} exists and is not overwritten",
            hint="Card references made with it cannot be made again without it. Choose a new name.",
        ) from None
    except OSError as error:
        raise OutputFailed(
            f"the key file {path.name} could not be written: {error.strerror}"
        ) from None
    return key


def read_key(path: Path) -> CardKey:
    """Return the key in the file ``path``; raises ``BadInput`` with what is wrong with it."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"the card key file {path.name} is not there", hint=_MAKE_ONE) from None
    except OSError as error:
        raise BadInput(f"the card key file {path.name} cannot be read: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise BadInput(
            f"the card key file {path.name} can be read by others (mode {mode & 0o777:04o})",
            hint=f"Close it with: chmod 600 {path.name}. If others had access, make a new key.",
        )
    return _parse(path.name, content)


def _parse(name: str, content: bytes) -> CardKey:
    lines = content.decode("ascii", errors="replace").split("\n")
    head = lines[0].split()
    if len(head) != 3 or head[0] != _HEADER:
        raise BadInput(f"{name} is not a card key file", hint=_MAKE_ONE)
    if head[1] != _VERSION:
        raise BadInput(
            f"the card key file {name} has format {head[1][:8]!r}; this version reads {_VERSION}",
            hint="Use the version of Sekisho that wrote it, or a newer one.",
        )
    try:
        secret = base64.b64decode("".join(lines[1:]).strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise BadInput(
            f"the key in {name} does not have {KEY_BYTES} bytes: the file is cut off or damaged",
            hint="Bring it back from its backup; a new key makes other card references.",
        )
    key = card_key(secret)
    if key.key_id != head[2]:
        raise BadInput(
            f"the key in {name} does not fit its id {head[2][:8]!r}: the file was changed",
            hint="Bring it back from its backup; a new key makes other card references.",
        )
    return key
