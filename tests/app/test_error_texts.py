"""Errors in Japanese: the catalogue is held to the program's own texts."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.app.error_texts import _patterns, _put, _whole, language, told

SOURCE = Path(__file__).resolve().parents[2] / "src" / "sekisho"
PLACE = re.compile(r"\{\d+\}")
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
ERRORS = {
    "SekishoError", "BadInput", "MissingColumn", "ClearCardNumbers", "NothingToDo", "Conflict",
    "NotAllowed", "OutputFailed", "StoreUnavailable", "StoreFull", "Interrupted",
}  # fmt: skip
# Where every error that is written out at its place is in the catalogue.
COMPLETE = (
    "warehouse", "discovery", "commonpoint/trace.py", "app/whole_file.py", "app/options.py",
    "app/output.py", "app/discovering.py", "app/opening.py", "app/commands/trace.py",
    "app/commands/import_.py", "app/commands/discover.py", "vault/files.py", "vault/keys.py",
    "vault/replace.py", "vault/secret_files.py", "store/database.py", "store/transaction.py",
    "store/migrate.py",
)  # fmt: skip


def template(node: ast.expr) -> str | None:
    """A text as the catalogue writes it: places numbered; None where it is made elsewhere."""
    pieces = list(_pieces(node))
    if not any(piece for piece, _ in pieces):
        return None
    text, count = "", 0
    for piece, is_place in pieces:
        count += is_place
        text += f"{{{count}}}" if is_place else piece
    return text


def _pieces(node: ast.expr) -> Iterator[tuple[str, bool]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, False
    elif isinstance(node, ast.JoinedStr):
        for value in node.values:
            yield from _pieces(value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _pieces(node.left)
        yield from _pieces(node.right)
    else:
        yield "", True


def texts_of(path: Path) -> tuple[set[str], set[str]]:
    """Every text in a module, and those that its errors are raised with."""
    every, raised = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.expr) and (text := template(node)):
            every.add(text)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS:
            hints = [word.value for word in node.keywords if word.arg == "hint"]
            raised |= {text for one in (*node.args[:1], *hints) if (text := template(one))}
    return every, raised


def test_every_english_text_is_one_of_the_program() -> None:
    every = set().union(*(texts_of(path)[0] for path in SOURCE.rglob("*.py")))
    assert set(_whole()) - every == set(), "a text was changed: change the catalogue with it"


def test_the_commands_that_are_said_to_be_complete_are() -> None:
    lacking = {}
    for name in COMPLETE:
        place = SOURCE / name
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            missing = {one for one in texts_of(path)[1] if one not in _whole()}
            missing = {one for one in missing if re.search(r"[a-z]{3}.* ", PLACE.sub("", one))}
            if missing:
                lacking[path.relative_to(SOURCE).as_posix()] = missing
    assert lacking == {}


def test_both_sides_have_the_same_places() -> None:
    for english, japanese in _whole().items():
        assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(japanese)), english
        assert JAPANESE.search(japanese), english


def test_every_text_comes_back_in_japanese_with_what_was_put_in() -> None:
    for english, japanese in _whole().items():
        values = [f"v{number}.csv" for number in range(len(PLACE.findall(english)))]
        said = told(_put(values, english), "ja")
        assert JAPANESE.search(said), (english, said)
        assert all(value in said for value in values), (english, japanese, said)


def test_what_is_unknown_is_told_in_english() -> None:
    assert told("nobody has written this one", "ja") == "nobody has written this one"
    assert told("", "ja") == ""
    assert told("{1}: braces stay {2}", "ja") == "{1}: braces stay {2}"
    assert len(_patterns()) == len(_whole())


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, "en"),
        ({"SEKISHO_LANG": "ja", "LC_ALL": "C"}, "ja"),
    ],
)
def test_the_language_is_that_of_the_reader(environment: dict[str, str], spoken: str) -> None:
    assert language(environment) == spoken


def test_the_command_line_speaks_japanese(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from sekisho.app.cli import main; main()",
               "trace", "none.csv", "--fraud", "none.csv", "--out", "out"]  # fmt: skip
    for spoken, words in (("ja", "エラー (bad_input): none.csv："), ("en", "error (bad_input)")):
        environment = {"PYTHONPATH": str(SOURCE.parent), "SEKISHO_LANG": spoken}
        environment |= {"PYTHONUTF8": "1", "HOME": str(tmp_path)}
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True,
                               check=False)  # fmt: skip
        assert ended.returncode == 2
        assert words in ended.stderr.decode("utf-8")
