"""What an inquiry is put together from: shops with their windows, transactions in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class ShopWindow:
    """A shop by the id that findings give it, with its first and last day of exposure."""

    entity_id: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class ExposingTransaction:
    """One transaction in the window. ``authorized_at`` is wall-clock time in the trace's zone.

    Texts are empty, and the amount and ``approved`` None, where the history does not say.
    ``card_order`` is a hash of the card's reference: every run draws the same cards by it.
    """

    entity_id: str
    card_ref: str
    card_order: str
    transaction_id: str
    authorized_at: datetime
    acquirer_id: str
    merchant_id: str
    terminal_id: str
    amount_minor: int | None
    currency: str
    approved: bool | None
