"""The ISO 8583 door on the live engine with the vault's references, over real TCP."""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path

import pytest

from app.iso_serving import served
from gateways.iso8583.samples import CARD, request, reversal
from gateways.iso8583.test_exchange import CODEC
from sekisho.app.live import open_desk
from sekisho.gateways.inbound.iso8583.framing import Framing, wrap


def asked(port: int, *messages: tuple[str, dict[int, str]]) -> list[dict[int, str]]:
    """Send each message and read its answer."""
    told = []
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        stream = link.makefile("rb")
        for kind, fields in messages:
            link.sendall(wrap(Framing(), CODEC.encode(kind, fields)))
            size = int.from_bytes(stream.read(2), "big")
            told.append(CODEC.decode(stream.read(size)).fields)
        stream.close()
    return told


@pytest.mark.slow
def test_a_purchase_its_repeat_and_its_reversal_outlive_the_engine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = f"{time.strftime('%m%d%H%M%S', time.gmtime())}"
    fields = request(f4="000000000800", f7=sent, f12=None, f13=None)
    original = "0100" + "000123" + sent + "12345678901" + "0" * 11
    back = reversal(f7=sent, f12=None, f13=None, f90=original)
    data = tmp_path / "data"

    def clock() -> int:
        return int(time.time())  # noqa: TID251 - the engine as it runs

    desk = open_desk(data, clock=clock, sync=True)
    with served(desk) as door:
        first, repeat = asked(door.port, ("0100", fields), ("0101", fields))
    desk.close()
    assert first[39] == "00"
    assert first == repeat
    desk = open_desk(data, clock=clock)
    with served(desk) as door:
        later, reversed_, echo = asked(door.port, ("0100", fields), ("0400", back),
                                       ("0800", {7: sent, 11: "000001", 70: "301"}))  # fmt: skip
    told = desk.after(0, 10)
    desk.close()
    assert later == first
    assert (reversed_[39], echo[39]) == ("00", "00")
    assert [one.request.amount_minor for one in told] == [800]
    left = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert CARD.encode() not in left
    assert CARD not in caplog.text
