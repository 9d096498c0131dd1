"""``sekisho key`` and ``sekisho vault`` from making a key to a file for the updater."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from invented_cards import invented_cards
from sekisho.app import cli
from sekisho.app.commands import vault as vault_command
from sekisho.vault import custody
from sekisho.vault.keys import KeyKind, read_key, read_ring
from sekisho.vault.pan import Pan
from sekisho.vault.surrogate import CardRefs

CARDS = invented_cards(np.random.default_rng(12), 20)
WORDS = ("the first one knows this", "the second one knows that")


@dataclass
class Ran:
    code: int
    said: str


@pytest.fixture
def sekisho(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Run a command line in a folder of its own, and look for numbers in what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(custody.write_component, "__defaults__", (4,))  # cheap scrypt

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["sekisho", *" ".join(arguments).split(" ")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = "".join(capfd.readouterr())
        assert not [card for card in CARDS if card[6:] in said]
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, said)

    return run


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Log in as another person."""
    return lambda name: monkeypatch.setattr(vault_command, "_account", lambda: name)


def write_cards(path: Path) -> None:
    """Ten cards replaced by ten others."""
    rows = [f"{CARDS[n]},{CARDS[n + 10] if n < 10 else ''}\n" for n in range(20)]
    path.write_text("pan,replaced_by\n" + "".join(rows))


def secret(path: str, text: str) -> None:
    Path(path).write_text(text + "\n", encoding="utf-8")
    Path(path).chmod(0o600)


def two_custodians() -> str:
    """Places, passphrases, and the options that open what they sealed."""
    for folder in ("a", "b"):
        Path(folder).mkdir()
    secret("p1", WORDS[0])
    secret("p2", WORDS[1])
    return (
        "--component a/1.component --component b/2.component "
        "--passphrase-file p1 --passphrase-file p2"
    )


def test_from_two_custodians_to_an_updater_file(
    sekisho: Callable[..., Ran], account: Callable[[str], None], tmp_path: Path
) -> None:
    both = two_custodians()
    write_cards(tmp_path / "cards.csv")
    assert sekisho("key new --out card.key").code == 0
    made = sekisho(
        "key new --kind number --out number.key --custodian a/1.component "
        "--custodian b/2.component --passphrase-file p1 --passphrase-file p2"
    )
    assert made.code == 0
    assert "check value" in made.said
    done = sekisho(
        "import cards.csv --card-key card.key --keep-numbers cards.vault --number-key number.key "
        f"--keep-days 30 {both} --out out"
    )
    assert done.code == 0, done.said
    assert "20 numbers kept" in done.said
    account("taro")
    granted = sekisho(
        f"vault permit --number-key number.key {both} --to hanako --purpose updater --cards 40 "
        "--until 2999-01-01 --out permit"
    )
    assert "taro allows hanako 40 numbers for updater" in granted.said
    reveal = (
        f"vault reveal cards.vault --cards out/cards.parquet --purpose updater --permit permit "
        f"--number-key number.key {both} --reason updater-file-of-june"
    )
    refused = sekisho(reveal, "--out taro.csv")
    assert refused.code == 2
    assert "it is for hanako, and you are taro" in refused.said
    assert not Path("taro.csv").exists()
    account("hanako")
    revealed = sekisho(reveal, "--out updater.csv")
    assert revealed.code == 3, "ten of the twenty have no replacing card"
    assert "10: no replacing card is known" in revealed.said
    assert Path("updater.csv").read_text().splitlines() == ["old_number,new_number,kind"] + [
        f"{CARDS[n]},{CARDS[n + 10]},A" for n in range(10)
    ]
    assert sekisho(reveal, "--out again.csv").code == 3
    assert "allows 40 cards; 40 are used up" in sekisho(reveal, "--out third.csv").said
    listed = sekisho("vault audit cards.vault.reveals.jsonl")
    assert "hanako  20 numbers for updater" in listed.said
    assert "none changed" in listed.said


