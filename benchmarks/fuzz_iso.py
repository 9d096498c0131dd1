"""Damaged ISO 8583 messages, a million by default: no crash, no hang, no card number in the log.

``python -m benchmarks fuzz_iso [-- --messages N --connections N --seed N]``. Messages of every kind
and variant are damaged (bytes changed, cut, doubled, joined; bitmaps and lengths at random) and
handed to parser and rules; then streams of them to the server over TCP, between which a healthy
message has to be answered.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import time
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np

from benchmarks.parts.figures import keep, show
from benchmarks.parts.quiet_desk import QuietDesk
from sekisho.app.loading.source import InventedNumbers
from sekisho.gateways.inbound.iso8583.codec import Codec, Unreadable
from sekisho.gateways.inbound.iso8583.exchange import Exchange, Outcome
from sekisho.gateways.inbound.iso8583.framing import Framing, wrap
from sekisho.gateways.inbound.iso8583.log import LOG, SPARING
from sekisho.gateways.inbound.iso8583.mapping import CardReader, Meaning
from sekisho.gateways.inbound.iso8583.server import Door
from sekisho.gateways.inbound.iso8583.settings import DoorSettings, Limits, plain
from sekisho.gateways.inbound.iso8583.variant import shipped, shipped_names
from sekisho.rulebook import response_codes
from sekisho.rulebook.codes import codes

_NOW: Final = 1_786_980_613
_KINDS: Final = ("0100", "0101", "0120", "0400", "0420", "0800", "0110", "0200", "1100")
_CARD: Final = InventedNumbers("999999").of("fuzz")
_FIELDS: Final = {
    2: _CARD, 3: "000000", 4: "000000070000", 7: "0817153012", 11: "000123", 12: "003012",
    13: "0818", 14: "2808", 18: "5732", 19: "392", 22: "812", 25: "59", 32: "12345678901",
    35: _CARD + "=28082011234", 37: "923000000123", 41: "ECOM0001", 42: "JPSHOP000000001",
    43: f"{'KAKUU GADGET':<23}{'TOKYO':<13}{'':2}JP", 48: "920312326010", 49: "392",
    52: "0123456789ABCDEF", 55: "9F2608", 70: "301", 90: "0" * 42, 95: "0" * 42,
}  # fmt: skip
_LONGEST_S: Final = 1.0
"""A message that takes more processor time counts as a hang."""


class _Watch(logging.Handler):
    """Looks at every line of the log for the card."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.leaks = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count the line, and whether the card stands in it."""
        text = self.format(record)
        self.lines += 1
        if _CARD in text or _CARD[6:-4] in text:
            self.leaks += 1
            print(f"card data in the log: {text.replace(_CARD, 'CARD')}")


def run(argv: list[str]) -> int:
    """Fuzz parser and server; 1 if anything broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=8583)
    options = parser.parse_args(argv)
    chance = np.random.default_rng(options.seed)
    watch = _Watch()
    log = LOG
    log.removeFilter(SPARING)
    log.addHandler(watch)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        parsed, slowest = _fuzz_parser(chance, options.messages)
        served = asyncio.run(_fuzz_server(chance, options.connections))
    finally:
        log.removeHandler(watch)
        log.addFilter(SPARING)
        log.propagate = True
    rows = [[name, f"{parsed[name]:,}", f"{served[name]:,}"] for name in sorted({*parsed, *served})]
    show(["outcome", "parser and rules", "server"], rows)
    print(f"slowest message {slowest * 1e3:.1f} ms of processor time")
    print(f"{watch.lines:,} lines of log, {watch.leaks} with card data")
    keep("fuzz_iso", {"messages": options.messages, "slowest_s": slowest, **parsed})
    broken = parsed[Outcome.FAILED] + served[Outcome.FAILED] + watch.leaks
    return int(bool(broken) or slowest > _LONGEST_S)


def _fuzz_parser(chance: np.random.Generator, count: int) -> tuple[Counter[str], float]:
    doors = {name: _exchange(replace(plain(), variant=shipped(name))) for name in shipped_names()}
    whole = [
        (door, door.codec.encode(kind, _some_fields(chance, door.codec)))
        for door in doors.values()
        for kind in _KINDS
        for _ in range(20)
    ]
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for _ in range(count):
        door, raw = whole[chance.integers(len(whole))]
        damaged = _damaged(chance, raw)
        begun = time.process_time()
        try:
            outcomes[door.answer(damaged, _NOW).outcome] += 1
        except Unreadable:
            outcomes["unreadable"] += 1
        slowest = max(slowest, time.process_time() - begun)
    return outcomes, slowest


def _exchange(settings: DoorSettings) -> Exchange:
    cards = CardReader(lambda number: "ref" if number == _CARD else None, lambda *_: None)
    meaning = Meaning(settings, cards, codes().countries)
    table = response_codes.shipped(settings.network, date(2026, 11, 24))
    return Exchange(settings, QuietDesk(), meaning, table.of)


def _some_fields(chance: np.random.Generator, codec: Codec) -> dict[int, str]:
    kept = {number: text for number, text in _FIELDS.items() if chance.random() < 0.85}
    return {number: text for number, text in kept.items() if number in codec.variant.fields}


def _damaged(chance: np.random.Generator, raw: bytes) -> bytes:
    way = chance.integers(6)
    if way == 0:
        return raw
    changed = bytearray(raw)
    places = chance.integers(0, len(raw), int(chance.integers(1, 5)))
    if way == 1:
        changed[:20] = chance.bytes(20)  # type and bitmap
    elif way == 2:
        return bytes(changed[: places[0]])
    elif way == 3:
        return bytes(changed[: places[0]] + changed[places[-1] :])
    elif way == 4:
        return bytes(changed) + chance.bytes(int(chance.integers(1, 200)))
    for place in places:
        changed[place] = chance.integers(0, 256)
    return bytes(changed)


async def _fuzz_server(chance: np.random.Generator, connections: int) -> Counter[str]:
    settings = replace(plain(), limits=Limits(unreadable=50, frame_s=5.0))
    door = Door(settings, _exchange(settings), QuietDesk(), clock=lambda: _NOW)
    await door.open("127.0.0.1", 0)
    codec = Codec(settings.variant)
    healthy = codec.encode("0800", {7: "0817153012", 11: "000777", 70: "301"})
    messages = [
        codec.encode(kind, _some_fields(chance, codec)) for kind in _KINDS for _ in range(20)
    ]
    healed: Counter[str] = Counter()
    for number in range(connections):
        stream = b"".join(
            wrap(Framing(), _damaged(chance, messages[chance.integers(len(messages))]))
            for _ in range(20)
        )
        if number % 2:
            stream = _damaged(chance, stream)
        await _send(door.port, stream)
        answer = await _send(door.port, wrap(Framing(), healthy))
        healed["healthy answered" if answer.endswith(b"00301") else Outcome.FAILED] += 1
    await door.close()
    return Counter({str(name): count for name, count in door.outcomes.items()}) + healed


async def _send(port: int, stream: bytes) -> bytes:
    """Everything that the server says to a stream until it hangs up."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        told = b""
        with contextlib.suppress(ConnectionError):
            writer.write(stream)
            writer.write_eof()
            told = await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return told
