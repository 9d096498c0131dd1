"""Two custodians: both open the key together, neither alone, and every changed byte shows."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.vault.custody import (
    Component,
    Seal,
    join,
    read_component,
    seal_id_in,
    seal_id_of,
    split,
    write_component,
)
from sekisho.vault.keys import KeyKind, kind_of, new_ring, read_ring, ring_text

CHEAP = 4  # log2 of the cost of scrypt: tests guess nothing
WORDS = "five words nobody else knows"
RING = new_ring(KeyKind.CARD, bytes(range(32)))


def sealed_file(folder: Path, seal: Seal) -> Path:
    path = folder / "card.key"
    path.write_text(seal.lock(ring_text(RING), KeyKind.CARD, secrets.token_bytes))
    path.chmod(0o600)
    return path


@given(st.binary(min_size=64, max_size=64))
def test_two_components_make_the_seal_in_either_order(noise: bytes) -> None:
    given_out = iter((noise[:32], noise[32:]))
    seal, first, second = split(lambda count: next(given_out))
    assert join([first, second]) == join([second, first]) == seal
    for secret in (seal.secret, first.secret, second.secret):
        assert secret.hex() not in f"{seal!r}{first!r}{second!r}"


def test_a_sealed_key_opens_with_both_and_is_refused_without(tmp_path: Path) -> None:
    seal, first, second = split(secrets.token_bytes)
    path = sealed_file(tmp_path, seal)
    assert kind_of(path) is KeyKind.CARD
    assert seal_id_in(path.read_text(), path.name) == seal.seal_id
    assert read_ring(path, KeyKind.CARD, join([first, second]).open) == RING
    with pytest.raises(BadInput, match="sealed: two custodians"):
        read_ring(path, KeyKind.CARD)
    assert RING.active.secret not in path.read_bytes()


def test_wrong_custodians_are_told_apart() -> None:
    _, first, second = split(secrets.token_bytes)
    _, stranger, _ = split(secrets.token_bytes)
    for given_, message in [
        ([first], "two different components are needed, 1 and 2; given: 1"),
        ([first, first], "given: 1, 1"),
        ([], "given: none"),
        ([stranger, second], "different seals"),
        ([first, Component(first.seal_id, 2, bytes(32))], "do not fit together"),
    ]:
        with pytest.raises(BadInput, match=message):
            join(given_)


def test_a_seal_opens_only_its_own_files(tmp_path: Path) -> None:
    seal, _, _ = split(secrets.token_bytes)
    other, _, _ = split(secrets.token_bytes)
    text = seal.lock(ring_text(RING), KeyKind.CARD, secrets.token_bytes)
    with pytest.raises(BadInput, match="changed"):
        other.open(text, "card.key")


def test_a_component_needs_its_passphrase(tmp_path: Path) -> None:
    _, first, _ = split(secrets.token_bytes)
    path = tmp_path / "one.component"
    write_component(path, first, WORDS, secrets.token_bytes, CHEAP)
    assert read_component(path, WORDS) == first
    assert seal_id_of(path) == first.seal_id
    assert path.stat().st_mode & 0o777 == 0o600
    assert first.secret not in path.read_bytes()
    for wrong in ("", WORDS + " ", WORDS.upper()):
        with pytest.raises(BadInput, match="passphrase does not fit"):
            read_component(path, wrong)
    with pytest.raises(BadInput, match="exists"):
        write_component(path, first, WORDS, secrets.token_bytes, CHEAP)


def test_full_width_letters_are_the_same_passphrase(tmp_path: Path) -> None:
    _, first, _ = split(secrets.token_bytes)
    path = tmp_path / "one.component"
    write_component(path, first, "ｋａｇｉ　１２３４５６７", secrets.token_bytes, CHEAP)
    assert read_component(path, "kagi 1234567") == first


def test_a_short_passphrase_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    _, first, _ = split(secrets.token_bytes)
    with pytest.raises(BadInput, match="shorter than 12"):
        write_component(tmp_path / "c", first, "elevenchars", secrets.token_bytes, CHEAP)
    assert not list(tmp_path.iterdir())


def test_every_changed_byte_of_a_component_is_seen(tmp_path: Path) -> None:
    _, first, _ = split(secrets.token_bytes)
    path = tmp_path / "one.component"
    write_component(path, first, WORDS, secrets.token_bytes, CHEAP)
    content = path.read_bytes()
    for place in range(len(content)):
        for flip in (1, 0x10):
            changed = bytearray(content)
            changed[place] ^= flip
            path.write_bytes(changed)
            with pytest.raises(BadInput):
                read_component(path, WORDS)


def test_every_changed_byte_of_a_sealed_key_is_seen() -> None:
    seal, _, _ = split(secrets.token_bytes)
    content = seal.lock(ring_text(RING), KeyKind.CARD, secrets.token_bytes).encode()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(BadInput):
            seal.open(changed.decode("ascii", errors="replace"), "card.key")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_component(tmp_path_factory: object, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("c") / "c"  # type: ignore[attr-defined]
    for start in (b"", b"sekisho-key-component 1 00000000 1 00000000\nscrypt 4 8 1 "):
        path.write_bytes(start + noise)
        path.chmod(0o600)
        with pytest.raises(BadInput):
            read_component(path, WORDS)


def test_a_component_cannot_ask_for_endless_work(tmp_path: Path) -> None:
    _, first, _ = split(secrets.token_bytes)
    path = tmp_path / "one.component"
    write_component(path, first, WORDS, secrets.token_bytes, CHEAP)
    path.write_text(path.read_text().replace("scrypt 4 ", "scrypt 40 "))
    with pytest.raises(BadInput, match="changed"):
        read_component(path, WORDS)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_a_component_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    _, first, _ = split(secrets.token_bytes)
    path = tmp_path / "one.component"
    write_component(path, first, WORDS, secrets.token_bytes, CHEAP)
    path.chmod(mode)
    with pytest.raises(BadInput, match="can be read by others"):
        read_component(path, WORDS)
