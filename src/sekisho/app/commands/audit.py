"""``sekisho audit``: verify the log, hand it out, erase personal values from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.bars import drawn
from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    because,
    open_store,
    outside,
    person,
)
from sekisho.app.whole_file import whole_text
from sekisho.app.wording import counted
from sekisho.domain.errors import BadInput

if TYPE_CHECKING:
    from sekisho.store.verify import Head, Verdict

_SHOWN: Final = 20


def verify(
    database: DatabaseOption = None,
    file: Annotated[
        Path | None, typer.Option(help="Verify this exported file instead of a database.")
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(help="A head that you kept outside (NUMBER:HASH); may be given often."),
    ] = None,
) -> None:
    """Say whether the audit log is what was written, and where it is not. Ends with 1 if not."""
    from sekisho.store.verify import head_of  # noqa: PLC0415 - loads the database library

    kept = [head_of(one) for one in head or ()]
    verdict = _of_file(file, kept) if file else _of_database(database, kept)
    _tell(Console(highlight=False, soft_wrap=True), verdict, bool(kept))
    if not verdict.intact:
        raise typer.Exit(1)


def _of_database(database: str | None, kept: list[Head]) -> Verdict:
    from sekisho.store.verify import verify as check  # noqa: PLC0415 - loads the library

    texts = {"verify": "Following the chain"}
    with (
        open_store(database, must_exist=True) as store,
        drawn(texts) as bars,
        store.read() as connection,
    ):
        return check(connection, kept=kept, progress=bars)


def _of_file(file: Path, kept: list[Head]) -> Verdict:
    from sekisho.store.export import verify_export  # noqa: PLC0415 - loads the library

    try:
        with file.open(encoding="utf-8", newline="\n") as texts:
            return verify_export(texts, kept=kept)
    except OSError as error:
        raise BadInput(f"{file.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(
            f"{file.name} is not UTF-8", hint="Give a file that sekisho audit export wrote."
        ) from None


def _tell(console: Console, verdict: Verdict, compared: bool) -> None:  # noqa: FBT001
    for one in verdict.breaks[:_SHOWN]:
        console.print(f"[bold red]entry {one.sequence}[/]: {escape(one.what)}")
    if verdict.broken > _SHOWN:
        console.print(f"... and {verdict.broken - _SHOWN:,} more")
    state = "[bold green]intact[/]" if verdict.intact else "[bold red]broken[/]"
    console.print(
        f"The audit log is {state}: {counted(verdict.entries, 'entry', 'entries')}, "
        f"{counted(verdict.values, 'personal value', 'personal values')}, "
        f"of which {verdict.erased:,} erased"
        + (f"; {verdict.left_out:,} not in this file" if verdict.left_out else "")
        + "."
    )
    if verdict.broken:
        console.print(
            "Somebody wrote to the database behind the program. Keep it as it is, take a copy, "
            "and compare with your last export and kept heads."
        )
        return
    if not verdict.entries:
        return
    console.print(f"head: {verdict.head}")
    if not compared:
        console.print(
            "Keep this line outside (on paper, in another system): with it, the next check also "
            "finds an end that was cut off, and a log that was written anew."
        )
        console.print(f"Next time: sekisho audit verify --head {verdict.head}")


def export(
    out: Annotated[Path, typer.Option(help="The file to write (JSON lines). Must not exist.")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
    with_personal: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--with-personal", help="Personal values too, where not erased.")
    ] = False,
) -> None:
    """Write the log to a file that anyone can verify without the database."""
    from sekisho.store.export import export_lines  # noqa: PLC0415 - loads the library
    from sekisho.store.people import require  # noqa: PLC0415

    needed = "audit.read_personal" if with_personal else "audit.read"
    with open_store(database, must_exist=True) as store:
        with store.transaction(person(person_id), because(reason)) as tx:
            require(tx, needed)
            tx.record("audit.export", "audit:log", {"with_personal": with_personal})
        with whole_text(out) as file, store.read() as connection:
            count = 0
            made_at = outside().clock()
            for line in export_lines(connection, made_at=made_at, with_personal=with_personal):
                file.write(line + "\n")
                count += 1
    console = Console(highlight=False, markup=False, soft_wrap=True)
    kept = "with personal values" if with_personal else "without personal values"
    console.print(f"Wrote {out}: {counted(count - 2, 'entry', 'entries')}, {kept} (mode 0600).")
    console.print(f"Next: sekisho audit verify --file {out}")


def erase(
    subject: Annotated[str, typer.Argument(help="Whose values: kind:id, such as holder:42.")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Erase the personal values that the log keeps about a subject; the chain stays whole."""
    from sekisho.store.erase import erase as take_out  # noqa: PLC0415 - loads the library
    from sekisho.store.people import require  # noqa: PLC0415

    with open_store(database, must_exist=True) as store:
        with store.transaction(person(person_id), because(reason)) as tx:
            require(tx, "audit.erase")
            count = take_out(tx, subject)
        store.database.shrink()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"Erased {counted(count, 'personal value', 'personal values')} about {subject}; "
        "the entries remain."
    )
    console.print("Backups and exports made before still hold them: let those run out too.")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    audit = typer.Typer(help="The audit log: verify it, hand it out, erase personal values.")
    audit.command("verify")(verify)
    audit.command("export")(export)
    audit.command("erase")(erase)
    app.add_typer(audit, name="audit")
