"""``sekisho import``: put card references in the place of card numbers.

The only door through which clear card numbers come in. They are in memory only: surrogates are
written before any engine (and its spill files) sees the data.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from sekisho.app.commands.key import Components, Passphrases
from sekisho.app.custodians import Custodians
from sekisho.app.guard import no_values_in_tracebacks
from sekisho.app.keeping import Wish, keep_wish, kept
from sekisho.app.own_references import own_references
from sekisho.domain.errors import BadInput, NothingToDo, OutputFailed, Rejected
from sekisho.vault.files import ColumnNames, read_chunks, shown
from sekisho.vault.keys import CardKey, KeyKind, read_ring
from sekisho.vault.link import KEY_ID_ENTRY
from sekisho.vault.numbers import Keeping
from sekisho.vault.pan import redact
from sekisho.vault.replace import (
    REPLACED_BY,
    Counts,
    Intake,
    LateCardNumbers,
    Plan,
    Replacer,
    plan_columns,
)
from sekisho.vault.surrogate import CardRefs

REJECTS = "rejects.csv"
LINK = "vault-link.parquet"
AMBIGUOUS = "vault-link-ambiguous.parquet"
MAP = "reference-map.parquet"


@dataclass(frozen=True, slots=True)
class Imported:
    """One file that was imported: its base name, the file written, what was done."""

    source: str
    written: str
    plan: Plan
    counts: Counts


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("import")
    def import_(  # noqa: PLR0913, PLR0917 - options of the command line
        files: Annotated[
            list[Path], typer.Argument(help="CSV or Parquet files with card numbers.")
        ],
        card_key: Annotated[Path, typer.Option(help="Key file (sekisho key new --out FILE).")],
        out: Annotated[Path, typer.Option(help="Folder to write. Must not exist or be empty.")],
        columns: Annotated[
            str,
            typer.Option(
                help="pan=NAME,... or, for files without a header, 1=pan,2=merchant_id,..."
            ),
        ] = "",
        old_references: Annotated[  # noqa: FBT002 - a flag
            bool,
            typer.Option(
                "--old-references",
                help="Also write reference-map.parquet: what each card was called under the "
                "older keys of the key file.",
            ),
        ] = False,
        keep_numbers: Annotated[
            Path | None,
            typer.Option(
                help="Vault file in which the numbers are kept, encrypted, for updater and "
                "reissue files; made if it is not there. Without it no number is kept."
            ),
        ] = None,
        number_key: Annotated[
            Path | None,
            typer.Option(help="Key file for kept numbers (sekisho key new --kind number)."),
        ] = None,
        keep_days: Annotated[
            int | None,
            typer.Option(min=1, max=3650, help="Days after which a kept number is deleted."),
        ] = None,
        component: Components = None,
        passphrase_file: Passphrases = None,
    ) -> None:
        """Replace card numbers by references that nothing can be read from."""
        console = Console(highlight=False, markup=False, soft_wrap=True)
        with no_values_in_tracebacks():
            custodians = Custodians(component or [], passphrase_file or [])
            ring = read_ring(card_key, KeyKind.CARD, custodians.unseal if component else None)
            wish = keep_wish(keep_numbers, number_key, keep_days, custodians)
            names = parse_columns(columns)
            with new_folder(out) as folder, _bars() as bars, kept(wish, ring.active) as keeping:
                older = tuple(CardRefs(key) for key in ring.older) if old_references else ()
                intake = Intake(CardRefs(ring.active), older, keeping)
                output = _Output(folder, ring.active, intake)
                imported = _import_all(files, names, output, bars)
        for done in imported:
            _tell(console, done)
        _tell_extras(console, output, wish, keeping)
        console.print(f"Wrote {out} (card key {ring.active.key_id}).")
        written = " ".join(str(out / done.written) for done in imported)
        console.print(f"Next: sekisho trace {written} --fraud FILE --out DIR")


def parse_columns(text: str) -> ColumnNames:
    """Read ``pan=NAME,...`` or ``1=pan,...``; raises ``BadInput``."""
    words: dict[str, str] = {}
    positions: dict[int, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        left, equals, right = (part.strip() for part in pair.partition("="))
        if not (equals and left and right):
            raise BadInput(
                f"--columns: {redact(pair)!r} is not WORD=NAME or POSITION=WORD",
                hint="Write --columns pan=NAME, or without a header --columns 1=pan,2=merchant_id.",
            )
        if left.isdecimal() and len(left) <= 4 and int(left) > 0:
            positions[int(left)] = right
        else:
            words[left] = right
    named = [*words, *positions.values()]
    if (
        (words and positions)
        or len(set(named)) < len(named)
        or len(set(words.values())) < len(words)
    ):
        raise BadInput(
            "--columns names a column twice, or mixes names and positions",
            hint="Use positions for files without a header line, names for files with one.",
        )
    return ColumnNames(words=words, positions=positions)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out`` that becomes ``out`` at the end, or nothing remains."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputFailed(f"{out} exists and is not empty", hint="Choose a new folder for --out.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as error:
        raise OutputFailed(f"{out} cannot be written: {error.strerror}") from None
    try:
        yield folder
        if out.exists():
            out.rmdir()
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _bars() -> Iterator[Progress]:
    shape = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*shape, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        yield bars


class _Output:
    """Writes the files of one import into ``folder``; full disks become ``OutputFailed``."""

    def __init__(self, folder: Path, key: CardKey, intake: Intake) -> None:
        self.intake = intake
        self.folder = folder
        self.ambiguous = 0
        self._metadata = {KEY_ID_ENTRY: key.key_id.encode("ascii")}
        self._names: set[str] = {Path(name).stem for name in (LINK, AMBIGUOUS, MAP)}

    def name_for(self, source: Path) -> str:
        """Return a file name for ``source`` that no other file of this import has."""
        stem = redact(source.name.removesuffix(".gz")).rsplit(".", 1)[0].replace("*", "x")
        name, count = stem, 1
        while name in self._names:
            count += 1
            name = f"{stem}-{count}"
        self._names.add(name)
        return f"{name}.parquet"

    @contextmanager
    def parquet(self, name: str) -> Iterator[Callable[[pa.RecordBatch], None]]:
        """Give a function that writes batches; the first one's schema holds for all."""
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None

            def write(batch: pa.RecordBatch) -> None:
                nonlocal writer
                with _writing(name):
                    if writer is None:
                        schema = batch.schema.with_metadata(self._metadata)
                        path = self.folder / name
                        writer = stack.enter_context(
                            pq.ParquetWriter(path, schema, compression="zstd")
                        )
                    writer.write_batch(batch.cast(writer.schema))

            yield write
            with _writing(name):
                stack.close()

    def finish(self) -> None:
        """Make link and map distinct: each chunk wrote its own. They hold references only."""
        with duckdb.connect() as engine:
            engine.execute("SET temp_directory = ?", [str(self.folder / "spill")])
            if self._begun(LINK):
                several = (
                    "SELECT card_ref FROM parts GROUP BY 1 HAVING count(DISTINCT pan_hash) > 1"
                )
                apart = self._distinct(engine, LINK, AMBIGUOUS, f"card_ref IN ({several})")
                self._distinct(engine, LINK, LINK, f"card_ref NOT IN ({several})")
                self.ambiguous = apart
            if self._begun(MAP):
                self._distinct(engine, MAP, MAP, "true")
        for name in (LINK, MAP):
            (self.folder / f"{name}.parts").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "spill", ignore_errors=True)

    def _begun(self, name: str) -> bool:
        return (self.folder / f"{name}.parts").exists()

    def _distinct(
        self, engine: duckdb.DuckDBPyConnection, parts: str, name: str, where: str
    ) -> int:
        """Write the distinct pairs for which ``where`` holds; count the first column's values."""
        with _writing(name):
            source = engine.read_parquet(str(self.folder / f"{parts}.parts"))
            source.create_view("parts", replace=True)
            picked = f"SELECT DISTINCT * FROM parts WHERE {where} ORDER BY ALL"  # noqa: S608
            counted = f"SELECT count(DISTINCT #1) FROM ({picked})"  # noqa: S608
            ((count,),) = engine.execute(counted).fetchall()
            if not count and name == AMBIGUOUS:
                return 0
            reader = engine.sql(picked).to_arrow_reader(1 << 16)
            schema = reader.schema.with_metadata(self._metadata)
            path = self.folder / name
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch)
        return int(count)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise OutputFailed(
            f"{name} could not be written: {why}; nothing was left behind",
            hint="Make room, or choose another folder for --out.",
        ) from None


