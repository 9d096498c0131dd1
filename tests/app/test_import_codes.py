"""``sekisho import``: security codes on every path, links, and references of older keys."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from invented_cards import invented_cards
from sekisho.app import cli
from sekisho.vault import files
from sekisho.vault.keys import KeyKind, card_key, new_ring, write_key, write_ring
from sekisho.vault.pan import Pan
from sekisho.vault.surrogate import CardRefs

SECRET = bytes(range(32))
REFS = CardRefs(card_key(SECRET))
CARDS = invented_cards(np.random.default_rng(11), 60)


@dataclass
class Run:
    """Exit code, all that was said, the folder that was written."""

    code: int
    said: str
    out: Path

    def table(self, name: str = "history.parquet") -> dict[str, list[object]]:
        return pq.read_table(self.out / name).to_pydict()


@pytest.fixture
def sekisho(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """Run ``sekisho import`` into a new folder."""
    key = tmp_path / "card.key"
    write_key(key, SECRET)

    def run(*arguments: str | Path, card_key: Path = key) -> Run:
        out = tmp_path / "out"
        command = ["sekisho", "import", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", [*command, "--card-key", str(card_key), "--out", str(out)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = "".join(capfd.readouterr())
        assert not [card for card in CARDS if card[6:] in said]
        code = ended.value.code
        return Run(code if isinstance(code, int) else 0, said, out)

    return run


def ref(card: str) -> str:
    return REFS.of(Pan(card))


# ---------------------------------------------------------------- security codes, on every path


def test_outcomes_of_the_code_check_become_three_words(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    words = ["M", "no match", "P", "", "734", "???", "一致"]
    lines = [f"{card},{word}" for card, word in zip(CARDS, words, strict=False)]
    path = tmp_path / "history.csv"
    path.write_text("pan,cvv_result\n" + "\n".join(lines) + "\n", encoding="utf-8")
    ran = sekisho(path)
    assert ran.table()["cvv_result"] == ["match", "no_match", "absent", None, None, None, "match"]
    assert "column cvv_result: 2 values that may be codes were emptied" in ran.said


def test_codes_that_begin_further_down_are_left_out(
    sekisho: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first chunk shows harmless words only; the codes come later."""
    monkeypatch.setattr(files, "_BLOCK_BYTES", 400)
    rows = [f"{card},C{n:06}" for n, card in enumerate(CARDS[:30])]
    rows += [f"{card},{700 + n}" for n, card in enumerate(CARDS[30:])]
    path = tmp_path / "history.csv"
    path.write_text("pan,cid\n" + "\n".join(rows) + "\n")
    ran = sekisho(path)
    assert ran.code == 0
    assert "cid" not in ran.table()
    assert "column cid was left out: security code" in ran.said


def test_a_few_codes_among_other_words_are_emptied(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    rows = [f"{card},{'C00012' if n % 5 else '734'}" for n, card in enumerate(CARDS)]
    path = tmp_path / "history.csv"
    path.write_text("pan,cid\n" + "\n".join(rows) + "\n")
    ran = sekisho(path)
    assert set(ran.table()["cid"]) == {"C00012", None}
    assert "column cid: 12 values that may be codes were emptied" in ran.said


def test_codes_and_tracks_inside_text_do_not_get_through(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    card = CARDS[0]
    path = tmp_path / "history.csv"
    path.write_text(
        "pan,memo\n"
        f"{CARDS[1]},holder read out cvv 734\n"
        f"{CARDS[2]},swiped ;{card}=29122010000000000734?\n"
        f"{CARDS[3]},セキュリティコードは７３４\n"
        f"{CARDS[4]},order 734\n",
        encoding="utf-8",
    )
    assert sekisho(path).table()["memo"] == [
        "holder read out cvv ***",
        "swiped ******",
        "セキュリティコードは***",
        "order 734",
    ]


# ---------------------------------------------------------------- links and maps


def test_a_reference_with_two_numbers_is_kept_apart(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    path = tmp_path / "history.csv"
    pairs = [("K1", 0), ("K2", 1), ("K1", 2), ("K3", 3), ("K3", 3)]
    path.write_text(
        "card_ref,pan\n" + "".join(f"{own},{CARDS[at]}\n" for own, at in pairs), encoding="utf-8"
    )
    ran = sekisho(path)
    assert ran.table("vault-link.parquet") == {
        "card_ref": ["K2", "K3"],
        "pan_hash": [ref(CARDS[1]), ref(CARDS[3])],
    }
    apart = ran.table("vault-link-ambiguous.parquet")
    assert apart["card_ref"] == ["K1", "K1"]
    assert set(apart["pan_hash"]) == {ref(CARDS[0]), ref(CARDS[2])}
    assert "1 of your references stand for more than one card number" in ran.said


def test_old_references_are_carried_over(sekisho: Callable[..., Run], tmp_path: Path) -> None:
    path, key = tmp_path / "history.csv", tmp_path / "two.key"
    rotated = new_ring(KeyKind.CARD, SECRET).rotated(bytes(32), date(2026, 4, 1))
    write_ring(key, rotated)
    path.write_text(
        "pan,replaced_by\n"
        + "".join(f"{CARDS[n]},{CARDS[n + 1] if n % 2 else ''}\n" for n in range(20))
    )
    ran = sekisho(path, "--old-references", card_key=key)
    new = CardRefs(rotated.active)
    table = ran.table("reference-map.parquet")
    pairs = dict(zip(table["old_card_ref"], table["card_ref"], strict=True))
    assert pairs == {ref(card): new.of(Pan(card)) for card in CARDS[:21]}
    assert ran.table()["card_ref"] == [new.of(Pan(card)) for card in CARDS[:20]]


def test_replacing_cards_are_named_as_the_file_names_cards(
    sekisho: Callable[..., Run], tmp_path: Path
) -> None:
    """Beside references of the caller's own, replaced_by holds such references too."""
    path = tmp_path / "cards.csv"
    rows = [("K0", 0, 1), ("K1", 1, None), ("K2", 2, 3), ("K4", 4, 5), ("K5a", 5, 0), ("K5b", 5, 0)]
    path.write_text(
        "card_ref,pan,replaced_by\n"
        + "".join(
            f"{own},{CARDS[old]},{'' if new is None else CARDS[new]}\n" for own, old, new in rows
        )
    )
    ran = sekisho(path)
    assert ran.table("cards.parquet")["card_ref"] == [own for own, _, _ in rows]
    # Card 3 is in no row; card 5 has two references.
    assert ran.table("cards.parquet")["replaced_by"] == ["K1", None, None, None, "K0", "K0"]
    assert "column replaced_by: 2 cards left empty: no reference of yours, or several" in ran.said
