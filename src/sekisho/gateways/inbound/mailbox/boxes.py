"""Mailboxes that reports are read from: Maildir, mbox, or a folder on an IMAP server.

Reading changes nothing: an mbox is not locked or rewritten, a Maildir's flags stay, IMAP is opened
read-only and fetched with PEEK. Which mails were seen before is the caller's to know, by the
digest of their content.
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput, SekishoError
from sekisho.gateways.inbound.mailbox.reports import MAIL_LARGEST

_FROM: Final = b"From "
_TIMEOUT_S: Final = 60


class MailboxUnavailable(SekishoError):
    """The mail server does not answer or refuses; trying later may help."""

    code = "mailbox_unavailable"


@dataclass(frozen=True, slots=True)
class ImapBox:
    """A folder on an IMAP server, over TLS (RFC 8314)."""

    host: str
    username: str
    password: str = field(repr=False)
    port: int = 993
    folder: str = "INBOX"
    ca_file: Path | None = None


def mails(path: Path) -> Iterator[bytes]:
    """Every mail in the Maildir or mbox at ``path``, as bytes."""
    if path.is_dir() and (path / "new").is_dir():
        yield from _maildir(path)
    elif path.is_dir():
        yield from (_read(one) for one in sorted(path.glob("*.eml")))
    elif path.is_file():
        yield from _mbox(path)
    else:
        raise BadInput(
            f"{path} is no mailbox",
            hint="Name a Maildir (a folder with new and cur), an mbox file or a folder of .eml.",
        )


def _maildir(path: Path) -> Iterator[bytes]:
    for folder in ("new", "cur"):
        if (path / folder).is_dir():
            for entry in sorted((path / folder).iterdir()):
                if entry.is_file():
                    yield _read(entry)


def _read(path: Path) -> bytes:
    """The mail in ``path``; one byte more than the largest is enough to refuse it."""
    try:
        with path.open("rb") as file:
            return file.read(MAIL_LARGEST + 1)
    except FileNotFoundError:
        return b""  # moved by a mail program while it was read: it is met again in cur
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None


def _mbox(path: Path) -> Iterator[bytes]:
    """RFC 4155: a line ``From `` after an empty line begins a mail; ``>From `` is unquoted."""
    lines: list[bytes] = []
    size, begun, empty = 0, False, True
    try:
        with path.open("rb") as file:
            while line := file.readline(MAIL_LARGEST):
                if empty and line.startswith(_FROM):
                    if begun:
                        yield b"".join(lines)
                    lines, size, begun = [], 0, True
                    continue
                empty = line in (b"\n", b"\r\n")
                if size <= MAIL_LARGEST:
                    lines.append(line[1:] if line.startswith(b">From ") else line)
                    size += len(line)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if begun:
        yield b"".join(lines)
    elif size:
        raise BadInput(f"{path} is no mbox: it does not begin with a line 'From '")


def imap_mails(box: ImapBox) -> Iterator[bytes]:
    """Every mail in the folder.

    Raises `MailboxUnavailable` where the server does not answer, ``BadInput`` where it knows
    neither the user, the password nor the folder.
    """
    try:
        with imaplib.IMAP4_SSL(
            box.host, box.port, ssl_context=_context(box), timeout=_TIMEOUT_S
        ) as server:
            yield from _fetched(server, box)
    except (OSError, imaplib.IMAP4.error) as error:
        # The server's own words may repeat a mail: only the kind of trouble is told.
        reason = getattr(error, "verify_message", "") or type(error).__name__
        raise MailboxUnavailable(
            f"the mailbox at {box.host} cannot be read: {reason}",
            hint="Does it answer on that port with TLS, under that name?",
        ) from None


def _context(box: ImapBox) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=box.ca_file)
    except (OSError, ssl.SSLError):
        raise BadInput(f"the certificates in {box.ca_file} cannot be read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _fetched(server: imaplib.IMAP4, box: ImapBox) -> Iterator[bytes]:
    try:
        server.login(box.username, box.password)
    except (imaplib.IMAP4.abort, imaplib.IMAP4.readonly):
        raise
    except imaplib.IMAP4.error:
        raise BadInput(
            f"the mailbox at {box.host} refuses the user {box.username!r} or the password"
        ) from None
    answer, _ = server.select(_quoted(box.folder), readonly=True)
    if answer != "OK":
        raise BadInput(f"the mailbox at {box.host} has no folder {box.folder!r}")
    _, found = server.search(None, "ALL")
    for number in (found[0] or b"").split():
        # One byte more than the largest is enough to refuse it, as with files.
        _, parts = server.fetch(number.decode("ascii"), f"(BODY.PEEK[]<0.{MAIL_LARGEST + 1}>)")
        yield from (part[1] for part in parts if isinstance(part, tuple))


def _quoted(folder: str) -> str:
    """The folder's name as a quoted string (RFC 9051 9); BadInput where it cannot be one."""
    if not folder.isascii() or not folder.isprintable():
        raise BadInput(f"the folder {folder!r} is not plain ASCII (RFC 9051 5.1 tells the form)")
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
