"""Reveal: only with a permit of somebody else, and on the record before the first number."""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from invented_cards import invented_cards
from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.vault import reveal_file
from sekisho.vault.audit_file import AuditFile, read_audit
from sekisho.vault.keys import KeyKind, new_ring
from sekisho.vault.numbers import NumberVault, open_vault
from sekisho.vault.pan import Pan
from sekisho.vault.reveal import (
    AuditEntry,
    Permit,
    Purpose,
    Request,
    read_permit,
    reveal,
    write_permit,
)
from sekisho.vault.surrogate import CardRefs

RING = new_ring(KeyKind.NUMBER, bytes([7]) * 32, date(2026, 4, 1))
CARD_KEY = new_ring(KeyKind.CARD, bytes([8]) * 32).active
CARDS = invented_cards(np.random.default_rng(4), 12)
BY_REF = {CardRefs(CARD_KEY).of(Pan(card)): card for card in CARDS}
REFS = list(BY_REF)
PERMIT = Permit(
    permit_id="00aa11bb22cc33dd",
    purpose=Purpose.REISSUE,
    actor="hanako",
    granted_by="taro",
    granted_at="2026-04-02T00:00:00+00:00",
    until=date(2026, 4, 30),
    cards_max=20,
    key_id=RING.active.key_id,
)
REQUEST = Request(
    "hanako",
    datetime(2026, 4, 3, 9, 0, tzinfo=UTC),
    Purpose.REISSUE,
    "reissue after the leak at shop M1",
    PERMIT,
)


