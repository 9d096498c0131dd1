"""Text with invented cards as libraries, frameworks and services write it, not as the search does.

The standard library and PyYAML write; where a service's own form is imitated, its name stands
beside. Every function gives bytes for a list of records, with each card once and each code once.
"""

from __future__ import annotations

import configparser
import csv
import html
import importlib
import io
import json
import logging
import logging.handlers
import plistlib
import pprint
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from typing import Any, Final
from xml.sax import saxutils

from benchmarks.parts.card_texts import Record, wide

Write = Callable[[Sequence[Record]], bytes]


def _logged(records: Sequence[Record], template: str) -> str:
    """Lines as the logging module formats them."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        logging.Formatter(
            "%(levelname)-8s web01 app[311]: %(name)s.%(funcName)s:%(lineno)d %(message)s"
        )
    )
    logger = logging.Logger("checkout")  # noqa: LOG001 - its own, so that nothing goes elsewhere
    logger.addHandler(handler)
    for one in records:
        logger.warning(template, one.pan, one.code)
    return out.getvalue()


def _syslog(records: Sequence[Record]) -> bytes:
    lines = _logged(records, "charge failed card=%s cvv2=%s retry=1").splitlines()
    return "".join(
        f"<134>Nov 23 10:00:{at % 60:02d} {one}\n" for at, one in enumerate(lines)
    ).encode()


def _colours(records: Sequence[Record]) -> bytes:
    return _logged(
        records,
        "\x1b[36mcard_number\x1b[0m=\x1b[35m%s\x1b[0m \x1b[36mcvv\x1b[0m=\x1b[35m%s\x1b[0m \x1b[1mok\x1b[0m",
    ).encode()


def _json_thrice(records: Sequence[Record]) -> bytes:
    inner = [json.dumps({"cardNumber": one.pan, "cvv": one.code}) for one in records]
    return "".join(
        json.dumps({"message": json.dumps({"request": body})}) + "\n" for body in inner
    ).encode()


def _json_japanese_keys(records: Sequence[Record]) -> bytes:
    rows = [
        {"氏名": one.name, "カード番号": one.pan, "セキュリティコード": one.code} for one in records
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()  # as \u30ab\u30fc...


def _json_numbers(records: Sequence[Record]) -> bytes:
    return json.dumps(
        [{"id": at, "pan": int(one.pan), "cvc": one.code} for at, one in enumerate(records)]
    ).encode()


def _har(records: Sequence[Record]) -> bytes:
    entries = [
        {
            "request": {
                "postData": {
                    "mimeType": "application/x-www-form-urlencoded",
                    "params": [
                        {"name": "card_number", "value": one.grouped},
                        {"name": "card_cvv", "value": one.code},
                    ],
                }
            },
            "time": 181.4,
        }
        for one in records
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}}, indent=1).encode()


def _xml_attributes(records: Sequence[Record]) -> bytes:
    root = ET.Element("PaymentBatch", created="2026-11-23T10:00:00+09:00")
    for at, one in enumerate(records):
        ET.SubElement(root, "Payment", id=str(at), CardNumber=one.pan, CVV2=one.code, Amount="1500")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _soap(records: Sequence[Record]) -> bytes:
    body = "".join(
        f"<ns2:authorize><ns2:creditCard><ns2:acctNumber>{saxutils.escape(one.pan)}</ns2:acctNumber>"
        f"<ns2:expDate>{one.year}-{one.month:02d}</ns2:expDate>"
        f"<ns2:securityCode>{one.code}</ns2:securityCode></ns2:creditCard></ns2:authorize>"
        for one in records
    )
    return f'<?xml version="1.0"?><S:Envelope xmlns:S="urn:s"><S:Body>{body}</S:Body></S:Envelope>'.encode()


def _plist(records: Sequence[Record]) -> bytes:
    return plistlib.dumps([{"cardNumber": one.pan, "cvv": one.code} for one in records])


def _yaml(records: Sequence[Record]) -> bytes:
    yaml: Any = importlib.import_module("yaml")  # where it is installed
    rows = [{"name": one.name, "card": {"number": one.pan, "cvc": one.code}} for one in records]
    text: str = yaml.safe_dump({"orders": rows}, allow_unicode=True)
    return text.encode()


def _ini(records: Sequence[Record]) -> bytes:
    parser = configparser.ConfigParser()
    for at, one in enumerate(records):
        parser[f"customer{at}"] = {"creditcard": one.pan, "cvv": one.code}
    out = io.StringIO()
    parser.write(out)
    return out.getvalue().encode()


def _table(records: Sequence[Record], **form: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, **form)  # type: ignore[arg-type]
    writer.writerow(["会員ID", "名義人", "カード番号", "有効期限", "セキュリティコード", "備考"])
    for at, one in enumerate(records):
        writer.writerow([at, one.name, one.pan, one.expiry, one.code, "特になし"])
    return out.getvalue()


def _form(records: Sequence[Record]) -> bytes:
    return "".join(
        "INFO body="
        + urllib.parse.urlencode(
            {"card[number]": one.grouped, "card[cvc]": one.code, "card[exp]": one.expiry}
        )
        + "\n"
        for one in records
    ).encode()


def _form_twice(records: Sequence[Record]) -> bytes:
    return "".join(
        "GET /log?u="
        + urllib.parse.quote(urllib.parse.urlencode({"pan": one.pan, "cvv": one.code}), safe="")
        + "\n"
        for one in records
    ).encode()


def _nbsp(records: Sequence[Record]) -> bytes:
    rows = "".join(
        f"<tr><td>{html.escape(one.latin)}</td><td>{one.grouped.replace(' ', '&nbsp;')}</td>"
        f"<td>CVV:&nbsp;{one.code}</td></tr>\n"
        for one in records
    )
    return f"<!doctype html><table>{rows}</table>".encode()


def _html_cells(records: Sequence[Record]) -> bytes:
    head = "<tr><th>Cardholder</th><th>Card number</th><th>Expiry</th><th>CVC</th></tr>\n"
    rows = "".join(
        f"<tr>\n  <td>{one.latin}</td>\n  <td>{one.pan}</td>\n  <td>{one.expiry}</td>\n"
        f"  <td>{one.code}</td>\n</tr>\n"
        for one in records
    )
    return f"<!doctype html><table>{head}{rows}</table>".encode()


def _markdown(records: Sequence[Record]) -> bytes:
    rows = "".join(
        f"| {one.latin} | {one.grouped} | {one.expiry} | {one.code} |\n" for one in records
    )
    return f"| Name | Card | Exp | CVV |\n|---|---|---|---|\n{rows}".encode()


def _reprs(records: Sequence[Record]) -> bytes:
    forms = (
        "Card(number='{0}', cvv='{1}')",  # Python
        "CreditCard{{number='{0}', cvv='{1}'}}",  # Java
        '"card_number"=>"{0}", "cvv"=>"{1}"',  # Ruby
        "{{Number:{0} CVV:{1} Holder:x}}",  # Go
        'array(2) {{ ["number"]=> string(16) "{0}" ["cvv"]=> string(3) "{1}" }}',  # PHP
        'CardInput {{ pan: "{0}", cvc: "{1}" }}',  # Rust
    )
    return "".join(
        f"DEBUG {forms[at % len(forms)].format(one.pan, one.code)}\n"
        for at, one in enumerate(records)
    ).encode()


def _pprinted(records: Sequence[Record]) -> bytes:
    rows = [{"card_no": one.pan, "card_cvv": one.code, "name": one.latin} for one in records]
    return pprint.pformat(rows).encode()


def _redis(records: Sequence[Record]) -> bytes:
    out = b""
    for at, one in enumerate(records):
        words = ("HSET", f"session:{at}", "card", one.pan, "cvv", one.code)
        out += f"*{len(words)}\r\n".encode()
        out += b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words)
    return out


def _fixed_width(records: Sequence[Record]) -> bytes:
    head = f"{'NAME':<24}{'CARD NUMBER':<22}{'EXP':<8}{'CVV':<6}AMOUNT\r\n"
    return (
        head
        + "".join(
            f"{one.latin:<24}{one.pan:<22}{one.expiry:<8}{one.code:<6}{1500 + at:>6}\r\n"
            for at, one in enumerate(records)
        )
    ).encode()


def _sql_server(records: Sequence[Record]) -> bytes:
    return "".join(
        f"INSERT [dbo].[Payment] ([Id], [CardNumber], [CVV], [Paid]) VALUES "
        f"({at}, N'{one.pan}', N'{one.code}', CAST(N'2026-11-23T10:00:00.000' AS DateTime))\r\nGO\r\n"
        for at, one in enumerate(records)
    ).encode("utf-16")


def _oracle(records: Sequence[Record]) -> bytes:
    return "".join(
        f"Insert into SHOP.CARDS (ID,HOLDER,PAN,CVV2) values ({at},'{one.latin}','{one.pan}','{one.code}');\n"
        for at, one in enumerate(records)
    ).encode()


def _polite(records: Sequence[Record]) -> str:
    return "".join(
        f"【受注】{one.name} 様\r\nクレジットカード　：　{wide(one.pan)}\r\n"
        f"ＣＶＶ　：　{wide(one.code)}\r\n有効期限　：　{wide(one.expiry)}\r\n\r\n"
        for one in records
    )


def _chat(records: Sequence[Record]) -> bytes:
    return "".join(
        f"[10:{at % 60:02d}] {one.latin.split()[0].lower()}: hi, my card is {one.grouped.replace(' ', '-')}, "
        f"good thru {one.expiry}, and the security code on the back is {one.code}. thanks\n"
        for at, one in enumerate(records)
    ).encode()


def _tickets(records: Sequence[Record]) -> bytes:
    return "".join(
        f"お電話にて、{one.name}様より「{one.grouped}、期限は{one.month}月{one.year}年、"
        f"裏の3桁は{one.code}」とのこと。\n"
        if len(one.code) == 3
        else f"お電話にて、{one.name}様より「{one.grouped}、セキュリティコードは{one.code}」とのこと。\n"
        for one in records
    ).encode()


TEXTS: Final[dict[str, tuple[Write, str]]] = {
    "syslog": (_syslog, "messages"),
    "log with colours": (_colours, "console.log"),
    "json, three deep": (_json_thrice, "fluentd.log"),
    "json, escaped Japanese keys": (_json_japanese_keys, "php.jsonl"),
    "json, numbers": (_json_numbers, "api.json"),
    "har": (_har, "session.har"),
    "xml attributes": (_xml_attributes, "batch.xml"),
    "soap": (_soap, "wire.xml"),
    "plist": (_plist, "cards.plist"),
    "yaml by PyYAML": (_yaml, "orders.yml"),
    "ini": (_ini, "customers.ini"),
    "csv by csv, cp932": (lambda r: _table(r).encode("cp932"), "meibo.csv"),
    "csv by csv, euc-jp": (lambda r: _table(r, delimiter=";").encode("euc_jp"), "meibo-euc.csv"),
    "csv by csv, iso-2022-jp": (lambda r: _table(r).encode("iso2022_jp"), "meibo-jis.csv"),
    "Unicode text of Excel": (
        lambda r: _table(r, dialect="excel-tab").encode("utf-16"),
        "meibo.txt",
    ),
    "utf-16-be without mark": (lambda r: _table(r).encode("utf-16-be"), "meibo-be.csv"),
    "form": (_form, "body.log"),
    "form in an address": (_form_twice, "tracking.log"),
    "html with &nbsp;": (_nbsp, "list.html"),
    "html cells": (_html_cells, "table.html"),
    "markdown": (_markdown, "notes.md"),
    "objects of six languages": (_reprs, "debug.log"),
    "pprint": (_pprinted, "pprint.txt"),
    "redis": (_redis, "appendonly.aof"),
    "fixed width": (_fixed_width, "host.txt"),
    "SQL Server script": (_sql_server, "script.sql"),
    "Oracle script": (_oracle, "export.sql"),
    "full width mail, cp932": (lambda r: _polite(r).encode("cp932"), "juchu.txt"),
    "full width mail, iso-2022-jp": (lambda r: _polite(r).encode("iso2022_jp"), "juchu-jis.txt"),
    "chat": (_chat, "chat.txt"),
    "tickets": (_tickets, "tickets.txt"),
}  # fmt: skip
