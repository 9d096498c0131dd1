"""Figures equal their definitions, ties included."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sekisho.scoring.metrics import CardDays, average_precision, card_precision, roc_auc

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 5), st.integers(0, 2)),
    min_size=1,
    max_size=60,
)


def arrays(rows: list[tuple[int, int, int, int]]) -> tuple[np.ndarray, ...]:
    fraud, score, card, day = (np.array(column) for column in zip(*rows, strict=True))
    return fraud.astype(np.int8), score / 7.0, card.astype(np.int32), day


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, abs_tol=1e-12)


@given(ROWS)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[int, int, int, int]]) -> None:
    fraud, score, _, _ = arrays(rows)
    pairs = [(a, b) for a in score[fraud > 0] for b in score[fraud == 0]]
    told = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs]
    assert same(roc_auc(fraud, score), sum(told) / len(told) if told else math.nan)


@given(ROWS)
def test_average_precision_by_its_sum(rows: list[tuple[int, int, int, int]]) -> None:
    fraud, score, _, _ = arrays(rows)
    total, before = 0.0, 0.0
    for threshold in sorted(set(score.tolist()), reverse=True):
        above = fraud[score >= threshold]
        if not fraud.any():
            break
        recall = above.sum() / fraud.sum()
        total += (recall - before) * above.mean()
        before = recall
    assert same(average_precision(fraud, score), total if fraud.any() else math.nan)


@given(ROWS, st.integers(1, 4))
def test_card_precision_day_by_day(rows: list[tuple[int, int, int, int]], k: int) -> None:
    fraud, score, card, day = arrays(rows)
    score = score + np.arange(score.size) / 1_000  # no ties: their order is nobody's promise
    caught: set[int] = set()
    wanted = []
    for today in sorted(set(day.tolist())):
        best: dict[int, tuple[float, int]] = {}
        for y, s, c, d in zip(fraud, score, card, day, strict=True):
            if d == today and c not in caught:
                old = best.get(c, (-1.0, 0))
                best[c] = (max(old[0], s), max(old[1], y))
        top = sorted(best.items(), key=lambda item: -item[1][0])[:k]
        hit = {c for c, (_, y) in top if y}
        caught |= hit
        wanted.append(len(hit) / k)
    assert card_precision(CardDays(card, day), fraud, score, k).tolist() == wanted
