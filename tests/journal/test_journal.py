"""The journal gives back what was written, cuts what is torn, and refuses what is damaged."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal.entries import ENTRIES, plain
from sekisho.domain.errors import BadInput, StoreFull, StoreUnavailable
from sekisho.domain.ledger import Entry
from sekisho.journal.codec import from_bytes, to_bytes
from sekisho.journal.journal import Journal
from sekisho.journal.reading import read_entries, segments_of
from sekisho.journal.segments import FRAME, HEAD, LONGEST, STEP


@settings(max_examples=200, deadline=None)
@given(ENTRIES)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert from_bytes(to_bytes(entry)) == entry


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=60), ENTRIES.map(to_bytes)), st.data())
def test_other_bytes_are_no_entry(payload: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(payload)
    for _ in range(data.draw(st.integers(0, 3)) if spoilt else 0):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):  # nothing else may be raised
        from_bytes(bytes(spoilt))


def written(folder: Path, count: int, **of: int) -> list[int]:
    journal = Journal(folder, 1, **of)
    positions = []
    for number in range(count):
        journal.make_room(1)
        positions.append(journal.write(plain(number)))
    journal.close()
    return positions


def everything(journal: Journal, cursor: int = 0) -> list[int]:
    return [entry.decision.decided_at for _, _, entry in journal.entries(cursor)]  # type: ignore[union-attr]


@contextmanager
def opened(folder: Path, at: int = 1, **of: int) -> Iterator[Journal]:
    journal = Journal(folder, at, **of)
    try:
        yield journal
    finally:
        journal.close()


def test_entries_are_read_by_position_by_cursor_and_over_many_files(tmp_path: Path) -> None:
    positions = []
    for part in range(3):
        with opened(tmp_path, part) as journal:
            for number in range(10 * part, 10 * part + 10):
                journal.make_room(part)
                positions.append(journal.write(plain(number)))
            assert everything(journal) == list(range(10 * part + 10))
    with opened(tmp_path, 9) as journal:
        assert [journal.read(at) for at in positions] == [plain(n) for n in range(30)]
        cursors = [after for _, after, _ in journal.entries(0)]
        assert cursors == sorted(set(cursors))
        for number, cursor in enumerate(cursors):
            assert everything(journal, cursor) == list(range(number + 1, 30))
        for wrong in (0, 1, HEAD.size - 1, positions[3] + 1, cursors[-1], cursors[-1] + 10**9):
            assert journal.read(wrong) is None
    assert [entry for _, entry in read_entries(segments_of(tmp_path))] == [
        plain(n) for n in range(30)
    ]


def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    with opened(tmp_path, segment=2_000) as journal:
        for number in range(100):
            journal.make_room(number)
            journal.write(plain(number))
        assert len(list(tmp_path.glob("*.journal"))) > 3
        assert everything(journal) == list(range(100))
        everywhere = [one.stat().st_size for one in sorted(tmp_path.glob("*.journal"))[:-1]]
        assert max(everywhere) < 3_000  # room that was not used is given back
        gone = journal.forget(before=journal.end, opened_before=50)
        assert gone > 1
        left = everything(journal)
        assert left == list(range(left[0], 100))
        assert 0 < left[0] <= 50


def test_ids_are_in_order_and_lead_back(tmp_path: Path) -> None:
    told = []
    for _ in range(3):
        with opened(tmp_path) as journal:
            journal.make_room(1)
            position = journal.write(plain(len(told)))
            told.append(journal.decision_id(position))
            assert journal.position_of(told[-1]) == position
            for wrong in (
                "",
                "x",
                "-",
                told[-1] + "0",
                "zzzzzz-000000000000",
                "ffffff-" + "0" * 12,
            ):
                assert journal.position_of(wrong) is None
    assert told == sorted(set(told))


def test_wherever_the_last_entry_is_torn_the_others_stay(tmp_path: Path) -> None:
    positions = written(tmp_path / "whole", 5)
    (path,) = (tmp_path / "whole").glob("*.journal")
    content = path.read_bytes()
    for length in range(positions[-1], len(content)):
        folder = tmp_path / f"torn{length}"
        folder.mkdir()
        # What a killed process leaves: a part of the entry, then the zeros of the room set aside.
        (folder / path.name).write_bytes(content[:length] + bytes(5_000))
        with opened(folder) as journal:
            assert everything(journal) == [0, 1, 2, 3]
            torn = content[positions[-1] : length].rstrip(b"\0")
            assert (journal.cut is not None) == bool(torn)
            if journal.cut is not None:
                assert journal.cut.kept_in.read_bytes() == torn
            journal.make_room(1)
            journal.write(plain(99))
            assert everything(journal) == [0, 1, 2, 3, 99]


def test_every_flipped_bit_of_the_last_file_is_noticed(tmp_path: Path) -> None:
    positions = written(tmp_path / "whole", 3)
    (path,) = (tmp_path / "whole").glob("*.journal")
    content = path.read_bytes()
    for at in range(positions[1], positions[2]):
        folder = tmp_path / f"flip{at}"
        folder.mkdir()
        spoilt = bytearray(content)
        spoilt[at] ^= 1 << at % 8
        (folder / path.name).write_bytes(spoilt)
        with opened(folder) as journal:
            assert everything(journal) == [0]
            assert journal.cut is not None
            assert journal.cut.kept_in.read_bytes() == bytes(spoilt[positions[1] :])


def test_damage_in_an_earlier_file_is_said_and_nothing_is_cut(tmp_path: Path) -> None:
    written(tmp_path, 3)
    written(tmp_path, 3)
    first = sorted(tmp_path.glob("*.journal"))[0]
    content = bytearray(first.read_bytes())
    content[60] ^= 1
    first.write_bytes(content)
    with opened(tmp_path) as journal, pytest.raises(StoreUnavailable, match="byte 32"):
        everything(journal)
    assert first.read_bytes() == content
    first.unlink()
    with pytest.raises(BadInput):
        segments_of(tmp_path / "nothing")
    second = sorted(tmp_path.glob("*.journal"))[0]
    second.write_bytes(b"x" * 500)
    with pytest.raises(StoreUnavailable, match="byte 0"):
        Journal(tmp_path, 1)


def test_a_file_that_was_just_begun_when_the_process_died_is_no_harm(tmp_path: Path) -> None:
    written(tmp_path, 3)
    with opened(tmp_path) as journal:
        end = journal.end
    (tmp_path / f"{end:020d}.journal").write_bytes(bytes(100))
    with opened(tmp_path) as journal:
        assert everything(journal) == [0, 1, 2]
        journal.make_room(1)
        journal.write(plain(3))
        assert everything(journal) == [0, 1, 2, 3]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_until_full(journal: Journal, entry: Entry) -> int:
    for count in range(10_000):
        try:
            journal.make_room(1)
        except StoreFull:
            return count
        journal.write(entry)
    raise AssertionError("the disk was never full")


def test_no_room_is_known_before_anything_is_written(tmp_path: Path) -> None:
    long = replace(plain(1), request=replace(plain(1).request, merchant_name="x" * 50_000))
    with opened(tmp_path) as journal:
        with largest_file(STEP + 2 * LONGEST):
            count = write_until_full(journal, long)
            end = journal.end
            assert count > 20  # what had been set aside could still be used
            assert len(everything(journal)) == count
        journal.make_room(1)
        assert journal.write(plain(2)) == end
        assert journal.sync() == journal.end
    with opened(tmp_path) as journal:
        assert len(everything(journal)) == count + 1


def test_a_disk_that_failed_once_is_not_believed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_fd: int) -> None:
        raise OSError(5, "input/output error")

    journal = Journal(tmp_path, 1)
    journal.make_room(1)
    journal.write(plain(1))
    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", broken)
        with pytest.raises(OSError, match="input/output"):
            journal.sync()
    with pytest.raises(OSError, match="input/output"):
        journal.sync()
    with pytest.raises(OSError, match="input/output"):
        journal.close()
    with opened(tmp_path) as again:
        assert everything(again) == [1]


def test_an_entry_that_is_too_long_is_refused_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.make_room(1)
        entry = plain(1)
        huge = replace(entry, request=replace(entry.request, merchant_name="x" * (LONGEST + 1)))
        with pytest.raises(OSError, match="too long"):
            journal.write(huge)
        journal.write(plain(2))
        assert everything(journal) == [2]


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    written(tmp_path, 1)
    (path,) = tmp_path.glob("*.journal")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size < HEAD.size + FRAME.size + 500
    assert list(tmp_path.iterdir()) == [path]
