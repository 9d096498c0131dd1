"""The card key file: written once, for its owner alone; damage is told apart from absence."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault.keys import card_key, read_key, write_key

SECRET = bytes(range(32))


def test_a_written_key_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "card.key"
    written = write_key(path, SECRET)
    assert read_key(path) == written == card_key(SECRET)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(written.key_id) == 8


def test_the_key_is_not_shown() -> None:
    key = card_key(SECRET)
    assert SECRET.hex() not in repr(key)
    assert str(SECRET) not in repr(key)


def test_keys_have_ids_of_their_own() -> None:
    assert card_key(SECRET).key_id != card_key(SECRET[::-1]).key_id


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "card.key"
    write_key(path, SECRET)
    before = path.read_bytes()
    with pytest.raises(BadInput, match="exists"):
        write_key(path, SECRET[::-1])
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="could not be written"):
        write_key(tmp_path / "none" / "card.key", SECRET)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        card_key(bytes(length))


def test_a_missing_key_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not there") as caught:
        read_key(tmp_path / "card.key")
    assert "sekisho key new" in caught.value.hint


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "card.key"
    write_key(path, SECRET)
    path.chmod(mode)
    with pytest.raises(BadInput, match=f"mode {mode:04o}") as caught:
        read_key(path)
    assert "chmod 600" in caught.value.hint


ID = card_key(SECRET).key_id
TEXT = base64.b64encode(SECRET).decode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a card key file"),
        (TEXT, "not a card key file"),
        ("pan,merchant\n4111111111111111,M1\n", "not a card key file"),
        (f"sekisho-card-key 3 {ID}\n{TEXT}\n", "format '3'"),
        (f"sekisho-card-key 2 {ID}\n{TEXT}\n", "cut off or damaged"),
        (f"sekisho-card-key 2 {ID}\nkey {ID} - {TEXT}\n", "does not fit its check"),
        (f"sekisho-card-key 1 {ID}\n{TEXT[:-8]}\n", "cut off or damaged"),
        (f"sekisho-card-key 1 {ID}\n", "cut off or damaged"),
        (f"sekisho-card-key 1 {ID}\n!{TEXT[1:]}\n", "cut off or damaged"),
        (f"sekisho-card-key 1 {ID}\n{base64.b64encode(SECRET[::-1]).decode()}\n", "does not fit"),
    ],
)
def test_a_damaged_key_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "card.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match=message) as caught:
        read_key(path)
    shown = caught.value.message + caught.value.hint
    assert TEXT[:12] not in shown
    assert "4111111111111111" not in shown
