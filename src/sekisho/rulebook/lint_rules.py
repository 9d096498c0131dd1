"""The rules of the linter, one function each. `RULES` lists them with what they rest on.

Sources by short name: *notice* is the practice of Japanese breach notices (the sender promises no
attachments and no request for card numbers); *APC* the guideline of the Council of Anti-Phishing
Japan (2022 edition and later: no links to follow in mail, sender authentication); *carriers* what
mobile carriers ask of senders (own domain, company named in the text); *PCI* PCI DSS 4.0.1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from sekisho.domain.message import Channel
from sekisho.rulebook.lint import SHOWN_LONGEST, Offence, Outgoing, Rule

SMS_PARTS_MOST: Final = 3
# GSM 03.38 septets and UCS-2 characters in a single SMS, and in a part of a joined one
# (3GPP TS 23.038 and 23.040).
SMS_SINGLE: Final = {"gsm": 160, "ucs2": 70}
SMS_PART: Final = {"gsm": 153, "ucs2": 67}
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE: Final = frozenset("^{}\\[~]|€")

SHORTENERS: Final = frozenset({
    "bit.ly", "t.co", "tinyurl.com", "goo.gl", "is.gd", "v.gd", "ow.ly", "buff.ly", "x.gd", "t.ly",
    "onl.la", "onl.tw", "onl.bz", "lin.ee", "00m.in", "ux.nu", "rebrand.ly", "cutt.ly", "rb.gy",
    "qr.ae", "s.id", "shorturl.at", "tiny.cc", "bl.ink", "lnkd.in", "amzn.to", "urlz.fr", "kutt.it",
})  # fmt: skip

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s<>「」『』（）()\"、。]+", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[A-Za-z0-9._+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
# A bare name that a mail program would make a link of.
_BARE: Final = re.compile(
    r"(?<![A-Za-z0-9@.-])((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24})(/[^\s「」（）()、。]*)?(?![A-Za-z0-9@-])"
)
_DIGITS: Final = re.compile(r"(?<![0-9])[0-9](?:[ \-\u2010-\u2015\u2212.]?[0-9]){12,18}(?![0-9])")
_MARKUP: Final = re.compile(
    r"<\s*/?\s*(?:img|form|input|script|iframe|a|style|link|meta|object|embed|svg|button|html|body"
    r"|table|div|span|p|br|font)\b|javascript:|data:\w+/|\bcid:",
    re.IGNORECASE,
)
_HIDDEN: Final = frozenset(
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2066\u2067\u2068\u2069\ufeff\ufff9\ufffa\ufffb"
)

_KEPT_JA: Final = (
    r"(?:カード番号|カード情報|会員番号|セキュリティ[・]?コード|暗証番号|パスワード|有効期限|認証コード|"
    r"ワンタイムパスワード|確認コード|口座番号|生年月日|マイナンバー|CVV|CVC|PIN)"
)
_GIVE_JA: Final = (
    r"(?:入力|返信|送信|お送り|送付|お知らせ|ご提示|提示|教え|記入|ご用意|用意|申告|登録|お伝え|"
    r"読み上げ|ご連絡)"
)
_ASK_JA: Final = re.compile(
    rf"{_KEPT_JA}[^。\n]{{0,25}}?(?:を|の|は|も|と)[^。、をが\n]{{0,20}}?{_GIVE_JA}"
    r"[^。、\n]{0,14}?(?:ください|下さい|お願い|願います|いただきます|頂きます|いただく必要|必要が|"
    r"必要です|いただけます|いただければ|いただけない|いただかない|しなければ|しないと|せよ|しろ)"
)
_NOT_JA: Final = re.compile(
    r"(?:しないで|せずに?|なさらないで|入れないで|お控え|教えないで|送らないで|伝えないで|応じないで)"
    r"[^。、\n]{0,6}(?:ください|下さい|お願い)|お控えください|ないでください"
)
_KEPT_EN: Final = (
    r"(?:card number|account number|security code|cvv2?|cvc2?|pin\b|pass(?:word|code)s?|"
    r"one-time code|verification code|expiry date|expiration date|date of birth|card details|login)"
)
_GIVE_EN: Final = (
    r"(?:enter|send|reply with|provide|confirm|tell us|give us|verify|submit|type|fill in|supply|"
    r"read out|share|update|text us)"
)
_ASK_EN: Final = re.compile(rf"\b{_GIVE_EN}\b[^.\n]{{0,60}}?\b{_KEPT_EN}", re.IGNORECASE)
_NOT_EN: Final = re.compile(
    r"\b(?:never|not|don't|doesn't|won't|no one|nobody|without|whoever)\b", re.IGNORECASE
)

_RELATIVE_JA: Final = re.compile(
    r"明日|明後日|明朝|昨日|一昨日|昨夜|今日|(?<!日)本日|当日中|翌日|翌朝|翌週|翌月|来週|今週|先週|来月|"
    r"今月|先月|来年|昨年|去年|今朝|今夜|今晩|先日|後日|近日|[0-9０-９一二三数]+\s?(?:日|時間|分|週間)(?:以内|後|前)"
)
_RELATIVE_EN: Final = re.compile(
    r"\b(?:today|tomorrow|yesterday|tonight|this (?:morning|evening|week|month|year)|"
    r"(?:next|last) (?:week|month|year|night|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday)|"
    r"(?:within|in) (?:the next )?(?:\d+|one|two|three|a few) (?:minutes?|hours?|days?|weeks?)|"
    r"(?:\d+|one|two|three|a few) (?:minutes?|hours?|days?|weeks?) (?:ago|later|from now)|"
    r"recently|shortly)\b",
    re.IGNORECASE,
)
_DAY_WITHOUT_YEAR_JA: Final = re.compile(
    r"(?<![0-9年])(?:[1-9]|1[0-2])月(?:[1-9]|[12][0-9]|3[01])日"
    r"|(?<![0-9/])(?:[1-9]|1[0-2])/(?:[1-9]|[12][0-9]|3[01])(?![0-9/])"
)
_DAY_WITHOUT_YEAR_EN: Final = re.compile(
    r"\b(?:\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|"
    r"December)\b(?! \d{4})|(?:January|February|March|April|May|June|July|August|September|October|"
    r"November|December) \d{1,2}\b(?!,? \d{4}))"
)

_THREAT_JA: Final = re.compile(
    r"至急|緊急|大至急|今すぐ|いますぐ|お急ぎ|最終(?:通告|警告|通知|確認)|法的(?:措置|手段|手続)|"
    r"凍結|強制(?:解約|退会)|(?:停止|失効|削除|無効化?|制限|解約)(?:され|となり|いたします|します)(?!ん|ませ)|"
    r"罰金|違約金|放置すると|さもないと|期限切れ"
)
_THREAT_EN: Final = re.compile(
    r"\burgent|\bimmediate(?:ly)? (?:action|act|respond|call|reply)|\bact now|\bright away|"
    r"\bfinal (?:notice|warning|reminder)|\blast chance|\blegal action|\bor else\b|"
    r"\bwill be (?:suspended|closed|terminated|blocked|locked|deleted|cancell?ed|restricted)|"
    r"\bfailure to\b|\bif you do not (?:act|respond|reply)|\bas soon as possible|\basap\b",
    re.IGNORECASE,
)


# Every rule asks for the same few texts, and the wording of a mailing is often one for all.
_remembered = lru_cache(maxsize=32)


@_remembered
def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@_remembered
def _matches(patterns: tuple[re.Pattern[str], ...], wording: str) -> tuple[str, ...]:
    """What of the plain ``wording`` any of the ``patterns`` matches."""
    text = _plain(wording)
    return tuple(found[0] for pattern in patterns for found in pattern.finditer(text))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LONGEST else f"{text[:SHOWN_LONGEST]}…"


def no_attachment(message: Outgoing) -> Iterator[Offence]:
    """Nothing hangs on a message: a reader who is promised none need never open one."""
    for name in message.attachments:
        yield Offence("no-attachment", "a file is attached", _cut(name))


def no_secret_asked(message: Outgoing) -> Iterator[Offence]:
    """No sentence asks for a card number, a code, a password or a date of birth."""
    for asking in _asking(message.wording):
        yield Offence("no-secret-asked", "asks for card data or a code", _cut(asking))


@_remembered
def _asking(wording: str) -> tuple[str, ...]:
    """What asks for a secret, in the order of the text."""
    found = []
    for sentence in re.split(r"[。\n!?！？]|\.\s", _plain(wording)):
        japanese = _ASK_JA.search(sentence)
        if japanese and not _NOT_JA.search(sentence[japanese.start() :]):
            found.append(japanese[0])
        english = _ASK_EN.search(sentence)
        if english and not _NOT_EN.search(sentence[: english.end()]):
            found.append(english[0])
    return tuple(found)


@_remembered
def _links(text: str) -> tuple[str, ...]:
    """Addresses in ``text`` that a program would make a link of, mail addresses left out."""
    urls = _URL.findall(text)
    rest = _EMAIL.sub(" ", _URL.sub(" ", text))
    return (*urls, *(name + (path or "") for name, path in _BARE.findall(rest)))


def _host(link: str) -> str:
    try:
        return (urlsplit(link if "://" in link else f"//{link}").hostname or "").lower()
    except ValueError:
        return ""


def one_link_home(message: Outgoing) -> Iterator[Offence]:
    """At most one link, and that one is the sender's registered home page, letter by letter."""
    links = _links(_plain(message.text))
    if len(links) > 1:
        yield Offence("one-link-home", f"has {len(links)} links; at most one", _cut(links[1]))
    for link in links:
        if link.rstrip("/.") != message.home_page.rstrip("/") and not _own_answer(message, link):
            yield Offence("one-link-home", "a link is not the registered home page", _cut(link))


