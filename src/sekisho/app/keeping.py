"""Keeping card numbers while they are imported: only where all that it needs was said."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sekisho.app.custodians import Custodians
from sekisho.domain.errors import BadInput
from sekisho.vault.keys import CardKey, KeyKind, KeyRing, read_ring
from sekisho.vault.numbers import Keeping, open_vault


@dataclass(frozen=True, slots=True)
class Wish:
    """Into which vault file, locked with what, from when, until when."""

    vault: Path
    ring: KeyRing
    kept_on: date
    delete_on: date


def keep_wish(
    vault: Path | None, number_key: Path | None, days: int | None, custodians: Custodians
) -> Wish | None:
    """Return what was asked for, or None for nothing; raises ``BadInput`` for half of it."""
    if vault is None:
        if number_key or days:
            raise BadInput(
                "--number-key and --keep-days say how numbers are kept, and --keep-numbers is not "
                "given",
                hint="Give --keep-numbers VAULT as well, or neither of them.",
            )
        return None
    if number_key is None or days is None:
        raise BadInput(
            "--keep-numbers needs --number-key FILE and --keep-days DAYS",
            hint="Make the key with: sekisho key new --kind number --out FILE. How long numbers "
            "may be kept is for your retention policy to say.",
        )
    ring = read_ring(number_key, KeyKind.NUMBER, custodians.unseal)
    today = datetime.now(tz=UTC).astimezone().date()  # noqa: TID251 - app/ alone reads the clock
    return Wish(vault, ring, today, today + timedelta(days=days))


@contextmanager
def kept(wish: Wish | None, card_key: CardKey) -> Iterator[Keeping | None]:
    """Give what takes the numbers in; all are kept when the block ends well, or none."""
    if wish is None:
        yield None
        return
    with (
        open_vault(wish.vault, secrets.token_bytes, create=True) as vault,
        vault.keeping(wish.ring, card_key.key_id, wish.kept_on, wish.delete_on) as keeping,
    ):
        yield keeping
