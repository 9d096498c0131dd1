"""The question as a message: what is said of the purchase, and under which approved texts.

The name of a shop is chosen by whoever runs it, and who misuses a card may run one: a name that
looks like a link, hurries or asks for a code must neither reach the holder nor keep the question
from being asked. So names are made harmless, and a text that the linter still refuses is written
again without the name.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sekisho.app.message_list import Recipient
from sekisho.app.message_writing import Writer, writer_from
from sekisho.app.messaging import drafts
from sekisho.app.one_time import ANSWER_LINK
from sekisho.domain.asking import Purchase
from sekisho.domain.message import Channel
from sekisho.domain.progress import Silent
from sekisho.rulebook.templates import Templates
from sekisho.rulebook.values import LANGUAGES, Language, Style, ValueType, shown
from sekisho.store.holders import Holder
from sekisho.store.messages import Draft, mailing_of
from sekisho.store.standing import standing_of
from sekisho.store.transaction import Transaction

KINDS: Final = ("ask_declined", "ask_approved")
SHOP_LONGEST: Final = 30
# ISO 4217: numeric code, letters, digits after the point.
_CURRENCIES: Final[Mapping[str, tuple[str, int]]] = {
    "392": ("JPY", 0), "410": ("KRW", 0), "840": ("USD", 2), "978": ("EUR", 2), "826": ("GBP", 2),
    "036": ("AUD", 2), "156": ("CNY", 2), "344": ("HKD", 2), "702": ("SGD", 2), "901": ("TWD", 2),
    "764": ("THB", 2), "124": ("CAD", 2), "756": ("CHF", 2),
}  # fmt: skip
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "ja": {
        "card": "末尾{last4}のカード",
        "a card": "お持ちのカード",
        "greeting": "お客様の合言葉：{greeting}",
        "no greeting": "合言葉はまだご登録いただいていません。",
        "no shop": "店名の分からないお店",
        "amount": "通貨コード{currency}で{amount}（最小単位）",
    },
    "en": {
        "card": "your card ending {last4}",
        "a card": "your card",
        "greeting": "Your greeting word: {greeting}",
        "no greeting": "You have not chosen a greeting word yet.",
        "no shop": "a shop whose name we do not have",
        "amount": "{amount} in the smallest unit of currency {currency}",
    },
}
_DOTS: Final = re.compile(r"(?<=[^\s.])\.(?=[^\s.])")
_DIGITS: Final = re.compile(r"\d(?:[ \-]?\d){8,}")


@dataclass(frozen=True, slots=True)
class Going:
    """One message: by which channel, the caller's reference, its number, the link's seed if any."""

    channel: Channel
    reference: str
    number: str
    link: str = ""


class Texts:
    """Writes questions under the standing mailings that were approved."""

    def __init__(self, templates: Templates, link_of: Callable[[str], str] | None = None) -> None:
        self._templates = templates
        self._link_of = link_of
        self._known: dict[str, Writer | None] = {}

    def writer(self, tx: Transaction, purchase: Purchase) -> tuple[str, Writer] | None:
        """The standing mailing for such a question; None where no texts are approved for it."""
        kind = KINDS[0] if purchase.declined else KINDS[1]
        mailing_id = standing_of(tx, kind)
        if mailing_id is None:
            return None
        if mailing_id not in self._known:
            settings = mailing_of(tx, mailing_id).settings
            writer = writer_from(settings, self._templates, self._link_of)
            same = settings.get("texts") == texts_digest(writer)
            self._known[mailing_id] = writer if same else None
        found = self._known[mailing_id]
        return None if found is None else (mailing_id, found)

    @staticmethod
    def draft(writer: Writer, holder: Holder, purchase: Purchase, one: Going) -> Draft:
        """The question, judged; without the shop's name if the linter refuses it with it."""
        made = _draft(writer, _recipient(writer, holder, purchase, one), one.number)
        if made.trouble:
            made = _draft(
                writer, _recipient(writer, holder, purchase, one, named=False), one.number
            )
        return made


def wants_link(writer: Writer, holder: Holder, channel: Channel) -> bool:
    """Whether the text for this channel has a place for a one-time link: an operator's choice."""
    template = writer.templates.find(writer.kind, _language(holder), writer.on)
    return channel in template.channels and ANSWER_LINK in template.needed(channel)


def _language(holder: Holder) -> Language:
    return "en" if holder.language == "en" else "ja"


def texts_digest(writer: Writer) -> str:
    """SHA-256 of the texts that the writer would use, in both languages."""
    found = [writer.templates.find(writer.kind, one, writer.on) for one in LANGUAGES]
    plain = [[one.name, sorted(one.texts.items())] for one in found]
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False).encode("utf-8")).hexdigest()


def shop_text(name: str, language: str) -> str:
    """The name of a shop as it may stand in a message: no link, no long number, not too long.

    >>> shop_text("KAKUU.EXAMPLE/PAY", "en")
    'KAKUU EXAMPLE PAY'
    """
    plain = unicodedata.normalize("NFKC", name)
    plain = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in plain)
    plain = re.sub(r"[<>{}/\\@:]+", " ", _DOTS.sub(" ", plain))
    plain = re.sub(r"\b(?:www|https?)\b", " ", _DIGITS.sub(" ", plain), flags=re.IGNORECASE)
    plain = " ".join(plain.split())[:SHOP_LONGEST].strip()
    return plain or _WORDS[language]["no shop"]


def amount_text(purchase: Purchase, language: Language) -> str:
    """The amount with its currency, as a reader of the language writes it."""
    known = _CURRENCIES.get(purchase.currency)
    if known is None:
        form = _WORDS[language]["amount"]
        return form.format(amount=f"{purchase.amount_minor:,}", currency=purchase.currency)
    letters, digits = known
    whole, minor = divmod(purchase.amount_minor, 10**digits)
    raw = f"{letters} {whole}" + (f".{minor:0{digits}}" if digits else "")
    return shown(ValueType.AMOUNT, raw, Style(language))


def _recipient(
    writer: Writer,
    holder: Holder,
    purchase: Purchase,
    going: Going,
    *,
    named: bool = True,
) -> Recipient:
    channel, language = going.channel, _language(holder)
    words = _WORDS[language]
    used_at = datetime.fromtimestamp(purchase.authorized_at, ZoneInfo(holder.time_zone))
    values = {
        "greeting_line": words["greeting"].format(greeting=holder.greeting)
        if holder.greeting
        else words["no greeting"],
        "card": words["card"].format(last4=holder.last4) if holder.last4 else words["a card"],
        "shop": shop_text(purchase.merchant_name, language) if named else words["no shop"],
        "used_at": used_at.isoformat(timespec="minutes"),
        "amount": amount_text(purchase, language),
        "app_place": writer.common[f"app_place_{language}"],
        ANSWER_LINK: going.link,
    }
    address = holder.address(channel)
    return Recipient(
        row=0,
        reference=going.reference,
        name=holder.name,
        honorific=holder.honorific,
        language=language,
        channel=channel,
        postcode="",
        address=(),
        email=address if channel is Channel.EMAIL else "",
        phone=address if channel in (Channel.SMS, Channel.PHONE) else "",
        app_id=address if channel is Channel.PUSH else "",
        values=values,
    )


def _draft(writer: Writer, recipient: Recipient, number: str) -> Draft:
    return drafts(writer, [recipient], [number], Silent())[0]


def common_values(app_place: Mapping[str, str]) -> dict[str, Any]:
    """What is the same in every message of a standing mailing."""
    return {f"app_place_{language}": text for language, text in app_place.items()}