def _own_answer(message: Outgoing, link: str) -> bool:
    """The message's own one-time link: on the home page's host or below it, by https."""
    home = _host(message.home_page).removeprefix("www.")
    host = _host(link)
    own = host == home or host.endswith(f".{home}")
    return own and link.startswith("https://") and link == message.answer_link


def no_shortener(message: Outgoing) -> Iterator[Offence]:
    """No address that hides where it leads."""
    for link in [*_links(_plain(message.text)), message.home_page]:
        host = _host(link)
        if host in SHORTENERS or host.removeprefix("www.") in SHORTENERS:
            yield Offence("no-shortener", "a shortened link hides where it leads", host)


def own_mail_domain(message: Outgoing) -> Iterator[Offence]:
    """A mail address in the text belongs to the domain of the home page."""
    home = _host(message.home_page).removeprefix("www.")
    for domain in _EMAIL.findall(_plain(message.wording)):
        plain = domain.lower()
        if plain != home and not plain.endswith(f".{home}"):
            yield Offence("own-mail-domain", "a mail address of another domain", _cut(domain))


def absolute_dates(message: Outgoing) -> Iterator[Offence]:
    """Days are dates with a year: a letter is read days after it was written."""
    for found in _matches((_RELATIVE_JA, _RELATIVE_EN), message.wording):
        yield Offence("absolute-dates", "a day that depends on when it is read", found)
    for found in _matches((_DAY_WITHOUT_YEAR_JA, _DAY_WITHOUT_YEAR_EN), message.wording):
        yield Offence("absolute-dates", "a date without its year", found)


