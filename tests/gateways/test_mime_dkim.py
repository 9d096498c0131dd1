"""What goes over the wire: headers, charsets, one part, a signature that others can check."""

from __future__ import annotations

import base64
import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.gateways.outbound.email.dkim_sign import DkimKey, dkim_key, signed
from sekisho.gateways.outbound.email.mime import Mail, as_bytes, message_id, verp

AT = datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC)
MAIL = Mail(
    sender_name="架空カード株式会社",
    sender_address="notice@example.jp",
    recipient="hanako@example.com",
    subject="【架空カード株式会社】クレジットカード情報漏えいに関するお詫びとお知らせ" * 2,
    body="髙橋様\n\nお知らせです。\n.\n..点で始まる行\n" + "長い行" * 400,
    message_id=message_id("K7QM-4XPD-92RT-H", "example.jp"),
    date=AT,
    envelope_from=verp("bounce@b.example.jp", "K7QM-4XPD-92RT-H"),
)


def read(content: bytes) -> email.message.EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def test_says_what_it_was_given_in_one_plain_part() -> None:
    content = as_bytes(MAIL)
    message = read(content)
    assert message.get_content_type() == "text/plain"
    assert not message.is_multipart()
    assert not list(message.iter_attachments())
    assert message["Subject"] == MAIL.subject
    assert message["From"].addresses[0].display_name == MAIL.sender_name
    assert message["From"].addresses[0].addr_spec == MAIL.sender_address
    assert message["Message-ID"] == "<k7qm4xpd92rth@example.jp>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "ja"
    assert message["List-Unsubscribe"] is None
    assert message["Date"].datetime == AT
    assert message.get_content().splitlines() == MAIL.body.splitlines()


@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp"])
def test_fits_every_old_server(charset: str) -> None:
    short = replace(MAIL, body="お知らせです。\n2行目", charset=charset)  # type: ignore[arg-type]
    content = as_bytes(short)
    assert max(content) < 128, "seven bits"
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    head = content.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    message = read(content)
    assert message["Subject"] == MAIL.subject
    assert message.get_content().splitlines() == ["お知らせです。", "2行目"]
    assert message.get_content_charset() == charset


def test_iso_2022_jp_gives_way_where_a_character_is_not_in_it() -> None:
    message = read(as_bytes(replace(MAIL, body="髙橋様", charset="iso-2022-jp")))
    assert message.get_content_charset() == "utf-8"
    assert message.get_content().strip() == "髙橋様"


@pytest.mark.parametrize(
    "broken",
    [
        {"subject": "a\r\nBcc: eve@example.org"},
        {"sender_name": "a\nX: y"},
        {"recipient": "a@example.com\r\n"},
        {"recipient": "a@example.com, b@example.com"},
        {"recipient": "<a@example.com>"},
        {"recipient": "花子@example.com"},
        {"recipient": "nobody"},
        {"envelope_from": "a b@example.com"},
        {"message_id": "<a>\n"},
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp"])
def test_nothing_handed_in_begins_another_header(broken: dict[str, str], charset: str) -> None:
    with pytest.raises(BadInput):
        as_bytes(replace(MAIL, charset=charset, **broken))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def key() -> DkimKey:
    return dkim_key(pem(rsa.generate_private_key(65537, 2048)), domain="example.jp", selector="s1")


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def is_genuine(content: bytes, key: DkimKey) -> bool:
    """dkimpy's own verifier, with the record that would be in the DNS."""
    public = key.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    asked = []

    def txt(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    return bool(dkim.verify(content, dnsfunc=txt)) and asked == [b"s1._domainkey.example.jp."]


@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp"])
def test_a_signature_holds_and_breaks_with_any_change(key: DkimKey, charset: str) -> None:
    plain = as_bytes(replace(MAIL, body="お知らせです。\n", charset=charset))  # type: ignore[arg-type]
    content = signed(plain, key, AT)
    assert is_genuine(content, key)
    assert content.endswith(plain)
    assert b"t=1795403045" in content
    assert signed(plain, key, AT) == content
    for old, new in (
        (b"hanako@", b"hanaki@"),
        (b"23 Nov", b"24 Nov"),
        (b"Subject:", b"subject: x"),
    ):
        assert not is_genuine(content.replace(old, new, 1), key)
    assert not is_genuine(content + b"more\r\n", key)
    assert not is_genuine(content.replace(b"From:", b"Subject: other\r\nFrom:", 1), key)


@settings(max_examples=20, deadline=None)
@given(
    body=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=300),
    lines=st.lists(st.sampled_from(["", " ", ".", "a  b ", "あ\u3000"]), max_size=6),
)
def test_any_body_is_signed_so_that_it_verifies(key: DkimKey, body: str, lines: list[str]) -> None:
    plain = as_bytes(replace(MAIL, body="\n".join([body, *lines])))
    assert is_genuine(signed(plain, key, AT), key)


def test_weak_or_foreign_keys_are_refused() -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
    for bad in (pem(small), pem(ec.generate_private_key(ec.SECP256R1())), b"nothing"):
        with pytest.raises(BadInput):
            dkim_key(bad, domain="example.jp", selector="s1")
    assert "PRIVATE" not in repr(dkim_key(pem(rsa.generate_private_key(65537, 2048)),
                                          domain="d", selector="s"))  # fmt: skip
