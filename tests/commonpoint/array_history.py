"""A second body of the port `commonpoint.ports.History`, from plain lists: slow and obvious.

It reads the world's own tables row by row; nothing of it is shared with the one on DuckDB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from sekisho.domain.finding import EntityKind
from sekisho.domain.history import (
    CardTable,
    ExposureWindow,
    FraudTable,
    GroupTable,
    Survey,
    Tenure,
    VisitTable,
)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clock, as in the history
FAR = 1 << 40
COUNTED = ("", "card_not_present", "counterfeit")
STOPPING = ("lost_stolen", "account_takeover", "application")


def seconds(moment: datetime) -> int:
    """Wall clock as whole seconds since 1970."""
    return int((moment - EPOCH).total_seconds())


@dataclass(frozen=True)
class Purchase:
    """One row of the history."""

    card: str
    shop: tuple[str, str]  # acquirer and merchant
    at: int
    by_merchant: bool = False


@dataclass(frozen=True)
class Report:
    """One fraud report; ``shop`` where it names one."""

    card: str
    at: int
    reported_at: int | None = None
    kind: str = ""
    shop: tuple[str, str] | None = None


@dataclass(frozen=True)
class Card:
    """What the card file says of one card."""

    product: str = ""
    home_area: str = ""
    opened: int | None = None
    closed: int | None = None
    replaced_by: str | None = None


@dataclass(frozen=True)
class Belonging:
    """One row of the merchant file: a shop's group from one midnight until before another."""

    shop: tuple[str, str]
    kind: EntityKind
    group: str
    start: int | None = None
    end: int | None = None


