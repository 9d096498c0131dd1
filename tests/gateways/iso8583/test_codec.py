"""The codec against the shared vectors, against pyiso8583, and against bytes that mean nothing."""

from __future__ import annotations

import contextlib
import dataclasses

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.iso8583.samples import CARD, PATIENT, oracle_spec, request, vectors
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.codec import NEVER_READ, Codec, Unreadable
from sekisho.gateways.inbound.iso8583.variant import Content, FieldShape, shipped, shipped_names

NAMES = shipped_names()
CODECS = {name: Codec(shipped(name)) for name in NAMES}
SPECS = {name: oracle_spec(shipped(name)) for name in NAMES}


def test_the_shared_vectors_in_and_out() -> None:
    for name, vector in vectors().items():
        raw = vector["ascii"].encode("ascii")
        message = CODECS["ascii"].decode(raw)
        told = {"t": message.type} | {str(number): text for number, text in message.fields.items()}
        assert (told, message.wrong) == (vector["fields"], []), name
        assert CODECS["ascii"].encode(message.type, message.fields) == raw, name


def test_five_ways_are_shipped() -> None:
    assert set(NAMES) == {"ascii", "ascii-binary", "bcd", "ebcdic-cp037", "ebcdic-cp500"}


# ------------------------------------------------------------------ the oracle


def values(shape: FieldShape) -> st.SearchStrategy[str]:
    """What a field can hold, in every variant."""
    least = 1 if shape.prefix else shape.width
    alphabet = {
        Content.DIGITS: "0123456789",
        Content.TRACK: "0123456789",
        Content.BYTES: "0123456789ABCDEF",
    }.get(shape.content, "ABCxyz 0189-/.'()ÄÖéñ")
    if shape.content is Content.BYTES:
        return st.binary(min_size=shape.width, max_size=shape.width).map(
            lambda raw: raw.hex().upper()
        )
    most = min(shape.width, 60)
    return st.text(alphabet, min_size=min(least, most) if shape.prefix else least,
                   max_size=most if shape.prefix else shape.width)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, str, dict[int, str]]:
    name = draw(st.sampled_from(NAMES))
    table = dict(shipped(name).fields)
    if shipped(name).digits == "bcd":
        # pyiso8583 has no fields of a letter and half-bytes; they have a test of their own.
        table = {key: one for key, one in table.items() if one.content is not Content.SIGNED}
    numbers = draw(st.sets(st.sampled_from(sorted(table)), min_size=1, max_size=14))
    kind = draw(st.sampled_from(["0100", "0110", "0121", "0420", "0800", "0810"]))
    return name, kind, {number: draw(values(table[number])) for number in sorted(numbers)}


@settings(PATIENT, max_examples=150)
@given(messages())
def test_pyiso8583_writes_and_reads_the_same(case: tuple[str, str, dict[int, str]]) -> None:
    name, kind, fields = case
    told = {"t": kind} | {str(number): text for number, text in fields.items()}
    theirs, _ = iso8583.encode(told, SPECS[name])
    ours = CODECS[name].encode(kind, fields)
    assert ours == bytes(theirs)
    message = CODECS[name].decode(ours)
    assert message.wrong == []
    read = {number: text for number, text in message.fields.items() if number not in message.own}
    assert read == {number: text for number, text in fields.items() if number not in NEVER_READ}
    again, _ = iso8583.decode(ours, SPECS[name])
    assert {key: again[key] for key in told} == told


@pytest.mark.parametrize("name", NAMES)
def test_cut_anywhere_a_message_is_never_taken_for_whole(name: str) -> None:
    codec = CODECS[name]
    whole = codec.encode("0100", request(f52="0123456789ABCDEF", f48="PRIVATE", f95="0" * 42))
    assert codec.decode(whole).wrong == []
    for size in range(len(whole)):
        try:
            message = codec.decode(whole[:size])
        except Unreadable:
            continue
        assert message.wrong, size
    assert codec.decode(whole + b"\x00").wrong == [(95, "bytes are left after the last field")]


def test_a_letter_and_digits_in_half_bytes() -> None:
    codec = CODECS["bcd"]
    raw = codec.encode("0100", {28: "D00000123", 97: "C0000000000000456"})
    assert raw[2 + 16 :] == b"D" + bytes.fromhex("00000123") + b"C" + bytes.fromhex(
        "0" * 13 + "456"
    )
    assert codec.decode(raw).fields == {28: "D00000123", 97: "C0000000000000456"}


def test_odd_digits_filled_up_on_the_right() -> None:
    codec = Codec(dataclasses.replace(shipped("bcd"), odd="right"))
    raw = codec.encode("0100", {2: "4" * 15, 22: "051"})
    assert raw[10:] == b"\x15" + bytes.fromhex("4" * 15 + "0" + "0051")
    assert codec.decode(raw).fields == {2: "4" * 15, 22: "051"}
    assert CODECS["bcd"].encode("0100", {2: "4" * 15})[10:] == b"\x15" + bytes.fromhex(
        "0" + "4" * 15
    )


