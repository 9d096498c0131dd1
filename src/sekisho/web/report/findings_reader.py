"""``findings.json`` read back: the twin of ``findings_json``, for commands that follow a trace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sekisho.domain.errors import BadInput
from sekisho.domain.finding import (
    SCHEMA,
    CardGroup,
    CorrectedRate,
    Curve,
    DataEvidence,
    EntityKind,
    Explanation,
    Finding,
    Interval,
    Member,
    SuspectKind,
    TerminalCount,
    Terminals,
    Theft,
    TheftKind,
)

Document = Mapping[str, Any]


def check_schema(document: object) -> Document:
    """Return ``document`` if it is the result of a trace; raises BadInput."""
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise BadInput(
            f"findings.json: its schema is not {SCHEMA}",
            hint="Name the folder that sekisho trace wrote.",
        )
    return document


def finding_from(document: Document) -> Finding:
    """Return a finding or suspect as `findings_document` wrote it; unknown keys are passed over.

    Raises BadInput where a key is missing or a value cannot be read.
    """
    try:
        return _finding(document)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"findings.json: {document.get('entity_id')!r} cannot be read "
            f"({type(error).__name__}: {error})",
            hint="Trace again; the file was changed or cut off.",
        ) from None


def _finding(document: Document) -> Finding:
    span, first = document["misuse_span"], document["first_misuse"]
    corrected = document.get("corrected_misuse_rate")
    return Finding(
        entity_kind=EntityKind(document["entity_kind"]),
        entity_id=document["entity_id"],
        name=document["name"],
        members=tuple(_member(member) for member in document["members"]),
        alternatives=tuple(document["alternatives"]),
        window_start=_day(document["window_start"]),
        window_end=_day(document["window_end"]),
        window_start_interval=_interval(document["window_start_interval"]),
        window_end_interval=_interval(document["window_end_interval"]),
        window_left_censored=document["window_left_censored"],
        window_ongoing=document["window_ongoing"],
        misuse_period=document["misuse_period"],
        misuse_span=(_day(span[0]), _day(span[1])) if span else None,
        cards_exposed=document["cards_exposed"],
        cards_defrauded=document["cards_defrauded"],
        cards_expected=document["cards_expected"],
        cards_attributed=document.get("cards_attributed"),
        log_likelihood_ratio=document["log_likelihood_ratio"],
        p_value=document["p_value"],
        reported_misuse_rate=document["reported_misuse_rate"],
        data_taken=tuple(document["data_taken"]),
        kind=SuspectKind(document["kind"]) if "kind" in document else None,
        first_misuse=_day(first) if first else None,
        explanations=tuple(
            Explanation(tested["name"], tested["excluded"], tested["figures"])
            for tested in document["explanations"]
        ),
        visits_curve=_curve(document["visits_curve"]),
        misuse_curve=_curve(document["misuse_curve"]),
        corrected_misuse=CorrectedRate(**corrected) if corrected else None,
        data_evidence=tuple(DataEvidence(**told) for told in document.get("data_evidence", ())),
        terminals=_terminals(document.get("terminals")),
        theft=_theft(document.get("theft")),
    )


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _member(document: Document) -> Member:
    return Member(
        document["entity_id"],
        document["name"],
        _day(document["window_start"]),
        _day(document["window_end"]),
        document["cards_exposed"],
        document["cards_defrauded"],
        document["cards_expected"],
    )


def _terminals(document: Document | None) -> Terminals | None:
    if document is None:
        return None
    return Terminals(
        tuple(TerminalCount(**one) for one in document["named"]),
        _group(document["elsewhere"]),
        document["p_value"],
    )


def _theft(document: Document | None) -> Theft | None:
    if document is None:
        return None
    return Theft(
        TheftKind(document["kind"]), _group(document["entered"]), _group(document["charged"]),
        document["p_form"], document["p_database"],
    )  # fmt: skip


def _group(document: Document) -> CardGroup:
    return CardGroup(document["cards"], document["defrauded"], document["expected"])


def _interval(document: Document) -> Interval:
    return Interval(_day(document["lower"]), _day(document["upper"]), document["confidence"])


def _curve(document: Document | None) -> Curve | None:
    if document is None:
        return None
    return Curve(
        tuple(_day(day) for day in document["days"]),
        tuple(document["observed"]),
        tuple(document["expected"]),
        tuple(document["exposed"]),
    )
