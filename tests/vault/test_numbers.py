"""Kept numbers: encrypted, given back only whole, gone on their day, safe through every change."""

from __future__ import annotations

import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invented_cards import complete, invented_cards
from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault.keys import KeyKind, KeyRing, new_ring
from sekisho.vault.numbers import NumberVault, open_vault
from sekisho.vault.pan import Pan
from sekisho.vault.surrogate import CardRefs

DAY = date(2026, 4, 1)
LATER = date(2026, 7, 1)
NUMBER_KEYS = new_ring(KeyKind.NUMBER, bytes([7]) * 32, DAY)
CARD_KEYS = new_ring(KeyKind.CARD, bytes([8]) * 32, DAY)
REFS = CardRefs(CARD_KEYS.active)
CARDS = invented_cards(np.random.default_rng(3), 40)


def ref(card: str, keys: KeyRing = CARD_KEYS) -> str:
    return CardRefs(keys.active).of(Pan(card))


def keep(
    vault: NumberVault, cards: list[str], delete_on: date = LATER, keys: KeyRing = NUMBER_KEYS
) -> int:
    with vault.keeping(keys, CARD_KEYS.active.key_id, DAY, delete_on) as keeping:
        keeping.numbers([ref(card) for card in cards], [card.encode() for card in cards])
    return keeping.kept


def clear(vault: NumberVault, refs: list[str], keys: KeyRing = NUMBER_KEYS) -> dict[str, str]:
    return {one: pan.clear() for one, pan in vault.open_numbers(refs, keys)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "numbers.vault"


@pytest.fixture
def vault(path: Path) -> Iterator[NumberVault]:
    with open_vault(path, secrets.token_bytes, create=True) as opened:
        yield opened


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.text("0123456789", min_size=12, max_size=18), unique=True, max_size=8))
def test_what_was_kept_comes_back(vault: NumberVault, bodies: list[str]) -> None:
    cards = [complete(body) for body in bodies]
    keep(vault, cards)
    assert clear(vault, [ref(card) for card in cards]) == {ref(card): card for card in cards}


def test_the_file_shows_no_number_and_no_length(vault: NumberVault, path: Path) -> None:
    keep(vault, CARDS)
    content = path.read_bytes()
    for card in CARDS:
        assert card.encode() not in content
        assert card[6:].encode() not in content
    assert path.stat().st_mode & 0o777 == 0o600
    lengths = vault.db.execute("SELECT DISTINCT length(locked) FROM number").fetchall()
    assert len(lengths) == 1
    assert len({len(card) for card in CARDS}) > 1


def test_a_number_kept_twice_is_one_and_stays_until_the_later_day(vault: NumberVault) -> None:
    card = CARDS[0]
    assert keep(vault, [card], LATER) == 1
    assert keep(vault, [card, card], DAY + timedelta(days=1)) == 0
    assert vault.summary().next_deletion == LATER.isoformat()
    assert keep(vault, [card], LATER + timedelta(days=9)) == 1
    assert vault.summary().numbers == 1
    assert vault.summary().data_keys == 1, "a data key that locks nothing is dropped"
    assert vault.purge(LATER) == 0
    assert vault.purge(LATER + timedelta(days=9)) == 1
    assert vault.summary().data_keys == 0


