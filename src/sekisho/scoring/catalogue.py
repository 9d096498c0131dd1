"""What each feature means. The reference page is written from here; a test holds it complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sekisho.scoring.layout import (
    EXPLAINED_FACTOR,
    HABIT_MIN,
    LARGE_FACTOR,
    NEWEST_SCANNED,
    SMALL_MINOR,
    WEEKS,
    WINDOW_NAMES,
)
from sekisho.scoring.slots import Slot

_LENGTHS: Final = {
    "10m": "10 minutes", "1h": "hour", "6h": "6 hours", "1d": "24 hours", "3d": "3 days",
    "7d": "7 days", "14d": "14 days", "30d": "30 days",
}  # fmt: skip
_DAYS: Final = {"1d": "today", "7d": "the last 7 days", "30d": "the last 30 days"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One feature: its unit and what it says."""

    slot: Slot
    unit: str
    meaning: str

    @property
    def name(self) -> str:
        """As rules and model cards call it."""
        return self.slot.name.lower()


def _card_windows() -> dict[str, tuple[str, str]]:
    told: dict[str, tuple[str, str]] = {}
    for name in WINDOW_NAMES:
        length = _LENGTHS[name]
        told[f"CARD_COUNT_{name}"] = ("count", f"purchases in the last {length}, this one included")
        told[f"CARD_SUM_{name}"] = ("minor", f"their amounts together, in the last {length}")
    for name in ("1d", "7d", "30d"):
        told[f"CARD_MEAN_{name}"] = ("minor", f"mean amount in the last {_LENGTHS[name]}")
    for name in ("1d", "3d", "7d", "14d", "30d"):
        told[f"CARD_LARGE_{name}"] = (
            "count", f"large purchases before this one in the last {_LENGTHS[name]}",
        )  # fmt: skip
    for name in ("1h", "1d"):
        length = _LENGTHS[name]
        told[f"CARD_SMALL_{name}"] = ("count", f"small purchases before it in the last {length}")
        told[f"CARD_DECLINED_{name}"] = ("count", f"declined attempts in the last {length}")
    return told


def _shop_windows() -> dict[str, tuple[str, str]]:
    told: dict[str, tuple[str, str]] = {}
    for name, when in _DAYS.items():
        told[f"SHOP_COUNT_{name}"] = ("count", f"purchases at the merchant {when}")
        told[f"SHOP_LABELS_{name}"] = ("count", f"purchases whose label became known {when}")
        told[f"SHOP_FRAUDS_{name}"] = ("count", f"frauds among them ({when})")
        told[f"SHOP_RISK_{name}"] = ("share", f"their share, shrunk towards 1 % ({when})")
        told[f"SHOP_ASKED_FRAUDS_{name}"] = ("count", f"frauds that asked holders told {when}")
    for name in ("7d", "30d"):
        told[f"SHOP_UNEXPLAINED_{name}"] = (
            "count", f"unexplained frauds among those that became known {_DAYS[name]}",
        )  # fmt: skip
        told[f"SHOP_ASKED_{name}"] = ("count", f"answers of asked holders {_DAYS[name]}")
    for name, when in (("1d", "today"), ("7d", "in the last 7 days")):
        told[f"SHOP_LARGE_{name}"] = ("count", f"other purchases large for their cards, {when}")
    return told


