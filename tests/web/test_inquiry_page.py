"""The pages of an evidence pack: both languages, well formed, printable, no one else's name."""

from __future__ import annotations

import html
import json
import re
import string
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sekisho.commonpoint.evidence import (
    Asked,
    Inquiry,
    Recipient,
    Run,
    Sample,
    ask_keys,
    evidence_document,
    members_of,
)
from sekisho.commonpoint.reply import FIELDS
from sekisho.domain.errors import BadInput
from sekisho.domain.finding import Finding
from sekisho.domain.inquiry import ExposingTransaction
from sekisho.web.inquiry import render_form, render_letter
from sekisho.web.inquiry.texts import TEXTS
from sekisho.web.report import findings_document
from sekisho.web.report.findings_reader import check_schema, finding_from
from sekisho.web.report.words import Language
from web import samples
from web.test_browser import CONTRAST, browser  # noqa: F401 - a fixture

HOSTILE = '"><script>alert(1)</script><img src=x onerror=y>'
RUN = Run(
    as_of=samples.AS_OF,
    history_start=samples.HISTORY_START,
    history_end=samples.AS_OF,
    timezone="Asia/Tokyo",
    cases=5121,
    controls=61480,
    version="0.1.0",
    family_wise_error=0.001,
    entities_tested=48211,
    strata=("product", "home_area"),
    findings_sha256="a" * 64,
    finding_sha256="b" * 64,
    inputs=(("transactions", "c" * 64),),
)
ROW = ExposingTransaction(
    "B1/700101", "ref", "00", "T-1", datetime(2026, 1, 5, 9), "B1", "700101", "E1", 980, "JPY",  # noqa: DTZ001
    approved=True,
)  # fmt: skip


