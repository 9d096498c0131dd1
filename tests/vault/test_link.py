"""The vault link: looked up in bulk, ambiguous references kept apart, against a slow twin."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.vault.link import KEY_ID_ENTRY, LINK_SCHEMA, build, read_link

refs = st.sampled_from(["K1", "K2", "K3", "会員-4", "K5"])
hashes = st.sampled_from(["a" * 32, "b" * 32, "c" * 32])
many_pairs = st.lists(st.tuples(refs, hashes), max_size=12)


def table(pairs: list[tuple[str, str]]) -> pa.Table:
    columns = zip(*pairs, strict=True) if pairs else ([], [])
    return pa.Table.from_arrays([pa.array(c, pa.string()) for c in columns], schema=LINK_SCHEMA)


def rows(found: pa.Table) -> list[tuple[str, str]]:
    return [(row["card_ref"], row["pan_hash"]) for row in found.to_pylist()]


@given(many_pairs, st.lists(refs, max_size=6))
def test_looking_up_equals_its_naive_twin(pairs: list[tuple[str, str]], asked: list[str]) -> None:
    found = build(table(pairs), "00000000").hashes_of(asked)
    by_ref = {ref: {h for r, h in pairs if r == ref} for ref in asked}
    assert sorted(rows(found.pairs)) == sorted(
        (ref, next(iter(known))) for ref, known in by_ref.items() if len(known) == 1
    )
    assert sorted(rows(found.ambiguous)) == sorted(
        (ref, one) for ref, known in by_ref.items() if len(known) > 1 for one in known
    )
    assert found.unknown.to_pylist() == [ref for ref in dict.fromkeys(asked) if not by_ref[ref]]


@given(many_pairs, st.lists(hashes, max_size=3))
def test_the_way_back_gives_every_sure_reference(
    pairs: list[tuple[str, str]], asked: list[str]
) -> None:
    found = build(table(pairs), "00000000").refs_of(asked)
    sure = {ref for ref, _ in pairs if len({h for r, h in pairs if r == ref}) == 1}
    assert sorted(rows(found)) == sorted(
        {(ref, one) for ref, one in pairs if ref in sure and one in asked}
    )


def write(path: Path, pairs: list[tuple[str, str]], key_id: str | None) -> Path:
    metadata = {KEY_ID_ENTRY: key_id.encode()} if key_id else None
    pq.write_table(table(pairs).replace_schema_metadata(metadata), path)
    return path


def test_files_of_one_key_are_read_together(tmp_path: Path) -> None:
    one = write(tmp_path / "1.parquet", [("K1", "a" * 32), ("K2", "b" * 32)], "11111111")
    two = write(tmp_path / "2.parquet", [("K1", "c" * 32), ("K2", "b" * 32)], "11111111")
    link = read_link([one, two])
    assert rows(link.sure) == [("K2", "b" * 32)]
    assert rows(link.ambiguous) == [("K1", "a" * 32), ("K1", "c" * 32)]


def test_files_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "1.parquet", [("K1", "a" * 32)], "11111111")
    two = write(tmp_path / "2.parquet", [("K1", "c" * 32)], "22222222")
    none = write(tmp_path / "3.parquet", [("K1", "c" * 32)], None)
    text = tmp_path / "4.parquet"
    text.write_text("card_ref,pan_hash\n")
    with pytest.raises(BadInput, match="different card keys"):
        read_link([one, two])
    for wrong in (none, text, tmp_path / "5.parquet"):
        with pytest.raises(BadInput, match="not a link file"):
            read_link([one, wrong])
    with pytest.raises(BadInput, match="no link file given"):
        read_link([])
