"""``sekisho load`` against real doors over TCP, and its arithmetic."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.iso_serving import served
from gateways.iso8583.desk import SmallDesk
from gateways.iso8583.samples import PATIENT
from invented_cards import naive_luhn
from sekisho.app.iso_door import address_of
from sekisho.app.loading.play import Line, Plan, Score, percentiles, play
from sekisho.app.loading.source import InventedNumbers, Purchase
from sekisho.app.program import program
from sekisho.domain.errors import BadInput
from sekisho.domain.progress import Silent
from sekisho.gateways.inbound.iso8583.exchange import Outcome
from sekisho.gateways.inbound.iso8583.server import Door
from sekisho.gateways.inbound.iso8583.settings import parse

ROWS = 40


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("played") / "purchases.csv"
    lines = ["card_ref,acquirer_id,merchant_id,authorized_at,amount_minor,currency,entry_mode,mcc"]
    lines += [
        f"card-{row % 7},A0{row % 3},SHOP-{row % 5}-OF-A-LONG-NAME,2026-08-01 10:{row:02d}:00,"
        f"{2_000 * row},JPY,ecommerce,5732"
        for row in range(ROWS)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SmallDesk]:
    made = SmallDesk(tmp_path / "journal")
    yield made
    made.close()


def call(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(program(["load"]), ["load", *(str(word) for word in words)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def figures(*words: object, code: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(call(*words, "--json", code=code))
    return told


# ------------------------------------------------------------------ ISO 8583


def test_every_purchase_is_played_and_answered(source: Path, desk: SmallDesk) -> None:
    with served(desk) as door:
        told = figures(source, "--iso8583", f"127.0.0.1:{door.port}", "--rate", 200, "--seconds", 1,
                       "--connections", 3)  # fmt: skip
        assert door.outcomes[Outcome.NETWORK] == 3
    assert (told["schema"], told["sent"], told["answered"]) == ("sekisho.load/1", 200, 200)
    # 2,000 a row: of each 40 rows those from 26 on are above the desk's limit of 50,000.
    assert told["outcomes"] == {"approved": 130, "declined": 70}
    assert told["response_codes"] == {"00": 130, "59": 70}
    assert told["errors"] == {}
    latency = told["latency_ms"]
    assert list(latency) == ["p50", "p90", "p99", "p99.9", "max"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    first = desk.requests[0]
    assert (first.amount_minor, first.currency, first.entry_mode, first.mcc) == (
        0, "392", "81", "5732")  # fmt: skip
    assert len({one.card_ref for one in desk.requests}) == 7
    assert len({one.merchant_id for one in desk.requests}) == 5


def test_the_warm_up_is_played_and_not_measured(source: Path, desk: SmallDesk) -> None:
    with served(desk) as door:
        call(source, "--iso8583", f"127.0.0.1:{door.port}", "--rate", 100, "--seconds", 0.5,
             "--warm-up", 0.2)  # fmt: skip
    assert len(desk.requests) == 70


def test_a_variant_of_the_settings_file_is_spoken(
    source: Path, desk: SmallDesk, tmp_path: Path
) -> None:
    path = tmp_path / "door.toml"
    path.write_text('variant = "bcd"\nframing = { kind = "vml", longest = 2048 }\n')
    with served(desk, parse("door.toml", path.read_bytes(), tmp_path)) as door:
        told = figures(source, "--iso8583", f"127.0.0.1:{door.port}", "--iso8583-settings", path,
                       "--rate", 50, "--seconds", 0.4)  # fmt: skip
    assert told["answered"] == 20


def close_after(
    door: Door, desk: SmallDesk, requests: int, loop: asyncio.AbstractEventLoop
) -> None:
    """Close the door once the desk has seen so many requests."""
    until = time.monotonic() + 60
    while len(desk.requests) < requests and time.monotonic() < until:
        time.sleep(0.005)
    asyncio.run_coroutine_threadsafe(door.close(), loop)


def test_a_door_that_goes_away_is_counted_and_said(source: Path, desk: SmallDesk) -> None:
    with served(desk) as door:
        loop = door._server.get_loop()  # type: ignore[union-attr]
        stopper = threading.Thread(target=close_after, args=(door, desk, 20, loop))
        stopper.start()
        told = figures(source, "--iso8583", f"127.0.0.1:{door.port}", "--rate", 100,
                       "--seconds", 2, code=3)  # fmt: skip
        stopper.join()
    assert 0 < told["answered"] <= len(desk.requests) < 200
    assert sum(told["errors"].values()) == 200 - told["answered"]
    assert "connection lost" in " ".join(told["errors"])


def test_where_nobody_listens_or_answers(source: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(BadInput, match="nobody listens"):
            call(source, "--iso8583", f"127.0.0.1:{port}")
        with pytest.raises(BadInput, match="nobody listens"):
            call(source, "--http", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        ((), "say one door"),
        (("--iso8583", "127.0.0.1:1", "--http", "http://127.0.0.1:1"), "say one door"),
        (("--iso8583", "127.0.0.1"), "is not HOST:PORT"),
        (("--iso8583", "127.0.0.1:70000"), "is not HOST:PORT"),
        (("--http", "127.0.0.1:80"), "is no address"),
        (("--iso8583", "127.0.0.1:1", "--test-bin", "99"), "--test-bin"),
        (("--iso8583", "127.0.0.1:1", "--columns", "x"), "is not NAME=NAME"),
    ],
)
def test_a_mistake_is_told(source: Path, words: tuple[str, ...], trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        call(source, *words)


def test_addresses() -> None:
    assert address_of("--x", "[::1]:8583") == ("::1", 8583)
    assert address_of("--x", ":8583") == ("", 8583)


# ------------------------------------------------------------------ HTTP


@contextmanager
def http_door(status: int = 200) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """An HTTP door that declines what ends in 000 and remembers what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**body, "key": self.headers["Authorization"], "path": self.path})
            declined = body["amount_minor"] > 50_000
            told = {
                "decision": "decline" if declined else "approve",
                "ask": False,
                "reasons": [],
                "response_code": "59" if declined else "00",
                "score": 0.5,
                "decision_id": "d",
            }
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_http_door_is_asked_in_its_own_words(source: Path) -> None:
    with http_door() as (port, asked):
        told = figures(source, "--http", f"http://127.0.0.1:{port}/", "--rate", 80, "--seconds", 1,
                       "--connections", 4, "--api-key", "k-123")  # fmt: skip
    assert (told["answered"], told["outcomes"]) == (80, {"approved": 52, "declined": 28})
    assert {one["path"] for one in asked} == {"/v1/authorizations"}
    assert {one["key"] for one in asked} == {"Bearer k-123"}
    assert len({one["request_id"] for one in asked}) == 80
    known = {"request_id", "card_ref", "acquirer_id", "merchant_id", "terminal_id", "authorized_at",
             "amount_minor", "currency", "mcc", "entry_mode", "country", "key", "path"}  # fmt: skip
    assert set(asked[0]) == known
    assert {one["card_ref"] for one in asked} == {f"card-{number}" for number in range(7)}


