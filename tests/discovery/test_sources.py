"""Files of every kind, and everything that can be wrong with them."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import plistlib
import socket
import sqlite3
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from benchmarks.parts import card_corpus, card_documents, card_library_files, card_library_texts
from benchmarks.parts.card_texts import draw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sekisho
from discovery.looking import MACHINE, card, findings, look, reasons
from sekisho.discovery import opening
from sekisho.discovery.finding import Kind, NotRead
from sekisho.discovery.sources import Looker
from sekisho.discovery.walk import Item, walk


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    folder = tmp_path / "planted"
    folder.mkdir()
    return folder


def test_every_format_and_encoding(planted: Path) -> None:
    files = card_corpus.write_corpus(planted, np.random.default_rng(42), 12)
    assert len(files) >= 40
    for one in files:
        reports = look(one.path)
        found = Counter(
            each.masked for each in findings(reports) if each.kind is not Kind.SECURITY_CODE
        )
        assert found == Counter(card_corpus.mask(each.pan) for each in one.records), one.kind
        assert len(findings(reports, Kind.SECURITY_CODE)) == one.codes, one.kind
        assert reasons(reports) == [], one.kind


@pytest.mark.parametrize("kind", [*card_library_texts.TEXTS, *card_library_files.FILES])
def test_what_libraries_write(planted: Path, kind: str) -> None:
    write, name = {**card_library_texts.TEXTS, **card_library_files.FILES}[kind]
    records = draw(np.random.default_rng(7), 16)
    path = planted / name
    try:
        path.write_bytes(write(records))
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    reports = look(path)
    found = Counter(
        each.masked for each in findings(reports) if each.kind is not Kind.SECURITY_CODE
    )
    wanted = Counter(card_corpus.mask(each.pan) for each in records)
    assert found - wanted == Counter()
    if kind == "pickle":  # refers back to names, so that most numbers and codes stand without
        assert (wanted - found).total() <= 2
        return
    assert found == wanted
    assert len(findings(reports, Kind.SECURITY_CODE)) == len(records)
    assert reasons(reports) == []


def test_a_boundary_that_looks_like_a_card_is_none(planted: Path) -> None:
    number = card("622848037152846319"[:15])
    mail = (
        "From: a@example.jp\nSubject: receipt\n"
        f'Content-Type: multipart/mixed; boundary="==============={number}=="\n\n'
        f"--==============={number}==\nContent-Type: text/plain\n\nhello\n"
        f"--==============={number}==--\n"
    )
    (planted / "a.eml").write_text(mail, "ascii")
    assert look(planted / "a.eml") == []
    (planted / "b.eml").write_text(mail.replace("receipt", number), "ascii")
    assert len(findings(look(planted / "b.eml"), Kind.PAN)) == 1


def test_findings_say_where(planted: Path) -> None:
    records = draw(np.random.default_rng(1), 6)
    (planted / "a.xlsx").write_bytes(card_documents.xlsx(records))
    (planted / "a.db").write_bytes(card_documents.sqlite_file(records))
    (planted / "a.zip").write_bytes(card_documents.BINARIES["zip"][0](records))
    assert [one.cell for one in findings(look(planted / "a.xlsx"), Kind.PAN)][:2] == [
        "名簿!B2",
        "名簿!B3",
    ]
    assert {one.cell for one in findings(look(planted / "a.db"))} >= {
        "cards.pan[1]",
        "cards.cvv[3]",
    }
    (first, *_) = findings(look(planted / "a.zip"))
    assert first.path.endswith("a.zip!名簿/orders.csv")
    assert first.line == 2


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FREE", 1 << 20)
    zeros = bytes(16 << 20)
    (tmp_path / "a.gz").write_bytes(gzip.compress(zeros))
    (tmp_path / "a.xz").write_bytes(lzma.compress(zeros))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", zeros)
    inner = (tmp_path / "a.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "nested.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.zip", inner)
    for name in ("a.gz", "a.xz", "a.zip", "nested.zip"):
        assert any("bomb" in reason for reason in reasons(look(tmp_path / name))), name


def test_archives_are_nested_so_deep_and_no_deeper(planted: Path) -> None:
    content = f"card {card()}\n".encode()
    for depth in range(opening.MOST_DEPTH + 2):
        path = planted / "deep"
        path.write_bytes(content)
        reports = look(path)
        inside = depth <= opening.MOST_DEPTH
        assert bool(findings(reports)) == inside, depth
        assert any("deeper" in one for one in reasons(reports)) != inside
        content = gzip.compress(content)


@pytest.mark.parametrize(
    "kind",
    [
        "zip",
        "zip in tar.gz",
        "gzip",
        "xz",
        "zstd",
        "bzip2",
        "sqlite",
        "parquet",
        "pdf",
        "xlsx",
        "docx",
    ],
)
def test_a_broken_file_is_counted_never_dropped(planted: Path, kind: str) -> None:
    make, name = card_documents.BINARIES[kind]
    whole = make(draw(np.random.default_rng(2), 40))
    for cut in (len(whole) // 3, len(whole) * 3 // 4):
        path = planted / name
        path.write_bytes(whole[:cut])
        assert reasons(look(path)), (kind, cut)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
@pytest.mark.parametrize("kind", sorted(card_documents.BINARIES))
def test_damage_anywhere_ends_in_findings_or_reasons(
    planted: Path, kind: str, data: st.DataObject
) -> None:
    make, name = card_documents.BINARIES[kind]
    whole = bytearray(make(draw(np.random.default_rng(3), 5)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = planted / name
    path.write_bytes(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    look(path)


def test_locked_archives_and_unknown_ones_are_named(planted: Path) -> None:
    (planted / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    assert reasons(look(planted / "a.7z")) == ["7z archive: unpack it first"]
    with zipfile.ZipFile(planted / "a.zip", "w") as archive:
        archive.writestr("secret.txt", "x")
    locked = bytearray((planted / "a.zip").read_bytes())
    locked[6] |= 1
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    (planted / "a.zip").write_bytes(bytes(locked))
    assert reasons(look(planted / "a.zip")) == ["encrypted"]


def test_links_in_a_tar_are_not_followed(planted: Path) -> None:
    secret = planted / "secret.txt"
    secret.write_text(f"card {card()}")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(entry)
    (planted / "a.tar").write_bytes(out.getvalue())
    assert look(planted / "a.tar") == []


def test_everything_once_whatever_links_lead_where(planted: Path) -> None:
    (planted / "a").mkdir()
    (planted / "a" / "card.txt").write_text("x")
    (planted / "a" / "up").symlink_to(planted)
    (planted / "a" / "self").symlink_to(planted / "a" / "self")
    (planted / "again.txt").symlink_to(planted / "a" / "card.txt")
    (planted / "nothing").symlink_to(planted / "gone")
    items = list(walk([str(planted), str(planted / "a")]))
    assert len([one for one in items if isinstance(one, Item)]) == 1
    assert sorted(one.reason for one in items if isinstance(one, NotRead)) == sorted(
        ["a link to nothing", os.strerror(40)]
    )


def test_devices_pipes_and_sockets_are_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        door.bind("socket")
        items = list(walk([str(tmp_path), "/dev/zero"]))
    assert [one.reason for one in items if isinstance(one, NotRead)] == [
        "not a plain file: a device, a pipe or a socket"
    ] * 3
    assert reasons(look(tmp_path / "pipe")) == ["not a plain file: a device, a pipe or a socket"]


def test_no_permission_and_vanished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reasons(look(tmp_path / "gone")) == ["vanished before it could be read"]
    (tmp_path / "mine").write_text("x")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(os, "open", refuse)
    assert reasons(look(tmp_path / "mine")) == ["no permission"]


def test_a_file_that_shrinks_while_it_is_read_is_counted(planted: Path) -> None:
    path = planted / "log"
    path.write_bytes(b"x" * (12 << 20))
    told: list[int] = []

    def shrink(size: int) -> None:
        told.append(size)
        os.truncate(path, 5 << 20)

    reports = list(Looker(MACHINE, told=shrink).look(str(path)))
    assert reasons(reports) == ["became shorter while it was read"]
    assert told


def test_one_long_line_takes_no_more_memory_than_any_file(planted: Path) -> None:
    path = planted / "line"
    with path.open("wb") as file:
        file.write(b"x" * 100_000)
        file.seek(320 << 20)  # sparse: nothing is on the disk
        file.write(f" card {card()}".encode())
    program = (
        "import sys; from pathlib import Path\n"
        "from sekisho.discovery.sources import Looker\n"
        "from sekisho.discovery.text import Machine\n"
        "(one,) = Looker(Machine()).look(sys.argv[1])\n"
        "status = Path('/proc/self/status').read_text(encoding='ascii')\n"
        "(line,) = (one for one in status.splitlines() if one.startswith('VmHWM'))\n"
        "print(one.line, line.split()[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(sekisho.__file__).parents[1])},
    )  # fmt: skip
    line, kibibytes = map(int, done.stdout.split())
    assert line == 1
    assert kibibytes < 512 << 10


def test_a_mail_too_large_to_hold_is_looked_at_as_text(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MOST_IN_MEMORY", 10_000)
    path = planted / "a.eml"
    head = "From: a@example.com\nSubject: x\nDate: today\n\n"
    path.write_text(f"{head}{'x' * 79}\n" * 200 + f"card {card()}\n")
    reports = look(path)
    assert len(findings(reports)) == 1
    (reason,) = reasons(reports)
    assert "attachments not unpacked" in reason


def test_a_property_list_that_refers_to_itself_over_and_over(planted: Path) -> None:
    value: object = {"card": card()}
    for _ in range(60):  # written out, more values than there are atoms
        value = [value, value]
    path = planted / "a.plist"
    path.write_bytes(plistlib.dumps(value, fmt=plistlib.FMT_BINARY))  # type: ignore[arg-type]
    assert len(findings(look(path))) == 1


def test_an_endless_growth_ends_where_the_file_ended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100_000)

    def grow(size: int) -> None:
        with path.open("ab") as file:
            file.write(b"y" * max(size, 1))

    assert list(Looker(MACHINE, told=grow).look(str(path))) == []


def test_a_pipe_gives_less_at_a_time(tmp_path: Path) -> None:
    read, write = os.pipe()

    def feed() -> None:
        with os.fdopen(write, "wb", buffering=0) as out:
            for byte in f"one\ncard {card()}\n".encode():
                out.write(bytes([byte]))

    thread = threading.Thread(target=feed)
    thread.start()
    with os.fdopen(read, "rb", buffering=0) as stream:
        found = findings(list(Looker(MACHINE).stream(stream, "-")))
    thread.join()
    assert [(one.path, one.line) for one in found] == [("-", 2)]


def test_a_number_in_a_name_is_masked_too(planted: Path) -> None:
    path = planted / f"{card()}.txt"
    path.write_text(f"card {card()}")
    (one,) = findings(look(path))
    assert card() not in one.path


def test_sqlite_is_not_written_to(planted: Path) -> None:
    path = planted / "shop.db"
    path.write_bytes(card_documents.sqlite_file(draw(np.random.default_rng(1), 3)))
    before = (path.read_bytes(), sorted(planted.iterdir()))
    assert findings(look(path))
    assert (path.read_bytes(), sorted(planted.iterdir())) == before
    with sqlite3.connect(path) as again:
        assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again.close()