def columns_of(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def test_every_changed_byte_of_a_record_is_seen(vault: NumberVault) -> None:
    keep(vault, CARDS[:1])
    vault.db.execute("BEGIN")  # nothing of this has to reach the disk
    the_ref = ref(CARDS[0])
    row = vault.db.execute("SELECT * FROM number").fetchone()
    for column, value in zip(columns_of(vault.db, "number"), row, strict=True):
        for place in range(len(value)):
            if isinstance(value, bytes):
                changed: bytes | str = bytes(byte ^ (at == place) for at, byte in enumerate(value))
            else:
                other = "1" if value[place] != "1" else "2"
                changed = value[:place] + other + value[place + 1 :]
            vault.db.execute(f"UPDATE number SET {column} = ?", (changed,))  # noqa: S608
            asked = changed if column == "card_ref" else the_ref
            with pytest.raises(BadInput, match=r"does not open|is missing"):
                list(vault.open_numbers([str(asked)], NUMBER_KEYS))
            vault.db.execute(f"UPDATE number SET {column} = ?", (value,))  # noqa: S608
    assert clear(vault, [the_ref]) == {the_ref: CARDS[0]}


def test_every_changed_byte_of_a_data_key_is_seen(vault: NumberVault) -> None:
    keep(vault, CARDS[:1])
    vault.db.execute("BEGIN")
    row = vault.db.execute("SELECT * FROM data_key").fetchone()
    for column, value in zip(("nonce", "wrapped"), row[2:], strict=True):
        for place in range(len(value)):
            changed = bytes(byte ^ (at == place) for at, byte in enumerate(value))
            vault.db.execute(f"UPDATE data_key SET {column} = ?", (changed,))  # noqa: S608
            vault._opened.clear()
            with pytest.raises(BadInput, match="does not open with the number key"):
                list(vault.open_numbers([ref(CARDS[0])], NUMBER_KEYS))
            vault.db.execute(f"UPDATE data_key SET {column} = ?", (value,))  # noqa: S608


def test_records_do_not_change_places(vault: NumberVault) -> None:
    keep(vault, CARDS[:2])
    one, two = ref(CARDS[0]), ref(CARDS[1])
    rows = dict(vault.db.execute("SELECT card_ref, locked FROM number").fetchall())
    nonces = dict(vault.db.execute("SELECT card_ref, nonce FROM number").fetchall())
    vault.db.execute(
        "UPDATE number SET locked = ?, nonce = ? WHERE card_ref = ?", (rows[two], nonces[two], one)
    )
    with pytest.raises(BadInput, match="does not open"):
        list(vault.open_numbers([one], NUMBER_KEYS))
    assert clear(vault, [two]) == {two: CARDS[1]}


def test_another_key_opens_nothing(vault: NumberVault) -> None:
    keep(vault, CARDS)
    stranger = new_ring(KeyKind.NUMBER, bytes([9]) * 32)
    with pytest.raises(BadInput, match="is not in the key file"):
        list(vault.open_numbers([ref(CARDS[0])], stranger))


def test_rewrapping_changes_data_keys_and_no_record(path: Path, vault: NumberVault) -> None:
    keep(vault, CARDS)
    before = vault.db.execute("SELECT * FROM number ORDER BY card_ref").fetchall()
    rotated = NUMBER_KEYS.rotated(bytes([10]) * 32, DAY)
    assert vault.rewrap(rotated) == 1
    assert vault.db.execute("SELECT * FROM number ORDER BY card_ref").fetchall() == before
    new_alone = rotated.without(NUMBER_KEYS.active.key_id)
    with open_vault(path, secrets.token_bytes) as again:
        assert set(clear(again, [ref(card) for card in CARDS], new_alone).values()) == set(CARDS)
        with pytest.raises(BadInput, match="not in the key file"):
            open_vault_fresh_and_read(path)


def open_vault_fresh_and_read(path: Path) -> None:
    with open_vault(path, secrets.token_bytes) as again:
        list(again.open_numbers([ref(CARDS[0])], NUMBER_KEYS))


def test_rekeying_moves_numbers_and_replacements(vault: NumberVault) -> None:
    keep(vault, CARDS)
    with vault.keeping(NUMBER_KEYS, CARD_KEYS.active.key_id, DAY, LATER) as keeping:
        keeping.replacements([(ref(CARDS[0]), ref(CARDS[1])), (ref(CARDS[1]), ref(CARDS[2]))])
    rotated = CARD_KEYS.rotated(bytes([11]) * 32, DAY)
    with vault.whole():
        pairs = dict(vault.rekey(NUMBER_KEYS, rotated))
    assert pairs == {ref(card): ref(card, rotated) for card in CARDS}
    assert clear(vault, list(pairs.values())) == {ref(card, rotated): card for card in CARDS}
    assert vault.which_are_kept(pairs) == set()
    assert set(vault.replacements()) == {
        (ref(CARDS[0], rotated), ref(CARDS[1], rotated)),
        (ref(CARDS[1], rotated), ref(CARDS[2], rotated)),
    }
    assert vault.summary().next_deletion == LATER.isoformat(), "the day is not put off"
    with vault.whole():
        assert list(vault.rekey(NUMBER_KEYS, rotated)) == []


def test_a_change_that_fails_half_way_changes_nothing(vault: NumberVault) -> None:
    keep(vault, CARDS)
    before = list(vault.db.iterdump())
    rotated = CARD_KEYS.rotated(bytes([11]) * 32, DAY)
    with pytest.raises(RuntimeError, match="half way"), vault.whole():  # noqa: PT012
        for count, _ in enumerate(vault.rekey(NUMBER_KEYS, rotated)):
            if count == 20:
                raise RuntimeError("half way")
    assert list(vault.db.iterdump()) == before
    assert len(clear(vault, [ref(card) for card in CARDS])) == len(CARDS)


CHANGE_AND_DIE = """
import secrets, sys
from datetime import date
from pathlib import Path
from sekisho.vault.keys import KeyKind, new_ring
from sekisho.vault.numbers import open_vault

day = date(2026, 4, 1)
numbers = new_ring(KeyKind.NUMBER, bytes([7]) * 32, day)
rotated = numbers.rotated(bytes([10]) * 32, day)
cards = new_ring(KeyKind.CARD, bytes([8]) * 32, day).rotated(bytes([11]) * 32, day)
with open_vault(Path(sys.argv[1]), secrets.token_bytes) as vault:
    print("ready", flush=True)
    vault.rewrap(rotated)
    print("rewrapped", flush=True)
    with vault.whole():
        for pair in vault.rekey(rotated, cards):
            print(*pair, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 3, 12, 40])
def test_a_process_killed_while_it_changes_keys_leaves_old_or_new(
    path: Path, vault: NumberVault, lines: int
) -> None:
    keep(vault, CARDS)
    command = [sys.executable, "-c", CHANGE_AND_DIE, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    both_numbers = NUMBER_KEYS.rotated(bytes([10]) * 32, DAY)
    both_cards = CARD_KEYS.rotated(bytes([11]) * 32, DAY)
    with open_vault(path, secrets.token_bytes) as again:
        assert len(again.summary().number_keys) == 1
        assert len(again.summary().card_keys) == 1, "all old or all new"
        refs = [ref(card, keys) for card in CARDS for keys in (CARD_KEYS, both_cards)]
        assert set(clear(again, refs, both_numbers).values()) == set(CARDS)
        again.rewrap(both_numbers)  # what was cut off is simply done again
        with again.whole():
            list(again.rekey(both_numbers, both_cards))
        new = [ref(card, both_cards) for card in CARDS]
        assert set(clear(again, new, both_numbers).values()) == set(CARDS)


def test_deleted_numbers_are_overwritten(vault: NumberVault, path: Path) -> None:
    keep(vault, CARDS)
    locked = [row[0] for row in vault.db.execute("SELECT locked FROM number")]
    assert all(piece in path.read_bytes() for piece in locked)
    assert vault.delete([ref(card) for card in CARDS]) == len(CARDS)
    assert not any(piece in path.read_bytes() for piece in locked)


def test_two_writers_wait_for_one_another(path: Path, vault: NumberVault) -> None:
    del vault
    troubles = []

    def work(start: int) -> None:
        try:
            for at in range(start, start + 10):
                with open_vault(path, secrets.token_bytes) as mine:
                    keep(mine, [CARDS[at]])
                    time.sleep(0)
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    with open_vault(path, secrets.token_bytes) as again:
        assert set(clear(again, [ref(card) for card in CARDS]).values()) == set(CARDS)


def test_a_full_disk_keeps_nothing_and_breaks_nothing(vault: NumberVault) -> None:
    keep(vault, CARDS[:5])
    pages = vault.db.execute("PRAGMA page_count").fetchone()[0]
    vault.db.execute(f"PRAGMA max_page_count = {pages}")
    many = invented_cards(np.random.default_rng(5), 3000)
    with pytest.raises(OutputFailed, match="could not be written") as caught:
        keep(vault, many)
    assert "disk" in caught.value.hint
    assert vault.summary().numbers == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a vault"),
        (b"not a database at all, but long enough to be looked at" * 30, "damaged or not one"),
        (b"pan\n" * 500, "damaged or not one"),
    ],
)
def test_other_files_are_refused(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match=message), open_vault(path, secrets.token_bytes):
        pass


def test_a_file_that_others_can_read_or_of_another_format(path: Path, vault: NumberVault) -> None:
    path.chmod(0o640)
    with pytest.raises(BadInput, match="mode 0640"), open_vault(path, secrets.token_bytes):
        pass
    path.chmod(0o600)
    vault.db.execute("PRAGMA user_version = 9")
    with pytest.raises(BadInput, match="format 9"), open_vault(path, secrets.token_bytes):
        pass
    with (
        pytest.raises(BadInput, match="cannot be opened"),
        open_vault(path.with_name("none"), secrets.token_bytes),
    ):
        pass
