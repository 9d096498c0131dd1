"""Which cards of an alert go on the watch list, until when, and why the others do not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sekisho.domain.errors import BadInput
from sekisho.domain.exposure import (
    ALIASES,
    Alert,
    AlertEntry,
    CardOnFile,
    EntryAction,
    Fate,
    Fated,
)
from sekisho.rulebook.watch import WatchTable


class CardIndex:
    """The issuer's cards by reference, and by what alerts name them by otherwise."""

    def __init__(self, cards: Iterable[CardOnFile]) -> None:
        self._by_ref: dict[str, CardOnFile] = {}
        self._by_last4: dict[str, list[CardOnFile]] = {}
        for card in cards:
            self._by_ref[card.card_ref] = card
            if card.bin and card.last4:
                self._by_last4.setdefault(card.last4, []).append(card)

    def __len__(self) -> int:
        return len(self._by_ref)

    def found(self, entry: AlertEntry) -> list[CardOnFile]:
        """The cards that an entry may mean: by reference, or by digits and expiry date.

        A BIN is compared as far as both sides write it (six or eight digits).
        """
        if entry.card_ref:
            card = self._by_ref.get(entry.card_ref)
            return [] if card is None else [card]
        found = [
            card
            for card in self._by_last4.get(entry.last4, ())
            if card.bin.startswith(entry.bin) or entry.bin.startswith(card.bin)
        ]
        if entry.expiry is None:
            return found
        return [card for card in found if same_month(card.expires_on, entry.expiry)]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when an alert is read.

    ``cards``: the card file, None where none was given; ``named``: cards that this very alert
    named before; ``prior``: cards on day of the latest earlier alert; ``today``; ``day_end``: the
    last second of a day, in seconds since 1970 UTC.
    """

    cards: CardIndex | None
    named: Collection[str]
    prior: Mapping[str, date]
    today: date
    day_end: Callable[[date], int]


def judge(alert: Alert, known: Known, table: WatchTable) -> list[Fated]:
    """What becomes of each entry, in their order. BadInput for an element nobody knows."""
    seen: set[str] = set()
    told = []
    for entry in alert.entries:
        fated = _judge_one(alert, entry, known, table)
        if fated.card_ref and fated.fate is not Fate.WITHDRAWN:
            if fated.card_ref in seen:
                fated = Fated(entry.row, fated.card_ref, Fate.DUPLICATE)
            seen.add(fated.card_ref)
        told.append(fated)
    return told


def _judge_one(alert: Alert, entry: AlertEntry, known: Known, table: WatchTable) -> Fated:
    card: CardOnFile | None = None
    if known.cards is not None or not entry.card_ref:
        found = known.cards.found(entry) if known.cards is not None else []
        if len(found) != 1:
            back = entry.action is EntryAction.WITHDRAW and bool(entry.card_ref)
            lost = Fate.SEVERAL_FIT if found else Fate.NOT_OURS
            return Fated(entry.row, entry.card_ref, Fate.WITHDRAWN if back else lost)
        card = found[0]
    card_ref = card.card_ref if card is not None else entry.card_ref
    fate: Fate | None = None
    if entry.action is EntryAction.WITHDRAW:
        fate = Fate.WITHDRAWN
    elif card_ref in known.named:
        fate = Fate.DUPLICATE
    elif card is not None:
        fate = gone_since(card, entry, alert, known.today)
    if fate is not None:
        return Fated(entry.row, card_ref, fate)
    return _watched(alert, entry, card or CardOnFile(card_ref), known, table)


def _watched(
    alert: Alert, entry: AlertEntry, card: CardOnFile, known: Known, table: WatchTable
) -> Fated:
    """What becomes of a card that can still be misused."""
    elements = elements_of(entry.elements or alert.elements, table)
    until = table.until(elements, alert.received_on, card.expires_on or entry.expiry)
    if until is None or until < known.today:
        fate = Fate.NOTICE_ONLY if until is None else Fate.EXPIRED
        return Fated(entry.row, card.card_ref, fate, elements=elements)
    exposed_at = entry.exposed_at
    if exposed_at is None:
        exposed_at = known.day_end(alert.window_end or alert.received_on)
    prior = known.prior.get(card.card_ref)
    return Fated(entry.row, card.card_ref, Fate.WATCHED, until, exposed_at, elements, prior)


def gone_since(card: CardOnFile, entry: AlertEntry, alert: Alert, today: date) -> Fate | None:
    """Why a card on file cannot be misused with what was taken; None if it can."""
    if card.replaced_by:
        return Fate.REISSUED
    other_expiry = card.expires_on is not None and entry.expiry is not None
    if other_expiry and not same_month(card.expires_on, entry.expiry):
        return Fate.REISSUED
    if card.closed_on is not None and card.closed_on <= today:
        return Fate.CLOSED
    if card.expires_on is not None and card.expires_on < today:
        return Fate.EXPIRED
    window_end = alert.window_end
    if card.opened_on is not None and window_end is not None and card.opened_on > window_end:
        return Fate.ISSUED_AFTER
    return None


def same_month(one: date | None, other: date | None) -> bool:
    """Whether two expiry dates are the same: cards expire with a month."""
    return (
        one is not None and other is not None and (one.year, one.month) == (other.year, other.month)
    )


def elements_of(words: Iterable[str], table: WatchTable) -> tuple[str, ...]:
    """The table's names of data elements, each once; BadInput for a word that it does not know."""
    told: list[str] = []
    for word in words:
        plain = word.strip().lower()
        name = ALIASES.get(plain, plain)
        if name not in table.names:
            raise BadInput(
                f"{word!r} is no data element that the watch table {table.version} knows.",
                hint=f"It knows: {', '.join(table.names)}. Map other words in [elements].",
            )
        if name not in told:
            told.append(name)
    return tuple(told)
