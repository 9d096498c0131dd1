"""The machine-readable result of a trace: ``findings.json``.

Every field is described in docs/reference/findings.md; the shape is in
docs/reference/findings.schema.json.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable
from typing import Any, Final

from sekisho.domain.finding import (
    SCHEMA,
    CardGroup,
    CorrectedRate,
    Curve,
    Explanation,
    Finding,
    InputFile,
    Interval,
    LeadTime,
    Member,
    Method,
    ProposedGroup,
    Terminals,
    Theft,
    Trace,
)
from sekisho.domain.known_leaks import TakenOut
from sekisho.domain.notes import Note

P_VALUE_FLOOR: Final = 1e-300
"""No probability is zero: smaller ones are written as this, with ``p_value_floored`` true."""

Document = dict[str, Any]


def findings_document(trace: Trace) -> Document:
    """Return the result as plain values in a stable key order.

    Dates are ISO 8601, windows include both ends. Raises `ValueError` for a number that is
    not finite: such a number is a fault of ours and must not be written down.
    """
    document: Document = {
        "schema": SCHEMA,
        "as_of": trace.as_of.isoformat(),
        "cases": trace.cases,
        "controls": trace.controls,
        "findings": [_finding(finding) for finding in trace.findings],
        "suspects": [_suspect(suspect) for suspect in trace.suspects],
        "history": {
            "start": trace.history_start.isoformat(),
            "end": trace.history_end.isoformat(),
            "transactions": trace.transactions,
        },
        "funnel": {
            "cards_seen": trace.funnel.cards_seen,
            "cards_exposed": trace.funnel.cards_exposed,
            "cards_defrauded": trace.funnel.cards_defrauded,
            "cards_unharmed": trace.funnel.cards_unharmed,
        },
        "lead_times": [_lead_time(lead) for lead in trace.lead_times],
        "limits": list(trace.limits),
        "known_leaks": [_known_leak(known) for known in trace.known_leaks],
        "proposed_groups": [_proposed(group) for group in trace.proposed_groups],
        "inputs": [_input(file) for file in trace.inputs],
        "method": _method(trace.method),
    }
    plain: Document = json.loads(_dumps(document))
    return plain


def findings_json(trace: Trace) -> str:
    """Return the text of ``findings.json``: UTF-8, indented, the same bytes for the same trace."""
    return _dumps(findings_document(trace), indent=2) + "\n"


def _dumps(value: Document, *, indent: int | None = None) -> str:
    return json.dumps(
        value, allow_nan=False, ensure_ascii=False, indent=indent, default=operator.index
    )


def _finding(finding: Finding) -> Document:
    return {
        "entity_kind": finding.entity_kind.value,
        "entity_id": finding.entity_id,
        "name": finding.name,
        "members": [_member(member) for member in finding.members],
        "alternatives": list(finding.alternatives),
        "window_start": finding.window_start.isoformat(),
        "window_end": finding.window_end.isoformat(),
        "window_start_interval": _interval(finding.window_start_interval),
        "window_end_interval": _interval(finding.window_end_interval),
        "window_left_censored": finding.window_left_censored,
        "window_ongoing": finding.window_ongoing,
        "misuse_period": finding.misuse_period,
        "misuse_span": [day.isoformat() for day in finding.misuse_span]
        if finding.misuse_span
        else None,
        "cards_exposed": finding.cards_exposed,
        "cards_defrauded": finding.cards_defrauded,
        "cards_expected": finding.cards_expected,
        "log_likelihood_ratio": finding.log_likelihood_ratio,
        "p_value": max(finding.p_value, P_VALUE_FLOOR),
        "p_value_floored": finding.p_value < P_VALUE_FLOOR,
        "reported_misuse_rate": finding.reported_misuse_rate,
        "corrected_misuse_rate": _corrected(finding.corrected_misuse),
        "data_taken": list(finding.data_taken),
        "data_evidence": [
            {
                "data": told.data,
                "shown": told.shown,
                "known": told.known,
                "others_shown": told.others_shown,
                "others_known": told.others_known,
                "p_value": max(told.p_value, P_VALUE_FLOOR),
                "taken": told.taken,
            }
            for told in finding.data_evidence
        ],
        "terminals": _terminals(finding.terminals),
        "theft": _theft(finding.theft),
        "first_misuse": finding.first_misuse.isoformat() if finding.first_misuse else None,
        "explanations": [_explanation(tested) for tested in finding.explanations],
        "visits_curve": _curve(finding.visits_curve),
        "misuse_curve": _curve(finding.misuse_curve),
    }


def _suspect(suspect: Finding) -> Document:
    if suspect.kind is None:
        message = f"suspect {suspect.entity_id} has no kind: it would read as a finding"
        raise ValueError(message)
    return {"kind": suspect.kind.value, **_finding(suspect)}


def _member(member: Member) -> Document:
    return {
        "entity_id": member.entity_id,
        "name": member.name,
        "window_start": member.window_start.isoformat(),
        "window_end": member.window_end.isoformat(),
        "cards_exposed": member.cards_exposed,
        "cards_defrauded": member.cards_defrauded,
        "cards_expected": member.cards_expected,
    }


def _corrected(corrected: CorrectedRate | None) -> Document | None:
    if corrected is None:
        return None
    return {
        "cards": corrected.cards,
        "rate": corrected.rate,
        "lower": corrected.lower,
        "upper": corrected.upper,
        "confidence": corrected.confidence,
        "reports": corrected.reports,
    }


def _terminals(terminals: Terminals | None) -> Document | None:
    if terminals is None:
        return None
    return {
        "named": [
            {
                "terminal_id": one.terminal_id,
                "cards": one.cards,
                "defrauded": one.defrauded,
                "expected": one.expected,
            }
            for one in terminals.terminals
        ],
        "elsewhere": _group(terminals.elsewhere),
        "p_value": max(terminals.p_value, P_VALUE_FLOOR),
    }


def _theft(theft: Theft | None) -> Document | None:
    if theft is None:
        return None
    return {
        "kind": theft.kind.value,
        "entered": _group(theft.entered),
        "charged": _group(theft.charged),
        "p_form": max(theft.p_form, P_VALUE_FLOOR),
        "p_database": max(theft.p_database, P_VALUE_FLOOR),
    }


def _group(group: CardGroup) -> Document:
    return {"cards": group.cards, "defrauded": group.defrauded, "expected": group.expected}


def _interval(interval: Interval) -> Document:
    return {
        "lower": interval.lower.isoformat(),
        "upper": interval.upper.isoformat(),
        "confidence": interval.confidence,
    }


def _curve(curve: Curve | None) -> Document | None:
    if curve is None:
        return None
    return {
        "days": [day.isoformat() for day in curve.days],
        "observed": list(curve.observed),
        "expected": list(curve.expected),
        "exposed": list(curve.exposed),
    }


def _explanation(tested: Explanation) -> Document:
    return {
        "name": tested.name,
        "excluded": tested.excluded,
        "figures": {key: tested.figures[key] for key in sorted(tested.figures)},
    }


def _lead_time(lead: LeadTime) -> Document:
    return {
        "entity_id": lead.entity_id,
        "found_on": lead.found_on.isoformat(),
        "days": lead.days,
        "cards_saved": lead.cards_saved,
        "optimistic": lead.optimistic,
    }


def _known_leak(known: TakenOut) -> Document:
    leak = known.leak
    number = f"{leak.entity_kind.value}_id"
    return {
        "entity_kind": leak.entity_kind.value,
        "entity_id": leak.entity_id,
        **({"acquirer_id": leak.acquirer} if leak.acquirer else {}),
        number: leak.number,
        "window_start": leak.window_start.isoformat(),
        "window_end": leak.window_end.isoformat(),
        "name": leak.name,
        "reference": leak.reference,
        "data_taken": list(leak.data_taken),
        "state": known.state.value,
        "cards_exposed": known.cards_exposed,
        "cards_defrauded": known.cards_defrauded,
        "cards_expected": known.cards_expected,
        "cards_taken_out": known.cards_taken_out,
    }


def _proposed(group: ProposedGroup) -> Document:
    return {
        "members": list(group.members),
        "signs": [sign.value for sign in group.signs],
        "p_value": max(group.p_value, P_VALUE_FLOOR),
    }


def _input(file: InputFile) -> Document:
    return {
        "role": file.role,
        "name": file.name,
        "sha256": file.sha256,
        "rows": file.rows,
        "rejected": file.rejected,
        "duplicates": file.duplicates,
        "notes": list(file.notes),
        "note_codes": [
            {"code": note.code, "figures": dict(sorted(note.figures.items()))}
            if isinstance(note, Note)
            else None
            for note in file.notes
        ],
    }


def _method(method: Method) -> Document:
    permuted = method.permuted_strongest_p
    return {
        "version": method.version,
        "timezone": method.timezone,
        "family_wise_error": method.family_wise_error,
        "entities_tested": method.entities_tested,
        "sample_fraction": method.sample_fraction,
        "strata": list(method.strata),
        "overdispersion": method.overdispersion,
        "chance_stretch": method.chance_stretch,
        "permutations": method.permutations,
        "permuted_strongest_p": None if permuted is None else max(permuted, P_VALUE_FLOOR),
        "misuse_periods": list(method.misuse_periods),
        "passes": method.passes,
        "excluded_fraud": _sorted(method.excluded_fraud.items()),
        "bursts": method.bursts,
    }


def _sorted(items: Iterable[tuple[str, int]]) -> Document:
    return dict(sorted(items))
