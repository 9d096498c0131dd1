"""Give rows the columns of an authorization: amount, entry mode, message type and so on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sekisho.world.economy import Merchants
from sekisho.world.episodes import Cause
from sekisho.world.kernels import (
    DECLINED,
    FRAUD_COUNTERFEIT,
    FRAUD_INSTORE,
    FRAUD_ONLINE,
    FRAUD_TEST,
    INSTORE,
    ONLINE,
    REFUND,
    REVERSAL,
    STANDING,
    compiled,
    mix,
    terminal_of,
    unit,
)
from sekisho.world.leaks import Leak
from sekisho.world.timeline import Chunk

ENTRY_MODES = ("chip", "contactless", "magstripe", "ecommerce", "on_file")
ECIS = ("", "05", "06", "07")
INITIATORS = ("cardholder", "merchant")
MESSAGE_TYPES = ("authorization", "reversal", "refund")
COUNTRIES = ("JP", "US", "SG")
CODE_RESULTS = ("", "match", "no_match", "absent")
_ASKED = 0.8  # of web purchases: the shop asks for the security code
_SLICE = 500_000


@dataclass(slots=True)
class Transactions:
    """Authorizations in time order, one array per column; codes index the tuples above.

    ``card`` and ``merchant`` are indices into the world's cards and merchants, ``second`` counts
    from the world's first midnight.
    """

    transaction_id: NDArray[np.int64]
    card: NDArray[np.int32]
    merchant: NDArray[np.int32]
    terminal: NDArray[np.int16]
    second: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    entry_mode: NDArray[np.int8]
    eci: NDArray[np.int8]
    initiator: NDArray[np.int8]
    stored_credential: NDArray[np.bool_]
    approved: NDArray[np.bool_]
    message_type: NDArray[np.int8]
    country: NDArray[np.int8]
    bin: NDArray[np.int16]
    security_code_result: NDArray[np.int8]

    def __len__(self) -> int:
        return self.second.size

    @staticmethod
    def joined(parts: list[Transactions]) -> Transactions:
        """All parts, one after the other."""
        return Transactions(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Transactions))
        )


class _Columns(NamedTuple):
    terminal: NDArray[np.int16]
    amount_minor: NDArray[np.int64]
    entry_mode: NDArray[np.int8]
    eci: NDArray[np.int8]
    initiator: NDArray[np.int8]
    stored_credential: NDArray[np.bool_]
    approved: NDArray[np.bool_]
    message_type: NDArray[np.int8]
    country: NDArray[np.int8]
    bin: NDArray[np.int16]


_TYPES = (
    np.int16, np.int64, np.int8, np.int8, np.int8, np.bool_, np.bool_, np.int8, np.int8, np.int16,
)  # fmt: skip


@compiled
def _amount(kind: Any, shop: Any, z: Any) -> Any:
    price = mix(np.uint64(shop) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(99))
    level = 700.0 * np.exp(unit(price) * 2.6)
    if kind == STANDING:
        return np.int64(level / 10.0) * 10
    if kind == FRAUD_TEST:
        return 1 + np.int64(unit(z) * 300.0)
    if kind >= FRAUD_ONLINE:
        return np.int64(np.exp(8.6 + 2.6 * unit(z)))
    spread = unit(z) + unit(mix(z)) + unit(mix(z + np.uint64(1))) - 1.5
    return 1 + np.int64(level * np.exp(1.5 * spread))


@compiled
def _fill(rows: Any, start: Any, stop: Any, shops: Any, card_bin: Any, out: Any) -> None:
    terminals, online, standing = shops
    for i in range(start, stop):
        shop = rows.merchant[i]
        kind = np.int64(rows.kind[i])
        declined = kind == INSTORE + DECLINED or kind == ONLINE + DECLINED
        if declined:
            kind -= DECLINED
        z = mix(np.uint64(rows.tag[i]) * np.uint64(0xD6E8FEB86659FD93) + np.uint64(shop))
        y = mix(z + np.uint64(4))
        web = kind in (ONLINE, FRAUD_ONLINE, FRAUD_TEST)
        web = web or (kind in (REFUND, REVERSAL) and online[shop])
        out.terminal[i] = terminal_of(rows.tag[i], terminals[shop])
        out.amount_minor[i] = _amount(kind, shop, z)
        out.entry_mode[i] = 1 if y & np.uint64(3) == 0 else 0
        out.eci[i] = 0
        if kind == STANDING:
            out.entry_mode[i] = 4
            out.eci[i] = 3
        elif web:
            out.entry_mode[i] = 3
            secure = 3 if kind in (FRAUD_TEST, FRAUD_ONLINE) else 10
            out.eci[i] = 1 if (y >> np.uint64(8)) & np.uint64(15) < secure else 3
        elif kind == FRAUD_COUNTERFEIT or (kind != FRAUD_INSTORE and y & np.uint64(31) == 1):
            out.entry_mode[i] = 2
        out.initiator[i] = 1 if kind == STANDING else 0
        # the card is stored at the shops with standing charges and for one in eight web purchases
        stored = (y >> np.uint64(16)) & np.uint64(7) == 0
        out.stored_credential[i] = kind == STANDING or (
            kind == ONLINE and (standing[shop] or stored)
        )
        out.approved[i] = not declined
        out.message_type[i] = 2 if kind == REFUND else (1 if kind == REVERSAL else 0)
        out.country[i] = 1 + shop % 2 if online[shop] and shop % 13 == 7 else 0
        out.bin[i] = card_bin[rows.card[i]]


def _code_results(
    chunk: Chunk, entry_mode: NDArray[np.int8], leaks: Sequence[Leak]
) -> NDArray[np.int8]:
    """What the check of the security code came to: a code of CODE_RESULTS for each row.

    Holders know their code; thieves have it where it was stolen with the number.
    """
    rows = chunk.rows
    web = entry_mode == ENTRY_MODES.index("ecommerce")
    stir = rows.tag.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + rows.card.astype(np.uint64)
    asked = (stir >> np.uint64(40)) % np.uint64(1000) < np.uint64(1000 * _ASKED)
    typo = (stir >> np.uint64(20)) % np.uint64(100) == 0
    absent = np.int8(CODE_RESULTS.index("absent"))
    match, wrong = (np.int8(CODE_RESULTS.index(word)) for word in ("match", "no_match"))
    out = np.where(asked, np.where(typo, wrong, match), absent)
    fraud = chunk.fraud
    leaked = np.array([leak.spec.data_taken.has_code for leak in leaks] or [False])
    knows = np.isin(fraud.cause, (Cause.PHISHING, Cause.TAKEOVER, Cause.DISPUTE))
    knows |= (fraud.cause == Cause.LEAK) & leaked[np.maximum(fraud.leak, 0)]
    at = chunk.fraud_at
    guess = np.where(fraud.declined, wrong, absent)  # who has no code goes where none is asked
    out[at] = np.where(knows, out[at], guess)
    return np.where(web, out, np.int8(0)).astype(np.int8)


def dress(
    chunk: Chunk,
    merchants: Merchants,
    card_bin: NDArray[np.int16],
    threads: int,
    leaks: Sequence[Leak] = (),
) -> Transactions:
    """Give finished rows their columns; ``card_bin`` has the BIN range of every card."""
    rows = chunk.rows
    n = rows.second.size
    empty: Any = (np.empty(n, dtype) for dtype in _TYPES)
    columns = _Columns(*empty)
    shops = (merchants.terminals, merchants.online, merchants.standing)

    def one(start: int) -> None:
        _fill(rows, start, min(start + _SLICE, n), shops, card_bin, columns)

    if n <= _SLICE or threads == 1:
        _fill(rows, 0, n, shops, card_bin, columns)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(0, n, _SLICE)))
    columns.approved[chunk.fraud_at] = ~chunk.fraud.declined
    return Transactions(
        transaction_id=np.arange(chunk.first_id, chunk.first_id + n, dtype=np.int64),
        card=rows.card,
        merchant=rows.merchant,
        second=rows.second,
        security_code_result=_code_results(chunk, columns.entry_mode, leaks),
        **columns._asdict(),
    )