def test_refusals_of_the_http_door_are_errors(source: Path) -> None:
    with http_door(status=429) as (port, _):
        told = figures(source, "--http", f"http://127.0.0.1:{port}", "--rate", 50, "--seconds", 0.4,
                       code=3)  # fmt: skip
    assert told["errors"] == {"HTTP 429": 20}


# ------------------------------------------------------------------ the arithmetic


class SlowLine:
    """Answers everything at once, but stops the world once for a while."""

    def __init__(self, score: Score, stop_at: int, stop_s: float) -> None:
        self._score = score
        self._stop_at = stop_at
        self._stop_s = stop_s
        self._held: list[int] = []
        self._until = 0.0

    async def open(self) -> None: ...

    def post(self, number: int, purchase: Purchase) -> None:
        loop = asyncio.get_running_loop()
        if number == self._stop_at:
            self._until = loop.time() + self._stop_s
        self._held.append(number)
        loop.call_at(max(self._until, loop.time()), self._let_go)

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for number in held:
            self._score.answered(number, "approved", "00")

    def flush(self) -> None: ...

    def close(self) -> None: ...


def test_a_pause_of_the_door_is_charged_to_all_who_waited() -> None:
    """100 a second and a pause of half a second: half of what waited, waited over 250 ms.

    A closed loop would report one slow answer in a hundred here.
    """

    async def scene() -> dict[str, float]:
        score = Score(time.perf_counter)
        line: Line = SlowLine(score, stop_at=20, stop_s=0.5)
        nothing = iter([Purchase("c", "1", "m", "t", 1, "392", "", "000", "", "392", "")] * 100)
        told = await play([line], nothing, Plan(rate=100, count=100), score, Silent())
        assert told.answered == 100
        slow = [latency for latency in score.latencies if latency > 0.24]
        assert len(slow) >= 20
        return told.latency_ms

    assert asyncio.run(scene())["max"] >= 490


@PATIENT
@given(st.lists(st.floats(0, 10), min_size=1, max_size=300))
def test_percentiles_are_values_that_were_seen(values: list[float]) -> None:
    ordered = sorted(values)
    told = percentiles(values)
    for at in (50, 90, 99, 99.9):
        # The smallest value that at least this share of the values does not exceed.
        naive = next(
            one for place, one in enumerate(ordered, 1) if place * 1000 >= at * 10 * len(values)
        )
        assert told[f"p{at:g}"] == pytest.approx(naive * 1000, abs=0.001)
    assert told["max"] == pytest.approx(ordered[-1] * 1000, abs=0.001)
    assert percentiles([]) == {}


def test_invented_numbers_are_card_numbers_and_always_the_same() -> None:
    numbers = InventedNumbers("999999")
    made = [numbers.of(f"card-{number}") for number in range(500)]
    assert all(naive_luhn(number) and len(number) == 16 for number in made)
    assert {number[:6] for number in made} == {"999999"}
    assert made == [InventedNumbers("999999").of(f"card-{number}") for number in range(500)]
    assert len(set(made)) == 500


def test_files_of_another_house_are_played(tmp_path: Path, desk: SmallDesk) -> None:
    """Only what is required, in another's columns; no amount, no acquirer."""
    path = tmp_path / "p.parquet"
    at = pa.array(["2026-08-01 10:00:00"], pa.string())
    pq.write_table(pa.table({"CUST": ["c1"], "SHOP": ["s1"], "WHEN": at}), path)
    columns = "card_ref=CUST,merchant_id=SHOP,authorized_at=WHEN"
    with served(desk) as door:
        told = figures(path, "--iso8583", f"127.0.0.1:{door.port}", "--rate", 20, "--seconds", 0.25,
                       "--columns", columns)  # fmt: skip
    assert told["answered"] == 5
    assert (desk.requests[0].amount_minor, desk.requests[0].acquirer_id) == (1_000, "1")
