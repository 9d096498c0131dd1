"""Recipes that were chosen on validation folds (benchmarks/handbook_scoring.py shows how)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sekisho.scoring.slots import Slot
from sekisho.scoring.trees import Recipe, names

HANDBOOK: Final = Recipe(
    features=names(
        (
            Slot.AMOUNT,
            Slot.CARD_RATIO_HABIT,
            Slot.CARD_RATIO_30D,
            Slot.CARD_SIGMAS_30D,
            Slot.CARD_LARGE_1D,
            Slot.CARD_LARGE_3D,
            Slot.CARD_LARGE_7D,
            Slot.CARD_LARGE_14D,
            Slot.CARD_LARGE_30D,
            Slot.CARD_HABIT_MEAN,
            Slot.CARD_COUNT_7D,
            Slot.CARD_KNOWN_FRAUDS,
            Slot.CARD_SINCE_KNOWN_FRAUD,
            Slot.SHOP_RUN,
            Slot.SHOP_RUN_AGE,
            Slot.SHOP_UNEXPLAINED_7D,
            Slot.SHOP_UNEXPLAINED_30D,
            Slot.SHOP_RISK_1D,
            Slot.SHOP_RISK_7D,
            Slot.SHOP_RISK_30D,
            Slot.SHOP_RISK_EVER,
            Slot.SHOP_SINCE_GENUINE,
            Slot.SHOP_SINCE_FRAUD,
            Slot.SHOP_COUNT_30D,
            Slot.SHOP_LABELS_30D,
            Slot.SHOP_FRAUDS_30D,
        )
    ),
    rising=names(
        (
            Slot.AMOUNT,
            Slot.CARD_RATIO_HABIT,
            Slot.CARD_RATIO_30D,
            Slot.CARD_SIGMAS_30D,
            Slot.CARD_LARGE_1D,
            Slot.CARD_LARGE_3D,
            Slot.CARD_LARGE_7D,
            Slot.CARD_LARGE_14D,
            Slot.SHOP_RUN,
            Slot.SHOP_UNEXPLAINED_7D,
            Slot.SHOP_UNEXPLAINED_30D,
            Slot.SHOP_RISK_1D,
            Slot.SHOP_RISK_7D,
            Slot.SHOP_RISK_30D,
            Slot.SHOP_RISK_EVER,
            Slot.SHOP_FRAUDS_30D,
            Slot.SHOP_SINCE_GENUINE,
        )
    ),
    bagging=3,
)
"""For the Handbook's week of training: few frauds, so few features and shallow trees."""

_GENERAL: Final = Recipe(features=(), rising=HANDBOOK.rising, rounds=200)

CANDIDATES: Final[dict[str, Recipe]] = {
    "shallow": replace(_GENERAL, leaves=6, rounds=250),
    "middle": replace(_GENERAL, leaves=12),
    "deep": replace(_GENERAL, leaves=31, rows_in_leaf=50),
}
"""What `sekisho train` chooses from by its validation folds; the features are the history's."""