def test_a_reveal_stands_in_the_log_of_the_store(
    sekisho: Callable[..., Ran], account: Callable[[str], None], tmp_path: Path
) -> None:
    write_cards(tmp_path / "cards.csv")
    assert sekisho("key new --out card.key").code == 0
    assert sekisho("key new --kind number --out number.key").code == 0
    keep = "--keep-numbers cards.vault --number-key number.key --keep-days 30"
    assert sekisho(f"import cards.csv --card-key card.key {keep} --out out").code == 0
    account("taro")
    sekisho(
        "vault permit --number-key number.key --to hanako --purpose reissue --cards 60 "
        "--until 2999-01-01 --out permit"
    )
    account("hanako")
    reveal = (
        "vault reveal cards.vault --cards out/cards.parquet --purpose reissue --permit permit "
        "--number-key number.key --reason reissue-after-the-leak"
    )
    missing = sekisho(reveal, f"--out no.csv --database sqlite:///{tmp_path}/none/s.db")
    assert missing.code == 2
    assert "there is nothing yet" in missing.said
    assert not Path("no.csv").exists()
    assert sekisho("store migrate").code == 0
    done = sekisho(reveal, "--out one.csv")
    assert "reveals.jsonl and the log of sqlite:///" in done.said, done.said
    assert "intact: 1 entry" in sekisho("audit verify").said
    with closing(sqlite3.connect(tmp_path / "home/sekisho/sekisho.db")) as raw:
        entry = raw.execute("SELECT actor, action, subject, details FROM audit_entry").fetchone()
        assert entry[:3] == ("person:hanako", "vault.reveal", "vault:cards.vault")
        assert json.loads(entry[3])["cards"] == 20
        raw.execute("DROP TABLE chain_head")
        raw.commit()
    refused = sekisho(reveal, "--out two.csv")
    assert refused.code == 2, "no reveal without its entry"
    assert not Path("two.csv").exists()