def sender_first(message: Outgoing) -> Iterator[Offence]:
    """The sender's name stands first: in the subject, and in a short message at its head."""
    if message.channel in (Channel.SMS, Channel.PUSH):
        head = message.body.lstrip("【[ ")
        if not head.startswith(message.sender):
            yield Offence("sender-first", "the text does not begin with the sender's name")
        return
    if message.channel is Channel.EMAIL and not message.subject.lstrip("【[ ").startswith(
        message.sender
    ):
        yield Offence("sender-first", "the subject does not begin with the sender's name")
    opening = [line for line in message.body.splitlines() if line.strip()][:3]
    if not any(message.sender in line for line in opening):
        yield Offence("sender-first", "the first lines do not name the sender")


def plain_text_only(message: Outgoing) -> Iterator[Offence]:
    """No markup: so no tracking pixel, no form, no link with another text."""
    for found in _MARKUP.finditer(_plain(message.text)):
        yield Offence("plain-text-only", "markup, which can hide a form or a pixel", _cut(found[0]))


def no_card_number(message: Outgoing) -> Iterator[Offence]:
    """No card number stands in a message, the recipient's own neither."""
    for found in _DIGITS.finditer(_plain(message.text)):
        digits = re.sub(r"[^0-9]", "", found[0])
        if _check_digit_fits(digits):
            yield Offence("no-card-number", f"{len(digits)} digits that pass as a card number")


