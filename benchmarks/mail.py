"""How fast mail is handed over, and whether anybody gets it twice or not at all.

``python -m benchmarks mail -- [--messages N] [--kills N] [--full]`` plans a mailing, sends it with
DKIM signatures to a real SMTP server on the loopback (a process of its own that writes down every
recipient it accepts), kills the sending process with SIGKILL on the way, starts it again, and
counts at the end. ``--full`` is 107,661 messages and 20 kills. Fails below 200 messages a second,
and if anybody was written to twice or missed. The processor time of senders and receiver, starts
included, is told beside it: it means something on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.parts.mailing import Installation, install, people, planned
from sekisho.domain.message import Channel
from sekisho.store.messages import counts

RATE_LEAST = 200.0
_TO = re.compile(r" to=<([^>]+)>")
_LOOK_S = 0.02


def run(argv: list[str]) -> int:
    """Send, kill, count; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--full", action="store_true", help="107,661 messages, 20 kills")
    options = parser.parse_args(argv)
    messages, kills = (107_661, 20) if options.full else (options.messages, options.kills)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = free_port()
        made = install(folder, port, new_key())
        started = time.perf_counter()
        plan = planned(made, people(messages, Channel.EMAIL), "first_word")
        seconds = time.perf_counter() - started
        print(f"planned {messages:,} in {seconds:.1f} s: {messages / seconds:,.0f}/s", flush=True)
        before = processor_s()
        receiver = start("benchmarks.parts.mail_receiver", str(port), str(folder / "mail.log"))
        try:
            seconds, killed = send(made, plan.mailing_id, messages, kills)
        finally:
            receiver.terminate()
            receiver.wait()
        each = 1e3 * (processor_s() - before) / messages
        print(f"processor time of senders and receiver: {each:.2f} ms a message")
        return judge(made, plan.mailing_id, messages, (seconds, killed))


def send(made: Installation, mailing_id: str, messages: int, kills: int) -> tuple[float, int]:
    """Send to the end, with ``kills`` on the way; seconds in all, and kills that struck."""
    chance = np.random.default_rng(11)
    log = made.folder / "mail.log"
    aims = sorted(chance.uniform(0.01, 0.97, kills) * messages)
    killed = 0
    started = time.perf_counter()
    for aim in [*aims, float("inf")]:
        sender = start("benchmarks.parts.mail_sender", str(made.folder), mailing_id)
        while sender.poll() is None and accepted_about(log, messages) < aim:
            time.sleep(_LOOK_S)
        if sender.poll() is None:
            os.kill(sender.pid, signal.SIGKILL)
            killed += 1
        if sender.wait() not in (0, -signal.SIGKILL):
            raise SystemExit("the sending process ended with an error")
    return time.perf_counter() - started, killed


def judge(made: Installation, mailing_id: str, messages: int, took: tuple[float, int]) -> int:
    """Compare what the receiver wrote down with who was to be written to."""
    text = (made.folder / "mail.log").read_text(encoding="ascii")
    received = Counter(_TO.findall(text))
    wanted = {f"holder{number}@example.com" for number in range(messages)}
    twice = sum(count > 1 for count in received.values())
    missed = len(wanted - set(received))
    with made.store.read() as connection:
        states = {state.value: n for (_, state), n in counts(connection, mailing_id).items()}
    made.store.database.close()
    seconds, killed = took
    rate = messages / seconds
    print(f"{messages:,} messages in {seconds:.1f} s, restarts included: {rate:,.0f}/s")
    print(f"killed {killed} times; {twice} written to twice, {missed} missed; states {states}")
    good = not (twice or missed) and states == {"sent": messages} and rate >= RATE_LEAST
    return 0 if good else 1


def processor_s() -> float:
    """User and system time of every child process that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def accepted_about(log: Path, messages: int) -> float:
    """How many messages the receiver has, from the size of its log."""
    if not log.exists() or not (size := log.stat().st_size):
        return 0.0
    with log.open("rb") as file:
        pair = len(file.readline()) + len(file.readline())
    return min(size / pair, float(messages))


def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A part of the benchmark as a process of its own."""
    root = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([str(root / "src"), str(root)])
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE if module.endswith("receiver") else None,
    )
    if process.stdout is not None:
        process.stdout.readline()
    return process


def new_key() -> bytes:
    """A DKIM key."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def free_port() -> int:
    """A port of the loopback that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
