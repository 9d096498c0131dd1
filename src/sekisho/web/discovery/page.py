"""The page of a search: what lies where, what to do first; self-contained HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from sekisho.discovery.finding import Finding, Kind, NotRead
from sekisho.web.discovery.texts import TEXTS, reason_in

Language = Literal["en", "ja"]
MOST_ROWS: Final = 500
MOST_NOT_READ: Final = 500
BRANDS: Final = {
    "visa": "Visa", "mastercard": "Mastercard", "jcb": "JCB", "amex": "American Express",
    "diners": "Diners Club", "discover": "Discover", "unionpay": "UnionPay", "maestro": "Maestro",
}  # fmt: skip


@dataclass(slots=True)
class Place:
    """One file, table or mail, and what was found in it."""

    path: str
    codes: int = 0
    tracks: int = 0
    pans: int = 0
    brands: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        self.findings.append(finding)
        self.codes += finding.kind is Kind.SECURITY_CODE
        self.tracks += finding.kind is Kind.TRACK
        self.pans += finding.kind is Kind.PAN
        if finding.brand:
            self.brands[BRANDS[finding.brand]] += 1


@dataclass(frozen=True, slots=True)
class Search:
    """What a page shows of a search. ``accepted``: left out by the baseline."""

    findings: Sequence[Finding]
    not_read: Sequence[NotRead]
    looked_into: int
    version: str
    test_numbers: int = 0
    accepted: int = 0


def places_of(findings: Sequence[Finding]) -> list[Place]:
    """Findings by place, the most dangerous first."""
    places: dict[str, Place] = {}
    for finding in findings:
        places.setdefault(finding.path, Place(finding.path)).add(finding)
    return sorted(places.values(), key=lambda one: (-(one.codes + one.tracks), -one.pans, one.path))


def place_text(finding: Finding, language: Language) -> str:
    """Where in its place a finding lies."""
    if finding.cell is not None:
        return finding.cell
    if finding.line is not None:
        return TEXTS[language]["place.line"].format(n=f"{finding.line:,}")
    return TEXTS[language]["place.offset"].format(n=f"{finding.offset or 0:,}")


def render_discovery(search: Search, *, language: Language) -> str:
    """Return the page: HTML with its style inside, no script, no outside address.

    Paths are escaped. Raises KeyError for a language without texts.
    """
    texts = TEXTS[language]
    environment = Environment(
        loader=ChoiceLoader([
            PackageLoader("sekisho.web.discovery", "templates"),
            PackageLoader("sekisho.web.report", "templates"),
        ]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    places = places_of(search.findings)
    rows = [one for place in places for one in place.findings]
    return environment.get_template("discovery.html").render(
        search=search,
        language=language,
        places=places,
        rows=rows[:MOST_ROWS],
        not_read=search.not_read[:MOST_NOT_READ],
        codes=sum(one.codes for one in places),
        tracks=sum(one.tracks for one in places),
        pans=sum(one.pans for one in places),
        t=lambda key, **values: texts[key].format(**values),
        place_text=lambda one: place_text(one, language),
        reason=lambda reason: reason_in(language, reason),
        brands=BRANDS,
    )