class Sink:
    """Keeps entries in memory, or fails."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.entries: list[AuditEntry] = []
        self._trouble = trouble

    def record(self, entry: AuditEntry) -> None:
        if self._trouble:
            raise self._trouble
        self.entries.append(entry)


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[NumberVault]:
    with open_vault(tmp_path / "numbers.vault", secrets.token_bytes, create=True) as opened:
        with opened.keeping(RING, CARD_KEY.key_id, date(2026, 4, 1), date(2027, 4, 1)) as keeping:
            keeping.numbers(REFS, [card.encode() for card in CARDS])
        yield opened


def test_the_entry_is_there_before_the_first_number(vault: NumberVault) -> None:
    sink = Sink()
    numbers = reveal(vault, RING, REFS, REQUEST, sink)
    (entry,) = sink.entries
    assert entry.cards == len(REFS)
    assert (entry.actor, entry.granted_by, entry.permit_id) == ("hanako", "taro", PERMIT.permit_id)
    assert not any(card in repr(entry) for card in CARDS)
    assert {one: pan.clear() for one, pan in numbers} == BY_REF


@pytest.mark.parametrize("trouble", [OutputFailed("full"), RuntimeError("gone"), OSError(28)])
def test_without_a_record_there_is_no_number(vault: NumberVault, trouble: Exception) -> None:
    with pytest.raises(type(trouble)):
        reveal(vault, RING, REFS, REQUEST, Sink(trouble))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actor": "jiro"}, "it is for hanako, and you are jiro"),
        ({"purpose": Purpose.UPDATER}, "for the purpose reissue"),
        ({"at": datetime(2026, 5, 1, 9, 0, tzinfo=UTC)}, "it ended on 2026-04-30"),
        ({"reason": "because"}, "the reason has to say"),
        ({"reason": "   because    "}, "the reason has to say"),
        ({"reason": f"for the card {CARDS[0]}"}, "holds no card number"),
        ({"permit": replace(PERMIT, granted_by="hanako")}, "two people are needed"),
        ({"permit": replace(PERMIT, key_id="00000000")}, "made with the number key 00000000"),
        ({"permit": replace(PERMIT, cards_max=11)}, "allows 11 cards; 0 are used up, and 12"),
    ],
)
def test_what_a_permit_does_not_allow(
    vault: NumberVault, change: dict[str, object], message: str
) -> None:
    sink = Sink()
    with pytest.raises(BadInput, match=message) as caught:
        reveal(vault, RING, REFS, replace(REQUEST, **change), sink)
    assert sink.entries == []
    assert not any(card in caught.value.message + caught.value.hint for card in CARDS)
    assert vault.db.execute("SELECT count(*) FROM permit_use").fetchone() == (0,)


def test_a_permit_is_used_up(vault: NumberVault) -> None:
    reveal(vault, RING, REFS, REQUEST, Sink())
    with pytest.raises(BadInput, match="12 are used up, and 12 more"):
        reveal(vault, RING, REFS, REQUEST, Sink())
    reveal(vault, RING, REFS[:8], REQUEST, Sink())


def test_every_changed_byte_of_a_permit_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "permit"
    write_permit(path, PERMIT, RING)
    assert read_permit(path, RING) == PERMIT
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(BadInput):
            read_permit(path, RING)
    forged = new_ring(KeyKind.NUMBER, bytes([9]) * 32)
    path.unlink()
    write_permit(path, replace(PERMIT, key_id=forged.active.key_id), forged)
    with pytest.raises(BadInput, match="not in the key file"):
        read_permit(path, RING)


# ---------------------------------------------------------------- the record


def entry(number: int) -> AuditEntry:
    return AuditEntry(
        "2026-04-03T09:00:00+00:00", "reveal", "hanako", "reissue", f"reason {number}", "p",
        "taro", "numbers.vault", number, "0" * 64,
    )  # fmt: skip


def test_the_record_shows_changed_and_missing_lines(tmp_path: Path) -> None:
    path = tmp_path / "reveals.jsonl"
    for number in range(5):
        AuditFile(path).record(entry(number))
    assert [one["cards"] for one in read_audit(path)] == list(range(5))
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text().splitlines(keepends=True)
    for changed in (
        [*lines[:2], *lines[3:]],
        [*lines[:1], lines[1].replace("hanako", "jiro"), *lines[2:]],
        [lines[1], lines[0], *lines[2:]],
        lines[1:],
    ):
        path.write_text("".join(changed))
        with pytest.raises(BadInput, match="was changed"):
            list(read_audit(path))


def test_a_line_cut_off_by_a_crash_does_not_break_the_record(tmp_path: Path) -> None:
    path = tmp_path / "reveals.jsonl"
    for torn in ("", '{"at": "2026', "x" * 3000):
        path.write_text(torn)
        AuditFile(path).record(entry(1))
        AuditFile(path).record(entry(2))
        with path.open("a") as file:
            file.write(torn)
        AuditFile(path).record(entry(3))
        assert [one["cards"] for one in read_audit(path)] == [1, 2, 3]


def _record_many(path: Path, start: int) -> None:
    for number in range(start, start + 20):
        AuditFile(path).record(entry(number))


def test_concurrent_reveals_are_all_on_the_record(tmp_path: Path) -> None:
    path = tmp_path / "reveals.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_record_many, args=(path, 100 * n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    said = sorted(one["cards"] for one in read_audit(path))
    assert said == sorted(100 * n + at for n in range(4) for at in range(20))


def _reveal_ten(path: Path, record: Path, results: object) -> None:
    given = 0
    for _ in range(10):
        with open_vault(path, secrets.token_bytes) as vault:
            try:
                given += len(list(reveal(vault, RING, REFS[:1], REQUEST, AuditFile(record))))
            except BadInput:
                continue
    results.put(given)  # type: ignore[attr-defined]


def test_concurrent_reveals_do_not_get_more_than_the_permit(
    vault: NumberVault, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    record = tmp_path / "reveals.jsonl"
    workers = [
        context.Process(target=_reveal_ten, args=(vault.path, record, results)) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    given = sum(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert given == PERMIT.cards_max == len(list(read_audit(record)))


def test_a_record_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputFailed, match="no number was revealed"):
        AuditFile(tmp_path / "none" / "r").record(entry(1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputFailed, match="No space left"):
        AuditFile(tmp_path / "r").record(entry(1))


# ---------------------------------------------------------------- the files that leave


def test_an_updater_file_holds_old_and_last_numbers(vault: NumberVault, tmp_path: Path) -> None:
    pairs = [(REFS[0], REFS[1]), (REFS[1], REFS[2]), (REFS[3], "f" * 32)]
    forks = [(REFS[4], REFS[5]), (REFS[4], REFS[6]), (REFS[7], REFS[8]), (REFS[8], REFS[7])]
    asked = [*REFS[:5], REFS[7], REFS[9], "e" * 32]
    order = reveal_file.plan(Purpose.UPDATER, asked, vault.which_are_kept(asked), pairs + forks)
    assert order.rows == ((REFS[0], REFS[2]), (REFS[1], REFS[2]))
    assert order.missing == {
        REFS[2]: reveal_file.NOT_REPLACED,
        REFS[3]: reveal_file.NEW_NOT_KEPT,
        REFS[4]: reveal_file.NO_END,
        REFS[7]: reveal_file.NO_END,
        REFS[9]: reveal_file.NOT_REPLACED,
        "e" * 32: reveal_file.NOT_KEPT,
    }
    out = tmp_path / "updater.csv"
    reveal_file.write(out, order, vault.open_numbers(order.refs, RING))
    old, middle, new = (BY_REF[one] for one in REFS[:3])
    assert out.read_text() == f"old_number,new_number,kind\n{old},{new},A\n{middle},{new},A\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_file_that_is_not_finished_leaves_nothing(vault: NumberVault, tmp_path: Path) -> None:
    order = reveal_file.plan(Purpose.REISSUE, REFS, set(REFS), [])

    def breaks() -> Iterator[tuple[str, Pan]]:
        yield from vault.open_numbers(REFS[:5], RING)
        raise BadInput("the sixth does not open")

    before = set(tmp_path.iterdir())
    with pytest.raises(BadInput, match="sixth"):
        reveal_file.write(tmp_path / "out.csv", order, breaks())
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["file", "pipe", "link", "terminal", "nowhere"])
def test_numbers_go_to_a_new_regular_file_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    if kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/stdout")
    elif kind == "terminal":
        path = Path("/dev/stdout")
    else:
        path = tmp_path / "none" / "out"
    with pytest.raises(BadInput, match=r"new file only|is not there"):
        reveal_file.check_place(path)


def test_the_record_is_json_with_references_as_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "r"
    AuditFile(path).record(entry(7))
    said = json.loads(path.read_text())
    assert set(said) == {*AuditEntry.__dataclass_fields__, "previous"}
