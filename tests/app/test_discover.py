"""`sekisho discover` as people and machines run it."""

from __future__ import annotations

import importlib.util
import io
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import psycopg
import pytest
from benchmarks.parts.card_texts import TEXTS, draw
from typer.testing import CliRunner

from discovery.looking import MACHINE, card, findings, look
from postgres_server import PostgresServer
from sekisho.app.program import program
from sekisho.discovery.finding import Finding, NotRead
from sekisho.discovery.redaction import redact_file
from sekisho.discovery.run import Settings, run
from sekisho.discovery.sources import Looker
from sekisho.domain.errors import BadInput
from sekisho.domain.progress import Silent

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    folder = tmp_path / "planted"
    folder.mkdir()
    return folder


@dataclass(frozen=True)
class Done:
    """What a run came to."""

    returncode: int
    stdout: str
    stderr: str


def discover(*arguments: object, text: str = "") -> Done:
    result = CliRunner().invoke(program(), ["discover", *map(str, arguments)], input=text)
    code = getattr(result.exception, "exit_code", result.exit_code)
    return Done(code, result.stdout, result.stderr)


def test_json_and_exit_codes(planted: Path, tmp_path: Path) -> None:
    (planted / "a.log").write_text(f"ok\ncard {card()} cvv=123\n")
    (planted / "clean.txt").write_text("nothing here\n")
    done = discover(planted, "--json")
    assert done.returncode == 1
    value = json.loads(done.stdout)
    assert set(value) == {"findings", "not_read"}
    pan, code = value["findings"]
    assert (pan["kind"], pan["brand"], pan["line"]) == ("pan", "visa", 2)
    assert pan["masked"] == f"453214******{card()[-4:]}"
    assert (code["kind"], code["brand"], code["masked"]) == ("security_code", None, "***")
    assert set(pan) == {"path", "kind", "brand", "masked", "line", "confidence", "beside"}
    assert card() not in done.stdout + done.stderr
    assert discover(planted / "clean.txt").returncode == 0
    (tmp_path / "old.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    assert discover(tmp_path / "old.7z").returncode == 3
    assert discover(planted, tmp_path / "old.7z").returncode == 5
    assert discover(tmp_path / "gone").returncode == 2
    assert discover(planted, "--accept").returncode == 2
    assert discover(planted, "--json", "--sarif", tmp_path / "no" / "x").returncode == 4


def test_the_screen_says_what_and_where_in_both_languages(planted: Path) -> None:
    (planted / "a.log").write_text(f"card {card()} cvv=123\n" * 7)
    for language, word in (("en", "Begin with the security codes"), ("ja", "対処してください")):
        done = discover(planted, "--lang", language)
        assert word in done.stdout
        assert "***" in done.stdout
        assert card() not in done.stdout + done.stderr


def test_the_screen_shows_codes_and_numbers_in_their_order(planted: Path) -> None:
    (planted / "a.log").write_text(f"cvv=123\ncard {card()} cvv=123\n" * 20)
    shown = discover(planted).stdout
    places = [line.split()[1] for line in shown.splitlines() if line.startswith("  line")]
    assert places == sorted(places, key=int)
    assert shown.count("security code  ***") == shown.count("card number Visa") == 3


def test_a_pipe(tmp_path: Path) -> None:
    done = discover("-", "--json", text=f"one\ntwo {card()}\n")
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["path"], found["line"]) == ("-", 2)


