"""Letters read back from the finished PDF, and names that cannot be set."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from sekisho.gateways.outbound.letter import fonts, print_house
from sekisho.gateways.outbound.letter.page import Letter, Window, addressed, blocks, postal_lines
from sekisho.gateways.outbound.letter.typeset import Typesetter, kept_back

AT = datetime(2026, 11, 23, tzinfo=UTC)
LETTER = Letter(
    language="ja",
    postal=("〒100-0000", "東京都架空区架空町一丁目2番3号"),
    recipient="髙橋 﨑子 様",
    date="令和8年11月23日",
    number="K7QM-4XPD-92RT-H",
    sender=("架空カード株式会社", "〒100-0000 東京都架空区", "電話 0120-000-000"),
    title="お詫びとお知らせ",
    body="本文です。\n\n# 見出し\n- 一つ目\n- 二つ目\n\n終わり",
    foot="通知番号でお確かめください。",
)


@pytest.fixture(scope="module")
def faces() -> fonts.Fonts:
    return fonts.shipped()


@pytest.fixture(scope="module")
def typesetter(faces: fonts.Fonts) -> Typesetter:
    return Typesetter(faces)


def letter(number: int, **changes: object) -> Letter:
    changed = replace(LETTER, recipient=f"架空 {number}郎 様", number=f"2345-6789-B{number:03}-C")
    return replace(changed, **changes)  # type: ignore[arg-type]


def flat(text: str) -> str:
    """Text without the spaces that setting Japanese beside Latin brings."""
    return "".join(text.split())


def test_everything_stands_on_the_page(typesetter: Typesetter) -> None:
    batch = typesetter.set([LETTER], at=AT)
    text = flat(PdfReader(io.BytesIO(batch.pdf)).pages[0].extract_text())
    for part in LETTER.texts()[:-1]:
        assert flat(part) in text, part
    for part in ("本文です。", "見出し", "・一つ目", "・二つ目", "終わり", "通知番号"):
        assert part in text
    assert "#" not in text


def test_the_address_lies_in_the_window(typesetter: Typesetter) -> None:
    """Positions of the address's words, in millimetres from the top left of the sheet."""
    page = PdfReader(io.BytesIO(typesetter.set([LETTER], at=AT).pdf)).pages[0]
    found: list[tuple[str, float, float]] = []

    def visit(text: str, user: list[float], matrix: list[float], *_: object) -> None:
        x = user[0] * matrix[4] + user[2] * matrix[5] + user[4]
        y = user[1] * matrix[4] + user[3] * matrix[5] + user[5]
        found.append((flat(text), x / 72 * 25.4, 297 - y / 72 * 25.4))

    page.extract_text(visitor_text=visit)
    window = Window()
    inside = [
        (text, x, y)
        for text, x, y in found
        if text and x < window.left + window.width and y < window.top + window.height
    ]
    joined = "".join(text for text, _, _ in inside)
    for line in (*LETTER.postal, LETTER.recipient):
        assert flat(line) in joined
    assert all(x >= window.left and y >= window.top for _, x, y in inside)
    assert "お詫び" not in joined


def test_is_pdf_a(typesetter: Typesetter) -> None:
    """What ISO 19005-2 asks for and can be seen without a validator."""
    batch = typesetter.set([letter(n) for n in range(3)], at=AT)
    with pikepdf.open(io.BytesIO(batch.pdf)) as pdf:
        with pdf.open_metadata() as metadata:
            assert metadata["pdfaid:part"] == "2"
            assert metadata["pdfaid:conformance"] == "B"
        (intent,) = pdf.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1"
        assert len(intent.DestOutputProfile.read_bytes()) > 100
        assert "/AcroForm" not in pdf.Root
        assert "/Encrypt" not in pdf.trailer
        assert "/ID" in pdf.trailer
        embedded = 0
        for thing in pdf.objects:
            if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor":
                assert {"/FontFile3", "/FontFile2"} & set(thing.keys()), "the font is in the file"
                embedded += 1
            if isinstance(thing, pikepdf.Dictionary):
                assert thing.get("/S") not in ("/JavaScript", "/Launch")
        assert embedded >= 2


def test_the_same_letters_are_the_same_bytes(typesetter: Typesetter, faces: fonts.Fonts) -> None:
    some = [letter(n) for n in range(4)]
    assert typesetter.set(some, at=AT).pdf == Typesetter(faces).set(some, at=AT).pdf


def test_every_letter_begins_a_page_and_long_ones_go_on(typesetter: Typesetter) -> None:
    long = letter(1, body="\n\n".join(["長い段落です。" * 30] * 12))
    batch = typesetter.set([letter(0), long, letter(2)], at=AT)
    assert batch.first_pages[:2] == (1, 2)
    assert batch.first_pages[2] >= 4
    reader = PdfReader(io.BytesIO(batch.pdf))
    assert len(reader.pages) == batch.pages
    for first, one in zip(batch.first_pages, (letter(0), long, letter(2)), strict=True):
        assert flat(one.recipient) in flat(reader.pages[first - 1].extract_text())


def test_pages_are_numbered_where_there_are_several(typesetter: Typesetter) -> None:
    """And the bytes are the same whatever was set before: one page, or two."""
    short = [letter(n) for n in range(3)]
    long = [letter(n, body="\n\n".join(["長い段落です。" * 30] * 9)) for n in range(2)]
    mixed = [short[0], long[0], short[1]]
    batch = typesetter.set(mixed, at=AT)
    assert batch.pages_each == [1, 2, 1]
    pages = [flat(page.extract_text()) for page in PdfReader(io.BytesIO(batch.pdf)).pages]
    assert ["1/2" in text for text in pages] == [False, True, False, False]
    assert ["2/2" in text for text in pages] == [False, False, True, False]
    first = typesetter.set(long, at=AT)
    assert typesetter.set(mixed, at=AT).pdf == batch.pdf
    assert typesetter.set(short, at=AT).pages_each == [1, 1, 1]
    assert typesetter.set(long, at=AT).pdf == first.pdf


