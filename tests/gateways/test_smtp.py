"""Handing over to real servers that accept, refuse, put off, stall and cut off."""

from __future__ import annotations

import datetime
import gc
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mail_server import Kept, Running, free_port
from sekisho.gateways.outbound.email.accepted_log import LogAnswer, accepted_ids, ask
from sekisho.gateways.outbound.email.smtp import Fate, Handed, MailDoor, Parcel, SmtpServer, Tls

CONTENT = b"From: a@example.jp\r\nMessage-ID: <m%d@example.jp>\r\n\r\n.dots\r\n..\r\nend\r\n"


def parcels(*recipients: str) -> list[Parcel]:
    return [
        Parcel(place, f"bounce+{place}@b.example.jp", recipient, CONTENT % place)
        for place, recipient in enumerate(recipients)
    ]


def server(port: int, **options: object) -> SmtpServer:
    plain = SmtpServer("127.0.0.1", port, tls=Tls.NONE, timeout_s=5, connections=3)
    return replace(plain, **options)  # type: ignore[arg-type]


def delivered(at: SmtpServer, sent: list[Parcel]) -> dict[int, Handed]:
    door = MailDoor(at)
    try:
        return {one.key: one for one in door.deliver(sent)}
    finally:
        door.close()


def test_each_gets_its_own_answer() -> None:
    names = ["a@example.com", "refuse.b@example.com", "grey.c@example.com", "drop.d@example.com",
             "never.e@example.com", "busy.f@example.com", "g@example.com"]  # fmt: skip
    with Running(Kept()) as one:
        found = delivered(server(one.port, connections=1), parcels(*names))
    fates = [found[key].fate for key in range(7)]
    assert fates == [Fate.ACCEPTED, Fate.REFUSED, Fate.DEFERRED, Fate.IN_DOUBT, Fate.IN_DOUBT,
                     Fate.DEFERRED, Fate.ACCEPTED]  # fmt: skip
    assert [found[key].code for key in (0, 1, 2, 5)] == [250, 550, 451, 421]
    assert "b@example.com" not in found[1].reply
    assert set(one.kept.recipients) == {"a@example.com", "drop.d@example.com", "g@example.com"}
    content = one.kept.accepted[0][1]
    assert content == CONTENT % 0, "dots at the beginning of a line arrive as they were"


def test_connections_are_used_again_and_shared() -> None:
    with Running(Kept()) as one:
        door = MailDoor(server(one.port, connections=3, per_connection=20))
        for start in range(0, 100, 25):
            sent = parcels(*(f"u{n}@example.com" for n in range(start, start + 25)))
            assert {h.fate for h in door.deliver(sent)} == {Fate.ACCEPTED}
        door.close()
    assert one.kept.recipients == {f"u{n}@example.com": 1 for n in range(100)}


def test_a_connection_that_died_in_idleness_is_replaced() -> None:
    kept, port = Kept(), 0
    with Running(kept, timeout=1) as one:
        port = one.port
        door = MailDoor(server(port))
        assert door.deliver(parcels("a@example.com"))[0].fate is Fate.ACCEPTED
        time.sleep(1.5)  # the server hangs up on idle clients
        assert door.deliver(parcels("b@example.com"))[0].fate is Fate.ACCEPTED
        door.close()
    assert kept.recipients == {"a@example.com": 1, "b@example.com": 1}


