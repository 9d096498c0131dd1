"""Where a message begins and ends in a stream of bytes, in the ways that networks use over TCP.

Sources: moov-io/iso8583 ``network/``, jPOS ``org.jpos.iso.channel`` (facts; read 2026-11-23). A
frame of no length, and VML's session control, are heart-beats; VML's are sent back as they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sekisho.domain.errors import BadInput

_TPDU: Final = 5
_CONTROL: Final = 0x2
"""High half of VML's fourth byte in a session control message."""


class FrameKind(StrEnum):
    """How the length of a message is told before it."""

    BINARY = "binary"
    """Two bytes, the larger first."""
    BCD = "bcd"
    """Two bytes with two digits each."""
    ASCII = "ascii"
    """Four digits as text."""
    VML = "vml"
    """Two bytes, then two reserved ones."""


@dataclass(frozen=True, slots=True)
class Framing:
    """``counts_itself``: the length includes its own bytes. ``tpdu``: five bytes of routing follow.

    ``longest``: most bytes of a message.
    """

    kind: FrameKind = FrameKind.BINARY
    counts_itself: bool = False
    tpdu: bool = False
    longest: int = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it stood in the stream, or a heart-beat (no message).

    ``reply``: what has to be sent back for a heart-beat; ``routing``: the TPDU.
    """

    content: bytes
    routing: bytes = b""
    reply: bytes = b""


class BadFrame(BadInput):
    """The stream cannot be followed any more: the connection has to be closed."""

    code = "bad_frame"


def take(framing: Framing, buffer: bytes | bytearray, place: int) -> tuple[Frame | None, int]:
    """The frame that begins at ``place`` and where the next one does; None if it is not all there.

    Raises `BadFrame` for a length that no message of this framing can have.
    """
    head = 2 if framing.kind in (FrameKind.BINARY, FrameKind.BCD) else 4
    begin = place + head
    if len(buffer) < begin:
        return None, place
    length = _length(framing, buffer, place)
    if framing.counts_itself and length:
        length -= head
    if not 0 <= length <= framing.longest:
        raise BadFrame(f"a frame of {length} bytes; {framing.longest} is the most")
    end = begin + length
    if len(buffer) < end:
        return None, place
    if framing.kind is FrameKind.VML and (not length or buffer[place + 3] >> 4 == _CONTROL):
        return Frame(b"", reply=bytes(buffer[place:end])), end
    if not length:
        return Frame(b""), end
    if not framing.tpdu:
        return Frame(bytes(buffer[begin:end])), end
    if length < _TPDU:
        raise BadFrame(f"a frame of {length} bytes, shorter than its routing")
    return Frame(bytes(buffer[begin + _TPDU : end]), bytes(buffer[begin : begin + _TPDU])), end


def wrap(framing: Framing, content: bytes, routing: bytes = b"") -> bytes:
    """A frame around ``content``; an answer to ``routing`` goes back to where that came from.

    A TPDU is one byte of protocol, two of destination and two of source: these change places.
    """
    if framing.tpdu:
        content = (routing[:1] + routing[3:5] + routing[1:3] if routing else bytes(_TPDU)) + content
    if len(content) > framing.longest:
        raise BadInput(f"a message of {len(content)} bytes; {framing.longest} is the most")
    head = 4 if framing.kind in (FrameKind.ASCII, FrameKind.VML) else 2
    told = len(content) + (head if framing.counts_itself else 0)
    if framing.kind is FrameKind.BINARY:
        return told.to_bytes(2, "big") + content
    if framing.kind is FrameKind.VML:
        return told.to_bytes(2, "big") + b"\0\0" + content
    digits = f"{told:04d}"
    return (bytes.fromhex(digits) if framing.kind is FrameKind.BCD else digits.encode()) + content


def _length(framing: Framing, buffer: bytes | bytearray, place: int) -> int:
    if framing.kind in (FrameKind.BINARY, FrameKind.VML):
        return buffer[place] << 8 | buffer[place + 1]
    told = buffer[place : place + 2].hex() if framing.kind is FrameKind.BCD else ""
    if framing.kind is FrameKind.ASCII:
        told = buffer[place : place + 4].decode("latin-1")
    if not told.isdecimal():
        raise BadFrame("the length before a frame is not digits")
    return int(told)
