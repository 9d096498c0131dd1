"""The two ways of splitting a block give the same rows, whatever stands in it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.warehouse import csv_files
from sekisho.warehouse.csv_files import OPEN_QUOTE, WRONG_WIDTH, Wanted, read_blocks
from sekisho.warehouse.csv_sniff import CsvFile, sniff

PLACES = {"a": 0, "b": 1, "c": 2}


def described(path: Path = Path("x"), width: int = 3) -> CsvFile:
    return CsvFile(path, "x", None, "utf-8", "\n", ",", width, (), ())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab,"\n x\u3042', max_size=60), st.integers(1, 3))
def test_fast_is_slow_or_stands_back(text: str, width: int) -> None:
    clean = text.encode()
    lines = clean.count(b"\n") + (bool(clean) and not clean.endswith(b"\n"))
    wanted = Wanted({name: PLACES[name] for name in list(PLACES)[:width]}, has_header=False)
    fast = csv_files.split_fast(clean, lines, described(width=width), wanted, 1)
    if fast is None:
        return
    slow, taken = csv_files.split_slow(text, described(width=width), wanted, 1, final=True)
    assert taken == lines
    assert fast.rows.to_pylist() == slow.rows.to_pylist()
    assert dict(fast.broken).keys() == dict(slow.broken).keys()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.text(alphabet='ab,"\n \u3042', max_size=5), min_size=3, max_size=3),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 40),
)
def test_a_written_table_is_read_back_whatever_the_block(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], size: int
) -> None:
    # A cell that begins a row with nothing else, or holds many line ends, is no bank's row.
    table = [[cell.replace("\n\n", "") for cell in cells] for cells in table]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(table)
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(out.getvalue().replace("\n", "\r\n").replace("\r\r", "\r").encode())
    before = csv_files.BLOCK_BYTES
    csv_files.BLOCK_BYTES = size
    try:
        blocks = list(read_blocks(described(path), Wanted(PLACES, has_header=False), bool))
    finally:
        csv_files.BLOCK_BYTES = before
    read = [tuple(row[name] for name in PLACES) for b in blocks for row in b.rows.to_pylist()]
    assert read == [tuple(cells) for cells in table]
    assert not [broken for block in blocks for broken in block.broken]


def test_a_stray_quote_costs_its_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b,c\n1,2,3\n"4,5,6\n7,8,9\n' + "x,y,z\n" * 30 + 'p,"q,r\n')
    blocks = list(read_blocks(sniff(path, "x"), Wanted(PLACES, has_header=True), bool))
    numbers = [number for block in blocks for number in block.rows.column("row__").to_pylist()]
    assert [broken for block in blocks for broken in block.broken] == [
        (3, OPEN_QUOTE),
        (35, OPEN_QUOTE),
    ]
    assert numbers == [2, *range(4, 35)]


def test_line_numbers_count_every_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b,c\n\n1,"2\n2",3\n4,5\n6,7,8\n')
    block = next(read_blocks(sniff(path, "x"), Wanted(PLACES, has_header=True), bool))
    assert block.rows.column("row__").to_pylist() == [3, 6]
    assert block.broken == ((5, WRONG_WIDTH),)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_sniffing(tmp_path: Path, delimiter: str, encoding: str, newline: str) -> None:
    lines = [["会員", "店", "日時"], *[[f"{n:03}", "架空商店", "20240101"] for n in range(20)]]
    path = tmp_path / "x.csv"
    path.write_bytes(newline.join(delimiter.join(line) for line in lines).encode(encoding))
    file = sniff(path, "x")
    assert (file.delimiter, file.width, file.first) == (delimiter, 3, tuple(lines[0]))
    blocks = list(read_blocks(file, Wanted(PLACES, has_header=True), bool))
    read = [[row[name] for name in PLACES] for b in blocks for row in b.rows.to_pylist()]
    assert read == lines[1:]
