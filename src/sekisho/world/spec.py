"""What a world is made of: every knob, its unit and its default.

Shares are between 0 and 1, rates are per card and year, days count from the world's first day
(day 0). The same spec and seed give the same world, whatever the machine or thread count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sekisho.domain.errors import BadInput

CHUNK_ROWS = 4_000_000  # rows that one chunk of time may hold; bounds the memory
CHUNK_DAYS = 31


class LeakKind(StrEnum):
    """Whose data leaked."""

    MERCHANT = "merchant"
    OPERATOR = "operator"  # several shops, each with its own window
    PROCESSOR = "processor"  # many small shops, one window
    TERMINAL = "terminal"  # one terminal of a shop


class Timing(StrEnum):
    """When the stolen cards are misused."""

    AT_ONCE = "at_once"  # days after the visit
    BATCHES = "batches"  # in batches, each after a sale of the stolen data
    HELD = "held"  # all at once, long after the window


class DataTaken(StrEnum):
    """How the data was stolen, which decides which rows expose a card."""

    FORM = "form"  # what was entered: failed tries too, merchant-initiated charges not
    DATABASE = "database"  # what was stored: merchant-initiated charges too
    TRACK = "track"  # magnetic stripe read at a terminal; misused as counterfeit

    @property
    def has_code(self) -> bool:
        """Whether security codes are among it: they are typed into forms, and stored nowhere."""
        return self is DataTaken.FORM


@dataclass(frozen=True, slots=True)
class LeakSpec:
    """One leak.

    ``windows`` holds (first day, last day), both inside; one for all members or one each.
    ``merchants`` names the members by index (size rank: 0 is the largest merchant); left empty,
    ``n_members`` of them are taken at the size quantile ``size_rank`` (0 the largest) among
    online shops (in-store for terminals). ``lag_days`` is the mean delay from visit, sale or
    release to misuse; ``sales`` are the days of sale (batches) or release (held), by default
    every 30 days three times from the window's end, or ``held_days`` after it. ``sold_on`` is the
    day on which the last member goes to another operator; ``names`` names the members.
    """

    kind: LeakKind
    windows: tuple[tuple[int, int], ...]
    misuse_share: float
    timing: Timing = Timing.AT_ONCE
    data_taken: DataTaken = DataTaken.FORM
    merchants: tuple[int, ...] = ()
    n_members: int = 1
    size_rank: float = 0.2
    lag_days: float = 10.0
    sales: tuple[int, ...] = ()
    held_days: int = 365
    sold_on: int | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        members = len(self.merchants) or self.n_members
        if not 0.0 < self.misuse_share <= 1.0:
            raise BadInput(f"misuse_share of a leak must be in (0, 1], not {self.misuse_share}")
        if len(self.windows) not in (1, members):
            raise BadInput(
                f"a leak with {members} members has {len(self.windows)} windows",
                hint="Give one window for all members, or one for each.",
            )
        for first, last in self.windows:
            if last < first:
                raise BadInput(f"a leak's window ends on day {last}, before it starts ({first})")


@dataclass(frozen=True, slots=True)
class MerchantSpec:
    """The merchants. ``zipf`` is the exponent of size over rank."""

    count: int = 1_000
    zipf: float = 1.0
    online_share: float = 0.4  # of merchants
    home_areas: int = 12
    operators: int | None = None  # by default 0.8 per merchant
    processors: int = 8
    acquirers: int = 4
    max_terminals: int = 12
    subscription_share: float = 0.06  # of online merchants: those with standing charges
    sold_share: float = 0.01  # of merchants, per year: go to another operator
    test_shops: int = 3  # where stolen cards are tested; every other one has no genuine custom
    spend_shops: int = 12


@dataclass(frozen=True, slots=True)
class CardSpec:
    """The cards and their habits."""

    count: int = 20_000
    per_day: float = 0.17  # purchases per card and day
    activity_shape: float = 1.4  # gamma shape: small means unequal
    online_purchases: float = 0.35  # mean share of purchases made online
    repeat_share: float = 0.7  # purchases at a favourite
    favourites: int = 6  # per channel
    habit_days: int = 700  # how long a favourite stays one
    away_share: float = 0.08  # in-store purchases outside the home area
    standing: float = 0.8  # standing charges per card
    products: int = 5  # the last one is co-branded
    cobrand_share: float = 0.08  # of cards
    cobrand_partner_share: float = 0.6  # of the holders' purchases, at the partner shop
    opened_share: float = 0.08  # of today's cards, newly opened per year
    valid_days: int = 1_826
    renewed_share: float = 0.9  # of expiring cards that get a successor
    declined_share: float = 0.025
    retry_share: float = 0.6  # of declined tries, followed by an approved one
    refund_share: float = 0.012
    reversal_share: float = 0.004


@dataclass(frozen=True, slots=True)
class NoiseSpec:
    """Fraud without a leak: per card and year, reported or not."""

    phishing: float = 0.006
    bin_attack: float = 0.0015
    lost_stolen: float = 0.001
    takeover: float = 0.0015
    dispute: float = 0.0015  # holders who dispute a standing charge of their own
    bin_attack_cards: tuple[int, int] = (8, 40)
    bin_attack_cobrand_share: float = 0.4  # of the attacks aim at the co-branded product
    dispute_misfiled_share: float = 0.3  # reported as card_not_present
    activity_link: float = 0.4  # how far phishing follows activity: 0 not at all, 1 wholly
    unreported_share: float = 0.2
    test_share: float = 0.35  # of stolen numbers are tested first
    test_reported_share: float = 0.05
    report_delay_days: float = 12.0  # median
    report_delay_spread: float = 1.1  # sigma of the logarithm


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """A whole world: ``days`` of history from ``start`` on."""

    start: date = date(2023, 1, 1)
    days: int = 365
    merchants: MerchantSpec = field(default_factory=MerchantSpec)
    cards: CardSpec = field(default_factory=CardSpec)
    noise: NoiseSpec = field(default_factory=NoiseSpec)
    leaks: tuple[LeakSpec, ...] = ()

    def __post_init__(self) -> None:
        if self.days < 1 or self.cards.count < 1:
            raise BadInput("a world needs at least one day and one card")
        if self.merchants.count < 50:
            raise BadInput("a world needs at least 50 merchants")
        for leak in self.leaks:
            if any(first >= self.days or last < 0 for first, last in leak.windows):
                raise BadInput(
                    f"a leak's window {leak.windows} lies outside the world's {self.days} days"
                )

    @property
    def purchases(self) -> float:
        """Expected number of purchases; rows are some percent more."""
        return self.cards.count * self.cards.per_day * self.days

    @property
    def chunk_days(self) -> int:
        """Days that are made at once: bounded in rows and in days."""
        per_day = 1.15 * self.cards.count * self.cards.per_day + 1.0
        return max(1, min(CHUNK_DAYS, int(CHUNK_ROWS / per_day)))
