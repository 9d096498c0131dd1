"""``sekisho trace --follow``: look again as files arrive, say what is new since the last look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.markup import escape

from sekisho.app.looks_file import locked, read_looks, write_looks
from sekisho.app.tracing import TraceOptions, TraceRun, read_inputs, trace_inputs
from sekisho.commonpoint.looks import compare, next_look, seen
from sekisho.domain.looks import Change, ChangeKind, Look, LookInput, SinceLastLook
from sekisho.domain.progress import Progress
from sekisho.warehouse.intake import InputRequest, Inputs

FILES_TOLD = 6


@dataclass(frozen=True, slots=True)
class Following:
    """The folder of a follow-up, held by this run, and the looks before this one."""

    folder: Path
    looks: tuple[Look, ...]


@contextmanager
def following(folder: Path) -> Iterator[Following]:
    """Hold the state of a follow-up while a run looks. Raises BadInput where it cannot be used."""
    with locked(folder):
        yield Following(folder, read_looks(folder))


def look_again(
    state: Following, request: InputRequest, options: TraceOptions, workdir: Path, bars: Progress
) -> tuple[TraceRun, tuple[Look, ...]]:
    """Trace with what this look may spend; also the looks to be kept once the results are written.

    Findings of earlier looks are held to the bound of all looks together: they were named by then,
    so that hearing them again names nobody falsely who was not.
    """
    inputs = read_inputs(request, options, workdir, bars)
    try:
        return _look(state, inputs, request, options, bars)
    except BaseException:
        inputs.connection.close()
        raise


def _look(
    state: Following, inputs: Inputs, request: InputRequest, options: TraceOptions, bars: Progress
) -> tuple[TraceRun, tuple[Look, ...]]:
    files = tuple(LookInput(one.role, one.name, one.sha256) for one in inputs.files)
    levels = tuple(level.value for level in options.levels)
    alpha, again = next_look(state.looks, inputs.as_of, levels, files)
    before = state.looks[:-1] if again else state.looks
    earlier = tuple(sorted({one.entity_id for look in before for one in look.findings}))
    run = trace_inputs(
        inputs, request, replace(options, family_wise_error=alpha, earlier=earlier), bars
    )
    now = Look(inputs.as_of, alpha, levels, files, tuple(seen(f) for f in run.trace.findings))
    since = compare(before, now, run.trace.suspects)
    return replace(run, trace=replace(run.trace, since=since)), (*before, now)


def keep_looks(state: Following, looks: tuple[Look, ...]) -> None:
    """Write down the looks, this one included."""
    write_looks(state.folder, looks)


def since_lines(since: SinceLastLook | None) -> list[str]:
    """What is new since the last look, in lines for the screen."""
    if since is None:
        return []
    lines = [
        f"look {since.number}"
        + (f", since the one as of {since.last.isoformat()}" if since.last else ", the first")
        + f": spends {since.alpha:.2g}; all looks so far {since.spent:.2g} of {since.total:g}"
    ]
    for what, names in (
        ("new files", since.new_files),
        ("[yellow]files with other contents than at the last look[/]", since.changed_files),
        ("[yellow]files of the last look that are not there any more[/]", since.missing_files),
    ):
        if names:
            more = f" and {len(names) - FILES_TOLD} more" if len(names) > FILES_TOLD else ""
            lines.append(f"  {what}: {escape(', '.join(names[:FILES_TOLD]))}{more}")
    lines += [f"  {_change_line(change)}" for change in since.changes if since.last]
    if since.last and not since.changes:
        lines.append("  no finding, now or then")
    return lines


def _change_line(change: Change) -> str:
    one = change.now or change.before
    assert one is not None  # noqa: S101 - a change is of something
    name = escape(one.name if one.name == one.entity_id else f"{one.name} ({one.entity_id})")
    before = change.before
    if change.kind is ChangeKind.NEW or before is None:
        return f"[bold]new[/]: {name}, {one.cards_defrauded:,} of {one.cards_exposed:,} defrauded"
    if change.kind is ChangeKind.GONE:
        return f"gone: {name}, now {change.now_listed.replace('_', ' ')}"
    if change.kind is ChangeKind.SAME:
        return f"as before: {name}"
    figures = (
        f"{before.cards_defrauded:,} to {one.cards_defrauded:,} defrauded, "
        f"{before.cards_exposed:,} to {one.cards_exposed:,} exposed"
    )
    if change.kind is ChangeKind.RENAMED:
        earlier = escape(f"{before.entity_kind} {before.entity_id}")
        return f"now named as {one.entity_kind}: {name} (before: {earlier}), {figures}"
    return f"changed: {name}, {figures}"
