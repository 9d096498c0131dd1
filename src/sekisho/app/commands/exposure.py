"""``sekisho exposure``: alerts of exposed cards become the watch list."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.bars import drawn
from sekisho.app.guard import no_values_in_tracebacks
from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    because,
    open_store,
    person,
)
from sekisho.app.options import column_pairs, day_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sekisho.app.exposing import Imported
    from sekisho.domain.exposure import CardOnFile
    from sekisho.vault.surrogate import CardRefs

STEPS = {"read": "reading the alerts", "judge": "judging each card"}
FATES = (
    ("in_alert", "in the alert"),
    ("unreadable", "  not readable, kept apart"),
    ("withdrawn", "  taken back by the alert"),
    ("duplicate", "  named before by this alert"),
    ("not_ours", "  not in the card file"),
    ("several_fit", "  fit several cards, none guessed at"),
    ("reissued", "  already reissued"),
    ("closed", "  closed"),
    ("expired", "  expired"),
    ("issued_after", "  issued after the window"),
    ("active", "active"),
    ("notice_only", "  only to be told: nothing that pays was taken"),
    ("watched", "watched"),
    ("sent_prior", "  of these, named by an earlier alert"),
)
_Alert = Annotated[str, typer.Argument(metavar="ID", help="As sekisho exposure list shows it.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def import_(  # noqa: PLR0913, PLR0917 - options of the command line
    files: Annotated[
        list[Path], typer.Argument(help="Folders of sekisho trace, or alert files (CSV).")
    ],
    person_id: PersonOption,
    reason: ReasonOption,
    mapping: Annotated[
        Path | None, typer.Option(help="Mapping file (TOML): what the columns of the CSV are.")
    ] = None,
    card_key: Annotated[
        Path | None, typer.Option(help="Key file, where alerts name cards by their numbers.")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(help="Card file: card_ref, opened_on, closed_on, expires_on ...")
    ] = None,
    card_columns: Annotated[
        str, typer.Option(help="Names of the card file's columns: card_ref=NAME,...")
    ] = "",
    alert_id: Annotated[str, typer.Option(help="Id for alerts that have none.")] = "",
    watch_table: Annotated[Path | None, typer.Option(help="Watch table of your own.")] = None,
    on: Annotated[str | None, typer.Option(help="Today, for cards and dates.")] = None,
    timezone: Annotated[str, typer.Option(help="Zone of days and of times without one.")] = (
        "Asia/Tokyo"
    ),
    try_only: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--try", help="Say what would be watched, and write nothing.")
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Put the cards of alerts on the watch list: with what was taken, since when, until when."""
    from sekisho.app.exposing import (  # noqa: PLC0415 - loads the database library
        Importing,
        Reading,
        import_alerts,
        needs_cards,
        read_alerts,
    )
    from sekisho.domain.errors import BadInput  # noqa: PLC0415
    from sekisho.rulebook.watch import read as read_table  # noqa: PLC0415
    from sekisho.rulebook.watch import shipped  # noqa: PLC0415
    from sekisho.scoring.watch_list import CardIndex  # noqa: PLC0415
    from sekisho.vault.alert_file import read_mapping  # noqa: PLC0415

    zone = _zone(timezone)
    mapped = read_mapping(mapping) if mapping else None
    if needs_cards(mapped) and cards is None:
        raise BadInput(
            "the alerts name cards by BIN and last digits, which only a card file resolves.",
            hint="Give --cards FILE with card_ref, bin, last4 and expires_on.",
        )
    with (
        no_values_in_tracebacks(),
        drawn(STEPS) as bars,
        open_store(database, must_exist=True) as store,
    ):
        bars.step("read")
        today = day_of("--on", on) or _today(store, zone)
        reading = Reading(mapped, _refs(card_key), today, zone, alert_id)
        read = [one for path in files for one in read_alerts(path, reading)]
        table = read_table(watch_table) if watch_table else shipped()
        index = CardIndex(_cards(cards, card_columns)) if cards else None
        by = Importing(
            store, person(person_id), because(reason), table, index, today, zone, try_only
        )
        done = import_alerts(read, by, bars)
    for one in done:
        _tell(one)
    if any(one.funnel.unreadable for one in done):
        raise typer.Exit(3)


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415

    from sekisho.domain.errors import BadInput  # noqa: PLC0415

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadInput(f"--timezone: {name!r} is no zone.", hint="Write Asia/Tokyo.") from None


def _today(store: Any, zone: ZoneInfo) -> date:
    today: date = store.outside.clock().astimezone(zone).date()
    return today


