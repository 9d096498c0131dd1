"""Messages for tests: invented cards, the shared vectors, pyiso8583's way to say a variant."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from invented_cards import complete
from sekisho.gateways.inbound.iso8583.variant import Content, Variant

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests on a machine that others use too."""
NOW = 1_786_980_613  # 2026-08-17 15:30:13 UTC, a second after the request below was sent
CARD = complete("400000" + "123456789")


def request(**changes: str | None) -> dict[int, str]:
    """An authorization in a web shop at half past midnight in Japan; f4="..." sets field 4."""
    fields: dict[int, str] = {
        2: CARD, 3: "000000", 4: "000000070000", 7: "0817153012", 11: "000123", 12: "003012",
        13: "0818", 14: "2808", 18: "5732", 19: "392", 22: "812", 25: "59", 32: "12345678901",
        37: "923000000123", 41: "ECOM0001", 42: "JPSHOP000000001",
        43: f"{'KAKUU GADGET':<23}{'TOKYO':<13}{'':2}JP", 49: "392",
    }  # fmt: skip
    for name, value in changes.items():
        number = int(name.removeprefix("f"))
        if value is None:
            fields.pop(number, None)
        else:
            fields[number] = value
    return fields


def reversal(**changes: str | None) -> dict[int, str]:
    """The reversal of `request`."""
    original = "0100" + "000123" + "0817153012" + "12345678901" + "0" * 11
    own = {"f7": "0817153112", "f11": "000124", "f39": "17", "f90": original}
    absent: dict[str, str | None] = {f"f{number}": None for number in (14, 18, 19, 22, 25, 43)}
    return request(**{**absent, **own, **changes})


@cache
def vectors() -> dict[str, Any]:
    """The shared vectors; skips where they are not."""
    shared = Path(os.environ.get("SEKISHO_SHARED", Path(__file__).parents[4] / "shared"))
    path = shared / "samples" / "iso8583_vectors.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there (SEKISHO_SHARED)")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def oracle_spec(variant: Variant) -> dict[str, dict[str, Any]]:
    """The variant as pyiso8583 wants it told."""
    charset = "latin-1" if variant.text == "ascii" else variant.text
    bcd = variant.digits == "bcd"
    lengths = {"text": charset, "bcd": "bcd", "binary": "b"}[variant.lengths]
    bitmap = {"len_enc": charset, "len_type": 0, "desc": ""}
    bitmap |= {"data_enc": "b", "max_len": 8} if variant.bitmap == "raw" else {
        "data_enc": charset, "max_len": 16}  # fmt: skip
    spec: dict[str, dict[str, Any]] = {
        "h": {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": 0, "desc": ""},
        "t": {"data_enc": "b" if bcd else charset, "len_enc": "ascii", "len_type": 0,
              "max_len": 2 if bcd else 4, "desc": ""},
        "p": bitmap,
        "1": bitmap,
    }  # fmt: skip
    for number, shape in variant.fields.items():
        wide = shape.prefix if variant.lengths == "text" else (shape.prefix + 1) // 2
        one: dict[str, Any] = {"len_enc": lengths, "len_type": wide, "max_len": shape.width}
        if bcd and shape.content in (Content.DIGITS, Content.TRACK):
            one |= {"data_enc": "b", "len_count": "nibbles", "left_pad": "0"}
        elif shape.content is Content.BYTES and variant.bytes == "raw":
            one |= {"data_enc": "b"}
        elif shape.content is Content.BYTES:
            one |= {"data_enc": charset, "max_len": 2 * shape.width}
        else:
            one |= {"data_enc": charset}
        spec[str(number)] = one | {"desc": shape.name}
    return spec
