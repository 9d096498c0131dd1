"""The report of a trace: one self-contained HTML page, in English or Japanese."""

from __future__ import annotations

from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from sekisho.domain.finding import Trace
from sekisho.web.report.view import (
    data_text,
    explanation_text,
    figure_text,
    first_members,
    more_findings,
    page_of,
    theft_text,
)
from sekisho.web.report.words import Language, Words


def render_report(trace: Trace, *, language: Language, generated_for: str = "") -> str:
    """Return the page: HTML with its style and charts inside, no script, no outside address.

    ``generated_for`` is a name to print at its head ("Prepared for ..."). Everything that comes
    from input files is escaped. Raises KeyError for a language without texts.
    """
    words = Words(language)
    environment = Environment(
        loader=PackageLoader("sekisho.web.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = page_of(trace, words)
    return environment.get_template("report.html").render(
        trace=trace,
        page=page,
        w=words,
        t=words.text,
        more=more_findings(page, words),
        members=first_members(page, words),
        generated_for=" ".join(generated_for.split()),
        figure_text=partial(figure_text, words=words),
        data_text=partial(data_text, words=words),
        theft_text=partial(theft_text, words=words),
        explanation_text=partial(explanation_text, words=words),
    )
