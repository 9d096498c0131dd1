"""The ISO 8583 door on the live engine with the vault's references, over real TCP."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import socket
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.iso_serving import served
from gateways.iso8583.desk import SmallDesk
from gateways.iso8583.samples import CARD, request, reversal
from gateways.iso8583.test_exchange import CODEC
from sekisho.app.iso_door import tls_of
from sekisho.app.live import open_desk
from sekisho.domain.errors import BadInput
from sekisho.gateways.inbound.iso8583.framing import Framing, wrap


def asked(port: int, *messages: tuple[str, dict[int, str]]) -> list[dict[int, str]]:
    """Send each message and read its answer."""
    told = []
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        stream = link.makefile("rb")
        for kind, fields in messages:
            link.sendall(wrap(Framing(), CODEC.encode(kind, fields)))
            size = int.from_bytes(stream.read(2), "big")
            told.append(CODEC.decode(stream.read(size)).fields)
        stream.close()
    return told


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + datetime.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pem, private


def told(address: tuple[str, int], message: bytes, tls: ssl.SSLContext | None) -> bytes:
    """The first bytes that the door says to ``message``; nothing where it hangs up."""
    try:
        with socket.create_connection(address, timeout=60) as link:
            if tls is None:
                link.sendall(message)
                return link.recv(100)
            with tls.wrap_socket(link, server_hostname=address[0]) as safe:
                safe.sendall(message)
                return safe.recv(100)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_over_tls_only_known_networks_come_in(tmp_path: Path) -> None:
    ours, our_key = certificate(tmp_path, "door")
    theirs, their_key = certificate(tmp_path, "network")
    desk = SmallDesk(tmp_path / "journal")
    message = wrap(Framing(), CODEC.encode("0100", request()))
    with served(desk, tls=tls_of(ours, our_key, theirs)) as door:
        network = ssl.create_default_context(cafile=ours)
        network.load_cert_chain(theirs, their_key)
        address = ("127.0.0.1", door.port)
        with (
            socket.create_connection(address, timeout=60) as link,
            network.wrap_socket(link, server_hostname="127.0.0.1") as safe,
            safe.makefile("rb") as stream,
        ):
            safe.sendall(message)
            size = int.from_bytes(stream.read(2), "big")
            assert CODEC.decode(stream.read(size)).fields[39] == "59"
        stranger = ssl.create_default_context(cafile=ours)
        assert told(address, message, stranger) == b""
        assert told(address, message, None)[:1] != b"\x00"
    desk.close()
    assert len(desk.requests) == 1


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    ours, _ = certificate(tmp_path, "door")
    _, other_key = certificate(tmp_path, "other")
    for key in (other_key, tmp_path / "none.key"):
        with pytest.raises(BadInput, match="cannot be used"):
            tls_of(ours, key, None)


@pytest.mark.slow
def test_a_purchase_its_repeat_and_its_reversal_outlive_the_engine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = f"{time.strftime('%m%d%H%M%S', time.gmtime())}"
    fields = request(f4="000000000800", f7=sent, f12=None, f13=None)
    original = "0100" + "000123" + sent + "12345678901" + "0" * 11
    back = reversal(f7=sent, f12=None, f13=None, f90=original)
    data = tmp_path / "data"

    def clock() -> int:
        return int(time.time())  # noqa: TID251 - the engine as it runs

    desk = open_desk(data, clock=clock, sync=True)
    with served(desk) as door:
        first, repeat = asked(door.port, ("0100", fields), ("0101", fields))
    desk.close()
    assert first[39] == "00"
    assert first == repeat
    desk = open_desk(data, clock=clock)
    with served(desk) as door:
        later, reversed_, echo = asked(door.port, ("0100", fields), ("0400", back),
                                       ("0800", {7: sent, 11: "000001", 70: "301"}))  # fmt: skip
    told = desk.after(0, 10)
    desk.close()
    assert later == first
    assert (reversed_[39], echo[39]) == ("00", "00")
    assert [one.request.amount_minor for one in told] == [800]
    left = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert CARD.encode() not in left
    assert CARD not in caplog.text
