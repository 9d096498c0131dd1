"""Purchases to play, read as the product reads histories, and numbers invented for their cards."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.domain.progress import Progress
from sekisho.rulebook.codes import codes
from sekisho.warehouse.intake import InputRequest, OpenHistory, open_history

_BATCH: Final = 1_000
"""Rows at once; more would hold up the requests that are due meanwhile."""
_COLUMNS: Final = (
    "card_ref", "acquirer_id", "merchant_id", "terminal_id", "amount_minor", "currency", "mcc",
    "entry_mode", "eci", "country", "initiator",
)  # fmt: skip
_ENTRIES: Final = {
    "chip": "051", "contactless": "071", "stripe": "901", "magstripe": "901", "fallback": "801",
    "manual": "011", "keyed": "011", "ecommerce": "812", "stored": "102", "on_file": "102",
}  # fmt: skip
_YEN: Final = "392"
_JAPAN: Final = "392"
_AMOUNT: Final = 1_000
"""Minor units where a file tells no amounts."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One authorization to ask for, in ISO 8583's own spelling and widths.

    ``acquirer_id``: up to 11 digits; ``merchant_id``: up to 15 characters; ``entry_mode``: three
    digits. The time is that of the sending.
    """

    card_ref: str
    acquirer_id: str
    merchant_id: str
    terminal_id: str
    amount_minor: int
    currency: str
    mcc: str
    entry_mode: str
    eci: str
    country: str
    initiator: str


@contextmanager
def opened(
    request: InputRequest, workdir: Path, memory_limit: str, progress: Progress
) -> Iterator[OpenHistory]:
    """The history of a load; closed at the end of the block."""
    from sekisho.vault.columns import column_holds_card_numbers  # noqa: PLC0415 - loads pyarrow

    history = open_history(
        request,
        workdir=workdir,
        memory_limit=memory_limit,
        threads=1,
        progress=progress,
        holds_card_numbers=column_holds_card_numbers,
    )
    try:
        yield history
    finally:
        history.connection.close()


def purchases(history: OpenHistory) -> Iterator[Purchase]:
    """The history's purchases in the order of time, again and again; NothingToDo if it is empty.

    They are sorted before the first one is handed out, so that no request waits for that.
    """
    there = [name for name in _COLUMNS if name in history.columns]
    chosen = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in there)
    history.connection.execute(
        f"CREATE TEMP TABLE played AS SELECT {chosen} "  # noqa: S608 - names of our own
        "FROM transactions ORDER BY authorized_at"
    )
    if not history.connection.execute("FROM played LIMIT 1").fetchall():
        raise NothingToDo("there is no purchase in the files", hint="Hand in other files.")
    return _again_and_again(history)


def _again_and_again(history: OpenHistory) -> Iterator[Purchase]:
    while True:
        for batch in history.connection.sql("FROM played").to_arrow_reader(_BATCH):
            for row in batch.to_pylist():
                yield _purchase(row)


def _purchase(row: dict[str, Any]) -> Purchase:
    def told(name: str) -> str:
        return str(row.get(name) or "").strip()

    entry, mcc, currency = told("entry_mode").lower(), told("mcc"), told("currency")
    return Purchase(
        card_ref=told("card_ref"),
        acquirer_id=_digits(told("acquirer_id") or "1", 11),
        merchant_id=_fitting(told("merchant_id"), 15),
        terminal_id=_fitting(told("terminal_id") or told("merchant_id"), 8),
        amount_minor=_amount(told("amount_minor")),
        currency=codes().currencies.get(currency.upper(), _YEN),
        mcc=mcc if mcc.isdecimal() and len(mcc) == 4 else "",
        entry_mode=(entry + "0" * 3)[:3] if entry.isdecimal() else _ENTRIES.get(entry, "000"),
        eci=told("eci"),
        country=codes().countries.get(told("country").upper(), _JAPAN),
        initiator=told("initiator"),
    )


def _amount(text: str) -> int:
    try:
        return min(abs(int(text)), 10**12 - 1) if text else _AMOUNT
    except ValueError:
        return _AMOUNT


def _digits(text: str, most: int) -> str:
    """``text`` if it is digits that fit, else ten digits that are always the same for it."""
    if text.isascii() and text.isdecimal() and len(text) <= most:
        return text
    return f"{zlib.crc32(text.encode()):010d}"


def _fitting(text: str, most: int) -> str:
    """``text`` if it fits an ISO 8583 field, else a text that is always the same for it."""
    if len(text) <= most and text.isascii() and text.isprintable():
        return text
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()[:most].upper()


class InventedNumbers:
    """Card numbers for references, made at run time: always the same for the same reference.

    They begin with ``bin_digits`` and have 16 digits and a fitting check digit. Meant for doors of
    test systems: choose a range that no issuer has.
    """

    def __init__(self, bin_digits: str) -> None:
        """BadInput unless ``bin_digits`` are six to eight digits."""
        if not (bin_digits.isascii() and bin_digits.isdecimal() and 6 <= len(bin_digits) <= 8):
            raise BadInput("--test-bin is not six to eight digits", hint="For example 999999.")
        self._bin = bin_digits
        self._room = 10 ** (15 - len(bin_digits))
        self._known: dict[str, str] = {}

    def of(self, card_ref: str) -> str:
        """The number for a reference."""
        number = self._known.get(card_ref)
        if number is None:
            hashed = hashlib.blake2b(card_ref.encode(), digest_size=8).digest()
            place = int.from_bytes(hashed, "big") % self._room
            body = f"{self._bin}{place:0{15 - len(self._bin)}d}"
            number = self._known[card_ref] = body + _check_digit(body)
        return number


def _check_digit(body: str) -> str:
    """The digit that makes ``body`` pass ISO/IEC 7812-1 annex B."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
