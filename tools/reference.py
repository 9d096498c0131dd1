"""Write docs/reference/cli.md from the command line itself: ``make reference``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer

from sekisho.app.program import program
from sekisho.domain.errors import SekishoError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
HEAD = """# The command line

This page is written by `make reference` from the program itself; `make test` fails when the two
differ. The files that go in and come out are described in [files.md](files.md).
"""
EXIT_HEAD = """## Exit codes

Troubles come as one message: what is wrong, where (file, row, field), and what to do. No message
ever holds a card number. Results are written whole or not at all. With `SEKISHO_LANG=ja`, or
where the terminal's locale is Japanese, the messages of `trace`, `import`, `discover`, of key files
and of the database are in Japanese; others, and those of the option parser, stay in English.

| Exit code | Code | Meaning |
|---|---|---|
| 0 | | done |
| 3 | | done, but not everything could be used; the message counts what was kept apart |
"""


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


def page() -> str:
    """The whole page: the program, each command in alphabetical order, the exit codes."""
    root: Any = typer.main.get_command(program())
    return "\n".join(
        [HEAD, *sections("sekisho", root), EXIT_HEAD + "".join(exit_rows(SekishoError))]
    )


def sections(title: str, command: Any) -> list[str]:
    """The section of a command, then those of the commands inside it."""
    inside = getattr(command, "commands", {})
    below = (sections(f"{title} {name}", inside[name]) for name in sorted(inside))
    return [section(title, command), *(part for parts in below for part in parts)]


def section(title: str, command: Any) -> str:
    """One command: its help, its usage line, its arguments and options."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join([title, *(placeholder(one) for one in arguments), "[OPTIONS]"])
    parts = [f"## {title}\n", (command.help or "").strip() + "\n", f"```text\n{usage}\n```\n"]
    if arguments:
        rows = "".join(f"| `{placeholder(one)}` | {cell(one.help)} |\n" for one in arguments)
        parts.append("| Argument | Meaning |\n|---|---|\n" + rows)
    if options:
        rows = "".join(option_row(one) for one in options if not one.hidden)
        parts.append("| Option | Meaning | Default |\n|---|---|---|\n" + rows)
    return "\n".join(parts)


def placeholder(argument: Any) -> str:
    """An argument as it is shown in the usage line."""
    name = argument.metavar or argument.name.upper()
    return f"{name}..." if argument.nargs == -1 and not name.endswith("...") else name


def option_row(option: Any) -> str:
    """One option as a row of the table; a required one says so in place of a default."""
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return f"| {names} | {cell(option.help)} | {cell(shown_default(option))} |\n"


def shown_default(option: Any) -> str:
    """The default as a person would type it; empty where there is none."""
    if option.required:
        return "required"
    default = option.default
    if callable(default) or default is None or default is False or default in ((), [], ""):
        return ""
    if default is True:
        return "on"
    return f"`{getattr(default, 'value', default)}`"


def cell(text: str | None) -> str:
    """Text that fits into one cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def exit_rows(error: type[SekishoError]) -> list[str]:
    """A row for each kind of trouble below ``error``, in the order in which they are defined."""
    rows = []
    for kind in error.__subclasses__():
        if kind.__module__ != SekishoError.__module__:
            continue  # a finer kind inside one package shares its parent's row
        meaning = (kind.__doc__ or "").strip().splitlines()[0]
        rows.append(f"| {kind.exit_code} | `{kind.code}` | {cell(meaning)} |\n")
        rows += exit_rows(kind)
    return rows


if __name__ == "__main__":
    sys.exit(main())
