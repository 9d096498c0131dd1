"""How holders are reached: contacts by card, personal data in the notice store apart from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from sekisho.domain.message import Channel
from sekisho.store.canonical import Plain, canonical
from sekisho.store.people import require
from sekisho.store.tables_cases import holder_contact, holder_notice
from sekisho.store.transaction import Transaction

_BATCH: Final = 400


@dataclass(frozen=True, slots=True)
class Holder:
    """How the holder of a card is written to. ``ways``: channel and address, as preferred.

    ``greeting``: the word that the holder chose, empty if none. ``last4``: empty if not known.
    """

    language: str
    time_zone: str
    name: str
    honorific: str = ""
    greeting: str = ""
    last4: str = ""
    ways: tuple[tuple[Channel, str], ...] = field(default=(), repr=False)

    def address(self, channel: Channel) -> str:
        """The address for ``channel``; empty if there is none."""
        return next((address for way, address in self.ways if way is channel), "")


def put_holders(tx: Transaction, holders: Sequence[tuple[str, Holder]]) -> int:
    """Write contacts by ``card_ref``, in the place of earlier ones of the same card; how many.

    The acting person needs the permission ``holder.import``.
    """
    require(tx, "holder.import")
    for first in range(0, len(holders), _BATCH):
        part = dict(holders[first : first + _BATCH])
        _remove(tx, list(part))
        ids = {card_ref: tx.random_id() for card_ref in part}
        tx.execute(
            insert(holder_notice), [_notice(ids[ref], holder) for ref, holder in part.items()]
        )
        rows = [{"card_ref": ref, "notice_id": ids[ref], "imported_us": tx.now_us} for ref in part]
        tx.execute(insert(holder_contact), rows)
    count: dict[str, Plain] = {"holders": len(dict(holders))}
    tx.record("holder.import", "holder:contacts", count)
    return len(dict(holders))


def erase_holder(tx: Transaction, card_ref: str) -> bool:
    """Remove everything that is known of how the holder is reached; False if nothing was."""
    require(tx, "holder.import")
    removed = _remove(tx, [card_ref])
    tx.record("holder.erase", "holder:contacts", {"holders": removed})
    return bool(removed)


def _remove(tx: Transaction, card_refs: Sequence[str]) -> int:
    mine = holder_contact.c.card_ref.in_(list(card_refs))
    old = [row.notice_id for row in tx.execute(select(holder_contact.c.notice_id).where(mine))]
    if old:
        tx.execute(delete(holder_contact).where(mine))
        tx.execute(delete(holder_notice).where(holder_notice.c.notice_id.in_(old)))
    return len(old)


def holder_of(place: Transaction | Connection, card_ref: str) -> Holder | None:
    """How the holder of the card is reached; None if nobody told us."""
    found = (
        select(holder_notice)
        .join(holder_contact, holder_contact.c.notice_id == holder_notice.c.notice_id)
        .where(holder_contact.c.card_ref == card_ref)
    )
    row = place.execute(found).one_or_none()
    if row is None:
        return None
    ways = tuple((Channel(one["channel"]), one["address"]) for one in json.loads(row.ways))
    return Holder(
        language=row.language,
        time_zone=row.time_zone,
        name=row.name,
        honorific=row.honorific,
        greeting=row.greeting,
        last4=row.last4,
        ways=ways,
    )


def _notice(notice_id: str, holder: Holder) -> dict[str, object]:
    ways: list[Plain] = [
        {"channel": channel.value, "address": address} for channel, address in holder.ways
    ]
    return {
        "notice_id": notice_id,
        "language": holder.language,
        "time_zone": holder.time_zone,
        "name": holder.name,
        "honorific": holder.honorific,
        "greeting": holder.greeting,
        "last4": holder.last4,
        "ways": canonical(ways),
    }
