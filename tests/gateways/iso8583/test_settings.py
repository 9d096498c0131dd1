"""The door's settings file: what it may say, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583 import settings as door_settings
from sekisho.gateways.inbound.iso8583.framing import FrameKind, Framing
from sekisho.gateways.inbound.iso8583.private import Place
from sekisho.gateways.inbound.iso8583.settings import (
    Limits,
    NameSplit,
    StandIn,
    StandInPolicy,
    parse,
    plain,
)
from sekisho.gateways.inbound.iso8583.variant import read as read_variant
from sekisho.gateways.inbound.iso8583.variant import shipped

WHOLE = """
network = "visa"
variant = "bcd"
key = [7, 11, 32]
required = [2, 4, 7, 11, 32, 49]
echo = [2, 3, 4, 7, 11, 37, 49]
peers = ["192.0.2.0/24", "2001:db8::1"]
framing = { kind = "vml", longest = 2048 }
name_split = { name = 25, city = 13, state = 0, country = 2 }
zones = { 392 = "Asia/Tokyo", other = "UTC" }
exponents = { 392 = 2 }
stand_in = { answer = "approve_small", limits = { 392 = 5000 } }
limits = { peers = 8, idle_s = 120.5 }

[[private]]
what = "code_result"
field = 44
layout = "position"
start = 1
length = 1
values = { M = "match", N = "no_match" }
"""


def test_everything_can_be_said(tmp_path: Path) -> None:
    told = parse("door.toml", WHOLE.encode(), tmp_path)
    assert told.variant == shipped("bcd")
    assert told.framing == Framing(FrameKind.VML, longest=2048)
    assert told.name_split == NameSplit(25, 13, 0, 2)
    assert told.zones == {"392": ZoneInfo("Asia/Tokyo"), "": ZoneInfo("UTC")}
    assert told.stand_in == StandInPolicy(StandIn.APPROVE_SMALL, "91", {"392": 5000})
    assert told.limits == Limits(peers=8, idle_s=120.5)
    assert told.private == (
        Place("code_result", 44, "position", 1, 1, values={"M": "match", "N": "no_match"}),
    )
    assert (told.network, told.key, told.exponents) == ("visa", (7, 11, 32), {"392": 2})
    assert [str(peer) for peer in told.peers] == ["192.0.2.0/24", "2001:db8::1/128"]


def test_an_empty_file_is_the_plain_door(tmp_path: Path) -> None:
    path = tmp_path / "door.toml"
    path.write_text("")
    assert door_settings.read(path) == plain()


PLACE = '[[private]]\nwhat = "{}"\nfield = {}\nlayout = "{}"\n'


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("x", "not TOML"),
        ('varient = "ascii"', "varient is not a setting"),
        ('variant = "utf8"', "no ISO 8583 variant 'utf8'"),
        ('framing = "vml"', "framing is not a table"),
        ('framing = { kind = "tcp" }', "framing.kind is none of"),
        ("framing = { longest = 10000 }", "framing.longest"),
        ("framing = { tpdu = 1 }", "framing.tpdu"),
        ("framing = { size = 2 }", "framing.size is not a setting"),
        ('zones = { 392 = "Tokio" }', "no time zone 'Tokio'"),
        ("exponents = { JPY = 2 }", "'JPY' is not a currency"),
        ("exponents = { 392 = -1 }", "exponents.392"),
        ("key = []\necho = [1]", "echo is not a list"),
        ('key = ["7"]', "key is not a list"),
        ("limits = { peers = 1.5 }", "limits.peers is not a number"),
        ("limits = { idle_s = -1 }", "limits.idle_s is below zero"),
        ("limits = { idle_s = true }", "limits.idle_s"),
        ('stand_in = { answer = "maybe" }', "stand_in.answer"),
        ('stand_in = { answer = "approve_small" }', "stand_in.limits is empty"),
        ('stand_in = { code = "9" }', "stand_in.code"),
        ('peers = ["10.0.0.1/8"]', "has host bits set"),
        ("private = 1", "private is not a list"),
        ('[[private]]\nwhat = "eci"', "needs what, field and layout"),
        ('[[private]]\nwhat = "x"\nfield = 48\nlayout = "tag"\ntag = "1"', "what is none of"),
        ('[[private]]\nwhat = "eci"\nfield = 48\nlayout = "xml"', "layout is none of"),
        ('[[private]]\nwhat = "eci"\nfield = 48\nlayout = "position"', "needs a length"),
        ('[[private]]\nwhat = "eci"\nfield = 48\nlayout = "tag"', "which tag"),
        (PLACE.format("eci", '"48"', "tag") + 'tag = "1"', "not of the kind int"),
        (PLACE.format("code_result", 44, "position") + "length = 1", "needs values"),
        (
            PLACE.format("code_result", 44, "position") + 'length = 1\nvalues = { M = "yes" }',
            "is one of absent, match, no_match",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        parse("door.toml", text.encode(), tmp_path)


VARIANT = 'text = "ascii"\nbitmap = "raw"\ndigits = "text"\nlengths = "binary"\nbytes = "raw"\n'


def test_a_variant_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        VARIANT + '[fields]\n48 = { shape = "ans..99", name = "private" }\n'
    )
    told = parse("door.toml", b'variant_file = "own.toml"', tmp_path)
    assert told.variant.fields[48].width == 99
    assert told.variant.fields[49] == shipped("ascii").fields[49]


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("[", "not TOML"),
        (VARIANT.replace('"raw"', '"octal"'), "bitmap is none of"),
        (VARIANT + 'colour = "red"', "colour is not a setting"),
        (VARIANT + "fields = 1", "fields is not a table"),
        (VARIANT + '[fields]\n1 = { shape = "n6", name = "x" }', "fields.1"),
        (VARIANT + '[fields]\n65 = { shape = "n6", name = "x" }', "65 is a bitmap"),
        (VARIANT + '[fields]\n3 = { shape = "6n", name = "x" }', "'6n' is not understood"),
        (VARIANT + '[fields]\n3 = { shape = "n..120", name = "x" }', "ends at 99"),
        (VARIANT + '[fields]\n3 = "n6"', "needs shape and name"),
    ],
)
def test_a_mistake_in_a_variant_is_told(tmp_path: Path, text: str, trouble: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(BadInput, match=trouble):
        read_variant(tmp_path / "own.toml")
    with pytest.raises(BadInput, match="cannot be read"):
        read_variant(tmp_path / "none.toml")
