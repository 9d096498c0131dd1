"""Texts are loaded strictly, chosen by day, and filled whole or not at all."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from sekisho.app.message_lint import sample
from sekisho.app.message_settings import Sender
from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel
from sekisho.rulebook.lint import offences
from sekisho.rulebook.templates import MissingValues, Templates, fill, load, parse, shipped
from sekisho.rulebook.values import BadValue, Style, ValueType, show_date, shown

SENDERS = {
    "ja": Sender("架空カード株式会社", "0120-000-000", "9時から18時", "https://www.example.jp/"),
    "en": Sender("Kakuu Card", "0120-000-000", "9:00 to 18:00", "https://www.example.jp/"),
}
FILE = """
kind = "word"
language = "ja"
source = "invented"
[values]
amount = "amount"
[[version]]
version = 1
valid_from = 2026-01-01
subject = "【{sender}】件名"
body = "{amount}です。{number}"
[[version]]
version = 2
valid_from = 2026-06-01
subject = "【{sender}】新しい件名"
body = "{amount}でした。{number}"
"""


def test_every_shipped_text_passes_the_linter_on_every_channel() -> None:
    count = 0
    for template in shipped():
        for channel in template.channels:
            message = sample(template, channel, SENDERS[template.language])
            assert [str(one) for one in offences(message)] == [], (template.name, channel)
            count += 1
    assert count >= 50


def test_both_languages_have_the_same_kinds_and_values() -> None:
    by_language = {
        language: {one.kind: set(one.values) for one in shipped() if one.language == language}
        for language in ("ja", "en")
    }
    assert by_language["ja"] == by_language["en"]
    assert {"first_word", "full_notice", "card_stopped", "was_that_you", "reissue"} <= set(
        by_language["ja"]
    )


def test_long_texts_promise_what_they_keep() -> None:
    for template in shipped():
        body = template.texts["body"]
        assert re.search("ありません|never ask", body), template.name
        assert "{number}" in body
        assert body.count("{home_page}") == 1


def test_the_version_of_the_day_is_chosen() -> None:
    texts = Templates(parse("word.toml", FILE.encode()))
    assert texts.find("word", "ja", date(2026, 5, 31)).version == 1
    assert texts.find("word", "ja", date(2026, 6, 1)).version == 2
    with pytest.raises(BadInput, match="no version"):
        texts.find("word", "ja", date(2025, 12, 31))
    with pytest.raises(BadInput, match="there is no template 'other'"):
        texts.find("other", "ja", date(2026, 6, 1))


def test_a_missing_or_wrong_value_is_never_sent() -> None:
    template = parse("word.toml", FILE.encode())[0]
    full = {"sender": "架空", "amount": "JPY 1000", "number": "N"}
    assert fill(template, Channel.EMAIL, full).body == "1,000円です。N"
    for broken in ({"amount": ""}, {"amount": " "}, {"amount": "1000"}, {"number": "a\nb"}):
        with pytest.raises(MissingValues) as caught:
            fill(template, Channel.EMAIL, {**full, **broken})
        assert set(caught.value.fields) == set(broken)
    with pytest.raises(MissingValues) as caught:
        fill(template, Channel.EMAIL, {})
    assert set(caught.value.fields) == {"sender", "amount", "number"}
    with pytest.raises(BadInput, match="no text for sms"):
        fill(template, Channel.SMS, full)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kind = "word"', "", "kind is missing"),
        ('language = "ja"', 'language = "fr"', "language is 'fr'"),
        ('amount = "amount"', 'amount = "money"', "values.amount has no known type"),
        ('amount = "amount"', 'sender = "name"', "values.sender is a standing value"),
        ("{amount}です", "{amont}です", r"version\[1\].body names {amont}"),
        ("{amount}です", "{amount です", r"version\[1\].body has a brace"),
        ("version = 2", "version = 1", "the same number twice"),
        ("valid_from = 2026-06-01", 'valid_from = "soon"', r"version\[2\].valid_from is not a"),
        ("valid_from = 2026-06-01", "valid_from = 2026-01-01", "same day twice"),
        ('subject = "【{sender}】件名"', "", r"version\[1\] needs a subject"),
        ('source = "invented"', 'source = "x"\nsauce = 1', "sauce is not known"),
        ("[values]", "[values", "is not TOML"),
    ],
)
def test_a_broken_file_says_what_and_where(old: str, new: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        parse("word.toml", FILE.replace(old, new, 1).encode())
    assert "word.toml" in caught.value.message


def test_an_installation_has_texts_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(FILE.replace('"word"', '"reissue"'), encoding="utf-8")
    texts = load(tmp_path)
    assert (
        texts.find("reissue", "ja", date(2026, 7, 1)).texts["subject"] == "【{sender}】新しい件名"
    )
    assert texts.find("reissue", "en", date(2026, 11, 23)).version == 1
    with pytest.raises(BadInput, match="not there"):
        load(tmp_path / "none")


@pytest.mark.parametrize(
    ("kind", "raw", "ja", "en"),
    [
        ("date", "2026-11-23", "2026年11月23日", "23 November 2026"),
        ("instant", "2026-08-18T00:30+09:00", "2026年8月18日0時30分",
         "18 August 2026, 00:30 (Japan time)"),
        ("instant", "2026-08-18T00:30-05:00", "2026年8月18日0時30分",
         "18 August 2026, 00:30 (UTC-05:00)"),
        ("amount", "JPY 70000", "70,000円", "JPY 70,000"),
        ("amount", "USD 12.5", None, None),
        ("amount", "USD 1234.50", "USD 1,234.50", "USD 1,234.50"),
        ("amount", "XYZ 1", None, None),
        ("amount", "JPY 1.5", None, None),
        ("count", "107661", "107,661", "107,661"),
        ("count", "-1", None, None),
        ("text", "https://x.example/", None, None),
        ("text", "<b>", None, None),
        ("text", "a" * 401, None, None),
        ("phone", "0120-000-000", "0120-000-000", "0120-000-000"),
        ("phone", "call us", None, None),
        ("home_page", "http://www.example.jp/", None, None),
        ("home_page", "https://www.example.jp/?u=1", None, None),
        ("home_page", "https://a@example.jp/", None, None),
        ("last4", "1234", "1234", "1234"),
        ("last4", "12345", None, None),
        ("date", "2026-02-30", None, None),
        ("instant", "2026-08-18T00:31", None, None),
    ],
)  # fmt: skip
def test_values(kind: str, raw: str, ja: str | None, en: str | None) -> None:
    for language, expected in (("ja", ja), ("en", en)):
        style = Style(language)  # type: ignore[arg-type]
        if expected is None:
            with pytest.raises(BadValue) as caught:
                shown(ValueType(kind), raw, style)
            assert raw not in str(caught.value)
        else:
            assert shown(ValueType(kind), raw, style) == expected


@pytest.mark.parametrize(
    ("day", "told"),
    [
        (date(2019, 4, 30), "平成31年4月30日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2026, 11, 23), "令和8年11月23日"),
        (date(1989, 1, 7), "昭和64年1月7日"),
        (date(1989, 1, 8), "平成元年1月8日"),
        (date(1926, 12, 24), "1926年12月24日"),
    ],
)
def test_eras(day: date, told: str) -> None:
    assert show_date(day, Style("ja", era=True)) == told
