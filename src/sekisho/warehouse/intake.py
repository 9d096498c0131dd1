"""The inputs of a trace opened: files in, four views and an account of what was read out.

The views hold fixed names: ``transactions``, ``fraud``, ``merchants``, ``cards``. Times are naive
wall-clock times in the trace's zone, and nothing in ``transactions`` and ``fraud`` was unknown at
the end of the as-of day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb

from sekisho.domain.errors import BadInput, MissingColumn, NothingToDo, Rejected
from sekisho.domain.finding import InputFile
from sekisho.domain.known_leaks import KnownLeak
from sekisho.domain.notes import note
from sekisho.domain.progress import Progress
from sekisho.warehouse import fraud, history_view, known_leaks, parquet_files
from sekisho.warehouse.columns import KNOWN, Kind, Role, parse_mapping
from sekisho.warehouse.engine import connect, plain_errors
from sekisho.warehouse.files import BackgroundHashes, expand, label_of, without_doubles
from sekisho.warehouse.history_view import History, Part
from sekisho.warehouse.parquet_files import ParquetFile
from sekisho.warehouse.prepare import Prepared, refuse_if_mostly_broken
from sekisho.warehouse.rejects import NAME, RejectFile
from sekisho.warehouse.sources import Opening, Source, open_source, prepare, reads_in_place
from sekisho.warehouse.sqltext import fill, identifier, literal
from sekisho.warehouse.times import check_zone

SAMPLED_VALUES = 10_000


@dataclass(frozen=True)
class InputRequest:
    """What the user handed in. ``columns`` is ``--columns``, with the known name on either side."""

    transactions: tuple[Path, ...]
    fraud: Path | None = None
    merchants: Path | None = None
    cards: Path | None = None
    known_leaks: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "Asia/Tokyo"
    as_of: date | None = None


@dataclass
class Inputs:
    """The opened inputs. The files that the views read must stay until the connection closes.

    ``overlapping`` says that a transaction may be there twice (files whose times overlap, or
    duplicates seen), None that nobody has looked: in a large history whose files do not overlap
    that takes a pass, and a trace sees it among the cards that it draws. ``identity`` are the
    columns that tell transactions apart, and ``duplicates`` the doubled rows seen, scaled up where
    only some cards were looked at.
    ``fraud_counts`` are reports left out, by reason. ``rejected`` are the first rejected rows;
    ``reject_file`` has all.
    """

    connection: duckdb.DuckDBPyConnection
    columns: frozenset[str]
    files: tuple[InputFile, ...]
    rejected: tuple[Rejected, ...]
    as_of: date
    overlapping: bool | None
    has_reported_at: bool
    has_fraud_types: bool
    has_cards: bool
    has_merchants: bool
    fraud_counts: Mapping[str, int]
    identity: tuple[str, ...]
    duplicates: int
    reject_file: Path
    recut: Callable[[date], None]
    known_leaks: tuple[KnownLeak, ...] = ()


@dataclass
class _Account:
    """What is to be said of each file."""

    role: Role
    path: Path
    label: str
    rows: int = 0
    duplicates: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """One intake under way."""

    request: InputRequest
    opening: Opening
    progress: Progress
    hashes: BackgroundHashes
    accounts: dict[Path, _Account] = field(default_factory=dict)

    def of_role(self, role: Role) -> list[_Account]:
        return [account for account in self.accounts.values() if account.role is role]


def open_inputs(
    request: InputRequest,
    *,
    workdir: Path,
    memory_limit: str,
    threads: int,
    progress: Progress,
    holds_card_numbers: Callable[[Sequence[str]], bool],
) -> Inputs:
    """Open the files of ``request`` and make the views of a trace over them.

    ``workdir`` takes prepared files, spilled memory and the reject file. ``holds_card_numbers``
    judges a sample of a column. Raises BadInput (MissingColumn, ClearCardNumbers, NothingToDo)
    or OutputFailed; whoever calls removes ``workdir``.
    """
    opening = _opening(request, workdir, memory_limit, threads, holds_card_numbers)
    try:
        with plain_errors("reading the inputs"), BackgroundHashes() as hashes:
            return _open_all(_Run(request, opening, progress, hashes))
    except BaseException:
        opening.connection.close()
        raise
    finally:
        opening.rejects.close()


@dataclass(frozen=True, slots=True)
class OpenHistory:
    """A history alone, cut at the end of the as-of day: the view ``transactions``."""

    connection: duckdb.DuckDBPyConnection
    columns: frozenset[str]
    files: tuple[InputFile, ...]


def open_history(
    request: InputRequest,
    *,
    workdir: Path,
    memory_limit: str,
    threads: int,
    progress: Progress,
    holds_card_numbers: Callable[[Sequence[str]], bool],
) -> OpenHistory:
    """Open the transactions of ``request`` alone, as known at the end of its as-of day.

    Parameters and errors are those of `open_inputs`; no fraud is needed.
    """
    opening = _opening(request, workdir, memory_limit, threads, holds_card_numbers)
    try:
        with plain_errors("reading the transactions"), BackgroundHashes() as hashes:
            run = _Run(request, opening, progress, hashes)
            sources = _open_sources(run, _take_account(run))
            opening.mapping.check_all_used()
            history = _read_history(run, sources[Role.TRANSACTIONS])
            as_of = request.as_of or _default_as_of(opening.connection, history, None)
            history_view.cut_history(opening.connection, history, as_of)
            files = tuple(_input_file(run, account) for account in run.accounts.values())
    except BaseException:
        opening.connection.close()
        raise
    finally:
        opening.rejects.close()
    return OpenHistory(opening.connection, history.columns, files)


def _opening(
    request: InputRequest,
    workdir: Path,
    memory_limit: str,
    threads: int,
    holds_card_numbers: Callable[[Sequence[str]], bool],
) -> Opening:
    """Open the engine and the reject file; whoever calls closes both."""
    check_zone(request.timezone)
    mapping = parse_mapping(request.columns)
    if not request.transactions:
        raise BadInput("no transactions were given", hint="sekisho trace TRANSACTIONS... --fraud F")
    workdir.mkdir(parents=True, exist_ok=True)
    rejects = RejectFile(workdir / NAME)
    connection = connect(workdir, memory_limit, threads, request.timezone)
    return Opening(connection, mapping, request.timezone, workdir, rejects, holds_card_numbers)


def _open_all(run: _Run) -> Inputs:
    request, connection = run.request, run.opening.connection
    doubles = _take_account(run)
    sources = _open_sources(run, doubles)
    run.opening.mapping.check_all_used()
    history = _read_history(run, sources[Role.TRANSACTIONS])
    if Role.FRAUD not in sources and "is_fraud" not in history.columns:
        raise BadInput(
            "there is no fraud to trace: neither --fraud FILE nor a column is_fraud",
            hint="Give the reported frauds with --fraud FILE, or name the flag: "
            "--columns is_fraud=NAME",
        )
    for role in (Role.MERCHANTS, Role.CARDS):
        _read_table(run, role, sources.get(role, []), history)
    leaks = _read_known_leaks(run, sources.get(Role.KNOWN_LEAKS, []))
    reports = _read_reports(run, sources.get(Role.FRAUD, []), history)
    as_of = request.as_of or _default_as_of(connection, history, reports)
    if request.as_of is None:
        history_view.note_outlying_last_day(connection, history)
    for part in history.parts:
        if after := history_view.rows_after(connection, part, as_of):
            part.notes.append(note("after_as_of", count=after))
    cutter = _Cutter(connection, history, reports)
    cutter.cut(as_of)
    cutter.refuse_if_no_fraud(as_of, run.opening.rejects)
    return replace(_finish(run, cutter, as_of), known_leaks=leaks)


def _take_account(run: _Run) -> dict[Path, Path]:
    """List all files, start hashing them, and say which transactions files are doubles."""
    request = run.request
    files = [(Role.TRANSACTIONS, path) for path in expand(request.transactions)]
    _, doubles = without_doubles([path for _, path in files])
    for role, side in (
        (Role.FRAUD, request.fraud),
        (Role.MERCHANTS, request.merchants),
        (Role.CARDS, request.cards),
        (Role.KNOWN_LEAKS, request.known_leaks),
    ):
        if side is not None:
            files += [(role, path) for path in _one_file(role, side)]
    _refuse_two_roles(files)
    labels = label_of([path for _, path in files])
    for role, path in files:
        run.hashes.add(path)
        run.accounts[path] = _Account(role, path, labels[path])
    for path, same in doubles.items():
        run.accounts[path].notes.append(note("same_bytes", file=labels[same]))
    return doubles


def _refuse_two_roles(files: Sequence[tuple[Role, Path]]) -> None:
    """Raise BadInput where one file is given for two things."""
    roles: dict[Path, Role] = {}
    for role, path in files:
        if roles.setdefault(path, role) is not role:
            raise BadInput(
                f"{path.name} is given as {roles[path]} and as {role}",
                hint="Name another file for one of them. Where the history itself marks fraud, "
                "leave --fraud out and name the column: --columns is_fraud=NAME",
            )


def _one_file(role: Role, path: Path) -> tuple[Path, ...]:
    files = expand([path])
    if len(files) != 1:
        raise BadInput(
            f"{path.name}: {len(files)} files in this folder, but {role} are read from one file",
            hint="Join them to one file, or name one.",
        )
    return files


def _open_sources(run: _Run, doubles: Mapping[Path, Path]) -> dict[Role, list[Source]]:
    accounts = [account for account in run.accounts.values() if account.path not in doubles]
    run.progress.step("open_inputs", total=float(len(accounts)))
    histories = sum(1 for account in accounts if account.role is Role.TRANSACTIONS)
    sampled = max(500, SAMPLED_VALUES // histories)
    sources: dict[Role, list[Source]] = {}
    for account in accounts:
        count = sampled if account.role is Role.TRANSACTIONS else SAMPLED_VALUES
        source = open_source(run.opening, account.role, account.path, account.label, count)
        sources.setdefault(account.role, []).append(source)
        run.progress.advance(1.0)
    return sources


def _read_history(run: _Run, sources: Sequence[Source]) -> History:
    """Prepare what must be parsed, and make the view ``history__`` over all files."""
    size = sum(source.path.stat().st_size for source in sources)
    run.progress.step("read_transactions", total=float(size))
    parts = [_part_of(run, number, source) for number, source in enumerate(sources)]
    if not any(part.rows for part in parts):
        raise NothingToDo("the transactions files hold no row")
    history = history_view.join_parts([part for part in parts if part.rows])
    history_view.make_history(run.opening.connection, history)
    for part in parts:
        account = run.accounts[part.source]
        account.rows, account.notes = part.read, account.notes + part.notes
        part.notes = account.notes  # what is noted from here on is noted in the account
    return history


def _part_of(run: _Run, number: int, source: Source) -> Part:
    connection = run.opening.connection
    if isinstance(source.table, ParquetFile) and reads_in_place(source):
        columns = parquet_files.cast_columns(source.table, source.places, run.request.timezone)
        part = Part(source.path, source.path, columns, rows=source.table.rows)
        part.numbers = frozenset(
            known
            for known in ("card_ref", "transaction_id")
            if known in source.places
            and parquet_files.is_number(source.table.types[source.places[known]])
        )
        part.read = part.rows
        _look_at_extremes(connection, source.table, part)
        if part.unusable:
            _reject_unusable(run, source.table, part)
        run.progress.advance(float(source.path.stat().st_size))
        return part
    prepared = prepare(run.opening, source, number, run.progress.advance)
    columns = dict(history_view.prepared_columns(prepared.columns))
    part = Part(prepared.path, source.path, columns, rows=prepared.kept, read=prepared.rows)
    part.notes = list(prepared.notes)
    if prepared.kept:
        table = parquet_files.look_at(connection, prepared.path, source.label)
        _look_at_extremes(connection, table, part)
    return part


def _look_at_extremes(
    connection: duckdb.DuckDBPyConnection, table: ParquetFile, part: Part
) -> None:
    told = parquet_files.extremes(connection, table, part.columns)
    part.unusable, part.first, part.last = told.unusable, told.first, told.last


def _reject_unusable(run: _Run, table: ParquetFile, part: Part) -> None:
    """Write the unusable rows of a file that is read in place to the reject file."""
    rejects = run.opening.rejects
    cursor = run.opening.connection.execute(parquet_files.problems_sql(table, part.columns))
    while rows := cursor.fetchmany(10_000):
        rejects.add(Rejected(table.label, row, *problem.split("|", 1)) for row, problem in rows)
    refuse_if_mostly_broken(Role.TRANSACTIONS, table.label, part.rows, rejects)
    part.rows -= part.unusable


def _read_table(run: _Run, role: Role, sources: Sequence[Source], history: History) -> None:
    """Make the table ``merchants`` or ``cards``, empty if no file was given."""
    wanted = {
        known: history.card_type if kind is Kind.REFERENCE else _TABLE_TYPES[kind]
        for known, kind in KNOWN[role].items()
        if known != "pan"
    }
    columns = ", ".join(f"{identifier(known)} {kind}" for known, kind in wanted.items())
    connection = run.opening.connection
    connection.execute(fill("CREATE TABLE {name} ({columns})", name=role.value, columns=columns))
    for source in sources:
        run.progress.step(f"read_{role}", total=float(source.path.stat().st_size))
        prepared = prepare(run.opening, source, 0, run.progress.advance)
        account = run.accounts[source.path]
        account.rows, account.notes = prepared.rows, account.notes + prepared.notes
        if prepared.kept:
            _insert(connection, role, prepared, wanted)


_TABLE_TYPES = {Kind.TEXT: "VARCHAR", Kind.DATE: "DATE"}


def _insert(
    connection: duckdb.DuckDBPyConnection,
    role: Role,
    prepared: Prepared,
    wanted: Mapping[str, str],
) -> None:
    values = ", ".join(
        f"TRY_CAST({identifier(known) if known in prepared.columns else 'NULL'} AS {kind})"
        if known != "acquirer_id"
        else ("coalesce(acquirer_id, '')" if known in prepared.columns else "''")
        for known, kind in wanted.items()
    )
    connection.execute(
        fill(
            "INSERT INTO {name} SELECT {values} FROM read_parquet({path})",
            name=role.value,
            values=values,
            path=literal(str(prepared.path)),
        )
    )


def _read_known_leaks(run: _Run, sources: Sequence[Source]) -> tuple[KnownLeak, ...]:
    """The leaks of the file of known ones, none where there is no file."""
    if not sources:
        return ()
    source = sources[0]
    run.progress.step("read_known_leaks", total=float(source.path.stat().st_size))
    prepared = prepare(run.opening, source, 0, run.progress.advance)
    if not prepared.kept:
        raise NothingToDo(f"{source.label}: there is no leak in this file")
    leaks, notes = known_leaks.read_leaks(run.opening.connection, prepared)
    account = run.accounts[source.path]
    account.rows, account.notes = prepared.rows, [*account.notes, *prepared.notes, *notes]
    return leaks


def _read_reports(
    run: _Run, sources: Sequence[Source], history: History
) -> tuple[fraud.Reports, fraud.FraudTable] | None:
    """Prepare the fraud file and join it to the history; None if the history has a flag."""
    if not sources:
        return None
    source = sources[0]
    run.progress.step("read_fraud", total=float(source.path.stat().st_size))
    prepared = prepare(run.opening, source, 0, run.progress.advance)
    account = run.accounts[source.path]
    account.rows, account.notes = prepared.rows, account.notes + prepared.notes
    if not prepared.kept:
        raise NothingToDo(f"{source.label}: there is no report in this file")
    if "is_fraud" in history.columns:
        account.notes.append(note("flag_unused"))
    reports = fraud.Reports(
        source.label,
        frozenset(prepared.columns),
        history.card_type,
        history.id_type,
        history.columns,
    )
    if "fraud_at" not in reports.columns and "transaction_id" not in history.columns:
        raise MissingColumn(
            f"{source.label}: reports name their transaction_id, but the history has none",
            hint="Give the fraud file card_ref and fraud_at, or name the history's column: "
            "--columns transaction_id=NAME",
        )
    run.opening.connection.execute(
        fill(
            "CREATE TEMP VIEW reports__ AS FROM read_parquet({path})",
            path=literal(str(prepared.path)),
        )
    )
    run.progress.step("join_fraud")
    table = fraud.join_history(run.opening.connection, reports, run.opening.rejects)
    account.notes += table.notes
    return reports, table


def _default_as_of(
    connection: duckdb.DuckDBPyConnection, history: History, reports: object
) -> date:
    """Give the last day that the inputs know of; the clock is never asked."""
    days = [part.last.date() for part in history.parts if part.last is not None]
    if reports is not None:
        [row] = connection.execute(
            "SELECT CAST(greatest(max(fraud_at), max(reported_at)) AS DATE) FROM joined__"
        ).fetchall()
        days += [row[0]] if row[0] else []
    if not days:
        raise NothingToDo("no row of the history has a time that can be used")
    return max(days)


@dataclass
class _Cutter:
    """Cuts the history and the reports at the end of a day."""

    connection: duckdb.DuckDBPyConnection
    history: History
    reports: tuple[fraud.Reports, fraud.FraudTable] | None
    table: fraud.FraudTable = field(default_factory=fraud.FraudTable)

    def cut(self, as_of: date) -> None:
        """Make ``transactions`` and ``fraud`` as they were known at the end of ``as_of``."""
        history_view.cut_history(self.connection, self.history, as_of)
        if self.reports is None:
            self.table = fraud.write_flagged(
                self.connection,
                sorted(self.history.columns),
                self.history.card_type,
                self.history.id_type,
            )
            return
        reports, joined = self.reports
        end = (as_of + timedelta(days=1)).isoformat()
        fraud.write_reports(self.connection, reports, end)
        self.table = fraud.count_reports(self.connection, joined, end)

    def refuse_if_no_fraud(self, as_of: date, rejects: RejectFile) -> None:
        """Raise NothingToDo, with what became of the reports."""
        label = self.reports[0].label if self.reports else "is_fraud"
        fraud.refuse_if_none(self.table, label, as_of.isoformat(), rejects.total(label))


def _finish(run: _Run, cutter: _Cutter, as_of: date) -> Inputs:
    history, connection = cutter.history, run.opening.connection
    rows = sum(part.rows for part in history.parts)
    overlap = history_view.ranges_overlap(history.parts)
    looked = overlap or rows <= history_view.LOOKED_AT_ROWS
    seen = one_in = 0
    if looked:
        run.progress.step("look_for_duplicates")
        seen, one_in = history_view.duplicates_in_sample(connection, history)
    if seen:
        code = "doubles_about" if one_in > 1 else "doubles"
        run.of_role(Role.TRANSACTIONS)[0].notes.append(note(code, count=seen * one_in))
    run.progress.step("hash_inputs")
    return Inputs(
        connection=connection,
        columns=history.columns,
        files=tuple(_input_file(run, account) for account in run.accounts.values()),
        rejected=tuple(run.opening.rejects.first),
        as_of=as_of,
        overlapping=(seen > 0 or overlap) if looked else None,
        has_reported_at=cutter.table.has_reported_at,
        has_fraud_types=cutter.table.has_types,
        has_cards=run.request.cards is not None,
        has_merchants=run.request.merchants is not None,
        fraud_counts=dict(+cutter.table.left_out),
        identity=history_view.identity(history.columns),
        duplicates=seen * one_in,
        reject_file=run.opening.rejects.path,
        recut=cutter.cut,
    )


def _input_file(run: _Run, account: _Account) -> InputFile:
    rejects = run.opening.rejects
    return InputFile(
        role=account.role.value,
        name=account.label,
        sha256=run.hashes.of(account.path),
        rows=account.rows,
        rejected=rejects.total(account.label),
        notes=(*account.notes, *rejects.notes(account.label)),
    )
