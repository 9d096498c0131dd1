"""Realistic results of a trace, drawn from a seed. Every name is invented (架空)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from sekisho.domain.finding import (
    CardGroup,
    CorrectedRate,
    Curve,
    DataEvidence,
    EntityKind,
    Explanation,
    Finding,
    Funnel,
    InputFile,
    Interval,
    LeadTime,
    Member,
    Method,
    SuspectKind,
    TerminalCount,
    Terminals,
    Theft,
    TheftKind,
    Trace,
)

AS_OF = date(2026, 3, 31)
HISTORY_START = date(2023, 4, 1)


def days(first: date, last: date) -> tuple[date, ...]:
    return tuple(first + timedelta(days=i) for i in range((last - first).days + 1))


def curve(first: date, last: date, *, window: tuple[date, date], excess: float, seed: int) -> Curve:
    """Poisson counts around an expectation that breathes with the week, higher in ``window``."""
    rng = np.random.default_rng(seed)
    steps = days(first, last)
    base = np.array([0.02 * (1.3 if day.weekday() >= 5 else 0.9) for day in steps])
    inside = np.array([window[0] <= day <= window[1] for day in steps])
    observed = rng.poisson(base + excess * inside)
    exposed = rng.poisson(8 + 3 * base)
    return Curve(
        steps,
        tuple(int(n) for n in observed),
        tuple(float(x) for x in base),
        tuple(int(n) for n in exposed),
    )


def around(day: date, before: int, after: int) -> Interval:
    return Interval(day - timedelta(days=before), day + timedelta(days=after), 0.95)


EXPLANATIONS = (
    Explanation("busy_cards", excluded=True, figures={"expected": 11.2, "observed": 214}),
    Explanation("product", excluded=True, figures={"expected": 12.0}),
    Explanation("home_area", excluded=True, figures={"expected": 10.7}),
    Explanation(
        "neighbours", excluded=True, figures={"name": "みなとドラッグ 駅前店", "p_value": 0.41}
    ),
    Explanation("use_or_test", excluded=True, figures={"median_days": 143}),
    Explanation("burst", excluded=True, figures={"events": 2}),
    Explanation("own_fraud", excluded=True),
    Explanation("other_finding", excluded=True),
    Explanation("overdispersion", excluded=True, figures={"p_value": 2.2e-41}),
)


def online_shop() -> Finding:
    """One web shop, form skimming for seven months, misuse in the last half year."""
    start, end = date(2025, 2, 11), date(2025, 9, 30)
    visits = curve(HISTORY_START, AS_OF, window=(start, end), excess=0.86, seed=11)
    misuse = curve(
        date(2025, 4, 1), AS_OF, window=(date(2025, 11, 20), date(2026, 3, 20)), excess=1.7, seed=12
    )
    return Finding(
        entity_kind=EntityKind.MERCHANT,
        entity_id="A3/4410027",
        name="ひなた化粧品オンライン",
        members=(Member("A3/4410027", "ひなた化粧品オンライン", start, end, 6918, 214, 11.2),),
        alternatives=(),
        window_start=start,
        window_end=end,
        window_start_interval=around(start, 9, 4),
        window_end_interval=around(end, 3, 12),
        window_left_censored=False,
        window_ongoing=False,
        misuse_period=180,
        misuse_span=(AS_OF - timedelta(days=179), AS_OF),
        cards_exposed=6918,
        cards_defrauded=214,
        cards_expected=11.2,
        log_likelihood_ratio=429.7,
        p_value=3.1e-178,
        reported_misuse_rate=214 / 6918,
        data_taken=("pan", "expiry", "security_code"),
        corrected_misuse=CorrectedRate(246.4, 0.0356, 0.0331, 0.0402, 0.95, 812),
        data_evidence=(
            DataEvidence("expiry", 211, 214, 31, 40, 1e-180, taken=True),
            DataEvidence("security_code", 188, 202, 22, 39, 1e-150, taken=True),
            DataEvidence("track", 0, 214, 1, 40, 1.0, taken=False),
        ),
        terminals=Terminals(
            (TerminalCount("T441002703", 3100, 201, 5.2),), CardGroup(3818, 13, 6.0), 2.1e-31
        ),
        theft=Theft(
            TheftKind.FORM, CardGroup(4120, 208, 7.1), CardGroup(2510, 6, 4.1), 0.231, 3.4e-27
        ),
        first_misuse=date(2025, 4, 19),
        explanations=EXPLANATIONS,
        visits_curve=visits,
        misuse_curve=replace(misuse, exposed=()),
    )


def four_shops() -> Finding:
    """Four shops of one operator with windows of their own, one of them cut off by the history."""
    shops = (
        ("B1/700101", "つきのわ健康食品", HISTORY_START, AS_OF, 3120, 41, 6.4),
        ("B1/700102", "つきのわ化粧品", HISTORY_START, AS_OF, 2204, 33, 4.8),
        ("B1/700103", "つきのわ ギフト", date(2024, 3, 15), AS_OF, 940, 15, 1.9),
        ("B1/700104", "つきのわ ベビー", date(2023, 9, 2), date(2024, 6, 30), 388, 9, 0.8),
    )
    visits = curve(HISTORY_START, AS_OF, window=(HISTORY_START, AS_OF), excess=0.085, seed=21)
    misuse = curve(HISTORY_START, AS_OF, window=(date(2026, 1, 31), AS_OF), excess=1.4, seed=22)
    return Finding(
        entity_kind=EntityKind.OPERATOR,
        entity_id="O-218",
        name="つきのわ商会（架空）",
        members=tuple(Member(*shop) for shop in shops),
        alternatives=("P-09 あおば決済サービス",),
        window_start=HISTORY_START,
        window_end=AS_OF,
        window_start_interval=Interval(HISTORY_START, date(2023, 4, 20), 0.95),
        window_end_interval=Interval(date(2026, 3, 6), AS_OF, 0.95),
        window_left_censored=True,
        window_ongoing=True,
        misuse_period=60,
        misuse_span=(AS_OF - timedelta(days=59), AS_OF),
        cards_exposed=6488,
        cards_defrauded=97,
        cards_expected=13.6,
        log_likelihood_ratio=107.1,
        p_value=8.8e-39,
        reported_misuse_rate=97 / 6488,
        data_taken=("pan", "expiry"),
        first_misuse=date(2023, 8, 14),
        explanations=EXPLANATIONS[:6],
        visits_curve=visits,
        misuse_curve=replace(misuse, exposed=()),
    )


def suspect(kind: SuspectKind, number: int, name: str, p: float) -> Finding:
    day = date(2025, 6, 1) + timedelta(days=17 * number)
    tested = {
        SuspectKind.WEAK: Explanation("overdispersion", excluded=False),
        SuspectKind.USE_OR_TEST: Explanation("use_or_test", excluded=False),
        SuspectKind.EXPLAINED: Explanation("neighbours", excluded=False),
    }
    return replace(
        online_shop(),
        entity_id=f"A9/{55000 + number}",
        name=name,
        members=(),
        window_start=day,
        window_end=day + timedelta(days=40),
        window_start_interval=around(day, 20, 20),
        window_end_interval=around(day + timedelta(days=40), 20, 20),
        cards_exposed=800 + 31 * number,
        cards_defrauded=9,
        cards_expected=2.4,
        p_value=p,
        reported_misuse_rate=0.011,
        kind=kind,
        explanations=(tested[kind],),
        visits_curve=None,
        misuse_curve=None,
    )


SUSPECTS = (
    suspect(SuspectKind.EXPLAINED, 1, "みなとドラッグ 駅前店", 4e-7),
    suspect(SuspectKind.USE_OR_TEST, 2, "ほしぞら電子マンガ", 3e-12),
    suspect(SuspectKind.WEAK, 3, "こもれび書房 Web店", 0.018),
    suspect(SuspectKind.WEAK, 4, "はやて宅配ピザ", 0.23),
)


def input_file(
    role: str, name: str, rows: int, rejected: int = 0, duplicates: int = 0
) -> InputFile:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return InputFile(role, name, digest, rows, rejected, duplicates)


METHOD = Method(
    version="0.1.0",
    timezone="Asia/Tokyo",
    family_wise_error=0.001,
    entities_tested=48_211,
    sample_fraction=0.12,
    strata=("product", "home_area", "tenure", "activity"),
    overdispersion=0.08,
    permutations=200,
    permuted_strongest_p=0.21,
    misuse_periods=(30, 60, 90, 180, 365, None),
    passes=3,
    excluded_fraud={"lost_stolen": 1204, "dispute": 388, "after_as_of": 12},
    bursts=3,
)


def calm_trace() -> Trace:
    """Nothing was strong enough."""
    return Trace(
        as_of=AS_OF,
        cases=5_121,
        controls=61_480,
        findings=(),
        suspects=SUSPECTS[2:],
        inputs=(
            input_file("transactions", "auth_2023_2026.parquet", 200_114_392, 0, 18_204),
            input_file("fraud", "不正利用報告_202603.csv", 6_725, 31, 4),
        ),
        method=METHOD,
        funnel=Funnel(1_248_806, 0, 0, 0),
        history_start=HISTORY_START,
        history_end=AS_OF,
        transactions=200_096_188,
        limits=("no_report_dates", "no_cards_file", "no_merchants_file", "sampled_controls"),
    )


def full_trace() -> Trace:
    """Two findings, four suspects, all optional inputs but the fraud types."""
    return replace(
        calm_trace(),
        findings=(online_shop(), four_shops()),
        suspects=SUSPECTS,
        inputs=(
            *calm_trace().inputs,
            input_file("merchants", "加盟店マスタ.csv", 51_902),
            input_file("cards", "cards.parquet", 1_260_115),
        ),
        funnel=Funnel(1_248_806, 13_102, 305, 12_797),
        lead_times=(
            LeadTime("A3/4410027", date(2025, 12, 31), 90, 148, optimistic=False),
            LeadTime("O-218", date(2026, 2, 28), 31, 52, optimistic=False),
        ),
        limits=("sampled_controls", "history_short", "no_fraud_types"),
    )


def many_trace(count: int = 30) -> Trace:
    """As many findings as nobody hopes for."""
    findings = tuple(
        replace(online_shop(), entity_id=f"A3/{number}", name=f"架空ショップ{number}号店")
        for number in range(count)
    )
    return replace(full_trace(), findings=findings, lead_times=())
