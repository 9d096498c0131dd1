"""The letter and the answer form of an inquiry: self-contained HTML, made to print on A4."""

from __future__ import annotations

from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from sekisho.commonpoint.evidence import NOT_STATED, Inquiry, ask_keys
from sekisho.commonpoint.reply import FIELDS, Kind
from sekisho.web.inquiry.texts import TEXTS
from sekisho.web.report.words import Language, Words

MOST_MEMBERS: Final = 25
DONTS: Final = 5


def render_letter(inquiry: Inquiry, *, language: Language) -> str:
    """Return the letter: HTML with its style inside, no script, no outside address.

    Everything that comes from files or options is escaped. Raises KeyError for a language
    without texts.
    """
    page = _Page(inquiry, language)
    keys = ask_keys(inquiry.asked, with_sample=inquiry.sample is not None)
    basis = inquiry.asked.legal_basis
    return page.render(
        "letter.html",
        asks=[page.text(f"ask.{key}", n=_rows(inquiry)) for key in keys],
        members=sorted(inquiry.members, key=lambda one: -one.cards_defrauded)[:MOST_MEMBERS],
        legal_basis=page.text("not_stated") if basis == NOT_STATED else basis,
        donts=[page.text(f"dont.{number}") for number in range(1, DONTS + 1)],
        most_members=MOST_MEMBERS,
    )


def render_form(inquiry: Inquiry, *, language: Language) -> str:
    """Return the answer form, to be filled in on the screen or on paper. As `render_letter`."""
    return _Page(inquiry, language).render("form.html", fields=FIELDS, kinds=Kind)


def _rows(inquiry: Inquiry) -> int:
    return len(inquiry.sample.rows) if inquiry.sample else 0


class _Page:
    """What both pages have in common: words, texts, the place's name."""

    def __init__(self, inquiry: Inquiry, language: Language) -> None:
        self.inquiry = inquiry
        self.words = Words(language)
        self._texts = TEXTS[language]
        finding = inquiry.finding
        self.place = self.text("place", name=self.words.name(finding.name, finding.entity_id))

    def text(self, key: str, /, **values: object) -> str:
        """The text of ``key`` with its places filled."""
        return self._texts[key].format(**values)

    def tested(self, *, excluded: bool) -> str:
        """The explanations with this outcome in one line; empty where there is none."""
        names = [e.name for e in self.inquiry.finding.explanations if e.excluded is excluded]
        return self.words.join(self._texts.get(f"tested.{name}", name) for name in names)

    def strata(self) -> str:
        """What the comparison cards were matched on, in one line."""
        return self.words.join(self.words.lookup("stratum", key) for key in self.inquiry.run.strata)

    def render(self, template: str, **values: object) -> str:
        """Fill a template."""
        environment = Environment(
            loader=ChoiceLoader([
                PackageLoader("sekisho.web.inquiry", "templates"),
                PackageLoader("sekisho.web.report", "templates"),
            ]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        return environment.get_template(template).render(
            page=self,
            q=self.inquiry,
            f=self.inquiry.finding,
            asked=self.inquiry.asked,
            w=self.words,
            t=self.text,
            place=self.place,
            **values,
        )
