"""SQL texts that are put together from column names: the only place that quotes them.

Values travel as bound parameters wherever the engine takes them. A view, and the columns of a
file, cannot be parameters; for these, names and constants go through the helpers here.
"""

from __future__ import annotations

from collections.abc import Sequence


def identifier(name: str) -> str:
    """Make a column or table name, quoted so that any name is only a name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Make a text constant, quoted so that any text is only text."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Sequence[str]) -> str:
    """Text constants as a comma-separated list."""
    return ", ".join(literal(text) for text in texts)


def fill(template: str, **parts: str) -> str:
    """``template`` with its ``{names}`` replaced by parts that were quoted already."""
    return template.format_map(parts)
