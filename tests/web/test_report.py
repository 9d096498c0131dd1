"""The page says what the trace says, in both languages, and nothing an input can inject."""

from __future__ import annotations

import re
import string
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser

import pytest

from sekisho.domain.finding import Curve, EntityKind, SuspectKind, TheftKind, Trace
from sekisho.web.report import render_report
from sekisho.web.report.texts_en import TEXTS as ENGLISH
from sekisho.web.report.texts_ja import TEXTS as JAPANESE
from sekisho.web.report.view import explanation_text
from sekisho.web.report.visibility import visible_from
from sekisho.web.report.words import Language, Words
from web import samples

LANGUAGES: tuple[Language, ...] = ("en", "ja")
VOID = {"meta", "br", "link", "hr", "img", "input"}


class Reader(HTMLParser):
    """Checks nesting and collects what the tests look at."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.figures: list[dict[str, list[str]]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "figure":
            self.figures.append({"rect": [], "td": []})
        observed = dict(attrs).get("data-observed")
        if observed is not None:
            self.figures[-1][tag].append(observed)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "code", "title"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def render(trace: Trace, language: Language = "en") -> Reader:
    return Reader(render_report(trace, language=language))


@cache
def raw_of(name: str, language: Language) -> str:
    return render_report(ALL[name](), language=language)


@cache
def reader_of(name: str, language: Language) -> Reader:
    return Reader(raw_of(name, language))


ALL = {
    "full": samples.full_trace,
    "calm": samples.calm_trace,
    "many": lambda: samples.many_trace(30),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ALL)
def test_is_one_well_formed_page_that_asks_for_nothing(name: str, language: Language) -> None:
    page = reader_of(name, language)
    assert page.tags["h1"] == 1
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    for tag, attribute, value in page.attributes:
        assert not attribute.startswith("on"), (tag, attribute)
        if attribute in {"href", "src", "xlink:href", "action"}:
            assert value.startswith("#"), value
    assert not {attr[2][1:] for attr in page.attributes if attr[1] == "href"} - set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(later - earlier <= 1 for earlier, later in steps)
    raw = raw_of(name, language)
    assert not re.search(r"https?://|url\(|@import", raw)


@pytest.mark.parametrize("language", LANGUAGES)
def test_says_confidential_version_hashes_and_that_it_is_no_verdict(language: Language) -> None:
    trace = samples.full_trace()
    page = render(trace, language)
    texts = JAPANESE if language == "ja" else ENGLISH
    raw = render_report(trace, language=language)
    assert texts["page.confidential"] in page.text
    assert texts["summary.verdict"] in page.text
    assert trace.method.version in page.text
    assert all(file.sha256 in raw and file.name in page.text for file in trace.inputs)
    assert "@bottom-left" in raw


def test_headline_can_be_forwarded_as_it_is() -> None:
    english = render(samples.full_trace()).text
    assert (
        "Cards used at ひなた化粧品オンライン between 11 February 2025 and 30 September 2025 were "
        "misused 19 times as often as expected between 3 October 2025 and 31 March 2026; ask the "
        "merchant through the acquirer." in english
    )
    japanese = render(samples.full_trace(), "ja").text
    assert (
        "「ひなた化粧品オンライン」で2025年2月11日から2025年9月30日までの間に利用されたカードの"
        "不正利用が、2025年10月3日から2026年3月31日までに想定の19倍発生しています。" in japanese
    )


@pytest.mark.parametrize("kind", list(EntityKind))
@pytest.mark.parametrize("censored", [False, True])
@pytest.mark.parametrize("ongoing", [False, True])
def test_every_kind_of_finding_has_a_headline(
    kind: EntityKind, censored: bool, ongoing: bool
) -> None:
    for period in (None, 1, 365):
        finding = replace(
            samples.four_shops(),
            entity_kind=kind,
            misuse_period=period,
            window_left_censored=censored,
            window_ongoing=ongoing,
            cards_expected=0.0,
        )
        trace = replace(samples.full_trace(), findings=(finding,))
        for language in LANGUAGES:
            text = render(trace, language).text
            assert "None" not in text
            assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ALL)
def test_every_number_of_a_chart_is_in_the_table_beside_it(name: str, language: Language) -> None:
    figures = [figure for figure in reader_of(name, language).figures if figure["rect"]]
    expected = 2 * len(ALL[name]().findings)
    assert len(figures) == expected
    for figure in figures:
        assert figure["rect"] == figure["td"]


def test_charts_have_text_alternatives() -> None:
    raw = render_report(samples.full_trace(), language="en")
    images = re.findall(r'role="img" aria-label="([^"]*)"', raw)
    assert len(images) == 4 + 2 + 1  # curves, time lines, funnel
    assert all(len(text) > 40 for text in images)
    assert raw.count('role="img"') == len(images)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}</title>"


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_from_files_are_escaped_everywhere(language: Language) -> None:
    trace = samples.full_trace()
    finding = trace.findings[1]
    hostile = replace(
        finding,
        name=HOSTILE,
        entity_id=HOSTILE,
        members=tuple(
            replace(member, name=HOSTILE, entity_id=HOSTILE) for member in finding.members
        ),
        alternatives=(HOSTILE,),
        data_taken=(HOSTILE,),
        explanations=(replace(finding.explanations[0], name=HOSTILE, figures={HOSTILE: HOSTILE}),),
    )
    suspects = (replace(trace.suspects[0], name=HOSTILE, entity_id=HOSTILE),)
    inputs = (replace(trace.inputs[0], name=HOSTILE, role=HOSTILE, notes=(HOSTILE,)),)
    method = replace(trace.method, version=HOSTILE, timezone=HOSTILE, excluded_fraud={HOSTILE: 1})
    bad = replace(
        trace,
        findings=(hostile,),
        suspects=suspects,
        inputs=inputs,
        method=method,
        limits=(HOSTILE,),
    )
    raw = render_report(bad, language=language, generated_for=HOSTILE)
    page = Reader(raw)
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    assert raw.count("</title>") == raw.count("<title>")
    assert "{{7*7}}" in page.text


def test_a_name_cannot_turn_the_sentence_around_or_flood_it() -> None:
    words = Words("en")
    assert words.name("abc\u202egnp.exe\u2066\x00\n x", "id") == "abcgnp.exe x"
    assert words.name("\u200b \t", "A1/77") == "A1/77"
    huge = words.name("長" * 5000, "id")
    assert len(huge) == 60
    assert huge.endswith("…")
    trace = replace(
        samples.full_trace(), findings=(replace(samples.online_shop(), name="長" * 5000),)
    )
    assert "長" * 61 not in render_report(trace, language="ja")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_calm_result_says_what_would_have_been_visible(language: Language) -> None:
    trace = samples.calm_trace()
    texts = JAPANESE if language == "ja" else ENGLISH
    page = render(trace, language)
    assert texts["headline.none"] in page.text
    rows = visible_from(trace)
    assert rows
    for row in rows:
        assert f"{row.cards_exposed:,}" in page.text
        assert f"{row.cards_needed:,}" in page.text
    nothing = render(replace(trace, cases=0, suspects=()), language)
    assert texts["visible.nothing"] in nothing.text
    assert texts["suspects.none"] in nothing.text


def test_more_fraud_needs_more_victims_and_bigger_places_a_smaller_share() -> None:
    trace = samples.calm_trace()
    rows = visible_from(trace)
    shares = [row.share for row in rows]
    assert shares == sorted(shares, reverse=True)
    noisy = visible_from(replace(trace, cases=5 * trace.cases))
    assert all(
        later.cards_needed > earlier.cards_needed
        for earlier, later in zip(rows, noisy, strict=False)
    )
    spread = replace(trace, method=replace(trace.method, overdispersion=0.6))
    assert visible_from(spread)[-1].cards_needed > rows[-1].cards_needed
    assert all(row.cards_needed > row.cards_expected for row in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_probability_zero_is_never_printed(language: Language) -> None:
    for p in (0.0, 1e-320, 1e-300):
        trace = replace(samples.full_trace(), findings=(replace(samples.online_shop(), p_value=p),))
        assert "< 10⁻³⁰⁰" in render(trace, language).text


@pytest.mark.parametrize(
    ("p", "figures", "english", "japanese"),
    [
        (3.14e-15, "3.1 × 10⁻¹⁵", "less than one in a trillion", "1兆回に1回未満"),
        (9.96e-10, "1.0 × 10⁻⁹", "less than one in a billion", "10億回に1回未満"),
        (5e-7, "5.0 × 10⁻⁷", "less than one in a million", "100万回に1回未満"),
        (0.0005, "5.0 × 10⁻⁴", "less than one in a thousand", "1,000回に1回未満"),
        (0.005, "0.005", "less than one in a hundred", "100回に1回未満"),
        (0.02, "0.02", "about one in 50", "約50回に1回"),
        (1.0, "1", "about one in 1", "約1回に1回"),
    ],
)
def test_probabilities(p: float, figures: str, english: str, japanese: str) -> None:
    assert Words("en").p_value(p) == figures
    assert Words("en").chance(p) == english
    assert Words("ja").chance(p) == japanese


def test_numbers_and_dates_are_those_of_the_language() -> None:
    english, japanese = Words("en"), Words("ja")
    assert english.day(date(2026, 3, 31)) == "31 March 2026"
    assert japanese.day(date(2026, 3, 31)) == "2026年3月31日"
    assert english.count("card", 1) == "1 card"
    assert english.count("card", 12_345) == "12,345 cards"
    assert japanese.count("card", 12_345) == "12,345枚"
    assert english.ratio(5, 0.001) is None
    assert [english.percent(x) for x in (0, 0.0016, 0.031, 0.5)] == ["0%", "0.16%", "3.1%", "50%"]


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_the_same_places_to_fill() -> None:
    assert ENGLISH.keys() == JAPANESE.keys()
    for key, text in ENGLISH.items():
        assert places(text) == places(JAPANESE[key]), key


@pytest.mark.parametrize("name", ALL)
def test_no_english_sentence_is_left_on_the_japanese_page(name: str) -> None:
    page = reader_of(name, "ja")
    words = page.text + " ".join(v for _, n, v in page.attributes if n == "aria-label")
    names = r"[\w.]+\.(parquet|csv|json)|Asia/Tokyo|SHA-256|Sekisho|BIN|Web"
    left = re.findall(r"[A-Za-z]{3,}", re.sub(names, "", words))
    assert left == []


EXPLAINED_BY = (
    *("busy_cards", "product", "home_area", "neighbours", "use_or_test", "burst"),
    *("own_fraud", "other_finding", "overdispersion"),
)
LIMITS = (
    *("no_report_dates", "no_cards_file", "no_merchants_file", "sampled_controls"),
    *("history_short", "no_product", "no_fraud_types", "no_message_types"),
)


def test_every_text_that_a_template_asks_for_by_kind_is_there() -> None:
    for kind in EntityKind:
        assert {f"level.{kind.value}", f"ask.{kind.value}"} <= ENGLISH.keys()
    for suspect in SuspectKind:
        assert {f"suspect.{suspect.value}", f"suspect.{suspect.value}.why"} <= ENGLISH.keys()
    for name in EXPLAINED_BY:
        for end in ("", ".out", ".in"):
            assert f"explanation.{name}{end}" in ENGLISH
    for limit in LIMITS:
        assert f"limit.{limit}" in ENGLISH


def test_an_explanation_nobody_has_worded_yet_is_still_shown() -> None:
    tested = replace(samples.EXPLANATIONS[0], name="moon_phase", excluded=False)
    assert explanation_text(tested, Words("en")) == ("moon_phase", "May explain it")


def test_curves_may_be_empty_or_absent() -> None:
    bare = replace(samples.online_shop(), visits_curve=Curve((), (), ()), misuse_curve=None)
    page = render(replace(samples.full_trace(), findings=(bare,)))
    assert not [figure for figure in page.figures if figure["rect"]]


def test_long_lists_of_suspects_are_cut_with_a_count() -> None:
    weak = samples.SUSPECTS[3]
    suspects = tuple(replace(weak, entity_id=f"A/{i}") for i in range(47))
    page = render(replace(samples.full_trace(), suspects=suspects))
    assert "7 weaker ones are in findings.json." in page.text


def test_same_trace_same_bytes() -> None:
    assert render_report(samples.full_trace(), language="ja") == render_report(
        samples.full_trace(), language="ja"
    )


def test_window_of_one_day_at_the_edge_of_the_history() -> None:
    day = samples.HISTORY_START - timedelta(days=3)
    odd = replace(samples.online_shop(), window_start=day, window_end=day)
    assert render(replace(samples.full_trace(), findings=(odd,))).tags["h1"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(TheftKind))
def test_how_the_data_was_taken_is_said_with_its_counts(
    language: Language, kind: TheftKind
) -> None:
    trace = samples.full_trace()
    finding = trace.findings[0]
    assert finding.theft is not None
    shown = replace(finding, theft=replace(finding.theft, kind=kind))
    page = render_report(replace(trace, findings=(shown,)), language=language)
    words = Words(language)
    assert words.text(f"theft.{kind.value}") in page
    assert "2,510" in page
    without = replace(finding, theft=None)
    page = render_report(replace(trace, findings=(without,)), language=language)
    assert words.text("finding.theft") not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_terminals_and_reports_to_come_are_said(language: Language) -> None:
    trace = samples.full_trace()
    page = render_report(trace, language=language)
    words = Words(language)
    assert words.text("finding.terminals") in page
    assert "T441002703" in page
    assert words.percent(0.0356) in page
    plain = replace(trace.findings[0], terminals=None, corrected_misuse=None)
    page = render_report(replace(trace, findings=(plain,)), language=language)
    assert words.text("finding.terminals") not in page
    assert words.percent(0.0356) not in page