def test_changing_both_keys_and_retiring_the_old_ones(
    sekisho: Callable[..., Ran], tmp_path: Path
) -> None:
    write_cards(tmp_path / "cards.csv")
    sekisho("key new --out card.key")
    sekisho("key new --kind number --out number.key")
    sekisho(
        "import cards.csv --card-key card.key --keep-numbers cards.vault --number-key number.key "
        "--keep-days 30 --out out"
    )
    old_card = read_key(tmp_path / "card.key")
    old_number = read_ring(tmp_path / "number.key", KeyKind.NUMBER).active
    assert sekisho("key rotate number.key").code == 0
    early = sekisho(f"key retire number.key --id {old_number.key_id} --vault cards.vault")
    assert early.code == 2
    assert "still needs the number key" in early.said
    assert sekisho("vault rewrap cards.vault --number-key number.key").code == 0
    assert sekisho(f"key retire number.key --id {old_number.key_id} --vault cards.vault").code == 0
    sekisho("key rotate card.key")
    early = sekisho(f"key retire card.key --id {old_card.key_id} --vault cards.vault")
    assert "still needs the card key" in early.said
    moved = sekisho(
        "vault rekey cards.vault --card-key card.key --number-key number.key --out map.parquet"
    )
    assert "20 numbers now stand under" in moved.said
    table = pq.read_table(tmp_path / "map.parquet").to_pydict()
    old, new = CardRefs(old_card), CardRefs(read_key(tmp_path / "card.key"))
    assert dict(zip(table["old_card_ref"], table["card_ref"], strict=True)) == {
        old.of(Pan(card)): new.of(Pan(card)) for card in CARDS
    }
    carried = sekisho("vault translate out/cards.parquet --map map.parquet --out carried")
    assert carried.code == 0, carried.said
    assert "30 references in card_ref, replaced_by are new" in carried.said
    assert pq.read_table("carried/cards.parquet").to_pydict() | {"bin": None} == {
        "card_ref": [new.of(Pan(card)) for card in CARDS],
        "replaced_by": [new.of(Pan(CARDS[n + 10])) if n < 10 else None for n in range(20)],
        "bin": None,
    }
    again = sekisho("vault translate carried/cards.parquet --map map.parquet --out twice")
    assert "is under the card key" in again.said
    assert not Path("twice").exists()
    assert sekisho(f"key retire card.key --id {old_card.key_id} --vault cards.vault").code == 0
    shown = sekisho("key show card.key")
    assert shown.said.count("active") >= 1
    assert old_card.key_id not in shown.said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("key new --out a/k --custodian a/1 --custodian a/2", "would lie in one folder"),
        ("key new --out a/k --custodian a/1", "two custodians are needed; 1 given"),
        ("key new --out a/k --custodian a/1 --custodian c/2", "the folder for 2 is not there"),
        (
            ("key new --out a/k --custodian a/1 --custodian b/2 --passphrase-file p1 "
            "--passphrase-file p1"),
            "both custodians chose the same passphrase",
        ),
        ("key new --out a/k --custodian a/1 --custodian b/2", "no terminal to ask at"),
        ("key seal card.key", "two custodians are needed; 0 given"),
        ("key check card.key", "is not a key component"),
        ("key show cards.csv", "can be read by others"),
        ("key show none", "is not there"),
        ("key rotate sealed.key", "needs both components"),
        ("key rotate sealed.key --component a/one", "needs both components"),
        (
            ("key rotate sealed.key --component a/one --component a/one --passphrase-file p1 "
            "--passphrase-file p1"),
            "two different components are needed",
        ),
        (
            "key rotate sealed.key --component a/one --component b/two --passphrase-file p1",
            "2 components and 1 passphrase files",
        ),
        (
            ("key rotate sealed.key --component a/one --component b/two --passphrase-file p2 "
            "--passphrase-file p1"),
            "the passphrase does not fit",
        ),
        ("key retire number.key --id 00000000", "which vault files are locked"),
        ("import cards.csv --card-key sealed.key --out o", "sealed: two custodians"),
        ("import cards.csv --card-key number.key --out o", "is a number key file; a card key"),
        ("import cards.csv --card-key card.key --keep-numbers v --out o", "needs --number-key"),
        ("import cards.csv --card-key card.key --keep-days 3 --out o", "--keep-numbers is not"),
        (
            ("import cards.csv --card-key card.key --keep-numbers v --number-key card.key "
            "--keep-days 3 --out o"),
            "is a card key file; a number key is needed",
        ),
        ("vault show cards.csv", "can be read by others"),
        ("vault show none", "cannot be opened"),
        ("vault audit cards.csv", "line 1: it was changed"),
        ("vault link cards.csv --cards cards.csv --out o", "not a link file"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do_and_leave_nothing(
    sekisho: Callable[..., Ran], tmp_path: Path, line: str, says: str
) -> None:
    both = two_custodians().replace("1.component", "one").replace("2.component", "two")
    write_cards(tmp_path / "cards.csv")
    sekisho("key new --out card.key")
    sekisho("key new --kind number --out number.key")
    sekisho("key new --out sealed.key", both.replace("--component", "--custodian"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ran = sekisho(line)
    assert ran.code == 2, ran.said
    assert says in ran.said
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_custodians_are_asked_one_after_the_other_in_japanese(
    sekisho: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a real terminal: what is typed does not show."""
    two_custodians()
    main, typed = pty.openpty()
    terminal = os.fdopen(typed, "r")
    monkeypatch.setattr(sys, "stdin", terminal)
    answers = iter(["short", *[WORDS[0]] * 2, WORDS[1], "something else", *[WORDS[1]] * 2])
    asked: list[str] = []

    def answer(question: str, **options: object) -> str:
        assert options["hide_input"] is True
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("typer.prompt", answer)
    ran = sekisho(
        "key new --language ja --out card.key --custodian a/1.component --custodian b/2.component"
    )
    terminal.close()
    os.close(main)
    assert ran.code == 0, ran.said
    assert ran.said.index("保管者 1 の方") < ran.said.index("保管者 2 の方")
    assert "二つの入力が一致しません" in ran.said
    assert "12 文字に足りません" in ran.said
    assert not [one for one in WORDS if one in ran.said]
    assert next(answers, None) is None
    assert any("パスフレーズ" in question for question in asked)
    both = "--component a/1.component --component b/2.component"
    shown = sekisho(f"key show card.key {both} --passphrase-file p1 --passphrase-file p2")
    assert "active" in shown.said


def test_a_custodian_is_followed_by_another(sekisho: Callable[..., Ran], tmp_path: Path) -> None:
    both = two_custodians()
    sekisho("key new --out card.key", both.replace("--component", "--custodian"))
    before = (tmp_path / "card.key").read_text().splitlines()[1:]
    secret("p3", "the third one knows another")
    done = sekisho(
        f"key seal card.key {both} --custodian a/3.component --custodian b/4.component "
        "--passphrase-file p1 --passphrase-file p3"
    )
    assert done.code == 0, done.said
    new = "--component a/3.component --component b/4.component"
    assert sekisho(f"key show card.key {new} --passphrase-file p1 --passphrase-file p3").code == 0
    stale = sekisho(f"key show card.key {both}")
    assert stale.code == 2
    assert "needs both components of the seal" in stale.said
    assert not set(before) & set((tmp_path / "card.key").read_text().splitlines())


def test_components_that_open_nothing_are_not_left(
    sekisho: Callable[..., Ran], tmp_path: Path
) -> None:
    two_custodians()
    ran = sekisho(
        "key new --out none/card.key --custodian a/1.component --custodian b/2.component "
        "--passphrase-file p1 --passphrase-file p2"
    )
    assert ran.code == 4, ran.said
    assert "could not be written" in ran.said
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".component"]


KILLED = """
import sys
from sekisho.app.cli import main
sys.argv = ["sekisho", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("seconds", [0.9, 1.2, 1.5, 2.5])
def test_an_import_that_is_killed_leaves_no_number_behind(
    sekisho: Callable[..., Ran], tmp_path: Path, seconds: float
) -> None:
    cards = invented_cards(np.random.default_rng(13), 20_000)
    (tmp_path / "cards.csv").write_text("pan,memo\n" + "".join(f"{card},x\n" for card in cards * 3))
    sekisho("key new --out card.key")
    sekisho("key new --kind number --out number.key")
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", KILLED, *IMPORT_KEEPING.split(" ")]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        process.kill()
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "cards.csv"]
    assert left
    numbers = re.compile(b"|".join(card[:15].encode() for card in cards[:300]))
    assert not [path for path in left if numbers.search(path.read_bytes())]
    if Path("cards.vault").exists():
        held = sekisho("vault show cards.vault").said
        assert "cards.vault: 0 card numbers" in held or "cards.vault: 20,000 card numbers" in held


IMPORT_KEEPING = (
    "import cards.csv --card-key card.key --keep-numbers cards.vault --number-key number.key "
    "--keep-days 30 --out out"
)


def test_cards_are_looked_up_revealed_and_deleted_under_own_references(
    sekisho: Callable[..., Ran], account: Callable[[str], None], tmp_path: Path
) -> None:
    rows = [f"K{n},{CARDS[n]}\n" for n in range(10)] + [f"K0,{CARDS[10]}\n"]
    (tmp_path / "cards.csv").write_text("card_ref,pan\n" + "".join(rows))
    sekisho("key new --out card.key")
    sekisho("key new --kind number --out number.key")
    sekisho(
        "import cards.csv --card-key card.key --keep-numbers cards.vault --number-key number.key "
        "--keep-days 30 --out out"
    )
    (tmp_path / "asked.csv").write_text("card_ref,finding\nK0,1\nK1,1\nK2,1\nK77,1\nK1,2\n")
    found = sekisho(
        "vault link out/vault-link.parquet out/vault-link-ambiguous.parquet --cards asked.csv "
        "--out watch.parquet"
    )
    assert found.code == 3
    assert "1 stand for more than one number, 1 are unknown" in found.said
    assert pq.read_table("watch.parquet").column("card_ref").to_pylist() == ["K1", "K2"]
    apart = pq.read_table("watch-apart.parquet").to_pydict()
    assert list(zip(apart["card_ref"], apart["why"], strict=True)) == [
        ("K0", "ambiguous"),
        ("K0", "ambiguous"),
        ("K77", "unknown"),
    ]
    account("taro")
    sekisho(
        "vault permit --number-key number.key --to hanako --purpose reissue --cards 9 "
        "--until 2999-01-01 --out permit"
    )
    account("hanako")
    revealed = sekisho(
        "vault reveal cards.vault --cards asked.csv --purpose reissue --permit permit "
        "--number-key number.key --reason reissue-of-june --out reissue.csv "
        "--link out/vault-link.parquet --link out/vault-link-ambiguous.parquet"
    )
    assert revealed.code == 3, revealed.said
    assert Path("reissue.csv").read_text() == (
        f"card_ref,number\nK1,{CARDS[1]}\nK2,{CARDS[2]}\n"
    ), "back out under the references that came in"
    assert Path("reissue-apart.csv").read_text().splitlines() == [
        "card_ref,why",
        "K77,not in the link",
        "K0,stands for more than one number",
    ]
    gone = sekisho("vault delete cards.vault --cards asked.csv --link out/vault-link.parquet")
    assert "2 numbers deleted" in gone.said
    assert "9 card numbers" in sekisho("vault show cards.vault").said
    assert "0 numbers deleted, 9 kept" in sekisho("vault purge cards.vault").said
    assert sekisho("vault purge cards.vault --as-of 2999-01-01").code == 2
    listed = (tmp_path / "numbers.csv").write_text(f"card_ref\n{CARDS[0]}\n")
    assert listed
    refused = sekisho("vault delete cards.vault --cards numbers.csv")
    assert refused.code == 2
    assert "holds card numbers" in refused.said


def test_nothing_is_kept_where_the_import_fails(
    sekisho: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "good.csv").write_text(f"pan\n{CARDS[0]}\n{CARDS[1]}\n")
    (tmp_path / "bad.csv").write_text("pan\nno,number\n")
    sekisho("key new --out card.key")
    sekisho("key new --kind number --out number.key")
    keeping = "--card-key card.key --keep-numbers v --number-key number.key --keep-days 3 --out out"
    assert sekisho(f"import good.csv bad.csv {keeping}").code == 2
    assert "v: 0 card numbers" in sekisho("vault show v").said
    assert not Path("out").exists()


def test_the_account_is_the_one_that_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = tmp_path / "loginuid"
    monkeypatch.setattr(vault_command, "_LOGIN", login)
    own = vault_command._account()
    login.write_text(str(2**32 - 1))
    assert vault_command._account() == own
    login.write_text("0")
    assert vault_command._account() == "root"


def test_numbers_are_nowhere_but_in_the_file_that_asked_for_them(
    sekisho: Callable[..., Ran], account: Callable[[str], None], tmp_path: Path
) -> None:
    write_cards(tmp_path / "cards.csv")
    sekisho("key new --out card.key")
    sekisho("key new --kind number --out number.key")
    sekisho(
        "import cards.csv --card-key card.key --keep-numbers cards.vault --number-key number.key "
        "--keep-days 30 --out out"
    )
    account("taro")
    sekisho(
        "vault permit --number-key number.key --to hanako --purpose reissue --cards 40 "
        "--until 2999-01-01 --out permit"
    )
    account("hanako")
    stop = threading.Event()
    seen: set[str] = set()

    def watch() -> None:
        while not stop.is_set():
            seen.update(str(path) for path in tmp_path.rglob("*"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    sekisho(
        "vault reveal cards.vault --cards out/cards.parquet --purpose reissue --permit permit "
        "--number-key number.key --reason reissue-of-june --out reissue.csv"
    )
    stop.set()
    watcher.join()
    holds = {
        path.name
        for path in tmp_path.rglob("*")
        if path.is_file() and any(card.encode() in path.read_bytes() for card in CARDS)
    }
    assert holds == {"cards.csv", "reissue.csv"}
    assert not [name for name in seen if "reissue" in name and not name.endswith("reissue.csv")]
