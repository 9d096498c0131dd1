"""API keys: made once and shown once, kept as a hash, revoked for good.

A key is ``sekisho_<id>_<secret>``: the id finds the row, the secret (256 random bits in URL-safe
base64) is compared by its SHA-256 in constant time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Row, insert, select, update

from sekisho.domain.caller import Caller, Scope
from sekisho.domain.errors import BadInput
from sekisho.store.canonical import Plain, canonical, parsed
from sekisho.store.database import Database
from sekisho.store.people import require
from sekisho.store.tables import instant, microseconds
from sekisho.store.tables_api_keys import api_key
from sekisho.store.transaction import Transaction

CHANGE: Final = "api_key.change"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_TOKEN: Final = re.compile(r"sekisho_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES: Final = 32
_NOBODY: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; ``state`` is ``active`` or ``revoked``."""

    caller: Caller
    secret_hash: bytes = field(repr=False)
    state: str
    made_at: datetime
    used_at: datetime | None


def make_key(
    tx: Transaction, name: str, scopes: Iterable[Scope], entropy: bytes, per_second: int = 0
) -> str:
    """Make a key for the program ``name``; the key itself, which cannot be had again.

    ``entropy``: `_SECRET_BYTES` bytes from a cryptographic source.
    """
    require(tx, CHANGE)
    if not _NAME.fullmatch(name):
        raise BadInput(
            "the name of a key is 1 to 60 letters, digits or _.-",
            hint="Name the program that will use it: card-gateway-1",
        )
    given = sorted({str(one) for one in scopes})
    if not given or per_second < 0:
        raise BadInput("a key needs a role", hint=f"Roles: {', '.join(Scope)}")
    if tx.execute(select(api_key.c.key_id).where(api_key.c.name == name)).first():
        raise BadInput(
            f"there is a key named {name} already",
            hint="Choose another name: the log tells keys apart by it, revoked ones too.",
        )
    if len(entropy) != _SECRET_BYTES:
        raise ValueError("a secret has 32 bytes")
    key_id = tx.random_id()[:12]
    secret = base64.urlsafe_b64encode(entropy).rstrip(b"=").decode("ascii")
    values = {
        "key_id": key_id,
        "name": name,
        "scopes": canonical(given),
        "secret_hash": hashlib.sha256(secret.encode("ascii")).hexdigest(),
        "per_second": per_second,
        "state": "active",
        "made_us": tx.now_us,
    }
    tx.execute(insert(api_key).values(**values))
    details: dict[str, Plain] = {"name": name, "scopes": given, "per_second": per_second}
    tx.record("api_key.new", f"api-key:{key_id}", details)
    return f"sekisho_{key_id}_{secret}"


def revoke_key(tx: Transaction, name: str) -> None:
    """Take a key away for good."""
    require(tx, CHANGE)
    found = tx.execute(select(api_key).where(api_key.c.name == name)).one_or_none()
    if found is None or found.state != "active":
        raise BadInput(
            f"there is no valid key named {name[:60]!r}", hint="See: sekisho api-key list"
        )
    change = update(api_key).where(api_key.c.key_id == found.key_id)
    tx.execute(change.values(state="revoked", revoked_us=tx.now_us))
    tx.record("api_key.revoke", f"api-key:{found.key_id}", {"name": name})


def all_keys(connection: Connection) -> list[ApiKey]:
    """Every key that was ever made, by name."""
    rows = connection.execute(select(api_key).order_by(api_key.c.name))
    return [_key(row) for row in rows]


def note_use(database: Database, used: Mapping[str, datetime]) -> None:
    """Note when keys were used last; not a change that anybody answers for, so not in the log."""
    with database.write() as connection:
        for key_id, at in used.items():
            change = update(api_key).where(api_key.c.key_id == key_id)
            connection.execute(change.values(used_us=microseconds(at)))


def matching(keys: Mapping[str, ApiKey], token: str) -> ApiKey | None:
    """The valid key among ``keys`` (by id) that ``token`` is; None for none.

    The comparison takes the same time whether the id is known, the secret right, or neither.
    """
    parts = _TOKEN.fullmatch(token)
    key_id, secret = (parts[1], parts[2]) if parts else ("", "")
    key = keys.get(key_id)
    digest = hashlib.sha256(secret.encode("ascii")).digest()
    fits = hmac.compare_digest(digest, key.secret_hash if key else _NOBODY)
    return key if fits and key is not None and key.state == "active" else None


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    scopes = parsed(found["scopes"])
    names = scopes if isinstance(scopes, list) else []
    known = frozenset(Scope(name) for name in names if name in set(Scope))
    return ApiKey(
        Caller(found["key_id"], found["name"], known, found["per_second"]),
        bytes.fromhex(found["secret_hash"]),
        found["state"],
        instant(found["made_us"]),
        instant(found["used_us"]) if found["used_us"] is not None else None,
    )
