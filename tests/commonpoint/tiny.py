"""Hand-made little economies: purchases and reports as plain rows, as arrays, and as files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from commonpoint.array_history import (
    EPOCH,
    ArrayHistory,
    Belonging,
    Card,
    Purchase,
    Report,
    seconds,
)
from sekisho.domain.finding import EntityKind
from sekisho.domain.progress import Silent
from sekisho.warehouse.history import DuckHistory
from sekisho.warehouse.intake import InputRequest, Inputs, open_inputs

DAY = 86_400
DAYS = 300
START = seconds(datetime(2024, 1, 1))  # noqa: DTZ001 - wall clock
PRODUCTS = ("standard", "gold", "student")
AREAS = ("north", "south")


@dataclass(frozen=True)
class Leak:
    """Cards that visited ``shop`` from day ``first`` to ``last`` are misused with chance ``share``.

    The misuse comes ``lag`` days (mean, exponential) after the visit, or after ``sold`` if given.
    """

    shop: int
    first: int
    last: int
    share: float
    lag: float = 10.0
    sold: int | None = None


@dataclass(frozen=True)
class Economy:
    """Everything that a bank has, as rows."""

    purchases: tuple[Purchase, ...]
    reports: tuple[Report, ...]
    cards: dict[str, Card] = field(default_factory=dict)
    days: int = DAYS
    belongings: tuple[Belonging, ...] = ()

    @property
    def last_day(self) -> date:
        return (EPOCH + timedelta(seconds=START)).date() + timedelta(days=self.days - 1)

    def arrays(self, as_of: date | None = None) -> ArrayHistory:
        """The history as known at the end of ``as_of``."""
        end = seconds(datetime.combine(as_of or self.last_day, datetime.min.time())) + DAY
        return ArrayHistory(
            [p for p in self.purchases if p.at < end],
            [r for r in self.reports if max(r.at, r.reported_at or r.at) < end],
            self.cards,
            belongings=self.belongings,
        )

    def write(self, folder: Path, parts: int = 1) -> Files:
        """Write Parquet files; the purchases go round robin into ``parts`` files."""
        folder.mkdir(parents=True, exist_ok=True)
        history = tuple(folder / f"history{i}.parquet" for i in range(parts))
        for i, path in enumerate(history):
            pq.write_table(purchase_table(self.purchases[i::parts]), path)
        merchants = folder / "merchants.parquet" if self.belongings else None
        files = Files(history, folder / "fraud.parquet", folder / "cards.parquet", merchants)
        if merchants is not None:
            pq.write_table(merchant_table(self.belongings), merchants)
        pq.write_table(report_table(self.reports), files.fraud)
        pq.write_table(card_table(self.cards), files.cards)
        return files


@dataclass(frozen=True)
class Files:
    """Where an economy was written."""

    history: tuple[Path, ...]
    fraud: Path
    cards: Path
    merchants: Path | None = None

    def request(self, as_of: date | None = None, **others: object) -> InputRequest:
        request = InputRequest(
            self.history, self.fraud, cards=self.cards, merchants=self.merchants, as_of=as_of
        )
        return replace(request, **others)  # type: ignore[arg-type]


def moments(values: Sequence[int | None]) -> pa.Array:
    return pa.array(
        [None if v is None else EPOCH + timedelta(seconds=v) for v in values], pa.timestamp("us")
    )


def purchase_table(rows: Sequence[Purchase]) -> pa.Table:
    return pa.table({
        "card_ref": pa.array([p.card for p in rows], pa.string()),
        "acquirer_id": pa.array([p.shop[0] for p in rows], pa.string()),
        "merchant_id": pa.array([p.shop[1] for p in rows], pa.string()),
        "authorized_at": moments([p.at for p in rows]),
        "initiator": pa.array(["merchant" if p.by_merchant else "cardholder" for p in rows]),
    })  # fmt: skip


def report_table(rows: Sequence[Report]) -> pa.Table:
    return pa.table({
        "card_ref": pa.array([r.card for r in rows], pa.string()),
        "fraud_at": moments([r.at for r in rows]),
        "reported_at": moments([r.reported_at for r in rows]),
        "fraud_type": pa.array([r.kind or None for r in rows], pa.string()),
        "acquirer_id": pa.array([r.shop[0] if r.shop else None for r in rows], pa.string()),
        "merchant_id": pa.array([r.shop[1] if r.shop else None for r in rows], pa.string()),
    })  # fmt: skip


def card_table(cards: dict[str, Card]) -> pa.Table:
    def day(second: int | None) -> date | None:
        return None if second is None else (EPOCH + timedelta(seconds=second)).date()

    rows = cards.values()
    return pa.table({
        "card_ref": pa.array(list(cards), pa.string()),
        "product": pa.array([c.product or None for c in rows], pa.string()),
        "home_area": pa.array([c.home_area or None for c in rows], pa.string()),
        "opened_on": pa.array([day(c.opened) for c in rows], pa.date32()),
        "closed_on": pa.array([day(c.closed) for c in rows], pa.date32()),
        "replaced_by": pa.array([c.replaced_by for c in rows], pa.string()),
    })  # fmt: skip


def merchant_table(rows: Sequence[Belonging]) -> pa.Table:
    """Days of belonging: the merchant file names the last one, both ends included."""

    def day(second: int | None) -> date | None:
        return None if second is None else (EPOCH + timedelta(seconds=second)).date()

    def of(kind: EntityKind) -> pa.Array:
        return pa.array([b.group if b.kind is kind else None for b in rows], pa.string())

    return pa.table({
        "acquirer_id": pa.array([b.shop[0] for b in rows], pa.string()),
        "merchant_id": pa.array([b.shop[1] for b in rows], pa.string()),
        "operator_id": of(EntityKind.OPERATOR),
        "processor_id": of(EntityKind.PROCESSOR),
        "valid_from": pa.array([day(b.start) for b in rows], pa.date32()),
        "valid_to": pa.array([day(b.end and b.end - DAY) for b in rows], pa.date32()),
    })  # fmt: skip


@contextmanager
def opened(request: InputRequest, work: Path) -> Iterator[Inputs]:
    inputs = open_inputs(
        request, workdir=work, memory_limit="500MB", threads=1, progress=Silent(),
        holds_card_numbers=lambda _: False,
    )  # fmt: skip
    try:
        yield inputs
    finally:
        inputs.connection.close()


@contextmanager
def duck(economy: Economy, folder: Path, as_of: date | None = None) -> Iterator[DuckHistory]:
    """The economy in DuckDB."""
    files = economy.write(folder)
    with opened(files.request(as_of or economy.last_day), folder / "work") as inputs:
        yield DuckHistory(inputs.connection, inputs.columns, overlapping=inputs.overlapping)


def shop_name(shop: int) -> tuple[str, str]:
    return f"A{shop % 2 + 1}", f"M{shop:04d}"


def card_name(card: int) -> str:
    return hashlib.sha256(f"card {card}".encode()).hexdigest()[:12]


def make(
    seed: int,
    *,
    cards: int = 600,
    shops: int = 40,
    background: float = 0.12,
    leaks: Sequence[Leak] = (),
    change: Callable[[Economy, np.random.Generator], Economy] | None = None,
) -> Economy:
    """Cards of unequal activity at shops of unequal size; ``background`` frauds a card and year.

    Half of the defrauded cards are closed and replaced after a week, half go on.
    """
    rng, days = np.random.default_rng(seed), DAYS
    size = 1.0 / np.arange(1, shops + 1)
    size /= size.sum()
    rate = rng.gamma(1.5, 0.1, cards)
    purchases: list[Purchase] = []
    frauds: list[tuple[int, int]] = []  # card, instant
    for card in range(cards):
        count = rng.poisson(rate[card] * days)
        at = np.sort(rng.integers(0, days * DAY, count)) + START
        shop = rng.choice(shops, count, p=size)
        for moment, place in zip(at, shop, strict=True):
            purchases.append(Purchase(card_name(card), shop_name(int(place)), int(moment)))
        if rng.random() < background * days / 365:
            frauds.append((card, START + int(rng.integers(0, days * DAY))))
        for leak in leaks:
            inside = at[
                (shop == leak.shop)
                & (at >= START + leak.first * DAY)
                & (at < START + (leak.last + 1) * DAY)
            ]
            if inside.size and rng.random() < leak.share:
                since = int(inside[0]) if leak.sold is None else START + leak.sold * DAY
                frauds.append((card, since + int(rng.exponential(leak.lag) * DAY) + 3_600))
    end = START + days * DAY
    reports = []
    for card, at_fraud in sorted(frauds):
        if at_fraud < end:
            delay = int(rng.exponential(6.0) * DAY)
            reports.append(Report(card_name(card), at_fraud, at_fraud + delay, "card_not_present"))
    table = {
        card_name(card): Card(
            product=PRODUCTS[int(rng.integers(3))],
            home_area=AREAS[int(rng.integers(2))],
            opened=None if rng.random() < 0.3 else START - int(rng.integers(0, 700)) * DAY,
        )
        for card in range(cards)
        if rng.random() < 0.9
    }
    economy = Economy(tuple(purchases), tuple(reports), table, days)
    return change(economy, rng) if change else economy


def with_trouble(economy: Economy, rng: np.random.Generator) -> Economy:
    """Replaced and closed cards, lost ones, frauds at named shops, merchant-initiated charges."""
    purchases, reports, cards = [], [], dict(economy.cards)
    moved: dict[str, int] = {}
    for i, report in enumerate(economy.reports):
        kind = ("card_not_present", "counterfeit", "lost_stolen", "dispute", "")[i % 5]
        shop = shop_name(int(rng.integers(8))) if i % 3 == 0 else None
        reports.append(replace(report, kind=kind, shop=shop))
        if i % 2 == 0 and report.card not in moved:
            moved[report.card] = report.at + 7 * DAY
            midnight = (moved[report.card] // DAY) * DAY
            old = cards.get(report.card, Card())
            cards[report.card] = replace(old, closed=midnight, replaced_by=report.card + "-2")
            cards[report.card + "-2"] = replace(old, opened=midnight)
        if i % 7 == 0:
            reports.append(replace(report, at=report.at + 120 * DAY, reported_at=None, kind=""))
            reports.append(replace(report, at=report.at + 20 * DAY, reported_at=None, kind=""))
    end = START + economy.days * DAY
    for p in economy.purchases:
        card = p.card + "-2" if p.at >= moved.get(p.card, end) else p.card
        purchases.append(replace(p, card=card, by_merchant=bool(rng.random() < 0.1)))
    for report in reports[::4]:  # the misuse itself is in the history
        if report.shop is None:
            place = shop_name(int(rng.integers(8)))
            purchases.append(Purchase(report.card, place, report.at))
    seen = {p.card for p in purchases}
    kept = [r for r in reports if r.card in seen and r.at < end]
    return replace(economy, purchases=tuple(purchases), reports=tuple(kept), cards=cards)