def inquiry(finding: Finding | None = None, **more: object) -> Inquiry:
    finding = finding or samples.four_shops()
    made = Inquiry(
        inquiry_id="SEK-0123abcdef",
        draft=False,
        accepted=True,
        prepared_on=date(2026, 4, 2),
        asked=Asked(Recipient.ACQUIRER, "架空アクワイアラー", "架空カード", "fraud@example.jp",
                    "F-17", date(2026, 4, 30), "not stated"),
        finding=finding,
        members=members_of(finding)[0],
        members_left_out=0,
        run=RUN,
        sample=Sample((ROW,), 97, 0, with_card_refs=False, same_files=True),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def pages(asked: Inquiry) -> dict[str, str]:
    return {
        f"{name}.{language}": render(asked, language=language)
        for name, render in (("letter", render_letter), ("form", render_form))
        for language in ("en", "ja")
    }


class Balance(HTMLParser):
    """Counts what is opened and not closed, and gathers tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def words(page: str) -> str:
    body = page[page.index("<body>") :]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))


def test_both_languages_have_the_same_keys_and_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert set(TEXTS["en"]) == set(TEXTS["ja"])
    for key, english in TEXTS["en"].items():
        japanese = TEXTS["ja"][key]
        assert english.strip(), key
        assert japanese.strip(), key
        assert places(english) == places(japanese), key


def test_every_field_choice_and_request_has_a_text() -> None:
    keys = set(TEXTS["en"])
    assert {f"field.{one.key}" for one in FIELDS} <= keys
    assert {f"choice.{choice}" for one in FIELDS for choice in one.choices} <= keys
    asked = {key for to in Recipient for key in ask_keys(Asked(to), with_sample=True)}
    assert {f"ask.{key}" for key in asked} == {key for key in keys if key.startswith("ask.")}


@pytest.mark.parametrize("draft", [False, True])
@pytest.mark.parametrize("to", list(Recipient))
def test_pages_are_well_formed_and_marked(to: Recipient, draft: bool) -> None:
    asked = inquiry(draft=draft)
    for name, page in pages(replace(asked, asked=replace(asked.asked, recipient_kind=to))).items():
        balance = Balance(page)
        assert (balance.open, balance.wrong) == ([], []), name
        tags = {tag for tag, _ in balance.tags}
        assert not tags & {"script", "img", "link", "iframe", "a"}, name
        assert ("DRAFT" in words(page) or "下書き" in words(page)) is draft, name
        ids = [attrs["id"] for _, attrs in balance.tags if "id" in attrs]
        assert len(ids) == len(set(ids))


def test_the_letter_says_what_it_must() -> None:
    english, japanese = (words(pages(inquiry())[f"letter.{x}"]) for x in ("en", "ja"))
    for said in ("6,488 cards", "97 were misused", "30 April 2026", "not an accusation",
                 "not a legal or contractual deadline", "may answer", "Do not publish",
                 "not stated", "1 April 2023 and 20 April 2023",
                 "1 of 97 transactions"):  # fmt: skip
        assert said in english, said
    for said in ("6,488枚", "97枚", "2026年4月30日", "期限ではありません", "告発ではなく",
                 "回答、数値の訂正", "公表しないでください", "記載なし",
                 "97件のうち1件"):  # fmt: skip
        assert said in japanese, said


def test_without_a_date_none_is_made_up() -> None:
    asked = replace(inquiry().asked, reply_by=None)
    page = words(render_letter(inquiry(asked=asked), language="en"))
    assert "We propose no date" in page
    assert "2026-04" not in page
    assert "April 2026" not in page.replace("2 April 2026", "")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_places_that_were_not_heard_are_not_named(language: Language) -> None:
    shop = samples.online_shop()
    neighbour = str(shop.explanations[3].figures["name"])
    finding = replace(shop, alternatives=("P-09 あおば決済サービス",))
    letter = render_letter(inquiry(finding), language=language)
    evidence = json.dumps(evidence_document(inquiry(finding), (), {}), ensure_ascii=False)
    for text in (letter, evidence):
        assert neighbour not in text
        assert "あおば決済" not in text
        assert "ひなた化粧品オンライン" in text


def test_hostile_names_stay_text() -> None:
    shops = samples.four_shops()
    members = tuple(replace(one, name=HOSTILE, entity_id=HOSTILE) for one in shops.members)
    finding = replace(shops, name=HOSTILE, entity_id=HOSTILE, members=members)
    asked = Asked(Recipient.SCHEME, HOSTILE, HOSTILE, HOSTILE, HOSTILE, None, HOSTILE)
    for page in pages(inquiry(finding, asked=asked)).values():
        assert not {tag for tag, _ in Balance(page).tags} & {"script", "img"}
        assert "<script" not in page
        assert "&lt;script" in page


def test_many_shops_are_cut_in_the_letter_and_whole_in_the_evidence() -> None:
    one = samples.four_shops().members[0]
    members = tuple(replace(one, entity_id=f"B1/{n}", cards_defrauded=n) for n in range(40))
    asked = inquiry(replace(samples.four_shops(), members=members))
    letter = render_letter(asked, language="en")
    assert "15 more shops are in evidence.json" in words(letter)
    assert "B1/39" in letter
    assert "B1/14<" not in letter
    assert len(evidence_document(asked, (), {})["finding"]["members"]) == 40


def test_only_the_shops_of_one_acquirer() -> None:
    shops = samples.four_shops()
    finding = replace(shops, members=(
        *shops.members, replace(shops.members[0], entity_id="C9/1", name="架空よその店"),
    ))  # fmt: skip
    members, left_out = members_of(finding, "B1")
    assert (len(members), left_out) == (4, 1)
    page = render_letter(inquiry(finding, members=members, members_left_out=1), language="en")
    assert "架空よその店" not in page
    assert "1 more shops" in words(page)


# ---------------------------------------------------------------- findings.json read back


def test_findings_are_read_back_as_they_were() -> None:
    trace = samples.full_trace()
    document = findings_document(trace)
    check_schema(document)
    back = [finding_from(one) for one in (*document["findings"], *document["suspects"])]
    assert back == [*trace.findings, *trace.suspects]


def test_what_is_no_finding_is_refused() -> None:
    document = findings_document(samples.full_trace())["findings"][0]
    for change in ({"window_start": "soon"}, {"members": 3}, {"entity_kind": "planet"}):
        with pytest.raises(BadInput, match="cannot be read"):
            finding_from({**document, **change})
    with pytest.raises(BadInput, match="cannot be read"):
        finding_from({key: value for key, value in document.items() if key != "p_value"})
    for other in ([], {}, {"schema": "sekisho.findings/2"}):
        with pytest.raises(BadInput, match="schema"):
            check_schema(other)


# ---------------------------------------------------------------- in a browser


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_stand_alone_fit_print_and_can_be_read(
    browser: Browser,  # noqa: F811
    tmp_path: Path,
    width: int,
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="light")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for name, text in pages(inquiry(draft=True)).items():
        file = tmp_path / f"{name}.html"
        file.write_text(text, encoding="utf-8")
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        faint = [one for one in page.evaluate(CONTRAST) if "watermark" not in one[0]]
        assert faint == [], name
        pdf = page.pdf(prefer_css_page_size=True)
        assert b"/MediaBox [0 0 594" in pdf or b"/MediaBox [0 0 595" in pdf
        assert 2 <= pdf.count(b"/Type /Page\n") <= 3, name
    assert len(requests) == 4
    page.close()
