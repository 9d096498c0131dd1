"""From a trace to what the templates show: sentences, rows and chart geometry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sekisho.domain.finding import (
    EntityKind,
    Explanation,
    Finding,
    LeadTime,
    Member,
    Theft,
    Trace,
)
from sekisho.web.report.charts import Plot, Shade, Span, Tick, TimeAxis, plot
from sekisho.web.report.visibility import Visible, visible_from
from sekisho.web.report.words import Words

MAX_SUSPECTS: Final = 40
MAX_NAMES: Final = 3
MAX_MEMBERS: Final = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One bar on the time line; marks are positions in percent, or None."""

    label: str
    shades: tuple[Shade, ...]
    first_misuse: float | None
    found_on: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Windows of several places on one axis."""

    first: date
    last: date
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding or suspect with all that the page says about it."""

    number: int
    finding: Finding
    name: str
    ratio: str | None
    lead: LeadTime | None
    visits: Plot | None
    misuse: Plot | None
    members: Timeline | None


@dataclass(frozen=True, slots=True)
class FunnelView:
    """Widths of the funnel's bars in percent; the shares are of all and of the exposed cards."""

    exposed_width: float
    defrauded_width: float
    exposed_share: float
    defrauded_share: float
    unharmed_share: float


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report, ready for its template."""

    headline: str
    findings: tuple[FindingView, ...]
    suspects: tuple[FindingView, ...]
    suspects_left_out: int
    timeline: Timeline | None
    funnel: FunnelView | None
    visible: tuple[Visible, ...]


def page_of(trace: Trace, words: Words) -> Page:
    """Prepare ``trace`` for its page in the language of ``words``."""
    leads = {lead.entity_id: lead for lead in trace.lead_times}
    findings = tuple(
        _finding_view(number, finding, leads.get(finding.entity_id), trace, words)
        for number, finding in enumerate(trace.findings, 1)
    )
    suspects = tuple(
        FindingView(
            number=number,
            finding=suspect,
            name=words.name(suspect.name, suspect.entity_id),
            ratio=words.ratio(suspect.cards_defrauded, suspect.cards_expected),
            lead=None,
            visits=None,
            misuse=None,
            members=None,
        )
        for number, suspect in enumerate(trace.suspects[:MAX_SUSPECTS], 1)
    )
    return Page(
        headline=_headline(findings[0], words) if findings else words.text("headline.none"),
        findings=findings,
        suspects=suspects,
        suspects_left_out=max(0, len(trace.suspects) - MAX_SUSPECTS),
        timeline=_timeline(findings, trace) if findings else None,
        funnel=_funnel(trace) if findings else None,
        visible=() if findings else visible_from(trace),
    )


def figure_text(key: str, value: float | str, words: Words) -> str:
    """Return one figure of an explanation as a reader writes it."""
    if isinstance(value, str):
        return words.name(value, value)
    if key == "p_value":
        return words.p_value(float(value))
    if key == "share":
        return words.percent(float(value))
    return words.number(value) if isinstance(value, int) else words.decimal(float(value))


def explanation_text(tested: Explanation, words: Words) -> tuple[str, str]:
    """Return the explanation and the sentence that says what came of it."""
    key = f"explanation.{tested.name}"
    if not words.has(key):
        outcome = "tested.excluded" if tested.excluded else "tested.not_excluded"
        return tested.name, words.text(outcome)
    return words.text(key), words.text(f"{key}.{'out' if tested.excluded else 'in'}")


def data_text(keys: tuple[str, ...], words: Words) -> str:
    """Return the kinds of data that were taken at least."""
    named = words.text("list.separator").join(words.lookup("data", key) for key in keys)
    return words.text("data.at_least", data=named)


def theft_text(theft: Theft, words: Words) -> str:
    """Return the counts that tell form skimming from database theft, as a sentence."""
    if not theft.charged.cards:
        return words.text("theft.none_charged")
    return words.text(
        "theft.counts",
        entered=words.count("card", theft.entered.cards),
        entered_bad=words.number(theft.entered.defrauded),
        entered_expected=words.decimal(theft.entered.expected),
        charged=words.count("card", theft.charged.cards),
        charged_bad=words.number(theft.charged.defrauded),
        charged_expected=words.decimal(theft.charged.expected),
        p_form=words.p_value(theft.p_form),
        p_database=words.p_value(theft.p_database),
    )


def more_findings(page: Page, words: Words) -> str:
    """Return the sentence that names the findings after the first, or an empty text."""
    others = page.findings[1:]
    if not others:
        return ""
    names = words.join(view.name for view in others[:MAX_NAMES])
    if len(others) > MAX_NAMES:
        names = words.text(
            "summary.names_cut", names=names, n=words.number(len(others) - MAX_NAMES)
        )
    form = "one" if len(others) == 1 else "many"
    return words.text(f"summary.more.{form}", n=words.number(len(others)), names=names)


def first_members(page: Page, words: Words) -> str:
    """Return the sentence that names the shops of the first finding, or an empty text."""
    members = page.findings[0].finding.members if page.findings else ()
    if len(members) < 2:
        return ""
    names = words.join(words.name(m.name, m.entity_id) for m in members[:MAX_MEMBERS])
    if len(members) > MAX_MEMBERS:
        names = words.text("summary.names_cut", names=names, n=len(members) - MAX_MEMBERS)
    return words.text("summary.members", names=names)


def _headline(view: FindingView, words: Words) -> str:
    finding = view.finding
    place = words.text("headline.place", name=view.name)
    grouped = finding.entity_kind in {EntityKind.OPERATOR, EntityKind.PROCESSOR}
    if grouped and len(finding.members) > 1:
        shops = words.count("shop", len(finding.members))
        place = words.text("headline.group", name=view.name, shops=shops)
    key = "ratio" if view.ratio else "no_ratio"
    misused = finding.misuse_span
    return words.text(
        f"headline.{'' if misused is None else 'period_'}{key}",
        place=place,
        span=_headline_span(finding, words),
        ratio=view.ratio,
        misused_from=words.day(misused[0]) if misused else "",
        misused_until=words.day(misused[1]) if misused else "",
        ask=words.text(f"ask.{finding.entity_kind.value}"),
    )


def _headline_span(finding: Finding, words: Words) -> str:
    key = {
        (False, False): "closed",
        (False, True): "ongoing",
        (True, False): "censored",
        (True, True): "whole",
    }[finding.window_left_censored, finding.window_ongoing]
    start, end = words.day(finding.window_start), words.day(finding.window_end)
    return words.text(f"headline.span.{key}", start=start, end=end)


def _finding_view(
    number: int, finding: Finding, lead: LeadTime | None, trace: Trace, words: Words
) -> FindingView:
    period: tuple[Span, ...] = ()
    if finding.misuse_span is not None:
        period = (Span(*finding.misuse_span, "period"),)
    return FindingView(
        number=number,
        finding=finding,
        name=words.name(finding.name, finding.entity_id),
        ratio=words.ratio(finding.cards_defrauded, finding.cards_expected),
        lead=lead,
        visits=plot(finding.visits_curve, _window_spans(finding)) if finding.visits_curve else None,
        misuse=plot(finding.misuse_curve, period) if finding.misuse_curve else None,
        members=_members_timeline(finding, trace, words) if len(finding.members) > 1 else None,
    )


def _window_spans(finding: Finding) -> tuple[Span, ...]:
    start, end = finding.window_start_interval, finding.window_end_interval
    return (
        Span(finding.window_start, finding.window_end, "window"),
        Span(start.lower, start.upper, "interval"),
        Span(end.lower, end.upper, "interval"),
    )


def _timeline(views: tuple[FindingView, ...], trace: Trace) -> Timeline:
    axis = _history_axis(trace, [view.finding.window_start for view in views])
    rows = []
    for view in views:
        shades = (axis.shade(span) for span in _window_spans(view.finding))
        first = view.finding.first_misuse
        rows.append(
            Row(
                label=f"{view.number}. {view.name}",
                shades=tuple(shade for shade in shades if shade is not None),
                first_misuse=axis.start(first) if first else None,
                found_on=axis.end(view.lead.found_on) if view.lead else None,
            )
        )
    return Timeline(axis.first, axis.last, tuple(rows), axis.ticks())


def _members_timeline(finding: Finding, trace: Trace, words: Words) -> Timeline:
    axis = _history_axis(trace, [member.window_start for member in finding.members])
    rows = tuple(_member_row(member, axis, words) for member in finding.members)
    return Timeline(axis.first, axis.last, rows, axis.ticks())


def _member_row(member: Member, axis: TimeAxis, words: Words) -> Row:
    shade = axis.shade(Span(member.window_start, member.window_end, "window"))
    return Row(
        label=words.name(member.name, member.entity_id),
        shades=(shade,) if shade else (),
        first_misuse=None,
        found_on=None,
    )


def _history_axis(trace: Trace, starts: list[date]) -> TimeAxis:
    return TimeAxis(min([trace.history_start, *starts]), max(trace.history_end, trace.as_of))


def _funnel(trace: Trace) -> FunnelView | None:
    funnel = trace.funnel
    if not funnel.cards_seen or not funnel.cards_exposed:
        return None
    exposed = funnel.cards_exposed / funnel.cards_seen
    defrauded = funnel.cards_defrauded / funnel.cards_exposed
    return FunnelView(
        exposed_width=round(max(100 * exposed, 0.4), 3),  # a sliver that can be seen
        defrauded_width=round(100 * defrauded, 3),
        exposed_share=exposed,
        defrauded_share=defrauded,
        unharmed_share=funnel.cards_unharmed / funnel.cards_exposed,
    )
