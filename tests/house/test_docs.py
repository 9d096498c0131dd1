"""The documentation says what is: links, commands, words, sections and the list of changes."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sekisho.app.program import program

# Promised in the documentation and not in the program yet: empty these as they land.
AWAITED_COMMANDS = {"demo", "import", "key", "trace"}
AWAITED_PICTURES = {"docs/images/report.png", "docs/images/demo.png"}

LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) +(.+?) *$", flags=re.MULTILINE)


def without_code(text: str) -> str:
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as code forges make them."""
    titles = (title for _, title in HEADING.findall(without_code(text)))
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in titles)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def broken_links(root: Path, page: str, text: str, pages: dict[str, str]) -> Iterator[str]:
    """Links of one page to files or headings that are not there."""
    for pair in LINK.findall(without_code(text)):
        link = pair[0] or pair[1]
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (root / page).parent / path if path else root / page
        name = target.resolve().relative_to(root).as_posix()
        if not target.exists() and name not in AWAITED_PICTURES:
            yield f"{page}: {link}"
        elif anchor and anchor not in anchors(pages.get(name, "")):
            yield f"{page}: {link} (no such heading)"


def test_every_link_resolves(root: Path, pages: dict[str, str]) -> None:
    assert [
        bad for page, text in pages.items() for bad in broken_links(root, page, text, pages)
    ] == []


def test_a_broken_link_is_seen(root: Path) -> None:
    text = "# One word\n[a](missing.md) [b](#one-word) [c](#two) ![d](docs/none.png)\n"
    found = list(broken_links(root, "README.md", text, {"README.md": text}))
    assert found == [
        "README.md: missing.md",
        "README.md: #two (no such heading)",
        "README.md: docs/none.png",
    ]


def test_every_page_is_reached_from_the_readme(root: Path, pages: dict[str, str]) -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page not in pages:
            continue
        reached.add(page)
        for pair in LINK.findall(without_code(pages[page])):
            path = (pair[0] or pair[1]).partition("#")[0]
            target = ((root / page).parent / path).resolve()
            if path and not re.match(r"[a-z]+:", path) and target.is_relative_to(root):
                linked = target.glob("*.md") if target.is_dir() else [target]
                waiting += [one.relative_to(root).as_posix() for one in linked]
    assert set(pages) - reached == set()


@pytest.mark.parametrize("picture", sorted(AWAITED_PICTURES))
def test_pictures_are_made(root: Path, picture: str) -> None:
    if not (root / picture).exists():
        pytest.skip(f"{picture} is not made yet: make pictures")
    assert (root / picture).read_bytes().startswith(b"\x89PNG")


# ---------------------------------------------------------------- commands


def the_program() -> Any:
    return typer.main.get_command(program())


def console_lines(text: str) -> list[str]:
    """The commands of every ``console`` block, with continued lines joined."""
    blocks = (body for language, body in FENCE.findall(text) if language == "console")
    joined = (body.replace("\\\n", " ") for body in blocks)
    return [line[2:].strip() for body in joined for line in body.splitlines() if line[:2] == "$ "]


def command_trouble(line: str, root_command: Any, targets: set[str]) -> str | None:
    """Why a documented command line cannot work, or None."""
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        asked = [word for word in words[1:] if "=" not in word]
        return next((f"make has no target {word}" for word in asked if word not in targets), None)
    if Path(words[0]).name != "sekisho":
        return None
    command, path, rest = root_command, words[0], words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        name, *rest = rest
        if name in AWAITED_COMMANDS and name not in command.commands:
            return None
        if name not in command.commands and hasattr(command, "default_command"):
            name, rest = command.default_command, [name, *rest]
        if name not in command.commands:
            return f"{path} has no command {name}"
        command, path = command.commands[name], f"{path} {name}"
    known = {option for one in command.params for option in [*one.opts, *one.secondary_opts]}
    asked = [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]
    wrong = [word for word in asked if word not in known | {"--help"}]
    return f"{path} has no option {wrong[0]}" if wrong else None


