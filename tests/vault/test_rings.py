"""Key rings: one active key, older ones to read with; a killed change leaves old or new."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault import secret_files
from sekisho.vault.keys import (
    KeyKind,
    kind_of,
    new_ring,
    parse_ring,
    read_key,
    read_ring,
    ring_text,
    write_ring,
)

DAY = date(2026, 4, 1)
FIRST, SECOND, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))
RING = new_ring(KeyKind.CARD, FIRST, DAY).rotated(SECOND, date(2027, 4, 1))


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=4, unique=True))
def test_a_ring_is_read_as_it_was_written(secrets: list[bytes]) -> None:
    ring = new_ring(KeyKind.NUMBER, secrets[0])
    for secret in secrets[1:]:
        ring = ring.rotated(secret, DAY)
    assert parse_ring(ring_text(ring), KeyKind.NUMBER, "x") == ring
    assert ring.active.secret == secrets[-1]
    assert [key.secret for key in ring.older] == secrets[-2::-1]
    assert not any(secret.hex() in repr(ring) for secret in secrets)


def test_every_changed_byte_of_a_key_file_is_seen() -> None:
    text = ring_text(RING).encode("ascii")
    for place in range(len(text)):
        for flip in (1, 0x20, 0x80):
            changed = bytearray(text)
            changed[place] ^= flip
            with pytest.raises(BadInput):
                parse_ring(changed.decode("ascii", errors="replace"), KeyKind.CARD, "card.key")


@pytest.mark.parametrize("cut", range(0, len(ring_text(RING)), 7))
def test_a_key_file_that_is_cut_off_is_seen(cut: int) -> None:
    with pytest.raises(BadInput):
        parse_ring(ring_text(RING)[:cut], KeyKind.CARD, "card.key")


def test_a_line_more_or_less_is_seen() -> None:
    lines = ring_text(RING).splitlines(keepends=True)
    for changed in (
        [*lines, "\n"],
        [lines[0], *lines[2:]],
        [lines[0], lines[1], lines[3]],
        [lines[0], lines[2], lines[1], lines[3]],
    ):
        with pytest.raises(BadInput):
            parse_ring("".join(changed), KeyKind.CARD, "card.key")


def test_kinds_are_not_taken_for_one_another(tmp_path: Path) -> None:
    path = tmp_path / "number.key"
    write_ring(path, new_ring(KeyKind.NUMBER, FIRST, DAY))
    assert kind_of(path) is KeyKind.NUMBER
    with pytest.raises(BadInput, match="is a number key file; a card key is needed"):
        read_key(path)
    assert (
        new_ring(KeyKind.CARD, FIRST).active.key_id != new_ring(KeyKind.NUMBER, FIRST).active.key_id
    )


def test_the_active_key_does_not_go(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is the active key"):
        RING.without(RING.active.key_id)
    with pytest.raises(BadInput, match="not in the key file"):
        RING.without("00000000")
    assert RING.without(RING.older[0].key_id).keys == (RING.active,)


def test_a_file_of_the_first_format_is_read_and_rotated(tmp_path: Path) -> None:
    path = tmp_path / "card.key"
    old = new_ring(KeyKind.CARD, FIRST)
    encoded = ring_text(old).split(" ")[5].split("\n")[0]
    path.write_text(f"sekisho-card-key 1 {old.active.key_id}\n{encoded}\n")
    path.chmod(0o600)
    ring = read_ring(path, KeyKind.CARD)
    assert ring == old
    secret_files.replace(path, ring_text(ring.rotated(SECOND, DAY)), "the key file")
    assert read_ring(path, KeyKind.CARD).with_id(old.active.key_id) == old.active
    assert path.stat().st_mode & 0o777 == 0o600


ROTATE_FOR_EVER = """
import sys
from datetime import date
from pathlib import Path
from sekisho.vault import secret_files
from sekisho.vault.keys import KeyKind, read_ring, ring_text

path = Path(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    with secret_files.alone(path):
        ring = read_ring(path, KeyKind.CARD)
        secret = number.to_bytes(16, "big") + int(sys.argv[2]).to_bytes(16, "big")
        kept = type(ring)(ring.kind, ring.keys[:5]).rotated(secret, date(2026, 4, 1))
        secret_files.replace(path, ring_text(kept), "the key file")
"""


def test_a_rotation_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "card.key"
    write_ring(path, RING)
    for round_ in range(12):
        command = [sys.executable, "-c", ROTATE_FOR_EVER, str(path), str(round_)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.004 * round_)
            process.send_signal(signal.SIGKILL)
        ring = read_ring(path, KeyKind.CARD)  # whole, its check fits
        assert len(ring.keys) >= 2
    with secret_files.alone(path):  # no lock is left behind
        secret_files.replace(path, ring_text(RING), "the key file")
    assert [one.name for one in tmp_path.iterdir()] == ["card.key"]


def _rotate_once(path: Path, number: int) -> None:
    with secret_files.alone(path):
        ring = read_ring(path, KeyKind.CARD)
        changed = ring.rotated(number.to_bytes(32, "big"), DAY)
        secret_files.replace(path, ring_text(changed), "the key file")


def test_no_rotation_is_lost_where_several_happen_at_once(tmp_path: Path) -> None:
    path = tmp_path / "card.key"
    write_ring(path, RING)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_rotate_once, args=(path, n)) for n in range(10, 18)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(read_ring(path, KeyKind.CARD).keys) == 2 + len(workers)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.key"
    write_ring(path, RING)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputFailed, match="No space left"):
        secret_files.replace(path, "new", "the key file")
    assert path.read_text() == ring_text(RING)
    assert [one.name for one in tmp_path.iterdir()] == ["card.key"]