# ------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize("name", NAMES)
def test_letters_among_digits_are_told_and_the_rest_is_read(name: str) -> None:
    codec = CODECS[name]
    good = codec.encode("0100", request())
    place = good.index(codec.encode("0100", {4: "000000070000"})[-12 if name != "bcd" else -6 :])
    bad = bytearray(good)
    bad[place + 1] = 0xAF if name == "bcd" else "X".encode(codec._charset)[0]
    message = codec.decode(bytes(bad))
    assert message.wrong == [(4, "something other than digits")]
    assert message.fields[49] == "392"
    assert message.fields[42] == "JPSHOP000000001"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "type"),
        (b"01", "type"),
        (b"01x0" + b"0" * 16, "type"),
        ("01²0".encode("latin-1") + b"0" * 16, "type"),
        (b"0100", "inside the bitmap"),
        (b"0100" + b"7" * 15, "inside the bitmap"),
        (b"0100" + b"F" * 31, "inside the bitmap"),
        (b"0100" + b"7G" * 8, "hexadecimal"),
        (b"0100" + b"8000000000000000" + b"8000000000000000", "field 65"),
    ],
)
def test_without_type_or_bitmap_there_is_nothing_to_read(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        CODECS["ascii"].decode(raw)


@pytest.mark.parametrize(
    ("tail", "wrong"),
    [
        (b"20" + b"4" * 20, (2, "longer than 19")),
        (b"1_" + b"4" * 16, (2, "its length is not digits, or cut off")),
        (b" 6" + b"4" * 16, (2, "its length is not digits, or cut off")),
        (b"+6" + b"4" * 16, (2, "its length is not digits, or cut off")),
        (b"16" + b"4" * 15, (2, "the message ends inside it")),
        (b"1", (2, "its length is not digits, or cut off")),
        (b"16" + "²".encode("latin-1") * 16, (2, "something other than digits")),
    ],
)
def test_what_is_wrong_is_said_without_the_value(tail: bytes, wrong: tuple[int, str]) -> None:
    message = CODECS["ascii"].decode(b"0100" + b"4000000000000000" + tail)
    assert message.wrong[0] == wrong
    assert "44444" not in repr(message)


def test_a_bitmap_of_no_fields_is_a_message_without_any() -> None:
    assert CODECS["ascii"].decode(b"0800" + b"0" * 16).fields == {}
    assert CODECS["ascii"].decode(b"0800" + b"0" * 16 + b"x").wrong


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({4: "12"}, "field 4 has a length of 2"),
        ({2: "4" * 20}, "field 2 has a length of 20"),
        ({4: "00000007000X"}, "field 4: something other than digits"),
        ({41: "TERM\x00001"}, "field 41: characters"),
        ({52: "XX" * 8}, "field 52: not hexadecimal"),
        ({65: "1"}, "field 65 is not one"),
        ({43: "東" * 40}, "field 43 cannot be written"),
    ],
)
def test_what_cannot_be_written_is_refused(fields: dict[int, str], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        CODECS["ascii"].encode("0100", fields)
    assert not [text for text in fields.values() if len(text) > 3 and text in str(caught.value)]


# ------------------------------------------------------------------ card data


@pytest.mark.parametrize("name", NAMES)
def test_track_pin_and_chip_data_never_become_values(name: str) -> None:
    codec = CODECS[name]
    track = f"{CARD}=2808201123456789"
    raw = codec.encode("0100", request(f35=track, f52="0123456789ABCDEF", f55="5A08" + CARD))
    message = codec.decode(raw)
    assert message.wrong == []
    assert not NEVER_READ & set(message.fields)
    assert not [text for text in message.fields.values() if "201123" in text]


@pytest.mark.parametrize("name", NAMES)
def test_number_and_expiry_come_from_track_2_where_they_are_nowhere_else(name: str) -> None:
    codec = CODECS[name]
    raw = codec.encode("0100", request(f2=None, f14=None, f35=f"{CARD}=2808201123456789"))
    message = codec.decode(raw)
    assert (message.fields[2], message.fields[14], message.own) == (CARD, "2808", {2, 14})


def test_a_message_does_not_show_what_it_holds() -> None:
    message = CODECS["ascii"].decode(CODECS["ascii"].encode("0100", request()))
    shown = f"{message} {message!r} {[message]}"
    assert CARD not in shown
    assert CARD[-4:] not in shown


# ------------------------------------------------------------------ bytes that mean nothing


@settings(PATIENT, max_examples=300)
@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, raw: bytes) -> None:
    with contextlib.suppress(Unreadable):
        CODECS[name].decode(raw)


@settings(PATIENT, max_examples=300)
@given(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_message_is_read_or_refused(name: str, damage: list[tuple[int, int]]) -> None:
    raw = bytearray(CODECS[name].encode("0100", request(f48="X" * 20)))
    for place, byte in damage:
        raw[place % len(raw)] = byte
    try:
        message = CODECS[name].decode(bytes(raw))
    except Unreadable:
        return
    if not message.wrong and not any(number in NEVER_READ for number in message.fields):
        # What was read without complaint can be written, and is read the same again.
        again = CODECS[name].decode(CODECS[name].encode(message.type, message.fields))
        assert again.fields == message.fields


def test_bitmaps_at_random_fill_no_memory() -> None:
    codec = Codec(shipped("ascii-binary"))
    for number in range(3000):
        bitmap = (number << 8).to_bytes(8, "big")
        codec.decode(b"0100" + bitmap)
    assert len(codec._plans) <= 512