def _import_all(
    files: list[Path], names: ColumnNames, output: _Output, bars: Progress
) -> list[Imported]:
    imported: list[Imported] = []
    with (
        output.parquet(f"{LINK}.parts") as write_link,
        output.parquet(f"{MAP}.parts") as write_map,
        _Rejects.open(output.folder / REJECTS) as rejects,
    ):
        for file in files:
            task = bars.add_task(shown(file), total=1.0)
            job = _Job(file, names, output.name_for(file), output, (write_link, write_map))
            also: dict[str, str] = {}
            start = rejects.position()
            done: Imported | None = None
            while done is None:
                try:
                    done = job.run(rejects, also, partial(_advance, bars, task))
                except LateCardNumbers as late:
                    # The first rows did not show it: once more from the file's beginning.
                    also[late.column] = late.why
                    rejects.back_to(start)
            imported.append(done)
    output.finish()
    for done in imported:
        if done.plan.linked and REPLACED_BY in done.plan.references:
            with _writing(done.written):
                lost = own_references(output.folder, done.written, REPLACED_BY, LINK)
            if lost:
                done.counts.untold[REPLACED_BY] = lost
    return imported


def _advance(bars: Progress, task: TaskID, done: float) -> None:
    bars.update(task, completed=done)


@dataclass(frozen=True, slots=True)
class _Rejects:
    """The rows that could not be read: where and why, never what."""

    file: TextIO

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[_Rejects]:
        """Begin the reject file."""
        with _writing(path.name), path.open("w", encoding="utf-8", newline="") as file:
            file.write("file,row,field,reason\n")
            yield cls(file)

    def write(self, rejected: Iterable[Rejected]) -> None:
        """Add rows."""
        table = csv.writer(self.file, lineterminator="\n")
        with _writing(REJECTS):
            table.writerows((row.file, row.row, row.field, row.reason) for row in rejected)

    def position(self) -> int:
        """Return where the next row goes."""
        return self.file.tell()

    def back_to(self, position: int) -> None:
        """Forget the rows written since ``position``."""
        self.file.seek(position)
        self.file.truncate()


