"""A copy of a text file with the findings masked: same encoding, same length, whole or none."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from sekisho.discovery.encodings import BINARY, HEAD, ISO_2022_JP, encoding_of
from sekisho.discovery.finding import Finding, Kind
from sekisho.discovery.text import Machine, TextScan
from sekisho.discovery.units import to_units

_SHOWN_FIRST: Final = 6
_SHOWN_LAST: Final = 4
_BLOCK: Final = 4 << 20
_MOST_DECODED: Final = 64 << 20
_STARS: Final = {
    "utf-8": {1: b"*", 3: "＊".encode()},
    "cp932": {1: b"*", 2: "＊".encode("cp932")},
    "euc_jp": {1: b"*", 2: "＊".encode("euc_jp")},
    "utf-16-le": {2: "*".encode("utf-16-le")},
    "utf-16-be": {2: "*".encode("utf-16-be")},
}


class NotRedacted(Exception):
    """A copy was not made; the message says why and is fit to be shown."""


def redacted_name(path: Path) -> Path:
    """Where the copy goes: ``app.redacted.log`` beside ``app.log``."""
    return path.with_name(f"{path.stem}.redacted{path.suffix}")


def redact_file(path: Path, findings: Sequence[Finding], machine: Machine) -> Path:
    """Write the copy of ``path`` with ``findings`` masked, and return where.

    Raises `NotRedacted` where it cannot be done; then nothing is left behind. The copy is looked
    through before it gets its name: one in which something is still found is not kept.
    """
    target = redacted_name(path)
    if target.exists():
        raise NotRedacted(f"{target} exists already")
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with path.open("rb") as source, os.fdopen(handle, "w+b") as copy:
                _copy(source, copy, findings, machine)
                copy.flush()
                os.fsync(copy.fileno())
                copy.seek(0)
                _refuse_what_is_left(copy, machine)
            os.link(partial, target)  # fails where somebody made it meanwhile
        finally:
            Path(partial).unlink()
    except OSError as error:
        raise NotRedacted(
            os.strerror(error.errno) if error.errno else "cannot be written"
        ) from None
    return target


def _copy(source: BinaryIO, copy: BinaryIO, findings: Sequence[Finding], machine: Machine) -> None:
    encoding = encoding_of(source.read(HEAD))
    source.seek(0)
    if encoding == BINARY:
        raise NotRedacted("not a text file")
    if encoding == ISO_2022_JP:
        copy.write(_decoded(source, machine))
        return
    spans = sorted((one.span, one.kind) for one in findings if one.span is not None)
    at = 0
    for (start, end), kind in spans:
        if start < at:
            continue
        _copy_bytes(source, copy, start - at)
        copy.write(masked_bytes(source.read(end - start), encoding, kind))
        at = end
    _copy_bytes(source, copy, None)


def _copy_bytes(source: BinaryIO, copy: BinaryIO, count: int | None) -> None:
    while count is None or count > 0:
        data = source.read(_BLOCK if count is None else min(count, _BLOCK))
        if not data:
            if count is not None:
                raise NotRedacted("became shorter while it was read")
            return
        copy.write(data)
        count = None if count is None else count - len(data)


def masked_bytes(data: bytes, encoding: str, kind: Kind) -> bytes:
    """Mask the digits in ``data``, which is one finding; the length stays.

    A card number keeps its first six and last four; codes and magnetic stripes keep nothing.
    """
    units, offsets = to_units(data, encoding)
    starts = list(range(len(units) + 1)) if offsets is None else [int(at) for at in offsets]
    whole = kind is not Kind.PAN
    places = [
        at for at, unit in enumerate(units.tolist())
        if 48 <= unit <= 57 or (whole and kind is Kind.TRACK)
    ]  # fmt: skip
    hidden = places if whole else places[_SHOWN_FIRST:-_SHOWN_LAST]
    masked = bytearray(data)
    for at in hidden:
        width = starts[at + 1] - starts[at]
        star = _STARS[encoding].get(width, b"*" * width)
        masked[starts[at] : starts[at + 1]] = star
    return bytes(masked)


def _decoded(source: BinaryIO, machine: Machine) -> bytes:
    """Redact ISO-2022-JP, whose bytes mean what the escapes before them say, as text."""
    raw = source.read(_MOST_DECODED + 1)
    if len(raw) > _MOST_DECODED:
        raise NotRedacted(f"ISO-2022-JP and larger than {_MOST_DECODED >> 20} MiB")
    for codec in ("iso2022_jp", "iso2022_jp_2", "iso2022_jp_ext"):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if text.encode(codec) == raw:
            plain = bytearray(text.encode())
            for one in TextScan(machine, "", "utf-8").run(io.BytesIO(bytes(plain)).read):
                if isinstance(one, Finding) and one.span is not None:
                    start, end = one.span
                    plain[start:end] = masked_bytes(bytes(plain[start:end]), "utf-8", one.kind)
            return plain.decode().encode(codec)
    raise NotRedacted("its escapes cannot be written back as they are")


def _refuse_what_is_left(copy: BinaryIO, machine: Machine) -> None:
    for one in TextScan(machine, "").run(copy.read):
        if isinstance(one, Finding):
            raise NotRedacted(f"something would be left at {one.place}")
