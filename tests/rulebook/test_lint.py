"""Every rule catches what it is for, and lets honest wording through, in both languages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invented_cards import complete, invented_cards
from sekisho.domain.message import Channel
from sekisho.rulebook.lint import NotSendable, Outgoing, offences, require_sendable
from sekisho.rulebook.lint_rules import RULES, sms_parts

NUMBER = "2345-6789-BCDF-G"
GOOD = Outgoing(
    channel=Channel.EMAIL,
    language="ja",
    sender="架空カード",
    home_page="https://www.example.jp/",
    subject="【架空カード】お知らせ",
    body=f"架空カードからのお知らせです。\n通知番号 {NUMBER}\nhttps://www.example.jp/",
    number=NUMBER,
)


def rules_against(message: Outgoing) -> set[str]:
    return {offence.rule for offence in offences(message)}


def with_line(line: str) -> Outgoing:
    return replace(GOOD, body=f"{GOOD.body}\n{line}")


def test_an_honest_message_passes() -> None:
    require_sendable(GOOD)


CAUGHT = {
    "no-secret-asked": [
        "カード番号とセキュリティコードをご入力ください。",
        "本人確認のため、暗証番号をご返信ください",
        "カード番号をご入力いただけない場合は、使えなくなることがあります。",
        "カード番号を入力してください、他の用途には使いません。",
        "ﾊﾟｽﾜｰﾄﾞをお知らせください。",
        "有効期限と生年月日の送信をお願いいたします。",
        "カード情報を登録していただく必要があります。",
        "Please enter your card number and security code.",
        "Reply with your PIN.",
        "You must confirm your account password here.",
    ],
    "one-link-home": [
        "http://www.example.jp/",
        "https://www.example.jp.evil.example/",
        "https://www.example.jp/",
        "くわしくは www.example.jp をご覧ください。",
        "ftp://files.example.org/a",
    ],
    "no-shortener": ["https://bit.ly/3abc"],
    "own-mail-domain": ["お問い合わせは desk@example.org まで"],
    "absolute-dates": [
        "明日までにご確認ください。",
        "本日より受け付けます。",
        "３日以内にお電話ください。",
        "11月23日にお送りします。",
        "We will write tomorrow.",
        "Call us within 24 hours.",
        "We stopped it on 23 November.",
    ],
    "plain-text-only": [
        '<img src="https://www.example.jp/p.gif" width=1>',
        "<form action=x>",
        "＜ｓｃｒｉｐｔ＞",
        "<a href='x'>ここ</a>",
    ],
    "no-threat": [
        "至急ご対応ください。",
        "対応がない場合、アカウントは停止されます。",
        "最終通告です。",
        "Urgent: act now.",
        "Your card will be suspended.",
        "This is the final notice.",
    ],
    "no-hidden-characters": ["https\u200b", "abc\u202ecba"],
}


@pytest.mark.parametrize(("rule", "line"), [(r, line) for r in CAUGHT for line in CAUGHT[r]])
def test_is_caught(rule: str, line: str) -> None:
    assert rule in rules_against(with_line(line))


@pytest.mark.parametrize(
    "line",
    [
        "当社がカード番号、セキュリティコード、暗証番号、パスワードをお尋ねすることは一切ありません。",
        "カード番号やパスワードを入力しないでください。",
        "漏えいした可能性のある項目は、カード番号、有効期限、セキュリティコードです。",
        "セキュリティコードが漏えいした可能性があるため、カード会社へご連絡ください。",
        "カードのご利用明細をご確認ください。",
        "2026年8月18日0時30分のご利用を止めました。",
        "令和8年8月18日にお送りします。",
        "日本日用品協会の架空商品です。",
        "お問い合わせは desk@example.jp まで",
        "We never ask for your card number, security code, PIN or password.",
        "Do not enter your password on other pages.",
        "We stopped the purchase on 18 August 2026.",
        "請求番号 12-345、電話 0120-000-000",
    ],
)
def test_honest_wording_passes(line: str) -> None:
    assert rules_against(with_line(line)) == set()


def test_a_name_may_hold_any_word() -> None:
    greeting = replace(with_line("架空 明日香 様"), personal=("架空 明日香",))
    assert rules_against(greeting) == set()
    assert rules_against(with_line("架空 明日香 様")) == {"absolute-dates"}


def test_attachments_are_refused() -> None:
    assert rules_against(replace(GOOD, attachments=("notice.pdf",))) == {"no-attachment"}


def test_the_sender_comes_first() -> None:
    assert rules_against(replace(GOOD, subject="お知らせ")) == {"sender-first"}
    short = replace(GOOD, channel=Channel.SMS, body=f"お知らせです。架空カード {NUMBER}")
    assert rules_against(short) == {"sender-first"}
    assert rules_against(replace(short, body=f"【架空カード】お知らせ {NUMBER}")) == set()


def test_the_number_has_to_be_shown() -> None:
    assert "number-shown" in rules_against(replace(GOOD, body="架空カードからです。"))


def test_a_shortener_cannot_be_the_home_page() -> None:
    short = replace(GOOD, home_page="https://bit.ly/x", body=GOOD.body.replace(
        "https://www.example.jp/", "https://bit.ly/x"))  # fmt: skip
    assert rules_against(short) == {"no-shortener"}


def test_card_numbers_of_every_brand_are_seen_and_never_repeated() -> None:
    for card in invented_cards(np.random.default_rng(5), 60):
        for shown in (card, " ".join(card[i : i + 4] for i in range(0, len(card), 4)), wide(card)):
            found = offences(with_line(f"番号 {shown} です"))
            assert {o.rule for o in found} == {"no-card-number"}
            assert card not in str(NotSendable(found))


def wide(digits: str) -> str:
    return "".join(chr(ord(digit) + 0xFEE0) for digit in digits)


@settings(deadline=None)
@given(st.text("0123456789", min_size=12, max_size=18))
def test_a_number_is_seen_exactly_when_its_check_digit_fits(body: str) -> None:
    card = complete(body)
    assert "no-card-number" in rules_against(with_line(f"「{card}」"))
    other = body + str((int(card[-1]) + 1) % 10)
    assert "no-card-number" not in rules_against(with_line(f"「{other}」"))


def test_parts_of_an_sms() -> None:
    assert [sms_parts("a" * n) for n in (160, 161, 306, 307)] == [1, 2, 2, 3]
    assert [sms_parts("あ" * n) for n in (70, 71, 134, 135)] == [1, 2, 2, 3]
    assert sms_parts("€" * 80) == 1
    assert sms_parts("€" * 81) == 2
    assert sms_parts("𠮷" * 35) == 1
    assert sms_parts("𠮷" * 36) == 2
    long = replace(GOOD, channel=Channel.SMS, body=f"架空カード{NUMBER}" + "あ" * 200)
    assert "short-enough" in rules_against(long)


@settings(deadline=None)
@given(st.text(max_size=400))
def test_no_text_breaks_the_linter(text: str) -> None:
    offences(with_line(text))
    offences(replace(GOOD, subject=text, body=text, channel=Channel.SMS))


def test_every_rule_is_documented_and_tested() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(rule.source and rule.check.__doc__ for rule in RULES)
    tested = {*CAUGHT, "no-attachment", "sender-first", "number-shown", "no-card-number"}
    assert tested | {"short-enough"} == set(ids)
