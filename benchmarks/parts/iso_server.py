"""A door on the live engine, or a minimal server beside it, as a process of its own.

``python -m benchmarks.parts.iso_server KIND FOLDER`` prints the port and the processor time so far
as JSON, serves until SIGTERM, and prints the processor time again.

- ``door``: the product; ``door-sync``: with ``--sync``
- ``minimal``: asyncio and pyiso8583, reads a 0100 and answers 0110 without deciding or keeping
  anything: what any Python server costs at least
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import iso8583
from iso8583.specs import default_ascii

from sekisho.app.iso_door import DoorParts, serve_iso8583
from sekisho.app.live import open_desk
from sekisho.app.quick_loop import run_loop
from sekisho.gateways.inbound.iso8583.mapping import CardReader
from sekisho.gateways.inbound.iso8583.settings import plain
from sekisho.vault.keys import CardKey
from sekisho.vault.surrogate import CardRefs


async def until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def tell(**figures: float | str | int) -> None:
    print(json.dumps(figures), flush=True)


def used() -> float:
    """Processor seconds of this process."""
    told = resource.getrusage(resource.RUSAGE_SELF)
    return told.ru_utime + told.ru_stime


async def door(folder: Path, *, sync: bool) -> dict[str, int]:
    refs = CardRefs(CardKey(key_id="load", secret=os.urandom(32)))
    desk = open_desk(folder, clock=lambda: int(time.time()), sync=sync)  # noqa: TID251
    opened = await serve_iso8583("127.0.0.1", 0, desk, plain(), DoorParts(CardReader(refs.of_text)))
    gc.collect()
    gc.freeze()
    tell(port=opened.port, cpu_s=used())
    await until_stopped()
    await opened.close()
    desk.close()
    return {str(name): count for name, count in opened.outcomes.items()}


async def minimal() -> dict[str, int]:
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                told, _ = iso8583.decode(await reader.readexactly(size), default_ascii)
                told["t"] = told["t"][:2] + "10"
                told["39"] = "00"
                raw, _ = iso8583.encode(told, default_ascii)
                writer.write(len(raw).to_bytes(2, "big") + raw)
                count += 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tell(port=server.sockets[0].getsockname()[1], cpu_s=used())
    await until_stopped()
    server.close()
    return {"answered": count}


def main() -> None:
    kind, folder = sys.argv[1:3]
    work = minimal() if kind == "minimal" else door(Path(folder), sync=kind == "door-sync")
    counts = run_loop(work)
    tell(cpu_s=used(), outcomes=json.dumps(counts))


if __name__ == "__main__":
    main()
