"""Bounces and complaints of several servers, and anything else that lands in a mailbox."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways import bounce_samples as samples
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.mailbox.boxes import mails
from sekisho.gateways.inbound.mailbox.reports import (
    MAIL_LARGEST,
    Report,
    ReportKind,
    Unread,
    read_report,
)

OWN = ("example.jp", "b.example.jp")


@pytest.mark.parametrize(
    ("content", "kind", "status", "permanent"),
    [
        (samples.POSTFIX, ReportKind.BOUNCED, "5.1.1", True),
        (samples.SENDMAIL, ReportKind.BOUNCED, "5.2.2", True),
        (samples.DELAYED, ReportKind.DELAYED, "4.4.7", False),
        (samples.DELIVERED, ReportKind.DELIVERED, "2.0.0", False),
        (samples.GAVE_UP, ReportKind.BOUNCED, "4.4.1", False),
        (samples.QMAIL, ReportKind.BOUNCED, "5.1.1", True),
        (samples.JAPANESE, ReportKind.BOUNCED, "5.1.1", True),
        (samples.COMPLAINT, ReportKind.COMPLAINED, "", True),
    ],
)
def test_reports(content: bytes, kind: ReportKind, status: str, permanent: bool) -> None:
    for line_ends in (content, content.replace(b"\r\n", b"\n")):
        found = read_report(line_ends, OWN)
        assert isinstance(found, list), found
        (one,) = found
        assert (one.token, one.kind, one.status, one.permanent) == (
            samples.TOKEN, kind, status, permanent,
        )  # fmt: skip
        assert "@" not in one.detail, "addresses are left out"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (samples.NOT_SPAM, "not spam"),
        (samples.VACATION, "an answer"),
        (samples.FOREIGN, "not about a message of ours"),
        (samples.SPAM, "not about a message of ours"),
        (b"", "not about a message of ours"),
        (b"x" * (MAIL_LARGEST + 1), "too large"),
        (samples.POSTFIX.replace(b"Action: failed", b"Result: failed"), "without an action"),
        (samples.COMPLAINT.replace(b"Feedback-Type", b"X-Type"), "without its type"),
    ],
)
def test_everything_else_is_left_with_its_reason(content: bytes, reason: str) -> None:
    found = read_report(content, OWN)
    assert isinstance(found, Unread)
    assert reason in found.reason


def test_a_stranger_cannot_speak_of_another_domain() -> None:
    forged = samples.POSTFIX.replace(b"b.example.jp", b"b.example.jp.evil.example")
    forged = forged.replace(b"Message-ID: <k7qm4xpd92rth@example.jp>", b"")
    assert isinstance(read_report(forged, OWN), Unread)


def sane(found: list[Report] | Unread) -> None:
    if isinstance(found, Unread):
        assert found.reason
        return
    assert found
    for one in found:
        assert len(one.token) == 13
        assert len(one.detail) <= 200
        assert one.detail.isprintable() or not one.detail


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_trouble(content: bytes) -> None:
    sane(read_report(content, OWN))


@settings(deadline=None)
@given(
    st.sampled_from(samples.ALL),
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=40)), max_size=6
    ),
)
def test_broken_reports_are_read_without_trouble(
    content: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    for at, length, put in cuts:
        place = at % (len(content) + 1)
        content = content[:place] + put + content[place + length :]
    sane(read_report(content, OWN))


@settings(deadline=None)
@given(st.integers(1, 400), st.sampled_from([b"multipart/mixed", b"message/rfc822"]))
def test_deep_nesting_ends(depth: int, kind: bytes) -> None:
    content = b"Delivered-To: " + samples.TO.encode() + b"\n"
    for level in range(depth):
        mark = b"b%d" % level
        content += b'Content-Type: %s; boundary="%s"\n\n--%s\n' % (kind, mark, mark)
    sane(read_report(content, OWN))


def test_maildir_mbox_and_folder_hold_the_same(tmp_path: Path) -> None:
    maildir = mailbox.Maildir(tmp_path / "maildir")
    mbox = mailbox.mbox(tmp_path / "mbox")
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, content in enumerate(samples.ALL):
        plain = content.replace(b"\r\n", b"\n")
        maildir.add(plain)
        mbox.add(plain)
        (folder / f"{number:02}.eml").write_bytes(plain)
    mbox.flush()
    mbox.close()

    def read(path: Path) -> list[str]:
        return sorted(repr(read_report(one, OWN)) for one in mails(path))

    assert read(tmp_path / "maildir") == read(tmp_path / "mbox") == read(folder)
    assert len(read(folder)) == len(samples.ALL)


def test_what_is_no_mailbox_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no mailbox"):
        list(mails(tmp_path / "none"))
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(BadInput, match="is no mbox"):
        list(mails(tmp_path / "text"))
    (tmp_path / "empty").write_text("")
    assert list(mails(tmp_path / "empty")) == []


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    (tmp_path / "mbox").write_bytes(b"From a\n" + b"x" * (2 * MAIL_LARGEST) + b"\n\nFrom b\n\nok\n")
    found = list(mails(tmp_path / "mbox"))
    assert len(found) == 2
    assert isinstance(read_report(found[0], OWN), Unread)
