"""Frames cut out of a stream, whatever pieces it arrives in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.iso8583.samples import PATIENT
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.framing import BadFrame, FrameKind, Framing, take, wrap

FRAMINGS = [
    Framing(kind, counts, tpdu, 2000)
    for kind, counts, tpdu in itertools.product(FrameKind, (False, True), (False, True))
]


def frames(framing: Framing, stream: bytes, pieces: list[int]) -> list[bytes]:
    """As the server does it: bytes are added, whole frames taken, the rest kept."""
    found, buffer, at = [], bytearray(), 0
    for size in [*pieces, len(stream)]:
        buffer += stream[at : at + size]
        at += size
        place = 0
        while True:
            frame, place = take(framing, buffer, place)
            if frame is None:
                break
            found.append(frame.content)
        del buffer[:place]
    assert not buffer
    return found


@settings(PATIENT, max_examples=120)
@given(
    st.sampled_from(FRAMINGS),
    st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_what_was_wrapped_is_taken(
    framing: Framing, contents: list[bytes], pieces: list[int]
) -> None:
    stream = b"".join(wrap(framing, content) for content in contents)
    assert frames(framing, stream, pieces) == contents


@settings(PATIENT, max_examples=300)
@given(st.sampled_from(FRAMINGS), st.binary(max_size=60))
def test_any_bytes_are_frames_or_refused(framing: Framing, stream: bytes) -> None:
    place = 0
    try:
        while True:
            frame, after = take(framing, stream, place)
            if frame is None:
                break
            assert after > place
            place = after
    except BadFrame:
        pass


@pytest.mark.parametrize(
    ("framing", "stream"),
    [
        (Framing(), "00 03 41 42 43"),
        (Framing(counts_itself=True), "00 05 41 42 43"),
        (Framing(FrameKind.BCD), "00 03 41 42 43"),
        (Framing(FrameKind.ASCII), "30 30 30 33 41 42 43"),
        (Framing(FrameKind.VML), "00 03 00 00 41 42 43"),
        (Framing(tpdu=True), "00 08 60 00 01 00 02 41 42 43"),
    ],
)
def test_the_bytes_of_each_kind(framing: Framing, stream: str) -> None:
    raw = bytes.fromhex(stream)
    frame, end = take(framing, raw, 0)
    assert frame is not None
    assert (frame.content, end) == (b"ABC", len(raw))
    if not framing.tpdu:
        assert wrap(framing, b"ABC") == raw


def test_an_answer_goes_back_to_where_the_request_came_from() -> None:
    framing = Framing(tpdu=True)
    frame, _ = take(framing, bytes.fromhex("00 08 60 00 01 00 02 41 42 43"), 0)
    assert frame is not None
    assert wrap(framing, b"D", frame.routing) == bytes.fromhex("00 06 60 00 02 00 01 44")


@pytest.mark.parametrize("framing", [Framing(), Framing(FrameKind.BCD), Framing(FrameKind.ASCII)])
def test_no_length_is_a_heart_beat(framing: Framing) -> None:
    stream = wrap(framing, b"A").replace(b"A", b"")
    silent = stream.replace(b"\x01", b"\x00").replace(b"1", b"0")
    frame, end = take(framing, silent, 0)
    assert frame is not None
    assert (frame.content, frame.reply, end) == (b"", b"", len(silent))


@pytest.mark.parametrize("beat", ["00 00 00 00", "00 00 00 20", "00 02 00 20 41 42"])
def test_a_heart_beat_of_vml_is_sent_back(beat: str) -> None:
    raw = bytes.fromhex(beat)
    frame, end = take(Framing(FrameKind.VML), raw, 0)
    assert frame is not None
    assert (frame.content, frame.reply, end) == (b"", raw, len(raw))


@pytest.mark.parametrize(
    ("framing", "stream"),
    [
        (Framing(longest=100), b"\x00\x65"),
        (Framing(counts_itself=True), b"\x00\x01"),
        (Framing(FrameKind.BCD), b"\x0a\x00"),
        (Framing(FrameKind.ASCII), b"00+3abc"),
        (Framing(FrameKind.ASCII), b"GET / HTTP/1.1"),
        (Framing(FrameKind.VML, longest=2048), b"\x08\x01\x00\x00"),
        (Framing(tpdu=True), b"\x00\x03abc"),
    ],
)
def test_a_length_that_cannot_be_is_refused_at_once(framing: Framing, stream: bytes) -> None:
    with pytest.raises(BadFrame):
        take(framing, stream, 0)


def test_too_long_an_answer_is_not_written() -> None:
    with pytest.raises(BadInput, match="101 bytes"):
        wrap(Framing(longest=100), b"x" * 101)
