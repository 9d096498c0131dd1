"""Messages from bytes and back, for any variant.

Decoding never fails for what stands inside a field: a message whose structure can be followed is
read to its end, and what is wrong in it is listed, so that the peer can be told. Track data, the
PIN block and chip data are stepped over and never become values; of track 2 the card number and
expiry are taken where field 2 is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.variant import Content, FieldShape, Variant

NUMBER: Final = 2
EXPIRY: Final = 14
TRACK_2: Final = 35
NEVER_READ: Final = frozenset({35, 36, 45, 52, 53, 55})
"""Track data, PIN block, security information, chip data (which repeats track 2)."""

_PLANS_MOST: Final = 512
_TRACK: Final = re.compile(r"([0-9]{8,19})[=Dd]([0-9]{4})?")
# What the loop of `Codec.decode` does with a field.
_FIXED_DIGITS, _FIXED_TEXT, _FIXED_OPAQUE, _FIXED_BCD, _SHORT_DIGITS, _OTHER = range(6)
_Step = tuple[int, int, int, FieldShape]


class Unreadable(BadInput):
    """Message type or bitmap cannot be read: there is nothing to answer to."""

    code = "unreadable_message"


class Message:
    """One message while it is handled: type, fields by number, and what is wrong with it.

    ``wrong``: pairs of field number and reason, in the order of the message. ``own``: fields
    that were not sent as such (taken from track 2), which no answer repeats. Shows itself without
    any value.
    """

    __slots__ = ("fields", "own", "type", "wrong")

    def __init__(self, kind: str, fields: dict[int, str]) -> None:
        self.type = kind
        self.fields = fields
        self.wrong: list[tuple[int, str]] = []
        self.own: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        return f"Message({self.type}, fields {sorted(self.fields)}, wrong {self.wrong})"


class Codec:
    """Reads and writes messages of one variant."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        # Every byte is one character and back in all of these, so places in both are the same.
        self._charset = "latin-1" if variant.text == "ascii" else variant.text
        self._bcd = variant.digits == "bcd"
        self._right = variant.odd == "right"
        self._texts = not self._bcd and variant.lengths == "text"
        self._plans: dict[bytes, tuple[list[_Step], int]] = {}
        self._writings: dict[tuple[int, ...], tuple[bytes, list[_Step]]] = {}
        self._seconds = _SECONDS[self._charset]

    # ------------------------------------------------------------------ reading

    def decode(self, data: bytes) -> Message:  # noqa: C901 - the loop of the hot path
        """Read one message; raises `Unreadable` where not even its fields can be told."""
        kind, place = self._type(data)
        plan, place = self._plan(data, place)
        text = data.decode(self._charset)
        nibbles = data.hex() if self._bcd else ""
        fields: dict[int, str] = {}
        message = Message(kind, fields)
        for number, step, width, shape in plan:
            if step == _SHORT_DIGITS:
                told = text[place : place + 2]
                end = place + 2 + int(told) if told.isdecimal() else 0
                value = text[place + 2 : end]
                if end <= len(text) and len(value) <= width and value.isdecimal():
                    fields[number] = value
                    place = end
                    continue
            if step >= _SHORT_DIGITS:
                place = self._other(message, data, place, shape)
                if place < 0:
                    return message
                continue
            if step == _FIXED_BCD:
                # An odd number of digits is written behind a zero.
                end = 2 * place + width + (width & 1)
                value = nibbles[end - width : end]
                place = end // 2
            else:
                value = text[place : place + width]
                place += width
            if len(value) < width:
                message.wrong.append((number, "the message ends inside it"))
                return message
            fields[number] = value
            if step in (_FIXED_DIGITS, _FIXED_BCD):
                if not value.isdecimal():
                    message.wrong.append((number, "something other than digits"))
            elif step == _FIXED_TEXT and not value.isprintable():
                message.wrong.append((number, "characters that cannot be printed"))
        if place != len(data):
            message.wrong.append(
                (plan[-1][0] if plan else 0, "bytes are left after the last field")
            )
        return message

    def _type(self, data: bytes) -> tuple[str, int]:
        size = 2 if self._bcd else 4
        head = data[:size]
        kind = head.hex() if self._bcd else head.decode(self._charset)
        if len(head) < size or not kind.isdecimal():
            raise Unreadable("the message type is not four digits")
        return kind, size

    def _plan(self, data: bytes, place: int) -> tuple[list[_Step], int]:
        """The steps for the fields that the bitmap names, and where the first one begins."""
        hexed = self.variant.bitmap == "hex"
        one = 16 if hexed else 8
        # The first digit or byte says whether a second bitmap follows.
        first = data[place : place + 1]
        second = first in self._seconds if hexed else bool(first) and first[0] >= 0x80
        key = data[place : place + (2 * one if second else one)]
        known = self._plans.get(key)
        if known is not None:
            return known[0], place + known[1]
        if len(key) < (2 * one if second else one):
            raise Unreadable("the message ends inside the bitmap")
        steps = [self._step(number) for number in self._numbers(key)]
        if len(self._plans) >= _PLANS_MOST:  # a peer that sends bitmaps at random
            self._plans.clear()
        self._plans[key] = (steps, len(key))
        return steps, place + len(key)

    def _numbers(self, bitmap: bytes) -> list[int]:
        if self.variant.bitmap == "hex":
            digits = bitmap.decode(self._charset)
            if _HEX.fullmatch(digits) is None:
                raise Unreadable("the bitmap is not hexadecimal")
            bitmap = bytes.fromhex(digits)
        bits = int.from_bytes(bitmap, "big")
        size = 8 * len(bitmap)
        numbers = [number for number in range(2, size + 1) if bits >> (size - number) & 1]
        for number in numbers:
            if number not in self.variant.fields:
                raise Unreadable(
                    f"the bitmap names field {number}, which the variant does not have"
                )
        return numbers

    def _step(self, number: int) -> _Step:
        shape = self.variant.fields[number]
        plain = shape.prefix == 0 and number not in NEVER_READ
        kind = _OTHER
        if plain and shape.content is Content.DIGITS:
            kind = _FIXED_BCD if self._bcd else _FIXED_DIGITS
        elif plain and (
            shape.content is Content.TEXT or (shape.content is Content.SIGNED and not self._bcd)
        ):
            kind = _FIXED_TEXT
        elif plain and shape.content is Content.OPAQUE:
            kind = _FIXED_OPAQUE
        elif shape.prefix == 2 and shape.content is Content.DIGITS and self._texts:
            kind = _SHORT_DIGITS
        return number, kind, shape.width, shape

    def _other(self, message: Message, data: bytes, place: int, shape: FieldShape) -> int:
        """Read a field that is not plain fixed text; its end, or -1 where reading has to stop."""
        width = shape.width
        if shape.prefix:
            told, place = self._length(data, place, shape.prefix)
            if told < 0:
                message.wrong.append((shape.number, "its length is not digits, or cut off"))
                return -1
            if told > width:
                message.wrong.append((shape.number, f"longer than {width}"))
                return -1
            width = told
        end = place + self._bytes_of(shape, width)
        if end > len(data):
            message.wrong.append((shape.number, "the message ends inside it"))
            return -1
        if shape.number in NEVER_READ:
            if shape.number == TRACK_2:
                self._from_track(message, self._value(data[place:end], shape, width))
            return end
        value = self._value(data[place:end], shape, width)
        message.fields[shape.number] = value
        if reason := _trouble(shape.content, value):
            message.wrong.append((shape.number, reason))
        return end

    def _length(self, data: bytes, place: int, digits: int) -> tuple[int, int]:
        """The length told before a field and where that ends; -1 for one that cannot be read."""
        if self.variant.lengths == "text":
            part = data[place : place + digits]
            text = part.decode(self._charset)
            wanted = digits
        else:
            wanted = (digits + 1) // 2
            part = data[place : place + wanted]
            text = (
                str(int.from_bytes(part, "big")) if self.variant.lengths == "binary" else part.hex()
            )
        if len(part) < wanted or not text.isdecimal():
            return -1, place
        return int(text), place + wanted

    def _bytes_of(self, shape: FieldShape, width: int) -> int:
        if self._bcd and shape.content in (Content.DIGITS, Content.TRACK):
            return (width + 1) // 2
        if self._bcd and shape.content is Content.SIGNED:
            return 1 + width // 2
        if shape.content is Content.BYTES and self.variant.bytes == "hex":
            return 2 * width
        return width

    def _value(self, part: bytes, shape: FieldShape, width: int) -> str:
        if self._bcd and shape.content in (Content.DIGITS, Content.TRACK):
            return self._digits_of(part, width, left=not (shape.prefix and self._right))
        if self._bcd and shape.content is Content.SIGNED:
            return part[:1].decode(self._charset) + self._digits_of(part[1:], width - 1, left=True)
        if shape.content is Content.BYTES:
            hexed = self.variant.bytes == "hex"
            return part.decode(self._charset) if hexed else part.hex().upper()
        return part.decode(self._charset)

    @staticmethod
    def _digits_of(part: bytes, width: int, *, left: bool) -> str:
        """``width`` digits, two in a byte; an odd number is filled up on one side."""
        nibbles = part.hex()
        surplus = len(nibbles) - width
        return nibbles[surplus:] if left else nibbles[:width]

    @staticmethod
    def _from_track(message: Message, track: str) -> None:
        """Take number and expiry from track 2 where they were not sent as fields."""
        found = _TRACK.match(track)
        if found is None:
            return
        taken = {NUMBER: found[1], EXPIRY: found[2] or ""}
        missing = {
            key: value for key, value in taken.items() if value and key not in message.fields
        }
        message.fields.update(missing)
        message.own = frozenset(missing)

    # ------------------------------------------------------------------ writing

    def encode(self, kind: str, fields: Mapping[int, str]) -> bytes:
        """Write a message; BadInput that names the field which does not fit, without its value."""
        numbers = tuple(sorted(fields))
        known = self._writings.get(numbers)
        bitmap, plan = self._writing(numbers) if known is None else known
        pieces = []
        for number, step, width, shape in plan:
            value = fields[number]
            size = len(value)
            if size == width and (
                (step == _FIXED_DIGITS and value.isdecimal())
                or (step == _FIXED_TEXT and value.isprintable())
            ):
                pieces.append(value)
            elif step == _SHORT_DIGITS and size <= width and value.isdecimal():
                pieces.append(f"{size:02d}{value}")
            else:
                pieces.append(self._spelled(shape, value))
        body = "".join(pieces)
        try:
            if self._bcd:
                return bytes.fromhex(kind) + bitmap + bytes.fromhex(body)
            return kind.encode(self._charset) + bitmap + body.encode(self._charset)
        except UnicodeEncodeError:
            raise self._unwritable(plan, fields) from None

    def _writing(self, numbers: tuple[int, ...]) -> tuple[bytes, list[_Step]]:
        """Bitmap and steps for a message with these fields."""
        for number in numbers:
            if number not in self.variant.fields:
                raise BadInput(f"field {number} is not one of the variant {self.variant.name}")
        size = 128 if numbers and numbers[-1] > 64 else 64
        bits = sum(1 << (size - number) for number in numbers)
        if size == 128:
            bits |= 1 << 127
        raw = bits.to_bytes(size // 8, "big")
        bitmap = raw.hex().upper().encode(self._charset) if self.variant.bitmap == "hex" else raw
        # Text in a message of half-bytes is spelled out too.
        steps = [
            (number, _OTHER if self._bcd else step, width, shape)
            for number, step, width, shape in (self._step(number) for number in numbers)
        ]
        if len(self._writings) < _PLANS_MOST:
            self._writings[numbers] = (bitmap, steps)
        return bitmap, steps

    def _spelled(self, shape: FieldShape, value: str) -> str:
        """A field as it goes into the message: characters, or half-bytes where those are joined."""
        size = len(value) // 2 if shape.content is Content.BYTES else len(value)
        if size > shape.width or (shape.prefix == 0 and size != shape.width):
            raise BadInput(f"field {shape.number} has a length of {size}, wanted {shape.width}")
        if reason := _trouble(shape.content, value):
            raise BadInput(f"field {shape.number}: {reason}")
        told = self._told(size, shape.prefix) if shape.prefix else b""
        try:
            spelled = told + self._body(shape, value)
        except (UnicodeEncodeError, ValueError):
            raise BadInput(f"field {shape.number} cannot be written in this variant") from None
        return spelled.hex() if self._bcd else spelled.decode(self._charset)

    def _unwritable(self, plan: list[_Step], fields: Mapping[int, str]) -> BadInput:
        """The trouble with the first field that the character set cannot write."""
        for number, _, _, shape in plan:
            try:
                self._spelled(shape, fields[number])
            except BadInput as trouble:
                return trouble
        return BadInput("the message cannot be written in this variant")

    def _body(self, shape: FieldShape, value: str) -> bytes:
        if self._bcd and shape.content in (Content.DIGITS, Content.TRACK):
            nibbles = value.replace("=", "D")
            if len(nibbles) % 2:
                nibbles = nibbles + "0" if shape.prefix and self._right else "0" + nibbles
            return bytes.fromhex(nibbles)
        if self._bcd and shape.content is Content.SIGNED:
            digits = value[1:]
            filled = "0" + digits if len(digits) % 2 else digits
            return value[:1].encode(self._charset) + bytes.fromhex(filled)
        if shape.content is Content.BYTES and self.variant.bytes == "raw":
            return bytes.fromhex(value)
        return value.encode(self._charset)

    def _told(self, size: int, digits: int) -> bytes:
        if self.variant.lengths == "text":
            return str(size).zfill(digits).encode(self._charset)
        wide = (digits + 1) // 2
        if self.variant.lengths == "binary":
            return size.to_bytes(wide, "big")
        return bytes.fromhex(str(size).zfill(2 * wide))


_HEX: Final = re.compile(r"[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}")
_BYTES: Final = re.compile(r"([0-9A-Fa-f]{2})*")
_SECONDS: Final = {
    charset: frozenset(digit.encode(charset) for digit in "89ABCDEFabcdef")
    for charset in ("latin-1", "cp500", "cp037")
}


def _trouble(content: Content, value: str) -> str:
    """Why ``value`` may not stand in a field of this content; "" if it may."""
    if content is Content.DIGITS and not (value.isdecimal() and value.isascii()):
        return "something other than digits" if value else ""
    if content in (Content.TEXT, Content.SIGNED) and not value.isprintable():
        return "characters that cannot be printed"
    if content is Content.BYTES and _BYTES.fullmatch(value) is None:
        return "not hexadecimal"
    return ""