def _check_digit_fits(digits: str) -> bool:
    """Luhn (ISO/IEC 7812-1 annex B) for any brand: stricter than the vault, which is above."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(
        doubled[int(digit)] if place % 2 else int(digit)
        for place, digit in enumerate(reversed(digits))
    )
    return total % 10 == 0


def sms_parts(text: str) -> int:
    """How many parts an SMS is sent in."""
    if all(character in _GSM or character in _GSM_TWICE for character in text):
        size, alphabet = len(text) + sum(one in _GSM_TWICE for one in text), "gsm"
    else:
        size, alphabet = len(text.encode("utf-16-be")) // 2, "ucs2"
    return 1 if size <= SMS_SINGLE[alphabet] else -(-size // SMS_PART[alphabet])


def short_enough(message: Outgoing) -> Iterator[Offence]:
    """An SMS has at most three parts; a subject fits on one line of a telephone."""
    if message.channel is Channel.SMS and sms_parts(message.body) > SMS_PARTS_MOST:
        parts = sms_parts(message.body)
        yield Offence("short-enough", f"an SMS of {parts} parts; at most {SMS_PARTS_MOST}")
    if message.channel is Channel.PUSH and len(message.body) > 240:
        yield Offence("short-enough", "a push text of more than 240 characters")
    if len(message.subject) > 100 or "\n" in message.subject:
        yield Offence("short-enough", "a subject of more than 100 characters or one line")


def no_threat(message: Outgoing) -> Iterator[Offence]:
    """Nobody is hurried or threatened: that is how phishing makes people act."""
    for found in _matches((_THREAT_JA, _THREAT_EN), message.wording):
        yield Offence("no-threat", "hurries or threatens the reader", found)


def no_hidden_characters(message: Outgoing) -> Iterator[Offence]:
    """No character that is not seen or turns the order of others around."""
    hidden = sorted({character for character in message.text if character in _HIDDEN})
    if hidden:
        codes = ", ".join(f"U+{ord(character):04X}" for character in hidden)
        yield Offence("no-hidden-characters", "characters that cannot be seen", codes)


def number_shown(message: Outgoing) -> Iterator[Offence]:
    """The number that proves the message genuine stands in it (a push is shown inside the app)."""
    if message.channel is not Channel.PUSH and message.number not in message.body:
        yield Offence("number-shown", "the message's own number is not in its text")


RULES: Final = (
    Rule("no-attachment", "notice: no attachments are ever sent", no_attachment),
    Rule("no-secret-asked", "notice: card numbers are never asked for; APC", no_secret_asked),
    Rule("one-link-home", "APC: readers should not have to follow links", one_link_home),
    Rule("no-shortener", "carriers: own domain in the address", no_shortener),
    Rule("own-mail-domain", "carriers: own domain", own_mail_domain),
    Rule("absolute-dates", "notice: absolute dates in order of time", absolute_dates),
    Rule("sender-first", "carriers: the company is named in the text", sender_first),
    Rule("plain-text-only", "APC: plain text; no pixel, no form", plain_text_only),
    Rule("no-card-number", "PCI req. 3.4.1 and 4.2.2: no number in messages", no_card_number),
    Rule("short-enough", "3GPP TS 23.040: parts of an SMS", short_enough),
    Rule("no-threat", "APC: phishing hurries; a notice does not", no_threat),
    Rule(
        "no-hidden-characters", "Unicode TR 36: invisible and turning marks", no_hidden_characters
    ),
    Rule("number-shown", "a reader can ask the home page about the number", number_shown),
)
