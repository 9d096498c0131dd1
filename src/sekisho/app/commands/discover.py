"""``sekisho discover``: find stored card data in files, archives, mail and databases."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sekisho import __version__
from sekisho.domain.errors import BadInput

_STEPS = {"list": "listing files", "look": "looking into them"}


class Lang(StrEnum):
    """The language of screen and page."""

    EN = "en"
    JA = "ja"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("discover")(discover)


def discover(  # noqa: PLR0913, PLR0917 - the options of the command
    paths: Annotated[
        list[str],
        typer.Argument(help="Files, folders, postgresql:// or mysql:// addresses; - reads a pipe."),
    ],
    json_: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--json", help="Print findings as JSON and nothing else.")
    ] = False,
    sarif: Annotated[
        Path | None, typer.Option(help="Write SARIF 2.1.0, for code hosts and editors.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page to read and print.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Findings accepted earlier; only others are reported.")
    ] = None,
    accept: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--accept", help="Write what is found now to the baseline.")
    ] = False,
    redact: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--redact", help="Write a masked copy beside each text file.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes; chosen by the work by default.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Keep what is done there, and go on from it next time.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only the first N rows of each table.")
    ] = None,
    test_numbers: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--test-numbers", help="Report published test numbers as well.")
    ] = False,
    lang: Annotated[Lang, typer.Option(help="Language of screen and page.")] = Lang.EN,
) -> None:
    """Find card numbers, security codes and magnetic stripes, wherever they are stored.

    Ends with 0 if nothing was found, 1 if something was, 3 if nothing was found but not
    everything could be read, 5 if both, 2 if the command cannot be understood.
    """
    from rich.console import Console  # noqa: PLC0415 - engines load when they are needed

    from sekisho.app import discovering  # noqa: PLC0415
    from sekisho.app.bars import drawn  # noqa: PLC0415
    from sekisho.discovery import baseline as accepted_file  # noqa: PLC0415
    from sekisho.discovery.run import Settings, run  # noqa: PLC0415
    from sekisho.discovery.sarif import sarif as sarif_of  # noqa: PLC0415
    from sekisho.web.discovery.page import Search, render_discovery  # noqa: PLC0415

    _check(paths, baseline, accept=accept, redact=redact, resume=resume)
    root = baseline.resolve().parent if baseline else Path.cwd()
    known = accepted_file.read_baseline(baseline) if baseline and not accept else None
    settings = Settings(workers, sample, test_numbers)
    with drawn(_STEPS) as bars:
        outcome = run(paths, settings, bars, sys.stdin.buffer, resume)
    findings = outcome.findings
    if known is not None:
        findings = accepted_file.not_accepted(findings, known, root)
    search = Search(
        findings, outcome.not_read, outcome.looked_into, __version__,
        outcome.test_numbers, len(outcome.findings) - len(findings),
    )  # fmt: skip
    screen = Console(highlight=False, markup=False, soft_wrap=True, stderr=json_)
    if json_:
        sys.stdout.write(discovering.json_text(discovering.as_json(search)))
    else:
        discovering.tell(screen, search, lang.value)
    if baseline and accept:
        discovering.write_whole(baseline, accepted_file.baseline_text(findings, root))
    if sarif:
        log = sarif_of(findings, outcome.not_read, __version__, Path.cwd())
        discovering.write_whole(sarif, discovering.json_text(log))
    if page:
        discovering.write_whole(page, render_discovery(search, language=lang.value))
    if redact:
        discovering.redact_all(screen, findings, lang.value)
    if baseline and accept:
        raise typer.Exit(discovering.NOT_ALL_READ if outcome.not_read else 0)
    raise typer.Exit(discovering.exit_code(search))


def _check(
    paths: list[str], baseline: Path | None, *, accept: bool, redact: bool, resume: Path | None
) -> None:
    """Raise BadInput for options that do not go together, before anything is looked into."""
    if accept and baseline is None:
        raise BadInput("--accept needs --baseline FILE.", hint="Name the file to write.")
    if redact and resume is not None:
        raise BadInput(
            "--redact does not go with --resume: a masked copy needs the whole search.",
            hint="Run once more without --resume.",
        )
    if paths.count("-") > 1:
        raise BadInput("- can be named once only.", hint="A pipe is read once.")
    for path in paths:
        if path != "-" and "://" not in path and not os.path.lexists(path):
            raise BadInput(f"{path} does not exist.", hint="Check the name.")
