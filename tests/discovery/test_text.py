"""Numbers, codes and stripes in text: found with what stands around them, ids left alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.looking import MACHINE, card, findings, in_text, kinds
from sekisho.discovery.text import BLOCK, MARGIN, TextScan

JAPANESE = ["utf-8", "cp932", "euc_jp", "iso2022_jp", "utf-16-le", "utf-16", "utf-16-be"]


@pytest.mark.parametrize("encoding", JAPANESE)
def test_japanese_right_beside_the_digits(encoding: str) -> None:
    text = f"お客様のカード番号は{card()}です。セキュリティコードは123、有効期限は12/27です。\n" * 3
    assert kinds(text, encoding) == ["pan"] * 3 + ["security_code"] * 3
    assert [one.line for one in in_text(text, encoding) if one.kind == "pan"] == [1, 2, 3]


@pytest.mark.parametrize("encoding", JAPANESE)
def test_full_width_digits(encoding: str) -> None:
    wide = card().translate({0x30 + at: 0xFF10 + at for at in range(10)})
    assert kinds(f"番号：{wide}を登録、カード確認番号：９８７", encoding) == [
        "pan",
        "security_code",
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{{"number": "{0}", "cvv": "123"}}',
        "<pan>{0}</pan><cvv2>123</cvv2>",
        "card={0}&cvv=123",
        "cc_number: '{0}'\nsecurity_code: 123",
        "INSERT INTO t (id, pan, cvv) VALUES (1, '{0}', '123');",
        "id,pan,cvv\n1,{0},123\n",
        "{0} 12/27 123",
        "{0};123;1227",
        '\\"pan\\":\\"{0}\\",\\"cvc\\":\\"123\\"',
        '<input name="cvv" value="123"> {0}',
        "COPY t (id, pan, cvv) FROM stdin;\n1\t{0}\t123\n\\.\n",
    ],
)
def test_a_code_by_name_or_place(text: str) -> None:
    assert kinds(text.format(card())) == ["pan", "security_code"]


@pytest.mark.parametrize(
    "text",
    [
        "cvv_result=123",
        "cvv match: 1",
        "the accident 123",
        "verification code: 1234",
        "cid=123",
        "cvv: ***",
        "cvv required, 3 digits",
        "cvv=12345",
    ],
)
def test_what_is_no_code(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "a{0}",
        "{0}b",
        "{0}7",
        "1.{0}",
        "123-{0}",
        "+{0}",
        "user_id: {0}",
        "注文番号：{0}",
        "order {0}",
        "550e8400-e29b-41d4-{0}",
        "{0}.25",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert kinds(text.format(card())) == []


def test_track_data_is_one_finding_each() -> None:
    number = card()
    text = f"%B{number}^KAKUU/HANAKO^2712201000000000?;{number}=27122010000000000000?"
    assert kinds(text) == ["track", "track"]


def test_published_test_numbers_are_no_findings() -> None:
    assert kinds("card 4111111111111111 and " + card("4" + "0" * 12 + "77")) == []


def test_a_column_of_random_ids_is_no_column_of_cards() -> None:
    chance = np.random.default_rng(3)
    ids = chance.integers(4 * 10**15, 5 * 10**15, 2000)
    log = "".join(f"2026-11-23 10:00:00 INFO job={one} done in {one % 97} ms\n" for one in ids)
    assert kinds(log) == []
    assert kinds("\n".join(str(4 * 10**15 + at) for at in range(500))) == []
    middle = len(log) // 2
    at = log.index("\n", middle) + 1
    mixed = f"{log[:at]}payment by card {card()} accepted\n{log[at:]}"
    assert kinds(mixed) == ["pan"]


def test_a_column_of_cards_with_some_typing_errors_is_one() -> None:
    chance = np.random.default_rng(4)
    rows = [card("45" + "".join(map(str, chance.integers(0, 10, 13)))) for _ in range(60)]
    broken = [one[:-1] + str((int(one[-1]) + 1) % 10) for one in rows[:3]]
    assert len(in_text("\n".join(broken + rows[3:]))) == 57


def test_numbers_are_masked_wherever_a_finding_is_shown() -> None:
    number = card()
    for one in in_text(f"card {number} cvv 987 {number}"):
        assert number not in repr(one)
        assert "987" not in repr(one)
        assert number[6:12] not in repr(one)


class Endless:
    """One line of any length with a card at each of some places; nothing of it is kept."""

    def __init__(self, size: int, places: dict[int, bytes]) -> None:
        self.size, self.places, self.at, self.largest = size, places, 0, 0

    def read(self, size: int) -> bytes:
        self.largest = max(self.largest, size)
        size = min(size, self.size - self.at)
        part = bytearray(b"x" * size)
        for place, text in self.places.items():
            for offset, byte in enumerate(text):
                if self.at <= place + offset < self.at + size:
                    part[place + offset - self.at] = byte
        self.at += size
        return bytes(part)


def test_one_line_of_any_length_in_bounded_pieces() -> None:
    text = f" card {card()} ".encode()
    places = dict.fromkeys((0, BLOCK - 10, BLOCK + 65536 - 2050, 3 * BLOCK - 7), text)
    stream = Endless(3 * BLOCK + 1000, places)
    found = findings(list(TextScan(MACHINE, "x").run(stream.read)))
    assert len(found) == 4
    assert stream.largest <= BLOCK
    assert {one.line for one in found} == {1}


def test_a_statement_is_read_wherever_a_block_ends() -> None:
    columns, row = "INSERT INTO c (id, holder, pan, cvv)", f"(3, 'A B', '{card()}', '123')"
    statement = f"{columns} VALUES {row};\n"
    for inside in range(0, len(statement) + 30, 3):  # the first block ends so far in
        rest = "x" * (MARGIN + inside - len(statement))
        assert kinds(f"{'-' * 500}\n{statement}{rest}") == ["pan", "security_code"], inside


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_looked_through(data: bytes) -> None:
    list(TextScan(MACHINE, "x").run(io.BytesIO(data).read))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["utf-8", "cp932", "utf-16-le", "euc_jp"]))
def test_any_text_around_a_named_card(text: str, encoding: str) -> None:
    around = text.replace("\r", " ")
    data = f"{around}\nカード番号: {card()}\n{around}".encode(encoding, "ignore")
    scan = TextScan(MACHINE, "x", encoding)
    found = findings(list(scan.run(io.BytesIO(data).read)))
    assert any(one.masked.startswith("453214") for one in found)
