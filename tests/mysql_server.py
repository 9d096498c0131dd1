"""A real MariaDB server for tests, where the machine has one: no root needed, gone with the test.

Debian's packages ``mariadb-server-core`` and ``mariadb-client`` suffice; nothing has to be set up.
Binaries that were unpacked elsewhere are named by SEKISHO_MARIADB: the folder with their ``usr``.
No package brings it for Python, so a test skips where there is none.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from postgres_server import _NOBODY, _die_with_us, _free_port, as_nobody

USER = "tester"
_START_S = 60.0


@dataclass(frozen=True)
class MysqlServer:
    """Where it is reached, and its client."""

    port: int
    password: str
    home: Path

    def url(self, database: str = "") -> str:
        """Where ``database`` is reached, password included."""
        return f"mysql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def dump(self, database: str) -> bytes:
        """What mysqldump writes of ``database``."""
        program = _program(self.home, "mariadb-dump", "mysqldump")
        if program is None:
            pytest.skip("mysqldump is not installed")
        login = [f"-u{USER}", f"-p{self.password}", "-h127.0.0.1", f"-P{self.port}"]
        command = [program, "--no-defaults", *login, "--skip-ssl", database]
        return subprocess.run(
            command, check=True, capture_output=True, env=_libraries(self.home)
        ).stdout


def _program(home: Path, *names: str) -> Path | None:
    folders = [home / "usr" / one for one in ("sbin", "bin", "libexec")]
    found = (folder / name for name in names for folder in folders)
    return next((one for one in found if one.exists()), None)


def _libraries(home: Path) -> dict[str, str]:
    if home == Path("/"):
        return dict(os.environ)
    folders = [str(one) for one in home.glob("**/lib/x86_64-linux-gnu")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}


@contextmanager
def running_mysql() -> Iterator[MysqlServer]:
    """A new server with an empty data folder, stopped and removed at the end."""
    home = Path(os.environ.get("SEKISHO_MARIADB", "/"))
    program = _program(home, "mariadbd", "mysqld")
    if program is None:
        pytest.skip("no MariaDB server is installed (Debian: mariadb-server-core)")
    folder = Path(tempfile.mkdtemp(prefix="sekisho-mariadb-"))
    try:
        server = MysqlServer(_free_port(), secrets.token_hex(12), home)
        process = _start(server, program, folder)
        try:
            yield server
        finally:
            process.send_signal(signal.SIGKILL)  # its data is thrown away
            process.wait(timeout=_START_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(server: MysqlServer, program: Path, folder: Path) -> subprocess.Popen[bytes]:
    shared = server.home / "usr" / "share" / "mysql"
    data = folder / "data"
    data.mkdir()
    (folder / "users.sql").write_text(
        f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{server.password}';\n"
        f"GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    if not os.getuid():
        for path in (folder, data, folder / "users.sql"):
            os.chown(path, _NOBODY, _NOBODY)
    common = [
        program, "--no-defaults", f"--datadir={data}", f"--lc-messages-dir={shared}",
        f"--character-sets-dir={shared / 'charsets'}", f"--tmpdir={folder}", "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M",
    ]  # fmt: skip
    tables = "".join(
        (shared / f"{name}.sql").read_text(encoding="utf-8")
        for name in ("mysql_system_tables", "mysql_system_tables_data")
    )
    subprocess.run(
        [*common, "--bootstrap"], input=f"CREATE DATABASE mysql;\nUSE mysql;\n{tables}".encode(),
        check=True, capture_output=True, env=_libraries(server.home), **as_nobody(),
    )  # fmt: skip
    options = [
        "--bind-address=127.0.0.1", f"--port={server.port}", f"--socket={folder / 'socket'}",
        f"--init-file={folder / 'users.sql'}", f"--pid-file={folder / 'pid'}",
        "--max-allowed-packet=16M",
    ]  # fmt: skip
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*common, *options], stdout=log, stderr=log, env=_libraries(server.home),
            preexec_fn=_die_with_us, **as_nobody(),  # noqa: PLW1509 - only the main thread is there
        )  # fmt: skip
    _await(server, process, folder / "log")
    return process


def _await(server: MysqlServer, process: subprocess.Popen[bytes], log: Path) -> None:
    pymysql = pytest.importorskip("pymysql")
    deadline = time.monotonic() + _START_S
    while True:
        try:
            pymysql.connect(
                host="127.0.0.1", port=server.port, user=USER, password=server.password
            ).close()
        except pymysql.err.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")[-2000:]) from None
            time.sleep(0.1)
        else:
            return
