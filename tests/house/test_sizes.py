"""Functions, files and parameter lists stay small enough to be read at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDERS = ("src", "tests", "benchmarks", "tools", "docs")
FUNCTION_LINES = 70
FILE_LINES = 600
PARAMETERS = 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_command(function: Function) -> bool:
    """A function whose parameters are options of the command line: their number is its purpose."""
    return "typer." in ast.unparse(function.args)


def is_kernel(function: Function) -> bool:
    """A function that numba compiles: it takes arrays one by one, for it can take no objects."""
    return any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)


def own_lines(function: Function) -> int:
    """Lines of a function without those of functions inside it (nor a command's option list)."""
    first = function.body[0].lineno if is_command(function) else function.lineno
    lines = (function.end_lineno or first) - first + 1
    inner = [
        node for node in ast.walk(function) if node is not function and is_outermost(node, function)
    ]
    return lines - sum((node.end_lineno or 0) - first_line(node) + 1 for node in inner)


def is_outermost(node: ast.AST, function: Function) -> bool:
    """Whether ``node`` is a function directly inside ``function``, in no other function."""
    if not isinstance(node, Function):
        return False
    others = [other for other in ast.walk(function) if isinstance(other, Function)]
    holders = [other for other in others if other not in (function, node)]
    return not any(node in ast.walk(holder) for holder in holders)


def first_line(function: Function) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def parameter_count(function: Function) -> int:
    listed = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in listed)


def offences(source: str) -> list[str]:
    """What is too large in one file."""
    found = []
    if (lines := source.count("\n")) > FILE_LINES:
        found.append(f"file of {lines} lines")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, Function):
            continue
        if (lines := own_lines(node)) > FUNCTION_LINES:
            found.append(f"{node.name}: {lines} lines")
        if is_command(node) or is_kernel(node):
            continue
        if (count := parameter_count(node)) > PARAMETERS:
            found.append(f"{node.name}: {count} parameters")
    return found


def test_nothing_is_too_large(root: Path, kept_texts: dict[Path, str]) -> None:
    sources = {
        path.relative_to(root): text for path, text in kept_texts.items() if path.suffix == ".py"
    }
    judged = {path: text for path, text in sources.items() if path.parts[0] in FOLDERS}
    assert judged
    found = [f"{path}: {offence}" for path, text in judged.items() for offence in offences(text)]
    assert found == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("x = 1\n" * 601, "file of 601 lines"),
        ("def f():\n" + "    x = 1\n" * 70, "f: 71 lines"),
        ("def f(a, b, c, *, d, e, f, g): ...\n", "f: 7 parameters"),
    ],
)
def test_an_offence_is_seen(source: str, offence: str) -> None:
    assert offences(source) == [offence]


def test_what_is_allowed() -> None:
    options = ", ".join(f"o{i}=typer.Option(1)" for i in range(9))
    long_inside = "def f():\n    def g():\n" + "        x = 1\n" * 60 + "    y = 1\n" * 20
    assert offences(f"def command({options}): ...\n") == []
    assert offences("@nb.njit(cache=True)\ndef f(a, b, c, d, e, f, g): ...\n") == []
    assert offences(long_inside) == []
    assert offences("class A:\n    def m(self, a, b, c, d, e, f): ...\n") == []