def _refs(card_key: Path | None) -> CardRefs | None:
    from sekisho.vault.keys import KeyKind, read_ring  # noqa: PLC0415
    from sekisho.vault.surrogate import CardRefs  # noqa: PLC0415

    return None if card_key is None else CardRefs(read_ring(card_key, KeyKind.CARD).active)


def _cards(path: Path, columns: str) -> list[CardOnFile]:
    from sekisho.app.card_file import read_cards  # noqa: PLC0415

    return read_cards(path, column_pairs(columns))


def _tell(done: Imported) -> None:
    console = _console()
    counts = _counts(done)
    head = "would be" if done.batch is None else f"batch {done.batch}"
    console.print(f"[bold]{escape(done.alert.alert_id)}[/] ({escape(done.file)}, {head})")
    console.print(f"  taken: {', '.join(done.alert.elements) or 'as each row says'}")
    for name, words in FATES:
        if counts[name] or name in ("in_alert", "active", "watched"):
            console.print(f"  {words:<48} {counts[name]:>10,}")
    if not done.checked:
        console.print("  No card file was given: closed and reissued cards are not left out.")


def _counts(done: Imported) -> dict[str, int]:
    funnel = done.funnel
    return {
        "in_alert": funnel.in_alert, "unreadable": funnel.unreadable, "active": funnel.active,
        **dict(funnel.fates), "watched": funnel.watched, "sent_prior": funnel.sent_prior,
    }  # fmt: skip


def show_list(database: DatabaseOption = None) -> None:
    """List the alerts with the cards that each of them keeps on the watch list."""
    from sekisho.store.exposures import alerts  # noqa: PLC0415 - loads the database library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        found = alerts(connection)
    if not found:
        _console().print("No alert has been imported yet.")
        return
    table = Table("alert", "source", "taken", "window", "received", "watched", "state")
    for one in found:
        window = " to ".join(day or "?" for day in one.window) if any(one.window) else ""
        cells = (one.alert_id, one.source, ", ".join(one.elements), window, one.received_on)
        table.add_row(*map(escape, cells), f"{one.watched:,}", one.state)
    _console().print(table)


def show(
    alert_id: _Alert,
    cards: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--cards", help="List its cards too, one JSON object a line.")
    ] = False,
    left_out: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--left-out", help="List what is not watched, and why.")
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Show an alert: what was taken, since when, until when, and how many cards came how far."""
    from sekisho.store.exposures import alert_of, cards_of, left_out_of  # noqa: PLC0415

    console = _console()
    with open_store(database, must_exist=True) as store, store.read() as connection:
        one = alert_of(connection, alert_id)
        held = list(cards_of(connection, alert_id))
        rest = left_out_of(connection, alert_id) if left_out else []
    console.print(f"[bold]{escape(one.alert_id)}[/]: {one.state}, from {one.source}")
    console.print(f"  taken: {', '.join(one.elements)}; watch table {escape(one.watch)}")
    start, end = one.window
    console.print(f"  window: {start or '?'} to {end or '?'}; received {one.received_on}")
    if held:
        last = max(card.until for card in held)
        console.print(f"  {one.watched:,} watched, until {last.date().isoformat()} at the latest")
    console.print("  its last import:")
    for name, words in FATES:
        if one.funnel.get(name):
            console.print(f"  {words:<48} {one.funnel[name]:>10,}")
    for card in held if cards else ():
        console.print_json(json.dumps(_plain(card)), indent=None)
    for line in rest:
        where = f"{line.file}, row {line.row}"
        console.print(f"  {escape(where)}: {escape(line.reason)} {line.card_ref or ''}")


def _plain(card: Any) -> dict[str, Any]:
    return {
        "card_ref": card.card_ref, "taken": list(card.elements),
        "exposed_at": card.exposed_at.isoformat(), "until": card.until.isoformat(),
        "prior_on": card.prior_on, "withdrawn": card.withdrawn,
    }  # fmt: skip


def clear(
    alert_id: _Alert,
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Take an alert back: its cards leave the watch list, as when the merchant was cleared."""
    from sekisho.store.exposures import clear_alert  # noqa: PLC0415 - loads the library

    with acting(database, person_id, reason) as tx:
        cards = clear_alert(tx, alert_id)
    _console().print(f"{escape(alert_id)} is cleared; it watched {cards:,} cards.")


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    exposure = typer.Typer(help="Exposed cards: alerts come in, the watch list comes out.")
    exposure.command("import")(import_)
    exposure.command("list")(show_list)
    exposure.command("show")(show)
    exposure.command("clear")(clear)
    app.add_typer(exposure, name="exposure")