def test_no_page_begins_with_a_single_line_of_a_paragraph(typesetter: Typesetter) -> None:
    for lines in range(18, 30):
        body = "\n\n".join(["短い段落です。"] * lines + ["長い段落です。" * 20])
        batch = typesetter.set([letter(0, body=body)], at=AT)
        if batch.pages == 1:
            continue
        second = PdfReader(io.BytesIO(batch.pdf)).pages[1].extract_text()
        assert flat(second).count("長い段落です。") != 1
    assert batch.pages == 2, "the paragraph has gone over the edge"


def test_text_is_never_markup(typesetter: Typesetter) -> None:
    hostile = '#read("/etc/passwd") $x^2$ *b* _i_ \\u{41} @ref <label> `raw` = h'
    batch = typesetter.set([letter(0, body=hostile, title="#panic()")], at=AT)
    text = flat(PdfReader(io.BytesIO(batch.pdf)).pages[0].extract_text())
    assert "#panic()" in text
    assert 'read("/etc/passwd")$x^2$*b*_i_' in text.replace("“", '"').replace("”", '"')


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("髙橋 﨑子", []),
        ("𠮷田 太郎", []),
        ("渡邉 齋藤 濵 桒", []),
        ("葛\U000e0100飾", []),
        ("葛\U000e01ef飾", ["葛\U000e01ef"]),
        ("\U0001b000\U0001b001", ["\U0001b000", "\U0001b001"]),
        ("\ue000 外字", ["\ue000"]),
        ("Ægir Þór É", []),
        ("한글", ["한", "글"]),
    ],
)
def test_names_are_set_exactly_or_kept_back(
    faces: fonts.Fonts, name: str, lacking: list[str]
) -> None:
    assert faces.missing([name]) == lacking
    reason = kept_back(letter(0, recipient=f"{name} 様"), faces)
    assert bool(reason) is bool(lacking)
    for one in lacking:
        assert f"U+{ord(one[0]):04X}" in reason


def test_rare_characters_come_out_of_the_pdf_as_they_went_in(typesetter: Typesetter) -> None:
    batch = typesetter.set([letter(0, recipient="𠮷田髙﨑 様")], at=AT)
    assert "𠮷田髙﨑" in flat(PdfReader(io.BytesIO(batch.pdf)).pages[0].extract_text())


def test_a_variant_has_a_glyph_of_its_own(typesetter: Typesetter) -> None:
    plain = typesetter.set([letter(0, recipient="葛 様")], at=AT)
    other = typesetter.set([letter(0, recipient="葛\U000e0101 様")], at=AT)
    assert plain.pdf != other.pdf


def test_an_address_that_does_not_fit_is_kept_back(faces: fonts.Fonts) -> None:
    long = letter(0, postal=("〒100-0000", *("東京都架空区架空町" * 3,) * 3))
    assert "lines" in kept_back(long, faces)
    assert kept_back(letter(0, postal=()), faces) == "no address"
    assert kept_back(letter(0), faces) == ""


def test_addresses() -> None:
    lines = ("東京都架空区", " ", "架空ビル")
    assert postal_lines("1000001", lines, "ja") == ("〒100-0001", "東京都架空区", "架空ビル")
    assert postal_lines("〒１００－０００１", lines, "ja")[0] == "〒100-0001"
    assert postal_lines("100-0001", ("1-1 Kakuu",), "en") == ("1-1 Kakuu", "100-0001 JAPAN")
    assert postal_lines("SW1A", ("1 Road",), "en") == ("1 Road", "SW1A")
    assert addressed("架空 花子", "", "ja") == "架空 花子 様"
    assert addressed("架空商事株式会社", "御中", "ja") == "架空商事株式会社 御中"
    assert addressed("Hanako", "様", "en") == "Hanako"


def test_blocks() -> None:
    found = list(blocks("一行目\n二行目\n# 見出し\n- 項目\n\n終わり", "ja"))
    assert [(one["kind"], one["text"]) for one in found] == [
        ("text", "一行目二行目"), ("heading", "見出し"), ("bullet", "項目"), ("text", "終わり"),
    ]  # fmt: skip
    assert next(blocks("one\ntwo", "en"))["text"] == "one two"


def test_a_printing_house_can_count_and_check(typesetter: Typesetter, tmp_path: Path) -> None:
    letters = [letter(n) for n in range(230)]
    printed = print_house.write(tmp_path, letters, typesetter, at=AT)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "index.csv", "index.json", "letters-0001.pdf", "letters-0002.pdf", "letters-0003.pdf",
    ]  # fmt: skip
    index = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert index["letters"] == 230 == len(index["sheets"])
    for file in index["files"]:
        digest = hashlib.sha256((tmp_path / file["name"]).read_bytes()).hexdigest()
        assert digest == file["sha256"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "index.csv").read_text("utf-8"))))
    assert [int(row["sequence"]) for row in rows] == list(range(1, 231))
    assert [row["number"] for row in rows] == [one.number for one in letters]
    assert sum(int(row["pages"]) for row in rows) == printed.pages
    for row in (rows[0], rows[150], rows[229]):
        page = PdfReader(tmp_path / row["file"]).pages[int(row["first_page"]) - 1]
        assert row["number"] in page.extract_text()
    assert "架空" not in (tmp_path / "index.csv").read_text(encoding="utf-8")