def test_nobody_there_puts_everything_off_at_once() -> None:
    begun = time.monotonic()
    found = delivered(server(free_port()), parcels(*(f"u{n}@example.com" for n in range(50))))
    assert {one.fate for one in found.values()} == {Fate.DEFERRED}
    assert len(found) == 50
    assert time.monotonic() - begun < 4


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that says what ``talk`` says to each that connects."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    try:
                        talk(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        stop.set()
        thread.join()


def say(connection: socket.socket, *replies: bytes) -> None:
    connection.sendall(b"220 ready\r\n")
    for reply in replies:
        connection.recv(4096)
        connection.sendall(reply)


def test_cut_off_in_the_middle_of_the_message_is_in_doubt() -> None:
    def cuts(connection: socket.socket) -> None:
        say(connection, b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        connection.recv(100)

    with peer(cuts) as port:
        found = delivered(server(port), parcels("a@example.com"))
    assert found[0].fate is Fate.IN_DOUBT


def test_cut_off_before_the_message_is_only_put_off() -> None:
    with peer(lambda connection: say(connection, b"250 hi\r\n", b"250 ok\r\n")) as port:
        found = delivered(server(port), parcels("a@example.com"))
    assert found[0].fate is Fate.DEFERRED


def test_a_server_that_stalls_does_not_stall_us_for_ever() -> None:
    def stalls(connection: socket.socket) -> None:
        say(connection, b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        while connection.recv(4096):
            pass

    begun = time.monotonic()
    with peer(stalls) as port:
        found = delivered(server(port, timeout_s=0.5), parcels("a@example.com"))
    assert found[0].fate is Fate.IN_DOUBT
    assert time.monotonic() - begun < 4


def test_a_server_that_refuses_to_talk() -> None:
    with peer(lambda connection: connection.sendall(b"554 go away\r\n")) as port:
        found = delivered(server(port), parcels("a@example.com", "b@example.com"))
    assert {one.fate for one in found.values()} == {Fate.DEFERRED}
    assert found[0].code == 554


def test_a_server_that_talks_nonsense() -> None:
    with peer(lambda connection: connection.sendall(b"\x00\xff not smtp\r\n" * 3)) as port:
        found = delivered(server(port), parcels("a@example.com"))
    assert found[0].fate is Fate.DEFERRED


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the loopback with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.jp")])
    now = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now.replace(year=2090))
        .add_extension(x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def test_tls_is_required_checked_or_left_as_told(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Running(Kept(), tls=context) as one:
        trusted = server(one.port, tls=Tls.REQUIRED, ca_file=certificate)
        assert delivered(trusted, parcels("a@example.com"))[0].fate is Fate.ACCEPTED
        stranger = replace(trusted, ca_file=None)
        assert delivered(stranger, parcels("b@example.com"))[0].fate is Fate.DEFERRED
    with Running(Kept()) as plain:
        asked = server(plain.port, tls=Tls.REQUIRED, ca_file=certificate)
        assert delivered(asked, parcels("c@example.com"))[0].fate is Fate.DEFERRED
        assert plain.kept.accepted == []
        opportunistic = replace(asked, tls=Tls.OPPORTUNISTIC)
        assert delivered(opportunistic, parcels("c@example.com"))[0].fate is Fate.ACCEPTED


def test_nothing_stays_open_when_a_server_is_slow_to_hang_up(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Running(Kept(lingers=0.5), tls=context) as one:
        trusted = server(one.port, tls=Tls.REQUIRED, ca_file=certificate)
        assert delivered(trusted, parcels("a@example.com"))[0].fate is Fate.ACCEPTED
        gc.collect()  # a connection that was left open would be warned of here


LOG = """\
Nov 23 12:00:01 mx postfix/smtpd[9]: 4F1aBc: client=unknown[192.0.2.1]
Nov 23 12:00:01 mx postfix/cleanup[11]: 4F1aBc: message-id=<one@example.jp>
Nov 23 12:00:01 mx postfix/qmgr[3]: 4F1aBc: from=<b+x@example.jp>, size=990, nrcpt=1 (queue active)
Nov 23 12:00:02 mx postfix/cleanup[11]: 4F1aBd: message-id=<cut@example.jp>
Nov 23 12:00:02 mx postfix/smtpd[9]: lost connection after DATA (3000 bytes) from unknown[192.0.2.1]
2026-11-23 12:00:03 1tX-0001 <= b+x@example.jp H=(a) [192.0.2.1] P=esmtp S=990 id=two@example.jp
Nov 23 12:00:04 mx sm-mta[5]: 8BN1: from=<b@example.jp>, msgid=<three@example.jp>, proto=ESMTP
Nov 23 12:00:05 mx other[5]: message-id=<four@example.jp> was refused
"""


def test_logs_of_three_servers_are_read() -> None:
    lines = LOG.splitlines()
    assert accepted_ids(lines) == {f"{name}@example.jp" for name in ("one", "two", "three")}


def test_a_log_only_says_no_where_it_covers_the_time(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(LOG, encoding="utf-8")
    doubtful = ["<one@example.jp>", "<cut@example.jp>"]
    found = ask([log], doubtful, ["<two@example.jp>"])
    assert found == {doubtful[0]: LogAnswer.ACCEPTED, doubtful[1]: LogAnswer.NOT_ACCEPTED}
    found = ask([log], doubtful, ["<elsewhere@example.jp>"])
    assert found == {doubtful[0]: LogAnswer.ACCEPTED, doubtful[1]: LogAnswer.UNKNOWN}
    assert set(ask([], doubtful, []).values()) == {LogAnswer.UNKNOWN}
