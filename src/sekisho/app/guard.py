"""What nobody foresaw, without the values it happened on."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from sekisho.domain.errors import SekishoError


@contextmanager
def no_values_in_tracebacks() -> Iterator[None]:
    """Turn what nobody foresaw into a message: a library's own words may quote a row."""
    try:
        yield
    except (SekishoError, typer.Exit):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = [frame for frame in frames if "sekisho" in Path(frame.filename).parts][-1]
        raise SekishoError(
            f"this stopped on an unexpected {type(error).__name__} "
            f"({Path(place.filename).name}, line {place.lineno}); nothing was written",
            hint="Report this line. The details are not shown: they may hold card numbers.",
        ) from None