def test_page_sarif_and_baseline(planted: Path, tmp_path: Path) -> None:
    (planted / "a.log").write_text(f"card {card()}\n")
    page, sarif, baseline = tmp_path / "p.html", tmp_path / "s.json", tmp_path / "b.json"
    done = discover(planted, "--page", page, "--sarif", sarif, "--baseline", baseline, "--accept")
    assert done.returncode == 0
    (result,) = json.loads(sarif.read_text())["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("pan", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    for text in (page.read_text(), sarif.read_text(), baseline.read_text()):
        assert card() not in text
    assert discover(planted, "--baseline", baseline).returncode == 0
    (planted / "a.log").write_text(f"a line above\ncard {card()}\n")
    assert discover(planted, "--baseline", baseline).returncode == 0
    (planted / "a.log").write_text(f"card {card()}\ncard {card()}\n")
    assert discover(planted, "--baseline", baseline).returncode == 1
    (tmp_path / "bad.json").write_text("[]")
    assert discover(planted, "--baseline", tmp_path / "bad.json").returncode == 2


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_a_masked_copy_is_the_same_but_for_the_digits(planted: Path, kind: str) -> None:
    lines, encoding, name = TEXTS[kind]
    records = draw(np.random.default_rng(5), 30)
    path = planted / name
    whole = lines(records).encode(encoding)
    path.write_bytes(whole)
    copy = redact_file(path, findings(look(path)), MACHINE).read_bytes()
    assert path.read_bytes() == whole
    assert len(copy) == len(whole)
    assert findings(list(Looker(MACHINE).stream(io.BytesIO(copy), "x"))) == []
    before, after = whole.decode(encoding), copy.decode(encoding)
    assert len(before) == len(after)
    changed = {one for one, other in zip(before, after, strict=True) if one != other}
    assert changed <= set("0123456789０１２３４５６７８９")


def test_a_copy_that_exists_is_not_replaced(planted: Path) -> None:
    (planted / "a.log").write_text(f"card {card()}\n")
    (planted / "a.redacted.log").write_text("mine")
    done = discover(planted / "a.log", "--redact")
    assert "exists already" in done.stdout
    assert (planted / "a.redacted.log").read_text() == "mine"
    assert sorted(one.name for one in planted.iterdir()) == ["a.log", "a.redacted.log"]


def test_resume_skips_what_is_done_and_sees_what_changed(planted: Path, tmp_path: Path) -> None:
    for number in range(5):
        (planted / f"{number}.log").write_text(f"card {card()}\n")
    memory = tmp_path / "done.jsonl"

    def paths() -> list[str]:
        outcome = run([str(planted)], Settings(workers=1), Silent(), io.BytesIO(), memory)
        return sorted(one.path[-5:] for one in outcome.findings)

    assert paths() == [f"{number}.log" for number in range(5)]
    text = memory.read_text()
    assert card() not in text
    memory.write_text(text[: text.rindex("\n") - 20])  # killed in the middle of a line
    (planted / "1.log").write_text("nothing any more\n")
    assert paths() == ["0.log", "2.log", "3.log", "4.log"]
    assert memory.stat().st_mode & 0o077 == 0
    with pytest.raises(BadInput):
        run([str(planted)], Settings(workers=1, sample=3), Silent(), io.BytesIO(), memory)


def test_several_processes_find_the_same(planted: Path) -> None:
    for number in range(90):
        (planted / f"{number:02d}.log").write_text(f"card {card()}\n" if number % 3 else "none\n")
    one = run([str(planted)], Settings(workers=1), Silent(), io.BytesIO())
    two = run([str(planted)], Settings(workers=2), Silent(), io.BytesIO())
    assert [each.path for each in two.findings] == [each.path for each in one.findings]
    assert len(one.findings) == 60


@pytest.fixture
def left_behind() -> ModuleType:
    spec = importlib.util.spec_from_file_location("left_behind", ROOT / "tools" / "left_behind.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_make_test_ends_with_that_search() -> None:
    _, _, recipe = (ROOT / "Makefile").read_text("utf-8").partition("\ntest:")
    steps = recipe.partition("\n\n")[0].splitlines()
    assert [one for one in steps if "pytest" in one or "left_behind" in one][-1].strip() == (
        "@$(RUN)python tools/left_behind.py $(LEFT)"
    )
    assert "--basetemp=$(LEFT)/tests" in recipe
    assert "TMPDIR=$(CURDIR)/$(LEFT)/temporary" in recipe


def test_a_card_left_behind_by_a_test_turns_make_test_red(
    left_behind: ModuleType, tmp_path: Path
) -> None:
    def search(folder: Path) -> int:
        return left_behind.main([str(folder)])

    left = tmp_path / "planted"
    (left / "tests" / "test_x0" / "out").mkdir(parents=True)
    (left / "tests" / "test_x0" / "out" / "clean.txt").write_text("nothing")
    assert search(left) == 0
    (left / "tests" / "test_x0" / "history.csv").write_text(f"card {card()}")
    assert search(left) == 0  # listed, with its reason
    (left / "tests" / "test_x0" / "out" / "history.csv").write_text(f"card {card()}")
    assert search(left) == 1
    (left / "tests" / "test_x0" / "out" / "history.csv").unlink()
    (left / "tests.log").write_text(f"DEBUG cvv=123 {card()}")
    assert search(left) == 1
    assert search(tmp_path / "gone") == 1


def test_a_real_postgresql(postgres: PostgresServer) -> None:
    address = postgres.new_database()
    number = card()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE members (id bigint, pan text, cvv text, note jsonb)")
        connection.execute('CREATE TABLE "odd ""name" (body bytea)')
        connection.execute(
            "INSERT INTO members SELECT n, %s, '123', '{\"a\": 1}' FROM generate_series(1, 5000) n",
            (number,),
        )
        connection.execute('INSERT INTO "odd ""name" VALUES (%s)', (f"card {number}".encode(),))
        connection.execute("CREATE TABLE closed (pan text)")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        connection.execute('GRANT SELECT ON members, "odd ""name" TO reader')
    reports = list(Looker(MACHINE).look(address))
    found = findings(reports)
    assert sum(one.kind == "pan" for one in found) == 5001
    assert sum(one.kind == "security_code" for one in found) == 5000
    assert all(number not in repr(one) for one in found)
    sampled = findings(list(Looker(MACHINE, sample=10).look(address)))
    assert sum(one.kind == "pan" for one in sampled) == 11
    password = address.partition("://")[2].partition("@")[0].partition(":")[2]
    assert not any(password in one.path for one in found)
    as_reader = address.replace(address.partition("://")[2].partition("@")[0], "reader:reader")
    unread = [one for one in Looker(MACHINE).look(as_reader) if isinstance(one, NotRead)]
    assert [one.reason for one in unread] == ["no permission"]
    with psycopg.connect(address) as connection:
        connection.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_a_database_that_is_not_there() -> None:
    for address in ("postgresql://a:secret@127.0.0.1:1/x", "mysql://a:secret@127.0.0.1:1/x"):
        (one,) = Looker(MACHINE).look(address)
        assert isinstance(one, NotRead)
        assert "cannot be reached" in one.reason
        assert "secret" not in one.path + one.reason


def test_what_is_found_reads_back() -> None:
    (found,) = findings(list(Looker(MACHINE).stream(io.BytesIO(f"card {card()}".encode()), "x")))
    again = Finding.from_json(json.loads(json.dumps(found.as_json())))
    assert again.as_json() == found.as_json()
