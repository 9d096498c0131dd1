"""Open inputs in a test: files from bytes, everything else with plain defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sekisho.domain.progress import Progress, Silent
from sekisho.warehouse.intake import InputRequest, Inputs, open_inputs


def never(values: Sequence[str]) -> bool:
    return False


def sixteen_digits(values: Sequence[str]) -> bool:
    return all(len(value) == 16 and value.isdigit() for value in values)


class Recorder(Silent):
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.done = 0.0

    def step(self, name: str, *, total: float | None = None) -> None:
        self.steps.append(name)

    def advance(self, amount: float) -> None:
        self.done += amount


class Folder:
    """A folder for one test's files, and the way to open them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = 0

    def file(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    @contextmanager
    def opened(
        self,
        transactions: Sequence[Path] | Path,
        fraud: Path | None = None,
        *,
        columns: Mapping[str, str] | str = "",
        holds: Any = never,
        progress: Progress | None = None,
        **others: Any,
    ) -> Iterator[Inputs]:
        if isinstance(columns, str):
            columns = dict(pair.split("=", 1) for pair in columns.split(",") if pair)
        files = (transactions,) if isinstance(transactions, Path) else tuple(transactions)
        self.runs += 1
        inputs = open_inputs(
            InputRequest(files, fraud, columns=columns, **others),
            workdir=self.path / f"work{self.runs}",
            memory_limit="500MB",
            threads=1,
            progress=progress or Silent(),
            holds_card_numbers=holds,
        )
        try:
            yield inputs
        finally:
            inputs.connection.close()


def rows(inputs: Inputs, columns: str, table: str = "transactions") -> list[tuple[Any, ...]]:
    return inputs.connection.execute(
        f"SELECT {columns} FROM {table} ORDER BY ALL"  # noqa: S608
    ).fetchall()


def notes(inputs: Inputs) -> str:
    return "\n".join(note for file in inputs.files for note in file.notes)


def rejects(inputs: Inputs) -> list[str]:
    return inputs.reject_file.read_text(encoding="utf-8").splitlines()[1:]


def moment(*parts: int) -> datetime:
    """Wall-clock time, naive as in the views."""
    return datetime(*parts)  # type: ignore[arg-type,misc]  # noqa: DTZ001


def day(text: str) -> date:
    return date.fromisoformat(text)