_SINGLE: Final[dict[str, tuple[str, str]]] = {
    "AMOUNT": ("minor", "the amount"),
    "HOUR": ("0-23", "the hour, in the holders' time"),
    "NIGHT": ("0/1", "the hour is 0 to 6"),
    "WEEKEND": ("0/1", "Saturday or Sunday"),
    "ENTRY": ("code", "0 unknown, 1 chip, 2 contactless, 3 stripe, 4 keyed or online, 5 stored"),
    "REMOTE": ("0/1", "no card was present"),
    "ECI": ("code", "0 absent, 1 not authenticated, 2 attempted, 3 authenticated"),
    "CODE_RESULT": ("code", "security code: 0 absent, 1 match, 2 no match"),
    "CARD_DEVIATION_30D": ("minor", "deviation of the amounts before it in the last 30 days"),
    "CARD_SIGMAS_30D": ("ratio", "distance of the amount from their mean, in deviations"),
    "CARD_RATIO_30D": ("ratio", "the amount over their mean"),
    "CARD_RATIO_LARGEST": ("ratio", f"the amount over the largest of the last {NEWEST_SCANNED}"),
    "CARD_HABIT_MEAN": ("minor", "mean amount of the habit"),
    "CARD_RATIO_HABIT": ("ratio", "the amount over the habit's mean"),
    "CARD_REMOTE_1D": ("count", "purchases without the card before it in the last 24 hours"),
    "CARD_TEST_RATIO": ("ratio", "the amount over the smallest of the last 24 hours: a test first"),
    "CARD_SHOPS_1H": ("count", "different merchants within the last hour, this one included"),
    "CARD_SHOPS_1D": ("count", "different merchants within 24 hours, this one included"),
    "CARD_SINCE_PREVIOUS": ("seconds", "since the purchase before it"),
    "CARD_SHOP_VISITS_30D": ("count", "earlier purchases at this merchant in the last 30 days"),
    "CARD_FIRST_AT_SHOP": ("0/1", "there are none"),
    "CARD_COUNTRY_SHARE": ("share", f"this country among the last {NEWEST_SCANNED} purchases"),
    "CARD_COUNTRY_CHANGED": ("0/1", "the purchase before it was in another country"),
    "CARD_ENTRY_SHARE": ("share", f"this way of entry among the last {NEWEST_SCANNED} purchases"),
    "CARD_HOUR_SHARE": ("share", "the card's purchases in this slot of three hours, ever, shrunk"),
    "CARD_AGE": ("days", "since the card was first seen"),
    "CARD_KNOWN_FRAUDS": ("count", "purchases of the card that are known to be fraud"),
    "CARD_SINCE_KNOWN_FRAUD": ("days", "since the latest of them happened"),
    "CARD_ASKED_FRAUDS": ("count", "times the holder said that it was not her"),
    "CARD_ASKED_GENUINE": ("count", "times the holder said that it was her"),
    "CARD_SINCE_ASKED": ("days", "since her latest answer"),
    "EXPOSED": ("0/1", "the card is on the watch list now"),
    "EXPOSURES": ("count", "alerts that named it"),
    "EXPOSED_EXPIRY": ("0/1", "the expiry date was taken"),
    "EXPOSED_CODE": ("0/1", "the security code was taken"),
    "EXPOSED_TRACK": ("0/1", "the magnetic stripe was taken"),
    "EXPOSED_SINCE": ("days", "since the card was last exposed"),
    "EXPOSURE_KNOWN_SINCE": ("days", "since the latest alert"),
    "CODE_REASSURES": ("0/1", "the security code matches and was not taken"),
    "SHOP_MEAN_30D": ("minor", "mean amount at the merchant in the last 30 days"),
    "SHOP_RATIO_30D": ("ratio", "the amount over the mean of the merchant's other purchases"),
    "SHOP_SMALL_SHARE_7D": ("share", "small purchases at the merchant in the last 7 days"),
    "SHOP_RUN": ("count", "unexplained frauds that became known since a genuine purchase did"),
    "SHOP_RUN_ANY": ("count", "the same of all frauds, explained or not"),
    "SHOP_RUN_AGE": ("days", "calendar days since the first unexplained one of the run happened"),
    "SHOP_SINCE_FRAUD": ("days", "since the latest known fraud at the merchant happened"),
    "SHOP_SINCE_GENUINE": ("days", "since the latest purchase known to be genuine happened"),
    "SHOP_RISK_EVER": ("share", "frauds among all labels ever, shrunk towards 1 %"),
    "SHOP_ASKED_RISK_30D": ("share", "frauds among the answers of 30 days, shrunk towards 1 %"),
    "SHOP_ASKED_RUN": ("count", "unexplained frauds told since a holder said that it was her"),
    "SHOP_ASKED_RUN_AGE": ("days", "calendar days since the first of these happened"),
}

_TOLD: Final = {
    name.upper(): entry for name, entry in (_SINGLE | _card_windows() | _shop_windows()).items()
}

CATALOGUE: Final = tuple(Entry(slot, *_TOLD[slot.name]) for slot in Slot)
"""Every feature, in the order of its column."""

WORDS: Final = {
    "habit": f"the card's purchases of the last {WEEKS} calendar weeks, amounts cut at "
    f"{LARGE_FACTOR} times the mean so that a thief's purchases do not become the habit; from "
    f"{HABIT_MIN} purchases on",
    "large": f"above {LARGE_FACTOR} times the habit's mean at that time",
    "small": f"up to {SMALL_MINOR} minor units, what a thief tries a card with",
    "unexplained": f"a fraud whose amount is not above {EXPLAINED_FACTOR} times the card's habit: "
    "the card gives no reason, so the merchant may",
    "label": "whether a purchase was fraud, learnt from a report or from time that passed without "
    "one; answers of asked holders come earlier and are counted apart",
    "shrunk": "as if one purchase more had been seen, fraud with a chance of 1 % (for hours: one "
    "more in every slot)",
}
"""Words that the meanings use."""
