"""Slow, half-open and encrypted peers: nobody keeps a connection that does nothing with it."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sekisho.domain.errors import BadInput
from sekisho.web.api import asgi, server
from sekisho.web.api.server import HttpServer, Tls
from web.api.serving import Made, served
from web.api.test_door import purchase

HEAD = b"POST /v1/authorizations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sekisho_all\r\n"


def until_hung_up(made: Made, sent: bytes) -> bytes:
    """What comes before the server hangs up on a peer that sends no more."""
    with socket.create_connection(made.address, timeout=120) as raw:
        raw.sendall(sent)
        return b"".join(iter(lambda: raw.recv(65536), b""))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.2)
    monkeypatch.setattr(asgi, "BODY_S", 0.2)
    monkeypatch.setattr(asgi.read_body, "__defaults__", (0.2,))


@pytest.mark.usefixtures("impatient")
def test_whoever_sends_no_whole_head_is_hung_up_on() -> None:
    made = Made()
    with served(made) as client:
        assert until_hung_up(made, b"") == b""
        assert until_hung_up(made, HEAD) == b""
        one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        assert until_hung_up(made, one + HEAD).startswith(b"HTTP/1.1 200")  # the second one is slow
        assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("impatient")
def test_whoever_sends_no_whole_body_is_told_so() -> None:
    made = Made()
    with served(made):
        told = until_hung_up(made, HEAD + b"Content-Length: 100\r\n\r\n{")
        assert told.startswith(b"HTTP/1.1 408")
        assert b"not complete" in told
        assert not made.desk.decided


def test_whoever_hangs_up_in_the_middle_leaves_nothing() -> None:
    made = Made()
    with served(made) as client:
        for _ in range(50):
            with socket.create_connection(made.address, timeout=120) as raw:
                raw.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        while 'status="499"' not in client.get("/metrics").text:
            pass
        assert not made.desk.decided


def self_signed(folder: Path) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Tls(*paths)


def test_tls(tmp_path: Path) -> None:
    tls = self_signed(tmp_path)
    with served(Made(), tls) as client:
        assert client.post("/v1/authorizations", json=purchase()).status_code == 200
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with httpx.Client(verify=old, base_url=client.base_url, timeout=120) as other:
            assert other.get("/healthz").status_code == 200
        plain = str(client.base_url).replace("https", "http")
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{plain}/healthz", timeout=120)


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    tls = self_signed(tmp_path)
    tls.key.write_text("no key")
    for wrong in (tls, Tls(tmp_path / "none.pem", tls.key)):
        with pytest.raises(BadInput, match="certificate"):
            HttpServer(Made().door(), wrong)
