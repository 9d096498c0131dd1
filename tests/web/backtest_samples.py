"""An invented back-test in the form of backtest.json, for the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from sekisho.app.backtesting import RATES
from sekisho.app.policy_reading import default_text, policy_of


def sample(*, champion: bool = True) -> dict[str, Any]:
    """Eight weeks of an invented issuer; the new policy catches more and insults a little more."""
    rng = np.random.default_rng(3)
    rules = policy_of(default_text())
    new = _side(rng, 0.78, 0.0021, rules.why, rules.why_ja)
    old = _side(rng, 0.71, 0.0016, {}, {}) if champion else None
    return {
        "schema": "sekisho.backtest/1",
        "version": "0.1.0",
        "files": [{"name": "purchases-2031.parquet", "sha256": "5d" * 32}],
        "span": {
            "first": "2031-01-06", "last": "2031-03-02", "days": 56, "label_delay_days": 7,
            "currency": "JPY", "alert_cost": 500, "k": 100, "labels": "reports",
        },
        "watched_cards": 1_733,
        "notes": ["declined_unlabelled", "champion_training_unknown"],
        "candidate": new,
        "champion": old,
        "versus": None if old is None else {
            "frauds_gained": 61, "value_gained": 1_903_400, "frauds_lost": 4, "value_lost": 21_800,
            "genuine_newly_flagged": 402, "genuine_set_free": 77, "newly_declined": 51,
            "no_longer_declined": 3,
        },
        "changes": [] if old is None else [
            {"where": "rule watch_code_taken", "before": "",
             "after": "ask when exposed_code == 1.0 && remote == 1.0 && score >= 0.01"},
            {"where": "threshold up to 30000", "before": "ask from 0.3, decline from 0.8",
             "after": "ask from 0.2, decline from 0.7"},
        ],
    }  # fmt: skip


def _side(
    rng: np.random.Generator, caught: float, insults: float, why: Any, why_ja: Any
) -> dict[str, Any]:
    names = list(why) or ["many_shops", "tried_then_large"]
    counts = rng.integers(5, 400, (len(names) + 1, 6))
    rules = [
        {
            "name": name, "action": ("ask", "decline", "ask", "allow")[k % 4], "shadow": k == 3,
            "fired": int(counts[k, 0] + counts[k, 1]), "frauds": int(counts[k, 0]),
            "value": int(counts[k, 0]) * 31_000, "genuine": int(counts[k, 1]),
            "alone_frauds": int(counts[k, 0]) // 3, "alone_value": 9_000,
            "alone_genuine": int(counts[k, 1]) // 2, "why": why.get(name, ""),
            "why_ja": why_ja.get(name, ""),
        }
        for k, name in enumerate([*names, "score"])
    ]  # fmt: skip
    rates = {
        "alert_rate": insults * 1.6, "fraud_detection": caught - 0.08, "value_detection": caught,
        "value_stopped": caught + 0.09, "account_detection": caught + 0.04,
        "false_positives_per_fraud": 1.7, "insult_rate": insults,
    }  # fmt: skip
    weeks = [
        {
            "first": f"2031-{1 + k // 4:02d}-{6 + 7 * (k % 4):02d}", "purchases": 410_000 + 900 * k,
            "frauds": 190 + 5 * k, "value": 5_000_000, "average_precision": 0.41 + 0.01 * k,
            **(rates | {"value_detection": caught + float(rng.normal(0, 0.03)),
                        "insult_rate": insults * float(rng.uniform(0.8, 1.3))}),
        }
        for k in range(8)
    ]  # fmt: skip
    curve = [
        {
            "threshold": 0.9 - k / 10, "alert_rate": rate, "recall": 0.3 + 0.08 * k,
            "value_detection": min(0.98, caught - 0.28 + 0.09 * k),
            "false_positives_per_fraud": 0.2 + k, "insult_rate": rate * (0.4 + 0.08 * k),
            "cost": int(40_000_000 * (1.0 - 0.11 * k + 0.015 * k * k)),
        }
        for k, rate in enumerate(RATES)
    ]  # fmt: skip
    return {
        "policy": {"version": f"2031-03.{len(names)}@9f2c04d1aa37", "digest": "9f2c04d1aa37",
                   "watch": "2026-11"},
        "model": {"name": "model-2031-01", "sha256": "ab" * 32},
        "scores": {"average_precision": 0.44, "auc_roc": 0.97, "card_precision": 0.31},
        "sums": {
            "purchases": 3_304_000, "flagged": 9_700, "declined": 2_100, "frauds": 1_660,
            "frauds_caught": int(1_660 * (caught - 0.08)), "value": 41_300_000,
            "value_caught": int(41_300_000 * caught), "value_stopped": 36_000_000,
            "genuine_declined": 804, "genuine_asked": 6_100, "cards_defrauded": 1_200,
            "cards_caught": 980, "cards_insulted": 6_420,
        },
        "rates": rates, "rules": rules, "weeks": weeks, "curve": curve,
    }  # fmt: skip