@dataclass
class ArrayHistory:
    """The history. ``cards_file`` may miss cards; ``names`` may miss shops."""

    purchases: Sequence[Purchase]
    reports: Sequence[Report]
    cards_file: dict[str, Card] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    belongings: Sequence[Belonging] = ()
    passes: int = 0

    def survey(self) -> Survey:
        if not self.purchases:
            return Survey(0, 0, 0, 0)
        times = [p.at for p in self.purchases]
        cards = {p.card for p in self.purchases}
        return Survey(len(times), len(cards), min(times), max(times))

    def draw(self, *, cards: int) -> float:
        everybody = sorted({p.card for p in self.purchases})
        reported = {r.card for r in self.reports}
        share = min(1.0, cards / len(everybody))
        threshold = f"{int(share * 2**32):08x}"
        self._listed = [
            card for card in everybody if card in reported or share >= 1.0 or md5(card) < threshold
        ]
        self._drawn = len(self._listed)
        self._number = {card: i for i, card in enumerate(self._listed)}
        shops = sorted({p.shop for p in self.purchases if p.card in self._number})
        self._shops = shops
        self._entity = {shop: i for i, shop in enumerate(shops)}
        others = [card for card in everybody if card not in reported]
        drawn = [card for card in others if card in self._number]
        return len(drawn) / len(others) if others and drawn else 1.0

    def _file(self, card: str) -> Card:
        return self.cards_file.get(card, Card())

    def cards(self) -> CardTable:
        first: dict[str, int] = {}
        for p in self.purchases:
            first[p.card] = min(first.get(p.card, p.at), p.at)
        files = [self._file(card) for card in self._listed]
        opened = [
            first[card] if file.opened is None else min(file.opened, first[card])
            for card, file in zip(self._listed, files, strict=True)
        ]
        return CardTable(
            product=codes([file.product for file in files], self._drawn),
            home_area=codes([file.home_area for file in files], self._drawn),
            opened_at=np.array(opened, np.int64),
            closed_at=np.array([FAR if f.closed is None else f.closed for f in files], np.int64),
            account=np.array(self._accounts(), np.int32),
        )

    def _accounts(self) -> list[int]:
        last = []
        for card in self._listed:
            seen = [card]
            while (following := self._file(seen[-1]).replaced_by) in self._number:
                if following in seen:
                    break
                seen.append(str(following))
            last.append(seen[-1])
        order = {card: i for i, card in enumerate(sorted(set(last)))}
        return [order[card] for card in last]

    def frauds(self) -> FraudTable:
        product = self.cards().product
        rows = []
        for r in self.reports:
            if r.card not in self._number:
                continue
            entity = self._entity.get(r.shop, -1) if r.shop else -1
            if entity < 0:
                there = [p for p in self.purchases if p.card == r.card and p.at == r.at]
                entity = self._entity[there[0].shop] if there else -1
            reported = r.at if r.reported_at is None else r.reported_at
            dated = r.reported_at is not None
            rows.append((self._number[r.card], r.at, reported, r.kind, entity, dated))
        rows.sort()
        card = np.array([row[0] for row in rows], np.int32)
        return FraudTable(
            card=card,
            at=np.array([row[1] for row in rows], np.int64),
            reported_at=np.array([row[2] for row in rows], np.int64),
            counts=np.array([row[3] in COUNTED for row in rows], bool),
            stops_card=np.array([row[3] in STOPPING for row in rows], bool),
            entity=np.array([row[4] for row in rows], np.int32),
            product=product[card],
            dated=np.array([row[5] for row in rows], bool),
        )

    def _visits(self, purchases: Iterable[Purchase]) -> VisitTable:
        rows = [
            (self._number[p.card], self._entity[p.shop], p.at, p.by_merchant) for p in purchases
        ]
        return VisitTable(
            card=np.array([row[0] for row in rows], np.int32),
            entity=np.array([row[1] for row in rows], np.int32),
            at=np.array([row[2] for row in rows], np.int64),
            merchant_initiated=np.array([row[3] for row in rows], bool),
        )

    def visits(self) -> VisitTable:
        drawn = set(self._listed[: self._drawn])
        return self._visits(p for p in self.purchases if p.card in drawn)

    def entity_count(self) -> int:
        return len(self._shops)

    def entity_id(self, entity: int) -> str:
        acquirer, merchant = self._shops[entity]
        return f"{acquirer}/{merchant}" if acquirer else merchant

    def entity_name(self, entity: int) -> str:
        return self.names.get(self._shops[entity], self.entity_id(entity))

    def groups(self, kind: EntityKind) -> GroupTable | None:
        known = [b for b in self.belongings if b.kind is kind and b.shop in self._entity]
        shops: dict[str, set[tuple[str, str]]] = {}
        for b in known:
            shops.setdefault(b.group, set()).add(b.shop)
        ids = tuple(sorted(group for group, some in shops.items() if len(some) > 1))
        rows = sorted(
            (
                self._entity[b.shop],
                -1 if b.start is None else b.start,
                FAR if b.end is None else b.end,
                ids.index(b.group),
            )
            for b in known
            if b.group in ids
        )
        if not rows:
            return None
        columns = [np.array([row[i] for row in rows], np.int64) for i in range(4)]
        return GroupTable(*columns, ids, ids)

    def terminals(self, entities: np.ndarray) -> None:
        """Plain purchases name no terminal."""

    def misuse(self) -> None:
        """Plain purchases say nothing about how a card was read."""

    def shops_of(self, kind: EntityKind, acquirer: str, number: str) -> tuple[Tenure, ...]:
        if kind is EntityKind.MERCHANT:
            return tuple(
                Tenure(entity, -FAR, FAR)
                for (own, merchant), entity in self._entity.items()
                if merchant == number and acquirer in {"", own}
            )
        return tuple(
            Tenure(
                self._entity[b.shop],
                -FAR if b.start is None else b.start,
                FAR if b.end is None else b.end,
            )
            for b in self.belongings
            if b.kind is kind and b.group == number and b.shop in self._entity
        )

    def add_visitors(self, entities: np.ndarray, shares: np.ndarray) -> VisitTable:
        wanted = {self._shops[int(e)]: share for e, share in zip(entities, shares, strict=True)}
        reported = {r.card for r in self.reports}
        there = [
            p
            for p in self.purchases
            if p.shop in wanted
            and (
                p.card in reported
                or wanted[p.shop] >= 1.0
                or md5(p.card) < f"{int(wanted[p.shop] * 2**32):08x}"
            )
        ]
        for card in sorted({p.card for p in there} - set(self._listed)):
            self._number[card] = len(self._listed)
            self._listed.append(card)
        return self._visits(there)

    def added_activity(self) -> tuple[np.ndarray, np.ndarray]:
        rows = [
            (self._number[p.card], p.at)
            for p in self.purchases
            if self._number.get(p.card, -1) >= self._drawn
        ]
        return (
            np.array([row[0] for row in rows], np.int32),
            np.array([row[1] for row in rows], np.int64),
        )

    def expose(self, windows: Iterable[ExposureWindow]) -> None:
        self._exposed: dict[tuple[str, int], list[int]] = {}
        for window in windows:
            for p in self.purchases:
                inside = window.start <= p.at < window.end
                if inside and p.shop == self._shops[window.entity]:
                    self._exposed.setdefault((p.card, window.finding), []).append(p.at)

    def defrauded_count(self) -> int:
        first = {
            card: min(at for (c, _), all_at in self._exposed.items() if c == card for at in all_at)
            for card, _ in self._exposed
        }
        return sum(
            any(r.card == card and r.kind in COUNTED and r.at > since for r in self.reports)
            for card, since in first.items()
        )

    def exposed_count(self) -> int:
        return len({card for card, _ in self._exposed})


def md5(text: str) -> str:
    """Hexadecimal digits that a share of cards is chosen by."""
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - not for secrecy


def codes(texts: Sequence[str], drawn: int) -> np.ndarray:
    """Codes from 1 on by falling frequency among the drawn cards, then by name; 0 for none."""
    count = {text: texts[:drawn].count(text) for text in set(texts) if text}
    order = sorted(count, key=lambda text: (-count[text], text))
    number = {"": 0} | {text: i + 1 for i, text in enumerate(order)}
    return np.array([number[text] for text in texts], np.int32)