@dataclass(frozen=True, slots=True)
class _Job:
    """One file to import: from where, read how, written as what."""

    source: Path
    names: ColumnNames
    written: str
    output: _Output
    beside: tuple[Callable[[pa.RecordBatch], None], Callable[[pa.RecordBatch], None]]

    def run(
        self, rejects: _Rejects, also: dict[str, str], advance: Callable[[float], None]
    ) -> Imported:
        """Import the file; raises ``LateCardNumbers`` for columns to be named in ``also``."""
        name = shown(self.source)
        replacer: Replacer | None = None
        with self.output.parquet(self.written) as write:
            for chunk in read_chunks(self.source, self.names):
                if replacer is None:
                    plan = plan_columns(chunk.rows, name, also)
                    replacer = Replacer(plan, self.output.intake, name)
                replaced = replacer.replace(chunk)
                rejects.write(replaced.rejected)
                write(replaced.rows)
                for write_pairs, pairs in zip(
                    self.beside, (replaced.link, replaced.carried), strict=True
                ):
                    if pairs is not None:
                        write_pairs(pairs)
                advance(chunk.done)
        if replacer is None or not replacer.counts.rows:
            raise NothingToDo(
                f"{name} has no row with a readable card number", hint="Leave it out, or mend it."
            )
        return Imported(name, self.written, replacer.plan, replacer.counts)


def _tell(console: Console, done: Imported) -> None:
    """Say what became of one file."""
    plan, counts = done.plan, done.counts
    console.print(f"{done.source}: {counts.rows:,} rows to {done.written}")
    kept = "bin; your own card_ref stays" if plan.linked else "card_ref and bin"
    console.print(f"  column {redact(plan.pan)} holds the card numbers: now {kept}")
    if plan.linked:
        console.print(f"  {LINK} links your card_ref to the reference of the card number")
    for name in plan.references:
        console.print(f"  column {redact(name)} holds card numbers too: now references")
    for name, why in plan.dropped:
        console.print(f"  column {redact(name)} was left out: {why}")
    for name, count in counts.emptied.items():
        console.print(f"  column {redact(name)}: {count:,} unreadable card numbers left empty")
    for name, count in counts.untold.items():
        console.print(
            f"  column {name}: {count:,} cards left empty: no reference of yours, or several"
        )
    for name, count in counts.masked.items():
        console.print(
            f"  column {redact(name)}: card numbers or codes inside text masked in {count:,} rows"
        )
    for name, count in counts.codes.items():
        console.print(f"  column {redact(name)}: {count:,} values that may be codes were emptied")
    if counts.rejected:
        console.print(f"  {counts.rejected:,} rows could not be read: {REJECTS} says which and why")


def _tell_extras(
    console: Console, output: _Output, wish: Wish | None, keeping: Keeping | None
) -> None:
    """Say what was made beside the files, and where it belongs."""
    if output.ambiguous:
        console.print(
            f"{output.ambiguous:,} of your references stand for more than one card number: they "
            f"are not in {LINK} but in {AMBIGUOUS}"
        )
    if output.intake.older:
        console.print(f"{MAP}: old and new references. Keep it with the key, not with the data.")
    if wish and keeping:
        console.print(
            f"{wish.vault}: {keeping.kept:,} numbers kept, encrypted with the number key "
            f"{wish.ring.active.key_id}, until {wish.delete_on.isoformat()}"
        )
