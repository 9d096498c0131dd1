"""A real IMAP server for tests: Dovecot, where the machine has it (Debian: ``dovecot-imapd``).

It runs in the foreground on a free port of the loopback with a certificate of the test's own, as
whoever runs the tests; as root it needs the users that its package makes. Where there is no
Dovecot, the test skips and says so: nothing on PyPI brings an IMAP server that is kept up.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "only-for-tests"  # noqa: S105 - of a server that lives for one test
_START_S = 60.0
_NOBODY = 65534
_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
{users}
"""


@dataclass(frozen=True)
class ImapServer:
    """A server that everybody with the password has a mailbox on."""

    folder: Path
    port: int

    def deliver(self, user: str, *mails: bytes, folder: str = "") -> None:
        """Put mails into the user's mailbox, as a mail server does."""
        box = self.folder / "mail" / user / (f".{folder}" if folder else "")
        for name in ("tmp", "new", "cur"):
            (box / name).mkdir(parents=True, exist_ok=True)
        for place, mail in enumerate(mails):
            (box / "new" / f"{place}.test").write_bytes(mail)
        if os.geteuid() == 0:
            for path in (self.folder / "mail").rglob("*"):
                os.chown(path, _NOBODY, _NOBODY)


@contextmanager
def running_imap(certificate: Path) -> Iterator[ImapServer]:
    """A server with a folder of its own; ended and gone with the block."""
    program = shutil.which("dovecot") or shutil.which("/usr/sbin/dovecot")
    if program is None:
        pytest.skip("no Dovecot on this machine (Debian: apt-get install dovecot-imapd)")
    folder = Path(tempfile.mkdtemp(prefix="sekisho-imap-"))
    try:
        folder.chmod(0o755)  # as root, the server runs as other users
        closed = [one for one in folder.parents if not one.stat().st_mode & stat.S_IXOTH]
        if os.geteuid() == 0 and closed:
            pytest.skip(f"Dovecot's users cannot enter {closed[0]}, where temporary files lie")
        with _running(program, folder, certificate) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(program: str, folder: Path, certificate: Path) -> Iterator[ImapServer]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    for name in ("run", "mail", "home"):
        (folder / name).mkdir()
    root = os.geteuid() == 0
    uid, gid = (_NOBODY, _NOBODY) if root else (os.geteuid(), os.getegid())
    if root:
        os.chown(folder / "mail", _NOBODY, _NOBODY)
    me = pwd.getpwuid(os.geteuid()).pw_name
    users = "" if root else f"default_internal_user = {me}\ndefault_login_user = {me}"
    config = folder / "dovecot.conf"
    values = {"folder": folder, "certificate": certificate, "password": PASSWORD, "port": port}
    config.write_text(_CONFIG.format(**values, uid=uid, gid=gid, users=users), encoding="utf-8")
    with subprocess.Popen([program, "-F", "-c", str(config)]) as process:
        try:
            _wait(process, port, folder / "dovecot.log")
            yield ImapServer(folder, port)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it speaks TLS; what it says itself is the best error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain) as line,
            ):
                if line.recv(4).startswith(b"* OK"):
                    return
        except OSError:
            time.sleep(0.05)
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else "no log"
    raise AssertionError(f"Dovecot does not answer: {said}")
