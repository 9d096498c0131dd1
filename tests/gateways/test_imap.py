"""Reports read from a mailbox on a real IMAP server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateways import bounce_samples as samples
from imap_server import PASSWORD, ImapServer, running_imap
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.mailbox.boxes import ImapBox, MailboxUnavailable, imap_mails
from sekisho.gateways.inbound.mailbox.reports import MAIL_LARGEST, Unread, read_report

DOMAINS = frozenset({"example.jp", "b.example.jp"})


def box(server: ImapServer, certificate: Path, **changes: object) -> ImapBox:
    plain = ImapBox("127.0.0.1", "bounce", PASSWORD, port=server.port, ca_file=certificate)
    return replace(plain, **changes)  # type: ignore[arg-type]


def lines(mail: bytes) -> list[bytes]:
    """A server may write line ends its own way."""
    return mail.splitlines()


def test_a_mailbox_is_read_and_left_as_it_was(certificate: Path) -> None:
    with running_imap(certificate) as server:
        server.deliver("bounce", *samples.ALL)
        mine = box(server, certificate)
        found = list(imap_mails(mine))
        assert sorted(map(lines, found)) == sorted(map(lines, samples.ALL))
        assert list(imap_mails(mine)) == found, "reading changes nothing"
        seen = [path.name for path in (server.folder / "mail/bounce/cur").iterdir()]
        assert not any("S" in name.partition(":2,")[2] for name in seen), "none is marked as read"
        assert list(imap_mails(replace(mine, username="nobody.wrote"))) == []
        server.deliver("bounce", samples.POSTFIX, folder='odd "name')
        assert list(imap_mails(replace(mine, folder='odd "name'))) == [samples.POSTFIX]


def test_a_huge_mail_is_not_taken_whole(certificate: Path) -> None:
    with running_imap(certificate) as server:
        huge = samples.POSTFIX + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 80_000
        server.deliver("bounce", huge, samples.POSTFIX)
        first, second = imap_mails(box(server, certificate))
        assert len(first) == MAIL_LARGEST + 1
        told = read_report(first, DOMAINS)
        assert isinstance(told, Unread)
        assert told.reason == "too large for a report"
        assert second == samples.POSTFIX


def test_what_is_wrong_is_told(certificate: Path) -> None:
    with running_imap(certificate) as server:
        server.deliver("bounce", samples.POSTFIX)
        mine = box(server, certificate)
        with pytest.raises(BadInput, match="refuses the user 'bounce' or the password") as refused:
            list(imap_mails(replace(mine, password=f"{PASSWORD}?")))
        assert PASSWORD not in str(refused.value)
        with pytest.raises(BadInput, match="no folder 'Elsewhere'"):
            list(imap_mails(replace(mine, folder="Elsewhere")))
        with pytest.raises(BadInput, match="not plain ASCII"):
            list(imap_mails(replace(mine, folder="返送")))
        with pytest.raises(MailboxUnavailable, match="self-signed certificate"):
            list(imap_mails(replace(mine, ca_file=None)))
    with pytest.raises(MailboxUnavailable, match="ConnectionRefusedError"):
        list(imap_mails(mine))