def every_command(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The program and everything inside it, by what a person types."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from every_command(f"{path} {name}", inner)


def make_targets(root: Path) -> set[str]:
    return set(
        re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    )


def test_documented_commands_exist(root: Path, pages: dict[str, str]) -> None:
    lines = [(page, line) for page, text in pages.items() for line in console_lines(text)]
    assert any(line == "make demo" for _, line in lines)
    targets = make_targets(root)
    troubles = [(page, line, command_trouble(line, the_program(), targets)) for page, line in lines]
    assert [trouble for trouble in troubles if trouble[2]] == []


@pytest.mark.parametrize(
    "line", ["sekisho conjure", "sekisho --conjure", "make conjuring", "sekisho --version --loud"]
)
def test_a_command_that_is_not_there_is_seen(root: Path, line: str) -> None:
    assert command_trouble(line, the_program(), make_targets(root))
    assert command_trouble("sekisho --version", the_program(), make_targets(root)) is None


def test_the_reference_is_what_the_program_says(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("reference", root / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = (root / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert written == reference.page(), "run make reference"
    for path, command in every_command("sekisho", the_program()):
        _, found, below = written.partition(f"## {path}\n")
        assert found, path
        section = below.partition("\n## ")[0]
        options = [one.opts[0] for one in command.params if one.param_type_name == "option"]
        assert [option for option in options if f"`{option}`" not in section] == [], path


def test_every_target_of_make_is_explained(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z]+):.*## \S", makefile, flags=re.MULTILINE))
    assert {"install", "demo", "test", "check", "bench", "lock", "clean", "help"} <= explained
    assert make_targets(root) == explained


# ---------------------------------------------------------------- words and sections


def glossary(root: Path, language: str) -> list[str]:
    text = (root / "docs" / "glossary" / f"{language}.md").read_text(encoding="utf-8")
    return [row[1] for row in re.finditer(r"^\| (`[^|]+`) \|", text, flags=re.MULTILINE)]


def test_both_glossaries_list_the_same_words(root: Path) -> None:
    english, japanese = glossary(root, "en"), glossary(root, "ja")
    assert english == japanese
    assert len(english) > 40
    assert len(set(english)) == len(english), "one word, one row"


def test_the_glossary_knows_the_words_of_a_finding(root: Path) -> None:
    known = set(re.findall(r"\w+", " ".join(glossary(root, "en"))))
    source = (root / "src" / "sekisho" / "domain" / "finding.py").read_text(encoding="utf-8")
    kinds = set(re.findall(r"^    [A-Z_]+ = \"(\w+)\"", source, flags=re.MULTILINE))
    assert kinds, "the kinds of entities and suspects"
    assert kinds <= known


def outline(text: str) -> list[tuple[int, list[str]]]:
    """Depth of each heading and the console lines below it: the same in every language."""
    parts = re.split(r"^(?=#+ )", text, flags=re.MULTILINE)
    headings = [(HEADING.match(part), part) for part in parts]
    return [(len(found[1]), console_lines(part)) for found, part in headings if found]


def test_both_readmes_have_the_same_sections(pages: dict[str, str]) -> None:
    english, japanese = outline(pages["README.md"]), outline(pages["README.ja.md"])
    assert english == japanese
    assert len(english) > 5


def test_the_changelog_says_something(pages: dict[str, str], root: Path) -> None:
    released = re.split(r"^## ", pages["CHANGELOG.md"], flags=re.MULTILINE)[1:]
    assert released
    assert released[0].startswith("[Unreleased]")
    assert re.search(
        r"^### (Added|Changed|Fixed|Removed|Deprecated|Security)\n\n- \S", released[0], re.M
    )
    assert (root / "LICENSE").read_text(encoding="utf-8").count("Apache License") >= 1


def test_every_decision_has_reasons_and_alternatives(pages: dict[str, str]) -> None:
    decisions = {page: text for page, text in pages.items() if re.match(r"docs/decisions/\d", page)}
    assert len(decisions) >= 4
    for page, text in decisions.items():
        titles = {title for _, title in HEADING.findall(text)}
        assert {"Decision", "Reasons", "Alternatives", "Consequences"} <= titles, page
    numbers = [re.search(r"(\d{4})", page).group(1) for page in decisions]  # type: ignore[union-attr]
    assert len(set(numbers)) == len(numbers)
