"""Invented cards, and text in which systems leave them.

Every number is composed here, at run time. Names are invented.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import numpy as np

_SHAPES: Final = (
    ("4", 16), ("4", 16), ("4", 16), ("51", 16), ("54", 16), ("2221", 16), ("2720", 16),
    ("3528", 16), ("3589", 16), ("34", 15), ("37", 15), ("36", 14), ("3095", 14), ("6011", 16),
    ("65", 16), ("62", 16), ("62", 19), ("4", 13), ("4", 19),
)  # fmt: skip
_NAMES: Final = ("架空 花子", "関所 太郎", "見本 次郎", "例題 三郎", "試験 四葉")
_LATIN: Final = ("HANAKO KAKUU", "TARO SEKISHO", "JIRO MIHON", "SABURO REIDAI", "YOTSUBA SHIKEN")


@dataclass(frozen=True, slots=True)
class Record:
    """One invented card."""

    pan: str
    code: str
    month: int
    year: int
    name: str
    latin: str

    @property
    def grouped(self) -> str:
        """As printed on the card."""
        if len(self.pan) == 15:
            return f"{self.pan[:4]} {self.pan[4:10]} {self.pan[10:]}"
        if len(self.pan) == 14:
            return f"{self.pan[:4]} {self.pan[4:10]} {self.pan[10:]}"
        return " ".join(self.pan[at : at + 4] for at in range(0, len(self.pan), 4))

    @property
    def expiry(self) -> str:
        """MM/YY."""
        return f"{self.month:02d}/{self.year % 100:02d}"


def luhn_digit(body: str) -> str:
    """The check digit that completes ``body``."""
    total = 0
    for at, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def draw(chance: np.random.Generator, count: int) -> tuple[Record, ...]:
    """Draw invented cards of every brand and length."""
    records: list[Record] = []
    while len(records) < count:
        prefix, length = _SHAPES[int(chance.integers(len(_SHAPES)))]
        rest = "".join(map(str, chance.integers(0, 10, length - len(prefix) - 1)))
        body = prefix + rest
        if "0" * 5 in body:
            continue
        code = "".join(map(str, chance.integers(0, 10, 4 if prefix in ("34", "37") else 3)))
        who = int(chance.integers(len(_NAMES)))
        month, year = int(chance.integers(1, 13)), int(chance.integers(2026, 2032))
        records.append(Record(body + luhn_digit(body), code, month, year, _NAMES[who], _LATIN[who]))
    return tuple(records)


def wide(text: str) -> str:
    """Digits and hyphens in full width."""
    return text.translate({0x30 + at: 0xFF10 + at for at in range(10)} | {0x2D: 0xFF0D})


Lines = Callable[[Sequence[Record]], str]


def japanese(records: Sequence[Record]) -> str:
    return "".join(
        f"{one.name}様のカード番号は{one.pan}です。有効期限{one.expiry}、セキュリティコード{one.code}と伺いました。\n"
        for one in records
    )


def _wide_japanese(records: Sequence[Record]) -> str:
    return "".join(
        f"ご注文者：{one.name}　カード番号：{wide(one.grouped.replace(' ', '-'))}　"
        f"セキュリティコード：{wide(one.code)}\n"
        for one in records
    )


def _english(records: Sequence[Record]) -> str:
    return "".join(
        f"Caller {one.latin} wants to pay with {one.grouped} exp {one.expiry} cvv {one.code}, call back.\n"
        for one in records
    )


def csv_lines(records: Sequence[Record]) -> str:
    rows = [
        f"{at},{one.latin},{one.pan},{one.expiry},{one.code},{500 + at}"
        for at, one in enumerate(records)
    ]
    return "id,name,card_number,expiry,cvv,amount\n" + "\n".join(rows) + "\n"


def _csv_quoted(records: Sequence[Record]) -> str:
    rows = [
        f'"{at}","{one.name}, 様","{one.pan}","{one.code}","{one.expiry}"'
        for at, one in enumerate(records)
    ]
    return (
        '"番号","氏名","カード番号","セキュリティコード","有効期限"\r\n'
        + "\r\n".join(rows)
        + "\r\n"
    )


def _tsv_bare(records: Sequence[Record]) -> str:
    return "".join(
        f"{at}\t{one.latin}\t{one.pan}\t{one.expiry}\t{one.code}\n"
        for at, one in enumerate(records)
    )


def json_lines(records: Sequence[Record]) -> str:
    return "".join(
        json.dumps(
            {
                "ts": 1_760_000_000_000 + at,
                "card": {"number": one.pan, "cvc": one.code, "exp_month": one.month},
            }
        )
        + "\n"
        for at, one in enumerate(records)
    )


def _json_pretty(records: Sequence[Record]) -> str:
    value = [
        {"holder": one.name, "primaryAccountNumber": one.pan, "securityCode": one.code}
        for one in records
    ]
    return json.dumps({"payments": value}, ensure_ascii=False, indent=2)


def _json_escaped(records: Sequence[Record]) -> str:
    return "".join(
        json.dumps({"level": "debug", "body": json.dumps({"pan": one.pan, "cvv2": one.code})})
        + "\n"
        for one in records
    )


def _xml(records: Sequence[Record]) -> str:
    return (
        "<orders>"
        + "".join(
            f"<order><card><Number>{one.pan}</Number><Expiry>{one.expiry}</Expiry><CVV2>{one.code}</CVV2></card></order>"
            for one in records
        )
        + "</orders>"
    )


def _yaml(records: Sequence[Record]) -> str:
    return "".join(
        f"- holder: {one.latin}\n  pan: '{one.pan}'\n  security_code: {one.code}\n"
        for one in records
    )


def form_log(records: Sequence[Record]) -> str:
    return "".join(
        f'203.0.113.9 - - [23/Nov/2026:10:00:{at % 60:02d} +0900] "POST /pay?'
        + urlencode(
            {"cardno": one.grouped if at % 2 else one.pan, "cvv": one.code, "exp": one.expiry}
        )
        + ' HTTP/1.1" 200 17\n'
        for at, one in enumerate(records)
    )


def key_value(records: Sequence[Record]) -> str:
    return "".join(
        f"2026-11-23T10:00:00.{at:03d}Z DEBUG pay.Gateway request_id=77{at:014d} cardNumber={one.pan} cvv={one.code} ok=true\n"
        for at, one in enumerate(records)
    )


def insert_lines(records: Sequence[Record]) -> str:
    return "".join(
        f"INSERT INTO `orders` (`id`, `name`, `card_no`, `cvv`, `total`) VALUES ({at}, '{one.latin}', '{one.pan}', '{one.code}', 1500);\n"
        for at, one in enumerate(records)
    )


def _mysqldump(records: Sequence[Record]) -> str:
    rows = ",".join(
        f"({at},'O''{one.latin}','{one.pan}','{one.code}',980)" for at, one in enumerate(records)
    )
    return (
        "-- dump\nCREATE TABLE `customer` (\n  `id` int(11) NOT NULL,\n  `name` varchar(80) DEFAULT NULL,\n"
        "  `cc` varchar(24) DEFAULT NULL,\n  `cvc` varchar(4) DEFAULT NULL,\n  `price` int(11),\n  PRIMARY KEY (`id`)\n"
        f") ENGINE=InnoDB;\nINSERT INTO `customer` VALUES {rows};\n"
    )


def _pg_dump(records: Sequence[Record]) -> str:
    rows = "".join(f"{at}\t{one.pan}\t{one.code}\t{one.latin}\n" for at, one in enumerate(records))
    return f"COPY public.cards (id, pan, cvv2, holder) FROM stdin;\n{rows}\\.\n"


def _multipart(records: Sequence[Record]) -> str:
    return "".join(
        f'--x\r\nContent-Disposition: form-data; name="number"\r\n\r\n{one.pan}\r\n'
        f'--x\r\nContent-Disposition: form-data; name="cvc"\r\n\r\n{one.code}\r\n'
        for one in records
    )


def _html(records: Sequence[Record]) -> str:
    return (
        "<html><body><table>"
        + "".join(
            f'<tr><td>{one.name}</td><td>{one.grouped}</td></tr><input name="cvv" value="{one.code}">\n'
            for one in records
        )
        + "</table></body></html>"
    )


def _php(records: Sequence[Record]) -> str:
    return "".join(
        f"Array\n(\n    [cc_number] => {one.pan}\n    [cc_cvv] => {one.code}\n)\n"
        for one in records
    )


TEXTS: Final[dict[str, tuple[Lines, str, str]]] = {
    "text": (_english, "utf-8", "calls.txt"),
    "japanese utf-8": (japanese, "utf-8", "denwa.txt"),
    "japanese utf-8 with mark": (japanese, "utf-8-sig", "denwa-bom.txt"),
    "japanese cp932": (japanese, "cp932", "denwa-sjis.txt"),
    "japanese euc-jp": (japanese, "euc_jp", "denwa-euc.txt"),
    "japanese iso-2022-jp": (japanese, "iso2022_jp", "denwa-jis.txt"),
    "japanese utf-16": (japanese, "utf-16", "denwa-utf16.txt"),
    "japanese utf-16-be": (japanese, "utf-16-be", "denwa-utf16be.txt"),
    "full width utf-8": (_wide_japanese, "utf-8", "chumon.txt"),
    "full width cp932": (_wide_japanese, "cp932", "chumon-sjis.txt"),
    "full width euc-jp": (lambda r: _wide_japanese(r).replace("－", "−"), "euc_jp", "chumon-euc.txt"),
    "full width utf-16-le": (_wide_japanese, "utf-16-le", "chumon-utf16.txt"),
    "csv": (csv_lines, "utf-8", "orders.csv"),
    "csv cp932 quoted": (_csv_quoted, "cp932", "kokyaku.csv"),
    "tsv without header": (_tsv_bare, "utf-8", "export.tsv"),
    "json lines": (json_lines, "utf-8", "events.jsonl"),
    "json": (_json_pretty, "utf-8", "payments.json"),
    "json in json": (_json_escaped, "utf-8", "debug.log"),
    "xml": (_xml, "utf-8", "orders.xml"),
    "yaml": (_yaml, "utf-8", "fixture.yaml"),
    "query strings": (form_log, "utf-8", "access.log"),
    "key=value log": (key_value, "utf-8", "gateway.log"),
    "sql inserts": (insert_lines, "utf-8", "orders.sql"),
    "mysqldump": (_mysqldump, "utf-8", "customer.sql"),
    "pg_dump": (_pg_dump, "utf-8", "cards.dump.sql"),
    "multipart form": (_multipart, "utf-8", "request.bin"),
    "html": (_html, "utf-8", "admin.html"),
    "print_r": (_php, "utf-8", "php-error.log"),
}  # fmt: skip
